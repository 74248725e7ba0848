//! Two services over one database hand runs over by the outbox, while one of them is killed again and again.
#![allow(
    clippy::duplicate_mod,
    reason = "both servers are started in folders and on ports of their own by the same helpers"
)]

#[allow(dead_code, reason = "it is shared")]
#[rustfmt::skip]
#[path = "../../../runtime/tests/support/etcd.rs"]
mod etcd;
#[allow(dead_code, reason = "it is shared")]
#[rustfmt::skip]
#[path = "../../../runtime/tests/support/server.rs"]
mod postgres;
#[path = "support/subject.rs"]
mod subject;

use arch_runtime::client::{CallError, Endpoint, Key, Patience};
use arch_trace::check;
use job_queue::generated::client::ServiceClient;
use job_queue::generated::handlers::{ClaimRequest, SubmitRequest};
use job_queue::generated::rows::JobTruth;
use job_queue::generated::types::{Job, JobState, Producer, Worker};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use subject::subject;

/// How many jobs each worker claims, one after the other.
const JOBS: usize = 12;
const WORKERS: [&str; 4] = ["ann", "bob", "cid", "dora"];
/// How often a service is killed.
const KILLS: usize = 6;

/// A service that is killed when it is dropped, in the middle of whatever it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().expect("it runs until it is killed");
        self.0.wait().expect("it has ended");
    }
}

/// Two services over one database.
struct Pair {
    folder: tempfile::TempDir,
    store: String,
    addresses: [String; 2],
}

impl Pair {
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_job-queue"));
        command
            .current_dir(self.folder.path())
            .env("JOB_QUEUE__STORE__URL", &self.store);
        command
    }

    fn serve(&self, which: usize) -> Running {
        let mut command = self.command();
        command
            .env("JOB_QUEUE__HTTP__LISTEN", &self.addresses[which])
            .env("JOB_QUEUE__HANDOVER__STEPS", "processing.finish")
            .env("JOB_QUEUE__OUTBOX__POLL", "5ms")
            // What a killed service had taken comes up again when this is over.
            .env("JOB_QUEUE__OUTBOX__LEASE", "1s")
            .stderr(Stdio::null());
        Running(command.spawn().expect("it can be run"))
    }

    fn client(&self, which: usize, patience: Duration) -> ServiceClient {
        let address = format!("http://{}", self.addresses[which]);
        let endpoint = Endpoint::at(&address).expect("an address");
        ServiceClient::new(endpoint.patience(Patience::of(patience)))
    }

    /// Asks one service after the other, under one key, until one of them answers.
    async fn claim(&self, worker: &str, job: &Job, mut which: usize) {
        let (key, me) = (Key::fresh(), Worker(worker.into()));
        let request = ClaimRequest {
            me,
            job: Some(job.clone()),
        };
        let start = Instant::now();
        loop {
            let client = self.client(which, Duration::from_millis(300));
            match client.connection().ask_under(&key, &request).await {
                Ok(_) => return,
                // Of two services, one may be executing the request of the other's caller still.
                Err(error @ (CallError::GaveUp(_) | CallError::Denied(_))) => {
                    assert!(start.elapsed() < Duration::from_secs(60), "{error}");
                }
                Err(error) => panic!("{error}"),
            }
            which = 1 - which;
        }
    }

    /// Claims jobs, each when the service has finished the one before.
    async fn work(&self, worker: &str, first: usize) {
        let (asked, start) = (self.client(0, Duration::from_secs(60)), Instant::now());
        for n in 0..JOBS {
            let job = job(first + n);
            self.claim(worker, &job, n % 2).await;
            while asked
                .look::<JobTruth>(&job)
                .await
                .expect("it is shown")
                .row
                .state
                != JobState::Done
            {
                assert!(
                    start.elapsed() < Duration::from_secs(120),
                    "nobody finishes {job:?}"
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

fn job(n: usize) -> Job {
    Job(format!("primes-{}", 100 + n).into())
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has one").to_string()
}

/// The operations of a trace, each with how often it was committed.
fn counted(trace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let op = |line: &str| {
        Some(
            line.split_once("\"op\":\"")?
                .1
                .split('"')
                .next()?
                .to_owned(),
        )
    };
    for op in trace.lines().filter_map(op) {
        *counts.entry(op).or_default() += 1;
    }
    counts
}

async fn hand_over_survives_kills(store: &str) {
    let pair = Arc::new(Pair {
        folder: tempfile::tempdir().expect("a folder"),
        store: store.to_owned(),
        addresses: [free_address(), free_address()],
    });
    let (first, mut second) = (pair.serve(0), pair.serve(1));
    let all = JOBS * WORKERS.len();
    let producer = pair.client(0, Duration::from_secs(60));
    for n in 0..all {
        let me = Producer("p".into());
        let submit = SubmitRequest { me, job: job(n) };
        producer.submit(&submit).await.expect("it is new");
    }
    let mut work = tokio::task::JoinSet::new();
    for (n, worker) in WORKERS.into_iter().enumerate() {
        let pair = pair.clone();
        work.spawn(async move { pair.work(worker, n * JOBS).await });
    }
    // Other moments each time: what goes wrong shows in the trace.
    let mut kills = 0;
    while !work.is_empty() {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..350))).await;
        if kills < KILLS {
            drop(second);
            second = pair.serve(1);
            kills += 1;
        }
        while let Some(done) = work.try_join_next() {
            done.expect("a worker is not answered");
        }
    }
    assert!(kills >= 3, "the work was over after {kills} kills");
    // Whatever is left of the outbox has nothing to do any more.
    let start = Instant::now();
    loop {
        let list = pair
            .command()
            .args(["outbox", "list"])
            .output()
            .expect("it can be run");
        let told = String::from_utf8_lossy(&list.stdout).into_owned();
        if told.contains("is empty") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop((first, second));

    for arguments in [
        &["trace", "export", "--out", "t.jsonl"][..],
        &["trace", "check", "t.jsonl"],
    ] {
        let output = pair
            .command()
            .args(arguments)
            .output()
            .expect("it can be run");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = fs::read_to_string(pair.folder.path().join("t.jsonl")).expect("a trace");
    let checked = check(&subject(), Cursor::new(text.clone().into_bytes()), None);
    assert!(checked.is_ok(), "{checked:?}");
    let expected = ["intake.submit", "processing.claim", "processing.finish"];
    assert_eq!(
        counted(&text),
        expected.map(|op| (op.to_owned(), all)).into()
    );
}

/// Whether the service was built with what this URL needs; said loudly if not.
fn knows(store: &str, feature: &str) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_job-queue"));
    let command = command.arg("config").env("JOB_QUEUE__STORE__URL", store);
    let known = command.output().expect("it can be run").status.success();
    if !known {
        // Past the capture of the test's output: a test that did not run must not look like one that did.
        let told = format!("\n*** NOT RUN: job-queue was built without {feature}\n\n");
        std::io::stderr()
            .write_all(told.as_bytes())
            .expect("somebody listens");
    }
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    if !knows("postgres://localhost/x", "the feature `postgres`") {
        return;
    }
    let Some(server) = postgres::Server::start() else {
        return;
    };
    hand_over_survives_kills(&server.database("jobs")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_etcd() {
    if !knows("etcd://localhost:2379/x", "`arch-runtime/etcd`") {
        return;
    }
    let Some(server) = etcd::Server::start(&[]) else {
        return;
    };
    hand_over_survives_kills(&server.url("jobs")).await;
}
