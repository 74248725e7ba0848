//! The service `i11-control-plane`: generated steps, and your handlers around them.

#[rustfmt::skip]
pub mod generated;
pub mod handlers;

use arch_runtime::service::Service;
use arch_runtime::settings::Settings;

/// The name of the service: of its settings file and its environment variables.
pub const NAME: &str = "i11-control-plane";

/// The service with your handlers.
///
/// # Errors
/// The settings lack a list of instances.
pub fn service(settings: &Settings) -> Result<Service, String> {
    generated::service::service(
        NAME,
        env!("CARGO_PKG_VERSION"),
        settings.member_lists(),
        handlers::admin::Admin,
        handlers::publisher::Publisher,
        handlers::agent::Agent,
        handlers::controller::Controller,
    )
}
