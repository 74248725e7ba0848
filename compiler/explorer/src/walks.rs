//! Random walks, for state spaces too large to finish: each run follows one event after the other, rare ones rather
//! than frequent ones, and finds what a search would find on the states and events that it meets.
//!
//! Runs come in rounds. What a run does depends on the seed, on its own number, and on what the rounds before it counted;
//! so the number of threads changes nothing.

mod replay;
mod run;

use crate::limits::{Limits, Stop, StopSign};
use crate::paths::Path;
use crate::progress::Progress;
use crate::system::System;
use run::{Run, Walker};
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Runs of a round.
const ROUND: u64 = 64;
/// The most initial states that runs begin with: a random choice of those that there are.
const STARTS: usize = 4096;
/// The most initial states that are looked at for that.
const LOOKED_AT: u64 = 1 << 20;
/// Bytes of a state in the set of fingerprints: 8 and a mark, at most 7/8 full, just after it has doubled.
const BYTES_SEEN: u64 = 21;

/// What to walk.
#[derive(Clone, Copy, Debug)]
pub struct Walks<'a> {
    /// The same seed, the same walks.
    pub seed: u64,
    /// How many runs.
    pub runs: u64,
    /// The most events of a run.
    pub depth: u32,
    /// For each action the group that it is counted with; groups are numbered from 0.
    pub groups: &'a [u32],
}

/// What walks found.
#[derive(Debug)]
pub struct Walked<Scratch> {
    /// Runs that were begun.
    pub runs: u64,
    /// Events that were followed.
    pub steps: u64,
    /// Distinct states that were met, told apart by 64 bits of hash.
    pub states: u64,
    /// The events of the longest run.
    pub depth: u32,
    /// Why they ended before the last run, if they did.
    pub stopped: Option<Stop>,
    /// The first initial state.
    pub first: Option<Vec<u64>>,
    /// For each finding a path to it, if it was made; short, but not always the shortest.
    pub paths: Vec<Option<Path>>,
    /// How often each action was followed.
    pub executed: Vec<u64>,
    /// The workers' memories, with what they noted.
    pub scratches: Vec<Scratch>,
}

