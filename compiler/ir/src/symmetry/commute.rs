//! Whether the order in which a `for` takes its elements can matter.
//!
//! Sufficient conditions, read off the text: every variable that the body writes is written either at the
//! loop's own element only (and read there only), or only by adding to a set what does not read it.

use crate::program::{Expr, ExprKind, Place, SetOp, SlotId, Stmt, StmtKind, VarId};
use std::collections::BTreeMap;

/// How the rounds of a loop write a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Write {
    /// At the key in this position, which is the loop's element: no two rounds write the same place.
    Own(usize),
    /// By adding elements to a set.
    Adds,
}

/// Whether executing the body for the values of `slot` in any order gives the same state.
pub(super) fn commutes(slot: SlotId, body: &[Stmt]) -> bool {
    let mut writes = BTreeMap::new();
    let mut fine = true;
    each(body, &mut |stmt| fine &= note(slot, stmt, &mut writes));
    if !fine {
        return false;
    }
    each(body, &mut |stmt| fine &= reads_own(slot, stmt, &writes));
    fine
}

fn each<'s>(body: &'s [Stmt], f: &mut dyn FnMut(&'s Stmt)) {
    body.iter().for_each(|stmt| stmt.visit(f));
}

/// Notes what a statement writes; false when it does so in a way that order can matter for.
fn note(slot: SlotId, stmt: &Stmt, writes: &mut BTreeMap<VarId, Write>) -> bool {
    let (var, write) = match &stmt.kind {
        StmtKind::Assign(Place::Var(var, keys, _), value) => match own_key(slot, keys) {
            Some(key) => (*var, Write::Own(key)),
            None if adds(*var, keys, value) => (*var, Write::Adds),
            None => return false,
        },
        StmtKind::Assign(Place::RunVar(..), _) | StmtKind::Advance(..) => return false,
        StmtKind::If(..) | StmtKind::For(..) | StmtKind::Let(..) | StmtKind::Pick(..) => return true,
    };
    *writes.entry(var).or_insert(write) == write
}

fn own_key(slot: SlotId, keys: &[Expr]) -> Option<usize> {
    keys.iter().position(|k| matches!(k.kind, ExprKind::Slot(s) if s == slot))
}

/// Whether an assignment is `v := v + e`, at keys and with an `e` that do not read `v`.
fn adds(var: VarId, keys: &[Expr], value: &Expr) -> bool {
    let ExprKind::SetOp(SetOp::Union, old, added) = &value.kind else { return false };
    let ExprKind::Var(read, at) = &old.kind else { return false };
    let same = *read == var && at.len() == keys.len() && at.iter().zip(keys).all(|(a, b)| same_expr(a, b));
    same && keys.iter().chain([&**added]).all(|e| !reads(e, var))
}

fn reads(e: &Expr, var: VarId) -> bool {
    let mut found = false;
    e.visit(&mut |e| found |= matches!(&e.kind, ExprKind::Var(v, _) if *v == var));
    found
}

/// Whether a statement's own expressions read what the rounds write only where this round writes it.
fn reads_own(slot: SlotId, stmt: &Stmt, writes: &BTreeMap<VarId, Write>) -> bool {
    let exprs = match &stmt.kind {
        // The left operand is what the sets are added to.
        StmtKind::Assign(Place::Var(var, keys, _), value) if writes.get(var) == Some(&Write::Adds) => {
            let ExprKind::SetOp(_, _, added) = &value.kind else { return false };
            keys.iter().chain([&**added]).collect()
        }
        _ => stmt.exprs(),
    };
    exprs.iter().all(|e| expr_reads_own(slot, e, writes))
}

fn expr_reads_own(slot: SlotId, e: &Expr, writes: &BTreeMap<VarId, Write>) -> bool {
    let here = match &e.kind {
        // The value before the step is the same in every round; its keys are not.
        ExprKind::Old(_) => return true,
        ExprKind::Var(var, keys) => match writes.get(var) {
            Some(Write::Own(key)) => own_key(slot, keys) == Some(*key),
            Some(Write::Adds) => false,
            None => true,
        },
        _ => true,
    };
    here && e.children().iter().all(|child| expr_reads_own(slot, child, writes))
}

/// Whether two expressions are the same but for where they are written.
pub(super) fn same_expr(a: &Expr, b: &Expr) -> bool {
    use ExprKind as K;
    let heads = match (&a.kind, &b.kind) {
        (K::Literal(x), K::Literal(y)) => x == y,
        (K::Slot(x), K::Slot(y)) => x == y,
        (K::Subject(x), K::Subject(y)) => x == y,
        (K::Role(x), K::Role(y)) => x == y,
        (K::RunVar(x), K::RunVar(y)) => x == y,
        (K::Var(x, _), K::Var(y, _)) => x == y,
        (K::Field(_, x), K::Field(_, y)) => x == y,
        (K::VariantField(_, t, x), K::VariantField(_, u, y)) => t == u && x == y,
        (K::SelfId, K::SelfId) | (K::ParentRun, K::ParentRun) => true,
        (K::Old(_), K::Old(_)) | (K::MapGet(..), K::MapGet(..)) | (K::SeqGet(..), K::SeqGet(..)) => true,
        _ => false,
    };
    let (x, y) = (a.children(), b.children());
    heads && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same_expr(x, y))
}
