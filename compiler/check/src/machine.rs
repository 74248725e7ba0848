//! The packed machine of a program: layout, code and names, immutable once compiled.

use crate::canonical::{Memory, Sorted, settle};
use crate::code::{Block, Code, Place};
use crate::error::CompileError;
use crate::initial::Initial;
use crate::layout::Layout;
use crate::link::Linker;
use crate::symbolic::action::{Bound, BoundKind, Compiler};
use crate::symbolic::dag::{Dag, N};
use crate::symbolic::sym::{Builder, ElementsCache, Sym, value_of};
use crate::values::{read_state, write_state};
use arch_base::Span;
use arch_explorer::{Goals, Successors, System};
use arch_ir::report::StepCoverage;
use arch_ir::{Event, Excess, ExcessKind, Program, PropertyId, RunRef, State, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What can be found on a state or an event; findings are numbered by [`Machine::findings`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Finding {
    /// An `always`, `at`, `after` or `monotonic` property is violated.
    Violated(PropertyId),
    /// A combination of a `reachable` property is satisfied.
    Hit(PropertyId, u32),
    /// An effect leaves its bounds.
    Bounds,
    /// `advance` finds a greater value.
    Advances,
    /// The state is stuck.
    Stuck,
}

/// A set of states that must be reachable from every state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Goal {
    /// Of an `always possible` property, for one combination of its binders.
    Possible(PropertyId, u32),
    /// Those in which a run is not unfinished.
    Finished(RunRef),
}

/// An action, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) event: Event,
    /// Fails when the action is disabled.
    pub(crate) enabling: Block,
    /// The part of it that is the guard of this step.
    pub(crate) guard: Block,
    pub(crate) refused: Option<u32>,
    /// Computes whether a `cut` disables it.
    pub(crate) cutting: Block,
    pub(crate) cuts: Vec<(Place, u32)>,
    /// Fails when it is disabled in its effect, else computes what it does.
    pub(crate) effect: Block,
    pub(crate) updates: Vec<(u32, Place)>,
    pub(crate) bounds: Vec<(Place, BoundKind)>,
    pub(crate) claims: Vec<(Place, u32)>,
    pub(crate) exceeding: Vec<(Place, u32)>,
    /// Whether it keeps a state from being stuck.
    pub(crate) helps: bool,
    /// Whether ordinals or slots have to be settled after it.
    pub(crate) stirs: bool,
}

/// What names an action's picks and bounds; computed only for traces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) code: Block,
    pub(crate) places: BTreeMap<u32, Place>,
    pub(crate) picks: Vec<(N, Sym, Type)>,
    pub(crate) bounds: Vec<Bound>,
}

/// Actions that share their first condition.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) code: Block,
    pub(crate) actions: std::ops::Range<u32>,
}

/// Code that judges a state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge {
    pub(crate) code: Block,
    /// Found when the value is 0.
    pub(crate) violated: Vec<(Place, u32)>,
    /// Found when both values are not 0.
    pub(crate) hits: Vec<(Place, Place, u32)>,
    pub(crate) unfinished: Place,
}

/// Code that says which goals a state has: for each whether it counts and whether it is in the goal (for
/// [`Goal::Finished`] twice whether the run is unfinished).
#[derive(Clone, Debug, Default)]
pub(crate) struct GoalCode {
    pub(crate) code: Block,
    pub(crate) places: Vec<(Place, Place)>,
}

/// Code that says, for each combination of each liveness property, whether something is to follow a state, and whether
/// the state is what is to follow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub(crate) code: Block,
    pub(crate) places: Vec<(PropertyId, Place, Place)>,
}

/// Counts that are 0 when a step is not enabled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    pub(crate) code: Block,
    pub(crate) counts: Vec<(u32, Place)>,
}

