//! The server on a real socket: connections that only wait, drain, leases given back, messages delivered.
#![cfg(feature = "http")]

#[path = "support/http.rs"]
mod http;

use arch_runtime::engine::{Engine, Limits};
use arch_runtime::fencing::FencingToken;
use arch_runtime::outbox::{DispatchPolicy, Dispatcher};
use arch_runtime::serve::auth::{Authenticate, HeaderMap, Identity, Open, Peer, Unauthenticated};
use arch_runtime::serve::{
    App, ConnectionLimits, DrainPolicy, HttpDeliver, Metrics, Server, Stopped, Targets,
};
use arch_runtime::service::{Call, HandlerError, Prepared, Service};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::store::{BoxFuture, Store};
use arch_runtime::testing::{sample, service};
use arch_runtime::value::Value;
use http::{ask, text};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    store: Arc<dyn Store>,
    engine: Arc<Engine>,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<Stopped>,
}

async fn start(service: Service, targets: Targets) -> Running {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    let engine = Engine::new(Arc::new(service), store.clone(), Limits::default());
    let engine = Arc::new(engine.expect("the sample makes sense"));
    let app = App::new(engine.clone(), Arc::new(Metrics::default()), Arc::new(Open));
    let policy = DispatchPolicy { poll: Duration::from_millis(5), ..DispatchPolicy::default() };
    let deliver = Arc::new(HttpDeliver::new(engine.clone(), targets));
    let server = Server::new(Arc::new(app))
        .limits(ConnectionLimits {
            connections: 4,
            header_timeout: Duration::from_millis(300),
            ..ConnectionLimits::default()
        })
        .drain(DrainPolicy { delay: Duration::from_millis(150), deadline: Duration::from_secs(5) })
        .dispatch(Dispatcher::new(store.clone(), deliver, policy));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    let (stop, stopping) = oneshot::channel();
    let stopped = tokio::spawn(server.run(listener, async { drop(stopping.await) }));
    Running { address, store, engine, stop, stopped }
}

impl Running {
    async fn post(&self, path: &str, body: &str) -> Option<(u16, String)> {
        ask(self.address, &text("POST", path, &[], body)).await
    }

    async fn ready(&self) -> Option<u16> {
        ask(self.address, &text("GET", "/readyz", &[], "")).await.map(|(status, _)| status)
    }
}

