//! What each subcommand does. Each returns the exit status; only these write to stdout and stderr.

pub mod audit;
pub mod check;
pub mod completions;
pub mod doc;
pub mod draft;
pub mod explain;
pub mod explore;
pub mod faults;
pub mod fmt;
pub mod generate;
pub mod trace;

use crate::outcome::ExitStatus;
use arch_base::{Diagnostic, SourceMap};
use std::io::{self, Write};
use std::time::Duration;

/// The length of a tick in milliseconds, and the hash of a spec with the constants that a service is generated for: what
/// its code, its databases and its traces carry.
fn identity(
    text: &str,
    instance: Option<&str>,
    settings: &[(String, String)],
    tick: Duration,
) -> (i64, String) {
    let tick = i64::try_from(tick.as_millis()).unwrap_or(i64::MAX);
    (tick, arch_codegen::spec_hash(text, instance, settings, tick))
}

/// Writes to stdout. Nobody reading any more is no error; anything else is said on stderr.
///
/// What could not be delivered is never a success.
fn deliver(text: &str, status: ExitStatus) -> ExitStatus {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    delivered(written, status)
}

/// The status after writing a report came to `written`.
fn delivered(written: io::Result<()>, status: ExitStatus) -> ExitStatus {
    match written {
        Ok(()) => status,
        Err(e) => {
            if e.kind() != io::ErrorKind::BrokenPipe {
                complain(&format!("cannot write the report: {}", crate::load::reason(&e)));
            }
            status.max(ExitStatus::Inconclusive)
        }
    }
}

/// A line on stderr. If that is closed too, there is nobody left to tell.
pub(crate) fn complain(message: &str) {
    drop(writeln!(io::stderr(), "archc: {message}"));
}

/// Diagnostics on stderr, for the commands whose stdout is not a report.
fn complain_about(diagnostics: &[Diagnostic], sources: &SourceMap) {
    let text = crate::render::diagnostics::rendered(diagnostics, sources, crate::style::Paint::PLAIN);
    drop(io::stderr().write_all(text.as_bytes()));
}
