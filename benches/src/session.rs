//! A session: every tool in turn on every model, again and again, in one go on one machine.

use crate::measure::{self, Ended, Limits, Measurement};
use crate::models::{MODELS, Model, Size};
use crate::tools::{self, Family, Places, Prepared, Tool};
use crate::{Failure, Options, facts, limit, record, start_up};
use std::path::Path;
use std::time::{Duration, Instant};

/// One model in one size: all tools, all runs.
pub struct Table {
    /// The transition system.
    pub model: &'static Model,
    /// Its constants.
    pub size: &'static Size,
    /// One for each tool.
    pub rows: Vec<Row>,
    /// Seconds until two processes of archc with one thread each, started together, have both ended: what the machine gives
    /// two that share nothing. Only where archc with two threads is measured.
    pub pairs: Vec<Duration>,
    /// The machine's own limit for a table of this size; none in quick sessions.
    pub limit: Option<Limit>,
}

/// One tool on one model.
pub struct Row {
    /// Which.
    pub tool: Tool,
    /// How it was made and started.
    pub prepared: Prepared,
    /// Its runs, in order, until one was given up.
    pub runs: Vec<Measurement>,
    /// Why runs were given up.
    pub gave_up: Option<String>,
}

/// Random probes per second in a table of eight bytes per state.
pub struct Limit {
    /// Bytes of the table: the next power of two.
    pub bytes: u64,
    /// By one thread.
    pub one: f64,
    /// By two.
    pub two: f64,
}

/// Measures what the options say and writes the record.
pub fn run(options: &Options) -> Result<(), Failure> {
    let (tools, sizes) = (choose_tools(options)?, choose_sizes(options)?);
    let places = Places::new(options)?;
    let facts = facts::facts(&places);
    let mut tables = Vec::new();
    let text = |tables: &[Table], start_up| record::markdown(options, &facts, &places, tables, start_up);
    for (model, size) in sizes {
        eprintln!("{} {} ({}): {} states", model.name, size.name, size.constants(), size.states);
        tables.push(measure_model(options, &places, &tools, model, size)?);
        // After each, so that a session that is broken off after an hour leaves what it has measured.
        write_record(options, &text(&tables, None))?;
    }
    let start_up = if options.quick { None } else { Some(start_up::measure(&places, &tools)?) };
    let text = text(&tables, start_up.as_ref());
    println!("{text}");
    write_record(options, &text)
}

