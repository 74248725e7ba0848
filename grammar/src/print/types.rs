//! Types.

use super::exprs::expr;
use super::words::names;
use crate::ast::*;

/// A type on one line.
pub(super) fn ty(of: &Type) -> String {
    match &of.kind {
        TypeKind::Named(name) => name.name.clone(),
        TypeKind::Range(low, high, policy) => {
            format!("{}..{}{}", expr(low), expr(high), policy_word(*policy))
        }
        TypeKind::Enum(variants) => format!("{{{}}}", names(variants)),
        TypeKind::Optional(inner) => format!("{}?", ty(inner)),
        TypeKind::Set(element, None) => format!("set of {}", ty(element)),
        TypeKind::Set(element, Some(max)) => format!("set of {} max {}", ty(element), expr(max)),
        TypeKind::Map(key, value) => format!("map {} -> {}", ty(key), ty(value)),
        TypeKind::Seq(element, max) => format!("seq of {} max {}", ty(element), expr(max)),
    }
}

fn policy_word(policy: Option<RangePolicy>) -> &'static str {
    match policy {
        None => "",
        Some(RangePolicy::Clamp) => " clamp",
        Some(RangePolicy::Wrap) => " wrap",
        Some(RangePolicy::Cut) => " cut",
    }
}
