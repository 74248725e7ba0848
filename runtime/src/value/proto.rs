//! Values as protocol buffers, directed by their types, as [`super::json`] has them as JSON: there are no message structs.
//!
//! **A name is a number.** A field's number, and that of an enum's constant, is made of its name ([`number`]). So names that are
//! added, removed or moved change no other's number, and what another version of a spec has renamed is an unknown field, which
//! is refused, and never a field that is taken for another.
//!
//! bool → `bool`; integer and instant → `int64`; ordinal → `uint64`; id → `string`; constant → `enum`, whose 0 is nobody's;
//! null → absent (fields have presence, so a field that is missing is not taken for 0). Sets and sequences are a message with
//! `repeated items = 1`, maps one with `repeated entries = 1` of `key = 1` and `value = 2`: so an empty one is not an absent one.
//! Records are messages; unions are messages of which one field is there, named as the variant. Elements that may be null are
//! messages with `optional value = 1`.
//!
//! Reading checks types, bounds and sizes, and refuses unknown and repeated fields.

use super::types::{Field, Mismatch, Type};
use super::{Row, Value};
use crate::time::Instant;
use bytes::{Buf, BufMut};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers below it are those that the runtime gives itself.
const FIRST: u32 = 16;
/// Numbers of fields up to this one take three bytes.
const LAST: u32 = (1 << 18) - 1;
/// Numbers that protocol buffers keep for themselves.
const RESERVED: std::ops::RangeInclusive<u32> = 19_000..=19_999;

/// The number of a field or constant with this name: from its SHA-256, between 16 and 2¹⁸ − 1, outside the range that protocol
/// buffers reserve. Two names of one message that have the same are refused when code is generated.
#[must_use]
pub fn number(name: &str) -> u32 {
    let digest = Sha256::digest(name.as_bytes());
    let seed = digest.iter().take(8).fold(0_u64, |seed, byte| (seed << 8) | u64::from(*byte));
    let room = u64::from(LAST - FIRST + 1) - RESERVED.count() as u64;
    let number = FIRST + u32::try_from(seed % room).unwrap_or_default();
    if number < *RESERVED.start() { number } else { number + RESERVED.count() as u32 }
}

/// Bytes that are no message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProtoError {
    /// They are no protocol buffer.
    #[error("no protocol buffer: {0}")]
    Malformed(String),
    /// They are one, of another type.
    #[error("{0}")]
    Invalid(String),
}

impl ProtoError {
    fn below(self, part: &str) -> ProtoError {
        match self {
            ProtoError::Malformed(what) => ProtoError::Malformed(format!("{part}: {what}")),
            ProtoError::Invalid(what) => ProtoError::Invalid(format!("{part}: {what}")),
        }
    }
}

impl From<prost::DecodeError> for ProtoError {
    fn from(error: prost::DecodeError) -> ProtoError {
        ProtoError::Malformed(error.to_string())
    }
}

impl From<Mismatch> for ProtoError {
    fn from(error: Mismatch) -> ProtoError {
        ProtoError::Invalid(error.to_string())
    }
}

fn invalid<T>(what: impl Into<String>) -> Result<T, ProtoError> {
    Err(ProtoError::Invalid(what.into()))
}

/// A message with these fields.
#[derive(Clone, Debug)]
pub struct Message(Vec<Slot>);

/// A field of a message.
#[derive(Clone, Debug)]
struct Slot {
    number: u32,
    name: SmolStr,
    ty: Type,
    shape: Shape,
}

/// How values of a type are written; the type itself says what is allowed.
#[derive(Clone, Debug)]
enum Shape {
    Bool,
    Int,
    Ordinal,
    Time,
    Id,
    Enum(Vec<(u32, SmolStr)>),
    List { element: Box<Element>, is_set: bool },
    Map(Message),
    Record(Message),
    Union(Vec<(u32, SmolStr, Message)>),
}

