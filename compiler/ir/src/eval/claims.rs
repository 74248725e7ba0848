//! What is claimed of states and events (section 8).

use super::expr::compare;
use super::{Context, Interpreter, Transition, Who};
use crate::program::{Binder, CompareOp, Expr, Property, PropertyId, PropertyKind, StepId};
use crate::state::{Event, RunRef, RunState, State};
use crate::value::Value;
use std::collections::BTreeSet;

/// One value for each of a property's binders.
pub type Combination = Vec<Value>;

impl Interpreter<'_> {
    /// The `always` properties that a state violates, in order.
    #[must_use]
    pub fn always_violations(&self, state: &State) -> Vec<PropertyId> {
        let violates = |property: &Property| match &property.kind {
            PropertyKind::Always(claim) => !self.holds_always(&Context::of(state), &property.binders, claim),
            _ => false,
        };
        let properties = self.program.properties.iter_enumerated();
        properties.filter(|(_, p)| violates(p)).map(|(id, _)| id).collect()
    }

    /// The combinations of its binders for which a `reachable` property is satisfied by a state.
    #[must_use]
    pub fn reachable_hits(&self, state: &State) -> Vec<(PropertyId, Combination)> {
        let mut hits = Vec::new();
        for (id, property) in self.program.properties.iter_enumerated() {
            if let PropertyKind::Reachable(claim) = &property.kind {
                let combinations = self.combinations(id, state).into_iter();
                hits.extend(combinations.filter(|c| self.holds_for(id, claim, c, state)).map(|c| (id, c)));
            }
        }
        hits
    }

    /// The values of a property's binders in a state, in order.
    #[must_use]
    pub fn combinations(&self, property: PropertyId, state: &State) -> Vec<Combination> {
        let binders = &self.program.properties[property].binders;
        let bound = self.bind_all(&Context::of(state), binders);
        let value = |cx: &Context<'_>, b: &Binder| cx.slots.get(b.slot).cloned().unwrap_or(Value::Null);
        bound.iter().map(|cx| binders.iter().map(|b| value(cx, b)).collect()).collect()
    }

    /// Whether an expression of a property is true in a state, for one combination of its binders.
    #[must_use]
    pub fn holds_for(
        &self,
        property: PropertyId,
        claim: &Expr,
        combination: &Combination,
        state: &State,
    ) -> bool {
        let binders = self.program.properties[property].binders.iter().zip(combination);
        let mut cx = Context::of(state);
        for (binder, value) in binders {
            cx.slots = cx.slots.with(binder.slot, &crate::program::Type::Unknown, value.clone());
        }
        self.holds(&cx, claim)
    }

    /// The `at` and `after` properties that a step's execution violates, in order.
    pub(super) fn step_violations(
        &self,
        (run, step, who): (RunRef, StepId, Who),
        made: &State,
        old: &State,
        done: &State,
    ) -> Vec<PropertyId> {
        let who = Who { skew: 0, ..who };
        let before = Context::acting(made, who);
        let after = Context { old, ..Context::acting(done, who) };
        let violates = |property: &Property| {
            let PropertyKind::Step { at, after: is_after } = &property.kind else { return false };
            let cx = if *is_after { &after } else { &before };
            let claims = at.iter().filter(|c| c.protocol == run.protocol && c.step == step);
            claims.into_iter().any(|c| !self.holds_always(cx, &property.binders, &c.claim))
        };
        let properties = self.program.properties.iter_enumerated();
        properties.filter(|(_, p)| violates(p)).map(|(id, _)| id).collect()
    }

    /// The `monotonic` properties that decrease between two states, in order.
    pub(super) fn monotonic_violations(&self, before: &State, after: &State) -> Vec<PropertyId> {
        let decreases = |property: &Property| {
            let PropertyKind::Monotonic(e) = &property.kind else { return false };
            self.bind_all(&Context::of(before), &property.binders).into_iter().any(|was| {
                let is = Context { state: after, old: after, ..was.clone() };
                compare(CompareOp::Lt, &self.eval(&is, e), &self.eval(&was, e))
            })
        };
        let properties = self.program.properties.iter_enumerated();
        properties.filter(|(_, p)| decreases(p)).map(|(id, _)| id).collect()
    }

    fn holds_always<'a>(&self, cx: &Context<'a>, binders: &'a [Binder], claim: &'a Expr) -> bool {
        self.bind_all(cx, binders).iter().all(|cx| self.holds(cx, claim))
    }

    fn bind_all<'a>(&self, cx: &Context<'a>, binders: &'a [Binder]) -> Vec<Context<'a>> {
        binders.iter().fold(vec![cx.clone()], |outer, binder| {
            outer.iter().flat_map(|cx| self.bind(cx, binder)).map(|(_, cx)| cx).collect()
        })
    }

    /// Whether a run is unfinished and nothing but faults can happen any more, now or after any number of
    /// ticks.
    #[must_use]
    pub fn is_stuck(&self, state: &State) -> bool {
        let mut seen = BTreeSet::new();
        let mut now = state.clone();
        while has_unfinished(&now) && seen.insert(now.clone()) {
            let found = self.successors(&now);
            if found.transitions.iter().any(|t| helps(t, &now)) {
                return false;
            }
            let tick = found.transitions.into_iter().find(|t| t.event == Event::Tick);
            match tick.map(|t| t.outcome) {
                Some(Ok(next)) => now = next,
                _ => break,
            }
        }
        has_unfinished(state)
    }
}

/// Whether some run has begun and not ended.
pub(crate) fn has_unfinished(state: &State) -> bool {
    state.runs.iter().flatten().any(RunState::unfinished)
}

/// Whether an event counts against being stuck: it helps, and leads elsewhere.
pub(crate) fn helps(transition: &Transition, from: &State) -> bool {
    transition.event.helps() && transition.outcome.as_ref() != Ok(from)
}
