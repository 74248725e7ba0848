//! Rust types of values.

use crate::time::Instant;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A Rust type of values of the language. Generated ids, enums, ordinals, records and unions are, too.
pub trait Typed: Clone + Ord {
    /// As the stores keep it.
    fn to_value(&self) -> Value;

    /// From what the stores keep; none if it is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl Typed for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_value(value: &Value) -> Option<bool> {
        match value {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }
}

impl Typed for i64 {
    fn to_value(&self) -> Value {
        Value::Int(*self)
    }

    fn from_value(value: &Value) -> Option<i64> {
        match value {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }
}

impl Typed for Instant {
    fn to_value(&self) -> Value {
        Value::Time(*self)
    }

    fn from_value(value: &Value) -> Option<Instant> {
        match value {
            Value::Time(t) => Some(*t),
            _ => None,
        }
    }
}

impl<T: Typed> Typed for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: &Value) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: Typed> Typed for BTreeSet<T> {
    fn to_value(&self) -> Value {
        Value::Set(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value) -> Option<BTreeSet<T>> {
        match value {
            Value::Set(elements) => elements.iter().map(T::from_value).collect(),
            _ => None,
        }
    }
}

impl<T: Typed> Typed for Vec<T> {
    fn to_value(&self) -> Value {
        Value::Seq(self.iter().map(T::to_value).collect())
    }

    fn from_value(value: &Value) -> Option<Vec<T>> {
        match value {
            Value::Seq(elements) => elements.iter().map(T::from_value).collect(),
            _ => None,
        }
    }
}

/// A total map: keys that are not listed have the default. Equal maps are equal however they came about: a key with the default
/// is never listed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Total<K, V> {
    entries: BTreeMap<K, V>,
    default: V,
}

impl<K: Ord + Clone, V: PartialEq + Clone> Total<K, V> {
    /// The map that has this default at every key.
    pub fn all(default: V) -> Total<K, V> {
        Total { entries: BTreeMap::new(), default }
    }

    /// With another value at a key.
    #[must_use]
    pub fn with(mut self, key: K, value: V) -> Total<K, V> {
        if value == self.default {
            self.entries.remove(&key);
        } else {
            self.entries.insert(key, value);
        }
        self
    }

    /// The value at a key.
    pub fn get(&self, key: &K) -> V {
        self.entries.get(key).unwrap_or(&self.default).clone()
    }

    /// The keys that do not have the default, with their values.
    pub fn listed(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }
}

impl<K: Typed, V: Typed> Total<K, V> {
    /// As the stores keep it: what is listed.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Map(self.entries.iter().map(|(k, v)| (k.to_value(), v.to_value())).collect())
    }

    /// From what the stores keep, with this default.
    #[must_use]
    pub fn from_value(value: &Value, default: V) -> Option<Total<K, V>> {
        let Value::Map(entries) = value else { return None };
        let mut map = Total::all(default);
        for (key, value) in entries {
            map = map.with(K::from_value(key)?, V::from_value(value)?);
        }
        Some(map)
    }
}

/// Who acts where nobody in particular does: null.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Nobody;

impl Typed for Nobody {
    fn to_value(&self) -> Value {
        Value::Null
    }

    fn from_value(value: &Value) -> Option<Nobody> {
        (*value == Value::Null).then_some(Nobody)
    }
}

/// The element at a position of a sequence, if there is one.
#[must_use]
pub fn item<T: Clone>(list: &[T], position: i64) -> Option<T> {
    usize::try_from(position).ok().and_then(|i| list.get(i)).cloned()
}

/// Whether both are there and the first is less.
pub fn less<T: PartialOrd>(a: Option<T>, b: Option<T>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a < b)
}

/// Whether both are there and the first is not greater.
pub fn less_or_equal<T: PartialOrd>(a: Option<T>, b: Option<T>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a <= b)
}

/// What the spec's type checker knows to be there.
///
/// # Panics
/// It is not: the store refuses the step.
pub fn known<T>(value: Option<T>) -> T {
    value.expect("the spec's types say that this is not null")
}
