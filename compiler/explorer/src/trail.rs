//! Where each state comes from, as long as something is expected to be found: states are found in the order of a plain
//! breadth-first search then, so the first way to a finding is the one to the state that it was first made on.
//!
//! States are numbered as they are found, and expanded in that order. For each batch it is noted which states it
//! expanded and which it found; for each state, which state of the batch and which action led to it. That is two to four
//! bytes for each state and no more than a quarter beside.

use crate::keys::SOURCES;
use crate::memory::{Refused, filled, push};

/// Bytes of a block of entries.
const BLOCK: usize = 1 << 16;

/// The most bytes of an entry.
const ENTRY: usize = 4;

/// The part of a limit of memory that a trail may take: one eighth.
const SHARE: u64 = 8;

/// The first states of what a batch expanded and of what it found.
#[derive(Clone, Copy, Debug)]
struct Batch {
    source: u64,
    found: u64,
}

/// Where states come from, and where findings were made first.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// What is expected; nothing more is noted when that is nothing.
    expected: Vec<u32>,
    batches: Vec<Batch>,
    /// Entries of all states that are not initial, in blocks, each with room for a whole entry behind it.
    blocks: Vec<Box<[u8; BLOCK + ENTRY]>>,
    /// Where the next entry goes in the last block.
    at: usize,
    entry_bytes: usize,
    action_bits: u32,
    initial: u64,
    states: u64,
    /// For each finding how many events lead to it, and the state on which it was first made, unless it was not on a
    /// state as such.
    found: Vec<Option<(u32, Option<u64>)>>,
}

impl Trail {
    /// One for these expectations, with so many actions and findings.
    pub(crate) fn new(expected: Vec<u32>, actions: usize, findings: usize) -> Trail {
        let action_bits = usize::BITS - actions.leading_zeros();
        let bits = action_bits + SOURCES.ilog2();
        Trail {
            // Entries have at most four bytes.
            expected: if bits > 32 { Vec::new() } else { expected },
            entry_bytes: bits.div_ceil(8) as usize,
            action_bits,
            found: vec![None; findings],
            ..Trail::default()
        }
    }

