//! Journals of generated services conform; what is tampered with does not.

mod support;

use arch_runtime::journal::Entry;
use arch_runtime::store::Json;
use arch_runtime::store::memory::{Fault, FaultPlan};
use arch_runtime::value::Value;
use arch_runtime::{Instant, Schema};
use arch_trace::{Checked, Conformance, Subject, Trouble, check, check_by};
use std::collections::BTreeSet;
use support::{CASES, text};

fn checked(subject: &Subject, trace: &str) -> Result<Checked, Box<Trouble>> {
    let again = || Ok(trace.as_bytes());
    check(subject, trace.as_bytes(), Some(&again))
}

#[tokio::test]
async fn journals_of_generated_services_conform() {
    for case in &CASES {
        let subject = case.subject();
        let (mut ops, mut events) = (BTreeSet::new(), 0);
        for seed in 0..case.seeds {
            let entries = case.journal(seed, 1_500).await;
            ops.extend(entries.iter().map(|e| e.op.clone()));
            let found = checked(&subject, &text(&(case.schema)(), &entries));
            let found = found.unwrap_or_else(|t| panic!("{} seed {seed}: {t:#?}", case.name));
            assert_eq!((found.events, found.findings.skipped), (entries.len() as u64, None));
            assert_eq!(found.findings.ghosts_lost, None);
            events += found.events;
        }
        println!(
            "{}: {events} events, judged {:?}, not {:?}",
            case.name,
            subject.judged(),
            subject.unjudged()
        );
        let all = |p: &arch_runtime::step::Protocol| p.actions.len() + usize::from(p.begin.is_some());
        assert_eq!(
            ops.len(),
            (case.spec)().protocols.iter().map(all).sum::<usize>(),
            "{}: {ops:?}",
            case.name
        );
    }
}

/// Alike events are looked up, not evaluated again.
#[tokio::test]
async fn the_interpreter_is_asked_seldom() {
    let case = &CASES[0];
    let entries = case.journal(1, 20_000).await;
    let found = checked(&case.subject(), &text(&(case.schema)(), &entries)).expect("it conforms");
    assert!(found.findings.asked * 50 < found.events, "{} of {}", found.findings.asked, found.events);
}

/// What is remembered of events that look alike is what the interpreter says of each, whatever is done to them.
#[tokio::test]
async fn remembering_changes_no_answer() {
    for case in &CASES {
        let (subject, schema) = (case.subject(), (case.schema)());
        let entries = case.journal(5, 400).await;
        let (_, tamper) = TAMPERINGS[0];
        for at in (0..entries.len()).step_by(11).chain([usize::MAX]) {
            let mut tampered = entries.clone();
            if at < entries.len() {
                tamper(&mut tampered, at);
            }
            let trace = text(&schema, &tampered);
            let quick = check(&subject, trace.as_bytes(), None);
            let slow = check_by(Conformance::new(&subject).forgetful(), &subject, trace.as_bytes(), None);
            let told = |found: Result<Checked, Box<Trouble>>| match found {
                Ok(checked) => (checked.events, Vec::new()),
                Err(trouble) => (trouble.accepted, trouble.because),
            };
            assert_eq!(told(quick), told(slow), "{} at {at}", case.name);
        }
    }
}

/// A way to tamper with a journal at an event; false if there is nothing to be changed there.
type Tampering = fn(&mut Vec<Entry>, usize) -> bool;

