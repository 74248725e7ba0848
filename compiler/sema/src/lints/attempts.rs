//! Trying again: `retry` that cannot succeed, and `requeue` beside an attempt that lives on.

use super::facts::Facts;
use super::{At, Found, named};
use crate::diagnostics::lints as warnings;
use arch_ir::{Chain, ChainId, Expr, ExprKind, Outcome, Place, ProtocolId, StmtKind, VarId};
use std::collections::BTreeSet;

/// A refused step that is tried again for ever, where nothing but the step itself writes what its guard reads.
pub fn retries(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for &at in &facts.steps {
        let step = facts.step(at);
        let Some(reject) = step.reject.as_ref().filter(|r| again(&r.outcome)) else { continue };
        let own = &step.guard;
        let (read, fixed) = (reads(own), varies_by_itself(own));
        let chooses = !step.binds.is_empty() || !step.params.is_empty();
        if read.is_empty() || fixed || (chooses && reads_a_choice(own)) {
            continue;
        }
        let written = |other: &At| !facts.writes(*other).is_disjoint(&read) || answers(facts, *other, &read);
        if !facts.steps.iter().filter(|other| **other != at).any(written) && !answers(facts, at, &read) {
            let warning = warnings::retry_in_vain(named(facts.program, at), own.span, reject.span);
            found.push(Found { at, warning });
        }
    }
}

/// Whether a guard reads who acts or what is chosen: another choice may do.
fn reads_a_choice(guard: &Expr) -> bool {
    let mut reads = false;
    guard.visit(&mut |e| reads |= matches!(e.kind, ExprKind::SelfId | ExprKind::Slot(_)));
    reads
}

fn again(outcome: &Outcome) -> bool {
    !outcome.ends && outcome.then.is_none()
}

fn reads(guard: &Expr) -> BTreeSet<VarId> {
    let mut read = BTreeSet::new();
    guard.visit(&mut |e| {
        if let ExprKind::Var(var, _) = &e.kind {
            read.insert(*var);
        }
    });
    read
}

/// Whether a guard reads something that changes without an effect: the clock, runs, crashes, or what the run reads
/// anew when it begins again.
fn varies_by_itself(guard: &Expr) -> bool {
    let mut varies = false;
    guard.visit(&mut |e| {
        use ExprKind as K;
        varies |= matches!(
            e.kind,
            K::Instant(_)
                | K::RunVar(_)
                | K::Role(_)
                | K::Crashed(..)
                | K::Connected(..)
                | K::RunAt(..)
                | K::RunUnfinished(..)
                | K::RunSubject(..)
                | K::RunRole(..)
                | K::RunVarOf(..)
                | K::ParentRun
        );
    });
    varies
}

/// Whether the answer of a step writes one of these.
fn answers(facts: &Facts<'_>, at: At, read: &BTreeSet<VarId>) -> bool {
    let mut writes = false;
    for stmt in facts.step(at).reject.iter().flat_map(|r| &r.effect) {
        stmt.visit(&mut |s| {
            if let StmtKind::Assign(Place::Var(var, ..), _) | StmtKind::Advance(Place::Var(var, ..), _) =
                &s.kind
            {
                writes |= read.contains(var);
            }
        });
    }
    writes
}

/// A further run beside one that may live on, whose steps add to what both write: no attempt is compared, and nothing
/// that the step writes is looked at before.
pub fn requeues(facts: &Facts<'_>, found: &mut Vec<Found>) {
    let mut seen = BTreeSet::new();
    for (protocol, of) in facts.program.protocols.iter_enumerated() {
        let chains = of.chains.iter().map(|c: &Chain| (&c.outcome, c.span));
        let rejects = of.steps.iter().filter_map(|s| s.reject.as_ref()).map(|r| (&r.outcome, r.span));
        for (outcome, span) in chains.chain(rejects) {
            let Some(then) = outcome.then.as_ref().filter(|t| t.starts) else { continue };
            if !seen.insert((protocol, then.protocol, then.position)) {
                continue;
            }
            let main = facts.program.protocols[then.protocol].chains[ChainId(0)].steps.iter();
            let steps = main.skip(then.position as usize).map(|step| (then.protocol, *step));
            for at in steps.filter(|at| adds_blindly(facts, *at)) {
                let warning = warnings::requeue(named(facts.program, at), &outcome.word, span);
                found.push(Found { at, warning });
            }
        }
    }
}

/// Whether a step makes something more of what is there, whoever else did so already.
fn adds_blindly(facts: &Facts<'_>, at: (ProtocolId, arch_ir::StepId)) -> bool {
    if facts.compares_ordinals(at) {
        return false;
    }
    let looked_at: BTreeSet<_> = facts.reads(at).into_iter().filter_map(|v| facts.truth(v)).collect();
    let mut adds = false;
    facts.each_statement(at, &mut |s| {
        let StmtKind::Assign(Place::Var(var, ..), value) = &s.kind else { return };
        let Some(truth) = facts.real_truth(*var) else { return };
        adds |= reads(value).contains(var) && !looked_at.contains(&truth);
    });
    adds
}
