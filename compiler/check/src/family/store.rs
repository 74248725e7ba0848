//! States of a program and of its variants by number, each kept once with the events that the program has in it and those
//! that parts of it decide about.

use arch_explorer::fair::UNLABELLED;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::BuildHasher;
use std::ops::Range;

/// Where an event leads that exceeds a bound.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The label of an event that is not treated fairly.
pub(super) const NO_LABEL: u16 = u16::MAX;

const NONE: u32 = u32::MAX;

/// An event of a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Edge {
    /// A state, or [`NOWHERE`].
    pub(super) target: u32,
    /// The action of the program, or of the program without the part whose event it is.
    pub(super) action: u16,
    /// What it is an occurrence of, or [`NO_LABEL`].
    pub(super) label: u16,
}

impl Edge {
    /// Where it leads and what it is an occurrence of, among the events of its state that liveness looks at; none for one that
    /// changes nothing. What exceeds a bound is enabled, and leads nowhere: to the same state.
    pub(super) fn labelled(&self, state: u32) -> Option<(u32, u32)> {
        let label = self.fair_label();
        match self.target {
            NOWHERE => (label != UNLABELLED).then_some((state, label)),
            target => (target != state).then_some((target, label)),
        }
    }

    /// What it is an occurrence of, in the numbers of a graph.
    pub(super) fn fair_label(&self) -> u32 {
        if self.label == NO_LABEL { UNLABELLED } else { u32::from(self.label) }
    }
}

/// What something is found on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum On {
    /// The state itself.
    State,
    /// An event of the program, by its action.
    Event(u16),
    /// An event of the program without a part.
    Part(u16),
}

/// Something found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) finding: u32,
    pub(super) on: On,
}

/// The events of a state without a part, where they are not those with it.
#[derive(Clone, Debug)]
struct Difference {
    part: u16,
    edges: Range<usize>,
    next: u32,
}

/// What is known of a state.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Where its events begin; [`usize::MAX`] while they are not known.
    start: usize,
    count: u32,
    /// The last difference.
    differences: u32,
    /// Whether something was found on it or its events.
    noted: bool,
}

/// The states.
#[derive(Debug)]
pub(super) struct Store {
    words: usize,
    /// Truth values that are kept of each state, in words.
    facts_each: usize,
    states: Vec<u64>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    rows: Vec<Row>,
    edges: Vec<Edge>,
    differences: Vec<Difference>,
    notes: HashMap<u32, Vec<Note>>,
    facts: Vec<u64>,
}

impl Store {
    /// No states, of so many words and with so many truth values.
    pub(super) fn new(words: usize, facts: usize) -> Store {
        Store {
            words,
            facts_each: facts.div_ceil(64),
            states: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            rows: Vec::new(),
            edges: Vec::new(),
            differences: Vec::new(),
            notes: HashMap::new(),
            facts: Vec::new(),
        }
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of a state, which it gets if it has none.
    pub(super) fn number(&mut self, state: &[u64]) -> u32 {
        let Store { words, states, index, hasher, .. } = self;
        let at = |n: u32| &states[n as usize * *words..(n as usize + 1) * *words];
        let hash = hasher.hash_one(state);
        if let Some(found) = index.find(hash, |n| at(*n) == state) {
            return *found;
        }
        let number = self.rows.len() as u32;
        index.insert_unique(hash, number, |n| hasher.hash_one(at(*n)));
        self.states.extend_from_slice(state);
        self.rows.push(Row { start: usize::MAX, count: 0, differences: NONE, noted: false });
        self.facts.extend(std::iter::repeat_n(0, self.facts_each));
        number
    }

    /// The words of a state.
    pub(super) fn state(&self, number: u32) -> &[u64] {
        &self.states[number as usize * self.words..(number as usize + 1) * self.words]
    }

    /// Whether the events of a state are known.
    pub(super) fn is_expanded(&self, state: u32) -> bool {
        self.rows[state as usize].start != usize::MAX
    }

    /// Says what the events of a state are.
    pub(super) fn expand(&mut self, state: u32, edges: impl Iterator<Item = Edge>) {
        let start = self.edges.len();
        self.edges.extend(edges);
        let row = &mut self.rows[state as usize];
        (row.start, row.count) = (start, (self.edges.len() - start) as u32);
    }

    /// Says what they are without a part, where that is something else.
    pub(super) fn differ(&mut self, state: u32, part: u16, edges: impl Iterator<Item = Edge>) {
        let start = self.edges.len();
        self.edges.extend(edges);
        let row = &mut self.rows[state as usize];
        let next = std::mem::replace(&mut row.differences, self.differences.len() as u32);
        self.differences.push(Difference { part, edges: start..self.edges.len(), next });
    }

    /// The events of a state.
    pub(super) fn events(&self, state: u32) -> &[Edge] {
        let row = self.rows[state as usize];
        &self.edges[row.start..row.start + row.count as usize]
    }

    /// The parts that decide about events of a state, with what the events of the steps in question are without it.
    pub(super) fn differences(&self, state: u32) -> impl Iterator<Item = (u16, &[Edge])> {
        let mut at = self.rows[state as usize].differences;
        std::iter::from_fn(move || {
            let found = self.differences.get(at as usize)?;
            at = found.next;
            Some((found.part, &self.edges[found.edges.clone()]))
        })
    }

    /// Notes what was found on a state or its events.
    pub(super) fn note(&mut self, state: u32, note: Note) {
        self.rows[state as usize].noted = true;
        self.notes.entry(state).or_default().push(note);
    }

    /// What was found.
    pub(super) fn notes(&self, state: u32) -> &[Note] {
        if !self.rows[state as usize].noted {
            return &[];
        }
        self.notes.get(&state).map_or(&[], Vec::as_slice)
    }

    /// Words for the truth values of one state.
    pub(super) fn blank_facts(&self) -> Vec<u64> {
        vec![0; self.facts_each]
    }

    /// Says what is true of a state.
    pub(super) fn set_facts(&mut self, state: u32, facts: &[u64]) {
        let start = state as usize * self.facts_each;
        self.facts[start..start + self.facts_each].copy_from_slice(facts);
    }

    /// Whether something is true of a state.
    pub(super) fn is(&self, state: u32, fact: usize) -> bool {
        self.facts[state as usize * self.facts_each + fact / 64] >> (fact % 64) & 1 != 0
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        let notes = self.notes.capacity() * 40;
        let table = self.index.capacity() * 5 + self.rows.capacity() * size_of::<Row>();
        let words = (self.states.capacity() + self.facts.capacity()) * 8;
        let edges = self.edges.capacity() * size_of::<Edge>();
        (notes + table + words + edges + self.differences.capacity() * size_of::<Difference>()) as u64
    }
}
