//! Failure modes, executed: what each kind of target shows, and everything that keeps one from being shown.

mod common;

use common::Dir;
use serde_json::Value;

/// A lease with a reaper, a fence, and a crash that can orphan a claim.
const SPEC: &str = r#"
const FENCED = true
const GRACE = 1
ordinal Epoch
truth Lock { owner: worker?, expiry: time }
truth Fence { current: Epoch }
ghost truth Sink { last: Epoch, times: 0..3 }
actor worker * 2 { mine: Epoch }
actor reaper
protocol main for each worker, repeats {
  worker[take {Lock.owner = null}] -> worker[write {not FENCED or Fence.current = mine}] => done
  |-> worker[give_up {Fence.current != mine}] => retry
}
protocol reap, repeats, daemon { reaper[reclaim {Lock.expiry < now}] => requeue }
branch give_up after take
on take { Lock.owner := self; Lock.expiry := now + GRACE; advance Fence.current; mine := Fence.current }
on write { Sink.last := mine; if Sink.times < 3 as counted { Sink.times := Sink.times + 1 }; Lock.owner := null; advance Fence.current }
on reclaim requires {Lock.owner != null} { Lock.owner := null; advance Fence.current }
faults { crash worker at most 1 }
allow stuck
property fresh: at write: mine >= Sink.last
property owned: at write: Lock.owner = self
property free_again: always possible Lock.owner = null
property counts: always Sink.times <= 3
property soon: Lock.owner != null leads to Lock.owner = null
"#;

/// The results of a spec with one failure mode: `(verdict, property, reason, steps)`, and the exit status.
fn judged(clauses: &str) -> (Vec<(String, String, String, usize)>, i32) {
    let without_liveness: String =
        SPEC.lines().filter(|l| !l.contains("leads to")).map(|l| format!("{l}\n")).collect();
    let spec = if clauses.contains("soon") { SPEC.to_owned() } else { without_liveness };
    let text = format!("{spec}\nfailure \"f\" {{ {clauses} }}\n");
    let dir = Dir::with(&[("a.arch", &text)]);
    let run = dir.archc(&["check", "a.arch", "--format", "json"]);
    let document = run.json();
    let list =
        document["specs"][0]["failures"].as_array().unwrap_or_else(|| panic!("{}", run.stdout)).clone();
    assert!(!list.is_empty(), "{}", run.stdout);
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let row = |f: &Value| {
        let steps = f["trace"].as_array().map_or(0, Vec::len);
        (text(&f["verdict"]), text(&f["property"]), text(&f["reason"]), steps)
    };
    (list.iter().map(row).collect(), run.status)
}

#[track_caller]
fn shown(clauses: &str, steps: usize) {
    let (found, status) = judged(clauses);
    assert!(found.iter().all(|f| f.0 == "shown"), "{clauses}: {found:?}");
    assert_eq!(found.last().map(|f| f.3), Some(steps), "{clauses}");
    assert_eq!(status, 0, "{clauses}");
}

#[track_caller]
fn refused(clauses: &str, verdict: &str, reason: &str, status: i32) {
    let (found, actual) = judged(clauses);
    let last = found.last().expect("a result");
    assert_eq!(last.0, verdict, "{clauses}: {found:?}");
    assert!(last.2.contains(reason), "{clauses}: {}", last.2);
    assert_eq!(actual, status, "{clauses}");
}

#[test]
fn a_prevention_that_prevents_is_shown() {
    shown("prevented by guard of write else violates owned", 5);
    shown("prevented by with FENCED = false else violates owned", 5);
    shown("prevented by effect 2 of reclaim else violates owned", 5);
    shown("prevented by with on reclaim { Lock.owner := null } else violates owned", 5);
    shown("prevented by counted else violates bounds", 8);
}

#[test]
fn a_repair_is_judged_without_the_prevention() {
    shown("repaired by protocol reap else violates free_again", 2);
    shown(
        "prevented by guard of write else violates owned; repaired by protocol reap else violates free_again",
        2,
    );
}

