//! How long a small check takes from process start to exit, and the whole catalogue.

use crate::Failure;
use crate::measure::{self, Measurement};
use crate::models::{MODELS, START_UP};
use crate::tools::{Places, Tool};
use std::process::Command;
use std::time::Duration;

/// Runs of each tool on the small spec.
pub const RUNS: usize = 51;
/// Runs of the catalogue.
pub const CATALOGUE_RUNS: usize = 3;

/// Start-up times.
pub struct StartUp {
    /// For each tool: median wall time, and its compile time if it compiles.
    pub tools: Vec<(Tool, Measurement, Option<Duration>)>,
    /// `archc check specs`, median.
    pub catalogue: Measurement,
}

/// Two-phase commit with 288 states by every tool with one thread; then all of `specs/` by archc.
pub fn measure(places: &Places, tools: &[Tool]) -> Result<StartUp, Failure> {
    let model = &MODELS[0];
    let mut rows = Vec::new();
    for tool in tools.iter().filter(|t| t.threads() == 1) {
        let prepared = tool.prepare(places, model, &START_UP)?;
        rows.push((*tool, prepared, Vec::new()));
    }
    for _ in 0..RUNS {
        for (tool, prepared, runs) in &mut rows {
            let wrong = |e: String| Failure::wrong(format!("{tool} on {}: {e}", START_UP.constants()));
            let folder = tool.folder(places, model, &START_UP);
            let output = folder.join("run.out");
            let run = measure::run_short(prepared.process(&folder), &output);
            let (status, measurement) = run.map_err(|e| wrong(e.to_string()))?;
            let text = std::fs::read_to_string(&output).unwrap_or_default();
            if !status.success() {
                return Err(wrong(format!("{status}\n{text}")));
            }
            tool.counts(&text).and_then(|c| c.agree(&START_UP)).map_err(wrong)?;
            runs.push(measurement);
        }
    }
    let tools =
        rows.into_iter().map(|(tool, prepared, runs)| (tool, middle(&runs), prepared.compile)).collect();
    Ok(StartUp { tools, catalogue: catalogue(places)? })
}

/// `archc check specs`: sketches make it inconclusive (3), a violation that no file expects is an error.
fn catalogue(places: &Places) -> Result<Measurement, Failure> {
    let mut runs = Vec::new();
    for _ in 0..CATALOGUE_RUNS {
        let mut command = Command::new(&places.archc);
        command.args(["check", "specs"]).current_dir(&places.root);
        let output = places.scratch.join("catalogue.out");
        let run = measure::run_short(command, &output);
        let (status, measurement) = run.map_err(|e| Failure::wrong(format!("archc check specs: {e}")))?;
        if !matches!(status.code(), Some(0 | 3)) {
            return Err(Failure::wrong(format!("archc check specs: {status}, see {}", output.display())));
        }
        runs.push(measurement);
    }
    Ok(middle(&runs))
}

/// The median of each quantity by itself.
pub fn middle(runs: &[Measurement]) -> Measurement {
    let of =
        |value: fn(&Measurement) -> Duration| measure::median(&runs.iter().map(value).collect::<Vec<_>>());
    Measurement {
        wall: of(|m| m.wall).unwrap_or_default(),
        cpu: of(|m| m.cpu).unwrap_or_default(),
        peak: measure::median(&runs.iter().map(|m| m.peak).collect::<Vec<_>>()).unwrap_or(0),
    }
}
