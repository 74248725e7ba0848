//! What an answer means: that it is one, that the service refuses, or that asking again may help.

use super::error::{CallError, Denied, Last, Strange, Tried};
use crate::store::{Json, TxId};
use crate::time::Instant;
use crate::wire::{self, FailedGuard, ReadVersion, problem};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, Response, StatusCode};
use hyper::body::Bytes;
use serde::Deserialize;
use smol_str::SmolStr;
use std::time::{Duration, SystemTime};

/// An operation has an outcome: it is committed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The outcome, or the step that the run is at now.
    pub outcome: SmolStr,
    /// The transaction.
    pub tx: TxId,
    /// When: the time that the step saw.
    pub at: Instant,
    /// The run after the step, in JSON; null if the operation has none.
    pub run: Json,
    /// Whether this answer was given before: the transition happened when the request was first sent.
    pub replayed: bool,
    /// When to ask again, where the outcome says that (`retry`).
    pub retry_after: Option<Duration>,
    /// The HTTP status.
    pub status: u16,
    /// What it took.
    pub tried: Tried,
}

/// What came of one attempt.
pub(super) enum Meaning {
    /// A verdict, with the body.
    Done(Response<Bytes>),
    /// The guard is false.
    Denied(Denied),
    /// It will not be otherwise when it is asked again.
    Refused { status: u16, kind: SmolStr, detail: String },
    /// Asking again may help; when, and whether the request may have been executed all the same.
    Again { last: Last, after: Option<Duration>, unknown: bool },
}

/// RFC 9457, with what a service of this runtime adds.
#[derive(Deserialize)]
struct ProblemBody {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    op: SmolStr,
    #[serde(default)]
    failed: Vec<FailedGuard>,
    #[serde(default)]
    reads: Vec<ReadVersion>,
    #[serde(default)]
    now: i64,
}

pub(super) fn meaning(answer: Response<Bytes>) -> Meaning {
    let status = answer.status();
    if status.is_success() || is_outcome(&answer) {
        return Meaning::Done(answer);
    }
    let problem: Option<ProblemBody> = serde_json::from_slice(answer.body()).ok();
    let word = problem.as_ref().and_then(|p| p.kind.strip_prefix(wire::PROBLEM)).map(SmolStr::from);
    // Of whoever stands between, it is not known what became of the request.
    let ours = word.is_some();
    let detail = match problem.as_ref().map(|p| &p.detail) {
        Some(detail) if !detail.is_empty() => detail.clone(),
        _ => excerpt(answer.body()),
    };
    let kind = word.unwrap_or_default();
    match problem {
        Some(problem) if kind == problem::GUARD_DENIED => {
            let ProblemBody { op, failed, reads, now, .. } = problem;
            let now = Instant::checked(now).unwrap_or(Instant::PAST);
            Meaning::Denied(Denied { tried: Tried::default(), op, failed, reads, now })
        }
        _ if is_passing(status, &kind) => Meaning::Again {
            after: retry_after(answer.headers()),
            unknown: kind == problem::UNKNOWN_OUTCOME || (!ours && status.is_server_error()),
            last: Last::Status { status: status.as_u16(), kind, detail },
        },
        _ => Meaning::Refused { status: status.as_u16(), kind, detail },
    }
}

/// Whether the same request may be answered otherwise in a moment.
fn is_passing(status: StatusCode, kind: &str) -> bool {
    match status.as_u16() {
        408 | 425 | 429 | 502 | 503 | 504 => true,
        409 => kind == problem::STORE_CONFLICT || kind == problem::KEY_IN_USE,
        _ => false,
    }
}

/// `retry` is an outcome, too, although its status says that others may ask again: the step is committed.
fn is_outcome(answer: &Response<Bytes>) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE && reply(answer.body()).is_ok()
}

fn reply(body: &[u8]) -> serde_json::Result<wire::Reply<'_>> {
    serde_json::from_slice(body)
}

