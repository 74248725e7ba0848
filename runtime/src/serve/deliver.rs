//! Delivers messages of the outbox: to other services over HTTP, or to operations of this one.

use crate::client::transport::{self, Transport};
use crate::engine::{Engine, Failure};
use crate::fencing;
use crate::handover::{MOVED, Visit};
use crate::outbox::{Answer, Deliver, Delivery};
use crate::service::{Call, Class, Operation};
use crate::settings::{Secret, Target, redacted};
use crate::store::{BoxFuture, Settled, StoreError, TxId, Verdict};
use crate::truth::Truth;
use crate::value::Value;
use crate::watched::Watched;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Where messages go that are not for operations of this service, or of which somebody else is told instead, by target.
pub type Targets = BTreeMap<SmolStr, Receiver>;

/// The scope of the idempotency keys of deliveries; no caller is called so.
const SCOPE: &str = "(outbox)";

/// Somebody who is sent messages.
#[derive(Clone)]
pub struct Receiver {
    uri: Uri,
    token: Token,
    transport: Arc<Watched<Arc<dyn Transport>>>,
}

/// What is shown to a receiver, so that it knows who sends.
#[derive(Clone)]
enum Token {
    None,
    Fixed(Secret),
    /// Read for each message: it may be renewed at any time.
    File(PathBuf),
}

impl Receiver {
    /// As the configuration says.
    ///
    /// # Errors
    /// The part of the configuration that cannot be used, and why.
    pub fn of(target: &Target) -> Result<Receiver, String> {
        let uri: Uri =
            target.url.parse().map_err(|e| format!("url: `{}` is no URL: {e}", redacted(&target.url)))?;
        let token = match (&target.token, &target.token_file) {
            (Some(token), _) => Token::Fixed(token.clone()),
            (None, Some(file)) => Token::File(file.clone()),
            (None, None) => Token::None,
        };
        let receiver = Receiver { uri, token, transport: Arc::new(transport(target)?) };
        // A file that is missing now is most likely named wrongly.
        receiver.authorization()?;
        Ok(receiver)
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let token = match &self.token {
            Token::None => return Ok(None),
            Token::Fixed(token) => token.0.clone(),
            Token::File(path) => {
                let text = std::fs::read_to_string(path);
                text.map_err(|e| format!("token_file: {}: {e}", path.display()))?.trim().to_owned()
            }
        };
        let header = HeaderValue::try_from(format!("Bearer {token}"));
        let mut header = header.map_err(|_| "token: it has characters that no header may have".to_owned())?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

impl FromStr for Receiver {
    type Err = String;

    /// At a URL, who needs not know who sends.
    fn from_str(url: &str) -> Result<Receiver, String> {
        Receiver::of(&Target::from(url))
    }
}

/// Over HTTP, or over TLS with whom the file of authorities names: it is read again when it changes.
fn transport(target: &Target) -> Result<Watched<Arc<dyn Transport>>, String> {
    let Some(authority) = target.authority.clone() else {
        return Watched::new(Vec::new(), || {
            Ok(Arc::new(transport::plain(transport::MOST)) as Arc<dyn Transport>)
        });
    };
    encrypted(authority)
}

#[cfg(feature = "tls")]
fn encrypted(authority: PathBuf) -> Result<Watched<Arc<dyn Transport>>, String> {
    Watched::new(vec![authority.clone()], move || {
        let config = super::tls::client("authority", &authority, None).map_err(|e| e.to_string())?;
        Ok(Arc::new(transport::encrypted(config, transport::MOST)) as Arc<dyn Transport>)
    })
}

#[cfg(not(feature = "tls"))]
fn encrypted(_: PathBuf) -> Result<Watched<Arc<dyn Transport>>, String> {
    Err("authority: it needs the feature `tls` of arch-runtime".into())
}

/// Delivers by `POST` to targets that have a URL, in this process where the target is an operation.
pub struct HttpDeliver {
    engine: Arc<Engine>,
    targets: Targets,
}

impl HttpDeliver {
    /// Delivers for a service.
    #[must_use]
    pub fn new(engine: Arc<Engine>, targets: Targets) -> HttpDeliver {
        HttpDeliver { engine, targets }
    }

    async fn here(&self, op: &Operation, delivery: &Delivery) -> Answer {
        let row = match super::decode(&op.body(), delivery.message.payload.text().as_bytes()) {
            Ok(row) => row,
            Err(e) => return Answer::Never(format!("the message is no request to {}: {e}", op.name)),
        };
        let mut values = row.into_iter();
        let Some(Value::Id(id)) = values.next() else {
            return Answer::Never(format!("the message does not say which {} acts", op.actor));
        };
        let call = Call {
            tx: TxId::fresh(),
            actor: op.actor.clone(),
            id,
            request: values.collect(),
            caller: SCOPE.into(),
            request_id: delivery.id.to_string().into(),
            trace: delivery.trace.clone(),
            fence: delivery.message.fence.clone(),
            delivery: Some(delivery.id),
            truth: Truth::default(),
        };
        let key = self.engine.key(op, &call, delivery.id.to_string());
        answer_of(op, self.engine.execute(op, call, Some(key)).await)
    }

    /// Whether it hands over a run that has moved on since. Whoever cannot tell delivers: the step knows.
    async fn is_over(&self, delivery: &Delivery) -> bool {
        let store = self.engine.store();
        let fence = delivery.message.fence.as_ref();
        let Some(visit) = fence.and_then(|fence| Visit::of(fence, store.schema())) else { return false };
        let present = store.read(std::slice::from_ref(&visit.run)).await;
        matches!(present.as_deref(), Ok([Some(row)]) if row.version != visit.version)
    }

    async fn there(&self, delivery: &Delivery) -> Answer {
        let target = &delivery.message.target;
        let Some(receiver) = self.targets.get(target) else {
            // Not given up: the next configuration may have it.
            return Answer::Later(format!("outbox.targets has no `{target}`"));
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&receiver.uri)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("\"{}\"", delivery.id));
        match receiver.authorization() {
            Ok(Some(token)) => request = request.header(AUTHORIZATION, token),
            Ok(None) => {}
            Err(why) => return Answer::Later(format!("outbox.targets.{target}.{why}")),
        }
        if let Some(fence) = &delivery.message.fence {
            request = request.header(fencing::HEADER, fence.to_string());
        }
        if let Some(trace) = &delivery.trace {
            request = trace.headers().fold(request, |request, (name, value)| request.header(name, value));
        }
        let body = Full::new(Bytes::copy_from_slice(delivery.message.payload.text().as_bytes()));
        let request = match request.body(body) {
            Ok(request) => request,
            Err(e) => return Answer::Never(format!("the message cannot be sent: {e}")),
        };
        let at = redacted(&receiver.uri.to_string());
        match receiver.transport.current().status(request).await {
            Ok(status) => answer_of_status(status.as_u16(), format!("{at}: status {}", status.as_u16())),
            Err(e) => Answer::Later(format!("{at}: {}", e.why)),
        }
    }
}

impl Deliver for HttpDeliver {
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if self.is_over(delivery).await {
                return Answer::Accepted;
            }
            let target = &delivery.message.target;
            match self.engine.service().operation(target) {
                Some(op) if !self.targets.contains_key(target) => self.here(op, delivery).await,
                _ => self.there(delivery).await,
            }
        })
    }
}

