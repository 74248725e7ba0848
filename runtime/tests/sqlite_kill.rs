//! SIGKILL under load: what was acknowledged is there, once, and the journal is serial.
//!
//! `ARCH_KILLS=200 cargo test -p arch-runtime --test sqlite_kill` for the long run.
#![cfg(feature = "sqlite")]

use arch_runtime::journal::audit;
use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::store::{Policy, Store, TxId, Verdict, transact};
use arch_runtime::testing::hammer::random_request;
use arch_runtime::testing::sample;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const DATABASE: &str = "ARCH_KILL_DATABASE";
const SEED: &str = "ARCH_KILL_SEED";

/// How long a child may take to its first commit.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, sample::schema(), Options::default()).expect("the database can be opened")
}

/// The child: commits as fast as it can and says what was acknowledged, until it is killed.
#[test]
#[ignore = "it is run, and killed, by the other test"]
fn child() {
    let path = std::env::var(DATABASE).expect("the parent says which database");
    let seed: u64 = std::env::var(SEED).ok().and_then(|s| s.parse().ok()).expect("the parent gives a seed");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads can be made").block_on(async move {
        let store: Arc<dyn Store> = Arc::new(open(Path::new(&path)));
        let clients = (0..16).map(|client| {
            let (store, random) = (store.clone(), fastrand::Rng::with_seed(seed * 100 + client));
            tokio::spawn(one_client(store, random))
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("clients go on for ever");
        }
    });
}

async fn one_client(store: Arc<dyn Store>, mut random: fastrand::Rng) {
    loop {
        let transition = random_request(&mut random, 4).transition();
        let settled = transact(&*store, transition, &Policy::default()).await.expect("the store works");
        if let Verdict::Applied(applied) = settled.verdict {
            // One write for one line: a line is there or not.
            let line = format!("ACK {}\n", applied.entry.tx);
            std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent listens");
        }
    }
}

/// Runs the child, kills it a while after its first commit was acknowledged, and returns what it said was acknowledged.
fn run_and_kill(path: &Path, seed: u64, after: Duration) -> Vec<TxId> {
    let mut child = Command::new(std::env::current_exe().expect("this test is a file"))
        .args(["child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let (first, committed) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let lines = lines.lines().map_while(Result::ok);
        let acknowledged = lines.filter_map(|l| TxId::parse(l.split("ACK ").nth(1)?));
        acknowledged.inspect(|_| _ = first.send(())).collect::<Vec<_>>()
    });
    // A busy machine takes its time to start a process: what is to be broken off is commits, not that.
    committed.recv_timeout(PATIENCE).expect("the child commits");
    std::thread::sleep(after);
    child.kill().expect("it is still running");
    child.wait().expect("it is dead");
    reader.join().expect("its output was read")
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let kills: u64 = std::env::var("ARCH_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    // Not in /tmp, which may be memory: the file shall be on a disk.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room");
    let path = folder.path().join("truth.db");
    let mut random = fastrand::Rng::with_seed(kills);
    let mut acknowledged = 0;
    for kill in 0..kills {
        let acks = run_and_kill(&path, kill, Duration::from_millis(random.u64(0..200)));
        acknowledged += acks.len();
        let store = open(&path);
        for tx in acks {
            assert!(store.find(tx).await.expect("it can be asked").is_some(), "kill {kill}: {tx} was lost");
        }
        if kill % 10 == 9 || kill + 1 == kills {
            store.verify().await.expect("the file is whole");
            let validated = audit(&store, sample::judge()).await;
            let count = validated.unwrap_or_else(|e| panic!("kill {kill}: {e}")).count();
            println!("{} kills, {acknowledged} acknowledged, {count} committed", kill + 1);
            assert!(count >= acknowledged as u64);
        }
    }
    assert!(acknowledged as u64 > kills * 10, "there was hardly any load: {acknowledged}");
}
