//! Every format from outcomes made by hand: what it says, and that it is well-formed.

mod common;

use arch_base::{Code, Diagnostic, SourceMap, Span};
use archc::outcome::{
    Cell, Change, ExitStatus, Explanation, Exploration, FailureOutcome, FailureVerdict, Headline,
    OwnershipOutcome, PropertyOutcome, PropertyVerdict, SpecOutcome, StepOutcome, TraceOutcome, Verdict,
};
use archc::render::{github, json, junit, sarif, text};
use archc::style::Paint;
use serde_json::Value;

fn exploration() -> Exploration {
    Exploration {
        engine: "explorer",
        distinct_states: 84_776,
        represented_states: 84_776,
        symmetry: None,
        transitions: 100_000,
        depth: 12,
        complete: true,
        statistics: None,
        simulation: None,
        compaction: None,
    }
}

/// A violated spec with everything that an outcome can have, and characters that need escaping.
fn outcome() -> (SpecOutcome, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add("specs/a, 50%.arch", "truth X { a: bool }\nproperty p: always X.a\n");
    let span = |start, end| Span::new(file, start, end);
    let step = StepOutcome {
        actor: Some("worker1".into()),
        operation: Some("take".into()),
        run: Some("main(worker1)".into()),
        event: "worker1[take]".into(),
        span: Some(span(6, 7)),
        because: vec!["X.a = false".into()],
        changes: vec![Change { name: "X.a".into(), old: "false".into(), new: "true".into(), delta: None }],
        problem: Some("`X.a` leaves its <range> & \"bound\"\u{1}".into()),
    };
    let tick = StepOutcome { event: "tick".into(), ..StepOutcome::default() };
    let ending = Explanation {
        text: "violated: X.a".into(),
        span: Some(span(39, 42)),
        details: vec!["X.a = true".into()],
    };
    let trace = TraceOutcome {
        initial: vec![Cell { name: "X.b".into(), value: "7".into() }],
        steps: vec![tick, step],
        ending: vec![ending],
    };
    let property = |name: &str, verdict, trace| PropertyOutcome {
        name: name.into(),
        kind: "always",
        claim: "not X.a".into(),
        verdict,
        expected_violated: false,
        span: Some(span(20, 42)),
        trace,
        liveness: None,
        vacuous: false,
        shown_in: None,
    };
    let outcome = SpecOutcome {
        file: "specs/a, 50%.arch".into(),
        archetype: Some("I99".into()),
        instance: Some("large".into()),
        settings: Vec::new(),
        verdict: Verdict::Violated,
        status: ExitStatus::Violated,
        as_expected: None,
        expectations: Vec::new(),
        sketch: false,
        headline: Headline { word: "VIOLATED", parts: vec!["property p".into(), "2 steps".into()] },
        reasons: Vec::new(),
        exploration: Some(exploration()),
        diagnostics: vec![
            Diagnostic::warning(Code("W0603"), "nothing uses \"X\" & <Y>")
                .at(span(6, 7), "declared here")
                .see(span(10, 11), "as is this")
                .help("leave it out"),
        ],
        properties: vec![
            property("p", PropertyVerdict::Violated, Some(trace)),
            property("q", PropertyVerdict::Holds, None),
            property("r", PropertyVerdict::NotChecked("liveness is not checked yet".into()), None),
            property("s", PropertyVerdict::Inconclusive, None),
            PropertyOutcome {
                kind: "built-in",
                span: None,
                ..property("stuck", PropertyVerdict::Holds, None)
            },
        ],
        failures: vec![
            FailureOutcome {
                name: "stale \"holder\"".into(),
                span: span(0, 5),
                repair: false,
                removed: vec!["guard of take".into(), "with N = 2".into()],
                property: "q".into(),
                verdict: FailureVerdict::NotShown("q < r".into()),
                violation: Some(property("q", PropertyVerdict::Violated, Some(TraceOutcome::default()))),
            },
            FailureOutcome {
                name: "lost".into(),
                span: span(0, 5),
                repair: true,
                removed: vec!["protocol sweep".into()],
                property: "s".into(),
                verdict: FailureVerdict::Inconclusive("too much".into()),
                violation: None,
            },
        ],
        coverage: Vec::new(),
        ownership: vec![OwnershipOutcome {
            shape: "attempt-scoped on lease-backed".into(),
            owner: Some("X.o".into()),
            expiry: Some("X.e".into()),
            generation: Some(("attempt", "Y.n".into())),
        }],
        hash: String::new(),
        guards: Vec::new(),
        audit: std::collections::BTreeMap::new(),
    };
    (outcome, sources)
}

