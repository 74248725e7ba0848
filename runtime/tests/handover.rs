//! What commits hand over: to which steps, as of which version, and when.

use arch_runtime::handover::{HandOver, Part, Turn};
use arch_runtime::outbox::Message;
use arch_runtime::schema::{Kind, KindId, Schema};
use arch_runtime::service::{Operation, Service};
use arch_runtime::store::{Effects, Json, ReadRows, Snapshot, Versioned};
use arch_runtime::testing::service;
use arch_runtime::value::{Field, Row, RowKey, Type, Value};
use arch_runtime::{Instant, SmolStr};
use std::sync::Arc;
use std::time::Duration;

const RUNS: KindId = KindId(0);
const PAUSE: Duration = Duration::from_secs(5);

fn schema() -> Arc<Schema> {
    let runs = Kind::run("main")
        .key("task", Type::id("task"))
        .column("status", Type::enumeration("main_status", &["idle", "at_apply", "at_ack"]))
        .column("worker", Type::id("worker").optional());
    Arc::new(Schema::new("sha256:x", vec![runs]).expect("the names are good"))
}

fn operation(name: &str) -> Operation {
    let sample = service::service().operation("slots.take").expect("it is there").clone();
    let task = Field { name: "task".into(), ty: Type::id("task") };
    let answer = Field { name: "answer".into(), ty: Type::Bool.optional() };
    Operation { name: name.into(), actor: "worker".into(), request: vec![task, answer], ..sample }
}

fn turn(at: &[&str]) -> Turn {
    Turn {
        runs: RUNS,
        at: at.iter().copied().map(SmolStr::from).collect(),
        actor: Some(Part::Column(1)),
        only: None,
        request: vec![Some(Part::Key(0)), None],
    }
}

/// `main.apply` at `at_apply`, `main.ack` at `at_ack`, `main.skip` at both.
fn hand_over() -> HandOver {
    let all = [
        ("main.apply", &["at_apply"][..]),
        ("main.ack", &["at_ack"]),
        ("main.skip", &["at_apply", "at_ack"]),
    ];
    let operations = all.map(|(op, at)| Operation { turn: Ok(turn(at)), ..operation(op) });
    let service = Service { operations: operations.into(), ..service::service() };
    HandOver::new(&service, &all.map(|(op, _)| SmolStr::from(op)), PAUSE).expect("they can be handed over")
}

fn run(task: &str) -> RowKey {
    RowKey::new(RUNS, [Value::id(task)])
}

fn row(status: &str, worker: Option<&str>) -> Row {
    vec![Value::Enum(status.into()), worker.map_or(Value::Null, Value::id)]
}

/// Target, payload, delay and fence of a message.
type Told = (String, String, Duration, String);

/// The messages of a commit on a run that is at `at_apply` in version 7.
fn messages(writes: Vec<(RowKey, Row)>, outcome: &str, delivered: bool) -> Vec<Told> {
    let present = Versioned { version: 7, row: row("at_apply", Some("w1")) };
    let rows = [(run("t1"), Some(present)), (run("t2"), None)];
    let read = ReadRows { rows: rows.into(), scans: Default::default() };
    let snapshot = Snapshot::new(Instant::from_millis(0), &read);
    let effects =
        Effects { writes, branch: None, outcome: outcome.into(), messages: Vec::new(), reply: Json::null() };
    let own = run("t1");
    let delivered = delivered.then_some(&own);
    let written = hand_over().messages(&schema(), &snapshot, &effects, &operation("main.apply"), delivered);
    let told = |m: Message| {
        let fence = m.fence.map(|fence| fence.to_string()).unwrap_or_default();
        (m.target.to_string(), m.payload.text().to_owned(), m.delay, fence)
    };
    written.into_iter().map(told).collect()
}

fn targets(of: &[Told]) -> Vec<(&str, u64)> {
    of.iter().map(|(target, _, delay, _)| (&**target, delay.as_secs())).collect()
}

#[test]
fn every_step_that_is_reached_is_asked_for_as_of_the_new_version() {
    let written = messages(vec![(run("t1"), row("at_ack", Some("w2")))], "at_ack", false);
    assert_eq!(targets(&written), [("main.ack", 0), ("main.skip", 0)]);
    let (_, payload, _, fence) = &written[0];
    assert_eq!(payload, r#"{"self":"w2","task":"t1","answer":null}"#);
    assert_eq!(fence, "main/t1/8");
    assert_eq!(messages(vec![(run("t1"), row("idle", None))], "done", false), []);
}

#[test]
fn another_run_is_handed_over_too() {
    let written = messages(vec![(run("t2"), row("at_ack", Some("w1")))], "done", false);
    assert_eq!(targets(&written), [("main.ack", 0), ("main.skip", 0)]);
    assert_eq!(written[0].3, "main/t2/1");
}

#[test]
fn nobody_is_asked_for_who_is_not_known() {
    assert_eq!(messages(vec![(run("t1"), row("at_ack", None))], "at_ack", false), []);
}

#[test]
fn what_is_taken_again_waits() {
    let again = || vec![(run("t1"), row("at_apply", Some("w1")))];
    assert_eq!(targets(&messages(again(), "at_apply", false)), [("main.apply", 5), ("main.skip", 0)]);
    assert_eq!(targets(&messages(again(), "later", false)), [("main.apply", 5), ("main.skip", 5)]);
    assert_eq!(targets(&messages(again(), "retry", true)), [("main.apply", 1), ("main.skip", 1)]);
}

#[test]
fn a_run_that_has_not_changed_gets_the_delivered_message_anew_and_no_other() {
    let written = messages(Vec::new(), "later", true);
    assert_eq!(targets(&written), [("main.apply", 5)]);
    assert_eq!(written[0].3, "main/t1/7");
    // Its message is still there: who asked did so for himself, or the message is tried again.
    assert_eq!(messages(Vec::new(), "later", false), []);
    assert_eq!(messages(Vec::new(), "retry", true), []);
}
