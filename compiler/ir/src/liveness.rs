//! Liveness as the oracle judges it (`docs/internals/liveness.md`): the explored graph, all at once, slowly.
//!
//! A behaviour violates `P leads to Q` when from some state with P on it stays among states without Q, for
//! ever and fairly. Such a behaviour stays in the end in a strongly connected set of states. Those are found with
//! two depth-first walks (Kosaraju), judged by the definition of fairness, and taken apart where a strong unit demands it.

use crate::fairness::{Assumption, FairUnit, assumptions};
use crate::report::Treated;
use crate::state::Event;
use std::collections::{BTreeMap, BTreeSet};

/// The explored graph with what each event is an occurrence of.
#[derive(Debug, Default)]
pub struct Graph {
    /// All units, by number.
    units: Vec<FairUnit>,
    numbers: BTreeMap<FairUnit, usize>,
    /// For each state its events that lead elsewhere: where, and the units that they are occurrences of.
    edges: Vec<Vec<Edge>>,
    /// For each state the units that are enabled there.
    enabled: Vec<BTreeSet<usize>>,
}

/// Where an event leads, with its units and itself.
#[derive(Debug)]
struct Edge {
    to: u32,
    units: Vec<usize>,
    event: Event,
}

/// A behaviour by its states: a path, and a cycle that begins and ends where the path ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stay {
    /// From one of the starts.
    pub path: Vec<u32>,
    /// Edges of the cycle: the state and the position among its edges. Empty: it stutters.
    pub cycle: Vec<(u32, usize)>,
}

impl Graph {
    /// Adds an event of a state; `to` is none when it exceeds a bound.
    pub fn add(&mut self, from: u32, units: Vec<FairUnit>, to: Option<u32>, event: &Event) {
        let row = from as usize;
        if self.edges.len() <= row {
            self.edges.resize_with(row + 1, Vec::new);
            self.enabled.resize_with(row + 1, BTreeSet::new);
        }
        // A stutter is neither taken nor enabled.
        if to == Some(from) {
            return;
        }
        let units: Vec<usize> = units.into_iter().map(|u| self.number(u)).collect();
        self.enabled[row].extend(&units);
        if let Some(to) = to {
            self.edges[row].push(Edge { to, units, event: event.clone() });
        }
    }

    /// Ends with rows for so many states.
    pub fn finish(&mut self, states: usize) {
        self.edges.resize_with(states, Vec::new);
        self.enabled.resize_with(states, BTreeSet::new);
    }

    fn number(&mut self, unit: FairUnit) -> usize {
        if let Some(number) = self.numbers.get(&unit) {
            return *number;
        }
        self.units.push(unit.clone());
        self.numbers.insert(unit, self.units.len() - 1);
        self.units.len() - 1
    }

    /// What is treated fairly.
    pub fn assumed(&self) -> Vec<(Assumption, bool)> {
        assumptions(&self.units)
    }

    /// The events of a cycle with the states that they lead to.
    pub fn events(&self, stay: &Stay) -> Vec<(Event, u32)> {
        let edge = |(state, i): &(u32, usize)| &self.edges[*state as usize][*i];
        stay.cycle.iter().map(edge).map(|e| (e.event.clone(), e.to)).collect()
    }

    /// An event that leads from one state to another.
    pub fn event(&self, from: u32, to: u32) -> Option<&Event> {
        self.edges[from as usize].iter().find(|e| e.to == to).map(|e| &e.event)
    }

    /// Why each unit that is enabled in the cycle is treated fairly; its first step has this number.
    pub fn treated(&self, stay: &Stay, first: u32) -> Vec<Treated> {
        let end = stay.path.last().copied().unwrap_or_default();
        let edges = || stay.cycle.iter().map(|(s, i)| &self.edges[*s as usize][*i]);
        let states: Vec<u32> = std::iter::once(end).chain(edges().map(|e| e.to)).collect();
        let units: BTreeSet<usize> = states.iter().flat_map(|s| self.enabled[*s as usize].clone()).collect();
        let treated = |unit: usize| Treated {
            unit: self.units[unit].clone(),
            taken: edges().position(|e| e.units.contains(&unit)).map(|i| first + i as u32),
            disabled: states
                .iter()
                .position(|s| !self.enabled[*s as usize].contains(&unit))
                .map(|i| first - 1 + i as u32),
        };
        let mut list: Vec<Treated> = units.into_iter().map(treated).collect();
        list.sort_by(|a, b| a.unit.cmp(&b.unit));
        list
    }
    /// A fair behaviour that begins in one of the starts and never leaves `inside`.
    pub fn stay(&self, starts: &[u32], inside: &dyn Fn(u32) -> bool) -> Option<Stay> {
        let from = self.paths(starts, inside);
        let region: BTreeSet<u32> = from.keys().copied().collect();
        let mut open = vec![region];
        while let Some(states) = open.pop() {
            for component in self.components(&states) {
                let taken = self.taken(&component);
                let enabled = |s: u32, u: &usize| self.enabled[s as usize].contains(u);
                let all = |u: &usize| component.iter().all(|s| enabled(*s, u));
                let due: Vec<usize> =
                    self.enabled_in(&component).into_iter().filter(|u| !taken.contains(u)).collect();
                if due.iter().any(|u| !self.units[*u].strong && all(u)) {
                    continue;
                }
                let strong: Vec<usize> = due.into_iter().filter(|u| self.units[*u].strong).collect();
                if strong.is_empty() {
                    return Some(self.lasso(&from, &component));
                }
                let clear = |s: &u32| !strong.iter().any(|u| enabled(*s, u));
                open.push(component.iter().copied().filter(clear).collect());
            }
        }
        None
    }

