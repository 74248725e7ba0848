//! The command line of a service, as a process: serving until SIGTERM, traces, a database of another spec.
#![cfg(all(feature = "http", feature = "sqlite", unix))]

#[path = "support/http.rs"]
mod http;
#[path = "support/program.rs"]
mod program;

use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::testing::sample;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use http::{ask, text};
use program::{Running, command, free_port, run, text_of};
use std::process::Command;

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

    // The same, said to have been done by an earlier version: that was judged by nobody.
    let own = sample::schema().spec().to_string();
    let (header, events) = trace.split_once('\n').expect("lines");
    let header = header.replacen(r#""dense""#, r#""earlier":["sha256:old"],"dense""#, 1);
    let forged = events.replace(&own, "sha256:old").replacen("\"out\":\"held\"", "\"out\":\"done\"", 1);
    std::fs::write(&path, format!("{header}\n{forged}")).expect("it is written");
    let checked = run(folder.path(), &["trace", "check", "t.jsonl"]);
    assert_eq!(checked.status.code(), Some(3), "{}", text_of(&checked));
    let told = text_of(&checked);
    assert!(
        told.contains("not judged, only put in order: 5 events of an earlier version, sha256:old"),
        "{told}"
    );
    let accepted = run(folder.path(), &["trace", "check", "t.jsonl", "--accept-earlier", "sha256:old"]);
    assert_eq!(accepted.status.code(), Some(0), "{}", text_of(&accepted));
}

/// Whoever is in the wrong folder is told so, and does not take a new database for theirs.
#[test]
fn commands_that_look_make_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let looks: [&[&str]; 5] = [
        &["trace", "export"],
        &["trace", "export", "--out", "t.jsonl"],
        &["outbox", "list"],
        &["outbox", "retry", "--all"],
        &["outbox", "drop", "00000000-0000-7000-8000-000000000001/0"],
    ];
    let refused = |arguments: &[&str], why: &str| {
        let output = run(folder.path(), arguments);
        let told = text_of(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(&format!("store.url is `sqlite:sample.db`: {why} sample.db")), "{told}");
    };
    let there = || {
        let files = std::fs::read_dir(folder.path()).expect("a folder");
        files.map(|f| f.expect("a file").file_name().into_string().expect("a name")).collect::<Vec<_>>()
    };
    looks.iter().for_each(|look| refused(look, "there is no database"));
    assert_eq!(there(), Vec::<String>::new());
    std::fs::write(folder.path().join("sample.db"), "").expect("it is written");
    looks.iter().for_each(|look| refused(look, "there is nothing in the database"));
    assert_eq!(
        (there(), std::fs::read(folder.path().join("sample.db")).ok()),
        (vec!["sample.db".into()], Some(vec![]))
    );
    let mut memory = command(folder.path(), 0, &["trace", "export"]);
    let memory = memory.env("SAMPLE__STORE__URL", "memory:").output().expect("it can be run");
    assert_eq!(memory.status.code(), Some(2), "{}", text_of(&memory));
    // Made by who may, it is looked at.
    assert!(run(folder.path(), &["migrate"]).status.success());
    assert!(run(folder.path(), &["trace", "export"]).status.success());
}

