//! What a service stores: kinds of rows with typed keys and attributes, and the hash of the spec they come from.
//!
//! Generated code builds one [`Schema`] when it starts; `archc trace check` builds the same one from the spec. A database keeps
//! the schema that it was made for, as JSON, and is opened only with that one.

use crate::names::{column_fault, table_fault};
pub use crate::value::Field as Column;
use crate::value::check_fields;
use crate::value::{Mismatch, Type, Value};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// The position of a kind in its schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct KindId(pub u16);

/// What rows of a kind are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindClass {
    /// A truth object of the spec.
    Truth,
    /// The locals of an actor's instances.
    Local,
    /// Runs of a protocol: position or outcome, bound roles, run variables.
    Run,
}

/// A kind of row, stored in a table of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kind {
    /// Its name in the spec.
    pub name: SmolStr,
    /// What it is.
    pub class: KindClass,
    /// Its keys; none if there is one row.
    pub keys: Vec<Column>,
    /// Its attributes.
    pub columns: Vec<Column>,
    /// Whether some operation reads *all* rows of it (a quantifier over its keys). Stores guard such kinds against rows
    /// that appear while they are read.
    pub scanned: bool,
}

/// All kinds of a service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Schema {
    spec: SmolStr,
    kinds: Vec<Kind>,
}

/// A schema that cannot be stored.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaError {
    /// A name that tables or columns cannot have.
    #[error("{what} would be stored in `{stored}`, which cannot be: {why}")]
    Name {
        /// What has it: `ClaimState`, or `ClaimState.owner_id`.
        what: String,
        /// The table or column.
        stored: String,
        /// Why it cannot be called so.
        why: &'static str,
    },
    /// Two things whose tables or columns would be called the same.
    #[error("two things are called `{0}`")]
    Duplicate(String),
    /// A key of a type that has no canonical text.
    #[error("key `{key}` of {kind} has type {ty}, which cannot be a key")]
    Key {
        /// The kind.
        kind: String,
        /// The key.
        key: String,
        /// Its type.
        ty: String,
    },
    /// More kinds than can be numbered.
    #[error("a schema has at most 65,535 kinds")]
    TooMany,
}

impl Kind {
    /// A truth object; add keys and attributes.
    #[must_use]
    pub fn truth(name: &str) -> Kind {
        Kind {
            name: name.into(),
            class: KindClass::Truth,
            keys: Vec::new(),
            columns: Vec::new(),
            scanned: false,
        }
    }

    /// An actor's locals, keyed by its instance.
    #[must_use]
    pub fn local(actor: &str) -> Kind {
        Kind { class: KindClass::Local, ..Kind::truth(actor) }.key(actor, Type::id(actor))
    }

    /// The runs of a protocol; add its subjects (and copy) as keys, and `status`, roles and variables as attributes.
    #[must_use]
    pub fn run(protocol: &str) -> Kind {
        Kind { class: KindClass::Run, ..Kind::truth(protocol) }
    }

    /// With one more key.
    #[must_use]
    pub fn key(mut self, name: &str, ty: Type) -> Kind {
        self.keys.push(Column { name: name.into(), ty });
        self
    }

    /// With one more attribute.
    #[must_use]
    pub fn column(mut self, name: &str, ty: Type) -> Kind {
        self.columns.push(Column { name: name.into(), ty });
        self
    }

    /// Marks the kind as read as a whole by some operation.
    #[must_use]
    pub fn scanned(mut self) -> Kind {
        self.scanned = true;
        self
    }

    /// The name of its table: `ClaimState` is `claim_state`.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::with_capacity(self.name.len() + 4);
        let mut after_lower = false;
        for c in self.name.chars() {
            if c.is_ascii_uppercase() && after_lower {
                table.push('_');
            }
            after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
            table.push(c.to_ascii_lowercase());
        }
        table
    }

    /// Whether a key and a row are of this kind.
    ///
    /// # Errors
    /// The first part that is not.
    pub fn check(&self, key: &[Value], row: &[Value]) -> Result<(), Mismatch> {
        check_fields(&self.keys, key).and_then(|()| check_fields(&self.columns, row))
    }

    /// Whether a key is of this kind.
    ///
    /// # Errors
    /// The first part that is not.
    pub fn check_key(&self, key: &[Value]) -> Result<(), Mismatch> {
        check_fields(&self.keys, key)
    }
}

