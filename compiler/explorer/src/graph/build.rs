//! Breadth-first search, level by level, with any number of threads.
//!
//! A level is a range of indices of the store. Its states are expanded in rounds: each worker expands
//! a chunk against the store as it was, then the chunks are merged in order by one thread. So the
//! order of discovery is that of a sequential search, and nothing depends on the number of threads.

use super::edges::Edges;
use super::expansion::{Expansion, Found, NOWHERE, UNKNOWN};
use super::hash::hash;
use super::store::Store;
use crate::limits::{Limits, Stop, StopSign};
use crate::progress::Progress;
use crate::successors::Successors;
use crate::system::{System, words_of};
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// States that a worker expands in a round.
const CHUNK: usize = 1024;
/// Events after which a worker hands its chunk back early.
const EVENTS: usize = 1 << 18;
/// The least time between two reports of progress.
const BEAT: Duration = Duration::from_millis(50);

/// Where something was found first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The state, or the state in which the event happens.
    pub state: u32,
    /// The event; none when it was found on the state itself.
    pub action: Option<u32>,
}

/// What an exploration found.
#[derive(Debug)]
pub struct Exploration<Scratch> {
    /// The states.
    pub store: Store,
    /// Events of all expanded states.
    pub transitions: u64,
    /// Those of them that lead to no state.
    pub nowhere: u64,
    /// The number of initial states.
    pub initial: u32,
    /// The greatest distance of a state from the initial states.
    pub depth: u32,
    /// Why it ended early, if it did.
    pub stopped: Option<Stop>,
    /// The first place of each finding: with the fewest events, then in order of discovery.
    pub found: Vec<Option<Finding>>,
    /// The graph, if it was asked for.
    pub edges: Option<Edges>,
    /// How often each action was an event of an expanded state.
    pub executed: Vec<u64>,
    /// The workers' memories, with what they noted; states may have been expanded more than once.
    pub scratches: Vec<Scratch>,
}

impl<Scratch> Exploration<Scratch> {
    /// The same with other memories of workers.
    pub fn map_scratches<T>(self, f: impl FnMut(Scratch) -> T) -> Exploration<T> {
        Exploration {
            store: self.store,
            transitions: self.transitions,
            nowhere: self.nowhere,
            initial: self.initial,
            depth: self.depth,
            stopped: self.stopped,
            found: self.found,
            edges: self.edges,
            executed: self.executed,
            scratches: self.scratches.into_iter().map(f).collect(),
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
    let mut search = Search::new(system, limits, interrupt);
    search.stop = search.start().and_then(|()| search.check_enough()).err();
    while search.stop.is_none() && !search.level.is_empty() {
        search.stop = search.round(progress).err();
    }
    search.finish()
}

/// A search under way.
struct Search<'a, S: System> {
    system: &'a S,
    limits: &'a Limits,
    interrupt: &'a AtomicBool,
    store: Store,
    edges: Option<Edges>,
    executed: Vec<u64>,
    workers: Vec<Worker<S::Scratch>>,
    found: Vec<Option<Finding>>,
    /// What was found on a state, before it is recorded.
    judged: Vec<u32>,
    /// States of this level that are not expanded yet.
    level: Range<u32>,
    /// States from here on belong to the next level.
    next_level: u32,
    depth: u32,
    transitions: u64,
    nowhere: u64,
    initial: u32,
    last_beat: Instant,
    stop: Option<Stop>,
}

/// A worker's memory.
struct Worker<Scratch> {
    scratch: Scratch,
    successors: Successors,
    out: Expansion,
}

impl<'a, S: System> Search<'a, S> {
    fn new(system: &'a S, limits: &'a Limits, interrupt: &'a AtomicBool) -> Self {
        let words = words_of(system);
        let worker = || Worker {
            scratch: system.scratch(),
            successors: Successors::new(words, system.actions()),
            out: Expansion::new(words),
        };
        Search {
            system,
            limits,
            interrupt,
            store: Store::new(words),
            edges: limits.edges.then(Edges::default),
            executed: vec![0; system.actions()],
            workers: (0..limits.threads.max(1)).map(|_| worker()).collect(),
            found: vec![None; system.findings()],
            judged: Vec::new(),
            level: 0..0,
            next_level: 0,
            depth: 0,
            transitions: 0,
            nowhere: 0,
            initial: 0,
            last_beat: Instant::now(),
            stop: None,
        }
    }

