//! Breadth-first search, level by level, with any number of threads.
//!
//! Workers take states of the level and put what they find into the visited set and into the next level ([`worker`]): each
//! into its own list, or, as long as something is expected to be found, in the order in which one worker would. A round
//! ends when the level is done or when the visited set has to grow, which it does while no worker runs. What is counted is
//! the same for every order of states within a level.

mod batch;
mod forecast;
mod frontier;
mod news;
mod queue;
mod recent;
#[cfg(test)]
mod tests;
mod turns;
mod worker;

use crate::keys::{Fingerprints, Keys, Packed, Tree};
use crate::limits::{Limits, Stop, StopSign};
use crate::memory::{Refused, give_back_code};
use crate::progress::Progress;
use crate::statistics::Statistics;
use crate::system::System;
use crate::table::Table;
use crate::trail::Trail;
use crate::visited::{Kind, Set, Visited};
use forecast::forecast;
use frontier::Pool;
use news::InOrder;
use queue::Queue;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use worker::{Counts, Halt, Shared, Worker, most_events, most_states};

/// The least time between two reports of progress.
const BEAT: Duration = Duration::from_millis(50);

/// From so many bytes of a table on, keys are widened once and for all: that takes memory for two tables.
const ROOMY: u64 = 2 << 30;

/// From so many bytes of a table on, it matters how much memory the program itself takes.
const LARGE: u64 = 2 << 20;

/// Fewer states do not pay for a thread.
const FEW: usize = 1024;

/// What an exploration found.
#[derive(Debug)]
pub struct Exploration<Scratch> {
    /// The states.
    pub visited: Visited,
    /// How many they are.
    pub states: u64,
    /// Events of all expanded states.
    pub transitions: u64,
    /// Those of them that lead to no state.
    pub nowhere: u64,
    /// The number of initial states.
    pub initial: u64,
    /// The first initial state.
    pub first: Option<Vec<u64>>,
    /// The greatest distance of a state from the initial states.
    pub depth: u32,
    /// Why it ended early, if it did.
    pub stopped: Option<Stop>,
    /// Bits of the fingerprints that were stored instead of states, if they were: then all of this is so unless two states
    /// that were met share one.
    pub fingerprint: Option<u32>,
    /// For each finding the number of events of the shortest paths to it, if it was made.
    pub found: Vec<Option<u32>>,
    /// How often each action was an event of an expanded state.
    pub executed: Vec<u64>,
    /// The workers' memories, with what they noted.
    pub scratches: Vec<Scratch>,
    /// Figures.
    pub statistics: Statistics,
    /// Where states come from, if something was expected to be found.
    pub(crate) trail: Trail,
    /// Whether it ended because keys of their form were used up ([`Keys::is_exhausted`]).
    exhausted: bool,
}

impl<Scratch> Exploration<Scratch> {
    /// The same with other memories of workers.
    pub fn map_scratches<T>(self, f: impl FnMut(Scratch) -> T) -> Exploration<T> {
        Exploration {
            visited: self.visited,
            states: self.states,
            transitions: self.transitions,
            nowhere: self.nowhere,
            initial: self.initial,
            first: self.first,
            depth: self.depth,
            stopped: self.stopped,
            fingerprint: self.fingerprint,
            found: self.found,
            executed: self.executed,
            scratches: self.scratches.into_iter().map(f).collect(),
            statistics: self.statistics,
            trail: self.trail,
            exhausted: self.exhausted,
        }
    }
}

