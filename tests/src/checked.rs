//! What the tests of the front end share: a text checked, and the files to check.

use arch_base::{Diagnostic, Severity, SourceMap};
use arch_ir::Program;
use archc::render::diagnostics::rendered;
use archc::style::Paint;
use std::path::{Path, PathBuf};

/// Room for recursive passes over the deepest tree that the parser accepts; archc's own thread has as much.
const STACK: usize = 256 << 20;

/// What the front end says about one text.
pub struct Checked {
    /// The text, under a name.
    pub sources: SourceMap,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The program, if there is one.
    pub program: Option<Program>,
    /// Whether the text is a sketch: no error, and something missing.
    pub sketch: bool,
}

impl Checked {
    /// Whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether a code was found.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.diagnostics.iter().any(|d| d.code.0 == code)
    }

    /// The diagnostics as a terminal without colour shows them.
    #[must_use]
    pub fn rendered(&self) -> String {
        rendered(&self.diagnostics, &self.sources, Paint { colored: false })
    }
}

/// Parses and analyzes a text.
#[must_use]
pub fn check(name: &str, text: &str) -> Checked {
    let mut sources = SourceMap::default();
    let file = sources.add(name.to_owned(), text.to_owned());
    let (diagnostics, program, sketch) = match arch_grammar::parse(file, text) {
        Err(diagnostics) => (diagnostics, None, false),
        Ok(module) => {
            let analysis = arch_sema::analyze(&module, &arch_sema::Options::default());
            (analysis.diagnostics, analysis.program, analysis.sketch)
        }
    };
    Checked { sources, diagnostics, program, sketch }
}

/// Runs something on a thread with as much stack as archc gives itself.
///
/// # Panics
///
/// When the thread cannot be started or what it runs panics.
pub fn with_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A path from the root of the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// All `*.arch` files below a directory, sorted.
///
/// # Panics
///
/// When the directory cannot be read.
#[must_use]
pub fn specs_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(specs_below(&path));
        } else if path.extension().is_some_and(|e| e == "arch") {
            found.push(path);
        }
    }
    found.sort();
    found
}
