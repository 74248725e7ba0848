//! The states of a finished search once more, one after the other in the order in which a search with one thread
//! discovers them: a plain breadth-first search that needs no visited set but a bit for each state of the one that
//! there is.

use crate::bits::Bits;
use crate::keys::Keys;
use crate::memory::{Refused, push};
use crate::successors::Successors;
use crate::system::System;
use crate::visited::Set;

/// States whose events are looked up together.
const BATCH: usize = 64;

/// Where an event comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The state's number in the order of discovery.
    pub number: u64,
    pub key: u64,
}

/// What is met.
#[derive(Debug)]
pub(crate) enum Met<'a> {
    /// A state, for the first time: where it is stored, and what is found on it.
    State { slot: u64, key: u64, from: Option<(Source, u32)>, found: &'a [u32] },
    /// Something found on an event, or (no action) on a state that is expanded.
    Finding { finding: u32, source: Source, action: Option<u32> },
}

/// Why it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Everything was met.
    All,
    /// The visitor said so.
    Visitor,
    /// No memory.
    Refused,
}

/// A search under way.
pub(crate) struct Order<'a, S: System, K: Keys> {
    system: &'a S,
    set: &'a Set<K>,
    scratch: S::Scratch,
    local: K::Local,
    seen: Bits,
    next: Vec<u64>,
    state: Vec<u64>,
    successors: Successors,
    found: Vec<u32>,
    images: Vec<u64>,
    keys: Vec<u64>,
    slots: Vec<Option<u64>>,
    /// Where the events and findings of the states of a batch end.
    ends: Vec<(usize, usize)>,
}

impl<'a, S: System, K: Keys> Order<'a, S, K> {
    pub(crate) fn new(system: &'a S, set: &'a Set<K>) -> Result<Self, Refused> {
        let words = system.widths().len();
        Ok(Order {
            system,
            set,
            scratch: system.scratch(),
            local: set.keys.local(),
            seen: Bits::new(set.table.end())?,
            next: Vec::new(),
            state: vec![0; words],
            successors: Successors::with_room(words, system.actions())?,
            found: Vec::new(),
            images: Vec::new(),
            keys: Vec::new(),
            slots: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Bytes that it needs beside lists of the states of two levels.
    pub(crate) fn bytes(&self) -> u64 {
        self.seen.bytes() + self.successors.bytes()
    }

    /// Meets everything, until the visitor answers false.
    pub(crate) fn run(mut self, visit: &mut dyn FnMut(Met<'_>) -> bool) -> End {
        match self.levels(visit) {
            Ok(true) => End::All,
            Ok(false) => End::Visitor,
            Err(Refused) => End::Refused,
        }
    }

    fn levels(&mut self, visit: &mut dyn FnMut(Met<'_>) -> bool) -> Result<bool, Refused> {
        let (system, mut result) = (self.system, Ok(true));
        system.initial(&mut |state| {
            result = self.initial(state, visit);
            result == Ok(true)
        });
        let (mut level, mut first) = (Vec::new(), 0);
        while result == Ok(true) && !self.next.is_empty() {
            first += level.len() as u64;
            level.clear();
            std::mem::swap(&mut level, &mut self.next);
            for (i, batch) in level.chunks(BATCH).enumerate() {
                if !self.batch(batch, first + (i * BATCH) as u64, visit)? {
                    return Ok(false);
                }
            }
        }
        result
    }

    fn initial(&mut self, state: &[u64], visit: &mut dyn FnMut(Met<'_>) -> bool) -> Result<bool, Refused> {
        let key = self.set.keys.find(state, &mut self.local);
        let slot = key.and_then(|key| self.set.table.slot(self.set.table.image(key)));
        let (Some(key), Some(slot)) = (key, slot) else { return Ok(true) };
        if !self.seen.add(slot) {
            return Ok(true);
        }
        push(&mut self.next, key)?;
        self.found.clear();
        self.system.judge(state, &mut self.scratch, &mut self.found);
        Ok(visit(Met::State { slot, key, from: None, found: &self.found }))
    }

    /// Meets what the states of a batch lead to; the first has number `first`.
    fn batch(
        &mut self,
        batch: &[u64],
        first: u64,
        visit: &mut dyn FnMut(Met<'_>) -> bool,
    ) -> Result<bool, Refused> {
        self.expand(batch)?;
        self.look_up();
        let (mut event, mut finding) = (0, 0);
        for (i, key) in batch.iter().enumerate() {
            let source = Source { number: first + i as u64, key: *key };
            let (events, findings) = self.ends[i];
            for met in finding..findings {
                let found = self.successors.found()[met];
                if !visit(Met::Finding { finding: found.finding, source, action: found.action }) {
                    return Ok(false);
                }
            }
            for met in event..events {
                if !self.event(met, source, visit)? {
                    return Ok(false);
                }
            }
            (event, finding) = (events, findings);
        }
        Ok(true)
    }

    fn expand(&mut self, batch: &[u64]) -> Result<(), Refused> {
        self.successors.clear();
        self.ends.clear();
        for key in batch {
            self.set.keys.unpack(*key, &mut self.state, &mut self.local);
            self.successors.reserve()?;
            self.system.expand(&self.state, &mut self.scratch, &mut self.successors);
            self.ends.push((self.successors.len(), self.successors.found().len()));
        }
        Ok(())
    }

    /// Looks up where the states are that the events of the batch lead to.
    fn look_up(&mut self) {
        let Order { set, images, keys, slots, successors, local, state, .. } = self;
        images.clear();
        keys.clear();
        slots.clear();
        let mut absent = Vec::new();
        for i in 0..successors.len() {
            let next = &successors.states()[i * state.len()..(i + 1) * state.len()];
            let key = set.keys.find(next, local);
            if key.is_none() {
                absent.push(i);
            }
            keys.push(key.unwrap_or(0));
            images.push(set.table.image(key.unwrap_or(0)));
        }
        set.table.find(images, |_, slot| slots.push(slot));
        // A search that stopped early does not have all states.
        absent.into_iter().for_each(|i| slots[i] = None);
    }

    fn event(
        &mut self,
        i: usize,
        source: Source,
        visit: &mut dyn FnMut(Met<'_>) -> bool,
    ) -> Result<bool, Refused> {
        let Some(slot) = self.slots[i] else { return Ok(true) };
        if !self.seen.add(slot) {
            return Ok(true);
        }
        let (key, words) = (self.keys[i], self.state.len());
        push(&mut self.next, key)?;
        self.found.clear();
        let state = &self.successors.states()[i * words..(i + 1) * words];
        self.system.judge(state, &mut self.scratch, &mut self.found);
        let from = Some((source, self.successors.actions()[i]));
        Ok(visit(Met::State { slot, key, from, found: &self.found }))
    }
}
