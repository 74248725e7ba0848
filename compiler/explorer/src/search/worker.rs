//! One worker of a search: expands states in batches and inserts what they lead to.
//!
//! A batch is expanded as a whole; events that lead back to their own state or to one that was seen a moment ago
//! are dropped, and the images of the others are inserted together, so that the lines of the table are fetched
//! long before they are needed ([`super::batch`]). As long as a trail is kept, batches insert in the order of the states
//! that they expand ([`super::turns`]): so states are found in the order of a plain breadth-first search, which is what a
//! trail rests on.

use super::batch::Batch;
use super::frontier::{Frontier, Pool};
use super::news::{InOrder, News};
use super::queue::{Queue, Ticket};
use crate::keys::{Keys, SOURCES};
use crate::limits::{Stop, StopSign};
use crate::memory::{Refused, filled};
use crate::successors::Successors;
use crate::system::System;
use crate::table::Table;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Events after which a batch ends early.
const EVENTS: usize = 2048;
/// States after which a worker adds what it counted to what is counted over all: what several threads write goes to and
/// fro between their caches.
const TOLD: u64 = 2048;
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
    pub queue: &'a Queue,
    /// What is done in the order of the states of the level, if that matters.
    pub order: Option<&'a InOrder>,
    /// The distance of its states from the initial ones.
    pub depth: u32,
    pub sign: StopSign<'a>,
    /// How many states there may be in all before the round has to end.
    pub room: u64,
    /// For how many keys there has to be room before a batch.
    pub most_keys: u64,
    /// Set when one worker ends the round.
    pub over: AtomicBool,
    /// Whether every state is counted against the limit: only with one worker at a time.
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
}

/// A worker's memory.
pub(super) struct Worker<Scratch, Local> {
    pub scratch: Scratch,
    pub tally: Tally,
    /// New states, unless they are put in order.
    pub next: Frontier,
    local: Local,
    words: usize,
    /// Whether it may leave everything to another one.
    helps: bool,
    taken: Taken,
    /// The states of a batch, one behind the other.
    sources: Vec<u64>,
    successors: Successors,
    batch: Batch,
    news: News,
    judged: Vec<u32>,
    /// How many states it expanded.
    expanded: u64,
    /// For how many states it made sure that there is room, which it has not found yet.
    reserved: u64,
    /// What it counted when it last told.
    told: [u64; 3],
}

/// States that a worker took. It may have to go on with them in the next round.
#[derive(Debug, Default)]
struct Taken {
    ticket: Ticket,
    /// What is kept of them.
    kept: Vec<u64>,
    /// What of that is before the present batch, and what is before the next one.
    from: usize,
    to: usize,
    /// Whether the present batch is expanded and waits to be inserted.
    waits: bool,
}

