//! Dining philosophers as one would write them for stateright.

use stateright::{Model, Property};

/// The transition system for so many philosophers.
pub struct Philosophers {
    /// How many.
    pub n: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activity {
    Thinking,
    Hungry,
    Eating,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    activity: Vec<Activity>,
    /// Each philosopher's left fork; the next one's is at the right.
    taken: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    TakeLeft(usize),
    TakeRight(usize),
    GiveBack(usize),
    PutDown(usize),
}

impl Philosophers {
    fn next(&self, p: usize) -> usize {
        (p + 1) % self.n
    }
}

impl Model for Philosophers {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { activity: vec![Activity::Thinking; self.n], taken: vec![false; self.n] }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for p in 0..self.n {
            match state.activity[p] {
                Activity::Thinking if !state.taken[p] => actions.push(Action::TakeLeft(p)),
                Activity::Thinking => {}
                Activity::Hungry => {
                    if !state.taken[self.next(p)] {
                        actions.push(Action::TakeRight(p));
                    }
                    actions.push(Action::GiveBack(p));
                }
                Activity::Eating => actions.push(Action::PutDown(p)),
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::TakeLeft(p) => {
                state.activity[p] = Activity::Hungry;
                state.taken[p] = true;
            }
            Action::TakeRight(p) => {
                state.activity[p] = Activity::Eating;
                state.taken[self.next(p)] = true;
            }
            Action::GiveBack(p) => {
                state.activity[p] = Activity::Thinking;
                state.taken[p] = false;
            }
            Action::PutDown(p) => {
                state.activity[p] = Activity::Thinking;
                state.taken[p] = false;
                state.taken[self.next(p)] = false;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("exclusive", |model: &Self, state: &State| {
            let eats = |p: usize| state.activity[p] == Activity::Eating;
            !(0..model.n).any(|p| eats(p) && eats(model.next(p)))
        })]
    }
}
