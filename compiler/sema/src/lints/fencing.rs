//! Leases and epochs: what keeps a holder that was paused from acting after its lease.

use super::facts::{Expiry, Facts};
use super::{At, Found, named};
use crate::diagnostics::lints as warnings;
use arch_base::Span;
use arch_ir::{ExprKind, Place, StmtKind, TruthId, VarId, VarOwner};
use std::collections::BTreeSet;

/// A write that only a lease keeps others from, which the holder may have lost when the write arrives: the step compares
/// no token, and looks at nothing of what it writes.
pub fn unfenced(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for &at in &facts.steps {
        let Some((lease, place)) = lease_behind(facts, at) else { continue };
        if facts.compares_ordinals(at) {
            continue;
        }
        let looked_at: BTreeSet<TruthId> =
            facts.reads(at).into_iter().filter_map(|v| facts.truth(v)).collect();
        let elsewhere = |var: &VarId| {
            facts.real_truth(*var).is_some_and(|t| facts.truth(lease) != Some(t) && !looked_at.contains(&t))
        };
        let Some(written) = facts.writes(at).into_iter().find(elsewhere) else { continue };
        let (lease, written) = (&facts.program.vars[lease].name, &facts.program.vars[written].name);
        let warning = warnings::unfenced(named(facts.program, at), written, lease, place);
        found.push(Found { at, warning });
    }
}

/// The instant that a step's right to act rests on: its own guard says that it is not over, or an earlier step of the
/// run took it, when it was over, for a time.
fn lease_behind(facts: &Facts<'_>, at: At) -> Option<(VarId, Span)> {
    let is_lease = |var: VarId| facts.steps.iter().any(|s| takes_over(facts, *s, var));
    let own = facts.expiries(at).into_iter().find(|(v, side, _)| *side == Expiry::Valid && is_lease(*v));
    if let Some((lease, _, e)) = own {
        return Some((lease, e.span));
    }
    let earlier = facts.before(at).into_iter().map(|step| (at.0, step));
    earlier.into_iter().find_map(|taken| {
        let stamped = facts.stamps(taken);
        let over = facts
            .expiries(taken)
            .into_iter()
            .find(|(v, side, _)| *side == Expiry::Expired && stamped.contains(v));
        over.filter(|(lease, ..)| is_lease(*lease)).map(|(lease, _, e)| (lease, e.span))
    })
}

/// Whether a step writes an owner because this instant is over: then it is a lease, and not just a time limit.
fn takes_over(facts: &Facts<'_>, at: At, lease: VarId) -> bool {
    let over = facts.expiries(at).iter().any(|(v, side, _)| *v == lease && *side == Expiry::Expired);
    over && facts.truth(lease).is_some() && takes_away(facts, at).is_some()
}

/// Taking away what has expired, where an epoch keeps old owners out and this step leaves it as it is.
pub fn reclaims(facts: &Facts<'_>, found: &mut Vec<Found>) {
    if !facts.steps.iter().any(|at| facts.compares_ordinals(*at)) {
        return;
    }
    for &at in &facts.steps {
        if let Some((expiry, owner)) = takes_away(facts, at)
            && !facts.advances(at)
            && !facts.compares_ordinals(at)
        {
            let owner = &facts.program.vars[owner].name;
            found.push(Found {
                at,
                warning: warnings::reclaim_keeps_epoch(named(facts.program, at), owner, expiry),
            });
        }
    }
}

/// Whether a step writes an owner because an instant is over: where that is compared, and what it writes.
pub fn takes_away(facts: &Facts<'_>, at: At) -> Option<(Span, VarId)> {
    let (lease, _, compared) =
        facts.expiries(at).into_iter().find(|(_, side, _)| *side == Expiry::Expired)?;
    let is_owner = |var: &VarId| {
        let ty = facts.program.vars[*var].ty.unwrap_optional();
        facts.real_truth(*var).is_some() && *var != lease && matches!(ty, arch_ir::Type::Id(_))
    };
    facts.writes(at).into_iter().find(is_owner).map(|owner| (compared.span, owner))
}

/// Whether the effect hands what it advanced to truth: then it is one step that draws the number and shows it.
fn published(facts: &Facts<'_>, at: At, advanced: &Place) -> bool {
    let mut published = false;
    facts.each_statement(at, &mut |s| {
        let StmtKind::Assign(Place::Var(to, ..), value) = &s.kind else { return };
        let same = match (&value.kind, advanced) {
            (ExprKind::RunVar(v), Place::RunVar(var, _)) => v == var,
            (ExprKind::Var(v, _), Place::Var(var, ..)) => v == var,
            _ => false,
        };
        published |= same && facts.real_truth(*to).is_some();
    });
    published
}

/// `advance` of what only one instance or run has: another one may draw the same number.
pub fn local_epochs(facts: &Facts<'_>, found: &mut Vec<Found>) {
    for &at in &facts.steps {
        facts.each_statement(at, &mut |stmt| {
            let StmtKind::Advance(place, _) = &stmt.kind else { return };
            let local = match place {
                Place::Var(var, ..) => {
                    let local = matches!(facts.program.vars[*var].owner, VarOwner::Local(_));
                    local.then(|| facts.program.vars[*var].name.clone())
                }
                Place::RunVar(var, _) => Some(facts.program.protocols[at.0].vars[*var].name.clone()),
            };
            if let Some(name) = local.filter(|_| !published(facts, at, place)) {
                found.push(Found { at, warning: warnings::local_epoch(&name, stmt.span) });
            }
        });
    }
}
