//! `archc trace check`: exit statuses and reports, by the program itself.

mod common;

use common::Dir;
use serde_json::Value;

/// A counter that two clerks count up and empty.
const SPEC: &str = r#"
truth Counter { n: 0..3 }
actor clerk * 2
protocol main for each clerk, repeats {
  clerk[add {Counter.n < 3}] => done
    |-> clerk[empty {Counter.n = 3}] => done
}
on add { Counter.n := Counter.n + 1 }
on empty { Counter.n := 0 }
property small: always Counter.n <= 3
property each: always all c in clerk: Counter.n <= 3
property emptied: Counter.n = 3 leads to Counter.n = 0
"#;

fn hash() -> String {
    arch_trace::spec_hash(SPEC, None, &[], 1_000)
}

fn event(seq: u64, op: &str, (read, n): (u64, u64)) -> String {
    let branch = if op == "main.empty" { r#""branch":"empty","# } else { "" };
    let (hash, now) = (hash(), 1_700_000_000_000 + seq);
    format!(
        r#"{{"seq":{seq},"tx":"00000000-0000-7000-8000-{seq:012}","v":1,"spec":"{hash}","now":{now},"actor":"clerk","id":"ann","op":"{op}","run":"main/ann",{branch}"reads":[["Counter",{read}],["main/ann",0]],"writes":[["Counter",{},{{"n":{n}}}]],"out":"done"}}"#,
        read + 1
    )
}

fn trace(events: &[String]) -> String {
    let header = format!(r#"{{"arch":"trace","v":1,"spec":"{}","dense":true}}"#, hash());
    let end = format!(r#"{{"end":{0},"last":{0}}}"#, events.len());
    let lines: Vec<&str> = [header.as_str()]
        .into_iter()
        .chain(events.iter().map(String::as_str))
        .chain([end.as_str()])
        .collect();
    lines.join("\n") + "\n"
}

fn adds(n: u64) -> Vec<String> {
    (1..=n).map(|seq| event(seq, "main.add", (seq - 1, seq))).collect()
}

fn dir() -> Dir {
    Dir::with(&[("counter.arch", SPEC)])
}

#[test]
fn what_conforms_is_said_to_and_what_is_not_judged_is_named() {
    let mut events = adds(3);
    events.push(event(4, "main.empty", (3, 0)));
    let run = dir().archc_with(&trace(&events), &["trace", "check", "counter.arch", "-"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("-: conforms to counter.arch\n  4 events"), "{}", run.stdout);
    assert!(run.stdout.contains("hold at every event: small\n"), "{}", run.stdout);
    assert!(run.stdout.contains("not judged: each (it compares"), "{}", run.stdout);
    assert!(run.stdout.contains("not judged: emptied (it speaks of infinite behaviours)"), "{}", run.stdout);
}

#[test]
fn a_false_guard_is_told_with_its_values() {
    let mut events = adds(2);
    events.push(event(3, "main.empty", (2, 0)));
    let dir = dir();
    dir.write("t.jsonl", trace(&events).as_bytes());
    let run = dir.archc(&["trace", "check", "counter.arch", "t.jsonl"]);
    assert_eq!(run.status, 1);
    let expected = "t.jsonl:4: does not conform to counter.arch\n  \
                    event 3 (main.empty, seq 3, clerk[ann]) is not what the spec says\n    \
                    the guard of main.empty is false\n    \
                    false: main.empty#1, Counter.n = 3 (Counter.n is 2)\n    \
                    main.add could be taken\n  \
                    the 2 events before it conform\n";
    assert_eq!(run.stdout, expected);
    let run = dir.archc(&["trace", "check", "counter.arch", "t.jsonl", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        (run.status, &report["conforms"], &report["events"]),
        (1, &Value::Bool(false), &Value::from(2))
    );
    assert_eq!((&report["trouble"]["line"], &report["exit_status"]), (&Value::from(4), &Value::from(1)));
}

#[test]
fn lost_updates_are_told_from_missing_events() {
    let dir = dir();
    let check = |name: &str, text: &str| {
        dir.write(name, text.as_bytes());
        dir.archc(&["trace", "check", "counter.arch", name])
    };
    let mut lost = adds(2);
    lost.push(event(3, "main.add", (1, 2)));
    let run = check("lost.jsonl", &trace(&lost));
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("the store was not serialisable"), "{}", run.stdout);
    let missing = [event(1, "main.add", (1, 2))];
    let run = check("missing.jsonl", &trace(&missing));
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("events are missing"), "{}", run.stdout);
}

#[test]
fn what_is_no_trace_of_the_spec_is_unusable() {
    let dir = dir();
    let whole = trace(&adds(2));
    let status = |text: &str, args: &[&str]| {
        let args: Vec<&str> = ["trace", "check", "counter.arch", "-"].iter().chain(args).copied().collect();
        let run = dir.archc_with(text, &args);
        (run.status, run.stdout)
    };
    assert_eq!(status(&whole, &[]).0, 0);
    let (code, said) = status("", &[]);
    assert!(code == 2 && said.contains("the trace is empty"), "{said}");
    let (code, said) = status(&whole[..whole.len() - 8], &[]);
    assert!(code == 2 && said.contains("cannot be checked against"), "{said}");
    let (code, said) = status(&whole[..whole.find("{\"end").expect("an end")], &[]);
    assert!(code == 2 && said.contains("truncated"), "{said}");
    let (code, said) = status(&whole, &["--tick", "5s"]);
    assert!(code == 2 && said.contains("another text, instance, constant or tick"), "{said}");
    assert_eq!(dir.archc(&["trace", "check", "counter.arch", "nowhere"]).status, 2);
    assert_eq!(dir.archc(&["trace", "check", "nowhere.arch", "-"]).status, 2);
    assert_eq!(dir.archc(&["trace", "check", "counter.arch", "-", "--members", "clark=a"]).status, 2);
}

/// A trace that says that its spec had these versions before, and whose first events are of one of them.
fn migrated(earlier: &[&str], first: usize, events: &[String]) -> String {
    let list = serde_json::to_string(earlier).expect("texts");
    let text = trace(events).replacen(r#""dense":true"#, &format!(r#""dense":true,"earlier":{list}"#), 1);
    let of = |(n, line): (usize, &str)| match n {
        0 => line.to_owned(),
        n if n <= first => line.replace(&hash(), earlier[0]),
        _ => line.to_owned(),
    };
    text.lines().enumerate().map(of).collect::<Vec<_>>().join("\n") + "\n"
}

/// Whoever writes a trace writes its header, too: what it calls an earlier version of the spec was judged by nobody.
#[test]
fn events_of_earlier_versions_are_not_said_to_conform() {
    let dir = dir();
    let check = |text: &str, args: &[&str]| {
        let args: Vec<&str> = ["trace", "check", "counter.arch", "-"].iter().chain(args).copied().collect();
        dir.archc_with(text, &args)
    };
    // Empties at two, which no version of the spec that was checked here allows.
    let mut events = adds(2);
    events.push(event(3, "main.empty", (2, 0)));
    events.push(event(4, "main.add", (3, 1)));
    let forged = migrated(&["sha256:old"], 3, &events);
    let run = check(&forged, &[]);
    assert_eq!(run.status, 3, "{}{}", run.stdout, run.stderr);
    let expected = "-: is not shown to conform to counter.arch\n  \
                    4 events, each next in a serial execution, 1 as their step says; 1 row in the end\n  \
                    not judged, only put in order: 3 events of an earlier version of the spec, sha256:old; \
                    if they were checked against that version: --accept-earlier sha256:old\n";
    assert!(run.stdout.starts_with(expected), "{}", run.stdout);
    let run = check(&forged, &["--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((&report["conforms"], &report["exit_status"]), (&Value::Null, &Value::from(3)));
    let earlier = serde_json::json!([{ "spec": "sha256:old", "events": 3, "accepted": false }]);
    assert_eq!(report["earlier"], earlier);

    let run = check(&forged, &["--accept-earlier", "sha256:old"]);
    assert_eq!(run.status, 0, "{}", run.stdout);
    assert!(
        run.stdout.contains("3 events of an earlier version of the spec, sha256:old, accepted"),
        "{}",
        run.stdout
    );
    assert_eq!(check(&forged, &["--accept-earlier", "sha256:older"]).status, 3);
    let all = migrated(&["sha256:old"], 4, &events);
    let run = check(&all, &[]);
    assert!(run.status == 3 && run.stdout.contains("serial execution, none judged;"), "{}", run.stdout);
    // What comes after is judged, on the state that was left.
    events.push(event(5, "main.empty", (4, 0)));
    let run = check(&migrated(&["sha256:old"], 3, &events), &["--accept-earlier", "sha256:old"]);
    assert!(run.status == 1 && run.stdout.contains("Counter.n is 1"), "{}", run.stdout);
}

/// The spec's own hash among the earlier ones makes nothing of it earlier.
#[test]
fn events_of_the_spec_itself_are_judged_whatever_the_header_says() {
    let mut events = adds(2);
    events.push(event(3, "main.empty", (2, 0)));
    let own = hash();
    for earlier in [&[own.as_str()][..], &[own.as_str(), "sha256:other"]] {
        let run = dir().archc_with(&migrated(earlier, 0, &events), &["trace", "check", "counter.arch", "-"]);
        assert_eq!(run.status, 1, "{}", run.stdout);
        assert!(run.stdout.contains("the guard of main.empty is false"), "{}", run.stdout);
    }
}

/// A provider of which nobody but the model knows what it remembers.
const PROVIDER: &str = r#"
enum Word { YES, NO }
ghost truth Provider { said: Word? }
truth Heard { word: Word? }
actor caller
protocol main, repeats { caller[call] => done }
on call {
  pick heard in {w for w in Word where Provider.said = null or w = Provider.said}
  Provider.said := heard
  Heard.word := heard
}
"#;

/// A provider that says one thing and then another keeps no word; the caller does what its step says all the same.
#[test]
fn an_environment_that_breaks_its_word_is_told_from_a_service_that_does() {
    let hash = arch_trace::spec_hash(PROVIDER, None, &[], 1_000);
    let event = |seq: u64, word: &str| {
        format!(
            r#"{{"seq":{seq},"tx":"00000000-0000-7000-8000-{seq:012}","v":1,"spec":"{hash}","now":{now},"actor":"caller","id":"caller","op":"main.call","run":"main","in":{{"heard":"{word}"}},"reads":[["Heard",{read}],["main",0]],"writes":[["Heard",{seq},{{"word":"{word}"}}]],"out":"done"}}"#,
            now = 1_700_000_000_000 + seq,
            read = seq - 1,
        )
    };
    let events = [event(1, "YES"), event(2, "NO")];
    let header = format!(r#"{{"arch":"trace","v":1,"spec":"{hash}","dense":true}}"#);
    let text = format!("{header}\n{}\n{{\"end\":2,\"last\":2}}\n", events.join("\n"));
    let dir = Dir::with(&[("provider.arch", PROVIDER)]);
    let run = dir.archc_with(&text, &["trace", "check", "provider.arch", "-"]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    let told =
        "the spec's environment cannot have answered heard = NO, as far as the journal tells of Provider";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    let run = dir.archc_with(&text, &["trace", "check", "provider.arch", "-", "--assume", "Provider"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let run = dir.archc_with(&text, &["trace", "check", "provider.arch", "-", "--assume", "Heard"]);
    assert_eq!(run.status, 2, "{}", run.stdout);
    assert!(run.stderr.contains("`Heard` is no ghost truth; there is Provider"), "{}", run.stderr);
}
