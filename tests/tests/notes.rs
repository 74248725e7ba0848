//! What the notes leave undeclared, archetype by archetype; and that the catalogue has the notes' own words.
//!
//! `tests/fixtures/notes` holds each archetype of the notes as it stands there: its header, the truth list of
//! its protocols with bare attributes, its actors without roles, and its protocol blocks line for line; and the
//! names of all failure modes. The expectations were read off the notes by hand: every word of a guard that no
//! list declares, and every truth object of a protocol that is no entity. A constant such as `READY` belongs to the enum that its attribute is
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

/// Lines of the notes that stand in a spec otherwise: what the spec has, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[(
    "I20",
    "output_committer[reject_stale_commit {attempt_id != current}]",
    // The notes' chain says nothing of how it ends, which is a warning (W0409).
    "output_committer[reject_stale_commit {attempt_id != current}] => done",
)];

#[test]
fn every_protocol_block_stands_in_its_spec_line_for_line() {
    let (mut blocks, mut deviations) = (0, 0);
    for (archetype, _) in EXPECTED {
        let text = spec_of(archetype);
        let spec = lines(&text);
        for block in blocks_of(&lines(&fixture(archetype))) {
            let wanted: Vec<&str> = block.iter().map(|line| as_in_spec(archetype, line)).collect();
            deviations += wanted.iter().zip(&block).filter(|(wanted, line)| wanted != line).count();
            let stands = spec.windows(wanted.len()).any(|there| there == wanted);
            assert!(stands, "{archetype} does not have these lines:\n{}", wanted.join("\n"));
            blocks += 1;
        }
    }
    assert_eq!((blocks, deviations), (43, DEVIATIONS.len()));
}

#[test]
fn every_header_says_what_the_notes_say() {
    for (archetype, _) in EXPECTED {
        let header = |text: &str| text.split_inclusive("\n}\n").next().map(str::to_owned);
        assert_eq!(header(&spec_of(archetype)), header(&fixture(archetype)), "{archetype}");
    }
}

#[test]
fn every_failure_mode_of_the_notes_is_in_its_spec_by_name() {
    let notes = read(&repository("tests/fixtures/notes/failure_modes.txt"));
    for (archetype, name) in notes.lines().map(|line| line.split_at(4)) {
        let declared = format!("failure \"{name}\" {{");
        assert!(spec_of(archetype.trim()).contains(&declared), "{archetype}{name}");
    }
    assert_eq!(notes.lines().count(), 47);
}

fn as_in_spec<'a>(archetype: &str, line: &'a str) -> &'a str {
    let other = DEVIATIONS.iter().find(|(of, notes, _)| *of == archetype && *notes == line);
    other.map_or(line, |(_, _, spec)| spec)
}

/// Lines without indentation and comments; empty ones are left out.
fn lines(text: &str) -> Vec<&str> {
    let code = text.lines().map(|l| l.split("//").next().unwrap_or_default().trim());
    code.filter(|l| !l.is_empty()).collect()
}

/// What stands between `protocol … {` and `}`.
fn blocks_of<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let starts = lines.iter().enumerate().filter(|(_, l)| l.starts_with("protocol "));
    let body = |at: usize| lines[at + 1..].iter().take_while(|l| **l != "}").copied().collect();
    starts.map(|(at, _)| body(at)).collect()
}

fn spec_of(archetype: &str) -> String {
    let all = archc_tests::specs_below(&repository("specs"));
    let named =
        |p: &std::path::PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(archetype));
    read(all.iter().find(|p| named(p)).expect("each archetype has a spec"))
}

fn fixture(archetype: &str) -> String {
    read(&repository("tests/fixtures/notes").join(format!("{archetype}.arch")))
}

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).expect("the file is there")
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
    check(&format!("{archetype}.arch"), &fixture(archetype))
}

/// Errors and warnings, each as its code and the word that it is about. What a sketch has still to say are notes.
fn complaints(found: &Checked) -> Vec<String> {
    let all = found.diagnostics.iter().filter(|d| d.severity != Severity::Note);
    all.map(|d| format!("{} {}", d.code, word(d))).collect()
}

fn word(diagnostic: &Diagnostic) -> &str {
    diagnostic.message.split('`').nth(1).unwrap_or_default()
}
