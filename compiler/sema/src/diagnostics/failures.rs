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

/// A clause that does not say what would show it.
pub fn no_property(span: Span, repair: bool) -> Diagnostic {
    let verb = if repair { "repairs" } else { "prevents" };
    Diagnostic::error(
        codes::BAD_FAILURE,
        format!("this says what {verb} the failure, and not what would be violated without it"),
    )
    .at(span, "names no property")
    .help("add `else violates PROPERTY`: what must hold as the spec is written, and must fail without this")
}

/// `with order A before B` where they do not follow each other.
pub fn not_one_chain(span: Span, a: &Ident, b: &Ident) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_FAILURE,
        format!("`{}` and `{}` are not steps of one chain, so they have no order", a.name, b.name),
    )
    .at(span, "cannot be reordered")
}

/// `with order A before B` where that is so already.
pub fn in_order_already(span: Span, a: &Ident, b: &Ident) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_FAILURE,
        format!("`{}` comes before `{}` already, so this changes nothing", a.name, b.name),
    )
    .at(span, "as the spec is written")
    .help(format!("did you mean `with order {} before {}`?", b.name, a.name))
}

/// A change that leaves no spec.
pub fn no_spec_left(span: Span, why: &str, place: Option<Span>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::BAD_FAILURE, format!("with this change there is no spec any more: {why}"))
            .at(span, "cannot be removed or changed like this");
    match place {
        Some(place) if place != span => error.see(place, "this is in the way"),
        _ => error,
    }
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

/// What an audit does not leave out.
pub fn never_redundant(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAILURE, "nothing that an audit leaves out is named here")
        .at(span, "cannot be redundant")
        .help("name a `guard of S`, `term n of S`, `effect n of S`, `branch S`, `protocol P`, `fault F` or `budget of F`")
}

/// A redundancy without a reason.
pub fn no_reason(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAILURE, "this says nothing")
        .at(span, "no reason")
        .help("say why it is there although nothing depends on it: `\"what claim has asked, for readers\"`")
}

/// A fault that the spec does not declare.
pub fn no_such_fault(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAILURE, "no such fault is declared")
        .at(span, "not in `faults { … }`")
        .help("what never happens is not there without need: delete this, or declare the fault")
}

/// A fault without a budget that could be left out.
pub fn no_budget(span: Span, fault: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_FAILURE, "this fault has no budget")
        .at(span, "cannot be redundant")
        .see(fault, "it happens any number of times")
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
