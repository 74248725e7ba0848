//! `archc faults`: the cells are what checking the spec with that fault alone finds, and the text shows them.

mod common;

use common::Dir;
use serde_json::Value;

/// A lease that a clock can break, a fence that nothing breaks, and a request that must arrive once.
const SPEC: &str = r#"
ordinal Epoch
truth Lock { owner: worker?, expiry: time }
truth Fence { current: Epoch }
ghost truth Sink { last: Epoch }
actor worker * 2 { mine: Epoch }
protocol main for each worker, repeats {
  worker[take {Lock.owner = null or Lock.expiry < now}] -> worker[write {Fence.current = mine}] => done
  |-> worker[give_up {Fence.current != mine}] => retry
}
protocol count { worker[ask] -> worker[add] => done }
truth Counter { n: 0..3 }
branch give_up after take
on take { Lock.owner := self; Lock.expiry := now + 1; advance Fence.current; mine := Fence.current }
on write { Sink.last := mine; Lock.owner := null; advance Fence.current }
on ask { }
on add { Counter.n := Counter.n + 1 }
FAULTS
property lease: after take: old(Lock.owner) = null or old(Lock.expiry) < now
property fresh: at write: mine >= Sink.last
property once: always Counter.n <= 1
"#;

fn spec(faults: &str) -> String {
    SPEC.replace("FAULTS", faults)
}

fn matrix(faults: &str) -> Vec<Value> {
    let dir = Dir::with(&[("a.arch", &spec(faults))]);
    let run = dir.archc(&["faults", "a.arch", "--format", "json"]).expect(0).quiet();
    run.json()["specs"][0]["faults"].as_array().cloned().unwrap_or_default()
}

fn row<'a>(rows: &'a [Value], fault: &str) -> &'a Value {
    rows.iter().find(|r| r["fault"] == fault).unwrap_or_else(|| panic!("no row {fault}"))
}

fn verdicts(properties: &Value) -> Vec<(String, String, usize)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let one = |p: &Value| (text(&p["name"]), text(&p["verdict"]), p["trace"].as_array().map_or(0, Vec::len));
    properties.as_array().into_iter().flatten().map(one).collect()
}

#[test]
fn every_cell_is_what_a_check_with_that_fault_finds() {
    let rows = matrix("");
    assert!(rows.len() > 8, "{} rows", rows.len());
    for row in rows.iter().filter(|r| r["applicable"] == true) {
        let declared = row["fault"].as_str().map(|f| format!("faults {{ {f} }}")).unwrap_or_default();
        let dir = Dir::with(&[("a.arch", &spec(&declared))]);
        let run = dir.archc(&["check", "a.arch", "--format", "json"]);
        let checked = &run.json()["specs"][0];
        assert_eq!(verdicts(&row["properties"]), verdicts(&checked["properties"]), "{declared}");
        assert_eq!(row["distinct_states"], checked["distinct_states"], "{declared}");
    }
}

#[test]
fn what_breaks_breaks_only_under_its_fault() {
    let rows = matrix("");
    let broken = |fault: &str| -> Vec<String> {
        let found = verdicts(&row(&rows, fault)["properties"]).into_iter();
        found.filter(|(_, verdict, _)| verdict == "violated").map(|(name, ..)| name).collect()
    };
    assert_eq!(broken("skew worker by 1"), ["lease"]);
    assert_eq!(broken("duplicate add"), ["once"]);
    assert_eq!(broken("crash worker"), [""; 0]);
    assert_eq!(broken("duplicate write"), [""; 0]);
}

#[test]
fn declared_budgets_count_and_other_faults_do_not() {
    let rows = matrix("faults { crash worker at most 2; lose add }");
    let none = rows.iter().find(|r| r["fault"].is_null()).expect("a row without faults");
    assert_eq!(row(&rows, "crash worker at most 2")["declared"], true);
    assert_eq!(row(&rows, "skew worker by 1")["declared"], false);
    assert_eq!(none["distinct_states"], matrix("")[0]["distinct_states"]);
    let states = |rows: &[Value], fault: &str| row(rows, fault)["distinct_states"].as_u64();
    let (twice, once) = (states(&rows, "crash worker at most 2"), states(&matrix(""), "crash worker"));
    assert!(twice > once, "a second crash makes more states");
}