    /// Whether anything is noted.
    pub(crate) fn is_on(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Notes an initial state.
    pub(crate) fn start(&mut self) {
        self.initial += 1;
        self.states += 1;
    }

    /// Notes that the states from number `source` on were expanded, and found what follows.
    pub(crate) fn batch(&mut self, source: u64) -> Result<(), Refused> {
        let found = self.states;
        // The last one has found nothing.
        self.batches.pop_if(|last| last.found == found);
        push(&mut self.batches, Batch { source, found })
    }

    /// Notes a state: which of the batch leads to it, by which action.
    #[inline(always)]
    pub(crate) fn state(&mut self, source: u32, action: u32) -> Result<(), Refused> {
        let entry = (source << self.action_bits | action).to_le_bytes();
        self.states += 1;
        if self.blocks.is_empty() || self.at + self.entry_bytes > BLOCK {
            self.add_block()?;
        }
        if let Some(block) = self.blocks.last_mut() {
            // The upper bytes are written over by the next entry.
            block[self.at..self.at + ENTRY].copy_from_slice(&entry);
            self.at += self.entry_bytes;
        }
        Ok(())
    }

    #[cold]
    fn add_block(&mut self) -> Result<(), Refused> {
        let block = filled(0, BLOCK + ENTRY)?.into_boxed_slice();
        push(&mut self.blocks, block.try_into().map_err(|_| Refused)?)?;
        self.at = 0;
        Ok(())
    }

    /// The number of the next state that is noted.
    pub(crate) fn next(&self) -> u64 {
        self.states
    }

    /// Notes a finding after so many events: on the state with this number, or elsewhere.
    pub(crate) fn find(&mut self, finding: u32, length: u32, place: Option<u64>) {
        let entry = &mut self.found[finding as usize];
        if entry.is_none_or(|(shortest, _)| length < shortest) {
            *entry = Some((length, place));
        }
    }

    /// Ends the trail when everything that is expected is found, or it takes too much of a limit of memory.
    pub(crate) fn end_level(&mut self, most: Option<u64>) {
        if self.expected.iter().all(|f| self.found[*f as usize].is_some()) {
            self.expected.clear();
        }
        if self.bytes() > most.map_or(u64::MAX, |most| most / SHARE) {
            *self = Trail::default();
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        (self.blocks.len() * (BLOCK + ENTRY) + self.batches.capacity() * size_of::<Batch>()) as u64
    }

    /// The first way to one of some findings, of which the shortest are made after so many events: the number of an
    /// initial state and the actions from there. None when that is not known.
    pub(crate) fn way(&self, any: &[u32], length: u32) -> Option<(u64, Vec<u32>)> {
        // What was first found after the trail ended is not on it.
        let found = any.iter().map(|f| self.found.get(*f as usize).copied());
        let found: Vec<_> = found.collect::<Option<_>>()?;
        let shortest = found.into_iter().flatten().filter(|(l, _)| *l == length);
        let places: Option<Vec<u64>> = shortest.map(|(_, place)| place).collect();
        let mut state = places?.into_iter().min()?;
        let mut actions = Vec::with_capacity(length as usize);
        while state >= self.initial {
            let batch = self.batches[self.batches.partition_point(|b| b.found <= state) - 1];
            let (source, action) = self.entry(state - self.initial);
            state = batch.source + source;
            actions.push(action);
        }
        actions.reverse();
        Some((state, actions))
    }

    /// For each state that is not initial the number of the one that it comes from, and the action.
    #[cfg(test)]
    pub(crate) fn origins(&self) -> Vec<(u64, u32)> {
        let batch = |state| self.batches[self.batches.partition_point(|b| b.found <= state) - 1];
        let origin = |state| {
            let (source, action) = self.entry(state - self.initial);
            (batch(state).source + source, action)
        };
        (self.initial..self.states).map(origin).collect()
    }

    fn entry(&self, i: u64) -> (u64, u32) {
        let per_block = BLOCK / self.entry_bytes;
        let (block, at) = (i as usize / per_block, i as usize % per_block * self.entry_bytes);
        let mut entry = [0; 4];
        entry[..self.entry_bytes].copy_from_slice(&self.blocks[block][at..at + self.entry_bytes]);
        let entry = u32::from_le_bytes(entry);
        (u64::from(entry >> self.action_bits), entry & ((1 << self.action_bits) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree in which batches of three states find one, none or many, against the parents themselves.
    #[test]
    fn ways_lead_back_to_where_they_began() {
        for actions in [1, 4, 1000, 100_000, 1 << 25] {
            let mut trail = Trail::new(vec![0], actions, 2);
            let mut parents: Vec<Option<(usize, u32)>> = vec![None; 5];
            (0..5).for_each(|_| trail.start());
            let (mut expanded, mut x) = (0, 1u64);
            while parents.len() < 90_000 {
                let sources = (parents.len() - expanded).min(SOURCES);
                trail.batch(expanded as u64).expect("a little memory");
                for source in 0..sources {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    for i in 0..if x >> 60 < 9 { 0 } else { x >> 62 } {
                        let action = (x >> 20).wrapping_add(i) as u32 % actions as u32;
                        trail.state(source as u32, action).expect("a little memory");
                        parents.push(Some((expanded + source, action)));
                    }
                }
                expanded += sources;
            }
            for state in [0, 4, 5, 6, 99, 20_000, 77_777, parents.len() - 1] {
                let (mut at, mut actions) = (state, Vec::new());
                while let Some((parent, action)) = parents[at] {
                    at = parent;
                    actions.push(action);
                }
                actions.reverse();
                let length = actions.len() as u32;
                trail.found[1] = Some((length, Some(state as u64)));
                assert_eq!(trail.way(&[1], length), Some((at as u64, actions)), "state {state}");
            }
        }
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let mut trail = Trail::new(vec![0], 3, 3);
        trail.start();
        trail.find(1, 0, Some(0));
        trail.find(2, 0, None);
        trail.find(2, 0, Some(0));
        assert_eq!(trail.way(&[1], 0), Some((0, vec![])));
        assert_eq!(trail.way(&[0, 1], 0), Some((0, vec![])), "the other is longer or not found");
        assert_eq!(trail.way(&[1, 2], 0), None, "one was not first found on a state");
        assert_eq!((trail.way(&[0], 4), trail.way(&[3], 1)), (None, None));
        assert!(!Trail::new(vec![0], 1 << 26, 1).is_on(), "entries have no room for so many actions");
    }
}
