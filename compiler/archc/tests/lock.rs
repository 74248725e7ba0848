//! The lock: what it holds, what is answered from it, what differs from it.

mod common;

use common::{Dir, Run};

const SPEC: &str = r"
const LIMIT = 2
truth Job { owner: worker?, done: 0..2 }
actor worker * 2
protocol main for each worker {
  worker[take {Job.owner = null}] -> worker[finish {Job.owner = self and Job.done < LIMIT}] => done
}
on take { Job.owner := self }
on finish { Job.owner := null; Job.done := Job.done + 1 }
property owned: at finish: Job.owner = self
property bounded: always Job.done <= LIMIT
property ends: always possible Job.done = 2
instance one { LIMIT = 1, expect violated stuck, expect violated stranded, expect violated ends }
";

fn locked(text: &str) -> Dir {
    let dir = Dir::with(&[("a.arch", text)]);
    let run = dir.archc(&["check", "a.arch", "--lock", "--instance", "all"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    dir
}

fn put(dir: &Dir, name: &str, text: &str) {
    dir.write(name, text.as_bytes());
}

fn check(dir: &Dir, arguments: &[&str]) -> Run {
    dir.archc(&[&["check", "a.arch", "--locked"], arguments].concat())
}

fn from_lock(run: &Run) -> bool {
    run.stdout.contains("from archc.lock")
}

#[test]
fn what_has_not_changed_is_answered_from_the_lock() {
    let dir = locked(SPEC);
    let run = check(&dir, &["--instance", "all"]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert_eq!(run.stdout.matches("from archc.lock").count(), 2, "{}", run.stdout);
    assert!(run.stdout.contains("HOLDS a.arch") && run.stdout.contains("EXPECTED a.arch"), "{}", run.stdout);
    let document = check(&dir, &["--format", "json"]).json();
    let spec = &document["specs"][0];
    assert_eq!((&spec["verdict"], &spec["complete"]), (&"holds".into(), &true.into()));
    assert_eq!(spec["properties"].as_array().map(Vec::len), Some(7), "{spec:#}");
}

#[test]
fn the_lock_is_the_same_each_time_and_keeps_other_entries() {
    let dir = locked(SPEC);
    let first = dir.read("archc.lock");
    assert!(
        first.contains("guards = [") && first.contains("owned = \"at holds: main.finish: Job.owner = self\""),
        "{first}"
    );
    dir.archc(&["check", "./a.arch", "--lock", "--threads", "2"]);
    assert_eq!(dir.read("archc.lock"), first);
    put(&dir, "b.arch", SPEC);
    dir.archc(&["check", "b.arch", "--lock"]);
    let both = dir.read("archc.lock");
    assert_eq!(both.matches("[[spec]]").count(), 3, "{both}");
    std::fs::remove_file(dir.path().join("b.arch")).expect("the file");
    let run = dir.archc(&["check", ".", "--locked"]);
    assert_eq!(run.status, 4, "{}", run.stdout);
    assert!(run.stdout.contains("DRIFT b.arch · gone"), "{}", run.stdout);
    dir.archc(&["check", "a.arch", "--lock"]);
    assert_eq!(dir.read("archc.lock"), first);
}

#[test]
fn a_comment_changes_nothing_and_a_guard_is_a_drift() {
    let dir = locked(SPEC);
    put(&dir, "a.arch", &SPEC.replace("on take {", "// why\n\n   on take {"));
    assert!(from_lock(&check(&dir, &[])));
    put(&dir, "a.arch", &SPEC.replace("Job.owner = self and ", ""));
    let run = check(&dir, &[]);
    assert_eq!(run.status, 4, "{}", run.stdout);
    assert!(run.stdout.contains("DRIFT a.arch"), "{}", run.stdout);
    assert!(run.stdout.contains("guard main.finish#2: gone"), "{}", run.stdout);
    put(&dir, "a.arch", &SPEC.replace("property bounded", "property limited"));
    let run = check(&dir, &[]);
    assert!(run.stdout.contains("property bounded: always holds: Job.done <= 2 → gone"), "{}", run.stdout);
    assert!(run.stdout.contains("property limited: new, always holds: Job.done <= 2"), "{}", run.stdout);
    put(
        &dir,
        "a.arch",
        &SPEC.replace("actor worker * 2", "actor worker * 1").replace("done = 2", "done = 1"),
    );
    let run = check(&dir, &[]);
    assert!(run.status == 4 && run.stdout.contains("states: "), "{}", run.stdout);
}

#[test]
fn a_text_that_comes_to_the_same_is_no_drift() {
    let dir = locked(SPEC);
    put(&dir, "a.arch", &SPEC.replace("Job.done < LIMIT", "not Job.done >= LIMIT"));
    let run = check(&dir, &[]);
    assert!(run.status == 0 && !from_lock(&run), "{}", run.stdout);
}

/// Also where the text of the property is as it was, and a definition that it uses says less.
#[test]
fn a_property_that_claims_less_is_a_drift() {
    let defined = SPEC.replace("always Job.done <= LIMIT", "always few\ndefine few := Job.done <= LIMIT");
    let dir = locked(&defined);
    put(&dir, "a.arch", &defined.replace("few := Job.done <= LIMIT", "few := Job.done <= LIMIT + 1"));
    let run = check(&dir, &[]);
    assert_eq!(run.status, 4, "{}", run.stdout);
    let line = "property bounded: always holds: Job.done <= 2 → always holds: Job.done <= 3";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

#[test]
fn other_constants_have_other_entries() {
    let dir = locked(SPEC);
    let run = check(&dir, &["--set", "LIMIT=3"]);
    assert_eq!(run.status, 4, "{}", run.stdout);
    assert!(run.stdout.contains("it has no entry in archc.lock"), "{}", run.stdout);
}

#[test]
fn another_engine_explores_and_agrees() {
    let dir = locked(SPEC);
    for arguments in [["--engine", "oracle"].as_slice(), &["--no-symmetry"]] {
        let run = check(&dir, arguments);
        assert!(run.status == 0 && !from_lock(&run), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn another_version_explores_again() {
    let dir = locked(SPEC);
    let text =
        dir.read("archc.lock").replace(concat!("archc = \"", env!("CARGO_PKG_VERSION")), "archc = \"0.0.0");
    put(&dir, "archc.lock", &text);
    let run = check(&dir, &[]);
    assert!(run.status == 0 && !from_lock(&run), "{}", run.stdout);
}

#[test]
fn what_is_not_as_it_should_be_is_not_locked() {
    let dir = Dir::with(&[("a.arch", SPEC)]);
    let run = dir.archc(&["check", "a.arch", "--lock", "--max-states", "2"]);
    assert_eq!(run.status, 3);
    assert!(!dir.read("archc.lock").contains("[[spec]]"));
    let dir = locked(SPEC);
    let whole = dir.read("archc.lock");
    dir.archc(&["check", "a.arch", "--lock", "--max-states", "2"]);
    assert_eq!(dir.read("archc.lock"), whole, "the same text was explored before");
    put(&dir, "a.arch", &SPEC.replace("always Job.done <= LIMIT", "always Job.done < LIMIT"));
    assert_eq!(check(&dir, &[]).status, 1, "a violation is worse than a drift");
    assert_eq!(dir.archc(&["check", "a.arch", "--lock"]).status, 1);
    assert_eq!(dir.read("archc.lock").matches("[[spec]]").count(), 1);
}

#[test]
fn a_lock_that_cannot_be_used_is_2() {
    let dir = Dir::with(&[("a.arch", SPEC)]);
    let run = check(&dir, &[]);
    assert!(run.status == 2 && run.stderr.contains("there is no archc.lock here"), "{}", run.stderr);
    for broken in ["<<<<<<< HEAD\n", "version = 99\n", "version = 1\nspecs = 3\n"] {
        put(&dir, "archc.lock", broken);
        assert_eq!(check(&dir, &[]).status, 2, "{broken}");
        let run = dir.archc(&["check", "a.arch", "--lock"]);
        assert!(run.status == 2 && run.stderr.contains("E0908"), "{broken}: {}", run.stderr);
        assert_eq!(dir.read("archc.lock"), broken);
    }
}

#[test]
fn strictness_is_not_answered_from_a_lock_that_has_warnings() {
    let vacuous = format!("{SPEC}property never: always Job.done > LIMIT implies Job.owner = null\n");
    let dir = locked(&vacuous);
    assert!(from_lock(&check(&dir, &[])));
    let run = check(&dir, &["--strict"]);
    assert!(run.status == 5 && !from_lock(&run), "{}", run.stdout);
    let run = check(&dir, &["--deny-warnings"]);
    assert!(run.status == 2 && !from_lock(&run), "{}", run.stdout);
}

/// A spec with something that carries load, something that is there without need, and its audit in the lock.
fn audited() -> (String, Dir) {
    let text = SPEC.lines().filter(|l| !l.starts_with("instance") && !l.starts_with("property ends"));
    let text = text.collect::<Vec<_>>().join("\n")
        + "\nallow stuck\nallow stranded\nproperty free: at take: Job.owner = null\n\
        redundant term 1 of finish \"nobody else gets there\"\n";
    let dir = Dir::with(&[("a.arch", &text)]);
    let run = dir.archc(&["check", "a.arch", "--lock", "--audit"]);
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    (text, dir)
}

#[test]
fn the_lock_keeps_what_each_part_is_for() {
    let (text, dir) = audited();
    let lock = dir.read("archc.lock");
    assert!(lock.contains("\"main.take#1\" = \"load-bearing for free\""), "{lock}");
    assert!(lock.contains("\"main.finish#1\" = \"redundant, accepted\""), "{lock}");
    assert!(from_lock(&check(&dir, &[])));
    // Written again, it stays; of a text that changed it is found anew.
    dir.archc(&["check", "a.arch", "--lock"]);
    assert_eq!(dir.read("archc.lock"), lock);
    put(&dir, "a.arch", &text.replace("property free", "property alone"));
    dir.archc(&["check", "a.arch", "--lock"]).expect(0);
    assert!(dir.read("archc.lock").contains("\"main.take#1\" = \"load-bearing for alone\""));
}

#[test]
fn a_guard_that_carries_no_load_any_more_is_a_drift() {
    let (text, dir) = audited();
    // The property has the same name, kind and verdict, and says nothing now.
    put(&dir, "a.arch", &text.replace("at take: Job.owner = null", "at take: Job.done < 2 or Job.done = 2"));
    let run = check(&dir, &[]);
    assert_eq!(run.status, 4, "{}", run.stdout);
    assert!(run.stdout.contains("part main.take#1: load-bearing for free → "), "{}", run.stdout);
}

#[test]
fn what_the_audit_refutes_or_leaves_open_is_not_locked() {
    let (text, dir) = audited();
    let before = dir.read("archc.lock");
    put(&dir, "a.arch", &text.replace("term 1 of finish", "term 1 of take"));
    let run = dir.archc(&["check", "a.arch", "--lock"]);
    assert_eq!(run.status, 1, "{}", run.stdout);
    assert!(run.stdout.contains("REFUTED a.arch · declared redundant: "), "{}", run.stdout);
    assert!(!dir.read("archc.lock").contains("[[spec]]"), "{before}");
    assert_eq!(dir.archc(&["check", "a.arch", "--audit"]).status, 2, "only with --lock");
}

#[test]
fn an_instance_that_is_gone_is_a_drift() {
    let spec = "\
const ON = true
truth T { n: 0..2 }
actor w
rules { w[inc {not ON or T.n < 1}]  w[zero {T.n > 0}] }
on inc { if T.n < 2 { T.n := T.n + 1 } }
on zero { T.n := 0 }
property p: always T.n <= 1
";
    let control = "instance off { ON = false, expect violated p }\n";
    let dir = Dir::with(&[("a.arch", &format!("{spec}{control}"))]);
    dir.archc(&["check", "a.arch", "--lock", "--instance", "all"]).expect(0);
    assert!(dir.read("archc.lock").contains("instance = \"off\""));
    dir.archc(&["check", "a.arch", "--locked", "--instance", "all"]).expect(0);
    dir.write("a.arch", spec.as_bytes());
    let run = dir.archc(&["check", "a.arch", "--locked"]).expect(4);
    assert!(run.stdout.contains("instance off of a.arch, which is gone"), "{}", run.stdout);
    dir.archc(&["check", "a.arch", "--lock"]).expect(0);
    assert!(!dir.read("archc.lock").contains("instance = \"off\""));
    dir.archc(&["check", "a.arch", "--locked"]).expect(0);
    let (head, entry) = (dir.read("archc.lock"), dir.read("archc.lock"));
    let entry = &entry[entry.find("[[spec]]").expect("an entry")..];
    dir.write("archc.lock", format!("{head}\n{entry}").as_bytes());
    let run = dir.archc(&["check", "a.arch", "--locked"]).expect(2);
    assert!(run.stderr.contains("two entries for a.arch"), "{}", run.stderr);
}
