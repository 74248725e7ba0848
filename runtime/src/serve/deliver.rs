//! Delivers messages of the outbox: to other services over HTTP, or to operations of this one.

use crate::client::transport::chain;
use crate::engine::{Engine, Failure};
use crate::fencing;
use crate::handover::{MOVED, Visit};
use crate::outbox::{Answer, Deliver, Delivery};
use crate::service::{Call, Class, Operation};
use crate::store::{BoxFuture, Settled, StoreError, TxId, Verdict};
use crate::truth::Truth;
use crate::value::Value;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where messages go that are not for operations of this service, or of which somebody else is told instead: target and
/// `http` URL.
pub type Targets = BTreeMap<SmolStr, Uri>;

/// The scope of the idempotency keys of deliveries; no caller is called so.
const SCOPE: &str = "(outbox)";

/// Delivers by `POST` to targets that have a URL, in this process where the target is an operation.
pub struct HttpDeliver {
    engine: Arc<Engine>,
    targets: Targets,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl HttpDeliver {
    /// Delivers for a service.
    #[must_use]
    pub fn new(engine: Arc<Engine>, targets: Targets) -> HttpDeliver {
        let client = Client::builder(TokioExecutor::new()).build_http();
        HttpDeliver { engine, targets, client }
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
        let Some(uri) = self.targets.get(target) else {
            // Not given up: the next configuration may have it.
            return Answer::Later(format!("outbox.targets has no `{target}`"));
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("\"{}\"", delivery.id));
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
        match self.client.request(request).await {
            Ok(response) => answer_of_status(response.status().as_u16()),
            Err(e) => Answer::Later(format!("{uri}: {}", chain(&e))),
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
        Err(Failure::Handler(e)) if (400..500).contains(&e.status()) => Answer::Never(e.to_string()),
        Err(Failure::Store(e @ (StoreError::Invalid { .. } | StoreError::KeyReused))) => {
            Answer::Never(e.to_string())
        }
        Err(e) => Answer::Later(e.to_string()),
    }
}

/// A receiver's status: what makes no sense to it is not sent again. 409 may be a guard, 422 a key that was used otherwise.
fn answer_of_status(status: u16) -> Answer {
    match status {
        200..=299 => Answer::Accepted,
        408 | 409 | 425 | 429 | 500..=599 => Answer::Later(format!("status {status}")),
        _ => Answer::Never(format!("status {status}")),
    }
}
