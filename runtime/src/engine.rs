//! Executes calls: prepare, step in a transaction, what comes after. Everything that serves (HTTP, the outbox, a simulation)
//! goes through here.

use crate::fencing::{Holder, acting};
use crate::handover::HandOver;
use crate::look::{Looked, look};
use crate::monitor::Monitor;
use crate::service::{Call, HandlerError, Operation, Service, ServiceError};
use crate::store::{
    Fingerprint, IdempotencyKey, Meta, Policy, Settled, Store, StoreError, Transition, Verdict, transact,
};
use crate::telemetry;
use crate::trace_context::within;
use crate::truth::Truth;
use crate::value::{RowKey, TypedFields};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::Instrument;
use tracing::field::Empty;

/// Limits of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How conflicts are retried.
    pub retry: Policy,
    /// How long a handler may prepare.
    pub prepare: Duration,
    /// For how long replies to idempotency keys are kept.
    pub keep_replies: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            retry: Policy::default(),
            prepare: Duration::from_secs(10),
            keep_replies: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Why a call has no verdict.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The handler refused, or failed. Nothing was changed.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// The handler took too long and was given up. Nothing was changed.
    #[error("the handler took longer than {0:?}")]
    Slow(Duration),
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sees how calls end: metrics, logs, tests.
pub trait Observer: Send + Sync + 'static {
    /// A call has ended.
    fn settled(&self, op: &Operation, result: &Result<Settled, Failure>, took: Duration);
}

/// A service with its store.
pub struct Engine {
    service: Arc<Service>,
    store: Arc<dyn Store>,
    limits: Limits,
    observers: Vec<Arc<dyn Observer>>,
    monitor: Option<Arc<Monitor>>,
    hand_over: Arc<HandOver>,
    in_flight: Mutex<HashSet<(SmolStr, SmolStr)>>,
}

impl Engine {
    /// A service over a store that has its schema.
    ///
    /// # Errors
    /// The description makes no sense.
    ///
    /// # Panics
    /// The store has another schema: stores are opened with the service's.
    pub fn new(service: Arc<Service>, store: Arc<dyn Store>, limits: Limits) -> Result<Engine, ServiceError> {
        service.check()?;
        assert_eq!(service.schema, *store.schema(), "a store is opened with its service's schema");
        let (observers, hand_over, in_flight) = (Vec::new(), Arc::default(), Mutex::default());
        Ok(Engine { service, store, limits, observers, monitor: None, hand_over, in_flight })
    }

    /// The same, seen by an observer.
    #[must_use]
    pub fn observed(mut self, by: Arc<dyn Observer>) -> Engine {
        self.observers.push(by);
        self
    }

    /// The same, with every commit checked.
    #[must_use]
    pub fn monitored(mut self, by: Arc<Monitor>) -> Engine {
        self.monitor = Some(by);
        self
    }

