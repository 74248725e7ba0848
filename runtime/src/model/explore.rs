//! Visits every state of a model, breadth first, and judges its claims.

use super::events::{Event, Successors};
use super::state::{State, StateSource};
use super::{Claim, Goals, Model};
use crate::step::Excess;
use crate::value::{RowKey, Value};
use std::collections::{BTreeMap, HashMap};

/// What is known of a claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not; the events to where it does not, a shortest list of them. Empty where what is missing is a state.
    Violated(Vec<Event>),
    /// It was not judged: a claim about infinite behaviours, or something was cut off.
    NotJudged,
}

/// A claim with what is known of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The property's name, or that of a built-in check: `bounds`, `advances`, `stuck`, `stranded`.
    pub name: String,
    /// What is known.
    pub verdict: Verdict,
}

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Distinct states.
    pub states: usize,
    /// Events, self-loops included.
    pub transitions: u64,
    /// The greatest number of events on a shortest path from an initial state.
    pub depth: u32,
    /// Whether something was cut off: by a `cut` bound, or by the limit of states.
    pub cut: bool,
    /// The claims, in order, then the built-in checks.
    pub findings: Vec<Finding>,
}

/// How many states tests look at: what `ARCH_STATES` says, or else so many.
///
/// # Panics
/// It says something that is no number.
#[must_use]
pub fn most_states(usual: usize) -> usize {
    let Some(said) = std::env::var_os("ARCH_STATES") else { return usual };
    let number = said.to_str().and_then(|text| text.replace('_', "").parse().ok());
    number.unwrap_or_else(|| panic!("ARCH_STATES is {}, which is no number", said.display()))
}

impl Report {
    /// Whether the model has at most so many states, so that it was explored whole.
    ///
    /// # Errors
    /// What can be done about it.
    pub fn within(&self, most: usize) -> Result<(), String> {
        if self.states <= most {
            return Ok(());
        }
        Err(format!(
            "the model has more than {most} states and was not explored whole: generate the crate from a smaller one (`archc generate … \
             --instance NAME`, or `--set` a smaller constant), or look at more states, which takes about a kilobyte of memory each: \
             ARCH_STATES={} cargo test",
            most.saturating_mul(10)
        ))
    }

    /// The claims that do not hold.
    #[must_use]
    pub fn violated(&self) -> Vec<&Finding> {
        self.findings.iter().filter(|f| matches!(f.verdict, Verdict::Violated(_))).collect()
    }
}

/// Where a violation was first found: a state, and the event from it that is to blame, if it is one.
type Place = (u32, Option<Event>);

struct Node {
    parent: Option<(u32, Event)>,
    depth: u32,
    /// Where its events lead, but for adverse ones.
    ways: Vec<u32>,
    tick: Option<u32>,
    helps: bool,
}

struct Search<'m> {
    model: &'m Model,
    states: Vec<State>,
    numbers: HashMap<State, u32>,
    nodes: Vec<Node>,
    transitions: u64,
    /// Whether a `cut` bound disabled an event.
    cut: bool,
    /// Whether states are left that were not looked at.
    stopped: bool,
    violated: Vec<Option<Place>>,
    bounds: Option<Place>,
    advances: Option<Place>,
    /// For each `reachable` property, which of its combinations were seen.
    hits: BTreeMap<usize, Vec<bool>>,
}

/// Explores a model, as far as it has at most so many states.
#[must_use]
pub fn explore(model: &Model, most: usize) -> Report {
    let mut search = Search {
        model,
        states: Vec::new(),
        numbers: HashMap::new(),
        nodes: Vec::new(),
        transitions: 0,
        cut: false,
        stopped: false,
        violated: vec![None; model.properties.len()],
        bounds: None,
        advances: None,
        hits: BTreeMap::new(),
    };
    for state in model.initial_states() {
        search.number(state, None);
    }
    let mut next = 0;
    while next < search.states.len() && search.states.len() <= most {
        search.expand(next as u32);
        next += 1;
    }
    search.stopped = next < search.states.len();
    search.report()
}

