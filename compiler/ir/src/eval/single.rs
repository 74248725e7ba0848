//! One step at a time, for whoever knows which step was taken: the check of a service's journal.

use super::{Interpreter, Successors, Transition};
use crate::program::StepId;
use crate::state::{RunRef, State};

impl Interpreter<'_> {
    /// The first initial state, with nothing saturated or renumbered.
    #[must_use]
    pub fn first_state_raw(&self) -> State {
        let mut first = State::default();
        self.visit_raw_initial_states(&mut |state| {
            first = state;
            false
        });
        first
    }

    /// What a step of a run can do in a state with a concrete clock and concrete counters, as in
    /// [`Interpreter::successors_raw`]; without a step, the event that begins the run.
    #[must_use]
    pub fn step_raw(&self, state: &State, run: RunRef, step: Option<StepId>) -> Vec<Transition> {
        let mut found = Successors::default();
        let happenings = match step {
            None => self.begin_event(state, run, &mut found.cut).into_iter().collect(),
            Some(step) => self.step_events(state, run, step, &mut found),
        };
        happenings.into_iter().map(|h| self.finish(h, true)).collect()
    }
}
