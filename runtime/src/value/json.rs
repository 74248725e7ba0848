//! Values as JSON, directed by their types.
//!
//! bool → `true`; integer, ordinal, instant → number; enum constant, id → string; null → `null`; set, sequence → array;
//! map → array of pairs; record → object; variant → `{"tag": {fields}}`. Reading checks types, bounds and sizes.

use super::types::{Field, Type, UnionType, check_fields};
use super::{Row, Value};
use crate::schema::Kind;
use crate::time::Instant;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A value with its type, to be written as JSON.
pub struct TypedValue<'a>(pub &'a Type, pub &'a Value);

impl serde::Serialize for TypedValue<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Type::Optional(_), Value::Null) => to.serialize_unit(),
            (Type::Optional(inner), value) => TypedValue(inner, value).serialize(to),
            (_, Value::Bool(b)) => to.serialize_bool(*b),
            (_, Value::Int(n)) => to.serialize_i64(*n),
            (_, Value::Enum(s) | Value::Id(s)) => to.serialize_str(s),
            (_, Value::Ordinal(n)) => to.serialize_u64(*n),
            (_, Value::Time(t)) => to.serialize_i64(t.millis()),
            (Type::Set { of, .. }, Value::Set(elements)) => {
                to.collect_seq(elements.iter().map(|e| TypedValue(of, e)))
            }
            (Type::Seq { of, .. }, Value::Seq(elements)) => {
                to.collect_seq(elements.iter().map(|e| TypedValue(of, e)))
            }
            (Type::Map { key, value }, Value::Map(entries)) => {
                to.collect_seq(entries.iter().map(|(k, v)| (TypedValue(key, k), TypedValue(value, v))))
            }
            (Type::Record(record), Value::Record(values)) => {
                TypedFields(&record.fields, values).serialize(to)
            }
            (Type::Union(union), Value::Variant(tag, values)) => {
                let variant = union.variants.iter().find(|v| v.name == *tag);
                let variant = variant.ok_or_else(|| serde::ser::Error::custom("no such variant"))?;
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry(tag.as_str(), &TypedFields(&variant.fields, values))?;
                map.end()
            }
            (ty, value) => Err(serde::ser::Error::custom(format!(
                "expected {}, found {}",
                ty.describe(),
                value.describe()
            ))),
        }
    }
}

/// Values with their fields, to be written as a JSON object.
pub struct TypedFields<'a>(pub &'a [Field], pub &'a [Value]);

impl serde::Serialize for TypedFields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().zip(self.1).map(|(f, v)| (f.name.as_str(), TypedValue(&f.ty, v))))
    }
}

/// A row with its kind, to be written as a JSON object.
pub struct TypedRow<'a>(pub &'a Kind, pub &'a [Value]);

impl serde::Serialize for TypedRow<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        TypedFields(&self.0.columns, self.1).serialize(to)
    }
}

/// Reads a value of a type.
pub struct ValueSeed<'a>(pub &'a Type);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(ValueVisitor(self.0))
    }
}

/// Reads an object with these fields, of which optional ones may be left out: they are `null`.
pub struct FieldsSeed<'a>(pub &'a [Field]);

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Row, D::Error> {
        from.deserialize_map(FieldsVisitor { fields: self.0, lenient: true })
    }
}

/// Reads a row of a kind. Optional attributes may be missing: rows that were written before there were such are read too.
pub struct RowSeed<'a>(pub &'a Kind);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Row, D::Error> {
        FieldsSeed(&self.0.columns).deserialize(from)
    }
}

struct ValueVisitor<'a>(&'a Type);

impl ValueVisitor<'_> {
    /// The type below `?`.
    fn inner(&self) -> &Type {
        match self.0 {
            Type::Optional(inner) => inner,
            ty => ty,
        }
    }

    /// The value, if it is of the type.
    fn checked<E: Error>(&self, value: Value) -> Result<Value, E> {
        self.0.check(&value).map_err(E::custom)?;
        Ok(value)
    }
}

