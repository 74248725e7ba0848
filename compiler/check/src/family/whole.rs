//! What only the whole graph of a variant decides: goals that must stay in reach, and liveness.

use super::store::{Edge, NO_LABEL, NOWHERE};
use super::{Family, NoFamily};
use crate::machine::Goal;
use arch_explorer::fair::{Labelled, Search, UNLABELLED, Units};
use arch_ir::PropertyId;
use arch_ir::PropertyKind;
use std::sync::atomic::AtomicBool;

const NONE: u32 = u32::MAX;

/// The states that a variant reaches, numbered in the order in which they are found, and its events between them.
struct Graph {
    edges: Labelled,
    /// What each state is in the store.
    states: Vec<u32>,
    initial: usize,
}

impl Family {
    /// Calls `f` for every event that a variant has in a state, with the part without which it is an event, if it is one.
    pub(super) fn each<'f>(&'f self, state: u32, variant: &[u16], f: &mut dyn FnMut(Option<u16>, &'f Edge)) {
        let here: Vec<(u16, &[Edge])> =
            self.store.differences(state).filter(|(p, _)| variant.contains(p)).collect();
        let decided = |a: u16| here.iter().any(|(p, _)| self.parts[*p as usize].touched[a as usize]);
        self.store.events(state).iter().filter(|e| !decided(e.action)).for_each(|e| f(None, e));
        here.iter().for_each(|(part, edges)| edges.iter().for_each(|e| f(Some(*part), e)));
    }

