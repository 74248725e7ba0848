//! Which unfinished runs there are and who takes part in them, so that an event need not look through all runs.

use crate::subject::Subject;
use arch_codegen::{ColumnOf, KindOf};
use arch_ir::Status;
use arch_runtime::journal::State;
use arch_runtime::value::{Row, Value};
use arch_runtime::{KindId, RowKey};
use hashbrown::HashMap;
use smol_str::SmolStr;
use std::collections::BTreeSet;

type Key = Box<[Value]>;

/// The unfinished runs of a journal's state.
#[derive(Debug, Default)]
pub struct Index {
    unfinished: HashMap<usize, BTreeSet<Key>>,
    mentions: HashMap<(usize, SmolStr), BTreeSet<Key>>,
}

impl Index {
    /// The index of a state.
    pub fn of(subject: &Subject, state: &State) -> Index {
        let mut index = Index::default();
        for kind in 0..subject.layout.stored {
            let id = KindId(kind as u16);
            for (key, row) in state.rows(id) {
                index.written(subject, &RowKey::new(id, key), None, &row.values);
            }
        }
        index
    }

    /// All unfinished runs of a kind.
    pub fn all(&self, kind: usize) -> impl Iterator<Item = &[Value]> {
        self.unfinished.get(&kind).into_iter().flatten().map(|key| &**key)
    }

    /// The unfinished runs of a kind in which somebody takes part.
    pub fn mentioning(&self, kind: usize, id: &SmolStr) -> impl Iterator<Item = &[Value]> {
        self.mentions.get(&(kind, id.clone())).into_iter().flatten().map(|key| &**key)
    }

    /// A row was written.
    pub fn written(&mut self, subject: &Subject, row: &RowKey, before: Option<&Row>, after: &Row) {
        let kind = usize::from(row.kind.0);
        let KindOf::Run(_) = subject.layout.kinds[kind].of else { return };
        let unfinished = is_unfinished(subject, kind, after);
        let same_roles = |b: &Row| mentioned(subject, kind, &[], b).eq(mentioned(subject, kind, &[], after));
        if before
            .is_some_and(|b| is_unfinished(subject, kind, b) == unfinished && (!unfinished || same_roles(b)))
        {
            return;
        }
        if let Some(before) = before.filter(|row| is_unfinished(subject, kind, row)) {
            self.unfinished.entry(kind).or_default().remove(&row.key);
            for id in mentioned(subject, kind, &row.key, before) {
                let at = (kind, id.clone());
                if let Some(runs) = self.mentions.get_mut(&at) {
                    runs.remove(&row.key);
                    if runs.is_empty() {
                        self.mentions.remove(&at);
                    }
                }
            }
        }
        if unfinished {
            self.unfinished.entry(kind).or_default().insert(row.key.clone());
            for id in mentioned(subject, kind, &row.key, after) {
                self.mentions.entry((kind, id.clone())).or_default().insert(row.key.clone());
            }
        }
    }
}

fn is_unfinished(subject: &Subject, kind: usize, row: &Row) -> bool {
    let declared = &subject.layout.kinds[kind];
    let KindOf::Run(id) = declared.of else { return false };
    let status = declared.columns.iter().zip(row).find(|(c, _)| c.of == ColumnOf::Status);
    let Some((_, Value::Enum(word))) = status else { return false };
    let statuses = &subject.layout.protocol(id).statuses;
    statuses.iter().any(|s| s.word == *word && matches!(s.status, Status::At(..)))
}

/// Subjects and bound roles.
fn mentioned<'r>(
    subject: &'r Subject,
    kind: usize,
    key: &'r [Value],
    row: &'r Row,
) -> impl Iterator<Item = &'r SmolStr> {
    let columns = subject.layout.kinds[kind].columns.iter().zip(row);
    let roles = columns.filter(|(c, _)| matches!(c.of, ColumnOf::Role(_))).map(|(_, v)| v);
    let id = |value: &'r Value| match value {
        Value::Id(id) => Some(id),
        _ => None,
    };
    key.iter().chain(roles).filter_map(id)
}
