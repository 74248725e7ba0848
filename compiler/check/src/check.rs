//! Checking every property of a program: exploration, verdicts, behaviours.

use crate::liveness::Judge;
use crate::machine::{Finding, Goal, Machine, Scratch};
use crate::symmetry::goals::{orbits, unable};
use crate::symmetry::{Naming, Quotient, symmetry_of};
use arch_explorer::{Backward, Exploration, Progress, Store, System, explore};
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Reduction, Report, Stop, Trace, TraceStep};
use arch_ir::{Program, Property, PropertyId, PropertyKind};
use std::sync::atomic::{AtomicBool, Ordering};

/// How to explore.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads; at least one. Changes nothing but speed.
    pub threads: usize,
    /// When to give up.
    pub limits: Limits,
    /// Whether to store one of states that are renamings of each other, where identities are interchangeable.
    pub symmetry: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { threads: 1, limits: Limits::default(), symmetry: false }
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
            let explored = explore_machine(machine, options, interrupt, progress);
            report_within(program, machine, &explored, options, interrupt)
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
    let explored = explore(quotient, &explorer_limits(options, false), interrupt, progress);
    let represented_states = Some(represented(quotient, &explored.store));
    let explored = explored.map_scratches(|s| s.machine);
    let report = report_of(program, quotient.machine(), Some(quotient), &explored, options, interrupt);
    Report { represented_states, ..report }
}

/// How many states those of a quotient stand for.
fn represented(quotient: &Quotient<'_>, store: &Store) -> u64 {
    let mut naming = Naming::default();
    let orbits = (0..store.len() as u32).map(|s| quotient.stands_for(store.state(s), &mut naming));
    u64::try_from(orbits.fold(0, u128::saturating_add)).unwrap_or(u64::MAX)
}

