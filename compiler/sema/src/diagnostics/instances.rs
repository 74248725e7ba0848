//! Instances, settings, composition.

use super::{all_of, suggest};
use crate::codes;
use crate::tables::Tables;
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::Ident;

fn anchored(diagnostic: Diagnostic, anchor: Option<Span>, message: &str) -> Diagnostic {
    match anchor {
        Some(span) => diagnostic.at(span, message),
        None => diagnostic,
    }
}

/// `--set` of something that is no constant.
pub fn unknown_setting(name: &str, tables: &Tables<'_>, anchor: Option<Span>) -> Diagnostic {
    let error = Diagnostic::error(
        codes::BAD_INSTANCE,
        format!("`--set {name}=…`: this file has no constant `{name}`"),
    );
    let error = anchored(error, anchor, "in this file");
    let known: Vec<&str> = tables.consts.keys().map(String::as_str).collect();
    let error = suggest(error, name, known.iter().copied());
    if known.is_empty() { error } else { error.because(format!("note: it has {}", all_of(&known))) }
}

/// `--set` to something that is no value of the constant's type.
pub fn bad_setting(name: &str, value: &str, ty: &str, declared: Span) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_INSTANCE,
        format!("`--set {name}={value}`: `{value}` is not {}", a_value(ty)),
    )
    .at(declared, format!("`{name}` is declared as {ty} here"))
    .help(format!("give {}", a_value(ty)))
}

/// A setting of an instance that is no value of the constant's type.
pub fn setting_type(name: &Ident, value: Span, ty: &str, declared: Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_INSTANCE, format!("`{}` is {ty}, and this is not", name.name))
        .at(value, format!("not {}", a_value(ty)))
        .see(declared, format!("`{}` is declared as {ty} here", name.name))
        .help(format!("give {}", a_value(ty)))
}

fn a_value(ty: &str) -> &str {
    if ty == "bool" { "`true` or `false`" } else { "an integer of 64 bits" }
}

/// An instance that sets something that is no constant.
pub fn not_a_constant(name: &Ident, tables: &Tables<'_>) -> Diagnostic {
    let error =
        Diagnostic::error(codes::BAD_INSTANCE, format!("there is no constant `{}` to set", name.name))
            .at(name.span, "set here");
    suggest(error, &name.name, tables.consts.keys().map(String::as_str))
        .help(format!("declare it: `const {} = 1`", name.name))
}

/// `--instance` of one that is not there.
pub fn unknown_instance(name: &str, known: &[&str], anchor: Span) -> Diagnostic {
    let error = Diagnostic::error(codes::BAD_INSTANCE, format!("this file has no instance `{name}`"))
        .at(anchor, "in this file");
    match known {
        [] => error.help(format!("declare it: `instance {name} {{ N = 3 }}`")),
        known => {
            suggest(error, name, known.iter().copied()).because(format!("note: it has {}", all_of(known)))
        }
    }
}

/// Composition, which is reserved.
pub fn composition_reserved(keyword: &Ident) -> Diagnostic {
    Diagnostic::error(
        codes::RESERVED,
        format!("`{}` is reserved for composing specs, which this version cannot do", keyword.name),
    )
    .at(keyword.span, "not available yet")
    .help("copy the declarations that you need into this file")
}
