//! Serving: every answer that the router gives, and that nothing changes when it should not.
#![cfg(feature = "http")]

#[path = "support/world.rs"]
mod world;

use arch_runtime::client::{Endpoint, Key, NoAnswer, Patience, Transport};
use arch_runtime::journal::{Cursor, audit};
use arch_runtime::service::HandlerError;
use arch_runtime::store::BoxFuture;
use arch_runtime::store::memory::Fault;
use arch_runtime::testing::{sample, service};
use arch_runtime::trace_context;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use world::{World, with_handler};

/// A reply.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{}: {e}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap_or("?"))
    }

    /// The status and the word of a problem.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        assert!(json["title"].is_string() && json["detail"].is_string(), "{json}");
        let kind = json["type"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), kind.strip_prefix("urn:arch:problem:").unwrap_or(&kind).to_owned())
    }
}

impl World {
    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.expect("replies are whole").to_bytes();
        assert!(!headers["x-request-id"].is_empty());
        Answer { status, headers, text: String::from_utf8(body.to_vec()).expect("replies are text") }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(post(path, &[], body.to_string())).await
    }

    async fn keyed(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(post(path, &[("idempotency-key", key)], body.to_string())).await
    }
}

fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

fn acquire(client: &str) -> Value {
    json!({ "self": client, "item": "i" })
}

