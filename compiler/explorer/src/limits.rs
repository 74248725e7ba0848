//! When to give up, and why that was done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// When and how to explore.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Worker threads; 0 counts as 1.
    pub threads: usize,
    /// Most states.
    pub max_states: Option<u64>,
    /// Most bytes of memory for states, table, edges and buffers.
    pub max_memory: Option<u64>,
    /// Bits (1 to 64) of fingerprints to store instead of states that have more bits: two states with the same one are
    /// taken for one. Paths and goals take more time then.
    pub fingerprint: Option<u32>,
    /// When to stop.
    pub deadline: Option<Instant>,
    /// What is enough to know.
    pub enough: Option<Enough>,
}

/// When what was found answers the question, so that a search ends with the level on which it was found: every
/// shortest path to it is known then, whatever the number of threads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Enough {
    /// One of these findings, unless there are none.
    pub any: Vec<u32>,
    /// All of these.
    pub all: Vec<u32>,
}

impl Enough {
    /// Whether it is found.
    pub(crate) fn is_met(&self, found: impl Fn(u32) -> bool) -> bool {
        (self.any.is_empty() || self.any.iter().any(|f| found(*f))) && self.all.iter().all(|f| found(*f))
    }
}

/// Why exploration stopped early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Too many states.
    States,
    /// Too much memory.
    Memory,
    /// Too late.
    Time,
    /// The caller said so.
    Interrupted,
    /// [`Limits::enough`] is found.
    Enough,
}

/// What a worker looks at to see whether to give up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StopSign<'a> {
    pub limits: &'a Limits,
    pub interrupt: &'a AtomicBool,
}

impl StopSign<'_> {
    pub fn read(self) -> Option<Stop> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Some(Stop::Interrupted);
        }
        self.limits.deadline.is_some_and(|at| Instant::now() >= at).then_some(Stop::Time)
    }
}
