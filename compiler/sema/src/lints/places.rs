//! Places: a step that needs two of them at once.

use super::facts::Facts;
use super::{Found, named};
use crate::diagnostics::lints as warnings;
use arch_ir::{ExprKind, Place, SortId, StmtKind, VarId};
use std::collections::BTreeMap;

/// A step that reads or writes truth at two places in one atomic event: no such transaction exists between them, and a
/// partition stops it. (What a view holds is at the place of its actor.)
pub fn two_places(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for &at in &facts.steps {
        let mut touched: BTreeMap<SortId, VarId> = BTreeMap::new();
        let mut touch = |var: VarId| {
            if let Some(place) = facts.truth(var).and_then(|t| facts.program.truths[t].place) {
                touched.entry(place).or_insert(var);
            }
        };
        let mut visit = |e: &arch_ir::Expr| {
            e.visit(&mut |e| {
                if let ExprKind::Var(var, _) = &e.kind {
                    touch(*var);
                }
            });
        };
        visit(&facts.step(at).guard);
        facts.each_statement(at, &mut |s| s.exprs().into_iter().for_each(&mut visit));
        facts.each_statement(at, &mut |s| {
            if let StmtKind::Assign(Place::Var(var, ..), _) | StmtKind::Advance(Place::Var(var, ..), _) =
                &s.kind
                && let Some(place) = facts.truth(*var).and_then(|t| facts.program.truths[t].place)
            {
                touched.entry(place).or_insert(*var);
            }
        });
        let mut touched = touched.into_iter();
        if let (Some(one), Some(other)) = (touched.next(), touched.next()) {
            let name = |(place, var): (SortId, VarId)| {
                (facts.program.vars[var].name.clone(), facts.program.sorts[place].name.clone())
            };
            let warning = warnings::two_places(named(facts.program, at), &name(one), &name(other));
            found.push(Found { at, warning });
        }
    }
}
