//! Ownership without one of its fields: an owner that is overwritten unseen, a lease that anybody renews, or that nobody
//! has.

use super::facts::{Expiry, Facts};
use super::{At, Found, named};
use crate::diagnostics::owners as warnings;
use crate::ownership::{Ownership, Shape};
use arch_ir::{ExprKind, Place, StmtKind, Value, VarId};
use std::collections::BTreeSet;

/// An owner without an expiry that a step writes, whoever it is: nothing says which owner the step found. A run may give
/// up what it took, where nobody else takes that away.
pub fn overwritten(facts: &Facts<'_>, ownerships: &[Ownership], found: &mut Vec<Found>) {
    for ownership in ownerships {
        let Some((owner, Shape::OwnerOnly)) = ownership.owner else { continue };
        let taken_away = facts.steps.iter().any(|at| ends(facts, *at, owner) && !took(facts, *at, owner));
        for &at in &facts.steps {
            let unseen = facts.writes(at).contains(&owner)
                && !looks_at(facts, at, owner)
                && !facts.compares_ordinals(at)
                && !ownership.generation.is_some_and(|(version, _)| looks_at(facts, at, version));
            if unseen && (taken_away || !took(facts, at, owner)) {
                let name = &facts.program.vars[owner].name;
                found.push(Found { at, warning: warnings::overwritten(named(facts.program, at), name) });
            }
        }
    }
}

/// Whether a step makes something nobody's.
fn ends(facts: &Facts<'_>, at: At, owner: VarId) -> bool {
    let mut ends = false;
    facts.each_statement(at, &mut |s| {
        if let StmtKind::Assign(Place::Var(var, ..), value) = &s.kind {
            ends |= *var == owner && matches!(value.kind, ExprKind::Literal(Value::Null));
        }
    });
    ends
}

/// Whether an earlier step of the run wrote the owner.
fn took(facts: &Facts<'_>, at: At, owner: VarId) -> bool {
    facts.before(at).into_iter().any(|step| facts.writes((at.0, step)).contains(&owner))
}

/// Whether conditions of a step read an attribute, or what its run read of it before.
fn looks_at(facts: &Facts<'_>, at: At, var: VarId) -> bool {
    let remembered = facts.remembered(at.0, var);
    let mut seen = facts.reads(at).contains(&var);
    for condition in facts.conditions(at) {
        condition.visit(&mut |e| seen |= matches!(&e.kind, ExprKind::RunVar(v) if remembered.contains(v)));
    }
    seen
}

/// A step that makes a lease longer, and looks neither at whose it is nor at which generation that is.
pub fn renewals(facts: &Facts<'_>, ownerships: &[Ownership], found: &mut Vec<Found>) {
    for &at in &facts.steps {
        let stamped = facts.stamps(at);
        for ownership in ownerships {
            let (Some((owner, _)), Some(expiry)) = (ownership.owner, ownership.expiry) else { continue };
            let mut valid =
                facts.expiries(at).into_iter().filter(|(v, side, _)| *v == expiry && *side == Expiry::Valid);
            let Some((.., compared)) = valid.next().filter(|_| stamped.contains(&expiry)) else { continue };
            let whose = looks_at(facts, at, owner);
            let which = facts.compares_ordinals(at)
                || ownership.generation.is_some_and(|(var, _)| looks_at(facts, at, var));
            if !whose && !which && !facts.writes(at).contains(&owner) {
                let names = [owner, expiry].map(|v| facts.program.vars[v].name.as_str());
                let warning = warnings::renewed_by_anybody(named(facts.program, at), names, compared.span);
                found.push(Found { at, warning });
            }
        }
    }
}

/// An instant that a run takes for a time once it is over, and because of which it then writes elsewhere: a lease, of
/// which nothing says whose it is.
pub fn nobodys(facts: &Facts<'_>, ownerships: &[Ownership], found: &mut Vec<Found>) {
    let owned: BTreeSet<VarId> = ownerships.iter().filter_map(|o| o.expiry).collect();
    for &at in &facts.steps {
        let expiries = facts.expiries(at);
        let acts_on = expiries.iter().find(|(lease, side, _)| {
            *side == Expiry::Valid && !owned.contains(lease) && is_taken_before(facts, at, *lease)
        });
        let Some((lease, _, compared)) = acts_on else { continue };
        let elsewhere = |var: &VarId| facts.real_truth(*var).is_some_and(|t| facts.truth(*lease) != Some(t));
        if facts.writes(at).iter().any(elsewhere) && !facts.compares_ordinals(at) {
            let name = &facts.program.vars[*lease].name;
            found.push(Found {
                at,
                warning: warnings::nobodys(named(facts.program, at), name, compared.span),
            });
        }
    }
}

/// Whether an earlier step of the run takes an instant that is over for a time, and leaves nothing that says who did.
fn is_taken_before(facts: &Facts<'_>, (protocol, step): At, lease: VarId) -> bool {
    facts.before((protocol, step)).into_iter().map(|step| (protocol, step)).any(|at| {
        let over = facts.expiries(at).iter().any(|(v, side, _)| *v == lease && *side == Expiry::Expired);
        over && facts.stamps(at).contains(&lease) && !facts.advances(at)
    })
}
