//! Effects without one of their statements.

use super::{Refusal, StepRef};
use crate::program::{Binder, ExprKind, Program, SlotId, Stmt, StmtKind};

/// Where a statement stands in an effect: the position of each statement on the way to it, from the outside in, and
/// between two positions the number of the block of the outer one (0 `then` or the body, 1 `else`).
pub type StmtPath = Vec<u32>;

/// Every statement of an effect with its place, in order, outer ones first.
#[must_use]
pub fn statements(effect: &[Stmt]) -> Vec<(StmtPath, &Stmt)> {
    let mut found = Vec::new();
    for (n, stmt) in effect.iter().enumerate() {
        found.push((vec![n as u32], stmt));
        for (b, block) in stmt.blocks().into_iter().enumerate() {
            let inside = statements(block).into_iter();
            found.extend(inside.map(|(path, s)| ([vec![n as u32, b as u32], path].concat(), s)));
        }
    }
    found
}

impl Program {
    /// Removes a statement of a step's effect.
    pub(super) fn remove_statement(&mut self, at: StepRef, path: &StmtPath) -> Result<(), Refusal> {
        let effect = &mut self.protocols[at.protocol].steps[at.step].effect;
        let removed = take(effect, path);
        if let Some((removed, slot)) = removed.and_then(|s| declared(&s).map(|slot| (s, slot)))
            && effect.iter().any(|s| reads(s, slot))
        {
            let why = format!("later statements use `{}`", self.slots[slot]);
            return Err(Refusal { why, span: removed.span });
        }
        Ok(())
    }
}

fn take(block: &mut Vec<Stmt>, path: &[u32]) -> Option<Stmt> {
    match *path {
        [n] => ((n as usize) < block.len()).then(|| block.remove(n as usize)),
        [n, inner, ref rest @ ..] => match &mut block.get_mut(n as usize)?.kind {
            StmtKind::If(_, then, _) if inner == 0 => take(then, rest),
            StmtKind::If(_, _, otherwise) => take(otherwise, rest),
            StmtKind::For(_, body) => take(body, rest),
            _ => None,
        },
        [] => None,
    }
}

/// The variable that the statements after this one can read.
fn declared(stmt: &Stmt) -> Option<SlotId> {
    match &stmt.kind {
        StmtKind::Let(slot, _) | StmtKind::Pick(Binder { slot, .. }) => Some(*slot),
        _ => None,
    }
}

fn reads(stmt: &Stmt, slot: SlotId) -> bool {
    let mut found = false;
    stmt.visit(&mut |s| {
        for e in s.exprs() {
            e.visit(&mut |e| found |= matches!(e.kind, ExprKind::Slot(s) if s == slot));
        }
    });
    found
}
