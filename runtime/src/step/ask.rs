//! Requests as generated code types them, from both ends: a service reads one, a client writes one.

use super::Record;
use super::action::{Action, Acts, Protocol};
use crate::schema::Schema;
use crate::store::Json;
#[cfg(feature = "http")]
use crate::value::TypedFields;
use crate::value::{Field, Row, RowSeed, Type, Value};
use serde::de::DeserializeSeed;
use smol_str::SmolStr;

/// The request of one operation.
pub trait Ask: Sized + Send + Sync {
    /// How the operation ends.
    type Outcome: Outcome;
    /// The run, as a reply shows it.
    type Run: Run;
    /// The operation: `main.claim`.
    const OPERATION: &'static str;

    /// Who asks, and acts.
    fn me(&self) -> &SmolStr;

    /// Its values: the run's key, then every choice and pick, null where it is left to the handler.
    fn row(&self) -> Row;

    /// From who asks, and the values as [`Ask::row`] has them; none if they are of other types.
    fn of(me: &SmolStr, row: &[Value]) -> Option<Self>;
}

/// How an operation ends: its outcome, or where the run is then.
pub trait Outcome: Copy + Send + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// As replies have it.
    fn word(self) -> &'static str;

    /// The one that a reply has.
    #[must_use]
    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.word() == word)
    }
}

/// The run in a reply: a record, or nothing, for a rule.
pub trait Run: Sized + Send {
    /// From a reply.
    ///
    /// # Errors
    /// It is of other types.
    fn read(schema: &Schema, reply: &Json) -> Result<Self, String>;

    /// As the stores keep it; none if there is none.
    fn row(&self) -> Option<Row>;
}

impl Run for () {
    fn read(_: &Schema, reply: &Json) -> Result<(), String> {
        if reply.is_null() { Ok(()) } else { Err("a run, of an operation that has none".into()) }
    }

    fn row(&self) -> Option<Row> {
        None
    }
}

impl<R: Record + Send> Run for R {
    fn read(schema: &Schema, reply: &Json) -> Result<R, String> {
        let mut from = serde_json::Deserializer::from_str(reply.text());
        let row = RowSeed(schema.kind(R::KIND)).deserialize(&mut from).map_err(|e| e.to_string())?;
        R::from_row(&row).ok_or_else(|| "a run of another type".into())
    }

    fn row(&self) -> Option<Row> {
        Some(self.to_row())
    }
}

/// What callers say: each field of a request with its place among all values; who acts is said by `self`. What a step leaves
/// open may be left to the handler.
pub(crate) fn asked(protocol: &Protocol, action: &Action) -> Vec<(usize, Field)> {
    let keys = protocol.keys().len();
    let own = match action.acts {
        Acts::Subject(n) => Some(n),
        Acts::Choice(n) => Some(keys + n),
        Acts::Role(_) | Acts::Begins => None,
    };
    let all = action.fields(protocol).into_iter().enumerate().filter(|(n, _)| Some(*n) != own);
    all.map(|(n, field)| {
        let open = n >= keys && !matches!(field.ty, Type::Optional(_));
        (n, if open { Field { ty: field.ty.optional(), ..field } } else { field })
    })
    .collect()
}

/// A request in JSON, from who asks and all values.
///
/// # Errors
/// A value of another type than its field's.
#[cfg(feature = "http")]
pub(crate) fn body(
    protocol: &Protocol,
    action: &Action,
    me: Value,
    values: &[Value],
) -> serde_json::Result<String> {
    let mut fields = vec![Field { name: "self".into(), ty: Type::id(&action.actor) }];
    let mut given = vec![me];
    for (place, field) in asked(protocol, action) {
        fields.push(field);
        given.push(values.get(place).cloned().unwrap_or(Value::Null));
    }
    serde_json::to_string(&TypedFields(&fields, &given))
}
