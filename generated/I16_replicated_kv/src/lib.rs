//! The service `i16-replicated-kv`: generated steps, and your handlers around them.

#[rustfmt::skip]
pub mod generated;
pub mod handlers;

use arch_runtime::service::Service;
use arch_runtime::settings::Settings;

/// The name of the service: of its settings file and its environment variables.
pub const NAME: &str = "i16-replicated-kv";

/// The service with your handlers.
///
/// # Errors
/// The settings lack a list of instances.
pub fn service(settings: &Settings) -> Result<Service, String> {
    generated::service::service(
        NAME,
        env!("CARGO_PKG_VERSION"),
        settings.member_lists(),
        handlers::client::Client,
        handlers::replica_set::ReplicaSet,
        handlers::reader::Reader,
        handlers::repair::Repair,
        handlers::sweeper::Sweeper,
    )
}
