//! What cannot be generated, and why.

use arch_base::{Code, Diagnostic, Span};

/// A part of a spec that cannot be generated.
pub const NOT_GENERATED: Code = Code("E0801");

/// Something in a program of which no code can be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Where it is.
    pub span: Span,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Refusal {
    /// Without advice.
    #[must_use]
    pub fn new(span: Span, message: impl Into<String>) -> Refusal {
        Refusal { span, message: message.into(), help: None }
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Refusal {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn name(what: &str, name: &str, stored: &str, why: &str, span: Span) -> Refusal {
        Refusal::new(span, format!("`{name}` would be stored in the {what} `{stored}`, which cannot be"))
            .help(format!("{why}: call it something else"))
    }

    pub(crate) fn key(kind: &str, key: &str, span: Span) -> Refusal {
        Refusal::new(span, format!("the key `{key}` of `{kind}` has no text that names a row"))
            .help("key it by an actor, an id type, an enum, a bool or a range")
    }

    pub(crate) fn ty(name: &str, what: &str, span: Span) -> Refusal {
        Refusal::new(span, format!("`{name}` is {what}, of which no code is generated yet"))
    }

    /// As a diagnostic.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic =
            Diagnostic::error(NOT_GENERATED, self.message.clone()).at(self.span, "not generated");
        match &self.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        }
    }
}
