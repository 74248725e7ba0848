//! Whose turn it is, where batches have to do things in the order of the states that they expand, whichever workers
//! have them.
//!
//! While it matters by which event a state is found first ([`crate::trail`]), batches insert what they lead to one after
//! the other. That is done in *stages*: one for each part of the visited set, and one behind them in which what was
//! found is put where it belongs. At each stage batches have their turns in order. So a number that two batches
//! insert is new for the first of them, as if there was one worker; and as many batches as there are stages can insert
//! at once, while others are expanded.
//!
//! Where others keep a worker from running, all that come after it wait. Two that take turns on a crowded machine are slower
//! than one: so when somebody has waited for long, one worker goes on alone for some rounds.

use crate::memory::{AtomicU64, spin_loop};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// How often a worker looks whether it is its turn before it lets others run.
const SPINS: u32 = 256;

/// Who has waited for so long has waited for a worker that does not run: many times what a batch takes. (Tests of the order
/// of turns are to have some on a crowded machine, too.)
const LONG: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 1 });

/// For how many rounds one worker goes on alone then: twice as many each time, between these.
const ALONE: (u32, u32) = (4, 64);

/// The most parts of the visited set.
const MOST_PARTS: usize = 64;

/// The turns at all stages.
#[derive(Debug)]
pub(super) struct Turns {
    /// For each stage the number of the ticket whose turn it is.
    stages: Vec<Stage>,
    /// Whether a worker has panicked, so that the turn may never come.
    broken: AtomicBool,
    /// Whether somebody has waited for long in this round.
    crowded: AtomicBool,
    /// For how many rounds one worker went on alone the last time, and for how many it still does.
    alone: (u32, u32),
}

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Stage(AtomicU64);

impl Turns {
    /// For so many workers. Less than half of a batch's time is for inserting, so one part of the set is enough for two.
    pub(super) fn new(workers: usize) -> Turns {
        let parts = (workers / 2).clamp(1, MOST_PARTS);
        Turns {
            stages: (0..=parts).map(|_| Stage::default()).collect(),
            broken: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            alone: (0, 0),
        }
    }

    /// How many parts of the visited set have a stage: the first ones. One more stage is behind them.
    pub(super) fn parts(&self) -> usize {
        self.stages.len() - 1
    }

    /// Begins a round; whether one worker goes on alone.
    pub(super) fn begin(&mut self) -> bool {
        if std::mem::take(self.crowded.get_mut()) {
            let rounds = (self.alone.0 * 2).clamp(ALONE.0, ALONE.1);
            self.alone = (rounds, rounds);
        }
        let alone = self.alone.1 > 0;
        self.alone.1 = self.alone.1.saturating_sub(1);
        alone
    }

    /// Whether somebody has waited for long in this round, so that all but one worker are to take nothing more.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Relaxed)
    }

    /// Waits until it is this ticket's turn at a stage; whether it is. It is not when the round is over before the first
    /// stage: those before it may be waiting for the next round. Who has had a turn at the first stage gets one at each.
    pub(super) fn wait(&self, stage: usize, ticket: u64, over: &AtomicBool) -> bool {
        let turn = &self.stages[stage].0;
        let (mut spins, mut since) = (0, None);
        while turn.load(Acquire) != ticket {
            if stage == 0 && over.load(Relaxed) || self.broken.load(Relaxed) {
                return false;
            }
            if spins < SPINS {
                spins += 1;
                spin_loop();
            } else {
                std::thread::yield_now();
                if since.get_or_insert_with(Instant::now).elapsed() > LONG {
                    self.crowded.store(true, Relaxed);
                }
            }
        }
        true
    }

    /// Ends the turn of a ticket.
    pub(super) fn pass(&self, stage: usize, ticket: u64) {
        self.stages[stage].0.store(ticket + 1, Release);
    }

    /// Lets nobody wait any more.
    pub(super) fn break_off(&self) {
        self.broken.store(true, Relaxed);
    }
}
