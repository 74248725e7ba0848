//! Versions: read, checked, set.

use super::facts::{Facts, alike, all_alike};
use super::{At, Found, named};
use crate::diagnostics::lints as warnings;
use arch_ir::{
    ChainId, CompareOp, Expr, ExprKind, Place, ProtocolId, RunVarId, Step, StepId, Stmt, StmtKind, Type,
    VarId,
};

/// A run that reads a version, and later writes what has it without a look at it.
pub fn never_checked(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for (protocol, of) in facts.program.protocols.iter_enumerated() {
        let in_head = of.begin.iter().map(|(var, e)| (*var, e, None));
        let at_steps = of.steps.iter_enumerated();
        let at_steps = at_steps.flat_map(|(id, s)| s.lets.iter().map(move |(var, e)| (*var, e, Some(id))));
        for (var, value, at) in in_head.chain(at_steps) {
            let ExprKind::Var(read, _) = &value.kind else { continue };
            let is_version = matches!(value.ty.unwrap_optional(), Type::Ordinal(_));
            if !is_version || is_checked(facts, protocol, var) {
                continue;
            }
            let truth = facts.real_truth(*read);
            let comes_after = |step: StepId| {
                at.is_none_or(|read| read == step || facts.before((protocol, step)).contains(&read))
            };
            let writes = |step: &StepId| {
                comes_after(*step)
                    && facts
                        .writes((protocol, *step))
                        .into_iter()
                        .any(|w| truth.is_some() && facts.truth(w) == truth)
            };
            if let Some(step) = of.steps.indices().find(writes) {
                let at = (protocol, step);
                let names = (of.vars[var].name.as_str(), facts.program.vars[*read].name.as_str());
                let warning = warnings::version_not_checked(named(facts.program, at), names, value.span);
                found.push(Found { at, warning });
            }
        }
    }
}

/// Whether any condition of a protocol, or of its sub-runs, reads a variable of its runs.
fn is_checked(facts: &Facts<'_>, protocol: ProtocolId, var: RunVarId) -> bool {
    let mut checked = false;
    for &at in &facts.steps {
        for condition in facts.conditions(at) {
            condition.visit(&mut |e| {
                checked |= match &e.kind {
                    ExprKind::RunVar(v) => at.0 == protocol && *v == var,
                    ExprKind::RunVarOf(p, _, v) => *p == protocol && *v == var,
                    _ => false,
                };
            });
        }
    }
    checked
}

/// A step that compares an attribute with what the run read of it before, and then writes the same truth object.
pub fn compare_and_set(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for &at in &facts.steps {
        let step = facts.step(at);
        for conjunct in step.guard.conjuncts() {
            let Some(compared) = compared(facts, at, conjunct) else { continue };
            let truth = facts.real_truth(compared);
            let written = facts.writes(at);
            if !written.iter().any(|w| truth.is_some() && facts.truth(*w) == truth) {
                continue;
            }
            let name = &facts.program.vars[compared].name;
            if !written.contains(&compared) {
                let warning = warnings::compared_not_advanced(named(facts.program, at), name, conjunct.span);
                found.push(Found { at, warning });
            } else if !is_answered(facts, at, step) {
                let warning = warnings::nothing_answers(named(facts.program, at), name, conjunct.span);
                found.push(Found { at, warning });
            }
        }
    }
}

/// The attribute that a conjunct `X.a = expected` compares, if `expected` was read from it by a `let`.
fn compared(facts: &Facts<'_>, at: At, conjunct: &Expr) -> Option<VarId> {
    let ExprKind::Compare(CompareOp::Eq, a, b) = &conjunct.kind else { return None };
    let (var, expected) = match (&a.kind, &b.kind) {
        (ExprKind::Var(var, _), ExprKind::RunVar(expected)) => (*var, *expected),
        (ExprKind::RunVar(expected), ExprKind::Var(var, _)) => (*var, *expected),
        _ => return None,
    };
    let of = &facts.program.protocols[at.0];
    let mut lets = of.begin.iter().chain(of.steps.iter().flat_map(|s| &s.lets));
    lets.any(|(v, e)| *v == expected && matches!(&e.kind, ExprKind::Var(read, _) if *read == var))
        .then_some(var)
}

/// Whether a run can do something else where the step is: an answer, a branch, a `loop` step that is passed.
fn is_answered(facts: &Facts<'_>, (protocol, id): At, step: &Step) -> bool {
    let of = &facts.program.protocols[protocol];
    let branch = |place: u32| {
        let windows = of.chains.iter().filter_map(|c| c.window.as_ref());
        windows.into_iter().any(|w| (w.from..=w.to).contains(&place))
    };
    let elsewhere = match of.place(id) {
        Some((ChainId(0), place)) => branch(place as u32),
        // A branch that cannot be taken is not taken.
        Some((_, 0)) => true,
        _ => false,
    };
    step.reject.is_some() || step.loops || of.rule || elsewhere
}

/// A step whose guard says what its effect makes so: whenever it is legal, it changes nothing.
pub fn postconditions(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for &at in &facts.steps {
        let step = facts.step(at);
        let given = step.guard.conjuncts();
        let said = |stmt: &Stmt| given.iter().copied().find(|c| says(c, stmt));
        let all: Option<Vec<&Expr>> = step.effect.iter().map(said).collect();
        if let Some(first) = all.as_ref().and_then(|list| list.first()) {
            found.push(Found { at, warning: warnings::postcondition(named(facts.program, at), first.span) });
        }
    }
}

/// Whether a conjunct `X.a = v` is what an assignment `X.a := v` makes so.
fn says(conjunct: &Expr, stmt: &Stmt) -> bool {
    let (ExprKind::Compare(CompareOp::Eq, a, b), StmtKind::Assign(place, value)) =
        (&conjunct.kind, &stmt.kind)
    else {
        return false;
    };
    let is = |e: &Expr| match (&e.kind, place) {
        (ExprKind::Var(var, keys), Place::Var(to, others, _)) => var == to && all_alike(keys, others),
        (ExprKind::RunVar(var), Place::RunVar(to, _)) => var == to,
        _ => false,
    };
    is(a) && alike(b, value) || is(b) && alike(a, value)
}
