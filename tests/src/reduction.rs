//! Comparing exploration with and without symmetry.

use arch_check::{Machine, Options};
use arch_ir::Program;
use arch_ir::report::{Limits, PropertyVerdict, Report};
use std::fmt::Debug;
use std::sync::atomic::AtomicBool;

/// Checks a program up to renaming of its instances.
#[must_use]
pub fn reduced(program: &Program, machine: &Machine, limits: &Limits) -> Report {
    let options = Options { limits: limits.clone(), symmetry: true, ..Options::default() };
    arch_check::check(program, machine, &options, &AtomicBool::new(false), &mut |_| {})
}

/// Compares what was found up to renaming with what was found in all states.
///
/// # Errors
///
/// The first difference.
pub fn same_up_to_renaming(full: &Report, reduced: &Report) -> Result<(), String> {
    same("verdicts", &verdicts(full), &verdicts(reduced))?;
    same("lengths of behaviours", &lengths(full), &lengths(reduced))?;
    same("depth", &full.depth, &reduced.depth)?;
    same("what was cut", &full.cut, &reduced.cut)?;
    same("coverage", &covered(full), &covered(reduced))?;
    let happens = |r: &Report| r.faults.iter().map(|n| *n > 0).collect::<Vec<_>>();
    same("faults", &happens(full), &happens(reduced))?;
    same("states", &full.distinct_states, &reduced.represented_states.unwrap_or(reduced.distinct_states))
}

fn same<T: PartialEq + Debug>(what: &str, full: &T, reduced: &T) -> Result<(), String> {
    if full == reduced { Ok(()) } else { Err(format!("{what}\n  full:    {full:?}\n  reduced: {reduced:?}")) }
}

fn verdicts(report: &Report) -> Vec<(String, PropertyVerdict)> {
    report.results.iter().map(|r| (r.name.clone(), r.verdict.clone())).collect()
}

/// Shortest behaviours are as long as each other; lassos of different engines need not be.
fn lengths(report: &Report) -> Vec<Option<usize>> {
    let finite = report.results.iter().filter(|r| r.liveness.is_none());
    finite.map(|r| r.trace.as_ref().map(|t| t.steps.len())).collect()
}

/// Which steps were executed and refused; how often is a matter of which states are stored.
fn covered(report: &Report) -> Vec<(bool, bool)> {
    report.coverage.iter().flatten().map(|c| (c.executed > 0, c.refused)).collect()
}