/// An element of a set or sequence.
#[derive(Clone, Debug)]
enum Element {
    Plain(Slot),
    /// It may be null.
    Wrapped(Message),
}

impl Message {
    /// With fields whose numbers are their names'.
    #[must_use]
    pub fn of(fields: &[Field]) -> Message {
        Message(fields.iter().map(|field| Slot::of(number(&field.name), &field.name, &field.ty)).collect())
    }

    /// The same, after a field whose number is 1.
    #[must_use]
    pub fn with_first(first: &Field, rest: &[Field]) -> Message {
        let Message(rest) = Message::of(rest);
        Message(std::iter::once(Slot::of(1, &first.name, &first.ty)).chain(rest).collect())
    }

    /// Writes a value for each field.
    ///
    /// # Errors
    /// A value is not of its field's type.
    pub fn write(&self, values: &[Value], to: &mut Vec<u8>) -> Result<(), Mismatch> {
        if values.len() != self.0.len() {
            return Err(Mismatch::new(format!("{} fields", self.0.len()), values.len().to_string()));
        }
        let mut pairs = self.0.iter().zip(values);
        pairs.try_for_each(|(slot, value)| {
            slot.write(value, to).map_err(|m| m.below(&format!(".{}", slot.name)))
        })
    }

    /// Reads a value for each field.
    ///
    /// # Errors
    /// What is wrong, with the name of the field.
    pub fn read(&self, mut from: &[u8]) -> Result<Row, ProtoError> {
        let mut values: Vec<Option<Value>> = vec![None; self.0.len()];
        while from.has_remaining() {
            let (number, wire) = decode_key(&mut from)?;
            let Some(at) = self.0.iter().position(|slot| slot.number == number) else {
                return invalid(format!("no field has the number {number}"));
            };
            let slot = &self.0[at];
            let value = slot.read(wire, &mut from).map_err(|e| e.below(&slot.name))?;
            if values[at].replace(value).is_some() {
                return invalid(format!("{} is given twice", slot.name));
            }
        }
        let whole = self.0.iter().zip(values).map(|(slot, value)| match (value, &slot.ty) {
            (Some(value), _) => Ok(value),
            (None, Type::Optional(_)) => Ok(Value::Null),
            (None, _) => invalid(format!("{} is missing", slot.name)),
        });
        whole.collect()
    }
}

impl Slot {
    fn of(number: u32, name: &SmolStr, ty: &Type) -> Slot {
        Slot { number, name: name.clone(), ty: ty.clone(), shape: Shape::of(ty) }
    }

    fn write(&self, value: &Value, to: &mut Vec<u8>) -> Result<(), Mismatch> {
        match value {
            Value::Null if matches!(self.ty, Type::Optional(_)) => Ok(()),
            value => self.shape.write(self.number, value, to),
        }
    }

    fn read(&self, wire: WireType, from: &mut &[u8]) -> Result<Value, ProtoError> {
        let expected = self.shape.wire();
        if wire != expected {
            return invalid(format!("expected {}, found {wire:?}", self.ty.describe()));
        }
        let value = match expected {
            WireType::Varint => self.shape.scalar(decode_varint(from)?, &self.ty)?,
            _ => self.shape.delimited(take(from)?, &self.ty)?,
        };
        self.ty.check(&value)?;
        Ok(value)
    }
}

/// What a length is before.
fn take<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], ProtoError> {
    let length = usize::try_from(decode_varint(from)?).unwrap_or(usize::MAX);
    match from.split_at_checked(length) {
        Some((part, rest)) => {
            *from = rest;
            Ok(part)
        }
        None => {
            Err(ProtoError::Malformed(format!("{length} bytes are announced, and {} are there", from.len())))
        }
    }
}

fn write_part(number: u32, part: &[u8], to: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, to);
    encode_varint(part.len() as u64, to);
    to.put_slice(part);
}

fn write_varint(number: u32, value: u64, to: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, to);
    encode_varint(value, to);
}

