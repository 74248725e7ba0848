//! `archc audit`: a spec for every class, and for every exception that its shortcuts have to get right.

mod common;

use common::Dir;
use serde_json::Value;

/// The audit of one spec, as JSON: the same whether its variants are explored at once or (with a limit of states, which each
/// exploration has for itself) one by one.
fn audit(spec: &str) -> Value {
    let dir = Dir::with(&[("a.arch", spec)]);
    let run = |arguments: &[&str]| {
        let arguments = [&["audit", "a.arch", "--format", "json"], arguments].concat();
        dir.archc(&arguments).expect(0).quiet().json()["specs"][0].clone()
    };
    let (at_once, one_by_one) = (run(&[]), run(&["--max-states", "1000000"]));
    for part in parts(&at_once) {
        assert_eq!(Some(part), parts(&one_by_one).find(|p| p["id"] == part["id"]), "one by one");
    }
    at_once
}

fn parts(spec: &Value) -> impl Iterator<Item = &Value> {
    let kinds = ["guards", "effects", "branches", "protocols", "faults"];
    kinds.into_iter().flat_map(|kind| spec[kind].as_array().into_iter().flatten())
}

#[track_caller]
fn part<'a>(spec: &'a Value, id: &str) -> &'a Value {
    let known = || parts(spec).map(|p| p["id"].to_string()).collect::<Vec<_>>();
    parts(spec).find(|p| p["id"] == id).unwrap_or_else(|| panic!("no part {id} among {:?}", known()))
}

/// Class, property and length of the behaviour: `load_bearing p 2`.
#[track_caller]
fn shown(spec: &Value, id: &str) -> String {
    let part = part(spec, id);
    let text = |key: &str| part[key].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", text("class"), text("property"), part["trace"].as_array().map_or(0, Vec::len))
}

#[track_caller]
fn expect(spec: &str, expected: &[(&str, &str)]) {
    let found = audit(spec);
    for (id, expected) in expected {
        assert_eq!(shown(&found, id), *expected, "{id}");
    }
}

/// A counter that may reach 2, a check that says so twice, and one that says nothing.
const COUNTER: &str = r#"
truth T { n: 0..5, m: 0..1 }
actor w
protocol main, repeats { w[up {T.n < 2 and T.n >= 0}] => done }
protocol down, repeats { w[less {T.n > 1}] => done }
on up { T.n := T.n + 1 }
on less { T.n := 0 }
property p: always T.n <= 2
"#;

#[test]
fn an_atom_can_be_load_bearing_redundant_or_unobserved() {
    expect(
        COUNTER,
        &[
            ("main.up#1", "load_bearing p 3"),
            ("main.up#2", "redundant - 0"),
            ("guard of main.up", "load_bearing p 3"),
            ("down.less#1", "unobserved - 0"),
            ("protocol down", "unobserved - 0"),
        ],
    );
}

#[test]
fn two_checks_of_the_same_mask_each_other() {
    let twice = "\
truth T { n: 0..5 }
actor w
protocol main, repeats { w[look {T.n < 2}] -> w[up {T.n < 2}] => done }
protocol down, repeats { w[less {T.n > 0}] => done }
on look { }
on up { T.n := T.n + 1 }
on less { T.n := T.n - 1 }
property p: always T.n <= 2
";
    let found = audit(twice);
    // Looking is not needed while `up` looks again; the other way round neither, as nobody else counts up.
    for (id, other) in [("main.look#1", "main.up#1"), ("main.up#1", "main.look#1")] {
        assert_eq!(shown(&found, id), "masked p 6", "{id}");
        assert_eq!(part(&found, id)["masked_by"][0]["id"], other);
    }
    assert_eq!(part(&found, "main.up#1")["same_graph"], true);
    assert_eq!(part(&found, "main.look#1")["same_graph"], false);
}

#[test]
fn two_atoms_of_one_guard_can_mask_each_other() {
    let both = COUNTER.replace("T.n < 2 and T.n >= 0", "T.n < 2 and not T.n >= 2");
    let found = audit(&both);
    for id in ["main.up#1", "main.up#2"] {
        assert_eq!(shown(&found, id), "masked p 3", "{id}");
        assert_eq!(part(&found, id)["same_graph"], true);
    }
    assert_eq!(shown(&found, "guard of main.up"), "load_bearing p 3");
}

