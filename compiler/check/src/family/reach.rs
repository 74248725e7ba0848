//! Goals that must stay in reach, for many variants at once: what the states of a component can reach is what they are in
//! and what the components that it leads to can reach, by events that are ways there. (The components are those by all events: that
//! only makes them larger than need be.)

use super::Family;
use super::sets::{Sets, add, is_empty, remove};
use super::union::Union;
use crate::machine::Goal;
use arch_explorer::fair::{Search, Units};
use arch_ir::PropertyKind;

/// So many words are kept of a state at a time.
const WORDS: usize = 16;

/// The components of a graph, each after all that it leads to.
struct Components {
    states: Vec<u32>,
    ends: Vec<usize>,
}

impl Components {
    fn of(union: &Union) -> Components {
        let mut components = Components { states: Vec::new(), ends: Vec::new() };
        let units = Units::default();
        Search::new(&union.edges, &units).components(&union.states, &mut |_, component| {
            components.states.extend_from_slice(component);
            components.ends.push(components.states.len());
            true
        });
        components
    }

    fn each(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.states[start..*end])
    }
}

impl Family {
    /// For each `always possible` property, and for whether runs can end, the variants that violate it.
    pub(super) fn out_of_reach(&self, union: &Union) -> Vec<(String, Vec<u64>)> {
        let program = self.base.program();
        let possible =
            program.properties.iter().filter(|p| matches!(p.kind, PropertyKind::AlwaysPossible(_)));
        let stranded = program.builtin.stranded.then(|| "stranded".to_owned());
        let names = possible.map(|p| p.name.clone()).chain(stranded);
        let mut verdicts: Vec<(String, Vec<u64>)> = names.map(|n| (n, vec![0; union.width])).collect();
        let goals = self.base.goals();
        if goals.is_empty() {
            return verdicts;
        }
        let components = Components::of(union);
        let numbers: Vec<usize> = (0..goals.len()).collect();
        for some in numbers.chunks((WORDS / union.width).max(1)) {
            for (goal, unable) in some.iter().zip(self.unable(union, &components, some)) {
                let name = self.claims(&goals[*goal]);
                verdicts.iter_mut().filter(|(n, _)| n == name).for_each(|(_, set)| add(set, &unable));
            }
        }
        verdicts
    }

    /// What fails where a goal is out of reach.
    pub(super) fn claims(&self, goal: &Goal) -> &str {
        match goal {
            Goal::Possible(id, _) => &self.base.program().properties[*id].name,
            Goal::Finished(_) => "stranded",
        }
    }

    /// For each of some goals the variants in which a state for which it counts cannot reach it.
    fn unable(&self, union: &Union, components: &Components, goals: &[usize]) -> Vec<Vec<u64>> {
        let mut reach = Sets::new(union.width * goals.len(), self.store.len());
        let mut unable = vec![vec![0; union.width]; goals.len()];
        for component in components.each() {
            // Within a component what is known of one state is passed on to others until nothing changes.
            while component.iter().rev().fold(false, |more, s| self.look(union, goals, &mut reach, *s) | more)
                && component.len() > 1
            {}
            for &state in component {
                let known = reach.of(state as usize).chunks_exact(union.width);
                for ((goal, known), unable) in goals.iter().zip(known).zip(&mut unable) {
                    if self.store.is(state, 1 + 2 * goal) {
                        let mut cannot = union.reached.of(state as usize).to_vec();
                        remove(&mut cannot, known);
                        add(unable, &cannot);
                    }
                }
            }
        }
        unable
    }

    /// Adds what a state can reach by one more event that is a way there; whether that is more than was known.
    fn look(&self, union: &Union, goals: &[usize], reach: &mut Sets, state: u32) -> bool {
        let mut found = reach.of(state as usize).to_vec();
        let all = union.reached.of(state as usize);
        for (goal, found) in goals.iter().zip(found.chunks_exact_mut(union.width)) {
            if self.store.is(state, 2 + 2 * goal) {
                found.copy_from_slice(all);
            }
        }
        for edge in union.edges.row(state).filter(|edge| union.is_way(*edge)) {
            let (set, known) = (union.of_edge(edge), reach.of(union.edges.target(edge) as usize));
            for (found, known) in found.chunks_exact_mut(union.width).zip(known.chunks_exact(union.width)) {
                found.iter_mut().zip(known).zip(set).for_each(|((f, k), s)| *f |= k & s);
            }
        }
        let old = reach.of_mut(state as usize);
        let more = old != found.as_slice();
        old.copy_from_slice(&found);
        debug_assert!(found.chunks_exact(union.width).all(|f| {
            let mut outside = f.to_vec();
            remove(&mut outside, all);
            is_empty(&outside)
        }));
        more
    }
}
