//! gRPC beside HTTP: the same operations on the same port, by protocol buffers.
//!
//! A method reads its request within the limits of HTTP, and executes it by the same function (`execute`); what is wrong becomes
//! a status (`status`). Messages are read and written by the types of the operation ([`crate::value::proto`]). `grpc.health.v1`
//! says what `/readyz` says (`health`), and the `.proto` file is served at `/service.proto`.

mod health;
mod status;

use super::auth::{Identity, Peer};
use super::execute::{Asked, execute};
use super::problem::Problem;
use super::reply::{Answered, answered};
use super::request;
use super::router::{App, nowhere};
use crate::service::Class;
use crate::value::proto::{Message, ProtoError, number};
use crate::value::{Field, FieldsSeed};
use crate::wire::grpc::{MEDIA_TYPE, Raw, Reply, timeout};
use crate::wire::{PROTO, REPLAYED, whole_seconds};
use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::{get, post};
use bytes::Bytes;
use prost::Message as _;
use serde::de::DeserializeSeed;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Code, Status};

/// A router that serves gRPC, too, if the service has it.
pub(super) fn routes(mut router: Router, app: &Arc<App>) -> Router {
    let service = app.engine.service();
    let Some(rpc) = service.rpc else { return router };
    for method in rpc.methods {
        let Some(index) = service.operations.iter().position(|op| op.name == method.op) else { continue };
        let route = Arc::new(Route::of(app.clone(), index));
        let handle = move |request: Request<Body>| {
            let route = route.clone();
            async move { route.handle(request).await }
        };
        router = router.route(method.path, post(handle));
    }
    router
        .route_service("/grpc.health.v1.Health/{method}", health::server(app.clone()))
        .route(PROTO, get(move || std::future::ready(rpc.proto)))
}

/// The route of one operation.
struct Route {
    app: Arc<App>,
    index: usize,
    request: Message,
    run: Run,
}

/// The run in replies.
struct Run {
    fields: Vec<Field>,
    message: Message,
}

impl Route {
    fn of(app: Arc<App>, index: usize) -> Route {
        let op = &app.engine.service().operations[index];
        let fields = op.body();
        let request = match fields.split_first() {
            Some((own, rest)) => Message::with_first(own, rest),
            None => Message::of(&[]),
        };
        let run = Run { fields: op.reply.clone(), message: Message::of(&op.reply) };
        Route { app, index, request, run }
    }

    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        if !is_grpc(request.headers()) {
            return content_type(request.headers()).response();
        }
        let response = self.answer(request).await.unwrap_or_else(|problem| status::of(&problem).into_http());
        // The status of a reply with a message is in its trailers, and is OK.
        let status = response.headers().get(Status::GRPC_STATUS);
        let code = status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
        self.app.metrics.rpc_responded(code as u16);
        response
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let start = Instant::now();
        let app = &self.app;
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<Peer>().cloned().unwrap_or_else(nowhere);
        let identity = &app.identity(&peer, &parts.headers)?;
        let deadline = deadline(&parts.headers)?;
        let body = request::read_body(&parts.headers, body, &app.limits).await?;
        at_most_one(&body)?;
        let patience = deadline.map_or(app.limits.reply_timeout, |deadline| {
            deadline.saturating_sub(start.elapsed()).min(app.limits.reply_timeout)
        });
        let headers = &parts.headers.clone();
        let service = tower::service_fn(|message: tonic::Request<Bytes>| async move {
            let reply = self.execute(&message.into_inner(), headers, identity, patience).await;
            reply.map_err(|problem| status::of(&problem))
        });
        let mut frames = tonic::server::Grpc::new(Raw).max_decoding_message_size(app.limits.body);
        let response = frames.unary(service, Request::from_parts(parts, Body::from(body))).await;
        Ok(response.map(Body::new))
    }

    async fn execute(
        &self,
        message: &[u8],
        headers: &HeaderMap,
        identity: &Identity,
        patience: Duration,
    ) -> Result<tonic::Response<Bytes>, Problem> {
        let (app, index) = (&self.app, self.index);
        let row = self.request.read(message).map_err(|e| match e {
            ProtoError::Malformed(_) => Problem::bad_request("malformed", e.to_string()),
            ProtoError::Invalid(_) => Problem::bad_request("invalid-request", e.to_string()),
        })?;
        let settled = execute(app, Asked { index, row, headers, identity, patience }).await?;
        let service = app.engine.service();
        self.reply(&answered(service, &service.operations[index], &settled)?)
    }

    fn reply(&self, answered: &Answered<'_>) -> Result<tonic::Response<Bytes>, Problem> {
        let run = self
            .run
            .of(answered)
            .map_err(|what| Problem::internal(format!("a run of another type: {what}")))?;
        let outcome = i32::try_from(number(answered.outcome)).unwrap_or_default();
        let reply = Reply { outcome, tx: answered.tx.to_string(), at: answered.at, run };
        let mut response = tonic::Response::new(Bytes::from(reply.encode_to_vec()));
        let metadata = response.metadata_mut();
        if answered.replayed {
            metadata.insert(REPLAYED, tonic::metadata::MetadataValue::from_static("true"));
        }
        if let Class::Retry { after } = answered.class {
            metadata.insert("retry-after", whole_seconds(after).into());
        }
        Ok(response)
    }
}

impl Run {
    fn of(&self, answered: &Answered<'_>) -> Result<Option<Bytes>, String> {
        if answered.reply.is_null() {
            return Ok(None);
        }
        let mut from = serde_json::Deserializer::from_str(answered.reply.text());
        let row = FieldsSeed(&self.fields).deserialize(&mut from).map_err(|e| e.to_string())?;
        let mut run = Vec::new();
        self.message.write(&row, &mut run).map_err(|e| e.to_string())?;
        Ok(Some(run.into()))
    }
}

/// How long who asks waits, if it says so.
fn deadline(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(given) = headers.get("grpc-timeout") else { return Ok(None) };
    let wrong = || Problem::bad_request("invalid-request", "grpc-timeout is not at most 8 digits and a unit");
    given.to_str().ok().and_then(timeout).map(Some).ok_or_else(wrong)
}

/// Refuses bodies that go on behind their message: whoever sends two expects two answers.
fn at_most_one(body: &[u8]) -> Result<(), Problem> {
    let Some(([_, length @ ..], rest)) = body.split_first_chunk::<5>() else { return Ok(()) };
    if rest.len() as u64 > u64::from(u32::from_be_bytes(*length)) {
        return Err(Problem::bad_request("malformed", "there is more than one message"));
    }
    Ok(())
}

/// Whether a request says that it is gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let rest = given.strip_prefix(MEDIA_TYPE.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+proto") || rest.starts_with(b";"))
}

/// No such method.
pub(super) fn unimplemented(path: &str) -> Response<Body> {
    Status::unimplemented(format!("nothing is served at {path}")).into_http()
}

fn content_type(headers: &HeaderMap) -> Problem {
    let given = headers.get(CONTENT_TYPE).map_or("unnamed", |v| v.to_str().unwrap_or("?"));
    let detail = format!("the body must be {MEDIA_TYPE}, not {given}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", "The body has the wrong type", detail)
}
