//! The suite that every store passes. Each check gets an empty store with the sample's schema and panics when the store is wrong.

use super::sample::{self, CLAIM, COUNTER, EVERYTHING, Request, SLOT};
use crate::journal::{Cursor, audit};
use crate::outbox::{Message, MessageId, Settlement, Standing};
use crate::store::{
    Applied, BoxFuture, Decision, Denial, Effects, Fingerprint, IdempotencyKey, Json, OutboxStatus, Policy,
    Store, StoreError, Transition, TxId, Verdict, transact,
};
use crate::trace_context::TraceContext;
use crate::value::{Row, RowKey, Value};
use std::sync::Arc;
use std::time::Duration;

/// One check.
pub type Check = fn(Arc<dyn Store>) -> BoxFuture<'static, ()>;

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        /// All checks, by name.
        pub const CHECKS: &[(&str, Check)] = &[$((stringify!($name), |store| Box::pin($name(store)))),*];
    };
}

checks![
    commits_and_reads_back,
    denials_change_nothing,
    denials_are_recorded_on_demand,
    commits_are_all_or_nothing,
    wrong_steps_are_refused_and_harm_nobody,
    steps_read_through_what_they_read,
    values_of_every_type_survive,
    repeated_requests_are_replayed,
    keys_belong_to_callers_and_requests,
    keys_expire_and_are_swept,
    denials_do_not_use_up_keys,
    outcomes_that_ask_for_a_repetition_are_not_replayed,
    messages_are_delivered_by_their_last_attempt_only,
    messages_wait_and_can_die,
    dead_messages_are_shown_and_revived,
    waiting_messages_are_shown_and_hurried,
    messages_keep_the_trace_of_their_commit,
    transactions_are_found_and_never_twice,
    the_journal_is_read_in_pages,
    the_history_is_in_order_and_in_pages,
    no_update_is_lost,
    no_two_sides_of_a_pair,
    guards_that_count_are_not_fooled_by_new_rows,
    time_never_goes_back,
];

fn policy() -> Policy {
    Policy { retries: 60, ..Policy::default() }
}

async fn submit(store: &Arc<dyn Store>, transition: Transition) -> Result<Verdict, StoreError> {
    transact(&**store, transition, &policy()).await.map(|settled| settled.verdict)
}

async fn verdict(store: &Arc<dyn Store>, request: &Request) -> Verdict {
    submit(store, request.transition()).await.unwrap_or_else(|e| panic!("{request:?}: {e}"))
}

async fn applied(store: &Arc<dyn Store>, request: &Request) -> Applied {
    match verdict(store, request).await {
        Verdict::Applied(applied) => applied,
        other => panic!("{request:?} was not applied: {other:?}"),
    }
}

async fn row(store: &Arc<dyn Store>, row: &RowKey) -> Option<(u64, Row)> {
    let rows = store.read(std::slice::from_ref(row)).await.expect("rows can be read");
    assert_eq!(rows.len(), 1);
    rows.into_iter().next().flatten().map(|v| (v.version, v.row))
}

async fn check_journal(store: &Arc<dyn Store>) -> u64 {
    audit(&**store, sample::judge()).await.unwrap_or_else(|e| panic!("audit: {e}")).count()
}

fn acquire(item: &str, client: &str) -> Request {
    Request::Acquire { item: item.into(), client: client.into() }
}

fn release(item: &str, client: &str) -> Request {
    Request::Release { item: item.into(), client: client.into() }
}

/// A transition of the counter's plan with another step.
fn custom(step: impl Fn(&crate::store::Snapshot) -> Decision + Send + Sync + 'static) -> Transition {
    Transition { step: Arc::new(step), ..Request::Count.transition() }
}

fn effects(writes: Vec<(RowKey, Row)>) -> Effects {
    Effects { writes, branch: None, outcome: "done".into(), messages: Vec::new(), reply: Json::null() }
}

