//! Infinite behaviours in words: what never follows, how it goes on for ever, and why that is fair.

use super::Teller;
use super::ending::element_type;
use super::words::quote;
use crate::outcome::{AssumptionOutcome, CycleOutcome, Explanation, LivenessOutcome, TreatedOutcome};
use arch_ir::eval::Combination;
use arch_ir::fairness::Assumption;
use arch_ir::report::{Lasso, PropertyResult, Trace};
use arch_ir::{Expr, Program, PropertyId, PropertyKind, State};

/// The most events that are listed which could happen and need not.
const MOST_LISTED: usize = 6;

/// What is said of a liveness property that was judged.
pub(super) fn told(teller: &Teller<'_>, result: &PropertyResult) -> Option<LivenessOutcome> {
    let found = result.liveness.as_ref()?;
    let named = |list: &[(Assumption, bool)]| assumptions(teller.program, list);
    let cycle = found.lasso.as_ref().zip(result.trace.as_ref());
    Some(LivenessOutcome {
        vacuous: found.vacuous,
        assumed: named(&found.assumed),
        needs: found.needs.as_ref().map(|n| (named(&n.assumptions), n.smallest)),
        cycle: cycle.map(|(lasso, trace)| goes_on(teller, lasso, trace)),
    })
}

fn assumptions(program: &Program, list: &[(Assumption, bool)]) -> Vec<AssumptionOutcome> {
    let named = list.iter().map(|(assumption, strong)| AssumptionOutcome {
        name: program.show_assumption(*assumption),
        strong: *strong,
    });
    named.collect()
}

fn goes_on(teller: &Teller<'_>, lasso: &Lasso, trace: &Trace) -> CycleOutcome {
    let treated = lasso.treated.iter().map(|t| TreatedOutcome {
        unit: teller.program.show_fair_event(&t.unit.what),
        strong: t.unit.strong,
        taken: t.taken,
        disabled: t.disabled,
    });
    let never_due = never_due(teller, &states(trace)[lasso.back_to as usize..]);
    CycleOutcome { back_to: lasso.back_to, treated: treated.collect(), never_due }
}

/// The canonical states of a trace.
fn states(trace: &Trace) -> Vec<&State> {
    std::iter::once(&trace.initial).chain(trace.steps.iter().filter_map(|s| s.state.as_ref())).collect()
}

/// What could happen in some states, changes something, and is not treated fairly.
fn never_due(teller: &Teller<'_>, states: &[&State]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for state in states {
        for transition in teller.interpreter.successors(state).transitions {
            let occurrence = teller.program.occurrence(state, &transition.event);
            let fair = occurrence.is_some_and(|o| !teller.program.fair_units(&o).is_empty());
            let name = teller.program.show_event(&transition.event);
            if !fair && transition.outcome.as_ref() != Ok(*state) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.len() > MOST_LISTED {
        let more = names.len() - MOST_LISTED;
        names.truncate(MOST_LISTED);
        names.push(format!("{more} more"));
    }
    names
}

/// What is violated: where something was to follow, and what never does.
pub(super) fn ending(teller: &Teller<'_>, id: PropertyId, trace: &Trace) -> Option<Explanation> {
    let property = &teller.program.properties[id];
    let states = states(trace);
    let (trigger, goal) = match &property.kind {
        PropertyKind::LeadsTo(p, q) => (Some(p), q),
        PropertyKind::Eventually(q) | PropertyKind::AlwaysEventually(q) => (None, q),
        _ => return None,
    };
    let holds = |e: &Expr, c: &Combination, s: &State| teller.interpreter.holds_for(id, e, c, s);
    let first = |c: &Combination| {
        let last = states.iter().rposition(|s| holds(goal, c, s)).map_or(0, |i| i + 1);
        let due = |s: &State| {
            teller.interpreter.combinations(id, s).contains(c) && trigger.is_none_or(|p| holds(p, c, s))
        };
        (last..states.len()).find(|i| due(states[*i]))
    };
    let mut combinations: Vec<Combination> = Vec::new();
    states.iter().for_each(|s| combinations.extend(teller.interpreter.combinations(id, s)));
    let (combination, at) = combinations.into_iter().find_map(|c| first(&c).map(|at| (c, at)))?;
    let binders = property.binders.iter().zip(combination).map(|(b, value)| {
        let shown = teller.program.show_value(&element_type(b), &value);
        format!("for {} = {shown}", teller.program.slots[b.slot])
    });
    let when = if at == 0 { "in the initial state".to_owned() } else { format!("after step {at}") };
    let goal = quote(teller.sources, goal.span);
    let text = match trigger {
        Some(p) => format!("violated: {when} {}, and never {goal}", quote(teller.sources, p.span)),
        None => format!("violated: from {} on never {goal}", when.trim_start_matches("in ")),
    };
    Some(Explanation { text, span: Some(property.span), details: binders.collect() })
}
