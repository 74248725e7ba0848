//! Liveness of many variants at once: in which of them a fair behaviour stays for ever where something is due and does not
//! follow.
//!
//! The region where something is due is found for all of them, as sets that are passed along events; components are those of
//! the events of all of them together, so whatever one variant can do for ever it does within one of these. A component of one
//! state is decided for all variants at once: a behaviour stays there if nothing that is treated fairly is enabled. Larger ones
//! are looked at for each variant that is not ruled out there, on its own events.

use super::Family;
use super::sets::{Sets, add, has, insert, is_empty, members, remove};
use super::union::Union;
use arch_explorer::fair::{Labelled, Search, UNLABELLED, Units};
use std::collections::VecDeque;

const NONE: u32 = u32::MAX;

/// One combination of the binders of a liveness property.
#[derive(Clone, Copy)]
pub(super) struct Combination {
    /// The first of the two facts of a state: whether something is due; the next is whether it follows.
    pub(super) due: usize,
    /// Whether it is due in initial states only.
    pub(super) initially: bool,
}

/// A thread's memory.
pub(super) struct Watch<'u> {
    union: &'u Union,
    units: &'u Units,
    search: Search<'u>,
    /// For each state the variants that can be there while something is due.
    pending: Sets,
    /// For each state of the present component its place there.
    place: Vec<u32>,
    /// For each unit its place among those that are looked at.
    looked_at: Vec<u32>,
}

/// A weak unit, and what is known of it in a component.
struct Due {
    unit: u32,
    /// The variants in which it is enabled in all states so far.
    always: Vec<u64>,
    /// The variants in which it is taken.
    taken: Vec<u64>,
    /// The variants in which it is enabled in the present state.
    here: Vec<u64>,
}