/// Whether the server closes a connection on which so much was sent.
async fn is_closed(to: SocketAddr, sent: &str) -> bool {
    let mut stream = TcpStream::connect(to).await.expect("it accepts");
    stream.write_all(sent.as_bytes()).await.expect("it reads");
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut rest)).await;
    // It may say 408 before it closes.
    matches!(read, Ok(Ok(_))) && !rest.starts_with(b"HTTP/1.1 200")
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_only_wait_are_closed() {
    let running = start(service::service(), Targets::new()).await;
    for sent in ["", "P", "POST /v1/counter/count HTTP/1.1\r\nhost: h\r\nx-slow"] {
        assert!(is_closed(running.address, sent).await, "{sent}");
    }
    for garbage in
        ["\u{0}\u{1}\u{2}\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n????"]
    {
        assert!(is_closed(running.address, garbage).await, "{garbage}");
    }
    // As many as there may be, and all of them wait: the next one is served when one of them is closed.
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(TcpStream::connect(running.address).await.expect("it accepts"));
    }
    assert_eq!(running.ready().await, Some(200));
    assert_eq!(running.post("/v1/counter/count", r#"{"self": "c"}"#).await.map(|r| r.0), Some(200));
}

/// The sample, whose counter takes its time.
fn slow(pause: Duration) -> Service {
    let mut service = service::service();
    let count = service.operations.iter_mut().find(|o| o.name == "counter.count").expect("it is there");
    let quick = count.handler.clone();
    struct Slow(Arc<dyn arch_runtime::service::Handler>, Duration);
    impl arch_runtime::service::Handler for Slow {
        fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
            Box::pin(async move {
                tokio::time::sleep(self.1).await;
                self.0.prepare(call).await
            })
        }
    }
    count.handler = Arc::new(Slow(quick, pause));
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_loses_nothing_and_gives_back_leases() {
    let running = start(slow(Duration::from_millis(400)), Targets::new()).await;
    for (item, client) in [("a", "here"), ("b", "elsewhere")] {
        let body = format!(r#"{{"self": "{client}", "item": "{item}"}}"#);
        assert_eq!(running.post("/v1/main/acquire", &body).await.map(|r| r.0), Some(200));
    }
    running.engine.service().hosted.add("client", "here");
    let address = running.address;
    let count = text("POST", "/v1/counter/count", &[], r#"{"self": "c"}"#);
    let in_flight = tokio::spawn(async move { ask(address, &count).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.stop.send(()).expect("it waits for this");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let ready = ask(address, &text("GET", "/readyz", &[], "")).await;
    assert_eq!(ready.map(|r| r.0), Some(503), "it serves on while it says that it is going away");
    assert_eq!(in_flight.await.expect("a client").map(|r| r.0), Some(200), "what is in flight is finished");
    let stopped = running.stopped.await.expect("it stops");
    assert_eq!(stopped, Stopped { drained: true, released: 1 });
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let rows = running.store.read(&[sample::claim("a"), sample::claim("b")]).await.expect("rows can be read");
    let owner = |i: usize| rows[i].as_ref().map(|v| v.row[0].clone());
    assert_eq!(owner(0), Some(Value::Null));
    assert_eq!(owner(1), Some(Value::id("elsewhere")), "what others hold is theirs");
}

/// Takes one request and answers it.
async fn receive(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = listener.accept().await.expect("somebody calls");
    let mut request = vec![0; 4096];
    let mut length = 0;
    while !String::from_utf8_lossy(&request[..length]).contains("\r\n\r\n\"") {
        length += stream.read(&mut request[length..]).await.expect("a request");
    }
    let reply = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await.expect("the caller reads");
    String::from_utf8_lossy(&request[..length]).to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_out_with_their_key_and_fence() {
    let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/released", receiver.local_addr().expect("it has one"));
    let targets = Targets::from([("audit.released".into(), url.parse().expect("a URL"))]);
    let running = start(service::service(), targets).await;
    let body = r#"{"self": "c", "item": "a/b"}"#;
    running.post("/v1/main/acquire", body).await;
    running.post("/v1/main/release", body).await;
    let first = receive(&receiver, "503").await;
    let again = receive(&receiver, "200").await;
    let header = |request: &str, name: &str| {
        let line = request.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
        line.unwrap_or_else(|| panic!("no {name} in {request}"))
    };
    assert_eq!(header(&first, "idempotency-key:"), header(&again, "idempotency-key:"));
    let fence = FencingToken::parse(&header(&again, "fencing-token:")).expect("a token");
    assert_eq!(fence.epoch, 1);
    for _ in 0..200 {
        if running.store.outbox().await.expect("it can be asked").pending == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the message is still there");
}

/// Knows nobody.
struct Nobody;

impl Authenticate for Nobody {
    fn authenticate(&self, _: &Peer, _: &HeaderMap) -> Result<Identity, Unauthenticated> {
        Err(Unauthenticated("nobody is known".into()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_are_at_an_address_of_their_own() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    let engine = Engine::new(Arc::new(service::service()), store, Limits::default());
    let engine = Arc::new(engine.expect("the sample makes sense"));
    let app = App::new(engine, Arc::new(Metrics::default()), Arc::new(Nobody));
    let (listener, probes) = (TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await);
    let (listener, probes) = (listener.expect("a free port"), probes.expect("a free port"));
    let (main, apart) = (listener.local_addr().expect("one"), probes.local_addr().expect("one"));
    let drain = DrainPolicy { delay: Duration::from_millis(300), deadline: Duration::from_secs(5) };
    let server = Server::new(Arc::new(app)).drain(drain).probes(probes);
    let (stop, stopping) = oneshot::channel::<()>();
    let stopped = tokio::spawn(server.run(listener, async { drop(stopping.await) }));
    let status = async |to: SocketAddr, method: &str, path: &str| {
        let asked = text(method, path, &[], if method == "POST" { "{}" } else { "" });
        ask(to, &asked).await.map(|r| r.0)
    };
    for path in ["/livez", "/readyz", "/openapi.json"] {
        assert_eq!(status(main, "GET", path).await, Some(200), "{path}");
    }
    assert_eq!(status(main, "GET", "/metrics").await, Some(401), "who counts what is for who is known");
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(status(apart, "GET", path).await, Some(200), "{path}");
    }
    assert_eq!(status(apart, "GET", "/openapi.json").await, Some(404));
    assert_eq!(status(apart, "POST", "/v1/counter/count").await, Some(404), "nothing can be done there");
    drop(stop);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(apart, "GET", "/readyz").await, Some(503), "it is going away");
    stopped.await.expect("it stops");
    assert_eq!(status(apart, "GET", "/livez").await, None);
}
