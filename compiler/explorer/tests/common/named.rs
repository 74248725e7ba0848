//! Random systems in which events rename goals.

use super::{Plain, Random, mix};
use arch_explorer::goals::Goals;
use arch_explorer::{Successors, System};
use std::collections::BTreeSet;

/// A system with renamings of goals on its events.
pub struct Named {
    pub system: Random,
    /// What they make of each goal; the first changes nothing.
    renamings: Vec<Vec<u32>>,
}

impl Named {
    pub fn new(seed: u64, goals: usize) -> Named {
        let mut system = Random::new(seed, 12 + seed as u32 % 70);
        system.size = system.size.min(5 + seed % 80);
        system.actions = 1 + seed % 5;
        system.reach = 1 + system.reach % 9;
        system.initial.iter_mut().for_each(|n| *n %= system.size);
        system.forward = seed.is_multiple_of(3);
        let identity: Vec<u32> = (0..goals as u32).collect();
        let shuffled = |n: u64| {
            let mut list = identity.clone();
            list.sort_by_key(|g| mix(seed << 20 ^ n << 8 ^ u64::from(*g)));
            list
        };
        let others: Vec<_> = (1..1 + seed % 4).map(shuffled).collect();
        Named { system, renamings: std::iter::once(identity.clone()).chain(others).collect() }
    }

    fn name(&self, number: u64, action: u32) -> u32 {
        // Most events rename nothing.
        let r = mix(self.system.seed ^ number << 13 ^ u64::from(action) << 40);
        if r.is_multiple_of(3) { (r >> 7) as u32 % self.renamings.len() as u32 } else { 0 }
    }

    fn goals_of(&self, number: u64) -> Vec<(bool, bool)> {
        let one = |g: u64| {
            let r = mix(self.system.seed ^ number << 23 ^ g << 9);
            (
                !r.is_multiple_of(3),
                (r >> 30).is_multiple_of(if self.system.seed.is_multiple_of(2) { 3 } else { 23 }),
            )
        };
        (0..self.renamings[0].len() as u64).map(one).collect()
    }

    /// For each goal the first state that has to be able to reach it and is not.
    pub fn first_unable(&self) -> Vec<Option<u64>> {
        let order = Plain::of(&self.system).order;
        let goals = self.renamings[0].len();
        let mut able: BTreeSet<(u64, u32)> = BTreeSet::new();
        for n in &order {
            let inside = self.goals_of(*n).into_iter().enumerate().filter(|(_, (_, inside))| *inside);
            able.extend(inside.map(|(g, _)| (*n, g as u32)));
        }
        loop {
            let before = able.len();
            for n in order.iter().rev() {
                let events = self.system.events(*n).into_iter();
                for (action, to) in events.filter(|(action, _)| self.system.leads_to_goals(*action)) {
                    let (Some(to), renaming) = (to, &self.renamings[self.name(*n, action) as usize]) else {
                        continue;
                    };
                    able.extend(
                        (0..goals as u32)
                            .filter(|g| able.contains(&(to, renaming[*g as usize])))
                            .map(|g| (*n, g))
                            .collect::<Vec<_>>(),
                    );
                }
            }
            if able.len() == before {
                break;
            }
        }
        let unable = |g: usize| {
            order.iter().copied().find(|n| self.goals_of(*n)[g].0 && !able.contains(&(*n, g as u32)))
        };
        (0..goals).map(unable).collect()
    }
}

impl System for Named {
    type Scratch = u64;

    fn widths(&self) -> &[u32] {
        self.system.widths()
    }

    fn actions(&self) -> usize {
        System::actions(&self.system)
    }

    fn findings(&self) -> usize {
        0
    }

    fn scratch(&self) -> u64 {
        0
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        self.system.initial(sink);
    }

    fn expand(&self, state: &[u64], _: &mut u64, out: &mut Successors) {
        for (action, to) in self.system.events(self.system.number(state)) {
            match to {
                Some(to) => out.push(action, &self.system.state(to)),
                None => out.nowhere(action),
            }
        }
    }

    fn judge(&self, _: &[u64], _: &mut u64, _: &mut Vec<u32>) {}
}

impl Goals for Named {
    fn goal_count(&self) -> usize {
        self.renamings[0].len()
    }

    fn in_goals(&self, state: &[u64], _: &mut u64, out: &mut Vec<(bool, bool)>) {
        out.extend(self.goals_of(self.system.number(state)));
    }

    fn is_way(&self, action: u32) -> bool {
        self.system.leads_to_goals(action)
    }

    fn groups(&self) -> Vec<Vec<usize>> {
        vec![(0..self.goal_count()).collect()]
    }

    fn expand_named(&self, state: &[u64], scratch: &mut u64, out: &mut Successors, names: &mut Vec<u32>) {
        self.expand(state, scratch, out);
        let number = self.system.number(state);
        names.extend(out.actions().iter().map(|action| self.name(number, *action)));
    }

    fn renamed<'s>(&'s self, name: u32, _: &'s u64) -> &'s [u32] {
        &self.renamings[name as usize]
    }
}
