//! `GET /v1/truth/{kind}/{key…}`: a committed row, for callers that want to know where they are.

use super::auth::Peer;
use super::problem::Problem;
use super::reply;
use super::router::{App, nowhere};
use crate::engine::Failure;
use crate::look::{Looked, named, owners};
use crate::store::{Json, TxId};
use crate::value::{KeyError, RowKey, TypedRow};
use crate::wire::{self, TRUTH};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use std::sync::Arc;
use std::time::Duration;

/// A row with its version and the store's time.
pub(super) async fn truth(
    State(app): State<Arc<App>>,
    uri: Uri,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response<Body> {
    let peer = peer.map_or_else(nowhere, |Extension(peer)| peer);
    seen(&app, uri.path(), &peer, &headers).await.unwrap_or_else(|problem| problem.response())
}

async fn seen(app: &App, path: &str, peer: &Peer, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let identity = app.identity(peer, headers)?;
    let service = app.engine.service();
    let row = asked(app, path)?;
    let owners = owners(service, &row);
    // Where somebody is, is for who takes part in it.
    if !owners.is_empty()
        && !owners.iter().any(|(actor, id)| identity.act_as(actor, Some((*id).clone())).is_ok())
    {
        let detail = format!("{} is none of {}'s", row.text(&service.schema), identity.name);
        return Err(Problem::forbidden(detail));
    }
    let (engine, key) = (app.engine.clone(), row.clone());
    // A task of its own: who goes away must not break off a transaction of the store.
    let task = app.calls.spawn(async move { engine.look(&key).await });
    let looked = match tokio::time::timeout(app.limits.reply_timeout, task).await {
        Ok(Ok(Ok(looked))) => looked,
        Ok(Ok(Err(error))) => return Err(reply::failure(TxId::fresh(), &Failure::Store(error))),
        Ok(Err(panic)) => {
            tracing::error!(%panic, "looking at a row panicked");
            return Err(Problem::internal("looking at the row panicked"));
        }
        Err(_) => return Err(late(app.limits.reply_timeout)),
    };
    answer(app, &row, &looked)
}

fn asked(app: &App, path: &str) -> Result<RowKey, Problem> {
    let invalid = |what: String| Problem::bad_request("invalid-request", what);
    let segments = path.strip_prefix(TRUTH).unwrap_or_default().trim_start_matches('/').split('/');
    let decoded = segments.map(|s| percent_encoding::percent_decode_str(s).decode_utf8());
    let decoded =
        decoded.collect::<Result<Vec<_>, _>>().map_err(|_| invalid("the path is not UTF-8".into()))?;
    named(&app.engine.service().schema, &decoded).map_err(|e| match e {
        KeyError::UnknownKind(_) => {
            Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such kind", e.to_string())
        }
        _ => invalid(e.to_string()),
    })
}

fn answer(app: &App, row: &RowKey, looked: &Looked) -> Result<Response<Body>, Problem> {
    let schema = &app.engine.service().schema;
    let value = looked.row.as_ref().map(|values| Json::of(&TypedRow(schema.kind(row.kind), values)));
    let value = value.transpose().map_err(|e| Problem::internal(format!("a row that is not JSON: {e}")))?;
    let (version, now) = (looked.version, looked.now.millis());
    Ok(reply::json(StatusCode::OK, &wire::Seen { row: row.text(schema), version, now, value }))
}

fn late(limit: Duration) -> Problem {
    let detail = format!("the store did not answer within {limit:?}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The store is unavailable", detail)
        .retry_after(Duration::from_secs(1))
}
