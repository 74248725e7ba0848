//! JSON that is kept as text: requests and replies, of which the runtime does not know the types.

use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;

/// A JSON value as text, on one line.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// `null`
    #[must_use]
    pub fn null() -> Json {
        Json(RawValue::NULL.to_owned())
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// The value cannot be JSON: a map whose keys are not texts.
    pub fn of(value: &impl Serialize) -> serde_json::Result<Json> {
        Json::compact(serde_json::value::to_raw_value(value)?)
    }

    /// JSON text.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn parse(text: &str) -> serde_json::Result<Json> {
        Json::compact(serde_json::from_str(text)?)
    }

    /// JSON may have line ends between tokens (within strings they are escaped); traces are lines.
    fn compact(raw: Box<RawValue>) -> serde_json::Result<Json> {
        if raw.get().bytes().any(|b| b == b'\n' || b == b'\r') {
            let line = raw.get().replace(['\n', '\r'], " ");
            return serde_json::from_str(&line).map(Json);
        }
        Ok(Json(raw))
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// Reads it as a type.
    ///
    /// # Errors
    /// It is not of this type.
    pub fn to<T: serde::de::DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.text())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Json, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        Json::compact(raw).map_err(serde::de::Error::custom)
    }
}