impl Search<'_> {
    fn number(&mut self, state: State, parent: Option<(u32, Event)>) -> u32 {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.states.len() as u32;
        for property in self.model.always_violations(&state) {
            self.violated[property].get_or_insert((number, None));
        }
        self.judge_reachable(&state);
        let depth = parent.as_ref().map_or(0, |(p, _)| self.nodes[*p as usize].depth + 1);
        self.nodes.push(Node { parent, depth, ways: Vec::new(), tick: None, helps: false });
        self.numbers.insert(state.clone(), number);
        self.states.push(state);
        number
    }

    fn judge_reachable(&mut self, state: &State) {
        let source = StateSource::new(self.model, state);
        for (i, property) in self.model.properties.iter().enumerate() {
            if let Claim::Reachable(goals) = property.claim {
                let now = goals(&source.tx());
                let hits = self.hits.entry(i).or_insert_with(|| vec![false; now.len()]);
                hits.iter_mut().zip(now).for_each(|(hit, now)| *hit |= now);
            }
        }
    }

    fn expand(&mut self, number: u32) {
        let state = self.states[number as usize].clone();
        let Successors { transitions, cut } = self.model.successors(&state);
        self.cut |= cut;
        for transition in transitions {
            self.transitions += 1;
            self.nodes[number as usize].helps |= transition.helps(&state);
            let event = transition.event;
            for property in transition.violated {
                self.violated[property].get_or_insert((number, Some(event.clone())));
            }
            match transition.next {
                Ok(next) => {
                    let to = self.number(next, Some((number, event.clone())));
                    let node = &mut self.nodes[number as usize];
                    node.ways.extend((!event.is_adverse()).then_some(to));
                    if event == Event::Tick {
                        node.tick = Some(to);
                    }
                }
                Err(Excess::Advance) => _ = self.advances.get_or_insert((number, Some(event))),
                Err(_) => _ = self.bounds.get_or_insert((number, Some(event))),
            }
        }
    }

    fn report(&self) -> Report {
        let mut findings: Vec<Finding> = Vec::new();
        for (i, property) in self.model.properties.iter().enumerate() {
            let verdict = match &property.claim {
                Claim::Reachable(_) => self.reachable(i),
                Claim::AlwaysPossible(goals) => self.always_possible(*goals),
                Claim::Liveness => Verdict::NotJudged,
                _ => self.found(self.violated[i].as_ref()),
            };
            findings.push(Finding { name: property.name.to_owned(), verdict });
        }
        let mut built_in = |name: &str, verdict| findings.push(Finding { name: name.to_owned(), verdict });
        built_in("bounds", self.found(self.bounds.as_ref()));
        if self.model.advances {
            built_in("advances", self.found(self.advances.as_ref()));
        }
        if self.model.stuck {
            let stuck = (0..self.states.len() as u32).find(|n| self.is_stuck(*n));
            built_in("stuck", self.found(stuck.map(|n| (n, None)).as_ref()));
        }
        if self.model.stranded {
            built_in("stranded", self.stranded());
        }
        let depth = self.nodes.iter().map(|n| n.depth).max().unwrap_or(0);
        let cut = self.is_incomplete();
        Report { states: self.states.len(), transitions: self.transitions, depth, cut, findings }
    }

    fn is_incomplete(&self) -> bool {
        self.cut || self.stopped
    }

    fn found(&self, place: Option<&Place>) -> Verdict {
        match place {
            None if self.is_incomplete() => Verdict::NotJudged,
            None => Verdict::Holds,
            Some((state, event)) => {
                let mut events = self.path(*state);
                events.extend(event.clone());
                Verdict::Violated(events)
            }
        }
    }

    fn path(&self, state: u32) -> Vec<Event> {
        let mut events = Vec::new();
        let mut at = state;
        while let Some((parent, event)) = &self.nodes[at as usize].parent {
            events.push(event.clone());
            at = *parent;
        }
        events.reverse();
        events
    }

    fn reachable(&self, property: usize) -> Verdict {
        match self.hits.get(&property) {
            Some(hits) if hits.iter().all(|hit| *hit) => Verdict::Holds,
            _ if self.is_incomplete() => Verdict::NotJudged,
            _ => Verdict::Violated(Vec::new()),
        }
    }

    /// What a `cut` bound disables cannot happen, so it is no way out of anything; what was not looked at might be one.
    fn always_possible(&self, goals: Goals) -> Verdict {
        if self.stopped {
            return Verdict::NotJudged;
        }
        let reached = |state: &State| goals(&StateSource::new(self.model, state).tx());
        let hits: Vec<Vec<bool>> = self.states.iter().map(reached).collect();
        let combinations = hits.first().map_or(0, Vec::len);
        let lost = (0..combinations).filter_map(|c| self.first_lost(|n| hits[n][c]));
        self.found(lost.min().map(|n| (n, None)).as_ref())
    }

    /// The first state from which no state with a goal can be reached without adverse events.
    fn first_lost(&self, goal: impl Fn(usize) -> bool) -> Option<u32> {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        for (n, node) in self.nodes.iter().enumerate() {
            node.ways.iter().for_each(|to| before[*to as usize].push(n as u32));
        }
        let mut open: Vec<u32> = (0..self.nodes.len()).filter(|n| goal(*n)).map(|n| n as u32).collect();
        let mut can = vec![false; self.nodes.len()];
        open.iter().for_each(|n| can[*n as usize] = true);
        while let Some(n) = open.pop() {
            for from in &before[n as usize] {
                if !std::mem::replace(&mut can[*from as usize], true) {
                    open.push(*from);
                }
            }
        }
        can.iter().position(|can| !can).map(|n| n as u32)
    }

    fn stranded(&self) -> Verdict {
        if self.stopped {
            return Verdict::NotJudged;
        }
        let mut first: Option<u32> = None;
        for p in 0..self.model.spec.protocols.len() {
            let Some(kind) = self.model.spec.protocols[p].kind else { continue };
            for run in self.model.runs(p) {
                let row = RowKey::new(kind, run);
                let lost = self.first_lost(|n| !self.unfinished(&self.states[n], p, &row));
                first = first.into_iter().chain(lost).min();
            }
        }
        self.found(first.map(|n| (n, None)).as_ref())
    }

    fn unfinished(&self, state: &State, protocol: usize, row: &RowKey) -> bool {
        let unfinished = &self.model.spec.protocols[protocol].unfinished;
        matches!(state.rows.get(row).and_then(|r| r.first()), Some(Value::Enum(s)) if unfinished.contains(s))
    }

    fn has_unfinished(&self, state: &State) -> bool {
        self.model.spec.protocols.iter().enumerate().any(|(p, protocol)| {
            let runs = state.rows.keys().filter(|row| Some(row.kind) == protocol.kind);
            runs.into_iter().any(|row| self.unfinished(state, p, row))
        })
    }

    /// Whether a run is unfinished and nothing but faults can happen, now or after any number of ticks.
    fn is_stuck(&self, number: u32) -> bool {
        if !self.has_unfinished(&self.states[number as usize]) {
            return false;
        }
        let (mut at, mut seen) = (number, Vec::new());
        while !seen.contains(&at) && self.has_unfinished(&self.states[at as usize]) {
            seen.push(at);
            if self.nodes[at as usize].helps {
                return false;
            }
            match self.nodes[at as usize].tick {
                Some(next) => at = next,
                None => break,
            }
        }
        true
    }
}
