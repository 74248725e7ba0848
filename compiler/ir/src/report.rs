//! What exploring a program found, in the terms of the program: the same for every engine.

use crate::fairness::{Assumption, FairUnit};
use crate::state::{Event, Excess, State};
use crate::symmetry::Symmetry;
use arch_base::Span;

/// The result of one exploration.
#[derive(Clone, Debug)]
pub struct Report {
    /// The engine, as `--engine` names it.
    pub engine: &'static str,
    /// Distinct canonical states; with symmetry, of those that are renamings of each other one. Of a simulation, those that
    /// it met, told apart by 64 bits of hash.
    pub distinct_states: u64,
    /// With symmetry, the states that they stand for.
    pub represented_states: Option<u64>,
    /// Which instances are interchangeable; none if nobody asked.
    pub reduction: Option<Reduction>,
    /// Events of all distinct states whose events were enumerated, self-loops and duplicates included. Of a simulation, the
    /// events that it followed.
    pub transitions: u64,
    /// The greatest distance from an initial state; of a simulation, the events of its longest behaviour.
    pub depth: u32,
    /// Why exploration ended before every reachable state was expanded, if it did.
    pub stopped: Option<Stop>,
    /// Declarations whose `cut` disabled an event somewhere: the result is exhaustive within them only.
    pub cut: Vec<Span>,
    /// One result per property in order, then the built-in checks that are on
    /// (`bounds`, `advances`, `stuck`, `stranded`).
    pub results: Vec<PropertyResult>,
    /// For each protocol and step, what was seen of it.
    pub coverage: Vec<Vec<StepCoverage>>,
    /// For each fault, how many events of it there are (of a skew, which is no event, none).
    pub faults: Vec<u64>,
    /// What else was measured, by engines that do.
    pub statistics: Option<Statistics>,
    /// Of random behaviours, which: such a report is never complete.
    pub simulation: Option<Simulation>,
    /// That states were told apart by fingerprints, if they were: then everything here is so with a probability only.
    pub compaction: Option<Compaction>,
}

/// That fingerprints were stored instead of states: states that share one were taken for one, and what follows them may
/// have been missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compaction {
    /// Bits of a fingerprint.
    pub bits: u32,
    /// The states that were found.
    pub states: u64,
}

impl Compaction {
    /// An upper bound of the probability that a state was missed.
    ///
    /// A search that finds n states and misses one has met, among the first n + 1 in the order of an exact search, two
    /// that share a fingerprint: had they all had their own, n + 1 would have been found. There are n(n + 1)/2 pairs,
    /// and each shares one of b bits with probability 2^-b (Wolper and Leroy 1993, Stern and Dill 1995).
    #[must_use]
    pub fn missed(&self) -> f64 {
        let n = self.states as f64;
        (n * (n + 1.0) / 2.0 * 0.5f64.powi(self.bits as i32)).min(1.0)
    }
}

/// Random behaviours that were followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Simulation {
    /// What they came from: the same seed, the same behaviours.
    pub seed: u64,
    /// How many they were.
    pub runs: u64,
    /// The most events that one was to have.
    pub depth: u32,
}

/// What an engine measured besides what it counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Significant bits of a state.
    pub state_bits: u32,
    /// Bits of a slot of the table of states; slots that states are spread over; bytes of all that says which states there are.
    pub slot_bits: u32,
    /// See `slot_bits`.
    pub slots: u64,
    /// See `slot_bits`.
    pub stored_bytes: u64,
    /// The most bytes that table, frontier and buffers had together during the search.
    pub peak_bytes: u64,
    /// The number of states at each distance from the initial states.
    pub levels: Vec<u64>,
    /// The number of expanded states with so many events, by number; the last counts those with as many or more.
    pub degrees: Vec<u64>,
    /// Events that lead to the state that they come from.
    pub self_loops: u64,
    /// How long each phase took, in the order in which they came.
    pub phases: Vec<(&'static str, std::time::Duration)>,
}

/// What was made of symmetry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reduction {
    /// Which instances are interchangeable.
    pub symmetry: Symmetry,
    /// Whether states that differ in their names were stored once. Not when liveness is judged.
    pub used: bool,
}

/// Why an exploration ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// `--max-states` was reached.
    States,
    /// `--max-memory` was reached.
    Memory,
    /// `--timeout` passed.
    Time,
    /// Ctrl-C.
    Interrupted,
    /// [`Limits::enough`] is found.
    Enough,
    /// The engine stops at the first violation of each property, or cannot explore everything (simulation).
    Engine,
}

