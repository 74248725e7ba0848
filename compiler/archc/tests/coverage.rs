//! What a check says of the spec itself: what never happens, what holds vacuously, and what accepts it.

mod common;

use common::Dir;
use serde_json::Value;

const SPEC: &str = r"
truth Job { owner: worker?, state: { NEW, RUNNING, FAILED } }
actor worker * 2
protocol main for each worker, repeats {
  worker[take {Job.owner = null}] -> worker[finish {Job.owner = self}] => done
  |-> worker[fail {Job.state = FAILED}] => retry
}
on take { Job.owner := self; Job.state := RUNNING }
on finish { if Job.state = FAILED { Job.owner := self } else { Job.owner := null } }
on fail { Job.owner := null }
branch fail after take
faults { lose finish at most 1 }
allow stuck
allow stranded
property failed_is_free: always Job.state = FAILED implies Job.owner = null
property after_failure: at fail: Job.owner != null
property half: always (Job.state = FAILED implies Job.owner = null) and (Job.owner != null implies Job.state = RUNNING)
property taken: always possible Job.state = RUNNING or Job.state = NEW
property free: reachable Job.owner = null
";

const FINE: &str = r"
truth Job { owner: worker? }
actor worker * 2
protocol main for each worker, repeats {
  worker[take {Job.owner = null}] -> worker[finish {Job.owner = self}] => done
}
on take { Job.owner := self }
on finish { Job.owner := null }
property owned: at finish: Job.owner != null implies Job.owner = self
property freed: always possible Job.owner = null
";

/// What `given_back` speaks of happens only where the guard that prevents it is removed.
const REPAIRED: &str = r#"
truth Job { owner: worker?, twice: bool }
actor worker * 2
protocol main for each worker, repeats {
  worker[take {Job.owner = null}] -> worker[finish {Job.owner = self}] => done
}
protocol repair repeats, daemon { worker[release {Job.twice = true}] => done }
on take { if Job.owner != null { Job.twice := true }; Job.owner := self }
on finish { Job.owner := null }
on release { Job.owner := null; Job.twice := false }
rejects finish => done
property given_back: Job.twice = true leads to Job.twice = false
property never_twice: always Job.twice = false
failure "taken twice" {
  prevented by guard of take else violates never_twice
  repaired by protocol repair else violates given_back
}
"#;

fn codes(spec: &Value) -> Vec<String> {
    let list = spec["diagnostics"].as_array().cloned().unwrap_or_default();
    let mut codes: Vec<String> = list.iter().filter_map(|d| d["code"].as_str()).map(str::to_owned).collect();
    codes.sort();
    codes
}

fn checked(text: &str, arguments: &[&str]) -> (Value, i32) {
    let dir = Dir::with(&[("a.arch", text)]);
    let run = dir.archc(&[&["check", "a.arch", "--format", "json"], arguments].concat());
    (run.json()["specs"][0].clone(), run.status)
}

#[test]
fn everything_that_never_happens_is_said() {
    let (spec, status) = checked(SPEC, &[]);
    let expected =
        ["N0909", "W0901", "W0902", "W0904", "W0904", "W0904", "W0905", "W0906", "W0907"].map(str::to_owned);
    assert_eq!((codes(&spec), status), (expected.to_vec(), 0), "{spec:#}");
    let vacuous: Vec<_> = spec["properties"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|p| p["vacuous"] == true)
        .filter_map(|p| p["name"].as_str())
        .collect();
    assert_eq!(vacuous, ["failed_is_free", "after_failure", "taken"]);
}

#[test]
fn every_engine_and_no_symmetry_say_the_same() {
    let (expected, _) = checked(SPEC, &[]);
    for arguments in [["--engine", "oracle"].as_slice(), &["--no-symmetry"], &["--threads", "2"]] {
        let (found, _) = checked(SPEC, arguments);
        assert_eq!(codes(&found), codes(&expected), "{arguments:?}");
    }
}

#[test]
fn what_holds_vacuously_does_not_hold_under_strict() {
    let (spec, status) = checked(SPEC, &["--strict"]);
    assert_eq!(status, 5);
    assert_eq!(spec["verdict"], "holds");
    assert!(
        spec["summary"].as_str().is_some_and(|s| s.starts_with("VACUOUS a.arch · 3 properties")),
        "{spec:#}"
    );
    assert_eq!(checked(FINE, &["--strict"]).1, 0);
}

#[test]
fn what_a_failure_mode_shows_is_not_vacuous() {
    let given_back = |spec: &Value| {
        let all = spec["properties"].as_array().cloned().unwrap_or_default();
        let found = all.into_iter().find(|p| p["name"] == "given_back").unwrap_or_default();
        (found["verdict"].clone(), found["vacuous"].clone(), found["shown_in"].clone())
    };
    let holds = Value::from("holds");
    let (found, status) = checked(REPAIRED, &["--strict"]);
    assert_eq!(status, 0, "{found:#}");
    assert_eq!(given_back(&found), (holds.clone(), false.into(), "taken twice".into()));
    assert!(!codes(&found).contains(&"W0903".to_owned()), "{found:#}");
    // Where nobody looked, nothing is shown.
    let (found, status) = checked(REPAIRED, &["--strict", "--no-failures"]);
    assert_eq!(status, 5);
    assert_eq!(given_back(&found), (holds, true.into(), Value::Null));
    assert!(codes(&found).contains(&"W0903".to_owned()), "{found:#}");
}

