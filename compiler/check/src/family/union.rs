//! The events of some variants in one graph, each once, with the variants that have it.

use super::Family;
use super::sets::{Sets, add, has, insert, is_empty, keep, meet, remove};
use super::spread::Explored;
use super::store::Edge;
use arch_explorer::fair::{Labelled, UNLABELLED};
use hashbrown::HashMap;

/// States have the numbers of the store.
pub(super) struct Union {
    /// How many words a set of variants has.
    pub(super) width: usize,
    /// The variants.
    pub(super) variants: Vec<u64>,
    pub(super) edges: Labelled,
    /// For each edge which set of variants has it.
    sets: Vec<u32>,
    /// For each edge whether it is a way to what must be possible.
    ways: Vec<bool>,
    known: Known,
    /// For each state the variants that reach it.
    pub(super) reached: Sets,
    /// For each state the variants in which something that is treated fairly is enabled there.
    pub(super) busy: Sets,
    /// The states that are reached, ascending.
    pub(super) states: Vec<u32>,
}

/// Sets of variants that edges have: there are few, so each is kept once.
struct Known {
    numbers: HashMap<Box<[u64]>, u32>,
    sets: Sets,
}

impl Known {
    fn number(&mut self, set: &[u64]) -> u32 {
        if let Some(number) = self.numbers.get(set) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(set.into(), number);
        self.sets.words.extend_from_slice(set);
        number
    }
}

impl Union {
    /// The events of those `wanted` among the variants that were explored; all of these were explored to their end.
    pub(super) fn of(family: &Family, explored: &Explored, wanted: &[bool]) -> Union {
        let (search, states) = (&explored.search, family.store.len());
        let mut variants = vec![0; search.width];
        let wanted = wanted.iter().enumerate().filter(|(_, wanted)| **wanted);
        wanted.for_each(|(v, _)| insert(&mut variants, v));
        let mut union = Union {
            width: search.width,
            variants,
            edges: Labelled::default(),
            sets: Vec::new(),
            ways: Vec::new(),
            known: Known { numbers: HashMap::new(), sets: Sets::new(search.width, 0) },
            reached: Sets::new(search.width, states),
            busy: Sets::new(search.width, states),
            states: Vec::new(),
        };
        for state in 0..states as u32 {
            union.add_state(family, explored, state);
            union.edges.close();
        }
        union
    }

    fn add_state(&mut self, family: &Family, explored: &Explored, state: u32) {
        let search = &explored.search;
        let mut all = search.seen.of(state as usize).to_vec();
        keep(&mut all, &self.variants);
        if is_empty(&all) {
            return;
        }
        self.states.push(state);
        self.reached.of_mut(state as usize).copy_from_slice(&all);
        let lacking = |part: u16| search.lacking.of(part as usize);
        let differences = family.store.differences(state).filter(|(part, _)| meet(lacking(*part), &all));
        let here: Vec<(u16, &[Edge])> = differences.collect();
        let common = self.known.number(&all);
        for edge in family.store.events(state) {
            let deciding = search.touching[edge.action as usize].iter();
            let mut deciding = deciding.filter(|p| here.iter().any(|(q, _)| q == *p)).peekable();
            let set = if deciding.peek().is_none() {
                common
            } else {
                let mut some = all.clone();
                deciding.for_each(|part| remove(&mut some, lacking(*part)));
                self.known.number(&some)
            };
            self.add_edge(state, edge, set, family.is_way(None, edge));
        }
        for (part, edges) in here {
            let mut some = all.clone();
            keep(&mut some, lacking(part));
            let set = self.known.number(&some);
            for edge in edges {
                self.add_edge(state, edge, set, family.is_way(Some(part), edge));
            }
        }
    }

    fn add_edge(&mut self, state: u32, edge: &Edge, set: u32, way: bool) {
        let Some((target, label)) = edge.labelled(state) else { return };
        if is_empty(self.known.sets.of(set as usize)) {
            return;
        }
        self.edges.push(target, label);
        self.sets.push(set);
        self.ways.push(way);
        if label != UNLABELLED {
            add(self.busy.of_mut(state as usize), self.known.sets.of(set as usize));
        }
    }

    /// The variants that have an edge.
    #[inline]
    pub(super) fn of_edge(&self, edge: u64) -> &[u64] {
        self.known.sets.of(self.sets[edge as usize] as usize)
    }

    /// Whether an edge is a way to what must be possible.
    pub(super) fn is_way(&self, edge: u64) -> bool {
        self.ways[edge as usize]
    }

    /// Whether a variant has an edge.
    pub(super) fn has_edge(&self, variant: usize, edge: u64) -> bool {
        has(self.of_edge(edge), variant)
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        let sets = self.reached.bytes() + self.busy.bytes() + 2 * self.known.sets.bytes();
        self.edges.bytes()
            + sets
            + self.sets.capacity() as u64 * 4
            + self.ways.capacity() as u64
            + self.states.capacity() as u64 * 4
    }
}