/// What has to be noticed wherever it is done.
const TAMPERINGS: &[(&str, Tampering)] = &[
    ("another value", |entries, at| {
        let Some(write) = entries[at].writes.first_mut() else { return false };
        let Some(value) = write.values.iter_mut().find(|v| !matches!(v, Value::Enum(_))) else {
            return false;
        };
        *value = match &*value {
            Value::Null => Value::id("mallory"),
            Value::Id(_) => Value::id("mallory"),
            Value::Int(n) => Value::Int(if *n > 0 { *n - 1 } else { *n + 1 }),
            Value::Ordinal(n) => Value::Ordinal(*n + 7),
            Value::Time(t) => Value::Time(Instant::from_millis(t.millis() + 1_000)),
            Value::Bool(b) => Value::Bool(!*b),
            other => other.clone(),
        };
        true
    }),
    ("between two ticks", |entries, at| {
        let times = entries[at].writes.iter_mut().flat_map(|w| &mut w.values);
        let time = times.into_iter().find_map(|v| match v {
            Value::Time(t) if *t != Instant::PAST => Some(t),
            _ => None,
        });
        time.map(|t| *t = Instant::from_millis(t.millis() + 1)).is_some()
    }),
    ("a write less", |entries, at| entries[at].writes.pop().is_some()),
    ("another outcome", |entries, at| {
        entries[at].outcome = "fine".into();
        true
    }),
    ("another branch", |entries, at| {
        entries[at].branch = Some("detour".into());
        true
    }),
    ("an unknown operation", |entries, at| {
        entries[at].op = "main.steal".into();
        true
    }),
    ("another run", |entries, at| match &mut entries[at].run {
        Some(run) => match run.key.first_mut() {
            Some(Value::Id(id)) => {
                *id = "mallory".into();
                true
            }
            _ => false,
        },
        None => false,
    }),
    ("somebody else", |entries, at| {
        let named = entries[at].id != "nobody";
        entries[at].id = "mallory".into();
        named
    }),
    ("a version twice", |entries, at| match entries[at].writes.first_mut() {
        Some(write) if write.version > 1 => {
            write.version -= 1;
            true
        }
        _ => false,
    }),
    ("another version read", |entries, at| match entries[at].reads.first_mut() {
        Some((_, version)) => {
            *version += 1;
            true
        }
        None => false,
    }),
    ("another spec", |entries, at| {
        entries[at].spec = "sha256:other".into();
        true
    }),
    ("an event dropped", |entries, at| {
        // Without its last event and with another end, it is the journal as it was a moment before.
        let between = at + 1 < entries.len();
        entries.remove(at);
        between
    }),
    ("an event twice", |entries, at| {
        let event = entries[at].clone();
        entries.insert(at, event);
        true
    }),
    ("two events swapped", |entries, at| {
        if at + 1 >= entries.len() {
            return false;
        }
        entries.swap(at, at + 1);
        true
    }),
    ("no object in", |entries, at| {
        entries[at].input = Json::parse("[1]").expect("JSON");
        entries[at].op.starts_with("repair") || entries[at].op.starts_with("elect")
    }),
];

#[tokio::test]
async fn tampering_is_noticed() {
    for case in &CASES {
        let subject = case.subject();
        let entries = case.journal(3, 900).await;
        let whole = text(&(case.schema)(), &entries);
        checked(&subject, &whole).expect("it conforms before");
        for (name, tamper) in TAMPERINGS {
            let mut done = 0;
            for at in (0..entries.len()).step_by(7) {
                let mut tampered = entries.clone();
                if tamper(&mut tampered, at) {
                    done += 1;
                    let trouble =
                        checked(&subject, &text(&(case.schema)(), &tampered)).err().unwrap_or_else(|| {
                            panic!("{}: {name} at {at} was not noticed: {:?}", case.name, entries[at])
                        });
                    assert!(!trouble.unusable && trouble.line.is_some(), "{name}: {trouble:?}");
                }
            }
            println!("{}: {name}: {done}", case.name);
        }
    }
}

/// Numbers anew what was put together, so that only what the events say can give it away.
fn renumbered(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.iter_mut().zip(1..).for_each(|(e, seq)| e.seq = seq);
    entries
}

#[tokio::test]
async fn the_order_is_told_from_the_versions_alone() {
    let case = &CASES[0];
    let (subject, schema) = (case.subject(), (case.schema)());
    let entries = case.journal(3, 900).await;
    let told = |entries: Vec<Entry>| {
        let trouble = checked(&subject, &text(&schema, &renumbered(entries))).expect_err("it is noticed");
        format!("{} | {}", trouble.what, trouble.because.join(" | "))
    };
    let mut dropped = entries.clone();
    dropped.remove(40);
    assert!(told(dropped).contains("events are missing"));
    let mut twice = entries.clone();
    twice.insert(41, entries[40].clone());
    assert!(told(twice).contains("an update was lost"));
    let depends = |at: &usize| {
        let wrote = |row| entries[*at].writes.iter().any(|w| w.row == row);
        entries[at + 1].reads.iter().any(|(row, _)| wrote(row.clone()))
    };
    let at = (0..entries.len() - 1).find(depends).expect("some event reads what the one before it wrote");
    let mut swapped = entries.clone();
    swapped.swap(at, at + 1);
    assert!(told(swapped).contains("another order of these events is serial"));
}

