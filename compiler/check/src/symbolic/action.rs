//! What symbolic execution produces.

use super::dag::{Dag, N};
use super::expr::{Result, Scope, Who};
use super::sym::{Builder, Sym};
use super::world::{Update, World};
use crate::layout::Layout;
use arch_base::Span;
use arch_ir::{Event, FaultId, Program, ProtocolId, RunRef, SortId, StepId, Type, Value};
use std::collections::{BTreeMap, HashMap};

/// An element that is picked.
#[derive(Clone, Debug)]
pub struct Pick {
    /// Whether the `pick` is reached.
    pub reached: N,
    /// The element.
    pub value: Sym,
    /// Its type.
    pub ty: Type,
}

/// A bound that can be exceeded.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Whether it is.
    pub exceeded: N,
    /// How.
    pub kind: BoundKind,
    /// The statement.
    pub span: Span,
}

/// The ways to leave a bound; see `arch_ir::ExcessKind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoundKind {
    /// A bounded integer with its value.
    Range(N),
    /// A set or sequence with its size.
    Size(N),
    /// No idle copy.
    Runs,
    /// A greater value is alive.
    Advance,
}

/// One event of one run, fault or clock, with everything chosen.
#[derive(Clone, Debug)]
pub struct Action {
    /// The event, without its picks.
    pub event: Event,
    /// Its picks; they are appended to the event's choices.
    pub picks: Vec<Pick>,
    /// What must hold before a guard is asked.
    pub base: Vec<N>,
    /// The guard.
    pub guard: N,
    /// The step whose guard it is, if `refused` is noted when it is false.
    pub guarded: Option<(ProtocolId, StepId)>,
    /// What else must hold.
    pub rest: Vec<N>,
    /// Declarations whose `cut` disables it, with when.
    pub cuts: Vec<(N, Span)>,
    /// Whether nothing disables it in its effect.
    pub live: N,
    /// Bounds, in order.
    pub bounds: Vec<Bound>,
    /// For each property judged on events: whether it holds.
    pub claims: Vec<(usize, N)>,
    /// For each `always` property: whether the state that it would lead to satisfies it, if an integer
    /// leaves its range.
    pub exceeding: Vec<(usize, N)>,
    /// New values of cells.
    pub updates: Vec<Update>,
}

/// Everything that a program can do.
pub struct Compiled {
    /// In the order of events.
    pub actions: Vec<Action>,
    /// For each deadline, for each run: whether its step is enabled.
    pub waiting: Vec<Vec<N>>,
    /// For each `always` property: whether a state satisfies it.
    pub always: Vec<(usize, N)>,
    /// For each `reachable` and `always possible` property its combinations.
    pub combinations: Vec<(usize, Vec<Combination>)>,
    /// For each liveness property its combinations.
    pub live: Vec<(usize, Vec<LiveCombination>)>,
    /// Whether a run is unfinished.
    pub unfinished: N,
    /// For each run of a protocol that is not a rule: whether it is unfinished.
    pub unfinished_runs: Vec<(RunRef, N)>,
    /// The nodes.
    pub dag: Dag,
}

/// One combination of a property's binders.
#[derive(Clone, Debug)]
pub struct Combination {
    /// Whether a state has it.
    pub exists: N,
    /// Whether a state satisfies the property for it.
    pub holds: N,
    /// The values of the binders; none if they differ from state to state.
    pub values: Option<Vec<Value>>,
}

/// One combination of a liveness property's binders.
#[derive(Clone, Copy, Debug)]
pub struct LiveCombination {
    /// Whether a state has it and is one that something is to follow.
    pub due: N,
    /// Whether a state is what is to follow.
    pub goal: N,
}

/// What all events share while they are compiled.
pub struct Compiler<'p, 'l> {
    /// Makes nodes.
    pub b: Builder<'p>,
    /// Where things are.
    pub layout: &'l Layout,
    /// The state before every event.
    pub before: World,
    /// Whether an instance is free for a run.
    pub free: HashMap<(ProtocolId, u32, SortId, u32), N>,
    /// The actions so far.
    pub actions: Vec<Action>,
}

/// The most actions of a program.
const MOST_ACTIONS: usize = 1 << 22;

impl<'p, 'l> Compiler<'p, 'l> {
    /// Reads the state before every event.
    pub fn new(layout: &'l Layout, mut b: Builder<'p>) -> Compiler<'p, 'l> {
        let before = b.load_world(layout);
        Compiler { b, layout, before, free: HashMap::new(), actions: Vec::new() }
    }