#[test]
fn what_breaks_a_property_by_being_there_is_harmful() {
    let harmful = "\
truth T { n: 0..5 }
actor w
protocol main, repeats { w[up {T.n < 2}] => done |-> w[jump {T.n = 1}] => done }
protocol down, repeats { w[less {T.n > 0}] => done }
on up { T.n := T.n + 1 }
on jump { T.n := 4 }
on less { T.n := 0 }
property p: always T.n <= 2
property q: always T.n <= 4
";
    let dir = Dir::with(&[("a.arch", harmful)]);
    let found = dir.archc(&["audit", "a.arch", "--format", "json"]).expect(0).json()["specs"][0].clone();
    assert_eq!(found["violated"][0], "p");
    assert_eq!(shown(&found, "branch main.jump"), "harmful - 0");
    assert_eq!(part(&found, "branch main.jump")["repairs"][0], "p");
    assert_eq!(shown(&found, "main.up#1"), "load_bearing q 3");
}

#[test]
fn an_advance_and_a_repair_protocol_carry_load() {
    let lease = "\
ordinal Epoch
truth Fence { current: Epoch, owner: worker? }
ghost truth Sink { last: Epoch }
actor worker * 2 { mine: Epoch }
actor reaper
protocol main for each worker, repeats {
  worker[take {Fence.owner = null}] -> worker[write {Fence.current = mine}] => done
}
protocol repair, repeats, daemon { reaper[free {Fence.owner != null}] => done }
on take { Fence.owner := self; advance Fence.current; mine := Fence.current }
on write { Sink.last := mine; Fence.owner := null }
rejects write => retry
on free { Fence.owner := null }
faults { crash worker }
property fresh: at write: mine >= Sink.last
property owner: at write: Fence.owner = self or Fence.owner = null
property freed: Fence.owner != null leads to Fence.owner = null
";
    let found = audit(lease);
    assert_eq!(part(&found, "protocol repair")["class"], "load_bearing");
    assert_eq!(part(&found, "protocol repair")["property"], "freed");
    assert!(part(&found, "protocol repair")["cycle_start"].is_u64());
    assert_eq!(part(&found, "effect 2 of main.take")["class"], "load_bearing");
    assert_eq!(part(&found, "main.write#1")["property"], "owner");
}

/// Without the atom the two go round for ever: what is always enabled there is taken, and `up` is not always enabled.
#[test]
fn a_cycle_that_moves_is_seen() {
    let spec = "\
truth T { n: 0..2 }
actor w
rules { w[flip {T.n < 2 and T.n = 0}]  w[up {T.n = 1}] }
on flip { T.n := 1 - T.n }
on up { T.n := 2 }
property p: T.n = 0 leads to T.n = 2
";
    expect(spec, &[("flip#1", "redundant - 0"), ("flip#2", "load_bearing p 2")]);
}

#[test]
fn what_never_happens_is_redundant() {
    let never = "\
truth T { n: 0..3 }
actor w
actor x
protocol main, repeats { w[up {T.n < 2}] => done |-> w[jump {T.n = 3}] => done }
protocol down, repeats { w[less {T.n > 1}] => done }
protocol other, repeats { x[never {T.n > 2}] -> x[later] => done }
on up { T.n := T.n + 1 }
on jump { }
on less { T.n := 0 }
on never { }
on later { }
faults { lose later }
property p: always T.n <= 2
";
    expect(
        never,
        &[
            ("branch main.jump", "redundant - 0"),
            ("protocol other", "redundant - 0"),
            ("fault lose other.later", "redundant - 0"),
            ("budget of lose other.later", "redundant - 0"),
        ],
    );
}