impl Shape {
    fn of(ty: &Type) -> Shape {
        match ty {
            Type::Bool => Shape::Bool,
            Type::Int { .. } => Shape::Int,
            Type::Ordinal(_) => Shape::Ordinal,
            Type::Time => Shape::Time,
            Type::Id(_) => Shape::Id,
            Type::Optional(inner) => Shape::of(inner),
            Type::Enum(e) => Shape::Enum(e.constants.iter().map(|c| (number(c), c.clone())).collect()),
            Type::Set { of, .. } => Shape::List { element: Box::new(Element::of(of)), is_set: true },
            Type::Seq { of, .. } => Shape::List { element: Box::new(Element::of(of)), is_set: false },
            Type::Map { key, value } => Shape::Map(Message(vec![
                Slot::of(1, &SmolStr::new_static("key"), key),
                Slot::of(2, &SmolStr::new_static("value"), value),
            ])),
            Type::Record(record) => Shape::Record(Message::of(&record.fields)),
            Type::Union(union) => {
                let variant = |v: &super::Variant| (number(&v.name), v.name.clone(), Message::of(&v.fields));
                Shape::Union(union.variants.iter().map(variant).collect())
            }
        }
    }

    fn wire(&self) -> WireType {
        match self {
            Shape::Bool | Shape::Int | Shape::Ordinal | Shape::Time | Shape::Enum(_) => WireType::Varint,
            _ => WireType::LengthDelimited,
        }
    }

    fn write(&self, number: u32, value: &Value, to: &mut Vec<u8>) -> Result<(), Mismatch> {
        match (self, value) {
            (Shape::Bool, Value::Bool(b)) => write_varint(number, u64::from(*b), to),
            (Shape::Int, Value::Int(n)) => write_varint(number, n.cast_unsigned(), to),
            (Shape::Time, Value::Time(t)) => write_varint(number, t.millis().cast_unsigned(), to),
            (Shape::Ordinal, Value::Ordinal(n)) => write_varint(number, *n, to),
            (Shape::Id, Value::Id(id)) => write_part(number, id.as_bytes(), to),
            (Shape::Enum(constants), Value::Enum(constant)) => {
                let known = constants.iter().find(|(_, name)| name == constant);
                let (value, _) =
                    known.ok_or_else(|| Mismatch::new("a constant of the enum", constant.as_str()))?;
                write_varint(number, u64::from(*value), to);
            }
            (shape, value) => {
                let mut part = Vec::new();
                shape.write_whole(value, &mut part)?;
                write_part(number, &part, to);
            }
        }
        Ok(())
    }

    /// What a message of its own holds.
    fn write_whole(&self, value: &Value, to: &mut Vec<u8>) -> Result<(), Mismatch> {
        match (self, value) {
            (Shape::List { element, .. }, Value::Seq(all)) => {
                all.iter().try_for_each(|e| element.write(e, to))
            }
            (Shape::List { element, .. }, Value::Set(all)) => {
                all.iter().try_for_each(|e| element.write(e, to))
            }
            (Shape::Map(entry), Value::Map(all)) => all.iter().try_for_each(|(key, value)| {
                let mut part = Vec::new();
                entry.write(&[key.clone(), value.clone()], &mut part)?;
                write_part(1, &part, to);
                Ok(())
            }),
            (Shape::Record(message), Value::Record(values)) => message.write(values, to),
            (Shape::Union(variants), Value::Variant(tag, values)) => {
                let known = variants.iter().find(|(_, name, _)| name == tag);
                let (number, _, message) = known.ok_or_else(|| Mismatch::new("a variant", tag.as_str()))?;
                let mut part = Vec::new();
                message.write(values, &mut part)?;
                write_part(*number, &part, to);
                Ok(())
            }
            (_, value) => Err(Mismatch::new("a value of the field's type", value.describe())),
        }
    }

