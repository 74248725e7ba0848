//! The strongly connected parts of a region with what matters of them for any set of units: so that of many sets each is tried
//! without going over the region again.
//!
//! How often a unit is enabled and taken in a part does not depend on which units count. Of most parts, which are single states, nothing
//! matters but the units that are enabled there, and few such sets occur. What is left of a part without the states that enable some strong
//! units has parts of its own.

use super::Search;
use super::components::Fate;
use hashbrown::HashSet;

/// Parts of a region.
#[derive(Debug, Default)]
pub struct Parts(Vec<Part>);

/// The parts of what is left without the states that enable some units.
type Rest = (Vec<u32>, Parts);

/// A part.
#[derive(Debug)]
struct Part {
    /// Its states; none are kept of a single one.
    states: Vec<u32>,
    /// The units, of all there are, that behaviours which visit all of it, and nothing else, treat unfairly.
    wronged: Vec<u32>,
    /// What was asked for so far.
    rests: Vec<Rest>,
}

impl Parts {
    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let rest = |(units, parts): &Rest| (size_of::<Rest>() + units.capacity() * 4) as u64 + parts.bytes();
        let own = |part: &Part| size_of::<Part>() + (part.states.capacity() + part.wronged.capacity()) * 4;
        self.0.iter().map(|part| own(part) as u64 + part.rests.iter().map(rest).sum::<u64>()).sum()
    }
}

impl Search<'_> {
    /// The parts of a region (ascending).
    pub fn parts(&mut self, region: &[u32]) -> Parts {
        let (mut parts, mut seen) = (Parts::default(), HashSet::<Vec<u32>>::new());
        let mut enabled = Vec::new();
        self.components(region, &mut |search, component| {
            if let [state] = component {
                search.enabled_in(*state, &mut enabled);
                if !seen.contains(&enabled) {
                    seen.insert(enabled.clone());
                    parts.0.push(Part { states: Vec::new(), wronged: enabled.clone(), rests: Vec::new() });
                }
            } else {
                let wronged = search.wronged_here(component);
                parts.0.push(Part { states: component.to_vec(), wronged, rests: Vec::new() });
            }
            true
        });
        parts
    }

    /// Of a fair behaviour that stays in some part, given which units count, what it treats unfairly among all units; none if no
    /// fair behaviour stays. It is that of the component that [`Search::fair`] finds first.
    pub fn stays(&mut self, parts: &mut Parts, active: &[bool]) -> Option<Vec<u32>> {
        let mut split = Vec::new();
        for (i, part) in parts.0.iter().enumerate() {
            let counts = part.wronged.iter().copied().filter(|unit| active[*unit as usize]).collect();
            match self.fate_of(counts) {
                Fate::Fair => return Some(part.wronged.clone()),
                Fate::Split(units) if !part.states.is_empty() => split.push((i, units)),
                Fate::Split(_) | Fate::Unfair => {}
            }
        }
        split.into_iter().rev().find_map(|(i, units)| {
            let Part { states, rests, .. } = &mut parts.0[i];
            let known = rests.iter().position(|(of, _)| *of == units);
            let at = known.unwrap_or_else(|| {
                let rest = self.without(states, &units);
                rests.push((units, self.parts(&rest)));
                rests.len() - 1
            });
            self.stays(&mut rests[at].1, active)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fair::{Labelled, Unit, Units};

    /// A random graph with units of both kinds.
    fn random(x: &mut u64) -> (Labelled, Units) {
        let mut below = |n: u64| {
            *x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*x >> 33) % n
        };
        let (states, labels) = (1 + below(12), 1 + below(5));
        let mut graph = Labelled::with_room(states as usize, 64).expect("a little memory");
        for _ in 0..states {
            for _ in 0..below(4) {
                graph.push_once(below(states) as u32, below(labels) as u32);
            }
            graph.close();
        }
        let unit = |i: u64| Unit {
            labels: (0..labels as u32).filter(|l| (i >> l) & 1 == 1).collect(),
            strong: i & 64 != 0,
        };
        let units = (0..1 + below(4)).map(|_| unit(below(128))).collect();
        (graph, Units::new(units, labels as usize))
    }

    #[test]
    fn every_set_of_units_is_judged_as_on_the_region() {
        let (mut x, mut stays, mut split) = (1, 0, 0);
        for _ in 0..4_000 {
            let (graph, units) = random(&mut x);
            let (count, mut search) = (units.list().len(), Search::new(&graph, &units));
            let region: Vec<u32> = (0..graph.states() as u32).filter(|s| (x >> s) & 3 != 3).collect();
            let mut parts = search.parts(&region);
            for set in 0..1u32 << count {
                let active: Vec<bool> = (0..count).map(|u| set >> u & 1 == 1).collect();
                let mut first = None;
                search.fair(&region, &active, &mut |component| {
                    first = Some(component);
                    false
                });
                let expected = first.map(|component| {
                    let alone = search.parts(&component.states);
                    assert_eq!(alone.0.len(), 1, "it is a part by itself");
                    alone.0[0].wronged.clone()
                });
                assert_eq!(search.stays(&mut parts, &active), expected);
                stays += u32::from(expected.is_some());
                split += u32::from(expected.is_some_and(|wronged| !wronged.is_empty()));
            }
        }
        assert!(stays > 10_000 && split > 1_000, "{stays} {split}");
    }
}
