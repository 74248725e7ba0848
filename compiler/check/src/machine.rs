//! The packed machine of a program: layout, code and names, immutable once compiled.

use crate::canonical::{Memory, Sorted, settle};
use crate::code::{Block, Code, Emitter, Place, conjuncts};
use crate::error::CompileError;
use crate::layout::Layout;
use crate::symbolic::action::{Action, Bound, BoundKind, Compiled, Compiler};
use crate::symbolic::dag::{Dag, N};
use crate::symbolic::sym::{Builder, ElementsCache, Sym, value_of};
use crate::values::{read_state, write, write_state};
use arch_base::Span;
use arch_explorer::{Expansion, System};
use arch_ir::report::StepCoverage;
use arch_ir::{
    Event, Excess, ExcessKind, Init, Program, PropertyId, PropertyKind, RunState, State, Type, Value,
};
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// Of an `always possible` property, for one combination of its binders.
    Possible(PropertyId),
    /// Those in which one run is not unfinished.
    Finished,
}

/// An action, compiled.
#[derive(Clone, Debug)]
struct Ground {
    event: Event,
    /// Fails when the action is disabled.
    enabling: Block,
    /// The part of it that is the guard of this step.
    guard: Block,
    refused: Option<u32>,
    /// Computes whether a `cut` disables it.
    cutting: Block,
    cuts: Vec<(Place, u32)>,
    /// Fails when it is disabled in its effect, else computes what it does.
    effect: Block,
    updates: Vec<(u32, Place)>,
    bounds: Vec<(Place, BoundKind)>,
    claims: Vec<(Place, u32)>,
    exceeding: Vec<(Place, u32)>,
    /// Whether it keeps a state from being stuck.
    helps: bool,
    /// Whether ordinals or slots have to be settled after it.
    stirs: bool,
}

/// What names an action's picks and bounds; computed only for traces.
#[derive(Clone, Debug, Default)]
struct Details {
    code: Block,
    places: BTreeMap<u32, Place>,
    picks: Vec<(N, Sym, Type)>,
    bounds: Vec<Bound>,
}

/// Actions that share their first condition.
#[derive(Clone, Debug)]
struct Group {
    code: Block,
    actions: std::ops::Range<u32>,
}

/// Code that judges a state.
#[derive(Clone, Debug, Default)]
struct Judge {
    code: Block,
    /// Found when the value is 0.
    violated: Vec<(Place, u32)>,
    /// Found when both values are not 0.
    hits: Vec<(Place, Place, u32)>,
    unfinished: Place,
}

/// Code that says which goals a state has: for each whether it counts and whether it is in the goal (for
/// [`Goal::Finished`] twice whether the run is unfinished).
#[derive(Clone, Debug, Default)]
struct Goals {
    code: Block,
    places: Vec<(Place, Place)>,
}

/// Counts that are 0 when a step is not enabled.
#[derive(Clone, Debug, Default)]
struct Waits {
    code: Block,
    counts: Vec<(u32, Place)>,
}

/// An immutable, packed, executable form of a program.
pub struct Machine {
    program: Program,
    layout: Layout,
    slots: Vec<Sorted>,
    code: Code,
    grounds: Vec<Ground>,
    details: BTreeMap<u32, Details>,
    groups: Vec<Group>,
    judge: Judge,
    goals: Goals,
    goal_kinds: Vec<Goal>,
    waits: Waits,
    findings: Vec<Finding>,
    cut_spans: Vec<Span>,
    steps: Vec<(u32, u32)>,
    initial: Initial,
    bounds: u32,
    advances: u32,
    stuck: Option<u32>,
    tick: Option<u32>,
}

/// The initial states: one, with the values that parts of it take.
#[derive(Clone, Debug, Default)]
struct Initial {
    state: State,
    /// For each variable element or offset that takes several values: which, and they.
    columns: Vec<(Column, Vec<Value>)>,
}

