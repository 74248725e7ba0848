//! The client, against real servers: what it repeats and what it does not, and that whatever is repeated happens once.
#![cfg(feature = "http")]

#[path = "support/faulty.rs"]
mod faulty;

use arch_runtime::client::{CallError, Endpoint, Key, Last, Patience};
use arch_runtime::engine::{Engine, Limits};
use arch_runtime::journal::Cursor;
use arch_runtime::serve::auth::Open;
use arch_runtime::serve::{App, Metrics, Server};
use arch_runtime::service::{Call, Handler, HandlerError, Prepared, Service};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::store::{BoxFuture, Store};
use arch_runtime::testing::{sample, service};
use faulty::{Said, Scripted, dropping};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const COUNT: &str = r#"{"self":"c"}"#;

/// A server on a free port.
async fn start(service: Service) -> (SocketAddr, Arc<dyn Store>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    let engine = Engine::new(Arc::new(service), store.clone(), Limits::default());
    let engine = Arc::new(engine.expect("the sample makes sense"));
    let app = App::new(engine, Arc::new(Metrics::default()), Arc::new(Open));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(Server::new(Arc::new(app)).run(listener, std::future::pending()));
    (address, store)
}

fn at(address: SocketAddr) -> Endpoint {
    Endpoint::at(&format!("http://{address}")).expect("an address")
}

