//! What the figures come to: ratios to archc, and the goals of the project.

use crate::Judge;
use crate::measure::{Measurement, median};
use crate::session::{Row, Table};
use crate::start_up::middle;
use crate::tools::{Family, Tool};

/// A median run, if there was one.
pub fn typical(row: &Row) -> Option<Measurement> {
    (!row.runs.is_empty()).then(|| middle(&row.runs))
}

/// The seconds that count.
pub fn seconds(run: &Measurement, tool: Tool, judge: Judge) -> f64 {
    match judge {
        Judge::Wall => run.wall.as_secs_f64(),
        Judge::Cpu => run.cpu.as_secs_f64() / tool.threads() as f64,
    }
}

/// The median run of archc with so many threads.
pub fn archc(table: &Table, threads: usize) -> Option<Measurement> {
    table.rows.iter().find(|r| r.tool == Tool::Archc { threads }).and_then(typical)
}

/// A goal, what was measured, and whether it is met.
pub struct Goal {
    /// What is compared.
    pub what: String,
    /// What was measured.
    pub measured: f64,
    /// What it should be.
    pub goal: f64,
    /// Whether less is better.
    pub at_most: bool,
}

impl Goal {
    /// Whether it is reached.
    pub fn met(&self) -> bool {
        if self.at_most { self.measured <= self.goal } else { self.measured >= self.goal }
    }
}

/// The goals that this table can judge.
pub fn goals(table: &Table, judge: Judge) -> Vec<Goal> {
    let Some(ours) = archc(table, 1) else { return Vec::new() };
    let ours_seconds = seconds(&ours, Tool::Archc { threads: 1 }, judge);
    let mut goals = Vec::new();
    for (family, times) in [(Family::Spin, 10.0), (Family::Rumur, 20.0), (Family::Stateright, 20.0)] {
        if let Some((tool, theirs)) = best(table, family, |tool, m| seconds(m, tool, judge)) {
            let what =
                format!("states per second against {tool}, the fastest {} on one thread", family.name());
            let measured = seconds(&theirs, tool, judge) / ours_seconds;
            goals.push(Goal { what, measured, goal: times, at_most: false });
        }
    }
    if let Some((tool, theirs)) = best(table, Family::Spin, |_, m| m.peak as f64) {
        let what = format!("peak memory of {tool}, the smallest SPIN, over ours");
        goals.push(Goal { what, measured: theirs.peak as f64 / ours.peak as f64, goal: 5.0, at_most: false });
    }
    // CPU time does not say whether two threads work at the same time.
    if let Some(two) = archc(table, 2).filter(|_| judge == Judge::Wall) {
        let what = "one thread's time over two threads'".to_owned();
        let measured = ours.wall.as_secs_f64() / two.wall.as_secs_f64();
        goals.push(Goal { what, measured, goal: 1.6, at_most: false });
        if let Some(given) = given(table) {
            let what = format!("that over the {given:.2} that two processes at once gain on this machine");
            goals.push(Goal { what, measured: measured / given, goal: 0.8, at_most: false });
        }
    }
    if let Some(limit) = &table.limit {
        let least = table.size.transitions as f64 / limit.one;
        let what = "time over that of one random probe per transition".to_owned();
        goals.push(Goal { what, measured: ours_seconds / least, goal: 2.5, at_most: true });
    }
    goals
}

/// What the machine gives: the time of two runs of archc with one thread, one after the other, over that of two at once. On two
/// free cores 2; less where they share caches or a core, or somebody else uses them.
fn given(table: &Table) -> Option<f64> {
    let (one, pair) = (archc(table, 1)?, median(&table.pairs)?);
    Some(2.0 * one.wall.as_secs_f64() / pair.as_secs_f64())
}

/// The least of a quantity among the one-threaded runs of a peer.
fn best(
    table: &Table,
    family: Family,
    by: impl Fn(Tool, &Measurement) -> f64,
) -> Option<(Tool, Measurement)> {
    let rows = table.rows.iter().filter(|r| r.tool.family() == family && r.tool.threads() == 1);
    rows.filter_map(|r| Some((r.tool, typical(r)?))).min_by(|(s, m), (t, n)| by(*s, m).total_cmp(&by(*t, n)))
}
