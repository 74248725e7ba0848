//! Parts of a program, compiled: which of its events they decide about, and what becomes of these without them.

use super::Part;
use crate::error::CompileError;
use crate::kinds::{Does, Kinds};
use crate::machine::Machine;
use arch_explorer::Successors;
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
    /// Which actions of the program it decides about.
    pub(super) touched: Vec<bool>,
    /// The number of the machine among those whose occurrences are numbered.
    pub(super) occasions: usize,
}

impl Without {
    /// The program without a part is compiled in the layout of the program: so a state of one is a state of the other.
    pub(super) fn of(base: &Machine, part: &Part<'_>, kinds: &mut Kinds) -> Result<Without, CompileError> {
        let of_base: Vec<Touch> =
            (0..base.actions() as u32).map(|a| (part.touches)(&base.template(a))).collect();
        let mut without = Without {
            machine: None,
            kinds: Vec::new(),
            touched: of_base.iter().map(|t| *t != Touch::Same).collect(),
            occasions: 0,
        };
        if part.changes {
            let mut machine = Machine::compile_in(part.program, &base.layout)?;
            let changed = |a: u32| (part.touches)(&machine.template(a)) == Touch::Changed;
            let keep: Vec<bool> = (0..machine.actions() as u32).map(changed).collect();
            machine.restrict(|a| keep[a as usize]);
            without.kinds = kinds.of(&machine);
            without.machine = Some(Arc::new(machine));
        }
        Ok(without)
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