/// The step `take` is refused by its guard, or not enabled because there is nothing to pick. An atom that decides between these
/// two makes a difference, although `take` never executes while it is false.
#[test]
fn a_rejection_that_would_vanish_is_a_difference() {
    let spec = |rejects: &str| {
        format!(
            "\
truth T {{ n: 0..2, refused: bool }}
actor w
protocol main, repeats {{ w[take {{T.n > 0}}] => done }}
protocol other, repeats {{ w[set {{T.n < 2}}] => done |-> w[reset {{T.n = 2}}] => done }}
on take {{ pick x in {{y for y in 1..2 where y <= T.n}}; T.n := T.n - x }}
{rejects}
on set {{ T.n := T.n + 1 }}
on reset {{ T.n := 0 }}
property p: always T.n <= 2
property refusals: reachable T.refused = true
"
        )
    };
    let with = audit(&spec("rejects take => retry { T.refused := true }"));
    assert_eq!(part(&with, "main.take#1")["same_graph"], false);
    assert_eq!(shown(&with, "main.take#1"), "load_bearing refusals 0");
    let without = spec("").replace("property refusals: reachable T.refused = true\n", "");
    expect(&without, &[("main.take#1", "redundant - 0")]);
}

/// The only comparison with an instant: without it, there are fewer states, and the spec does the same.
#[test]
fn taking_out_the_only_comparison_with_an_instant_does_not_blur_states() {
    let spec = "\
truth L { expiry: time, n: 0..1 }
actor w
protocol main, repeats { w[take {L.expiry < now or L.n >= 0}] => done }
protocol other, repeats { w[flip {L.n = 0}] => done |-> w[flop {L.n = 1}] => done }
on take { L.expiry := now + 1 }
on flip { L.n := 1 }
on flop { L.n := 0 }
property p: always L.n <= 1
";
    expect(spec, &[("main.take#1", "redundant - 0")]);
}

/// With a deadline, the clock waits for an enabled step: an atom that seems to decide about nothing else decides about ticks.
#[test]
fn a_guard_decides_about_ticks_where_there_are_deadlines() {
    let spec = |urgent: &str| {
        format!(
            "\
truth L {{ expiry: time, n: 0..2 }}
actor w
protocol main, repeats {{ w[begin] -> w[act {{L.n = 1}}] => done }}
protocol other, repeats {{ w[set {{L.n = 0}}] => done |-> w[unset {{L.n = 1 and L.expiry < now}}] => done }}
on begin {{ L.expiry := now + 1 }}
on act {{ L.n := 0 }}
on set {{ L.n := 1 }}
on unset {{ L.n := 0 }}
{urgent}
property p: always L.n <= 1
"
        )
    };
    assert_eq!(part(&audit(&spec("urgent act")), "main.act#1")["same_graph"], false);
    let found = audit(&spec(""));
    assert_ne!(part(&found, "main.act#1")["class"], "redundant");
}

#[test]
fn a_disjunct_that_is_taken_out_allows_less() {
    let spec = "\
truth T { n: 0..3 }
actor w
protocol main, repeats { w[up {T.n = 0 or T.n = 1}] => done }
on up { T.n := T.n + 1 }
allow stuck
property p: reachable T.n = 2
";
    expect(spec, &[("main.up#1", "load_bearing p 0"), ("main.up#2", "load_bearing p 0")]);
}

/// A fault whose budget is none never happens, and would if nothing held it.
#[test]
fn a_budget_of_none_is_an_assumption() {
    let spec = "\
truth T { n: 0..1 }
actor w
protocol main, repeats { w[up {T.n = 0}] -> w[down] => done }
on up { T.n := 1 }
on down { T.n := 0 }
faults { crash w stops at most 0 }
property p: T.n = 1 leads to T.n = 0
";
    let found = audit(spec);
    assert_eq!(shown(&found, "fault crash w stops"), "redundant - 0");
    assert_eq!(part(&found, "budget of crash w stops")["class"], "load_bearing");
    assert_eq!(part(&found, "budget of crash w stops")["property"], "p");
}

#[test]
fn budgets_are_assumptions() {
    let spec = "\
truth T { n: 0..9 }
actor w
protocol main { w[ask] -> w[add] => done }
on ask { }
on add { T.n := T.n + 1 }
faults { duplicate add at most 1 }
property p: always T.n <= 2
";
    let found = audit(spec);
    assert_eq!(shown(&found, "budget of duplicate main.add"), "unobserved - 0");
    assert_eq!(shown(&found, "fault duplicate main.add"), "unobserved - 0");
    let twice = audit(&spec.replace("protocol main {", "protocol main, runs 2 {").replace("<= 2", "<= 3"));
    assert_eq!(part(&twice, "budget of duplicate main.add")["class"], "load_bearing");
}