#[test]
fn text_is_for_people() {
    let (outcome, sources) = outcome();
    let expected = "\
VIOLATED specs/a, 50%.arch · instance large · property p · 2 steps

warning[W0603]: nothing uses \"X\" & <Y>
  ┌─ specs/a, 50%.arch:1:7
  │
1 │ truth X { a: bool }
  │       ^   - as is this
  │       │
  │       declared here
  │
  = help: leave it out

  violated    p  always  in 2 steps
  holds       q  always
  not checked r  always  liveness is not checked yet
  open        s  always  no violation found, not everything was explored
  holds       built-in: stuck
  ownership   attempt-scoped on lease-backed · X.o until X.e, attempt Y.n
  not shown   failure \"stale \\\"holder\\\"\" prevented by guard of take and with N = 2, else violates q
              q < r
  open        failure \"lost\" repaired by protocol sweep, else violates s
              too much

  counterexample to p in 2 steps · specs/a, 50%.arch:2:1
      0 initial state
          X.b = 7
      1 tick
      2 worker1[take] · main(worker1) · specs/a, 50%.arch:1:7
          because X.a = false
          X.a: false → true
          `X.a` leaves its <range> & \"bound\"\u{1}
        violated: X.a · specs/a, 50%.arch:2:20
          X.a = true

  failure \"stale \\\"holder\\\"\", without guard of take, with N = 2 · specs/a, 50%.arch:1:1
  counterexample to q in 0 steps · specs/a, 50%.arch:2:1
      0 initial state
";
    let found = text::spec(&outcome, &sources, Paint::PLAIN);
    assert_eq!(found, expected, "\n{found}");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let (outcome, sources) = outcome();
    let plain = text::spec(&outcome, &sources, Paint::PLAIN);
    let colored = text::spec(&outcome, &sources, Paint { colored: true });
    assert!(colored.contains("\x1b["));
    assert!(!plain.contains('\x1b'));
    assert_eq!(without_escapes(&colored), plain);
}

/// The text without `ESC [ … m`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn json_satisfies_its_schema() {
    let (outcome, sources) = outcome();
    let document: Value = serde_json::from_str(&json::document(&[outcome], &sources)).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    assert_eq!(common::schema::errors(&schema, &document), Vec::<String>::new());
    let spec = &document["specs"][0];
    assert_eq!(spec["verdict"], "violated");
    assert_eq!(spec["distinct_states"], 84_776);
    assert_eq!(spec["properties"][0]["trace"][1]["changes"][0]["new"], "true");
    assert_eq!(spec["properties"][0]["trace"][1]["span"]["line"], 1);
    assert_eq!(spec["diagnostics"][0]["labels"][0]["column"], 7);
    assert_eq!(spec["failures"][0]["verdict"], "not_shown");
    assert_eq!(spec["failures"][0]["removed"][1], "with N = 2");
    assert_eq!(spec["failures"][1]["reason"], "too much");
}

#[test]
fn an_empty_report_satisfies_the_schema_too() {
    let document: Value = serde_json::from_str(&json::document(&[], &SourceMap::default())).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    assert_eq!(common::schema::errors(&schema, &document), Vec::<String>::new());
}

#[test]
fn junit_is_well_formed_and_counts() {
    let (outcome, sources) = outcome();
    let xml = junit::document(&[outcome], &sources);
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => {
                for attribute in e.attributes() {
                    attribute.unwrap();
                }
                names.push(e.name().as_ref().to_owned());
            }
            _ => {}
        }
    }
    let count = |name: &str| names.iter().filter(|n| *n == name).count();
    assert_eq!((count("testsuite"), count("testcase"), count("failure"), count("skipped")), (1, 8, 2, 3));
    assert!(xml.contains("tests=\"8\" failures=\"2\" errors=\"0\" skipped=\"3\""), "{xml}");
    assert!(!xml.contains('\u{1}'));
}

#[test]
fn sarif_carries_the_counterexample_as_a_code_flow() {
    let (outcome, sources) = outcome();
    let document: Value = serde_json::from_str(&sarif::document(&[outcome], &sources)).unwrap();
    let run = &document["runs"][0];
    assert_eq!(document["version"], "2.1.0");
    let results = run["results"].as_array().unwrap();
    let rules: Vec<&Value> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
    assert!(results.iter().all(|r| rules.contains(&&r["ruleId"])), "every result has a rule");
    let flow = &results[1]["codeFlows"][0]["threadFlows"][0]["locations"];
    assert_eq!(flow.as_array().unwrap().len(), 3);
    let step = &flow[2]["location"];
    assert_eq!(step["physicalLocation"]["region"]["startColumn"], 7);
    assert_eq!(step["physicalLocation"]["artifactLocation"]["uri"], "specs/a%2C%2050%25.arch");
    assert!(step["message"]["text"].as_str().unwrap().contains("X.a: false → true"));
    assert_eq!(results[2]["ruleId"], "failure-mode-not-shown");
    assert!(results[2]["message"]["text"].as_str().unwrap().ends_with("else violates q: q < r"));
}

#[test]
fn github_annotations_are_one_line_each() {
    let (outcome, sources) = outcome();
    let text = github::spec(&outcome, &sources);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with(
        "::warning file=specs/a%2C 50%25.arch,line=1,col=7,endLine=1,endColumn=8,title=W0603::nothing uses"
    ));
    assert!(lines[1].starts_with("::error file=specs/a%2C 50%25.arch,line=2,col=1,"), "{}", lines[1]);
    assert!(lines[1].contains("%0A"));
    assert!(
        lines[2].contains("title=failure mode \"stale \\\"holder\\\"\" is not shown::q < r%0A"),
        "{}",
        lines[2]
    );
    assert!(lines[3].starts_with("::error file=") && lines[3].contains("VIOLATED specs/a, 50%25.arch"));
}