/// An immutable, packed, executable form of a program.
pub struct Machine {
    pub(crate) program: Program,
    pub(crate) layout: Layout,
    pub(crate) slots: Vec<Sorted>,
    pub(crate) code: Code,
    pub(crate) grounds: Vec<Ground>,
    pub(crate) details: BTreeMap<u32, Details>,
    pub(crate) groups: Vec<Group>,
    pub(crate) judge: Judge,
    pub(crate) goals: GoalCode,
    pub(crate) goal_kinds: Vec<Goal>,
    pub(crate) live: Live,
    /// For each `reachable` and `always possible` property, the values of its binders in each combination.
    pub(crate) combinations: BTreeMap<PropertyId, Vec<Option<Vec<Value>>>>,
    pub(crate) waits: Waits,
    pub(crate) findings: Vec<Finding>,
    pub(crate) cut_spans: Vec<Span>,
    pub(crate) steps: Vec<(u32, u32)>,
    pub(crate) initial: Initial,
    pub(crate) bounds: u32,
    pub(crate) advances: u32,
    pub(crate) stuck: Option<u32>,
    pub(crate) tick: Option<u32>,
}

/// A worker's memory.
#[derive(Clone, Debug)]
pub struct Scratch {
    values: Vec<i64>,
    next: Vec<i64>,
    words: Vec<u64>,
    memory: Memory,
    found: Vec<u32>,
    /// For each step whether its guard was false when it was reached.
    pub(crate) refused: Vec<bool>,
    /// For each `cut` whether it disabled an event.
    pub(crate) cut: Vec<bool>,
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
    /// Lays out and compiles a program.
    pub fn compile(program: &Program) -> Result<Machine, CompileError> {
        let mut elements = ElementsCache::default();
        let layout = Layout::of(program, &mut elements)?;
        let initial = Initial::of(program, &layout)?;
        let builder = Builder { program, dag: Dag::default(), elements, work: 0 };
        let compiled = Compiler::compile(program, &layout, builder)?;
        Ok(Linker::new(program, &layout, &compiled).link(initial))
    }

    /// The number of 64-bit words of a state.
    pub fn words(&self) -> usize {
        self.layout.widths.len()
    }

    /// The number of bits of a state that carry information.
    pub fn bits(&self) -> usize {
        self.layout.bits()
    }

