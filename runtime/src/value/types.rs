//! Types of what is stored, and whether a value is of one.

use super::{MAX_ORDINAL, Value};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::sync::Arc;

/// The type of a key or an attribute.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// `bool`
    Bool,
    /// A bounded integer, both ends included.
    Int {
        /// Lowest value.
        lo: i64,
        /// Highest value.
        hi: i64,
    },
    /// An enum, `tri` included.
    Enum(Arc<EnumType>),
    /// An instance of the actor or id type with this name.
    Id(SmolStr),
    /// `T?`
    Optional(Box<Type>),
    /// An ordinal of the kind with this name.
    Ordinal(SmolStr),
    /// An instant.
    Time,
    /// `set of T max n`
    Set {
        /// The elements' type.
        of: Box<Type>,
        /// How many at most.
        max: Option<u32>,
    },
    /// `map K -> V`
    Map {
        /// The keys' type.
        key: Box<Type>,
        /// The values' type.
        value: Box<Type>,
    },
    /// `seq of T max n`
    Seq {
        /// The elements' type.
        of: Box<Type>,
        /// How many at most.
        max: u32,
    },
    /// A record.
    Record(Arc<RecordType>),
    /// A tagged union.
    Union(Arc<UnionType>),
}

/// An enum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnumType {
    /// Its name.
    pub name: SmolStr,
    /// Its constants.
    pub constants: Vec<SmolStr>,
}

/// A typed name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: SmolStr,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
}

/// A record type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordType {
    /// Its name.
    pub name: SmolStr,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A tagged union.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnionType {
    /// Its name.
    pub name: SmolStr,
    /// Its variants.
    pub variants: Vec<Variant>,
}

/// A variant of a union.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// Its tag.
    pub name: SmolStr,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A value that is not of its type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}expected {expected}, found {found}")]
pub struct Mismatch {
    /// Where in the value: `.field`, `[3]`, followed by `: `; empty for the whole.
    pub place: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Mismatch {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Mismatch {
        Mismatch { place: String::new(), expected: expected.into(), found: found.into() }
    }

    pub(crate) fn below(mut self, part: &str) -> Mismatch {
        let rest = self.place.trim_end_matches(": ");
        self.place = format!("{part}{rest}: ");
        self
    }
}

/// The most bytes of an identity.
pub const MAX_ID_BYTES: usize = 256;

/// Whether text can be an identity: not empty, not too long, and without control characters, which
/// headers, logs and PostgreSQL cannot hold.
pub(crate) fn check_id(text: &str) -> Result<(), Mismatch> {
    let wrong = |what: String| Err(Mismatch::new("an id", what));
    match text {
        "" => wrong("the empty text".into()),
        _ if text.len() > MAX_ID_BYTES => wrong(format!("{} bytes; at most {MAX_ID_BYTES}", text.len())),
        // Bytes are looked at first: most texts are ASCII.
        _ if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.chars().any(char::is_control) => {
            wrong("text with a control character".into())
        }
        _ => Ok(()),
    }
}

impl Type {
    /// `T?`
    #[must_use]
    pub fn optional(self) -> Type {
        Type::Optional(Box::new(self))
    }

    /// An instance of an actor or id type.
    #[must_use]
    pub fn id(sort: &str) -> Type {
        Type::Id(sort.into())
    }

    /// An ordinal.
    #[must_use]
    pub fn ordinal(kind: &str) -> Type {
        Type::Ordinal(kind.into())
    }

    /// An enum.
    #[must_use]
    pub fn enumeration(name: &str, constants: &[&str]) -> Type {
        let constants = constants.iter().map(SmolStr::new).collect();
        Type::Enum(Arc::new(EnumType { name: name.into(), constants }))
    }

    /// `tri`
    #[must_use]
    pub fn tri() -> Type {
        Type::enumeration("tri", &["false", "true", "unknown"])
    }

    /// A record type.
    #[must_use]
    pub fn record(name: &str, fields: Vec<Field>) -> Type {
        Type::Record(Arc::new(RecordType { name: name.into(), fields }))
    }

