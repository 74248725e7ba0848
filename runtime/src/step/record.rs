//! Rows as Rust structs.

use super::{Members, Typed};
use crate::schema::KindId;
use crate::value::{Row, RowKey, Value};

/// The key of rows of a kind: nothing, one value, or several.
pub trait Key: Clone + Ord {
    /// Its parts.
    fn to_parts(&self) -> Box<[Value]>;

    /// From its parts; none if they are of other types.
    fn from_parts(parts: &[Value]) -> Option<Self>;
}

impl Key for () {
    fn to_parts(&self) -> Box<[Value]> {
        Box::default()
    }

    fn from_parts(parts: &[Value]) -> Option<()> {
        parts.is_empty().then_some(())
    }
}

impl<T: Typed> Key for T {
    fn to_parts(&self) -> Box<[Value]> {
        Box::new([self.to_value()])
    }

    fn from_parts(parts: &[Value]) -> Option<T> {
        match parts {
            [part] => T::from_value(part),
            _ => None,
        }
    }
}

impl<A: Typed, B: Typed> Key for (A, B) {
    fn to_parts(&self) -> Box<[Value]> {
        Box::new([self.0.to_value(), self.1.to_value()])
    }

    fn from_parts(parts: &[Value]) -> Option<(A, B)> {
        match parts {
            [a, b] => Some((A::from_value(a)?, B::from_value(b)?)),
            _ => None,
        }
    }
}

impl<A: Typed, B: Typed, C: Typed> Key for (A, B, C) {
    fn to_parts(&self) -> Box<[Value]> {
        Box::new([self.0.to_value(), self.1.to_value(), self.2.to_value()])
    }

    fn from_parts(parts: &[Value]) -> Option<(A, B, C)> {
        match parts {
            [a, b, c] => Some((A::from_value(a)?, B::from_value(b)?, C::from_value(c)?)),
            _ => None,
        }
    }
}

/// A row of a kind: a truth object, an actor's locals, a run.
pub trait Record: Clone + PartialEq {
    /// Its key.
    type Key: Key;

    /// Its kind.
    const KIND: KindId;

    /// The row while it was never written.
    fn initial(key: &Self::Key, members: &Members) -> Self;

    /// What is read at a key outside the key's type (an integer out of its range): the defaults of the attributes' types.
    fn outside(members: &Members) -> Self;

    /// Whether a key is one of the kind's: integers in their ranges.
    fn has_key(key: &Self::Key) -> bool;

    /// From a row; none if it is not of this kind.
    fn from_row(row: &[Value]) -> Option<Self>;

    /// As a row.
    fn to_row(&self) -> Row;

    /// Which row.
    fn row_key(key: &Self::Key) -> RowKey {
        RowKey { kind: Self::KIND, key: key.to_parts() }
    }
}
