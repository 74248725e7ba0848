//! What a service stores: kinds of rows with typed keys and attributes, and the hash of the spec they come from.
//!
//! Generated code builds one [`Schema`] when it starts; `archc trace check` builds the same one from the spec. A database keeps
//! the schema that it was made for, as JSON, and is opened only with that one.

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
    /// A name that tables and columns cannot have.
    #[error(
        "`{0}` cannot name a table or column: letters, digits and `_`, at most 48, starting with a letter"
    )]
    Name(String),
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
            check_name(&kind.name)?;
            if !tables.insert(kind.table()) {
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
        check_name(&column.name)?;
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

/// Names become quoted identifiers of SQL (PostgreSQL cuts them at 63 bytes); `_…` and `arch_…` are ours.
fn check_name(name: &str) -> Result<(), SchemaError> {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    if letters && first && name.len() <= 48 && !name.to_ascii_lowercase().starts_with("arch_") {
        return Ok(());
    }
    Err(SchemaError::Name(name.to_owned()))
}
