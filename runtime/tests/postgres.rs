//! The PostgreSQL store, against a server started here: `cargo test -p arch-runtime --features postgres --test postgres`.
//!
//! One test, because the server is one and its databases share transaction ids; `ARCH_CRASHES=50` for a long run of the last part.
#![cfg(feature = "postgres")]

mod support;

use arch_runtime::Value;
use arch_runtime::journal::{Accept, Cursor, audit};
use arch_runtime::store::postgres::{Options, PostgresStore};
use arch_runtime::store::{
    Fingerprint, IdempotencyKey, JournalPage, Policy, Store, StoreError, TxId, Verdict, transact,
};
use arch_runtime::testing::conformance::CHECKS;
use arch_runtime::testing::hammer::{self, Load, Tally, hammer};
use arch_runtime::testing::sample::{self, Request};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use support::proxy::Proxy;
use support::server::Server;

async fn open(url: &str) -> Result<PostgresStore, StoreError> {
    let options = Options { connections: 12, ..Options::default() };
    PostgresStore::open(url, sample::schema(), options).await
}

async fn opened(url: &str) -> Arc<dyn Store> {
    Arc::new(open(url).await.unwrap_or_else(|e| panic!("{url}: {e}")))
}

async fn count(store: &dyn Store) -> Result<Verdict, StoreError> {
    transact(store, Request::Count.transition(), &Policy::default()).await.map(|s| s.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    let Some(mut server) = Server::start() else { return };
    conforms(&server).await;
    hammered_by_two_processes(&server).await;
    keys_in_use_are_refused(&server).await;
    wrong_databases_are_refused(&server).await;
    a_restored_journal_can_be_followed(&server).await;
    an_earlier_outbox_is_completed(&server).await;
    a_trace_is_by_seq_and_as_of_its_first_page(&server).await;
    what_is_not_there_is_not_made(&server).await;
    the_tail_waits_for_transactions_that_are_not_over(&server).await;
    cut_connections_lose_and_repeat_nothing(&server).await;
    crashes_lose_nothing(&mut server).await;
    the_next_version_of_a_spec_takes_over_the_data(&server).await;
    #[cfg(feature = "postgres-tls")]
    connections_are_encrypted_and_the_server_is_known(&mut server).await;
}

async fn the_next_version_of_a_spec_takes_over_the_data(server: &Server) {
    println!("the_next_version_of_a_spec_takes_over_the_data");
    let url = server.database("migrated");
    let migrate = || Options { connections: 4, migrate: true, ..Options::default() };
    {
        let store = opened(&url).await;
        let claim = Request::Acquire { item: "i".into(), client: "c".into() };
        transact(&*store, claim.transition(), &Policy::default()).await.expect("it is applied");
        count(&*store).await.expect("it is applied");
    }
    let refused = PostgresStore::open(&url, sample::next_schema(), Options::default())
        .await
        .err()
        .expect("it is refused");
    assert!(refused.to_string().contains("`migrate`"), "{refused}");
    let store = PostgresStore::open(&url, sample::next_schema(), migrate()).await.expect("it is migrated");
    let row =
        store.read(&[sample::claim("i")]).await.expect("rows can be read").remove(0).expect("it is there");
    assert_eq!((row.version, row.row.len(), &row.row[4]), (1, 5, &Value::Null));
    count(&store).await.expect("it is applied");
    let validator = audit(&store, Accept).await.expect("old and new events are one journal");
    assert_eq!(validator.count(), 3);
    drop(store);
    PostgresStore::open(&url, sample::next_schema(), migrate()).await.expect("it is there already");
    let back = PostgresStore::open(&url, sample::schema(), migrate()).await.err().expect("it is refused");
    assert!(back.to_string().contains("ClaimState.note is gone"), "{back}");
}

#[cfg(feature = "postgres-tls")]
async fn connections_are_encrypted_and_the_server_is_known(server: &mut Server) {
    println!("connections_are_encrypted_and_the_server_is_known");
    let authority = |name: &str| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        (certificate.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    };
    let ((ours, key), (theirs, _)) = (authority("127.0.0.1"), authority("127.0.0.1"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        Some(path)
    };
    let url = server.database("encrypted");
    let open = async |authority| {
        let options = Options { connections: 2, tls_authority: authority, ..Options::default() };
        PostgresStore::open(&url, sample::schema(), options).await
    };
    // A server without TLS is not talked to.
    let plain = open(file("ours.pem", &ours)).await.err().expect("it is refused");
    assert!(matches!(plain, StoreError::Unavailable(_)), "{plain}");
    server.encrypt(&ours, &key);
    let store = open(file("ours.pem", &ours)).await.expect("it is the server");
    count(&store).await.expect("it is applied");
    let forged = open(file("theirs.pem", &theirs)).await.err().expect("it is another server");
    assert!(matches!(forged, StoreError::Unavailable(_)), "{forged}");
}

async fn conforms(server: &Server) {
    for (name, check) in CHECKS {
        println!("{name}");
        let database = &name[..name.len().min(60)];
        check(opened(&server.database(database)).await).await;
    }
}

async fn hammered_by_two_processes(server: &Server) {
    println!("hammered_by_two_processes");
    let url = server.database("hammered");
    let stores = [opened(&url).await, opened(&url).await];
    let load = |seed| Load { clients: 8, requests: 60, rows: 2, seed };
    let (mut one, two) = tokio::join!(hammer(&stores[0], load(1)), hammer(&stores[1], load(2)));
    assert_eq!((one.failed, two.failed), (0, 0));
    println!(
        "{} + {} applied, {} + {} conflicts",
        one.applied.len(),
        two.applied.len(),
        one.conflicts,
        two.conflicts
    );
    one.applied.extend(two.applied);
    assert!(one.applied.len() > 200);
    hammer::check(&*stores[0], &one).await.expect("the journal is serial");
}

async fn keys_in_use_are_refused(server: &Server) {
    println!("keys_in_use_are_refused");
    let store = opened(&server.database("keys")).await;
    let key = IdempotencyKey {
        scope: "s".into(),
        key: "k".into(),
        fingerprint: Fingerprint::of(&[b"r"]),
        ttl: Duration::from_secs(60),
        not_for: std::sync::Arc::default(),
    };
    let many = (0..12).map(|_| {
        let (store, transition) = (store.clone(), Request::Count.keyed(key.clone()));
        tokio::spawn(async move { transact(&*store, transition, &Policy::default()).await })
    });
    let (mut applied, mut others) = (HashSet::new(), 0);
    for one in many.collect::<Vec<_>>() {
        match one.await.expect("no client panics").map(|s| s.verdict) {
            Ok(Verdict::Applied(a)) => assert!(applied.insert(a.entry.tx)),
            Ok(Verdict::Replayed(_)) | Err(StoreError::InFlight) => others += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((applied.len(), others), (1, 11));
}

async fn wrong_databases_are_refused(server: &Server) {
    println!("wrong_databases_are_refused");
    let url = server.database("foreign");
    drop(
        PostgresStore::open(&url, sample::schema_of("sha256:older"), Options::default()).await.expect("new"),
    );
    let error = open(&url).await.err().expect("another spec's").to_string();
    assert!(error.contains("sha256:older") && error.contains("sha256:sample"), "{error}");
    let error = open(&server.url("nowhere", server.port())).await.err().expect("no such database");
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("nowhere")), "{error}");
    let error = open("postgres://arch@127.0.0.1:1/x").await.err().expect("no such server");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(open("mysql://x").await.is_err());

    let url = server.database("read_only");
    drop(open(&url).await.expect("a new database"));
    server.sql("postgres", "ALTER DATABASE read_only SET default_transaction_read_only = on");
    let store = opened(&url).await;
    let error = count(&*store).await.expect_err("it cannot be written");
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("read-only")), "{error}");
    assert!(store.health().await.is_err());
}

