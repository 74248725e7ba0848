//! What events are occurrences of, numbered alike for a program and for it without its parts.

use super::store::NO_LABEL;
use crate::liveness::Labels;
use crate::machine::Machine;
use arch_explorer::fair::{Labelled, MOST_LABELS, UNLABELLED, Unit, Units};
use arch_ir::fairness::FairUnit;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most occurrences of a machine.
const MOST_BINDINGS: usize = 1 << 20;

/// No occurrence.
pub(super) const NONE: u32 = u32::MAX;

/// The occurrences of one machine.
struct Own {
    labels: Labels<Arc<Machine>>,
    /// For each of its numbers the one for all machines, once it was met.
    known: Vec<Option<u16>>,
}

/// Occurrences that belong to the same units of fairness have the same number: nothing tells them apart.
#[derive(Default)]
pub(super) struct Occasions {
    machines: Vec<Own>,
    numbers: BTreeMap<Vec<FairUnit>, u16>,
    units: BTreeMap<FairUnit, Vec<u32>>,
}

impl Occasions {
    /// Adds a machine; none if there are too many bindings of roles.
    pub(super) fn add(&mut self, machine: Arc<Machine>) -> Option<usize> {
        let labels = Labels::new(machine)?;
        if labels.count() > MOST_BINDINGS {
            return None;
        }
        let known = vec![None; labels.count()];
        self.machines.push(Own { labels, known });
        Some(self.machines.len() - 1)
    }

    /// What an action of a state is for a machine, or [`NONE`].
    pub(super) fn of(&self, machine: usize, action: u32, state: &[u64]) -> u32 {
        self.machines[machine].labels.of(action, state).unwrap_or(NONE)
    }

    /// The number for all machines of what is something for one of them; none if there are too many.
    pub(super) fn number(&mut self, machine: usize, label: u32) -> Option<u16> {
        let Own { labels, known } = &mut self.machines[machine];
        if label == NONE {
            return Some(NO_LABEL);
        }
        if let Some(number) = known[label as usize] {
            return Some(number);
        }
        let fair = labels.program().fair_units(&labels.occurrence(label));
        let number = match (fair.is_empty(), self.numbers.get(&fair)) {
            (true, _) => NO_LABEL,
            (false, Some(number)) => *number,
            (false, None) => {
                let next = self.numbers.len() as u32;
                if next >= MOST_LABELS {
                    return None;
                }
                fair.iter().for_each(|unit| self.units.entry(unit.clone()).or_default().push(next));
                self.numbers.insert(fair, next as u16);
                next as u16
            }
        };
        known[label as usize] = Some(number);
        Some(number)
    }

    /// The units that occur in a graph, by name and as such.
    pub(super) fn units_of(&self, graph: &Labelled) -> (Vec<FairUnit>, Units) {
        let mut occurs = vec![false; self.numbers.len()];
        let labels = (0..graph.edges() as u64).map(|e| graph.label(e)).filter(|l| *l != UNLABELLED);
        labels.for_each(|l| occurs[l as usize] = true);
        let some = self.units.iter().filter(|(_, labels)| labels.iter().any(|l| occurs[*l as usize]));
        let (names, list): (Vec<FairUnit>, Vec<Unit>) = some
            .map(|(name, labels)| (name.clone(), Unit { labels: labels.clone(), strong: name.strong }))
            .unzip();
        (names, Units::new(list, self.numbers.len()))
    }

    /// The units that occurred.
    pub(super) fn units(&self) -> Units {
        let unit =
            |(unit, labels): (&FairUnit, &Vec<u32>)| Unit { labels: labels.clone(), strong: unit.strong };
        Units::new(self.units.iter().map(unit).collect(), self.numbers.len())
    }
}