#[test]
fn json_satisfies_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/audit.schema.json")).unwrap();
    let accepted = format!("{COUNTER}redundant term 2 of up \"the type says so\"\n");
    let dir = Dir::with(&[
        ("a.arch", accepted.as_str()),
        ("b.arch", "truth {"),
        ("c.arch", common::specs::SKETCH),
        ("d.arch", common::specs::VIOLATED),
    ]);
    for args in [&["audit", ".", "--format", "json"][..], &["audit", ".", "--format", "json", "--strict"]] {
        let document = dir.archc(args).expect(2).quiet().json();
        assert_eq!(common::schema::errors(&schema, &document), Vec::<String>::new());
    }
}

#[test]
fn strict_asks_for_a_reason() {
    let strict = |spec: &str| Dir::with(&[("a.arch", spec)]).archc(&["audit", "a.arch", "--strict"]);
    let run = strict(COUNTER).expect(5).quiet();
    assert!(run.stdout.contains("main.up#2"), "{}", run.stdout);
    assert!(run.stdout.contains("no reason is given"), "{}", run.stdout);
    let accepted = format!("{COUNTER}redundant term 2 of up \"the type says so\"\n");
    let run = strict(&accepted).expect(0).quiet();
    assert!(run.stdout.contains("accepted: the type says so"), "{}", run.stdout);
    Dir::with(&[("a.arch", COUNTER)]).archc(&["audit", "a.arch"]).expect(0).quiet();
    // A switch needs no reason: it is there for another choice of constants.
    let switch = COUNTER.replace("T.n >= 0", "ON").replace("truth T", "const ON = true\ntruth T");
    let run = strict(&switch).expect(0).quiet();
    assert!(run.stdout.contains("a switch; the same states"), "{}", run.stdout);
}

#[test]
fn a_reason_for_a_term_outlives_one_for_its_protocol() {
    for declarations in [
        ["redundant protocol main \"of all\"", "redundant term 2 of up \"of the term\""],
        ["redundant term 2 of up \"of the term\"", "redundant protocol main \"of all\""],
    ] {
        let spec = format!("{COUNTER}{}\n{}\n", declarations[0], declarations[1]);
        let run = Dir::with(&[("a.arch", &spec)]).archc(&["audit", "a.arch"]);
        let line = run.stdout.lines().find(|l| l.contains("main.up#2")).expect("the term");
        assert!(line.contains("accepted: of the term"), "{}", run.stdout);
    }
}

#[test]
fn a_redundancy_that_is_none_is_refuted() {
    let wrong = format!("{COUNTER}redundant term 1 of up \"nobody counts that far\"\n");
    let run = Dir::with(&[("a.arch", &wrong)]).archc(&["audit", "a.arch", "--strict"]).expect(1).quiet();
    assert!(run.stdout.contains("main.up#1 is load-bearing: without it, p breaks"), "{}", run.stdout);
    for (declaration, said) in [
        ("redundant term 3 of up \"x\"", "E0503"),
        ("redundant guard of nowhere \"x\"", "nowhere"),
        ("redundant step up \"x\"", "nothing that an audit leaves out is named here"),
        ("redundant fault crash w \"x\"", "no such fault is declared"),
        ("redundant effect 1.1 of up \"x\"", "E0503"),
        ("redundant effect 0 of up \"x\"", "E0503"),
        ("redundant effect 99999999999 of up \"x\"", "out of range"),
        ("faults { crash w unbounded }\nredundant budget of crash w \"x\"", "this fault has no budget"),
    ] {
        let spec = format!("{COUNTER}{declaration}\n");
        let run = Dir::with(&[("a.arch", &spec)]).archc(&["audit", "a.arch"]).expect(2);
        assert!(run.stdout.contains(said), "{declaration}: {}", run.stdout);
        Dir::with(&[("a.arch", &spec)]).archc(&["check", "a.arch"]).expect(2);
    }
}