    /// The number of ground actions.
    pub fn actions(&self) -> usize {
        self.grounds.len()
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What can be found, by number.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The sets of states that must stay reachable.
    pub fn goals(&self) -> &[Goal] {
        &self.goal_kinds
    }

    /// The state that packed words stand for.
    pub fn decode(&self, words: &[u64]) -> State {
        let cells: Vec<i64> = self.layout.cells.iter().map(|c| c.get(words)).collect();
        read_state(&self.program, &self.layout, &cells)
    }

    /// The packed words of the canonical form of a state; none if it does not fit.
    pub fn encode(&self, state: &State) -> Option<Vec<u64>> {
        let mut cells = vec![0; self.layout.cells.len()];
        if !write_state(&self.program, &self.layout, state, &mut cells) {
            return None;
        }
        settle(&self.layout, &self.slots, &mut cells, &mut Memory::default());
        let mut words = vec![0; self.words()];
        let fits = self.layout.cells.iter().zip(&cells).all(|(c, v)| c.set(&mut words, *v));
        fits.then_some(words)
    }

    /// The event that an action is in a state that enables it.
    pub fn event(&self, action: u32, state: &[u64]) -> Event {
        let mut event = self.grounds[action as usize].event.clone();
        let Some(details) = self.details.get(&action) else { return event };
        let number = self.numbers(details, state);
        let picked = details.picks.iter().filter(|(reached, _, _)| number(*reached) != Some(0));
        let values = picked.filter_map(|(_, value, ty)| value_of(&self.program, value, ty, &number));
        match &mut event {
            Event::Step { choices, .. } | Event::Reject { choices, .. } | Event::Deliver { choices, .. } => {
                choices.extend(values);
            }
            _ => {}
        }
        event
    }

    /// The event that an action is, with those of its picks that are the same in every state.
    pub fn template(&self, action: u32) -> Event {
        let ground = &self.grounds[action as usize];
        let constant = |place: &Place| self.code.constant(*place);
        let mut event = ground.event.clone();
        let Some(details) = self.details.get(&action) else { return event };
        let number = |n: N| details.places.get(&n.0).and_then(constant);
        let reached = details.picks.iter().filter(|(reached, _, _)| number(*reached) == Some(1));
        let values = reached.filter_map(|(_, value, ty)| value_of(&self.program, value, ty, &number));
        if let Event::Step { choices, .. } | Event::Reject { choices, .. } | Event::Deliver { choices, .. } =
            &mut event
        {
            choices.extend(values);
        }
        event
    }

    /// The bound that an action exceeds in a state; none if it exceeds none.
    pub fn excess(&self, action: u32, state: &[u64]) -> Option<Excess> {
        let details = self.details.get(&action)?;
        let number = self.numbers(details, state);
        let first = details.bounds.iter().find(|b| number(b.exceeded).is_some_and(|n| n != 0))?;
        let kind = match first.kind {
            BoundKind::Range(n) => ExcessKind::Range(number(n)?),
            BoundKind::Size(n) => ExcessKind::Size(u32::try_from(number(n)?).unwrap_or(u32::MAX)),
            BoundKind::Runs => ExcessKind::Runs,
            BoundKind::Advance => ExcessKind::Advance,
        };
        Some(Excess { kind, span: first.span })
    }

    /// The numbers of an action's details in a state.
    fn numbers<'d>(&self, details: &'d Details, state: &[u64]) -> impl Fn(N) -> Option<i64> + use<'d> {
        let mut values = self.code.values();
        self.load(state, &mut values);
        // Nothing is asserted there.
        let _ = self.code.run(&details.code, &mut values);
        move |n| details.places.get(&n.0).map(|p| values[*p as usize])
    }

    /// The events of a state, and what is found on them.
    pub fn successors(&self, state: &[u64], scratch: &mut Scratch) -> Successors {
        let mut out = Successors::new(self.words(), self.actions());
        self.expand(state, scratch, &mut out);
        out
    }

    /// The combinations of a liveness property, as [`Machine::is_live`] numbers them.
    pub(crate) fn live_combinations(&self, property: PropertyId) -> Vec<usize> {
        let places = self.live.places.iter().enumerate();
        places.filter(|(_, (p, _, _))| *p == property).map(|(i, _)| i).collect()
    }

    /// Of one combination of a liveness property: whether something is to follow a state, and whether the state is
    /// what is to follow.
    pub(crate) fn is_live(&self, combination: usize, state: &[u64], scratch: &mut Scratch) -> (bool, bool) {
        self.load(state, &mut scratch.values);
        let _ = self.code.run(&self.live.code, &mut scratch.values);
        let (_, due, goal) = self.live.places[combination];
        (scratch.values[due as usize] != 0, scratch.values[goal as usize] != 0)
    }

    /// Whether an action is one of those that coverage counts, with its protocol and step.
    pub(crate) fn counted(&self, action: u32) -> Option<(u32, u32)> {
        match &self.grounds[action as usize].event {
            Event::Step { run, step, duplicated: None, .. } => Some((run.protocol.0, step.0)),
            _ => None,
        }
    }

    /// The declarations whose `cut` disabled an event, from what workers noted.
    pub fn cut_spans(&self, scratches: &[Scratch]) -> Vec<Span> {
        let noted = |i: &usize| scratches.iter().any(|s| s.cut[*i]);
        let spans: BTreeSet<Span> =
            (0..self.cut_spans.len()).filter(noted).map(|i| self.cut_spans[i]).collect();
        spans.into_iter().collect()
    }

    /// Coverage, from what workers noted and how often each action was executed.
    pub fn coverage(&self, scratches: &[Scratch], executed: &[u64]) -> Vec<Vec<StepCoverage>> {
        let none = |p: &arch_ir::Protocol| vec![StepCoverage::default(); p.steps.len()];
        let mut coverage: Vec<Vec<StepCoverage>> = self.program.protocols.iter().map(none).collect();
        for (action, count) in executed.iter().enumerate() {
            if let Some((p, step)) = self.counted(action as u32) {
                coverage[p as usize][step as usize].executed += count;
            }
        }
        for (i, (p, step)) in self.steps.iter().enumerate() {
            coverage[*p as usize][*step as usize].refused = scratches.iter().any(|s| s.refused[i]);
        }
        coverage
    }

    /// The combinations of a `reachable` property that a state has, as findings.
    pub fn wanted(&self, property: PropertyId, state: &[u64]) -> Vec<u32> {
        let mut values = self.code.values();
        self.load(state, &mut values);
        let _ = self.code.run(&self.judge.code, &mut values);
        let of = |f: u32| matches!(self.findings[f as usize], Finding::Hit(p, _) if p == property);
        let hits = self.judge.hits.iter().filter(|(exists, _, f)| of(*f) && values[*exists as usize] != 0);
        hits.map(|(_, _, f)| *f).collect()
    }

    /// Writes the values of a state's cells to the front of `values`.
    pub(crate) fn load(&self, state: &[u64], values: &mut [i64]) {
        for (cell, value) in self.layout.cells.iter().zip(values) {
            *value = cell.get(state);
        }
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
        if ground.bounds.iter().any(|(place, _)| scratch.values[*place as usize] != 0) {
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
        let Scratch { values, next, words, memory, .. } = scratch;
        words.copy_from_slice(state);
        if !ground.stirs && self.waits.counts.is_empty() {
            for (cell, place) in &ground.updates {
                let fits = self.layout.cells[*cell as usize].set(words, values[*place as usize]);
                debug_assert!(fits, "{:?}: cell {cell}", ground.event);
            }
            return;
        }
        let cells = self.layout.cells.len();
        next[..cells].copy_from_slice(&values[..cells]);
        for (cell, place) in &ground.updates {
            next[*cell as usize] = values[*place as usize];
        }
        self.settle_waits(next);
        if ground.stirs {
            settle(&self.layout, &self.slots, &mut next[..cells], memory);
        }
        for (i, cell) in self.layout.cells.iter().enumerate() {
            if next[i] != values[i] {
                let fits = cell.set(words, next[i]);
                debug_assert!(fits, "{:?}: cell {i} = {}", ground.event, next[i]);
            }
        }
    }

    /// Counts of steps that are not enabled are 0.
    fn settle_waits(&self, values: &mut [i64]) {
        if self.waits.counts.iter().all(|(cell, _)| values[*cell as usize] == 0) {
            return;
        }
        let _ = self.code.run(&self.waits.code, values);
        for (cell, enabled) in &self.waits.counts {
            if values[*enabled as usize] == 0 {
                values[*cell as usize] = 0;
            }
        }
    }

    /// Calls `f` for every event of the state in `scratch.values`; whether the state has one that helps.
    fn each(&self, state: &[u64], scratch: &mut Scratch, f: &mut dyn FnMut(u32, Fired, &Scratch)) -> bool {
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

    /// Whether the state in `scratch.values` has an unfinished run.
    fn unfinished(&self, scratch: &mut Scratch) -> bool {
        let _ = self.code.run(&self.judge.code, &mut scratch.values);
        scratch.values[self.judge.unfinished as usize] != 0
    }

    /// Whether no number of ticks from a state leads to one with an event that helps.
    fn ticks_in_vain(&self, state: &[u64], scratch: &mut Scratch) -> bool {
        let mut seen = BTreeSet::from([state.to_vec()]);
        let mut now = state.to_vec();
        loop {
            self.load(&now, &mut scratch.values);
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
            next: self.code.values(),
            words: vec![0; self.layout.widths.len()],
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
        self.load(state, &mut scratch.values);
        let helps = self.each(state, scratch, &mut |action, fired, s| {
            match fired {
                Fired::To => out.push(action, &s.words),
                Fired::Exceeds | Fired::Disabled => out.nowhere(action),
            }
            s.found.iter().for_each(|f| out.find(*f, Some(action)));
        });
        if let Some(stuck) = self.stuck
            && !helps
            && self.unfinished(scratch)
            && self.ticks_in_vain(state, scratch)
        {
            out.find(stuck, None);
        }
    }

    fn judge(&self, state: &[u64], scratch: &mut Scratch, found: &mut Vec<u32>) {
        self.load(state, &mut scratch.values);
        let values = &mut scratch.values;
        let _ = self.code.run(&self.judge.code, values);
        let is = |place: Place| values[place as usize] != 0;
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
        self.load(state, &mut scratch.values);
        let _ = self.code.run(&self.goals.code, &mut scratch.values);
        let is = |place: &Place| scratch.values[*place as usize] != 0;
        let goals = self.goal_kinds.iter().zip(&self.goals.places);
        out.extend(goals.map(|(kind, (counts, inside))| match kind {
            Goal::Possible(..) => (is(counts), is(inside)),
            Goal::Finished(_) => (is(counts), !is(inside)),
        }));
    }
}
