//! The journal as a proof: good traces are accepted, every kind of damage is found and named.

use arch_runtime::journal::{
    Accept, Cursor, Diagnosis, Entry, Fault, TraceError, Validator, check_trace, diagnose, export,
    read_entries, write_end, write_entry, write_header,
};
use arch_runtime::outbox::{Delivery, MessageId, Settlement};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::store::{
    BoxFuture, IdempotencyKey, JournalPage, Json, OutboxStatus, Policy, Replayed, Store, StoreError,
    Transition, TxId, Verdict, Versioned, transact,
};
use arch_runtime::testing::hammer::{Load, hammer, random_request};
use arch_runtime::testing::sample::{self, Request};
use arch_runtime::value::RowKey;
use arch_runtime::{Instant, KindId, Schema, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A journal of so many requests, some recorded as denied.
async fn journal(requests: u64) -> Vec<Entry> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    hammer(&store, Load { clients: 4, requests: requests / 4, rows: 3, seed: 7 }).await;
    store.journal(Cursor::START, usize::MAX).await.expect("the journal can be read").entries
}

fn trace(entries: &[Entry], dense: bool) -> String {
    let schema = sample::schema();
    let mut text = Vec::new();
    write_header(&mut text, &schema, dense, &[]).expect("memory can be written");
    for entry in entries {
        let body = entry.body(&schema).expect("entries can be JSON");
        write_entry(&mut text, entry.seq, entry.tx, &body).expect("memory can be written");
    }
    let last = entries.last().map_or(0, |e| e.seq);
    write_end(&mut text, entries.len() as u64, last).expect("memory can be written");
    String::from_utf8(text).expect("JSON is text")
}

fn check(text: &str) -> Result<u64, TraceError> {
    check_trace(text.as_bytes(), &sample::schema(), sample::judge()).map(|v| v.count())
}

fn fault(text: &str) -> Fault {
    match check(text) {
        Err(TraceError::Violation(violation)) => violation.fault,
        other => panic!("expected a violation, got {other:?}"),
    }
}

#[tokio::test]
async fn a_whole_trace_is_accepted_and_reads_back() {
    let entries = journal(400).await;
    assert!(entries.len() > 100);
    let text = trace(&entries, true);
    assert_eq!(check(&text).expect("it is serial"), entries.len() as u64);
    assert_eq!(read_entries(text.as_bytes(), &sample::schema()).expect("it is a trace"), entries);
}

#[tokio::test]
async fn awkward_texts_read_back() {
    let schema = sample::schema();
    let mut entry = journal(40).await.remove(0);
    entry.id = "\"\\\u{7f}ü🦀".into();
    entry.input = Json::parse("{\"a\":\n[1,\r\n \"\\n\"]}").expect("it is JSON");
    entry.run = Some(sample::claim("a/b%c\"\\"));
    entry.reads = vec![(sample::claim("\"q\"/\\"), 3)];
    entry.trace_id = Some("0af7651916cd43dd8448eb211c80319c".into());
    let line = Entry::line(entry.seq, entry.tx, &entry.body(&schema).expect("it can be JSON"));
    assert_eq!(line.lines().count(), 1);
    assert_eq!(Entry::from_line(&line, &schema).expect("it is an entry"), entry);
}