#[test]
fn faults_and_their_budgets_can_be_accepted() {
    let faults = "faults { crash w at most 2; duplicate less }\n";
    let spec = format!(
        "{COUNTER}{faults}redundant fault crash w \"whoever counts again counts the same\"\n\
         redundant budget of crash w \"twice is enough\"\nredundant fault duplicate less \"it sets\"\n"
    );
    let run = Dir::with(&[("a.arch", &spec)]).archc(&["audit", "a.arch"]).expect(0).quiet();
    let line = |id: &str| run.stdout.lines().find(|l| l.contains(id)).expect("the part").to_owned();
    assert!(line(" fault crash w").contains("accepted: whoever counts again"), "{}", run.stdout);
    assert!(line("budget of crash w").contains("accepted: twice is enough"), "{}", run.stdout);
    // A reason for a fault is one for its budget.
    assert!(line("budget of duplicate down.less").contains("accepted: it sets"), "{}", run.stdout);
    let wrong = "truth T { n: 0..5 }\nactor w\nprotocol main { w[up] => done }\non up { T.n := T.n + 1 }\n\
                 faults { duplicate up }\nproperty q: never T.n = 2\nredundant fault duplicate up \"x\"\n";
    let run = Dir::with(&[("a.arch", wrong)]).archc(&["audit", "a.arch"]).expect(1);
    assert!(run.stdout.contains("fault duplicate main.up is harmful: without it, q holds"), "{}", run.stdout);
}

#[test]
fn a_reason_for_a_protocol_accepts_nothing_that_carries_load() {
    let spec = format!("{COUNTER}redundant protocol main \"x\"\n");
    let run = Dir::with(&[("a.arch", &spec)]).archc(&["audit", "a.arch"]);
    let line = run.stdout.lines().find(|l| l.contains("main.up#1")).expect("the part");
    assert!(line.contains("load-bearing") && !line.contains("accepted"), "{line}");
    let spec = format!("{COUNTER}redundant term 2 of up \" \"\n");
    let run = Dir::with(&[("a.arch", &spec)]).archc(&["audit", "a.arch"]).expect(2);
    assert!(run.stdout.contains("E0503") && run.stdout.contains("no reason"), "{}", run.stdout);
}

#[test]
fn what_is_to_come_is_open_where_behaviours_end() {
    let spec = "\
truth T { n: 0..1, ok: bool, go: bool }
actor a
rules { a[grow]  a[fix]  a[stop {T.go}] }
on grow { T.n := T.n + 1 }
on fix { T.ok := true }
on stop { T.go := false }
property p: always possible T.ok
property q: eventually T.ok
property r: always not T.go or T.n = 0
";
    let run = Dir::with(&[("a.arch", spec)]).archc(&["audit", "a.arch", "--format", "json"]).expect(3);
    let found = &run.json()["specs"][0];
    assert_eq!(part(found, "protocol fix")["class"], "inconclusive");
}

#[test]
fn what_a_cut_forbids_as_well_is_not_proved_redundant() {
    let spec = "\
truth T { n: 0..2 cut, ok: bool }
actor a
rules { a[inc {not T.ok}]  a[fin {T.n = 2}] }
on inc { T.n := T.n + 1 }
on fin { T.ok := true }
property p: always T.ok implies T.n = 2
";
    let class = |spec: &str, id: &str| {
        let run = Dir::with(&[("a.arch", spec)]).archc(&["audit", "a.arch", "--format", "json"]);
        part(&run.json()["specs"][0], id)["class"].as_str().expect("a class").to_owned()
    };
    assert_eq!(class(spec, "inc#1"), "inconclusive");
    // The guard keeps the spec away from the bound, and only without it the cut would be needed.
    let guarded = spec.replace("not T.ok", "T.n < 2");
    assert_eq!(class(&guarded, "inc#1"), "inconclusive");
    assert_eq!(class(&guarded.replace(" cut", " clamp"), "inc#1"), "unobserved");
}

