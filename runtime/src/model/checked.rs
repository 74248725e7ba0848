//! A model as a `stateright::Model`: for stateright's engines and its explorer, and for models that change one thing of it.
//!
//! stateright judges states by bare functions, so there is a table of them, one for each position. A claim about events is judged
//! on the state before them: a state violates it when one of its events does. `always possible`, `stuck`, `stranded` and claims
//! about infinite behaviours need the graph, which stateright does not keep; [`super::explore()`] judges the first three.

use super::events::Successors;
use super::state::StateSource;
use super::{Claim, Event, Model, Report, State};
use crate::step::Excess;
use stateright::{Checker as _, Expectation, Model as _, Property};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

/// The most properties that there are functions for.
const MOST: usize = 64;

/// What stateright judges at one position.
#[derive(Clone, Copy)]
enum Judged {
    /// The property at this position.
    Property(usize),
    /// One combination of the binders of a `reachable` property.
    Reachable(usize, usize),
    /// No value leaves its type.
    Bounds,
    /// `advance` finds nothing greater alive.
    Advances,
    /// What is never decided, so that the engine goes on when everything else is.
    Nothing,
}

/// A model that stateright checks.
pub struct Checked {
    model: Model,
    /// What is judged, in the order of stateright's properties.
    judged: Vec<Judged>,
    /// For each thread the state that it looked at last, with its events: each property asks for them, and stateright does.
    last: Mutex<HashMap<ThreadId, (State, Arc<Successors>)>>,
}

impl Checked {
    /// Of a model.
    ///
    /// # Panics
    /// It has more properties than there are functions for (64).
    #[must_use]
    pub fn new(model: Model) -> Checked {
        let judged = judged(&model);
        assert!(judged.len() <= MOST, "stateright is told {MOST} properties, and there are {}", judged.len());
        Checked { model, judged, last: Mutex::default() }
    }

    /// What stateright's breadth-first engine finds otherwise than [`super::explore()`]; none if it finds the same.
    #[must_use]
    pub fn difference(model: Model, report: &Report) -> Option<String> {
        let checker = Checked::new(model).checker().spawn_bfs().join();
        if checker.unique_state_count() != report.states {
            return Some(format!(
                "{} states, and stateright has {}",
                report.states,
                checker.unique_state_count()
            ));
        }
        let found = checker.discoveries();
        let told = checker.model().judged.iter().zip(checker.model().properties());
        told.filter(|(judged, _)| !matches!(judged, Judged::Reachable(..) | Judged::Nothing)).find_map(
            |(_, property)| {
                let violated = report.violated().iter().any(|finding| finding.name == property.name);
                let differs = violated != found.contains_key(property.name);
                differs.then(|| format!("`{}` is violated in one of them alone", property.name))
            },
        )
    }

    fn events_of(&self, state: &State) -> Arc<Successors> {
        let me = std::thread::current().id();
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, events)) = last().get(&me).filter(|(known, _)| known == state) {
            return events.clone();
        }
        let events = Arc::new(self.model.successors(state));
        last().insert(me, (state.clone(), events.clone()));
        events
    }

    fn name(&self, judged: Judged) -> &'static str {
        match judged {
            Judged::Property(i) | Judged::Reachable(i, 0) => self.model.properties[i].name,
            // stateright wants names that live for ever; there is a handful.
            Judged::Reachable(i, n) => format!("{} ({})", self.model.properties[i].name, n + 1).leak(),
            Judged::Bounds => "bounds",
            Judged::Advances => "advances",
            Judged::Nothing => "every state was looked at",
        }
    }

    fn holds(&self, index: usize, state: &State) -> bool {
        let events = self.events_of(state);
        let exceeds =
            |is: fn(&Excess) -> bool| events.transitions.iter().any(|t| t.next.as_ref().is_err_and(is));
        match self.judged[index] {
            Judged::Property(i) => {
                let of_state = matches!(self.model.properties[i].claim, Claim::Always(_));
                let violated = of_state && self.model.always_violations(state).contains(&i);
                !violated && events.transitions.iter().all(|t| !t.violated.contains(&i))
            }
            Judged::Reachable(i, combination) => match self.model.properties[i].claim {
                Claim::Reachable(goals) => goals(&StateSource::new(&self.model, state).tx())[combination],
                _ => false,
            },
            Judged::Bounds => !exceeds(|e| *e != Excess::Advance),
            Judged::Advances => !exceeds(|e| *e == Excess::Advance),
            Judged::Nothing => true,
        }
    }
}

/// What there is to be judged.
fn judged(model: &Model) -> Vec<Judged> {
    let first = model.initial_states().into_iter().next();
    let mut list = Vec::new();
    for (i, property) in model.properties.iter().enumerate() {
        match (&property.claim, &first) {
            (Claim::Always(_) | Claim::Step { .. } | Claim::Monotonic(_), _) => {
                list.push(Judged::Property(i))
            }
            (Claim::Reachable(goals), Some(first)) => {
                let combinations = goals(&StateSource::new(model, first).tx()).len();
                list.extend((0..combinations).map(|c| Judged::Reachable(i, c)));
            }
            _ => {}
        }
    }
    list.extend([Judged::Nothing, Judged::Bounds]);
    list.extend(model.advances.then_some(Judged::Advances));
    list
}

impl stateright::Model for Checked {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        self.model.initial_states()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Event>) {
        actions.extend(self.events_of(state).transitions.iter().map(|t| t.event.clone()));
    }

    fn next_state(&self, last: &State, action: Event) -> Option<State> {
        let events = self.events_of(last);
        let taken = events.transitions.iter().find(|t| t.event == action)?;
        taken.next.clone().ok()
    }

    fn format_action(&self, action: &Event) -> String {
        action.to_string()
    }

    fn properties(&self) -> Vec<Property<Checked>> {
        let property = |(judged, condition): (&Judged, &Condition)| {
            let sometimes = matches!(judged, Judged::Reachable(..));
            let expectation = if sometimes { Expectation::Sometimes } else { Expectation::Always };
            Property { expectation, name: self.name(*judged), condition: *condition }
        };
        self.judged.iter().zip(&CONDITIONS).map(property).collect()
    }
}

/// A function that judges states.
type Condition = fn(&Checked, &State) -> bool;

fn condition<const INDEX: usize>(model: &Checked, state: &State) -> bool {
    model.holds(INDEX, state)
}

macro_rules! conditions {
    ($($index:literal)*) => { [$(condition::<$index>),*] };
}

/// The function for each position.
const CONDITIONS: [Condition; MOST] = conditions!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);