#[test]
fn a_step_that_a_constant_switches_off_is_no_news() {
    let with = |detect: &str| {
        format!(
            "const DETECT = {detect}
            truth T {{ x: bool, y: bool }}
            actor p
            rules {{ p[flip]  p[abort {{DETECT and T.y}}] }}
            on flip {{ T.x := not T.x }}
            on abort {{ T.y := false }}
            property set: reachable T.x"
        )
    };
    let said = |detect| codes(&checked(&with(detect), &[]).0).iter().any(|c| c == "W0901");
    assert!(!said("false"), "the constant decides it");
    assert!(said("true"), "no behaviour makes T.y true");
}

#[test]
fn nothing_is_said_before_every_state_was_seen() {
    let (spec, status) = checked(SPEC, &["--max-states", "3", "--strict"]);
    assert_eq!((codes(&spec), status), (Vec::new(), 3));
    assert_eq!(spec["coverage"], Value::Array(Vec::new()));
}

#[test]
fn the_coverage_is_listed() {
    let (spec, _) = checked(SPEC, &[]);
    let list = spec["coverage"].as_array().cloned().unwrap_or_default();
    let row = |kind: &str, name: &str| {
        let found = list.iter().find(|c| c["kind"] == kind && c["name"] == name);
        found.map(|c| c["covered"] == true)
    };
    assert_eq!(row("step", "main.take"), Some(true));
    assert_eq!(row("step", "main.fail"), Some(false));
    assert_eq!(row("constant", "Job.state.FAILED"), Some(false));
    assert_eq!(row("constant", "Job.state.RUNNING"), Some(true));
    assert_eq!(row("fault", "lose main.finish"), Some(true));
    assert_eq!(row("branch", "main.finish"), Some(false));
    assert_eq!(row("otherwise", "main.finish"), Some(true));
}

#[test]
fn a_warning_is_accepted_by_its_code() {
    let accepting = format!(
        "{SPEC}\nallow W0906 \"later\"\nallow W0901 at fail \"later\"\nallow W0907 at take \"other step\"\n"
    );
    let (spec, _) = checked(&accepting, &[]);
    let found = codes(&spec);
    assert!(!found.iter().any(|c| c == "W0906" || c == "W0901"), "{found:?}");
    assert!(found.iter().any(|c| c == "W0907"), "{found:?}");
    let (wrong, status) = checked(&format!("{SPEC}\nallow W0999\n"), &[]);
    assert_eq!((codes(&wrong), status), (vec!["E0506".to_owned()], 2));
    let (wrong, _) = checked(&format!("{SPEC}\nallow W0901 at nowhere \"why\"\n"), &[]);
    assert_eq!(codes(&wrong), ["E0108"]);
}

/// The codes that a check of `declarations` after a counter that runs from 0 to 2 and back gives.
fn of_counter(declarations: &str) -> Vec<String> {
    let spec = format!(
        "truth T {{ n: 0..2, up: bool = true, m: map w -> 0..1 }}\nactor w * 2\n\
         rules {{ w[inc {{T.n < 2}}]  w[zero {{T.n = 2}}] }}\non inc {{ T.n := T.n + 1 }}\non zero {{ T.n := 0 }}\n\
         {declarations}\n"
    );
    let (found, _) = checked(&spec, &[]);
    // What a declaration does not use is beside the point.
    codes(&found).into_iter().filter(|code| code != "W0607").collect()
}

#[test]
fn what_is_never_false_does_not_have_to_come() {
    assert_eq!(of_counter("property a: eventually T.n <= 2"), ["W0905"]);
    assert_eq!(of_counter("property a: eventually T.n = 0"), ["N0909"]);
    assert_eq!(of_counter("property a: eventually T.n = 1"), [""; 0]);
    assert_eq!(of_counter("property a: T.n = 1 leads to T.n <= 2"), ["W0905"]);
    assert_eq!(of_counter("property a: T.n = 1 leads to T.n = 2"), [""; 0]);
    assert_eq!(of_counter("property a: eventually T.n = 2"), [""; 0]);
}

#[test]
fn what_speaks_of_nothing_is_vacuous_in_every_form() {
    assert_eq!(of_counter("property a: always no x in w where T.n = 3: T.n = 0"), ["W0904"]);
    assert_eq!(of_counter("property a: always no x in w where T.n = 2: T.n = 0"), [""; 0]);
    assert_eq!(of_counter("property a: for each x in w where T.n = 3: reachable T.n = 1"), ["W0904"]);
    assert_eq!(of_counter("property a: for each x in w where T.n = 2: reachable T.n = 2"), [""; 0]);
}

#[test]
fn a_flag_that_nobody_sets_makes_a_property_idle() {
    assert_eq!(of_counter("property a: always T.up or T.n = 0"), ["W0604"]);
    assert_eq!(of_counter("ghost truth G { hits: 0..3 }\nproperty a: always G.hits <= 2"), ["W0604"]);
    assert_eq!(of_counter("property a: always no x in w where T.m(x) = 1"), ["W0604"]);
}

#[test]
fn a_guard_that_a_duplicate_asks_again_is_not_said_to_be_never_false() {
    let spec = "\
truth T { n: 0..2, done: bool }
actor w
protocol p { w[a {T.done = false}] => done }
on a { T.done := true; T.n := T.n + 1 }
property once: always T.n <= 1
";
    let with = format!("{spec}faults {{ duplicate a at most 1 }}\n");
    let said = |spec: &str| checked(spec, &[]).0.to_string().contains("W0902");
    assert!(said(spec) && !said(&with));
}