impl<'u> Watch<'u> {
    pub(super) fn new(union: &'u Union, units: &'u Units) -> Watch<'u> {
        let states = union.edges.states();
        Watch {
            union,
            units,
            search: Search::new(&union.edges, units),
            pending: Sets::new(union.width, states),
            place: vec![NONE; states],
            looked_at: vec![NONE; units.list().len()],
        }
    }

    /// The variants in which a fair behaviour stays where something is due.
    pub(super) fn violated(&mut self, family: &Family, combination: Combination) -> Vec<u64> {
        let region = self.region(family, combination);
        let mut violated = vec![0; self.union.width];
        let mut larger: Vec<Vec<u32>> = Vec::new();
        let Watch { search, pending, union, .. } = self;
        search.components(&region, &mut |_, component| {
            for &state in component.iter() {
                let mut quiet = pending.of(state as usize).to_vec();
                remove(&mut quiet, union.busy.of(state as usize));
                add(&mut violated, &quiet);
            }
            if component.len() > 1 {
                larger.push(component.to_vec());
            }
            true
        });
        larger.iter().for_each(|component| self.component(component, &mut violated));
        region.iter().for_each(|s| self.pending.of_mut(*s as usize).fill(0));
        violated
    }

    /// The states where something is due in some variant, ascending.
    fn region(&mut self, family: &Family, combination: Combination) -> Vec<u32> {
        let Watch { union, pending, .. } = self;
        let follows = |s: u32| family.store.is(s, combination.due + 1);
        let starts = if combination.initially { &family.initial } else { &union.states };
        let starts = starts.iter().copied().filter(|s| family.store.is(*s, combination.due) && !follows(*s));
        let mut open: VecDeque<u32> = starts.collect();
        let mut waiting = vec![false; union.edges.states()];
        for &start in &open {
            waiting[start as usize] = true;
            pending.of_mut(start as usize).copy_from_slice(union.reached.of(start as usize));
        }
        let mut from = vec![0; union.width];
        while let Some(state) = open.pop_front() {
            waiting[state as usize] = false;
            from.copy_from_slice(pending.of(state as usize));
            for edge in union.edges.row(state) {
                let target = union.edges.target(edge);
                let passed = from.iter().zip(union.of_edge(edge)).map(|(a, b)| a & b);
                if !follows(target)
                    && pending.enlarge(target as usize, passed)
                    && !std::mem::replace(&mut waiting[target as usize], true)
                {
                    open.push_back(target);
                }
            }
        }
        union.states.iter().copied().filter(|s| !is_empty(pending.of(*s as usize))).collect()
    }

    /// Adds the variants in which a fair behaviour stays in a component of several states, moving.
    fn component(&mut self, component: &[u32], violated: &mut [u64]) {
        let mut open = vec![0; self.union.width];
        component.iter().for_each(|s| add(&mut open, self.pending.of(*s as usize)));
        remove(&mut open, violated);
        if is_empty(&open) {
            return;
        }
        component.iter().zip(0..).for_each(|(s, i)| self.place[*s as usize] = i);
        self.rule_out(component, &mut open);
        for variant in members(&open) {
            if self.stays(component, variant) {
                insert(violated, variant);
            }
        }
        component.iter().for_each(|s| self.place[*s as usize] = NONE);
    }

    /// Leaves out variants in which a weak unit is enabled wherever they can be in a component, and never taken there.
    fn rule_out(&mut self, component: &[u32], open: &mut [u64]) {
        let Watch { union, units, pending, looked_at, place, .. } = self;
        let mut due = candidates(union, units, pending, component, open);
        for (unit, at) in due.iter().zip(0..) {
            looked_at[unit.unit as usize] = at;
        }
        let all: Vec<u32> = due.iter().map(|d| d.unit).collect();
        for &state in component {
            let some = pending.of(state as usize);
            for edge in union.edges.row(state) {
                let (target, set) = (union.edges.target(edge), union.of_edge(edge));
                let moves = target != state && place[target as usize] != NONE;
                for unit in units.of(union.edges.label(edge)) {
                    let Some(due) = due.get_mut(looked_at[*unit as usize] as usize) else { continue };
                    add(&mut due.here, set);
                    if moves {
                        let taken = due.taken.iter_mut().zip(set.iter().zip(some));
                        taken.for_each(|(t, (a, b))| *t |= a & b);
                    }
                }
            }
            for due in &mut due {
                let here = std::mem::take(&mut due.here);
                due.always.iter_mut().zip(&here).zip(some).for_each(|((d, h), p)| *d &= h | !p);
                due.here = here;
                due.here.fill(0);
            }
        }
        for mut due in due {
            remove(&mut due.always, &due.taken);
            remove(open, &due.always);
        }
        all.iter().for_each(|unit| looked_at[*unit as usize] = NONE);
    }

    /// Whether a fair behaviour of one variant stays in a component.
    fn stays(&self, component: &[u32], variant: usize) -> bool {
        let Watch { union, units, pending, place, .. } = self;
        let (mut own, mut states) = (vec![NONE; component.len()], Vec::new());
        for (i, &state) in component.iter().enumerate() {
            if has(pending.of(state as usize), variant) {
                own[i] = states.len() as u32;
                states.push(state);
            }
        }
        let mut graph = Labelled::default();
        for (&state, number) in states.iter().zip(0..) {
            for edge in union.edges.row(state).filter(|e| union.has_edge(variant, *e)) {
                let (target, label) = (union.edges.target(edge), union.edges.label(edge));
                let to = own.get(place[target as usize] as usize).copied().filter(|to| *to != NONE);
                match to.filter(|to| *to != number) {
                    Some(to) => graph.push(to, label),
                    // It is enabled, and leads away.
                    None if label != UNLABELLED => graph.push(number, label),
                    None => {}
                }
            }
            graph.close();
        }
        let (all, active) = ((0..states.len() as u32).collect::<Vec<u32>>(), vec![true; units.list().len()]);
        let mut found = false;
        Search::new(&graph, units).fair(&all, &active, &mut |_| {
            found = true;
            false
        });
        found
    }
}

/// The weak units that can be enabled wherever some open variant is in a component.
fn candidates(union: &Union, units: &Units, pending: &Sets, component: &[u32], open: &[u64]) -> Vec<Due> {
    let mut elsewhere = open.to_vec();
    remove(&mut elsewhere, pending.of(component[0] as usize));
    // Where all variants are in the first state, what is not enabled there is not always enabled.
    let looked_at = if is_empty(&elsewhere) { &component[..1] } else { component };
    let labels = looked_at.iter().flat_map(|s| union.edges.of(*s)).map(|(_, label)| label);
    let mut weak: Vec<u32> = labels.flat_map(|label| units.of(label)).copied().collect();
    weak.retain(|u| !units.list()[*u as usize].strong);
    weak.sort_unstable();
    weak.dedup();
    let none = vec![0; union.width];
    let due = |unit| Due { unit, always: open.to_vec(), taken: none.clone(), here: none.clone() };
    weak.into_iter().map(due).collect()
}
