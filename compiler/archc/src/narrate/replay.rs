//! A trace once more, with ordinals that keep their numbers.
//!
//! The states of a trace are canonical: ordinals are renumbered in each, so that an epoch may be 2 in one state
//! and 1 in the next without having changed. For people the trace is replayed with concrete
//! ordinals. Instants stay as the canonical states have them: saturated and relative to the clock.

use arch_ir::eval::{Interpreter, Transition};
use arch_ir::report::Trace;
use arch_ir::{Event, State, Value};

/// A moment of a behaviour, as it is told.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    /// What happened.
    pub event: Event,
    /// The state that it led to; with the exceeding value after an excess, none if there is no telling.
    pub state: Option<State>,
}

/// The initial state and what followed, as it is told.
#[must_use]
pub fn replay(interpreter: &Interpreter<'_>, trace: &Trace) -> (State, Vec<Moment>) {
    let mut concrete = Some(trace.initial.clone());
    let mut moments = Vec::new();
    for step in &trace.steps {
        let next =
            concrete.as_ref().and_then(|from| matching(interpreter, from, &step.event, step.state.as_ref()));
        let event = next.as_ref().map_or_else(|| step.event.clone(), |t| t.event.clone());
        concrete = next.and_then(|t| t.raw);
        let state = match (&step.state, &concrete) {
            (Some(canonical), Some(raw)) => Some(merged(canonical, raw)),
            (Some(canonical), None) => Some(canonical.clone()),
            (None, raw) => raw.clone(),
        };
        moments.push(Moment { event, state });
    }
    (trace.initial.clone(), moments)
}

/// The concrete event that is this one of the trace.
fn matching(
    interpreter: &Interpreter<'_>,
    from: &State,
    event: &Event,
    canonical: Option<&State>,
) -> Option<Transition> {
    let candidates = interpreter.successors_raw(from).transitions;
    candidates.into_iter().find(|t| alike(&t.event, event) && leads_to(interpreter, t, canonical))
}

fn leads_to(interpreter: &Interpreter<'_>, transition: &Transition, canonical: Option<&State>) -> bool {
    match (&transition.outcome, canonical) {
        (Ok(state), Some(canonical)) => interpreter.canonical(state) == *canonical,
        (Err(_), None) => true,
        _ => false,
    }
}

/// Whether two events are the same but for the numbers of ordinals and deliveries.
fn alike(a: &Event, b: &Event) -> bool {
    match (a, b) {
        (
            Event::Step { run, step, actor, duplicated, .. },
            Event::Step { run: run_b, step: step_b, actor: actor_b, duplicated: duplicated_b, .. },
        ) => (run, step, actor, duplicated) == (run_b, step_b, actor_b, duplicated_b),
        (
            Event::Reject { run, step, actor, .. },
            Event::Reject { run: run_b, step: step_b, actor: actor_b, .. },
        ) => (run, step, actor) == (run_b, step_b, actor_b),
        (
            Event::Deliver { fault, run, actor, .. },
            Event::Deliver { fault: fault_b, run: run_b, actor: actor_b, .. },
        ) => (fault, run, actor) == (fault_b, run_b, actor_b),
        _ => a == b,
    }
}

/// The canonical state with the concrete one's ordinals.
pub(super) fn merged(canonical: &State, concrete: &State) -> State {
    let mut state = canonical.clone();
    // Concrete events number deliveries as the concrete state has them.
    state.pending.clone_from(&concrete.pending);
    for (elements, concrete) in state.vars.iter_mut().zip(&concrete.vars) {
        relabel(elements, concrete);
    }
    for (runs, concrete) in state.runs.iter_mut().zip(&concrete.runs) {
        for (run, concrete) in runs.iter_mut().zip(concrete) {
            relabel(&mut run.vars, &concrete.vars);
        }
    }
    state
}

fn relabel(values: &mut [Value], concrete: &[Value]) {
    for (value, concrete) in values.iter_mut().zip(concrete) {
        *value = with_ordinals(value, concrete);
    }
}

/// Renumbering keeps the order, so sets and maps correspond element by element.
fn with_ordinals(canonical: &Value, concrete: &Value) -> Value {
    match (canonical, concrete) {
        (Value::Ordinal(_), Value::Ordinal(n)) => Value::Ordinal(*n),
        (Value::Set(a), Value::Set(b)) if a.len() == b.len() => Value::Set(pairs(a, b).collect()),
        (Value::Seq(a), Value::Seq(b)) if a.len() == b.len() => Value::Seq(pairs(a, b).collect()),
        (Value::Record(a), Value::Record(b)) => Value::Record(pairs(a, b).collect()),
        (Value::Variant(tag, a), Value::Variant(tag_b, b)) if tag == tag_b => {
            Value::Variant(*tag, pairs(a, b).collect())
        }
        (Value::Map(a), Value::Map(b)) => {
            Value::Map(a.iter().zip(b.values()).map(|((k, a), b)| (k.clone(), with_ordinals(a, b))).collect())
        }
        _ => canonical.clone(),
    }
}

fn pairs<'a>(
    a: impl IntoIterator<Item = &'a Value> + 'a,
    b: impl IntoIterator<Item = &'a Value> + 'a,
) -> impl Iterator<Item = Value> + 'a {
    a.into_iter().zip(b).map(|(a, b)| with_ordinals(a, b))
}
