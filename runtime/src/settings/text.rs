//! Forms of single values: durations as `10s`, lists as text.

use super::Members;
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

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Members, D::Error> {
        from.deserialize_any(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of ids, or ids separated by commas")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Members, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Members(parts.map(SmolStr::from).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = from.next_element()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
