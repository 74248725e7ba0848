//! What the machine and the tools are, for the record.

use crate::tools::{Family, Places};
use std::fs;
use std::process::Command;

/// Lines of the record: processor, memory, system, versions.
pub fn facts(places: &Places) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut facts = vec![
        format!("Processor: {}, {cores} available", field("/proc/cpuinfo", "model name")),
        format!(
            "Memory: {} in all, {} available",
            field("/proc/meminfo", "MemTotal"),
            field("/proc/meminfo", "MemAvailable")
        ),
        format!("Load at the start (1, 5, 15 minutes): {}", first_line("/proc/loadavg")),
        format!("Kernel: {}", first_line("/proc/sys/kernel/osrelease")),
        format!("Transparent huge pages: {}", first_line("/sys/kernel/mm/transparent_hugepage/enabled")),
        format!("archc: {}", said(&places.archc.display().to_string(), &["--version"])),
        format!("Commit: {}", commit(places)),
        format!("Rust: {}", said("rustc", &["--version"])),
    ];
    if Family::Spin.missing().is_none() {
        facts.push(said("spin", &["-V"]));
    }
    if Family::Rumur.missing().is_none() {
        facts.push(format!("rumur: {}", said("rumur", &["--version"])));
    }
    facts.push(format!("gcc: {}", said("gcc", &["--version"])));
    facts.push(format!("stateright: {}", stateright(places)));
    facts
}

/// The commit of the workspace, and whether something was changed.
fn commit(places: &Places) -> String {
    let root = places.root.display().to_string();
    let changed =
        Command::new("git").args(["-C", &root, "status", "--porcelain", "--untracked-files=no"]).output();
    let changed = changed.is_ok_and(|o| !o.stdout.is_empty());
    let commit = said("git", &["-C", &root, "log", "-1", "--format=%h %s"]);
    if changed { format!("{commit} (with uncommitted changes)") } else { commit }
}

/// The version in the lock file.
fn stateright(places: &Places) -> String {
    let lock = fs::read_to_string(places.root.join("Cargo.lock")).unwrap_or_default();
    let version =
        lock.split("name = \"stateright\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

/// The first line that a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}

/// The value of the first `name : value` line.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find(|l| l.starts_with(name)).and_then(|l| l.split_once(':'));
    value.map_or("unknown", |(_, value)| value.trim()).to_owned()
}