/// An event as if it had happened after these: what it reads and writes has the versions of then.
fn moved_to(mut event: Entry, before: &[Entry]) -> Vec<Entry> {
    let mut versions = std::collections::BTreeMap::new();
    for write in before.iter().flat_map(|e| &e.writes) {
        versions.insert(write.row.clone(), write.version);
    }
    let present = |row| versions.get(row).copied().unwrap_or(0);
    event.reads.iter_mut().for_each(|(row, version)| *version = present(row));
    event.writes.iter_mut().for_each(|write| write.version = present(&write.row) + 1);
    let mut entries = before.to_vec();
    entries.push(event);
    renumbered(entries)
}

/// A run goes on when its last sub-run is done, and not a moment before.
#[tokio::test]
async fn a_join_that_comes_too_early_is_noticed() {
    let case = CASES.iter().find(|c| c.name == "I11_control_plane").expect("it has sub-runs");
    let (subject, schema) = (case.subject(), (case.schema)());
    let applied = |e: &&Entry| e.op == "main.joined_apply" && e.denied.is_none();
    let mut joins = 0;
    for seed in 0..case.seeds {
        let entries = case.journal(seed, 1_500).await;
        let Some(join) = entries.iter().find(applied) else { continue };
        let acks = entries.iter().enumerate().filter(|(_, e)| {
            e.seq < join.seq && e.op == "main.ack" && e.outcome == "done" && e.denied.is_none()
        });
        let last = acks.map(|(at, _)| at).next_back().expect("a sub-run is done before");
        let check = |before: &[Entry]| checked(&subject, &text(&schema, &moved_to(join.clone(), before)));
        check(&entries[..=last]).unwrap_or_else(|t| panic!("all are done: {t:#?}"));
        let trouble = check(&entries[..last]).expect_err("one is not done");
        assert_eq!(trouble.accepted, last as u64, "{trouble:?}");
        joins += 1;
    }
    assert!(joins > 0, "no run was joined");
}

/// A store that once lets a step read what was overwritten already.
struct Stale(u32);

impl FaultPlan for Stale {
    fn next(&mut self, _: &str) -> Option<Fault> {
        self.0 = self.0.saturating_sub(1);
        // Until some step is taken that writes what the one before it wrote.
        (self.0 < 20).then_some(Fault::StaleRead)
    }
}

#[tokio::test]
async fn a_store_that_loses_updates_is_found_out() {
    for case in &CASES {
        let entries = case.faulty_journal(3, 600, Stale(150)).await;
        let trouble =
            checked(&case.subject(), &text(&(case.schema)(), &entries)).expect_err("an update was lost");
        let told = format!("{} {}", trouble.what, trouble.because.join(" "));
        assert!(
            told.contains("an update was lost") || told.contains("not serialisable"),
            "{}: {told}",
            case.name
        );
    }
}

/// The first event that a change of `now` alone makes illegal: its guard is false then.
#[tokio::test]
async fn a_false_guard_is_explained_by_its_atoms_and_their_values() {
    let case = &CASES[0];
    let (subject, schema) = (case.subject(), (case.schema)());
    let entries = case.journal(3, 2_000).await;
    let mut told = Vec::new();
    for at in 0..entries.len() {
        if entries[at].op != "repair.reclaim" {
            continue;
        }
        let mut early = entries.clone();
        // The lease had not run out then; nothing that it depends on is later.
        let before = early[..at].iter().map(|e| e.now).max().expect("a claim came before");
        if before.millis().div_euclid(1_000) == early[at].now.millis().div_euclid(1_000) {
            continue;
        }
        early[at].now = before;
        early.truncate(at + 1);
        if let Err(trouble) = checked(&subject, &text(&schema, &early)) {
            told.push((at as u64 + 2, trouble));
        }
    }
    let (line, trouble) = told.first().expect("some reclaim was just in time");
    assert_eq!(trouble.line, Some(*line));
    assert!(trouble.what.contains("repair.reclaim") && trouble.what.contains("is not what the spec says"));
    let because = trouble.because.join("\n");
    assert!(because.contains("the guard of repair.reclaim is false"), "{because}");
    assert!(
        because.contains("false: repair.reclaim#1, LeaseState.expiry_at < now (LeaseState.expiry_at is 17"),
        "{because}"
    );
}

