//! Requests and replies with the types of a spec.

use super::answer::Answer;
use super::endpoint::{Endpoint, Key};
use super::error::{CallError, Strange, Tried};
use crate::step::{Ask, Key as _, Outcome, Record, Run, Spec, body};
#[cfg(any(test, feature = "model"))]
use crate::store::BoxFuture;
use crate::store::{Json, TxId};
use crate::time::Instant;
#[cfg(any(test, feature = "model"))]
use crate::value::Row;
use crate::value::{Value, write_key_part};
use crate::wire;
use axum::http::StatusCode;
#[cfg(any(test, feature = "model"))]
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;

/// A service of a spec.
#[derive(Clone)]
pub struct Connection {
    endpoint: Endpoint,
    spec: Arc<Spec>,
}

/// An operation is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply<O, R> {
    /// How it ended.
    pub outcome: O,
    /// The run after the step.
    pub run: R,
    /// The transaction.
    pub tx: TxId,
    /// When: the time that the step saw.
    pub at: Instant,
    /// Whether this answer was given before: the transition happened when the request was first sent.
    pub replayed: bool,
    /// When to ask again, where the outcome says that (`retry`).
    pub retry_after: Option<Duration>,
    /// What it took.
    pub tried: Tried,
}

/// A committed row as of one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen<R> {
    /// The row; as it starts, if it was never written.
    pub row: R,
    /// How often it was written.
    pub version: u64,
    /// When, by the store's clock: whether a lease has expired is seen by this one.
    pub now: Instant,
}

/// A part of a key, as it is.
fn part(value: &Value) -> String {
    match value {
        Value::Id(text) | Value::Enum(text) => text.to_string(),
        other => {
            let mut text = String::new();
            write_key_part(other, &mut text);
            text
        }
    }
}

impl Connection {
    /// To a service of this spec.
    #[must_use]
    pub fn new(endpoint: Endpoint, spec: Spec) -> Connection {
        Connection { endpoint, spec: Arc::new(spec) }
    }

    /// Where it is, and who asks.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks for an operation, under a new idempotency key, until it is answered.
    ///
    /// # Errors
    /// It has no outcome.
    pub async fn ask<A: Ask>(&self, request: &A) -> Result<Reply<A::Outcome, A::Run>, CallError> {
        self.ask_under(&Key::fresh(), request).await
    }

    /// The same under a key that is kept elsewhere: asked twice, it happens once.
    ///
    /// # Errors
    /// As for [`Connection::ask`].
    pub async fn ask_under<A: Ask>(
        &self,
        key: &Key,
        request: &A,
    ) -> Result<Reply<A::Outcome, A::Run>, CallError> {
        let unsendable = |what: String| CallError::Unsendable(format!("{}: {what}", A::OPERATION));
        let step = self.spec.action(A::OPERATION);
        let (protocol, action) = step.ok_or_else(|| unsendable("the spec has no such step".into()))?;
        let body = body(protocol, action, Value::Id(request.me().clone()), &request.row());
        let body = body.map_err(|e| unsendable(e.to_string()))?;
        let answer = self.endpoint.ask(A::OPERATION, &body, key).await?;
        self.typed::<A>(answer)
    }

    /// Looks at a committed row, before asking for a step that may be refused: the step's guard decides.
    ///
    /// # Errors
    /// It is not shown to who asks, or no answer came.
    pub async fn look<R: Record + Send>(&self, key: &R::Key) -> Result<Seen<R>, CallError> {
        let kind = self.spec.schema.kind(R::KIND);
        let parts: Vec<String> = key.to_parts().iter().map(part).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (seen, tried) = self.endpoint.look(&kind.name, &parts).await?;
        let wire::Seen { version, now, value, .. } = seen;
        let read = R::read(&self.spec.schema, &value.unwrap_or_else(Json::null));
        match read.and_then(|row| Ok((row, Instant::checked(now).ok_or("`now` is no instant")?))) {
            Ok((row, now)) => Ok(Seen { row, version, now }),
            Err(e) => {
                let what = format!("the row is no {}: {e}", kind.name);
                Err(CallError::Strange(Box::new(Strange { tried, status: StatusCode::OK.as_u16(), what })))
            }
        }
    }

    fn typed<A: Ask>(&self, answer: Answer) -> Result<Reply<A::Outcome, A::Run>, CallError> {
        let strange = |what| {
            let (tried, status) = (answer.tried.clone(), answer.status);
            CallError::Strange(Box::new(Strange { tried, status, what }))
        };
        let outcome = A::Outcome::of(&answer.outcome)
            .ok_or_else(|| strange(format!("{} does not end in `{}`", A::OPERATION, answer.outcome)))?;
        let run = A::Run::read(&self.spec.schema, &answer.run)
            .map_err(|e| strange(format!("the run is none of {}: {e}", A::OPERATION)))?;
        let Answer { tx, at, replayed, retry_after, tried, .. } = answer;
        Ok(Reply { outcome, run, tx, at, replayed, retry_after, tried })
    }
}

/// What a typed reply says, without its types.
#[cfg(any(test, feature = "model"))]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// The outcome.
    pub outcome: &'static str,
    /// The run; none if the operation has none.
    pub run: Option<Row>,
    /// The transaction.
    pub tx: TxId,
    /// When.
    pub at: Instant,
    /// Whether this answer was given before.
    pub replayed: bool,
}

/// Asks for an operation with its types, under a key, from who asks and the values that [`Ask::row`] has: for tests that drive every
/// operation.
#[cfg(any(test, feature = "model"))]
pub type Asks =
    for<'a> fn(&'a Connection, &'a Key, &'a SmolStr, &'a [Value]) -> BoxFuture<'a, Result<Told, CallError>>;

/// [`Asks`] of an operation.
#[cfg(any(test, feature = "model"))]
pub fn asks<'a, A: Ask>(
    connection: &'a Connection,
    key: &'a Key,
    me: &'a SmolStr,
    row: &'a [Value],
) -> BoxFuture<'a, Result<Told, CallError>> {
    Box::pin(async move {
        let mistyped =
            || CallError::Unsendable(format!("{}: {row:?} are values of other types", A::OPERATION));
        let request = A::of(me, row).ok_or_else(mistyped)?;
        let Reply { outcome, run, tx, at, replayed, .. } = connection.ask_under(key, &request).await?;
        Ok(Told { outcome: outcome.word(), run: run.row(), tx, at, replayed })
    })
}
