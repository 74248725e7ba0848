//! Executing a machine: the events of a state, what is found on it, its goals.

use crate::canonical::{Memory, settle};
use crate::code::{Block, Place};
use crate::machine::{Goal, Ground, Leads, Machine};
use crate::symbolic::action::BoundKind;
use arch_explorer::{Goals, Successors, System};
use std::collections::BTreeSet;

/// A worker's memory.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// What code works on: the words of the present state are at the front.
    values: Vec<u64>,
    /// The state that an action leads to.
    words: Vec<u64>,
    cells: Vec<i64>,
    memory: Memory,
    found: Vec<u32>,
    /// For each step whether its guard was false when it was reached.
    pub(crate) refused: Vec<bool>,
    /// For each `cut` whether it disabled an event.
    pub(crate) cut: Vec<bool>,
}

impl Scratch {
    fn load(&mut self, state: &[u64]) {
        self.values[..state.len()].copy_from_slice(state);
    }

    fn is(&self, place: Place) -> bool {
        self.values[place as usize] != 0
    }
}

/// What an action did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fired {
    Disabled,
    /// It leads to the state in `Scratch::words`.
    To,
    /// It leads nowhere.
    Exceeds,
}

impl Machine {
    /// Runs code that asserts nothing on a state.
    fn run(&self, code: &Block, state: &[u64], scratch: &mut Scratch) {
        scratch.load(state);
        let _ = self.code.run(code, &mut scratch.values);
    }

    /// Of one combination of a liveness property: whether something is to follow a state, and whether the state is
    /// what is to follow.
    pub(crate) fn is_live(&self, combination: usize, state: &[u64], scratch: &mut Scratch) -> (bool, bool) {
        self.run(&self.live.code, state, scratch);
        let (due, goal) = self.live.places[combination];
        (scratch.is(due), scratch.is(goal))
    }

    /// Does an action on the state in `scratch.values`, and says what was found on it.
    fn fire(&self, ground: &Ground, state: &[u64], scratch: &mut Scratch) -> Fired {
        if let Err(at) = self.code.run(&ground.enabling, &mut scratch.values) {
            if let (Some(step), true) = (ground.refused, ground.guard.contains(&at)) {
                scratch.refused[step as usize] = true;
            }
            return Fired::Disabled;
        }
        if !ground.cuts.is_empty() {
            let _ = self.code.run(&ground.cutting, &mut scratch.values);
            for (place, cut) in &ground.cuts {
                scratch.cut[*cut as usize] |= scratch.values[*place as usize] != 0;
            }
        }
        if self.code.run(&ground.effect, &mut scratch.values).is_err() {
            return Fired::Disabled;
        }
        if ground.bounds.iter().any(|(place, _)| scratch.is(*place)) {
            self.exceed(ground, scratch);
            return Fired::Exceeds;
        }
        self.follow(ground, state, scratch);
        scratch.found.clear();
        let Scratch { values, found, .. } = scratch;
        found.extend(ground.claims.iter().filter(|(place, _)| values[*place as usize] == 0).map(|(_, f)| *f));
        Fired::To
    }

    fn exceed(&self, ground: &Ground, scratch: &mut Scratch) {
        let _ = self.code.run(&ground.judging, &mut scratch.values);
        let Scratch { values, found, .. } = scratch;
        let mut exceeded =
            ground.bounds.iter().filter(|(place, _)| values[*place as usize] != 0).map(|(_, k)| *k);
        let first = exceeded.next();
        let integers = exceeded.chain(first).all(|k| matches!(k, BoundKind::Range(_)));
        found.clear();
        found.extend(ground.claims.iter().filter(|(place, _)| values[*place as usize] == 0).map(|(_, f)| *f));
        if integers {
            found.extend(
                ground.exceeding.iter().filter(|(place, _)| values[*place as usize] == 0).map(|(_, f)| *f),
            );
        }
        found.push(if first == Some(BoundKind::Advance) { self.advances } else { self.bounds });
    }

    /// Packs the state that an action leads to.
    fn follow(&self, ground: &Ground, state: &[u64], scratch: &mut Scratch) {
        scratch.words.copy_from_slice(state);
        match &ground.leads {
            Leads::Words(list) => {
                for (word, place) in list {
                    scratch.words[*word as usize] = scratch.values[*place as usize];
                }
            }
            Leads::Cells(list) => self.settle_cells(list, state, scratch),
        }
    }

