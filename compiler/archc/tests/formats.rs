//! The machine-readable formats of real checks.

mod common;

use common::{Dir, specs};
use serde_json::Value;

fn all() -> Dir {
    Dir::with(&[
        ("broken.arch", specs::BROKEN),
        ("expecting.arch", specs::EXPECTING),
        ("holds.arch", specs::HOLDS),
        ("invalid.arch", specs::INVALID),
        ("liveness.arch", specs::LIVENESS),
        ("sketch.arch", specs::SKETCH),
        ("violated.arch", specs::VIOLATED),
    ])
}

#[test]
fn json_satisfies_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    for args in [
        &["check", ".", "nope.arch", "--format", "json"][..],
        &["check", ".", "--format", "json", "--instance", "all"],
    ] {
        let document = all().archc(args).expect(2).quiet().json();
        assert_eq!(common::schema::errors(&schema, &document), Vec::<String>::new());
    }
}

#[test]
fn json_has_what_the_contract_says() {
    let document = all().archc(&["check", ".", "--format", "json"]).json();
    let specs = document["specs"].as_array().unwrap();
    let verdicts: Vec<(&str, &str, i64)> = specs
        .iter()
        .map(|s| {
            let file = s["file"].as_str().unwrap();
            (file, s["verdict"].as_str().unwrap(), s["exit_status"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            ("broken.arch", "invalid", 2),
            ("expecting.arch", "holds", 0),
            ("holds.arch", "holds", 0),
            ("invalid.arch", "invalid", 2),
            ("liveness.arch", "violated", 1),
            ("sketch.arch", "inconclusive", 3),
            ("violated.arch", "violated", 1),
        ]
    );
    let violated = &specs[6]["properties"][0];
    assert_eq!(violated["verdict"], "violated");
    let steps = violated["trace"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[2]["operation"], "release");
    assert!(steps[2]["actor"].as_str().unwrap().starts_with("worker"));
    assert_eq!(steps[2]["span"]["line"], 8);
    let invalid = &specs[3]["diagnostics"][0];
    assert_eq!((invalid["code"].as_str(), invalid["severity"].as_str()), (Some("E0102"), Some("error")));
}

#[test]
fn json_says_where_a_cycle_starts_and_what_is_fair() {
    let text = specs::LIVENESS.replace("protocol main", "protocol main, repeats, daemon").replace(
        "raiser[raise {Flag.up = false}] => done",
        "raiser[raise {Flag.up = false}] -> raiser[lower] => done",
    );
    let text = text
        .replace(
            "property rises: eventually Flag.up = true",
            "property rises: eventually Flag.up = true\n\
        property stays: Flag.up = true leads to never\n",
        )
        .replace("leads to never", "leads to (Flag.up = true and Flag.up = false)");
    let text = format!("{text}on lower {{ Flag.up := false }}\n");
    let dir = Dir::with(&[("a.arch", &text)]);
    let document = dir.archc(&["check", "a.arch", "--format", "json"]).expect(1).json();
    let spec = &document["specs"][0];
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&spec["fairness"]), ["main.raise (start)", "main.lower"]);
    let (rises, stays) = (&spec["properties"][0], &spec["properties"][1]);
    assert_eq!((&rises["verdict"], &rises["cycle_start"]), (&"holds".into(), &Value::Null));
    assert_eq!(names(&rises["needs"]["fairness"]), ["main.raise (start)"]);
    assert_eq!(rises["needs"]["smallest"], true);
    assert_eq!((&stays["verdict"], &stays["cycle_start"]), (&"violated".into(), &1.into()));
    let treated = stays["treated"].as_array().unwrap();
    assert!(treated.iter().all(|t| t["taken_at"].is_number()), "{treated:?}");
    let text = dir.archc(&["check", "a.arch"]).expect(1).stdout;
    assert!(text.contains("↻ back to step 1, and so on for ever"), "{text}");
}