#[derive(Clone, Copy, Debug)]
enum Column {
    Var(u32, u32),
    Skew(u32, u32),
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
        let builder = Builder { program, dag: Dag::default(), elements };
        let initial = initial(program, &layout)?;
        let compiled = Compiler::compile(program, &layout, builder)?;
        Ok(Linker::new(program, &layout, &compiled).link(initial))
    }

    /// The number of 64-bit words of a state.
    pub fn words(&self) -> usize {
        self.layout.words
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
        if let Event::Step { choices, .. } | Event::Reject { choices, .. } | Event::Deliver { choices, .. } = &mut event {
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

    /// The events of a state: actions with the states that they lead to (none: an excess) and what is
    /// found on each; then what is found on the state.
    pub fn successors(&self, state: &[u64], scratch: &mut Scratch) -> Expansion {
        let mut out = Expansion::new(self.words());
        self.expand(state, scratch, &mut out);
        out
    }

    /// For each goal whether a state counts and whether it is in it.
    pub fn in_goals(&self, state: &[u64], scratch: &mut Scratch) -> Vec<(bool, bool)> {
        self.load(state, &mut scratch.values);
        let _ = self.code.run(&self.goals.code, &mut scratch.values);
        let is = |place: &Place| scratch.values[*place as usize] != 0;
        let goals = self.goal_kinds.iter().zip(&self.goals.places);
        goals
            .map(|(kind, (counts, inside))| match kind {
                Goal::Possible(_) => (is(counts), is(inside)),
                Goal::Finished => (is(counts), !is(inside)),
            })
            .collect()
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
        let spans: BTreeSet<Span> = (0..self.cut_spans.len()).filter(noted).map(|i| self.cut_spans[i]).collect();
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

    fn load(&self, state: &[u64], values: &mut [i64]) {
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
        let mut exceeded = ground.bounds.iter().filter(|(place, _)| values[*place as usize] != 0).map(|(_, k)| *k);
        let first = exceeded.next();
        let integers = exceeded.chain(first).all(|k| matches!(k, BoundKind::Range(_)));
        found.clear();
        found.extend(ground.claims.iter().filter(|(place, _)| values[*place as usize] == 0).map(|(_, f)| *f));
        if integers {
            found.extend(ground.exceeding.iter().filter(|(place, _)| values[*place as usize] == 0).map(|(_, f)| *f));
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
                let stays = fired == Fired::To && scratch.words == state;
                if fired == Fired::Disabled || stays && self.tick == Some(action) {
                    continue;
                }
                helps |= ground.helps && !stays;
                f(action, fired, scratch);
            }
        }
        helps
    }

    /// Adds what is found on the state in `scratch.values`; whether a run is unfinished.
    fn find(&self, scratch: &mut Scratch, out: &mut Expansion) -> bool {
        let values = &mut scratch.values;
        let _ = self.code.run(&self.judge.code, values);
        let is = |place: Place| values[place as usize] != 0;
        self.judge.violated.iter().filter(|(place, _)| !is(*place)).for_each(|(_, f)| out.find_on_state(*f));
        let hits = self.judge.hits.iter().filter(|(exists, holds, _)| is(*exists) && is(*holds));
        hits.for_each(|(_, _, f)| out.find_on_state(*f));
        is(self.judge.unfinished)
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

    fn words(&self) -> usize {
        self.layout.words
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
            words: vec![0; self.layout.words],
            memory: Memory::default(),
            found: Vec::new(),
            refused: vec![false; self.steps.len()],
            cut: vec![false; self.cut_spans.len()],
        }
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        let mut at = vec![0; self.initial.columns.len()];
        let mut state = self.initial.state.clone();
        loop {
            for ((column, values), i) in self.initial.columns.iter().zip(&at) {
                column.put(&mut state, values[*i].clone());
            }
            let more = self.encode(&state).is_none_or(|words| sink(&words));
            let last = (0..at.len()).rev().find(|i| at[*i] + 1 < self.initial.columns[*i].1.len());
            let (true, Some(last)) = (more, last) else { break };
            at[last] += 1;
            at[last + 1..].fill(0);
        }
    }

    fn expand(&self, state: &[u64], scratch: &mut Scratch, out: &mut Expansion) {
        self.load(state, &mut scratch.values);
        let helps = self.each(state, scratch, &mut |action, fired, s| {
            out.event(action, (fired == Fired::To).then_some(&s.words));
            s.found.iter().for_each(|f| out.find_on_event(*f));
        });
        let unfinished = self.find(scratch, out);
        if let Some(stuck) = self.stuck
            && unfinished
            && !helps
            && self.ticks_in_vain(state, scratch)
        {
            out.find_on_state(stuck);
        }
    }

    fn judge(&self, state: &[u64], scratch: &mut Scratch, out: &mut Expansion) {
        self.load(state, &mut scratch.values);
        self.find(scratch, out);
    }
}

impl Column {
    fn put(self, state: &mut State, value: Value) {
        match (self, value) {
            (Column::Var(var, element), value) => state.vars[var as usize][element as usize] = value,
            (Column::Skew(sort, n), Value::Int(offset)) => state.skew[sort as usize][n as usize] = offset,
            (Column::Skew(..), _) => {}
        }
    }
}

/// The initial states of a program.
fn initial(program: &Program, layout: &Layout) -> Result<Initial, CompileError> {
    let builder = Builder { program, dag: Dag::default(), elements: ElementsCache::default() };
    let mut c = Compiler::new(layout, builder);
    let mut cells = vec![0; layout.cells.len()];
    let mut start = Initial { state: blank_state(program, layout), columns: Vec::new() };
    for (v, var) in program.vars.iter().enumerate() {
        let mut list = Vec::new();
        for keys in program.key_tuples(&var.keys) {
            if let Init::Any = var.init {
                let all = program.values(&var.ty).unwrap_or_else(|| vec![program.default_value(&var.ty)]);
                start.columns.push((Column::Var(v as u32, list.len() as u32), all));
            }
            list.push(c.initial_value(var, &keys)?);
        }
        let shapes = layout.vars[v].iter().zip(&list);
        if !shapes.into_iter().all(|(shape, value)| write(shape, Some(value), &layout.cells, &mut cells)) {
            return Err(CompileError::at(var.span, "an initial value does not fit its variable"));
        }
        start.state.vars.push(list);
    }
    for (sort, shapes) in layout.skew.iter().enumerate() {
        for (n, shape) in shapes.iter().enumerate() {
            if let crate::layout::Shape::Cell(_, cell) = shape {
                let cell = &layout.cells[*cell as usize];
                let offsets = (cell.lo..=cell.hi).map(Value::Int).collect();
                start.columns.push((Column::Skew(sort as u32, n as u32), offsets));
            }
        }
    }
    Ok(start)
}

/// A state with everything but the variables.
fn blank_state(program: &Program, layout: &Layout) -> State {
    let runs = program.protocols.iter_enumerated();
    State {
        vars: Vec::new(),
        runs: runs.map(|(p, protocol)| vec![RunState::idle(protocol); program.run_count(p) as usize]).collect(),
        down: layout.down.iter().map(|list| vec![false; list.len()]).collect(),
        skew: layout.skew.iter().map(|list| vec![0; list.len()]).collect(),
        budgets: program.faults.iter().zip(&layout.budgets).map(|(f, b)| f.budget.filter(|_| b.is_some())).collect(),
        cut: layout.cut.iter().map(|list| vec![false; list.len()]).collect(),
        pending: program.faults.iter().map(|_| Vec::new()).collect(),
        waits: layout.waits.iter().map(|list| vec![0; list.len()]).collect(),
    }
}

/// Makes code of what was compiled.
struct Linker<'c> {
    program: &'c Program,
    layout: &'c Layout,
    compiled: &'c Compiled,
    emitter: Emitter<'c>,
    findings: Vec<Finding>,
    numbers: BTreeMap<Finding, u32>,
    cut_spans: Vec<Span>,
    steps: Vec<(u32, u32)>,
    details: BTreeMap<u32, Details>,
    /// For each cell whether it is an ordinal or in a slot.
    stirring: Vec<bool>,
}