impl<Scratch: Send, Local: Send> Worker<Scratch, Local> {
    /// A worker with nothing done, which will insert into so many parts of the table one after the other. `helps`: there is
    /// another one that can do everything.
    pub(super) fn new<S, K>(system: &S, keys: &K, parts: usize, helps: bool) -> Result<Self, Refused>
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
        let mut taken = Taken::default();
        taken.kept.try_reserve_exact(SOURCES * keys.kept_words())?;
        let worker = Worker {
            scratch: system.scratch(),
            tally,
            next: Frontier::default(),
            local: keys.local(),
            words,
            helps,
            taken,
            sources: filled(0, words * SOURCES)?,
            successors: Successors::with_room(words, system.actions())?,
            batch: Batch::new(words, most_events(system), K::DIRECT, parts)?,
            news: News::default(),
            judged: Vec::new(),
            expanded: 0,
            reserved: 0,
            told: [0; 3],
        };
        Ok(worker)
    }

    /// Bytes of its buffers.
    pub(super) fn bytes(&self) -> u64 {
        let tally = self.tally.executed.len() + self.tally.degrees.len();
        self.successors.bytes()
            + self.batch.bytes()
            + self.news.bytes()
            + (self.sources.len() + self.taken.kept.capacity() + tally) as u64 * 8
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
        counts.reserved.fetch_add(1, Ordering::Relaxed);
        self.news.clear();
        self.news.state(K::keep(&key, state));
        self.adder().1.new_state(shared.system, state, 0)?;
        self.tell(counts);
        match shared.order {
            Some(order) => self.news.start_in_order(order, shared.pool)?,
            None => self.news.put(&mut self.next, shared.pool)?,
        }
        Ok(true)
    }

    /// Whether it has states that it took, and has to go on with.
    pub(super) fn is_busy(&self) -> bool {
        self.taken.waits || self.taken.to < self.taken.kept.len()
    }

    /// What it took last.
    pub(super) fn ticket(&self) -> u64 {
        self.taken.ticket.number
    }

    /// Expands states until the level is done or the round has to end, or, where it has to be careful, what it has taken
    /// before. `beat` is called now and then.
    pub(super) fn run<S, K>(&mut self, shared: &Shared<'_, S, K>, beat: &mut dyn FnMut()) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let _alarm = Alarm { order: shared.order, over: &shared.over };
        let rest = shared.careful && self.is_busy();
        let result = loop {
            match self.step(shared) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(halt) => break Err(halt),
            }
            if shared.careful || self.expanded - self.told[2] >= TOLD {
                self.tell(shared.counts);
            }
            beat();
            if rest && !self.is_busy() {
                break Ok(());
            }
        };
        if result.is_err() {
            shared.over.store(true, Ordering::Relaxed);
        }
        if !self.taken.waits {
            shared.counts.reserved.fetch_sub(std::mem::take(&mut self.reserved), Ordering::Relaxed);
        }
        self.tell(shared.counts);
        result
    }

    /// Expands some states and inserts what they lead to; false when there are none, or the round is over.
    fn step<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<bool, Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        if self.taken.waits {
            // The table may have grown since.
            self.batch.make_images(&self.successors, shared.table);
        } else if shared.over.load(Ordering::Relaxed) {
            return Ok(false);
        } else if let Some(stop) = shared.sign.read() {
            return Err(Halt::Stop(stop));
        } else {
            let most = most_events(shared.system) as u64;
            if !shared.reserve(most - self.reserved) {
                return Err(Halt::Room);
            }
            self.reserved = most;
            if !self.is_busy() && (self.helps && shared.is_crowded() || !self.take(shared)) {
                return Ok(false);
            }
            self.batch(shared)?;
        }
        self.insert(shared)?;
        Ok(true)
    }

    /// Takes states; whether there are any.
    fn take<S, K: Keys>(&mut self, shared: &Shared<'_, S, K>) -> bool {
        let (taken, words) = (&mut self.taken, shared.keys.kept_words());
        let most = if shared.careful { 1 } else { SOURCES };
        let ticket = shared.queue.take(most, words, &mut taken.kept, shared.pool);
        (taken.from, taken.to) = (0, 0);
        taken.ticket = ticket.unwrap_or(taken.ticket);
        ticket.is_some()
    }

    /// What it counted on this level: states, their events, states that are expanded.
    fn counted(&self) -> [u64; 3] {
        [self.tally.new, self.tally.transitions, self.expanded]
    }

    /// Adds what it counted since it last did to what is counted over all workers.
    fn tell(&mut self, counts: &Counts) {
        let (now, all) = (self.counted(), [&counts.states, &counts.transitions, &counts.expanded]);
        for ((count, now), told) in all.into_iter().zip(now).zip(self.told) {
            count.fetch_add(now - told, Ordering::Relaxed);
        }
        self.told = now;
    }

    /// Takes the number of states that it was the first to find on this level.
    pub(super) fn take_new(&mut self) -> u64 {
        self.told[0] = 0;
        std::mem::take(&mut self.tally.new)
    }

    /// Expands some of the states that it took, and keeps of what they lead to what may be new.
    fn batch<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<(), Refused>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        self.successors.clear();
        self.batch.clear();
        self.news.clear();
        let words = shared.keys.kept_words();
        let Taken { kept, from, to, .. } = &mut self.taken;
        *from = *to;
        let most = if shared.careful { 1 } else { SOURCES };
        let kept = &kept[*from..kept.len().min(*from + most * words)];
        shared.keys.unpack_all(kept, &mut self.sources, &mut self.local);
        let (mut expanded, states) = (0, kept.len() / words);
        while expanded < states && self.successors.len() < EVENTS {
            self.expand(shared, expanded)?;
            expanded += 1;
        }
        self.taken.to += expanded * words;
        self.expanded += expanded as u64;
        self.count(shared.depth)?;
        let Worker { batch, sources, successors, local, tally, .. } = self;
        tally.self_loops += batch.pick(sources, successors, shared.keys, shared.table, local);
        self.taken.waits = true;
        Ok(())
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
    fn count(&mut self, depth: u32) -> Result<(), Refused> {
        let (out, tally) = (&self.successors, &mut self.tally);
        tally.transitions += (out.len() + out.actions_nowhere().len()) as u64;
        tally.nowhere += out.actions_nowhere().len() as u64;
        out.actions().iter().for_each(|action| tally.executed[*action as usize] += 1);
        out.actions_nowhere().iter().for_each(|action| tally.executed[*action as usize] += 1);
        for found in out.found() {
            let length = depth + u32::from(found.action.is_some());
            if note(&mut tally.found, found.finding, length) {
                self.news.find(found.finding, length, false)?;
            }
        }
        Ok(())
    }

    /// Inserts what the batch leads to and puts what is new where it belongs: in its turn, if there are turns.
    fn insert<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let (before, ticket) = (self.tally.new, self.taken.ticket);
        let parts = shared.order.map_or(1, |order| order.turns.parts());
        // The turn is over with the last batch of what was taken.
        let pass = |stage, taken: &Taken| {
            if taken.to == taken.kept.len() {
                shared.pass(stage, ticket.number);
            }
        };
        for part in 0..parts {
            shared.wait(part, ticket.number)?;
            if !shared.careful {
                self.batch.insert(shared.table, part, parts, shared.order.is_some());
                pass(part, &self.taken);
            }
        }
        let found = if shared.careful { self.add_carefully(shared) } else { self.add(shared) };
        if shared.careful {
            (0..parts).for_each(|part| pass(part, &self.taken));
        }
        self.taken.waits = false;
        // What was found stays reserved.
        self.reserved -= self.tally.new - before;
        shared.wait(parts, ticket.number)?;
        let put = match shared.order {
            Some(order) => {
                let before = (self.taken.from / shared.keys.kept_words()) as u64;
                self.news.put_in_order(ticket.first + before, order, shared.pool)
            }
            None => self.news.put(&mut self.next, shared.pool),
        };
        pass(parts, &self.taken);
        found?;
        Ok(put?)
    }

    /// Adds the new states that were inserted.
    fn add<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        self.news.reserve(self.batch.len(), shared.keys.kept_words())?;
        let (batch, mut adder) = self.adder();
        let (mut result, mut source) = (Ok(()), 0);
        batch.each_new(|batch, i| {
            if shared.order.is_some() {
                source = batch.source(i, source);
            }
            result = result.and_then(|()| adder.add(shared, batch, i, source));
        });
        Ok(result?)
    }

    /// Inserts and adds them one by one, near the limit of states, while nobody else is at work.
    fn add_carefully<S, K>(&mut self, shared: &Shared<'_, S, K>) -> Result<(), Halt>
    where
        S: System<Scratch = Scratch>,
        K: Keys<Local = Local>,
    {
        let (before, states) = (self.tally.new, shared.counts.states.load(Ordering::Relaxed));
        let (batch, mut adder) = self.adder();
        for i in 0..batch.len() {
            if shared.table.slot(batch.image(i)).is_some() {
                continue;
            }
            if states + adder.tally.new - before >= most_states(&shared.sign) {
                return Err(Halt::Stop(Stop::States));
            }
            shared.table.insert_one(batch.image(i));
            adder.add(shared, batch, i, batch.source(i, 0))?;
        }
        Ok(())
    }

    /// The batch, and what its new states are added to.
    #[inline(always)]
    fn adder(&mut self) -> (&mut Batch, Adder<'_, Scratch>) {
        let Worker { batch, news, successors, scratch, judged, tally, .. } = self;
        (batch, Adder { news, successors, scratch, judged, tally })
    }
}