#[test]
fn a_repair_can_be_needed_with_the_prevention_in_place() {
    let prevented = "prevented by protocol reap else violates free_again; repaired by effect 1 of reclaim";
    shown(&format!("{prevented} despite prevention else violates free_again"), 2);
    let alone = format!("{prevented} else violates free_again");
    refused(&alone, "not_prevented", "without what prevents this failure, free_again is violated", 1);
}

#[test]
fn failure_modes_can_be_left_out() {
    let text = format!("{SPEC}\nfailure \"f\" {{ prevented by branch give_up else violates owned }}\n");
    let dir = Dir::with(&[("a.arch", &text)]);
    assert!(dir.archc(&["check", "a.arch"]).expect(1).stdout.contains("NOT SHOWN"));
    let run = dir.archc(&["check", "a.arch", "--no-failures"]).expect(0);
    assert!(run.stdout.starts_with("HOLDS"), "{}", run.stdout);
    assert!(run.stdout.contains("1 failure mode not executed"), "{}", run.stdout);
    let instance =
        format!("{text}instance small {{ GRACE = 1, no failures }}\ninstance other {{ GRACE = 1 }}\n");
    let dir = Dir::with(&[("a.arch", &instance)]);
    let run = dir.archc(&["check", "a.arch", "--instance", "small"]).expect(0);
    assert!(run.stdout.contains("1 failure mode not executed"), "{}", run.stdout);
    let run = dir.archc(&["check", "a.arch", "--instance", "small", "--show", "all"]).expect(0);
    assert!(run.stdout.contains("the instance says `no failures`"), "{}", run.stdout);
    for others in [&["check", "a.arch"][..], &["check", "a.arch", "--instance", "other"]] {
        assert!(dir.archc(others).expect(1).stdout.contains("NOT SHOWN"), "{others:?}");
    }
}

#[test]
fn a_repair_of_liveness_shows_where_nothing_happens_any_more() {
    let text = format!("{SPEC}\nfailure \"f\" {{ repaired by protocol reap else violates soon }}\n");
    let run = Dir::with(&[("a.arch", &text)]).archc(&["check", "a.arch", "--format", "json"]).expect(0);
    let failure = &run.json()["specs"][0]["failures"][0];
    assert_eq!(failure["verdict"], "shown");
    assert_eq!(failure["cycle_start"].as_u64(), Some(failure["trace"].as_array().map_or(0, Vec::len) as u64));
}

#[test]
fn a_prevention_that_prevents_nothing_is_an_error() {
    refused(
        "prevented by term 1 of reclaim else violates owned",
        "not_shown",
        "owned holds without it too",
        1,
    );
    refused("prevented by branch give_up else violates owned", "not_shown", "does not see this failure", 1);
    let both = "prevented by guard of write and branch give_up else violates owned";
    refused(both, "not_shown", "violated also if all but `branch give_up` is removed", 1);
}