/// Visits every reachable state.
pub fn explore<S: System>(
    system: &S,
    limits: &Limits,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Exploration<S::Scratch> {
    let (sign, widths, begun) = (StopSign { limits, interrupt }, system.widths(), Instant::now());
    match (Packed::new(widths), limits.fingerprint) {
        (Some(keys), bits) if bits.is_none_or(|bits| keys.bits() <= bits) => {
            Search::explore(system, keys, sign, begun, progress, Kind::Packed)
        }
        (_, Some(bits)) => {
            let keys = Fingerprints::new(widths.len(), bits);
            Search::explore(system, keys, sign, begun, progress, Kind::Fingerprints)
        }
        _ => {
            let mut explore = |halves| match Tree::new(widths, halves) {
                Ok(keys) => Search::explore(system, keys, sign, begun, progress, Kind::Tree),
                Err(Refused) => nothing(system),
            };
            let exploration = explore(false);
            if !exploration.exhausted {
                return exploration;
            }
            // Its memory is needed.
            drop(exploration);
            explore(true)
        }
    }
}

/// The workers of a search.
type Workers<S, K> = [Worker<<S as System>::Scratch, <K as Keys>::Local>];

/// A search under way.
struct Search<'a, S: System, K: Keys> {
    system: &'a S,
    keys: K,
    table: Table,
    sign: StopSign<'a>,
    pool: Pool,
    counts: Counts,
    queue: Queue,
    order: InOrder,
    workers: Vec<Worker<S::Scratch, K::Local>>,
    first: Option<Vec<u64>>,
    statistics: Statistics,
    begun: Instant,
    last_beat: Instant,
    exhausted: bool,
}

impl<'a, S: System, K: Keys> Search<'a, S, K> {
    fn explore(
        system: &'a S,
        keys: K,
        sign: StopSign<'a>,
        begun: Instant,
        progress: &mut dyn FnMut(&Progress),
        wrap: impl FnOnce(Set<K>) -> Kind,
    ) -> Exploration<S::Scratch> {
        match Search::new(system, keys, sign, begun) {
            Ok(mut search) => {
                let stop = search.run(progress).err();
                search.finish(stop, wrap)
            }
            Err(Refused) => nothing(system),
        }
    }

    fn new(system: &'a S, keys: K, sign: StopSign<'a>, begun: Instant) -> Result<Self, Refused> {
        let threads = sign.limits.threads.max(1);
        let order = InOrder::new(threads);
        let workers: Result<_, _> =
            (0..threads).map(|i| Worker::new(system, &keys, order.turns.parts(), i > 0)).collect();
        Ok(Search {
            system,
            table: Table::new(keys.key_bits(), threads)?,
            sign,
            pool: Pool::new(keys.kept_words()),
            counts: Counts::default(),
            queue: Queue::default(),
            order,
            workers: workers?,
            first: None,
            statistics: Statistics { state_bits: system.widths().iter().sum(), ..Statistics::default() },
            begun,
            exhausted: false,
            last_beat: Instant::now(),
            keys,
        })
    }