#[tokio::test]
async fn truncated_traces_are_refused() {
    let entries = journal(100).await;
    let text = trace(&entries, false);
    assert!(matches!(check(""), Err(TraceError::Empty)));
    // Wherever it is cut, also within a line, something is missed.
    let cuts = (1..text.len() - 1).filter(|cut| text.is_char_boundary(*cut));
    for cut in cuts.step_by(97).chain([text.len() - 2]) {
        let error = check(&text[..cut]).expect_err("a cut trace");
        let named =
            matches!(error, TraceError::Truncated(_) | TraceError::Line { .. } | TraceError::Header(_));
        assert!(named, "cut at {cut}: {error}");
    }
    // Without its first event, something that depends on it is missed.
    let mut lines: Vec<_> = text.lines().collect();
    lines.remove(1);
    assert!(matches!(fault(&lines.join("\n")), Fault::FutureRead { .. }));
    // An event in the middle, however independent: by its number, or by the count at the end.
    for (dense, line) in [(true, 5), (false, entries.len())] {
        let text = trace(&entries, dense);
        let mut lines: Vec<_> = text.lines().collect();
        lines.remove(line);
        assert!(check(&lines.join("\n")).is_err(), "dense: {dense}");
    }
    assert!(matches!(check(&format!("{text}{{}}\n")), Err(TraceError::Line { .. })));
}

#[tokio::test]
async fn reordered_and_repeated_events_are_refused() {
    let entries = journal(100).await;
    for i in (1..entries.len()).step_by(7) {
        let mut swapped = entries.clone();
        swapped.swap(i - 1, i);
        assert!(check(&trace(&swapped, false)).is_err(), "swapped {i}");
        let mut twice = entries.clone();
        twice.insert(i, entries[i - 1].clone());
        assert!(matches!(fault(&trace(&twice, false)), Fault::Disorder { .. }));
    }
}

#[tokio::test]
async fn foreign_traces_are_refused() {
    let entries = journal(40).await;
    let other = sample::schema_of("sha256:other");
    let error = check_trace(trace(&entries, true).as_bytes(), &other, Accept).map(|v| v.count());
    assert!(matches!(error, Err(TraceError::Foreign { .. })), "{error:?}");
    let mut mixed = entries.clone();
    mixed[3].spec = "sha256:other".into();
    assert!(matches!(fault(&trace(&mixed, true)), Fault::ForeignSpec { .. }));
    for wrong in
        ["{}", "null", "{\"arch\":\"trace\",\"v\":2,\"spec\":\"sha256:sample\",\"dense\":true}", "\u{0}"]
    {
        assert!(matches!(check(wrong), Err(TraceError::Header(_))), "{wrong}");
    }
}

/// An entry that reads and writes versions of counters and pairs, for histories made by hand.
fn event(seq: u64, reads: &[(&RowKey, u64)], writes: &[(&RowKey, u64)]) -> Entry {
    let write = |(row, version): &(&RowKey, u64)| arch_runtime::journal::Write {
        row: (*row).clone(),
        version: *version,
        values: vec![Value::Bool(true)],
    };
    Entry {
        spec: "sha256:sample".into(),
        seq,
        tx: TxId(u128::from(seq)),
        now: Instant::from_millis(1_000),
        actor: "client".into(),
        id: "c".into(),
        op: "op".into(),
        run: None,
        branch: None,
        input: Json::null(),
        reads: reads.iter().map(|(row, version)| ((*row).clone(), *version)).collect(),
        scans: Vec::new(),
        writes: writes.iter().map(write).collect(),
        outcome: "done".into(),
        denied: None,
        next: Vec::new(),
        trace_id: None,
    }
}

fn first_fault(entries: &[Entry]) -> (u64, Fault) {
    let mut validator = Validator::new(sample::schema(), Accept);
    let violation = entries.iter().find_map(|e| validator.next(e).err()).expect("something is wrong");
    (violation.number, violation.fault)
}

fn left(item: &str) -> RowKey {
    RowKey::new(sample::LEFT, [Value::id(item)])
}

#[test]
fn lost_updates_are_found() {
    let a = left("a");
    let history = [
        event(1, &[(&a, 0)], &[(&a, 1)]),
        event(2, &[(&a, 1)], &[(&a, 2)]),
        event(3, &[(&a, 1)], &[(&a, 2)]),
    ];
    let (number, fault) = first_fault(&history);
    assert_eq!((number, fault), (3, Fault::LostUpdate { row: "Left/a".into(), version: 2, by: 2 }));
    let diagnosis = diagnose(&history, &sample::schema());
    assert_eq!(diagnosis, Diagnosis::LostUpdate { row: "Left/a".into(), version: 2, events: (1, 2) });
}