/// How many transitions there were.
async fn journal(store: &Arc<dyn Store>) -> usize {
    store.journal(Cursor::START, usize::MAX).await.expect("the journal can be read").entries.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_no_lost_request_and_no_second_one() {
    let (server, store) = start(service::service()).await;
    let proxy = dropping(server, 3).await;
    let answer = at(proxy).ask("counter.count", COUNT, &Key::fresh()).await.expect("it is answered");
    assert!(answer.replayed, "the transition happened when the request was first sent");
    assert_eq!((answer.tried.attempts, answer.tried.lost), (4, 3));
    assert_eq!(journal(&store).await, 1);
    let again = at(proxy).ask("counter.count", COUNT, &Key::fresh()).await.expect("it is answered");
    assert!(!again.replayed && again.tx != answer.tx, "another request is another transition");
    assert_eq!(journal(&store).await, 2);
}

const TX: &str = "01a2216e-112d-7000-8000-000000000000";
const DONE: Said = (
    200,
    &[("content-type", "application/json")],
    r#"{"outcome":"done","tx":"01a2216e-112d-7000-8000-000000000000","at":7,"reply":null}"#,
);

/// A problem of this runtime.
macro_rules! problem {
    ($status:literal, $kind:literal $(, $header:literal: $value:literal)*) => {
        (
            $status,
            &[$(($header, $value)),*] as &[_],
            concat!(r#"{"type":"urn:arch:problem:"#, $kind, r#"","title":"t","status":"#, $status, r#","detail":"so it is"}"#),
        )
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_to_come_again_does_so_when_it_is_told() {
    let server = Scripted::saying(&[problem!(503, "unavailable", "retry-after": "1"), DONE]).await;
    let (start, key) = (Instant::now(), Key::of("mine").expect("a key"));
    let answer = at(server.address).ask("counter.count", COUNT, &key).await.expect("it is answered");
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!((answer.outcome.as_str(), answer.tx.to_string().as_str()), ("done", TX));
    assert_eq!((answer.tried.attempts, answer.tried.lost), (2, 0), "nothing was changed by the first one");
    let heard = server.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0], heard[1], "the same request under the same key");
    assert!(
        heard[0].starts_with("post /v1/counter/count ") && heard[0].contains("idempotency-key: \"mine\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_repeated() {
    let passing = [
        problem!(408, "slow-request"),
        problem!(409, "store-conflict", "retry-after": "0"),
        problem!(409, "idempotency-key-in-use"),
        problem!(425, "early"),
        problem!(429, "limited"),
        (502, &[] as &[_], "<html>bad gateway</html>"),
        problem!(503, "unknown-outcome"),
        problem!(504, "slow-handler"),
        DONE,
    ];
    let server = Scripted::saying(&passing).await;
    let patience = Patience {
        min_pause: Duration::from_millis(1),
        max_pause: Duration::from_millis(5),
        ..Patience::default()
    };
    let endpoint = at(server.address).patience(patience);
    let answer = endpoint.ask("counter.count", COUNT, &Key::fresh()).await.expect("it is answered");
    assert_eq!(answer.tried.attempts as usize, passing.len());
    assert_eq!(
        answer.tried.lost, 2,
        "of a gateway's 502 and an unknown outcome it is not known what they did"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_is_asked_once() {
    let decided = [
        problem!(400, "invalid-request"),
        problem!(401, "unauthenticated"),
        problem!(403, "forbidden"),
        problem!(404, "not-found"),
        problem!(409, "guard-denied"),
        problem!(409, "quota-exceeded"),
        problem!(413, "too-large"),
        problem!(422, "idempotency-key-reused"),
        problem!(500, "internal"),
        (307, &[("location", "http://elsewhere/")] as &[_], ""),
        (200, &[] as &[_], "<html>hello</html>"),
        (200, &[] as &[_], r#"{"outcome":"done"}"#),
    ];
    for said in decided {
        let server = Scripted::saying(&[said, DONE]).await;
        let asked = at(server.address).ask("counter.count", COUNT, &Key::fresh()).await;
        let error = asked.expect_err("it is no outcome");
        assert_eq!(server.heard().len(), 1, "{error}");
        assert_eq!(error.tried().map(|t| t.attempts), Some(1));
        assert_eq!(error.nothing_changed(), (300..500).contains(&said.0), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_is_shown() {
    let server = Scripted::saying(&[(200, &[], "<html>\n  hello\n</html>")]).await;
    let asked = at(server.address).ask("counter.count", COUNT, &Key::fresh()).await;
    let Err(CallError::Strange(strange)) = asked else { panic!("{asked:?}") };
    let text = strange.to_string();
    assert!(text.contains("POST http://") && text.contains("sent once"), "{text}");
    assert!(text.contains("status 200") && text.contains("<html> hello </html>"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_guard_says_which_and_on_what() {
    let (server, store) = start(service::service()).await;
    let acquire = |who: &str| format!(r#"{{"self":"{who}","item":"i"}}"#);
    let endpoint = at(server);
    endpoint.ask("main.acquire", &acquire("a"), &Key::fresh()).await.expect("it is free");
    let asked = endpoint.ask("main.acquire", &acquire("b"), &Key::fresh()).await;
    let Err(CallError::Denied(denied)) = asked else { panic!("{asked:?}") };
    assert_eq!(denied.op, "main.acquire");
    assert!(denied.is_false("main.acquire#1") && !denied.is_false("main.acquire#2"));
    assert_eq!(denied.failed[0].text, "ClaimState.owner_id = null or ClaimState.expiry_at < now");
    assert!(denied.reads.iter().any(|r| r.row == "ClaimState/i" && r.version == 1), "{:?}", denied.reads);
    assert!(denied.now.millis() > 0);
    assert_eq!((denied.tried.attempts, journal(&store).await), (1, 1));
    let error = CallError::Denied(denied);
    assert!(error.nothing_changed() && error.to_string().contains("main.acquire#1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_the_key_is_refused_and_changes_nothing() {
    let (server, store) = start(service::service()).await;
    let (endpoint, key) = (at(server), Key::of("k-1").expect("a key"));
    let take = |slot: u8| format!(r#"{{"self":"c","slot":{slot}}}"#);
    let first = endpoint.ask("slots.take", &take(1), &key).await.expect("it is free");
    let asked = endpoint.ask("slots.take", &take(2), &key).await;
    let Err(CallError::Refused(refused)) = asked else { panic!("{asked:?}") };
    assert_eq!((refused.status, refused.kind.as_str()), (422, "idempotency-key-reused"));
    assert_eq!(refused.tried.attempts, 1);
    let again = endpoint.ask("slots.take", &take(1), &key).await.expect("it is known");
    assert!(again.replayed && again.tx == first.tx);
    assert_eq!(journal(&store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_it_gives_up_in_time() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = nobody.local_addr().expect("it has one");
    drop(nobody);
    let (start, patience) = (Instant::now(), Patience::of(Duration::from_millis(600)));
    let asked = at(address).patience(patience).ask("counter.count", COUNT, &Key::fresh()).await;
    let error = asked.expect_err("nobody is there");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(error.nothing_changed(), "nothing was sent: {error}");
    let CallError::GaveUp(gave_up) = error else { panic!("{error:?}") };
    assert!(gave_up.tried.attempts > 1, "{gave_up}");
    let text = gave_up.to_string();
    assert!(text.contains(&format!("POST http://{address}/v1/counter/count")), "{text}");
    assert!(text.contains("times in 0.") && text.to_lowercase().contains("refused"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_silent_server_it_is_not_known_what_it_did() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("it has one");
    let patience =
        Patience { attempt: Duration::from_millis(100), ..Patience::of(Duration::from_millis(500)) };
    let asked = at(address).patience(patience).ask("counter.count", COUNT, &Key::fresh()).await;
    let error = asked.expect_err("it says nothing");
    assert!(!error.nothing_changed() && error.to_string().contains("may have been executed"), "{error}");
    let CallError::GaveUp(gave_up) = error else { panic!("{error:?}") };
    assert!(gave_up.tried.attempts > 1 && gave_up.tried.lost == gave_up.tried.attempts, "{gave_up}");
    assert!(matches!(gave_up.last, Last::Nothing(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_wait_for_what_is_beyond_its_patience() {
    let server = Scripted::saying(&[problem!(503, "unavailable", "retry-after": "3600")]).await;
    let start = Instant::now();
    let asked = at(server.address).ask("counter.count", COUNT, &Key::fresh()).await;
    let Err(CallError::GaveUp(gave_up)) = asked else { panic!("{asked:?}") };
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(gave_up.tried.attempts, 1);
    assert!(gave_up.to_string().contains("503 unavailable: so it is"), "{gave_up}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_said() {
    let server = Scripted::saying(&[DONE]).await;
    let endpoint = at(server.address).bearer("a.b.c").expect("a token");
    endpoint.ask("counter.count", COUNT, &Key::fresh()).await.expect("it is answered");
    assert!(server.heard()[0].contains("authorization: bearer a.b.c\r\n"), "{}", server.heard()[0]);
}

/// A handler that takes its time.
struct Slow(Arc<dyn Handler>, Duration);

impl Handler for Slow {
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
        Box::pin(async move {
            tokio::time::sleep(self.1).await;
            self.0.prepare(call).await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_impatient_waits_for_its_own_request() {
    let mut service = service::service();
    let count = service.operations.iter_mut().find(|o| o.name == "counter.count").expect("it is there");
    count.handler = Arc::new(Slow(count.handler.clone(), Duration::from_millis(700)));
    let (server, store) = start(service).await;
    let patience = Patience { attempt: Duration::from_millis(150), ..Patience::default() };
    let endpoint = at(server).patience(patience);
    let answer = endpoint.ask("counter.count", COUNT, &Key::fresh()).await.expect("it is answered");
    assert!(answer.replayed && answer.tried.lost == 1, "{:?}", answer.tried);
    assert!(answer.tried.attempts > 2, "it was told that its request is in progress: {:?}", answer.tried);
    assert_eq!(journal(&store).await, 1);
}
