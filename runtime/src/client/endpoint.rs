//! Where a service is, who asks, and how a request is repeated until it is answered.

use super::answer::{Answer, Meaning, meaning, strange};
use super::error::{CallError, GaveUp, Last, Refused, Tried};
use super::patience::Patience;
use super::transport::{self, NoAnswer, Transport};
use crate::fencing::{self, FencingToken};
use crate::trace_context;
use crate::wire;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use smol_str::SmolStr;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A service somewhere, and who asks it. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Endpoint {
    /// Scheme, host, port, and a path before all others, if there is one.
    base: Arc<str>,
    bearer: Option<HeaderValue>,
    fence: Option<FencingToken>,
    patience: Patience,
    transport: Arc<dyn Transport>,
}

/// Whom a client believes, and as whom it appears: PEM files.
#[cfg(feature = "tls")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientTls {
    /// The authorities of the service's certificate.
    pub authority: PathBuf,
    /// A certificate with its chain, and its key: for services that know by these who asks (`auth.mode = "mtls"`).
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// What is no endpoint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address.
    #[error("`{0}` is no address of a service: {1}")]
    Address(String, &'static str),
    /// Certificates or keys.
    #[error("{0}")]
    Tls(String),
    /// The token.
    #[error("the bearer token has characters that no header may have")]
    Token,
}

/// An idempotency key: the same request under the same key is executed once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key(SmolStr);

/// What is no idempotency key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no idempotency key: 1 to 255 printable ASCII characters, no space, quote or backslash")]
pub struct KeyError(String);

impl Key {
    /// One that nobody has.
    #[must_use]
    pub fn fresh() -> Key {
        Key(uuid::Uuid::now_v7().simple().to_string().into())
    }

