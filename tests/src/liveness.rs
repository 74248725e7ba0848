//! Liveness once more, by other means: whether a lasso is a real and fair violation, and whether there is one
//! at all.
//!
//! Written from `docs/internals/liveness.md` and the interpreter's events, sharing nothing with the engines: units
//! are texts, and instead of looking for strongly connected components, every set of strong units is guessed that is
//! never enabled from some moment on, and the rest is a greatest fixpoint (Emerson and Lei, 1986).

use arch_ir::eval::{Combination, Interpreter};
use arch_ir::report::{PropertyResult, PropertyVerdict, Report, Trace};
use arch_ir::{
    Event, Expr, Fairness, Program, Property, PropertyId, PropertyKind, RunRef, State, Status, StepId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A unit, in words, and whether it is strong.
type Unit = (String, bool);

/// The most strong units for which all sets are tried.
const MOST_STRONG: usize = 7;

/// What fairness an event is an occurrence of.
fn units(program: &Program, state: &State, event: &Event) -> Vec<Unit> {
    match event {
        Event::Tick => vec![("tick".to_owned(), false)],
        Event::Restart(fault, n) => vec![(format!("restart {fault:?} {n}"), false)],
        Event::Heal(fault, n) => vec![(format!("heal {fault:?} {n}"), false)],
        Event::Begin(run) if program.protocols[run.protocol].daemon => {
            vec![(format!("begin {run:?}"), false)]
        }
        Event::Step { run, step, duplicated: None, .. } => step_units(program, state, *run, *step, true),
        Event::Reject { run, step, .. } => step_units(program, state, *run, *step, false),
        _ => Vec::new(),
    }
}

fn step_units(program: &Program, state: &State, run: RunRef, step: StepId, executes: bool) -> Vec<Unit> {
    let protocol = &program.protocols[run.protocol];
    let now = &state.runs[run.protocol.0 as usize][run.run as usize];
    let starts = now.status == Status::Idle;
    let name = format!("{run:?} {step:?} {starts} {:?}", now.roles);
    match protocol.steps[step].fairness {
        Fairness::Unfair => Vec::new(),
        Fairness::Weak if starts && !protocol.daemon => Vec::new(),
        Fairness::Strong if executes => vec![(name.clone(), false), (name, true)],
        Fairness::Weak | Fairness::Strong => vec![(name, false)],
    }
}

/// An event that leads to another state.
struct Edge {
    to: usize,
    units: Vec<Unit>,
}

/// The explored graph.
struct Graph<'p> {
    program: &'p Program,
    interpreter: Interpreter<'p>,
    states: Vec<State>,
    initial: usize,
    edges: Vec<Vec<Edge>>,
    enabled: Vec<BTreeSet<Unit>>,
}

