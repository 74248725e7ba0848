//! Which row: a kind and its key, and their text `ClaimState/k1`, as traces, errors and fencing tokens write it.

use super::types::{Type, check_id};
use super::{MAX_ORDINAL, Value};
use crate::schema::{KindId, Schema};
use crate::time::Instant;
use smol_str::SmolStr;

/// A row, existing or not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RowKey {
    /// Its kind.
    pub kind: KindId,
    /// Its key, one value for each key column of the kind; empty for a truth object without an index.
    pub key: Box<[Value]>,
}

/// Text that names no row of the schema.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// No kind has this name.
    #[error("no kind is called `{0}`")]
    UnknownKind(String),
    /// Too few or too many parts.
    #[error("`{text}` has {found} key parts, {kind} has {expected}")]
    Parts {
        /// The text.
        text: String,
        /// The kind.
        kind: String,
        /// How many its key has.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A part is not of its type.
    #[error("`{part}` in `{text}` is not {expected}")]
    Part {
        /// The text.
        text: String,
        /// The part.
        part: String,
        /// Its type.
        expected: String,
    },
}

impl RowKey {
    /// The row of a kind with this key.
    #[must_use]
    pub fn new(kind: KindId, key: impl Into<Box<[Value]>>) -> RowKey {
        RowKey { kind, key: key.into() }
    }

    /// The one row of a kind without keys.
    #[must_use]
    pub fn single(kind: KindId) -> RowKey {
        RowKey { kind, key: Box::default() }
    }

    /// `ClaimState/k1`: parts are separated by `/`, and `/`, `%` and control characters in them are `%XX`.
    #[must_use]
    pub fn text(&self, schema: &Schema) -> String {
        let mut text = String::with_capacity(32);
        self.write_text(schema, &mut text);
        text
    }

    pub(crate) fn write_text(&self, schema: &Schema, text: &mut String) {
        text.push_str(&schema.kind(self.kind).name);
        for part in &self.key {
            text.push('/');
            write_key_part(part, text);
        }
    }

    /// Reads what [`RowKey::text`] writes.
    ///
    /// # Errors
    /// The kind or a part of the key is not of the schema.
    pub fn parse(text: &str, schema: &Schema) -> Result<RowKey, KeyError> {
        let mut parts = text.split('/');
        let name = parts.next().unwrap_or_default();
        let kind = schema.find(name).ok_or_else(|| KeyError::UnknownKind(name.to_owned()))?;
        let columns = &schema.kind(kind).keys;
        let mut key = Vec::with_capacity(columns.len());
        for column in columns {
            let value = parts.next().and_then(|part| parse_key_part(&column.ty, part));
            key.push(value.ok_or_else(|| wrong_key(text, schema, kind))?);
        }
        match parts.next() {
            None => Ok(RowKey { kind, key: key.into() }),
            Some(_) => Err(wrong_key(text, schema, kind)),
        }
    }
}

/// Why a text is no row of its kind.
fn wrong_key(text: &str, schema: &Schema, kind: KindId) -> KeyError {
    let (text, columns) = (text.to_owned(), &schema.kind(kind).keys);
    let parts: Vec<&str> = text.split('/').skip(1).collect();
    if parts.len() != columns.len() {
        let (kind, found) = (schema.kind(kind).name.to_string(), parts.len());
        return KeyError::Parts { text, kind, expected: columns.len(), found };
    }
    let mut all = columns.iter().zip(parts);
    let bad = all.find(|(column, part)| parse_key_part(&column.ty, part).is_none());
    let (part, expected) = bad.map(|(c, part)| (part.to_owned(), c.ty.describe())).unwrap_or_default();
    KeyError::Part { text, part, expected }
}

/// Writes one part of a key.
pub fn write_key_part(part: &Value, text: &mut String) {
    match part {
        Value::Id(s) | Value::Enum(s) => escape(s, text),
        Value::Int(n) => text.push_str(&n.to_string()),
        Value::Ordinal(n) => text.push_str(&n.to_string()),
        Value::Time(t) => text.push_str(&t.millis().to_string()),
        Value::Bool(b) => text.push_str(if *b { "true" } else { "false" }),
        // Not keys: a schema does not allow them, and the text then reads back as no row.
        other => text.push_str(&format!("%00{}", other.describe())),
    }
}

/// Reads one part of a key; none if it is not of its type.
#[must_use]
pub fn parse_key_part(ty: &Type, part: &str) -> Option<Value> {
    let value = match ty {
        Type::Id(_) => {
            let id = unescape(part)?;
            return check_id(&id).is_ok().then_some(Value::Id(id));
        }
        Type::Enum(e) => Value::Enum(e.constants.iter().find(|c| *c == part)?.clone()),
        Type::Int { .. } => Value::Int(canonical(part)?),
        Type::Ordinal(_) => Value::Ordinal(canonical(part).filter(|n| *n <= MAX_ORDINAL)?),
        Type::Time => Value::Time(Instant::from_millis(canonical(part)?)),
        Type::Bool => Value::Bool(match part {
            "true" => true,
            "false" => false,
            _ => return None,
        }),
        _ => return None,
    };
    ty.check(&value).ok()?;
    Some(value)
}

/// A number in the one way that it is written: two texts for one row would be two rows.
fn canonical<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (text == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c))).then(|| text.parse().ok())?
}

fn is_plain(c: char) -> bool {
    c != '/' && c != '%' && !c.is_control()
}

fn escape(part: &str, text: &mut String) {
    // Most are, byte for byte.
    if part.bytes().all(|b| b.is_ascii() && is_plain(char::from(b))) {
        return text.push_str(part);
    }
    for c in part.chars() {
        if is_plain(c) {
            text.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

fn unescape(part: &str) -> Option<SmolStr> {
    if !part.contains('%') {
        return Some(part.into());
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(b) = rest.next() {
        if b == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(b);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut again = String::new();
    escape(&text, &mut again);
    (again == part).then(|| text.into())
}
