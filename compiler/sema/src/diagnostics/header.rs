//! The header, and what nothing uses.

use super::{all_of, suggest};
use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Ident;

/// A header entry that is not known.
pub fn unknown_entry(key: &str, span: Span, known: &[&str]) -> Diagnostic {
    let warning = Diagnostic::warning(codes::UNKNOWN_HEADER, format!("a header has no entry `{key}`"))
        .at(span, "not known");
    suggest(warning, key, known.iter().copied()).because(format!("note: entries are {}", all_of(known)))
}

/// Truth listed in a protocol that is no entity of the archetype.
pub fn not_an_entity(name: &Ident, entities: Span, archetype: &str) -> Diagnostic {
    Diagnostic::warning(
        codes::NOT_AN_ENTITY,
        format!("`{}` is truth of a protocol, and no entity of {archetype}", name.name),
    )
    .at(name.span, "declared as truth")
    .see(entities, "not among the entities")
    .help(format!("add `{}` to the entities, or move what it says into one of them", name.name))
}

/// A declaration that nothing uses.
pub fn unused(span: Span, what: &str, name: &str) -> Diagnostic {
    Diagnostic::warning(codes::UNUSED, format!("the {what} `{name}` is never used"))
        .at(span, "nothing refers to this")
        .help("remove it, or use it")
}

/// Truth that a guard or property reads and nothing writes.
pub fn never_written(span: Span, name: &str, declared: Span) -> Diagnostic {
    Diagnostic::warning(
        codes::NEVER_WRITTEN,
        format!("`{name}` is read and never written, so it never changes"),
    )
    .at(span, "read here")
    .see(declared, "declared here")
    .help("write it in an effect, or start it with `= any` if it is fixed by the environment")
}
