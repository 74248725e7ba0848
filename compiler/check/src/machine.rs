//! The packed machine of a program: layout, code and names, immutable once compiled.

use crate::canonical::{Memory, Sorted, settle};
use crate::code::{Block, Code, Place};
use crate::error::CompileError;
use crate::execute::Scratch;
use crate::initial::Initial;
use crate::layout::Layout;
use crate::link::link;
use crate::native::{Compile, Tier};
use crate::plan::Plan;
use crate::symbolic::action::{Bound, BoundKind, Compiler};
use crate::symbolic::dag::{Dag, N};
use crate::symbolic::sym::{Builder, ElementsCache, Sym, value_of};
use crate::values::{read_state, write_state};
use arch_base::Span;
use arch_explorer::{Successors, System};
use arch_ir::report::StepCoverage;
use arch_ir::{Event, Excess, ExcessKind, Program, PropertyId, RunRef, State, Type, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    pub(crate) leads: Leads,
    pub(crate) bounds: Vec<(Place, BoundKind)>,
    pub(crate) claims: Vec<(Place, u32)>,
    /// Computes what is judged only when it exceeds a bound.
    pub(crate) judging: Block,
    pub(crate) exceeding: Vec<(Place, u32)>,
    /// Whether nobody can count on it ([`Event::is_adverse`]).
    pub(crate) adverse: bool,
    /// Whether it keeps a state from being stuck.
    pub(crate) helps: bool,
}

/// Where the state is that an action leads to.
#[derive(Clone, Debug)]
pub(crate) enum Leads {
    /// Words that can differ from those before.
    Words(Vec<(u32, Place)>),
    /// Cells that can differ from those before; ordinals and slots have to be settled.
    Cells(Vec<(u32, Place)>),
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
}

/// Code that computes pairs of truth values, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    pub(crate) code: Block,
    pub(crate) places: Vec<(Place, Place)>,
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
    /// Computes whether a run is unfinished.
    pub(crate) unfinished: (Block, Vec<Place>),
    /// For each goal whether a state counts and whether it is in the goal (for [`Goal::Finished`] twice whether the
    /// run is unfinished).
    pub(crate) goals: Pairs,
    pub(crate) goal_kinds: Vec<Goal>,
    /// For each combination of each liveness property, whether something is to follow a state, and whether the
    /// state is what is to follow.
    pub(crate) live: Pairs,
    /// For each such combination the property.
    pub(crate) live_properties: Vec<PropertyId>,
    /// For each `reachable` and `always possible` property, the values of its binders in each combination.
    pub(crate) combinations: BTreeMap<PropertyId, Vec<Option<Vec<Value>>>>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) cut_spans: Vec<Span>,
    pub(crate) steps: Vec<(u32, u32)>,
    pub(crate) initial: Initial,
    pub(crate) bounds: u32,
    pub(crate) advances: u32,
    /// Found on stuck states; none where nothing can be stuck.
    pub(crate) stuck: Option<u32>,
    pub(crate) tick: Option<u32>,
    /// What the code was made of.
    pub(crate) plan: Arc<Plan>,
    /// Machine code of it, once there is any.
    pub(crate) tier: Tier,
}

impl Machine {
    /// Lays out and compiles a program.
    pub fn compile(program: &Program) -> Result<Machine, CompileError> {
        let mut elements = ElementsCache::default();
        let layout = Layout::of(program, &mut elements)?;
        let initial = Initial::of(program, &layout)?;
        let builder = Builder { program, dag: Dag::default(), elements, work: 0 };
        let compiled = Compiler::compile(program, &layout, builder)?;
        Ok(link(program, layout, compiled, initial))
    }

    /// The same, with machine code once so many states were expanded that it is worth it.
    #[must_use]
    pub fn with_native(self, compile: Compile) -> Machine {
        Machine { tier: Tier::when_warm(compile), ..self }
    }

    /// Makes the machine code now; whether there is any.
    pub fn warm_up(&self) -> bool {
        if let Some(thread) = self.tier.start(&self.plan) {
            // It panics if code generation does; then there is none.
            drop(thread.join());
        }
        self.tier.native().is_some()
    }

    /// Compiles a program that is another one without part of its text, in the layout of that: then the same words
    /// are the same state of both, and instants have the classes of the one that compares more.
    pub(crate) fn compile_in(program: &Program, layout: &Layout) -> Result<Machine, CompileError> {
        let initial = Initial::of(program, layout)?;
        let builder = Builder { program, dag: Dag::default(), elements: ElementsCache::default(), work: 0 };
        let compiled = Compiler::compile(program, layout, builder)?;
        Ok(link(program, layout.clone(), compiled, initial))
    }

    /// The machine with these of its actions only.
    pub(crate) fn restrict(&mut self, keep: impl Fn(u32) -> bool) {
        let pieces = |group: &Group| {
            let kept: Vec<u32> = group.actions.clone().filter(|a| keep(*a)).collect();
            let runs = kept.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1);
            runs.map(|actions| Group { code: group.code.clone(), actions }).collect::<Vec<_>>()
        };
        self.groups = self.groups.iter().flat_map(pieces).collect();
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
        values[..state.len()].copy_from_slice(state);
        // Nothing is asserted there.
        let _ = self.code.run(&details.code, &mut values);
        move |n| details.places.get(&n.0).map(|p| values[*p as usize] as i64)
    }

    /// The events of a state, and what is found on them.
    pub fn successors(&self, state: &[u64], scratch: &mut Scratch) -> Successors {
        let mut out = Successors::new(self.words(), self.actions());
        self.expand(state, scratch, &mut out);
        out
    }

    /// The combinations of a liveness property, as [`Machine::live`] numbers them.
    pub(crate) fn live_combinations(&self, property: PropertyId) -> Vec<usize> {
        (0..self.live_properties.len()).filter(|i| self.live_properties[*i] == property).collect()
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
        let noted = |i: &usize| scratches.iter().any(|s| s.notes.is_flagged(self.steps.len() + *i));
        let spans: BTreeSet<Span> =
            (0..self.cut_spans.len()).filter(noted).map(|i| self.cut_spans[i]).collect();
        spans.into_iter().collect()
    }

    /// Whether a `cut` disabled an event that a worker executed.
    pub(crate) fn was_cut(&self, scratch: &Scratch) -> bool {
        !self.cut_spans(std::slice::from_ref(scratch)).is_empty()
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
            coverage[*p as usize][*step as usize].refused = scratches.iter().any(|s| s.notes.is_flagged(i));
        }
        coverage
    }

    /// The combinations of a `reachable` property that a state has, as findings.
    pub fn wanted(&self, property: PropertyId, state: &[u64]) -> Vec<u32> {
        let mut values = self.code.values();
        values[..state.len()].copy_from_slice(state);
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
}
