//! The oracle engine: every state, breadth first, with the interpreter and a hash map.
//!
//! Exploration goes on after violations: every property is judged over the whole space, and counts are
//! those of the whole space.

use crate::eval::{Combination, Interpreter, Successors, Transition, helps, unfinished};
use crate::liveness::{Graph, Stay};
use crate::program::{Expr, Program, Property, PropertyId, PropertyKind, ProtocolId};
use crate::report::{
    Lasso, Limits, Liveness, PropertyResult, PropertyVerdict, Report, StepCoverage, Stop, Trace, TraceStep,
};
use crate::state::{Event, Excess, ExcessKind, RunRef, State};
use crate::value::Value;
use arch_base::{Idx, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Explores a program until everything is known, a limit is reached or `interrupt` is set.
#[must_use]
pub fn explore(program: &Program, limits: &Limits, interrupt: &AtomicBool) -> Report {
    Oracle::run(program, limits, interrupt).report()
}

/// The same with all states found, in the order in which they were found.
#[must_use]
pub fn explore_states(program: &Program, limits: &Limits) -> (Report, Vec<State>) {
    let oracle = Oracle::run(program, limits, &AtomicBool::new(false));
    let report = oracle.report();
    (report, oracle.states)
}

/// Where something was first found: its last event comes from this state.
#[derive(Clone, Debug)]
enum Found {
    /// A state.
    State(u32),
    /// An event of a state, with the state or excess that it leads to.
    Event(u32, Event, Result<u32, Excess>),
}

/// What is recorded of a state besides itself.
#[derive(Clone, Debug, Default)]
struct Node {
    parent: Option<(u32, Event)>,
    depth: u32,
    /// Whether its events were enumerated.
    expanded: bool,
    /// The states that its events lead to, but for adverse ones.
    ways: Vec<u32>,
    tick: Option<u32>,
    /// Whether it has an event that keeps it from being stuck.
    helps: bool,
}

struct Oracle<'p> {
    interpreter: Interpreter<'p>,
    program: &'p Program,
    states: Vec<State>,
    nodes: Vec<Node>,
    numbers: HashMap<State, u32>,
    memory: u64,
    transitions: u64,
    cut: BTreeSet<Span>,
    coverage: Vec<Vec<StepCoverage>>,
    faults: Vec<u64>,
    stopped: Option<Stop>,
    /// For each property judged on states or events, its first violation.
    violations: Vec<Option<Found>>,
    /// For each `reachable` property and combination, the first state that satisfies it.
    hits: BTreeMap<(PropertyId, Combination), u32>,
    bounds: Option<Found>,
    advances: Option<Found>,
    /// What fairness speaks of, if there are properties of infinite behaviours.
    fair: Option<Graph>,
}

