//! Properties and built-in checks.

use super::{all_of, suggest};
use crate::codes;
use crate::properties::CHECKS;
use crate::templates::TEMPLATES;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::{Ident, OpRef};

/// A property with the name of a built-in check.
pub fn reserved_name(name: &Ident) -> Diagnostic {
    Diagnostic::error(codes::BAD_PROPERTY, format!("`{}` is the name of a built-in check", name.name))
        .at(name.span, "not available")
        .help("choose another name")
}

/// A quantifier in front of a property over a set that changes.
pub fn varying_domain(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_PROPERTY, "a property ranges over what is there in every state")
        .at(span, "this set changes")
        .help("range over a type, and put the set into the claim: `for each x in TYPE: always x in SET implies …`")
}

/// `monotonic` of an instant.
pub fn monotonic_time(span: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_PROPERTY, "whether a stored instant decreases is not kept")
        .at(span, "an instant")
        .because("note: instants far in the past are all the same to archc")
        .help("keep an ordinal or a counter beside it")
}

/// A built-in check that does not exist.
pub fn unknown_check(name: &Ident) -> Diagnostic {
    let (message, label) = match name.name.as_str() {
        "bounds" => ("`bounds` is always checked".to_owned(), "cannot be switched off"),
        other => (format!("there is no built-in check `{other}`, and no such warning"), "not known"),
    };
    let error = Diagnostic::error(codes::UNKNOWN_CHECK, message).at(name.span, label);
    suggest(error, &name.name, CHECKS.iter().copied())
        .because(format!(
            "note: {} can be switched off",
            all_of(&["stuck", "stranded", "advances", "coverage"])
        ))
        .because("note: a warning is accepted by its code, such as W0901")
}

/// A built-in check that is switched off for one step.
pub fn check_of_everything(name: &Ident, at: &OpRef) -> Diagnostic {
    let message = format!("`{}` is a check of the whole spec", name.name);
    Diagnostic::error(codes::UNKNOWN_CHECK, message)
        .at(at.operation.span, "only warnings are accepted of one step")
        .help(format!("`allow {} \"why\"`", name.name))
}

/// A property that is not declared.
pub fn unknown_property(name: &Ident, known: &[String]) -> Diagnostic {
    let error = Diagnostic::error(codes::UNKNOWN_PROPERTY, format!("there is no property `{}`", name.name))
        .at(name.span, "not declared, and no built-in check");
    suggest(error, &name.name, known.iter().map(String::as_str))
        .help(format!("declare it: `property {}: …`", name.name))
}

/// A template that does not exist, or is given the wrong number of arguments.
pub fn unknown_template(name: &Ident, given: usize) -> Diagnostic {
    if let Some(template) = TEMPLATES.iter().find(|t| t.name == name.name) {
        let call = format!("{}({})", template.name, template.parameters);
        return Diagnostic::error(
            codes::UNKNOWN_TEMPLATE,
            format!("`{}` is given {given} arguments", name.name),
        )
        .at(name.span, "the wrong number of arguments")
        .help(format!("write `use {call}`; it means `{}`", template.meaning));
    }
    let names: Vec<&str> = TEMPLATES.iter().map(|t| t.name).collect();
    let error =
        Diagnostic::error(codes::UNKNOWN_TEMPLATE, format!("there is no property template `{}`", name.name))
            .at(name.span, "not known");
    suggest(error, &name.name, names.iter().copied()).because(format!("note: declared: {}", all_of(&names)))
}

/// Something that names no step.
pub fn step_expected(span: Span) -> Diagnostic {
    Diagnostic::error(codes::UNKNOWN_OPERATION, "the name of an operation is needed here")
        .at(span, "not an operation")
        .help("write `operation` or `protocol.operation`")
}
