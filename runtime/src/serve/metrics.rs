//! What `/metrics` shows.

use crate::engine::{Failure, Observer};
use crate::service::Operation;
use crate::store::{OutboxStatus, Settled, StoreError, Verdict};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Transition {
    actor: String,
    op: String,
    branch: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Denial {
    guard: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Op {
    op: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refusal {
    op: String,
    reason: &'static str,
}

#[cfg(feature = "grpc")]
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RpcResponded {
    code: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Responded {
    status: u16,
}

/// The metrics of one service.
pub struct Metrics {
    registry: Mutex<Registry>,
    transitions: Family<Transition, Counter>,
    denials: Family<Denial, Counter>,
    conflicts: Family<Op, Counter>,
    replays: Family<Op, Counter>,
    failures: Family<Refusal, Counter>,
    commit: Histogram,
    responses: Family<Responded, Counter>,
    #[cfg(feature = "grpc")]
    rpc_responses: Family<RpcResponded, Counter>,
    outbox_lag: Gauge<f64, AtomicU64>,
    outbox_pending: Gauge,
    outbox_dead: Gauge,
    violations: Counter,
    checked: Counter,
}

impl Default for Metrics {
    /// Metrics that count from zero.
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("arch");
        // From 100 µs to 13 s.
        let commit = Histogram::new(exponential_buckets(0.000_1, 2.0, 18));
        let metrics = Metrics {
            registry: Mutex::default(),
            transitions: Family::default(),
            denials: Family::default(),
            conflicts: Family::default(),
            replays: Family::default(),
            failures: Family::default(),
            commit,
            responses: Family::default(),
            #[cfg(feature = "grpc")]
            rpc_responses: Family::default(),
            outbox_lag: Gauge::default(),
            outbox_pending: Gauge::default(),
            outbox_dead: Gauge::default(),
            violations: Counter::default(),
            checked: Counter::default(),
        };
        metrics.register(&mut registry);
        Metrics { registry: Mutex::new(registry), ..metrics }
    }
}

impl Metrics {
    fn register(&self, to: &mut Registry) {
        to.register("transitions", "Committed transitions", self.transitions.clone());
        to.register("guard_denials", "Guard atoms that were false in a denied request", self.denials.clone());
        to.register("store_conflicts", "Conflicts with other transactions, retried", self.conflicts.clone());
        to.register("idempotent_replays", "Requests answered as before", self.replays.clone());
        to.register("failures", "Calls without a verdict", self.failures.clone());
        let help = "Time from the request being there to its commit, the handler included";
        to.register("commit_seconds", help, self.commit.clone());
        to.register("http_responses", "Responses by status", self.responses.clone());
        #[cfg(feature = "grpc")]
        to.register("grpc_responses", "Replies of gRPC methods by status", self.rpc_responses.clone());
        let help = "For how long the oldest message that is due has been so";
        to.register("outbox_lag_seconds", help, self.outbox_lag.clone());
        to.register("outbox_pending", "Messages not delivered yet", self.outbox_pending.clone());
        to.register("outbox_dead", "Messages given up", self.outbox_dead.clone());
        to.register("conformance_violations", "Journal entries that do not fit", self.violations.clone());
        to.register("conformance_checked", "Journal entries checked", self.checked.clone());
    }

    /// Notes how the outbox is doing.
    pub fn outbox(&self, status: OutboxStatus) {
        self.outbox_lag.set(status.lag.as_secs_f64());
        self.outbox_pending.set(i64::try_from(status.pending).unwrap_or(i64::MAX));
        self.outbox_dead.set(i64::try_from(status.dead).unwrap_or(i64::MAX));
    }

    /// Notes what the monitor found.
    pub fn conformance(&self, checked: u64, violations: u64) {
        self.checked.inner().fetch_max(checked, Ordering::Relaxed);
        self.violations.inner().fetch_max(violations, Ordering::Relaxed);
    }

    pub(super) fn responded(&self, status: u16) {
        self.responses.get_or_create(&Responded { status }).inc();
    }

    #[cfg(feature = "grpc")]
    pub(super) fn rpc_responded(&self, code: u16) {
        self.rpc_responses.get_or_create(&RpcResponded { code }).inc();
    }

    /// The text that Prometheus scrapes (OpenMetrics).
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

impl Observer for Metrics {
    fn settled(&self, op: &Operation, result: &Result<Settled, Failure>, took: Duration) {
        let name = || Op { op: op.name.to_string() };
        let settled = match result {
            Ok(settled) => settled,
            Err(failure) => {
                let refusal = Refusal { op: op.name.to_string(), reason: reason(failure) };
                self.failures.get_or_create(&refusal).inc();
                return;
            }
        };
        if settled.conflicts > 0 {
            self.conflicts.get_or_create(&name()).inc_by(settled.conflicts.into());
        }
        match &settled.verdict {
            Verdict::Applied(applied) => {
                let transition = Transition {
                    actor: op.actor.to_string(),
                    op: op.name.to_string(),
                    branch: applied.entry.branch.as_deref().unwrap_or_default().to_owned(),
                    outcome: applied.entry.outcome.to_string(),
                };
                self.transitions.get_or_create(&transition).inc();
                self.commit.observe(took.as_secs_f64());
            }
            Verdict::Denied(denied) => {
                for guard in denied.entry.denied.iter().flatten() {
                    self.denials.get_or_create(&Denial { guard: guard.to_string() }).inc();
                }
            }
            Verdict::Replayed(_) => drop(self.replays.get_or_create(&name()).inc()),
        }
    }
}

fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Handler(_) => "handler",
        Failure::Slow(_) => "slow_handler",
        Failure::Store(error) => match error {
            StoreError::Conflict(_) => "conflict",
            StoreError::Ambiguous { .. } => "unknown_outcome",
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Corrupt(_) | StoreError::Foreign(_) | StoreError::Missing(_) => "corrupt",
            StoreError::Invalid { .. } => "invalid_step",
            StoreError::InFlight => "in_flight",
            StoreError::KeyReused => "key_reused",
        },
    }
}
