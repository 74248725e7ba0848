//! Steps that the service takes by itself, or of which it tells somebody: as processes, one of which is killed.

#[path = "support/subject.rs"]
mod subject;

use arch_runtime::client::{Endpoint, Patience};
use arch_trace::check;
use job_queue::generated::client::{FinishOutcome, ServiceClient};
use job_queue::generated::handlers::{ClaimRequest, FinishRequest, SubmitRequest};
use job_queue::generated::rows::JobTruth;
use job_queue::generated::types::{Job, JobState, Producer, Worker};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use subject::subject;

const JOB: &str = "primes-100";

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn service(folder: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_job-queue"));
    command.current_dir(folder);
    for (key, value) in settings {
        command.env(format!("JOB_QUEUE__{key}"), value);
    }
    command
}

fn serve(folder: &Path, address: &str, settings: &[(&str, &str)]) -> Running {
    let mut command = service(folder, settings);
    let command = command
        .env("JOB_QUEUE__HTTP__LISTEN", address)
        .stderr(Stdio::null());
    Running(command.spawn().expect("it can be run"))
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has one").to_string()
}

fn client(address: &str) -> ServiceClient {
    let endpoint = Endpoint::at(&format!("http://{address}")).expect("an address");
    ServiceClient::new(endpoint.patience(Patience::of(Duration::from_secs(60))))
}

/// A job is submitted.
async fn submitted(client: &ServiceClient) {
    let (job, me) = (Job(JOB.into()), Producer("p".into()));
    let submit = SubmitRequest { me, job };
    client.submit(&submit).await.expect("it is new");
}

/// A job is submitted, and ann has it.
async fn claimed(client: &ServiceClient) {
    submitted(client).await;
    let claim = ClaimRequest {
        me: Worker("ann".into()),
        job: Some(Job(JOB.into())),
    };
    client.claim(&claim).await.expect("it is ready");
}

async fn state(client: &ServiceClient) -> JobState {
    let job = client.look::<JobTruth>(&Job(JOB.into())).await;
    job.expect("it is shown").row.state
}

