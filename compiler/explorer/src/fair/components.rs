//! Strongly connected components in which a fair behaviour can stay.
//!
//! Tarjan's algorithm (SIAM J. Comput. 1, 1972) without recursion, and the decomposition for strong fairness of
//! Lichtenstein and Pnueli (POPL 1985), as in Streett emptiness: where a strong unit is enabled in a component and
//! never taken there, no fair behaviour stays that visits a state which enables it, so these states are removed and
//! what is left is decomposed again. A weak unit that is enabled in all states of a component and never taken
//! there rules out every part of it, too.

use super::{Labelled, Units};

/// No number yet.
const NONE: u32 = u32::MAX;

/// A part of the graph in which a fair behaviour can stay for ever, visiting all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    /// Its states, ascending.
    pub states: Vec<u32>,
}

/// Looks for fair components; the memory is kept for the next search.
#[derive(Debug)]
pub struct Search<'g> {
    graph: &'g Labelled,
    units: &'g Units,
    /// For each state the part that it belongs to now.
    part: Vec<u32>,
    parts: u32,
    number: Vec<u32>,
    low: Vec<u32>,
    /// For each unit, in how many states of a component it is enabled.
    enabled: Vec<u32>,
    taken: Vec<bool>,
    /// For each unit the last state in which it was seen to be enabled.
    seen: Vec<u32>,
    edges_looked_at: u64,
}

/// What a component comes to.
pub(super) enum Fate {
    Fair,
    Unfair,
    /// These strong units are enabled in it and never taken.
    Split(Vec<u32>),
}