    fn settle_cells(&self, updates: &[(u32, Place)], state: &[u64], scratch: &mut Scratch) {
        let Scratch { values, words, cells, memory, .. } = scratch;
        cells.resize(self.layout.cells.len(), 0);
        self.load(state, cells);
        for (cell, place) in updates {
            cells[*cell as usize] = values[*place as usize] as i64;
        }
        settle(&self.layout, &self.slots, cells, memory);
        for (i, cell) in self.layout.cells.iter().enumerate() {
            let fits = cell.set(words, cells[i]);
            debug_assert!(fits, "cell {i} = {}", cells[i]);
        }
    }

    /// Calls `f` for every event of a state; whether it has one that helps.
    fn each(&self, state: &[u64], scratch: &mut Scratch, f: &mut dyn FnMut(u32, Fired, &Scratch)) -> bool {
        scratch.load(state);
        let mut helps = false;
        for group in &self.groups {
            if self.code.run(&group.code, &mut scratch.values).is_err() {
                continue;
            }
            for action in group.actions.clone() {
                let ground = &self.grounds[action as usize];
                let fired = self.fire(ground, state, scratch);
                let stays = fired == Fired::To && scratch.words.iter().zip(state).all(|(a, b)| a == b);
                if fired == Fired::Disabled || stays && self.tick == Some(action) {
                    continue;
                }
                helps |= ground.helps && !stays;
                f(action, fired, scratch);
            }
        }
        helps
    }

    /// Whether a state has an unfinished run.
    fn is_unfinished(&self, state: &[u64], scratch: &mut Scratch) -> bool {
        let (code, places) = &self.unfinished;
        self.run(code, state, scratch);
        places.iter().any(|place| scratch.is(*place))
    }

    /// Whether no number of ticks from a state leads to one with an event that helps.
    fn ticks_in_vain(&self, state: &[u64], scratch: &mut Scratch) -> bool {
        let mut seen = BTreeSet::from([state.to_vec()]);
        let mut now = state.to_vec();
        loop {
            let mut next = None;
            let helps = self.each(&now, scratch, &mut |action, _, s| {
                if self.tick == Some(action) {
                    next = Some(s.words.clone());
                }
            });
            match next {
                _ if helps => return false,
                Some(next) if seen.insert(next.clone()) => now = next,
                _ => return true,
            }
        }
    }
}

impl System for Machine {
    type Scratch = Scratch;

    fn widths(&self) -> &[u32] {
        &self.layout.widths
    }

    fn actions(&self) -> usize {
        self.grounds.len()
    }

    fn findings(&self) -> usize {
        self.findings.len()
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            values: self.code.values(),
            words: vec![0; self.layout.widths.len()],
            cells: Vec::new(),
            memory: Memory::default(),
            found: Vec::new(),
            refused: vec![false; self.steps.len()],
            cut: vec![false; self.cut_spans.len()],
        }
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        self.initial.each(&mut |state| self.encode(state).is_none_or(|words| sink(&words)));
    }

    fn expand(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors) {
        let helps = self.each(state, scratch, &mut |action, fired, s| {
            match fired {
                Fired::To => out.push(action, &s.words),
                Fired::Exceeds | Fired::Disabled => out.nowhere(action),
            }
            s.found.iter().for_each(|f| out.find(*f, Some(action)));
        });
        if let Some(stuck) = self.stuck
            && !helps
            && self.is_unfinished(state, scratch)
            && self.ticks_in_vain(state, scratch)
        {
            out.find(stuck, None);
        }
    }

    fn judge(&self, state: &[u64], scratch: &mut Scratch, found: &mut Vec<u32>) {
        self.run(&self.judge.code, state, scratch);
        let is = |place: Place| scratch.is(place);
        found.extend(self.judge.violated.iter().filter(|(place, _)| !is(*place)).map(|(_, f)| *f));
        let hits = self.judge.hits.iter().filter(|(exists, holds, _)| is(*exists) && is(*holds));
        found.extend(hits.map(|(_, _, f)| *f));
    }
}

impl Goals for Machine {
    fn goal_count(&self) -> usize {
        self.goal_kinds.len()
    }

    fn in_goals(&self, state: &[u64], scratch: &mut Scratch, out: &mut Vec<(bool, bool)>) {
        self.run(&self.goals.code, state, scratch);
        let is = |place: &Place| scratch.is(*place);
        let goals = self.goal_kinds.iter().zip(&self.goals.places);
        out.extend(goals.map(|(kind, (counts, inside))| match kind {
            Goal::Possible(..) => (is(counts), is(inside)),
            Goal::Finished(_) => (is(counts), !is(inside)),
        }));
    }
}
