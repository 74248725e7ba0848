//! The harness itself: the tiny sizes, and that it notices what is wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arch-benches"));
    command.args(["--profile", "dev"]);
    command
}

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().expect("the harness can be started");
    let text =
        [&output.stdout[..], &output.stderr[..]].map(|s| String::from_utf8_lossy(s).into_owned()).concat();
    (output, text)
}

/// The peers that are not installed are skipped, which the output says.
#[test]
fn all_tools_agree_on_the_tiny_sizes() {
    let (output, text) = run(harness().args(["--quick", "--without", "2 threads,NOCOMP"]));
    println!("{text}");
    assert!(output.status.success());
    for model in ["two_phase_commit", "fenced_lease", "philosophers", "log_shipping", "replicated_keys"] {
        assert!(text.contains(&format!("## {model}, tiny")), "{model} was not measured");
    }
    for tool in ["archc", "stateright natural BFS", "stateright packed DFS"] {
        assert_eq!(text.matches(&format!("\n| {tool} | ")).count(), 5, "{tool} did not run on every model");
    }
    for (tool, row) in [("SPIN", "\n| SPIN DFS | "), ("rumur", "\n| rumur packed | ")] {
        let skipped = text.contains(&format!("SKIPPED: {tool} cannot run"));
        assert_eq!(text.matches(row).count(), if skipped { 0 } else { 5 }, "{tool}");
    }
}

/// A program that prints this, whatever it is asked.
#[cfg(unix)]
fn pretender(name: &str, says: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, format!("#!/bin/sh\nprintf '%s\\n' '{says}'\n")).expect("a script can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("and made executable");
    path
}

#[cfg(unix)]
fn report(states: u64, transitions: u64, verdict: &str) -> String {
    format!(
        r#"{{"specs":[{{"verdict":"{verdict}","complete":true,"distinct_states":{states},"transitions":{transitions}}}]}}"#
    )
}

#[cfg(unix)]
#[test]
fn counts_that_differ_are_an_error() {
    let cases = [
        ("honest", report(8_832, 58_145, "holds"), 0, "## two_phase_commit"),
        ("states", report(8_831, 58_145, "holds"), 1, "8831 states instead of 8832"),
        ("transitions", report(8_832, 58_144, "holds"), 1, "58144 transitions instead of 58145"),
        ("verdict", report(8_832, 58_145, "violated"), 1, "verdict violated"),
    ];
    for (name, says, status, message) in cases {
        let archc = pretender(name, &says);
        let only = ["--quick", "--models", "two_phase_commit", "--tools", "no other"];
        let (output, text) = run(harness().args(only).arg("--archc").arg(archc));
        assert_eq!(output.status.code(), Some(status), "{name}: {text}");
        assert!(text.contains(message), "{name}: {text}");
    }
}

#[test]
fn a_missing_peer_is_explained() {
    let (output, text) = run(harness().env("PATH", ""));
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("apt-get install spin gcc"), "{text}");
}

#[test]
fn names_that_do_not_exist_are_refused() {
    let archc = ["--archc", env!("CARGO_BIN_EXE_arch-benches"), "--tools", "no other"];
    for wrong in [["--models", "three_phase_commit"], ["--sizes", "gigantic"], ["--without", "archc"]] {
        let (output, text) = run(harness().args(archc).args(wrong));
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {text}");
    }
}
