//! Executing a machine: the events of a state, what is found on it, its goals.

use crate::canonical::{Memory, settle};
use crate::code::{Block, Place};
use crate::machine::{Goal, Ground, Leads, Machine};
use crate::native::{NOWHERE, Native, Notes, WARM};
use crate::symbolic::action::BoundKind;
use arch_explorer::{Goals, Successors, System};
use arch_ir::PropertyKind;
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
    /// For findings on a state.
    judged: Vec<u32>,
    /// How many states were interpreted.
    interpreted: u32,
    pub(crate) notes: Notes,
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

    /// For each combination of each liveness property: whether something is to follow a state, and whether the state
    /// is what is to follow.
    pub(crate) fn live<'s>(
        &'s self,
        state: &[u64],
        scratch: &'s mut Scratch,
    ) -> impl Fn(usize) -> (bool, bool) + use<'s> {
        self.run(&self.live.code, state, scratch);
        let places = &self.live.places;
        move |combination| (scratch.is(places[combination].0), scratch.is(places[combination].1))
    }

    /// Does an action on the state in `scratch.values`, and says what was found on it.
    fn fire(&self, ground: &Ground, state: &[u64], scratch: &mut Scratch) -> Fired {
        if let Err(at) = self.code.run(&ground.enabling, &mut scratch.values) {
            if let (Some(step), true) = (ground.refused, ground.guard.contains(&at)) {
                scratch.notes.flag(step as usize);
            }
            return Fired::Disabled;
        }
        if !ground.cuts.is_empty() {
            let _ = self.code.run(&ground.cutting, &mut scratch.values);
            for (place, cut) in &ground.cuts {
                if scratch.is(*place) {
                    scratch.notes.flag(self.steps.len() + *cut as usize);
                }
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

    /// Adds the events of a state, and what is found on them; whether it has one that helps.
    fn interpret(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors) -> bool {
        scratch.interpreted = scratch.interpreted.saturating_add(1);
        if scratch.interpreted == WARM {
            // It goes on by itself.
            drop(self.tier.start(&self.plan));
        }
        self.events(state, scratch, out)
    }

    /// The same, always by the interpreter.
    pub(crate) fn events(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors) -> bool {
        self.each(state, scratch, &mut |action, fired, s| {
            match fired {
                Fired::To => out.push(action, &s.words),
                Fired::Exceeds | Fired::Disabled => out.nowhere(action),
            }
            s.found.iter().for_each(|f| out.find(*f, Some(action)));
        })
    }

    /// The same by machine code.
    fn expand_native(
        &self,
        native: &dyn Native,
        state: &[u64],
        scratch: &mut Scratch,
        out: &mut Successors,
    ) -> bool {
        let mut count = native.expand(state, out.room(), &mut scratch.notes);
        let mut helps = false;
        if scratch.notes.len() > 0 {
            let (left, lost) = self.look_again(count, state, scratch, out);
            (count, helps) = (left, lost);
        }
        let first = out.len();
        out.commit(count);
        if helps || self.stuck.is_none() {
            return true;
        }
        let to = out.states()[first * state.len()..].chunks_exact(state.len().max(1));
        let mut events = out.actions()[first..].iter().zip(to);
        // Words are compared one by one: states are short, and the first event mostly helps.
        let moves = |to: &[u64]| to.iter().zip(state).any(|(a, b)| a != b);
        events.any(|(action, to)| self.grounds[*action as usize].helps && moves(to))
    }

    /// Does once more what machine code noted among `count` events of a state that are not committed yet. How many
    /// events are left, and whether one that leads nowhere helps.
    fn look_again(
        &self,
        mut count: usize,
        state: &[u64],
        scratch: &mut Scratch,
        out: &mut Successors,
    ) -> (usize, bool) {
        let mut helps = false;
        scratch.load(state);
        for i in 0..scratch.notes.len() {
            let (action, at) = scratch.notes.note(i);
            let ground = &self.grounds[action as usize];
            match self.fire(ground, state, scratch) {
                Fired::Exceeds => {
                    debug_assert_eq!(at, NOWHERE, "machine code and the interpreter agree");
                    out.nowhere(action);
                    helps |= ground.helps;
                }
                Fired::To if self.tick == Some(action) && scratch.words == state => {
                    // It is the last action: `arch_jit` compiles no plan in which one that has to be settled is not.
                    count -= 1;
                    continue;
                }
                Fired::To => {
                    let words = at as usize * state.len();
                    out.room().states[words..words + state.len()].copy_from_slice(&scratch.words);
                }
                Fired::Disabled => {
                    debug_assert!(false, "machine code and the interpreter agree");
                    continue;
                }
            }
            scratch.found.iter().for_each(|f| out.find(*f, Some(action)));
        }
        scratch.notes.clear();
        (count, helps)
    }

    /// Whether a state has an unfinished run.
    pub(crate) fn is_unfinished(&self, state: &[u64], scratch: &mut Scratch) -> bool {
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

    /// What `reachable` asks for: of each property the combination of which a path is shown.
    fn expects(&self, first: &[u64]) -> Vec<u32> {
        let reachable = |p: &arch_ir::Property| matches!(p.kind, PropertyKind::Reachable(_)) && !p.quiet;
        let properties = self.program.properties.iter_enumerated().filter(|(_, p)| reachable(p));
        properties.filter_map(|(id, _)| self.wanted(id, first).first().copied()).collect()
    }

    fn scratch(&self) -> Scratch {
        Scratch {
            values: self.code.values(),
            words: vec![0; self.layout.widths.len()],
            cells: Vec::new(),
            memory: Memory::default(),
            found: Vec::new(),
            judged: vec![0; self.judge.violated.len() + self.judge.hits.len() + 1],
            interpreted: 0,
            notes: Notes::new(&self.plan),
        }
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        self.initial.each(&mut |state| {
            // One that was left out would be a space in which anything holds.
            let words = self.encode(state).unwrap_or_else(|| unreachable!("an initial state does not fit"));
            sink(&words)
        });
    }

    fn expand(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors) {
        let helps = match self.tier.native() {
            Some(native) => self.expand_native(native, state, scratch, out),
            None => self.interpret(state, scratch, out),
        };
        if let Some(stuck) = self.stuck
            && !helps
            && self.is_unfinished(state, scratch)
            && self.ticks_in_vain(state, scratch)
        {
            out.find(stuck, None);
        }
    }

    fn judge(&self, state: &[u64], scratch: &mut Scratch, found: &mut Vec<u32>) {
        if let Some(native) = self.tier.native()
            && let Some(count) = native.judge(state, &mut scratch.judged)
        {
            found.extend_from_slice(&scratch.judged[..count]);
            return;
        }
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

    fn is_way(&self, action: u32) -> bool {
        !self.grounds[action as usize].adverse
    }
}