#[tokio::test]
async fn operations_answer_what_the_step_says() {
    let world = World::new();
    let answer = world.post("/v1/main/acquire", acquire("c1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let reply = answer.json();
    assert_eq!(reply["outcome"], "held");
    assert_eq!(reply["reply"], json!({ "epoch": 1 }));
    let page = world.store.journal(Cursor::START, 9).await.expect("the journal can be read");
    assert_eq!(reply["tx"], page.entries[0].tx.to_string());
    assert_eq!((&*page.entries[0].actor, &*page.entries[0].id), ("client", "c1"));
    let looked_up = world.get(&format!("/v1/transactions/{}", page.entries[0].tx)).await.json();
    assert_eq!(looked_up["op"], "main.acquire");
    assert_eq!(looked_up["at"], reply["at"]);
}

#[tokio::test]
async fn a_denial_says_what_was_false_and_on_which_versions() {
    let world = World::new();
    world.post("/v1/main/acquire", acquire("c1")).await;
    let answer = world.post("/v1/main/acquire", acquire("c2")).await;
    assert_eq!(answer.problem(), (409, "guard-denied".into()));
    let problem = answer.json();
    assert_eq!(problem["op"], "main.acquire");
    let text = "ClaimState.owner_id = null or ClaimState.expiry_at < now";
    assert_eq!(problem["failed"], json!([{ "guard": "main.acquire#1", "text": text }]));
    let reads = json!([{ "row": "ClaimState/i", "version": 1 }, { "row": "client/c2", "version": 0 }]);
    assert_eq!(problem["reads"], reads);
    assert!(problem["now"].is_i64());
    assert_eq!(world.commits().await, 1);
}

#[tokio::test]
async fn committed_rows_can_be_looked_at() {
    let world = World::new();
    let before = world.get("/v1/truth/ClaimState/a%2Fb").await;
    assert_eq!(before.status, 200, "{}", before.text);
    let nothing = json!({ "row": "ClaimState/a%2Fb", "version": 0, "value": null });
    assert_eq!(without_now(&before), nothing, "the sample does not say how its rows start");
    world.post("/v1/main/acquire", json!({ "self": "c1", "item": "a/b" })).await;
    let after = world.get("/v1/truth/ClaimState/a%2Fb").await;
    let seen = without_now(&after);
    assert_eq!((&seen["version"], &seen["row"]), (&json!(1), &json!("ClaimState/a%2Fb")));
    assert_eq!((&seen["value"]["owner_id"], &seen["value"]["status"]), (&json!("c1"), &json!("HELD")));
    assert!(after.json()["now"].as_i64() < seen["value"]["expiry_at"].as_i64(), "{seen}");
    assert_eq!(world.get("/v1/truth/Counter").await.json()["version"], 0);
    for (path, expected) in [
        ("Nothing/1", (404, "not-found")),
        ("ClaimState", (400, "invalid-request")),
        ("ClaimState/a/b", (400, "invalid-request")),
        ("ClaimState/%ff", (400, "invalid-request")),
        ("ClaimState/", (400, "invalid-request")),
        ("Slot/100", (400, "invalid-request")),
        ("Slot/01", (400, "invalid-request")),
    ] {
        let (status, kind) = world.get(&format!("/v1/truth/{path}")).await.problem();
        assert_eq!((status, kind.as_str()), expected, "{path}");
    }
    assert_eq!(world.post("/v1/truth/Counter", json!({})).await.problem().0, 405);
    assert_eq!(world.commits().await, 1, "looking changes nothing");
    let down = World::faulty(&[Fault::Unavailable]);
    assert_eq!(down.get("/v1/truth/Counter").await.problem(), (503, "unavailable".into()));
}

/// What was seen, but for when.
fn without_now(answer: &Answer) -> Value {
    let mut seen = answer.json();
    let now = seen.as_object_mut().and_then(|o| o.remove("now"));
    assert!(now.is_some_and(|now| now.is_i64()), "{}", answer.text);
    seen
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_before() {
    let world = World::new();
    let first = world.keyed("/v1/counter/count", "\"k\"", json!({ "self": "c" })).await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (200, ""));
    // Quoted or bare, it is the same key.
    let again = world.keyed("/v1/counter/count", "k", json!({ "self": "c" })).await;
    assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(first.text, again.text);
    let other = world.keyed("/v1/counter/count", "k", json!({ "self": "d" })).await;
    assert_eq!(other.problem(), (422, "idempotency-key-reused".into()));
    assert_eq!(world.commits().await, 1);
    for wrong in ["", "\"\"", "a\"b", &"x".repeat(256)] {
        let answer = world.keyed("/v1/counter/count", wrong, json!({ "self": "c" })).await;
        assert_eq!(answer.problem(), (400, "invalid-request".into()), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_in_use_is_refused() {
    let world = with_handler(|sample, call| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            sample.prepare(&call).await
        })
    });
    let ask = || world.keyed("/v1/counter/count", "k", json!({ "self": "c" }));
    let (first, second) = tokio::join!(ask(), ask());
    assert_eq!(first.status, 200);
    assert_eq!(second.problem(), (409, "idempotency-key-in-use".into()));
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(ask().await.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn handlers_may_refuse_fail_and_sleep() {
    let refuse = with_handler(|_, _| {
        let error = HandlerError { status: 402, kind: "quota".into(), detail: "pay first".into() };
        Box::pin(std::future::ready(Err(error)))
    });
    let body = || json!({ "self": "c" });
    let answer = refuse.post("/v1/counter/count", body()).await;
    assert_eq!(answer.problem(), (402, "quota".into()));
    assert_eq!(answer.json()["detail"], "pay first");
    let panics = with_handler(|_, _| panic!("on purpose"));
    assert_eq!(panics.keyed("/v1/counter/count", "k", body()).await.problem(), (500, "internal".into()));
    // The key is free again.
    assert_eq!(panics.keyed("/v1/counter/count", "k", body()).await.problem(), (500, "internal".into()));
    let sleeps = with_handler(|_, _| Box::pin(std::future::pending()));
    assert_eq!(sleeps.post("/v1/counter/count", body()).await.problem(), (504, "slow-handler".into()));
    for world in [refuse, panics, sleeps] {
        assert_eq!(world.commits().await, 0);
    }
}

#[tokio::test]
async fn requests_that_are_none_change_nothing() {
    let world = World::new();
    let problem = async |request| world.send(request).await.problem();
    let path = "/v1/main/acquire";
    let good = acquire("c1").to_string();
    for body in ["", "{", "\u{0}", "{\"self\": \"c1\" \"item\": \"i\"}"] {
        assert_eq!(problem(post(path, &[], body)).await, (400, "malformed".into()), "{body}");
    }
    assert_eq!(problem(post(path, &[], vec![b'"', 0xff, b'"'])).await.0, 400);
    let long = "x".repeat(300);
    let bodies =
        ["null", "[]", "3", "{}", r#"{"self": "c1"}"#, r#"{"item": "i"}"#, r#"{"self": 3, "item": "i"}"#];
    let long = format!(r#"{{"self": "c1", "item": "{long}"}}"#);
    let more = [r#"{"self": "", "item": "i"}"#, r#"{"self": "c", "item": "i", "x": 1}"#, &*long];
    for body in bodies.into_iter().chain(more) {
        let answer = problem(post(path, &[], body.to_owned())).await;
        assert_eq!(answer, (400, "invalid-request".into()), "{body}");
    }
    assert_eq!(problem(post(path, &[], " ".repeat(1_001))).await, (413, "too-large".into()));
    let fence = [("fencing-token", "no token")];
    assert_eq!(problem(post(path, &fence, good.clone())).await, (400, "invalid-request".into()));
    let mut untyped = post(path, &[], good.clone());
    untyped.headers_mut().remove("content-type");
    assert_eq!(problem(untyped).await, (415, "content-type".into()));
    let mut text = post(path, &[], good.clone());
    text.headers_mut().insert("content-type", "text/plain".parse().expect("a header"));
    assert_eq!(problem(text).await, (415, "content-type".into()));
    assert_eq!(problem(post("/v1/main/nothing", &[], good.clone())).await, (404, "not-found".into()));
    let wrong_tx = Request::get("/v1/transactions/x").body(Body::empty()).expect("a request");
    assert_eq!(problem(wrong_tx).await, (400, "invalid-request".into()));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::from_bytes(b"BREW").expect("a method")] {
        let request = Request::builder().method(&method).uri(path).body(Body::empty()).expect("a request");
        let answer = world.send(request).await;
        assert_eq!(answer.problem(), (405, "method-not-allowed".into()), "{method}");
        assert_eq!(answer.header("allow"), "POST");
    }
    assert_eq!(world.commits().await, 0);
}

#[tokio::test]
async fn slow_and_endless_bodies_are_cut_off() {
    let world = World::new();
    let chunks = |pause: u64, count: usize| {
        let next = move |i| async move {
            if i == count {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Some((Ok::<_, std::io::Error>(" ".repeat(100)), i + 1))
        };
        Body::from_stream(futures_util::stream::unfold(0, next))
    };
    let slow = world.send(post("/v1/main/acquire", &[], chunks(60, 9))).await;
    assert_eq!(slow.problem(), (408, "slow-request".into()));
    let endless = world.send(post("/v1/main/acquire", &[], chunks(0, usize::MAX))).await;
    assert_eq!(endless.problem(), (413, "too-large".into()));
    assert_eq!(world.commits().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_cannot_do_is_said() {
    let count = async |faults: &[Fault]| {
        let world = World::faulty(faults);
        let answer = world.post("/v1/counter/count", json!({ "self": "c" })).await;
        (answer, world.commits().await)
    };
    let (answer, commits) = count(&[Fault::Conflict; 4]).await;
    assert_eq!((answer.problem(), commits), ((409, "store-conflict".into()), 0));
    assert_eq!(answer.header("retry-after"), "0");
    let (answer, commits) = count(&[Fault::Unavailable]).await;
    assert_eq!((answer.problem(), commits), ((503, "unavailable".into()), 0));
    let (answer, commits) = count(&[Fault::Conflict, Fault::Conflict, Fault::LostReply]).await;
    assert_eq!((answer.status.as_u16(), commits), (200, 1), "{}", answer.text);
    // The reply is lost, and the store cannot be asked either.
    let faults = [&[Fault::LostReply][..], &[Fault::Unavailable; 4]].concat();
    let world = World::faulty(&faults);
    let answer = world.post("/v1/counter/count", json!({ "self": "c" })).await;
    assert_eq!(answer.problem(), (503, "unknown-outcome".into()));
    let tx = answer.json()["tx"].as_str().expect("it says which").to_owned();
    assert_eq!(world.get(&format!("/v1/transactions/{tx}")).await.status, 200);
    let never = "/v1/transactions/00000000-0000-0000-0000-000000000000";
    assert_eq!(world.get(never).await.problem(), (404, "not-found".into()));
}

#[tokio::test]
async fn who_does_not_wait_for_the_reply_does_not_break_off_the_commit() {
    let world = with_handler(|sample, call| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            sample.prepare(&call).await
        })
    });
    let body = json!({ "self": "c" });
    let request = world.post("/v1/counter/count", body);
    tokio::time::timeout(Duration::from_millis(10), request).await.err().expect("it is not there yet");
    world.app.calls.close();
    world.app.calls.wait().await;
    assert_eq!(world.commits().await, 1);
}

#[tokio::test]
async fn probes_tell_how_it_is() {
    let world = World::new();
    assert_eq!(world.get("/livez").await.text, "ok\n");
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["spec"]), (200, &json!("sha256:sample")));
    assert_eq!(world.get("/openapi.json").await.json()["openapi"], "3.1.0");
    world.app.draining.store(true, std::sync::atomic::Ordering::SeqCst);
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["reason"]), (503, &json!("draining")));
    assert_eq!(world.get("/livez").await.status, 200);
    let down = World::faulty(&[Fault::Unavailable]);
    assert_eq!(down.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn everything_is_counted() {
    let world = World::new();
    world.post("/v1/main/acquire", acquire("c1")).await;
    world.post("/v1/main/acquire", acquire("c2")).await;
    world.post("/v1/main/release", acquire("c1")).await;
    let text = world.get("/metrics").await.text;
    let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    has(r#"arch_transitions_total{actor="client",op="main.acquire",branch="",outcome="held"} 1"#);
    has(r#"arch_guard_denials_total{guard="main.acquire#1"} 1"#);
    has("arch_commit_seconds_count 2");
    has("arch_outbox_pending 1");
    has("arch_conformance_violations_total 0");
    has("arch_conformance_checked_total 2");
    has(r#"arch_http_responses_total{status="409"} 1"#);
}

#[tokio::test]
async fn request_ids_are_passed_on_or_made() {
    let world = World::new();
    let ask = async |id: &str| {
        let request = post("/v1/counter/count", &[("x-request-id", id)], r#"{"self": "c"}"#);
        world.send(request).await.header("x-request-id").to_owned()
    };
    assert_eq!(ask("abc-1").await, "abc-1");
    for odd in ["", "a b", "<script>", &"x".repeat(200)] {
        let made = ask(odd).await;
        assert_ne!(made, odd);
        assert_eq!(made.len(), 32);
    }
}

#[tokio::test]
async fn the_journal_of_a_served_store_is_serial() {
    let world = World::new();
    for i in 0..50 {
        let client = format!("c{}", i % 3);
        world.post("/v1/main/acquire", acquire(&client)).await;
        world.post("/v1/main/release", acquire(&client)).await;
        world.post("/v1/slots/take", json!({ "self": client, "slot": i % 5 })).await;
    }
    let validator = audit(&*world.store, sample::judge()).await.expect("it is");
    assert!(validator.count() > 50, "{}", validator.count());
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::*;
    use arch_runtime::store::sqlite::{Options, SqliteStore};

    fn open(folder: &tempfile::TempDir, options: Options) -> World {
        let store = SqliteStore::open(&folder.path().join("t.db"), sample::schema(), options);
        World::of(service::service(), Arc::new(store.expect("it can be opened")))
    }

    async fn acquire_new(world: &World, n: usize) -> Answer {
        world.post("/v1/main/acquire", json!({ "self": "c", "item": format!("item-{n}") })).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_disk_is_said_and_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = open(&folder, Options { max_pages: Some(40), ..Options::default() });
        let mut committed = 0;
        let full = loop {
            let answer = acquire_new(&world, committed).await;
            if answer.status != 200 {
                break answer;
            }
            committed += 1;
        };
        assert_eq!(full.problem(), (503, "unavailable".into()));
        assert!(!full.text.contains("t.db"), "where it is stored is not for who asks: {}", full.text);
        assert_eq!(world.get("/livez").await.status, 200);
        assert_eq!(world.commits().await, committed);
        drop(world);
        let world = open(&folder, Options::default());
        assert_eq!(acquire_new(&world, committed).await.status, 200, "there is room again");
        audit(&*world.store, sample::judge()).await.expect("the journal is serial");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_cannot_be_written_is_not_ready() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(open(&folder, Options::default()));
        let world = open(&folder, Options { read_only: true, ..Options::default() });
        assert_eq!(acquire_new(&world, 0).await.problem(), (503, "unavailable".into()));
        assert_eq!(world.get("/readyz").await.status, 503);
        assert_eq!(world.commits().await, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_must_not_be_stored_is_not_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = open(&folder, Options::default());
        assert_eq!(world.post("/v1/counter/count", json!({ "self": "c" })).await.status, 200);
        let sql = rusqlite::Connection::open(folder.path().join("t.db")).expect("it can be opened");
        sql.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE counter SET value = -5")
            .expect("somebody does it");
        assert_eq!(world.post("/v1/counter/count", json!({ "self": "c" })).await.problem().0, 500);
        assert_eq!(world.commits().await, 1);
    }
}

/// Bodies that are requests, nearly requests, JSON, or nothing like it.
fn bodies() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0i64..4).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let json = leaf.prop_recursive(3, 12, 4, |inner| {
        let object = proptest::collection::hash_map("self|item|slot|.{0,5}", inner.clone(), 0..4);
        let object = object.prop_map(|members| Value::Object(members.into_iter().collect()));
        prop_oneof![proptest::collection::vec(inner, 0..4).prop_map(Value::from), object]
    });
    let near = proptest::collection::hash_map("self|item|slot", json.clone(), 0..4);
    let near = near.prop_map(|members| Value::Object(members.into_iter().collect()));
    let text = prop_oneof![near, json].prop_map(|value| value.to_string().into_bytes());
    let cut = (text.clone(), any::<prop::sample::Index>()).prop_map(|(mut text, at)| {
        text.truncate(at.index(text.len() + 1));
        text
    });
    prop_oneof![text, cut, proptest::collection::vec(any::<u8>(), 0..200)]
}

#[test]
fn no_body_breaks_the_service() {
    use proptest::test_runner::{Config, TestRunner};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let world = World::new();
    let done = runner.run(&bodies(), |body| {
        runtime.block_on(async {
            for op in &world.app.engine.service().operations {
                let before = world.commits().await;
                let answer = world.send(post(&op.path, &[], body.clone())).await;
                let status = answer.status.as_u16();
                let body = String::from_utf8_lossy(&body);
                assert!(matches!(status, 200 | 400 | 409), "{} {body}: {} {}", op.name, status, answer.text);
                let after = world.commits().await;
                assert_eq!(after - before, usize::from(status == 200), "{} {body}", op.name);
            }
        });
        Ok(())
    });
    done.expect("no body does");
}

/// Hears what is sent to it, and answers nothing.
struct Hears(Arc<Mutex<Vec<HeaderMap>>>);

impl Transport for Hears {
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        self.0.lock().expect("nobody panicked").push(request.headers().clone());
        Box::pin(std::future::ready(Err(NoAnswer { why: "on purpose".into(), sent: false })))
    }
}

#[tokio::test]
async fn what_is_done_for_a_request_is_of_its_trace() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let other = Endpoint::over(Hears(heard.clone())).patience(Patience::of(Duration::from_millis(1)));
    let world = with_handler(move |sample, call| {
        let other = other.clone();
        Box::pin(async move {
            assert_eq!(call.trace, trace_context::current());
            let told = other.ask("any.thing", "{}", &Key::fresh()).await;
            assert!(told.is_err());
            sample.prepare(&call).await
        })
    });
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let body = json!({ "self": "c" }).to_string();
    for headers in [
        &[("traceparent", &*parent), ("tracestate", "a=1"), ("tracestate", "b=2")][..],
        &[("traceparent", "00-0af7-b7ad6b7169203331-01"), ("tracestate", "a=1")],
        &[("traceparent", &parent), ("traceparent", &parent)],
        &[],
    ] {
        assert_eq!(world.send(post("/v1/counter/count", headers, body.clone())).await.status, 200);
    }
    let journal = world.store.journal(Cursor::START, usize::MAX).await.expect("the journal can be read");
    let traces: Vec<Option<&str>> = journal.entries.iter().map(|e| e.trace_id.as_deref()).collect();
    assert_eq!(traces, [Some(TRACE), None, None, None]);
    let heard = heard.lock().expect("nobody panicked");
    let sent: Vec<_> = heard.iter().map(|h| (h.get("traceparent"), h.get("tracestate"))).collect();
    let given = |text: &str| text.parse::<HeaderValue>().expect("a header");
    assert_eq!(
        sent,
        [(Some(&given(&parent)), Some(&given("a=1,b=2"))), (None, None), (None, None), (None, None)]
    );
    assert_eq!(trace_context::current(), None);
}