/// To the file that was asked for, if any.
fn write_record(options: &Options, text: &str) -> Result<(), Failure> {
    let Some(path) = &options.record else { return Ok(()) };
    std::fs::write(path, text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

/// The tools that take turns: those asked for and installed.
fn choose_tools(options: &Options) -> Result<Vec<Tool>, Failure> {
    let named = |tool: Tool, words: &[String]| words.iter().any(|w| tool.to_string().contains(w.as_str()));
    let wanted = |tool: &Tool| {
        let asked =
            tool.family() == Family::Archc || options.tools.is_empty() || named(*tool, &options.tools);
        asked && !named(*tool, &options.without)
    };
    let mut tools: Vec<Tool> = tools::all().into_iter().filter(wanted).collect();
    for family in [Family::Spin, Family::Rumur] {
        let Some(message) = tools.iter().find(|t| t.family() == family).and_then(|t| t.family().missing())
        else {
            continue;
        };
        if !options.quick && !options.skip_missing {
            return Err(Failure::usage(format!("{message}; --skip-missing goes on without it")));
        }
        println!("SKIPPED: {message}");
        tools.retain(|t| t.family() != family);
    }
    if tools.first() != Some(&Tool::Archc { threads: 1 }) {
        return Err(Failure::usage(
            "archc with one thread is what everything is compared with: do not leave it out",
        ));
    }
    Ok(tools)
}

/// The models and sizes asked for. An error names those that do not exist.
fn choose_sizes(options: &Options) -> Result<Vec<(&'static Model, &'static Size)>, Failure> {
    let quick = ["tiny".to_owned()];
    let sizes = if options.quick { &quick } else { options.sizes.as_slice() };
    if let Some(unknown) = options.models.iter().find(|n| MODELS.iter().all(|m| m.name != **n)) {
        return Err(Failure::usage(format!("there is no model `{unknown}`")));
    }
    if let Some(unknown) = sizes.iter().find(|n| MODELS.iter().all(|m| m.sizes.iter().all(|s| s.name != **n)))
    {
        return Err(Failure::usage(format!("there is no size `{unknown}`")));
    }
    let models =
        MODELS.iter().filter(|m| options.models.is_empty() || options.models.iter().any(|n| n == m.name));
    Ok(models
        .flat_map(|m| m.sizes.iter().filter(|s| sizes.iter().any(|n| n == s.name)).map(move |s| (m, s)))
        .collect())
}

/// Prepares all tools, then lets them run in turn, so that a slow hour of the machine hits all of them.
fn measure_model(
    options: &Options,
    places: &Places,
    tools: &[Tool],
    model: &'static Model,
    size: &'static Size,
) -> Result<Table, Failure> {
    let prepare = |tool: &Tool| {
        let prepared = tool.prepare(places, model, size)?;
        Ok(Row { tool: *tool, prepared, runs: Vec::new(), gave_up: None })
    };
    let mut rows = tools.iter().map(prepare).collect::<Result<Vec<_>, Failure>>()?;
    let repetitions = if options.quick { 1 } else { options.repetitions };
    let limits = Limits { memory: options.max_memory << 30, time: Duration::from_secs(options.timeout) };
    let mut pairs = Vec::new();
    for round in 1..=repetitions {
        for row in rows.iter_mut().filter(|r| r.gave_up.is_none()) {
            let folder = row.tool.folder(places, model, size);
            run_once(row, size, &folder, limits)?;
            let last = row.runs.last().map_or(Duration::ZERO, |m| m.wall);
            eprintln!(
                "  {round}/{repetitions} {}: {}",
                row.tool,
                row.gave_up.clone().unwrap_or(format!("{last:.3?}"))
            );
        }
        if rows.iter().any(|r| r.tool == Tool::Archc { threads: 2 }) {
            pairs.push(run_pair(&rows[0], &places.scratch)?);
        }
    }
    let limit = if options.quick { None } else { Some(probe_limit(options, size, &places.scratch)?) };
    Ok(Table { model, size, rows, pairs, limit })
}

/// Two processes of the same tool at the same time.
fn run_pair(row: &Row, scratch: &Path) -> Result<Duration, Failure> {
    let wrong = |e: String| Failure::wrong(format!("two of {} at once: {e}", row.tool));
    let run = |name: &str| measure::run_short(row.prepared.process(scratch), &scratch.join(name));
    let start = Instant::now();
    let ended = std::thread::scope(|scope| {
        let other = scope.spawn(|| run("pair-1.out"));
        [run("pair-2.out"), other.join().expect("running a process does not panic")]
    });
    let took = start.elapsed();
    for ended in ended {
        let (status, _) = ended.map_err(|e| wrong(e.to_string()))?;
        if !status.success() {
            return Err(wrong(status.to_string()));
        }
    }
    Ok(took)
}

/// One run; its counts must be those of the size.
fn run_once(row: &mut Row, size: &Size, folder: &Path, limits: Limits) -> Result<(), Failure> {
    let wrong = |e: String| Failure::wrong(format!("{} on {}: {e}", row.tool, size.constants()));
    let output = folder.join("run.out");
    match measure::run(row.prepared.process(folder), &output, limits).map_err(|e| wrong(e.to_string()))? {
        Ended::TooMuchMemory => row.gave_up = Some(format!("more than {} GiB", limits.memory >> 30)),
        Ended::TooLong => row.gave_up = Some(format!("more than {} s", limits.time.as_secs())),
        Ended::Exited(status, measurement) => {
            let text = std::fs::read_to_string(&output).unwrap_or_default();
            if !status.success() {
                return Err(wrong(format!("{status}\n{text}")));
            }
            row.tool.counts(&text).and_then(|c| c.agree(size)).map_err(wrong)?;
            row.runs.push(measurement);
        }
    }
    Ok(())
}

/// In the same session, because the rate of a shared machine changes by the hour.
fn probe_limit(options: &Options, size: &Size, scratch: &Path) -> Result<Limit, Failure> {
    let bytes = (size.states * 8).next_power_of_two();
    let rate = |threads| limit::rate(bytes, threads, options.judge, scratch);
    Ok(Limit { bytes, one: rate(1)?, two: rate(2)? })
}