    /// The same, handing runs over.
    #[must_use]
    pub fn handing_over(mut self, to: HandOver) -> Engine {
        self.hand_over = Arc::new(to);
        self
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The monitor, if there is one.
    #[must_use]
    pub fn monitor(&self) -> Option<&Arc<Monitor>> {
        self.monitor.as_ref()
    }

    /// The idempotency key of a call, as a store keeps it.
    #[must_use]
    pub fn key(&self, op: &Operation, call: &Call, key: impl Into<SmolStr>) -> IdempotencyKey {
        let request = serde_json::to_string(&TypedFields(&op.request, &call.request)).unwrap_or_default();
        let parts: [&[u8]; 3] = [op.name.as_bytes(), call.id.as_bytes(), request.as_bytes()];
        IdempotencyKey {
            scope: call.caller.clone(),
            key: key.into(),
            fingerprint: Fingerprint::of(&parts),
            ttl: self.limits.keep_replies,
            not_for: op.retried(),
        }
    }

    /// Executes a call.
    ///
    /// Not cancellation safe: when the future is dropped, the transaction may be committed or not. Whoever cannot wait runs it
    /// as a task and stops waiting for it.
    ///
    /// # Errors
    /// There is no verdict. Only after [`StoreError::Ambiguous`] something may have changed.
    pub async fn execute(
        &self,
        op: &Operation,
        mut call: Call,
        key: Option<IdempotencyKey>,
    ) -> Result<Settled, Failure> {
        call.truth = Truth::of(self.store.clone());
        let span = tracing::info_span!(
            "arch.transition",
            actor = %op.actor, id = %call.id, op = %op.name, request = %call.request_id,
            trace = Empty, outcome = Empty, conflicts = Empty, otel.name = Empty, otel.kind = Empty
        );
        call.trace = telemetry::adopt(&span, op, call.trace.take());
        let start = Instant::now();
        let result = within(call.trace.clone(), self.settle(op, call, key)).instrument(span.clone()).await;
        let took = start.elapsed();
        note(&span, &result, took);
        self.observers.iter().for_each(|o| o.settled(op, &result, took));
        if let (Ok(Settled { verdict: Verdict::Applied(_), .. }), Some(monitor)) = (&result, &self.monitor) {
            monitor.committed().await;
        }
        result
    }

    async fn settle(
        &self,
        op: &Operation,
        call: Call,
        key: Option<IdempotencyKey>,
    ) -> Result<Settled, Failure> {
        let _entered = key.as_ref().map(|key| self.enter(key)).transpose()?;
        if let Some(key) = &key
            && let Some(known) = self.store.replay(key).await?
        {
            return Ok(Settled { verdict: Verdict::Replayed(known), conflicts: 0, resolved: false });
        }
        let holder = op
            .handler
            .run(&call)
            .map(|run| Holder::new(&self.service.name, run, self.store.clone(), call.fence.as_ref()));
        let preparing = acting(holder, op.handler.prepare(&call));
        let prepared = tokio::time::timeout(self.limits.prepare, preparing).await;
        let prepared = prepared.map_err(|_| Failure::Slow(self.limits.prepare))??;
        let (run, schema) = (prepared.run.as_ref(), self.store.schema());
        let step = self.hand_over.around(op, &call, run, schema, prepared.step);
        let meta = Meta {
            tx: call.tx,
            actor: call.actor,
            id: call.id,
            run: prepared.run,
            input: prepared.input,
            idempotency: key,
            trace: call.trace,
        };
        let transition = Transition { plan: op.plan.clone(), keys: prepared.keys, meta, step };
        Ok(transact(&*self.store, transition, &self.limits.retry).await?)
    }

    /// Marks a key as in use by this process. (Between processes the store does: only one of them commits.)
    fn enter(&self, key: &IdempotencyKey) -> Result<Entered<'_>, StoreError> {
        let key = (key.scope.clone(), key.key.clone());
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(StoreError::InFlight);
        }
        Ok(Entered { engine: self, key })
    }

    /// Looks at a committed row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn look(&self, row: &RowKey) -> Result<Looked, StoreError> {
        look(&*self.store, &self.service, row, &self.limits.retry).await
    }
}

struct Entered<'a> {
    engine: &'a Engine,
    key: (SmolStr, SmolStr),
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.engine.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Completes a transition's span and says how it ended, in one event.
fn note(span: &tracing::Span, result: &Result<Settled, Failure>, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if let Ok(settled) = result {
        span.record("conflicts", settled.conflicts);
    }
    let _entered = span.enter();
    match result {
        Ok(Settled { verdict: Verdict::Applied(applied), .. }) => {
            span.record("outcome", &*applied.entry.outcome);
            tracing::debug!(micros, seq = applied.entry.seq, "committed");
        }
        Ok(Settled { verdict: Verdict::Denied(denied), .. }) => {
            let failed = denied.entry.denied.as_deref().unwrap_or_default();
            tracing::debug!(micros, ?failed, "denied");
        }
        Ok(Settled { verdict: Verdict::Replayed(_), .. }) => tracing::debug!(micros, "replayed"),
        Err(error) if is_ours(error) => {
            telemetry::failed(span, error);
            tracing::error!(micros, %error, "failed");
        }
        // Whoever asked is told; a worker may ask for work that there is none of again and again.
        Err(Failure::Handler(error)) if error.status() < 500 => tracing::debug!(micros, %error, "refused"),
        Err(error) => tracing::warn!(micros, %error, "refused"),
    }
}

/// Whether a failure is the service's own, and not its caller's or the moment's.
fn is_ours(failure: &Failure) -> bool {
    match failure {
        Failure::Handler(error) => error.status() == 500,
        Failure::Slow(_) => true,
        Failure::Store(StoreError::InFlight | StoreError::KeyReused | StoreError::Conflict(_)) => false,
        Failure::Store(_) => true,
    }
}