/// What a failed sync leaves on the disk is known to the next process alone, so this one must not go on answering that it lives.
#[tokio::test]
async fn a_store_that_only_a_restart_mends_ends_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(run(folder.path(), &["migrate"]).status.success());
    let port = free_port();
    // No file may become larger than 128 KiB: a commit then fails as on a disk that is broken.
    let inner = command(folder.path(), port, &["serve"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\""]).arg(inner.get_program());
    limited.args(inner.get_args()).current_dir(folder.path());
    limited.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let running = Running::by(limited.env("SAMPLE__DRAIN__DELAY", "3s"), port).await;
    let live = || async { ask(running.1, &text("GET", "/livez", &[], "")).await };
    assert_eq!(live().await.map(|r| r.0), Some(200));
    let mut applied = 0;
    let failed = loop {
        let body = format!(r#"{{"self": "c", "item": "i{applied}"}}"#);
        match ask(running.1, &text("POST", "/v1/main/acquire", &[], &body)).await {
            Some((200, _)) => applied += 1,
            other => break other,
        }
        assert!(applied < 5_000, "the limit is never reached");
    };
    assert_eq!(failed.as_ref().map(|r| r.0), Some(503), "{failed:?}");
    let (status, why) = live().await.expect("it still answers");
    assert!(status == 503 && why.contains("the disk failed in a commit"), "{status} {why}");
    let output = running.output();
    assert_eq!(output.status.code(), Some(70), "{}", text_of(&output));
    assert!(text_of(&output).contains("the database must be opened again"), "{}", text_of(&output));
    // Whoever starts it again has everything that was acknowledged.
    let running = Running::start(folder.path(), free_port()).await;
    assert!(running.terminate().status.success());
    let exported = run(folder.path(), &["trace", "export"]);
    let events = text_of(&exported).matches("main.acquire").count();
    assert!(events == applied || events == applied + 1, "{events} of {applied}");
}

/// What an instance owns that lives in the process is given back when it is told to stop, and nothing else.
#[tokio::test]
async fn what_is_owned_here_is_given_back_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut serve = command(folder.path(), port, &["serve"]);
    serve.env("SAMPLE__HOSTS__CLIENT", "here,elsewhere");
    let running = Running::by(serve, port).await;
    for (client, item) in [("here", "a"), ("here", "b"), ("another", "c")] {
        let body = format!(r#"{{"self": "{client}", "item": "{item}"}}"#);
        let reply = ask(running.1, &text("POST", "/v1/main/acquire", &[], &body)).await;
        assert_eq!(reply.map(|r| r.0), Some(200));
    }
    let told = text_of(&running.terminate());
    assert!(told.contains("client/elsewhere,client/here") && told.contains("released=2"), "{told}");
    let exported = run(folder.path(), &["trace", "export", "--out", "t.jsonl"]);
    assert!(exported.status.success(), "{}", text_of(&exported));
    let trace = std::fs::read_to_string(folder.path().join("t.jsonl")).expect("it is there");
    let released = trace.lines().filter(|line| line.contains("main.release"));
    assert_eq!(released.filter(|line| line.contains("\"here\"")).count(), 2, "{trace}");
    assert_eq!(trace.matches("main.release").count(), 2, "{trace}");
    assert!(run(folder.path(), &["trace", "check", "t.jsonl"]).status.success());
}

#[test]
fn who_can_give_nothing_back_is_said_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for (variable, value, said) in [
        ("SAMPLE__HOSTS__DOG", "rex", "hosts.dog: the spec has no actor `dog`"),
        ("SAMPLE__DRAIN__RELEASE", "main.acquire", "drain.release: `main.acquire` is no step by which"),
    ] {
        let refused = command(folder.path(), free_port(), &["serve"]).env(variable, value).output();
        let refused = refused.expect("it can be run");
        assert_eq!(refused.status.code(), Some(2), "{}", text_of(&refused));
        assert!(text_of(&refused).contains(said), "{}", text_of(&refused));
    }
}