/// Numbers that look random: Steele, Lea and Flood's SplitMix64 (2014).
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    /// Of one of several streams.
    fn new(seed: u64, stream: u64) -> Random {
        let mut mixed = Random(seed);
        Random(mixed.next() ^ Random(stream.wrapping_mul(0xd134_2543_de82_ef95)).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of the numbers below `n`, which is not 0; even to within n / 2^64.
    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}

/// Hashes a hash: it is random already.
#[derive(Debug, Default)]
struct Same(u64);

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// Walks, and makes the paths to what was found shorter.
pub fn walk<S: System>(
    system: &S,
    walks: Walks<'_>,
    limits: &Limits,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Walked<S::Scratch> {
    let mut walking = Walking::new(system, walks, StopSign { limits, interrupt });
    walking.walked.stopped = walking.rounds(progress).err();
    walking.shorten();
    walking.walked.scratches = walking.walkers.into_iter().map(|w| w.scratch).collect();
    walking.walked
}

/// Walks under way.
struct Walking<'a, S: System> {
    system: &'a S,
    walks: Walks<'a>,
    sign: StopSign<'a>,
    starts: Vec<Vec<u64>>,
    walkers: Vec<Walker<S::Scratch>>,
    /// How often each group was followed.
    counts: Vec<u64>,
    seen: HashSet<u64, BuildHasherDefault<Same>>,
    walked: Walked<S::Scratch>,
}

impl<'a, S: System> Walking<'a, S> {
    fn new(system: &'a S, walks: Walks<'a>, sign: StopSign<'a>) -> Self {
        let starts = starts(system, walks.seed);
        let groups = walks.groups.iter().max().map_or(0, |g| *g as usize + 1);
        Walking {
            walkers: (0..sign.limits.threads.max(1)).map(|_| Walker::new(system, groups)).collect(),
            counts: vec![0; groups],
            seen: HashSet::default(),
            walked: Walked {
                runs: 0,
                steps: 0,
                states: 0,
                depth: 0,
                stopped: None,
                first: starts.0,
                paths: vec![None; system.findings()],
                executed: vec![0; system.actions()],
                scratches: Vec::new(),
            },
            starts: starts.1,
            system,
            walks,
            sign,
        }
    }

    fn rounds(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<(), Stop> {
        while self.walked.runs < self.walks.runs && !self.starts.is_empty() {
            let first = self.walked.runs;
            let mut runs = self.round(first..self.walks.runs.min(first + ROUND));
            runs.sort_unstable_by_key(|run| run.number);
            runs.into_iter().for_each(|run| self.add(run));
            progress(&self.progress());
            self.check()?;
        }
        Ok(())
    }

    /// Lets the walkers take one run after the other.
    fn round(&mut self, numbers: std::ops::Range<u64>) -> Vec<Run> {
        let next = AtomicU64::new(numbers.start);
        let (system, walks, starts, counts) = (self.system, self.walks, &self.starts, &self.counts);
        let (sign, known) = (self.sign, &self.walked.paths);
        let take = |walker: &mut Walker<S::Scratch>| {
            let mut runs = Vec::new();
            while sign.read().is_none() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    break;
                }
                runs.push(walker.run(system, &walks, starts, counts, known, (number, sign)));
            }
            runs
        };
        let (own, others) = self.walkers.split_at_mut(1);
        std::thread::scope(|scope| {
            let take = &take;
            let others: Vec<_> = others.iter_mut().map(|w| scope.spawn(move || take(w))).collect();
            let mut runs = take(&mut own[0]);
            for other in others {
                runs.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            runs
        })
    }

    /// Adds what a run met; runs come in order.
    fn add(&mut self, run: Run) {
        let walked = &mut self.walked;
        walked.runs += 1;
        walked.steps += run.actions.len() as u64;
        walked.depth = walked.depth.max(run.actions.len() as u32);
        for action in &run.actions {
            walked.executed[*action as usize] += 1;
            self.counts[self.walks.groups[*action as usize] as usize] += 1;
        }
        self.seen.extend(run.states);
        walked.states = self.seen.len() as u64;
        for (finding, path) in run.found {
            let known = &mut walked.paths[finding as usize];
            if known.as_ref().is_none_or(|known| path.steps.len() < known.steps.len()) {
                *known = Some(path);
            }
        }
    }

    /// Whether there is a reason to end.
    fn check(&self) -> Result<(), Stop> {
        let limits = self.sign.limits;
        let found = |f: u32| self.walked.paths[f as usize].is_some();
        if limits.enough.as_ref().is_some_and(|enough| enough.is_met(found)) {
            return Err(Stop::Enough);
        }
        self.sign.read().map_or(Ok(()), Err)?;
        if limits.max_states.is_some_and(|most| self.walked.states >= most) {
            return Err(Stop::States);
        }
        if limits.max_memory.is_some_and(|most| self.bytes() > most) { Err(Stop::Memory) } else { Ok(()) }
    }

    fn bytes(&self) -> u64 {
        self.walked.states * BYTES_SEEN
    }

    fn progress(&self) -> Progress {
        Progress {
            states: self.walked.states,
            transitions: self.walked.steps,
            frontier: 0,
            depth: self.walked.depth,
            bytes: self.bytes(),
            load: 0,
        }
    }

    /// Leaves out of the paths what they do not need.
    fn shorten(&mut self) {
        let (system, scratch) = (self.system, &mut self.walkers[0].scratch);
        for (finding, path) in self.walked.paths.iter_mut().enumerate() {
            if let Some(path) = path {
                *path = replay::shortened(system, scratch, path, finding as u32);
            }
        }
    }
}

/// The first initial state, and those that runs begin with.
fn starts<S: System>(system: &S, seed: u64) -> (Option<Vec<u64>>, Vec<Vec<u64>>) {
    let mut random = Random::new(seed, u64::MAX);
    let (mut first, mut kept, mut met) = (None, Vec::<Vec<u64>>::new(), 0u64);
    system.initial(&mut |state| {
        first.get_or_insert_with(|| state.to_vec());
        met += 1;
        // Each of those met so far is kept with the same probability.
        if kept.len() < STARTS {
            kept.push(state.to_vec());
        } else if let Some(place) = kept.get_mut(random.below(met) as usize) {
            *place = state.to_vec();
        }
        met < LOOKED_AT
    });
    (first, kept)
}
