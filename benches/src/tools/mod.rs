//! The tools: how each is prepared for a model, started, and understood.

mod archc;
mod rumur;
mod spin;
mod stateright;

use crate::models::{Model, Size};
use crate::{Failure, Options, Profile, measure};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A tool with its flags: what is one row of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Ours.
    Archc {
        /// Threads of the search.
        threads: usize,
    },
    /// SPIN, a C program generated and compiled for the model.
    Spin(spin::Search),
    /// rumur, a C program generated and compiled for the model.
    Rumur {
        /// Whether auxiliary state data is compressed: less memory, more time.
        packed: bool,
        /// Threads of the search.
        threads: usize,
    },
    /// A hand-written stateright model.
    Stateright {
        /// Whether its states are packed into integers by hand.
        packed: bool,
        /// Depth first instead of breadth first.
        dfs: bool,
        /// Threads of the search.
        threads: usize,
    },
}

/// All of them, in the order in which they take turns. The first is ours with one thread.
pub fn all() -> Vec<Tool> {
    let mut tools = vec![Tool::Archc { threads: 1 }, Tool::Archc { threads: 2 }];
    tools.extend(spin::Search::ALL.map(Tool::Spin));
    for threads in [1, 2] {
        tools.extend([false, true].map(|packed| Tool::Rumur { packed, threads }));
    }
    for threads in [1, 2] {
        for packed in [false, true] {
            tools.extend([false, true].map(|dfs| Tool::Stateright { packed, dfs, threads }));
        }
    }
    tools
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, threads) = match self {
            Tool::Archc { threads } => ("archc".to_owned(), *threads),
            Tool::Spin(search) => (format!("SPIN {}", search.name()), 1),
            Tool::Rumur { packed: true, threads } => ("rumur packed".to_owned(), *threads),
            Tool::Rumur { packed: false, threads } => ("rumur unpacked".to_owned(), *threads),
            Tool::Stateright { packed, dfs, threads } => {
                let states = if *packed { "packed" } else { "natural" };
                (format!("stateright {states} {}", if *dfs { "DFS" } else { "BFS" }), *threads)
            }
        };
        if threads == 1 { write!(f, "{name}") } else { write!(f, "{name}, {threads} threads") }
    }
}

/// A peer as a whole, for goals and installation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Ours.
    Archc,
    /// SPIN.
    Spin,
    /// rumur.
    Rumur,
    /// stateright.
    Stateright,
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Family::Archc => "archc",
            Family::Spin => "SPIN",
            Family::Rumur => "rumur",
            Family::Stateright => "stateright",
        }
    }

    /// Programs that must be installed, and how.
    fn needs(self) -> (&'static [&'static str], &'static str) {
        match self {
            Family::Archc | Family::Stateright => (&[], "they are built from this workspace"),
            Family::Spin => (&["spin", "gcc", "cpp"], "Debian and Ubuntu: apt-get install spin gcc"),
            Family::Rumur => (&["rumur", "gcc"], "Debian and Ubuntu: apt-get install rumur gcc"),
        }
    }

    /// What to do if something is missing.
    pub fn missing(self) -> Option<String> {
        let (programs, how) = self.needs();
        let missing = programs.iter().find(|p| !installed(p))?;
        Some(format!("{} cannot run: `{missing}` is not installed ({how})", self.name()))
    }
}

/// Whether a program is in one of the folders of PATH.
fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where things are.
pub struct Places {
    /// The folder of the workspace.
    pub root: PathBuf,
    /// The archc that is measured.
    pub archc: PathBuf,
    /// Whether that archc reduces by symmetry unless told otherwise.
    pub archc_has_symmetry: bool,
    /// The stateright models.
    pub stateright: PathBuf,
    /// Generated sources, programs and outputs.
    pub scratch: PathBuf,
}

impl Places {
    /// Builds our programs and finds out what they can do.
    pub fn new(options: &Options) -> Result<Places, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("benches/ is in the workspace");
        let own = std::env::current_exe().map_err(|e| Failure::wrong(e.to_string()))?;
        let built = own.parent().expect("a program is in a folder");
        let archc = match &options.archc {
            // Runs have folders of their own, where a relative path would lead elsewhere.
            Some(path) => {
                path.canonicalize().map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?
            }
            None => archc::build(root, options.profile)?,
        };
        let scratch = built.join("arch-benches-scratch");
        std::fs::create_dir_all(&scratch)
            .map_err(|e| Failure::wrong(format!("{}: {e}", scratch.display())))?;
        let archc_has_symmetry = archc::has_symmetry(&archc)?;
        let stateright = stateright::build(root, options.profile)?;
        Ok(Places { root: root.to_owned(), archc, archc_has_symmetry, stateright, scratch })
    }

    /// A file of a model, such as `NAME.pml`.
    fn model(&self, model: &Model, ending: &str) -> PathBuf {
        self.root.join("benches/models").join(model.name).join(format!("{}.{ending}", model.name))
    }
}

/// A tool ready to be run on a model.
pub struct Prepared {
    /// The program, then its arguments.
    pub command: Vec<String>,
    /// What generated and compiled the program.
    pub compile_commands: Vec<String>,
    /// How long that took; `None` for programs that read the model when they run, or were built once for all.
    pub compile: Option<Duration>,
}

impl Prepared {
    /// A new process of it.
    pub fn process(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(folder);
        command
    }
}

impl Tool {
    /// Which peer it is.
    pub fn family(self) -> Family {
        match self {
            Tool::Archc { .. } => Family::Archc,
            Tool::Spin(_) => Family::Spin,
            Tool::Rumur { .. } => Family::Rumur,
            Tool::Stateright { .. } => Family::Stateright,
        }
    }