    fn run(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<(), Stop> {
        let started = self.start();
        self.end_level();
        started?;
        while self.begin_level() {
            self.check_enough()?;
            let result = self.level(progress);
            self.end_level();
            result?;
        }
        Ok(())
    }

    /// Stores the initial states.
    fn start(&mut self) -> Result<(), Stop> {
        self.make_room()?;
        let (system, mut result, mut seen) = (self.system, Ok(()), 0u64);
        system.initial(&mut |state| {
            seen += 1;
            result = self.start_with(state, seen);
            result.is_ok()
        });
        result
    }

    fn start_with(&mut self, state: &[u64], seen: u64) -> Result<(), Stop> {
        if seen.is_multiple_of(1 << 12) {
            self.sign.read().map_or(Ok(()), Err)?;
        }
        if self.is_full(self.counts.reserved.load(Ordering::Relaxed) + 1) {
            self.make_room()?;
        }
        if self.first.is_none() {
            self.first = Some(state.to_vec());
            let (expected, actions) = (self.system.expects(state), self.system.actions());
            self.order.found().trail = Trail::new(expected, actions, self.system.findings());
        }
        let (workers, shared) = self.parts(0, false);
        match workers[0].start(&shared, state) {
            Ok(_) => Ok(()),
            Err(Halt::Stop(stop)) => Err(stop),
            Err(Halt::Room) => Err(Stop::Memory),
        }
    }

    /// Makes the states that were found last the level to expand; whether there are any.
    fn begin_level(&mut self) -> bool {
        let Search { queue, order, workers, keys, .. } = self;
        queue.extend(order.found().next.chunks.drain(..));
        queue.extend(workers.iter_mut().flat_map(|w| w.next.chunks.drain(..)));
        queue.states(keys.kept_words()) > 0
    }

    /// Ends the search when it has found what the caller wants to know.
    fn check_enough(&self) -> Result<(), Stop> {
        let found = |f: u32| self.workers.iter().any(|w| w.tally.found[f as usize].is_some());
        let met = self.sign.limits.enough.as_ref().is_some_and(|enough| enough.is_met(found));
        if met { Err(Stop::Enough) } else { Ok(()) }
    }

    /// Counts the states that were found last.
    fn end_level(&mut self) {
        let new = self.workers.iter_mut().map(Worker::take_new).sum();
        if new > 0 {
            self.statistics.levels.push(new);
        }
        self.order.found().trail.end_level(self.sign.limits.max_memory);
        self.statistics.peak_bytes = self.statistics.peak_bytes.max(self.bytes());
    }

    /// Expands a level, in as many rounds as it takes.
    fn level(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<(), Stop> {
        let depth = self.statistics.levels.len() as u32 - 1;
        let mut careful = false;
        self.check_memory()?;
        loop {
            match self.round(depth, careful, progress) {
                Ok(()) => return Ok(()),
                Err(Halt::Stop(stop)) => return Err(stop),
                Err(Halt::Room) => {
                    let wanted = self.counts.reserved.load(Ordering::Relaxed) + self.batches();
                    careful = careful || wanted > most_states(&self.sign);
                    if self.is_full(wanted) {
                        self.make_room()?;
                    }
                }
            }
        }
    }

    /// Lets the workers run until the level is done or one of them halts.
    fn round(&mut self, depth: u32, careful: bool, progress: &mut dyn FnMut(&Progress)) -> Result<(), Halt> {
        // Who is not done with what it took may be waited for.
        let busy = self.workers.iter().any(Worker::is_busy);
        let states = self.queue.states(self.keys.kept_words());
        let alone = self.order.turns.begin() && self.order.found().trail.is_on();
        let all = self.workers.len();
        let threads = if busy { all } else { all.min(if alone { 1 } else { states / FEW }).max(1) };
        let (mut last, fixed) = (self.last_beat, self.fixed_bytes());
        let (workers, shared) = self.parts(depth, careful);
        let mut beat = || {
            if last.elapsed() >= BEAT {
                last = Instant::now();
                progress(&shared.progress(fixed));
            }
        };
        let result = if careful {
            one_by_one(workers, &shared, &mut beat)
        } else {
            together(&mut workers[..threads], &shared, &mut beat)
        };
        self.last_beat = last;
        result
    }

    fn parts(&mut self, depth: u32, careful: bool) -> (&mut Workers<S, K>, Shared<'_, S, K>) {
        let most_states = if careful { u64::MAX } else { most_states(&self.sign) };
        let in_order = self.order.found().trail.is_on();
        let shared = Shared {
            system: self.system,
            keys: &self.keys,
            table: &self.table,
            pool: &self.pool,
            counts: &self.counts,
            queue: &self.queue,
            order: in_order.then_some(&self.order),
            depth,
            sign: self.sign,
            room: self.table.room().min(most_states),
            most_keys: self.most_keys(),
            over: AtomicBool::new(false),
            careful,
        };
        (&mut self.workers, shared)
    }

    /// Whether something has to grow before there can be so many states in all, and a batch of each worker.
    fn is_full(&self, states: u64) -> bool {
        states > self.table.room() || self.keys.room() < self.most_keys()
    }

    /// The most states that batches of all workers find.
    fn batches(&self) -> u64 {
        (most_events(self.system) * self.workers.len()) as u64
    }

    /// The most keys that batches of all workers make; each worker may use up one more.
    fn most_keys(&self) -> u64 {
        self.batches() + self.workers.len() as u64
    }

    /// Makes room for a batch of each worker, if there is not.
    fn make_room(&mut self) -> Result<(), Stop> {
        let started = Instant::now();
        let wanted = self.counts.reserved.load(Ordering::Relaxed) + self.batches();
        let most = self.sign.limits.max_memory.unwrap_or(u64::MAX);
        let grown = self.grow(wanted, self.most_keys(), most);
        if self.table.bytes() >= LARGE {
            give_back_code();
        }
        self.statistics.growths += 1;
        self.statistics.growing += started.elapsed();
        self.check_memory()?;
        grown.map_err(|Refused| Stop::Memory)
    }

    /// Makes room in the table, and for so many more keys.
    fn grow(&mut self, wanted: u64, more: u64, most: u64) -> Result<(), Refused> {
        self.exhausted = self.keys.is_exhausted(more);
        if self.exhausted {
            return Err(Refused);
        }
        let large = self.table.bytes() > ROOMY.min(most / 8);
        self.keys.widen(more, if large { 64 } else { self.table.spare_bits() });
        let others = self.bytes() - self.table.bytes();
        if self.keys.key_bits() != self.table.key_bits() {
            self.table.widen(self.keys.key_bits(), wanted, most.saturating_sub(others))?;
        }
        self.table.grow(wanted, self.likely(), most.saturating_sub(others))?;
        let others = self.bytes() - self.keys.bytes();
        self.keys.grow(more, most.saturating_sub(others))
    }

    /// How many states there are likely to be.
    fn likely(&self) -> u64 {
        let levels = &self.statistics.levels;
        let [states, expanded] =
            [&self.counts.states, &self.counts.expanded].map(|count| count.load(Ordering::Relaxed));
        let before: u64 = levels.iter().sum();
        let last = levels.last().copied().unwrap_or(0);
        let more =
            forecast(levels, (expanded + last).saturating_sub(before), states.saturating_sub(before), states);
        states + more + more / 32
    }

    /// Bytes of what does not change during a round.
    fn fixed_bytes(&self) -> u64 {
        let trail = self.order.found.lock().unwrap_or_else(PoisonError::into_inner).trail.bytes();
        self.table.bytes() + self.keys.bytes() + trail + self.workers.iter().map(Worker::bytes).sum::<u64>()
    }

    fn bytes(&self) -> u64 {
        self.fixed_bytes() + self.pool.bytes()
    }

    fn check_memory(&mut self) -> Result<(), Stop> {
        let most = self.sign.limits.max_memory.unwrap_or(u64::MAX);
        let fixed = self.fixed_bytes();
        self.pool.limit(most.saturating_sub(fixed));
        if self.bytes() > most { Err(Stop::Memory) } else { Ok(()) }
    }

    /// Hands everything over.
    fn finish(mut self, stopped: Option<Stop>, wrap: impl FnOnce(Set<K>) -> Kind) -> Exploration<S::Scratch> {
        self.statistics.searching = self.begun.elapsed();
        self.statistics.visited_bytes = self.table.bytes() + self.keys.bytes();
        self.statistics.slot_bits = self.table.slot_bits();
        self.statistics.slots = self.table.slots();
        self.statistics.degrees = sum(self.workers.iter().map(|w| &w.tally.degrees));
        while self.statistics.degrees.last() == Some(&0) {
            self.statistics.degrees.pop();
        }
        self.statistics.self_loops = self.workers.iter().map(|w| w.tally.self_loops).sum();
        let levels = &self.statistics.levels;
        Exploration {
            states: self.counts.states.into_inner(),
            transitions: self.workers.iter().map(|w| w.tally.transitions).sum(),
            nowhere: self.workers.iter().map(|w| w.tally.nowhere).sum(),
            initial: levels.first().copied().unwrap_or(0),
            first: self.first,
            depth: (levels.len() as u32).saturating_sub(1),
            stopped,
            fingerprint: (!K::EXACT).then(|| self.keys.key_bits().bits()),
            found: least(self.system.findings(), self.workers.iter().map(|w| &w.tally.found)),
            executed: sum(self.workers.iter().map(|w| &w.tally.executed)),
            statistics: self.statistics,
            trail: std::mem::take(&mut self.order.found().trail),
            exhausted: self.exhausted,
            scratches: self.workers.into_iter().map(|w| w.scratch).collect(),
            visited: Visited(wrap(Set { keys: self.keys, table: self.table })),
        }
    }
}

impl<S, K> Shared<'_, S, K> {
    fn progress(&self, fixed: u64) -> Progress {
        let counts = self.counts;
        let states = counts.states.load(Ordering::Relaxed);
        Progress {
            states,
            transitions: counts.transitions.load(Ordering::Relaxed),
            frontier: states.saturating_sub(counts.expanded.load(Ordering::Relaxed)),
            depth: self.depth,
            bytes: fixed + self.pool.bytes(),
            load: (states * 100).checked_div(self.table.slots()).unwrap_or(0) as u32,
        }
    }
}

/// Lets workers run at the same time, the first one in this thread.
fn together<S: System, K: Keys>(
    workers: &mut Workers<S, K>,
    shared: &Shared<'_, S, K>,
    beat: &mut dyn FnMut(),
) -> Result<(), Halt> {
    std::thread::scope(|scope| {
        let (own, others) = workers.split_at_mut(1);
        let others: Vec<_> =
            others.iter_mut().map(|w| scope.spawn(move || w.run(shared, &mut || {}))).collect();
        let mut result = own[0].run(shared, beat);
        for other in others {
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = worse(result, other);
        }
        result
    })
}

/// Lets workers finish what they have taken, one after the other in that order; then the first one does the rest.
fn one_by_one<S: System, K: Keys>(
    workers: &mut Workers<S, K>,
    shared: &Shared<'_, S, K>,
    beat: &mut dyn FnMut(),
) -> Result<(), Halt> {
    let mut busy: Vec<usize> = (0..workers.len()).filter(|w| workers[*w].is_busy()).collect();
    busy.sort_unstable_by_key(|w| workers[*w].ticket());
    busy.into_iter().chain([0]).try_for_each(|w| workers[w].run(shared, beat))
}

/// A stop outweighs a lack of room.
fn worse(a: Result<(), Halt>, b: Result<(), Halt>) -> Result<(), Halt> {
    match (a, b) {
        (Err(Halt::Stop(_)), _) | (_, Ok(())) => a,
        _ => b,
    }
}

/// The sums of columns.
fn sum<'v>(rows: impl Iterator<Item = &'v Vec<u64>>) -> Vec<u64> {
    let mut total = Vec::new();
    for row in rows {
        total.resize(row.len(), 0);
        total.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
    }
    total
}

/// The least of each column.
fn least<'v>(columns: usize, rows: impl Iterator<Item = &'v Vec<Option<u32>>>) -> Vec<Option<u32>> {
    let mut least = vec![None; columns];
    for (finding, length) in rows.flat_map(|row| row.iter().enumerate()) {
        if let Some(length) = length {
            worker::note(&mut least, finding as u32, *length);
        }
    }
    least
}

/// What is found when there is not even memory to begin.
fn nothing<S: System>(system: &S) -> Exploration<S::Scratch> {
    Exploration {
        visited: Visited(Kind::Nothing),
        states: 0,
        transitions: 0,
        nowhere: 0,
        initial: 0,
        first: None,
        depth: 0,
        stopped: Some(Stop::Memory),
        fingerprint: None,
        found: vec![None; system.findings()],
        executed: vec![0; system.actions()],
        scratches: Vec::new(),
        statistics: Statistics::default(),
        trail: Trail::default(),
        exhausted: false,
    }
}
