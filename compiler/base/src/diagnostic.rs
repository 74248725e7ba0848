//! What archc says about a spec, as data. Rendering lives in the driver.

use crate::source::Span;
use std::fmt;

/// A stable code such as `E0203`. Each has a page `docs/diagnostics/<code>.md`, which `archc explain`
/// prints and whose example a test runs. Codes are never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Something to do before the spec can be explored; a sketch has many.
    Note,
    /// Suspicious, but the meaning is clear.
    Warning,
    /// The spec has no meaning; nothing is explored.
    Error,
}

/// A place with what is to be said there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// Whether the diagnostic is about this place (else the place explains it).
    pub primary: bool,
    /// What is said, lower case, without a full stop.
    pub message: String,
}

/// One thing that is said about a spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// The use first, then the declarations that explain it.
    pub labels: Vec<Label>,
    /// Concrete fixes and reasons, each a sentence; `help: …` lines say what to write.
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// A note: what a sketch still lacks.
    #[must_use]
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Diagnostic { code, severity, message: message.into(), labels: Vec::new(), notes: Vec::new() }
    }

    /// Adds the place that the diagnostic is about.
    #[must_use]
    pub fn at(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, primary: true, message: message.into() });
        self
    }

    /// Adds a place that explains it, such as the declaration; once, if it is added again.
    #[must_use]
    pub fn see(mut self, span: Span, message: impl Into<String>) -> Self {
        let label = Label { span, primary: false, message: message.into() };
        if !self.labels.contains(&label) {
            self.labels.push(label);
        }
        self
    }

    /// Adds a concrete fix: what to write.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.notes.push(format!("help: {}", text.into()));
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// The place that it is about: the first primary label.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.iter().find(|l| l.primary).map(|l| l.span)
    }
}