    /// Compiles a whole program.
    pub fn compile(program: &'p Program, layout: &'l Layout, b: Builder<'p>) -> Result<Compiled> {
        let mut c = Compiler::new(layout, b);
        for (p, protocol) in program.protocols.iter_enumerated() {
            for run in 0..program.run_count(p) {
                c.begin_event(p, run)?;
                for step in protocol.steps.indices() {
                    c.step_events(p, run, step)?;
                }
            }
        }
        for fault in program.faults.indices() {
            c.fault_events(fault)?;
        }
        let waiting = c.waiting()?;
        c.tick(&waiting)?;
        let always = c.always()?;
        let combinations = c.combinations()?;
        let live = c.live_combinations()?;
        let unfinished_runs = c.unfinished_runs();
        let unfinished = c.b.dag.any(unfinished_runs.iter().map(|(_, n)| *n));
        Ok(Compiled {
            actions: c.actions,
            waiting,
            always,
            combinations,
            live,
            unfinished,
            unfinished_runs,
            dag: c.b.dag,
        })
    }

    /// The program.
    pub fn program(&self) -> &'p Program {
        self.b.program
    }

    /// Evaluates on a state.
    pub fn scope(&mut self, world: World, old: World, who: Who) -> Scope<'_, 'p> {
        Scope { b: &mut self.b, layout: self.layout, world, old, who, slots: BTreeMap::new() }
    }

    /// Nobody: properties, initial values.
    pub fn nobody(&mut self) -> Who {
        Who { run: None, actor: None, skew: self.b.dag.int(0) }
    }

    /// A run with who acts.
    pub fn who(&mut self, run: (ProtocolId, u32), actor: Option<(SortId, u32)>) -> Who {
        let skew = actor.and_then(|(sort, n)| self.before.skew[sort.0 as usize].get(n as usize).copied());
        let skew = skew.unwrap_or_else(|| self.b.dag.int(0));
        Who { run: Some(run), actor, skew }
    }

    /// An action that is always enabled and does nothing.
    pub fn blank(&mut self, event: Event) -> Action {
        let yes = self.b.dag.bool(true);
        Action {
            event,
            picks: Vec::new(),
            base: Vec::new(),
            guard: yes,
            guarded: None,
            rest: Vec::new(),
            cuts: Vec::new(),
            live: yes,
            bounds: Vec::new(),
            claims: Vec::new(),
            exceeding: Vec::new(),
            updates: Vec::new(),
        }
    }

    /// Judges what holds of every event, stores the state after it and adds it, unless it can never be.
    pub fn add(&mut self, mut action: Action, judged: &World, after: &World) -> Result<()> {
        let no = self.b.dag.bool(false);
        if action.base.contains(&no) {
            return Ok(());
        }
        let off = action.guard == no || action.rest.contains(&no) || action.live == no;
        if off && action.guarded.is_none() && action.cuts.is_empty() {
            return Ok(());
        }
        if self.actions.len() >= MOST_ACTIONS {
            return Err(crate::CompileError::new(format!(
                "the program has more than {MOST_ACTIONS} ground actions"
            )));
        }
        if !off {
            let after = &self.leave_segments(after);
            action.claims.extend(self.monotonic(judged)?);
            action.claims.sort_by_key(|(property, _)| *property);
            if action.bounds.iter().any(|b| matches!(b.kind, BoundKind::Range(_))) {
                action.exceeding = self.always_in(after)?;
            }
            let before = self.before.clone();
            action.updates = self.b.store_world(self.layout, &before, after);
        }
        self.actions.push(action);
        Ok(())
    }

    /// The number of a fault's budget that is left; none when it has no bound.
    pub fn budget(&self, fault: FaultId) -> Option<N> {
        self.before.budgets[fault.0 as usize]
    }

    /// Whether a fault may still happen.
    pub fn has_budget(&mut self, fault: FaultId) -> N {
        let zero = self.b.dag.int(0);
        match self.budget(fault) {
            Some(left) => self.b.dag.lt(zero, left),
            None => self.b.dag.bool(true),
        }
    }

    /// Takes one from a fault's budget.
    pub fn spend(&mut self, world: &mut World, fault: FaultId) {
        let one = self.b.dag.int(1);
        if let Some(left) = self.budget(fault) {
            world.budgets[fault.0 as usize] = Some(self.b.dag.sub(left, one));
        }
    }
}

/// A reference to a run.
pub fn run_ref((protocol, run): (ProtocolId, u32)) -> RunRef {
    RunRef { protocol, run }
}

/// All tuples with one element of each column, in lexicographic order.
pub fn tuples(columns: &[Vec<Value>]) -> Vec<Vec<Value>> {
    columns.iter().fold(vec![Vec::new()], |prefixes, column| {
        let extend = |p: &Vec<Value>| {
            column.iter().map(|v| [p.as_slice(), std::slice::from_ref(v)].concat()).collect::<Vec<_>>()
        };
        prefixes.iter().flat_map(extend).collect()
    })
}