/// What new states are added to.
struct Adder<'w, Scratch> {
    news: &'w mut News,
    successors: &'w Successors,
    scratch: &'w mut Scratch,
    judged: &'w mut Vec<u32>,
    tally: &'w mut Tally,
}

impl<Scratch> Adder<'_, Scratch> {
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
        let (key, state) = (batch.key(i, self.successors), batch.state(i, self.successors));
        self.news.state(K::keep(&key, state));
        if shared.order.is_some() {
            self.news.origin(source, self.successors.actions()[batch.event(i)]);
        }
        self.new_state(shared.system, state, shared.depth + 1)
    }

    /// Counts and judges the state that was added last.
    #[inline(always)]
    fn new_state<S>(&mut self, system: &S, state: &[u64], depth: u32) -> Result<(), Refused>
    where
        S: System<Scratch = Scratch>,
    {
        self.tally.new += 1;
        system.judge(state, self.scratch, self.judged);
        if self.judged.is_empty() { Ok(()) } else { self.find(depth) }
    }

    /// Notes what was found on it.
    fn find(&mut self, depth: u32) -> Result<(), Refused> {
        let Adder { news, judged, tally, .. } = self;
        judged.drain(..).try_for_each(|finding| {
            if note(&mut tally.found, finding, depth) { news.find(finding, depth, true) } else { Ok(()) }
        })
    }
}

