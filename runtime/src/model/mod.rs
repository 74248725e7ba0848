//! Finite models of generated specs: every state that the service can get into, for so many instances, under the spec's faults.
//!
//! A model drives the very steps that the service drives ([`crate::step::perform`]), on rows as the stores keep them. What it
//! adds is what a checker needs: which choices there are, the clock, faults, and which states are one state. Time and ordinals
//! are made finite exactly (`docs/internals/time-and-ordinals.md`): instants are kept relative to the clock and saturated at
//! floors that archc computes, ordinals are ranked. [`explore()`] visits everything and judges the spec's claims.

mod ahead;
mod canonical;
#[cfg(feature = "stateright")]
mod checked;
mod events;
mod expectation;
mod explore;
mod faults;
mod state;

#[cfg(feature = "stateright")]
pub use checked::Checked;
#[cfg(any(feature = "simulation", feature = "properties"))]
pub(crate) use events::with_changes;
pub use events::{Event, Transition};
#[cfg(feature = "http")]
pub(crate) use expectation::listed;
pub use explore::{Finding, Report, Verdict, explore, most_states};
#[cfg(feature = "http")]
pub(crate) use state::tuples;
pub use state::{Delivery, State, StateSource};

use crate::schema::KindId;
use crate::step::{Members, Spec, Tx};
use crate::value::Value;
use smol_str::SmolStr;

/// A spec with what its model needs.
#[derive(Clone)]
pub struct Model {
    /// The spec.
    pub spec: Spec,
    /// The instances of every type.
    pub members: Members,
    /// For each kind, for each column, the floor of the instants in it; none where nothing compares them.
    pub floors: Vec<Vec<Option<i64>>>,
    /// Attributes that start with any value of their type: kind and column.
    pub any: Vec<(KindId, usize)>,
    /// Faults, in order.
    pub faults: Vec<Fault>,
    /// Deadlines, in order.
    pub deadlines: Vec<Deadline>,
    /// Properties, in order.
    pub properties: Vec<Property>,
    /// Whether `advance` must find nothing greater alive.
    pub advances: bool,
    /// Whether a state in which a run is unfinished and nothing but faults can happen is a violation.
    pub stuck: bool,
    /// Whether a run that cannot end any more is a violation.
    pub stranded: bool,
}

/// A fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// How often; none for any number of times.
    pub budget: Option<u32>,
}

/// The kinds of fault.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// An instance loses its locals and leaves its runs.
    Crash {
        /// The actor type.
        sort: SmolStr,
        /// The kind of its locals.
        locals: Option<KindId>,
        /// What is left.
        down: Down,
    },
    /// The hand-off to a step disappears.
    Lose {
        /// The protocol, by position.
        protocol: usize,
        /// Whether a run waits at the step.
        waits: Waits,
    },
    /// A request arrives once more.
    Duplicate {
        /// The protocol, by position.
        protocol: usize,
        /// The step, by position.
        action: usize,
        /// The columns of the run that it carries.
        columns: Vec<usize>,
        /// The columns that it carries of the run that it belongs to, if it is a sub-run.
        above: Vec<usize>,
        /// The columns of the acting instance's locals that it carries.
        locals: Vec<usize>,
        /// The kind of those locals.
        kind: Option<KindId>,
    },
    /// Clocks are off by a constant.
    Skew {
        /// The actor type.
        sort: SmolStr,
        /// By at most so many ticks.
        by: i64,
    },
}

/// What a crash leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Down {
    /// The instance is up again.
    Instant,
    /// It is down until it restarts.
    Restarts,
    /// It is down for good.
    Stops,
}

/// A step that must happen within so many ticks.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// The protocol, by position.
    pub protocol: usize,
    /// The step, by position.
    pub action: usize,
    /// Ticks.
    pub within: u32,
}

/// Whether a run waits for a hand-off.
pub type Waits = fn(&Tx<'_>, &[Value]) -> bool;

/// A claim about a state.
pub type StateClaim = fn(&Tx<'_>) -> bool;
/// A claim about a state, for each combination of its binders.
pub type Goals = fn(&Tx<'_>) -> Vec<bool>;
/// A claim about a step: the state it is made of, the state that `old` reads, the run, the acting instance.
pub type StepClaim = fn(&Tx<'_>, &Tx<'_>, &[Value], &Value) -> bool;

/// A property.
#[derive(Clone)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What is claimed.
    pub claim: Claim,
}

/// What a property claims.
#[derive(Clone)]
pub enum Claim {
    /// Of every state.
    Always(StateClaim),
    /// Of every execution of these steps (protocol, step), before (`after: false`) or after their effect.
    Step {
        /// The steps.
        at: Vec<(usize, usize, StepClaim)>,
        /// After the effect.
        after: bool,
    },
    /// Of every event: the state before it and after it.
    Monotonic(fn(&Tx<'_>, &Tx<'_>) -> bool),
    /// Some state has it, for each combination.
    Reachable(Goals),
    /// From every state one that has it can be reached, for each combination.
    AlwaysPossible(Goals),
    /// Of infinite behaviours: archc judges it, this model does not.
    Liveness,
}