/// Waits until the job is done.
async fn done(client: &ServiceClient) {
    let start = Instant::now();
    while state(client).await != JobState::Done {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nobody finishes it"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The trace of a service that is not running, which both the service and archc find right: neither is told of hand-overs.
fn trace(folder: &Path) -> String {
    let export = service(folder, &[])
        .args(["trace", "export", "--out", "trace.jsonl"])
        .output();
    assert!(export.expect("it can be run").status.success());
    let own = service(folder, &[])
        .args(["trace", "check", "trace.jsonl"])
        .output();
    let own: Output = own.expect("it can be run");
    assert!(
        own.status.success(),
        "{}",
        String::from_utf8_lossy(&own.stderr)
    );
    let text = fs::read_to_string(folder.join("trace.jsonl")).expect("a trace");
    let checked = check(&subject(), Cursor::new(text.clone().into_bytes()), None);
    assert!(checked.is_ok(), "{checked:?}");
    text
}

/// The operations of a trace, each with what it wrote messages to.
fn ops(trace: &str) -> Vec<String> {
    let word = |line: &str, key: &str| {
        let rest = line
            .split_once(&format!("\"{key}\":"))?
            .1
            .trim_start_matches(['[', '"']);
        Some(rest.split('"').next()?.to_owned())
    };
    let event = |line: &str| {
        let op = word(line, "op")?;
        Some(word(line, "next").map_or_else(|| op.clone(), |next| format!("{op} -> {next}")))
    };
    trace.lines().filter_map(event).collect()
}

#[tokio::test]
async fn what_was_committed_before_a_crash_is_delivered_after_it() {
    let (folder, address) = (tempfile::tempdir().expect("a folder"), free_address());
    let steps = ("HANDOVER__STEPS", "processing.finish");
    // It looks for messages when it starts, and not again for an hour.
    let first = serve(folder.path(), &address, &[steps, ("OUTBOX__POLL", "1h")]);
    let asked = client(&address);
    claimed(&asked).await;
    assert_eq!(state(&asked).await, JobState::Leased);
    drop(first);
    // Hand-overs that were committed are delivered, whatever is configured now.
    let second = serve(folder.path(), &address, &[]);
    done(&asked).await;
    drop(second);
    let ops = ops(&trace(folder.path()));
    assert_eq!(
        ops,
        [
            "intake.submit",
            "processing.claim -> processing.finish",
            "processing.finish"
        ]
    );
}

#[tokio::test]
async fn what_is_handed_over_goes_on_in_the_trace_of_the_commit() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let (folder, address) = (tempfile::tempdir().expect("a folder"), free_address());
    let settings = [
        ("HANDOVER__STEPS", "processing.finish"),
        ("OUTBOX__POLL", "10ms"),
    ];
    let running = serve(folder.path(), &address, &settings);
    let asked = client(&address);
    submitted(&asked).await;
    let body = format!(r#"{{"self":"ann","job":"{JOB}"}}"#);
    let header = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let claimed = post(&address, "/v1/processing/claim", &header, &body);
    assert!(claimed.starts_with("HTTP/1.1 200 "), "{claimed}");
    done(&asked).await;
    drop(running);
    let trace = trace(folder.path());
    let ids: Vec<bool> = trace
        .lines()
        .filter(|line| line.contains("\"op\""))
        .map(|line| line.contains(&format!("\"trace_id\":\"{TRACE}\"")))
        .collect();
    // What was handed in before belongs to no trace, or to another.
    assert_eq!(ids, [false, true, true], "{trace}");
}

#[tokio::test]
async fn a_loop_is_taken_again_and_again_until_the_run_moves_on() {
    let (folder, address) = (tempfile::tempdir().expect("a folder"), free_address());
    let settings = [
        ("HANDOVER__STEPS", "processing.renew"),
        ("HANDOVER__PAUSE", "50ms"),
        ("OUTBOX__POLL", "10ms"),
    ];
    let running = serve(folder.path(), &address, &settings);
    let asked = client(&address);
    claimed(&asked).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let finished = asked
        .finish(&FinishRequest {
            me: Worker("ann".into()),
        })
        .await;
    assert_eq!(finished.expect("ann has it").outcome, FinishOutcome::Done);
    let start = Instant::now();
    while !get(&address, "/metrics").contains("arch_outbox_pending 0") {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "the last message stays"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(get(&address, "/metrics").contains("arch_outbox_dead 0"));
    drop(running);
    let ops = ops(&trace(folder.path()));
    let renewed = ops
        .iter()
        .filter(|op| *op == "processing.renew -> processing.renew")
        .count();
    assert!((2..=30).contains(&renewed), "{ops:?}");
    assert_eq!(renewed + 3, ops.len(), "{ops:?}");
}

/// Whoever is told asks for the step itself, and is refused once the run has moved on.
#[tokio::test]
async fn an_actor_elsewhere_is_told_and_fenced() {
    let (folder, address) = (tempfile::tempdir().expect("a folder"), free_address());
    let actor = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let told_at = actor.local_addr().expect("it has one");
    let text = format!(
        "[store]\nurl = \"sqlite:a.db\"\n[handover]\nsteps = [\"processing.finish\"]\n\
         [outbox]\npoll = \"10ms\"\n[outbox.targets]\n\"processing.finish\" = \"http://{told_at}/jobs\"\n"
    );
    fs::write(folder.path().join("job-queue.toml"), text).expect("it can be written");
    let _running = serve(folder.path(), &address, &[]);
    let asked = client(&address);
    claimed(&asked).await;
    let told = tokio::task::spawn_blocking(move || {
        let mut from = accepted(&actor);
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut part = [0; 1024];
            let n = from.read(&mut part).expect("a request");
            assert!(n > 0, "the request breaks off");
            request.extend_from_slice(&part[..n]);
        }
        from.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            .expect("it listens");
        String::from_utf8(request).expect("text")
    });
    let told = told.await.expect("it was told");
    assert!(told.starts_with("POST /jobs HTTP/1.1\r\n"), "{told}");
    let (head, body) = told.split_once("\r\n\r\n").expect("a head");
    assert_eq!(body, r#"{"self":"ann"}"#);
    assert!(head.contains("fencing-token: processing/ann/1"), "{head}");
    assert_eq!(
        state(&asked).await,
        JobState::Leased,
        "the service does not take it"
    );
    let ask = |fence: &str| {
        let header = format!("fencing-token: {fence}");
        post(&address, "/v1/processing/finish", &header, body)
    };
    let stale = ask("processing/ann/0");
    assert!(
        stale.starts_with("HTTP/1.1 409 ") && stale.contains("run.moved"),
        "{stale}"
    );
    assert_eq!(state(&asked).await, JobState::Leased);
    let right = ask("processing/ann/1");
    assert!(right.starts_with("HTTP/1.1 200 "), "{right}");
    let late = ask("processing/ann/1");
    assert!(
        late.starts_with("HTTP/1.1 409 ") && late.contains("run.moved"),
        "{late}"
    );
}

#[test]
fn what_cannot_be_handed_over_is_said_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for (step, why) in [
        (
            "processing.nope",
            "handover.steps: the spec has no step `processing.nope`",
        ),
        (
            "processing.claim",
            "`processing.claim` cannot be handed over: it begins a run",
        ),
    ] {
        let output = service(folder.path(), &[("HANDOVER__STEPS", step)]).output();
        let output = output.expect("it can be run");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), told.contains(why)),
            (Some(2), true),
            "{told}"
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "no database is made"
    );
}

/// Who connects; not for ever.
fn accepted(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a socket");
    let start = Instant::now();
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).expect("a socket");
            return stream;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "nobody is told");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn get(address: &str, path: &str) -> String {
    exchange(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    )
}

fn post(address: &str, path: &str, header: &str, body: &str) -> String {
    let head = "host: x\r\nconnection: close\r\ncontent-type: application/json";
    let length = body.len();
    let text = format!(
        "POST {path} HTTP/1.1\r\n{head}\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    exchange(address, &text)
}

fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    text
}
