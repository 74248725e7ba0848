//! A behaviour that was told, found again in a program: the words of a report name its events, and the interpreter says which ones
//! they are. What is not found is no behaviour of the program.

use super::replay::merged;
use super::{changes, interesting, words};
use arch_ir::eval::{Interpreter, Transition};
use arch_ir::{Event, Program, State};

/// A step as a report tells it: the event, and what changed: name, before, after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ToldStep {
    /// `worker1[claim] in main[task1]`
    pub event: String,
    /// `Lease[task1].owner`, `null`, `worker1`.
    pub changes: Vec<(String, String, String)>,
}

/// A way on which everything fits so far.
#[derive(Clone)]
struct Way {
    events: Vec<Event>,
    /// As it is told.
    now: State,
    /// With ordinals that keep their numbers; none after an excess.
    concrete: Option<State>,
}

/// The events that were told, and the initial state they begin in.
///
/// # Errors
/// How many steps fit: none if not even the initial state does.
pub(crate) fn recognise(
    program: &Program,
    initial: &[(String, String)],
    steps: &[ToldStep],
) -> Result<(State, Vec<Event>), Option<usize>> {
    let interpreter = Interpreter::new(program);
    let told = |state: &State| -> Vec<(String, String)> {
        interesting(&interpreter, state).into_iter().map(|cell| (cell.name, cell.value)).collect()
    };
    let starts = interpreter.initial_states().into_iter().filter(|state| told(state) == initial);
    let mut best = None;
    for start in starts {
        let mut ways = vec![Way { events: Vec::new(), now: start.clone(), concrete: Some(start.clone()) }];
        for step in steps {
            let on: Vec<Way> = ways.iter().flat_map(|way| next(&interpreter, way, step)).collect();
            if on.is_empty() {
                break;
            }
            ways = on;
        }
        let reached = ways[0].events.len();
        if reached == steps.len() {
            return Ok((start, ways.swap_remove(0).events));
        }
        best = best.max(Some(reached));
    }
    Err(best)
}

/// The ways on from a way by a step that was told.
fn next(interpreter: &Interpreter<'_>, way: &Way, step: &ToldStep) -> Vec<Way> {
    let Some(concrete) = &way.concrete else { return Vec::new() };
    let fits = |transition: Transition| {
        let event = transition.event;
        if words(interpreter.program(), &way.now, &event) != step.event {
            return None;
        }
        let (now, concrete) = match (transition.outcome, transition.raw) {
            (Ok(state), Some(raw)) => (merged(&interpreter.canonical(&state), &raw), Some(raw)),
            (_, Some(raw)) => (raw, None),
            (_, None) => return None,
        };
        let changed = changes(interpreter, &way.now, &now);
        let changed: Vec<_> = changed.into_iter().map(|c| (c.name, c.old, c.new)).collect();
        let events = way.events.iter().cloned().chain([event]).collect();
        (changed == step.changes).then_some(Way { events, now, concrete })
    };
    interpreter.successors_raw(concrete).transitions.into_iter().filter_map(fits).collect()
}
