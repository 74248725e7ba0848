//! The states of a finished search once more, one after the other in the order in which a search with one thread
//! discovers them: a plain breadth-first search that needs no visited set but a bit for each state of the one that
//! there is.

use crate::bits::Bits;
use crate::keys::{Kept, Keys};
use crate::memory::Refused;
use crate::successors::Successors;
use crate::system::System;
use crate::visited::Set;
use std::ops::Range;

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
    State { slot: u64, key: u64, state: &'a [u64], from: Option<(Source, u32)>, found: &'a [u32] },
    /// Something found on an event, or (no action) on a state that is expanded.
    Finding { finding: u32, source: Source, action: Option<u32> },
    /// If asked for: a state whose events follow.
    Expands { number: u64, state: &'a [u64] },
    /// If asked for: an event of that state; where the state is stored that it leads to, if it leads to one.
    Event { action: u32, slot: Option<u64> },
    /// If asked for: the state has no more events.
    Expanded,
    /// A batch is over; bytes that this takes now.
    Batch { bytes: u64 },
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
    next: Kept,
    state: Vec<u64>,
    successors: Successors,
    found: Vec<u32>,
    images: Vec<u64>,
    keys: Vec<u64>,
    slots: Vec<Option<u64>>,
    /// Where the events, the findings and the events to nowhere of the states of a batch end.
    ends: Vec<Ends>,
    /// Whether every event is asked for.
    events: bool,
}

/// Where the parts of an expansion end.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    events: usize,
    findings: usize,
    nowhere: usize,
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
            next: Kept::new(set.keys.kept_words()),
            state: vec![0; words],
            successors: Successors::with_room(words, system.actions())?,
            found: Vec::new(),
            images: Vec::new(),
            keys: Vec::new(),
            slots: Vec::new(),
            ends: Vec::new(),
            events: false,
        })
    }

    /// The same, with every event.
    pub(crate) fn with_events(self) -> Self {
        Order { events: true, ..self }
    }

    /// Bytes that it takes beside the list of the level.
    pub(crate) fn bytes(&self) -> u64 {
        self.seen.bytes() + self.successors.bytes() + self.next.bytes()
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
        let (mut level, mut first) = (Kept::new(self.set.keys.kept_words()), 0);
        while result == Ok(true) && self.next.len() > 0 {
            first += level.len() as u64;
            level.truncate(0);
            std::mem::swap(&mut level, &mut self.next);
            for at in (0..level.len()).step_by(BATCH) {
                let more = self.batch(&level, at..level.len().min(at + BATCH), first, visit)?;
                let bytes = self.bytes() + level.bytes();
                if !more || !visit(Met::Batch { bytes }) {
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
        self.next.push(K::keep(&key, state))?;
        self.found.clear();
        self.system.judge(state, &mut self.scratch, &mut self.found);
        Ok(visit(Met::State { slot, key, state, from: None, found: &self.found }))
    }

    /// Meets what the states of a batch lead to, which are some of a level whose first state has number `first`.
    fn batch(
        &mut self,
        level: &Kept,
        batch: Range<usize>,
        first: u64,
        visit: &mut dyn FnMut(Met<'_>) -> bool,
    ) -> Result<bool, Refused> {
        self.expand(level, batch.clone())?;
        self.look_up();
        let mut from = Ends::default();
        for (at, i) in batch.enumerate() {
            let (kept, to) = (level.get(i), self.ends[at]);
            let source = Source { number: first + i as u64, key: self.set.keys.key_of(kept) };
            for met in from.findings..to.findings {
                let found = self.successors.found()[met];
                if !visit(Met::Finding { finding: found.finding, source, action: found.action }) {
                    return Ok(false);
                }
            }
            if !self.source(source, kept, (from, to), visit)? {
                return Ok(false);
            }
            from = to;
        }
        Ok(true)
    }

    /// Meets what one state leads to.
    fn source(
        &mut self,
        source: Source,
        kept: &[u64],
        (from, to): (Ends, Ends),
        visit: &mut dyn FnMut(Met<'_>) -> bool,
    ) -> Result<bool, Refused> {
        if self.events {
            self.set.keys.unpack(kept, &mut self.state, &mut self.local);
            if !visit(Met::Expands { number: source.number, state: &self.state }) {
                return Ok(false);
            }
        }
        for met in from.events..to.events {
            let (action, slot) = (self.successors.actions()[met], self.slots[met]);
            if !self.event(met, source, visit)?
                || self.events && slot.is_some() && !visit(Met::Event { action, slot })
            {
                return Ok(false);
            }
        }
        if !self.events {
            return Ok(true);
        }
        let mut nowhere = self.successors.actions_nowhere()[from.nowhere..to.nowhere].iter();
        Ok(nowhere.all(|action| visit(Met::Event { action: *action, slot: None })) && visit(Met::Expanded))
    }

    fn expand(&mut self, level: &Kept, batch: Range<usize>) -> Result<(), Refused> {
        self.successors.clear();
        self.ends.clear();
        for i in batch {
            self.set.keys.unpack(level.get(i), &mut self.state, &mut self.local);
            self.successors.reserve()?;
            self.system.expand(&self.state, &mut self.scratch, &mut self.successors);
            let out = &self.successors;
            self.ends.push(Ends {
                events: out.len(),
                findings: out.found().len(),
                nowhere: out.actions_nowhere().len(),
            });
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
        let state = &self.successors.states()[i * words..(i + 1) * words];
        self.next.push(K::keep(&key, state))?;
        self.found.clear();
        self.system.judge(state, &mut self.scratch, &mut self.found);
        let from = Some((source, self.successors.actions()[i]));
        Ok(visit(Met::State { slot, key, state, from, found: &self.found }))
    }
}

/// How many states there are at each distance, and so how far a state is.
#[derive(Debug, Default)]
pub(crate) struct Depths {
    pub(crate) states: u64,
    /// The number of the first state of each level.
    pub(crate) levels: Vec<u64>,
}

impl Depths {
    /// Adds a state that comes from another, or from nowhere; how far it is.
    pub(crate) fn add(&mut self, from: Option<u64>) -> u32 {
        let depth = from.map_or(0, |from| self.of(from) + 1);
        if depth as usize == self.levels.len() {
            self.levels.push(self.states);
        }
        self.states += 1;
        depth
    }

    /// How far a state is that was added.
    pub(crate) fn of(&self, number: u64) -> u32 {
        self.levels.partition_point(|first| *first <= number).saturating_sub(1) as u32
    }
}
