//! The demo, as it is: the service, workers as processes, one of them killed; and its journal, which is a behaviour of the spec.

#[allow(dead_code, reason = "it is shared")]
#[rustfmt::skip]
#[path = "../../../runtime/tests/support/server.rs"]
mod server;
#[path = "support/subject.rs"]
mod subject;

use arch_trace::check;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;
use subject::subject;

/// Runs the demo; what it says.
fn demo(folder: &Path, store: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    let output = command
        .arg(folder)
        .env("JOB_QUEUE__STORE__URL", store)
        .output();
    let output = output.expect("it can be run");
    let log = fs::read_to_string(folder.join("job-queue.log")).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = text(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}{log}",
        text(&output.stderr)
    );
    told
}

/// Twelve jobs were handed in and are done, once each, one of them after its worker died; all as the spec says.
fn survives_a_dead_worker(folder: &Path, store: &str) {
    let told = demo(folder, store);
    for word in ["is killed", "every job is done, once"] {
        assert!(told.contains(word), "{told}");
    }
    let trace = fs::read(folder.join("trace.jsonl")).expect("a trace");
    let text = String::from_utf8_lossy(&trace).into_owned();
    let of = |op: &str| {
        text.lines()
            .filter(|line| line.contains(&format!("\"op\":\"{op}\"")))
            .count()
    };
    assert_eq!((of("intake.submit"), of("processing.finish")), (12, 12));
    assert_eq!(
        of("processing.claim"),
        13,
        "the dead worker's job is claimed again: {told}"
    );
    let checked = check(&subject(), Cursor::new(trace), None);
    assert!(checked.is_ok(), "{checked:?}");
    let forged = text.replacen(
        "\"op\":\"processing.finish\"",
        "\"op\":\"processing.renew\"",
        1,
    );
    let forged = check(&subject(), Cursor::new(forged.into_bytes()), None);
    assert!(forged.is_err(), "a trace that is none conforms");
}

#[test]
fn a_dead_worker_is_survived_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    survives_a_dead_worker(folder.path(), "sqlite:job-queue.db");
}

/// Whether the service was built with the feature `postgres`.
fn has_postgres() -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_job-queue"));
    let command = command
        .arg("config")
        .env("JOB_QUEUE__STORE__URL", "postgres://localhost/x");
    command.output().expect("it can be run").status.success()
}

#[test]
fn a_dead_worker_is_survived_on_postgres() {
    if !has_postgres() {
        // Past the capture of the test's output: a test that did not run must not look like one that did.
        let told = b"\n*** NOT RUN: job-queue was built without the feature `postgres`\n\n";
        return std::io::stderr().write_all(told).expect("somebody listens");
    }
    let Some(server) = server::Server::start() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    survives_a_dead_worker(folder.path(), &server.database("jobs"));
}