#[test]
fn json_tells_expectations_apart_from_facts() {
    let dir = Dir::with(&[("a.arch", specs::EXPECTING)]);
    let document = dir.archc(&["check", "a.arch", "--format", "json", "--instance", "all"]).expect(1).json();
    let specs: Vec<(Value, Value, Value)> = document["specs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["verdict"].clone(), s["expected"].clone(), s["exit_status"].clone()))
        .collect();
    let expected = [
        ("holds".into(), Value::Null, 0.into()),
        ("violated".into(), true.into(), 0.into()),
        ("holds".into(), false.into(), 1.into()),
    ];
    assert_eq!(specs, expected);
}

#[test]
fn junit_has_one_case_per_property() {
    let xml = all().archc(&["check", ".", "--format", "junit"]).expect(2).quiet().stdout;
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut suites = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(e) if e.name().as_ref() == "testsuite" => suites += 1,
            _ => {}
        }
    }
    assert_eq!(suites, 7);
    for case in ["name=\"mine\"", "name=\"free_again\"", "name=\"rises\"", "name=\"stuck\""] {
        assert!(xml.contains(case), "{case} in {xml}");
    }
}

#[test]
fn sarif_is_one_document_with_known_rules() {
    let document = all().archc(&["check", ".", "--format", "sarif"]).expect(2).quiet().json();
    let run = &document["runs"][0];
    let rules: Vec<&Value> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
    let results = run["results"].as_array().unwrap();
    assert!(results.iter().all(|r| rules.contains(&&r["ruleId"])));
    assert!(
        results.iter().any(|r| r["codeFlows"][0]["threadFlows"][0]["locations"]
            .as_array()
            .is_some_and(|l| l.len() == 4))
    );
    assert_eq!(run["invocations"].as_array().unwrap().len(), 7);
}

#[test]
fn github_annotations_point_into_files() {
    let text = all().archc(&["check", ".", "--format", "github"]).expect(2).quiet().stdout;
    assert!(
        text.lines()
            .all(|l| l.starts_with("::error ") || l.starts_with("::warning ") || l.starts_with("::notice ")),
        "{text}"
    );
    assert!(text.contains("::error file=invalid.arch,line=8,col=16,"), "{text}");
    assert!(text.contains("title=mine is violated::"), "{text}");
}

#[test]
fn what_a_guard_wants_to_be_false_is_told() {
    let spec = "\
truth T { ok: bool, n: 0..1 }
actor w
protocol p, repeats, daemon { w[send] -> w[recv {not T.ok and T.n = 0}] => done }
on send { }
on recv { T.ok := true }
property q: never T.ok
";
    let dir = Dir::with(&[("a.arch", spec)]);
    let run = dir.archc(&["check", "a.arch", "--show", "all"]).expect(1);
    let waits = run.stdout.lines().find(|l| l.contains("recv waits: ")).expect("a step that waits");
    assert!(waits.ends_with("T.ok") && !waits.contains("not"), "{waits}");
    assert!(run.stdout.contains("because not T.ok"), "{}", run.stdout);
}

#[test]
fn what_is_blocked_is_told_where_a_goal_is_out_of_reach() {
    let spec = "\
truth L { a: w?, b: w? }
actor w * 2
protocol p for each w, runs 1 { w[first {L.a = null}] -> w[second {L.b = null}] => done }
protocol q for each w, runs 1 { w[other {L.b = null}] -> w[last {L.a = null}] => done }
on first { L.a := self }
on second { L.a := null }
on other { L.b := self }
on last { L.b := null }
allow stuck
allow stranded
property free: always possible L.a = null and L.b = null
";
    let run = Dir::with(&[("a.arch", spec)]).archc(&["check", "a.arch"]).expect(1);
    assert!(run.stdout.contains("blocked there: p[w1]"), "{}", run.stdout);
    assert!(run.stdout.contains("second waits: not L.b = null (L.b is w"), "{}", run.stdout);
}

#[test]
fn what_a_run_waits_for_is_told_where_it_joins() {
    let spec = "\
id task * 2
actor a
actor worker
truth T { v: bool }
protocol p { spawn s1 for each task join close a[open] -> worker[s1 {T.v}] -> worker[s2] -> a[close] => done }
on open { }
on s1 { T.v := false }
on s2 { }
on close { }
faults { crash worker }
";
    let explained = |text: &str| Dir::with(&[("a.arch", text)]).archc(&["check", "a.arch"]).expect(1).stdout;
    let idle = explained(spec);
    assert!(idle.contains("it waits for p.s1[task1], which has not begun"), "{idle}");
    assert!(idle.contains("s1 waits: for worker: not T.v"), "{idle}");
    let crashed =
        explained(&spec.replace("T.v := false", "T.v := true").replace("{T.v}", "{not T.v or T.v}"));
    assert!(crashed.contains("which has ended as `crashed` and not as `done`"), "{crashed}");
}