/// As databases were before messages had a trace and could be revived, with a message in it.
async fn an_earlier_outbox_is_completed(server: &Server) {
    println!("an_earlier_outbox_is_completed");
    let url = server.database("earlier");
    let store = opened(&url).await;
    for request in [
        Request::Acquire { item: "i".into(), client: "c".into() },
        Request::Release { item: "i".into(), client: "c".into() },
    ] {
        transact(&*store, request.transition(), &Policy::default()).await.expect("it is applied");
    }
    server.sql("earlier", "ALTER TABLE arch_outbox DROP COLUMN trace, DROP COLUMN revived");
    let store = opened(&url).await;
    let letters = store.letters(false, None, 10).await.expect("the outbox can be read");
    assert_eq!(letters.iter().map(|l| l.message.target.as_str()).collect::<Vec<_>>(), ["audit.released"]);
    let taken = store.claim(10, Duration::from_secs(60)).await.expect("messages can be taken");
    assert_eq!(taken.iter().map(|d| (d.attempt, d.tries)).collect::<Vec<_>>(), [(1, 1)]);
    opened(&url).await;
}

async fn a_restored_journal_can_be_followed(server: &Server) {
    println!("a_restored_journal_can_be_followed");
    let url = server.database("restored");
    let store = opened(&url).await;
    for _ in 0..5 {
        count(&*store).await.expect("it is applied");
    }
    // As in a cluster that has given out fewer transaction ids.
    server.sql("restored", "UPDATE arch_journal SET xid = xid + 1000000000");
    let hidden = store.journal(Cursor::START, 10).await.expect("it can be read");
    assert!(hidden.entries.is_empty());
    let store = opened(&url).await;
    count(&*store).await.expect("it is applied");
    assert_eq!(audit(&*store, sample::judge()).await.expect("it is serial").count(), 6);
}

