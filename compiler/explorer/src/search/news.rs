//! What a batch was the first to find, and where that is put: in the order of batches as long as a trail is kept,
//! otherwise into each worker's own part of the next level.

use super::frontier::{Frontier, Pool};
use super::turns::Turns;
use crate::memory::{Refused, push};
use crate::trail::Trail;
use std::sync::{Mutex, PoisonError};

/// New states of a batch, in order, and what was found on them and on events.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What is kept of the states.
    kept: Vec<u64>,
    /// For each state which of the batch leads to it, and by which action; only while a trail is kept.
    origins: Vec<(u32, u32)>,
    finds: Vec<Find>,
    /// How many states there are.
    len: u64,
}

/// Something found after so many events, on one of the new states or elsewhere.
#[derive(Clone, Copy, Debug)]
struct Find {
    finding: u32,
    length: u32,
    state: Option<u64>,
}

/// What is found in the order of a plain breadth-first search, and whose turn it is to add to that.
#[derive(Debug)]
pub(super) struct InOrder {
    pub turns: Turns,
    pub found: Mutex<Found>,
}

/// The next level and the trail.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub next: Frontier,
    pub trail: Trail,
}

impl InOrder {
    /// Nothing found, no trail, for so many workers.
    pub(super) fn new(workers: usize) -> InOrder {
        InOrder { turns: Turns::new(workers), found: Mutex::default() }
    }

    /// What was found, while no worker runs.
    pub(super) fn found(&mut self) -> &mut Found {
        self.found.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.origins.clear();
        self.finds.clear();
        self.len = 0;
    }

    /// Makes room for so many states, of which so many words are kept.
    pub(super) fn reserve(&mut self, states: usize, words: usize) -> Result<(), Refused> {
        self.kept.try_reserve(states * words)?;
        self.origins.try_reserve(states)?;
        Ok(())
    }

    /// Adds a state, by what is kept of it.
    #[inline(always)]
    pub(super) fn state(&mut self, kept: &[u64]) {
        self.kept.extend_from_slice(kept);
        self.len += 1;
    }

    /// Says of the state that was added last which of the batch leads to it, by which action.
    #[inline(always)]
    pub(super) fn origin(&mut self, source: usize, action: u32) {
        self.origins.push((source as u32, action));
    }

    /// Adds a finding after so many events: on the state that was added last, or elsewhere.
    pub(super) fn find(&mut self, finding: u32, length: u32, on_state: bool) -> Result<(), Refused> {
        push(&mut self.finds, Find { finding, length, state: on_state.then(|| self.len - 1) })
    }

    /// Puts everything where it belongs, in the turn of its batch, whose first state has this number.
    pub(super) fn put_in_order(&self, first: u64, order: &InOrder, pool: &Pool) -> Result<(), Refused> {
        let mut found = order.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { next, trail } = &mut *found;
        let number = trail.next();
        trail.batch(first)?;
        for (source, action) in &self.origins {
            trail.state(*source, *action)?;
        }
        self.tell(trail, number);
        next.extend(&self.kept, pool)
    }

    /// The same of one initial state.
    pub(super) fn start_in_order(&self, order: &InOrder, pool: &Pool) -> Result<(), Refused> {
        let mut found = order.found.lock().unwrap_or_else(PoisonError::into_inner);
        let Found { next, trail } = &mut *found;
        let number = trail.next();
        trail.start();
        self.tell(trail, number);
        next.extend(&self.kept, pool)
    }

    /// Notes what was found, given the number of the first state.
    fn tell(&self, trail: &mut Trail, number: u64) {
        for Find { finding, length, state } in &self.finds {
            trail.find(*finding, *length, state.map(|state| number + state));
        }
    }

    /// The same where the order does not matter.
    pub(super) fn put(&self, next: &mut Frontier, pool: &Pool) -> Result<(), Refused> {
        next.extend(&self.kept, pool)
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        ((self.kept.capacity() + self.origins.capacity()) * 8 + self.finds.capacity() * size_of::<Find>())
            as u64
    }
}
