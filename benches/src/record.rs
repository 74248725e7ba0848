//! The record of a session, in Markdown.

use crate::session::{Row, Table};
use crate::start_up::{CATALOGUE_RUNS, RUNS, StartUp};
use crate::summary;
use crate::tools::{Places, Tool};
use crate::{Judge, Options};
use std::fmt::Write as _;

/// All of it. Paths of this machine are written as `$ROOT` (the workspace) and `$SCRATCH`.
pub fn markdown(
    options: &Options,
    facts: &[String],
    places: &Places,
    tables: &[Table],
    start_up: Option<&StartUp>,
) -> String {
    let mut text = String::from("# archc against its peers\n\n");
    if let Some(note) = &options.note {
        let _ = writeln!(text, "{note}\n");
    }
    let runs = if options.quick { 1 } else { options.repetitions };
    let _ = writeln!(
        text,
        "Whole processes, in turn, {runs} run(s) of each; medians. All counts of states and transitions were equal. \
         Rates, ratios and goals are by {}.\n\n\
         `arch-benches {}`\n",
        match options.judge {
            Judge::Wall => "wall time",
            Judge::Cpu => "CPU time, divided by the number of threads",
        },
        std::env::args().skip(1).map(quoted).collect::<Vec<_>>().join(" ")
    );
    for fact in facts {
        let _ = writeln!(text, "* {fact}");
    }
    for table in tables {
        write_table(&mut text, table, options.judge);
    }
    if let Some(start_up) = start_up {
        write_start_up(&mut text, start_up);
    }
    text.push_str("\n## Commands\n");
    for table in tables {
        write_commands(&mut text, table);
    }
    let scratch = places.scratch.display().to_string();
    let text = text.replace(&scratch, "$SCRATCH").replace(&places.archc.display().to_string(), "archc");
    let text = text.replace(&places.stateright.display().to_string(), "stateright-models");
    text.replace(&places.root.display().to_string(), "$ROOT")
}

fn quoted(argument: String) -> String {
    if argument.contains(' ') { format!("{argument:?}") } else { argument }
}

fn write_table(text: &mut String, table: &Table, judge: Judge) {
    let _ = writeln!(
        text,
        "\n## {}, {}: {} states, {} transitions\n\n{}. {}.\n",
        table.model.name,
        table.size.name,
        grouped(table.size.states),
        grouped(table.size.transitions),
        table.size.constants(),
        table.model.character,
    );
    text.push_str("| tool | wall s | CPU s | states/s | peak MiB | bytes/state | compile s | time ÷ archc's | peak ÷ archc's |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for row in &table.rows {
        write_row(text, table, row, judge);
    }
    let goals = summary::goals(table, judge);
    if table.size.states >= 1_000_000 && !goals.is_empty() {
        text.push_str("\n| goal | measured | to reach | |\n|---|--:|--:|---|\n");
        for goal in goals {
            let bound = if goal.at_most { "≤" } else { "≥" };
            let met = if goal.met() { "met" } else { "missed" };
            let _ =
                writeln!(text, "| {} | {:.2} | {bound} {} | {met} |", goal.what, goal.measured, goal.goal);
        }
    }
    if let Some(limit) = &table.limit {
        let (mib, one, two) = (limit.bytes >> 20, limit.one / 1e6, limit.two / 1e6);
        let _ = writeln!(
            text,
            "\nThe machine's limit: {one:.1} M prefetched random probes per second by one thread, {two:.1} M by two, in a table of {mib} MiB in huge pages."
        );
    }
}

fn write_row(text: &mut String, table: &Table, row: &Row, judge: Judge) {
    let Some(run) = summary::typical(row) else {
        let why = row.gave_up.as_deref().unwrap_or("no run");
        let _ = writeln!(text, "| {} | {why} | | | | | | | |", row.tool);
        return;
    };
    let states = table.size.states as f64;
    let wall = run.wall.as_secs_f64();
    let compile = row.prepared.compile.map_or(String::new(), |c| format!("{:.2}", c.as_secs_f64()));
    let ours = summary::archc(table, 1);
    let seconds = summary::seconds(&run, row.tool, judge);
    let slower = ours.map_or(f64::NAN, |o| seconds / summary::seconds(&o, Tool::Archc { threads: 1 }, judge));
    let larger = ours.map_or(f64::NAN, |o| run.peak as f64 / o.peak as f64);
    let _ = writeln!(
        text,
        "| {} | {wall:.2} | {:.2} | {} | {} | {:.1} | {compile} | {slower:.2} | {larger:.2} |",
        row.tool,
        run.cpu.as_secs_f64(),
        grouped((states / seconds) as u64),
        run.peak >> 20,
        run.peak as f64 / states,
    );
}

fn write_start_up(text: &mut String, start_up: &StartUp) {
    let _ = writeln!(
        text,
        "\n## Start-up\n\nTwo-phase commit with 288 states, from process start to exit, median of {RUNS} runs in turn.\n"
    );
    text.push_str("| tool | wall ms | CPU ms | peak MiB | compile s |\n|---|--:|--:|--:|--:|\n");
    for (tool, run, compile) in &start_up.tools {
        let compile = compile.map_or(String::new(), |c| format!("{:.2}", c.as_secs_f64()));
        let (wall, cpu) = (run.wall.as_secs_f64() * 1e3, run.cpu.as_secs_f64() * 1e3);
        let _ = writeln!(text, "| {tool} | {wall:.2} | {cpu:.2} | {} | {compile} |", run.peak >> 20);
    }
    let (wall, cpu) = (start_up.catalogue.wall.as_secs_f64(), start_up.catalogue.cpu.as_secs_f64());
    let _ = writeln!(
        text,
        "\n`archc check specs`, the whole catalogue: {wall:.2} s wall, {cpu:.2} s CPU, {} MiB (median of {CATALOGUE_RUNS}).",
        start_up.catalogue.peak >> 20
    );
}

fn write_commands(text: &mut String, table: &Table) {
    let _ = writeln!(text, "\n### {}, {}\n\n```text", table.model.name, table.size.name);
    for row in &table.rows {
        for command in row.prepared.compile_commands.iter().chain([&row.prepared.command.join(" ")]) {
            let _ = writeln!(text, "{command}");
        }
    }
    text.push_str("```\n");
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(
            (grouped(7), grouped(1_000), grouped(61_515_776)),
            ("7".into(), "1,000".into(), "61,515,776".into())
        );
    }
}
