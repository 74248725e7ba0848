//! What a sketch lacks.

use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Ident;

/// An attribute or local without a type, with the constants that it is compared with.
pub fn untyped(span: Span, name: &str, constants: &[String]) -> Diagnostic {
    let note = Diagnostic::note(codes::MISSING_TYPE, format!("`{name}` has no type yet"))
        .at(span, "which values can it have?");
    if !constants.is_empty() {
        let attribute = name.rsplit('.').next().unwrap_or(name);
        let listed = constants.join(", ");
        return note.help(format!("it is compared with constants: `{attribute}: {{ {listed}, … }}`"));
    }
    note.help("`bool`, `tri`, `time`, `0..3`, `{ A, B }`, an actor or id type, an `ordinal`; with `?` if it can be null")
}

/// An operation without an effect.
pub fn no_effect(operation: &Ident) -> Diagnostic {
    Diagnostic::note(codes::MISSING_EFFECT, format!("`{}` has no effect yet", operation.name))
        .at(operation.span, "what does it change?")
        .help(format!("`on {} {{ X.a := v }}`; `{{ }}` if it changes nothing", operation.name))
}

/// A compare-and-set with nobody to answer.
pub fn unanswered(span: Span, operation: &Ident) -> Diagnostic {
    Diagnostic::note(
        codes::MISSING_ANSWER,
        format!("nothing answers when the comparison of `{}` is false", operation.name),
    )
    .at(span, "the run waits here for ever once another writer was first")
    .help(format!("`rejects {} => retry`, or a `|->` branch for the other case", operation.name))
}

/// A postcondition written as a guard.
pub fn postcondition(span: Span, operation: &Ident) -> Diagnostic {
    Diagnostic::note(
        codes::POSTCONDITION_GUARD,
        format!("this guard of `{}` says what is so afterwards", operation.name),
    )
    .at(span, "cannot be true before the step has made it so")
    .help(format!(
        "define what the word means before the step, and let the effect make it so: `on {} {{ advance … }}`",
        operation.name
    ))
}

/// A spec without properties.
pub fn no_property(span: Span) -> Diagnostic {
    Diagnostic::note(codes::MISSING_PROPERTY, "no property is stated yet")
        .at(span, "what must always, or never, be so?")
        .help(
            "`property p: always …`, `at STEP: …`, `monotonic X.a`, `use at_most_one_current_valid_owner(…)`",
        )
}
