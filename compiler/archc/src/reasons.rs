//! Why a result is inconclusive, as phrases for the first line.

use crate::cli::LimitArgs;
use crate::outcome::{counted, thousands};
use arch_ir::Program;
use arch_ir::report::{Compaction, Report, Simulation, Stop};

/// Everything besides open properties that keeps a result from being conclusive.
#[must_use]
pub fn of(program: &Program, report: &Report, limits: &LimitArgs) -> Vec<String> {
    let mut reasons: Vec<String> = report.simulation.map(runs).into_iter().collect();
    reasons.extend(report.stopped.map(|s| stop(s, report, limits)));
    if report.compaction.is_some_and(|c| !is_probable(&c)) {
        reasons.push("too many states for their fingerprints".to_owned());
    }
    if program.protocols.is_empty() {
        // Whatever is claimed of a spec in which nothing can happen, nobody has learnt anything.
        reasons.push("no protocol, so nothing can happen".to_owned());
    }
    if !report.cut.is_empty() {
        reasons.push(format!(
            "cut by {}, exhaustive only within",
            counted(report.cut.len() as u64, "declaration")
        ));
    }
    reasons
}

/// The most that the probability of a missed state may be where something is said to hold probably.
const MOST_MISSED: f64 = 0.01;

/// Whether what was found with fingerprints is probably so.
#[must_use]
pub fn is_probable(compaction: &Compaction) -> bool {
    compaction.missed() <= MOST_MISSED
}

/// `a state was missed (probability at most 8.0e-7, 64-bit fingerprints)`.
#[must_use]
pub fn missed(compaction: &Compaction) -> String {
    let (missed, bits) = (compaction.missed(), compaction.bits);
    format!("a state was missed (probability at most {missed:.1e}, {bits}-bit fingerprints)")
}

/// `not exact: a state was missed with a probability of at most 8.0e-7 (64-bit fingerprints)`.
#[must_use]
pub fn not_exact(compaction: &Compaction) -> String {
    let (missed, bits) = (compaction.missed(), compaction.bits);
    format!(
        "not exact: a state was missed with a probability of at most {missed:.1e} ({bits}-bit fingerprints)"
    )
}

/// `10,000 random runs of at most 200 steps, seed 0`.
fn runs(Simulation { seed, runs, depth }: Simulation) -> String {
    let (runs, depth) = (counted(runs, "random run"), counted(u64::from(depth), "step"));
    format!("{runs} of at most {depth}, seed {seed}")
}

/// `30s`, `500ms`, as it is given.
fn timespan(time: std::time::Duration) -> String {
    match time.as_millis() {
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

fn stop(stop: Stop, report: &Report, limits: &LimitArgs) -> String {
    match stop {
        Stop::States => match limits.max_states {
            Some(n) => format!("limit of {} reached", counted(n, "state")),
            None => "limit of states reached".to_owned(),
        },
        Stop::Memory => match limits.max_memory {
            Some(bytes) => format!("limit of {} of memory reached", size(bytes)),
            None => "limit of memory reached".to_owned(),
        },
        Stop::Time => match limits.timeout {
            Some(time) => format!("time limit of {} reached", timespan(time)),
            None => "time limit reached".to_owned(),
        },
        Stop::Interrupted => "interrupted".to_owned(),
        Stop::Enough => "ended with the first violation".to_owned(),
        Stop::Engine => format!("the engine {} does not explore every state", report.engine),
    }
}

/// `512 MiB`; exact, so the largest unit that leaves no rest.
fn size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{} {unit}", thousands(bytes >> shift));
        }
    }
    counted(bytes, "byte")
}

/// Whether a program has a clock.
#[must_use]
pub fn has_time(program: &Program) -> bool {
    program.vars.iter().any(|v| program.holds_time(&v.ty))
        || program.protocols.iter().any(|p| p.vars.iter().any(|v| program.holds_time(&v.ty)))
}