#[test]
fn write_skew_is_a_cycle() {
    let (a, b) = (left("a"), left("b"));
    let history = [event(1, &[(&a, 0), (&b, 0)], &[(&a, 1)]), event(2, &[(&a, 0), (&b, 0)], &[(&b, 1)])];
    let (number, fault) = first_fault(&history);
    assert_eq!(number, 2);
    assert_eq!(fault, Fault::StaleRead { row: "Left/a".into(), read: 0, present: 1, by: 1 });
    let Diagnosis::Cycle(cycle) = diagnose(&history, &sample::schema()) else { panic!("no cycle") };
    let events: Vec<_> = cycle.iter().map(|(event, _)| *event).collect();
    assert_eq!(events, [0, 1]);
    assert!(cycle[0].1.contains("Left/b") && cycle[1].1.contains("Left/a"), "{cycle:?}");
}

#[test]
fn the_anomaly_of_a_reader_is_a_cycle() {
    // Fekete, O'Neil, O'Neil, "A read-only transaction anomaly under snapshot isolation": 2 read before 1 wrote, 3 saw 1 but not 2.
    let (x, y, z) = (left("x"), left("y"), left("z"));
    let history = [
        event(1, &[(&y, 0)], &[(&y, 1)]),
        event(2, &[(&y, 1), (&x, 0), (&z, 0)], &[(&z, 1)]),
        event(3, &[(&x, 0), (&y, 0)], &[(&x, 1)]),
    ];
    assert_eq!(first_fault(&history).0, 3);
    let Diagnosis::Cycle(cycle) = diagnose(&history, &sample::schema()) else { panic!("no cycle") };
    assert_eq!(cycle.len(), 3);
}

#[test]
fn a_journal_out_of_order_is_told_from_a_bad_store() {
    let (a, b) = (left("a"), left("b"));
    let history = [event(1, &[(&a, 0), (&b, 0)], &[(&a, 1)]), event(2, &[(&a, 0)], &[])];
    assert!(matches!(first_fault(&history).1, Fault::StaleRead { .. }));
    assert_eq!(diagnose(&history, &sample::schema()), Diagnosis::Reordered(vec![1, 0]));
    let history = [event(1, &[(&a, 4)], &[(&a, 5)])];
    let missing = Diagnosis::Missing { row: "Left/a".into(), version: 4, event: 0 };
    assert_eq!(diagnose(&history, &sample::schema()), missing);
}

#[test]
fn new_rows_under_a_scan_are_found() {
    let slot = |n| RowKey::new(sample::SLOT, [Value::Int(n)]);
    let scan = |seq, sum, write: i64| {
        let mut entry = event(seq, &[], &[(&slot(write), 1)]);
        entry.scans = vec![(sample::SLOT, sum)];
        entry.writes[0].values = vec![Value::Null];
        entry
    };
    let good = [scan(1, 0, 1), scan(2, 1, 2)];
    let mut validator = Validator::new(sample::schema(), Accept);
    assert!(good.iter().all(|e| validator.next(e).is_ok()));
    let skew = [scan(1, 0, 1), scan(2, 0, 2)];
    let expected = Fault::StaleRead { row: "all of Slot".into(), read: 0, present: 1, by: 1 };
    assert_eq!(first_fault(&skew).1, expected);
    assert!(matches!(diagnose(&skew, &sample::schema()), Diagnosis::Cycle(_)));
}