impl<'g> Search<'g> {
    /// Prepares a graph.
    #[must_use]
    pub fn new(graph: &'g Labelled, units: &'g Units) -> Search<'g> {
        let (states, count) = (graph.states(), units.list().len());
        Search {
            graph,
            units,
            part: vec![NONE; states],
            parts: 0,
            number: vec![NONE; states],
            low: vec![0; states],
            enabled: vec![0; count],
            taken: vec![false; count],
            seen: vec![NONE; count],
            edges_looked_at: 0,
        }
    }

    /// How much work was done so far.
    #[must_use]
    pub fn edges_looked_at(&self) -> u64 {
        self.edges_looked_at
    }

    /// Bytes of memory per state, but for the graph: three numbers, and two for the stacks.
    #[must_use]
    pub fn bytes_for(states: usize) -> u64 {
        states as u64 * (3 * 4 + 4 + 16 + 4)
    }

    /// Passes the fair components among `states` (ascending), given which units count, until `found` answers
    /// false.
    pub fn fair(&mut self, states: &[u32], active: &[bool], found: &mut dyn FnMut(Component) -> bool) {
        let mut pending = vec![states.to_vec()];
        while let Some(states) = pending.pop() {
            let mut more = true;
            self.components(&states, &mut |search, component| {
                more = more && search.settle(component, active, &mut pending, found);
                more
            });
            if !more {
                return;
            }
        }
    }

    /// Passes the strongly connected components of a part of the graph (ascending), whatever is fair: each after all that
    /// it leads to. Until `complete` answers false, and on to the end of the walk that it was called in.
    pub fn components(
        &mut self,
        states: &[u32],
        complete: &mut dyn FnMut(&mut Search<'g>, &mut [u32]) -> bool,
    ) {
        let part = self.begin(states);
        let (mut walk, mut more) = (Walk::default(), true);
        for &root in states {
            if self.number[root as usize] != NONE || !more {
                continue;
            }
            self.walk(root, part, &mut walk, &mut |search, component| more &= complete(search, component));
        }
    }

    /// Makes states a part of their own.
    fn begin(&mut self, states: &[u32]) -> u32 {
        let part = self.parts;
        self.parts += 1;
        for &state in states {
            self.part[state as usize] = part;
            self.number[state as usize] = NONE;
        }
        part
    }

    /// Judges a component; whether to go on.
    fn settle(
        &mut self,
        component: &mut [u32],
        active: &[bool],
        pending: &mut Vec<Vec<u32>>,
        found: &mut dyn FnMut(Component) -> bool,
    ) -> bool {
        match self.fate(component, active) {
            Fate::Unfair => true,
            Fate::Fair => {
                component.sort_unstable();
                found(Component { states: component.to_vec() })
            }
            Fate::Split(units) => {
                let rest = self.without(component, &units);
                if !rest.is_empty() {
                    pending.push(rest);
                }
                true
            }
        }
    }

    /// What is left of a component without the states that enable one of some units, ascending.
    pub(super) fn without(&self, component: &[u32], units: &[u32]) -> Vec<u32> {
        let mut rest: Vec<u32> = component.iter().copied().filter(|s| !self.enables(*s, units)).collect();
        rest.sort_unstable();
        rest
    }

    fn enables(&self, state: u32, units: &[u32]) -> bool {
        self.graph.of(state).any(|(_, label)| self.units.of(label).iter().any(|u| units.contains(u)))
    }

    /// Lists the units that are enabled in a state, ascending.
    pub(super) fn enabled_in(&self, state: u32, list: &mut Vec<u32>) {
        list.clear();
        list.extend(self.graph.of(state).flat_map(|(_, label)| self.units.of(label)));
        list.sort_unstable();
        list.dedup();
    }

    /// Whether no active unit is enabled in a state: a fair behaviour can stutter there for ever.
    #[must_use]
    pub fn is_quiet(&self, state: u32, active: &[bool]) -> bool {
        self.graph.of(state).all(|(_, label)| !self.units.of(label).iter().any(|u| active[*u as usize]))
    }

    /// The units that the behaviours which visit all of a component that was just completed, and nothing else, treat unfairly:
    /// weak ones that are always enabled and strong ones that are sometimes enabled, and never taken.
    pub(super) fn wronged_here(&mut self, component: &[u32]) -> Vec<u32> {
        self.count(component);
        let all = component.len() as u32;
        let wronged = |u: &usize| {
            let strong = self.units.list()[*u].strong;
            let due = if strong { self.enabled[*u] > 0 } else { self.enabled[*u] == all };
            due && !self.taken[*u]
        };
        (0..self.enabled.len()).filter(wronged).map(|u| u as u32).collect()
    }

    fn fate(&mut self, component: &[u32], active: &[bool]) -> Fate {
        // Most components are single states, where nothing is taken.
        if let [state] = component {
            let quiet = self.is_quiet(*state, active);
            return if quiet { Fate::Fair } else { Fate::Unfair };
        }
        let wronged = self.wronged_here(component).into_iter().filter(|u| active[*u as usize]).collect();
        self.fate_of(wronged)
    }

    /// The fate of a component, given which of the units that count are treated unfairly there.
    pub(super) fn fate_of(&self, wronged: Vec<u32>) -> Fate {
        let weak = |u: &u32| !self.units.list()[*u as usize].strong;
        match wronged {
            none if none.is_empty() => Fate::Fair,
            some if some.iter().any(weak) => Fate::Unfair,
            strong => Fate::Split(strong),
        }
    }

    /// Counts for each unit the states of a component that enable it, and notes whether an edge inside takes it.
    fn count(&mut self, component: &[u32]) {
        self.enabled.fill(0);
        self.taken.fill(false);
        self.seen.fill(NONE);
        let [first, ..] = component else { return };
        // The low number of a finished component's states is the same for all of them, and for no others.
        let (part, mark) = (self.part[*first as usize], self.low[*first as usize]);
        for &state in component {
            self.edges_looked_at += 1;
            for (target, label) in self.graph.of(state) {
                self.edges_looked_at += 1;
                let inside = target != state
                    && self.part[target as usize] == part
                    && self.number[target as usize] == FINISHED
                    && self.low[target as usize] == mark;
                for &unit in self.units.of(label) {
                    let unit = unit as usize;
                    self.taken[unit] |= inside;
                    if std::mem::replace(&mut self.seen[unit], state) != state {
                        self.enabled[unit] += 1;
                    }
                }
            }
        }
    }

    /// Tarjan's walk from a root over its part; components are passed when they are complete.
    fn walk(
        &mut self,
        root: u32,
        part: u32,
        walk: &mut Walk,
        complete: &mut dyn FnMut(&mut Search<'g>, &mut [u32]),
    ) {
        self.enter(root, walk);
        while let Some((state, edge)) = walk.path.last_mut() {
            let state = *state;
            let row = self.graph.row(state);
            let Some(next) = (row.start + *edge..row.end).next() else {
                walk.path.pop();
                self.leave(state, walk, complete);
                continue;
            };
            *edge += 1;
            self.edges_looked_at += 1;
            let target = self.graph.target(next);
            if self.part[target as usize] != part {
                continue;
            }
            match self.number[target as usize] {
                NONE => self.enter(target, walk),
                FINISHED => {}
                number => self.low[state as usize] = self.low[state as usize].min(number),
            }
        }
    }

    fn enter(&mut self, state: u32, walk: &mut Walk) {
        self.number[state as usize] = walk.next;
        self.low[state as usize] = walk.next;
        walk.next += 1;
        walk.open.push(state);
        walk.path.push((state, 0));
    }

    fn leave(&mut self, state: u32, walk: &mut Walk, complete: &mut dyn FnMut(&mut Search<'g>, &mut [u32])) {
        let low = self.low[state as usize];
        if let Some((parent, _)) = walk.path.last() {
            self.low[*parent as usize] = self.low[*parent as usize].min(low);
        }
        if low != self.number[state as usize] {
            return;
        }
        let start = walk.open.iter().rposition(|s| *s == state).unwrap_or(0);
        for s in &walk.open[start..] {
            self.number[*s as usize] = FINISHED;
            self.low[*s as usize] = low;
        }
        complete(self, &mut walk.open[start..]);
        walk.open.truncate(start);
    }
}

/// The number of a state whose component is complete.
const FINISHED: u32 = u32::MAX - 1;

/// Where a walk is.
#[derive(Debug, Default)]
struct Walk {
    /// States whose component is not complete, in the order of their numbers.
    open: Vec<u32>,
    /// The path, with the number of edges looked at of each state's row.
    path: Vec<(u32, u64)>,
    next: u32,
}
