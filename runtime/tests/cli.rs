//! The command line of a service, as a process: serving until SIGTERM, traces, a database of another spec.
#![cfg(all(feature = "http", feature = "sqlite", unix))]

#[path = "support/http.rs"]
mod http;
#[path = "support/program.rs"]
mod program;

use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::testing::sample;
use http::{ask, text};
use program::{Running, command, free_port, run, text_of};

#[tokio::test]
async fn a_service_runs_until_it_is_told_to_stop_and_its_trace_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let running = Running::start(folder.path(), port).await;
    for i in 0..5 {
        let body = format!(r#"{{"self": "c", "item": "i{i}"}}"#);
        let reply = ask(running.1, &text("POST", "/v1/main/acquire", &[], &body)).await;
        assert_eq!(reply.map(|r| r.0), Some(200));
    }
    let healthy = command(folder.path(), port, &["healthcheck"]).output().expect("it can be run");
    assert!(healthy.status.success(), "{}", text_of(&healthy));
    assert_eq!(running.terminate().status.code(), Some(0));
    let healthy = command(folder.path(), port, &["healthcheck"]).output().expect("it can be run");
    assert_eq!(healthy.status.code(), Some(1), "{}", text_of(&healthy));

    let exported = run(folder.path(), &["trace", "export", "--out", "t.jsonl"]);
    assert!(exported.status.success(), "{}", text_of(&exported));
    let checked = run(folder.path(), &["trace", "check", "t.jsonl"]);
    assert!(checked.status.success() && text_of(&checked).contains("5 events"), "{}", text_of(&checked));
    let path = folder.path().join("t.jsonl");
    let trace = std::fs::read_to_string(&path).expect("it is there");
    std::fs::write(&path, trace.replacen("\"out\":\"held\"", "\"out\":\"done\"", 1)).expect("it is written");
    let checked = run(folder.path(), &["trace", "check", "t.jsonl"]);
    assert_eq!(checked.status.code(), Some(1), "{}", text_of(&checked));
}

#[test]
fn what_cannot_be_served_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("sample.db");
    drop(SqliteStore::open(&database, sample::schema_of("sha256:other"), Options::default()));
    let refused = run(folder.path(), &["serve"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text_of(&refused));
    assert!(text_of(&refused).contains("sha256:other"), "{}", text_of(&refused));
    // The same tables under another hash: nothing stands in the way.
    assert!(run(folder.path(), &["migrate"]).status.success());
    std::fs::write(&database, "not a database").expect("it is written");
    assert_eq!(run(folder.path(), &["serve"]).status.code(), Some(4));
    std::fs::write(folder.path().join("sample.toml"), "[store]\nurll = \"x\"\n").expect("it is written");
    let wrong = run(folder.path(), &["serve"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text_of(&wrong));
    assert!(text_of(&wrong).contains("urll"), "{}", text_of(&wrong));
    assert_eq!(run(folder.path(), &["sing"]).status.code(), Some(2));
}

#[test]
fn the_configuration_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["config"][..], &["--print-config"]] {
        let printed = run(folder.path(), arguments);
        assert!(printed.status.success(), "{}", text_of(&printed));
        assert!(text_of(&printed).contains("url = \"sqlite:sample.db\""), "{}", text_of(&printed));
    }
}