#[test]
fn other_damage_is_named() {
    let (a, b) = (left("a"), left("b"));
    let fault = |entries: &[Entry]| first_fault(entries).1;
    assert!(matches!(fault(&[event(1, &[], &[(&a, 1)])]), Fault::BlindWrite { .. }));
    assert!(matches!(fault(&[event(1, &[(&a, 0)], &[(&a, 2)])]), Fault::BlindWrite { .. }));
    assert!(matches!(fault(&[event(1, &[(&a, u64::MAX)], &[(&a, 0)])]), Fault::BlindWrite { .. }));
    assert!(matches!(fault(&[event(1, &[(&a, 1)], &[])]), Fault::FutureRead { .. }));
    assert!(matches!(fault(&[event(1, &[(&a, 0), (&a, 0)], &[])]), Fault::Twice { .. }));
    assert!(matches!(fault(&[event(1, &[(&a, 0)], &[(&a, 1), (&a, 1)])]), Fault::Twice { .. }));
    assert!(matches!(fault(&[event(0, &[], &[])]), Fault::Disorder { .. }));
    let mut early = event(2, &[(&a, 1), (&b, 0)], &[(&b, 1)]);
    early.now = Instant::from_millis(999);
    let history = [event(1, &[(&a, 0)], &[(&a, 1)]), early];
    assert_eq!(fault(&history), Fault::TimeBack { now: 999, before: 1_000, by: 1 });
}

#[tokio::test]
async fn a_step_that_was_not_followed_is_found() {
    let entries = journal(200).await;
    let acquired = entries.iter().position(|e| e.op == "main.acquire").expect("somebody acquired");
    let judged = |change: &dyn Fn(&mut Entry)| {
        let mut entries = entries.clone();
        change(&mut entries[acquired]);
        match fault(&trace(&entries, true)) {
            Fault::Judged(why) => why,
            other => panic!("{other:?}"),
        }
    };
    let why = judged(&|e| e.writes[0].values[2] = Value::Ordinal(77));
    assert!(why.contains("\"epoch\":77"), "{why}");
    let why = judged(&|e| e.outcome = "lost".into());
    assert!(why.contains("its outcome is lost"), "{why}");
    let why = judged(&|e| e.op = "main.steal".into());
    assert!(why.contains("no operation main.steal"), "{why}");
    let why = judged(&|e| (e.writes, e.outcome, e.denied) = (vec![], "".into(), Some(vec!["g".into()])));
    assert!(why.contains("though its guard was true"), "{why}");
}

#[tokio::test]
async fn any_single_change_of_a_byte_is_survived() {
    let text = trace(&journal(24).await, true);
    let mut random = fastrand::Rng::with_seed(1);
    let mut accepted = 0;
    for _ in 0..4_000 {
        let mut bytes = text.clone().into_bytes();
        let place = random.usize(0..bytes.len());
        bytes[place] = random.u8(..);
        // Names, ids of transactions and trace ids can change without anything else noticing; nothing may panic.
        accepted += u32::from(check_trace(&bytes[..], &sample::schema(), sample::judge()).is_ok());
    }
    assert!(accepted < 3_000, "{accepted} of 4000 damaged traces were accepted");
}

/// A store that is not serialisable: it evaluates on what it read a moment ago. The checks must see it.
#[tokio::test]
async fn a_sloppy_store_is_found_out() {
    use arch_runtime::store::{Evaluation, ReadRows, Versioned, evaluate};
    use std::collections::HashMap;
    let schema = sample::schema();
    let mut rows: HashMap<RowKey, Versioned> = HashMap::new();
    let mut journal = Vec::new();
    let mut random = fastrand::Rng::with_seed(3);
    while journal.len() < 200 {
        // Two requests read the same state, then both commit.
        let two: Vec<_> = (0..2).map(|_| random_request(&mut random, 2).transition()).collect();
        let read = |t: &arch_runtime::store::Transition| ReadRows {
            rows: t.keys.iter().map(|k| (k.clone(), rows.get(k).cloned())).collect(),
            scans: Default::default(),
        };
        let seen: Vec<_> = two.iter().map(read).collect();
        for (transition, read) in two.iter().zip(&seen) {
            let now = Instant::from_millis(1_000 + journal.len() as i64 * 100);
            if let Ok(Evaluation::Commit(prepared)) = evaluate(&schema, transition, now, read) {
                let entry = Entry { seq: journal.len() as u64 + 1, ..prepared.entry };
                for w in &entry.writes {
                    rows.insert(w.row.clone(), Versioned { version: w.version, row: w.values.clone() });
                }
                journal.push(entry);
            }
        }
    }
    let mut validator = Validator::new(schema.clone(), Accept);
    assert!(journal.iter().any(|e| validator.next(e).is_err()));
    assert!(matches!(diagnose(&journal, &schema), Diagnosis::LostUpdate { .. } | Diagnosis::Cycle(_)));
}

