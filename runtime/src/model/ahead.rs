//! What can still happen behind a state, for claims that a behaviour violates by where it ends.

use super::events::Event;
use super::state::{State, StateSource};
use super::{Claim, Model};
use crate::value::{RowKey, Value};
use std::collections::HashSet;

impl Model {
    /// Whether what an `always possible` property asks for cannot be reached from a state, or a run of it cannot end (`stranded`),
    /// or nothing but faults happens although a run is unfinished (`stuck`); of other properties nothing is missing. None if
    /// there are more states behind it than `most`.
    #[must_use]
    pub fn missing_ahead(&self, property: &str, state: &State, most: usize) -> Option<bool> {
        let declared = self.properties.iter().find(|p| p.name == property).map(|p| &p.claim);
        match (declared, property) {
            (Some(Claim::AlwaysPossible(goals)), _) => {
                let mut missing = goals(&StateSource::new(self, state).tx());
                missing.iter_mut().for_each(|m| *m = true);
                self.ahead(state, most, &mut |seen| {
                    let now = goals(&StateSource::new(self, seen).tx());
                    missing.iter_mut().zip(now).for_each(|(m, now)| *m &= !now);
                    missing.iter().any(|m| *m)
                })?;
                Some(missing.contains(&true))
            }
            (None, "stranded") if self.stranded => {
                let mut open = self.unfinished_runs(state);
                self.ahead(state, most, &mut |seen| {
                    let still = self.unfinished_runs(seen);
                    open.retain(|row| still.contains(row));
                    !open.is_empty()
                })?;
                Some(!open.is_empty())
            }
            (None, "stuck") if self.stuck => Some(self.is_stuck(state)),
            _ => Some(false),
        }
    }

    /// Shows the states that can be reached without adverse events, as long as `go_on` wants more; none if there are too many.
    fn ahead(&self, state: &State, most: usize, go_on: &mut dyn FnMut(&State) -> bool) -> Option<()> {
        let mut seen = HashSet::from([state.clone()]);
        let mut open = vec![state.clone()];
        while let Some(state) = open.pop() {
            if !go_on(&state) {
                return Some(());
            }
            let found = self.successors(&state).transitions.into_iter();
            for next in found.filter(|t| !t.event.is_adverse()).filter_map(|t| t.next.ok()) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
            if seen.len() > most {
                return None;
            }
        }
        Some(())
    }

    /// The runs that are under way.
    fn unfinished_runs(&self, state: &State) -> Vec<RowKey> {
        let is = |row: &RowKey, values: &[Value]| {
            self.spec.protocols.iter().any(|p| {
                p.kind == Some(row.kind)
                    && matches!(values.first(), Some(Value::Enum(s)) if p.unfinished.contains(s))
            })
        };
        state.rows.iter().filter(|(row, values)| is(row, values)).map(|(row, _)| row.clone()).collect()
    }

    fn is_stuck(&self, state: &State) -> bool {
        let (mut at, mut seen) = (state.clone(), HashSet::new());
        while !self.unfinished_runs(&at).is_empty() && seen.insert(at.clone()) {
            let mut tick = None;
            for transition in self.successors(&at).transitions {
                if transition.helps(&at) {
                    return false;
                }
                if transition.event == Event::Tick {
                    tick = transition.next.ok();
                }
            }
            match tick {
                Some(next) => at = next,
                None => return true,
            }
        }
        !self.unfinished_runs(&at).is_empty()
    }
}