    /// Threads that it searches with.
    pub fn threads(self) -> usize {
        match self {
            Tool::Spin(_) => 1,
            Tool::Archc { threads } | Tool::Rumur { threads, .. } | Tool::Stateright { threads, .. } => {
                threads
            }
        }
    }

    /// A folder of its own for this model: tools write files with fixed names.
    pub fn folder(self, places: &Places, model: &Model, size: &Size) -> PathBuf {
        let name: String =
            self.to_string().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        places.scratch.join(model.name).join(size.name).join(name)
    }

    /// Generates and compiles what is needed.
    pub fn prepare(self, places: &Places, model: &Model, size: &Size) -> Result<Prepared, Failure> {
        let folder = self.folder(places, model, size);
        std::fs::create_dir_all(&folder).map_err(|e| Failure::wrong(format!("{}: {e}", folder.display())))?;
        match self {
            Tool::Archc { threads } => Ok(archc::prepare(places, model, size, threads)),
            Tool::Spin(search) => spin::prepare(places, model, size, search, &folder),
            Tool::Rumur { packed, threads } => rumur::prepare(places, model, size, packed, threads, &folder),
            Tool::Stateright { packed, dfs, threads } => {
                Ok(stateright::prepare(places, model, size, packed, dfs, threads))
            }
        }
    }

    /// What its output says. An error if it does not say that the whole state space was searched and that every
    /// property holds.
    pub fn counts(self, output: &str) -> Result<Counts, String> {
        match self {
            Tool::Archc { .. } => archc::counts(output),
            Tool::Spin(_) => spin::counts(output),
            Tool::Rumur { .. } => rumur::counts(output),
            Tool::Stateright { .. } => stateright::counts(output),
        }
    }
}

/// A number as a tool prints it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    /// All digits.
    Exact(u64),
    /// Eight significant digits: what pan prints of numbers from 1e8.
    Rounded(f64),
}

impl Count {
    /// Whether it is this number, as far as it was printed.
    pub fn is(self, number: u64) -> bool {
        match self {
            Count::Exact(count) => count == number,
            Count::Rounded(count) => format!("{count:.7e}") == format!("{:.7e}", number as f64),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Exact(count) => write!(f, "{count}"),
            Count::Rounded(count) => write!(f, "{count:.7e}"),
        }
    }
}

/// What a tool found, after the corrections that are documented where its output is read.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Distinct states.
    pub states: Count,
    /// Enabled events of all distinct states.
    pub transitions: Count,
    /// Initial states that the tool counts as transitions too.
    pub initial_counted: u64,
}

impl Counts {
    /// An error that says which count differs.
    pub fn agree(&self, size: &Size) -> Result<(), String> {
        let expected = size.transitions + self.initial_counted;
        if !self.states.is(size.states) {
            return Err(format!("{} states instead of {}", self.states, size.states));
        }
        if !self.transitions.is(expected) {
            return Err(format!("{} transitions instead of {expected}", self.transitions));
        }
        Ok(())
    }
}

/// Runs a step of a compilation in a folder; its output is shown if it fails.
fn step(program: &str, args: &[String], folder: &Path) -> Result<(String, Duration), Failure> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    let shown = format!("{program} {}", args.join(" "));
    let output = folder.join("compile.out");
    let (status, used) =
        measure::run_short(command, &output).map_err(|e| Failure::wrong(format!("{shown}: {e}")))?;
    if !status.success() {
        let text = std::fs::read_to_string(output).unwrap_or_default();
        return Err(Failure::wrong(format!("{shown}: {status}\n{text}")));
    }
    Ok((shown, used.wall))
}

/// Builds a package of the workspace; returns the folder that the program is in.
fn cargo_build(root: &Path, profile: Profile, package: &str, bin: &str) -> Result<PathBuf, Failure> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", package, "--bin", bin]).current_dir(root);
    let folder = match profile {
        Profile::Release => {
            command.arg("--release");
            "release"
        }
        Profile::Dev => "debug",
    };
    let status = command.status().map_err(|e| Failure::usage(format!("cargo cannot be started: {e}")))?;
    if !status.success() {
        return Err(Failure::wrong(format!("{bin} does not compile ({status})")));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join(folder).join(format!("{bin}{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { name: "x", settings: &[], states: 10, transitions: 123_456_789 };

    fn counts(states: u64, transitions: Count, initial_counted: u64) -> Counts {
        Counts { states: Count::Exact(states), transitions, initial_counted }
    }

    #[test]
    fn counts_must_be_equal() {
        assert!(counts(10, Count::Exact(123_456_789), 0).agree(&SIZE).is_ok());
        assert!(counts(10, Count::Exact(123_456_790), 1).agree(&SIZE).is_ok());
        assert!(counts(10, Count::Exact(123_456_790), 0).agree(&SIZE).is_err());
        assert!(counts(11, Count::Exact(123_456_789), 0).agree(&SIZE).is_err());
    }

    #[test]
    fn rounded_counts_are_compared_as_far_as_they_go() {
        assert!(Count::Rounded(1.234_567_9e8).is(123_456_789));
        assert!(!Count::Rounded(1.234_567_9e8).is(123_456_779));
        assert!(counts(10, Count::Rounded(1.234_567_9e8), 1).agree(&SIZE).is_ok());
    }

    #[test]
    fn tools_have_different_names() {
        let names: std::collections::BTreeSet<_> = all().iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), all().len());
    }
}
