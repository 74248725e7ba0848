//! Checking every property of a program (signatures; bodies follow).

use crate::machine::Machine;
use arch_explorer::Progress;
use arch_ir::Program;
use arch_ir::report::{Limits, Report};
use std::sync::atomic::AtomicBool;

/// How to explore.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads; at least one. Changes nothing but speed.
    pub threads: usize,
    /// When to give up.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, limits: Limits::default() }
    }
}

/// Explores all reachable states and judges every property. `interrupt` ends exploration early when
/// it becomes true; `progress` is called from time to time on the calling thread.
pub fn check(
    _program: &Program,
    _machine: &Machine,
    _options: &Options,
    _interrupt: &AtomicBool,
    _progress: &mut dyn FnMut(&Progress),
) -> Report {
    unreachable!("bodies follow")
}
