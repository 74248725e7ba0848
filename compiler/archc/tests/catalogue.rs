//! The catalogue comes to what `archc.lock` says, explored afresh; the README's table says the same.

mod common;

use common::Dir;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Specs that are audited within seconds. What the other six's parts are for is compared where their text changes, by
/// `archc check specs --locked`.
const AUDITED: [&str; 16] = [
    "specs/I03_due_time_release.arch",
    "specs/I04_frontier_scan.arch",
    "specs/I06_projection_index.arch",
    "specs/I07_cache_edge.arch",
    "specs/I08_admission_control.arch",
    "specs/I09_id_generation.arch",
    "specs/I10_membership_registry.arch",
    "specs/I12_workflow_effects.arch",
    "specs/I13_shared_subject.arch",
    "specs/I14_artifact_namespace.arch",
    "specs/I15_execution_fleet.arch",
    "specs/I16_replicated_kv.arch",
    "specs/I17_traffic_steering.arch",
    "specs/I18_telemetry_pipeline.arch",
    "specs/I20_dataflow_dag.arch",
    "specs/tour/lease.arch",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The specs, and nothing that anybody knows of them.
fn copied() -> Dir {
    let dir = Dir::new();
    for folder in ["specs", "specs/classics", "specs/tour"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there").flatten() {
            if entry.path().extension().is_some_and(|e| e == "arch") {
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                dir.write(&name, &fs::read(entry.path()).expect("a spec"));
            }
        }
    }
    dir
}

/// The entries of a lock by their files; each without its audit, and its audit.
fn entries(lock: &str) -> BTreeMap<String, (String, String)> {
    let entry = |text: &str| {
        let file = text.lines().find_map(|l| l.strip_prefix("file = ")).expect("an entry names its file");
        let (found, audit) = text.split_once("[spec.audit]\n").unwrap_or((text, ""));
        (file.trim_matches('"').to_owned(), (found.trim().to_owned(), audit.trim().to_owned()))
    };
    lock.split("[[spec]]\n").skip(1).map(entry).collect()
}

fn committed() -> BTreeMap<String, (String, String)> {
    entries(&fs::read_to_string(root().join("archc.lock")).expect("the catalogue has a lock"))
}

#[test]
fn every_spec_comes_to_what_the_lock_says() {
    let dir = copied();
    let run = dir.archc(&["check", "specs", "--lock"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    let (found, locked) = (entries(&dir.read("archc.lock")), committed());
    assert!(locked.len() > 25, "{}", locked.len());
    assert_eq!(found.keys().collect::<Vec<_>>(), locked.keys().collect::<Vec<_>>());
    for (file, (entry, _)) in &found {
        assert_eq!(*entry, locked[file].0, "{file}: `archc check specs --lock` says what changed");
    }
}

#[test]
fn every_part_is_for_what_the_lock_says() {
    let dir = copied();
    let run = dir.archc(&[&["check", "--lock", "--audit"], &AUDITED[..]].concat());
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    let (found, locked) = (entries(&dir.read("archc.lock")), committed());
    for (file, (_, audit)) in &found {
        assert!(!audit.is_empty(), "{file}");
        assert_eq!(*audit, locked[file].1, "{file}: `archc check {file} --lock --audit` says what changed");
    }
}

/// How many states of each instance are looked at: a `large` one takes minutes.
const STATES_OF_AN_INSTANCE: &str = "200000";

#[test]
fn every_instance_is_as_it_should_be() {
    let specs: Vec<String> = committed().into_keys().collect();
    let arguments = ["check", "--instance", "all", "--format", "json", "--max-states", STATES_OF_AN_INSTANCE];
    let files: Vec<&str> = specs.iter().map(String::as_str).collect();
    // Failure modes are those of the default instances, which the lock has; what they come to in an instance that is
    // small enough is asked as well.
    let run = copied().archc(&[&arguments, &files[..]].concat());
    let document = run.json();
    let (mut controls, mut cut_short) = (0, Vec::new());
    for spec in document["specs"].as_array().expect("specs") {
        let name = format!("{} {}", spec["file"], spec["instance"]);
        let list = |key: &str| spec[key].as_array().cloned().unwrap_or_default();
        let expected = list("expectations");
        for property in list("properties").iter().filter(|p| p["verdict"] == "violated") {
            assert!(expected.contains(&property["name"]), "{name}: {} is violated", property["name"]);
        }
        let unshown = |f: &&Value| ["not_shown", "not_prevented"].contains(&f["verdict"].as_str().unwrap());
        assert_eq!(list("failures").iter().find(unshown), None, "{name}");
        match spec["exit_status"].as_u64() {
            Some(0) => controls += usize::from(!expected.is_empty()),
            Some(3) => cut_short.push(name),
            other => panic!("{name}: {other:?}: {}", spec["summary"]),
        }
    }
    assert!(controls > 120, "{controls} negative controls show what they are to show");
    assert!(cut_short.len() < 45, "{} are cut short: {cut_short:?}", cut_short.len());
}

/// A number of the lock's summary: `20 properties`.
fn number(entry: &str, of: &[&str]) -> Option<String> {
    let said = entry.lines().filter_map(|l| l.trim().strip_prefix('"')?.strip_suffix("\","));
    said.filter_map(|part| of.iter().find_map(|noun| part.strip_suffix(noun))).next().map(str::to_owned)
}

#[test]
fn the_table_of_the_readme_says_what_the_lock_says() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let mut rows = 0;
    for (file, (entry, _)) in committed().iter().filter(|(file, _)| file.starts_with("specs/I")) {
        let row = readme.lines().find(|l| l.starts_with('|') && l.contains(&format!("]({file})")));
        let cells: Vec<&str> =
            row.unwrap_or_else(|| panic!("{file} has no row")).split('|').map(str::trim).collect();
        let states = entry.lines().find_map(|l| l.strip_prefix("represented_states = ")).expect("a number");
        let properties = number(entry, &[" properties", " property"]).expect("properties");
        let shown = number(entry, &[" failure modes shown", " failure mode shown"]).expect("failure modes");
        assert_eq!(cells[2].replace(',', ""), states, "{file}");
        assert_eq!((cells[3], cells[4]), (properties.as_str(), shown.as_str()), "{file}");
        rows += 1;
    }
    assert_eq!(rows, 21);
}
