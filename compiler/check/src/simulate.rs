//! Random behaviours of a program, for state spaces too large to finish.

use crate::check::{Options, Verdicts, explorer_limits, fault_events, stop};
use crate::evidence::Evidence;
use crate::machine::Machine;
use arch_base::Idx;
use arch_explorer::Progress;
use arch_explorer::walks::{Walked, Walks, walk};
use arch_ir::Event;
use arch_ir::report::{Report, Simulation};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Which behaviours to follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Runs {
    /// The same seed, the same behaviours.
    pub seed: u64,
    /// How many.
    pub runs: u64,
    /// The most events of one.
    pub depth: u32,
}

/// Follows random behaviours and judges every property on what they meet. What needs every state stays open, and so
/// does everything that is not found: the report is never complete.
pub fn simulate(
    machine: &Machine,
    runs: Runs,
    options: &Options,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Report {
    let groups = groups(machine);
    let walks = Walks { seed: runs.seed, runs: runs.runs, depth: runs.depth, groups: &groups };
    let walked = walk(machine, walks, &explorer_limits(machine, options), interrupt, progress);
    let Walked { runs: done, steps, states, depth, stopped, first, paths, executed, scratches } = walked;
    let program = machine.program();
    let evidence = Evidence::of_walks(first, paths);
    let verdicts = Verdicts { program, machine, evidence, complete: false, live: None };
    Report {
        engine: "simulation",
        distinct_states: states,
        represented_states: None,
        reduction: None,
        transitions: steps,
        depth,
        stopped: stopped.map(stop),
        results: verdicts.results(),
        coverage: machine.coverage(&scratches, &executed),
        faults: fault_events(machine, &executed),
        statistics: None,
        simulation: Some(Simulation { seed: runs.seed, runs: done, depth: runs.depth }),
        compaction: None,
        cut: machine.cut_spans(&scratches),
    }
}

/// What actions have in common: the step with what becomes of it, or the fault, whoever acts.
fn groups(machine: &Machine) -> Vec<u32> {
    let mut numbers = BTreeMap::new();
    let kinds = (0..machine.actions() as u32).map(|action| kind(&machine.template(action)));
    let number = |kind| {
        let next = numbers.len() as u32;
        *numbers.entry(kind).or_insert(next)
    };
    kinds.map(number).collect()
}

/// A name for what happens in an event, which leaves out who and with what.
fn kind(event: &Event) -> (u8, usize, usize) {
    match event {
        Event::Begin(run) => (0, run.protocol.index(), 0),
        Event::Step { run, step, duplicated: None, .. } => (1, run.protocol.index(), step.index()),
        Event::Step { duplicated: Some(fault), .. } => (2, fault.index(), 0),
        Event::Reject { run, step, .. } => (3, run.protocol.index(), step.index()),
        Event::Crash(fault, _) => (4, fault.index(), 0),
        Event::Restart(fault, _) => (5, fault.index(), 0),
        Event::Lose(fault, _) => (6, fault.index(), 0),
        Event::Deliver { fault, .. } => (7, fault.index(), 0),
        Event::Cut(fault, _) => (8, fault.index(), 0),
        Event::Heal(fault, _) => (9, fault.index(), 0),
        Event::Tick => (10, 0, 0),
    }
}
