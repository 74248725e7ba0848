//! The part of a model's state graph that a service can be driven through.

use crate::model::{Event, Model, State};
use crate::value::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What tells events apart that are to be taken: the operation, whether it answered that its guard is false, where the run is then.
pub(super) type Kind = (String, bool, String);

/// States and what a service does between them.
pub(super) struct Graph {
    states: Vec<State>,
    edges: Vec<Vec<(Event, u32)>>,
    kinds: Vec<Vec<Kind>>,
    /// How each state is reached from an initial one without a fault: from where, by which edge.
    parents: Vec<Option<(u32, usize)>>,
    initial: BTreeSet<u32>,
    complete: bool,
}

impl Graph {
    /// Of a model: at most so many states; three quarters of them are for those that no fault is needed for.
    pub fn of(model: &Model, most: usize) -> Graph {
        let mut graph = Graph {
            states: Vec::new(),
            edges: Vec::new(),
            kinds: Vec::new(),
            parents: Vec::new(),
            initial: BTreeSet::new(),
            complete: true,
        };
        let mut search = Search {
            model,
            most: most - most / 4,
            all: most,
            numbers: HashMap::new(),
            open: VecDeque::new(),
            behind: VecDeque::new(),
        };
        for state in model.initial_states().into_iter().filter(|s| starts_there(model, s)) {
            if let Some(number) = search.number(&mut graph, state, None) {
                graph.initial.insert(number);
            }
        }
        while let Some(number) = search.next(&mut graph) {
            search.expand(&mut graph, number);
        }
        graph
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether no state is missing.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    pub fn state(&self, number: u32) -> &State {
        &self.states[number as usize]
    }

    /// The edges of a state.
    pub fn edges(&self, number: u32) -> &[(Event, u32)] {
        &self.edges[number as usize]
    }

    pub fn edge(&self, number: u32, edge: usize) -> (&Event, u32) {
        let (event, to) = &self.edges[number as usize][edge];
        (event, *to)
    }

    /// The kinds of the edges of a state.
    pub fn kinds_of(&self, number: u32) -> &[Kind] {
        &self.kinds[number as usize]
    }

    /// The kinds of all edges.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().flatten()
    }

    /// Whether a service starts in a state.
    pub fn is_initial(&self, number: u32) -> bool {
        self.initial.contains(&number)
    }

    /// Whether only a fault leads to a state.
    pub fn is_behind_a_fault(&self, number: u32) -> bool {
        !self.is_initial(self.route(number).0)
    }

    /// An initial state, and the edges from there to a state; the state itself where only a fault leads to it.
    pub fn route(&self, number: u32) -> (u32, Vec<usize>) {
        let (mut at, mut edges) = (number, Vec::new());
        while let Some((from, edge)) = self.parents[at as usize] {
            edges.push(edge);
            at = from;
        }
        edges.reverse();
        if self.is_initial(at) { (at, edges) } else { (number, Vec::new()) }
    }
}

struct Search<'m> {
    model: &'m Model,
    /// How many states there may be now, and in the end.
    most: usize,
    all: usize,
    numbers: HashMap<State, u32>,
    open: VecDeque<u32>,
    /// States that only a fault leads to.
    behind: VecDeque<State>,
}

impl Search<'_> {
    fn number(&mut self, graph: &mut Graph, state: State, parent: Option<(u32, usize)>) -> Option<u32> {
        if let Some(number) = self.numbers.get(&state) {
            return Some(*number);
        }
        if graph.states.len() >= self.most {
            graph.complete = false;
            return None;
        }
        let number = graph.states.len() as u32;
        self.numbers.insert(state.clone(), number);
        graph.states.push(state);
        graph.edges.push(Vec::new());
        graph.kinds.push(Vec::new());
        graph.parents.push(parent);
        self.open.push_back(number);
        Some(number)
    }

    /// The next state to look at: those behind faults come last.
    fn next(&mut self, graph: &mut Graph) -> Option<u32> {
        while self.open.is_empty() {
            let state = self.behind.pop_front()?;
            self.most = self.all;
            self.number(graph, state, None);
        }
        self.open.pop_front()
    }

    fn expand(&mut self, graph: &mut Graph, number: u32) {
        let state = graph.states[number as usize].clone();
        for transition in self.model.successors(&state).transitions {
            let Ok(next) = transition.next else { continue };
            if !is_asked_for(&transition.event) {
                if self.behind.len() >= self.all {
                    graph.complete = false;
                } else if !self.numbers.contains_key(&next) {
                    self.behind.push_back(next);
                }
                continue;
            }
            let kind = kind(self.model, &transition.event, &next);
            let edge = graph.edges[number as usize].len();
            if let Some(to) = self.number(graph, next, Some((number, edge))) {
                graph.edges[number as usize].push((transition.event, to));
                graph.kinds[number as usize].push(kind);
            }
        }
    }
}

/// Whether a service can be asked for it, or time does it.
pub(super) fn is_asked_for(event: &Event) -> bool {
    matches!(event, Event::Begin { .. } | Event::Step { duplicated: None, .. } | Event::Tick)
}

fn kind(model: &Model, event: &Event, next: &State) -> Kind {
    let (op, run, rejected) = match event {
        Event::Step { op, run, rejected, .. } => (op.to_string(), run, *rejected),
        Event::Begin { protocol, run } => (format!("{protocol}.begin"), run, false),
        _ => return ("tick".into(), false, String::new()),
    };
    let row = model.spec.action(&op).and_then(|(protocol, _)| crate::step::Action::run_row(protocol, run));
    let status = row.and_then(|row| next.rows.get(&row)).and_then(|values| values.first());
    let status = if let Some(Value::Enum(word)) = status { word.to_string() } else { String::new() };
    (op, rejected, status)
}

/// Whether a service can start so: with the initial values of its rows, and with clocks that are right.
pub(crate) fn starts_there(model: &Model, state: &State) -> bool {
    let mut fresh = state.clone();
    for (row, values) in fresh.rows.iter_mut().filter(|(row, _)| usize::from(row.kind.0) < model.spec.stored)
    {
        *values = std::sync::Arc::new(model.initial(row));
    }
    state.skew.iter().all(|(.., by)| *by == 0) && model.canonical(fresh) == *state
}
