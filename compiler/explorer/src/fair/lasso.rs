//! A behaviour that can be shown: a path into a fair component, then a cycle in it that treats every unit fairly.
//!
//! The path is a shortest one. The cycle is made greedily, always going to the nearest place where something that
//! is still due happens, from several states of the component, and begins at its state that is nearest; so it is short, not always
//! the shortest.

use super::{Component, Labelled, Units};
use std::collections::VecDeque;

/// Not reached.
const NONE: u32 = u32::MAX;

/// States of a component from which cycles are tried.
const TRIED: usize = 24;

/// Edges that are looked at before no more cycles are tried.
const WORK: u64 = 1 << 24;

/// A path into a component and a cycle there; edges are numbered as in [`Labelled::row`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasso {
    /// Where the path begins.
    pub start: u32,
    /// The edges of the path.
    pub path: Vec<u64>,
    /// The edges of the cycle; empty when the behaviour stutters for ever at the end of the path.
    pub cycle: Vec<u64>,
}

impl Lasso {
    /// How many steps it takes from its start until its cycle has been gone through once.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.path.len() + self.cycle.len()
    }
}

/// How the states of a region are reached from its starts, on shortest paths.
#[derive(Debug)]
pub struct Reached {
    distance: Vec<u32>,
    /// The edge by which a state was reached; none for a start.
    by: Vec<u64>,
    from: Vec<u32>,
    /// The states that were reached, ascending.
    pub states: Vec<u32>,
}

impl Reached {
    /// Everything that can be reached `inside` from the starts; each comes with its own distance from where
    /// behaviours begin.
    #[must_use]
    pub fn from(graph: &Labelled, starts: &[(u32, u32)], inside: impl Fn(u32) -> bool) -> Reached {
        let count = graph.states();
        let mut reached = Reached {
            distance: vec![NONE; count],
            by: vec![u64::MAX; count],
            from: vec![NONE; count],
            states: Vec::new(),
        };
        let mut later: Vec<(u32, u32)> =
            starts.iter().filter(|(s, _)| inside(*s)).map(|(s, d)| (*d, *s)).collect();
        later.sort_unstable();
        let mut later = later.into_iter().peekable();
        let (mut now, mut level) = (Vec::new(), 0);
        while !now.is_empty() || later.peek().is_some() {
            if let (true, Some((d, _))) = (now.is_empty(), later.peek()) {
                level = *d;
            }
            // Starts join in when it is their turn, so every path is a shortest one.
            while let Some((_, start)) = later.next_if(|(d, _)| *d == level) {
                reached.reach(start, level, None, &mut now);
            }
            let mut next = Vec::new();
            for state in now {
                for edge in graph.row(state).filter(|e| inside(graph.target(*e))) {
                    reached.reach(graph.target(edge), level + 1, Some((state, edge)), &mut next);
                }
            }
            (now, level) = (next, level + 1);
        }
        reached.states.sort_unstable();
        reached
    }

    fn reach(&mut self, state: u32, distance: u32, by: Option<(u32, u64)>, frontier: &mut Vec<u32>) {
        if self.distance[state as usize] != NONE {
            return;
        }
        self.distance[state as usize] = distance;
        if let Some((from, edge)) = by {
            (self.from[state as usize], self.by[state as usize]) = (from, edge);
        }
        self.states.push(state);
        frontier.push(state);
    }

    /// How far a state is from where behaviours begin.
    #[must_use]
    pub fn distance(&self, state: u32) -> u32 {
        self.distance[state as usize]
    }

    /// The start and the edges of a shortest path to a state.
    #[must_use]
    pub fn path(&self, state: u32) -> (u32, Vec<u64>) {
        let (mut at, mut path) = (state, Vec::new());
        while self.by[at as usize] != u64::MAX {
            path.push(self.by[at as usize]);
            at = self.from[at as usize];
        }
        path.reverse();
        (at, path)
    }
}

/// A short lasso into one of some fair components: the shortest of those that were tried.
#[must_use]
pub fn short(
    graph: &Labelled,
    units: &Units,
    active: &[bool],
    reached: &Reached,
    components: &[Component],
) -> Option<Lasso> {
    let mut entries: Vec<(u32, u32, usize)> = Vec::new();
    for (i, component) in components.iter().enumerate() {
        let mut near: Vec<(u32, u32, usize)> =
            component.states.iter().map(|s| (reached.distance(*s), *s, i)).collect();
        near.sort_unstable();
        let quiet = near.iter().find(|(_, s, _)| is_quiet(graph, units, active, *s)).copied();
        near.truncate(TRIED);
        near.extend(quiet);
        entries.extend(near);
    }
    entries.sort_unstable();
    let mut best: Option<(usize, u32, Vec<u64>)> = None;
    let mut walker = Walker::new(graph, units, active);
    for (distance, state, component) in entries {
        let at_best = best.as_ref().map_or(usize::MAX, |b| b.0);
        if distance as usize >= at_best || (best.is_some() && walker.work > WORK) {
            break;
        }
        let cycle = walker.cycle(state, &components[component]);
        let (distance, state, cycle) = nearest_first(graph, reached, (distance, state), cycle);
        if distance as usize + cycle.len() < at_best {
            best = Some((distance as usize + cycle.len(), state, cycle));
        }
    }
    best.map(|(_, state, cycle)| {
        let (start, path) = reached.path(state);
        Lasso { start, path, cycle }
    })
}

