//! Dining philosophers packed by hand into one word: N bits each for who is hungry, who eats, which left fork is
//! taken, from the low end.

use stateright::{Model, Property};

/// The transition system for so many philosophers, at most 21.
pub struct Philosophers {
    /// How many.
    pub n: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    TakeLeft(u8),
    TakeRight(u8),
    GiveBack(u8),
    PutDown(u8),
}

impl Philosophers {
    fn hungry(&self, p: u8) -> u64 {
        1 << p
    }

    fn eating(&self, p: u8) -> u64 {
        1 << (self.n + usize::from(p))
    }

    fn left(&self, p: u8) -> u64 {
        1 << (2 * self.n + usize::from(p))
    }

    fn right(&self, p: u8) -> u64 {
        if usize::from(p) + 1 == self.n { self.left(0) } else { self.left(p + 1) }
    }
}

impl Model for Philosophers {
    type State = u64;
    type Action = Action;

    fn init_states(&self) -> Vec<u64> {
        vec![0]
    }

    fn actions(&self, state: &u64, actions: &mut Vec<Action>) {
        for p in 0..self.n as u8 {
            if state & self.hungry(p) != 0 {
                if state & self.right(p) == 0 {
                    actions.push(Action::TakeRight(p));
                }
                actions.push(Action::GiveBack(p));
            } else if state & self.eating(p) != 0 {
                actions.push(Action::PutDown(p));
            } else if state & self.left(p) == 0 {
                actions.push(Action::TakeLeft(p));
            }
        }
    }

    fn next_state(&self, state: &u64, action: Action) -> Option<u64> {
        Some(match action {
            Action::TakeLeft(p) => state | self.hungry(p) | self.left(p),
            Action::TakeRight(p) => (state & !self.hungry(p)) | self.eating(p) | self.right(p),
            Action::GiveBack(p) => state & !(self.hungry(p) | self.left(p)),
            Action::PutDown(p) => state & !(self.eating(p) | self.left(p) | self.right(p)),
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("exclusive", |model: &Self, state: &u64| {
            let eating = (state >> model.n) & ((1 << model.n) - 1);
            let next = (eating >> 1) | (eating << (model.n - 1));
            eating & next == 0
        })]
    }
}
