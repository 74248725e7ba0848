//! Reads a request within limits, and checks it against the types of its operation.

use super::problem::Problem;
use crate::fencing::{self, FencingToken};
use crate::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use crate::value::{Field, FieldsSeed, Row};
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeSeed;
use smol_str::SmolStr;
use std::time::Duration;

/// Limits of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The most bytes of a body.
    pub body: usize,
    /// How long the body may take to arrive.
    pub body_timeout: Duration,
    /// How long who asks waits, once the request is there.
    pub reply_timeout: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        RequestLimits {
            body: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            reply_timeout: Duration::from_secs(30),
        }
    }
}

/// A body that is no request.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Malformed(String),
    /// It is JSON, of the wrong types.
    #[error("{0}")]
    Invalid(String),
}

/// Reads an object with these fields from JSON: types, bounds and sizes are checked, unknown and repeated fields refused;
/// optional fields may be left out.
///
/// # Errors
/// What is wrong, with the name of the field.
pub fn decode(fields: &[Field], body: &[u8]) -> Result<Row, DecodeError> {
    let error = |e: serde_json::Error| match e.classify() {
        serde_json::error::Category::Data => DecodeError::Invalid(e.to_string()),
        _ => DecodeError::Malformed(e.to_string()),
    };
    let mut from = serde_json::Deserializer::from_slice(body);
    let row = FieldsSeed(fields).deserialize(&mut from).map_err(error)?;
    from.end().map_err(error)?;
    Ok(row)
}

/// Refuses bodies that are not said to be JSON.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).map(|v| v.to_str().unwrap_or("?"));
    let essence = given.map(|t| t.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if essence.as_deref() == Some("application/json") {
        return Ok(());
    }
    let detail = format!("the body must be application/json, not {}", given.unwrap_or("unnamed"));
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(Problem::new(status, "content-type", "The body has the wrong type", detail))
}

/// Reads a whole body.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limits: &RequestLimits,
) -> Result<Bytes, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limits.body as u64) {
        return Err(too_large(limits));
    }
    match tokio::time::timeout(limits.body_timeout, Limited::new(body, limits.body).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(too_large(limits)),
        Ok(Err(e)) => Err(Problem::bad_request("malformed", format!("the body broke off: {e}"))),
        Err(_) => {
            let detail = format!("the body did not arrive within {:?}", limits.body_timeout);
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-request", "The request is too slow", detail))
        }
    }
}

fn too_large(limits: &RequestLimits) -> Problem {
    let detail = format!("a body has at most {} bytes", limits.body);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
}

/// A body as `self` and the request.
pub(super) fn row(fields: &[Field], body: &[u8]) -> Result<Row, Problem> {
    decode(fields, body).map_err(|e| {
        let kind = if matches!(e, DecodeError::Malformed(_)) { "malformed" } else { "invalid-request" };
        Problem::bad_request(kind, e.to_string())
    })
}

/// The request's id, set before by the router's layers.
pub(super) fn request_id(headers: &HeaderMap) -> SmolStr {
    headers.get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or_default().into()
}

/// The distributed trace that it belongs to. Headers that are none are passed over, as the standard wants it.
pub(super) fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let (Some(parent), None) = (given.next(), given.next()) else { return None };
    let context = TraceContext::parse(parent.to_str().ok()?.trim())?;
    let state: Vec<&str> = headers.get_all(TRACESTATE).iter().filter_map(|v| v.to_str().ok()).collect();
    Some(context.with_state(state.join(",")))
}

/// The right under which it was sent.
pub(super) fn fence(headers: &HeaderMap) -> Result<Option<FencingToken>, Problem> {
    let Some(given) = headers.get(fencing::HEADER) else { return Ok(None) };
    let token = given.to_str().ok().and_then(FencingToken::parse);
    let wrong = || Problem::bad_request("invalid-request", "Fencing-Token is not `<row>/<epoch>`");
    token.map(Some).ok_or_else(wrong)
}

/// The idempotency key, as draft-ietf-httpapi-idempotency-key-header has it (a quoted string) or bare.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<SmolStr>, Problem> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(first) = given.next() else { return Ok(None) };
    let wrong = |why: &str| Problem::bad_request("invalid-request", format!("Idempotency-Key {why}"));
    if given.next().is_some() {
        return Err(wrong("is given twice"));
    }
    let text = first.to_str().map_err(|_| wrong("has characters outside printable ASCII"))?.trim();
    let key = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    match key.len() {
        0 => Err(wrong("is empty")),
        1..=255 if !key.contains('"') => Ok(Some(key.into())),
        1..=255 => Err(wrong("has a quote in it")),
        _ => Err(wrong("has more than 255 characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Type, Value};

    fn fields() -> Vec<Field> {
        let field = |name: &str, ty| Field { name: name.into(), ty };
        vec![
            field("who", Type::id("client").optional()),
            field("n", Type::Int { lo: 0, hi: 9 }),
            field("set", Type::Set { of: Box::new(Type::Bool), max: Some(2) }),
        ]
    }

    #[test]
    fn optional_fields_may_be_left_out() {
        let row = decode(&fields(), br#"{"set": [true], "n": 3}"#).expect("a request");
        assert_eq!(row, [Value::Null, Value::Int(3), Value::Set([Value::Bool(true)].into())]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |body: &str| decode(&fields(), body.as_bytes()).expect_err(body).to_string();
        assert!(wrong("{").starts_with("not JSON: "), "{}", wrong("{"));
        assert!(wrong("").starts_with("not JSON: "));
        assert!(wrong(r#"{"n": 3}"#).contains("set is missing"));
        assert!(wrong(r#"{"n": 10, "set": []}"#).contains("n: "));
        assert!(wrong(r#"{"n": 1, "n": 1, "set": []}"#).contains("n is given twice"));
        assert!(wrong(r#"{"n": 1.5, "set": []}"#).contains("n: "));
        assert!(wrong(r#"{"n": 1, "set": [true, true]}"#).contains("twice"));
        assert!(wrong(r#"{"n": 1, "set": [], "m": 1}"#).contains("no field is called \"m\" (fields: "));
        assert!(wrong(r#"{"n": 1, "set": []} x"#).starts_with("not JSON: "));
        assert!(wrong("[]").contains("an object"));
    }
}
