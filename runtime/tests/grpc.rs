//! gRPC: the statuses that its methods answer with, that it is the same service as over HTTP, and that nothing changes when it should not.
#![cfg(feature = "grpc")]

#[path = "support/world.rs"]
mod world;

use arch_runtime::engine::{Engine, Limits};
use arch_runtime::serve::auth::{Acts, Authenticate, HeaderMap, Identity, Peer, Unauthenticated};
use arch_runtime::serve::{App, DrainPolicy, Metrics, Server, router};
use arch_runtime::service::{HandlerError, ServiceError};
use arch_runtime::store::memory::{Fault, MemoryStore};
use arch_runtime::testing::{sample, service};
use arch_runtime::value::proto::{Message, number};
use arch_runtime::value::{Field, Type, Value};
use arch_runtime::wire::grpc::{Raw, Reply};
use axum::body::Body;
use axum::http::{Request, Uri};
use bytes::{BufMut, Bytes};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use proptest::prelude::*;
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;
use tower::ServiceExt;
use world::{World, with_handler};

const ACQUIRE: &str = "/sample.v1.Main/Acquire";
const COUNT: &str = "/sample.v1.Counter/Count";

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.into(), ty }
}

/// A request with `self` and one more field.
fn message(own: &str, more: &[(Field, Value)]) -> Vec<u8> {
    let (fields, values): (Vec<_>, Vec<_>) = more.iter().cloned().unzip();
    let message = Message::with_first(&field("self", Type::id("client").optional()), &fields);
    let own = if own.is_empty() { Value::Null } else { Value::id(own) };
    let (values, mut bytes) = ([vec![own], values].concat(), Vec::new());
    message.write(&values, &mut bytes).expect("it is of its types");
    bytes
}

fn acquire(client: &str) -> Vec<u8> {
    message(client, &[(field("item", Type::id("item")), Value::id("i"))])
}

fn count(client: &str) -> Vec<u8> {
    message(client, &[])
}

fn frame(flag: u8, length: usize, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.put_u32(u32::try_from(length).expect("short"));
    frame.put_slice(message);
    frame
}

fn framed(message: &[u8]) -> Vec<u8> {
    frame(0, message.len(), message)
}