    /// Stores the initial states.
    fn start(&mut self) -> Result<(), Stop> {
        let mut result = Ok(());
        let (system, mut seen) = (self.system, 0u64);
        system.initial(&mut |state| {
            seen += 1;
            result = self.add(state, hash(state), None).map(|_| ());
            if result.is_ok() && seen.is_multiple_of(1 << 12) {
                result = self.check_limits();
            }
            result.is_ok()
        });
        self.level = 0..self.store.len() as u32;
        (self.next_level, self.initial) = (self.level.end, self.level.end);
        result
    }

    /// Expands the next states of the level, and merges what they lead to.
    fn round(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<(), Stop> {
        self.check_limits()?;
        let chunks = self.chunks();
        self.expand(&chunks);
        self.check_interrupt()?;
        for (worker, chunk) in chunks.iter().enumerate() {
            let out = std::mem::take(&mut self.workers[worker].out);
            let result = self.merge(&out, chunk.start);
            let whole = out.closed() == chunk.len();
            self.workers[worker].out = out;
            result?;
            if !whole {
                break;
            }
        }
        self.beat(progress);
        if self.level.is_empty() {
            self.advance_level();
            return self.check_enough();
        }
        Ok(())
    }

    /// One chunk for each worker; smaller ones when there is little to do.
    fn chunks(&self) -> Vec<Range<u32>> {
        let workers = self.workers.len();
        let size = self.level.len().div_ceil(workers).clamp(1, CHUNK) as u32;
        let starts = (0..workers as u32).map(|w| self.level.start + w * size);
        starts.take_while(|&s| s < self.level.end).map(|s| s..(s + size).min(self.level.end)).collect()
    }

    fn expand(&mut self, chunks: &[Range<u32>]) {
        let (system, store, stop) =
            (self.system, &self.store, StopSign { limits: self.limits, interrupt: self.interrupt });
        let mut jobs = self.workers.iter_mut().zip(chunks);
        // A chunk that is small does not pay for a thread.
        if chunks.first().is_none_or(|c| c.len() < 64) {
            jobs.for_each(|(worker, chunk)| worker.expand(system, store, chunk.clone(), stop));
            return;
        }
        std::thread::scope(|scope| {
            let own = jobs.next();
            for (worker, chunk) in jobs {
                scope.spawn(move || worker.expand(system, store, chunk.clone(), stop));
            }
            if let Some((worker, chunk)) = own {
                worker.expand(system, store, chunk.clone(), stop);
            }
        });
    }

    /// Stores the new states of an expansion, in order.
    fn merge(&mut self, out: &Expansion, first: u32) -> Result<(), Stop> {
        let mut kept = 0;
        let mut found = out.found.iter().peekable();
        for i in 0..out.closed() {
            let source = first + i as u32;
            while let Some(f) = found.next_if(|f| f.source as usize == i) {
                self.find(f, source);
            }
            for event in &out.events[out.events_of(i)] {
                let mut target = event.target;
                self.transitions += 1;
                self.nowhere += u64::from(event.target == NOWHERE);
                self.executed[event.action as usize] += 1;
                if target == UNKNOWN {
                    let (state, hash) = out.kept(kept);
                    kept += 1;
                    target = self.add(state, hash, Some((source, event.action)))?;
                }
                if let (Some(edges), true) = (&mut self.edges, target != NOWHERE) {
                    edges.push(target);
                }
            }
            if let Some(edges) = &mut self.edges {
                edges.close();
            }
            self.level.start = source + 1;
        }
        Ok(())
    }

    fn add(&mut self, state: &[u64], hash: u64, origin: Option<(u32, u32)>) -> Result<u32, Stop> {
        if self.store.len() as u64 >= self.limits.max_states.unwrap_or(Store::MOST).min(Store::MOST) {
            return self.store.find(state, hash).ok_or(Stop::States);
        }
        let (index, new) = self.store.insert(state, hash, origin);
        if new {
            self.judge(state, index);
        }
        Ok(index)
    }

    fn judge(&mut self, state: &[u64], index: u32) {
        let mut found = std::mem::take(&mut self.judged);
        self.system.judge(state, &mut self.workers[0].scratch, &mut found);
        for finding in found.drain(..) {
            self.find(&Found { finding, action: None, source: index }, index);
        }
        self.judged = found;
    }

    /// Keeps a finding if it is the first of its kind.
    fn find(&mut self, found: &Found, source: u32) {
        let new = Finding { state: source, action: found.action };
        let slot = found.finding as usize;
        let earlier = self.found[slot].is_some_and(|old| self.moment(&old) <= self.moment(&new));
        if !earlier {
            self.found[slot] = Some(new);
        }
    }

    /// When something was found in a search that judges each state on its discovery.
    fn moment(&self, finding: &Finding) -> (u64, u64) {
        let event = |state: u32, action: u32| (u64::from(state) + 1, u64::from(action));
        match finding.action {
            Some(action) => event(finding.state, action),
            None => match self.store.origin(finding.state) {
                Some((parent, action)) => event(parent, action),
                None => (0, u64::from(finding.state)),
            },
        }
    }

    /// Ends the search, between two levels, when it has found what the caller wants to know.
    fn check_enough(&self) -> Result<(), Stop> {
        let found = |f: u32| self.found[f as usize].is_some();
        let met = self.limits.enough.as_ref().is_some_and(|enough| enough.is_met(found));
        if met && !self.level.is_empty() { Err(Stop::Enough) } else { Ok(()) }
    }

    fn advance_level(&mut self) {
        self.level = self.next_level..self.store.len() as u32;
        self.next_level = self.level.end;
        if !self.level.is_empty() {
            self.depth += 1;
        }
    }

    fn bytes(&self) -> u64 {
        let edges = self.edges.as_ref().map_or(0, Edges::bytes);
        self.store.bytes() + edges + self.workers.iter().map(|w| w.out.bytes()).sum::<u64>()
    }

    fn check_limits(&self) -> Result<(), Stop> {
        if self.limits.max_memory.is_some_and(|most| self.bytes() > most) {
            return Err(Stop::Memory);
        }
        self.check_interrupt()
    }

    fn check_interrupt(&self) -> Result<(), Stop> {
        StopSign { limits: self.limits, interrupt: self.interrupt }.read().map_or(Ok(()), Err)
    }

    fn beat(&mut self, progress: &mut dyn FnMut(&Progress)) {
        if self.last_beat.elapsed() >= BEAT {
            self.last_beat = Instant::now();
            progress(&self.progress());
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            states: self.store.len() as u64,
            transitions: self.transitions,
            frontier: self.store.len() as u64 - u64::from(self.level.start),
            depth: self.depth,
            bytes: self.bytes(),
            load: 0,
        }
    }

    /// Hands everything over.
    fn finish(self) -> Exploration<S::Scratch> {
        let undiscovered = self.stop.is_some() && self.store.len() as u32 > self.next_level;
        Exploration {
            transitions: self.transitions,
            nowhere: self.nowhere,
            initial: self.initial,
            depth: self.depth + u32::from(undiscovered),
            stopped: self.stop,
            found: self.found,
            edges: self.edges,
            executed: self.executed,
            scratches: self.workers.into_iter().map(|w| w.scratch).collect(),
            store: self.store,
        }
    }
}

impl<Scratch> Worker<Scratch> {
    /// Expands states until the chunk ends, the buffer is full or the search is to stop.
    fn expand<S: System<Scratch = Scratch>>(
        &mut self,
        system: &S,
        store: &Store,
        chunk: Range<u32>,
        stop: StopSign,
    ) {
        self.out.clear();
        for (done, index) in chunk.enumerate() {
            self.successors.clear();
            system.expand(store.state(index), &mut self.scratch, &mut self.successors);
            self.out.add(&self.successors, store);
            if self.out.len() >= EVENTS || done % 16 == 15 && stop.read().is_some() {
                return;
            }
        }
    }
}
