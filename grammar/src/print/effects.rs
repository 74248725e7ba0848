//! Effect blocks.

use super::exprs::{breakable_binder, expr};
use super::writer::{Place, Writer};
use crate::ast::*;

/// `{ a := b; c := d }`
pub(super) fn inline_block(block: &Block) -> String {
    if block.statements.is_empty() {
        return "{}".to_owned();
    }
    format!("{{ {} }}", block.statements.iter().map(inline).collect::<Vec<_>>().join("; "))
}

fn inline(stmt: &Stmt) -> String {
    match &stmt.kind {
        StmtKind::Assign(place, value) => format!("{} := {}", expr(place), expr(value)),
        StmtKind::Advance(place) => format!("advance {}", expr(place)),
        StmtKind::Let(name, value) => format!("let {} = {}", name.name, expr(value)),
        StmtKind::Pick { ghost, name, from } => {
            let ghost = if ghost.is_some() { "ghost " } else { "" };
            format!("{ghost}pick {} in {}", name.name, expr(from))
        }
        StmtKind::Todo => "todo".to_owned(),
        StmtKind::For { binder, body } => format!("for {} {}", breakable_binder(binder), inline_block(body)),
        StmtKind::If { condition, label, then, otherwise } => {
            let head = if_head(condition, label.as_ref());
            let tail = otherwise.as_ref().map_or_else(String::new, inline_else);
            format!("{head} {}{tail}", inline_block(then))
        }
    }
}

fn inline_else(block: &Block) -> String {
    match else_if(block) {
        Some(stmt) => format!(" else {}", inline(stmt)),
        None => format!(" else {}", inline_block(block)),
    }
}

/// The `if` of an `else if`: it starts where its block starts, without a brace.
fn else_if(block: &Block) -> Option<&Stmt> {
    match block.statements.as_slice() {
        [only] if matches!(only.kind, StmtKind::If { .. }) && only.span == block.span => Some(only),
        _ => None,
    }
}

fn if_head(condition: &Expr, label: Option<&Ident>) -> String {
    let label = label.map_or_else(String::new, |l| format!(" as {}", l.name));
    format!("if {}{label}", expr(condition))
}

/// A head and its block, on one line if `whole` was.
pub(super) fn block_item(writer: &mut Writer<'_>, head: &str, whole: arch_base::Span, block: &Block) {
    let line = format!("{head} {}", inline_block(block));
    if writer.on_one_line(whole, &line) || block.statements.is_empty() && !writer.has_comment(block.span) {
        writer.line(whole, &line);
        return;
    }
    writer.open(Place { start: whole.start as usize, end: block.span.start as usize }, head);
    statements(writer, block);
    writer.close(block.span.end as usize);
}

fn statements(writer: &mut Writer<'_>, block: &Block) {
    for stmt in &block.statements {
        statement(writer, stmt);
    }
}

fn statement(writer: &mut Writer<'_>, stmt: &Stmt) {
    match &stmt.kind {
        StmtKind::For { binder, body } => {
            block_item(writer, &format!("for {}", breakable_binder(binder)), stmt.span, body);
        }
        StmtKind::If { .. } if !writer.on_one_line(stmt.span, &inline(stmt)) => if_statement(writer, stmt),
        _ => writer.line(stmt.span, &inline(stmt)),
    }
}

/// An `if` over several lines.
fn if_statement(writer: &mut Writer<'_>, stmt: &Stmt) {
    let StmtKind::If { condition, label, then, .. } = &stmt.kind else { return };
    let head = if_head(condition, label.as_ref());
    writer.open(Place { start: stmt.span.start as usize, end: then.span.start as usize }, &head);
    statements(writer, then);
    let mut arm = stmt;
    while let Some((end, next)) = next_arm(arm) {
        let between = |body: &Block| Place { start: end.saturating_sub(1), end: body.span.start as usize };
        let Some(elif) = else_if(next) else {
            writer.close_with(between(next), "} else {");
            writer.reopen();
            statements(writer, next);
            writer.close(next.span.end as usize);
            return;
        };
        let StmtKind::If { condition, label, then, .. } = &elif.kind else { return };
        writer.close_with(between(then), &format!("}} else {} {{", if_head(condition, label.as_ref())));
        writer.reopen();
        statements(writer, then);
        arm = elif;
    }
    writer.close(stmt.span.end as usize);
}

/// Where the block of an `if` ends, and what follows `else`.
fn next_arm(stmt: &Stmt) -> Option<(usize, &Block)> {
    match &stmt.kind {
        StmtKind::If { then, otherwise, .. } => Some((then.span.end as usize, otherwise.as_ref()?)),
        _ => None,
    }
}
