//! `archc completions`: a script for a shell.

use super::deliver;
use crate::cli::{Cli, CompletionsArgs};
use crate::outcome::ExitStatus;
use clap::CommandFactory;

/// Prints the script.
#[must_use]
pub fn run(args: &CompletionsArgs) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "archc", &mut script);
    deliver(&String::from_utf8_lossy(&script), ExitStatus::Success)
}
