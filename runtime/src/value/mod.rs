//! Values of the language while a service runs, one to one with the language's types.
//!
//! A [`Value`] says what it is, a [`Type`] says what is allowed, and their text and JSON forms are directed by the type,
//! so that what a database or a trace holds is checked when it is read and never guessed.

mod json;
mod key;
#[cfg(feature = "grpc")]
pub mod proto;
mod types;

pub use json::{FieldsSeed, RowSeed, TypedFields, TypedRow, TypedValue, ValueSeed};
pub use key::{KeyError, RowKey, parse_key_part, write_key_part};
pub(crate) use types::check_fields;
pub use types::{EnumType, Field, Mismatch, RecordType, Type, UnionType, Variant};

use crate::time::Instant;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// A value. The derived order is only for determinism (sets, maps, sorting).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Value {
    /// `null`, the absent optional.
    Null,
    /// A truth value.
    Bool(bool),
    /// A bounded integer.
    Int(i64),
    /// A constant of an enum, by name; `tri` is the enum `false`, `true`, `unknown`.
    Enum(SmolStr),
    /// An instance of an actor or id type.
    Id(SmolStr),
    /// An ordinal (epoch, term, version); 0 is the least. At most [`MAX_ORDINAL`].
    Ordinal(u64),
    /// An instant.
    Time(Instant),
    /// A finite set.
    Set(BTreeSet<Value>),
    /// A finite map; a key that is absent has the default of the value type.
    Map(BTreeMap<Value, Value>),
    /// A sequence.
    Seq(Vec<Value>),
    /// A record: its fields in declaration order.
    Record(Vec<Value>),
    /// A variant of a tagged union: its tag, and its fields in declaration order.
    Variant(SmolStr, Vec<Value>),
}

/// The greatest ordinal that every store can hold: the greatest signed 64-bit integer.
pub const MAX_ORDINAL: u64 = i64::MAX as u64;

/// The attributes of one row, in the order of its kind's columns.
pub type Row = Vec<Value>;

impl Value {
    /// An identity.
    #[must_use]
    pub fn id(text: impl Into<SmolStr>) -> Value {
        Value::Id(text.into())
    }

    /// A constant of an enum.
    #[must_use]
    pub fn constant(name: &'static str) -> Value {
        Value::Enum(SmolStr::new_static(name))
    }

    /// An instant, in milliseconds since 1970 (UTC).
    #[must_use]
    pub fn time(millis: i64) -> Value {
        Value::Time(Instant::from_millis(millis))
    }

    /// What kind of value it is, in the words of the language.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an integer",
            Value::Enum(_) => "an enum constant",
            Value::Id(_) => "an id",
            Value::Ordinal(_) => "an ordinal",
            Value::Time(_) => "an instant",
            Value::Set(_) => "a set",
            Value::Map(_) => "a map",
            Value::Seq(_) => "a sequence",
            Value::Record(_) => "a record",
            Value::Variant(..) => "a variant",
        }
    }
}