/// Ends the round for all when a worker panics, so that nobody waits for its turn.
struct Alarm<'a> {
    order: Option<&'a InOrder>,
    over: &'a AtomicBool,
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.over.store(true, Ordering::Relaxed);
            self.order.into_iter().for_each(|order| order.turns.break_off());
        }
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

/// Notes that something is found after so many events; whether that is fewer than before.
pub(super) fn note(found: &mut [Option<u32>], finding: u32, length: u32) -> bool {
    let entry = &mut found[finding as usize];
    let fewer = entry.is_none_or(|old| length < old);
    if fewer {
        *entry = Some(length);
    }
    fewer
}

impl<S, K: Keys> Shared<'_, S, K> {
    /// Makes sure that there is room for so many more states, and for the keys of a batch; whether there is.
    ///
    /// States are reserved. Keys take up room for the values that are new among them, which are far fewer, and of which nobody knows
    /// how many they will be. But each worker makes keys for one batch after it has looked: when somebody has looked last, no worker
    /// needs room for more than that any more.
    fn reserve(&self, more: u64) -> bool {
        if self.keys.room() < self.most_keys {
            return false;
        }
        let reserved = &self.counts.reserved;
        let fits = reserved.fetch_add(more, Ordering::Relaxed) + more <= self.room;
        if !fits {
            reserved.fetch_sub(more, Ordering::Relaxed);
        }
        fits
    }

    /// Waits for the turn of a ticket at a stage, if there are turns.
    ///
    /// # Errors
    ///
    /// When that does not come in this round.
    fn wait(&self, stage: usize, ticket: u64) -> Result<(), Halt> {
        let comes = self.order.is_none_or(|order| order.turns.wait(stage, ticket, &self.over));
        if comes { Ok(()) } else { Err(Halt::Room) }
    }

    /// Whether there are turns, and somebody has waited for long.
    fn is_crowded(&self) -> bool {
        self.order.is_some_and(|order| order.turns.is_crowded())
    }

    /// Ends its turn there.
    fn pass(&self, stage: usize, ticket: u64) {
        self.order.into_iter().for_each(|order| order.turns.pass(stage, ticket));
    }
}