impl<'de> Visitor<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0.describe())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.checked(Value::Null)
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<Value, E> {
        self.checked(Value::Bool(b))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
        let value = match self.inner() {
            Type::Time => {
                Value::Time(Instant::checked(n).ok_or_else(|| E::custom("an instant out of range"))?)
            }
            Type::Ordinal(_) => Value::Ordinal(u64::try_from(n).map_err(E::custom)?),
            _ => Value::Int(n),
        };
        self.checked(value)
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
        match self.inner() {
            Type::Ordinal(_) => self.checked(Value::Ordinal(n)),
            _ => self.visit_i64(i64::try_from(n).map_err(E::custom)?),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let value = match self.inner() {
            Type::Enum(e) => e.constants.iter().find(|c| *c == text).cloned().map(Value::Enum),
            _ => Some(Value::Id(text.into())),
        };
        let value = value.ok_or_else(|| {
            E::custom(format!("expected {}, found \"{}\"", self.0.describe(), text.escape_debug()))
        })?;
        self.checked(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let value = match self.inner() {
            Type::Seq { of, max } => Value::Seq(elements(&mut from, of, *max)?),
            Type::Set { of, max } => {
                let all = elements(&mut from, of, max.unwrap_or(u32::MAX))?;
                let count = all.len();
                let set: BTreeSet<Value> = all.into_iter().collect();
                if set.len() != count {
                    return Err(Error::custom("a set with an element twice"));
                }
                Value::Set(set)
            }
            Type::Map { key, value } => {
                let mut map = BTreeMap::new();
                while let Some((k, v)) = from.next_element_seed(PairSeed(key, value))? {
                    if map.insert(k, v).is_some() {
                        return Err(Error::custom("a map with a key twice"));
                    }
                }
                Value::Map(map)
            }
            ty => return Err(Error::custom(format!("expected {}, found an array", ty.describe()))),
        };
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        match self.inner() {
            Type::Record(record) => FieldsVisitor::exact(&record.fields).visit_map(from).map(Value::Record),
            Type::Union(union) => {
                let tag: SmolStr =
                    from.next_key()?.ok_or_else(|| Error::custom("a variant without a tag"))?;
                let fields = from.next_value_seed(VariantSeed(union, &tag))?;
                match from.next_key::<SmolStr>()? {
                    Some(_) => Err(Error::custom("a variant with two tags")),
                    None => Ok(Value::Variant(tag, fields)),
                }
            }
            ty => Err(Error::custom(format!("expected {}, found an object", ty.describe()))),
        }
    }
}

fn elements<'de, A: SeqAccess<'de>>(from: &mut A, of: &Type, max: u32) -> Result<Vec<Value>, A::Error> {
    let mut all = Vec::new();
    while let Some(element) = from.next_element_seed(ValueSeed(of))? {
        if all.len() >= max as usize {
            return Err(Error::custom(format!("more than {max} elements")));
        }
        all.push(element);
    }
    Ok(all)
}

struct PairSeed<'a>(&'a Type, &'a Type);

impl<'de> DeserializeSeed<'de> for PairSeed<'_> {
    type Value = (Value, Value);

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(Value, Value), D::Error> {
        from.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for PairSeed<'_> {
    type Value = (Value, Value);

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a pair")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<(Value, Value), A::Error> {
        let short = || Error::custom("a pair with one element");
        let key = from.next_element_seed(ValueSeed(self.0))?.ok_or_else(short)?;
        let value = from.next_element_seed(ValueSeed(self.1))?.ok_or_else(short)?;
        Ok((key, value))
    }
}

struct VariantSeed<'a>(&'a UnionType, &'a str);

impl<'de> DeserializeSeed<'de> for VariantSeed<'_> {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Value>, D::Error> {
        let variant = self.0.variants.iter().find(|v| v.name == self.1);
        let variant = variant.ok_or_else(|| {
            Error::custom(format!("{} has no variant \"{}\"", self.0.name, self.1.escape_debug()))
        })?;
        from.deserialize_map(FieldsVisitor::exact(&variant.fields))
    }
}

/// Reads an object with exactly these fields, in any order; optional ones may be missing if it is lenient.
struct FieldsVisitor<'a> {
    fields: &'a [Field],
    lenient: bool,
}

impl FieldsVisitor<'_> {
    fn exact(fields: &[Field]) -> FieldsVisitor<'_> {
        FieldsVisitor { fields, lenient: false }
    }

    /// The values, if none is missing.
    fn complete<E: Error>(&self, values: Vec<Option<Value>>) -> Result<Vec<Value>, E> {
        let value = |(field, value): (&Field, Option<Value>)| match value {
            None if self.lenient && matches!(field.ty, Type::Optional(_)) => Ok(Value::Null),
            None => Err(E::custom(format_args!("{} is missing", field.name))),
            Some(value) => Ok(value),
        };
        self.fields.iter().zip(values).map(value).collect()
    }
}

impl<'de> Visitor<'de> for FieldsVisitor<'_> {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "an object with {} fields", self.fields.len())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Vec<Value>, A::Error> {
        let mut values: Vec<Option<Value>> = vec![None; self.fields.len()];
        let mut expected = 0;
        while let Some(index) = from.next_key_seed(FieldName(self.fields, expected))? {
            let field = &self.fields[index];
            let value = from.next_value_seed(ValueSeed(&field.ty));
            let value = value.map_err(|e| Error::custom(format_args!("{}: {e}", field.name)))?;
            if values[index].replace(value).is_some() {
                return Err(Error::custom(format_args!("{} is given twice", field.name)));
            }
            expected = index + 1;
        }
        let values = self.complete(values)?;
        debug_assert!(check_fields(self.fields, &values).is_ok());
        Ok(values)
    }
}

/// Reads a field's name as its position; the second part is where it usually is.
struct FieldName<'a>(&'a [Field], usize);

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        if self.0.get(self.1).is_some_and(|f| f.name == name) {
            return Ok(self.1);
        }
        let position = self.0.iter().position(|f| f.name == name);
        position.ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|f| f.name.as_str()).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            E::custom(format!("no field is called \"{}\" (fields: {known})", name.escape_debug()))
        })
    }
}

impl Kind {
    /// A row as JSON text.
    ///
    /// # Errors
    /// The row is not of this kind.
    pub fn row_to_json(&self, row: &[Value]) -> serde_json::Result<String> {
        serde_json::to_string(&TypedRow(self, row))
    }

    /// A row from JSON text.
    ///
    /// # Errors
    /// It is not JSON, or not of this kind.
    pub fn row_from_json(&self, text: &str) -> serde_json::Result<Row> {
        let mut from = serde_json::Deserializer::from_str(text);
        let row = RowSeed(self).deserialize(&mut from)?;
        from.end()?;
        Ok(row)
    }
}

impl Type {
    /// A value of this type as JSON text.
    ///
    /// # Errors
    /// The value is not of this type.
    pub fn to_json(&self, value: &Value) -> serde_json::Result<String> {
        serde_json::to_string(&TypedValue(self, value))
    }

    /// A value of this type from JSON text.
    ///
    /// # Errors
    /// It is not JSON, or not of this type.
    pub fn from_json(&self, text: &str) -> serde_json::Result<Value> {
        let mut from = serde_json::Deserializer::from_str(text);
        let value = ValueSeed(self).deserialize(&mut from)?;
        from.end()?;
        Ok(value)
    }
}
