//! SPIN: `spin -a`, then gcc, then the verifier `pan`.
//!
//! Every action is a `d_step` of one process, so there are no intermediate states. `-DHC4` and smaller hashes are
//! not used: they lose states. COLLAPSE is not either: it took twice the time and more memory on all of these models.

use super::{Count, Counts, Places, Prepared, step};
use crate::Failure;
use crate::models::{Model, Size};
use std::path::Path;

/// How pan is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Depth first, pan's default.
    Dfs,
    /// Depth first, state vectors stored as they are: somewhat faster, more memory.
    DfsUncompressed,
    /// Breadth first.
    Bfs,
}

impl Search {
    /// All of them.
    pub const ALL: [Search; 3] = [Search::Dfs, Search::DfsUncompressed, Search::Bfs];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Search::Dfs => "DFS",
            Search::DfsUncompressed => "DFS -DNOCOMP",
            Search::Bfs => "BFS",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Search::Dfs => &[],
            Search::DfsUncompressed => &["-DNOCOMP"],
            Search::Bfs => &["-DBFS"],
        }
    }
}

/// The depth that pan's stack has room for by default; its memory is taken at the start.
const DEPTH: u64 = 10_000;

/// Generates and compiles pan.
pub fn prepare(
    places: &Places,
    model: &Model,
    size: &Size,
    search: Search,
    folder: &Path,
) -> Result<Prepared, Failure> {
    let mut generate = vec!["-a".to_owned()];
    generate.extend(size.settings.iter().map(|(name, value)| format!("-D{name}={value}")));
    generate.push(places.model(model, "pml").display().to_string());
    let mut compile = vec!["-O3", "-w", "-DSAFETY", "-DNOREDUCE"];
    compile.extend(search.flags());
    compile.extend(["-o", "pan", "pan.c"]);
    let (first, generating) = step("spin", &generate, folder)?;
    let (second, compiling) =
        step("gcc", &compile.into_iter().map(str::to_owned).collect::<Vec<_>>(), folder)?;
    // -E: no search for deadlocks, as in the other tools. -n: no list of what was not reached. A slot of the hash
    // table for each state, so that it never grows. The stack just as deep as needed.
    let slots = size.states.next_power_of_two().ilog2().max(16);
    let depth = if model.deep { size.states } else { DEPTH };
    let pan =
        [&folder.join("pan").display().to_string(), "-E", "-n", &format!("-w{slots}"), &format!("-m{depth}")];
    Ok(Prepared {
        command: pan.map(str::to_owned).to_vec(),
        compile_commands: vec![first, second],
        compile: Some(generating + compiling),
    })
}

/// `transitions (= stored+matched)` counts the initial state, which no transition leads to. From 1e8 numbers are
/// printed with eight digits.
pub fn counts(output: &str) -> Result<Counts, String> {
    if output.contains("max search depth too small") || output.contains("Search not completed") {
        return Err(format!("the search was not completed:\n{output}"));
    }
    if !output.contains("errors: 0") {
        return Err(format!("no `errors: 0`:\n{output}"));
    }
    let states = number_before(output, " states, stored")?;
    let transitions = number_before(output, " transitions (= stored+matched)")?;
    Ok(Counts { states, transitions, initial_counted: 1 })
}

/// The number at the beginning of the line with this text after it.
fn number_before(output: &str, text: &str) -> Result<Count, String> {
    let line = output.lines().find_map(|l| l.split_once(text)).map(|(number, _)| number.trim());
    let line = line.ok_or_else(|| format!("no line with `{text}`:\n{output}"))?;
    let exact = line.parse().map(Count::Exact);
    exact.or_else(|_| line.parse().map(Count::Rounded)).map_err(|_| format!("`{line}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "State-vector 20 byte, depth reached 16, errors: 0\n     8832 states, stored\n\
                          1.2521379e+08 transitions (= stored+matched)\n";

    #[test]
    fn what_pan_prints_is_understood() {
        let counts = counts(OUTPUT).expect("a complete search");
        assert_eq!(counts.states, Count::Exact(8_832));
        assert_eq!(counts.transitions, Count::Rounded(1.252_137_9e8));
    }

    #[test]
    fn a_search_that_was_cut_or_found_an_error_does_not_count() {
        assert!(counts(&format!("error: max search depth too small\n{OUTPUT}")).is_err());
        assert!(counts(&OUTPUT.replace("errors: 0", "errors: 1")).is_err());
    }
}
