//! What group commit is worth: `cargo run --release -p arch-runtime --features testing --example sqlite_speed [FOLDER [EACH]]`.
//!
//! EACH is how many transitions each client does (1,000).
//! FOLDER (`target`, if not given) must be on a disk: in memory a sync costs nothing and there is nothing to gain. Prints transitions per
//! second with 64 clients, with a sync for each transition, and of a hand-written loop that inserts *the same rows*, in the same order, in
//! batches of 64; then the ratios, by the wall and by the processor.

use arch_runtime::Value;
use arch_runtime::journal::Cursor;
use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::store::{Policy, Store, transact};
use arch_runtime::testing::sample::{self, Request, TTL};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: usize = 64;
const ROUNDS: usize = 3;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target".into());
    let folder = tempfile::tempdir_in(folder).expect("there is room");
    let each = std::env::args().nth(2).and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let path = |name: &str, n: u128| folder.path().join(format!("{name}{n}"));
    let alone = Options { group_commit: false, ..Options::default() };
    let single = run(&path("single", 0), alone, 1, 200).await;
    let (mut grouped, mut hand) = (Speed::default(), Speed::default());
    for round in 0..ROUNDS as u128 {
        let (to, by) = (path("grouped", round), path("hand", round));
        let store = run(&to, Options::default(), CLIENTS, each).await;
        let loop_ = by_hand(&by, &written(&to).await, Duration::ZERO);
        println!("group commit {store} · by hand {loop_}");
        (grouped, hand) = (grouped.best(store), hand.best(loop_));
    }
    println!("one sync for each transition: {single}");
    let (of_store, of_hand) = (grouped.rate / single.rate, hand.rate / single.rate);
    println!(
        "group commit is {of_store:.0} times as fast as that, the loop written by hand {of_hand:.0} times"
    );
    println!(
        "group commit takes {:.2} times as long as the loop, {:.2} times as much processor",
        hand.rate / grouped.rate,
        grouped.processor / hand.processor
    );
    for delay in [4, 10].map(Duration::from_millis) {
        let slow = |group_commit| Options { group_commit, sync_delay: delay, ..Options::default() };
        let to = path("slow", delay.as_millis());
        let single = run(&path("slow-single", delay.as_millis()), slow(false), CLIENTS, 3).await;
        let grouped = run(&to, slow(true), CLIENTS, 200).await;
        let hand = by_hand(&path("slow-hand", delay.as_millis()), &written(&to).await, delay);
        println!(
            "syncs that take {delay:?} longer, {CLIENTS} clients: {:.0}/s one by one, together {:.1} times as fast, by hand {:.1} times",
            single.rate,
            grouped.rate / single.rate,
            hand.rate / single.rate
        );
    }
}

/// Every client acquires items of its own, so that every transition writes two new rows.
async fn run(path: &Path, options: Options, clients: usize, each: usize) -> Speed {
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
    start.each(clients * each)
}

/// What a transition wrote.
struct Written {
    tx: [u8; 16],
    body: String,
    now: i64,
    item: String,
    client: String,
}

/// What a store wrote, in the order in which it did.
async fn written(path: &Path) -> Vec<Written> {
    let store = SqliteStore::open(path, sample::schema(), Options::default()).expect("its database");
    let journal = store.journal(Cursor::START, usize::MAX).await.expect("it can be read");
    let id = |value: &Value| match value {
        Value::Id(id) => id.to_string(),
        other => panic!("no id: {other:?}"),
    };
    let one = |entry: &arch_runtime::journal::Entry| Written {
        tx: entry.tx.0.to_be_bytes(),
        body: entry.body(store.schema()).expect("it was one"),
        now: entry.now.millis(),
        item: id(&entry.writes[0].row.key[0]),
        client: id(&entry.writes[1].row.key[0]),
    };
    journal.entries.iter().map(one).collect()
}

/// The same rows, with nothing evaluated or checked: the tables are those of the store, the statements are prepared once.
fn by_hand(path: &Path, rows: &[Written], delay: Duration) -> Speed {
    drop(SqliteStore::open(path, sample::schema(), Options::default()).expect("a new database"));
    let mut sql = Connection::open(path).expect("it is a database");
    sql.execute_batch("PRAGMA synchronous = FULL").expect("it can be set");
    let start = Start::now();
    for (batch, seq) in rows.chunks(CLIENTS).zip((1i64..).step_by(CLIENTS)) {
        let transaction = sql.transaction().expect("it can begin");
        let prepare = |text| transaction.prepare_cached(text).expect("it is SQL");
        let mut claim = prepare(
            "INSERT INTO claim_state (_version, _updated_at, _updated_by, item, owner_id, expiry_at, epoch, status)
             VALUES (1, ?1, 'c0', ?2, ?3, ?4, 1, 'HELD')",
        );
        let mut local = prepare(
            "INSERT INTO client (_version, _updated_at, _updated_by, client, my_epoch) VALUES (1, ?1, 'c0', ?2, 1)",
        );
        let mut journal = prepare("INSERT INTO arch_journal (seq, tx, body) VALUES (?1, ?2, ?3)");
        for (row, seq) in batch.iter().zip(seq..) {
            let Written { tx, body, now, item, client } = row;
            claim.execute(params![now, item, client, now + TTL as i64]).expect("it is new");
            local.execute(params![now, client]).expect("it is new");
            journal.execute(params![seq, tx, body]).expect("it is new");
        }
        drop((claim, local, journal));
        transaction.commit().expect("it is on the disk");
        std::thread::sleep(delay);
    }
    start.each(rows.len())
}

/// How fast something was.
#[derive(Clone, Copy)]
struct Speed {
    /// Transitions per second.
    rate: f64,
    /// Microseconds of processor for each.
    processor: f64,
}

impl Default for Speed {
    fn default() -> Self {
        Speed { rate: 0.0, processor: f64::INFINITY }
    }
}

impl Speed {
    /// The better of each.
    fn best(self, other: Speed) -> Speed {
        Speed { rate: self.rate.max(other.rate), processor: self.processor.min(other.processor) }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s, {:.1} µs of processor each", self.rate, self.processor)
    }
}

/// When something began, by the wall and by the processor: on a busy machine the second says more.
struct Start(Instant, f64);

impl Start {
    fn now() -> Start {
        Start(Instant::now(), processor())
    }

    fn each(&self, count: usize) -> Speed {
        let count = count as f64;
        Speed {
            rate: count / self.0.elapsed().as_secs_f64(),
            processor: (processor() - self.1) * 1e6 / count,
        }
    }
}

/// Seconds of processor that this process has used, all threads; 0 where Linux's `/proc` is not there.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
