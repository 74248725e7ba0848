//! The slow, obvious interpreter: what a program does, step by step.
//!
//! It is the oracle that every engine is compared with, so it is written to be read next to
//! `docs/internals/semantics.md`, section by section: `expr` (values), `runs` (where runs are and go),
//! `step` (choices, enabling, execution), `effect` (statements and bounds), `faults` (section 4),
//! `canonical` (sections 5 to 7), `claims` (section 8), `explain` (why a guard is false), `single` (one step that is known).

mod canonical;
mod claims;
mod effect;
mod explain;
pub(crate) mod expr;
mod faults;
mod runs;
mod segments;
mod single;
mod step;

pub use claims::Combination;
pub(crate) use claims::{has_unfinished as unfinished, helps};
pub use explain::{AtomTruth, GuardExplanation};

use crate::program::{ChainId, Expr, Program, PropertyId, ProtocolId, SlotId, SortId, StepId, Type};
use crate::state::{Event, Excess, ExcessKind, RunRef, State};
use crate::time::TimeClasses;
use crate::value::Value;
use arch_base::{Idx, Span};
use std::rc::Rc;

/// What a program does.
#[derive(Debug)]
pub struct Interpreter<'p> {
    program: &'p Program,
    times: TimeClasses,
    /// For each variable, for each key, the values of its type.
    keys: Vec<Vec<Vec<Value>>>,
    /// For each protocol and step, where it is.
    places: Vec<Vec<Option<(ChainId, usize)>>>,
    /// For each variable, whether it holds instants or ordinals; the same for run variables.
    stirring: (Vec<bool>, Vec<Vec<bool>>),
}

/// The events of one state.
#[derive(Clone, Debug, Default)]
pub struct Successors {
    /// All of them, in the order of the contract.
    pub transitions: Vec<Transition>,
    /// Declarations whose `cut` disabled an event.
    pub cut: Vec<Span>,
    /// Steps that were reached, with their actor up, while their guard was false.
    pub refused: Vec<(ProtocolId, StepId)>,
}

/// One event with what it does.
#[derive(Clone, Debug)]
pub struct Transition {
    /// What happens.
    pub event: Event,
    /// The state that it leads to (canonical, unless raw successors were asked for), or the bound that
    /// it exceeds.
    pub outcome: Result<State, Excess>,
    /// The state before saturation and renumbering; with the exceeding values after an excess.
    pub raw: Option<State>,
    /// The `at`, `after` and `monotonic` properties that the event violates, in order.
    pub violated: Vec<PropertyId>,
    /// The `always` properties that the state it would lead to violates, if it leads to none because an
    /// integer leaves its range.
    pub excess_violates_always: Vec<PropertyId>,
}

/// Where an expression is evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    /// The present state.
    pub state: &'a State,
    /// What `old` reads.
    pub old: &'a State,
    /// Whose names can be read.
    pub who: Who,
    /// Quantified, `let` and `pick` variables.
    pub slots: Slots<'a>,
}

/// Whose names an expression can read.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Who {
    /// The run.
    pub run: Option<RunRef>,
    /// The acting instance.
    pub actor: Option<(SortId, u32)>,
    /// By how much its clock is ahead.
    pub skew: i64,
}

/// The variables in scope, innermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots<'a>(Option<Rc<SlotNode<'a>>>);

#[derive(Debug)]
struct SlotNode<'a> {
    slot: SlotId,
    ty: &'a Type,
    value: Value,
    outer: Slots<'a>,
}

impl<'a> Slots<'a> {
    fn with(&self, slot: SlotId, ty: &'a Type, value: Value) -> Slots<'a> {
        Slots(Some(Rc::new(SlotNode { slot, ty, value, outer: self.clone() })))
    }

    fn get(&self, slot: SlotId) -> Option<&Value> {
        self.iter().find(|n| n.slot == slot).map(|n| &n.value)
    }

    fn iter(&self) -> impl Iterator<Item = &SlotNode<'a>> {
        std::iter::successors(self.0.as_deref(), |n| n.outer.0.as_deref())
    }
}

