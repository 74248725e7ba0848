//! What the notes leave undeclared, archetype by archetype.
//!
//! `tests/fixtures/notes` holds each archetype of the notes as it stands there: its entities, the truth list of
//! its protocols with bare attributes, its actors without roles, and its protocol blocks line for line. The
//! expectations were read off the notes by hand: every word of a guard that no list declares, and every truth
//! object of a protocol that is no entity. A constant such as `READY` belongs to the enum that its attribute is
//! still to get; the note about the missing type (N0701) lists it.

use arch_base::{Diagnostic, Severity};
use archc_tests::{Checked, check, repository};

/// For each archetype what is found, in order of place: the code and the word.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "I01",
        &[
            "E0104 expected_version",
            "E0111 quorum reachable",
            "E0104 watch_revision",
            "E0104 expected_term",
            "E0111 quorum reachable",
            "E0104 me",
            "E0104 local_version",
            "E0104 watch_revision",
            "E0104 watch_gap_detected",
        ],
    ),
    ("I02", &["E0104 my_epoch", "E0104 my_epoch", "E0104 presented_epoch"]),
    ("I03", &["E0104 expected_version", "E0104 my_attempt"]),
    ("I04", &["E0104 my_worker"]),
    ("I05", &["W0602 SinkEffectState", "E0104 current_leader"]),
    ("I06", &["E0104 expected_version", "E0104 expected_offset", "E0104 source_version"]),
    ("I07", &["E0104 requested_version", "E0104 expected_version", "E0104 expected_version"]),
    ("I08", &["E0104 local_policy_version"]),
    ("I09", &["E0104 my_epoch", "E0102 LocalCounter"]),
    ("I10", &["E0104 expected_version", "E0104 my_id", "E0104 ttl"]),
    ("I11", &["E0104 expected_version", "E0104 rollout_threshold", "E0104 rollout_health"]),
    ("I12", &["E0104 expected_version", "E0104 allowed_predecessors", "E0104 my_attempt"]),
    ("I13", &["E0104 expected_version", "E0104 expected_version", "E0104 next", "E0104 local_offset"]),
    ("I14", &["E0104 expected_version"]),
    (
        "I15",
        &[
            "E0104 expected_version",
            "E0104 worker_id",
            "E0104 my_attempt",
            "E0104 incoming_priority",
            "E0104 worker_id",
        ],
    ),
    ("I16", &["E0104 expected_version", "E0104 current_term", "E0104 required_version"]),
    ("I17", &["W0602 RetryBudget", "E0104 local_route_version"]),
    ("I18", &[]),
    ("I19", &["E0104 expected_version", "E0104 writer_id", "E0104 target", "E0104 target_replica_count"]),
    (
        "I20",
        &[
            "E0104 new",
            "E0104 current",
            "E0208 StageState",
            "E0112 upstream",
            "E0104 current",
            "E0104 current",
            "E0111 all partitions complete",
            "E0104 attempt_id",
            "E0104 current",
            "E0111 heartbeat expired",
            "E0111 shuffle block missing",
            "E0104 new",
            "W0409 done",
            "E0104 attempt_id",
            "E0104 current",
        ],
    ),
    (
        "I21",
        &[
            "E0112 fresh",
            "E0104 required_version",
            "E0104 verified",
            "E0104 compromise_detected",
            "E0104 next",
            "E0104 statement",
        ],
    ),
];

#[test]
fn everything_undeclared_is_found_at_once() {
    for (archetype, expected) in EXPECTED {
        let found = notes_of(archetype);
        assert_eq!(complaints(&found), *expected, "{archetype}:\n{}", found.rendered());
    }
}

#[test]
fn all_archetypes_are_here() {
    let fixtures = archc_tests::specs_below(&repository("tests/fixtures/notes"));
    assert_eq!((fixtures.len(), EXPECTED.len()), (21, 21));
}

#[test]
fn constants_of_attributes_without_a_type_become_a_hint() {
    let declared = "\ntruth ScheduleState { next_due_at, version }\n";
    let found = check("sketch.arch", &format!("{SKETCH}{declared}"));
    let status = found.diagnostics.iter().find(|d| d.message.starts_with("`RunnableState.status`"));
    let help = status.map(|d| d.notes.concat()).unwrap_or_default();
    assert!(help.contains("{ ABSENT, READY, … }"), "{help}");
}

#[test]
fn what_is_missing_is_said_once_the_names_resolve() {
    let found = check("sketch.arch", SKETCH);
    assert!(found.has_errors());
    assert!(found.diagnostics.iter().all(|d| d.severity != Severity::Note), "{}", found.rendered());
}

/// A sketch with truth that is not declared, and an attribute without a type.
const SKETCH: &str = "truth RunnableState { status }
actor due_scanner
actor worker

protocol main {
  due_scanner[materialize {ScheduleState.next_due_at <= now and RunnableState.status = ABSENT}] ->
    worker[claim {RunnableState.status = READY}] => done
}
";

fn notes_of(archetype: &str) -> Checked {
    let path = repository("tests/fixtures/notes").join(format!("{archetype}.arch"));
    check(&format!("{archetype}.arch"), &std::fs::read_to_string(path).expect("a fixture"))
}

/// Errors and warnings, each as its code and the word that it is about. What a sketch has still to say are notes.
fn complaints(found: &Checked) -> Vec<String> {
    let all = found.diagnostics.iter().filter(|d| d.severity != Severity::Note);
    all.map(|d| format!("{} {}", d.code, word(d))).collect()
}

fn word(diagnostic: &Diagnostic) -> &str {
    diagnostic.message.split('`').nth(1).unwrap_or_default()
}
