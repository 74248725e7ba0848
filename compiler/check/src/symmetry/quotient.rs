//! The machine up to renaming, as a system.

use super::canon::{Canonizer, Memory, Renaming};
use super::families::{self, Family, Numbering};
use crate::execute;
use crate::machine::Machine;
use arch_explorer::{Successors, System};
use arch_ir::symmetry::{Permutation, Symmetry};

/// A machine whose states stand for all their renamings.
pub struct Quotient<'m> {
    machine: &'m Machine,
    symmetry: Symmetry,
    sorts: Numbering,
    canon: Canonizer<'m>,
    /// The bits of the cells that a renaming can change or move.
    touched: Vec<u64>,
}

/// A worker's memory.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// That of the machine.
    pub machine: execute::Scratch,
    naming: Naming,
}

/// Memory for making states canonical.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    cells: Vec<i64>,
    canon: Memory,
}

/// What is interchangeable in a machine's program, as far as its states can be renamed.
#[must_use]
pub fn symmetry_of(machine: &Machine) -> Symmetry {
    let mut symmetry = Symmetry::of(&machine.program);
    for broken in families::unsuitable(&machine.program, &machine.layout) {
        symmetry.break_up(&machine.program, broken.sort, broken.span, broken.by);
    }
    symmetry
}

impl<'m> Quotient<'m> {
    /// The quotient of a machine; none when nothing is interchangeable.
    #[must_use]
    pub fn of(machine: &'m Machine, symmetry: &Symmetry) -> Option<Quotient<'m>> {
        let sorts = Numbering::of(symmetry);
        let nameless = |list: &Vec<Option<Vec<arch_ir::Value>>>| list.iter().any(Option::is_none);
        if sorts.0.is_empty() || machine.combinations.values().any(nameless) {
            return None;
        }
        let families = families::families(&machine.program, &machine.layout, &sorts)?;
        let mut touched = vec![0; machine.words()];
        // What says that a part is there counts: in a part that is not, the first instance is 0 as well.
        let moved = families.iter().flat_map(Family::cells_that_matter);
        for cell in moved.chain(machine.slots.iter().flat_map(|s| s.cells())) {
            let cell = &machine.layout.cells[cell as usize];
            touched[cell.word as usize] |= cell.mask << cell.shift;
        }
        let blocks: Vec<Vec<Vec<u32>>> = sorts.0.iter().map(|s| symmetry.blocks[*s].clone()).collect();
        let factorial = |n: usize| (1..=n as u128).try_fold(1u128, u128::checked_mul);
        let order = blocks.iter().flatten().map(|b| factorial(b.len()));
        let order = order.into_iter().try_fold(1u128, |n, f| n.checked_mul(f?))?;
        let canon = Canonizer { layout: &machine.layout, slots: &machine.slots, families, blocks, order };
        Some(Quotient { machine, symmetry: symmetry.clone(), sorts, canon, touched })
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &'m Machine {
        self.machine
    }

    /// What is interchangeable.
    #[must_use]
    pub fn symmetry(&self) -> &Symmetry {
        &self.symmetry
    }

    /// Replaces a state by the one that stands for it and its renamings, and says how many they are.
    pub fn settle(&self, state: &mut [u64], naming: &mut Naming) -> u128 {
        let layout = &self.machine.layout;
        naming.cells.resize(layout.cells.len(), 0);
        self.machine.load(state, &mut naming.cells);
        let orbit = self.canon.canonical(&mut naming.cells, &mut naming.canon);
        for (cell, value) in layout.cells.iter().zip(&naming.cells) {
            let fits = cell.set(state, *value);
            debug_assert!(fits, "a renamed state fits");
        }
        orbit
    }

    /// The renaming that [`Quotient::settle`] used last.
    #[must_use]
    pub fn renaming<'n>(&self, naming: &'n Naming) -> &'n Renaming {
        &naming.canon.chosen
    }

    /// A renaming, in the terms of the program.
    #[must_use]
    pub fn permutation(&self, renaming: &Renaming) -> Permutation {
        let mut permutation = Permutation::identity(&self.machine.program);
        for (sort, to) in self.sorts.0.iter().zip(renaming) {
            permutation.0[*sort].clone_from(to);
        }
        permutation
    }

    /// The states that a state stands for are this many: itself and those that are renamings of it.
    #[must_use]
    pub fn stands_for(&self, state: &[u64], naming: &mut Naming) -> u128 {
        self.settle(&mut state.to_vec(), naming)
    }

    /// A behaviour of the machine through states that these stand for: its first state, then actions with the
    /// states that they lead to. `path`: states of the quotient, each with an event to the next.
    #[must_use]
    pub fn concrete(&self, path: &[&[u64]]) -> (Vec<u64>, Vec<(u32, Vec<u64>)>) {
        let mut naming = Naming::default();
        let Some((first, rest)) = path.split_first() else { return (Vec::new(), Vec::new()) };
        let mut initial = None;
        self.machine.initial(&mut |state| {
            let mut settled = state.to_vec();
            self.settle(&mut settled, &mut naming);
            if settled == *first {
                initial = Some(state.to_vec());
            }
            initial.is_none()
        });
        let initial = initial.unwrap_or_else(|| first.to_vec());
        let mut steps: Vec<(u32, Vec<u64>)> = Vec::new();
        for goal in rest {
            let from = steps.last().map_or(&initial, |(_, state)| state);
            match self.concrete_step(from, goal, &mut naming) {
                Some(step) => steps.push(step),
                None => {
                    debug_assert!(false, "every step of the quotient is one of the machine");
                    break;
                }
            }
        }
        (initial, steps)
    }

    /// The first event of a state that leads to one that `goal` stands for.
    fn concrete_step(&self, from: &[u64], goal: &[u64], naming: &mut Naming) -> Option<(u32, Vec<u64>)> {
        let successors = self.machine.successors(from, &mut self.machine.scratch());
        successors.events().find_map(|(action, to)| {
            let mut settled = to?.to_vec();
            self.settle(&mut settled, naming);
            (settled == goal).then(|| (action, to.unwrap_or_default().to_vec()))
        })
    }
}

impl System for Quotient<'_> {
    type Scratch = Scratch;

    fn widths(&self) -> &[u32] {
        self.machine.widths()
    }

    fn actions(&self) -> usize {
        System::actions(self.machine)
    }

    fn findings(&self) -> usize {
        System::findings(self.machine)
    }

    fn scratch(&self) -> Scratch {
        Scratch { machine: self.machine.scratch(), naming: Naming::default() }
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        let mut naming = Naming::default();
        self.machine.initial(&mut |state| {
            let mut settled = state.to_vec();
            self.settle(&mut settled, &mut naming);
            sink(&settled)
        });
    }

    fn expand(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors) {
        let words = self.touched.len();
        let first = out.len() * words;
        self.machine.expand(state, &mut scratch.machine, out);
        for to in out.states_mut()[first..].chunks_exact_mut(words.max(1)) {
            // A state that differs from a canonical one in nothing that is renamed is canonical.
            let touches = to.iter().zip(state).zip(&self.touched).any(|((a, b), mask)| (a ^ b) & mask != 0);
            if touches {
                self.settle(to, &mut scratch.naming);
            }
        }
    }

    fn judge(&self, state: &[u64], scratch: &mut Scratch, found: &mut Vec<u32>) {
        self.machine.judge(state, &mut scratch.machine, found);
    }
}
