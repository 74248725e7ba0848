//! Verdicts and failures as responses.

use super::problem::{Problem, seconds};
use crate::engine::Failure;
use crate::service::{Class, HandlerError, Operation, Service};
use crate::store::{Applied, Denied, Json, Settled, StoreError, TxId, Verdict};
use crate::wire::{self, FailedGuard, ReadVersion, problem};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// JSON with a status.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(e) => Problem::internal(format!("a reply that is not JSON: {e}")).response(),
    }
}

/// An operation's outcome, before it has a form.
pub(super) struct Answered<'a> {
    pub(super) outcome: &'a str,
    pub(super) class: Class,
    pub(super) tx: TxId,
    pub(super) at: i64,
    pub(super) reply: &'a Json,
    /// Whether it was answered before.
    pub(super) replayed: bool,
}

/// What a verdict says.
///
/// # Errors
/// The guard is false.
pub(super) fn answered<'a>(
    service: &Service,
    op: &Operation,
    settled: &'a Settled,
) -> Result<Answered<'a>, Problem> {
    let (outcome, tx, at, reply, replayed) = match &settled.verdict {
        Verdict::Applied(Applied { entry, reply, .. }) => (&entry.outcome, entry.tx, entry.now, reply, false),
        Verdict::Replayed(known) => (&known.outcome, known.tx, known.at, &known.reply, true),
        Verdict::Denied(denied) => return Err(denial(service, op, denied)),
    };
    Ok(Answered { outcome, class: op.class(outcome), tx, at: at.millis(), reply, replayed })
}

impl Answered<'_> {
    /// As HTTP has it.
    pub(super) fn response(&self) -> Response<Body> {
        let status = match self.class {
            Class::Done => StatusCode::OK,
            Class::Retry { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Class::Requeue => StatusCode::ACCEPTED,
        };
        let (outcome, reply) = (Cow::Borrowed(self.outcome), Cow::Borrowed(self.reply));
        let tx = self.tx.to_string().into();
        let mut response = json(status, &wire::Reply { outcome, tx, at: self.at, reply });
        let headers = response.headers_mut();
        match self.class {
            Class::Done => {}
            Class::Retry { after } => drop(headers.insert(RETRY_AFTER, seconds(after))),
            Class::Requeue => {
                if let Ok(place) = HeaderValue::try_from(format!("{}/{}", wire::TRANSACTIONS, self.tx)) {
                    headers.insert(LOCATION, place);
                }
            }
        }
        if self.replayed {
            headers.insert(wire::REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A guard that was false: which conjuncts, on which versions.
fn denial(service: &Service, op: &Operation, denied: &Denied) -> Problem {
    let entry = &denied.entry;
    let text =
        |id: &str| service.guards.iter().find(|g| g.id == id).map(|g| g.text.clone()).unwrap_or_default();
    let failed = entry.denied.as_deref().unwrap_or_default();
    let failed: Vec<_> = failed.iter().map(|id| FailedGuard { guard: id.clone(), text: text(id) }).collect();
    let words: Vec<_> = failed.iter().map(|f| format!("{} ({})", f.guard, f.text)).collect();
    let reads = entry.reads.iter();
    let reads = reads.map(|(row, version)| ReadVersion { row: row.text(&service.schema), version: *version });
    let scans = entry.scans.iter();
    let scans = scans.map(|(kind, sum)| ReadVersion {
        row: format!("{}/*", service.schema.kind(*kind).name),
        version: *sum,
    });
    let reads: Vec<_> = reads.chain(scans).collect();
    let detail = format!("{} is not enabled: false is {}", op.name, words.join(", "));
    Problem::new(StatusCode::CONFLICT, problem::GUARD_DENIED, "The guard is false", detail)
        .with("op", &*op.name)
        .with("failed", failed)
        .with("reads", reads)
        .with("now", entry.now.millis())
}

/// A call without a verdict.
pub(super) fn failure(tx: TxId, failure: &Failure) -> Problem {
    match failure {
        Failure::Handler(error) => handler(error),
        Failure::Slow(limit) => {
            let detail = format!("the handler took longer than {limit:?}; nothing was changed");
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "slow-handler", "The handler took too long", detail)
        }
        Failure::Store(error) => store(tx, error),
    }
}

fn handler(error: &HandlerError) -> Problem {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Problem::new(status, &error.kind, "The handler refused", &*error.detail)
}

fn store(tx: TxId, error: &StoreError) -> Problem {
    match error {
        StoreError::Conflict(_) => {
            let detail = "others were faster, again and again; nothing was changed";
            Problem::new(StatusCode::CONFLICT, problem::STORE_CONFLICT, "Too many conflicts", detail)
                .retry_after(Duration::ZERO)
        }
        StoreError::InFlight => Problem::new(
            StatusCode::CONFLICT,
            problem::KEY_IN_USE,
            "The request is in progress",
            error.to_string(),
        )
        .retry_after(Duration::from_secs(1)),
        StoreError::KeyReused => {
            let (status, kind) = (StatusCode::UNPROCESSABLE_ENTITY, problem::KEY_REUSED);
            Problem::new(status, kind, "The idempotency key is used", error.to_string())
        }
        StoreError::Ambiguous { .. } => unknown_outcome(tx),
        StoreError::Unavailable(_) => {
            // What exactly is wrong is in the log: paths and addresses are not for who asks.
            let detail = "the store cannot be used now; nothing was changed";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The store is unavailable", detail)
                .retry_after(Duration::from_secs(1))
        }
        StoreError::Corrupt(_) | StoreError::Foreign(_) | StoreError::Missing(_) => {
            Problem::internal("the store cannot be read; nothing was changed")
        }
        StoreError::Invalid { op, .. } => {
            Problem::internal(format!("operation {op} does what it must not; nothing was changed"))
        }
    }
}

/// Whether it happened is not known yet: the same key again, or the transaction's page, will tell.
pub(super) fn unknown_outcome(tx: TxId) -> Problem {
    let detail = format!(
        "whether it was committed is not known yet: ask {}/{tx}, or repeat the request with its idempotency key",
        wire::TRANSACTIONS
    );
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        problem::UNKNOWN_OUTCOME,
        "The outcome is not known",
        detail,
    )
    .with("tx", tx.to_string())
    .retry_after(Duration::from_secs(1))
}
