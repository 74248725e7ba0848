//! What fairness speaks of: the units of a program, and the assumptions that its declarations make
//! (`docs/internals/liveness.md`).

use crate::program::{Fairness, FaultId, Program, ProtocolId, StepId};
use crate::state::{Event, RunRef, State, Status};
use std::collections::BTreeMap;

/// A step of one run, with what the run had bound when it was enabled or taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepUnit {
    /// The run: its subjects and copy.
    pub run: RunRef,
    /// The step.
    pub step: StepId,
    /// Whether it starts the run: the run is idle. (A rule's always is.)
    pub starts: bool,
    /// The instance that each role of the run is bound to; who is bound by the step itself is left open.
    pub roles: Vec<Option<u32>>,
}

/// What an event is an occurrence of; faults and deliveries of nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Occurrence {
    /// A step executes.
    Executes(StepUnit),
    /// A step's reject answers.
    Rejects(StepUnit),
    /// A run begins: its head `let`s are read.
    Begins(RunRef),
    /// An instance that crashed is up again.
    Restarts(FaultId, u32),
    /// An instance that was cut off is connected again.
    Heals(FaultId, u32),
    /// The clock advances.
    Ticks,
}

/// What is treated fairly.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FairUnit {
    /// What.
    pub what: FairEvent,
    /// Strongly, or weakly.
    pub strong: bool,
}

/// What can be treated fairly.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FairEvent {
    /// A step: weakly, its execution or its reject; strongly, its execution alone.
    Step(StepUnit),
    /// A run begins.
    Begin(RunRef),
    /// An instance restarts.
    Restart(FaultId, u32),
    /// An instance is connected again.
    Heal(FaultId, u32),
    /// The clock advances.
    Tick,
}

/// All units that one declaration makes fair: for every run, instance and binding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Assumption {
    /// A step of a protocol.
    Step {
        /// The protocol.
        protocol: ProtocolId,
        /// The step.
        step: StepId,
        /// Whether as the start of a run.
        starts: bool,
    },
    /// Runs of a protocol begin.
    Begin(ProtocolId),
    /// Instances restart after this fault.
    Restart(FaultId),
    /// Instances are connected again after this fault.
    Heal(FaultId),
    /// The clock advances.
    Tick,
}

impl FairUnit {
    /// The declaration that makes it fair.
    #[must_use]
    pub fn assumption(&self) -> Assumption {
        match &self.what {
            FairEvent::Step(unit) => {
                Assumption::Step { protocol: unit.run.protocol, step: unit.step, starts: unit.starts }
            }
            FairEvent::Begin(run) => Assumption::Begin(run.protocol),
            FairEvent::Restart(fault, _) => Assumption::Restart(*fault),
            FairEvent::Heal(fault, _) => Assumption::Heal(*fault),
            FairEvent::Tick => Assumption::Tick,
        }
    }
}

/// The assumptions that some units belong to, each with whether it is one of strong fairness.
#[must_use]
pub fn assumptions<'u>(units: impl IntoIterator<Item = &'u FairUnit>) -> Vec<(Assumption, bool)> {
    let mut found: BTreeMap<Assumption, bool> = BTreeMap::new();
    for unit in units {
        *found.entry(unit.assumption()).or_default() |= unit.strong;
    }
    found.into_iter().collect()
}

impl Program {
    /// What an event of a state is an occurrence of.
    #[must_use]
    pub fn occurrence(&self, state: &State, event: &Event) -> Option<Occurrence> {
        let unit = |run: &RunRef, step: &StepId| {
            let now = &state.protocol(run.protocol)[run.run as usize];
            StepUnit { run: *run, step: *step, starts: now.status == Status::Idle, roles: now.roles.clone() }
        };
        match event {
            Event::Begin(run) => Some(Occurrence::Begins(*run)),
            Event::Step { run, step, duplicated: None, .. } => Some(Occurrence::Executes(unit(run, step))),
            Event::Reject { run, step, .. } => Some(Occurrence::Rejects(unit(run, step))),
            Event::Restart(fault, n) => Some(Occurrence::Restarts(*fault, *n)),
            Event::Heal(fault, n) => Some(Occurrence::Heals(*fault, *n)),
            Event::Tick => Some(Occurrence::Ticks),
            // That a request also stays on its way is a fault, and its budget is finite.
            Event::Step { duplicated: Some(_), .. }
            | Event::Crash(..)
            | Event::Lose(..)
            | Event::Deliver { .. }
            | Event::Cut(..) => None,
        }
    }

