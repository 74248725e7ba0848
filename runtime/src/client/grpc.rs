//! gRPC below the same client: a request of an operation is sent as a protocol buffer, and what comes back is told as HTTP tells
//! it. So what is repeated, and what an answer means, is decided in one place.

use super::transport::{NoAnswer, Transport};
use crate::service::{Method, Rpc};
use crate::step::{Spec, asked};
use crate::store::{BoxFuture, Json};
use crate::value::proto::{Message, number};
use crate::value::{Field, FieldsSeed, Row, Type, TypedFields};
use crate::wire::grpc::{DOMAIN, GUARD, MEDIA_TYPE, READ, Reply};
use crate::wire::{self, FailedGuard, ReadVersion, whole_seconds};
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, TE};
use axum::http::{HeaderMap, Method as HttpMethod, Request, Response, StatusCode, Uri};
use bytes::{Buf, BufMut, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use prost::Message as _;
use serde::de::DeserializeSeed;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A transport whose operations go over gRPC. What is no operation is sent as it is.
pub(super) struct OverGrpc {
    inner: Arc<dyn Transport>,
    calls: HashMap<String, Call>,
}

/// An operation.
struct Call {
    method: Method,
    fields: Vec<Field>,
    request: Message,
    reply: Vec<Field>,
    run: Message,
}

impl OverGrpc {
    pub(super) fn new(inner: Arc<dyn Transport>, spec: &Spec, rpc: &Rpc) -> OverGrpc {
        let call = |method: &Method| Some((wire::path(method.op), Call::of(spec, *method)?));
        OverGrpc { inner, calls: rpc.methods.iter().filter_map(call).collect() }
    }

    /// The operation at the end of a path, which may begin with that of the service.
    fn call<'a>(&self, request: &'a Request<Full<Bytes>>) -> Option<(&'a str, &Call)> {
        if request.method() != HttpMethod::POST {
            return None;
        }
        let path = request.uri().path();
        let mut starts = path.match_indices("/v1/").map(|(at, _)| at);
        starts.find_map(|at| Some((&path[..at], self.calls.get(&path[at..])?)))
    }
}

impl Transport for OverGrpc {
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        Box::pin(async move {
            let Some((before, call)) = self.call(&request) else { return self.inner.send(request).await };
            let place = format!("{before}{}", call.method.path);
            let (mut parts, body) = request.into_parts();
            // A body that is there is whole.
            let Ok(body) = body.collect().await;
            let message = match call.message(&body.to_bytes()) {
                Ok(message) => message,
                Err(what) => return Ok(refused(what)),
            };
            parts.uri = at(&parts.uri, &place).map_err(|why| NoAnswer { why, sent: false })?;
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            parts.headers.insert(TE, HeaderValue::from_static("trailers"));
            let answer = self.inner.send(Request::from_parts(parts, Full::new(framed(&message)))).await?;
            call.answer(&answer)
        })
    }
}

/// The same place with another path.
fn at(uri: &Uri, path: &str) -> Result<Uri, String> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.parse().map_err(|e| format!("{path} is no path: {e}"))?);
    Uri::from_parts(parts).map_err(|e| e.to_string())
}

/// A message in its frame: not compressed, and its length.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// The one message of a body.
fn unframed(mut body: &[u8]) -> Option<&[u8]> {
    if body.len() < 5 || body.get_u8() != 0 {
        return None;
    }
    let length = body.get_u32();
    (usize::try_from(length) == Ok(body.len())).then_some(body)
}

impl Call {
    fn of(spec: &Spec, method: Method) -> Option<Call> {
        let (protocol, action) = spec.action(method.op)?;
        let own = Field { name: "self".into(), ty: Type::id(&action.actor) };
        let rest: Vec<Field> = asked(protocol, action).into_iter().map(|(_, field)| field).collect();
        let request = Message::with_first(&own, &rest);
        let reply = protocol.kind.map_or_else(Vec::new, |kind| spec.schema.kind(kind).columns.clone());
        let run = Message::of(&reply);
        Some(Call { method, fields: std::iter::once(own).chain(rest).collect(), request, reply, run })
    }

    fn message(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let mut from = serde_json::Deserializer::from_slice(body);
        let row = FieldsSeed(&self.fields).deserialize(&mut from).map_err(|e| e.to_string())?;
        let mut message = Vec::new();
        self.request.write(&row, &mut message).map_err(|e| e.to_string())?;
        Ok(message)
    }

