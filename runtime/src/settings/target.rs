//! Where messages go: a URL, or a table that also says who sends them.

use super::redacted;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// A receiver of messages: `"http://host/path"`, or `{ url = "https://host/path", token_file = "…", authority = "…" }`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Target {
    /// An `http://` or `https://` URL.
    pub url: String,
    /// The bearer token that is sent along.
    pub token: Option<Secret>,
    /// A file with that token, which is read for each message.
    pub token_file: Option<PathBuf>,
    /// Whose certificate the receiver must show (PEM): `https` needs it.
    pub authority: Option<PathBuf>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Target {
    fn from(url: &str) -> Target {
        Target { url: url.into(), ..Target::default() }
    }
}

/// The table.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<PathBuf>,
}

impl Serialize for Target {
    /// As it may be shown: without secrets.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Target { url, token, token_file, authority } = self.clone();
        let url = redacted(&url);
        if *self == Target::from(self.url.as_str()) {
            return url.serialize(to);
        }
        Table { url, token: token.map(|_| "***".into()), token_file, authority }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Target, D::Error> {
        from.deserialize_any(TargetVisitor)
    }
}

struct TargetVisitor;

impl<'de> Visitor<'de> for TargetVisitor {
    type Value = Target;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a URL, or a table with `url`, and perhaps `token_file` or `token`, and `authority`")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<Target, E> {
        Ok(Target::from(url))
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Target, A::Error> {
        let Table { url, token, token_file, authority } =
            Table::deserialize(MapAccessDeserializer::new(from))?;
        Ok(Target { url, token: token.map(Secret), token_file, authority })
    }
}