/// A cycle told from its state that is nearest to where behaviours begin, the first of these; with the distance.
fn nearest_first(
    graph: &Labelled,
    reached: &Reached,
    (mut distance, mut state): (u32, u32),
    mut cycle: Vec<u64>,
) -> (u32, u32, Vec<u64>) {
    let mut at = 0;
    for (i, edge) in cycle.iter().enumerate() {
        let next = graph.target(*edge);
        if reached.distance(next) < distance {
            (distance, state, at) = (reached.distance(next), next, i + 1);
        }
    }
    cycle.rotate_left(at);
    (distance, state, cycle)
}

fn is_quiet(graph: &Labelled, units: &Units, active: &[bool], state: u32) -> bool {
    graph.of(state).all(|(_, label)| !units.of(label).iter().any(|u| active[*u as usize]))
}

/// What a walk has done for a unit so far.
#[derive(Clone, Copy, Default)]
struct Treated {
    taken: bool,
    /// Whether it was enabled in a state on the way, and whether it was not.
    enabled: bool,
    disabled: bool,
}

/// Makes cycles.
struct Walker<'g> {
    graph: &'g Labelled,
    units: &'g Units,
    active: &'g [bool],
    treated: Vec<Treated>,
    inside: Vec<bool>,
    by: Vec<u64>,
    from: Vec<u32>,
    touched: Vec<u32>,
    work: u64,
}

impl<'g> Walker<'g> {
    fn new(graph: &'g Labelled, units: &'g Units, active: &'g [bool]) -> Walker<'g> {
        Walker {
            graph,
            units,
            active,
            treated: Vec::new(),
            inside: vec![false; graph.states()],
            by: vec![u64::MAX; graph.states()],
            from: vec![NONE; graph.states()],
            touched: Vec::new(),
            work: 0,
        }
    }

    /// A cycle from a state through its component that treats every active unit fairly; empty when nothing is due
    /// there.
    fn cycle(&mut self, start: u32, component: &Component) -> Vec<u64> {
        component.states.iter().for_each(|s| self.inside[*s as usize] = true);
        self.treated = vec![Treated::default(); self.units.list().len()];
        let (mut at, mut cycle) = (start, Vec::new());
        self.visit(at);
        loop {
            let due: Vec<bool> = (0..self.treated.len()).map(|u| self.is_due(u)).collect();
            let found = if due.contains(&true) {
                self.nearest(at, &|walker, edge| walker.helps(edge, &due))
            } else if at != start {
                self.nearest(at, &|walker, edge| walker.graph.target(edge) == start)
            } else {
                break;
            };
            // A fair component has what is due.
            let Some(path) = found else { break };
            for edge in path {
                self.take(edge);
                at = self.graph.target(edge);
                cycle.push(edge);
            }
        }
        component.states.iter().for_each(|s| self.inside[*s as usize] = false);
        cycle
    }

    fn is_due(&self, unit: usize) -> bool {
        let Treated { taken, enabled, disabled } = self.treated[unit];
        self.active[unit] && enabled && !taken && (self.units.list()[unit].strong || !disabled)
    }

    fn enabled_in(&self, state: u32) -> Vec<bool> {
        let mut enabled = vec![false; self.treated.len()];
        for (_, label) in self.graph.of(state) {
            self.units.of(label).iter().for_each(|u| enabled[*u as usize] = true);
        }
        enabled
    }

    fn visit(&mut self, state: u32) {
        let enabled = self.enabled_in(state);
        for (treated, enabled) in self.treated.iter_mut().zip(enabled) {
            treated.enabled |= enabled;
            treated.disabled |= !enabled;
        }
    }

    fn take(&mut self, edge: u64) {
        for unit in self.units.of(self.graph.label(edge)) {
            self.treated[*unit as usize].taken = true;
        }
        self.visit(self.graph.target(edge));
    }

    /// Whether an edge, or the state that it leads to, gives a unit what is due to it.
    fn helps(&self, edge: u64, due: &[bool]) -> bool {
        if self.units.of(self.graph.label(edge)).iter().any(|u| due[*u as usize]) {
            return true;
        }
        let enabled = self.enabled_in(self.graph.target(edge));
        let mut units = due.iter().zip(enabled).zip(self.units.list());
        units.any(|((due, enabled), unit)| *due && !unit.strong && !enabled)
    }

    /// A shortest path of edges inside whose last one is wanted.
    fn nearest(&mut self, from: u32, wanted: &dyn Fn(&Self, u64) -> bool) -> Option<Vec<u64>> {
        let mut queue = VecDeque::from([from]);
        self.touched.push(from);
        self.from[from as usize] = from;
        let mut last = None;
        'search: while let Some(state) = queue.pop_front() {
            for edge in self.graph.row(state) {
                self.work += 1;
                let target = self.graph.target(edge);
                if target == state || !self.inside[target as usize] {
                    continue;
                }
                if wanted(self, edge) {
                    last = Some((state, edge));
                    break 'search;
                }
                if self.from[target as usize] == NONE {
                    (self.from[target as usize], self.by[target as usize]) = (state, edge);
                    self.touched.push(target);
                    queue.push_back(target);
                }
            }
        }
        let path = last.map(|(state, edge)| self.back(from, state, edge));
        for state in self.touched.drain(..) {
            (self.from[state as usize], self.by[state as usize]) = (NONE, u64::MAX);
        }
        path
    }

    fn back(&self, from: u32, mut state: u32, edge: u64) -> Vec<u64> {
        let mut path = vec![edge];
        while state != from {
            path.push(self.by[state as usize]);
            state = self.from[state as usize];
        }
        path.reverse();
        path
    }
}
