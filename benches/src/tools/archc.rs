//! archc: `archc check` on the `.arch` file, its JSON report.

use super::{Count, Counts, Places, Prepared, cargo_build};
use crate::models::{Model, Size};
use crate::{Failure, Profile};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds it.
pub fn build(root: &Path, profile: Profile) -> Result<PathBuf, Failure> {
    cargo_build(root, profile, "archc", "archc")
}

/// Whether it must be told to explore every state: peers do, and archc does unless it reduces by symmetry.
pub fn has_symmetry(archc: &Path) -> Result<bool, Failure> {
    let help = Command::new(archc).args(["check", "--help"]).output();
    let help = help.map_err(|e| Failure::usage(format!("{}: {e}", archc.display())))?;
    Ok(String::from_utf8_lossy(&help.stdout).contains("--no-symmetry"))
}

/// Nothing to compile.
pub fn prepare(places: &Places, model: &Model, size: &Size, threads: usize) -> Prepared {
    let spec = places.model(model, "arch");
    let mut command =
        vec![places.archc.display().to_string(), "check".to_owned(), spec.display().to_string()];
    for (name, value) in size.settings {
        command.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    if places.archc_has_symmetry {
        command.push("--no-symmetry".to_owned());
    }
    command.extend(["--threads", &threads.to_string(), "--format", "json"].map(str::to_owned));
    Prepared { command, compile_commands: Vec::new(), compile: None }
}

/// What matters here of the document that `docs/report.schema.json` describes.
#[derive(Deserialize)]
struct Report {
    specs: Vec<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    verdict: String,
    complete: bool,
    distinct_states: Option<u64>,
    transitions: Option<u64>,
}

/// No correction: this is how the others are counted too.
pub fn counts(output: &str) -> Result<Counts, String> {
    let report: Report = serde_json::from_str(output).map_err(|e| e.to_string())?;
    let [spec] = report.specs.as_slice() else { return Err("expected one result".to_owned()) };
    if spec.verdict != "holds" || !spec.complete {
        return Err(format!("verdict {}, complete: {}", spec.verdict, spec.complete));
    }
    let states = spec.distinct_states.ok_or("no number of states")?;
    let transitions = spec.transitions.ok_or("no number of transitions")?;
    Ok(Counts { states: Count::Exact(states), transitions: Count::Exact(transitions), initial_counted: 0 })
}