impl<'a> Context<'a> {
    /// For an expression that reads nobody's names: properties, initial values.
    fn of(state: &'a State) -> Context<'a> {
        Context { state, old: state, who: Who::default(), slots: Slots::default() }
    }

    fn acting(state: &'a State, who: Who) -> Context<'a> {
        Context { state, old: state, who, slots: Slots::default() }
    }
}

/// An event that happened, before it is judged and made canonical.
struct Happening<'s> {
    event: Event,
    /// The state after it.
    state: State,
    /// The state in which `monotonic` is judged; none for the state after.
    judged: Option<State>,
    /// In order; the first is reported.
    excess: Vec<Excess>,
    violated: Vec<PropertyId>,
    /// The state before it.
    before: &'s State,
}

impl<'p> Interpreter<'p> {
    /// Prepares a program.
    #[must_use]
    pub fn new(program: &'p Program) -> Interpreter<'p> {
        debug_assert_eq!(crate::validate::validate(program), Ok(()));
        let keys = program.vars.iter().map(|v| {
            let values = v.keys.iter().map(|ty| program.values(ty).unwrap_or_default());
            values.collect()
        });
        let stirs = |ty: &Type| program.holds_time(ty) || program.holds_ordinal(ty);
        let run_vars = program.protocols.iter().map(|p| p.vars.iter().map(|v| stirs(&v.ty)).collect());
        Interpreter {
            program,
            times: TimeClasses::of(program),
            keys: keys.collect(),
            places: program.protocols.indices().map(|p| places(program, p)).collect(),
            stirring: (program.vars.iter().map(|v| stirs(&v.ty)).collect(), run_vars.collect()),
        }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// The classes of its instants.
    #[must_use]
    pub fn times(&self) -> &TimeClasses {
        &self.times
    }

    /// The events of a canonical state, each with the canonical state that it leads to.
    #[must_use]
    pub fn successors(&self, state: &State) -> Successors {
        self.events(state, false)
    }

    /// The events of a state with a concrete clock and concrete counters: nothing is saturated or
    /// renumbered, and the clock always ticks unless a deadline forbids it.
    #[must_use]
    pub fn successors_raw(&self, state: &State) -> Successors {
        self.events(state, true)
    }

    fn events(&self, state: &State, raw: bool) -> Successors {
        let mut found = Successors::default();
        let add = |found: &mut Successors, happening| found.transitions.push(self.finish(happening, raw));
        for run in self.all_runs() {
            let begin = self.begin_event(state, run, &mut found.cut);
            begin.into_iter().for_each(|h| add(&mut found, h));
            for step in self.program.protocols[run.protocol].steps.indices() {
                let happenings = self.step_events(state, run, step, &mut found);
                happenings.into_iter().for_each(|h| add(&mut found, h));
            }
        }
        for fault in self.program.faults.indices() {
            let happenings = self.fault_events(state, fault, &mut found.cut);
            happenings.into_iter().for_each(|h| add(&mut found, h));
        }
        found.transitions.extend(self.tick(state, raw));
        found
    }

    /// Judges an event and settles the state that it leads to.
    fn finish(&self, happening: Happening<'_>, raw: bool) -> Transition {
        let Happening { event, mut state, judged, excess, mut violated, before } = happening;
        violated.extend(self.monotonic_violations(before, judged.as_ref().unwrap_or(&state)));
        violated.sort();
        self.leave_segments(&mut state);
        self.settle_waits(before, &mut state, &event);
        let integers = excess.iter().all(|e| matches!(e.kind, ExcessKind::Range(_)));
        let canonical = self.canonical(&state);
        let always =
            if !excess.is_empty() && integers { self.always_violations(&canonical) } else { Vec::new() };
        let outcome = match excess.into_iter().next() {
            Some(excess) => Err(excess),
            None if raw => Ok(state.clone()),
            None => Ok(canonical),
        };
        Transition { event, outcome, raw: Some(state), violated, excess_violates_always: always }
    }

    /// All runs, in order.
    fn all_runs(&self) -> Vec<RunRef> {
        let runs = |protocol| (0..self.program.run_count(protocol)).map(move |run| RunRef { protocol, run });
        self.program.protocols.indices().flat_map(runs).collect()
    }

    /// The value of an expression that reads nobody's names, such as a property.
    #[must_use]
    pub fn eval_in_state(&self, e: &Expr, state: &State) -> Value {
        self.eval(&Context::of(state), e)
    }

    fn place(&self, protocol: ProtocolId, step: StepId) -> Option<(ChainId, usize)> {
        self.places.get(protocol.index())?.get(step.index()).copied().flatten()
    }
}

fn places(program: &Program, protocol: ProtocolId) -> Vec<Option<(ChainId, usize)>> {
    let protocol = &program.protocols[protocol];
    let mut places = vec![None; protocol.steps.len()];
    for (id, chain) in protocol.chains.iter_enumerated() {
        for (i, step) in chain.steps.iter().enumerate() {
            if let Some(place) = places.get_mut(step.index()) {
                *place = Some((id, i));
            }
        }
    }
    places
}
