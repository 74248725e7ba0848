//! Two clocks: an instant that one actor sets and another one compares.

use super::facts::{Expiry, Facts};
use super::fencing::takes_away;
use super::{At, Found, named};
use crate::diagnostics::lints as warnings;
use arch_ir::SortId;

/// A lease that is taken away by another clock than the one it was given by, where nothing fences the one whose lease
/// it was: no ordinal is advanced or compared. (Where an epoch is there to be advanced, that is said instead.)
pub fn two_clocks(facts: &Facts<'_>, found: &mut Vec<Found>) {
    if facts.steps.iter().any(|at| facts.compares_ordinals(*at)) {
        return;
    }
    for &at in &facts.steps {
        let Some((place, _)) = takes_away(facts, at) else { continue };
        let expired = facts.expiries(at).into_iter().find(|(_, side, _)| *side == Expiry::Expired);
        let Some((lease, _, _)) = expired else { continue };
        let stamping = |other: &&At| facts.stamps(**other).contains(&lease);
        let others =
            facts.steps.iter().filter(stamping).find(|other| sort(facts, **other) != sort(facts, at));
        if let Some(other) = others.filter(|_| !facts.advances(at)) {
            let (stamped, own) = (sort(facts, *other), sort(facts, at));
            let names = (&facts.program.sorts[stamped].name, &facts.program.sorts[own].name);
            let lease = &facts.program.vars[lease].name;
            let stamp = named(facts.program, *other);
            found.push(Found { at, warning: warnings::two_clocks(lease, place, (names.0, names.1), stamp) });
        }
    }
}

fn sort(facts: &Facts<'_>, (protocol, step): At) -> SortId {
    facts.program.protocols[protocol].acting_sort(step)
}
