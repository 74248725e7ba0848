//! The command line of a generated service: `serve`, `migrate`, `trace export`, `trace check`, `outbox list`, `outbox retry`,
//! `outbox drop`, `healthcheck`, `config`.
//!
//! Exit statuses: 0 fine; 1 a trace that does not conform, a service that is not healthy, a message that is not there; 2 usage
//! or configuration, or no database where one is to be looked at; 3 a trace with events that were not judged; 4 the database is of another spec; 70 everything else.

mod health;
mod outbox;
mod run;
mod store;
mod trace;

pub use run::{start, until_signal};
pub use store::open;

use crate::service::Service;
use crate::settings::{self, LogFormat, Settings, SettingsError};
use crate::store::StoreError;
#[cfg(feature = "otel")]
use crate::telemetry::Export;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

#[derive(Parser, Debug)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    /// The configuration file; without it, `<service>.toml` if it is there
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the configuration, without secrets, and stop
    #[arg(long)]
    print_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve (the default)
    Serve,
    /// Make the tables, or bring them from an earlier version of the spec to this one
    Migrate,
    /// The journal as a trace
    #[command(subcommand)]
    Trace(Trace),
    /// Messages to be delivered: look at them, deliver them again, drop them
    ///
    /// What a step hands over is written to the outbox by its commit and delivered after it, patiently: what was tried
    /// `outbox.attempts` times in vain, or is refused for good, is dead and lies here. The service may be running or not.
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Ask the running service whether it is ready
    Healthcheck,
    /// Print the configuration, without secrets
    Config,
}

#[derive(Subcommand, Debug)]
enum Trace {
    /// Write the journal as JSON lines
    Export {
        /// Where to; without it, standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a trace: its order, and every step again
    Check {
        /// The trace
        file: PathBuf,
        /// Take events of this earlier version of the spec as they are: only their order is checked
        #[arg(long = "accept-earlier", value_name = "HASH")]
        accepted: Vec<String>,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error("configuration: {0}")]
    Settings(#[from] SettingsError),
    /// The service cannot be built from its configuration.
    #[error("{0}")]
    Build(String),
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or socket says so.
    #[error("{what}: {error}")]
    Io {
        /// What.
        what: String,
        /// Why.
        error: std::io::Error,
    },
    /// What was checked is not as it should be.
    #[error("{0}")]
    Bad(String),
    /// Not all of it could be checked.
    #[error("{0}")]
    Inconclusive(String),
}

impl CliError {
    /// The exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            CliError::Bad(_) => 1,
            CliError::Settings(_) | CliError::Build(_) | CliError::Store(StoreError::Missing(_)) => 2,
            CliError::Inconclusive(_) => 3,
            CliError::Store(StoreError::Foreign(_)) => 4,
            CliError::Store(_) | CliError::Io { .. } => 70,
        }
    }
}

/// An error of a file.
fn io(what: impl ToString) -> impl FnOnce(std::io::Error) -> CliError {
    move |error| CliError::Io { what: what.to_string(), error }
}

/// The whole `main` of a service: `name` as in [`Service::name`], `build` makes the service with its handlers.
pub fn main(name: &'static str, build: impl FnOnce(&Settings) -> Result<Service, String>) -> ExitCode {
    let variables =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    match run(name, build, std::env::args_os(), variables) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::from(error.status())
        }
    }
}

/// The same with arguments and environment given. (Wrong usage and `--help` end the process.)
///
/// # Errors
/// The command failed.
pub fn run(
    name: &'static str,
    build: impl FnOnce(&Settings) -> Result<Service, String>,
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), CliError> {
    let command = <Arguments as clap::CommandFactory>::command().name(name).bin_name(name);
    let command = command.about(format!("The service {name}: guarded transitions, journalled"));
    let matches = command.get_matches_from(arguments);
    let arguments =
        <Arguments as clap::FromArgMatches>::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let settings = settings::load(name, arguments.config.as_deref(), variables)?;
    if arguments.print_config || matches!(arguments.command, Some(Command::Config)) {
        print!("{}", settings.to_toml());
        return Ok(());
    }
    let service = build(&settings).map_err(CliError::Build)?;
    service.check().map_err(|e| CliError::Build(e.to_string()))?;
    run::hand_over(&service, &settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(io("no threads"))?;
    let command = arguments.command.unwrap_or(Command::Serve);
    let done = runtime.block_on(observed(command, service, &settings));
    // Calls that did not end within the drain's deadline are left.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

async fn execute(command: Command, service: Service, settings: &Settings) -> Result<(), CliError> {
    match command {
        Command::Serve => run::serve(service, settings).await,
        Command::Migrate => store::migrate(&service, settings).await,
        Command::Trace(Trace::Export { out }) => trace::export(&service, settings, out.as_deref()).await,
        Command::Trace(Trace::Check { file, accepted }) => trace::check(&service, &file, &accepted),
        Command::Outbox(command) => outbox::execute(command, &service, settings).await,
        Command::Healthcheck => health::check(settings).await,
        Command::Config => Ok(()),
    }
}

/// Executes a command, with its log; spans are sent while it serves.
async fn observed(command: Command, service: Service, settings: &Settings) -> Result<(), CliError> {
    #[cfg(feature = "otel")]
    let export = match command {
        Command::Serve => {
            Export::start(settings, &service.name, &service.version).map_err(CliError::Build)?
        }
        _ => None,
    };
    #[cfg(feature = "otel")]
    let spans = export.as_ref().map(Export::layer);
    #[cfg(not(feature = "otel"))]
    let spans = tracing_subscriber::layer::Identity::new();
    // A program that has its own subscriber keeps it.
    let _ = tracing_subscriber::registry().with(spans).with(log(settings)).try_init();
    let done = execute(command, service, settings).await;
    #[cfg(feature = "otel")]
    if let Some(export) = export {
        export.stop().await;
    }
    done
}

/// Logs go to standard error.
fn log<S>(settings: &Settings) -> impl Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    lines.with_filter(EnvFilter::new(&settings.log.filter))
}
