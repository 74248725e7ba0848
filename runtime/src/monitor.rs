//! The online monitor: follows the journal of a running service with the validator that `trace check` uses, so that a store that
//! is not serialisable, or a service that does what the spec does not say, is seen at once.
//!
//! It starts at the journal's beginning, and so checks the past too. Every event is checked for its place in the order of
//! versions; of a sample the step is evaluated again (all, unless told otherwise).

use crate::journal::{Cursor, Entry, Judge, Replay, State, Validator, Violation};
use crate::service::Service;
use crate::service::Steps;
use crate::store::{Plan, Step, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// How many entries are read at a time.
const PAGE: usize = 1_000;

/// How a monitor works.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MonitorOptions {
    /// The part of the events whose step is evaluated again, from 0 to 1.
    pub sample: f64,
    /// Whether a violation panics, in the call whose commit showed it: for tests. Each commit then waits for its check.
    pub panic: bool,
}

impl Default for MonitorOptions {
    fn default() -> Self {
        MonitorOptions { sample: 1.0, panic: false }
    }
}

/// Follows a journal.
pub struct Monitor {
    store: Arc<dyn Store>,
    options: MonitorOptions,
    watch: Mutex<Watch>,
    work: Notify,
    events: AtomicU64,
    violations: AtomicU64,
}

type Find = Box<dyn FnMut(&Entry) -> Option<(Arc<Plan>, Step)> + Send>;

struct Watch {
    validator: Validator<Sampled>,
    cursor: Cursor,
}

/// Evaluates the steps of a part of the events again.
struct Sampled {
    replay: Replay<Find>,
    sample: f64,
    random: fastrand::Rng,
}

impl Judge for Sampled {
    fn judge(&mut self, before: &State, event: &Entry) -> Result<(), String> {
        if self.sample < 1.0 && self.random.f64() >= self.sample {
            return Ok(());
        }
        self.replay.judge(before, event)
    }
}

impl Monitor {
    /// A monitor of a service's journal in a store. Nothing is checked before [`Monitor::run`] or [`Monitor::catch_up`].
    #[must_use]
    pub fn new(service: &Service, store: Arc<dyn Store>, options: MonitorOptions) -> Arc<Monitor> {
        let steps: Steps = service.steps.clone();
        let find: Find = Box::new(move |entry| steps(entry));
        let replay = Replay::new(service.schema.clone(), find);
        let judge = Sampled { replay, sample: options.sample, random: fastrand::Rng::new() };
        let validator = Validator::new(service.schema.clone(), judge).after(store.earlier());
        Arc::new(Monitor {
            store,
            options,
            watch: Mutex::new(Watch { validator, cursor: Cursor::START }),
            work: Notify::new(),
            events: AtomicU64::new(0),
            violations: AtomicU64::new(0),
        })
    }

    /// How many events were checked.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// How many events did not fit.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.violations.load(Ordering::Relaxed)
    }

    /// Checks what is in the journal by now; the violations that it found.
    ///
    /// # Errors
    /// The journal cannot be read. What was read before is checked.
    pub async fn catch_up(&self) -> Result<Vec<Violation>, StoreError> {
        let mut watch = self.watch.lock().await;
        let mut found = Vec::new();
        loop {
            let page = self.store.journal(watch.cursor, PAGE).await?;
            if page.entries.is_empty() {
                return Ok(found);
            }
            for event in &page.entries {
                found.extend(self.check(&mut watch.validator, event));
            }
            watch.cursor = page.next;
            // A long past is checked beside the service, not instead of it.
            tokio::task::yield_now().await;
        }
    }

    fn check(&self, validator: &mut Validator<Sampled>, event: &Entry) -> Option<Violation> {
        self.events.fetch_add(1, Ordering::Relaxed);
        let violation = validator.step(event).err()?;
        // Once is enough: what comes after is judged on what is in the tables now.
        validator.accept(event);
        self.violations.fetch_add(1, Ordering::Relaxed);
        tracing::error!(seq = event.seq, op = %event.op, tx = %event.tx, %violation, "not conformant");
        Some(violation)
    }

    /// Tells the monitor that something was committed.
    ///
    /// # Panics
    /// Something in the journal does not fit, and the monitor was asked to panic then.
    pub async fn committed(&self) {
        if !self.options.panic {
            return self.work.notify_one();
        }
        // A journal that cannot be read now is checked after the next commit.
        if let Some(violation) = self.catch_up().await.unwrap_or_default().first() {
            panic!("not conformant: {violation}");
        }
    }

    /// Follows the journal for ever; drop the future to stop.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "the monitor cannot read the journal");
            }
            // Other processes commit too; and a busy one need not be followed commit by commit.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.work.notified()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