    /// One that is kept elsewhere, so that a request can be repeated by a process that was started again.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn of(text: &str) -> Result<Key, KeyError> {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        match text.len() {
            1..=255 if text.bytes().all(plain) => Ok(Key(text.into())),
            _ => Err(KeyError(text.into())),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Endpoint {
    /// The service at an address: `http://localhost:8080`, also with a path before all others.
    ///
    /// # Errors
    /// It is no such address.
    pub fn at(address: &str) -> Result<Endpoint, EndpointError> {
        let base = base(address, "http", "it begins with `http://` (over TLS: `Endpoint::over_tls`)")?;
        Ok(Endpoint { base, ..Endpoint::over(transport::plain(transport::MOST)) })
    }

    /// The service at an `https` address.
    ///
    /// # Errors
    /// It is no such address, or a file is missing or not what it should be.
    #[cfg(feature = "tls")]
    pub fn over_tls(address: &str, tls: &ClientTls) -> Result<Endpoint, EndpointError> {
        let base = base(address, "https", "it begins with `https://`")?;
        let config = crate::serve::tls::client("authority", &tls.authority, tls.certificate.as_ref());
        let config = config.map_err(|e| EndpointError::Tls(e.to_string()))?;
        Ok(Endpoint { base, ..Endpoint::over(transport::encrypted(config, transport::MOST)) })
    }

    /// A service that is reached otherwise: a router in this process, say.
    #[must_use]
    pub fn over(transport: impl Transport) -> Endpoint {
        Endpoint {
            base: "http://service".into(),
            bearer: None,
            fence: None,
            patience: Patience::default(),
            transport: Arc::new(transport),
        }
    }

    /// The same, asked by who has this token. When it expires, make another endpoint of this one.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn bearer(mut self, token: &str) -> Result<Endpoint, EndpointError> {
        let mut header =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| EndpointError::Token)?;
        header.set_sensitive(true);
        self.bearer = Some(header);
        Ok(self)
    }

    /// The same, asked under this token: of a lease that the handler has looked up, say. Without it, what is asked in a handler
    /// has the token of its run ([`fencing::current`]).
    #[must_use]
    pub fn fenced(mut self, token: FencingToken) -> Endpoint {
        self.fence = Some(token);
        self
    }

    /// The same, asked for operations over gRPC; for rows over HTTP still.
    #[cfg(feature = "grpc")]
    #[must_use]
    pub fn grpc(mut self, spec: &crate::step::Spec, rpc: &crate::service::Rpc) -> Endpoint {
        self.transport = Arc::new(super::grpc::OverGrpc::new(self.transport, spec, rpc));
        self
    }

    /// The same, asked as patiently as this.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Endpoint {
        self.patience = patience;
        self
    }

    /// Asks for an operation, with a request in JSON, until it is answered.
    ///
    /// When the future is dropped, the request may be executed or not.
    ///
    /// # Errors
    /// It has no outcome.
    pub async fn ask(&self, op: &str, request: &str, key: &Key) -> Result<Answer, CallError> {
        let fence = match &self.fence {
            Some(token) => Some(token.clone()),
            // A call without it could not be told from one of whoever has been replaced.
            None => fencing::current()
                .await
                .map_err(|e| CallError::Unsendable(format!("its fencing token: {e}")))?,
        };
        let sent = Sent { method: Method::POST, path: wire::path(op), body: request, key: Some(key), fence };
        let (response, tried) = self.insist(&sent).await?;
        Answer::read(&response, tried)
    }

    /// Looks at a committed row: its kind, and the parts of its key.
    ///
    /// # Errors
    /// It is not shown.
    pub async fn look(&self, kind: &str, key: &[&str]) -> Result<(wire::Seen, Tried), CallError> {
        let segments = [kind].into_iter().chain(key.iter().copied());
        let escaped = segments.map(|s| format!("/{}", utf8_percent_encode(s, NON_ALPHANUMERIC)));
        let path = format!("{}{}", wire::TRUTH, escaped.collect::<String>());
        let sent = Sent { method: Method::GET, path, body: "", key: None, fence: None };
        let (response, tried) = self.insist(&sent).await?;
        match serde_json::from_slice(response.body()) {
            Ok(seen) => Ok((seen, tried)),
            Err(e) => Err(strange(&response, &tried, &format!("this is no row ({e})"))),
        }
    }

    /// Sends a request until it is answered.
    async fn insist(&self, sent: &Sent<'_>) -> Result<(Response<Bytes>, Tried), CallError> {
        let (start, mut pauses) = (Instant::now(), self.patience.pauses());
        let key = sent.key.map(|key| key.0.clone());
        let what = format!("{} {}{}", sent.method, self.base, sent.path);
        let mut tried = Tried { what, key, ..Tried::default() };
        loop {
            let left = self.patience.total.saturating_sub(start.elapsed());
            let meaning = self.once(sent, self.patience.attempt.min(left)).await?;
            tried.attempts += 1;
            tried.took = start.elapsed();
            let (last, after, unknown) = match meaning {
                Meaning::Done(response) => return Ok((response, tried)),
                Meaning::Denied(denied) => {
                    return Err(CallError::Denied(Box::new(super::Denied { tried, ..denied })));
                }
                Meaning::Refused { status, kind, detail } => {
                    return Err(CallError::Refused(Box::new(Refused { tried, status, kind, detail })));
                }
                Meaning::Again { last, after, unknown } => (last, after, unknown),
            };
            tried.lost += u32::from(unknown);
            let pause = pauses.next(after);
            if start.elapsed() + pause >= self.patience.total {
                return Err(CallError::GaveUp(Box::new(GaveUp { tried, last })));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt.
    async fn once(&self, sent: &Sent<'_>, limit: Duration) -> Result<Meaning, CallError> {
        let request = self.request(sent)?;
        let answer = tokio::time::timeout(limit, self.transport.send(request)).await;
        let lost = |why, unknown| Meaning::Again { last: Last::Nothing(why), after: None, unknown };
        Ok(match answer {
            Ok(Ok(answer)) => meaning(answer),
            Ok(Err(NoAnswer { why, sent })) => lost(why, sent),
            Err(_) => lost(format!("there was no answer within {limit:?}"), true),
        })
    }

    fn request(&self, sent: &Sent<'_>) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder()
            .method(sent.method.clone())
            .uri(format!("{}{}", self.base, sent.path))
            .header(CONTENT_TYPE, "application/json");
        if let Some(key) = sent.key {
            request = request.header("idempotency-key", format!("\"{}\"", key.0));
        }
        if let Some(fence) = &sent.fence {
            request = request.header(fencing::HEADER, fence.to_string());
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        // What a handler asks belongs to the trace of its call.
        if let Some(trace) = trace_context::current() {
            request = trace.headers().fold(request, |request, (name, value)| request.header(name, value));
        }
        let body = Full::new(Bytes::copy_from_slice(sent.body.as_bytes()));
        request.body(body).map_err(|e| CallError::Unsendable(e.to_string()))
    }
}

/// An address without a slash at its end.
fn base(address: &str, scheme: &str, begins: &'static str) -> Result<Arc<str>, EndpointError> {
    let wrong = |why| EndpointError::Address(address.into(), why);
    let uri: Uri = address.parse().map_err(|_| wrong("it is no URL"))?;
    if uri.scheme_str() != Some(scheme) {
        return Err(wrong(begins));
    }
    if uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
        return Err(wrong("it has a host, and no query"));
    }
    Ok(address.trim_end_matches('/').into())
}

/// A request that is sent as often as it takes.
struct Sent<'a> {
    method: Method,
    path: String,
    body: &'a str,
    key: Option<&'a Key>,
    fence: Option<FencingToken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_said() {
        let wrong = |address: &str| match Endpoint::at(address) {
            Ok(_) => panic!("{address} is an address"),
            Err(e) => e.to_string(),
        };
        assert!(wrong("localhost:8080").contains("begins with `http://`"), "{}", wrong("localhost:8080"));
        assert!(wrong("https://x").contains("over_tls"));
        assert!(wrong("http://x/?a=b").contains("no query"));
        assert!(wrong("http:// x").contains("no URL"));
        for address in ["http://localhost:8080", "http://[::1]:80/", "http://x/jobs"] {
            assert!(Endpoint::at(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn tokens_and_keys_can_be_sent() {
        let endpoint = || Endpoint::at("http://x").expect("an address");
        assert!(endpoint().bearer("a.b.c").is_ok());
        assert_eq!(endpoint().bearer("a\nb").err(), Some(EndpointError::Token));
        assert!(Key::of("job-17").is_ok());
        for wrong in ["", "a b", "a\"b", "é", &"k".repeat(256)] {
            assert!(Key::of(wrong).is_err(), "{wrong}");
        }
        assert_ne!(Key::fresh(), Key::fresh());
    }
}