impl<'c> Linker<'c> {
    fn new(program: &'c Program, layout: &'c Layout, compiled: &'c Compiled) -> Linker<'c> {
        let mut linker = Linker {
            program,
            layout,
            compiled,
            emitter: Emitter::new(&compiled.dag, layout.cells.len()),
            findings: Vec::new(),
            numbers: BTreeMap::new(),
            cut_spans: Vec::new(),
            steps: Vec::new(),
            details: BTreeMap::new(),
            stirring: stirring(layout),
        };
        linker.number_findings();
        linker
    }

    fn number_findings(&mut self) {
        for (id, property) in self.program.properties.iter_enumerated() {
            match property.kind {
                PropertyKind::Always(_) | PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => {
                    self.findings.push(Finding::Violated(id));
                }
                PropertyKind::Reachable(_) => {
                    let all = self.compiled.combinations.iter().find(|(i, _)| *i == id.0 as usize);
                    let count = all.map_or(0, |(_, list)| list.len() as u32);
                    self.findings.extend((0..count).map(|c| Finding::Hit(id, c)));
                }
                _ => {}
            }
        }
        self.findings.extend([Finding::Bounds, Finding::Advances]);
        if self.program.builtin.stuck {
            self.findings.push(Finding::Stuck);
        }
        self.numbers = self.findings.iter().copied().zip(0..).collect();
    }

    fn number(&self, finding: Finding) -> u32 {
        self.numbers.get(&finding).copied().unwrap_or_default()
    }

    fn violated(&self, property: usize) -> u32 {
        self.number(Finding::Violated(PropertyId(property as u32)))
    }

    fn link(mut self, initial: Initial) -> Machine {
        let (grounds, groups) = self.actions();
        let judge = self.judge();
        let (goals, goal_kinds) = self.goals();
        let waits = self.waits();
        let tick = grounds.iter().position(|g| g.event == Event::Tick).map(|i| i as u32);
        Machine {
            program: self.program.clone(),
            layout: self.layout.clone(),
            slots: self.layout.groups.iter().map(Sorted::new).collect(),
            grounds,
            groups,
            judge,
            goals,
            goal_kinds,
            waits,
            initial,
            bounds: self.number(Finding::Bounds),
            advances: self.number(Finding::Advances),
            stuck: self.numbers.get(&Finding::Stuck).copied(),
            tick,
            findings: self.findings,
            cut_spans: self.cut_spans,
            steps: self.steps,
            details: self.details,
            code: self.emitter.finish(),
        }
    }

    fn actions(&mut self) -> (Vec<Ground>, Vec<Group>) {
        let mut grounds = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut shared: Option<N> = None;
        let compiled = self.compiled;
        for (i, action) in compiled.actions.iter().enumerate() {
            let mut base = conjuncts(&compiled.dag, &action.base);
            let first = base.first().copied();
            if first.is_none() || first != shared || groups.is_empty() {
                let start = self.emitter.here();
                first.into_iter().for_each(|n| self.emitter.assert(n));
                self.emitter.end_unit();
                groups.push(Group { code: start..self.emitter.here(), actions: i as u32..i as u32 });
                shared = first;
            }
            if first.is_some() {
                base.remove(0);
            }
            grounds.push(self.ground(i as u32, action, &base));
            if let Some(group) = groups.last_mut() {
                group.actions.end = i as u32 + 1;
            }
        }
        (grounds, groups)
    }

    /// The code of an action, without the conditions that its group has asserted.
    fn ground(&mut self, id: u32, action: &Action, base: &[N]) -> Ground {
        let start = self.emitter.here();
        base.iter().for_each(|n| self.emitter.assert(*n));
        let guard = self.emitter.here();
        self.emitter.assert(action.guard);
        let guard = guard..self.emitter.here();
        action.rest.iter().for_each(|n| self.emitter.assert(*n));
        let enabling = start..self.emitter.here();
        let cuts: Vec<(Place, u32)> =
            action.cuts.iter().map(|(n, span)| (self.emitter.value(*n), self.cut_number(*span))).collect();
        let cutting = enabling.end..self.emitter.here();
        self.emitter.assert(action.live);
        let claims = self.claims(&action.claims);
        let exceeding = self.claims(&action.exceeding);
        let bounds = action.bounds.iter().map(|b| (self.emitter.value(b.exceeded), b.kind)).collect();
        let updates: Vec<(u32, Place)> = action.updates.iter().map(|(c, n)| (*c, self.emitter.value(*n))).collect();
        let effect = cutting.end..self.emitter.here();
        self.emitter.end_unit();
        self.detail(id, action);
        let stirs = updates.iter().any(|(c, _)| self.stirring[*c as usize]);
        let refused = action.guarded.map(|step| self.step_number(step));
        let helps = matches!(
            action.event,
            Event::Begin(_) | Event::Step { .. } | Event::Reject { .. } | Event::Restart(..) | Event::Heal(..)
        );
        let event = action.event.clone();
        Ground { event, enabling, guard, refused, cutting, cuts, effect, updates, bounds, claims, exceeding, helps, stirs }
    }

    /// Places of claims that are not always true.
    fn claims(&mut self, claims: &[(usize, N)]) -> Vec<(Place, u32)> {
        let dag = &self.compiled.dag;
        let open = claims.iter().filter(|(_, n)| dag.constant(*n).is_none_or(|v| v == 0));
        open.map(|(property, n)| (self.emitter.value(*n), self.violated(*property))).collect()
    }

    fn cut_number(&mut self, span: Span) -> u32 {
        let known = self.cut_spans.iter().position(|s| *s == span);
        known.unwrap_or_else(|| {
            self.cut_spans.push(span);
            self.cut_spans.len() - 1
        }) as u32
    }

    fn step_number(&mut self, (p, step): (arch_ir::ProtocolId, arch_ir::StepId)) -> u32 {
        let pair = (p.0, step.0);
        let known = self.steps.iter().rposition(|s| *s == pair);
        known.unwrap_or_else(|| {
            self.steps.push(pair);
            self.steps.len() - 1
        }) as u32
    }

    fn detail(&mut self, id: u32, action: &Action) {
        if action.picks.is_empty() && action.bounds.is_empty() {
            return;
        }
        let mut nodes = Vec::new();
        for pick in &action.picks {
            nodes.push(pick.reached);
            sym_nodes(&pick.value, &mut nodes);
        }
        for bound in &action.bounds {
            nodes.push(bound.exceeded);
            if let BoundKind::Range(n) | BoundKind::Size(n) = bound.kind {
                nodes.push(n);
            }
        }
        let start = self.emitter.here();
        let places = nodes.into_iter().map(|n| (n.0, self.emitter.value(n))).collect();
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        let picks = action.picks.iter().map(|p| (p.reached, p.value.clone(), p.ty.clone())).collect();
        self.details.insert(id, Details { code, places, picks, bounds: action.bounds.clone() });
    }

    fn judge(&mut self) -> Judge {
        let start = self.emitter.here();
        let violated = self.claims(&self.compiled.always.clone());
        let mut hits = Vec::new();
        for (property, list) in &self.compiled.combinations {
            let id = PropertyId(*property as u32);
            if !matches!(self.program.properties[id].kind, PropertyKind::Reachable(_)) {
                continue;
            }
            for (c, combination) in list.iter().enumerate() {
                let (exists, holds) = (self.emitter.value(combination.exists), self.emitter.value(combination.holds));
                hits.push((exists, holds, self.number(Finding::Hit(id, c as u32))));
            }
        }
        let unfinished = self.emitter.value(self.compiled.unfinished);
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        Judge { code, violated, hits, unfinished }
    }

    fn goals(&mut self) -> (Goals, Vec<Goal>) {
        let start = self.emitter.here();
        let (mut places, mut kinds) = (Vec::new(), Vec::new());
        for (property, list) in &self.compiled.combinations {
            let id = PropertyId(*property as u32);
            if let PropertyKind::AlwaysPossible(_) = self.program.properties[id].kind {
                for combination in list {
                    places.push((self.emitter.value(combination.exists), self.emitter.value(combination.holds)));
                    kinds.push(Goal::Possible(id));
                }
            }
        }
        if self.program.builtin.stranded {
            for unfinished in &self.compiled.unfinished_runs {
                let place = self.emitter.value(*unfinished);
                places.push((place, place));
                kinds.push(Goal::Finished);
            }
        }
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        (Goals { code, places }, kinds)
    }

    fn waits(&mut self) -> Waits {
        let start = self.emitter.here();
        let mut counts = Vec::new();
        for (shapes, nodes) in self.layout.waits.iter().zip(&self.compiled.waiting) {
            for (shape, enabled) in shapes.iter().zip(nodes) {
                if let crate::layout::Shape::Cell(_, cell) = shape {
                    counts.push((*cell, self.emitter.value(*enabled)));
                }
            }
        }
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        Waits { code, counts }
    }
}

/// The nodes of a value.
fn sym_nodes(sym: &Sym, out: &mut Vec<N>) {
    match sym {
        Sym::Scalar(n) => out.push(*n),
        Sym::Opt(n, inner) => {
            out.push(*n);
            inner.iter().for_each(|s| sym_nodes(s, out));
        }
        Sym::Bits(_, bits) => out.extend(bits.iter()),
        Sym::Slots(slots) => slots.iter().for_each(|(n, s)| {
            out.push(*n);
            sym_nodes(s, out);
        }),
        Sym::Map(_, list) | Sym::Record(list) => list.iter().for_each(|s| sym_nodes(s, out)),
        Sym::Seq(n, list) => {
            out.push(*n);
            list.iter().for_each(|s| sym_nodes(s, out));
        }
        Sym::Union(n, variants) => {
            out.push(*n);
            variants.iter().flatten().flatten().for_each(|s| sym_nodes(s, out));
        }
    }
}

fn stirring(layout: &Layout) -> Vec<bool> {
    let mut stirring = vec![false; layout.cells.len()];
    layout.ordinals.iter().flatten().for_each(|c| stirring[*c as usize] = true);
    let mut cells = Vec::new();
    for (present, shape) in layout.groups.iter().flat_map(|g| &g.slots) {
        cells.push(*present);
        shape.cells(&mut cells);
    }
    cells.into_iter().for_each(|c| stirring[c as usize] = true);
    stirring
}
