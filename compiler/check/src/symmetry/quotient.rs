//! The machine up to renaming, as a system.

use super::canon::{Canonizer, Memory, Renaming};
use super::families::{self, Family, Numbering};
use super::goals::{Names, goal_orbits};
use crate::execute;
use crate::machine::{Goal, Machine};
use arch_explorer::goals::MOST;
use arch_explorer::{Path, Successors, System};
use arch_ir::symmetry::{Permutation, Symmetry};
use hashbrown::HashMap;

/// A machine whose states stand for all their renamings.
pub struct Quotient<'m> {
    machine: &'m Machine,
    symmetry: Symmetry,
    sorts: Numbering,
    canon: Canonizer<'m>,
    /// The bits of the cells that a renaming can change or move.
    touched: Vec<u64>,
    pub(super) goal_numbers: HashMap<Goal, u32>,
}

/// A worker's memory.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// That of the machine.
    pub machine: execute::Scratch,
    pub(super) naming: Naming,
    pub(super) names: Names,
    /// How many states those stand for that were judged.
    pub represented: u128,
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
        let goal_numbers = machine.goals().iter().zip(0..).map(|(goal, n)| (*goal, n)).collect();
        let quotient = Quotient { machine, symmetry: symmetry.clone(), sorts, canon, touched, goal_numbers };
        goal_orbits(&quotient).iter().all(|orbit| orbit.len() <= MOST).then_some(quotient)
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

    /// Whether a state may not be canonical, given a canonical one that leads to it: one that differs in nothing that is
    /// renamed is.
    pub(super) fn touches(&self, from: &[u64], to: &[u64]) -> bool {
        to.iter().zip(from).zip(&self.touched).any(|((a, b), mask)| (a ^ b) & mask != 0)
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

    /// A behaviour of the machine through states that those of a path stand for. `found`: what the path leads to, by number.
    #[must_use]
    pub fn concrete(&self, path: &Path, found: Option<u32>) -> Path {
        let mut naming = Naming::default();
        let initial = self.concrete_initial(&path.initial, &mut naming);
        let mut steps: Vec<(u32, Option<Vec<u64>>)> = Vec::new();
        for (i, (_, goal)) in path.steps.iter().enumerate() {
            let from = steps.last().and_then(|(_, state)| state.as_ref()).unwrap_or(&initial);
            let last = found.filter(|_| i + 1 == path.steps.len());
            let step = match (last, goal) {
                (Some(f), goal) if !goal.as_ref().is_some_and(|s| self.is_found(f, s)) => {
                    self.finding_step(from, f)
                }
                (_, Some(goal)) => self.concrete_step(from, goal, &mut naming),
                (_, None) => None,
            };
            debug_assert!(step.is_some(), "every step of the quotient is one of the machine");
            let Some(step) = step else { break };
            steps.push(step);
        }
        Path { initial, steps }
    }

    /// The first initial state that a state stands for.
    fn concrete_initial(&self, first: &[u64], naming: &mut Naming) -> Vec<u64> {
        let mut initial = None;
        self.machine.initial(&mut |state| {
            let mut settled = state.to_vec();
            self.settle(&mut settled, naming);
            if settled == *first {
                initial = Some(state.to_vec());
            }
            initial.is_none()
        });
        initial.unwrap_or_else(|| first.to_vec())
    }

    /// Whether something is found on a state, rather than on an event.
    fn is_found(&self, finding: u32, state: &[u64]) -> bool {
        let (mut scratch, mut found) = (self.machine.scratch(), Vec::new());
        self.machine.judge(state, &mut scratch, &mut found);
        let on_expansion = self.machine.successors(state, &mut scratch);
        let mut on_expansion = on_expansion.found().iter().filter(|f| f.action.is_none());
        found.contains(&finding) || on_expansion.any(|f| f.finding == finding)
    }

    /// The first event of a state on which something is found: renaming keeps it from being the same one.
    fn finding_step(&self, from: &[u64], finding: u32) -> Option<(u32, Option<Vec<u64>>)> {
        let successors = self.machine.successors(from, &mut self.machine.scratch());
        let action = successors.found().iter().find(|f| f.finding == finding)?.action?;
        let (_, to) = successors.events().find(|(a, _)| *a == action)?;
        Some((action, to.map(<[u64]>::to_vec)))
    }

    /// The first event of a state that leads to one that `goal` stands for.
    fn concrete_step(
        &self,
        from: &[u64],
        goal: &[u64],
        naming: &mut Naming,
    ) -> Option<(u32, Option<Vec<u64>>)> {
        let successors = self.machine.successors(from, &mut self.machine.scratch());
        successors.events().find_map(|(action, to)| {
            let mut settled = to?.to_vec();
            self.settle(&mut settled, naming);
            (settled == goal).then(|| (action, to.map(<[u64]>::to_vec)))
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

    fn expects(&self, first: &[u64]) -> Vec<u32> {
        self.machine.expects(first)
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            machine: self.machine.scratch(),
            naming: Naming::default(),
            names: Names::default(),
            represented: 0,
        }
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
        let first = out.len();
        self.machine.expand(state, &mut scratch.machine, out);
        self.settle_events(state, first, &mut scratch.naming, out);
    }

    fn judge(&self, state: &[u64], scratch: &mut Scratch, found: &mut Vec<u32>) {
        self.machine.judge(state, &mut scratch.machine, found);
        let stands_for = self.stands_for(state, &mut scratch.naming);
        scratch.represented = scratch.represented.saturating_add(stands_for);
    }
}

impl Quotient<'_> {
    /// Makes canonical what the events of a canonical state from the one at `first` on lead to.
    pub(crate) fn settle_events(
        &self,
        state: &[u64],
        first: usize,
        naming: &mut Naming,
        out: &mut Successors,
    ) {
        let words = self.touched.len();
        let first = first * words;
        for to in out.states_mut()[first..].chunks_exact_mut(words.max(1)) {
            if self.touches(state, to) {
                self.settle(to, naming);
            }
        }
    }
}
