//! The quotients are exact: with a concrete clock and concrete counters, every state has the events of its
//! canonical state, with the same verdicts, to the same canonical states.

use arch_ir::eval::{Interpreter, Successors, Transition};
use arch_ir::report::Limits;
use arch_ir::testing::samples;
use arch_ir::{Event, Program, PropertyId, State};
use std::collections::BTreeSet;

/// How many raw states are compared for each program.
const STATES: usize = 400;
/// How many events are followed.
const HORIZON: usize = 9;

/// What is to be equal: the kind of outcome, where it leads, what it violates.
type Seen = (Result<State, String>, Vec<PropertyId>, Vec<PropertyId>);

fn seen(interpreter: &Interpreter<'_>, t: &Transition) -> Seen {
    let outcome = match &t.outcome {
        Ok(state) => Ok(interpreter.canonical(state)),
        Err(excess) => Err(format!("{excess:?}")),
    };
    (outcome, t.violated.clone(), t.excess_violates_always.clone())
}

/// The events of a state, without ticks that change nothing that can be told.
fn all_seen(interpreter: &Interpreter<'_>, found: &Successors, from: &State) -> Vec<Seen> {
    let events = found.transitions.iter();
    let mut list: Vec<Seen> = events
        .map(|t| (t, seen(interpreter, t)))
        .filter(|(t, s)| t.event != Event::Tick || s.0.as_ref() != Ok(from))
        .map(|(_, s)| s)
        .collect();
    list.sort();
    list
}

fn compare(program: &Program) {
    let interpreter = Interpreter::new(program);
    let (report, canonical) = arch_ir::explore::explore_states(program, &Limits::default());
    let canonical: BTreeSet<State> = canonical.into_iter().collect();
    let mut layer: BTreeSet<State> = interpreter.initial_states().into_iter().collect();
    let mut reached: BTreeSet<State> = BTreeSet::new();
    for _ in 0..=HORIZON {
        let mut next = BTreeSet::new();
        for raw in layer.iter().take(STATES) {
            let state = interpreter.canonical(raw);
            assert!(canonical.contains(&state), "{}: raw state is no canonical state", program.name);
            let concrete = interpreter.successors_raw(raw);
            let abstracted = interpreter.successors(&state);
            let (a, b) =
                (all_seen(&interpreter, &concrete, &state), all_seen(&interpreter, &abstracted, &state));
            assert_eq!(a, b, "{}: events differ in {raw:?}", program.name);
            next.extend(concrete.transitions.into_iter().filter_map(|t| t.outcome.ok()));
            reached.insert(state);
        }
        layer = next;
    }
    // Only where nothing was left out can the horizon be compared with the depth.
    if canonical.len() <= STATES && (report.depth as usize) < HORIZON && program.name != "lease" {
        assert_eq!(reached, canonical, "{}: the states differ", program.name);
    }
}

#[test]
fn concrete_clock_and_counters_agree_with_the_quotients() {
    samples().iter().for_each(compare);
}
