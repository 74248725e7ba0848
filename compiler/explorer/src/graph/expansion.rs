//! What a worker hands back: the events of a chunk of states, in order.

use super::hash::hash;
use super::store::Store;
use crate::successors::Successors;

/// No state: the event left the bounds of the system.
pub(super) const NOWHERE: u32 = u32::MAX;
/// A state that was not in the store when the chunk was expanded.
pub(super) const UNKNOWN: u32 = u32::MAX - 1;

/// One event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Emitted {
    pub action: u32,
    /// The index of the state that it leads to, [`NOWHERE`] or [`UNKNOWN`].
    pub target: u32,
}

/// A finding: of an event (by number in the expansion) or of a state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub finding: u32,
    pub action: Option<u32>,
    /// Which state of the chunk it belongs to.
    pub source: u32,
}

/// The events and findings of a chunk of states.
#[derive(Debug, Default)]
pub(super) struct Expansion {
    words: usize,
    pub events: Vec<Emitted>,
    /// The unknown states that events lead to, with their hashes.
    states: Vec<u64>,
    hashes: Vec<u64>,
    pub found: Vec<Found>,
    /// For each expanded state, where its events end.
    ends: Vec<usize>,
}

impl Expansion {
    /// An empty expansion of states with so many words.
    pub fn new(words: usize) -> Expansion {
        Expansion { words, ..Expansion::default() }
    }

    /// The number of events so far.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.states.clear();
        self.hashes.clear();
        self.found.clear();
        self.ends.clear();
    }

    /// Adds the events of one state: those that lead to known states are resolved, the states that others lead
    /// to are hashed and kept.
    pub fn add(&mut self, out: &Successors, store: &Store) {
        let source = self.ends.len() as u32;
        let found = out.found().iter();
        self.found.extend(found.map(|f| Found { finding: f.finding, action: f.action, source }));
        for (action, state) in out.events() {
            let target = state.map_or(NOWHERE, |state| self.target(state, store));
            self.events.push(Emitted { action, target });
        }
        self.ends.push(self.events.len());
    }

    fn target(&mut self, state: &[u64], store: &Store) -> u32 {
        let hash = hash(state);
        store.find(state, hash).unwrap_or_else(|| {
            self.states.extend_from_slice(state);
            self.hashes.push(hash);
            UNKNOWN
        })
    }

    /// The number of states that were closed.
    pub fn closed(&self) -> usize {
        self.ends.len()
    }

    /// The events of the `index`-th closed state.
    pub fn events_of(&self, index: usize) -> std::ops::Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends[index]
    }

    /// The `index`-th kept state with its hash.
    pub fn kept(&self, index: usize) -> (&[u64], u64) {
        (&self.states[index * self.words..(index + 1) * self.words], self.hashes[index])
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> u64 {
        let words =
            self.states.capacity() + self.hashes.capacity() + self.events.capacity() + self.ends.capacity();
        (words * 8 + self.found.capacity() * size_of::<Found>()) as u64
    }
}
