//! Ctrl-C: a partial report and exit status 3.
#![cfg(unix)]

mod common;

use common::{Dir, specs};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough that a started check has begun to explore, short enough to wait for.
const BEGUN: Duration = Duration::from_millis(1500);

fn start(dir: &Dir, args: &[&str]) -> Child {
    dir.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

#[test]
fn ctrl_c_ends_in_a_partial_report() {
    let dir = Dir::with(&[("a.arch", specs::HUGE), ("b.arch", specs::HUGE)]);
    for engine in ["explorer", "oracle"] {
        let begun = Instant::now();
        let child = start(&dir, &["check", "a.arch", "b.arch", "--engine", engine]);
        std::thread::sleep(BEGUN);
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{engine}: {stdout}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{engine} heeds Ctrl-C");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{engine}: nobody watches");
        assert!(stdout.starts_with("INCONCLUSIVE a.arch · "), "{engine}: {stdout}");
        assert!(stdout.lines().next().unwrap_or_default().contains("interrupted"), "{engine}: {stdout}");
        assert!(stdout.contains("INCONCLUSIVE b.arch · not checked · interrupted"), "{engine}: {stdout}");
    }
}

#[test]
fn ctrl_c_leaves_json_whole() {
    let dir = Dir::with(&[("a.arch", specs::HUGE)]);
    let child = start(&dir, &["check", "a.arch", "--format", "json"]);
    std::thread::sleep(BEGUN);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["specs"][0]["verdict"], "inconclusive");
    assert_eq!(document["specs"][0]["complete"], false);
    assert!(document["specs"][0]["distinct_states"].as_u64().unwrap() > 0);
}

#[test]
fn explore_serves_until_ctrl_c() {
    let dir = Dir::with(&[("a.arch", specs::HOLDS)]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = start(&dir, &["explore", "a.arch", "--address", &free]);
    let begun = Instant::now();
    while std::net::TcpStream::connect(&free).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody serves {free}");
        std::thread::sleep(Duration::from_millis(50));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("http://{free}/")));
}