/// Explores all reachable states.
pub fn explore_machine(
    machine: &Machine,
    options: &Options,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Exploration<Scratch> {
    explore(machine, &explorer_limits(options, !machine.goals().is_empty()), interrupt, progress)
}

fn explorer_limits(options: &Options, edges: bool) -> arch_explorer::Limits {
    arch_explorer::Limits {
        threads: options.threads,
        max_states: options.limits.max_states,
        max_memory: options.limits.max_memory,
        deadline: options.limits.deadline,
        edges,
    }
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
    report_of(program, machine, None, explored, options, interrupt)
}

fn report_of(
    program: &Program,
    machine: &Machine,
    quotient: Option<&Quotient<'_>>,
    explored: &Exploration<Scratch>,
    options: &Options,
    interrupt: &AtomicBool,
) -> Report {
    let cut = machine.cut_spans(&explored.scratches);
    let complete = explored.stopped.is_none() && cut.is_empty();
    let live = Judge::new(machine, explored, complete, options, interrupt);
    let mut verdicts =
        Verdicts { program, machine, quotient, explored, complete, live, unable: Ok(Vec::new()) };
    verdicts.unable = verdicts.unable(&|| options.stopped(interrupt));
    let results = verdicts.results();
    let judging = || verdicts.live.as_ref().and_then(Judge::stop).or(verdicts.unable.as_ref().err().copied());
    Report {
        engine: "explorer",
        distinct_states: explored.store.len() as u64,
        represented_states: None,
        reduction: None,
        transitions: explored.transitions,
        depth: explored.depth,
        stopped: explored.stopped.map(stop).or_else(judging),
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
    /// What was explored instead of the machine itself.
    quotient: Option<&'a Quotient<'a>>,
    explored: &'a Exploration<Scratch>,
    /// Whether everything was explored and nothing cut.
    complete: bool,
    /// Judges liveness, if there is something to judge.
    live: Option<Judge<'a>>,
    /// For each goal the first state that counts and cannot reach it, unless there was no time to find out.
    unable: Result<Vec<Option<u32>>, Stop>,
}

impl Verdicts<'_> {
    fn results(&self) -> Vec<PropertyResult> {
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
            results.push(self.reachable_everywhere("stranded", |g| matches!(g, Goal::Finished(_))));
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
            PropertyKind::AlwaysPossible(_) => {
                let of = |g: &Goal| matches!(g, Goal::Possible(p, _) if *p == id);
                self.reachable_everywhere(name, of)
            }
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
            Some(found) => result(name, PropertyVerdict::Violated, Some(self.trace(found, number))),
            None => result(name, self.unless_incomplete(PropertyVerdict::Holds), None),
        }
    }

    /// Holds when it is satisfied for every combination that the first initial state has.
    fn reachable(&self, id: PropertyId, name: &str) -> PropertyResult {
        let wanted = match self.explored.store.is_empty() {
            true => Vec::new(),
            false => self.machine.wanted(id, self.explored.store.state(0)),
        };
        let found: Option<Vec<_>> = wanted.into_iter().map(|f| self.found_up_to_renaming(id, f)).collect();
        match found {
            Some(found) => result(name, PropertyVerdict::Holds, found.first().map(|f| self.trace(*f, None))),
            None => result(name, self.unless_incomplete(PropertyVerdict::Violated), None),
        }
    }

    /// Where a combination of a `reachable` property was found first, or one that it can be renamed to.
    fn found_up_to_renaming(&self, id: PropertyId, finding: u32) -> Option<arch_explorer::Finding> {
        let Some(quotient) = self.quotient else { return self.explored.found[finding as usize] };
        let orbits = orbits(quotient, id);
        let orbit_of = |f: usize| match self.machine.findings()[f] {
            Finding::Hit(p, combination) if p == id => orbits.get(combination as usize).copied(),
            _ => None,
        };
        let wanted = orbit_of(finding as usize);
        let all = (0..self.explored.found.len()).filter(|f| wanted.is_some() && orbit_of(*f) == wanted);
        all.filter_map(|f| self.explored.found[f]).min_by_key(|f| f.state)
    }

    /// What must be reachable from every state.
    fn reachable_everywhere(&self, name: &str, of: impl Fn(&Goal) -> bool) -> PropertyResult {
        let Ok(unable) = &self.unable else { return result(name, PropertyVerdict::Inconclusive, None) };
        let goals = self.machine.goals().iter().zip(unable).filter(|(g, _)| of(g));
        match goals.filter_map(|(_, first)| *first).min() {
            Some(state) => {
                let found = arch_explorer::Finding { state, action: None };
                result(name, PropertyVerdict::Violated, Some(self.trace(found, None)))
            }
            None => result(name, self.unless_incomplete(PropertyVerdict::Holds), None),
        }
    }

    /// For each goal the first state that counts and cannot reach it, if the whole graph is known.
    fn unable(&self, stopped: &dyn Fn() -> Option<Stop>) -> Result<Vec<Option<u32>>, Stop> {
        let goals = self.machine.goals().len();
        if self.explored.stopped.is_some() || goals == 0 {
            return Ok(vec![None; goals]);
        }
        if let Some(quotient) = self.quotient {
            return unable(quotient, &self.explored.store, stopped);
        }
        let Some(edges) = &self.explored.edges else { return Ok(vec![None; goals]) };
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
        Ok(counts.iter().zip(inside).map(first).collect())
    }

    /// A shortest behaviour to a finding, whose number is needed when it was made on an event.
    fn trace(&self, found: arch_explorer::Finding, number: Option<usize>) -> Trace {
        let path = self.path(found.state);
        let mut trace = told(self.machine, &path);
        if let Some(action) = found.action {
            let from = path.1.last().map_or(&path.0, |(_, state)| state);
            trace.steps.push(self.last_step(from, action, number));
        }
        trace
    }

    fn path(&self, state: u32) -> Path {
        let Some(quotient) = self.quotient else { return path_to(self.explored, state) };
        let (initial, steps) = self.explored.store.path(state);
        let states = std::iter::once(initial).chain(steps.into_iter().map(|(_, to)| to));
        quotient.concrete(&states.map(|s| self.explored.store.state(s)).collect::<Vec<_>>())
    }

    /// The event on which something was found. In a quotient the state has other names than the one that it was
    /// found on, so its first event with that finding is meant.
    fn last_step(&self, from: &[u64], action: u32, number: Option<usize>) -> TraceStep {
        let successors = self.machine.successors(from, &mut self.machine.scratch());
        let renamed = successors.found().iter().find(|f| Some(f.finding as usize) == number);
        let action = match self.quotient {
            Some(_) => renamed.and_then(|f| f.action).unwrap_or(action),
            None => action,
        };
        let event = successors.events().find(|(a, _)| *a == action);
        let led = event.and_then(|(_, to)| to.map(|w| self.machine.decode(w)));
        let excess = if led.is_none() { self.machine.excess(action, from) } else { None };
        TraceStep { event: self.machine.event(action, from), state: led, excess }
    }
}

/// A first state, then actions with the states that they lead to.
type Path = (Vec<u64>, Vec<(u32, Vec<u64>)>);

fn path_to(explored: &Exploration<Scratch>, state: u32) -> Path {
    let store = &explored.store;
    let (initial, steps) = store.path(state);
    let steps = steps.into_iter().map(|(action, to)| (action, store.state(to).to_vec()));
    (store.state(initial).to_vec(), steps.collect())
}

fn told(machine: &Machine, (initial, path): &Path) -> Trace {
    let mut trace = Trace { initial: machine.decode(initial), steps: Vec::new() };
    let mut from = initial;
    for (action, to) in path {
        let event = machine.event(*action, from);
        trace.steps.push(TraceStep { event, state: Some(machine.decode(to)), excess: None });
        from = to;
    }
    trace
}

/// A shortest behaviour to a state.
pub(crate) fn trace_to(machine: &Machine, explored: &Exploration<Scratch>, state: u32) -> Trace {
    told(machine, &path_to(explored, state))
}

fn result(name: &str, verdict: PropertyVerdict, trace: Option<Trace>) -> PropertyResult {
    PropertyResult { name: name.to_owned(), kind: "built-in", span: None, verdict, trace, liveness: None }
}