#[test]
fn what_is_violated_as_written_is_not_prevented() {
    let text = format!(
        "{SPEC}\nproperty never_owned: never Lock.owner != null\nfailure \"f\" {{ prevented by guard of take else violates never_owned }}\n"
    );
    let run = Dir::with(&[("a.arch", &text)]).archc(&["check", "a.arch", "--format", "json"]).expect(1);
    let failure = &run.json()["specs"][0]["failures"][0];
    assert_eq!(failure["verdict"], "not_prevented");
    assert_eq!(failure["trace"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_repair_that_does_not_repair_says_so() {
    let clauses = "prevented by protocol reap else violates free_again; repaired by guard of take else violates free_again";
    refused(
        clauses,
        "not_prevented",
        "with it, and without what prevents this failure, free_again is violated",
        1,
    );
}

#[test]
fn what_was_not_explored_is_not_concluded() {
    let text = format!("{SPEC}\nfailure \"f\" {{ prevented by guard of write else violates owned }}\n");
    let dir = Dir::with(&[("a.arch", &text)]);
    let run = dir.archc(&["check", "a.arch", "--max-states", "20", "--format", "json"]).expect(3);
    assert_eq!(run.json()["specs"][0]["failures"][0]["verdict"], "inconclusive");
}

#[test]
fn behaviours_that_end_at_a_bound_prove_nothing() {
    let clauses = "prevented by counted else violates fresh";
    refused(clauses, "inconclusive", "behaviours end where `bounds` is violated", 3);
}

#[test]
fn negative_controls_have_no_failure_modes() {
    let text = format!(
        "{SPEC}\nfailure \"f\" {{ prevented by guard of write else violates owned }}\n\
         instance unfenced {{ FENCED = false, expect violated owned, expect violated fresh }}\n"
    )
    .replace("property soon: Lock.owner != null leads to Lock.owner = null\n", "");
    let dir = Dir::with(&[("a.arch", &text)]);
    let run = dir.archc(&["check", "a.arch", "--instance", "unfenced", "--format", "json"]).expect(0);
    assert_eq!(run.json()["specs"][0]["failures"][0]["verdict"], "not_executed");
}

#[test]
fn the_first_line_counts_and_the_behaviour_is_told_to_who_asks() {
    let spec = SPEC.replace("property soon: Lock.owner != null leads to Lock.owner = null\n", "");
    let text = format!("{spec}\nfailure \"stale\" {{ prevented by guard of write else violates owned }}\n");
    let dir = Dir::with(&[("a.arch", &text)]);
    let run = dir.archc(&["check", "a.arch"]).expect(0).quiet();
    assert!(run.headline().contains("4 properties · 1 failure mode shown"), "{}", run.headline());
    let line = "shown       failure \"stale\" prevented by guard of write, else violates owned in 5 steps";
    assert!(run.stdout.contains(line), "{}", run.stdout);
    let behaviour = "failure \"stale\", without guard of write · a.arch:";
    assert!(!run.stdout.contains(behaviour), "{}", run.stdout);
    assert!(run.stdout.contains("behaviour as it should be: `--show all`"), "{}", run.stdout);
    for name in ["stale", "all"] {
        let run = dir.archc(&["check", "a.arch", "--show", name]).expect(0).quiet();
        assert!(run.stdout.contains(behaviour) && !run.stdout.contains("--show"), "{}", run.stdout);
    }
    let run = dir.archc(&["check", "a.arch", "--show", "fresh", "--show", "stael"]).expect(0).quiet();
    assert!(run.stdout.contains("no property and no failure mode is called \"stael\""), "{}", run.stdout);
    assert!(!run.stdout.contains("\"fresh\"") && !run.stdout.contains(behaviour), "{}", run.stdout);
}

#[test]
fn steps_can_be_reordered_and_split() {
    let text = r#"
actor w
truth T { applied: 0..2, offset: 0..2 }
protocol main, repeats { w[apply {T.applied < 2}] -> w[commit] => done }
on apply { T.applied := T.applied + 1 }
on commit { T.offset := T.offset + 1 }
protocol both, repeats { w[reset {T.applied = 2 and T.offset = 2}] => done }
on reset { T.applied := 0; T.offset := 0 }
property applied_first: always T.offset <= T.applied
property reset_is_whole: always T.applied >= T.offset
failure "offset first" { prevented by with order commit before apply else violates applied_first }
failure "half a reset" { prevented by with split reset after 1 else violates reset_is_whole }
"#;
    let run = Dir::with(&[("a.arch", text)]).archc(&["check", "a.arch", "--format", "json"]).expect(0);
    let lengths: Vec<usize> = run.json()["specs"][0]["failures"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| f["trace"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(lengths, [1, 5], "{}", run.stdout);
}

#[test]
fn a_change_that_leaves_no_spec_is_an_error_at_its_place() {
    let text = format!("{SPEC}\nfailure \"f\" {{ repaired by step reclaim else violates free_again }}\n");
    let run = Dir::with(&[("a.arch", &text)]).archc(&["check", "a.arch"]).expect(2);
    assert!(
        run.stdout.contains("error[E0503]: with this change there is no spec any more"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("`reclaim` is the only step of its chain"), "{}", run.stdout);
}