#[tokio::test]
async fn a_false_outcome_names_the_step_that_it_is() {
    let case = &CASES[0];
    let (subject, schema) = (case.subject(), (case.schema)());
    let mut entries = case.journal(3, 900).await;
    let at = entries.iter().position(|e| e.op == "main.renew").expect("somebody renews");
    entries.truncate(at + 1);
    entries[at].op = "main.claim".into();
    let trouble = checked(&subject, &text(&schema, &entries)).expect_err("it is noticed");
    let because = trouble.because.join("\n");
    assert!(because.contains("at_renew") && because.contains("it is what main.renew does"), "{because}");
}

/// A trace that says that its spec was followed by another, and came back.
fn with_another_between(schema: &Schema, entries: &[Entry]) -> String {
    let earlier = format!(r#""dense":true,"earlier":["{}","sha256:between"]"#, schema.spec());
    text(schema, entries).replacen(r#""dense":true"#, &earlier, 1)
}

/// What an event that was not judged wrote is there all the same: `advance` has to give more.
#[tokio::test]
async fn what_events_of_earlier_versions_left_is_known() {
    let case = &CASES[0];
    let (subject, schema) = (case.subject(), (case.schema)());
    let entries = case.journal(4, 600).await;
    let mut told = Vec::new();
    for at in entries.len() / 3..entries.len() / 2 {
        let mut left = entries.clone();
        let mut values = left[at].writes.iter_mut().flat_map(|w| &mut w.values);
        let Some(Value::Ordinal(n)) = values.find(|v| matches!(v, Value::Ordinal(_))) else { continue };
        *n += 1_000;
        left[at].spec = "sha256:between".into();
        told.extend(
            checked(&subject, &with_another_between(&schema, &left)).err().map(|t| t.because.join(" ")),
        );
    }
    assert!(told.iter().any(|why| why.contains("is alive in another row")), "{told:?}");
}

/// Events that no version here judges may come first, and between others: what is judged is judged on the state that they left.
#[tokio::test]
async fn events_of_earlier_versions_are_counted_and_the_others_judged() {
    for case in &CASES {
        let (subject, schema) = (case.subject(), (case.schema)());
        let mut entries = case.journal(4, 600).await;
        let (from, to) = (entries.len() / 3, entries.len() / 2);
        entries[from..to].iter_mut().for_each(|e| e.spec = "sha256:between".into());
        let trace = |entries: &[Entry]| with_another_between(&schema, entries);
        let found = checked(&subject, &trace(&entries)).unwrap_or_else(|t| panic!("{}: {t:#?}", case.name));
        assert_eq!(found.earlier, [("sha256:between".into(), (to - from) as u64)], "{}", case.name);
        assert_eq!((found.events, found.findings.skipped), (entries.len() as u64, None), "{}", case.name);
        let (_, tamper) = TAMPERINGS[0];
        for at in [from / 2, to + (entries.len() - to) / 2] {
            let mut tampered = entries.clone();
            let judged = |at: &usize| !(from..to).contains(at);
            let at = (at..entries.len()).filter(judged).find(|at| tamper(&mut tampered, *at));
            assert!(at.is_none() || checked(&subject, &trace(&tampered)).is_err(), "{} at {at:?}", case.name);
        }
    }
}

#[tokio::test]
async fn traces_that_are_none_are_unusable() {
    let case = &CASES[0];
    let (subject, schema) = (case.subject(), (case.schema)());
    let entries = case.journal(3, 300).await;
    let whole = text(&schema, &entries);
    let unusable = |text: &str| {
        let trouble = checked(&subject, text).expect_err("it is no trace");
        assert!(trouble.unusable, "{trouble:?}");
        trouble.what
    };
    assert_eq!(unusable(""), "the trace is empty");
    assert!(unusable("hello\n").starts_with("line 1 is no header of a trace"));
    let foreign =
        Schema::new("sha256:other", schema.kinds().map(|(_, k)| k.clone()).collect()).expect("good names");
    assert!(unusable(&text(&foreign, &entries)).contains("the trace is of spec sha256:other"));
    for cut in [2, 30, whole.len() / 2, whole.len() - whole.find('\n').expect("lines") - 1] {
        let told = unusable(&whole[..whole.len() - cut]);
        assert!(told.contains("truncated") || told.contains("EOF"), "{cut}: {told}");
    }
    let mut bytes = whole.clone().into_bytes();
    bytes[300] = 0xff;
    let trouble = check(&subject, bytes.as_slice(), None);
    assert!(trouble.expect_err("it is no text").unusable);
}