#[tokio::test]
async fn memory_is_that_of_the_state() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    for _ in 0..300 {
        transact(&*store, Request::Count.transition(), &Policy::default()).await.expect("it works");
    }
    let mut validator = Validator::new(sample::schema(), Accept);
    for entry in store.journal(Cursor::START, usize::MAX).await.expect("the journal can be read").entries {
        validator.next(&entry).expect("it is serial");
    }
    assert_eq!(validator.state().rows(sample::COUNTER).count(), 1);
    assert_eq!(validator.state().writes(sample::COUNTER), 300);
}

/// A journal of so many entries, which are made when they are asked for; it sees to it that what it gave is written before it gives more.
struct Long {
    schema: Arc<Schema>,
    entry: Entry,
    entries: u64,
    lines: Arc<AtomicU64>,
}

/// Counts lines.
struct Lines(Arc<AtomicU64>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let lines = bytes.iter().filter(|b| **b == b'\n').count();
        self.0.fetch_add(lines as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Store for Long {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        // The header, and everything before.
        assert_eq!(self.lines.load(Ordering::Relaxed), 1 + after.0, "what was given is held");
        assert!(limit <= 1_000, "a page of {limit}");
        let last = self.entries.min(after.0 + limit as u64);
        let entries = (after.0 + 1..=last).map(|seq| Entry { seq, ..self.entry.clone() }).collect();
        Box::pin(async move { Ok(JournalPage { entries, next: Cursor(last, 0) }) })
    }

    fn attempt<'a>(&'a self, _: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        unreachable!()
    }

    fn find(&self, _: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        unreachable!()
    }

    fn read<'a>(&'a self, _: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        unreachable!()
    }

    fn scan(&self, _: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        unreachable!()
    }

    fn replay<'a>(&'a self, _: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        unreachable!()
    }

    fn claim(&self, _: usize, _: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        unreachable!()
    }

    fn settle<'a>(
        &'a self,
        _: MessageId,
        _: u32,
        _: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        unreachable!()
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        unreachable!()
    }

    fn sweep(&self, _: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        unreachable!()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        unreachable!()
    }
}

/// Whatever the store: a journal that does not fit into memory is exported all the same.
#[tokio::test]
async fn a_long_journal_is_exported_page_by_page() {
    let entry = journal(40).await.remove(0);
    for dense in [true, false] {
        let lines = Arc::<AtomicU64>::default();
        let (schema, entry) = (sample::schema(), entry.clone());
        let store = Long { schema, entry, entries: 25_500, lines: lines.clone() };
        let count = export(&store, dense, &mut Lines(lines.clone())).await.expect("it is exported");
        assert_eq!((count, lines.load(Ordering::Relaxed)), (25_500, 25_502));
    }
    let store = MemoryStore::new(sample::schema());
    for _ in 0..3 {
        transact(&store, Request::Count.transition(), &Policy::default()).await.expect("it is applied");
    }
    let mut text = Vec::new();
    assert_eq!(export(&store, true, &mut text).await.expect("it is exported"), 3);
    assert_eq!(check(std::str::from_utf8(&text).expect("JSON is text")).expect("it is serial"), 3);
}