    fn scalar(&self, raw: u64, ty: &Type) -> Result<Value, ProtoError> {
        match self {
            Shape::Bool => Ok(Value::Bool(raw != 0)),
            Shape::Ordinal => Ok(Value::Ordinal(raw)),
            Shape::Time => match Instant::checked(raw.cast_signed()) {
                Some(instant) => Ok(Value::Time(instant)),
                None => invalid("an instant out of range"),
            },
            Shape::Enum(constants) => match constants.iter().find(|(number, _)| u64::from(*number) == raw) {
                Some((_, name)) => Ok(Value::Enum(name.clone())),
                None => {
                    invalid(format!("expected {}, found the number {}", ty.describe(), raw.cast_signed()))
                }
            },
            _ => Ok(Value::Int(raw.cast_signed())),
        }
    }

    fn delimited(&self, part: &[u8], ty: &Type) -> Result<Value, ProtoError> {
        match self {
            Shape::List { element, is_set } => {
                let all = items(part, element)?;
                if !is_set {
                    return Ok(Value::Seq(all));
                }
                let count = all.len();
                let set: BTreeSet<Value> = all.into_iter().collect();
                if set.len() == count { Ok(Value::Set(set)) } else { invalid("a set with an element twice") }
            }
            Shape::Map(entry) => entries(part, entry).map(Value::Map),
            Shape::Record(message) => message.read(part).map(Value::Record),
            Shape::Union(variants) => variant(part, variants, ty),
            _ => match std::str::from_utf8(part) {
                Ok(text) => Ok(Value::Id(text.into())),
                Err(_) => Err(ProtoError::Malformed("text that is not UTF-8".into())),
            },
        }
    }
}

impl Element {
    fn of(ty: &Type) -> Element {
        match ty {
            Type::Optional(_) => {
                Element::Wrapped(Message(vec![Slot::of(1, &SmolStr::new_static("value"), ty)]))
            }
            _ => Element::Plain(Slot::of(1, &SmolStr::new_static("items"), ty)),
        }
    }

    fn write(&self, value: &Value, to: &mut Vec<u8>) -> Result<(), Mismatch> {
        match self {
            Element::Plain(slot) => slot.write(value, to),
            Element::Wrapped(message) => {
                let mut part = Vec::new();
                message.write(std::slice::from_ref(value), &mut part)?;
                write_part(1, &part, to);
                Ok(())
            }
        }
    }
}

/// The elements of `repeated items = 1`; numbers may also be packed, as most writers do.
fn items(mut from: &[u8], element: &Element) -> Result<Vec<Value>, ProtoError> {
    let mut all = Vec::new();
    while from.has_remaining() {
        let wire = only_field(&mut from)?;
        match element {
            Element::Plain(slot)
                if wire == WireType::LengthDelimited && slot.shape.wire() == WireType::Varint =>
            {
                let mut packed = take(&mut from)?;
                while packed.has_remaining() {
                    all.push(slot.read(WireType::Varint, &mut packed)?);
                }
            }
            Element::Plain(slot) => all.push(slot.read(wire, &mut from)?),
            Element::Wrapped(message) => {
                let [value] = <[Value; 1]>::try_from(message.read(part(wire, &mut from)?)?)
                    .map_err(|_| ProtoError::Invalid("an element of several values".into()))?;
                all.push(value);
            }
        }
    }
    Ok(all)
}

fn entries(mut from: &[u8], entry: &Message) -> Result<BTreeMap<Value, Value>, ProtoError> {
    let mut map = BTreeMap::new();
    while from.has_remaining() {
        let wire = only_field(&mut from)?;
        let pair = <[Value; 2]>::try_from(entry.read(part(wire, &mut from)?)?);
        let [key, value] = pair.map_err(|_| ProtoError::Invalid("an entry that is no pair".into()))?;
        if map.insert(key, value).is_some() {
            return invalid("a map with a key twice");
        }
    }
    Ok(map)
}

