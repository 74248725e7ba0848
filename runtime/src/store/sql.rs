//! What the stores that speak SQL share: the statements of a kind's table, looked up by kind.

use crate::schema::{Kind, KindId, Schema};

/// The statements of a kind's table. What a statement reads, and in which order, is the store's own.
pub(super) struct Table {
    /// `CREATE TABLE`
    pub(super) create: String,
    /// Version and attributes of one row, by key.
    pub(super) select: String,
    /// Version, key and attributes of all rows.
    pub(super) scan: String,
    /// Version, time, who, key, attributes of a new row.
    pub(super) insert: String,
    /// Version, time, who, attributes of a row, by key and the version before.
    pub(super) update: String,
}

/// The statements of all kinds.
pub(super) struct Tables(Vec<Table>);

impl Tables {
    /// Those that a store writes for each kind.
    pub(super) fn new(schema: &Schema, table: impl Fn(&Kind) -> Table) -> Tables {
        Tables(schema.kinds().map(|(_, kind)| table(kind)).collect())
    }

    pub(super) fn of(&self, kind: KindId) -> &Table {
        &self.0[usize::from(kind.0)]
    }

    pub(super) fn creates(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|t| t.create.as_str())
    }
}

/// A name as an identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{name}\"")
}
