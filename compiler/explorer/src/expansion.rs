//! What a worker hands back: the events of a chunk of states, in order.

use crate::hash::hash;
use crate::store::Store;

/// No state: the event left the bounds of the system.
pub(crate) const NOWHERE: u32 = u32::MAX;
/// A state that was not in the store when the chunk was expanded.
pub(crate) const UNKNOWN: u32 = u32::MAX - 1;

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emitted {
    pub action: u32,
    /// The index of the state that it leads to, [`NOWHERE`] or [`UNKNOWN`].
    pub target: u32,
}

/// A finding: of an event (by number in the expansion) or of a state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub finding: u32,
    pub action: Option<u32>,
    /// Which state of the chunk it belongs to.
    pub source: u32,
}

/// The events and findings of a chunk of states.
#[derive(Debug, Default)]
pub struct Expansion {
    words: usize,
    pub(crate) events: Vec<Emitted>,
    /// States that events lead to; unknown ones are kept after [`Expansion::resolve`].
    states: Vec<u64>,
    hashes: Vec<u64>,
    pub(crate) found: Vec<Found>,
    /// For each expanded state, where its events end.
    ends: Vec<usize>,
    resolved: usize,
    kept: usize,
}

impl Expansion {
    /// An empty expansion of states with so many words.
    #[must_use]
    pub fn new(words: usize) -> Expansion {
        Expansion { words, ..Expansion::default() }
    }

    /// Adds an event; without a state it leads nowhere, but counts.
    pub fn event(&mut self, action: u32, state: Option<&[u64]>) {
        let target = if state.is_some() { UNKNOWN } else { NOWHERE };
        self.events.push(Emitted { action, target });
        if let Some(state) = state {
            debug_assert_eq!(state.len(), self.words);
            self.states.extend_from_slice(state);
        }
    }

    /// Says what was found on the event that was added last.
    pub fn find_on_event(&mut self, finding: u32) {
        let action = self.events.last().map(|e| e.action);
        self.found.push(Found { finding, action, source: self.ends.len() as u32 });
    }

    /// Says what was found on the state that is being expanded.
    pub fn find_on_state(&mut self, finding: u32) {
        self.found.push(Found { finding, action: None, source: self.ends.len() as u32 });
    }

    /// The number of events so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The actions with the states that they lead to, of an expansion that is not resolved.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Option<&[u64]>)> {
        let mut next = 0;
        self.events.iter().map(move |event| {
            if event.target == NOWHERE {
                return (event.action, None);
            }
            next += 1;
            (event.action, Some(&self.states[(next - 1) * self.words..next * self.words]))
        })
    }

    /// The findings with their actions (none: of the state itself), in order.
    pub fn findings(&self) -> impl Iterator<Item = (u32, Option<u32>)> {
        self.found.iter().map(|f| (f.finding, f.action))
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.states.clear();
        self.hashes.clear();
        self.found.clear();
        self.ends.clear();
        self.resolved = 0;
        self.kept = 0;
    }

    /// Ends the events of one state: those that lead to known states are resolved, the others hashed
    /// and kept.
    pub(crate) fn close(&mut self, store: &Store) {
        let width = self.words;
        let mut read = self.kept;
        for event in &mut self.events[self.resolved..] {
            if event.target == NOWHERE {
                continue;
            }
            let state = read * width..(read + 1) * width;
            read += 1;
            let hash = hash(&self.states[state.clone()]);
            if let Some(index) = store.find(&self.states[state.clone()], hash) {
                event.target = index;
                continue;
            }
            self.states.copy_within(state, self.kept * width);
            self.hashes.push(hash);
            self.kept += 1;
        }
        self.states.truncate(self.kept * width);
        self.resolved = self.events.len();
        self.ends.push(self.events.len());
    }

    /// The number of states that were closed.
    pub(crate) fn closed(&self) -> usize {
        self.ends.len()
    }

    /// The events of the `index`-th closed state.
    pub(crate) fn events_of(&self, index: usize) -> std::ops::Range<usize> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        start..self.ends[index]
    }

    /// The `index`-th kept state with its hash.
    pub(crate) fn kept(&self, index: usize) -> (&[u64], u64) {
        (&self.states[index * self.words..(index + 1) * self.words], self.hashes[index])
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        let words =
            self.states.capacity() + self.hashes.capacity() + self.events.capacity() + self.ends.capacity();
        (words * 8 + self.found.capacity() * size_of::<Found>()) as u64
    }
}