fn answer_of(op: &Operation, result: Result<Settled, Failure>) -> Answer {
    let outcome = |outcome: &str| match op.class(outcome) {
        Class::Done | Class::Requeue => Answer::Accepted,
        Class::Retry { .. } => Answer::Later(format!("its outcome is {outcome}")),
    };
    match result {
        Ok(Settled { verdict: Verdict::Applied(applied), .. }) => outcome(&applied.entry.outcome),
        Ok(Settled { verdict: Verdict::Replayed(known), .. }) => outcome(&known.outcome),
        Ok(Settled { verdict: Verdict::Denied(denied), .. }) => {
            let failed = denied.entry.denied.as_deref().unwrap_or_default();
            if failed == [MOVED] {
                return Answer::Accepted;
            }
            Answer::Later(format!("not enabled: {}", failed.join(", ")))
        }
        Err(Failure::Handler(e)) => answer_of_status(e.status(), e.to_string()),
        Err(Failure::Store(e @ (StoreError::Invalid { .. } | StoreError::KeyReused))) => {
            Answer::Never(e.to_string())
        }
        Err(e) => Answer::Later(e.to_string()),
    }
}

/// What a status says, of another service and of a handler here alike: what makes no sense to the receiver is not sent again. What may
/// be otherwise later is: a guard (409), a limit (429), and whatever a receiver answers that is being rolled out, because its token,
/// its rights or its route are not there yet (401, 403, 404).
fn answer_of_status(status: u16, why: String) -> Answer {
    match status {
        200..=299 => Answer::Accepted,
        401 | 403 | 404 | 408 | 409 | 425 | 429 | 500..=599 => Answer::Later(why),
        _ => Answer::Never(why),
    }
}
