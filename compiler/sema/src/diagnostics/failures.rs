//! Failure modes.

use super::{plural, suggest};
use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::{Ident, Text};

/// Two failure modes of one name.
pub fn duplicate(name: &Text, earlier: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAILURE, format!("the failure mode \"{}\" is declared twice", name.value))
        .at(name.span, "declared again here")
        .see(earlier, "first declared here")
        .help("put all clauses into one declaration")
}

/// A failure mode that says nothing.
pub fn empty(name: &Text) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_FAILURE,
        "this failure mode says neither what prevents it nor what repairs it",
    )
    .at(name.span, "has no clause")
    .help("write `prevented by guard of STEP else violates PROPERTY`")
}

/// A guard that is not there.
pub fn no_guard(span: Span, operation: &Ident) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_FAILURE,
        format!("`{}` has no guard, so it prevents nothing", operation.name),
    )
    .at(span, "names its guard")
    .help("name a step that has one")
}

/// A term or statement that is not there.
pub fn no_such_number(span: Span, n: u32, count: usize, what: &str, operation: &Ident) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_FAILURE,
        format!("`{}` has {}, and this names number {n}", operation.name, plural(count, what)),
    )
    .at(span, format!("there is no number {n}"))
    .help("they are numbered from 1, in order of writing")
}

/// A step that is no branch.
pub fn not_a_branch(operation: &Ident) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAILURE, format!("`{}` does not begin a branch", operation.name))
        .at(operation.span, "not after a `|->`")
        .help("write `step S` to remove a step of the main chain")
}

/// A label that is not there.
pub fn unknown_label(name: &Ident, known: &[&str]) -> Diagnostic {
    let error = Diagnostic::error(codes::BAD_FAILURE, format!("there is no label `{}`", name.name))
        .at(name.span, "not declared");
    suggest(error, &name.name, known.iter().copied())
        .help("label a statement: `if C as LABEL { … }`; or name a `guard of S`, `term n of S`, `branch S`, `protocol P`, `step S`, `effect n of S`")
}
