//! What the store costs on PostgreSQL: `cargo run --release -p arch-runtime --features testing,postgres --example postgres_speed
//! [EACH]`, with a server from the system's package.
//!
//! Sixteen clients acquire items of their own (two rows and a journal entry each), by the store and by code written by hand for
//! this one transaction: rows locked, read and written by their keys, in as few round trips. Prints both, and the ratio.

#[path = "../tests/support/server.rs"]
#[allow(dead_code, reason = "it is shared")]
mod server;

use arch_runtime::store::postgres::{Options, PostgresStore};
use arch_runtime::store::{Policy, Store, TxId, transact};
use arch_runtime::testing::sample::{self, Request};
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

const CLIENTS: usize = 16;

type Parameter<'a> = &'a (dyn ToSql + Sync);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let Some(server) = server::Server::start() else { return };
    let each = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(500);
    let mut best = (f64::INFINITY, f64::INFINITY);
    for round in 0..3 {
        let stored = stored(&server.database(&format!("stored{round}")), each).await;
        let by_hand = by_hand(&server.database(&format!("hand{round}")), each).await;
        println!("by the store {:.0}/s · by hand {:.0}/s", 1.0 / stored, 1.0 / by_hand);
        best = (best.0.min(stored), best.1.min(by_hand));
    }
    println!("the store takes {:.2} times as long as code written by hand", best.0 / best.1);
}

/// Seconds for each transaction, by so many clients at once.
async fn timed<F: Future<Output = ()> + Send + 'static>(each: usize, client: impl Fn(usize) -> F) -> f64 {
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|n| tokio::spawn(client(n))).collect();
    for client in clients {
        client.await.expect("a client failed");
    }
    start.elapsed().as_secs_f64() / (CLIENTS * each) as f64
}

async fn stored(url: &str, each: usize) -> f64 {
    let options = Options { connections: CLIENTS, ..Options::default() };
    let store = PostgresStore::open(url, sample::schema(), options).await.expect("a new database");
    let store: Arc<dyn Store> = Arc::new(store);
    timed(each, |client| {
        let store = store.clone();
        async move {
            for i in 0..each {
                let request =
                    Request::Acquire { item: format!("i{client}_{i}"), client: format!("c{client}_{i}") };
                transact(&*store, request.transition(), &Policy::default()).await.expect("it is applied");
            }
        }
    })
    .await
}

/// The same tables, the same rows.
async fn by_hand(url: &str, each: usize) -> f64 {
    drop(PostgresStore::open(url, sample::schema(), Options::default()).await.expect("a new database"));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server is there");
        tokio::spawn(connection);
        clients.push(Arc::new(client));
    }
    timed(each, |n| one_by_hand(clients[n].clone(), n, each)).await
}

async fn one_by_hand(sql: Arc<Client>, n: usize, each: usize) {
    let claim =
        "SELECT _version, owner_id, expiry_at, epoch, status FROM claim_state WHERE item = $1 FOR UPDATE";
    let local = "SELECT _version, my_epoch FROM client WHERE client = $1 FOR UPDATE";
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let put_claim = "INSERT INTO claim_state (_version, _updated_at, _updated_by, item, owner_id, expiry_at, epoch, status) \
                     VALUES (1, $1, $2, $3, $2, $1, 1, 'HELD')";
    let put_local =
        "INSERT INTO client (_version, _updated_at, _updated_by, client, my_epoch) VALUES (1, $1, $2, $2, 1)";
    let append = "INSERT INTO arch_journal (tx, body) VALUES ($1::text::uuid, $2) RETURNING seq";
    let prepare = async |text| sql.prepare(text).await.expect("it is SQL");
    let (claim, local, now) = (prepare(claim).await, prepare(local).await, prepare(now).await);
    let (put_claim, put_local, append) =
        (prepare(put_claim).await, prepare(put_local).await, prepare(append).await);
    let body = "x".repeat(330);
    for i in 0..each {
        let (item, client) = (format!("i{n}_{i}"), format!("c{n}_{i}"));
        let (of_item, of_client): ([Parameter<'_>; 1], [Parameter<'_>; 1]) = ([&item], [&client]);
        // What is joined is sent at once: a round trip.
        let read = tokio::join!(
            sql.batch_execute("BEGIN"),
            sql.query_opt(&claim, &of_item),
            sql.query_opt(&local, &of_client),
            sql.query_one(&now, &[])
        );
        let at: i64 = read.3.expect("the time").get(0);
        let tx = TxId::fresh().to_string();
        let (held, mine, entry): ([Parameter<'_>; 3], [Parameter<'_>; 2], [Parameter<'_>; 2]) =
            ([&at, &client, &item], [&at, &client], [&tx, &body]);
        let written = tokio::join!(
            sql.execute(&put_claim, &held),
            sql.execute(&put_local, &mine),
            sql.query_one(&append, &entry)
        );
        assert!(written.0.is_ok() && written.1.is_ok() && written.2.is_ok(), "{written:?}");
        sql.batch_execute("COMMIT").await.expect("it is committed");
    }
}
