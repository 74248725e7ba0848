//! What the README shows of archc's output is what archc prints.

mod common;

use common::Dir;
use std::path::Path;

const README: &str = include_str!("../../../README.md");

/// The repository's files, in the places that the README names.
fn project(files: &[&str]) -> Dir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dir = Dir::new();
    for file in files {
        dir.write(file, &std::fs::read(root.join(file)).unwrap());
    }
    dir
}

/// The text block of the README with this in it.
fn shown(part: &str) -> &'static str {
    let blocks = README.split("```text\n").skip(1).filter_map(|b| b.split("```").next());
    let mut with = blocks.filter(|b| b.contains(part));
    with.next().unwrap_or_else(|| panic!("no block with {part}"))
}

/// Every line that is shown was printed, in this order; `…` stands for lines that are left out.
#[track_caller]
fn printed(shown: &str, output: &str) {
    let mut lines = output.lines();
    for line in shown.lines().filter(|l| l.trim() != "…" && !l.starts_with("$ ")) {
        assert!(lines.any(|l| l == line), "not printed (in this order): {line}\n{output}");
    }
}

#[test]
fn the_counterexample_is_what_is_printed() {
    let dir = project(&["specs/tour/lease.arch"]);
    let run = dir.archc(&["check", "specs/tour/lease.arch", "--set", "FENCED=false"]).expect(1);
    printed(shown("$ archc check specs/tour/lease.arch --set FENCED=false"), &run.stdout);
}

#[test]
fn the_misspelt_attribute_is_reported_as_shown() {
    let dir = project(&["specs/tour/lease.arch"]);
    let text = dir.read("specs/tour/lease.arch");
    let wrong = text.replacen("LeaseState.expiry_at < now", "LeaseState.expires_at < now", 1);
    dir.write("specs/tour/lease.arch", wrong.as_bytes());
    let run = dir.archc(&["check", "specs/tour/lease.arch"]).expect(2);
    printed(shown("has no attribute `expires_at`"), &run.stdout);
}