async fn a_trace_is_by_seq_and_as_of_its_first_page(server: &Server) {
    println!("a_trace_is_by_seq_and_as_of_its_first_page");
    let store = opened(&server.database("history")).await;
    for _ in 0..6 {
        count(&*store).await.expect("it is applied");
    }
    // Seqs are given a moment after transaction ids, so both orders differ now and then.
    server.sql("history", "UPDATE arch_journal SET xid = 1 WHERE seq = 5");
    let seqs = |page: &JournalPage| page.entries.iter().map(|e| e.seq).collect::<Vec<_>>();
    let journal = store.journal(Cursor::START, 10).await.expect("it can be read");
    assert_eq!(seqs(&journal), [5, 1, 2, 3, 4, 6]);
    let (mut cursor, mut history) = (Cursor::START, Vec::new());
    loop {
        let page = store.history(cursor, 2).await.expect("it can be read");
        if page.entries.is_empty() {
            break;
        }
        history.extend(seqs(&page));
        assert!(history.len() <= 6, "{history:?}");
        cursor = page.next;
        // What is committed meanwhile may lie before what is not committed yet.
        count(&*store).await.expect("it is applied");
    }
    assert_eq!(history, [1, 2, 3, 4, 5, 6]);
}

async fn what_is_not_there_is_not_made(server: &Server) {
    println!("what_is_not_there_is_not_made");
    let url = server.database("nothing");
    let open = || {
        let options = Options { existing: true, ..Options::default() };
        PostgresStore::open(&url, sample::schema(), options)
    };
    let missing = open().await.err().expect("there is nothing");
    assert!(matches!(&missing, StoreError::Missing(why) if why.contains("no table")), "{missing}");
    let tables = server.sql("nothing", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(tables.trim(), "0");
    count(&*opened(&url).await).await.expect("it is applied");
    audit(&open().await.expect("it is there"), sample::judge()).await.expect("it is serial");
}

async fn the_tail_waits_for_transactions_that_are_not_over(server: &Server) {
    println!("the_tail_waits_for_transactions_that_are_not_over");
    let store = opened(&server.database("tail")).await;
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..6u64 {
        let store = store.clone();
        let load = Load { clients: 1, requests: 60, rows: 3, seed: client };
        tasks.spawn(async move { hammer(&store, load).await });
    }
    // Followed while it grows: nothing may be skipped.
    let (mut seen, mut cursor, mut tally) = (HashSet::<TxId>::new(), Cursor::START, Tally::default());
    loop {
        let page = store.journal(cursor, 7).await.expect("it can be read");
        seen.extend(page.entries.iter().map(|e| e.tx));
        cursor = page.next;
        match tasks.try_join_next() {
            Some(done) => tally.applied.extend(done.expect("no client panics").applied),
            None if tasks.is_empty() && page.entries.is_empty() => break, // autovacuum is off: nothing else is under way
            None => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
    assert_eq!(seen, tally.applied);
}

async fn cut_connections_lose_and_repeat_nothing(server: &Server) {
    println!("cut_connections_lose_and_repeat_nothing");
    let direct = server.database("cut");
    let proxy = Proxy::to(server.port(), 5).await;
    let store = opened(&server.url("cut", proxy.port())).await;
    proxy.cut(true);
    let tally = hammer(&store, Load { clients: 8, requests: 80, rows: 3, seed: 3 }).await;
    proxy.cut(false);
    println!(
        "{} cuts, {} applied, {} failed, {} looked up, {} unknown",
        proxy.cuts(),
        tally.applied.len(),
        tally.failed,
        tally.resolved,
        tally.unknown.len()
    );
    assert!(proxy.cuts() > 20 && tally.failed > 10 && tally.applied.len() > 50);
    hammer::check(&*opened(&direct).await, &tally).await.expect("the journal is serial");
}

async fn crashes_lose_nothing(server: &mut Server) {
    println!("crashes_lose_nothing");
    let crashes: u64 = std::env::var("ARCH_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let url = server.database("crash");
    let store = opened(&url).await;
    let mut all = Tally::default();
    for crash in 0..crashes {
        // More than a fast machine gets through before the crash.
        let (store, load) = (store.clone(), Load { clients: 8, requests: 1_500, rows: 3, seed: crash });
        let clients = tokio::spawn(async move { hammer(&store, load).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.crash();
        server.run();
        let tally = clients.await.expect("no client panics");
        println!("{} applied, {} failed, {} unknown", tally.applied.len(), tally.failed, tally.unknown.len());
        all.applied.extend(tally.applied);
        all.unknown.extend(tally.unknown);
        all.failed += tally.failed;
    }
    assert!(all.failed > 0, "no client noticed");
    hammer::check(&*opened(&url).await, &all).await.expect("the journal is serial");
}
