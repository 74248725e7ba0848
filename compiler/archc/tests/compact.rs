//! `--compact`: fingerprints of states instead of states, and that nobody takes what they say for exact.

mod common;

use common::{Dir, specs};

/// States of 68 bits.
const WIDE: &str = include_str!("../../../benches/models/fenced_lease/fenced_lease.arch");

#[test]
fn what_is_not_exact_says_so_everywhere() {
    let dir = Dir::with(&[("a.arch", WIDE)]);
    let exact = dir.archc(&["check", "a.arch", "--format", "json"]).expect(0).json();
    let run = dir.archc(&["check", "a.arch", "--compact", "--stats"]).expect(0);
    let first = run.stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("PROBABLY HOLDS a.arch · "), "{first}");
    let told = "2,565 states found (1,293 up to symmetry), not exact: a state was missed with a probability of at most \
                4.5e-14 (64-bit fingerprints)";
    assert!(first.contains(told), "{first}");
    assert!(!first.contains("every depth") && !first.contains("all 2,565"), "{first}");
    for part in [
        "  probably    nothing_from_the_future  always  holds unless a state was missed",
        "storage   not exact, 64-bit",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.lines().any(|line| line.starts_with("  holds")), "{}", run.stdout);
    let found = dir.archc(&["check", "a.arch", "--compact", "--stats", "--format", "json"]).expect(0).json();
    let (exact, spec) = (&exact["specs"][0], &found["specs"][0]);
    for count in ["distinct_states", "represented_states", "transitions", "depth"] {
        assert_eq!(exact[count], spec[count], "{count}");
    }
    assert_eq!(
        (&exact["compaction"], &spec["compaction"]["fingerprint_bits"]),
        (&serde_json::Value::Null, &64.into())
    );
    let missed = spec["compaction"]["missed_probability"].as_f64().unwrap();
    assert!((4.5e-14..4.6e-14).contains(&missed), "{missed}");
    assert_eq!((&spec["verdict"], &spec["statistics"]["exact"]), (&"probably_holds".into(), &false.into()));
    let verdicts = spec["properties"].as_array().unwrap().iter().map(|p| p["verdict"].as_str().unwrap());
    assert!(verdicts.clone().all(|v| v == "probably_holds"), "{:?}", verdicts.collect::<Vec<_>>());
    let schema = include_str!("../../../docs/report.schema.json");
    let errors = common::schema::errors(&serde_json::from_str(schema).unwrap(), &found);
    assert!(errors.is_empty(), "{errors:?}");
    let junit = dir.archc(&["check", "a.arch", "--compact", "--format", "junit"]).expect(0).stdout;
    assert!(junit.contains("PROBABLY HOLDS") && junit.contains("holds unless a state was missed"), "{junit}");
}

/// A violation and a witness are behaviours: they are so whatever was missed.
#[test]
fn behaviours_are_exact() {
    let more = "property wrong: always all s in shard: Shard[s].accepted < 2\n\
                property second: reachable Lease.epoch = 2\n";
    let dir = Dir::with(&[("a.arch", &format!("{WIDE}\n{more}"))]);
    let [exact, found] =
        [&["check", "a.arch", "--format", "json"][..], &["check", "a.arch", "--format", "json", "--compact"]]
            .map(|args| dir.archc(args).expect(1).json());
    for name in ["wrong", "second"] {
        let of = |document: &serde_json::Value| {
            let list = document["specs"][0]["properties"].as_array().unwrap();
            list.iter().find(|p| p["name"] == name).unwrap().clone()
        };
        assert_eq!(of(&exact), of(&found), "{name}");
        assert!(!of(&found)["trace"].as_array().unwrap().is_empty());
    }
}

#[test]
fn narrow_states_are_stored_exactly_all_the_same() {
    let dir = Dir::with(&[("a.arch", specs::HOLDS)]);
    let [exact, found] = [&["check", "a.arch"][..], &["check", "a.arch", "--compact"]]
        .map(|args| dir.archc(args).expect(0).stdout);
    assert_eq!(exact, found);
}

#[test]
fn what_has_to_be_exact_is_refused() {
    let dir = Dir::with(&[("a.arch", WIDE)]);
    for with in [
        &["--lock"][..],
        &["--locked"],
        &["--strict"],
        &["--engine", "oracle"],
        &["--engine", "stateright-bfs"],
    ] {
        let run = dir.archc(&[&["check", "a.arch", "--compact"], with].concat()).expect(2);
        assert!(run.stderr.contains("--compact"), "{with:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{with:?}: {}", run.stdout);
    }
    assert!(!dir.path().join("archc.lock").exists());
}