async fn commits_and_reads_back(store: Arc<dyn Store>) {
    assert_eq!(row(&store, &sample::claim("a/b")).await, None);
    let first = applied(&store, &acquire("a/b", "c1")).await;
    let entry = &first.entry;
    assert_eq!(first.reply.text(), r#"{"epoch":1}"#);
    assert_eq!((entry.op.as_str(), entry.outcome.as_str()), ("main.acquire", "held"));
    assert_eq!(entry.reads, [(sample::claim("a/b"), 0), (sample::local("c1"), 0)]);
    assert!(entry.seq > 0 && entry.now.millis() > 0);
    let (version, values) = row(&store, &sample::claim("a/b")).await.expect("the row is there");
    assert_eq!((version, &values[0], &values[2]), (1, &Value::id("c1"), &Value::Ordinal(1)));
    applied(&store, &release("a/b", "c1")).await;
    let second = applied(&store, &acquire("a/b", "c2")).await;
    assert_eq!(second.entry.writes[0].version, 3);
    assert!(second.entry.seq > entry.seq);
    assert_eq!(store.scan(CLAIM).await.expect("kinds can be read").len(), 1);
    assert_eq!(check_journal(&store).await, 3);
}

async fn denials_change_nothing(store: Arc<dyn Store>) {
    applied(&store, &acquire("i", "c1")).await;
    let before = row(&store, &sample::claim("i")).await;
    let Verdict::Denied(denied) = verdict(&store, &acquire("i", "c2")).await else {
        panic!("a held item was acquired");
    };
    assert_eq!(denied.entry.denied.as_deref(), Some(&["main.acquire#1".into()][..]));
    assert_eq!(denied.entry.reads[0], (sample::claim("i"), 1));
    assert_eq!(denied.entry.seq, 0);
    assert_eq!(row(&store, &sample::claim("i")).await, before);
    assert_eq!(row(&store, &sample::local("c2")).await, None);
    assert_eq!(store.scan(sample::CLIENT).await.expect("kinds can be read").len(), 1);
    assert_eq!(check_journal(&store).await, 1);
}

async fn denials_are_recorded_on_demand(store: Arc<dyn Store>) {
    applied(&store, &Request::Count).await;
    let denial = || Denial { failed: vec!["g#1".into()], record: true };
    let transition = custom(move |s| {
        let _ = s.get(&RowKey::single(COUNTER));
        Decision::Deny(denial())
    });
    let Ok(Verdict::Denied(denied)) = submit(&store, transition).await else {
        panic!("it was not denied");
    };
    assert!(denied.entry.seq > 0);
    let page = store.journal(Cursor::START, 10).await.expect("the journal can be read");
    assert_eq!(page.entries.len(), 2);
    assert_eq!(page.entries[1], *denied.entry);
    audit(&*store, crate::journal::Accept).await.expect("the journal is serial");
}

async fn commits_are_all_or_nothing(store: Arc<dyn Store>) {
    let message =
        || Message { target: "t".into(), payload: Json::null(), delay: Duration::ZERO, fence: None };
    let mut transition = custom(move |s| {
        let _ = s.get(&RowKey::single(COUNTER));
        let writes =
            vec![(RowKey::single(COUNTER), vec![Value::Int(7)]), (sample::claim("x"), vec![Value::Int(7)])];
        Decision::Apply(Effects { messages: vec![message()], ..effects(writes) })
    });
    transition.meta.idempotency = Some(key("k", "r"));
    transition.keys.push(sample::claim("x"));
    let error = submit(&store, transition).await.expect_err("a row of the wrong type");
    assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
    assert_eq!(row(&store, &RowKey::single(COUNTER)).await, None);
    assert_eq!(store.outbox().await.expect("the outbox can be read").pending, 0);
    assert_eq!(store.replay(&key("k", "r")).await.expect("keys can be read"), None);
    assert_eq!(check_journal(&store).await, 0);
}

async fn wrong_steps_are_refused_and_harm_nobody(store: Arc<dyn Store>) {
    let counter = || RowKey::single(COUNTER);
    let wrong: Vec<(&str, Transition)> = vec![
        ("panicked: on purpose", custom(|_| panic!("on purpose"))),
        (
            "does not write",
            custom(|s| {
                let _ = s.get(&sample::claim("x"));
                Decision::Apply(effects(vec![(sample::claim("x"), claim_row())]))
            }),
        ),
        ("not read", {
            let mut blind = custom(move |_| Decision::Apply(effects(vec![(counter(), vec![Value::Int(1)])])));
            blind.keys.clear();
            blind
        }),
        (
            "twice",
            custom(move |_| {
                let write = (counter(), vec![Value::Int(1)]);
                Decision::Apply(effects(vec![write.clone(), write]))
            }),
        ),
        (
            "1000001",
            custom(move |_| Decision::Apply(effects(vec![(counter(), vec![Value::Int(1_000_001)])]))),
        ),
        (
            "scans Slot",
            custom(|s| {
                let _ = s.all(SLOT).count();
                Decision::Apply(effects(vec![]))
            }),
        ),
        (
            "an id",
            custom(|s| {
                let _ = s.get(&RowKey::new(CLAIM, [Value::id("")]));
                Decision::Apply(effects(vec![]))
            }),
        ),
    ];
    // The default hook would print the panic that is on purpose.
    for (expected, transition) in wrong {
        let error = submit(&store, transition).await.expect_err(expected);
        assert!(matches!(error, StoreError::Invalid { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error} does not mention {expected}");
    }
    applied(&store, &Request::Count).await;
    assert_eq!(check_journal(&store).await, 1);
}

fn claim_row() -> Row {
    vec![Value::Null, Value::time(0), Value::Ordinal(0), Value::constant("FREE")]
}

async fn steps_read_through_what_they_read(store: Arc<dyn Store>) {
    assert!(matches!(verdict(&store, &Request::Follow { item: "i".into() }).await, Verdict::Denied(_)));
    applied(&store, &acquire("i", "owner")).await;
    let followed = applied(&store, &Request::Follow { item: "i".into() }).await;
    assert_eq!(followed.entry.writes[0].row, sample::local("owner"));
    assert_eq!(followed.entry.reads, [(sample::claim("i"), 1), (sample::local("owner"), 1)]);
    let endless = custom(|s| {
        for i in 0.. {
            if s.get(&sample::claim(&i.to_string())).is_none() && i > 100 {
                break;
            }
        }
        let mut i = 0;
        while s.get(&sample::local(&format!("x{i}"))).is_some() {
            i += 1;
        }
        Decision::Deny(Denial::default())
    });
    assert!(matches!(submit(&store, endless).await, Ok(Verdict::Denied(_))));
    check_journal(&store).await;
}

async fn values_of_every_type_survive(store: Arc<dyn Store>) {
    let everything = RowKey::single(EVERYTHING);
    let mut transition = custom(move |s| {
        let everything = RowKey::single(EVERYTHING);
        let _ = s.get(&everything);
        Decision::Apply(effects(vec![(everything, sample::everything_row())]))
    });
    transition.plan =
        Arc::new(crate::store::Plan { op: "all".into(), scans: vec![], writes: vec![EVERYTHING] });
    submit(&store, transition).await.expect("every value can be stored");
    assert_eq!(row(&store, &everything).await, Some((1, sample::everything_row())));
    let scanned = store.scan(EVERYTHING).await.expect("kinds can be read");
    assert_eq!(scanned[0].1.row, sample::everything_row());
    let page = store.journal(Cursor::START, 10).await.expect("the journal can be read");
    assert_eq!(page.entries[0].writes[0].values, sample::everything_row());
    let awkward = "'; drop table slot; -- \"%/\\ ü🦀";
    applied(&store, &acquire(awkward, awkward)).await;
    let (version, values) = row(&store, &sample::claim(awkward)).await.expect("it is there");
    assert_eq!((version, &values[0]), (1, &Value::id(awkward)));
    audit(&*store, crate::journal::Accept).await.expect("the journal is serial");
}

fn key(key: &str, request: &str) -> IdempotencyKey {
    IdempotencyKey {
        scope: "caller".into(),
        key: key.into(),
        fingerprint: Fingerprint::of(&[request.as_bytes()]),
        ttl: Duration::from_secs(3600),
        not_for: Arc::default(),
    }
}

async fn repeated_requests_are_replayed(store: Arc<dyn Store>) {
    let request = acquire("i", "c1");
    assert_eq!(store.replay(&key("k", "r")).await.expect("keys can be read"), None);
    let Ok(Verdict::Applied(first)) = submit(&store, request.keyed(key("k", "r"))).await else {
        panic!("the first was not applied");
    };
    for _ in 0..3 {
        let Ok(Verdict::Replayed(again)) = submit(&store, request.keyed(key("k", "r"))).await else {
            panic!("the second was not replayed");
        };
        assert_eq!((again.tx, &again.reply), (first.entry.tx, &first.reply));
        assert_eq!((again.outcome.as_str(), again.at), ("held", first.entry.now));
    }
    let known = store.replay(&key("k", "r")).await.expect("keys can be read");
    assert_eq!(known.map(|r| r.tx), Some(first.entry.tx));
    assert_eq!(check_journal(&store).await, 1);
}

async fn keys_belong_to_callers_and_requests(store: Arc<dyn Store>) {
    submit(&store, Request::Count.keyed(key("k", "r"))).await.expect("the first");
    let other = submit(&store, Request::Count.keyed(key("k", "another"))).await;
    assert!(matches!(other, Err(StoreError::KeyReused)), "{other:?}");
    assert!(matches!(store.replay(&key("k", "another")).await, Err(StoreError::KeyReused)));
    let caller = IdempotencyKey { scope: "somebody else".into(), ..key("k", "another") };
    assert!(matches!(submit(&store, Request::Count.keyed(caller)).await, Ok(Verdict::Applied(_))));
    assert_eq!(check_journal(&store).await, 2);
}

async fn keys_expire_and_are_swept(store: Arc<dyn Store>) {
    let short = || IdempotencyKey { ttl: Duration::ZERO, ..key("short", "r") };
    for _ in 0..2 {
        let verdict = submit(&store, Request::Count.keyed(short())).await;
        assert!(matches!(verdict, Ok(Verdict::Applied(_))), "{verdict:?}");
    }
    submit(&store, Request::Count.keyed(key("long", "r"))).await.expect("it is applied");
    assert_eq!(store.sweep(10).await.expect("keys can be swept"), 1);
    assert_eq!(store.sweep(10).await.expect("keys can be swept"), 0);
    assert!(store.replay(&key("long", "r")).await.expect("keys can be read").is_some());
}

async fn outcomes_that_ask_for_a_repetition_are_not_replayed(store: Arc<dyn Store>) {
    let again = || IdempotencyKey { not_for: ["done".into()].into(), ..key("again", "r") };
    for _ in 0..2 {
        let verdict = submit(&store, Request::Count.keyed(again())).await;
        assert!(matches!(verdict, Ok(Verdict::Applied(_))), "{verdict:?}");
    }
    assert_eq!(store.replay(&again()).await.expect("keys can be read"), None);
}

async fn denials_do_not_use_up_keys(store: Arc<dyn Store>) {
    applied(&store, &Request::Left { item: "i".into() }).await;
    let request = Request::Right { item: "i".into() };
    let denied = submit(&store, request.keyed(key("k", "r"))).await;
    assert!(matches!(denied, Ok(Verdict::Denied(_))), "{denied:?}");
    applied(&store, &Request::Left { item: "i".into() }).await;
    let later = submit(&store, request.keyed(key("k", "r"))).await;
    assert!(matches!(later, Ok(Verdict::Applied(_))), "{later:?}");
}

async fn messages_are_delivered_by_their_last_attempt_only(store: Arc<dyn Store>) {
    applied(&store, &acquire("i", "c1")).await;
    let released = applied(&store, &release("i", "c1")).await;
    let long = Duration::from_secs(60);
    let first = store.claim(10, Duration::from_millis(1)).await.expect("messages can be taken");
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].id.tx, first[0].id.index, first[0].attempt), (released.entry.tx, 0, 1));
    let message = &first[0].message;
    assert_eq!((message.target.as_str(), message.payload.text()), ("audit.released", "\"i\""));
    assert_eq!(message.fence.as_ref().map(ToString::to_string).as_deref(), Some("ClaimState/i/1"));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = store.claim(10, long).await.expect("messages can be taken");
    assert_eq!(second.iter().map(|d| d.attempt).collect::<Vec<_>>(), [2]);
    assert!(store.claim(10, long).await.expect("messages can be taken").is_empty());
    let settle = |attempt| store.settle(first[0].id, attempt, &Settlement::Delivered);
    assert!(!settle(1).await.expect("messages can be settled"), "the first attempt was over");
    assert_eq!(store.outbox().await.expect("the outbox can be read").pending, 1);
    assert!(settle(2).await.expect("messages can be settled"));
    assert!(!settle(2).await.expect("messages can be settled"), "it was settled");
    assert_eq!(store.outbox().await.expect("the outbox can be read").pending, 0);
}

