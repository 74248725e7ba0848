//! The buffer that a system writes events to: flat arrays that an interpreter and machine code fill alike.
//!
//! Before a state is expanded there is room for one event of each action. An interpreter uses
//! [`Successors::push`]; machine code takes [`Successors::room`], writes states back to back and their actions
//! beside them, and then says with [`Successors::commit`] how many there are. What is rare, events that
//! lead nowhere and findings, goes through [`Successors::nowhere`] and [`Successors::find`].

use std::collections::TryReserveError;

/// Something found while a state was expanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// What, by number.
    pub finding: u32,
    /// The event; none when it was found on the state itself.
    pub action: Option<u32>,
}

/// The events of one or more states, in order, with what was found on them.
#[derive(Clone, Debug)]
pub struct Successors {
    words: usize,
    most: usize,
    /// Always long enough for `most` states more than `len`.
    states: Vec<u64>,
    actions: Vec<u32>,
    len: usize,
    nowhere: Vec<u32>,
    found: Vec<Found>,
}

/// Where the next successors are to be written.
#[derive(Debug)]
pub struct Room<'a> {
    /// For words of states, back to back: as many states as there are actions.
    pub states: &'a mut [u64],
    /// For the number of the action of each state.
    pub actions: &'a mut [u32],
}

impl Successors {
    /// The same, or an error when the system refuses the memory.
    pub(crate) fn with_room(words: usize, actions: usize) -> Result<Successors, TryReserveError> {
        let mut out = Successors::new(words, 0);
        out.most = actions;
        out.reserve()?;
        Ok(out)
    }

    /// An empty buffer with room for the events of one state.
    #[must_use]
    pub fn new(words: usize, actions: usize) -> Successors {
        Successors {
            words,
            most: actions,
            states: vec![0; words * actions],
            actions: vec![0; actions],
            len: 0,
            nowhere: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Makes room for the events of one more state.
    ///
    /// # Errors
    ///
    /// When the system refuses the memory.
    pub fn reserve(&mut self) -> Result<(), TryReserveError> {
        let needed = self.len + self.most;
        if needed > self.actions.len() {
            let grown = needed.max(2 * self.actions.len());
            self.states.try_reserve_exact(grown * self.words - self.states.len())?;
            self.actions.try_reserve_exact(grown - self.actions.len())?;
            self.states.resize(grown * self.words, 0);
            self.actions.resize(grown, 0);
        }
        Ok(())
    }

    /// Adds an event that leads to a state.
    #[inline]
    pub fn push(&mut self, action: u32, state: &[u64]) {
        let at = self.len * self.words;
        self.states[at..at + self.words].copy_from_slice(state);
        self.actions[self.len] = action;
        self.len += 1;
    }

    /// Where machine code writes events; they count once they are committed.
    #[inline]
    pub fn room(&mut self) -> Room<'_> {
        Room { states: &mut self.states[self.len * self.words..], actions: &mut self.actions[self.len..] }
    }

    /// Adds the first `count` events that were written to [`Successors::room`].
    ///
    /// # Panics
    ///
    /// When there was no room for so many.
    #[inline]
    pub fn commit(&mut self, count: usize) {
        assert!(count <= self.actions.len() - self.len, "{count} events were written where there is no room");
        self.len += count;
    }

    /// Adds an event that leads to no state: it leaves the bounds of the system, but counts.
    pub fn nowhere(&mut self, action: u32) {
        self.nowhere.push(action);
    }

    /// Says what was found on the event of an action, or (none) on the state that is expanded.
    pub fn find(&mut self, finding: u32, action: Option<u32>) {
        self.found.push(Found { finding, action });
    }

    /// The number of events that lead to a state.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no event leads to a state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The words of the states that events lead to, back to back.
    #[must_use]
    pub fn states(&self) -> &[u64] {
        &self.states[..self.len * self.words]
    }

    /// The same, to be replaced by states that stand for them.
    pub fn states_mut(&mut self) -> &mut [u64] {
        &mut self.states[..self.len * self.words]
    }

    /// The actions of the events that lead to a state.
    #[must_use]
    pub fn actions(&self) -> &[u32] {
        &self.actions[..self.len]
    }

    /// The actions of the events that lead nowhere.
    #[must_use]
    pub fn actions_nowhere(&self) -> &[u32] {
        &self.nowhere
    }

    /// What was found.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// All events of a single state, by ascending action: with the state that they lead to, if they do.
    pub fn events(&self) -> impl Iterator<Item = (u32, Option<&[u64]>)> {
        let (mut to, mut lost) = (0, 0);
        std::iter::from_fn(move || {
            let next = self.actions().get(to).copied();
            match self.nowhere.get(lost) {
                Some(&action) if next.is_none_or(|n| action < n) => {
                    lost += 1;
                    Some((action, None))
                }
                _ => {
                    let action = next?;
                    to += 1;
                    Some((action, Some(&self.states[(to - 1) * self.words..to * self.words])))
                }
            }
        })
    }

    /// Forgets everything, keeping the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
        self.nowhere.clear();
        self.found.clear();
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let small = (self.actions.capacity() + self.nowhere.capacity()) * 4;
        (self.states.capacity() * 8 + small + self.found.capacity() * size_of::<Found>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_code_and_interpreters_write_the_same() {
        let mut pushed = Successors::new(2, 3);
        pushed.push(0, &[1, 2]);
        pushed.push(2, &[3, 4]);
        let mut written = Successors::new(2, 3);
        let room = written.room();
        room.states[..4].copy_from_slice(&[1, 2, 3, 4]);
        room.actions[..2].copy_from_slice(&[0, 2]);
        written.commit(2);
        assert_eq!((pushed.states(), pushed.actions()), (written.states(), written.actions()));
        assert_eq!(written.room().actions.len(), 1);
    }

    #[test]
    fn there_is_room_for_every_action_of_the_next_state() {
        let mut out = Successors::new(3, 2);
        for state in 0..5 {
            out.reserve().expect("a little memory");
            assert!(out.room().actions.len() >= 2 && out.room().states.len() >= 6);
            (0..2).for_each(|action| out.push(action, &[state; 3]));
        }
        assert_eq!((out.len(), out.states()[29]), (10, 4));
    }

    #[test]
    fn events_that_lead_nowhere_keep_their_place() {
        let mut out = Successors::new(1, 4);
        out.nowhere(0);
        out.push(1, &[7]);
        out.nowhere(2);
        out.push(3, &[8]);
        let events: Vec<_> = out.events().collect();
        assert_eq!(events, [(0, None), (1, Some(&[7][..])), (2, None), (3, Some(&[8][..]))]);
        out.clear();
        assert_eq!(out.events().count(), 0);
    }
}
