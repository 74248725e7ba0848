//! Which assumptions of fairness a property that holds needs: a smallest set of them.

use super::Judge;
use super::graph::FairGraph;
use arch_explorer::fair::Search;
use arch_explorer::fair::smallest::{Clause, Smallest, Trial, smallest};
use arch_ir::PropertyId;
use arch_ir::fairness::Assumption;
use arch_ir::report::Needs;
use std::collections::BTreeMap;

/// Edges that are looked at, over all trials, before a smallest set is given up.
const WORK: u64 = 1 << 32;

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
        let mut search = Search::new(&fair.graph, &fair.units);
        let found = smallest(&assumptions.highest, &mut |levels| {
            self.trial(fair, id, &mut search, &assumptions, levels)
        });
        let (levels, smallest) = match found {
            Smallest::Exact(levels) => (levels, true),
            Smallest::Sufficient(levels) => (levels, false),
        };
        let made = assumptions.list.into_iter().zip(levels).filter(|(_, level)| *level > 0);
        Needs { assumptions: made.map(|(a, level)| (a, level > 1)).collect(), smallest }
    }

    fn trial(
        &self,
        fair: &FairGraph<'_>,
        id: PropertyId,
        search: &mut Search<'_>,
        assumptions: &Assumptions,
        levels: &[u8],
    ) -> Trial {
        let active = assumptions.active(fair, levels);
        for combination in self.machine.live_combinations(id) {
            if search.edges_looked_at() > WORK || self.options.stopped(self.interrupt).is_some() {
                return Trial::Unknown;
            }
            let region = self.region(fair, id, combination);
            let mut found = None;
            search.fair(&region.reached.states, &active, &mut |component| {
                found = Some(component);
                false
            });
            if let Some(component) = found {
                let wronged = search.wronged(&component.states, &vec![true; fair.names.len()]);
                return Trial::Stays(assumptions.clause(fair, &wronged));
            }
        }
        Trial::Suffices
    }
}
