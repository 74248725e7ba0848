//! What goes wrong, as RFC 9457 problem details.

use crate::wire::{PROBLEM, whole_seconds};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use serde::Serialize;
use std::time::Duration;

/// A problem: `type` is `urn:arch:problem:` and a stable word.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    pub(super) status: u16,
    pub(super) detail: String,
    #[serde(flatten)]
    pub(super) more: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    pub(super) retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of a kind.
    #[must_use]
    pub fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("{PROBLEM}{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            more: serde_json::Map::new(),
            retry_after: None,
        }
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Serialize) -> Problem {
        // Members are names, numbers and lists of them: always JSON.
        self.more.insert(member.into(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// With the time after which asking again may help.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Problem {
        self.retry_after = Some(after);
        self
    }

    /// Its stable word.
    #[cfg(feature = "grpc")]
    pub(super) fn word(&self) -> &str {
        self.kind.strip_prefix(PROBLEM).unwrap_or(&self.kind)
    }

    /// Nobody is known to ask.
    #[must_use]
    pub fn unauthenticated(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Who asks is not known", detail)
    }

    /// Who asks may not.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "Who asks may not do this", detail)
    }

    /// The request is not one.
    #[must_use]
    pub fn bad_request(kind: &str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, kind, "The request is wrong", detail)
    }

    /// Something broke that should not.
    #[must_use]
    pub fn internal(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service is broken", detail)
    }

    /// The problem as a response.
    #[must_use]
    pub fn response(&self) -> Response<Body> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds(after));
        }
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Whole seconds, rounded up.
pub(super) fn seconds(after: Duration) -> HeaderValue {
    HeaderValue::from(whole_seconds(after))
}