impl<'p> Graph<'p> {
    fn new(program: &'p Program) -> Graph<'p> {
        let interpreter = Interpreter::new(program);
        let mut numbers: HashMap<State, usize> = HashMap::new();
        let mut states = Vec::new();
        let mut number = |state: State, states: &mut Vec<State>| {
            *numbers.entry(state.clone()).or_insert_with(|| {
                states.push(state);
                states.len() - 1
            })
        };
        for state in interpreter.initial_states() {
            number(state, &mut states);
        }
        let initial = states.len();
        let (mut edges, mut enabled) = (Vec::new(), Vec::new());
        while edges.len() < states.len() {
            let (at, state) = (edges.len(), states[edges.len()].clone());
            let (mut row, mut here) = (Vec::new(), BTreeSet::new());
            for transition in interpreter.successors(&state).transitions {
                let units = units(program, &state, &transition.event);
                let to = transition.outcome.ok().map(|to| number(to, &mut states));
                if to == Some(at) {
                    continue;
                }
                here.extend(units.iter().cloned());
                row.extend(to.map(|to| Edge { to, units }));
            }
            edges.push(row);
            enabled.push(here);
        }
        Graph { program, interpreter, states, initial, edges, enabled }
    }

    /// For each combination of binders: the states that something is to follow, and what is to follow.
    fn questions(&self, id: PropertyId) -> Vec<(Vec<usize>, Vec<bool>)> {
        let property = &self.program.properties[id];
        let all = 0..self.states.len();
        let exists: Vec<Vec<Combination>> =
            all.clone().map(|n| self.interpreter.combinations(id, &self.states[n])).collect();
        let combinations: BTreeSet<&Combination> = exists.iter().flatten().collect();
        let question = |c: &Combination| {
            let is = |e: &Expr, n: usize| self.interpreter.holds_for(id, e, c, &self.states[n]);
            let due = |n: &usize| match &property.kind {
                PropertyKind::LeadsTo(p, _) => is(p, *n),
                PropertyKind::Eventually(_) => *n < self.initial,
                _ => true,
            };
            let (PropertyKind::LeadsTo(_, q)
            | PropertyKind::Eventually(q)
            | PropertyKind::AlwaysEventually(q)) = &property.kind
            else {
                panic!("no liveness property")
            };
            let starts = all.clone().filter(|n| exists[*n].contains(c)).filter(due).collect();
            (starts, all.clone().map(|n| is(q, n)).collect())
        };
        combinations.into_iter().map(question).collect()
    }

    /// Whether a fair behaviour violates a property; none if there are too many strong units.
    fn is_violated(&self, id: PropertyId) -> Option<bool> {
        let mut violated = false;
        for (starts, goal) in self.questions(id) {
            violated |= self.stays(&starts, &goal)?;
        }
        Some(violated)
    }

    fn stays(&self, starts: &[usize], goal: &[bool]) -> Option<bool> {
        let mut region: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<usize> = starts.iter().copied().filter(|s| !goal[*s]).collect();
        while let Some(s) = open.pop() {
            if region.insert(s) {
                open.extend(self.edges[s].iter().map(|e| e.to).filter(|t| !goal[*t]));
            }
        }
        let all: BTreeSet<&Unit> = region.iter().flat_map(|s| &self.enabled[*s]).collect();
        let (strong, weak): (Vec<&Unit>, Vec<&Unit>) = all.into_iter().partition(|u| u.1);
        if strong.len() > MOST_STRONG {
            return None;
        }
        Some((0u32..1 << strong.len()).any(|guess| {
            let never = |i: usize| guess >> i & 1 == 1;
            let quiet =
                |s: &usize| (0..strong.len()).all(|i| !never(i) || !self.enabled[*s].contains(strong[i]));
            let left: BTreeSet<usize> = region.iter().copied().filter(quiet).collect();
            // The others are taken infinitely often; weak ones taken or not enabled.
            let taken: Vec<&Unit> = (0..strong.len()).filter(|i| !never(*i)).map(|i| strong[i]).collect();
            self.fixpoint(left, &taken, &weak)
        }))
    }

    /// Whether from some state there is a path for ever on which everything wanted happens again and again.
    fn fixpoint(&self, mut left: BTreeSet<usize>, taken: &[&Unit], weak: &[&Unit]) -> bool {
        loop {
            let before = left.len();
            for (unit, is_weak) in taken.iter().map(|u| (*u, false)).chain(weak.iter().map(|u| (*u, true))) {
                let happens = |s: &usize| {
                    let takes = self.edges[*s].iter().any(|e| left.contains(&e.to) && e.units.contains(unit));
                    takes || is_weak && !self.enabled[*s].contains(unit)
                };
                left = self.reaching(&left, left.iter().copied().filter(|s| happens(s)).collect());
            }
            if left.len() == before {
                return !left.is_empty();
            }
        }
    }

    /// The states among some from which one of others can be reached among them.
    fn reaching(&self, among: &BTreeSet<usize>, mut found: BTreeSet<usize>) -> BTreeSet<usize> {
        loop {
            let new: Vec<usize> = among
                .iter()
                .copied()
                .filter(|s| !found.contains(s) && self.edges[*s].iter().any(|e| found.contains(&e.to)))
                .collect();
            if new.is_empty() {
                return found;
            }
            found.extend(new);
        }
    }
}

/// Compares every verdict about a liveness property with one found by trying everything; how many were violated and
/// how many held.
///
/// # Errors
///
/// The first difference.
pub fn compare_with_brute_force(program: &Program, report: &Report) -> Result<(usize, usize), String> {
    let graph = Graph::new(program);
    let (mut violated, mut held) = (0, 0);
    for (id, property) in live(program) {
        let Some(expected) = graph.is_violated(id) else { continue };
        let found = &report.results[id.0 as usize];
        if (found.verdict == PropertyVerdict::Violated) != expected {
            return Err(format!(
                "{}: {:?}, and by trying everything {expected}",
                property.name, found.verdict
            ));
        }
        violated += usize::from(expected);
        held += usize::from(!expected);
    }
    Ok((violated, held))
}

fn live(program: &Program) -> impl Iterator<Item = (PropertyId, &Property)> {
    program.properties.iter_enumerated().filter(|(_, p)| p.kind.is_liveness())
}

/// Checks that every violated liveness property of a report has a behaviour that violates it: one that the interpreter has,
/// that comes back to where it says, that never reaches what is to follow, and that is fair.
///
/// # Errors
///
/// What is wrong with a behaviour.
pub fn check_lassos(program: &Program, report: &Report) -> Result<(), String> {
    for (id, property) in live(program) {
        let result = &report.results[id.0 as usize];
        if result.verdict == PropertyVerdict::Violated {
            check_lasso(program, id, result).map_err(|e| format!("lasso of {}: {e}", property.name))?;
        }
    }
    Ok(())
}

fn check_lasso(program: &Program, id: PropertyId, result: &PropertyResult) -> Result<(), String> {
    let interpreter = Interpreter::new(program);
    let trace = result.trace.as_ref().ok_or("no trace")?;
    let lasso = result.liveness.as_ref().and_then(|l| l.lasso.as_ref()).ok_or("no lasso")?;
    let states = states_of(&interpreter, trace)?;
    let from = lasso.back_to as usize;
    if states.get(from) != states.last() {
        return Err(format!("does not come back to step {from}"));
    }
    let violates = |c: &Combination| {
        let goal = |s: &State, e: &Expr| interpreter.holds_for(id, e, c, s);
        let exists = |s: &State| interpreter.combinations(id, s).contains(c);
        match &program.properties[id].kind {
            PropertyKind::LeadsTo(p, q) => {
                let due = |i: &usize| exists(&states[*i]) && goal(&states[*i], p);
                (0..states.len()).filter(due).any(|i| states[i..].iter().all(|s| !goal(s, q)))
                    || (from..states.len()).any(|i| due(&i)) && states[from..].iter().all(|s| !goal(s, q))
            }
            PropertyKind::Eventually(q) => exists(&states[0]) && states.iter().all(|s| !goal(s, q)),
            PropertyKind::AlwaysEventually(q) => (0..states.len()).filter(|i| exists(&states[*i])).any(|i| {
                states[i.min(from)..].iter().all(|s| !goal(s, q)) || states[i..].iter().all(|s| !goal(s, q))
            }),
            _ => false,
        }
    };
    let combinations: BTreeSet<Combination> =
        states.iter().flat_map(|s| interpreter.combinations(id, s)).collect();
    if !combinations.iter().any(violates) {
        return Err("it does not violate the property".to_owned());
    }
    is_fair(
        program,
        &interpreter,
        &states[from..],
        &trace.steps[from..].iter().map(|s| &s.event).collect::<Vec<_>>(),
    )
}

/// The states of a trace, if it is one.
fn states_of(interpreter: &Interpreter<'_>, trace: &Trace) -> Result<Vec<State>, String> {
    if !interpreter.initial_states().contains(&trace.initial) {
        return Err("does not begin in an initial state".to_owned());
    }
    let mut states = vec![trace.initial.clone()];
    for (i, step) in trace.steps.iter().enumerate() {
        let now = states.last().cloned().unwrap_or_default();
        let next = step.state.clone().ok_or("a step leads nowhere")?;
        let found = interpreter.successors(&now).transitions;
        if !found.iter().any(|t| t.event == step.event && t.outcome.as_ref() == Ok(&next)) {
            return Err(format!("step {} is no event of its state: {:?}", i + 1, step.event));
        }
        states.push(next);
    }
    Ok(states)
}

/// Whether a cycle treats every unit fairly.
fn is_fair(
    program: &Program,
    interpreter: &Interpreter<'_>,
    states: &[State],
    events: &[&Event],
) -> Result<(), String> {
    let enabled: Vec<BTreeSet<Unit>> = states
        .iter()
        .map(|s| {
            let all = interpreter.successors(s).transitions.into_iter();
            let others = all.filter(|t| t.outcome.as_ref() != Ok(s));
            others.flat_map(|t| units(program, s, &t.event)).collect()
        })
        .collect();
    let mut taken: BTreeMap<Unit, ()> = BTreeMap::new();
    for ((before, event), after) in states.iter().zip(events).zip(&states[1..]) {
        if before != after {
            taken.extend(units(program, before, event).into_iter().map(|u| (u, ())));
        }
    }
    for unit in enabled.iter().flatten().collect::<BTreeSet<_>>() {
        let always = enabled.iter().all(|e| e.contains(unit));
        if !taken.contains_key(unit) && (unit.1 || always) {
            return Err(format!("{unit:?} is not treated fairly"));
        }
    }
    Ok(())
}
