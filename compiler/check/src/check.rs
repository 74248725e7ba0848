//! Checking every property of a program: exploration, verdicts, behaviours.

use crate::evidence::{Evidence, GoalKind, Searched};
use crate::execute::Scratch;
use crate::liveness::Judge;
use crate::machine::{Finding, Machine};
use crate::symmetry::{Quotient, symmetry_of};
use arch_base::Idx;
use arch_explorer::{Exploration, Goals, Progress, explore};
use arch_ir::report::{
    Compaction, Enough, Limits, PropertyResult, PropertyVerdict, Reduction, Report, Statistics, Stop, Trace,
};
use arch_ir::{Program, Property, PropertyId, PropertyKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How to explore.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads; at least one. Changes nothing but speed.
    pub threads: usize,
    /// When to give up.
    pub limits: Limits,
    /// Whether to store one of states that are renamings of each other, where identities are interchangeable.
    pub symmetry: bool,
    /// Bits of fingerprints to store instead of states that are wider; none: states exactly.
    pub fingerprint: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, limits: Limits::default(), symmetry: false, fingerprint: None }
    }
}

impl Options {
    /// Whether it is time to give up.
    pub(crate) fn stopped(&self, interrupt: &AtomicBool) -> Option<Stop> {
        if interrupt.load(Ordering::Relaxed) {
            return Some(Stop::Interrupted);
        }
        self.limits.deadline.is_some_and(|at| std::time::Instant::now() >= at).then_some(Stop::Time)
    }
}

