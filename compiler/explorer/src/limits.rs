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
    /// When to stop.
    pub deadline: Option<Instant>,
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