impl<'p> Oracle<'p> {
    fn run(program: &'p Program, limits: &Limits, interrupt: &AtomicBool) -> Oracle<'p> {
        let steps = program.protocols.iter().map(|p| vec![StepCoverage::default(); p.steps.len()]);
        let mut oracle = Oracle {
            interpreter: Interpreter::new(program),
            program,
            states: Vec::new(),
            nodes: Vec::new(),
            numbers: HashMap::new(),
            memory: 0,
            transitions: 0,
            cut: BTreeSet::new(),
            coverage: steps.collect(),
            faults: vec![0; program.faults.len()],
            stopped: None,
            violations: vec![None; program.properties.len()],
            hits: BTreeMap::new(),
            bounds: None,
            advances: None,
            fair: program.properties.iter().any(|p| p.kind.is_liveness()).then(Graph::default),
        };
        if let Err(stop) = oracle.search(limits, interrupt) {
            oracle.stopped = Some(stop);
        }
        if let Some(graph) = &mut oracle.fair {
            graph.finish(oracle.states.len());
        }
        oracle
    }

    fn search(&mut self, limits: &Limits, interrupt: &AtomicBool) -> Result<(), Stop> {
        let mut stored = Ok(());
        Interpreter::new(self.program).visit_initial_states(&mut |state| {
            stored =
                self.check_time(limits, interrupt).and_then(|()| self.number(state, None, limits)).map(drop);
            stored.is_ok()
        });
        stored?;
        let mut next = 0;
        while next < self.states.len() {
            self.check_time(limits, interrupt)?;
            self.expand(next as u32, limits)?;
            next += 1;
        }
        Ok(())
    }

    fn check_time(&self, limits: &Limits, interrupt: &AtomicBool) -> Result<(), Stop> {
        if interrupt.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        let late = limits.deadline.is_some_and(|d| Instant::now() >= d);
        if late { Err(Stop::Time) } else { Ok(()) }
    }

    /// The number of a state; a new one is judged.
    fn number(&mut self, state: State, parent: Option<(u32, Event)>, limits: &Limits) -> Result<u32, Stop> {
        if let Some(number) = self.numbers.get(&state) {
            return Ok(*number);
        }
        if limits.max_states.is_some_and(|max| self.states.len() as u64 >= max) {
            return Err(Stop::States);
        }
        self.memory += 2 * weight(&state);
        if limits.max_memory.is_some_and(|max| self.memory > max) {
            return Err(Stop::Memory);
        }
        let number = self.states.len() as u32;
        let depth = parent.as_ref().map_or(0, |(p, _)| self.nodes[*p as usize].depth + 1);
        self.judge(&state, number);
        self.nodes.push(Node { parent, depth, ..Node::default() });
        self.numbers.insert(state.clone(), number);
        self.states.push(state);
        Ok(number)
    }

    fn judge(&mut self, state: &State, number: u32) {
        for id in self.interpreter.always_violations(state) {
            self.violations[id.index()].get_or_insert(Found::State(number));
        }
        for hit in self.interpreter.reachable_hits(state) {
            self.hits.entry(hit).or_insert(number);
        }
    }

    fn expand(&mut self, number: u32, limits: &Limits) -> Result<(), Stop> {
        let state = self.states[number as usize].clone();
        let Successors { transitions, cut, refused } = self.interpreter.successors(&state);
        self.cut.extend(cut);
        for (protocol, step) in refused {
            self.coverage[protocol.index()][step.index()].refused = true;
        }
        for transition in transitions {
            self.nodes[number as usize].helps |= helps(&transition, &state);
            self.take(number, transition, limits)?;
        }
        self.nodes[number as usize].expanded = true;
        Ok(())
    }

    /// Follows an event.
    fn take(&mut self, from: u32, transition: Transition, limits: &Limits) -> Result<(), Stop> {
        self.transitions += 1;
        if let Event::Step { run, step, duplicated: None, .. } = &transition.event {
            self.coverage[run.protocol.index()][step.index()].executed += 1;
        }
        if let Some(fault) = transition.event.fault() {
            self.faults[fault.index()] += 1;
        }
        let Transition { event, outcome, violated, excess_violates_always, .. } = transition;
        let led = match outcome {
            Ok(state) => Ok(self.number(state, Some((from, event.clone())), limits)?),
            Err(excess) => Err(excess),
        };
        if let Some(graph) = &mut self.fair {
            let occurrence = self.program.occurrence(&self.states[from as usize], &event);
            let units = occurrence.map_or_else(Vec::new, |o| self.program.fair_units(&o));
            graph.add(from, units, led.as_ref().ok().copied(), &event);
        }
        for id in violated.into_iter().chain(excess_violates_always) {
            self.violations[id.index()].get_or_insert(Found::Event(from, event.clone(), led.clone()));
        }
        match &led {
            Ok(to) => {
                let node = &mut self.nodes[from as usize];
                node.ways.extend((!event.is_adverse()).then_some(*to));
                node.tick = node.tick.or((event == Event::Tick).then_some(*to));
            }
            Err(excess) => {
                let advance = excess.kind == ExcessKind::Advance;
                let found = if advance { &mut self.advances } else { &mut self.bounds };
                found.get_or_insert(Found::Event(from, event, led));
            }
        }
        Ok(())
    }

    fn report(&self) -> Report {
        let mut results: Vec<PropertyResult> =
            self.program.properties.iter_enumerated().map(|(id, p)| self.property_result(id, p)).collect();
        let builtin = self.program.builtin;
        if builtin.bounds {
            results.push(self.built_in("bounds", self.bounds.clone()));
        }
        if builtin.advances {
            results.push(self.built_in("advances", self.advances.clone()));
        }
        if builtin.stuck {
            results.push(self.built_in("stuck", self.first(|n| self.is_stuck(n))));
        }
        if builtin.stranded {
            results.push(self.complete_graph("stranded", None, || self.stranded()));
        }
        Report {
            engine: "oracle",
            distinct_states: self.states.len() as u64,
            represented_states: None,
            reduction: None,
            transitions: self.transitions,
            depth: self.nodes.iter().map(|n| n.depth).max().unwrap_or(0),
            stopped: self.stopped,
            cut: self.cut.iter().copied().collect(),
            results,
            coverage: self.coverage.clone(),
            faults: self.faults.clone(),
            statistics: None,
            simulation: None,
            compaction: None,
        }
    }

    fn property_result(&self, id: PropertyId, property: &Property) -> PropertyResult {
        let found = self.violations[id.index()].clone();
        let mut result = match &property.kind {
            PropertyKind::Always(_) | PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => {
                self.built_in(&property.name, found)
            }
            PropertyKind::Reachable(_) => self.reachable(id, property),
            PropertyKind::AlwaysPossible(claim) => {
                self.complete_graph(&property.name, Some(property), || self.impossible(id, claim))
            }
            PropertyKind::LeadsTo(..) | PropertyKind::Eventually(_) | PropertyKind::AlwaysEventually(_) => {
                self.live(id, property)
            }
        };
        result.kind = kind_of(&property.kind);
        result.span = Some(property.span);
        result
    }

    /// The result of what is violated when it is found.
    fn built_in(&self, name: &str, found: Option<Found>) -> PropertyResult {
        let verdict = match &found {
            Some(_) => PropertyVerdict::Violated,
            None => self.unless_incomplete(PropertyVerdict::Holds),
        };
        let trace = found.map(|f| self.trace(&f));
        PropertyResult { name: name.to_owned(), kind: "built-in", span: None, verdict, trace, liveness: None }
    }

    /// The result of what can be judged only when every event of every state is known.
    fn complete_graph(
        &self,
        name: &str,
        property: Option<&Property>,
        find: impl FnOnce() -> Option<u32>,
    ) -> PropertyResult {
        let found = if self.stopped.is_some() { None } else { find() };
        let result = self.built_in(name, found.map(Found::State));
        PropertyResult { span: property.map(|p| p.span), ..result }
    }

    fn unless_incomplete(&self, verdict: PropertyVerdict) -> PropertyVerdict {
        let complete = self.stopped.is_none() && self.cut.is_empty();
        if complete { verdict } else { PropertyVerdict::Inconclusive }
    }

    /// Holds when some state satisfies it for each combination that the first initial state has; the
    /// witness is that of the first combination.
    fn reachable(&self, id: PropertyId, property: &Property) -> PropertyResult {
        let combinations = self.states.first().map_or(Vec::new(), |s| self.interpreter.combinations(id, s));
        let hits: Option<Vec<u32>> =
            combinations.into_iter().map(|c| self.hits.get(&(id, c)).copied()).collect();
        let result = self.built_in(&property.name, None);
        match hits {
            Some(hits) => {
                let trace = hits.first().map(|n| self.trace(&Found::State(*n)));
                // Where no state was met yet, nobody knows what it asks for.
                let known = !self.states.is_empty();
                let holds = PropertyVerdict::Holds;
                let verdict = if known { holds } else { self.unless_incomplete(holds) };
                PropertyResult { verdict, trace, ..result }
            }
            None => PropertyResult { verdict: self.unless_incomplete(PropertyVerdict::Violated), ..result },
        }
    }

    /// A property of infinite behaviours; nothing can be said unless the whole graph is known.
    fn live(&self, id: PropertyId, property: &Property) -> PropertyResult {
        let Some(graph) = self.fair.as_ref().filter(|_| self.stopped.is_none() && self.cut.is_empty()) else {
            return self.built_in(&property.name, None);
        };
        let all = 0..self.states.len() as u32;
        let of = |n: u32| self.interpreter.combinations(id, &self.states[n as usize]);
        let combinations: BTreeSet<Combination> = all.clone().flat_map(of).collect();
        let holds = |e: &Expr, c: &Combination, n: u32| {
            self.interpreter.holds_for(id, e, c, &self.states[n as usize])
        };
        let is_initial = |n: u32| self.nodes[n as usize].parent.is_none();
        let at_once = matches!(property.kind, PropertyKind::Eventually(_));
        let mut live = Liveness { vacuous: true, at_once, assumed: graph.assumed(), ..Liveness::default() };
        for c in &combinations {
            let exists: Vec<u32> = all.clone().filter(|n| of(*n).contains(c)).collect();
            let (starts, goal): (Vec<u32>, &Expr) = match &property.kind {
                PropertyKind::LeadsTo(p, q) => (exists.into_iter().filter(|n| holds(p, c, *n)).collect(), q),
                PropertyKind::Eventually(q) => (exists.into_iter().filter(|n| is_initial(*n)).collect(), q),
                PropertyKind::AlwaysEventually(q) => (exists, q),
                _ => return self.built_in(&property.name, None),
            };
            live.vacuous &= starts.is_empty();
            live.at_once &= starts.iter().all(|n| holds(goal, c, *n));
            if let Some(stay) = graph.stay(&starts, &|n| !holds(goal, c, n)) {
                return self.lasso(graph, property, &stay);
            }
        }
        PropertyResult { liveness: Some(live), ..self.built_in(&property.name, None) }
    }

    /// A violation: a path to where a behaviour stays, and a cycle there.
    fn lasso(&self, graph: &Graph, property: &Property, stay: &Stay) -> PropertyResult {
        let step = |event: Event, to: u32| TraceStep {
            event,
            state: Some(self.states[to as usize].clone()),
            excess: None,
        };
        let mut trace = self.path(stay.path.first().copied().unwrap_or_default());
        for pair in stay.path.windows(2) {
            let event = graph.event(pair[0], pair[1]).cloned();
            trace.steps.extend(event.map(|e| step(e, pair[1])));
        }
        let back_to = trace.steps.len() as u32;
        trace.steps.extend(graph.events(stay).into_iter().map(|(event, to)| step(event, to)));
        let lasso = Lasso { back_to, treated: graph.treated(stay, back_to + 1) };
        PropertyResult {
            verdict: PropertyVerdict::Violated,
            trace: Some(trace),
            liveness: Some(Liveness { lasso: Some(lasso), assumed: graph.assumed(), ..Liveness::default() }),
            ..self.built_in(&property.name, None)
        }
    }

    /// The first state for which something is true.
    fn first(&self, is: impl Fn(u32) -> bool) -> Option<Found> {
        (0..self.states.len() as u32).find(|n| is(*n)).map(Found::State)
    }

    /// Whether a state is stuck, as far as its events are known.
    fn is_stuck(&self, number: u32) -> bool {
        if !unfinished(&self.states[number as usize]) {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut now = Some(number);
        while let Some(n) = now.filter(|n| seen.insert(*n)) {
            let node = &self.nodes[n as usize];
            if node.helps || !node.expanded {
                return false;
            }
            now = node.tick;
        }
        true
    }

    /// The first state from which some unfinished run can never stop being unfinished.
    fn stranded(&self) -> Option<u32> {
        let protocols = self.program.protocols.indices();
        let runs = protocols.flat_map(|p: ProtocolId| {
            (0..self.program.run_count(p)).map(move |run| RunRef { protocol: p, run })
        });
        let is_over =
            |state: &State, run: RunRef| !state.protocol(run.protocol)[run.run as usize].unfinished();
        runs.filter_map(|run| self.first_without(|n| is_over(&self.states[n as usize], run), |_| true)).min()
    }

    /// The first state from which no state with this can be reached, for some combination.
    fn impossible(&self, id: PropertyId, claim: &Expr) -> Option<u32> {
        let of = |n: u32| self.interpreter.combinations(id, &self.states[n as usize]);
        let all: BTreeSet<Vec<Value>> = (0..self.states.len() as u32).flat_map(of).collect();
        let state = |n: u32| &self.states[n as usize];
        let without = |c: &Combination| {
            let satisfied = |n| self.interpreter.holds_for(id, claim, c, state(n));
            self.first_without(satisfied, |n| of(n).contains(c))
        };
        all.iter().filter_map(without).min()
    }

    /// The first state that counts and from which no state with this can be reached without adverse events.
    fn first_without(&self, is: impl Fn(u32) -> bool, counts: impl Fn(u32) -> bool) -> Option<u32> {
        let mut before = vec![Vec::new(); self.states.len()];
        for (from, node) in self.nodes.iter().enumerate() {
            node.ways.iter().for_each(|to| before[*to as usize].push(from as u32));
        }
        let mut open: Vec<u32> = (0..self.states.len() as u32).filter(|n| is(*n)).collect();
        let mut can = vec![false; self.states.len()];
        open.iter().for_each(|n| can[*n as usize] = true);
        while let Some(n) = open.pop() {
            for from in &before[n as usize] {
                if !std::mem::replace(&mut can[*from as usize], true) {
                    open.push(*from);
                }
            }
        }
        (0..self.states.len() as u32).find(|n| !can[*n as usize] && counts(*n))
    }

    fn trace(&self, found: &Found) -> Trace {
        match found {
            Found::State(number) => self.path(*number),
            Found::Event(from, event, led) => {
                let mut trace = self.path(*from);
                trace.steps.push(TraceStep {
                    event: event.clone(),
                    state: led.as_ref().ok().map(|to| self.states[*to as usize].clone()),
                    excess: led.as_ref().err().cloned(),
                });
                trace
            }
        }
    }

    fn path(&self, mut number: u32) -> Trace {
        let mut steps = Vec::new();
        while let Some((parent, event)) = &self.nodes[number as usize].parent {
            let state = Some(self.states[number as usize].clone());
            steps.push(TraceStep { event: event.clone(), state, excess: None });
            number = *parent;
        }
        steps.reverse();
        Trace { initial: self.states[number as usize].clone(), steps }
    }
}

/// The word for a kind of property, as reports have it.
#[must_use]
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

/// About how many bytes a state takes.
fn weight(state: &State) -> u64 {
    let values = state.vars.iter().flatten().chain(state.runs.iter().flatten().flat_map(|r| &r.vars));
    let runs = state.runs.iter().map(Vec::len).sum::<usize>() as u64;
    values.map(value_weight).sum::<u64>() + 64 * (runs + 8)
}

fn value_weight(value: &Value) -> u64 {
    let parts: u64 = match value {
        Value::Set(set) => set.iter().map(value_weight).sum(),
        Value::Map(map) => map.iter().map(|(k, v)| value_weight(k) + value_weight(v)).sum(),
        Value::Seq(list) | Value::Record(list) | Value::Variant(_, list) => {
            list.iter().map(value_weight).sum()
        }
        _ => 0,
    };
    parts + size_of::<Value>() as u64
}
