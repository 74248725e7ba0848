//! stateright: the models in `benches/models/*/{natural,packed}.rs`, one program for all.

use super::{Count, Counts, Places, Prepared, cargo_build};
use crate::models::{Model, Size};
use crate::{Failure, Profile};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Builds them.
pub fn build(root: &Path, profile: Profile) -> Result<PathBuf, Failure> {
    cargo_build(root, profile, "arch-benches", "stateright-models")
}

/// Nothing to compile: constants are arguments. (Compiling a stateright model takes tens of seconds.)
pub fn prepare(
    places: &Places,
    model: &Model,
    size: &Size,
    packed: bool,
    dfs: bool,
    threads: usize,
) -> Prepared {
    let mut command = vec![places.stateright.display().to_string(), model.name.to_owned()];
    command.extend(packed.then(|| "--packed".to_owned()));
    command.extend(dfs.then(|| "--dfs".to_owned()));
    command.extend(["--threads".to_owned(), threads.to_string()]);
    command.extend(size.settings.iter().map(|(name, value)| format!("{name}={value}")));
    Prepared { command, compile_commands: Vec::new(), compile: None }
}

#[derive(Deserialize)]
struct Line {
    distinct: u64,
    generated: u64,
    violated: Vec<String>,
}

/// `state_count` counts the initial state, which no transition leads to.
pub fn counts(output: &str) -> Result<Counts, String> {
    let line: Line = serde_json::from_str(output).map_err(|e| e.to_string())?;
    if !line.violated.is_empty() {
        return Err(format!("violated: {}", line.violated.join(", ")));
    }
    let (states, transitions) = (Count::Exact(line.distinct), Count::Exact(line.generated));
    Ok(Counts { states, transitions, initial_counted: 1 })
}
