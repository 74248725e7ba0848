//! Values of the language.

use std::collections::{BTreeMap, BTreeSet};

/// A value. The derived order is only for determinism (sets, maps, sorting); the language's own
/// comparisons are in [`crate::eval`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Value {
    /// `null`, the absent optional.
    Null,
    /// A truth value.
    Bool(bool),
    /// A bounded integer, or an intermediate result of arithmetic.
    Int(i64),
    /// A constant of an enum, by position. `tri` is the enum `false, true, unknown`.
    Enum(u32),
    /// An instance of an actor or id type, by number from 0.
    Id(u32),
    /// An ordinal: its rank in a canonical state, 0 being the least value.
    Ordinal(u32),
    /// An instant, in ticks relative to the clock (negative: past).
    Time(i64),
    /// A run of a protocol, by its number (subjects in lexicographic order, then copy).
    Run(u32),
    /// A finite set.
    Set(BTreeSet<Value>),
    /// A total map; every key of the key type is present.
    Map(BTreeMap<Value, Value>),
    /// A sequence.
    Seq(Vec<Value>),
    /// A record: its fields in declaration order.
    Record(Vec<Value>),
    /// A variant of a tagged union: its tag and fields.
    Variant(u32, Vec<Value>),
}
