//! A behaviour that an exploration of all variants at once shows, followed by the oracle in the changed program alone: so
//! whatever is said to break was seen twice, by code that has nothing in common.

use arch_check::family::Shown;
use arch_ir::eval::{Interpreter, Transition};
use arch_ir::fairness::FairUnit;
use arch_ir::report::{Lasso, Liveness, PropertyResult, PropertyVerdict, Trace, TraceStep, Treated};
use arch_ir::{Event, ExcessKind, Expr, Program, PropertyId, PropertyKind, State};
use std::collections::BTreeSet;

/// A behaviour that the oracle followed.
struct Followed<'p> {
    oracle: Interpreter<'p>,
    trace: Trace,
    /// The last event, if there is one.
    last: Option<Transition>,
}

/// What is shown, as a result of the changed program; none if the oracle cannot follow it, or it does not show what it should.
/// That a goal is out of reach of where it ends is not looked at again.
pub(super) fn confirmed(changed: &Program, shown: &Shown) -> Option<PropertyResult> {
    let declared = changed.properties.iter_enumerated().find(|(_, p)| p.name == shown.name);
    let mut result = PropertyResult {
        name: shown.name.clone(),
        kind: declared.map_or("built-in", |(_, p)| arch_check::check::kind_of(&p.kind)),
        span: declared.map(|(_, p)| p.span),
        verdict: PropertyVerdict::Violated,
        trace: None,
        liveness: None,
    };
    if shown.initial.is_none() {
        return Some(result);
    }
    let mut followed = follow(changed, shown)?;
    if let (Some((id, _)), Some(back_to)) = (declared, shown.back_to) {
        let back_to = followed.without_stutters(back_to);
        let lasso = followed.lasso(id, back_to)?;
        let assumed = shown.assumed.clone();
        result.liveness = Some(Liveness { assumed, lasso: Some(lasso), ..Liveness::default() });
    } else if !followed.shows(declared.map(|(id, _)| id), &shown.name) {
        return None;
    }
    Some(PropertyResult { trace: Some(followed.trace), ..result })
}

fn follow<'p>(changed: &'p Program, shown: &Shown) -> Option<Followed<'p>> {
    let oracle = Interpreter::new(changed);
    let initial = oracle.canonical(shown.initial.as_ref()?);
    let mut begins = false;
    oracle.visit_initial_states(&mut |state| {
        begins |= state == initial;
        !begins
    });
    let mut followed =
        begins.then(|| Followed { oracle, trace: Trace { initial, steps: Vec::new() }, last: None })?;
    for event in &shown.events {
        followed.take(event)?;
    }
    Some(followed)
}

