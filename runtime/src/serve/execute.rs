//! Executes one request, however it came: HTTP and gRPC decode requests and encode what comes of this, and do nothing else.

use super::auth::{ActError, Identity};
use super::problem::Problem;
use super::reply;
use super::request;
use super::router::App;
use crate::service::{Call, Operation};
use crate::store::{Settled, TxId};
use crate::truth::Truth;
use crate::value::{Row, Value};
use axum::http::HeaderMap;
use std::time::Duration;

/// A request that was read and is of its operation's types.
pub(super) struct Asked<'a> {
    /// The operation's position.
    pub(super) index: usize,
    /// `self`, null if it is left out, and the request.
    pub(super) row: Row,
    /// The idempotency key, the fencing token, the request's id.
    pub(super) headers: &'a HeaderMap,
    /// Who asks.
    pub(super) identity: &'a Identity,
    /// How long who asks waits.
    pub(super) patience: Duration,
}

/// Executes it, in a task of its own: a client that goes away must not break off a commit.
///
/// # Errors
/// There is no verdict, or it is not known yet.
pub(super) async fn execute(app: &App, asked: Asked<'_>) -> Result<Settled, Problem> {
    let Asked { index, row, headers, identity, patience } = asked;
    let op = &app.engine.service().operations[index];
    let call = call(op, row, headers, identity)?;
    let key = request::idempotency_key(headers)?;
    let key = key.map(|key| app.engine.key(op, &call, key));
    let (tx, engine) = (call.tx, app.engine.clone());
    let task = app.calls.spawn(async move {
        let op = &engine.service().operations[index];
        engine.execute(op, call, key).await
    });
    match tokio::time::timeout(patience, task).await {
        Ok(Ok(Ok(settled))) => Ok(settled),
        Ok(Ok(Err(failure))) => Err(reply::failure(tx, &failure)),
        Ok(Err(panic)) => {
            tracing::error!(op = %op.name, %panic, "a handler panicked");
            Err(Problem::internal("the handler panicked").with("tx", tx.to_string()))
        }
        Err(_) => Err(reply::unknown_outcome(tx)),
    }
}

/// A request as a call by whom was authenticated.
fn call(op: &Operation, row: Row, headers: &HeaderMap, identity: &Identity) -> Result<Call, Problem> {
    let mut values = row.into_iter();
    let given = match values.next() {
        Some(Value::Id(id)) => Some(id),
        _ => None,
    };
    let id = identity.act_as(&op.actor, given).map_err(|e| match e {
        ActError::Unnamed(_) => Problem::bad_request("invalid-request", e.to_string()),
        ActError::Forbidden { .. } => Problem::forbidden(e.to_string()),
    })?;
    Ok(Call {
        tx: TxId::fresh(),
        actor: op.actor.clone(),
        id,
        request: values.collect(),
        caller: identity.name.clone(),
        request_id: request::request_id(headers),
        trace: request::trace(headers),
        fence: request::fence(headers)?,
        delivery: None,
        truth: Truth::default(),
    })
}
