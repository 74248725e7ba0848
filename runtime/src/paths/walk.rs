//! Which way to go: to what was not taken yet.

use super::graph::{Graph, Kind};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// What was taken of a graph, and what was not.
pub(super) struct Walk<'g> {
    graph: &'g Graph,
    /// For each state, the edges that were not taken.
    open: Vec<BTreeSet<usize>>,
    taken: usize,
    total: usize,
    kinds: BTreeMap<&'g Kind, bool>,
    /// Whether the present path began behind a fault, if there was something to be taken.
    behind: bool,
    /// Whether the present path can still come to a kind that was not taken.
    news: bool,
}

impl<'g> Walk<'g> {
    /// Nothing was taken.
    pub fn of(graph: &'g Graph) -> Walk<'g> {
        let open: Vec<BTreeSet<usize>> =
            (0..graph.len()).map(|n| (0..graph.edges(n as u32).len()).collect()).collect();
        let total = open.iter().map(BTreeSet::len).sum();
        let kinds = graph.kinds().map(|kind| (kind, false)).collect();
        Walk { graph, open, taken: 0, total, kinds, behind: true, news: true }
    }

    /// Edges that were taken, of all.
    pub fn edges(&self) -> (usize, usize) {
        (self.taken, self.total)
    }

    /// Kinds that were taken, of all.
    pub fn kinds(&self) -> (usize, usize) {
        (self.kinds.values().filter(|taken| **taken).count(), self.kinds.len())
    }

    /// An edge was taken.
    pub fn taken(&mut self, at: u32, edge: usize) {
        self.taken += usize::from(self.open[at as usize].remove(&edge));
        self.kinds.insert(&self.graph.kinds_of(at)[edge], true);
    }

    /// Where a new path begins, and the edges to the first one that was not taken; none if all were.
    pub fn begin(&mut self) -> Option<(u32, Vec<usize>)> {
        self.news = true;
        self.behind = !self.behind;
        let all = 0..self.graph.len() as u32;
        let with = |wanted: &dyn Fn(u32) -> Option<usize>| {
            all.clone().find_map(|n| {
                let edge = wanted(n)?;
                let (from, mut route) = self.graph.route(n);
                route.push(edge);
                Some((from, route))
            })
        };
        let behind = |n: u32| if self.graph.is_behind_a_fault(n) { self.new_edge(n) } else { None };
        let first = with(&|n| self.new_kind(n)).or_else(|| if self.behind { with(&behind) } else { None });
        first.or_else(|| with(&|n| self.new_edge(n)))
    }

    /// The edges from a state to the nearest one that was not taken; none if no such edge can be reached.
    pub fn on(&mut self, at: u32) -> Vec<usize> {
        let kind = if self.news { self.nearest(at, &|n| self.new_kind(n)) } else { None };
        self.news = kind.is_some();
        kind.or_else(|| self.nearest(at, &|n| self.new_edge(n))).unwrap_or_default()
    }

    fn new_edge(&self, at: u32) -> Option<usize> {
        self.open[at as usize].first().copied()
    }

    fn new_kind(&self, at: u32) -> Option<usize> {
        let kinds = self.graph.kinds_of(at);
        self.open[at as usize].iter().copied().find(|edge| !self.kinds[&kinds[*edge]])
    }

    fn nearest(&self, at: u32, wanted: &dyn Fn(u32) -> Option<usize>) -> Option<Vec<usize>> {
        let mut from: HashMap<u32, (u32, usize)> = HashMap::new();
        let mut open = VecDeque::from([at]);
        while let Some(n) = open.pop_front() {
            if let Some(edge) = wanted(n) {
                return Some(back(&from, at, n, edge));
            }
            for (edge, (_, to)) in self.graph.edges(n).iter().enumerate() {
                if *to != at && !from.contains_key(to) {
                    from.insert(*to, (n, edge));
                    open.push_back(*to);
                }
            }
        }
        None
    }
}

/// The edges from `start` to `end`, and one more.
fn back(from: &HashMap<u32, (u32, usize)>, start: u32, end: u32, last: usize) -> Vec<usize> {
    let (mut edges, mut at) = (vec![last], end);
    while at != start {
        let (before, edge) = from[&at];
        edges.push(edge);
        at = before;
    }
    edges.reverse();
    edges
}
