//! `archc simulate`: what it finds, that it never says more, and that the same seed says the same.

mod common;

use common::{Dir, specs};
use serde_json::Value;

/// A slip that lies deep in a space too large to explore, behind a step that is rarely possible.
const DEEP: &str = "\
archetype S01 \"Deep\"

truth Count { a: 0..1000, b: 0..1000, c: 0..1000, slips: 0..1000 }

actor adder

rules {
  adder[add_a {Count.a < 1000}]
  adder[add_b {Count.b < 1000}]
  adder[add_c {Count.c < 1000}]
  adder[slip {Count.a = Count.b}]
}

on add_a { Count.a := Count.a + 1 }
on add_b { Count.b := Count.b + 1 }
on add_c { Count.c := Count.c + 1 }
on slip { Count.slips := Count.slips + 1 }

property few: always Count.slips < 3
property far: reachable Count.c = 5
";

fn spec(document: &Value) -> &Value {
    &document["specs"][0]
}

#[test]
fn what_lies_deep_is_found_and_told() {
    let dir = Dir::with(&[("a.arch", DEEP)]);
    let run = dir.archc(&["simulate", "a.arch"]).expect(1).quiet();
    assert!(run.headline().starts_with("VIOLATED a.arch · property few · "), "{}", run.stdout);
    assert!(run.headline().contains("perhaps not the shortest"), "{}", run.stdout);
    assert!(run.stdout.contains("Count.slips"), "the behaviour is told: {}", run.stdout);
    // Every step but the three slips can be left out, and is.
    assert!(run.headline().contains(" · 3 steps · "), "{}", run.stdout);
    assert!(!run.stdout.contains("HOLDS"), "{}", run.stdout);
}

#[test]
fn the_same_seed_says_the_same_on_any_number_of_threads() {
    let dir = Dir::with(&[("a.arch", DEEP), ("huge.arch", specs::HUGE), ("b.arch", specs::DEADLOCK)]);
    for file in ["a.arch", "huge.arch", "b.arch"] {
        let report = |seed: &str, threads: &str| {
            let args = ["simulate", file, "--runs", "300", "--depth", "50", "--format", "json"];
            dir.archc(&[&args[..], &["--seed", seed, "--threads", threads]].concat()).stdout
        };
        let first = report("7", "1");
        assert_eq!(first, report("7", "1"), "{file}");
        assert_eq!(first, report("7", "3"), "{file}");
        let met = |text: &str| spec(&serde_json::from_str(text).unwrap())["distinct_states"].clone();
        assert!(file != "huge.arch" || met(&first) != met(&report("8", "1")), "another seed, other states");
    }
}

#[test]
fn what_is_not_found_stays_open() {
    let dir = Dir::with(&[
        ("holds.arch", specs::HOLDS),
        ("live.arch", specs::LIVENESS),
        ("x.arch", specs::EXPECTING),
    ]);
    let run = dir.archc(&["simulate", "holds.arch"]).expect(3).quiet();
    assert!(run.headline().starts_with("INCONCLUSIVE holds.arch · "), "{}", run.stdout);
    assert!(run.headline().contains("10,000 random runs of at most 200 steps, seed 0"), "{}", run.stdout);
    assert!(run.headline().ends_with("no violation found"), "{}", run.stdout);
    let document = dir
        .archc(&["simulate", "holds.arch", "--runs", "5", "--seed", "9", "--format", "json"])
        .expect(3)
        .json();
    let schema = include_str!("../../../docs/report.schema.json");
    let errors = common::schema::errors(&serde_json::from_str(schema).unwrap(), &document);
    assert!(errors.is_empty(), "{errors:?}");
    let found = spec(&document);
    assert_eq!((&found["complete"], &found["verdict"]), (&false.into(), &"inconclusive".into()));
    assert_eq!(found["simulation"], serde_json::json!({ "seed": 9, "runs": 5, "depth": 200 }));
    // Nothing follows from what every behaviour was not asked about.
    dir.archc(&["simulate", "live.arch", "--runs", "20"]).expect(3);
    // An expected violation is found, and proves no more than that.
    let run = dir.archc(&["simulate", "x.arch", "--instance", "over"]).expect(3);
    assert!(run.headline().contains("violates low, as it says"), "{}", run.stdout);
    dir.archc(&["simulate", "x.arch", "--instance", "under"]).expect(3);
}

#[test]
fn what_a_search_finds_of_a_state_or_an_event_a_walk_finds() {
    let files =
        [("mine.arch", specs::VIOLATED, "property mine"), ("stuck.arch", specs::DEADLOCK, "check stuck")];
    for (file, text, what) in files {
        let dir = Dir::with(&[(file, text)]);
        let steps = |line: &str| line.split(" · ").find(|p| p.ends_with(" steps")).map(str::to_owned);
        let (walked, searched) =
            (dir.archc(&["simulate", file]).expect(1), dir.archc(&["check", file]).expect(1));
        assert!(walked.headline().contains(what), "{}", walked.stdout);
        assert_eq!(steps(walked.headline()), steps(searched.headline()), "of so small a spec, the shortest");
    }
}

#[test]
fn limits_and_wrong_numbers() {
    let dir = Dir::with(&[("a.arch", specs::HUGE)]);
    let run = dir.archc(&["simulate", "a.arch", "--timeout", "300ms"]).expect(3);
    assert!(run.headline().contains("time limit of 300ms reached"), "{}", run.stdout);
    let run = dir.archc(&["simulate", "a.arch", "--max-memory", "64KiB"]).expect(3);
    assert!(run.headline().contains("limit of 64 KiB of memory reached"), "{}", run.stdout);
    let run = dir.archc(&["simulate", "a.arch", "--max-states", "100"]).expect(3);
    assert!(run.headline().contains("limit of 100 states reached"), "{}", run.stdout);
    for wrong in [["--runs", "0"], ["--depth", "0"], ["--seed", "-1"]] {
        dir.archc(&[&["simulate", "a.arch"], &wrong[..]].concat()).expect(2);
    }
    dir.archc(&["check", "a.arch", "--engine", "simulation"]).expect(2);
}
