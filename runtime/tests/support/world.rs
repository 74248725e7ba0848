//! The sample as the router serves it, for tests that ask it.
// Not every test uses all of it.
#![allow(dead_code)]

use arch_runtime::engine::{Engine, Limits};
use arch_runtime::journal::Cursor;
use arch_runtime::monitor::{Monitor, MonitorOptions};
use arch_runtime::serve::auth::Open;
use arch_runtime::serve::{App, Metrics, RequestLimits, router};
use arch_runtime::service::{Call, Handler, HandlerError, Prepared, Service};
use arch_runtime::store::memory::{Fault, MemoryStore, ScriptedFaults};
use arch_runtime::store::{BoxFuture, Policy, Store};
use arch_runtime::testing::{sample, service};
use arch_runtime::time::SimClock;
use axum::Router;
use std::sync::Arc;
use std::time::Duration;

/// The sample on a store in memory, watched by the monitor.
pub struct World {
    pub store: Arc<dyn Store>,
    pub app: Arc<App>,
    pub router: Router,
}

impl World {
    pub fn new() -> World {
        World::of(service::service(), Arc::new(MemoryStore::new(sample::schema())))
    }

    pub fn faulty(faults: &[Fault]) -> World {
        let clock = Arc::new(SimClock::at(arch_runtime::Instant::from_millis(1_000_000)));
        let faults = ScriptedFaults(faults.iter().copied().map(Some).collect());
        World::of(service::service(), Arc::new(MemoryStore::simulated(sample::schema(), clock, faults)))
    }

    pub fn of(service: Service, store: Arc<dyn Store>) -> World {
        let service = Arc::new(service);
        let limits = Limits {
            prepare: Duration::from_millis(200),
            retry: Policy { retries: 3, ..Policy::default() },
            ..Limits::default()
        };
        let metrics = Arc::new(Metrics::default());
        let options = MonitorOptions { panic: true, ..MonitorOptions::default() };
        let monitor = Monitor::new(&service, store.clone(), options);
        let engine = Engine::new(service, store.clone(), limits).expect("the sample makes sense");
        let engine = engine.observed(metrics.clone()).monitored(monitor);
        let mut app = App::new(Arc::new(engine), metrics, Arc::new(Open));
        app.limits = RequestLimits {
            body: 1_000,
            body_timeout: Duration::from_millis(100),
            reply_timeout: Duration::from_millis(500),
        };
        let app = Arc::new(app);
        World { store, router: router(app.clone()), app }
    }

    pub async fn commits(&self) -> usize {
        self.store.journal(Cursor::START, usize::MAX).await.expect("the journal can be read").entries.len()
    }
}

/// A handler that does something else than the sample's.
struct Odd<F>(F);

impl<F> Handler for Odd<F>
where
    F: Fn(Arc<dyn Handler>, Call) -> BoxFuture<'static, Result<Prepared, HandlerError>>
        + Send
        + Sync
        + 'static,
{
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
        let sample = service::service().operation("counter.count").expect("it is there").handler.clone();
        (self.0)(sample, call.clone())
    }
}

/// The sample, whose `counter.count` has this handler around its own.
pub fn with_handler<F>(handler: F) -> World
where
    F: Fn(Arc<dyn Handler>, Call) -> BoxFuture<'static, Result<Prepared, HandlerError>>
        + Send
        + Sync
        + 'static,
{
    let mut service = service::service();
    let handler = Arc::new(Odd(handler));
    service
        .operations
        .iter_mut()
        .filter(|o| o.name == "counter.count")
        .for_each(|o| o.handler = handler.clone());
    World::of(service, Arc::new(MemoryStore::new(sample::schema())))
}