impl Answer {
    /// From a response that is one.
    pub(super) fn read(response: &Response<Bytes>, tried: Tried) -> Result<Answer, CallError> {
        let strange = |what: &str| strange(response, &tried, what);
        let reply = reply(response.body())
            .map_err(|e| strange(&format!("this is no reply of an operation ({e})")))?;
        let tx = TxId::parse(&reply.tx).ok_or_else(|| strange("`tx` is no transaction"))?;
        let at = Instant::checked(reply.at).ok_or_else(|| strange("`at` is no instant"))?;
        Ok(Answer {
            outcome: reply.outcome.into(),
            tx,
            at,
            run: reply.reply.into_owned(),
            replayed: response.headers().get(wire::REPLAYED).is_some_and(|v| v == "true"),
            retry_after: retry_after(response.headers()),
            status: response.status().as_u16(),
            tried,
        })
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// An answer that makes no sense.
pub(super) fn strange(response: &Response<Bytes>, tried: &Tried, what: &str) -> CallError {
    let what = format!("{what}: {}", excerpt(response.body()));
    CallError::Strange(Box::new(Strange { tried: tried.clone(), status: response.status().as_u16(), what }))
}

/// The beginning of a body, on one line.
fn excerpt(body: &[u8]) -> String {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "(nothing)".into(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let builder = headers.iter().fold(Response::builder().status(status), |b, (k, v)| b.header(*k, *v));
        builder.body(Bytes::copy_from_slice(body.as_bytes())).expect("a response")
    }

    fn said(kind: &str) -> String {
        format!(r#"{{"type":"urn:arch:problem:{kind}","title":"t","status":0,"detail":"d"}}"#)
    }

    /// Whether it is asked again, and whether the request may have been executed.
    fn again(status: u16, kind: &str) -> Option<bool> {
        match meaning(answer(status, &[], &said(kind))) {
            Meaning::Again { unknown, .. } => Some(unknown),
            _ => None,
        }
    }

    #[test]
    fn what_passes_is_asked_again() {
        assert_eq!(again(503, "unavailable"), Some(false));
        assert_eq!(again(503, "unknown-outcome"), Some(true));
        assert_eq!(again(504, "slow-handler"), Some(false));
        assert_eq!([409, 408, 425, 429].map(|s| again(s, "store-conflict")), [Some(false); 4]);
        assert_eq!(again(409, "idempotency-key-in-use"), Some(false));
        for (status, kind) in [
            (400, "invalid-request"),
            (401, "unauthenticated"),
            (403, "forbidden"),
            (409, "guard-denied"),
            (409, "quota"),
            (413, "too-large"),
            (422, "idempotency-key-reused"),
            (500, "internal"),
        ] {
            assert_eq!(again(status, kind), None, "{status} {kind}");
        }
    }

    #[test]
    fn of_a_gateway_nothing_is_known() {
        let meaning = |status| meaning(answer(status, &[], "<html>bad gateway</html>"));
        assert!(matches!(meaning(502), Meaning::Again { unknown: true, .. }));
        assert!(matches!(meaning(429), Meaning::Again { unknown: false, .. }));
        assert!(matches!(meaning(404), Meaning::Refused { .. }));
    }

    #[test]
    fn an_outcome_is_one_whatever_its_status() {
        let body = r#"{"outcome":"retry","tx":"01a2216e-112d-7000-8000-000000000000","at":5,"reply":null}"#;
        for status in [200, 202, 503] {
            let Meaning::Done(response) = meaning(answer(status, &[("retry-after", "1")], body)) else {
                panic!("{status} is an answer")
            };
            let read = Answer::read(&response, Tried::default()).expect("an outcome");
            assert_eq!((read.outcome.as_str(), read.at.millis(), read.replayed), ("retry", 5, false));
            assert_eq!(read.retry_after, Some(Duration::from_secs(1)));
        }
        assert!(matches!(meaning(answer(409, &[], body)), Meaning::Refused { .. }));
    }

    #[test]
    fn when_to_ask_again_is_read() {
        let after = |text: &str| retry_after(answer(503, &[("retry-after", text)], "").headers());
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }
}