async fn messages_wait_and_can_die(store: Arc<dyn Store>) {
    let message =
        |target: &str, delay| Message { target: target.into(), payload: Json::null(), delay, fence: None };
    let messages = vec![
        message("now", Duration::ZERO),
        message("later", Duration::from_secs(3600)),
        message("bad", Duration::ZERO),
    ];
    let transition = custom(move |_| {
        let writes = vec![(RowKey::single(COUNTER), vec![Value::Int(1)])];
        Decision::Apply(Effects { messages: messages.clone(), ..effects(writes) })
    });
    submit(&store, transition).await.expect("it is applied");
    let due = store.claim(10, Duration::from_secs(60)).await.expect("messages can be taken");
    let targets: Vec<_> = due.iter().map(|d| d.message.target.as_str()).collect();
    assert_eq!(targets, ["now", "bad"]);
    let retry = Settlement::Retry { after: Duration::ZERO, error: "not now".into() };
    assert!(store.settle(due[0].id, 1, &retry).await.expect("messages can be settled"));
    let dead = Settlement::Dead { error: "makes no sense".into() };
    assert!(store.settle(due[1].id, 1, &dead).await.expect("messages can be settled"));
    let again = store.claim(10, Duration::from_secs(60)).await.expect("messages can be taken");
    assert_eq!(again.iter().map(|d| (d.id, d.attempt)).collect::<Vec<_>>(), [(due[0].id, 2)]);
    let status = store.outbox().await.expect("the outbox can be read");
    assert_eq!((status.pending, status.dead), (2, 1));
}