    /// Judges what only the whole graph decides, of a variant that was explored to its end: calls `judged` for each property
    /// with whether it is violated, until it answers false.
    ///
    /// # Errors
    ///
    /// When a limit is reached.
    pub fn whole(
        &self,
        variant: &[u16],
        interrupt: &AtomicBool,
        judged: &mut dyn FnMut(&str, bool) -> bool,
    ) -> Result<(), NoFamily> {
        let graph = self.graph(variant);
        let units = self.occasions.units();
        let program = self.base.program();
        let mut search = Search::new(&graph.edges, &units);
        for (name, violated) in self.out_of_reach(&graph, &mut search) {
            if !judged(&name, violated) {
                return Ok(());
            }
        }
        for (id, property) in program.properties.iter_enumerated().filter(|(_, p)| p.kind.is_liveness()) {
            if let Some(stop) = self.stopped(0, interrupt) {
                return Err(NoFamily::Stopped(stop));
            }
            let initially = matches!(property.kind, PropertyKind::Eventually(_));
            let violated = self.is_violated(&graph, &units, &mut search, id, initially);
            if !judged(&property.name, violated) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn graph(&self, variant: &[u16]) -> Graph {
        let mut numbers = vec![NONE; self.store.len()];
        let mut states: Vec<u32> = Vec::new();
        for &state in &self.initial {
            numbers[state as usize] = states.len() as u32;
            states.push(state);
        }
        let initial = states.len();
        let mut edges = Labelled::default();
        let mut at = 0;
        while let Some(&state) = states.get(at) {
            self.each(state, variant, &mut |_, edge| {
                let label = if edge.label == NO_LABEL { UNLABELLED } else { u32::from(edge.label) };
                let leads = edge.target != NOWHERE;
                if !leads && label != UNLABELLED {
                    // What exceeds a bound is enabled, and leads nowhere.
                    edges.push_once(at as u32, label);
                } else if leads && edge.target != state {
                    let number = &mut numbers[edge.target as usize];
                    if *number == NONE {
                        *number = states.len() as u32;
                        states.push(edge.target);
                    }
                    edges.push_once(*number, label);
                }
            });
            edges.close();
            at += 1;
        }
        Graph { edges, states, initial }
    }

    /// Whether a fair behaviour stays for ever where something is due and does not follow.
    fn is_violated(
        &self,
        graph: &Graph,
        units: &Units,
        search: &mut Search<'_>,
        id: PropertyId,
        initially: bool,
    ) -> bool {
        let active = vec![true; units.list().len()];
        let first = 1 + 2 * self.base.goals().len();
        self.base.live_combinations(id).into_iter().any(|combination| {
            let (due, goal) = (first + 2 * combination, first + 2 * combination + 1);
            let is = |state: u32, fact: usize| self.store.is(graph.states[state as usize], fact);
            let last = if initially { graph.initial } else { graph.states.len() };
            let starts = (0..last as u32).filter(|s| is(*s, due) && !is(*s, goal));
            let region = region(&graph.edges, starts, |s| !is(s, goal));
            let mut found = false;
            search.fair(&region, &active, &mut |_| {
                found = true;
                false
            });
            found
        })
    }

    /// For each `always possible` property, and for whether runs can end, whether it is violated.
    fn out_of_reach(&self, graph: &Graph, search: &mut Search<'_>) -> Vec<(String, bool)> {
        let program = self.base.program();
        let mut verdicts: Vec<(String, bool)> = Vec::new();
        let mut say = |name: &str, violated: bool| match verdicts.iter_mut().find(|(n, _)| n == name) {
            Some((_, known)) => *known |= violated,
            None => verdicts.push((name.to_owned(), violated)),
        };
        if program.builtin.stranded {
            say("stranded", false);
        }
        let possible =
            program.properties.iter().filter(|p| matches!(p.kind, PropertyKind::AlwaysPossible(_)));
        possible.for_each(|p| say(&p.name, false));
        let goals = self.base.goals();
        for (chunk, some) in goals.chunks(64).enumerate() {
            let first = 1 + 2 * 64 * chunk;
            let facts = |state: u32, which: usize| -> u64 {
                let global = graph.states[state as usize];
                (0..some.len()).map(|g| u64::from(self.store.is(global, first + 2 * g + which)) << g).sum()
            };
            let unable = unable(search, &graph.edges, |s| facts(s, 0), |s| facts(s, 1));
            for (g, goal) in some.iter().enumerate().filter(|(g, _)| unable >> g & 1 != 0) {
                match goal {
                    Goal::Possible(id, _) => say(&program.properties[*id].name, true),
                    Goal::Finished(_) => say("stranded", true),
                }
                debug_assert!(g < 64, "so many at a time");
            }
        }
        verdicts
    }
}

/// The states that are reached from some of those inside by going through such states only, ascending.
fn region(graph: &Labelled, starts: impl Iterator<Item = u32>, inside: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut reached = vec![false; graph.states()];
    let mut open = Vec::new();
    for start in starts {
        if std::mem::replace(&mut reached[start as usize], true) {
            continue;
        }
        open.push(start);
        while let Some(state) = open.pop() {
            for (target, _) in graph.of(state) {
                if !reached[target as usize] && inside(target) {
                    reached[target as usize] = true;
                    open.push(target);
                }
            }
        }
    }
    (0..graph.states() as u32).filter(|s| reached[*s as usize]).collect()
}

/// Of goals, as a set: those that some state for which they count cannot reach. What the states of a component can reach is
/// what they are in and what the components that it leads to can reach.
fn unable(
    search: &mut Search<'_>,
    graph: &Labelled,
    counts: impl Fn(u32) -> u64,
    inside: impl Fn(u32) -> u64,
) -> u64 {
    let all: Vec<u32> = (0..graph.states() as u32).collect();
    let (mut reach, mut unable) = (vec![0u64; all.len()], 0);
    search.components(&all, &mut |_, component| {
        let leads = |s: &u32| graph.of(*s).fold(inside(*s), |reached, (to, _)| reached | reach[to as usize]);
        let reached = component.iter().fold(0, |reached, s| reached | leads(s));
        for &mut s in component {
            reach[s as usize] = reached;
            unable |= counts(s) & !reached;
        }
        true
    });
    unable
}
