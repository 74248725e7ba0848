//! Figures of an exploration, for people and machines: `--stats`.

use crate::outcome::{Exploration, StatisticsOutcome, thousands};
use crate::progress::size;
use serde::Serialize;

/// Depths that have a line; more share lines.
const LINES: usize = 12;

#[derive(Serialize)]
pub(super) struct Json<'a> {
    exact: bool,
    symmetric: bool,
    state_bits: u32,
    slot_bits: u32,
    table_load: f64,
    stored_bytes: u64,
    bytes_per_state: f64,
    peak_bytes: u64,
    levels: &'a [u64],
    out_degrees: &'a [u64],
    self_loops: u64,
    seconds: Vec<Phase>,
    operations: Vec<Operation<'a>>,
}

#[derive(Serialize)]
struct Phase {
    phase: &'static str,
    seconds: f64,
}

#[derive(Serialize)]
struct Operation<'a> {
    name: &'a str,
    transitions: u64,
}

/// A ratio, 0 of nothing.
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

fn is_symmetric(explored: &Exploration) -> bool {
    explored.symmetry.as_ref().is_some_and(|s| s.used)
}

impl<'a> Json<'a> {
    /// The figures, if they were asked for.
    pub(super) fn of(explored: &'a Exploration) -> Option<Json<'a>> {
        let StatisticsOutcome { measured, steps } = explored.statistics.as_ref()?;
        let phase = |(phase, time): &(&'static str, std::time::Duration)| Phase {
            phase,
            seconds: time.as_secs_f64(),
        };
        Some(Json {
            exact: explored.compaction.is_none(),
            symmetric: is_symmetric(explored),
            state_bits: measured.state_bits,
            slot_bits: measured.slot_bits,
            table_load: ratio(explored.distinct_states, measured.slots),
            stored_bytes: measured.stored_bytes,
            bytes_per_state: ratio(measured.stored_bytes, explored.distinct_states),
            peak_bytes: measured.peak_bytes,
            levels: &measured.levels,
            out_degrees: &measured.degrees,
            self_loops: measured.self_loops,
            seconds: measured.phases.iter().map(phase).collect(),
            operations: steps.iter().map(|(name, n)| Operation { name, transitions: *n }).collect(),
        })
    }
}

/// The figures, if they were asked for.
#[must_use]
pub(super) fn text(explored: &Exploration) -> Option<String> {
    let StatisticsOutcome { measured, steps } = explored.statistics.as_ref()?;
    let quotient = if is_symmetric(explored) { "one of states up to symmetry" } else { "every state" };
    let how = match explored.compaction {
        None => "exact".to_owned(),
        Some(compaction) => format!("not exact, {}-bit fingerprints", compaction.bits),
    };
    let mut text = format!(
        "  storage   {how}, {quotient}: {}-bit states in {}-bit slots, {:.1} bytes per state, table {:.0} % full\n",
        measured.state_bits,
        measured.slot_bits,
        ratio(measured.stored_bytes, explored.distinct_states),
        100.0 * ratio(explored.distinct_states, measured.slots),
    );
    text.push_str(&format!("  memory    {} at most during the search\n", size(measured.peak_bytes)));
    let phases = measured.phases.iter().map(|(phase, time)| format!("{phase} {:.3} s", time.as_secs_f64()));
    text.push_str(&format!("  time      {}\n", phases.collect::<Vec<_>>().join(" · ")));
    text.push_str(&format!("  events    {}\n", degrees(explored, &measured.degrees, measured.self_loops)));
    text.push_str(&levels(&measured.levels));
    text.push_str(&operations(steps));
    Some(text)
}

fn degrees(explored: &Exploration, degrees: &[u64], self_loops: u64) -> String {
    let expanded = degrees.iter().sum();
    let least = degrees.iter().position(|n| *n > 0).unwrap_or(0);
    format!(
        "{:.1} per state, {least} to {}; {:.0} % lead back to their state",
        ratio(explored.transitions, expanded),
        degrees.len().saturating_sub(1),
        100.0 * ratio(self_loops, explored.transitions),
    )
}

/// How many states there are at which depth.
fn levels(levels: &[u64]) -> String {
    let per_line = levels.len().div_ceil(LINES).max(1);
    let widest = levels.chunks(per_line).map(|c| c.iter().sum::<u64>()).max().unwrap_or(0);
    let line = |(i, chunk): (usize, &[u64])| {
        let (first, last) = (i * per_line, i * per_line + chunk.len() - 1);
        let name = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let states: u64 = chunk.iter().sum();
        let bar = "▪".repeat((40.0 * ratio(states, widest)).round() as usize);
        format!("  {:9} {name:>9}  {:>15}  {bar}\n", if i == 0 { "depths" } else { "" }, thousands(states))
    };
    levels.chunks(per_line).enumerate().map(line).map(|l| format!("{}\n", l.trim_end())).collect()
}

/// How often each operation was enabled.
fn operations(steps: &[(String, u64)]) -> String {
    let width = steps.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(i, (name, count)): (usize, &(String, u64))| {
        let never = if *count == 0 { "  never runs" } else { "" };
        let title = if i == 0 { "steps" } else { "" };
        format!("  {title:9} {name:width$}  {:>15}{never}\n", thousands(*count))
    };
    steps.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch_ir::report::Statistics;
    use std::time::Duration;

    #[test]
    fn figures_are_told_in_full() {
        let measured = Statistics {
            state_bits: 44,
            slot_bits: 36,
            slots: 2_000,
            stored_bytes: 6_100,
            peak_bytes: 3 << 20,
            levels: (1..=30).collect(),
            degrees: vec![0, 400, 600],
            self_loops: 80,
            phases: vec![("search", Duration::from_millis(1500)), ("liveness", Duration::from_millis(20))],
        };
        let steps = vec![("main.acquire".to_owned(), 1_600), ("main.write".to_owned(), 0)];
        let explored = Exploration {
            distinct_states: 1_000,
            transitions: 1_600,
            statistics: Some(StatisticsOutcome { measured, steps }),
            ..Exploration::default()
        };
        let text = text(&explored).expect("figures");
        let expected = "  storage   exact, every state: 44-bit states in 36-bit slots, 6.1 bytes per state, table 50 % full\n  \
                        memory    3.0 MiB at most during the search\n  \
                        time      search 1.500 s · liveness 0.020 s\n  \
                        events    1.6 per state, 1 to 2; 5 % lead back to their state\n  \
                        depths          0–2                6  ▪▪▪\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("  steps     main.acquire            1,600\n"), "{text}");
        assert!(text.ends_with("            main.write                  0  never runs\n"), "{text}");
        assert_eq!(super::text(&Exploration::default()), None);
    }
}