    /// Whether one column of a table can hold it natively; else it is held as JSON.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        match self {
            Type::Bool | Type::Int { .. } | Type::Enum(_) | Type::Id(_) | Type::Ordinal(_) | Type::Time => {
                true
            }
            Type::Optional(inner) => inner.is_scalar(),
            Type::Set { .. } | Type::Map { .. } | Type::Seq { .. } | Type::Record(_) | Type::Union(_) => {
                false
            }
        }
    }

    /// Whether it can be a part of a key: a scalar that is never null.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.is_scalar() && !matches!(self, Type::Optional(_))
    }

    /// The type in the words of the language.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Type::Bool => "a bool".into(),
            Type::Int { lo, hi } => format!("an integer in {lo}..{hi}"),
            Type::Enum(e) => format!("one of {}", e.constants.join(", ")),
            Type::Id(sort) => format!("an id of {sort}"),
            Type::Optional(inner) => format!("{} or null", inner.describe()),
            Type::Ordinal(_) => "an ordinal".into(),
            Type::Time => "an instant".into(),
            Type::Set { .. } => "a set".into(),
            Type::Map { .. } => "a map".into(),
            Type::Seq { .. } => "a sequence".into(),
            Type::Record(r) => format!("a record {}", r.name),
            Type::Union(u) => format!("a variant of {}", u.name),
        }
    }

    /// Whether a value is of this type, bounds and sizes included.
    ///
    /// # Errors
    /// The first part that is not, with its place.
    pub fn check(&self, value: &Value) -> Result<(), Mismatch> {
        match (self, value) {
            (Type::Bool, Value::Bool(_)) | (Type::Optional(_), Value::Null) => Ok(()),
            (Type::Int { lo, hi }, Value::Int(n)) if lo <= n && n <= hi => Ok(()),
            (Type::Int { .. }, Value::Int(n)) => Err(Mismatch::new(self.describe(), n.to_string())),
            (Type::Enum(e), Value::Enum(c)) if e.constants.contains(c) => Ok(()),
            (Type::Enum(_), Value::Enum(c)) => Err(Mismatch::new(self.describe(), c.as_str())),
            (Type::Id(_), Value::Id(text)) => check_id(text),
            (Type::Optional(inner), value) => inner.check(value),
            (Type::Ordinal(_), Value::Ordinal(n)) if *n <= MAX_ORDINAL => Ok(()),
            (Type::Ordinal(_), Value::Ordinal(n)) => {
                Err(Mismatch::new(format!("an ordinal up to {MAX_ORDINAL}"), n.to_string()))
            }
            (Type::Time, Value::Time(_)) => Ok(()),
            (Type::Set { of, max }, Value::Set(elements)) => {
                at_most(elements.len(), max.unwrap_or(u32::MAX))?;
                elements.iter().try_for_each(|e| of.check(e).map_err(|m| m.below("{}")))
            }
            (Type::Map { key, value }, Value::Map(entries)) => entries
                .iter()
                .try_for_each(|(k, v)| key.check(k).and_then(|()| value.check(v)).map_err(|m| m.below("()"))),
            (Type::Seq { of, max }, Value::Seq(elements)) => {
                at_most(elements.len(), *max)?;
                let mut elements = elements.iter().enumerate();
                elements.try_for_each(|(i, e)| of.check(e).map_err(|m| m.below(&format!("[{i}]"))))
            }
            (Type::Record(record), Value::Record(values)) => check_fields(&record.fields, values),
            (Type::Union(union), Value::Variant(tag, values)) => {
                let variant = union.variants.iter().find(|v| v.name == *tag);
                let variant = variant.ok_or_else(|| Mismatch::new(self.describe(), tag.as_str()))?;
                check_fields(&variant.fields, values)
            }
            (_, value) => Err(Mismatch::new(self.describe(), value.describe())),
        }
    }
}

fn at_most(size: usize, max: u32) -> Result<(), Mismatch> {
    if size <= max as usize {
        return Ok(());
    }
    Err(Mismatch::new(format!("at most {max} elements"), size.to_string()))
}

pub(crate) fn check_fields(fields: &[Field], values: &[Value]) -> Result<(), Mismatch> {
    if fields.len() != values.len() {
        return Err(Mismatch::new(format!("{} fields", fields.len()), values.len().to_string()));
    }
    let mut pairs = fields.iter().zip(values);
    pairs.try_for_each(|(f, v)| f.ty.check(v).map_err(|m| m.below(&format!(".{}", f.name))))
}
