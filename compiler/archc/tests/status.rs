//! The exit status and the first line, for each way a check can end.

mod common;

use common::{Dir, specs};

fn one(text: &str) -> Dir {
    Dir::with(&[("a.arch", text)])
}

#[test]
fn what_holds_is_0() {
    let run = one(specs::HOLDS).archc(&["check", "a.arch"]).expect(0).quiet();
    assert!(run.headline().starts_with("HOLDS a.arch · 2 properties · all "), "{}", run.headline());
    assert!(run.headline().ends_with(" up to symmetry) · every depth"), "{}", run.headline());
    let run = one(specs::HOLDS).archc(&["check", "a.arch", "--no-symmetry"]).expect(0).quiet();
    assert!(run.headline().ends_with(" states · every depth"), "{}", run.headline());
}

#[test]
fn a_violation_is_1_and_comes_with_a_shortest_counterexample() {
    let run = one(specs::VIOLATED).archc(&["check", "a.arch"]).expect(1).quiet();
    assert!(
        run.headline().starts_with("VIOLATED a.arch · property mine · 3 steps · shortest · "),
        "{}",
        run.headline()
    );
    assert!(run.stdout.contains("counterexample to mine in 3 steps · a.arch:14:"), "{}", run.stdout);
    assert!(run.stdout.contains("Lock.owner: null → worker"), "{}", run.stdout);
    assert!(run.stdout.contains("violated at release: Lock.owner = self"), "{}", run.stdout);
}