#[test]
fn what_can_never_happen_is_not_applicable() {
    let rows = matrix("");
    // A run that took the lock waits at `write`, so its hand-off can be lost; nobody waits for a rule or a first step.
    assert_eq!(row(&rows, "lose write")["applicable"], true);
    assert!(!rows.iter().any(|r| r["fault"] == "lose take"));
    let never = "actor w\ntruth T { n: 0..2 }\nprotocol main, repeats { w[a] -> w[c] => done\n |-> w[b {T.n > 1}] -> w[d] => done }\non a { T.n := 1 }\nproperty p: always T.n <= 1\n";
    let run = Dir::with(&[("a.arch", never)]).archc(&["faults", "a.arch", "--format", "json"]).expect(0);
    let rows = run.json()["specs"][0]["faults"].as_array().cloned().unwrap_or_default();
    assert_eq!(row(&rows, "lose d")["reason"], "it can never happen");
}

#[test]
fn the_table_names_its_columns_and_tells_what_breaks() {
    let run = Dir::with(&[("a.arch", &spec(""))]).archc(&["faults", "a.arch"]).expect(0).quiet();
    assert!(run.stdout.starts_with("FAULTS a.arch · "), "{}", run.stdout);
    assert!(run.stdout.contains("\n    1 lease\n    2 fresh\n    3 once\n"), "{}", run.stdout);
    assert!(
        run.stdout.contains("under skew worker by 1\n  counterexample to lease in 2 steps"),
        "{}",
        run.stdout
    );
}

#[test]
fn limits_and_errors_have_their_status() {
    let dir = Dir::with(&[("a.arch", &spec("")), ("b.arch", "truth {"), ("c.arch", common::specs::SKETCH)]);
    assert!(dir.archc(&["faults", "a.arch", "--max-states", "9"]).expect(3).stdout.contains('?'));
    dir.archc(&["faults", "b.arch"]).expect(2);
    dir.archc(&["faults", "c.arch"]).expect(3);
    dir.archc(&["faults", "a.arch", "--instance", "nowhere"]).expect(2);
}

#[test]
fn every_declared_fault_has_a_row_as_it_is_declared() {
    let spec = "\
truth T { n: 0..3 }
truth Store { n: 0..3 }
actor edge * 2
actor store
actor clockless
protocol main for each edge, repeats { edge[ask] -> store[answer {Store.n < 3}] => done }
rules { clockless[merge {connected(clockless, store) and T.n < 3}] }
on ask { }
on answer { Store.n := Store.n + 1 }
on merge { T.n := T.n + 1 }
faults { partition edge from store at most 2; skew edge by 2; crash edge stops at most 2; lose answer unbounded }
property p: always T.n <= 3
";
    let run = Dir::with(&[("a.arch", spec)]).archc(&["faults", "a.arch"]).expect(0);
    let rows: Vec<&str> = run.stdout.lines().filter(|l| l.contains(" *")).collect();
    for declared in [
        "partition edge from store at most 2",
        "skew edge by 2",
        "crash edge stops at most 2",
        "lose answer unbounded",
    ] {
        assert_eq!(rows.iter().filter(|l| l.contains(declared)).count(), 1, "{declared}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("partition store from edge"), "{}", run.stdout);
}

#[test]
fn a_fault_is_declared_once() {
    let spec = "\
truth T { n: 0..3 }
actor w
protocol main { w[up] => done }
on up { T.n := 1 }
faults { crash w; crash w at most 2 }
property p: always T.n <= 1
";
    let run = Dir::with(&[("a.arch", spec)]).archc(&["check", "a.arch"]).expect(2);
    assert!(run.stdout.contains("E0501") && run.stdout.contains("declared already"), "{}", run.stdout);
}
