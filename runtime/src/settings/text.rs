//! Forms of single values: durations as `10s`, lists as text.

use super::Names;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use smol_str::SmolStr;
use std::fmt;

/// Durations as `250ms`, `10s`, `1h 30m`.
pub(super) mod duration {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;
    use std::time::Duration;

    pub(in super::super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*value))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(from)?;
        let wrong =
            |e| D::Error::custom(format_args!("`{text}` is no duration such as `10s` or `250ms`: {e}"));
        humantime::parse_duration(&text).map_err(wrong)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Names, D::Error> {
        from.deserialize_any(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of names, or names separated by commas")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Names, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Names(parts.map(SmolStr::from).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = from.next_element()? {
            names.push(name);
        }
        Ok(Names(names))
    }
}
