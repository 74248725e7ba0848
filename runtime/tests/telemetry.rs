//! Spans, as a collector of somebody else's format gets them; and a collector that is not there.
#![cfg(all(feature = "otel", feature = "sqlite", unix))]

#[path = "support/http.rs"]
mod http;
#[path = "support/program.rs"]
mod program;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::{ask, text};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use program::{Running, command, free_port, run, text_of};
use prost::Message;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector of spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

impl Collector {
    async fn start(&self) -> SocketAddr {
        let all = self.0.clone();
        let take = move |body: Bytes| async move {
            let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
            all.lock().expect("nobody panicked").push(request);
            ExportTraceServiceResponse::default().encode_to_vec()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has one");
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// The name of each service with a span of it.
    fn spans(&self) -> Vec<(String, Span)> {
        let all = self.0.lock().expect("nobody panicked");
        let resources = all.iter().flat_map(|request| &request.resource_spans);
        let spans = resources.flat_map(|r| {
            let service =
                r.resource.as_ref().map_or_else(String::new, |r| said(&r.attributes, "service.name"));
            r.scope_spans.iter().flat_map(|s| &s.spans).map(move |span| (service.clone(), span.clone()))
        });
        spans.collect()
    }
}

fn said(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|kv| kv.key == key).and_then(|kv| kv.value.clone());
    match found {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text,
        Some(AnyValue { value: Some(Value::IntValue(n)) }) => n.to_string(),
        other => panic!("{key} is {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

async fn serve(folder: &Path, collector: SocketAddr, more: &[(&str, &str)]) -> Running {
    let port = free_port();
    let mut command = command(folder, port, &["serve"]);
    command.env("SAMPLE__TELEMETRY__ENDPOINT", format!("http://{collector}"));
    command.envs(more.iter().copied());
    Running::by(command, port).await
}

async fn acquire(running: &Running, item: &str, headers: &[(&str, &str)]) -> u16 {
    let body = format!(r#"{{"self": "c", "item": "{item}"}}"#);
    ask(running.1, &text("POST", "/v1/main/acquire", headers, &body)).await.expect("an answer").0
}

/// The trace of each journal entry, in order.
fn traces(folder: &Path) -> Vec<Option<String>> {
    let exported = run(folder, &["trace", "export", "--out", "t.jsonl"]);
    assert!(exported.status.success(), "{}", text_of(&exported));
    let lines = std::fs::read_to_string(folder.join("t.jsonl")).expect("it is there");
    let events = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let events = events.filter(|event| event.get("op").is_some());
    events.map(|event| event.get("trace_id").map(|id| id.as_str().expect("text").to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_of_the_trace_that_the_request_names_and_so_is_the_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::default();
    let running = serve(folder.path(), collector.start().await, &[]).await;
    let sampled = format!("00-{TRACE}-b7ad6b7169203331-01");
    let not = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    assert_eq!(acquire(&running, "a", &[("traceparent", &sampled)]).await, 200);
    assert_eq!(acquire(&running, "a", &[("traceparent", &sampled)]).await, 409);
    assert_eq!(acquire(&running, "b", &[("traceparent", not)]).await, 200);
    assert_eq!(acquire(&running, "c", &[("traceparent", "00-nonsense")]).await, 200);
    let ended = running.terminate();
    assert!(ended.status.success(), "{}", text_of(&ended));

    let spans = collector.spans();
    let [(service, first), (_, denied), (_, own)] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((service.as_str(), first.name.as_str()), ("sample", "main.acquire"));
    for span in [first, denied] {
        assert_eq!(
            (hex(&span.trace_id), hex(&span.parent_span_id)),
            (TRACE.into(), "b7ad6b7169203331".into())
        );
    }
    assert_ne!(first.span_id, denied.span_id);
    // A server's span: what draws maps of services goes by it.
    assert_eq!(first.kind, 2);
    assert_eq!(said(&first.attributes, "outcome"), "held");
    assert_eq!(said(&first.attributes, "op"), "main.acquire");
    assert_eq!(said(&first.attributes, "id"), "c");
    assert!(own.parent_span_id.is_empty() && hex(&own.trace_id) != TRACE);
    let journal = traces(folder.path());
    let expected = [TRACE, "1af7651916cd43dd8448eb211c80319c", &hex(&own.trace_id)];
    assert_eq!(journal, expected.map(|id| Some(id.to_owned())));
}

/// What a commit hands over goes on in the trace of the call that committed it.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_delivered_in_the_trace_of_their_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let hear = move |headers: axum::http::HeaderMap| async move { drop(tell.send(headers)) };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let to = listener.local_addr().expect("it has one");
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/audit", post(hear))).await });
    let settings = format!("[outbox.targets]\n\"audit.released\" = \"http://{to}/audit\"\n");
    std::fs::write(folder.path().join("sample.toml"), settings).expect("it is written");
    let collector = Collector::default();
    let running = serve(folder.path(), collector.start().await, &[]).await;
    assert_eq!(acquire(&running, "a", &[]).await, 200);
    let sampled = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = [("traceparent", &*sampled), ("tracestate", "vendor=x")];
    let release = text("POST", "/v1/main/release", &headers, r#"{"self": "c", "item": "a"}"#);
    assert_eq!(ask(running.1, &release).await.map(|reply| reply.0), Some(200));
    let told = told.recv().await.expect("it is delivered");
    assert!(running.terminate().status.success());
    let said = |name: &str| told.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let spans = collector.spans();
    let (_, release) = spans.iter().find(|(_, span)| span.name == "main.release").expect("its span");
    assert_eq!(said("traceparent"), format!("00-{TRACE}-{}-01", hex(&release.span_id)));
    assert_eq!(said("tracestate"), "vendor=x");
    assert_eq!(traces(folder.path())[1].as_deref(), Some(TRACE));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_open_telemetry_are_heard() {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::default();
    let to = collector.start().await;
    let named = [("OTEL_SERVICE_NAME", "leases-eu")];
    let running = serve(folder.path(), to, &named).await;
    assert_eq!(acquire(&running, "a", &[]).await, 200);
    assert!(running.terminate().status.success());
    assert_eq!(
        collector.spans().iter().map(|(service, _)| service.as_str()).collect::<Vec<_>>(),
        ["leases-eu"]
    );
    let running = serve(folder.path(), to, &[("OTEL_TRACES_SAMPLER", "always_off")]).await;
    assert_eq!(acquire(&running, "b", &[]).await, 200);
    assert!(running.terminate().status.success());
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_is_said_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let running = serve(folder.path(), nobody, &[]).await;
    assert_eq!(acquire(&running, "a", &[]).await, 200);
    let ended = running.terminate();
    let said = text_of(&ended);
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("WARN") && said.contains(&nobody.to_string()), "{said}");
    assert_eq!(traces(folder.path()).len(), 1);
}
