//! The etcd store, against a server started here: `cargo test -p arch-runtime --features etcd --test etcd`.
//!
//! `ARCH_CRASHES=50` for a long run of the crashes.
#![cfg(feature = "etcd")]

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/etcd.rs"]
mod server;

use arch_runtime::Value;
use arch_runtime::journal::{Accept, Cursor, audit};
use arch_runtime::store::etcd::{EtcdStore, Options};
use arch_runtime::store::{Fingerprint, IdempotencyKey, Policy, Store, StoreError, TxId, Verdict, transact};
use arch_runtime::testing::conformance::CHECKS;
use arch_runtime::testing::hammer::{self, Load, Tally, hammer};
use arch_runtime::testing::sample::{self, Request};
use proxy::Proxy;
use server::Server;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn open(url: &str) -> Result<EtcdStore, StoreError> {
    EtcdStore::open(url, sample::schema(), Options::default()).await
}

/// Where the server has just been started, it may have no leader yet.
async fn opened(url: &str) -> Arc<dyn Store> {
    for _ in 0..200 {
        match open(url).await {
            Ok(store) => return Arc::new(store),
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(other) => panic!("{url}: {other}"),
        }
    }
    panic!("{url} does not become available")
}

async fn count(store: &dyn Store) -> Result<Verdict, StoreError> {
    transact(store, Request::Count.transition(), &Policy::default()).await.map(|s| s.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let Some(server) = Server::start(&[]) else { return };
    for (name, check) in CHECKS {
        println!("{name}");
        check(opened(&server.url(name)).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_and_one_journal() {
    let Some(server) = Server::start(&[]) else { return };
    hammered_by_two_processes(&server).await;
    of_many_with_one_key_one_is_applied(&server).await;
    the_tail_skips_nothing(&server).await;
    others_keys_are_refused(&server).await;
    what_is_not_there_is_not_made(&server).await;
    commits_that_are_overtaken_fail(&server).await;
    the_next_version_of_a_spec_takes_over_the_keys(&server).await;
}

async fn hammered_by_two_processes(server: &Server) {
    let url = server.url("hammered");
    let stores = [opened(&url).await, opened(&url).await];
    let load = |seed| Load { clients: 6, requests: 40, rows: 2, seed };
    let (mut one, two) = tokio::join!(hammer(&stores[0], load(1)), hammer(&stores[1], load(2)));
    println!(
        "{} + {} applied, {} + {} conflicts",
        one.applied.len(),
        two.applied.len(),
        one.conflicts,
        two.conflicts
    );
    assert!(one.conflicts + two.conflicts > 0, "nobody was in anybody's way");
    one.applied.extend(two.applied);
    assert!(one.applied.len() > 100);
    hammer::check(&*stores[0], &one).await.expect("the journal is serial");
}

async fn of_many_with_one_key_one_is_applied(server: &Server) {
    let store = opened(&server.url("keys")).await;
    let key = IdempotencyKey {
        scope: "s".into(),
        key: "k/%".into(),
        fingerprint: Fingerprint::of(&[b"r"]),
        ttl: Duration::from_secs(60),
        not_for: Arc::default(),
    };
    let many = (0..12).map(|_| {
        let (store, transition) = (store.clone(), Request::Count.keyed(key.clone()));
        tokio::spawn(async move { transact(&*store, transition, &Policy::default()).await })
    });
    let (mut applied, mut replayed) = (0, 0);
    for one in many.collect::<Vec<_>>() {
        match one.await.expect("no client panics").map(|s| s.verdict) {
            Ok(Verdict::Applied(_)) => applied += 1,
            Ok(Verdict::Replayed(_)) => replayed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((applied, replayed), (1, 11));
}

async fn the_tail_skips_nothing(server: &Server) {
    let store = opened(&server.url("tail")).await;
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..6u64 {
        let store = store.clone();
        // More than a part of the journal holds, over all clients.
        let load = Load { clients: 1, requests: 600, rows: 12, seed: client };
        tasks.spawn(async move { hammer(&store, load).await });
    }
    let (mut seen, mut cursor, mut tally) = (HashSet::<TxId>::new(), Cursor::START, Tally::default());
    loop {
        let page = store.journal(cursor, 7).await.expect("it can be read");
        let before = seen.len();
        seen.extend(page.entries.iter().map(|e| e.tx));
        assert_eq!(seen.len(), before + page.entries.len(), "an entry came twice");
        cursor = page.next;
        match tasks.try_join_next() {
            Some(done) => tally.applied.extend(done.expect("no client panics").applied),
            None if tasks.is_empty() && page.entries.is_empty() => break,
            None if page.entries.is_empty() => tokio::time::sleep(Duration::from_millis(2)).await,
            None => {}
        }
    }
    assert_eq!(seen, tally.applied);
    assert!(cursor.0 > 0, "the journal has one part only: {} entries", seen.len());
}

async fn what_is_not_there_is_not_made(server: &Server) {
    let url = server.url("nothing");
    let open = || {
        let options = Options { existing: true, ..Options::default() };
        EtcdStore::open(&url, sample::schema(), options)
    };
    for _ in 0..2 {
        let missing = open().await.err().expect("there is nothing, also after it was looked for");
        assert!(matches!(&missing, StoreError::Missing(why) if why.contains("`nothing`")), "{missing}");
    }
    count(&*opened(&url).await).await.expect("it is applied");
    audit(&open().await.expect("it is there"), sample::judge()).await.expect("it is serial");
}

async fn others_keys_are_refused(server: &Server) {
    let url = server.url("foreign");
    let older = EtcdStore::open(&url, sample::schema_of("sha256:older"), Options::default()).await;
    drop(older.expect("new"));
    let error = open(&url).await.err().expect("another spec's").to_string();
    assert!(error.contains("sha256:older") && error.contains("sha256:sample"), "{error}");
    server.post("/v3/kv/put", r#"{"key": "c29tZWJvZHkvc2V0dGluZw==", "value": "eA=="}"#);
    let error = open(&server.url("somebody")).await.err().expect("somebody else's");
    assert!(matches!(&error, StoreError::Foreign(why) if why.contains("`somebody`")), "{error}");
    server.post("/v3/kv/put", r#"{"key": "YnJva2VuL21ldGE=", "value": "eA=="}"#);
    let error = open(&server.url("broken")).await.err().expect("no meta");
    assert!(matches!(&error, StoreError::Corrupt(why) if why.contains("broken/meta")), "{error}");
    let error = open("etcd://127.0.0.1:1/x").await.err().expect("no such server");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    for url in
        ["etcd://127.0.0.1/x", "etcd://127.0.0.1:1", "etcd://:2379/x", "etcd://u@h:1/x", "http://h:1/x"]
    {
        let error = open(url).await.err().unwrap_or_else(|| panic!("{url} was opened"));
        assert!(error.to_string().contains("the URL is wrong"), "{url}: {error}");
    }
    // The second member is asked where the first is not there.
    let two = format!("etcd://127.0.0.1:1,127.0.0.1:{}/two", server.port());
    count(&*opened(&two).await).await.expect("it is applied");
}

/// What comes of an attempt when something is done between its reading and its writing.
async fn overtaken(store: &Arc<dyn Store>, by: impl AsyncFnOnce(TxId)) -> Result<Verdict, StoreError> {
    let (evaluated, reached) = std::sync::mpsc::channel();
    let (go, waits) = std::sync::mpsc::channel();
    let (evaluated, waits) = (Mutex::new(evaluated), Mutex::new(waits));
    let mut transition = Request::Count.transition();
    let step = transition.step.clone();
    transition.step = Arc::new(move |snapshot| {
        evaluated.lock().expect("nobody panics").send(()).expect("the test waits");
        waits.lock().expect("nobody panics").recv().expect("the test goes on");
        step(snapshot)
    });
    let (store, transition) = (store.clone(), Arc::new(transition));
    let tx = transition.meta.tx;
    let attempt = tokio::spawn(async move { store.attempt(&transition).await });
    tokio::task::block_in_place(|| reached.recv()).expect("it is evaluated");
    by(tx).await;
    go.send(()).expect("it waits");
    attempt.await.expect("it does not panic")
}

async fn commits_that_are_overtaken_fail(server: &Server) {
    let store = opened(&server.url("late")).await;
    let nothing = overtaken(&store, async |_| {}).await;
    assert!(matches!(nothing, Ok(Verdict::Applied(_))), "{nothing:?}");
    // What was not found when somebody asked is not committed later.
    let looked_up = overtaken(&store, async |tx| {
        assert_eq!(store.find(tx).await.expect("it can be asked"), None);
    });
    let looked_up = looked_up.await;
    assert!(matches!(looked_up, Err(StoreError::Conflict(_))), "{looked_up:?}");
    // A part of the journal that was left has all of its entries: `late/part` is 1.
    let put = async |_| drop(server.post("/v3/kv/put", r#"{"key": "bGF0ZS9wYXJ0", "value": "MQ=="}"#));
    let left = overtaken(&store, put).await;
    assert!(matches!(left, Err(StoreError::Conflict(_))), "{left:?}");
    let read = overtaken(&store, async |_| drop(count(&*store).await.expect("it is applied"))).await;
    assert!(matches!(read, Err(StoreError::Conflict(_))), "{read:?}");
    assert_eq!(audit(&*store, sample::judge()).await.expect("it is serial").count(), 2);
}

async fn the_next_version_of_a_spec_takes_over_the_keys(server: &Server) {
    let url = server.url("migrated");
    let migrate = || Options { migrate: true, ..Options::default() };
    let old = opened(&url).await;
    let claim = Request::Acquire { item: "i".into(), client: "c".into() };
    transact(&*old, claim.transition(), &Policy::default()).await.expect("it is applied");
    let refused =
        EtcdStore::open(&url, sample::next_schema(), Options::default()).await.err().expect("refused");
    assert!(refused.to_string().contains("`migrate`"), "{refused}");
    count(&*old).await.expect("nothing has changed");
    let store = EtcdStore::open(&url, sample::next_schema(), migrate()).await.expect("it is migrated");
    let row =
        store.read(&[sample::claim("i")]).await.expect("it can be read").remove(0).expect("it is there");
    assert_eq!((row.version, row.row.len(), &row.row[4]), (1, 5, &Value::Null));
    let late = count(&*old).await.expect_err("the old version is over");
    assert!(matches!(late, StoreError::Foreign(_)), "{late}");
    assert!(old.health().await.is_err());
    count(&store).await.expect("it is applied");
    assert_eq!(audit(&store, Accept).await.expect("old and new are one journal").count(), 3);
    assert_eq!(store.earlier(), ["sha256:sample"]);
    let back = EtcdStore::open(&url, sample::schema(), migrate()).await.err().expect("it is refused");
    assert!(back.to_string().contains("ClaimState.note is gone"), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_and_crashes_lose_and_repeat_nothing() {
    let Some(mut server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port(), 5).await;
    let store = opened(&format!("etcd://127.0.0.1:{}/cut", proxy.port())).await;
    proxy.cut(true);
    let tally = hammer(&store, Load { clients: 8, requests: 60, rows: 3, seed: 3 }).await;
    proxy.cut(false);
    let Tally { applied, failed, resolved, unknown, .. } = &tally;
    println!(
        "{} cuts, {} applied, {failed} failed, {resolved} looked up, {} unknown",
        proxy.cuts(),
        applied.len(),
        unknown.len()
    );
    assert!(proxy.cuts() > 20 && *resolved > 5 && applied.len() > 50);
    hammer::check(&*opened(&server.url("cut")).await, &tally).await.expect("the journal is serial");

    let crashes: u64 = std::env::var("ARCH_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let (url, mut all) = (server.url("crash"), Tally::default());
    let store = opened(&url).await;
    for crash in 0..crashes {
        let (store, load) = (store.clone(), Load { clients: 8, requests: 200, rows: 3, seed: crash });
        let clients = tokio::spawn(async move { hammer(&store, load).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.crash();
        server.run();
        let tally = clients.await.expect("no client panics");
        println!("{} applied, {} failed, {} unknown", tally.applied.len(), tally.failed, tally.unknown.len());
        all.applied.extend(tally.applied);
        all.unknown.extend(tally.unknown);
        all.failed += tally.failed;
        all.resolved += tally.resolved;
    }
    assert!(all.failed + all.resolved > 0, "no client noticed");
    hammer::check(&*opened(&url).await, &all).await.expect("the journal is serial");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_etcd_says_so() {
    let Some(server) = Server::start(&["--quota-backend-bytes=131072"]) else { return };
    let store = opened(&server.url("full")).await;
    store.health().await.expect("there is room");
    let mut applied = 0;
    let error = loop {
        match count(&*store).await {
            Ok(_) => applied += 1,
            Err(error) => break error,
        }
        assert!(applied < 5_000, "it does not become full");
    };
    // Whether it was committed cannot be found out without writing. The one before it was: etcd refuses the transaction that
    // uses up the space, and does it all the same.
    assert!(matches!(error, StoreError::Ambiguous { .. }), "{error}");
    assert!(store.health().await.is_err_and(|e| e.to_string().contains("NOSPACE")));
    assert_eq!(audit(&*store, sample::judge()).await.expect("it is serial").count(), applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_passwords() {
    let Some(server) = Server::start(&["--auth-token=simple"]) else { return };
    opened(&server.url("open")).await;
    server.post("/v3/auth/user/add", r#"{"name": "root", "password": "se/cret"}"#);
    server.post("/v3/auth/user/grant", r#"{"user": "root", "role": "root"}"#);
    server.post("/v3/auth/enable", "{}");
    let url = |who: &str| format!("etcd://{who}127.0.0.1:{}/users", server.port());
    for who in ["", "root:wrong@", "nobody:se%2Fcret@"] {
        let error = open(&url(who)).await.err().unwrap_or_else(|| panic!("`{who}` was let in"));
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
    let store = opened(&url("root:se%2Fcret@")).await;
    count(&*store).await.expect("it is applied");
    // A change of users makes all tokens old.
    server_side_change(&store, &server).await;
    count(&*store).await.expect("it signs in again");
}

/// As root, by hand: another user.
async fn server_side_change(store: &Arc<dyn Store>, server: &Server) {
    store.health().await.expect("it can be used");
    let out = std::process::Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", &format!("127.0.0.1:{}", server.port()), "--user", "root:se/cret"])
        .args(["user", "add", "another:x"])
        .output();
    // The command line is a package of its own.
    if let Ok(out) = out {
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread")]
async fn members_are_known_by_their_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = |name: &str| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        let (at, key_at) =
            (folder.path().join(format!("{name}.pem")), folder.path().join(format!("{name}.key")));
        std::fs::write(&at, certificate).expect("it is written");
        std::fs::write(&key_at, key.serialize_pem()).expect("it is written");
        (at, key_at)
    };
    let ((ours, key), (theirs, _)) = (made("ours"), made("theirs"));
    let arguments = [format!("--cert-file={}", ours.display()), format!("--key-file={}", key.display())];
    let Some(server) = Server::start(&[&arguments[0], &arguments[1]]) else { return };
    let open = async |authority| {
        let options = Options { tls_authority: authority, ..Options::default() };
        EtcdStore::open(&server.url("tls"), sample::schema(), options).await
    };
    let mut store = open(Some(ours.clone())).await;
    for _ in 0..100 {
        if store.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        store = open(Some(ours.clone())).await;
    }
    count(&store.unwrap_or_else(|e| panic!("{e}"))).await.expect("it is applied");
    for authority in [Some(theirs), None] {
        let error = open(authority).await.err().expect("it is not known");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
}