const LONG: Duration = Duration::from_secs(60);

/// Commits messages to these targets, with these delays; who they are.
async fn written(store: &Arc<dyn Store>, to: &[(&'static str, Duration)]) -> Vec<MessageId> {
    let told = to.to_vec();
    let mut transition = custom(move |s| {
        let _ = s.get(&RowKey::single(COUNTER));
        let message = |&(target, delay): &(&str, Duration)| Message {
            target: target.into(),
            payload: Json::null(),
            delay,
            fence: Some(crate::fencing::FencingToken { resource: "Row/a".into(), epoch: 3 }),
        };
        let writes = vec![(RowKey::single(COUNTER), vec![Value::Int(1)])];
        Decision::Apply(Effects { messages: told.iter().map(message).collect(), ..effects(writes) })
    });
    transition.meta.trace = TraceContext::new(7, 9, true).map(|trace| trace.with_state("a=1"));
    let tx = transition.meta.tx;
    submit(store, transition).await.expect("it is applied");
    (0u32..).zip(to).map(|(index, _)| MessageId { tx, index }).collect()
}

async fn shown(store: &Arc<dyn Store>, dead: bool) -> Vec<MessageId> {
    let letters = store.letters(dead, None, 100).await.expect("the outbox can be read");
    letters.into_iter().map(|letter| letter.id).collect()
}

/// Takes what is due; which message, at which attempt, and which since it was revived.
async fn claimed(store: &Arc<dyn Store>) -> Vec<(MessageId, u32, u32)> {
    let taken = store.claim(10, LONG).await.expect("messages can be taken");
    taken.into_iter().map(|d| (d.id, d.attempt, d.tries)).collect()
}

async fn dead_messages_are_shown_and_revived(store: Arc<dyn Store>) {
    let hour = Duration::from_secs(3_600);
    let ids = written(&store, &[("one", Duration::ZERO), ("two", Duration::ZERO), ("later", hour)]).await;
    let (one, two, later) = (ids[0], ids[1], ids[2]);
    let dies = async |id, attempt| {
        let dead = Settlement::Dead { error: "it is broken".into() };
        assert!(store.settle(id, attempt, &dead).await.expect("messages can be settled"));
    };
    assert_eq!(claimed(&store).await, [(one, 1, 1), (two, 1, 1)]);
    dies(one, 1).await;
    dies(two, 1).await;
    assert_eq!((shown(&store, true).await, shown(&store, false).await), (vec![one, two], vec![later]));
    let page = store.letters(true, Some(one), 1).await.expect("the outbox can be read");
    let letter = store.letter(two).await.expect("the outbox can be read").expect("it is there");
    assert_eq!(page, std::slice::from_ref(&letter));
    assert_eq!((letter.message.target.as_str(), letter.attempts), ("two", 1));
    assert_eq!((letter.standing, letter.error.as_deref()), (Standing::Dead, Some("it is broken")));
    assert_eq!(letter.message.fence.as_ref().map(ToString::to_string).as_deref(), Some("Row/a/3"));
    assert!(letter.created.millis() > 0);

    // One of them, once: with all its attempts anew, of which none has a number that another had.
    let revive = async |which| store.revive(which).await.expect("messages can be revived");
    assert_eq!(revive(Some(one)).await, 1);
    assert_eq!((shown(&store, true).await, shown(&store, false).await), (vec![two], vec![one, later]));
    let status = store.outbox().await.expect("the outbox can be read");
    assert_eq!((status.pending, status.dead), (2, 1));
    assert_eq!(claimed(&store).await, [(one, 2, 1)]);
    let settle = async |id, attempt| {
        store.settle(id, attempt, &Settlement::Delivered).await.expect("messages can be settled")
    };
    assert!(!settle(one, 1).await, "that attempt was over");
    dies(one, 2).await;
    // All of them, and nothing that waits.
    assert_eq!(revive(None).await, 2);
    assert_eq!(claimed(&store).await, [(one, 3, 1), (two, 2, 1)]);
    assert!(settle(one, 3).await);
    dies(two, 2).await;
    assert_eq!((revive(Some(one)).await, shown(&store, false).await), (0, vec![later]));
    // And what is dropped is gone.
    let discard = async |id| store.discard(id).await.expect("messages can be dropped");
    assert!(discard(two).await);
    assert!(!discard(two).await && !discard(one).await);
    assert_eq!(store.letter(two).await.expect("the outbox can be read"), None);
    assert_eq!(revive(None).await, 0);
    assert_eq!(store.outbox().await.expect("the outbox can be read").dead, 0);
}

async fn waiting_messages_are_shown_and_hurried(store: Arc<dyn Store>) {
    let hour = Duration::from_secs(3_600);
    let ids = written(&store, &[("now", Duration::ZERO), ("later", Duration::from_secs(3_600))]).await;
    let (now, later) = (ids[0], ids[1]);
    assert_eq!(shown(&store, false).await, [now, later]);
    let letter = store.letter(later).await.expect("the outbox can be read").expect("it is there");
    assert_eq!((letter.attempts, letter.error.as_deref()), (0, None));
    assert_eq!(letter.standing, Standing::Waiting { due: letter.created.plus(hour) });
    assert_eq!(claimed(&store).await, [(now, 1, 1)]);
    // Also one that is being delivered: its attempt is no longer the last when it is taken again.
    for id in [now, later] {
        assert_eq!(store.revive(Some(id)).await.expect("messages can be hurried"), 1);
    }
    let mut taken = claimed(&store).await;
    taken.sort();
    assert_eq!(taken, [(now, 2, 2), (later, 1, 1)]);
    let retry = Settlement::Retry { after: hour, error: "not now".into() };
    assert!(!store.settle(now, 1, &Settlement::Delivered).await.expect("messages can be settled"));
    assert!(store.settle(now, 2, &retry).await.expect("messages can be settled"));
    let letter = store.letter(now).await.expect("the outbox can be read").expect("it is there");
    assert_eq!((letter.attempts, letter.error.as_deref()), (2, Some("not now")));
    // What is due, or being delivered, leaves nothing behind when it is dropped.
    assert_eq!(store.revive(Some(now)).await.expect("messages can be hurried"), 1);
    for id in [now, later] {
        assert!(store.discard(id).await.expect("messages can be dropped"));
    }
    assert!(!store.settle(later, 1, &retry).await.expect("messages can be settled"));
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(claimed(&store).await, []);
    assert_eq!(store.outbox().await.expect("the outbox can be read"), OutboxStatus::default());
}

async fn messages_keep_the_trace_of_their_commit(store: Arc<dyn Store>) {
    let ids = written(&store, &[("one", Duration::ZERO)]).await;
    let expected = TraceContext::new(7, 9, true).map(|trace| trace.with_state("a=1"));
    let letter = store.letter(ids[0]).await.expect("the outbox can be read").expect("it is there");
    assert_eq!(letter.trace, expected);
    let taken = store.claim(10, LONG).await.expect("messages can be taken");
    assert_eq!(taken.into_iter().map(|d| d.trace).collect::<Vec<_>>(), std::slice::from_ref(&expected));
    let entry = store.find(ids[0].tx).await.expect("the journal can be asked").expect("it is there");
    assert_eq!(entry.trace_id, expected.map(|trace| trace.trace_id()));
}

async fn transactions_are_found_and_never_twice(store: Arc<dyn Store>) {
    let transition = Request::Count.transition();
    let tx = transition.meta.tx;
    assert_eq!(store.find(tx).await.expect("the journal can be asked"), None);
    let Ok(Verdict::Applied(first)) = submit(&store, transition.clone()).await else {
        panic!("it was not applied");
    };
    assert_eq!(store.find(tx).await.expect("the journal can be asked").as_ref(), Some(&*first.entry));
    assert_eq!(store.find(TxId(1)).await.expect("the journal can be asked"), None);
    // The same transaction once more, as after a reply that was lost: resolved, not repeated.
    let Ok(Verdict::Applied(again)) = submit(&store, transition).await else {
        panic!("it was not resolved");
    };
    assert_eq!(again.entry, first.entry);
    assert_eq!(row(&store, &RowKey::single(COUNTER)).await, Some((1, vec![Value::Int(1)])));
    assert_eq!(check_journal(&store).await, 1);
}

async fn the_journal_is_read_in_pages(store: Arc<dyn Store>) {
    for _ in 0..7 {
        applied(&store, &Request::Count).await;
    }
    let (mut cursor, mut seqs) = (Cursor::START, Vec::new());
    loop {
        let page = store.journal(cursor, 3).await.expect("the journal can be read");
        assert!(page.entries.len() <= 3);
        if page.entries.is_empty() {
            assert_eq!(page.next, cursor);
            break;
        }
        seqs.extend(page.entries.iter().map(|e| e.seq));
        cursor = page.next;
    }
    assert_eq!(seqs.len(), 7);
    assert!(seqs.is_sorted_by(|a, b| a < b));
    applied(&store, &Request::Count).await;
    let more = store.journal(cursor, 3).await.expect("the journal can be read");
    assert_eq!(more.entries.len(), 1);
}

async fn the_history_is_in_order_and_in_pages(store: Arc<dyn Store>) {
    at_once(&store, vec![vec![Request::Count; 4]; 3]).await;
    let (mut cursor, mut history) = (Cursor::START, Vec::new());
    loop {
        let page = store.history(cursor, 5).await.expect("the journal can be read");
        assert!(page.entries.len() <= 5);
        if page.entries.is_empty() {
            break;
        }
        history.extend(page.entries);
        cursor = page.next;
    }
    assert!(history.is_sorted_by(|a, b| a.seq < b.seq));
    let mut journal = store.journal(Cursor::START, 100).await.expect("the journal can be read").entries;
    journal.sort_by_key(|e| e.seq);
    assert_eq!((history.len(), history), (12, journal));
}

/// Runs requests of several clients at the same time.
async fn at_once(store: &Arc<dyn Store>, clients: Vec<Vec<Request>>) {
    let mut tasks = tokio::task::JoinSet::new();
    for requests in clients {
        let store = store.clone();
        tasks.spawn(async move {
            for request in requests {
                verdict(&store, &request).await;
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a client failed");
    }
}

async fn no_update_is_lost(store: Arc<dyn Store>) {
    at_once(&store, vec![vec![Request::Count; 20]; 8]).await;
    assert_eq!(row(&store, &RowKey::single(COUNTER)).await, Some((160, vec![Value::Int(160)])));
    assert_eq!(check_journal(&store).await, 160);
}

async fn no_two_sides_of_a_pair(store: Arc<dyn Store>) {
    let item = |i: usize| format!("p{}", i % 3);
    let left = (0..40).map(|i| Request::Left { item: item(i) }).collect();
    let right = (0..40).map(|i| Request::Right { item: item(i) }).collect();
    at_once(&store, vec![left, right]).await;
    check_journal(&store).await;
}

async fn guards_that_count_are_not_fooled_by_new_rows(store: Arc<dyn Store>) {
    // Every client uses slots of its own: only the count is shared, and every row is new once.
    let client = |c: i64| {
        (0..8)
            .flat_map(move |i| {
                let (slot, client) = (c * 10 + i, format!("c{c}"));
                let take = Request::Take { slot, client: client.clone() };
                [take, Request::Give { slot, client }]
            })
            .collect()
    };
    at_once(&store, (0..6).map(client).collect()).await;
    let taken = store.scan(SLOT).await.expect("kinds can be read");
    assert!(taken.iter().filter(|(_, v)| v.row[0] != Value::Null).count() <= sample::SLOTS);
    check_journal(&store).await;
}

async fn time_never_goes_back(store: Arc<dyn Store>) {
    let mut last = 0;
    for _ in 0..20 {
        let now = applied(&store, &Request::Count).await.entry.now.millis();
        assert!(now >= last, "{now} after {last}");
        last = now;
    }
}