impl Schema {
    /// A schema of these kinds, for the spec with this hash.
    ///
    /// # Errors
    /// A name that cannot be stored, a name twice, a key that has no canonical text.
    pub fn new(spec: impl Into<SmolStr>, kinds: Vec<Kind>) -> Result<Schema, SchemaError> {
        if kinds.len() > usize::from(u16::MAX) {
            return Err(SchemaError::TooMany);
        }
        let mut tables = BTreeSet::new();
        for kind in &kinds {
            let table = kind.table();
            named(kind.name.to_string(), &table, table_fault(&table))?;
            if !tables.insert(table) {
                return Err(SchemaError::Duplicate(kind.name.to_string()));
            }
            check_columns(kind)?;
        }
        Ok(Schema { spec: spec.into(), kinds })
    }

    /// The hash of the spec.
    #[must_use]
    pub fn spec(&self) -> &SmolStr {
        &self.spec
    }

    /// A kind. Ids come from [`Schema::find`] or are positions in the list that the schema was made of.
    ///
    /// # Panics
    /// The id is of another schema.
    #[must_use]
    pub fn kind(&self, id: KindId) -> &Kind {
        &self.kinds[usize::from(id.0)]
    }

    /// All kinds, in order.
    pub fn kinds(&self) -> impl Iterator<Item = (KindId, &Kind)> {
        (0..).map(KindId).zip(&self.kinds)
    }

    /// The kind with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<KindId> {
        self.kinds().find(|(_, k)| k.name == name).map(|(id, _)| id)
    }

    /// Reads what [`Schema::to_json`] writes.
    ///
    /// # Errors
    /// It is none.
    pub fn from_json(text: &str) -> Result<Schema, String> {
        let Schema { spec, kinds } = serde_json::from_str(text).map_err(|e| e.to_string())?;
        Schema::new(spec, kinds).map_err(|e| e.to_string())
    }

    /// The schema as JSON, as databases keep it to recognise their own.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a schema holds names and numbers only")
    }
}

fn check_columns(kind: &Kind) -> Result<(), SchemaError> {
    let mut names = BTreeSet::new();
    for column in kind.keys.iter().chain(&kind.columns) {
        let what = format!("{}.{}", kind.name, column.name);
        named(what, &column.name, column_fault(&column.name))?;
        if !names.insert(column.name.to_ascii_lowercase()) {
            return Err(SchemaError::Duplicate(format!("{}.{}", kind.name, column.name)));
        }
    }
    match kind.keys.iter().find(|k| !k.ty.is_key()) {
        None => Ok(()),
        Some(key) => Err(SchemaError::Key {
            kind: kind.name.to_string(),
            key: key.name.to_string(),
            ty: key.ty.describe(),
        }),
    }
}

fn named(what: String, stored: &str, fault: Option<&'static str>) -> Result<(), SchemaError> {
    match fault {
        None => Ok(()),
        Some(why) => Err(SchemaError::Name { what, stored: stored.to_owned(), why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(kind: Kind) -> Result<Schema, String> {
        Schema::new("s", vec![kind]).map_err(|e| e.to_string())
    }

    /// It is the table's name that counts, not the kind's.
    #[test]
    fn tables_that_no_database_takes_are_refused() {
        for (name, table, why) in [
            ("ArchJournal", "arch_journal", "the runtime's own"),
            ("arch_journal", "arch_journal", "the runtime's own"),
            ("SqliteX", "sqlite_x", "SQLite's own"),
            ("PgClass", "pg_class", "PostgreSQL's own"),
            ("ClaimPkey", "claim_pkey", "those of indexes"),
            ("Claim__12", "claim__12", "being migrated"),
            ("_one", "_one", "begin with a letter"),
            ("Zürich", "zürich", "letters of ASCII"),
            (&"Ab".repeat(20), &["ab"; 20].join("_"), "at most 56 letters"),
        ] {
            let error = schema(Kind::truth(name)).expect_err(name);
            assert!(error.contains(&format!("`{table}`")) && error.contains(why), "{error}");
        }
        for name in ["Archive", "Architect", "Sqlite", "Pgp", "Pkey", "Claim__a", "A__1b", &"a".repeat(56)] {
            schema(Kind::truth(name)).unwrap_or_else(|e| panic!("{e}"));
        }
    }

    #[test]
    fn columns_that_no_database_takes_are_refused() {
        for name in ["xmin", "XMAX", "ctid", "tableoid", "_version", "a-b", "", &"a".repeat(57)] {
            let error = schema(Kind::truth("T").column(name, Type::Bool)).expect_err(name);
            assert!(error.starts_with(&format!("T.{name} ")), "{error}");
            schema(Kind::truth("T").key(name, Type::Bool)).expect_err(name);
        }
        // These are tables' alone.
        for name in ["arch_journal", "sqlite_x", "oid", "rowid", "xmin_", "select", "b_pkey"] {
            schema(Kind::truth("T").column(name, Type::Bool)).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}
