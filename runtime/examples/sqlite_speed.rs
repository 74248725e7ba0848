//! What group commit is worth: `cargo run --release -p arch-runtime --features testing --example sqlite_speed [FOLDER [EACH]]`.
//!
//! EACH is how many transitions each client does (1,000).
//! FOLDER (`target`, if not given) must be on a disk: in memory a sync costs nothing and there is nothing to gain. Prints transitions per
//! second with 64 clients, with a sync for each transition, and of a hand-written loop that inserts the same rows in batches of
//! the same size; then the ratios.

use arch_runtime::store::sqlite::{BATCH, Options, SqliteStore};
use arch_runtime::store::{Policy, Store, transact};
use arch_runtime::testing::sample::{self, Request};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: u64 = 64;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target".into());
    let folder = tempfile::tempdir_in(folder).expect("there is room");
    let each = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let single = run(&folder.path().join("single"), false, 1, 200).await.0;
    let mut best = (0.0, 0.0);
    for round in 0..3 {
        let grouped = run(&folder.path().join(format!("grouped{round}")), true, CLIENTS, each).await;
        let by_hand = by_hand(&folder.path().join(format!("hand{round}")), (CLIENTS * each) as usize);
        println!(
            "group commit {:.0}/s, {:.0} µs of processor each · by hand {:.0}/s, {:.0} µs",
            grouped.0, grouped.1, by_hand.0, by_hand.1
        );
        best = (f64::max(best.0, grouped.0), f64::max(best.1, by_hand.0));
    }
    println!("one sync for each transition: {single:.0}/s");
    println!("group commit is {:.0} times as fast as one sync for each transition", best.0 / single);
    println!("group commit takes {:.2} times as long as the loop written by hand", best.1 / best.0);
    for delay in [4, 10].map(Duration::from_millis) {
        let slow = |group_commit| Options { group_commit, sync_delay: delay, ..Options::default() };
        let path = |name: &str| folder.path().join(format!("{name}{}", delay.as_millis()));
        let single = run_with(&path("single"), slow(false), CLIENTS, 3).await.0;
        let grouped = run_with(&path("grouped"), slow(true), CLIENTS, 200).await.0;
        println!(
            "syncs that take {delay:?} longer, {CLIENTS} clients: {single:.0}/s one by one, {grouped:.0}/s together, \
             {:.0} times as fast",
            grouped / single
        );
    }
}

/// Every client acquires items of its own, so that every transition writes two new rows.
async fn run(path: &Path, group_commit: bool, clients: u64, each: u64) -> (f64, f64) {
    run_with(path, Options { group_commit, ..Options::default() }, clients, each).await
}

async fn run_with(path: &Path, options: Options, clients: u64, each: u64) -> (f64, f64) {
    let store = SqliteStore::open(path, sample::schema(), options).expect("a new database");
    let store: Arc<dyn Store> = Arc::new(store);
    let start = Start::now();
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..clients {
        let store = store.clone();
        tasks.spawn(async move {
            for i in 0..each {
                let request =
                    Request::Acquire { item: format!("i{client}_{i}"), client: format!("c{client}_{i}") };
                transact(&*store, request.transition(), &Policy::default()).await.expect("it is applied");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a client failed");
    }
    start.each((clients * each) as f64)
}

/// The same rows, with nothing evaluated or checked: the tables are those of the store, the statements are prepared once.
fn by_hand(path: &Path, rows: usize) -> (f64, f64) {
    drop(SqliteStore::open(path, sample::schema(), Options::default()).expect("a new database"));
    let mut sql = Connection::open(path).expect("it is a database");
    sql.execute_batch("PRAGMA synchronous = FULL").expect("it can be set");
    let body = "x".repeat(330);
    let start = Start::now();
    for batch in (0..rows).collect::<Vec<_>>().chunks(BATCH.min(CLIENTS as usize)) {
        let transaction = sql.transaction().expect("it can begin");
        for i in batch {
            let tx = arch_runtime::store::TxId::fresh().0.to_be_bytes();
            let mut claim = transaction
                .prepare_cached("INSERT INTO claim_state (_version, _updated_at, _updated_by, item, owner_id, expiry_at, epoch, status) VALUES (1, 1, 'c', ?1, ?2, 1, 1, 'HELD')")
                .expect("it is SQL");
            claim.execute(params![format!("i{i}"), format!("c{i}")]).expect("it is new");
            let mut local = transaction
                .prepare_cached("INSERT INTO client (_version, _updated_at, _updated_by, client, my_epoch) VALUES (1, 1, 'c', ?1, 1)")
                .expect("it is SQL");
            local.execute(params![format!("c{i}")]).expect("it is new");
            let mut journal = transaction
                .prepare_cached("INSERT INTO arch_journal (seq, tx, body) VALUES (?1, ?2, ?3)")
                .expect("it is SQL");
            journal.execute(params![*i as i64 + 1, tx, body]).expect("it is new");
        }
        transaction.commit().expect("it is on the disk");
    }
    start.each(rows as f64)
}

/// When something began, by the wall and by the processor: on a busy machine the second says more.
struct Start(Instant, f64);

impl Start {
    fn now() -> Start {
        Start(Instant::now(), processor())
    }

    /// How many per second, and microseconds of processor for each.
    fn each(&self, count: f64) -> (f64, f64) {
        (count / self.0.elapsed().as_secs_f64(), (processor() - self.1) * 1e6 / count)
    }
}

/// Seconds of processor that this process has used, all threads; 0 where Linux's `/proc` is not there.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
