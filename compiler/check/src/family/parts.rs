//! Parts of a program, compiled: which of its events they decide about, and what becomes of these without them.

use super::Part;
use crate::error::CompileError;
use crate::kinds::{Does, Kinds};
use crate::machine::Machine;
use arch_explorer::Successors;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What becomes of an event without a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    /// Nothing: the same code does the same.
    Same,
    /// It never happens.
    Gone,
    /// It is what the program without the part says.
    Changed,
}

/// A part.
pub(super) struct Without {
    /// The program without it, with the actions that it changes only; none if it changes none.
    pub(super) machine: Option<Arc<Machine>>,
    kinds: Vec<u32>,
    /// For each action the one of the program that is the same event, or a number after all of them.
    order: Vec<u32>,
    /// Which actions of the program it decides about.
    pub(super) touched: Vec<bool>,
    /// The number of the machine among those whose occurrences are numbered.
    pub(super) occasions: usize,
}

impl Without {
    /// The program without a part is compiled in the layout of the program: so a state of one is a state of the other.
    pub(super) fn of(
        base: &Machine,
        of_base_kinds: &[u32],
        part: &Part<'_>,
        kinds: &mut Kinds,
    ) -> Result<Without, CompileError> {
        let of_base: Vec<Touch> =
            (0..base.actions() as u32).map(|a| (part.touches)(&base.template(a))).collect();
        let mut without = Without {
            machine: None,
            kinds: Vec::new(),
            order: Vec::new(),
            touched: of_base.iter().map(|t| *t != Touch::Same).collect(),
            occasions: 0,
        };
        if part.changes {
            let mut machine = Machine::compile_in(part.program, &base.layout)?;
            let changed = |a: u32| (part.touches)(&machine.template(a)) == Touch::Changed;
            let keep: Vec<bool> = (0..machine.actions() as u32).map(changed).collect();
            machine.restrict(|a| keep[a as usize]);
            without.kinds = kinds.of(&machine);
            let place: BTreeMap<u32, u32> = of_base_kinds.iter().copied().zip(0..).collect();
            let new = of_base_kinds.len() as u32;
            let order = |(kind, action): (&u32, u32)| place.get(kind).copied().unwrap_or(new + action);
            without.order = without.kinds.iter().zip(0..).map(order).collect();
            without.machine = Some(Arc::new(machine));
        }
        Ok(without)
    }

    /// Where an action belongs among those of the program.
    pub(super) fn order(&self, action: u16) -> u32 {
        self.order[action as usize]
    }

    /// Whether events of a state are others without the part, given what both machines do there.
    pub(super) fn differs(&self, kinds: &[u32], base: &Successors, changed: Option<&Successors>) -> bool {
        let base = Does { kinds, events: base };
        match changed {
            Some(events) => base.differs(&self.touched, Does { kinds: &self.kinds, events }),
            None => base.acts(&self.touched),
        }
    }
}