impl Followed<'_> {
    fn take(&mut self, event: &Event) -> Option<()> {
        let found = self.oracle.successors(self.end()?).transitions;
        let transition = found.into_iter().find(|t| t.event == *event)?;
        let outcome = transition.outcome.clone();
        let (state, excess) = (outcome.as_ref().ok().cloned(), outcome.err());
        self.trace.steps.push(TraceStep { event: event.clone(), state, excess });
        self.last = Some(transition);
        Some(())
    }

    /// The state that it has come to; none after an event that leads to none.
    fn end(&self) -> Option<&State> {
        self.trace.steps.last().map_or(Some(&self.trace.initial), |s| s.state.as_ref())
    }

    /// Leaves out events after which the changed program is where it was: its states can be coarser than those of the program
    /// with all its parts. Says where the cycle begins then.
    fn without_stutters(&mut self, back_to: usize) -> usize {
        let (mut at, mut begins) = (self.trace.initial.clone(), 0);
        let steps = std::mem::take(&mut self.trace.steps);
        for (i, step) in steps.into_iter().enumerate() {
            let Some(state) = step.state.clone().filter(|s| *s != at) else { continue };
            at = state;
            begins += usize::from(i < back_to);
            self.trace.steps.push(step);
        }
        begins
    }

    /// Whether its end shows what it should.
    fn shows(&self, declared: Option<PropertyId>, name: &str) -> bool {
        let exceeds = |advance: bool| {
            let excess = self.last.as_ref().and_then(|t| t.outcome.as_ref().err());
            excess.is_some_and(|e| (e.kind == ExcessKind::Advance) == advance)
        };
        let Some(id) = declared else {
            return match name {
                "bounds" => exceeds(false),
                "advances" => exceeds(true),
                "stuck" => self.end().is_some_and(|end| self.oracle.is_stuck(end)),
                _ => self.end().is_some(),
            };
        };
        let last = |of: &dyn Fn(&Transition) -> bool| self.last.as_ref().is_some_and(of);
        match &self.oracle.program().properties[id].kind {
            PropertyKind::Always(_) => match self.end() {
                Some(end) => self.oracle.always_violations(end).contains(&id),
                None => last(&|t| t.excess_violates_always.contains(&id)),
            },
            PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => last(&|t| t.violated.contains(&id)),
            _ => self.end().is_some(),
        }
    }

    /// The cycle that it ends in, if something is due before it and never follows, and it is fair.
    fn lasso(&self, id: PropertyId, back_to: usize) -> Option<Lasso> {
        let after = self.trace.steps.iter().map(|s| s.state.as_ref());
        let states: Vec<&State> =
            std::iter::once(Some(&self.trace.initial)).chain(after).collect::<Option<_>>()?;
        let cycle = states.get(back_to..)?;
        let closes = cycle.first() == cycle.last();
        if !closes || !self.is_due_for_ever(id, &states) {
            return None;
        }
        let enabled: Vec<BTreeSet<FairUnit>> = cycle.iter().map(|s| self.enabled(s)).collect();
        let moves = cycle.windows(2).zip(&self.trace.steps[back_to..]);
        let taken: Vec<BTreeSet<FairUnit>> = moves
            .map(|(at, step)| if at[0] == at[1] { BTreeSet::new() } else { self.units(at[0], &step.event) })
            .collect();
        let units: BTreeSet<&FairUnit> = enabled.iter().flatten().collect();
        let treated = |unit: &&FairUnit| {
            let taken = taken.iter().position(|t| t.contains(*unit)).map(|i| (back_to + 1 + i) as u32);
            let disabled = enabled.iter().position(|e| !e.contains(*unit)).map(|i| (back_to + i) as u32);
            let fair = taken.is_some() || (disabled.is_some() && !unit.strong);
            fair.then(|| Treated { unit: (*unit).clone(), taken, disabled })
        };
        let treated = units.iter().map(treated).collect::<Option<_>>()?;
        Some(Lasso { back_to: back_to as u32, treated })
    }

    /// Whether for some values of its binders something is due in one of these states and does not follow then or later.
    fn is_due_for_ever(&self, id: PropertyId, states: &[&State]) -> bool {
        let (due, follows): (Option<&Expr>, &Expr) = match &self.oracle.program().properties[id].kind {
            PropertyKind::LeadsTo(p, q) => (Some(p), q),
            PropertyKind::Eventually(q) | PropertyKind::AlwaysEventually(q) => (None, q),
            _ => return false,
        };
        let initially = matches!(self.oracle.program().properties[id].kind, PropertyKind::Eventually(_));
        let last = if initially { 1 } else { states.len() };
        (0..last).any(|i| {
            self.oracle.combinations(id, states[i]).iter().any(|c| {
                let holds = |e: &Expr, s: &State| self.oracle.holds_for(id, e, c, s);
                due.is_none_or(|p| holds(p, states[i])) && !states[i..].iter().any(|s| holds(follows, s))
            })
        })
    }

    /// What is enabled in a state and treated fairly.
    fn enabled(&self, state: &State) -> BTreeSet<FairUnit> {
        let moves = |t: &Transition| t.outcome.as_ref() != Ok(state);
        let transitions = self.oracle.successors(state).transitions;
        transitions.iter().filter(|t| moves(t)).flat_map(|t| self.units(state, &t.event)).collect()
    }

    fn units(&self, state: &State, event: &Event) -> BTreeSet<FairUnit> {
        let program = self.oracle.program();
        let occurrence = program.occurrence(state, event);
        occurrence.map_or_else(Vec::new, |o| program.fair_units(&o)).into_iter().collect()
    }
}
