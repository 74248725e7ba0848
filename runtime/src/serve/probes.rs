//! What is served beside the operations: for orchestrators, scrapers and clients that lost a reply.

use super::auth::Peer;
use super::problem::Problem;
use super::reply::json;
use super::router::App;
use crate::journal::Entry;
use crate::store::{StoreError, TxId};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take to say that it is there.
const PING: Duration = Duration::from_secs(2);

/// The process runs, and need not be restarted: an orchestrator does that when this fails, so it fails only when a restart is what
/// helps. A store that is down for a while is none of its business.
pub(super) async fn livez(State(app): State<Arc<App>>) -> (StatusCode, String) {
    match app.engine.store().broken() {
        None => (StatusCode::OK, "ok\n".into()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("to be restarted: {why}\n")),
    }
}

#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    service: &'a str,
    version: &'a str,
    spec: &'a str,
    reason: Option<String>,
}

/// Requests would be served now: the store answers, and the service is not going away. That the spec and the tables fit was
/// made sure when the store was opened.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response<Body> {
    let reason = not_ready(&app).await;
    let service = app.engine.service();
    let (status, word) = match &reason {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let (service, spec) = (service, service.schema.spec());
    json(status, &Ready { status: word, service: &service.name, version: &service.version, spec, reason })
}

/// Why requests would not be served now, if so.
pub(super) async fn not_ready(app: &App) -> Option<String> {
    match tokio::time::timeout(PING, app.engine.store().health()).await {
        _ if app.is_draining() => Some("draining".to_owned()),
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            Some("the store is unavailable".to_owned())
        }
        Err(_) => Some(format!("the store does not answer within {PING:?}")),
    }
}

/// Everything that is counted, for who is known: names of operations and guards, and how often what was done. (Where authentication
/// is off, that is everybody.)
pub(super) async fn metrics_of_who_is_known(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response<Body> {
    let peer = peer.map_or_else(super::router::nowhere, |Extension(peer)| peer);
    match app.identity(&peer, &headers) {
        Ok(_) => metrics(State(app)).await,
        Err(problem) => problem.response(),
    }
}

/// Everything that is counted.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    // A store that is down has no news of its outbox; the rest is shown all the same.
    if let Ok(Ok(status)) = tokio::time::timeout(PING, app.engine.store().outbox()).await {
        app.metrics.outbox(status);
    }
    if let Some(monitor) = app.engine.monitor() {
        app.metrics.conformance(monitor.events(), monitor.violations());
    }
    typed("application/openmetrics-text; version=1.0.0; charset=utf-8", app.metrics.text())
}

/// The OpenAPI document: for everybody, because whoever wants to be known has to learn how to ask. There is nothing in it but the spec.
pub(super) async fn openapi(State(app): State<Arc<App>>) -> Response<Body> {
    typed("application/json", app.engine.service().openapi)
}

fn typed(kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[derive(Serialize)]
struct Committed<'a> {
    tx: String,
    op: &'a str,
    actor: &'a str,
    id: &'a str,
    outcome: &'a str,
    at: i64,
    seq: u64,
}

/// Whether a transaction was committed: for who lost the reply. Only who did it may know.
pub(super) async fn transaction(
    State(app): State<Arc<App>>,
    Path(tx): Path<String>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response<Body> {
    let peer = peer.map_or_else(super::router::nowhere, |Extension(peer)| peer);
    look_up(&app, &tx, &peer, &headers).await.unwrap_or_else(|problem| problem.response())
}

async fn look_up(app: &App, tx: &str, peer: &Peer, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let identity = app.identity(peer, headers)?;
    let wrong = || Problem::bad_request("invalid-request", "a transaction is a UUID");
    let tx = TxId::parse(tx).ok_or_else(wrong)?;
    let entry = app.engine.store().find(tx).await.map_err(|e| unavailable(&e))?;
    let unknown = || {
        let detail = "it was not committed, and is not being committed now";
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such transaction", detail)
    };
    // Somebody else's is none.
    let own = |entry: &Entry| identity.act_as(&entry.actor, Some(entry.id.clone())).is_ok();
    let entry = entry.filter(|e| own(e)).ok_or_else(unknown)?;
    let Entry { op, actor, id, outcome, now, seq, .. } = &entry;
    let (tx, at, seq) = (tx.to_string(), now.millis(), *seq);
    Ok(json(StatusCode::OK, &Committed { tx, op, actor, id, outcome, at, seq }))
}

fn unavailable(error: &StoreError) -> Problem {
    tracing::warn!(%error, "a transaction cannot be looked up");
    let detail = "the store cannot be used now";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The store is unavailable", detail)
        .retry_after(Duration::from_secs(1))
}
