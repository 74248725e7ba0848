//! Checking every property of a program: exploration, verdicts, behaviours.

use crate::liveness::Judge;
use crate::machine::{Finding, Goal, Machine, Scratch};
use arch_explorer::{Backward, Exploration, Progress, System, explore};
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Report, Stop, Trace, TraceStep};
use arch_ir::{Program, Property, PropertyId, PropertyKind};
use std::sync::atomic::AtomicBool;

/// How to explore.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads; at least one. Changes nothing but speed.
    pub threads: usize,
    /// When to give up.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, limits: Limits::default() }
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
    let explored = explore_machine(machine, options, interrupt, progress);
    report_within(program, machine, &explored, options, interrupt)
}

/// Explores all reachable states.
pub fn explore_machine(
    machine: &Machine,
    options: &Options,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Exploration<Scratch> {
    let limits = arch_explorer::Limits {
        threads: options.threads,
        max_states: options.limits.max_states,
        max_memory: options.limits.max_memory,
        deadline: options.limits.deadline,
        edges: !machine.goals().is_empty(),
    };
    explore(machine, &limits, interrupt, progress)
}

/// The report of an exploration, however long it takes.
pub fn report(program: &Program, machine: &Machine, explored: &Exploration<Scratch>) -> Report {
    report_within(program, machine, explored, &Options::default(), &AtomicBool::new(false))
}

/// The report of an exploration. Judging liveness takes time and memory, for which limits hold, too.
pub fn report_within(
    program: &Program,
    machine: &Machine,
    explored: &Exploration<Scratch>,
    options: &Options,
    interrupt: &AtomicBool,
) -> Report {
    let cut = machine.cut_spans(&explored.scratches);
    let complete = explored.stopped.is_none() && cut.is_empty();
    let live = Judge::new(machine, explored, complete, options, interrupt);
    let verdicts = Verdicts { program, machine, explored, complete, live };
    let results = verdicts.results();
    Report {
        engine: "explorer",
        distinct_states: explored.store.len() as u64,
        transitions: explored.transitions,
        depth: explored.depth,
        stopped: explored.stopped.map(stop).or_else(|| verdicts.live.as_ref().and_then(Judge::stop)),
        results,
        coverage: machine.coverage(&explored.scratches, &explored.executed),
        cut,
    }
}

fn stop(stop: arch_explorer::Stop) -> Stop {
    match stop {
        arch_explorer::Stop::States => Stop::States,
        arch_explorer::Stop::Memory => Stop::Memory,
        arch_explorer::Stop::Time => Stop::Time,
        arch_explorer::Stop::Interrupted => Stop::Interrupted,
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
struct Verdicts<'a> {
    program: &'a Program,
    machine: &'a Machine,
    explored: &'a Exploration<Scratch>,
    /// Whether everything was explored and nothing cut.
    complete: bool,
    /// Judges liveness, if there is something to judge.
    live: Option<Judge<'a>>,
}

impl Verdicts<'_> {
    fn results(&self) -> Vec<PropertyResult> {
        let unable = self.unable();
        let properties = self.program.properties.iter_enumerated();
        let mut results: Vec<_> = properties.map(|(id, p)| self.property(id, p, &unable)).collect();
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
            results.push(self.reachable_everywhere("stranded", Goal::Finished, &unable));
        }
        results
    }

    fn property(&self, id: PropertyId, property: &Property, unable: &[Option<u32>]) -> PropertyResult {
        let name = &property.name;
        let result = match &property.kind {
            PropertyKind::Always(_) | PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => {
                self.never(name, Finding::Violated(id))
            }
            PropertyKind::Reachable(_) => self.reachable(id, name),
            PropertyKind::AlwaysPossible(_) => self.reachable_everywhere(name, Goal::Possible(id), unable),
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
        let number = self.machine.findings().iter().position(|f| *f == finding);
        match number.and_then(|n| self.explored.found[n]) {
            Some(found) => result(name, PropertyVerdict::Violated, Some(self.trace(found))),
            None => result(name, self.unless_incomplete(PropertyVerdict::Holds), None),
        }
    }

    /// Holds when it is satisfied for every combination that the first initial state has.
    fn reachable(&self, id: PropertyId, name: &str) -> PropertyResult {
        let wanted = match self.explored.store.is_empty() {
            true => Vec::new(),
            false => self.machine.wanted(id, self.explored.store.state(0)),
        };
        let found: Option<Vec<_>> = wanted.into_iter().map(|f| self.explored.found[f as usize]).collect();
        match found {
            Some(found) => result(name, PropertyVerdict::Holds, found.first().map(|f| self.trace(*f))),
            None => result(name, self.unless_incomplete(PropertyVerdict::Violated), None),
        }
    }

    /// What must be reachable from every state.
    fn reachable_everywhere(&self, name: &str, goal: Goal, unable: &[Option<u32>]) -> PropertyResult {
        let goals = self.machine.goals().iter().zip(unable).filter(|(g, _)| **g == goal);
        match goals.filter_map(|(_, first)| *first).min() {
            Some(state) => {
                let found = arch_explorer::Finding { state, action: None };
                result(name, PropertyVerdict::Violated, Some(self.trace(found)))
            }
            None => result(name, self.unless_incomplete(PropertyVerdict::Holds), None),
        }
    }

    /// For each goal the first state that counts and cannot reach it, if the whole graph is known.
    fn unable(&self) -> Vec<Option<u32>> {
        let goals = self.machine.goals().len();
        let (None, Some(edges)) = (self.explored.stopped, &self.explored.edges) else {
            return vec![None; goals];
        };
        let states = self.explored.store.len();
        let mut counts = vec![vec![false; states]; goals];
        let mut inside = vec![vec![false; states]; goals];
        let mut scratch = self.machine.scratch();
        for state in 0..states {
            let in_goals = self.machine.in_goals(self.explored.store.state(state as u32), &mut scratch);
            for (goal, (count, is)) in in_goals.into_iter().enumerate() {
                (counts[goal][state], inside[goal][state]) = (count, is);
            }
        }
        let backward = Backward::new(edges);
        let first =
            |(counts, inside): (&Vec<bool>, Vec<bool>)| backward.first_unable(inside, |s| counts[s as usize]);
        counts.iter().zip(inside).map(first).collect()
    }

    /// A shortest behaviour to a finding.
    fn trace(&self, found: arch_explorer::Finding) -> Trace {
        let mut trace = trace_to(self.machine, self.explored, found.state);
        if let Some(action) = found.action {
            trace.steps.push(self.last_step(found.state, action));
        }
        trace
    }

    fn last_step(&self, from: u32, action: u32) -> TraceStep {
        let state = self.explored.store.state(from);
        let successors = self.machine.successors(state, &mut self.machine.scratch());
        let led = successors
            .events()
            .find(|(a, _)| *a == action)
            .and_then(|(_, to)| to.map(|w| self.machine.decode(w)));
        let excess = if led.is_none() { self.machine.excess(action, state) } else { None };
        TraceStep { event: self.machine.event(action, state), state: led, excess }
    }
}

/// A shortest behaviour to a state.
pub(crate) fn trace_to(machine: &Machine, explored: &Exploration<Scratch>, state: u32) -> Trace {
    let store = &explored.store;
    let (initial, path) = store.path(state);
    let mut steps = Vec::new();
    let mut from = initial;
    for (action, to) in path {
        let event = machine.event(action, store.state(from));
        steps.push(TraceStep { event, state: Some(machine.decode(store.state(to))), excess: None });
        from = to;
    }
    Trace { initial: machine.decode(store.state(initial)), steps }
}

fn result(name: &str, verdict: PropertyVerdict, trace: Option<Trace>) -> PropertyResult {
    PropertyResult { name: name.to_owned(), kind: "built-in", span: None, verdict, trace, liveness: None }
}