    /// The units that something is an occurrence of, given what the spec declares.
    #[must_use]
    pub fn fair_units(&self, occurrence: &Occurrence) -> Vec<FairUnit> {
        let weak = |what| vec![FairUnit { what, strong: false }];
        match occurrence {
            Occurrence::Executes(unit) => self.fair_step(unit, false),
            Occurrence::Rejects(unit) => self.fair_step(unit, true),
            Occurrence::Begins(run) if self.protocols[run.protocol].daemon => weak(FairEvent::Begin(*run)),
            Occurrence::Begins(_) => Vec::new(),
            Occurrence::Restarts(fault, n) => weak(FairEvent::Restart(*fault, *n)),
            Occurrence::Heals(fault, n) => weak(FairEvent::Heal(*fault, *n)),
            Occurrence::Ticks => weak(FairEvent::Tick),
        }
    }

    fn fair_step(&self, unit: &StepUnit, rejected: bool) -> Vec<FairUnit> {
        let protocol = &self.protocols[unit.run.protocol];
        let fair = |strong| FairUnit { what: FairEvent::Step(unit.clone()), strong };
        match protocol.steps[unit.step].fairness {
            // Nobody must ask, unless the spec says so.
            Fairness::Weak if unit.starts && !protocol.daemon => Vec::new(),
            Fairness::Unfair => Vec::new(),
            Fairness::Strong if !rejected => vec![fair(false), fair(true)],
            Fairness::Weak | Fairness::Strong => vec![fair(false)],
        }
    }

    /// A unit in words: `commit of main[claimant1]`.
    #[must_use]
    pub fn show_fair_event(&self, what: &FairEvent) -> String {
        match what {
            FairEvent::Step(unit) => self.show_step_unit(unit),
            FairEvent::Begin(run) => format!("begin of {}", self.run_name(*run)),
            FairEvent::Restart(fault, n) => format!("restart of {}", self.fault_instance(*fault, *n)),
            FairEvent::Heal(fault, n) => format!("reconnection of {}", self.fault_instance(*fault, *n)),
            FairEvent::Tick => "tick".to_owned(),
        }
    }

    fn show_step_unit(&self, unit: &StepUnit) -> String {
        let protocol = &self.protocols[unit.run.protocol];
        let step = &protocol.steps[unit.step].name;
        if protocol.rule {
            return self.run_name(unit.run);
        }
        let bound = protocol.roles.iter().zip(&unit.roles).filter_map(|(role, bound)| {
            Some(format!("{} = {}", role.name, self.instance_name(role.sort, (*bound)?)))
        });
        let bound: Vec<String> = bound.collect();
        let with = if bound.is_empty() { String::new() } else { format!(" with {}", bound.join(", ")) };
        format!("{step} of {}{with}", self.run_name(unit.run))
    }

    /// An assumption in words: `main.commit`, `repair.reclaim (start)`, `tick`.
    #[must_use]
    pub fn show_assumption(&self, assumption: Assumption) -> String {
        match assumption {
            Assumption::Step { protocol, step, starts } => {
                let protocol = &self.protocols[protocol];
                let step = &protocol.steps[step].name;
                // Sub-runs belong to the protocol as written.
                let written = protocol.parent.and_then(|_| protocol.name.rsplit_once('.'));
                let name = written.map_or(protocol.name.as_str(), |(name, _)| name);
                match (protocol.rule, starts) {
                    (true, _) => protocol.name.clone(),
                    (false, true) => format!("{name}.{step} (start)"),
                    (false, false) => format!("{name}.{step}"),
                }
            }
            Assumption::Begin(protocol) => format!("{} (begin)", self.protocols[protocol].name),
            Assumption::Restart(fault) => format!("restart of {}", self.fault_sort(fault)),
            Assumption::Heal(fault) => format!("reconnection of {}", self.fault_sort(fault)),
            Assumption::Tick => "tick".to_owned(),
        }
    }

    fn fault_sort(&self, fault: FaultId) -> String {
        match &self.faults[fault].kind {
            crate::program::FaultKind::Crash { sort, .. } => self.sorts[*sort].name.clone(),
            crate::program::FaultKind::Partition { from, .. } => self.sorts[*from].name.clone(),
            _ => String::new(),
        }
    }
}
