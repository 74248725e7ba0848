//! Measures archc against its peers: the same transition systems, equal counts asserted, whole processes.
//!
//! `benches/README.md` says how to run it, what is compared and which traps there are.

mod facts;
mod limit;
mod measure;
mod models;
mod prefetch;
mod record;
mod session;
mod start_up;
mod summary;
mod tools;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures archc against SPIN, rumur and stateright on the same transition systems.
#[derive(Parser)]
#[command(
    after_help = "Exit status: 0 measured, all counts equal; 1 a count differs or a tool failed; 2 wrong use, or a tool is missing."
)]
struct Cli {
    /// What to do instead of measuring.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Random probes of 64-byte lines, prefetched, in a table with huge pages; prints probes per second
    Probe(limit::Args),
}

/// What is measured, and how.
#[derive(Parser, Clone)]
pub struct Options {
    /// Smallest sizes, once, no start-up times: to see that everything works and that all counts are equal
    #[arg(long)]
    quick: bool,
    /// Only these models [default: all]
    #[arg(long, value_name = "MODEL", value_delimiter = ',')]
    models: Vec<String>,
    /// Only these sizes
    #[arg(long, value_name = "SIZE", value_delimiter = ',', default_value = "million,large")]
    sizes: Vec<String>,
    /// Only tools whose name, such as "stateright packed BFS, 2 threads", contains one of these; archc always runs
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    tools: Vec<String>,
    /// Leaves out the tools whose name contains one of these, such as "2 threads"
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    without: Vec<String>,
    /// Runs of each tool, in turn; the median counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// A run that needs more is ended and reported as such
    #[arg(long, value_name = "GIB", default_value_t = 12)]
    max_memory: u64,
    /// A run that takes longer is ended and reported as such
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
    /// Which time ratios and goals are computed from: CPU time is the better one on a machine that others use
    #[arg(long, value_enum, default_value_t)]
    judge: Judge,
    /// Goes on without the peers that are not installed (as --quick does)
    #[arg(long)]
    skip_missing: bool,
    /// How archc and the stateright models are built
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// Measures this archc instead of building one
    #[arg(long, value_name = "FILE")]
    archc: Option<PathBuf>,
    /// Writes the record here instead of only printing it, such as benches/records/2026-01-31.md
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A sentence for the record: what is measured, on how quiet a machine
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// Which time counts.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Default)]
pub enum Judge {
    /// From process start to exit.
    #[default]
    Wall,
    /// User and system time, divided by the number of threads.
    Cpu,
}

/// How our programs are compiled.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// As users have them.
    #[default]
    Release,
    /// For tests of the harness; the times mean nothing.
    Dev,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Probe(args)) => limit::probe(&args),
        None => session::run(&cli.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { status, message }) => {
            eprintln!("arch-benches: {message}");
            ExitCode::from(status)
        }
    }
}

/// Why there is no measurement.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// A count that differs, or a tool that does not do what it should.
    pub fn wrong(message: impl Into<String>) -> Failure {
        Failure { status: 1, message: message.into() }
    }

    /// Something that the user can change: options, missing tools.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { status: 2, message: message.into() }
    }
}