#[test]
fn a_stuck_state_says_why_each_run_waits() {
    let run = one(specs::DEADLOCK).archc(&["check", "a.arch"]).expect(1).quiet();
    assert!(run.headline().starts_with("VIOLATED a.arch · "), "{}", run.headline());
    assert!(run.stdout.contains("stuck: a[phil1] cannot go on, however long it waits"), "{}", run.stdout);
    assert!(
        run.stdout.contains("right waits: not Right.owner = null (Right.owner is phil2)\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("back waits: not Left.owner = null (Left.owner is phil1)\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn ordinals_keep_their_numbers_in_a_counterexample() {
    let run = one(specs::EPOCHS).archc(&["check", "a.arch"]).expect(1).quiet();
    assert!(run.stdout.contains("Owner.epoch: #0 → #1"), "{}", run.stdout);
    assert!(run.stdout.contains("Owner.epoch: #1 → #2"), "{}", run.stdout);
    assert!(run.stdout.contains("Owner.epoch: #2 → #3"), "{}", run.stdout);
}

#[test]
fn a_late_duplicate_says_what_it_was_sent_with() {
    let run = one(specs::DUPLICATED).archc(&["check", "a.arch"]).expect(1).quiet();
    assert!(
        run.stdout.contains("'s store of main[client] arrives again with seen = #1 · a.arch:11:"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("seen = #1, as it was sent"), "{}", run.stdout);
    assert!(run.stdout.contains("Store.newest = #2"), "{}", run.stdout);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let dir = Dir::with(&[("a.arch", specs::VIOLATED), ("b.arch", specs::HOLDS), ("c.arch", specs::INVALID)]);
    for format in ["text", "json", "junit", "sarif", "github"] {
        let run = |threads| dir.archc(&["check", ".", "--format", format, "--threads", threads]).stdout;
        assert_eq!(run("1"), run("1"), "{format}");
        assert_eq!(run("1"), run("2"), "{format}");
    }
}

#[test]
fn an_error_is_2() {
    let run = one(specs::INVALID).archc(&["check", "a.arch"]).expect(2).quiet();
    assert!(run.headline().starts_with("INVALID a.arch · 1 error"), "{}", run.stdout);
    assert!(run.stdout.contains("error[E0102]"), "{}", run.stdout);
    let run = one(specs::BROKEN).archc(&["check", "a.arch"]).expect(2).quiet();
    assert!(run.headline().starts_with("INVALID a.arch · "), "{}", run.stdout);
    assert!(run.stdout.contains("error[E0001]"), "{}", run.stdout);
}

#[test]
fn a_wrong_command_line_is_2_and_leaves_stdout_alone() {
    let dir = one(specs::HOLDS);
    for args in [
        &["check"][..],
        &["check", "a.arch", "--engine", "horse"],
        &["check", "a.arch", "--set", "N"],
        &["check", "a.arch", "--max-memory", "lots"],
        &["check", "a.arch", "--timeout", "soon"],
        &["check", "a.arch", "--max-states", "0"],
        &["frobnicate"],
    ] {
        let run = dir.archc(args).expect(2);
        assert_eq!(run.stdout, "", "{args:?}");
        assert!(run.stderr.contains("error"), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn a_sketch_is_3() {
    let run = one(specs::SKETCH).archc(&["check", "a.arch"]).expect(3).quiet();
    assert!(run.headline().starts_with("SKETCH a.arch · resolves · "), "{}", run.stdout);
    assert!(run.headline().ends_with("missing before it can be explored"), "{}", run.stdout);
}

#[test]
fn a_limit_is_3() {
    let dir = one(specs::HUGE);
    let run = dir.archc(&["check", "a.arch", "--max-states", "1000"]).expect(3).quiet();
    assert!(run.headline().starts_with("INCONCLUSIVE a.arch · "), "{}", run.headline());
    assert!(run.headline().contains("limit of 1,000 states reached"), "{}", run.headline());
    let run = dir.archc(&["check", "a.arch", "--timeout", "300ms"]).expect(3).quiet();
    assert!(run.headline().contains("time limit of 300ms reached"), "{}", run.headline());
    let run = dir.archc(&["check", "a.arch", "--max-memory", "8MiB", "--timeout", "20s"]).expect(3).quiet();
    assert!(run.headline().contains("limit of 8 MiB of memory reached"), "{}", run.headline());
}

#[test]
fn a_violation_within_a_limit_is_1() {
    let text = specs::HUGE.replace("Count.a <= 1000", "Count.a <= 2");
    let run = one(&text).archc(&["check", "a.arch", "--max-states", "1000"]).expect(1);
    assert!(run.headline().starts_with("VIOLATED a.arch · property small · 3 steps"), "{}", run.headline());
}

#[test]
fn a_property_that_is_not_checked_is_3() {
    let run =
        one(specs::LIVENESS).archc(&["check", "a.arch", "--engine", "stateright-bfs"]).expect(3).quiet();
    assert!(run.headline().starts_with("INCONCLUSIVE a.arch · all "), "{}", run.headline());
    assert!(run.headline().contains("1 property not checked"), "{}", run.headline());
    assert!(run.stdout.contains("not checked rises"), "{}", run.stdout);
}

#[test]
fn nothing_is_said_of_what_comes_after_where_behaviours_end_at_a_bound() {
    let text = "truth Counter { n: 0..3 }\nactor worker\n\
        protocol count for each worker, repeats { worker[inc] => done }\n\
        on inc { Counter.n := Counter.n + 1 }\n\
        property full: Counter.n = 4 leads to Counter.n = 0\n\
        property back: always possible Counter.n = 0\n\
        property again: always eventually Counter.n = 0\n\
        property three: reachable Counter.n = 3\n";
    let run = one(text).archc(&["check", "a.arch", "--format", "json"]).expect(1).quiet();
    let verdicts: Vec<(String, String)> = run.json()["specs"][0]["properties"]
        .as_array()
        .expect("properties")
        .iter()
        .map(|p| {
            (p["name"].as_str().unwrap_or("").to_owned(), p["verdict"].as_str().unwrap_or("").to_owned())
        })
        .collect();
    let of = |name: &str| verdicts.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(of("bounds"), Some("violated"));
    assert_eq!(of("full"), Some("not_checked"));
    assert_eq!(of("stranded"), Some("not_checked"));
    assert_eq!(of("back"), Some("not_checked"), "who knows what comes after");
    assert_eq!(of("again"), Some("not_checked"), "who knows what comes after");
    assert_eq!(of("three"), Some("holds"), "it has a witness");
}

#[test]
fn expectations_decide_what_is_success() {
    let dir = one(specs::EXPECTING);
    let run = dir.archc(&["check", "a.arch"]).expect(0).quiet();
    assert!(run.headline().starts_with("HOLDS a.arch · 1 property"), "{}", run.headline());
    let run = dir.archc(&["check", "a.arch", "--instance", "over"]).expect(0).quiet();
    assert!(
        run.headline().starts_with("EXPECTED a.arch · instance over · violates low, as it says"),
        "{}",
        run.headline()
    );
    let run = dir.archc(&["check", "a.arch", "--instance", "under"]).expect(1).quiet();
    assert!(run.headline().starts_with("UNEXPECTED a.arch · instance under · "), "{}", run.headline());
    let run = dir.archc(&["check", "a.arch", "--instance", "all"]).expect(1);
    let heads: Vec<&str> = run.stdout.lines().filter(|l| l.contains(" a.arch · ")).collect();
    assert_eq!(heads.len(), 3, "{}", run.stdout);
}

#[test]
fn constants_can_be_set() {
    let dir = one(specs::EXPECTING);
    let run = dir.archc(&["check", "a.arch", "--set", "LIMIT=3"]).expect(1);
    assert!(run.headline().starts_with("VIOLATED a.arch · LIMIT = 3 · property low"), "{}", run.headline());
    dir.archc(&["check", "a.arch", "--set", "NOPE=3"]).expect(2);
}

#[test]
fn an_instance_that_no_file_has_is_2() {
    let dir = Dir::with(&[("a.arch", specs::EXPECTING), ("b.arch", specs::HOLDS)]);
    let run = dir.archc(&["check", ".", "--instance", "nope"]).expect(2);
    assert!(run.stdout.contains("none of the 2 files has an instance nope"), "{}", run.stdout);
    let run = dir.archc(&["check", ".", "--instance", "over"]).expect(0);
    assert!(run.headline().contains("a.arch · instance over"), "{}", run.stdout);
    assert!(!run.stdout.contains("b.arch"), "{}", run.stdout);
}

#[test]
fn the_worst_of_all_files_decides_and_all_are_reported() {
    let dir = Dir::with(&[
        ("a.arch", specs::HOLDS),
        ("b.arch", specs::SKETCH),
        ("c.arch", specs::VIOLATED),
        ("d.arch", specs::INVALID),
    ]);
    dir.archc(&["check", "a.arch", "b.arch"]).expect(3);
    dir.archc(&["check", "b.arch", "c.arch"]).expect(1);
    let run = dir.archc(&["check", "d.arch", "c.arch", "b.arch", "a.arch"]).expect(2).quiet();
    for word in ["INVALID d.arch", "VIOLATED c.arch", "SKETCH b.arch", "HOLDS a.arch"] {
        assert!(run.stdout.contains(word), "{word} in {}", run.stdout);
    }
    assert!(
        run.stdout.ends_with("4 results · 1 as they should be · 1 violated · 1 invalid · 1 inconclusive\n")
    );
}

#[test]
fn every_engine_says_the_same() {
    let dir =
        Dir::with(&[("a.arch", specs::HOLDS), ("b.arch", specs::EXPECTING), ("c.arch", specs::DEADLOCK)]);
    let run = |file, engine| {
        dir.archc(&["check", file, "--format", "json", "--no-symmetry", "--engine", engine]).quiet().json()
    };
    let facts = |report: &serde_json::Value| {
        let spec = &report["specs"][0];
        ["distinct_states", "transitions", "depth", "complete"].map(|f| spec[f].clone())
    };
    for file in ["a.arch", "b.arch", "c.arch"] {
        let oracle = run(file, "oracle");
        let mut explorer = run(file, "explorer");
        assert_eq!(oracle["specs"][0]["engine"], "oracle");
        assert_eq!(explorer["specs"][0]["engine"], "explorer");
        explorer["specs"][0]["engine"] = "oracle".into();
        assert_eq!(explorer, oracle, "{file}");
    }
    for file in ["a.arch", "b.arch"] {
        assert_eq!(facts(&run(file, "stateright-bfs")), facts(&run(file, "oracle")), "{file}");
    }
}

#[test]
fn simulation_never_concludes_that_something_holds() {
    let run =
        one(specs::HOLDS).archc(&["check", "a.arch", "--engine", "stateright-simulation"]).expect(3).quiet();
    assert!(
        run.headline().contains("the engine stateright-simulation does not explore every state"),
        "{}",
        run.headline()
    );
}

#[test]
fn warnings_can_be_denied() {
    let text = specs::HOLDS.replace("actor worker * 2", "actor worker * 2\nactor nobody");
    let dir = one(&text);
    dir.archc(&["check", "a.arch"]).expect(0);
    let run = dir.archc(&["check", "a.arch", "--deny-warnings"]).expect(2);
    assert!(
        run.headline().starts_with("INVALID a.arch · 1 warning denied · otherwise holds"),
        "{}",
        run.headline()
    );
}

#[test]
fn constants_from_the_command_line_are_part_of_the_verdict() {
    let text = specs::HOLDS.to_owned() + "\nconst N = 1\nconst FENCED = true\n";
    let run = one(&text).archc(&["check", "a.arch", "--set", "N=2", "--set", "FENCED=false", "--set", "N=3"]);
    let run = run.expect(0).quiet();
    assert!(
        run.headline().starts_with("HOLDS a.arch · FENCED = false · N = 3 · 2 properties"),
        "{}",
        run.headline()
    );
    for (set, said) in [
        ("N=true", "`--set N=true`: `true` is not an integer"),
        ("FENCED=1", "`--set FENCED=1`: `1` is not `true` or `false`"),
        ("N=x", "`--set N=x`: `x` is not an integer"),
    ] {
        let run = one(&text).archc(&["check", "a.arch", "--set", set]).expect(2).quiet();
        assert!(run.stdout.contains(said) && run.stdout.contains("is declared as"), "{}", run.stdout);
    }
}

#[test]
fn limits_and_threads_that_mean_nothing_are_refused() {
    for args in [["--threads", "0"], ["--threads", "5000"], ["--max-states", "0"], ["--max-memory", "0"]] {
        let run = one(specs::HOLDS).archc(&["check", "a.arch", args[0], args[1]]).expect(2);
        assert!(run.stdout.is_empty() && run.stderr.contains(args[0]), "{}", run.stderr);
    }
}

#[test]
fn traces_say_each_thing_once() {
    let text = "one of Msg { Ask(by: node) }
actor node * 2
actor server
truth Net { sent: set of Msg }
truth Stats { asked: map node -> 0..3, total: 0..1 }

rules for each node {
  node[ask {Stats.asked[node] < 2}]
  server[note {Ask(node) in Net.sent}]
}
protocol serve, repeats {
  server[count {Stats.total < 2}] => done
}
on ask { Net.sent := Net.sent + {Ask(by: self)}; Stats.asked[node] := Stats.asked[node] + 1 }
on note { Net.sent := Net.sent - {Ask(node)} }
on count { Stats.total := Stats.total + 1 }
property quiet: never all n in node: Stats.asked[n] > 0 and Net.sent = {}
";
    let run = one(text).archc(&["check", "a.arch"]).expect(1).quiet();
    for line in [
        // The run of a rule is its actor's, or said; who acts is not a choice beside.
        "1 node1[ask] · a.arch:8:3",
        "3 server[note] for node1 · a.arch:9:3",
        "Net.sent: {} → {Ask(by: node1)}",
        "Stats.asked[node1]: 0 → 1",
        "1 server[count] · a.arch:12:3",
        "`Stats.total := Stats.total + 1` leaves 0..1: the value would be 2",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    let run = one(specs::DEADLOCK).archc(&["check", "a.arch"]).expect(1).quiet();
    assert!(
        run.stdout.contains("the same steps as for stuck\n        stranded: from here"),
        "{}",
        run.stdout
    );
}

#[test]
fn picks_have_names_also_within_conditions() {
    let text = "actor a
truth T { x: { A, B, C }, n: 0..3 }
protocol main { a[go] => done }
on go {
  pick first in {A, B}
  if first = B { pick second in {B, C}; T.x := second } else { pick third in 1..2; T.n := third }
}
property p: never T.x = C
";
    let dir = Dir::with(&[("a.arch", text)]);
    let run = dir.archc(&["check", "a.arch"]).expect(1);
    assert!(run.stdout.contains("a[go] with first = B, second = C"), "{}", run.stdout);
}