#[cfg(feature = "tls")]
mod over_tls {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    /// A service over TLS, with client certificates or without, and more settings.
    fn settings(folder: &std::path::Path, mutual: bool) -> Vec<(&'static str, String)> {
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned()];
        let certificate =
            CertificateParams::new(names).expect("a name").self_signed(&key).expect("a certificate");
        let file = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).expect("it is written");
            name.to_owned()
        };
        let certificate = file("c.pem", certificate.pem());
        let mut all = vec![
            ("SAMPLE__TLS__CERTIFICATE", certificate.clone()),
            ("SAMPLE__TLS__KEY", file("c.key", key.serialize_pem())),
        ];
        if mutual {
            all.push(("SAMPLE__TLS__CLIENT_AUTHORITY", certificate));
        }
        all
    }

    /// Starts it; asks for its health until that is as it should be, or for some seconds.
    async fn healthy(folder: &std::path::Path, set: &[(&'static str, String)], said: &str) -> i32 {
        let port = free_port();
        let with = |arguments: &[&str]| {
            let mut command = command(folder, port, arguments);
            command.envs(set.iter().map(|(key, value)| (key, value)));
            command
        };
        let mut child = with(&["serve"]).stderr(std::process::Stdio::null()).spawn().expect("it can be run");
        let mut last = String::new();
        let mut status = -1;
        for _ in 0..300 {
            let output = with(&["healthcheck"]).output().expect("it can be run");
            (status, last) = (output.status.code().unwrap_or(-1), text_of(&output));
            if last.contains(said) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        assert!(last.contains(said), "{last}");
        status
    }

    #[tokio::test]
    async fn a_service_is_asked_whether_it_is_ready_where_that_can_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let ready = "\"status\":\"ready\"";
        assert_eq!(healthy(folder.path(), &settings(folder.path(), false), ready).await, 0, "over TLS");
        let mutual = settings(folder.path(), true);
        assert_eq!(healthy(folder.path(), &mutual, "is not known").await, 0, "with client certificates");
        let probes = ("SAMPLE__HTTP__PROBES", format!("127.0.0.1:{}", free_port()));
        let apart = [&mutual[..], &[probes]].concat();
        assert_eq!(healthy(folder.path(), &apart, ready).await, 0, "at an address of its own");
    }
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

/// Somebody downstream who answers with this status, and tells what was asked.
async fn downstream(status: u16, port: u16) -> tokio::sync::mpsc::UnboundedReceiver<(HeaderMap, String)> {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let hear = move |headers: HeaderMap, body: String| async move {
        let _ = tell.send((headers, body));
        StatusCode::from_u16(status).expect("a status")
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("it is free");
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/audit", post(hear))).await });
    told
}

/// What `outbox list` says.
fn listed(folder: &std::path::Path) -> serde_json::Value {
    let output = run(folder, &["outbox", "list", "--format", "json"]);
    assert!(output.status.success(), "{}", text_of(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // The harness of tests says something before it.
    serde_json::from_str(&text[text.find('{').expect("an object")..]).expect("JSON")
}

async fn until(folder: &std::path::Path, dead: u64, waiting: u64) -> serde_json::Value {
    for _ in 0..200 {
        let list = listed(folder);
        if (list["dead"].as_u64(), list["waiting"].as_u64()) == (Some(dead), Some(waiting)) {
            return list;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{}", listed(folder));
}

async fn released(running: &Running, item: &str) {
    for op in ["acquire", "release"] {
        let body = format!(r#"{{"self": "c", "item": "{item}"}}"#);
        let reply = ask(running.1, &text("POST", &format!("/v1/main/{op}"), &[], &body)).await;
        assert_eq!(reply.map(|r| r.0), Some(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_messages_are_looked_at_and_delivered_again_or_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = free_port();
    let settings = format!(
        "[outbox]\nattempts = 2\npoll = \"10ms\"\n[outbox.targets]\n\"audit.released\" = \"http://127.0.0.1:{to}/audit\"\n"
    );
    std::fs::write(folder.path().join("sample.toml"), settings).expect("it is written");
    assert!(run(folder.path(), &["migrate"]).status.success());
    let empty = run(folder.path(), &["outbox", "list"]);
    assert!(text_of(&empty).contains("The outbox of sqlite:sample.db is empty."), "{}", text_of(&empty));
    let running = Running::start(folder.path(), free_port()).await;
    released(&running, "a").await;
    let list = until(folder.path(), 1, 0).await;
    let message = &list["messages"][0];
    let id = message["id"].as_str().expect("text").to_owned();
    assert_eq!((&message["state"], &message["request"]), (&"dead".into(), &"a".into()));
    assert_eq!((&message["attempts"], &message["fencing_token"]), (&2.into(), &"ClaimState/a/1".into()));
    let told = text_of(&run(folder.path(), &["outbox", "list"]));
    for part in [
        "1 dead, 0 waiting",
        &id,
        "audit.released",
        "2 attempts",
        "given up after 2 attempts: http://",
        "Connection refused",
        "outbox retry ID",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }

    // Delivered again while the service runs, with all its attempts anew, and in the end under the same key and token.
    assert!(run(folder.path(), &["outbox", "retry", &id]).status.success());
    while until(folder.path(), 1, 0).await["messages"][0]["attempts"] == 2 {}
    assert_eq!(listed(folder.path())["messages"][0]["attempts"], 4);
    let mut heard = downstream(204, to).await;
    let retried = run(folder.path(), &["outbox", "retry", &id]);
    assert!(retried.status.success() && text_of(&retried).contains("is due again"), "{}", text_of(&retried));
    let (headers, body) = heard.recv().await.expect("it is delivered");
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    assert_eq!(body, "\"a\"");
    assert_eq!(header("idempotency-key"), Some(format!("\"{id}\"")));
    assert_eq!(header("fencing-token").as_deref(), Some("ClaimState/a/1"));
    until(folder.path(), 0, 0).await;
    let gone = run(folder.path(), &["outbox", "retry", &id]);
    assert_eq!(gone.status.code(), Some(1), "{}", text_of(&gone));
    assert!(text_of(&gone).contains(&format!("the outbox has no message {id}")), "{}", text_of(&gone));
    assert!(running.terminate().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_revived_and_dropped_while_nobody_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = free_port();
    let settings = format!(
        "[outbox]\npoll = \"10ms\"\n[outbox.targets]\n\"audit.released\" = \"http://127.0.0.1:{to}/audit\"\n"
    );
    std::fs::write(folder.path().join("sample.toml"), settings).expect("it is written");
    let mut refusing = downstream(400, to).await;
    let running = Running::start(folder.path(), free_port()).await;
    for item in ["a", "b", "c"] {
        released(&running, item).await;
        refusing.recv().await.expect("it is refused");
    }
    let list = until(folder.path(), 3, 0).await;
    assert!(running.terminate().status.success());
    let id = |n: usize| list["messages"][n]["id"].as_str().expect("text").to_owned();
    let url = format!("http://127.0.0.1:{to}/audit");
    assert_eq!(list["messages"][0]["error"], format!("{url}: status 400"));
    let some = text_of(&run(folder.path(), &["outbox", "list", "--dead", "--limit", "2"]));
    assert!(some.contains(&id(1)) && !some.contains(&id(2)) && some.contains("and 1 more"), "{some}");
    let dropped = run(folder.path(), &["outbox", "drop", &id(0)]);
    let told = text_of(&dropped);
    assert!(
        dropped.status.success() && told.contains("is dropped") && told.contains("What it said: \"a\""),
        "{told}"
    );
    assert!(told.contains("ClaimState/a stays where it is"), "{told}");
    assert_eq!(run(folder.path(), &["outbox", "drop", &id(0)]).status.code(), Some(1));
    let all = run(folder.path(), &["outbox", "retry", "--all"]);
    assert!(all.status.success() && text_of(&all).contains("2 messages are due again"), "{}", text_of(&all));
    let left = listed(folder.path());
    assert_eq!((&left["dead"], &left["waiting"]), (&0.into(), &2.into()));
    assert_eq!(left["messages"][0]["state"], "waiting");

    for wrong in [&["outbox", "retry"][..], &["outbox", "retry", "x"], &["outbox", "drop"], &["outbox"]] {
        let output = run(folder.path(), wrong);
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    }
    let told = text_of(&run(folder.path(), &["outbox", "drop", "x"]));
    assert!(told.contains("a message is called `TX/NUMBER`"), "{told}");
    let mut memory = command(folder.path(), 0, &["outbox", "list"]);
    let memory = memory.env("SAMPLE__STORE__URL", "memory:").output().expect("it can be run");
    assert_eq!(memory.status.code(), Some(2), "{}", text_of(&memory));
    assert!(text_of(&memory).contains("in the serving process alone"), "{}", text_of(&memory));

    // They are delivered, at once, by whoever serves next.
    let running = Running::start(folder.path(), free_port()).await;
    let mut bodies = Vec::new();
    for _ in 0..2 {
        bodies.push(refusing.recv().await.expect("it is delivered").1);
    }
    bodies.sort_unstable();
    assert_eq!(bodies, ["\"b\"", "\"c\""]);
    assert!(running.terminate().status.success());
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
