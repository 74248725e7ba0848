//! The service `job-queue`: generated steps with the handlers around them, and the work that is done.

#[rustfmt::skip]
pub mod generated;
pub mod handlers;
pub mod primes;

use arch_runtime::service::Service;
use arch_runtime::settings::Settings;

/// The name of the service: of its settings file and its environment variables.
pub const NAME: &str = "job-queue";

/// The service with your handlers.
///
/// # Errors
/// The settings lack a list of instances.
pub fn service(settings: &Settings) -> Result<Service, String> {
    generated::service::service(
        NAME,
        env!("CARGO_PKG_VERSION"),
        settings.member_lists(),
        handlers::producer::Producer,
        handlers::worker::Worker,
    )
}
