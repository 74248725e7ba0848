//! One worker of a search: expands states in batches and inserts what they lead to.
//!
//! A batch is expanded as a whole; events that lead back to their own state or to one that was seen a moment ago
//! are dropped, and the images of the others are inserted together, so that the lines of the table are fetched
//! long before they are needed ([`super::batch`]). With one worker states are found in the order of a plain breadth-first
//! search, which is what a trail rests on.

use super::batch::Batch;
use super::frontier::{Chunk, Frontier, Pool};
use crate::keys::{Keys, SOURCES};
use crate::limits::{Stop, StopSign};
use crate::memory::{Refused, filled};
use crate::successors::Successors;
use crate::system::System;
use crate::table::Table;
use crate::trail::Trail;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Events after which a batch ends early.
const EVENTS: usize = 2048;
/// Out-degrees from here on are counted as one.
const DEGREES: usize = 1024;

/// What workers share.
pub(super) struct Shared<'a, S, K> {
    pub system: &'a S,
    pub keys: &'a K,
    pub table: &'a Table,
    pub pool: &'a Pool,
    pub counts: &'a Counts,
    /// What is left of the level.
    pub queue: &'a Mutex<VecDeque<Chunk>>,
    /// The distance of its states from the initial ones.
    pub depth: u32,
    pub sign: StopSign<'a>,
    /// How many states there may be in all before the round has to end.
    pub room: u64,
    /// Set when one worker ends the round.
    pub over: AtomicBool,
    /// Whether chunks that are done are kept.
    pub keep: bool,
    /// Whether every state is counted against the limit: only with one worker.
    pub careful: bool,
}

/// What is counted over all workers, for limits and progress.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// States that are in the table or may be put there by a batch under way.
    pub reserved: AtomicU64,
    /// States.
    pub states: AtomicU64,
    /// Their events, of those that are expanded.
    pub transitions: AtomicU64,
    /// States that are expanded.
    pub expanded: AtomicU64,
}

/// Why a round ended before the level did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Halt {
    /// There has to be room for more states.
    Room,
    Stop(Stop),
}

impl From<Refused> for Halt {
    fn from(_: Refused) -> Halt {
        Halt::Stop(Stop::Memory)
    }
}

/// What a worker counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub transitions: u64,
    pub nowhere: u64,
    pub self_loops: u64,
    /// States that it was the first to find on this level.
    pub new: u64,
    /// How often each action was an event.
    pub executed: Vec<u64>,
    /// How many states had so many events.
    pub degrees: Vec<u64>,
    /// For each finding the fewest events that lead to it.
    pub found: Vec<Option<u32>>,
    /// Where states come from, while it is the only worker and something is expected.
    pub trail: Trail,
}

impl Tally {
    /// Notes that something is found after so many events: on the state that was found last, or not on a state as such.
    fn find(&mut self, finding: u32, length: u32, on_state: bool) {
        note(&mut self.found, finding, length);
        if self.trail.is_on() {
            self.trail.find(finding, length, on_state);
        }
    }
}

/// A worker's memory.
pub(super) struct Worker<Scratch, Local> {
    pub scratch: Scratch,
    pub tally: Tally,
    pub next: Frontier,
    /// Chunks that are expanded, if they are kept.
    pub done: Vec<Chunk>,
    local: Local,
    words: usize,
    /// The states of a batch, one behind the other.
    sources: Vec<u64>,
    successors: Successors,
    batch: Batch,
    judged: Vec<u32>,
    /// How many states it expanded.
    expanded: u64,
}