#[test]
fn a_statement_within_another_can_be_accepted() {
    let spec = "\
truth T { n: 0..3, m: 0..1, seen: 0..1 }
actor w
protocol main, repeats { w[up] => done }
on up { T.m := 0; if T.n < 3 { T.n := T.n + 1 } else { T.n := 0; T.seen := 1 } }
property p: always T.n <= 3
property r: reachable T.n = 2
redundant effect 1 of up \"it is 0\"
redundant effect 2.else.2 of up \"nobody looks\"
redundant effect 2.1 of up \"refuted\"
";
    let run = Dir::with(&[("a.arch", spec)]).archc(&["audit", "a.arch"]).expect(1);
    assert!(
        run.stdout.contains("effect 2.1 of main.up is load-bearing: without it, r breaks"),
        "{}",
        run.stdout
    );
    let line = run.stdout.lines().find(|l| l.contains("effect 2.else.2 of main.up")).expect("the part");
    assert!(line.contains("accepted: nobody looks"), "{line}");
}

#[test]
fn what_is_switched_carries_its_load() {
    for guard in ["not ON or T.n < 2", "ON implies T.n < 2", "T.n < 2 or not ON", "not (ON and T.n >= 2)"] {
        let spec =
            COUNTER.replace("T.n < 2 and T.n >= 0", guard).replace("truth T", "const ON = true\ntruth T");
        let found = audit(&spec);
        let of_n =
            parts(&found).find(|p| p["text"].as_str().is_some_and(|t| t.starts_with("T.n"))).expect("it");
        assert_eq!((&of_n["class"], &of_n["property"]), (&"load_bearing".into(), &"p".into()), "{guard}");
        assert!(parts(&found).all(|p| p["class"] != "masked"), "{guard}");
    }
}

#[test]
fn a_limit_leaves_parts_open() {
    let dir = Dir::with(&[("a.arch", COUNTER)]);
    let run = dir.archc(&["audit", "a.arch", "--max-states", "2", "--format", "json"]).expect(3).quiet();
    let document = run.json();
    let spec = &document["specs"][0];
    assert!(parts(spec).all(|p| p["class"] == "inconclusive"), "{}", run.stdout);
    // Enough for the spec, not for what has more states without a part.
    let run = dir.archc(&["audit", "a.arch", "--max-states", "3", "--format", "json"]).expect(3).quiet();
    let document = run.json();
    let spec = &document["specs"][0];
    assert_eq!(part(spec, "main.up#2")["class"], "redundant");
    assert_eq!(part(spec, "main.up#1")["class"], "inconclusive");
    assert!(part(spec, "main.up#1")["reason"].as_str().is_some_and(|r| r.contains("limit of states")));
}

#[test]
fn the_text_says_the_sum_first_and_tells_what_is_asked_for() {
    let dir = Dir::with(&[("a.arch", COUNTER)]);
    let run = dir.archc(&["audit", "a.arch"]).expect(0).quiet();
    let first = "AUDIT a.arch · 6 parts · 2 load-bearing · 1 redundant · 3 unobserved · as written, everything holds · 3 states";
    assert_eq!(run.headline(), first);
    assert!(!run.stdout.contains("initial state"), "{}", run.stdout);
    let told = dir.archc(&["audit", "a.arch", "--item", "main.up#1"]).expect(0).quiet();
    assert!(told.stdout.contains("without main.up#1\n  counterexample to p in 3 steps"), "{}", told.stdout);
    assert_eq!(told.stdout.matches("initial state").count(), 1, "{}", told.stdout);
    let all = dir.archc(&["audit", "a.arch", "--trace"]).expect(0).quiet();
    assert_eq!(all.stdout.matches("initial state").count(), 2, "{}", all.stdout);
    let run = dir.archc(&["audit", "a.arch", "--item", "main.up#9"]).expect(2);
    assert!(run.stderr.contains("no spec has a part main.up#9"), "{}", run.stderr);
}

#[test]
fn threads_change_nothing() {
    let dir = Dir::with(&[("a.arch", COUNTER), ("b.arch", common::specs::HOLDS)]);
    let with = |threads: &str| dir.archc(&["audit", ".", "--trace", "--threads", threads]).stdout;
    assert_eq!(with("1"), with("4"));
}