fn post(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

/// What came of a request.
struct Told {
    status: Status,
    headers: HeaderMap,
    reply: Option<Reply>,
}

impl Told {
    fn reason(&self) -> String {
        let details = self.status.get_error_details();
        details.error_info().map(|info| info.metadata["kind"].clone()).unwrap_or_default()
    }

    /// The code and the word of a problem.
    fn problem(&self) -> (Code, String) {
        assert!(self.reply.is_none());
        let details = self.status.get_error_details();
        let info = details.error_info().expect("it says why");
        assert_eq!(info.domain, "arch");
        assert_eq!(info.reason.to_lowercase().replace('_', "-"), info.metadata["kind"]);
        (self.status.code(), self.reason())
    }

    fn done(self) -> Reply {
        self.reply.unwrap_or_else(|| panic!("{}", self.status))
    }
}

async fn send(world: &World, request: Request<Body>) -> Told {
    let response = world.router.clone().oneshot(request).await.expect("the router answers");
    assert_eq!(response.status(), 200);
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.expect("replies are whole");
    parts.headers.extend(body.trailers().cloned().unwrap_or_default());
    let status = Status::from_header_map(&parts.headers).expect("a status");
    let body = body.to_bytes();
    let reply = (status.code() == Code::Ok).then(|| {
        assert_eq!(body[..5], framed(&body[5..])[..5]);
        Reply::decode(&body[5..]).expect("a reply")
    });
    Told { status, headers: parts.headers, reply }
}

async fn ask(world: &World, path: &str, message: &[u8]) -> Told {
    send(world, post(path, &[], framed(message))).await
}

async fn keyed(world: &World, key: &str, message: &[u8]) -> Told {
    send(world, post(COUNT, &[("idempotency-key", key)], framed(message))).await
}

async fn http(world: &World, path: &str, key: &str, body: &str) -> serde_json::Value {
    let request =
        Request::post(path).header("content-type", "application/json").header("idempotency-key", key);
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let response = world.router.clone().oneshot(request).await.expect("the router answers");
    let body = response.into_body().collect().await.expect("replies are whole").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

#[tokio::test]
async fn operations_answer_what_the_step_says() {
    let world = World::new();
    let reply = ask(&world, ACQUIRE, &acquire("c1")).await.done();
    assert_eq!(u32::try_from(reply.outcome), Ok(number("held")));
    let run = Message::of(&[field("epoch", Type::ordinal("Epoch"))]).read(&reply.run.expect("it has one"));
    assert_eq!(run, Ok(vec![Value::Ordinal(1)]));
    assert_eq!(world.commits().await, 1);
    let looked_up = format!("/v1/transactions/{}", reply.tx);
    let request = Request::get(looked_up).body(Body::empty()).expect("a request");
    assert_eq!(world.router.clone().oneshot(request).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn it_is_the_service_that_http_asks() {
    let world = World::new();
    let first = http(&world, "/v1/counter/count", "k", r#"{"self":"c"}"#).await;
    let again = keyed(&world, "\"k\"", &count("c")).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let reply = again.done();
    assert_eq!((first["tx"].as_str(), first["at"].as_i64()), (Some(&*reply.tx), Some(reply.at)));
    assert_eq!(
        keyed(&world, "k", &count("d")).await.problem(),
        (Code::AlreadyExists, "idempotency-key-reused".into())
    );
    let other = keyed(&world, "l", &count("c")).await;
    assert!(!other.headers.contains_key("idempotency-replayed"));
    let again = http(&world, "/v1/counter/count", "l", r#"{"self":"c"}"#).await;
    assert_eq!(again["tx"].as_str(), Some(&*other.done().tx));
    assert_eq!(world.commits().await, 2);
}

#[tokio::test]
async fn a_denial_says_what_was_false_and_on_which_versions() {
    let world = World::new();
    ask(&world, ACQUIRE, &acquire("c1")).await.done();
    let denied = ask(&world, ACQUIRE, &acquire("c2")).await;
    assert_eq!(denied.problem(), (Code::FailedPrecondition, "guard-denied".into()));
    let details = denied.status.get_error_details();
    let violations = &details.precondition_failure().expect("it says what").violations;
    let told: Vec<_> =
        violations.iter().map(|v| (v.r#type.as_str(), v.subject.as_str(), v.description.as_str())).collect();
    let text = "ClaimState.owner_id = null or ClaimState.expiry_at < now";
    let expected =
        [("guard", "main.acquire#1", text), ("read", "ClaimState/i", "1"), ("read", "client/c2", "0")];
    assert_eq!(told, expected);
    let info = &details.error_info().expect("it says why").metadata;
    assert_eq!((&*info["op"], &*info["status"]), ("main.acquire", "409"));
    assert!(info["now"].parse::<i64>().is_ok());
    assert_eq!(world.commits().await, 1);
}

#[tokio::test]
async fn messages_that_are_none_change_nothing() {
    let world = World::new();
    let good = acquire("c1");
    let (invalid, malformed) =
        ((Code::InvalidArgument, "invalid-request"), (Code::InvalidArgument, "malformed"));
    let field_of = |number: u32, wire: u32, rest: &[u8]| {
        let mut bytes = Vec::new();
        prost::encoding::encode_varint(u64::from(number << 3 | wire), &mut bytes);
        [&*bytes, rest].concat()
    };
    let long = message("c1", &[(field("item", Type::id("item")), Value::id("x".repeat(257)))]);
    for (what, bytes, expected) in [
        ("nothing", vec![], invalid),
        ("no item", count("c1"), invalid),
        ("no self", acquire(""), invalid),
        ("an empty self", [field_of(1, 2, &[0]), good.clone()].concat(), invalid),
        ("self twice", [field_of(1, 2, b"\x01a"), good.clone()].concat(), invalid),
        ("an unknown field", [good.clone(), field_of(99, 0, &[1])].concat(), invalid),
        ("a number for self", [&*field_of(1, 0, &[1]), &good[4..]].concat(), invalid),
        ("a group", field_of(1, 3, &[]), invalid),
        ("a long id", long, invalid),
        ("no UTF-8", [&*field_of(1, 2, &[1, 0xff]), &good[4..]].concat(), malformed),
        ("half of it", good[..good.len() - 1].to_vec(), malformed),
        ("a length beyond the end", field_of(1, 2, &[0xff, 0xff, 0xff, 0x7f]), malformed),
        ("a wire type that is none", vec![0x0f], malformed),
        ("the field 0", vec![0, 0], malformed),
        ("an endless number", vec![0xff; 11], malformed),
    ] {
        let (code, kind) = ask(&world, ACQUIRE, &bytes).await.problem();
        assert_eq!((code, kind.as_str()), expected, "{what}");
    }
    let slot = |n| message("c1", &[(field("slot", Type::Int { lo: 0, hi: 999 }), Value::Int(n))]);
    assert_eq!(ask(&world, "/sample.v1.Slots/Take", &slot(100)).await.problem().0, Code::InvalidArgument);
    assert_eq!(world.commits().await, 0);
    assert!(ask(&world, "/sample.v1.Slots/Take", &slot(99)).await.reply.is_some());
}

#[tokio::test]
async fn frames_and_metadata_that_are_none_change_nothing() {
    let world = World::new();
    let good = acquire("c1");
    for (what, body, expected) in [
        ("no frame", vec![], Code::Internal),
        ("half a head", vec![0, 0, 0], Code::Internal),
        ("half a message", frame(0, good.len() + 1, &good), Code::Internal),
        ("a flag that is none", frame(7, good.len(), &good), Code::Internal),
        ("compressed without a word", frame(1, good.len(), &good), Code::Internal),
        ("two messages", [framed(&good), framed(&good)].concat(), Code::InvalidArgument),
        ("a huge length", frame(0, 0x7fff_ffff, &good), Code::OutOfRange),
    ] {
        let told = send(&world, post(ACQUIRE, &[], body)).await;
        assert_eq!((told.status.code(), told.reply.is_none()), (expected, true), "{what}: {}", told.status);
    }
    let told = async |headers: &[(&str, &str)]| send(&world, post(ACQUIRE, headers, framed(&good))).await;
    assert_eq!(told(&[("grpc-encoding", "gzip")]).await.status.code(), Code::Unimplemented);
    for (name, value) in [
        ("grpc-timeout", "soon"),
        ("grpc-timeout", "123456789S"),
        ("idempotency-key", ""),
        ("idempotency-key", "a\"b"),
        ("fencing-token", "no token"),
    ] {
        assert_eq!(told(&[(name, value)]).await.problem().0, Code::InvalidArgument, "{name}: {value}");
    }
    let large = framed(&[0; 1_001]);
    assert_eq!(
        send(&world, post(ACQUIRE, &[], large)).await.problem(),
        (Code::ResourceExhausted, "too-large".into())
    );
    for path in
        ["/sample.v1.Main/Nothing", "/other.v1.Main/Acquire", "/v1/none", "/grpc.health.v1.Health/Nothing"]
    {
        assert_eq!(
            send(&world, post(path, &[], framed(&good))).await.status.code(),
            Code::Unimplemented,
            "{path}"
        );
    }
    for kind in ["application/json", "application/grpcx", "application/grpc-web", ""] {
        let mut request = post(ACQUIRE, &[], framed(&good));
        request.headers_mut().insert("content-type", kind.parse().expect("a header"));
        let answer = world.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), 415, "{kind}");
    }
    assert_eq!(world.commits().await, 0);
    let mut named = post(ACQUIRE, &[], framed(&good));
    named.headers_mut().insert("content-type", "application/grpc+proto".parse().expect("a header"));
    assert!(send(&world, named).await.reply.is_some());
}

#[tokio::test]
async fn slow_and_endless_bodies_are_cut_off() {
    let world = World::new();
    let chunks = |pause: u64| {
        let next = move |()| async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Some((Ok::<_, std::io::Error>("\0".repeat(100)), ()))
        };
        Body::from_stream(futures_util::stream::unfold((), next))
    };
    let slow = send(&world, post(ACQUIRE, &[], chunks(60))).await;
    assert_eq!(slow.problem(), (Code::Unavailable, "slow-request".into()));
    let endless = send(&world, post(ACQUIRE, &[], chunks(0))).await;
    assert_eq!(endless.problem(), (Code::ResourceExhausted, "too-large".into()));
    assert_eq!(world.commits().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_cannot_do_is_said() {
    let told = async |faults: &[Fault]| {
        let world = World::faulty(faults);
        let told = ask(&world, COUNT, &count("c")).await;
        (told, world.commits().await)
    };
    let (answer, commits) = told(&[Fault::Conflict; 4]).await;
    assert_eq!((answer.problem(), commits), ((Code::Aborted, "store-conflict".into()), 0));
    let (answer, commits) = told(&[Fault::Unavailable]).await;
    assert_eq!((answer.problem(), commits), ((Code::Unavailable, "unavailable".into()), 0));
    let delay = answer.status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_secs(1)));
    let (answer, commits) = told(&[Fault::Conflict, Fault::LostReply]).await;
    assert_eq!((answer.status.code(), commits), (Code::Ok, 1));
    let (answer, _) = told(&[&[Fault::LostReply][..], &[Fault::Unavailable; 4]].concat()).await;
    assert_eq!(answer.problem(), (Code::DeadlineExceeded, "unknown-outcome".into()));
    assert!(
        answer.status.get_error_details().error_info().is_some_and(|info| info.metadata.contains_key("tx"))
    );
}

#[tokio::test]
async fn handlers_may_refuse_fail_and_sleep() {
    let refuse = with_handler(|_, _| {
        let error = HandlerError { status: 402, kind: "quota".into(), detail: "pay first, café".into() };
        Box::pin(std::future::ready(Err(error)))
    });
    let answer = ask(&refuse, COUNT, &count("c")).await;
    assert_eq!(answer.problem(), (Code::FailedPrecondition, "quota".into()));
    assert_eq!(answer.status.message(), "pay first, café");
    let panics = with_handler(|_, _| panic!("on purpose"));
    assert_eq!(keyed(&panics, "k", &count("c")).await.problem(), (Code::Internal, "internal".into()));
    let sleeps = with_handler(|_, _| Box::pin(std::future::pending()));
    assert_eq!(ask(&sleeps, COUNT, &count("c")).await.problem(), (Code::Unavailable, "slow-handler".into()));
    for world in [refuse, panics, sleeps] {
        assert_eq!(world.commits().await, 0);
    }
}

#[tokio::test]
async fn a_deadline_ends_the_waiting_and_not_the_commit() {
    let world = with_handler(|sample, call| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            sample.prepare(&call).await
        })
    });
    let headers = [("grpc-timeout", "20m"), ("idempotency-key", "k")];
    let late = send(&world, post(COUNT, &headers, framed(&count("c")))).await;
    assert_eq!(late.problem(), (Code::DeadlineExceeded, "unknown-outcome".into()));
    let busy = keyed(&world, "k", &count("c")).await;
    assert_eq!(busy.problem(), (Code::Aborted, "idempotency-key-in-use".into()));
    world.app.calls.close();
    world.app.calls.wait().await;
    assert_eq!(keyed(&world, "k", &count("c")).await.headers["idempotency-replayed"], "true");
    assert_eq!(world.commits().await, 1);
}

/// Knows who asks by a header.
struct ByHeader;

impl Authenticate for ByHeader {
    fn authenticate(&self, _: &Peer, headers: &HeaderMap) -> Result<Identity, Unauthenticated> {
        let name = headers.get("authorization").and_then(|v| v.to_str().ok());
        let name = name.ok_or_else(|| Unauthenticated("nobody".into()))?;
        Ok(Identity { name: name.into(), acts: Acts::As(vec![("client".into(), name.into())]) })
    }
}

#[tokio::test]
async fn everybody_acts_only_as_itself() {
    let store = Arc::new(MemoryStore::new(sample::schema()));
    let engine =
        Engine::new(Arc::new(service::service()), store.clone(), Limits::default()).expect("it makes sense");
    let app = Arc::new(App::new(Arc::new(engine), Arc::new(Metrics::default()), Arc::new(ByHeader)));
    let world = World { store, router: router(app.clone()), app };
    let told =
        async |who: &[(&str, &str)], message: &[u8]| send(&world, post(ACQUIRE, who, framed(message))).await;
    let c1 = [("authorization", "c1")];
    assert_eq!(told(&[], &acquire("c1")).await.problem(), (Code::Unauthenticated, "unauthenticated".into()));
    assert_eq!(told(&c1, &acquire("c2")).await.problem(), (Code::PermissionDenied, "forbidden".into()));
    assert_eq!(world.commits().await, 0);
    told(&c1, &acquire("")).await.done();
    assert_eq!(world.commits().await, 1);
}

#[tokio::test]
async fn statuses_are_counted() {
    let world = World::new();
    ask(&world, ACQUIRE, &acquire("c1")).await.done();
    ask(&world, ACQUIRE, &acquire("c2")).await;
    let text = world.app.metrics.text();
    for line in [
        r#"arch_grpc_responses_total{code="0"} 1"#,
        r#"arch_grpc_responses_total{code="9"} 1"#,
        r#"arch_transitions_total{actor="client",op="main.acquire",branch="",outcome="held"} 1"#,
        r#"arch_guard_denials_total{guard="main.acquire#1"} 1"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_operation_has_a_method() {
    let mut service = service::service();
    let left_out = service.operations.pop().expect("there are some");
    let store = Arc::new(MemoryStore::new(sample::schema()));
    let error = Engine::new(Arc::new(service), store, Limits::default()).err();
    assert_eq!(error, Some(ServiceError::Method(left_out.name)));
}

/// With other people's client, over a socket, beside HTTP on the same port.
#[tokio::test]
async fn it_speaks_with_others_on_the_port_of_http_and_drains() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let drain = DrainPolicy { delay: Duration::from_millis(1_500), deadline: Duration::from_secs(5) };
    let server = Server::new(world.app.clone()).drain(drain);
    let running = tokio::spawn(server.run(listener, async { stopped.await.unwrap_or_default() }));
    let origin: Uri = format!("http://{address}").parse().expect("an address");
    let client: Client<_, tonic::body::Body> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();

    let mut grpc = tonic::client::Grpc::with_origin(client.clone(), origin.clone());
    let path = || axum::http::uri::PathAndQuery::from_static(ACQUIRE);
    grpc.ready().await.expect("it is there");
    let reply =
        grpc.unary(tonic::Request::new(Bytes::from(acquire("c1"))), path(), Raw).await.expect("an outcome");
    let reply = Reply::decode(reply.into_inner()).expect("a reply");
    assert_eq!(u32::try_from(reply.outcome), Ok(number("held")));
    let denied = grpc
        .unary(tonic::Request::new(Bytes::from(acquire("c2"))), path(), Raw)
        .await
        .expect_err("it is denied");
    assert_eq!(denied.code(), Code::FailedPrecondition);
    let plain: Client<_, http_body_util::Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let ready =
        plain.get(format!("http://{address}/readyz").parse().expect("a URI")).await.expect("an answer");
    assert_eq!((ready.status().as_u16(), ready.version()), (200, axum::http::Version::HTTP_11));
    let proto = plain
        .get(format!("http://{address}/service.proto").parse().expect("a URI"))
        .await
        .expect("an answer");
    let proto = proto.into_body().collect().await.expect("it is whole").to_bytes();
    assert!(proto.starts_with(b"syntax"));

    let mut health = HealthClient::with_origin(client, origin);
    let named = |service: &str| HealthCheckRequest { service: service.into() };
    for name in ["", "sample.v1.Main"] {
        let status = health.check(named(name)).await.expect("an answer").into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{name}");
    }
    assert_eq!(health.check(named("other")).await.err().map(|s| s.code()), Some(Code::NotFound));
    let mut watch = health.watch(named("")).await.expect("a stream").into_inner();
    assert_eq!(watch.message().await.expect("open").map(|m| m.status()), Some(ServingStatus::Serving));
    stop.send(()).expect("it runs");
    assert_eq!(watch.message().await.expect("open").map(|m| m.status()), Some(ServingStatus::NotServing));
    assert!(watch.message().await.expect("it ends well").is_none());
    assert!(world.app.draining.load(Ordering::SeqCst));
    let stopped = running.await.expect("no panic");
    assert!(stopped.drained, "who watches does not hold it up");
    assert_eq!(world.commits().await, 1 + stopped.released);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        spoiled in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        whole in any::<bool>(),
    ) {
        let mut body = if whole { framed(&acquire("c1")) } else { framed(&bytes) };
        for (at, byte) in &spoiled {
            let at = at.index(body.len());
            body[at] = *byte;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new();
            let told = send(&world, post(ACQUIRE, &[], body)).await;
            let expected = usize::from(told.reply.is_some());
            assert_eq!(world.commits().await, expected);
            let codes = [Code::Ok, Code::InvalidArgument, Code::Internal, Code::OutOfRange];
            assert!(codes.contains(&told.status.code()), "{}", told.status);
        });
    }
}
