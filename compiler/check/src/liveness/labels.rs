//! What an action is an occurrence of, as a number: read off the packed state, without decoding it.
//!
//! Every step of every run has a block of numbers: one for its start by the idle run, then one for each binding
//! of the run's roles.

use crate::layout::Shape;
use crate::machine::Machine;
use crate::symbolic::dag::NULL;
use arch_ir::fairness::{Occurrence, StepUnit};
use arch_ir::{Event, RunRef, StepId};
use std::collections::BTreeMap;
use std::ops::Deref;

/// What a block belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Block {
    Executes(RunRef, StepId),
    Rejects(RunRef, StepId),
    Begins(RunRef),
    Restarts(arch_ir::FaultId, u32),
    Heals(arch_ir::FaultId, u32),
    Ticks,
}

/// The numbers of a machine's occurrences.
pub(crate) struct Labels<M> {
    machine: M,
    /// For each action the first number of its block, and its run if bindings matter.
    actions: Vec<Option<(u32, Option<RunRef>)>>,
    /// The blocks by their first number.
    blocks: Vec<(u32, Block)>,
    /// How many numbers there are.
    count: u32,
}

impl<M: Deref<Target = Machine>> Labels<M> {
    /// None if there are too many bindings of roles to be numbered.
    pub(crate) fn new(machine: M) -> Option<Labels<M>> {
        let mut labels = Labels { machine, actions: Vec::new(), blocks: Vec::new(), count: 0 };
        let (mut known, mut next) = (BTreeMap::new(), 0u32);
        for action in 0..labels.machine.grounds.len() {
            let Some(block) = block_of(&labels.machine.grounds[action].event) else {
                labels.actions.push(None);
                continue;
            };
            let run = match block {
                Block::Executes(run, _) | Block::Rejects(run, _) => Some(run),
                _ => None,
            };
            if let std::collections::btree_map::Entry::Vacant(entry) = known.entry(block) {
                entry.insert(next);
                labels.blocks.push((next, block));
                next = next.checked_add(run.map_or(Some(1), |r| labels.bindings(r)?.checked_add(1))?)?;
            }
            labels.actions.push(Some((known[&block], run)));
        }
        labels.count = next;
        (next < u32::MAX).then_some(labels)
    }

    /// How many numbers there are.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn program(&self) -> &arch_ir::Program {
        self.machine.program()
    }

    /// In how many ways the roles of a run can be bound or not.
    fn bindings(&self, run: RunRef) -> Option<u32> {
        let program = self.machine.program();
        let roles = program.protocols[run.protocol].roles.iter();
        roles.map(|r| program.sorts[r.sort].size + 1).try_fold(1u32, u32::checked_mul)
    }

    /// The number of what an action of a state is an occurrence of.
    pub(crate) fn of(&self, action: u32, state: &[u64]) -> Option<u32> {
        let (base, run) = self.actions[action as usize]?;
        let Some(run) = run else { return Some(base) };
        let runs = &self.machine.layout.runs[run.protocol.0 as usize];
        // Nothing is stored of a rule's run: it is always idle.
        let Some(shape) = runs.get(run.run as usize).filter(|r| self.scalar(&r.status, state) != 0) else {
            return Some(base);
        };
        let roles = &self.machine.program().protocols[run.protocol].roles;
        let binding = shape.roles.iter().zip(roles).fold(0, |code, (shape, role)| {
            let bound = self.scalar(shape, state);
            let digit = if bound == NULL { 0 } else { bound as u32 + 1 };
            code * (self.machine.program().sorts[role.sort].size + 1) + digit
        });
        Some(base + 1 + binding)
    }

    fn scalar(&self, shape: &Shape, state: &[u64]) -> i64 {
        match shape {
            Shape::Cell(_, cell) => self.machine.layout.cells[*cell as usize].get(state),
            Shape::Fixed(_, value) => *value,
            _ => 0,
        }
    }

    /// What a number stands for.
    pub(crate) fn occurrence(&self, label: u32) -> Occurrence {
        let (base, block) = self.blocks[self.blocks.partition_point(|(base, _)| *base <= label) - 1];
        match block {
            Block::Executes(run, step) => Occurrence::Executes(self.step(run, step, label - base)),
            Block::Rejects(run, step) => Occurrence::Rejects(self.step(run, step, label - base)),
            Block::Begins(run) => Occurrence::Begins(run),
            Block::Restarts(fault, n) => Occurrence::Restarts(fault, n),
            Block::Heals(fault, n) => Occurrence::Heals(fault, n),
            Block::Ticks => Occurrence::Ticks,
        }
    }

    fn step(&self, run: RunRef, step: StepId, number: u32) -> StepUnit {
        let program = self.machine.program();
        let declared = &program.protocols[run.protocol].roles;
        let mut rest = number.saturating_sub(1);
        let mut roles = vec![None; declared.len()];
        for (bound, role) in roles.iter_mut().zip(declared).rev() {
            let size = program.sorts[role.sort].size + 1;
            *bound = (rest % size).checked_sub(1);
            rest /= size;
        }
        StepUnit { run, step, starts: number == 0, roles }
    }
}

fn block_of(event: &Event) -> Option<Block> {
    match event {
        Event::Begin(run) => Some(Block::Begins(*run)),
        Event::Step { run, step, duplicated: None, .. } => Some(Block::Executes(*run, *step)),
        Event::Reject { run, step, .. } => Some(Block::Rejects(*run, *step)),
        Event::Restart(fault, n) => Some(Block::Restarts(*fault, *n)),
        Event::Heal(fault, n) => Some(Block::Heals(*fault, *n)),
        Event::Tick => Some(Block::Ticks),
        // That a request also stays on its way is a fault, and faults are never fair.
        Event::Step { duplicated: Some(_), .. }
        | Event::Crash(..)
        | Event::Lose(..)
        | Event::Deliver { .. }
        | Event::Cut(..) => None,
    }
}
