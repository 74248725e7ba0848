//! The ordinals that are alive in a journal's state: what `advance` gives must be greater than all of them.

use crate::operation::Operation;
use crate::subject::Subject;
use crate::world::{World, visit_ordinals};
use arch_base::Idx;
use arch_codegen::ColumnOf;
use arch_ir::OrdinalId;
use arch_runtime::journal::State;
use arch_runtime::value::Row;
use arch_runtime::{KindId, RowKey};
use std::collections::BTreeMap;

/// How often each value of each ordinal is held by a row.
#[derive(Clone, Debug, Default)]
pub struct Alive(Vec<BTreeMap<u64, u64>>);

impl Alive {
    /// What is alive in a state.
    pub fn of(subject: &Subject, state: &State) -> Alive {
        let mut alive = Alive(vec![BTreeMap::new(); subject.ordinals()]);
        for kind in (0..subject.layout.stored).map(|k| KindId(k as u16)) {
            for (key, row) in state.rows(kind) {
                alive.written(subject, &RowKey::new(kind, key), None, &row.values);
            }
        }
        alive
    }

    /// A row was written.
    pub fn written(&mut self, subject: &Subject, row: &RowKey, before: Option<&Row>, after: &Row) {
        let kind = usize::from(row.kind.0);
        if !subject.holds_ordinals[kind] {
            return;
        }
        // The same values are counted up first, so that nothing dies in between.
        held(subject, kind, after, &mut |id, n| *self.0[id.index()].entry(n).or_insert(0) += 1);
        if let Some(before) = before {
            held(subject, kind, before, &mut |id, n| {
                let alive = &mut self.0[id.index()];
                if let Some(count) = alive.get_mut(&n) {
                    *count -= 1;
                    if *count == 0 {
                        alive.remove(&n);
                    }
                }
            });
        }
    }

    /// Whether the values that an event made are greater than all that are alive.
    ///
    /// # Errors
    /// A value that is not.
    pub fn check(&self, subject: &Subject, operation: &Operation, world: &World) -> Result<(), String> {
        for (id, ordinal) in subject.program().ordinals.iter_enumerated() {
            let greatest = self.0[id.index()].keys().next_back().copied().unwrap_or(0);
            let Some(made) = world.fresh(id).first().filter(|n| **n <= greatest) else { continue };
            let rule = if subject.program().builtin.advances {
                "the built-in check `advances` is violated"
            } else {
                "`advance` makes a value greater than every one alive"
            };
            return Err(format!(
                "{} made {} {made} while {greatest} is alive in another row: {rule}",
                operation.name, ordinal.name
            ));
        }
        Ok(())
    }
}

fn held(subject: &Subject, kind: usize, row: &Row, f: &mut dyn FnMut(OrdinalId, u64)) {
    let columns = subject.layout.kinds[kind].columns.iter().zip(row);
    for (column, value) in columns.filter(|(c, _)| c.of != ColumnOf::Status) {
        visit_ordinals(subject.program(), &column.ty, value, f);
    }
}