fn variant(mut from: &[u8], variants: &[(u32, SmolStr, Message)], ty: &Type) -> Result<Value, ProtoError> {
    if !from.has_remaining() {
        return invalid(format!("expected {}, found none of its variants", ty.describe()));
    }
    let (number, wire) = decode_key(&mut from)?;
    let Some((_, tag, message)) = variants.iter().find(|(n, ..)| *n == number) else {
        return invalid(format!("{} has no variant with the number {number}", ty.describe()));
    };
    let fields = message.read(part(wire, &mut from)?).map_err(|e| e.below(tag))?;
    if from.has_remaining() {
        return invalid("a variant and something else");
    }
    Ok(Value::Variant(tag.clone(), fields))
}

/// The wire type of the next field of a message that has one field.
fn only_field(from: &mut &[u8]) -> Result<WireType, ProtoError> {
    match decode_key(from)? {
        (1, wire) => Ok(wire),
        (number, _) => invalid(format!("no field has the number {number}")),
    }
}

fn part<'a>(wire: WireType, from: &mut &'a [u8]) -> Result<&'a [u8], ProtoError> {
    if wire == WireType::LengthDelimited {
        take(from)
    } else {
        invalid(format!("expected a message, found {wire:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{UnionType, Variant};
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn field(name: &str, ty: Type) -> Field {
        Field { name: name.into(), ty }
    }

    fn point() -> Type {
        Type::record(
            "Point",
            vec![field("x", Type::Int { lo: -5, hi: 5 }), field("label", Type::id("tag").optional())],
        )
    }

    fn types() -> Vec<Type> {
        let color = Type::enumeration("Color", &["RED", "BLUE"]);
        let shape = Type::Union(Arc::new(UnionType {
            name: "Shape".into(),
            variants: vec![
                Variant { name: "Dot".into(), fields: vec![] },
                Variant { name: "Line".into(), fields: vec![field("from", point()), field("to", point())] },
            ],
        }));
        let set = |of: Type| Type::Set { of: Box::new(of), max: None };
        let seq = |of: Type| Type::Seq { of: Box::new(of), max: 9 };
        vec![
            Type::Bool,
            Type::Int { lo: i64::MIN, hi: i64::MAX },
            Type::Time,
            Type::ordinal("Epoch"),
            Type::id("worker"),
            Type::id("worker").optional(),
            color.clone(),
            point(),
            shape.clone().optional(),
            set(color.clone()),
            set(Type::Int { lo: -9, hi: 9 }).optional(),
            seq(Type::id("worker").optional()),
            seq(seq(shape)),
            Type::Map { key: Box::new(color), value: Box::new(set(Type::id("worker"))) },
        ]
    }

    fn value(ty: &Type) -> BoxedStrategy<Value> {
        match ty {
            Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            Type::Int { lo, hi } => (*lo..=*hi).prop_map(Value::Int).boxed(),
            Type::Time => (-(1_i64 << 53) + 1..(1 << 53)).prop_map(Value::time).boxed(),
            Type::Ordinal(_) => (0..=super::super::MAX_ORDINAL).prop_map(Value::Ordinal).boxed(),
            Type::Id(_) => "[a-zé]{1,9}".prop_map(Value::id).boxed(),
            Type::Enum(e) => proptest::sample::select(e.constants.clone()).prop_map(Value::Enum).boxed(),
            Type::Optional(inner) => prop_oneof![Just(Value::Null), value(inner)].boxed(),
            Type::Set { of, .. } => {
                proptest::collection::btree_set(value(of), 0..4).prop_map(Value::Set).boxed()
            }
            Type::Seq { of, .. } => proptest::collection::vec(value(of), 0..4).prop_map(Value::Seq).boxed(),
            Type::Map { key, value: v } => {
                proptest::collection::btree_map(value(key), value(v), 0..3).prop_map(Value::Map).boxed()
            }
            Type::Record(r) => values(&r.fields).prop_map(Value::Record).boxed(),
            Type::Union(u) => {
                let all = u.variants.iter().map(|v| {
                    let name = v.name.clone();
                    values(&v.fields).prop_map(move |fields| Value::Variant(name.clone(), fields)).boxed()
                });
                proptest::strategy::Union::new(all).boxed()
            }
        }
    }

    fn values(fields: &[Field]) -> BoxedStrategy<Vec<Value>> {
        fields.iter().map(|f| value(&f.ty)).collect::<Vec<_>>().boxed()
    }

    fn fields() -> Vec<Field> {
        types().into_iter().enumerate().map(|(n, ty)| field(&format!("f{n}"), ty)).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(row in values(&fields())) {
            let (message, mut bytes) = (Message::of(&fields()), Vec::new());
            message.write(&row, &mut bytes).expect("it is of its types");
            prop_assert_eq!(message.read(&bytes), Ok(row));
        }

        #[test]
        fn whatever_is_read_is_of_its_types(
            mut row in values(&fields()).prop_map(|row| {
                let mut bytes = Vec::new();
                Message::of(&fields()).write(&row, &mut bytes).expect("it is of its types");
                bytes
            }),
            spoiled in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            for (at, byte) in spoiled {
                let at = at.index(row.len());
                row[at] = byte;
            }
            if let Ok(values) = Message::of(&fields()).read(&row) {
                prop_assert!(super::super::check_fields(&fields(), &values).is_ok());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Message::of(&fields()).read(&bytes);
        }
    }

    #[test]
    fn numbers_are_those_of_names() {
        // Clients have these in their code: they never change.
        assert_eq!(["owner", "epoch", "done"].map(number), [179_353, 100_765, 18_001]);
        let all: Vec<u32> = (0..200_000).map(|n| number(&format!("f{n}"))).collect();
        assert!(all.iter().all(|n| (FIRST..=LAST).contains(n) && !RESERVED.contains(n)));
        assert!(all.iter().any(|n| *n > *RESERVED.end()) && all.iter().any(|n| n < RESERVED.start()));
    }

    fn said(message: &Message, bytes: &[u8]) -> String {
        message.read(bytes).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = Message::with_first(
            &field("self", Type::id("worker").optional()),
            &[field("slot", Type::Int { lo: 0, hi: 9 }), field("at", point().optional())],
        );
        let slot = |n: u64| {
            let mut bytes = Vec::new();
            write_varint(number("slot"), n, &mut bytes);
            bytes
        };
        assert_eq!(said(&message, &[]), "slot is missing");
        assert_eq!(said(&message, &slot(12)), "slot: expected an integer in 0..9, found 12");
        assert_eq!(said(&message, &[slot(1), slot(1)].concat()), "slot is given twice");
        let mut bytes = slot(1);
        write_varint(7, 1, &mut bytes);
        assert_eq!(said(&message, &bytes), "no field has the number 7");
        let mut bytes = slot(1);
        write_varint(1, 1, &mut bytes);
        assert_eq!(said(&message, &bytes), "self: expected an id of worker or null, found Varint");
        let mut bytes = slot(1);
        write_part(1, &[0xff], &mut bytes);
        assert_eq!(said(&message, &bytes), "no protocol buffer: self: text that is not UTF-8");
        let mut bytes = slot(1);
        write_part(number("at"), &[], &mut bytes);
        assert_eq!(said(&message, &bytes), "at: x is missing");
        bytes.truncate(bytes.len() - 1);
        assert!(matches!(message.read(&bytes), Err(ProtoError::Malformed(_))));
        assert_eq!(message.read(&slot(3)), Ok(vec![Value::Null, Value::Int(3), Value::Null]));
    }

    #[test]
    fn packed_numbers_are_read_too() {
        let ty = Type::Seq { of: Box::new(Type::Int { lo: 0, hi: 300 }), max: 3 };
        let message = Message::of(&[field("s", ty)]);
        let (mut items, mut bytes) = (Vec::new(), Vec::new());
        write_part(1, &[1, 0xac, 0x02], &mut items);
        write_part(number("s"), &items, &mut bytes);
        assert_eq!(message.read(&bytes), Ok(vec![Value::Seq(vec![Value::Int(1), Value::Int(300)])]));
    }
}