impl<Scratch: Send, Local: Send> Worker<Scratch, Local> {
    /// A worker with nothing done.
    pub(super) fn new<S, K>(system: &S, keys: &K) -> Result<Self, Refused>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let words = system.widths().len();
        let tally = Tally {
            executed: vec![0; system.actions()],
            degrees: vec![0; system.actions().min(DEGREES) + 1],
            found: vec![None; system.findings()],
            ..Tally::default()
        };
        let worker = Worker {
            scratch: system.scratch(),
            tally,
            next: Frontier::default(),
            done: Vec::new(),
            local: keys.local(),
            words,
            sources: filled(0, words * SOURCES)?,
            successors: Successors::with_room(words, system.actions())?,
            batch: Batch::new(words, most_events(system), K::DIRECT)?,
            judged: Vec::new(),
            expanded: 0,
        };
        Ok(worker)
    }

    /// Bytes of its buffers.
    pub(super) fn bytes(&self) -> u64 {
        let tally = self.tally.executed.len() + self.tally.degrees.len();
        self.tally.trail.bytes()
            + self.successors.bytes()
            + self.batch.bytes()
            + (self.sources.len() + tally) as u64 * 8
    }

    /// Adds an initial state; whether it is new.
    pub(super) fn start<S, K>(&mut self, shared: &Shared<'_, S, K>, state: &[u64]) -> Result<bool, Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let key = shared.keys.pack(state, &mut self.local);
        let image = shared.table.image(key);
        let known = shared.table.slot(image).is_some();
        let counts = shared.counts;
        if known {
            return Ok(false);
        }
        if counts.states.load(Ordering::Relaxed) >= most_states(&shared.sign) {
            return Err(Halt::Stop(Stop::States));
        }
        shared.table.insert_one(image);
        self.next.push(K::keep(&key, state), shared.pool)?;
        counts.reserved.fetch_add(1, Ordering::Relaxed);
        counts.states.fetch_add(1, Ordering::Relaxed);
        self.tally.new += 1;
        self.tally.trail.start();
        judge(shared.system, state, 0, &mut self.scratch, &mut self.judged, &mut self.tally);
        Ok(true)
    }

    /// Expands chunks until the level is done or the round has to end. `beat` is called now and then.
    pub(super) fn run<S, K>(&mut self, shared: &Shared<'_, S, K>, beat: &mut dyn FnMut()) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        while let Some(mut chunk) = shared.pop() {
            let result = self.chunk(shared, &mut chunk, beat);
            if chunk.from < chunk.kept.len() {
                shared.put_back(chunk);
            } else if shared.keep {
                self.done.push(chunk);
            } else {
                shared.pool.give(chunk);
            }
            if result.is_err() {
                shared.over.store(true, Ordering::Relaxed);
                return result;
            }
            if shared.over.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    fn chunk<S, K>(
        &mut self,
        shared: &Shared<'_, S, K>,
        chunk: &mut Chunk,
        beat: &mut dyn FnMut(),
    ) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let most = most_events(shared.system) as u64;
        let (mut reserved, mut result, mut told) = (0, Ok(()), self.counted());
        while result.is_ok() && chunk.from < chunk.kept.len() && !shared.over.load(Ordering::Relaxed) {
            if let Some(stop) = shared.sign.read() {
                result = Err(Halt::Stop(stop));
                break;
            }
            if !shared.reserve(most - reserved) {
                result = Err(Halt::Room);
                break;
            }
            let new = self.tally.new;
            result = self.batch(shared, chunk);
            // What was found stays reserved.
            reserved = most - (self.tally.new - new);
            if shared.careful {
                told = self.tell(told, shared.counts);
            }
            beat();
        }
        shared.counts.reserved.fetch_sub(reserved, Ordering::Relaxed);
        self.tell(told, shared.counts);
        result
    }

    /// What it counted on this level: states, their events, states that are expanded.
    fn counted(&self) -> [u64; 3] {
        [self.tally.new, self.tally.transitions, self.expanded]
    }

    /// Adds what it counted since then to what is counted over all workers: after each chunk rather than each batch, since
    /// what several threads write goes to and fro between their caches.
    fn tell(&self, told: [u64; 3], counts: &Counts) -> [u64; 3] {
        let (now, all) = (self.counted(), [&counts.states, &counts.transitions, &counts.expanded]);
        for ((count, now), told) in all.into_iter().zip(now).zip(told) {
            count.fetch_add(now - told, Ordering::Relaxed);
        }
        now
    }

    /// Expands some states and inserts what they lead to.
    fn batch<S, K>(&mut self, shared: &Shared<'_, S, K>, chunk: &mut Chunk) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        self.successors.clear();
        self.batch.clear();
        let words = shared.keys.kept_words();
        let most = if shared.careful { 1 } else { SOURCES };
        let kept = &chunk.kept[chunk.from..chunk.kept.len().min(chunk.from + most * words)];
        shared.keys.unpack_all(kept, &mut self.sources, &mut self.local);
        let (mut expanded, states) = (0, kept.len() / words);
        while expanded < states && self.successors.len() < EVENTS {
            self.expand(shared, expanded)?;
            expanded += 1;
        }
        chunk.from += expanded * words;
        if self.tally.trail.is_on() {
            self.tally.trail.batch(self.expanded)?;
        }
        self.expanded += expanded as u64;
        self.count(shared.depth);
        let Worker { batch, sources, successors, local, tally, .. } = self;
        tally.self_loops += batch.pick(sources, successors, shared.keys, shared.table, local);
        if shared.careful {
            return self.insert_carefully(shared);
        }
        self.insert(shared)
    }

    /// Expands a state of the batch.
    #[inline(always)]
    fn expand<S, K>(&mut self, shared: &Shared<'_, S, K>, from: usize) -> Result<(), Refused>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        self.successors.reserve()?;
        let (before, lost) = (self.successors.len(), self.successors.actions_nowhere().len());
        let state = &self.sources[from * self.words..][..self.words];
        shared.system.expand(state, &mut self.scratch, &mut self.successors);
        let after = self.successors.len();
        let degree = after - before + self.successors.actions_nowhere().len() - lost;
        let last = self.tally.degrees.len() - 1;
        self.tally.degrees[degree.min(last)] += 1;
        self.batch.end_source(after);
        Ok(())
    }

    /// Counts the events of a batch.
    fn count(&mut self, depth: u32) {
        let (out, tally) = (&self.successors, &mut self.tally);
        tally.transitions += (out.len() + out.actions_nowhere().len()) as u64;
        tally.nowhere += out.actions_nowhere().len() as u64;
        out.actions().iter().for_each(|action| tally.executed[*action as usize] += 1);
        out.actions_nowhere().iter().for_each(|action| tally.executed[*action as usize] += 1);
        for found in out.found() {
            tally.find(found.finding, depth + u32::from(found.action.is_some()), false);
        }
    }

    fn insert<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let (batch, mut news) = self.news();
        let (mut result, mut source) = (Ok(()), 0);
        batch.insert(shared.table, |batch, i| {
            source = batch.source(i, source);
            result = result.and_then(|()| news.add(shared, batch, i, source));
        });
        Ok(result?)
    }

    /// The same for one worker near the limit of states.
    fn insert_carefully<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let (before, states) = (self.tally.new, shared.counts.states.load(Ordering::Relaxed));
        let (batch, mut news) = self.news();
        for i in 0..batch.len() {
            if shared.table.slot(batch.image(i)).is_some() {
                continue;
            }
            if states + news.tally.new - before >= most_states(&shared.sign) {
                return Err(Halt::Stop(Stop::States));
            }
            shared.table.insert_one(batch.image(i));
            news.add(shared, batch, i, batch.source(i, 0))?;
        }
        Ok(())
    }

    /// The batch, and what its new states are added to.
    #[inline(always)]
    fn news(&mut self) -> (&mut Batch, News<'_, Scratch>) {
        let Worker { batch, next, successors, scratch, judged, tally, .. } = self;
        (batch, News { next, successors, scratch, judged, tally })
    }
}

