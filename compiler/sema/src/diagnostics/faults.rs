//! Faults.

use crate::codes;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Ident;

/// A fault of something that does not act.
pub fn not_an_actor(name: &Ident, declared: Span) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_FAULT,
        format!("`{}` is not an actor, so nothing can happen to it", name.name),
    )
    .at(name.span, "named in a fault")
    .see(declared, "declared as an id type here")
    .help("name an actor")
}

/// Duplicates without a bound.
pub fn unbounded_duplicates(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAULT, "how many requests may be duplicated must be bounded")
        .at(span, "unbounded")
        .because(
            "note: every duplicated request is kept until it arrives, so the state space would have no end",
        )
        .help("write `at most 2`")
}

/// A crash of an actor that has a local with any initial value.
pub fn any_local_of_crashing(span: Span, name: &str, declared: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAULT, format!("what `{name}` is after a crash is not clear"))
        .at(span, "crashes, and its locals are reset")
        .see(declared, "starts with any value")
        .help("give it an initial value")
}

/// A fault of a hand-off that a rule does not have.
pub fn rule_has_no_handoff(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAULT, "a rule is not handed off to, so nothing can be lost or duplicated")
        .at(span, "is a step of a `rules` block")
        .help("model the message as truth, or make it a step of a protocol")
}

/// A loss of what nobody sends.
pub fn nothing_hands_over(operation: &Ident) -> Diagnostic {
    let message = format!("nothing hands over to `{}`, so nothing can be lost", operation.name);
    Diagnostic::error(codes::BAD_FAULT, message)
        .at(operation.span, "is how a run or a branch begins")
        .help("name a later step; or begin the run with a `let` in the head, which makes its first step one that is waited for")
}

/// A second arrival of half a step.
pub fn duplicate_of_split(operation: &Ident) -> Diagnostic {
    let message = format!("`{}` is split, so it would not arrive once more as a whole", operation.name);
    Diagnostic::error(codes::BAD_FAULT, message)
        .at(operation.span, "is split into two halves")
        .help("write the halves as two steps, and say which of them is duplicated")
}

/// `crashed(a)` where nothing crashes.
pub fn never_crashes(span: Span, actor: &str) -> Diagnostic {
    Diagnostic::warning(codes::FAULT_NEVER, format!("no `{actor}` ever crashes, so this is always false"))
        .at(span, "asks whether one has crashed")
        .help(format!("add `faults {{ crash {actor} }}`, or `crash {actor} stops`"))
}

/// `connected(a, b)` where nothing is ever cut off.
pub fn never_parts(span: Span, from: &str, to: &str) -> Diagnostic {
    let message = format!("`{from}` and `{to}` are always connected, so this is always true");
    Diagnostic::warning(codes::FAULT_NEVER, message)
        .at(span, "asks whether they are connected")
        .help(format!("add `faults {{ partition {from} from {to} }}`"))
}

/// A fault that is declared twice.
pub fn declared_twice(span: Span, first: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAULT, "this fault is declared already")
        .at(span, "a second time")
        .see(first, "first here")
        .help("give it one budget: `at most n`, or `unbounded`")
}