    /// A gRPC answer as an HTTP one.
    fn answer(&self, answer: &Response<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let headers = answer.headers();
        match Status::from_header_map(headers) {
            Some(status) if status.code() == Code::Ok => {
                let body = self.outcome(answer.body());
                // What is no reply is shown as it is: an answer that makes no sense.
                let body = body
                    .unwrap_or_else(|what| Bytes::from(format!("no reply of {}: {what}", self.method.op)));
                Ok(response(StatusCode::OK, body, headers))
            }
            Some(status) => Ok(problem(&status)),
            None if answer.status() == StatusCode::OK => {
                Err(NoAnswer { why: "the answer broke off before its status".into(), sent: true })
            }
            // Whoever stands between does not speak gRPC.
            None => Ok(answer.clone()),
        }
    }

    fn outcome(&self, body: &[u8]) -> Result<Bytes, String> {
        let message = unframed(body).ok_or("it is no frame with one message")?;
        let reply = Reply::decode(message).map_err(|e| e.to_string())?;
        let outcomes = self.method.outcomes.iter();
        let known = outcomes.copied().find(|word| i32::try_from(number(word)) == Ok(reply.outcome));
        let outcome = known.ok_or_else(|| format!("it has the outcome {}", reply.outcome))?;
        let run = reply.run.map(|run| self.run(&run)).transpose()?.unwrap_or_else(Json::null);
        let (tx, at) = (Cow::Owned(reply.tx), reply.at);
        let told = wire::Reply { outcome: outcome.into(), tx, at, reply: Cow::Owned(run) };
        serde_json::to_vec(&told).map(Bytes::from).map_err(|e| e.to_string())
    }

    fn run(&self, run: &[u8]) -> Result<Json, String> {
        let row: Row = self.run.read(run).map_err(|e| e.to_string())?;
        Json::of(&TypedFields(&self.reply, &row)).map_err(|e| e.to_string())
    }
}

fn response(status: StatusCode, body: Bytes, from: &HeaderMap) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for name in [RETRY_AFTER.as_str(), wire::REPLAYED] {
        if let (Some(value), Ok(name)) = (from.get(name), name.parse::<axum::http::HeaderName>()) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// A request that cannot be a message: as the service would say it.
fn refused(what: String) -> Response<Bytes> {
    let problem = serde_json::json!({ "type": format!("{}invalid-request", wire::PROBLEM), "detail": what });
    response(StatusCode::BAD_REQUEST, problem.to_string().into(), &HeaderMap::new())
}

/// A status as the problem that it was made of.
fn problem(status: &Status) -> Response<Bytes> {
    let details = status.get_error_details();
    let mut headers = HeaderMap::new();
    if let Some(after) = details.retry_info().and_then(|info| info.retry_delay) {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    let said = details.error_info().filter(|info| info.domain == DOMAIN).map(|info| &info.metadata);
    let kind = said.and_then(|said| said.get("kind"));
    let http =
        said.and_then(|said| said.get("status")?.parse().ok()).unwrap_or_else(|| http_status(status.code()));
    let http = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let Some(kind) = kind else {
        return response(http, Bytes::copy_from_slice(status.message().as_bytes()), &headers);
    };
    let mut problem = Map::new();
    problem.insert("type".into(), format!("{}{kind}", wire::PROBLEM).into());
    problem.insert("detail".into(), status.message().into());
    for (name, text) in said.into_iter().flatten().filter(|(name, _)| !matches!(&***name, "kind" | "status"))
    {
        let value =
            if name == "now" { text.parse().ok().map(|n: i64| n.into()) } else { Some(text.as_str().into()) };
        value.and_then(|value: Value| problem.insert(name.clone(), value));
    }
    let (failed, reads) = violations(&details);
    problem.insert("failed".into(), serde_json::to_value(failed).unwrap_or_default());
    problem.insert("reads".into(), serde_json::to_value(reads).unwrap_or_default());
    response(http, Value::Object(problem).to_string().into(), &headers)
}

fn violations(details: &ErrorDetails) -> (Vec<FailedGuard>, Vec<ReadVersion>) {
    let (mut failed, mut reads) = (Vec::new(), Vec::new());
    for violation in details.precondition_failure().into_iter().flat_map(|failure| &failure.violations) {
        let (subject, text) = (&violation.subject, &violation.description);
        match (violation.r#type.as_str(), text.parse()) {
            (GUARD, _) => failed.push(FailedGuard { guard: subject.into(), text: text.into() }),
            (READ, Ok(version)) => reads.push(ReadVersion { row: subject.clone(), version }),
            _ => {}
        }
    }
    (failed, reads)
}

/// What a code of somebody else's says in HTTP, as far as a client decides by it.
fn http_status(code: Code) -> u16 {
    match code {
        Code::InvalidArgument | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound | Code::Unimplemented => 404,
        Code::ResourceExhausted => 429,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        _ => 500,
    }
}