/// Explores all reachable states and judges every property. `interrupt` ends exploration early when
/// it becomes true; `progress` is called from time to time on the calling thread.
pub fn check(
    program: &Program,
    machine: &Machine,
    options: &Options,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Report {
    let symmetry = options.symmetry.then(|| symmetry_of(machine));
    // A fair cycle of the quotient need not be one of the machine.
    let live = program.properties.iter().any(|p| p.kind.is_liveness());
    let quotient = symmetry.as_ref().filter(|_| !live).and_then(|s| Quotient::of(machine, s));
    let report = match &quotient {
        None => {
            let explored = search_machine(machine, options, interrupt, progress);
            report_search(program, machine, &explored, options, interrupt)
        }
        Some(quotient) => check_quotient(program, quotient, options, interrupt, progress),
    };
    Report { reduction: symmetry.map(|symmetry| Reduction { symmetry, used: quotient.is_some() }), ..report }
}

fn check_quotient(
    program: &Program,
    quotient: &Quotient<'_>,
    options: &Options,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Report {
    let explored = explore(quotient, &explorer_limits(quotient.machine(), options), interrupt, progress);
    let represented = explored.scratches.iter().map(|s| s.represented).fold(0, u128::saturating_add);
    let explored = explored.map_scratches(|s| s.machine);
    let searched = Searched { system: quotient, quotient: Some(quotient), explored: &explored };
    let report = report_searched(program, quotient.machine(), &searched, options, interrupt);
    Report { represented_states: Some(u64::try_from(represented).unwrap_or(u64::MAX)), ..report }
}

/// Explores all reachable states and keeps the set of them.
pub fn search_machine(
    machine: &Machine,
    options: &Options,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Exploration<Scratch> {
    explore(machine, &explorer_limits(machine, options), interrupt, progress)
}

pub(crate) fn explorer_limits(machine: &Machine, options: &Options) -> arch_explorer::Limits {
    arch_explorer::Limits {
        enough: options.limits.enough.as_ref().and_then(|enough| enough_of(machine, enough)),
        threads: options.threads,
        max_states: options.limits.max_states,
        max_memory: options.limits.max_memory,
        deadline: options.limits.deadline,
        fingerprint: options.fingerprint,
    }
}

/// The property or built-in check that a finding violates.
pub(crate) fn name_of(machine: &Machine, finding: Finding) -> Option<&str> {
    match finding {
        Finding::Violated(id) => Some(&machine.program().properties[id].name),
        Finding::Hit(..) => None,
        Finding::Bounds => Some("bounds"),
        Finding::Advances => machine.program().builtin.advances.then_some("advances"),
        Finding::Stuck => Some("stuck"),
    }
}

/// What is enough to find; none if that is not found while states are explored.
fn enough_of(machine: &Machine, enough: &Enough) -> Option<arch_explorer::Enough> {
    let finding = |name: &String| {
        let found = |f: &Finding| name_of(machine, *f).is_some_and(|n| n == name);
        machine.findings().iter().position(found).map(|f| f as u32)
    };
    let all: Option<Vec<u32>> = enough.all.iter().map(finding).collect();
    let any: Vec<u32> = enough.any.iter().filter_map(finding).collect();
    let asked = !any.is_empty() || (enough.any.is_empty() && !enough.all.is_empty());
    all.filter(|_| asked).map(|all| arch_explorer::Enough { any, all })
}

/// The report of a search. Looking at goals, finding paths and judging liveness takes time and memory, for which limits
/// hold, too.
pub fn report_search(
    program: &Program,
    machine: &Machine,
    explored: &Exploration<Scratch>,
    options: &Options,
    interrupt: &AtomicBool,
) -> Report {
    let searched = Searched { system: machine, quotient: None, explored };
    report_searched(program, machine, &searched, options, interrupt)
}

fn report_searched<S: Goals>(
    program: &Program,
    machine: &Machine,
    searched: &Searched<'_, S>,
    options: &Options,
    interrupt: &AtomicBool,
) -> Report {
    let explored = searched.explored;
    let cut = machine.cut_spans(&explored.scratches);
    let complete = explored.stopped.is_none() && cut.is_empty();
    let begun = Instant::now();
    let evidence = Evidence::of_search(machine, searched, &explorer_limits(machine, options), interrupt);
    let shown = Instant::now();
    let live = Judge::new(machine, explored, complete, options, interrupt);
    let verdicts = Verdicts { program, machine, evidence, complete, live };
    let results = verdicts.results();
    let phases = [("goals and behaviours", shown - begun), ("liveness", shown.elapsed())];
    let judged = if verdicts.live.is_some() { 2 } else { 1 };
    let judging = verdicts.live.as_ref().and_then(Judge::stop);
    Report {
        engine: "explorer",
        distinct_states: explored.states,
        represented_states: None,
        reduction: None,
        transitions: explored.transitions,
        depth: explored.depth,
        stopped: explored.stopped.map(stop).or(verdicts.evidence.stop).or(judging),
        results,
        coverage: machine.coverage(&explored.scratches, &explored.executed),
        faults: fault_events(machine, &explored.executed),
        statistics: Some(statistics(&explored.statistics, &phases[..judged])),
        simulation: None,
        compaction: explored.fingerprint.map(|bits| Compaction { bits, states: explored.states }),
        cut,
    }
}

fn statistics(
    searched: &arch_explorer::Statistics,
    phases: &[(&'static str, std::time::Duration)],
) -> Statistics {
    let search = [
        ("search", searched.searching.saturating_sub(searched.growing)),
        ("growing the table", searched.growing),
    ];
    Statistics {
        state_bits: searched.state_bits,
        slot_bits: searched.slot_bits,
        slots: searched.slots,
        stored_bytes: searched.visited_bytes,
        peak_bytes: searched.peak_bytes,
        levels: searched.levels.clone(),
        degrees: searched.degrees.clone(),
        self_loops: searched.self_loops,
        phases: search.iter().chain(phases).copied().collect(),
    }
}

/// How many events each fault has, from how often each action was executed.
#[must_use]
pub fn fault_events(machine: &Machine, executed: &[u64]) -> Vec<u64> {
    let mut events = vec![0; machine.program().faults.len()];
    for (action, count) in executed.iter().enumerate().filter(|(_, count)| **count > 0) {
        if let Some(fault) = machine.template(action as u32).fault() {
            events[fault.index()] += count;
        }
    }
    events
}

/// Why exploration stopped, as reports have it.
pub(crate) fn stop(stop: arch_explorer::Stop) -> Stop {
    match stop {
        arch_explorer::Stop::States => Stop::States,
        arch_explorer::Stop::Memory => Stop::Memory,
        arch_explorer::Stop::Time => Stop::Time,
        arch_explorer::Stop::Interrupted => Stop::Interrupted,
        arch_explorer::Stop::Enough => Stop::Enough,
    }
}

/// The word for a kind of property, as reports have it.
pub fn kind_of(kind: &PropertyKind) -> &'static str {
    match kind {
        PropertyKind::Always(_) => "always",
        PropertyKind::Step { after: false, .. } => "at",
        PropertyKind::Step { after: true, .. } => "after",
        PropertyKind::Monotonic(_) => "monotonic",
        PropertyKind::Reachable(_) => "reachable",
        PropertyKind::AlwaysPossible(_) => "always possible",
        PropertyKind::LeadsTo(..) => "leads to",
        PropertyKind::Eventually(_) => "eventually",
        PropertyKind::AlwaysEventually(_) => "always eventually",
    }
}

/// Judges what was found.
pub(crate) struct Verdicts<'a> {
    pub(crate) program: &'a Program,
    pub(crate) machine: &'a Machine,
    pub(crate) evidence: Evidence,
    /// Whether everything was explored and nothing cut.
    pub(crate) complete: bool,
    /// Judges liveness, if there is something to judge.
    pub(crate) live: Option<Judge<'a>>,
}

impl Verdicts<'_> {
    pub(crate) fn results(&self) -> Vec<PropertyResult> {
        let properties = self.program.properties.iter_enumerated();
        let mut results: Vec<_> = properties.map(|(id, p)| self.property(id, p)).collect();
        let builtin = self.program.builtin;
        let on =
            [(builtin.bounds, "bounds", Finding::Bounds), (builtin.advances, "advances", Finding::Advances)];
        for (_, name, finding) in on.into_iter().filter(|(on, _, _)| *on) {
            results.push(self.never(name, finding));
        }
        if builtin.stuck {
            results.push(self.never("stuck", Finding::Stuck));
        }
        if builtin.stranded {
            results.push(self.reachable_everywhere("stranded", None));
        }
        results
    }

    fn property(&self, id: PropertyId, property: &Property) -> PropertyResult {
        let name = &property.name;
        let result = match &property.kind {
            PropertyKind::Always(_) | PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => {
                self.never(name, Finding::Violated(id))
            }
            PropertyKind::Reachable(_) => self.reachable(id, name),
            PropertyKind::AlwaysPossible(_) => self.reachable_everywhere(name, Some(id)),
            PropertyKind::LeadsTo(..) | PropertyKind::Eventually(_) | PropertyKind::AlwaysEventually(_) => {
                self.live(id, name)
            }
        };
        PropertyResult { kind: kind_of(&property.kind), span: Some(property.span), ..result }
    }

    fn live(&self, id: PropertyId, name: &str) -> PropertyResult {
        let Some(live) = &self.live else { return result(name, PropertyVerdict::Inconclusive, None) };
        let judged = live.property(id);
        PropertyResult { liveness: judged.liveness, ..result(name, judged.verdict, judged.trace) }
    }

    fn unless_incomplete(&self, verdict: PropertyVerdict) -> PropertyVerdict {
        if self.complete { verdict } else { PropertyVerdict::Inconclusive }
    }

    /// What must not be found.
    fn never(&self, name: &str, finding: Finding) -> PropertyResult {
        let number = self.machine.findings().iter().position(|f| *f == finding).map(|n| n as u32);
        match number.filter(|n| self.evidence.made(*n)) {
            Some(found) => result(name, PropertyVerdict::Violated, self.evidence.trace(self.machine, found)),
            None => result(name, self.unless_incomplete(PropertyVerdict::Holds), None),
        }
    }

    /// Holds when it is satisfied for every combination that the first initial state has.
    fn reachable(&self, id: PropertyId, name: &str) -> PropertyResult {
        let wanted = self.evidence.wanted(self.machine, id);
        if wanted.iter().all(|f| self.evidence.made(*f)) {
            let trace = wanted.first().and_then(|f| self.evidence.trace(self.machine, *f));
            // Where no state was met yet, nobody knows what it asks for.
            let known = self.evidence.met_a_state();
            let holds = PropertyVerdict::Holds;
            return result(name, if known { holds } else { self.unless_incomplete(holds) }, trace);
        }
        result(name, self.unless_incomplete(PropertyVerdict::Violated), None)
    }

    /// What must be reachable from every state.
    fn reachable_everywhere(&self, name: &str, kind: GoalKind) -> PropertyResult {
        match self.evidence.unable(self.machine, kind) {
            Some(trace) => result(name, PropertyVerdict::Violated, trace),
            None if self.evidence.goals_known => {
                result(name, self.unless_incomplete(PropertyVerdict::Holds), None)
            }
            None => result(name, PropertyVerdict::Inconclusive, None),
        }
    }
}

fn result(name: &str, verdict: PropertyVerdict, trace: Option<Trace>) -> PropertyResult {
    PropertyResult { name: name.to_owned(), kind: "built-in", span: None, verdict, trace, liveness: None }
}
