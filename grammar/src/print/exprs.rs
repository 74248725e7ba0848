//! Expressions.

use super::BREAK;
use super::words::{comma_list, op_ref};
use crate::ast::*;

/// An expression, with breaks before its outer `and`, `or` and `implies`.
pub(super) fn expr(expr: &Expr) -> String {
    let mut out = String::new();
    put(&mut out, expr, BREAK);
    out
}

fn flat(expr: &Expr) -> String {
    let mut out = String::new();
    put(&mut out, expr, ' ');
    out
}

/// `gap` is what to put before `and`, `or`, `implies`: inside brackets a blank.
fn put(out: &mut String, expr: &Expr, gap: char) {
    match &expr.kind {
        ExprKind::Int(value) => out.push_str(&value.to_string()),
        ExprKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        ExprKind::Null => out.push_str("null"),
        ExprKind::Unknown => out.push_str("unknown"),
        ExprKind::SelfRef => out.push_str("self"),
        ExprKind::Now => out.push_str("now"),
        ExprKind::Name(name) => out.push_str(&name.name),
        ExprKind::Phrase(words) => {
            out.push_str(&words.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(" "))
        }
        ExprKind::Set(members) => bracketed(out, '{', &comma_list(members, flat), '}'),
        ExprKind::Seq(members) => bracketed(out, '[', &comma_list(members, flat), ']'),
        ExprKind::Paren(inner) => bracketed(out, '(', &flat(inner), ')'),
        ExprKind::SetOf(element, of) => {
            bracketed(out, '{', &format!("{} for {}", flat(element), binder(of, ' ')), '}');
        }
        ExprKind::Unary(op, inner) => {
            out.push_str(if *op == UnaryOp::Not { "not " } else { "-" });
            put(out, inner, gap);
        }
        ExprKind::Binary(op, left, right) => {
            put(out, left, gap);
            out.push(if joins(*op) { gap } else { ' ' });
            out.push_str(symbol(*op));
            out.push(' ');
            put(out, right, gap);
        }
        ExprKind::Range(low, high) => {
            put(out, low, gap);
            out.push_str("..");
            put(out, high, gap);
        }
        ExprKind::If(condition, then, otherwise) => {
            out.push_str(&format!("if {} then {} else ", flat(condition), flat(then)));
            put(out, otherwise, gap);
        }
        ExprKind::Quantified(..) | ExprKind::QuantifiedTruth(..) | ExprKind::Count(_) => {
            put_bound(out, expr, gap)
        }
        _ => put_suffixed(out, expr),
    }
}

/// What ranges over something.
fn put_bound(out: &mut String, expr: &Expr, gap: char) {
    match &expr.kind {
        ExprKind::Quantified(quantifier, of, body) => {
            out.push_str(&format!("{} {}", quantifier_word(*quantifier), binder(of, gap)));
            if let Some(body) = body {
                out.push_str(": ");
                put(out, body, gap);
            }
        }
        ExprKind::QuantifiedTruth(quantifier, relation, claim) => {
            out.push_str(quantifier_word(*quantifier));
            out.push(' ');
            if let Some(relation) = relation {
                out.push_str(&format!("{} ", relation.name));
            }
            put(out, claim, gap);
        }
        ExprKind::Count(of) => out.push_str(&format!("count {}", binder(of, gap))),
        _ => {}
    }
}

/// An expression with something after it.
fn put_suffixed(out: &mut String, expr: &Expr) {
    let base = match &expr.kind {
        ExprKind::Field(base, _) | ExprKind::Index(base, _) | ExprKind::Call(base, _) => base,
        ExprKind::Postfix(base, _) | ExprKind::Is(base, _) | ExprKind::RunAt(base, _) => base,
        _ => return,
    };
    put(out, base, ' ');
    match &expr.kind {
        ExprKind::Field(_, name) => out.push_str(&format!(".{}", name.name)),
        ExprKind::Index(_, keys) => bracketed(out, '[', &comma_list(keys, flat), ']'),
        ExprKind::Call(_, arguments) => bracketed(out, '(', &comma_list(arguments, argument), ')'),
        ExprKind::Postfix(_, word) => out.push_str(&format!(" {}", word.name)),
        ExprKind::Is(_, tag) => out.push_str(&format!(" is {}", tag.name)),
        ExprKind::RunAt(_, step) => out.push_str(&format!(" at {}", op_ref(step))),
        _ => {}
    }
}

fn bracketed(out: &mut String, open: char, inner: &str, close: char) {
    out.push(open);
    out.push_str(inner);
    out.push(close);
}

fn argument(argument: &Argument) -> String {
    match &argument.name {
        Some(name) => format!("{}: {}", name.name, flat(&argument.value)),
        None => flat(&argument.value),
    }
}

/// `x in D where P`, with breaks in the condition.
pub(super) fn breakable_binder(of: &Binder) -> String {
    binder(of, BREAK)
}

fn binder(of: &Binder, gap: char) -> String {
    let mut out = format!("{} in {}", of.name.name, flat(&of.domain));
    if let Some(filter) = &of.filter {
        out.push_str(" where ");
        put(&mut out, filter, gap);
    }
    out
}

fn quantifier_word(quantifier: Quantifier) -> &'static str {
    match quantifier {
        Quantifier::All => "all",
        Quantifier::Any => "any",
        Quantifier::No => "no",
    }
}

fn joins(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Implies)
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Implies => "implies",
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "=",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::NotIn => "not in",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Mod => "mod",
    }
}
