//! The driver behind the `archc` command: reading, the stages in order, rendering.
//!
//! `main` calls [`run`]; [`cli`] is what may be said, [`commands`] does it. A check goes through
//! [`load`] and [`pipeline`] (which calls [`engines`], [`narrate`], [`verdict`]) to an
//! [`outcome::SpecOutcome`], which [`render`] writes in every format.

pub mod atomic;
pub mod audit;
pub mod cli;
pub mod codes;
pub mod commands;
pub mod counterexample;
pub mod coverage;
pub mod digest;
pub mod engines;
pub mod failures;
pub mod interrupt;
pub mod load;
pub mod lock;
pub mod locked;
pub mod matrix;
pub mod memory;
pub mod narrate;
pub mod outcome;
pub mod ownership;
pub mod package;
pub mod pages;
pub mod panics;
pub mod pipeline;
pub mod progress;
pub mod questions;
pub mod reasons;
pub mod render;
pub mod runtime_crate;
pub mod site;
pub mod style;
pub mod verdict;

use clap::Parser;
use cli::{Cli, Command, TraceCommand};
use outcome::ExitStatus;
use std::process::ExitCode;
use style::Paint;

/// Room for every recursive pass over the deepest tree that the parser accepts.
const STACK: usize = 256 << 20;

/// The whole program, from the process's arguments to its exit status.
#[must_use]
pub fn run() -> ExitCode {
    panics::install_hook();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return said(&answer),
    };
    let worker = std::thread::Builder::new().name("archc".to_owned()).stack_size(STACK);
    let status = match worker.spawn(move || obey(&cli)) {
        Ok(thread) => thread.join().unwrap_or(ExitStatus::Internal),
        Err(refused) => {
            commands::complain(&format!("no memory for a stack of {} MiB: {refused}", STACK >> 20));
            ExitStatus::Inconclusive
        }
    };
    ExitCode::from(status.code())
}

/// Help and version go to stdout, a wrong command line to stderr with status 2.
fn said(answer: &clap::Error) -> ExitCode {
    // Nobody reading is no reason to fail.
    drop(answer.print());
    ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(ExitStatus::Invalid.code()))
}

fn obey(cli: &Cli) -> ExitStatus {
    match &cli.command {
        Command::Check(args) => commands::check::run(args, Paint::for_stdout(cli.color)),
        Command::Simulate(args) => commands::check::run(&args.check(), Paint::for_stdout(cli.color)),
        Command::Audit(args) => commands::audit::run(args, Paint::for_stdout(cli.color)),
        Command::Faults(args) => commands::faults::run(args, Paint::for_stdout(cli.color)),
        Command::Trace(TraceCommand::Check(args)) => commands::trace::run(args, Paint::for_stdout(cli.color)),
        Command::Fmt(args) => commands::fmt::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Doc(args) => commands::doc::run(args, Paint::for_stdout(cli.color)),
        Command::Draft(args) => commands::draft::run(args),
        Command::Explore(args) => commands::explore::run(args),
        Command::Generate(args) => commands::generate::run(args),
        Command::Completions(args) => commands::completions::run(args),
    }
}
