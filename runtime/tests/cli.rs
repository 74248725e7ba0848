//! The command line of a service, as a process: serving until SIGTERM, traces, a database of another spec.
#![cfg(all(feature = "http", feature = "sqlite", unix))]

#[path = "support/http.rs"]
mod http;

use arch_runtime::cli;
use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::testing::{sample, service};
use http::{ask, text};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// The service as a program: the arguments come from a variable, because the test's own are the harness's.
#[test]
fn program() {
    let Ok(arguments) = std::env::var("ARCH_ARGUMENTS") else { return };
    let arguments = std::iter::once("sample").chain(arguments.split('\u{1f}')).map(Into::into);
    let done = cli::run("sample", |_| Ok(service::service()), arguments, std::env::vars());
    std::process::exit(match done {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("sample: {error}");
            error.status().into()
        }
    });
}

fn command(folder: &Path, port: u16, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    command
        .args(["program", "--exact", "--nocapture"])
        .current_dir(folder)
        .env("ARCH_ARGUMENTS", arguments.join("\u{1f}"))
        .env("SAMPLE__HTTP__LISTEN", format!("127.0.0.1:{port}"))
        .env("SAMPLE__DRAIN__DELAY", "10ms");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, 0, arguments).output().expect("it can be run")
}

fn text_of(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has one").port()
}

struct Running(Child, SocketAddr);

impl Running {
    async fn start(folder: &Path, port: u16) -> Running {
        let child = command(folder, port, &["serve"]).stderr(Stdio::piped()).spawn().expect("it can be run");
        let running = Running(child, SocketAddr::from(([127, 0, 0, 1], port)));
        for _ in 0..1_000 {
            if ask(running.1, &text("GET", "/readyz", &[], "")).await.is_some_and(|r| r.0 == 200) {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it is not ready");
    }

    fn terminate(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().is_ok_and(|s| s.success()));
        self.0.wait().expect("it ends").code()
    }
}

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
    assert_eq!(running.terminate(), Some(0));
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
