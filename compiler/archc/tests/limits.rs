//! Limits of the whole process: memory that is asked to be kept, and memory that the system refuses.
#![cfg(target_os = "linux")]

mod common;

use common::{Dir, specs};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The most memory that a process has had so far, in bytes.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Exit status, report and peak memory of a check.
fn run(dir: &Dir, args: &[&str]) -> (Option<i32>, String, u64) {
    let mut child = dir.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = peak(&child).unwrap_or(0).max(most);
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), most)
}

#[test]
fn a_limit_of_memory_is_kept_by_the_process() {
    let dir = Dir::with(&[("a.arch", specs::HUGE)]);
    for threads in ["1", "2"] {
        let check = |limit: &[&str]| {
            // Machine code takes 4 MiB that are no states; when it comes would depend on the clock.
            let always = ["check", "a.arch", "--no-symmetry", "--engine", "jit", "--threads", threads];
            run(&dir, &[&always, limit].concat())
        };
        // The end of so short a run is easily missed.
        let least = (0..5).map(|_| check(&["--max-states", "1"]).2).max().unwrap();
        for mebibytes in [32, 64] {
            let limit = mebibytes << 20;
            let (status, text, peak) = check(&["--max-memory", &format!("{mebibytes}MiB")]);
            assert_eq!(status, Some(3), "{text}");
            assert!(text.lines().next().unwrap_or_default().contains("memory"), "{text}");
            let used = peak.saturating_sub(least);
            assert!(used <= limit + limit / 10, "{used} of {limit} bytes, {threads} threads");
            assert!(used >= limit / 3, "{used} of {limit} bytes, {threads} threads");
        }
    }
}

#[test]
fn memory_that_the_system_refuses_ends_in_a_report() {
    let dir = Dir::with(&[("a.arch", specs::HUGE)]);
    for kibibytes in [300_000, 400_000] {
        let archc = env!("CARGO_BIN_EXE_archc");
        let script = format!("ulimit -v {kibibytes}; exec {archc} check a.arch --no-symmetry --threads 1");
        let output = Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.starts_with("INCONCLUSIVE a.arch · "), "{text}");
        assert!(text.lines().next().unwrap_or_default().contains("memory"), "{text}");
    }
}

#[test]
fn memory_that_is_refused_before_anything_is_read_is_said() {
    let archc = env!("CARGO_BIN_EXE_archc");
    let script = format!("ulimit -v 150000; exec {archc} check a.arch");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{complaint}");
    assert!(complaint.contains("no memory for a stack"), "{complaint}");
}

#[test]
fn figures_are_reported_when_asked_for() {
    let dir = Dir::with(&[("a.arch", specs::HOLDS)]);
    let plain = dir.archc(&["check", "a.arch"]).expect(0);
    assert!(!plain.stdout.contains("storage"), "{}", plain.stdout);
    let run = dir.archc(&["check", "a.arch", "--stats"]).expect(0).quiet();
    for part in
        ["  storage   exact, one of states up to symmetry: ", "\n  depths ", "main.take", "main.release"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    let document =
        dir.archc(&["check", "a.arch", "--no-symmetry", "--stats", "--format", "json"]).expect(0).json();
    let spec = &document["specs"][0];
    let figures = &spec["statistics"];
    assert_eq!((&figures["exact"], &figures["symmetric"]), (&true.into(), &false.into()));
    let sum =
        |list: &serde_json::Value| list.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>();
    assert_eq!(Some(sum(&figures["levels"])), spec["distinct_states"].as_u64());
    assert_eq!(sum(&figures["out_degrees"]), sum(&figures["levels"]));
    let schema = include_str!("../../../docs/report.schema.json");
    let errors = common::schema::errors(&serde_json::from_str(schema).unwrap(), &document);
    assert!(errors.is_empty(), "{errors:?}");
}
