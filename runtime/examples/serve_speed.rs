//! What serving adds: `cargo run --release -p arch-runtime --features testing --example serve_speed`.
//!
//! Requests to the sample's router on the memory store, one after the other: reading and checking the request, the step, the
//! journal, the reply, metrics. Prints microseconds of processor for each; the monitor is off, then on.

use arch_runtime::engine::{Engine, Limits};
use arch_runtime::monitor::{Monitor, MonitorOptions};
use arch_runtime::serve::auth::Open;
use arch_runtime::serve::{App, Metrics, router};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::testing::{sample, service};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

const REQUESTS: usize = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for monitored in [false, true] {
        let service = Arc::new(service::service());
        let store = Arc::new(MemoryStore::new(sample::schema()));
        let metrics = Arc::new(Metrics::default());
        let engine = Engine::new(service.clone(), store.clone(), Limits::default());
        let mut engine = engine.expect("the sample makes sense").observed(metrics.clone());
        let monitor = Monitor::new(&service, store, MonitorOptions::default());
        if monitored {
            engine = engine.monitored(monitor.clone());
        }
        let router = router(Arc::new(App::new(Arc::new(engine), metrics, Arc::new(Open))));
        let start = processor();
        for i in 0..REQUESTS {
            let body = format!(r#"{{"self": "c{i}", "item": "i{i}"}}"#);
            let request = Request::post("/v1/main/acquire").header("content-type", "application/json");
            let request = request.body(Body::from(body)).expect("a request");
            let response = router.clone().oneshot(request).await.expect("the router answers");
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.expect("it is whole");
        }
        if monitored {
            assert_eq!(monitor.catch_up().await.expect("the journal can be read").len(), 0);
        }
        let each = (processor() - start) * 1e6 / REQUESTS as f64;
        println!("{each:.1} µs of processor for a request{}", if monitored { ", checked" } else { "" });
    }
}

/// Seconds of processor that this process has used; 0 where Linux's `/proc` is not there.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
