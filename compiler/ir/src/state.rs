//! States, as the interpreter has them and as every engine's states decode to.

use crate::program::{ChainId, FaultId, Program, ProtocolId, SortId, StepId, VarId};
use crate::value::Value;

/// A state. In a *canonical* state, instants are saturated, ordinals are ranks, deliveries are sorted,
/// and the variables of runs that are idle or ended have their initial values.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct State {
    /// For each variable its elements, in the order of [`Program::key_tuples`].
    pub vars: Vec<Vec<Value>>,
    /// For each protocol its runs, by run number. Rules have runs too, always idle.
    pub runs: Vec<Vec<RunState>>,
    /// For each sort, whether each instance is down; empty for sorts that no fault takes down.
    pub down: Vec<Vec<bool>>,
    /// For each sort, by how much each instance's clock is ahead; empty for sorts without skew.
    pub skew: Vec<Vec<i64>>,
    /// For each fault, how often it may still happen; none when unbounded (or skew).
    pub budgets: Vec<Option<u32>>,
    /// For each partition fault, whether each instance of `from` is cut off; empty for other faults.
    pub cut: Vec<Vec<bool>>,
    /// For each duplicate fault, the requests that are still on their way, sorted; empty for other faults.
    pub pending: Vec<Vec<Delivery>>,
    /// For each deadline, for each run of its protocol, the ticks for which its step has been enabled.
    pub waits: Vec<Vec<u32>>,
}

/// The state of one run.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RunState {
    /// Where it is.
    pub status: Status,
    /// The instance that each role is bound to.
    pub roles: Vec<Option<u32>>,
    /// The value of each run variable.
    pub vars: Vec<Value>,
}

/// Where a run is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Status {
    /// It has not begun, or re-armed.
    Idle,
    /// The next step of this chain is the one at this position. On the main chain, position 0 occurs
    /// after a begin event or a hand-over.
    At(ChainId, u32),
    /// It is over, with the word of this number in [`crate::program::Protocol::endings`].
    Ended(u32),
}

/// A request of a step that may arrive once more, with the values that it was sent with.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Delivery {
    /// The run that sent it.
    pub run: u32,
    /// The acting instance.
    pub actor: u32,
    /// Captured roles, as the fault lists them.
    pub roles: Vec<Option<u32>>,
    /// Captured run variables, as the fault lists them.
    pub vars: Vec<Value>,
    /// Captured locals of the acting instance, as the fault lists them.
    pub locals: Vec<Value>,
}

/// What happened between two states.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Event {
    /// A run begins: its head `let`s are read.
    Begin(RunRef),
    /// A step executes.
    Step {
        /// The run.
        run: RunRef,
        /// The step.
        step: StepId,
        /// The acting instance.
        actor: u32,
        /// Roles bound, then parameters chosen, then elements picked, in that order.
        choices: Vec<Value>,
        /// Whether its request stays on its way for a second arrival.
        duplicated: Option<FaultId>,
    },
    /// A step's guard is false and it answers so.
    Reject {
        /// The run.
        run: RunRef,
        /// The step.
        step: StepId,
        /// The acting instance.
        actor: u32,
        /// As for a step.
        choices: Vec<Value>,
    },
    /// An instance crashes.
    Crash(FaultId, u32),
    /// An instance that was down is up again.
    Restart(FaultId, u32),
    /// The hand-off to the step that a run waits at disappears.
    Lose(FaultId, RunRef),
    /// A duplicated request arrives.
    Deliver {
        /// The fault.
        fault: FaultId,
        /// The request: its position in [`State::pending`] before the event.
        position: u32,
        /// The run that sent it.
        run: RunRef,
        /// The acting instance.
        actor: u32,
        /// Elements picked.
        choices: Vec<Value>,
    },
    /// An instance is cut off.
    Cut(FaultId, u32),
    /// An instance is connected again.
    Heal(FaultId, u32),
    /// The clock advances by one.
    Tick,
}

impl Event {
    /// The fault that happens in it; its consequences, such as a second arrival, are none.
    #[must_use]
    pub fn fault(&self) -> Option<FaultId> {
        match self {
            Event::Step { duplicated, .. } => *duplicated,
            Event::Crash(fault, _) | Event::Lose(fault, _) | Event::Cut(fault, _) => Some(*fault),
            _ => None,
        }
    }

    /// Whether it is something that nobody can count on: a crash, a loss, a cut, or the second arrival of a request. That an
    /// instance restarts or is connected again, and that time passes, can be counted on. What must be possible has to be so without
    /// such events, and they keep no state from being stuck.
    #[must_use]
    pub fn is_adverse(&self) -> bool {
        matches!(self, Event::Crash(..) | Event::Lose(..) | Event::Cut(..) | Event::Deliver { .. })
    }

    /// Whether it keeps a state that it leads away from from being stuck: it is neither adverse nor a tick.
    #[must_use]
    pub fn helps(&self) -> bool {
        !self.is_adverse() && *self != Event::Tick
    }
}

/// A run of a protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RunRef {
    /// The protocol.
    pub protocol: ProtocolId,
    /// Its number.
    pub run: u32,
}

/// A bound that an effect exceeded: the built-in check `bounds` or `advances`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Excess {
    /// What was exceeded.
    pub kind: ExcessKind,
    /// The statement (or outcome) that did so.
    pub span: arch_base::Span,
}

/// The ways to leave a bound.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ExcessKind {
    /// A bounded integer was given this value.
    Range(i64),
    /// A set or sequence with `max n` was given this many elements.
    Size(u32),
    /// A further run was to begin and all copies were unfinished.
    Runs,
    /// `advance` found a greater value alive.
    Advance,
}

impl RunState {
    /// The state of a run that has not begun.
    #[must_use]
    pub fn idle(protocol: &crate::program::Protocol) -> RunState {
        RunState {
            status: Status::Idle,
            roles: vec![None; protocol.roles.len()],
            vars: protocol.vars.iter().map(|v| v.init.clone()).collect(),
        }
    }

    /// Whether it has begun and not ended.
    #[must_use]
    pub fn unfinished(&self) -> bool {
        matches!(self.status, Status::At(..))
    }
}

impl State {
    /// The elements of a variable.
    #[must_use]
    pub fn var(&self, var: VarId) -> &[Value] {
        &self.vars[var.0 as usize]
    }

    /// The runs of a protocol.
    #[must_use]
    pub fn protocol(&self, protocol: ProtocolId) -> &[RunState] {
        &self.runs[protocol.0 as usize]
    }

    /// Whether an instance is down.
    #[must_use]
    pub fn is_down(&self, sort: SortId, instance: u32) -> bool {
        self.down[sort.0 as usize].get(instance as usize).copied().unwrap_or(false)
    }

    /// By how much an instance's clock is ahead.
    #[must_use]
    pub fn skew_of(&self, sort: SortId, instance: u32) -> i64 {
        self.skew[sort.0 as usize].get(instance as usize).copied().unwrap_or(0)
    }
}

impl Program {
    /// The name of an instance: `worker1`, or `reaper` for the only one of its sort.
    #[must_use]
    pub fn instance_name(&self, sort: SortId, instance: u32) -> String {
        let sort: &crate::program::Sort = &self.sorts[sort];
        if sort.size == 1 { sort.name.clone() } else { format!("{}{}", sort.name, instance + 1) }
    }
}