    /// The states that can be reached, each with the one before it on a shortest path.
    fn paths(&self, starts: &[u32], inside: &dyn Fn(u32) -> bool) -> BTreeMap<u32, Option<u32>> {
        let mut from: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        let mut queue: Vec<u32> = starts.iter().copied().filter(|s| inside(*s)).collect();
        queue.iter().for_each(|s| _ = from.insert(*s, None));
        let mut next = 0;
        while next < queue.len() {
            let state = queue[next];
            next += 1;
            for Edge { to, .. } in &self.edges[state as usize] {
                if inside(*to) && !from.contains_key(to) {
                    from.insert(*to, Some(state));
                    queue.push(*to);
                }
            }
        }
        from
    }

    /// The strongly connected components of a set of states.
    fn components(&self, states: &BTreeSet<u32>) -> Vec<BTreeSet<u32>> {
        let mut back: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for s in states {
            for Edge { to, .. } in self.edges[*s as usize].iter().filter(|e| states.contains(&e.to)) {
                back.entry(*to).or_default().push(*s);
            }
        }
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        for s in states {
            self.postorder(*s, states, &mut seen, &mut order);
        }
        let mut found = Vec::new();
        let mut placed = BTreeSet::new();
        for s in order.into_iter().rev().filter(|s| states.contains(s)) {
            let mut component = BTreeSet::new();
            let mut open = vec![s];
            while let Some(s) = open.pop() {
                if placed.insert(s) {
                    component.insert(s);
                    open.extend(back.get(&s).into_iter().flatten());
                }
            }
            if !component.is_empty() {
                found.push(component);
            }
        }
        found
    }

    fn postorder(&self, root: u32, states: &BTreeSet<u32>, seen: &mut BTreeSet<u32>, order: &mut Vec<u32>) {
        if !seen.insert(root) {
            return;
        }
        let mut path = vec![(root, 0)];
        while let Some((state, next)) = path.last_mut() {
            let edge = self.edges[*state as usize].get(*next);
            *next += 1;
            match edge {
                Some(Edge { to, .. }) if states.contains(to) && seen.insert(*to) => path.push((*to, 0)),
                Some(_) => {}
                None => {
                    order.push(*state);
                    path.pop();
                }
            }
        }
    }

    fn enabled_in(&self, component: &BTreeSet<u32>) -> BTreeSet<usize> {
        component.iter().flat_map(|s| self.enabled[*s as usize].clone()).collect()
    }

    /// The units that edges inside a component are occurrences of.
    fn taken(&self, component: &BTreeSet<u32>) -> BTreeSet<usize> {
        let edges = component.iter().flat_map(|s| &self.edges[*s as usize]);
        edges.filter(|e| component.contains(&e.to)).flat_map(|e| e.units.clone()).collect()
    }

    /// A path to a fair component, and a walk in it that takes every unit that can be taken there, and visits a state
    /// without each of the others.
    fn lasso(&self, from: &BTreeMap<u32, Option<u32>>, component: &BTreeSet<u32>) -> Stay {
        let entry = component.first().copied().unwrap_or_default();
        let mut path = vec![entry];
        while let Some(Some(before)) = path.last().and_then(|s| from.get(s)) {
            path.push(*before);
        }
        path.reverse();
        let (mut cycle, mut at) = (Vec::new(), entry);
        for unit in self.enabled_in(component) {
            let edges = component.iter().flat_map(|s| (0..self.edges[*s as usize].len()).map(|i| (*s, i)));
            let mut taking = edges.filter(|(s, i)| {
                let edge = &self.edges[*s as usize][*i];
                component.contains(&edge.to) && edge.units.contains(&unit)
            });
            if let Some((s, i)) = taking.next() {
                cycle.extend(self.way(component, at, s));
                cycle.push((s, i));
                at = self.edges[s as usize][i].to;
            } else if let Some(s) = component.iter().find(|s| !self.enabled[**s as usize].contains(&unit)) {
                cycle.extend(self.way(component, at, *s));
                at = *s;
            }
        }
        cycle.extend(self.way(component, at, entry));
        Stay { path, cycle }
    }

    /// Edges from one state of a component to another.
    fn way(&self, component: &BTreeSet<u32>, from: u32, to: u32) -> Vec<(u32, usize)> {
        let mut by: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        let mut queue = vec![from];
        let mut next = 0;
        while next < queue.len() && from != to && !by.contains_key(&to) {
            let state = queue[next];
            next += 1;
            for (i, Edge { to: target, .. }) in self.edges[state as usize].iter().enumerate() {
                if component.contains(target) && *target != from && !by.contains_key(target) {
                    by.insert(*target, (state, i));
                    queue.push(*target);
                }
            }
        }
        let (mut at, mut edges) = (to, Vec::new());
        while let Some(edge) = by.get(&at).filter(|_| at != from) {
            edges.push(*edge);
            at = edge.0;
        }
        edges.reverse();
        edges
    }
}
