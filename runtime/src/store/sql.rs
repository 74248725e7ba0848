//! What the stores that speak SQL share: the statements of a kind's table, looked up by kind.

use super::migrate::{Migration, Rebuild};
use crate::schema::{Kind, KindId, Schema};

/// The statements of a kind's table. What a statement reads, and in which order, is the store's own.
pub(super) struct Table {
    /// `CREATE TABLE`
    pub(super) create: String,
    /// The table's name, quoted.
    pub(super) name: String,
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

    /// What makes one schema's tables from another's.
    pub(super) fn migration(&self, migration: &Migration, schema: &Schema, number: usize) -> Vec<String> {
        let created = migration.created.iter().map(|kind| self.of(*kind).create.clone());
        let rebuilt = migration.rebuilt.iter().flat_map(|r| self.rebuild(r, schema.kind(r.kind), number));
        created.chain(rebuilt).collect()
    }

    /// Writes a table again: its bounds are checked for every row.
    fn rebuild(&self, rebuild: &Rebuild, kind: &Kind, number: usize) -> Vec<String> {
        let Table { create, name, .. } = self.of(rebuild.kind);
        // The name is also that of the index of its key, which keeps it.
        let next = quote(&format!("{}__{number}", kind.table()));
        let carried = rebuild.carried.iter().map(|c| quote(c));
        let columns = kind.keys.iter().map(|k| quote(&k.name)).chain(carried);
        let columns: String = columns.map(|c| format!(", {c}")).collect();
        let columns = format!("_version, _updated_at, _updated_by{columns}");
        vec![
            create.replacen(&format!("CREATE TABLE {name} "), &format!("CREATE TABLE {next} "), 1),
            format!("INSERT INTO {next} ({columns}) SELECT {columns} FROM {name}"),
            format!("DROP TABLE {name}"),
            format!("ALTER TABLE {next} RENAME TO {name}"),
        ]
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
