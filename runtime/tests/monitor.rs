//! The online monitor against a store that loses updates: a test panics in the call that shows it, production counts it and goes on.
#![cfg(feature = "http")]

use arch_runtime::Instant;
use arch_runtime::engine::{Engine, Limits};
use arch_runtime::journal::audit;
use arch_runtime::monitor::{Monitor, MonitorOptions};
use arch_runtime::serve::auth::Open;
use arch_runtime::serve::{App, Metrics, router};
use arch_runtime::store::Store;
use arch_runtime::store::memory::{Fault, FaultPlan, MemoryStore};
use arch_runtime::testing::{sample, service};
use arch_runtime::time::SimClock;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

/// The store loses the update of one commit, counted from 1.
struct Loses(u32);

impl FaultPlan for Loses {
    fn next(&mut self, op: &str) -> Option<Fault> {
        if op != "counter.count" {
            return None;
        }
        self.0 = self.0.wrapping_sub(1);
        (self.0 == 0).then_some(Fault::StaleRead)
    }
}

struct World {
    store: Arc<dyn Store>,
    monitor: Arc<Monitor>,
    router: Router,
}

impl World {
    fn new(faults: impl FaultPlan, options: MonitorOptions) -> World {
        let clock = Arc::new(SimClock::at(Instant::from_millis(1_000_000)));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::simulated(sample::schema(), clock, faults));
        let (service, metrics) = (Arc::new(service::service()), Arc::new(Metrics::default()));
        let monitor = Monitor::new(&service, store.clone(), options);
        let engine = Engine::new(service, store.clone(), Limits::default()).expect("the sample makes sense");
        let engine = engine.observed(metrics.clone()).monitored(monitor.clone());
        let router = router(Arc::new(App::new(Arc::new(engine), metrics, Arc::new(Open))));
        World { store, monitor, router }
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("it is whole").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("replies are text"))
    }

    async fn count(&self) -> u16 {
        let request = Request::post("/v1/counter/count").header("content-type", "application/json");
        self.send(request.body(Body::from(r#"{"self": "c"}"#)).expect("a request")).await.0
    }

    async fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.send(Request::get("/metrics").body(Body::empty()).expect("a request")).await;
        let line =
            text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
    }
}

#[tokio::test]
async fn a_lost_update_panics_in_the_call_that_shows_it() {
    let world = World::new(Loses(3), MonitorOptions { panic: true, ..MonitorOptions::default() });
    assert_eq!((world.count().await, world.count().await), (200, 200));
    assert_eq!(world.count().await, 500, "the commit that lost an update was not noticed");
    assert_eq!(world.monitor.violations(), 1);
}

#[tokio::test]
async fn a_lost_update_is_counted_in_production_and_the_service_goes_on() {
    let world = World::new(Loses(3), MonitorOptions::default());
    for _ in 0..5 {
        assert_eq!(world.count().await, 200);
    }
    let found = world.monitor.catch_up().await.expect("the journal can be read");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().contains("an update was lost"), "{}", found[0]);
    assert_eq!(world.metric("arch_conformance_violations_total").await, 1);
    assert_eq!(world.metric("arch_conformance_checked_total").await, 5);
    // What `trace check` of the same journal says.
    let error = audit(&*world.store, sample::judge()).await.err().expect("it is not serial").to_string();
    assert!(error.contains("an update was lost"), "{error}");
}

#[tokio::test]
async fn without_it_nothing_is_counted() {
    let world = World::new(Loses(0), MonitorOptions::default());
    for _ in 0..5 {
        assert_eq!(world.count().await, 200);
    }
    assert_eq!(world.monitor.catch_up().await.expect("the journal can be read").len(), 0);
    assert_eq!(world.metric("arch_conformance_violations_total").await, 0);
}