/// What was found of one property.
#[derive(Clone, Debug)]
pub struct PropertyResult {
    /// Its name; for built-in checks their word.
    pub name: String,
    /// `always`, `at`, `after`, `monotonic`, `reachable`, `always possible`, `leads to`, `eventually`,
    /// `always eventually`, or `built-in`.
    pub kind: &'static str,
    /// Where it is declared; none for built-in checks.
    pub span: Option<Span>,
    /// Whether it holds.
    pub verdict: PropertyVerdict,
    /// A shortest behaviour that violates it, or (for `reachable`) that witnesses it; of a liveness property
    /// the prefix of a lasso and its cycle once.
    pub trace: Option<Trace>,
    /// What else there is to say of a liveness property that was judged.
    pub liveness: Option<Liveness>,
}

/// What was found of a liveness property besides its verdict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Liveness {
    /// Whether what is to be followed by something else never happens.
    pub vacuous: bool,
    /// Of `eventually`: whether every initial state satisfies it, so that nothing has to happen.
    pub at_once: bool,
    /// What is treated fairly in this spec, each with whether strongly: all that the verdict may rest on.
    pub assumed: Vec<(Assumption, bool)>,
    /// Of a property that holds, the assumptions that suffice; none when the engine did not look for them.
    pub needs: Option<Needs>,
    /// Of a violated one, how its behaviour goes on for ever.
    pub lasso: Option<Lasso>,
}

/// Assumptions of fairness that suffice for a property to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// They, each with whether strong fairness is assumed.
    pub assumptions: Vec<(Assumption, bool)>,
    /// Whether no fewer suffice; else there may be a smaller set.
    pub smallest: bool,
}

/// How a behaviour goes on for ever, and why it is a fair one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lasso {
    /// The steps of the trace up to this one lead to the cycle, the rest is the cycle; with no rest, nothing
    /// happens any more.
    pub back_to: u32,
    /// For every unit that is enabled in the cycle, why it is treated fairly there.
    pub treated: Vec<Treated>,
}

/// Why a unit is treated fairly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Treated {
    /// The unit.
    pub unit: FairUnit,
    /// The step of the trace, counted from 1, that takes it; else it is not enabled in the state after the
    /// step `disabled` (0: the initial state).
    pub taken: Option<u32>,
    /// See `taken`.
    pub disabled: Option<u32>,
}

/// Whether a property holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PropertyVerdict {
    /// In all reachable states.
    Holds,
    /// Some behaviour violates it.
    Violated,
    /// No violation was found, but exploration was stopped or cut.
    Inconclusive,
    /// This engine does not judge properties of this kind, for this reason.
    NotChecked(&'static str),
}

/// A behaviour.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// Where it begins.
    pub initial: State,
    /// Its events.
    pub steps: Vec<TraceStep>,
}

/// One event of a behaviour.
#[derive(Clone, PartialEq, Debug)]
pub struct TraceStep {
    /// What happened.
    pub event: Event,
    /// The canonical state that it led to; none after an excess.
    pub state: Option<State>,
    /// The bound that it exceeded.
    pub excess: Option<Excess>,
}

/// What was seen of one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StepCoverage {
    /// How often it was enabled (with each choice, in each distinct state).
    pub executed: u64,
    /// Whether it was reached (with its actor up) in a state where its guard was false.
    pub refused: bool,
}

/// Limits of an exploration.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Most distinct states.
    pub max_states: Option<u64>,
    /// Most bytes of memory for states, table and frontier together.
    pub max_memory: Option<u64>,
    /// When to stop.
    pub deadline: Option<std::time::Instant>,
    /// What is enough to know. An engine may go on all the same.
    pub enough: Option<Enough>,
}

/// Violations that answer the question, by the names of properties and built-in checks. The exploration ends with the
/// level on which they are found; what is not violated by then is inconclusive.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Enough {
    /// One of these, unless there are none.
    pub any: Vec<String>,
    /// All of these.
    pub all: Vec<String>,
}

impl Report {
    /// Whether every reachable state was expanded and no `cut` disabled anything.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.stopped.is_none() && self.cut.is_empty() && self.simulation.is_none()
    }

    /// The result for a property or built-in check.
    #[must_use]
    pub fn result(&self, name: &str) -> Option<&PropertyResult> {
        self.results.iter().find(|r| r.name == name)
    }
}
