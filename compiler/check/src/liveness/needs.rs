//! Which assumptions of fairness a property that holds needs: a smallest set of them.

use super::Judge;
use super::graph::FairGraph;
use arch_explorer::fair::smallest::{Clause, Smallest, Trial, smallest};
use arch_explorer::fair::{Parts, Search};
use arch_ir::PropertyId;
use arch_ir::fairness::Assumption;
use arch_ir::report::Needs;
use std::collections::BTreeMap;

/// Edges that are looked at, over all trials, before a smallest set is given up.
const WORK: u64 = 1 << 32;

/// The most bytes for each state that are kept of parts of regions.
pub(super) const PARTS: u64 = 16;

/// The assumptions that occur, and for each unit which it belongs to.
struct Assumptions {
    list: Vec<Assumption>,
    /// 2 where strong fairness is declared, else 1.
    highest: Vec<u8>,
    of_unit: Vec<usize>,
}

impl Assumptions {
    fn of(fair: &FairGraph<'_>) -> Assumptions {
        let mut highest: BTreeMap<Assumption, u8> = BTreeMap::new();
        for unit in &fair.names {
            let level = highest.entry(unit.assumption()).or_default();
            *level = (*level).max(1 + u8::from(unit.strong));
        }
        let list: Vec<Assumption> = highest.keys().copied().collect();
        let place = |a: Assumption| list.binary_search(&a).unwrap_or_default();
        let of_unit = fair.names.iter().map(|u| place(u.assumption())).collect();
        Assumptions { highest: highest.into_values().collect(), list, of_unit }
    }

    /// The units that count at some levels.
    fn active(&self, fair: &FairGraph<'_>, levels: &[u8]) -> Vec<bool> {
        let units = fair.names.iter().zip(&self.of_unit);
        units.map(|(unit, a)| levels[*a] > u8::from(unit.strong)).collect()
    }

    /// What has to be raised so that one of some units counts.
    fn clause(&self, fair: &FairGraph<'_>, units: &[u32]) -> Clause {
        let mut levels: BTreeMap<usize, u8> = BTreeMap::new();
        for unit in units {
            let needed = 1 + u8::from(fair.names[*unit as usize].strong);
            let level = levels.entry(self.of_unit[*unit as usize]).or_insert(needed);
            *level = (*level).min(needed);
        }
        levels.into_iter().collect()
    }
}

impl Judge<'_> {
    /// A smallest set of assumptions under which a property holds, given that it holds under all.
    pub(super) fn needs(&self, fair: &FairGraph<'_>, id: PropertyId) -> Needs {
        let assumptions = Assumptions::of(fair);
        let combinations = self.machine.live_combinations(id);
        let mut regions = Regions {
            judge: self,
            fair,
            id,
            search: Search::new(&fair.graph, &fair.units),
            known: combinations.into_iter().map(|combination| (combination, None)).collect(),
        };
        let found = smallest(&assumptions.highest, &mut |levels| regions.trial(&assumptions, levels));
        let (levels, smallest) = match found {
            Smallest::Exact(levels) => (levels, true),
            Smallest::Sufficient(levels) => (levels, false),
        };
        let made = assumptions.list.into_iter().zip(levels).filter(|(_, level)| *level > 0);
        Needs { assumptions: made.map(|(a, level)| (a, level > 1)).collect(), smallest }
    }
}

/// The regions of a property's combinations, while sets of assumptions are tried.
struct Regions<'a, 'j> {
    judge: &'a Judge<'j>,
    fair: &'a FairGraph<'j>,
    id: PropertyId,
    search: Search<'a>,
    /// Combinations with the parts of their regions, as far as these are kept.
    known: Vec<(usize, Option<Parts>)>,
}

impl Regions<'_, '_> {
    /// Tries the assumptions at some levels.
    fn trial(&mut self, assumptions: &Assumptions, levels: &[u8]) -> Trial {
        let active = assumptions.active(self.fair, levels);
        for i in 0..self.known.len() {
            let stopped = self.judge.options.stopped(self.judge.interrupt).is_some();
            if stopped || self.search.edges_looked_at() > WORK {
                return Trial::Unknown;
            }
            if let Some(wronged) = self.stays(i, &active) {
                return Trial::Stays(assumptions.clause(self.fair, &wronged));
            }
        }
        Trial::Suffices
    }

    /// What a behaviour that stays in a region treats unfairly, given which units count, if there is one.
    fn stays(&mut self, i: usize, active: &[bool]) -> Option<Vec<u32>> {
        let (combination, known) = &mut self.known[i];
        let mut parts = known.take().unwrap_or_else(|| {
            let region = self.judge.region(self.fair, self.id, *combination);
            self.search.parts(&region.reached.states)
        });
        let stays = self.search.stays(&mut parts, active);
        let kept: u64 = self.known.iter().filter_map(|(_, parts)| parts.as_ref()).map(Parts::bytes).sum();
        if kept + parts.bytes() <= PARTS * self.fair.graph.states() as u64 {
            self.known[i].1 = Some(parts);
        }
        stays
    }
}