/// What new states are added to.
struct News<'w, Scratch> {
    next: &'w mut Frontier,
    successors: &'w Successors,
    scratch: &'w mut Scratch,
    judged: &'w mut Vec<u32>,
    tally: &'w mut Tally,
}

impl<Scratch> News<'_, Scratch> {
    /// Adds the new state to which the `i`-th event leads that is left, which is one of this state of the batch.
    #[inline(always)]
    fn add<S, K>(
        &mut self,
        shared: &Shared<'_, S, K>,
        batch: &Batch,
        i: usize,
        source: usize,
    ) -> Result<(), Refused>
    where
        S: System<Scratch = Scratch>,
        K: Keys,
    {
        let News { next, successors, scratch, judged, tally } = self;
        tally.new += 1;
        let (key, state) = (batch.key(i, successors), batch.state(i, successors));
        next.push(K::keep(&key, state), shared.pool)?;
        if tally.trail.is_on() {
            tally.trail.state(source, successors.actions()[batch.event(i)])?;
        }
        judge(shared.system, state, shared.depth + 1, scratch, judged, tally);
        Ok(())
    }
}

/// The most states that may be found.
pub(super) fn most_states(sign: &StopSign<'_>) -> u64 {
    sign.limits.max_states.unwrap_or(u64::MAX)
}

/// The most events of a batch.
pub(super) fn most_events<S: System>(system: &S) -> usize {
    EVENTS + system.actions()
}

/// Judges a new state.
#[inline(always)]
fn judge<S: System>(
    system: &S,
    state: &[u64],
    depth: u32,
    scratch: &mut S::Scratch,
    judged: &mut Vec<u32>,
    tally: &mut Tally,
) {
    system.judge(state, scratch, judged);
    if !judged.is_empty() {
        judged.drain(..).for_each(|finding| tally.find(finding, depth, true));
    }
}

/// Notes that something is found after so many events.
pub(super) fn note(found: &mut [Option<u32>], finding: u32, length: u32) {
    let entry = &mut found[finding as usize];
    *entry = Some(entry.map_or(length, |old| old.min(length)));
}

impl<S, K> Shared<'_, S, K> {
    /// Makes sure that there is room for so many more states; whether there is.
    fn reserve(&self, more: u64) -> bool {
        let reserved = &self.counts.reserved;
        let fits = reserved.fetch_add(more, Ordering::Relaxed) + more <= self.room;
        if !fits {
            reserved.fetch_sub(more, Ordering::Relaxed);
        }
        fits
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Chunk>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<Chunk> {
        self.queue().pop_front()
    }

    fn put_back(&self, chunk: Chunk) {
        self.queue().push_front(chunk);
    }
}
