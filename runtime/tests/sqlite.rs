//! The SQLite store: the suite of every store, group commit, and every way in which a file can be wrong.
#![cfg(feature = "sqlite")]

use arch_runtime::journal::{Accept, Cursor, Fault, audit};
use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::store::{Decision, Denial, Json, Policy, Store, StoreError, Transition, Verdict, transact};
use arch_runtime::testing::conformance::CHECKS;
use arch_runtime::testing::hammer::{self, Load, hammer};
use arch_runtime::testing::sample::{self, Request};
use arch_runtime::time::SimClock;
use arch_runtime::{Instant, RowKey, Value};
use std::path::Path;
use std::sync::Arc;

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, sample::schema(), Options::default())
}

fn refused(path: &Path) -> StoreError {
    open(path).err().unwrap_or_else(|| panic!("{} was opened", path.display()))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("there is room for temporary files")
}

async fn count(store: &dyn Store) -> Result<Verdict, StoreError> {
    transact(store, Request::Count.transition(), &Policy::default()).await.map(|s| s.verdict)
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let folder = folder();
    for (name, check) in CHECKS {
        println!("{name}");
        let store = open(&folder.path().join(name)).expect("a new database");
        check(Arc::new(store)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hammer_leaves_a_serial_journal_that_survives_reopening() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store: Arc<dyn Store> = Arc::new(open(&path).expect("a new database"));
    let load = Load { clients: 16, requests: 60, rows: 2, seed: 11 };
    let tally = hammer(&store, load).await;
    assert!(tally.applied.len() > 200 && tally.denied > 50 && tally.failed == 0, "{tally:?}");
    hammer::check(&*store, &tally).await.expect("the journal is serial");
    drop(store);
    let again = open(&path).expect("it was closed in order");
    again.verify().await.expect("the file is whole");
    hammer::check(&again, &tally).await.expect("nothing was lost");
}

/// A new database with a message in its outbox.
async fn with_a_message(path: &Path) -> SqliteStore {
    let store = open(path).expect("a new database");
    for request in [
        Request::Acquire { item: "i".into(), client: "c".into() },
        Request::Release { item: "i".into(), client: "c".into() },
    ] {
        transact(&store, request.transition(), &Policy::default()).await.expect("it is applied");
    }
    store
}

/// As databases were before messages had a trace and could be revived, with a message in it.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_outbox_is_completed() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store = with_a_message(&path).await;
    drop(store);
    let sql = rusqlite::Connection::open(&path).expect("it is a database");
    let earlier = "ALTER TABLE arch_outbox DROP COLUMN trace; ALTER TABLE arch_outbox DROP COLUMN revived;";
    sql.execute_batch(earlier).expect("it has them");
    drop(sql);
    let store = open(&path).expect("it is completed");
    let letters = store.letters(false, None, 10).await.expect("the outbox can be read");
    assert_eq!(letters.iter().map(|l| l.message.target.as_str()).collect::<Vec<_>>(), ["audit.released"]);
    let taken = store.claim(10, std::time::Duration::from_secs(60)).await.expect("messages can be taken");
    assert_eq!(taken.iter().map(|d| (d.attempt, d.tries)).collect::<Vec<_>>(), [(1, 1)]);
    drop(store);
    open(&path).expect("it is complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_may_share_a_file() {
    // As far as SQLite can tell, two stores in one process are two processes.
    let folder = folder();
    let path = folder.path().join("truth.db");
    let stores: Vec<Arc<dyn Store>> =
        (0..2).map(|_| Arc::new(open(&path).expect("a database")) as Arc<dyn Store>).collect();
    let load = |seed| Load { clients: 4, requests: 25, rows: 2, seed };
    let (mut one, two) = tokio::join!(hammer(&stores[0], load(1)), hammer(&stores[1], load(2)));
    one.applied.extend(two.applied);
    hammer::check(&*stores[1], &one).await.expect("the journal is serial");
}

#[tokio::test]
async fn time_does_not_go_back_over_a_restart() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let at = |millis| {
        let clock = Arc::new(SimClock::at(Instant::from_millis(millis)));
        let options = Options { clock, ..Options::default() };
        SqliteStore::open(&path, sample::schema(), options).expect("a database")
    };
    let mut nows = Vec::new();
    for millis in [5_000_000, 1_000, 6_000_000] {
        let store = at(millis);
        match count(&store).await {
            Ok(Verdict::Applied(applied)) => nows.push(applied.entry.now.millis()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(nows, [5_000_000, 5_000_000, 6_000_000]);
}

#[tokio::test]
async fn the_tables_can_be_read_and_check_their_bounds() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store = open(&path).expect("a new database");
    let acquire = Request::Acquire { item: "i".into(), client: "c".into() };
    transact(&store, acquire.transition(), &Policy::default()).await.expect("it is applied");
    let sql = rusqlite::Connection::open(&path).expect("it is a database");
    let row: (String, i64, String) = sql
        .query_row("SELECT owner_id, epoch, status FROM claim_state WHERE item = 'i'", [], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })
        .expect("the row is there");
    assert_eq!(row, ("c".into(), 1, "HELD".into()));
    for wrong in [
        "UPDATE claim_state SET status = 'LOST'",
        "UPDATE claim_state SET epoch = -1",
        "UPDATE claim_state SET epoch = 'x'",
        "UPDATE claim_state SET status = NULL",
        "INSERT INTO slot (slot, holder, _version, _updated_at, _updated_by) VALUES (100, NULL, 1, 0, '')",
        "INSERT INTO counter (_one, value, _version, _updated_at, _updated_by) VALUES (2, 1, 1, 0, '')",
        "UPDATE claim_state SET _version = 0",
    ] {
        let error = sql.execute(wrong, []).expect_err(wrong).to_string();
        assert!(error.contains("constraint failed") || error.contains("cannot store"), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn what_an_operator_changes_by_hand_is_found_by_the_audit() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store = open(&path).expect("a new database");
    for _ in 0..3 {
        count(&store).await.expect("it is applied");
    }
    let audit = || arch_runtime::journal::audit(&store, sample::judge());
    audit().await.expect("nobody changed anything");
    let sql = rusqlite::Connection::open(&path).expect("it is a database");
    sql.execute("UPDATE counter SET value = 7", []).expect("it can be changed");
    let error = audit().await.map(|v| v.count()).expect_err("it was changed").to_string();
    assert_eq!(
        error,
        r#"Counter is {"value":7} at version 3 in its table, {"value":3} at version 3 in the journal"#
    );
}

#[tokio::test]
async fn foreign_files_are_refused_and_left_alone() {
    let folder = folder();
    let text = folder.path().join("text");
    std::fs::write(&text, "This is no database, but it is long enough to be mistaken for one.\n".repeat(99))
        .expect("written");
    let before = std::fs::read(&text).expect("it is there");
    assert!(matches!(refused(&text), StoreError::Foreign(_)), "{}", refused(&text));
    assert_eq!(std::fs::read(&text).expect("it is there"), before);

    let other = folder.path().join("other.db");
    let sql = rusqlite::Connection::open(&other).expect("it is new");
    sql.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").expect("it is theirs");
    let before = std::fs::read(&other).expect("it is there");
    let error = refused(&other);
    assert!(error.to_string().contains("another application's"), "{error}");
    assert_eq!(std::fs::read(&other).expect("it is there"), before);

    let ours = folder.path().join("ours.db");
    drop(
        SqliteStore::open(&ours, sample::schema_of("sha256:older"), Options::default())
            .expect("a new database"),
    );
    let error = refused(&ours).to_string();
    assert!(error.contains("sha256:older") && error.contains("sha256:sample"), "{error}");
    assert!(matches!(refused(Path::new("/nowhere/at/all")), StoreError::Unavailable(_)));
    assert!(matches!(refused(folder.path()), StoreError::Unavailable(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_never_panic() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store: Arc<dyn Store> = Arc::new(open(&path).expect("a new database"));
    hammer(&store, Load { clients: 4, requests: 30, rows: 3, seed: 5 }).await;
    drop(store);
    let whole = std::fs::read(&path).expect("it is there");
    assert!(whole.len() > 20_000, "the log was not moved into the file");
    let mut random = fastrand::Rng::with_seed(9);
    let mut noticed = 0;
    for i in 0..60 {
        let mut bytes = whole.clone();
        match i % 3 {
            0 => bytes.truncate(random.usize(100..bytes.len())),
            1 => (0..200).for_each(|_| bytes[random.usize(0..whole.len())] = random.u8(..)),
            _ => {
                let page = random.usize(1..whole.len() / 4096) * 4096;
                bytes[page..page + 4096].fill(0);
            }
        }
        let damaged = folder.path().join(format!("damaged{i}"));
        std::fs::write(&damaged, bytes).expect("written");
        let error = match open(&damaged) {
            Err(error) => Some(error),
            Ok(store) => {
                let _ = count(&store).await;
                let verified = store.verify().await.err();
                let audited = arch_runtime::journal::audit(&store, sample::judge()).await.is_err();
                verified.or_else(|| audited.then(|| StoreError::Corrupt("audit".into())))
            }
        };
        noticed += u32::from(error.is_some());
    }
    assert!(noticed > 50, "only {noticed} of 60 damaged files were noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_changes_nothing_and_passes() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    drop(open(&path).expect("a new database"));
    // The limit is part of a connection, so it cannot be set from here; a page count that the file has reached can.
    let store =
        SqliteStore::open(&path, sample::schema(), Options { max_pages: Some(40), ..Options::default() });
    let store = store.expect("it fits");
    let mut applied = 0;
    let error = loop {
        match count(&store).await {
            Ok(_) => applied += 1,
            Err(error) => break error,
        }
        assert!(applied < 5_000, "the disk is never full");
    };
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("full")), "{error}");
    let counter = RowKey::single(sample::COUNTER);
    let rows = store.read(std::slice::from_ref(&counter)).await.expect("it can still be read");
    assert_eq!(rows[0].as_ref().map(|v| &v.row), Some(&vec![Value::Int(applied)]));
    drop(store);
    let store = open(&path).expect("there is room again");
    count(&store).await.expect("there is room again");
    let validated =
        arch_runtime::journal::audit(&store, sample::judge()).await.expect("the journal is serial");
    assert_eq!(validated.count(), u64::try_from(applied).expect("it is a count") + 1);
}

/// A transition that is denied, with an entry of some size in the journal.
fn denied(size: usize) -> Transition {
    let mut transition = Request::Count.transition();
    transition.meta.input = Json::of(&"x".repeat(size)).expect("a text can be JSON");
    transition.step = Arc::new(|_| Decision::Deny(Denial { failed: vec!["no".into()], record: true }));
    transition
}

/// Has the writer wait inside a transition until everything else was put in, so that all of it is one batch.
async fn in_one_batch<T>(store: &SqliteStore, rest: impl Future<Output = T>) -> T {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let mut first = denied(0);
    first.step = Arc::new(move |_| {
        let _ = wait.lock().expect("nobody panicked").recv();
        Decision::Deny(Denial::default())
    });
    let first = Arc::new(first);
    let go = async move {
        // Everything was polled once, and so put in, before this is.
        tokio::task::yield_now().await;
        drop(go);
    };
    let (_, rest, ()) = tokio::join!(biased; store.attempt(&first), rest, go);
    rest
}

/// SQLite undoes the whole transaction when the disk is full, not only the statement. What comes after it in the batch must
/// not be written by itself then.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_sqlite_undoes_acknowledges_nothing() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store = open(&path).expect("a new database");
    count(&store).await.expect("it is applied");
    drop(store);
    let sql = rusqlite::Connection::open(&path).expect("it is a database");
    let pages: u32 = sql.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("it has pages");
    // The second row of an `acquire` cannot be written: done statement by statement, its journal entry would stay.
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON client BEGIN SELECT RAISE(ABORT, 'no client'); END";
    sql.execute_batch(trigger).expect("it can be made");
    drop(sql);
    let options = Options { max_pages: Some(pages + 8), ..Options::default() };
    let store = SqliteStore::open(&path, sample::schema(), options).expect("it fits");

    let acquire = Request::Acquire { item: "i".into(), client: "c".into() };
    let (before, full) = (Arc::new(Request::Count.transition()), Arc::new(denied(1_000_000)));
    let (torn, after) = (acquire.transition(), Request::Count);
    let torn_tx = torn.meta.tx;
    let policy = Policy::default();
    let rest = async {
        tokio::join!(
            biased;
            store.attempt(&before),
            store.attempt(&full),
            transact(&store, torn, &policy),
            count_once(&store, &after),
        )
    };
    let (before, full, torn, after) = in_one_batch(&store, rest).await;
    let seq = |verdict: Result<Verdict, StoreError>| match verdict {
        Ok(Verdict::Applied(applied)) => applied.entry.seq,
        other => panic!("{other:?}"),
    };
    assert_eq!([seq(before), seq(after)], [2, 3], "the others are done, one after the other");
    assert!(matches!(&full, Err(StoreError::Unavailable(why)) if why.contains("full")), "{full:?}");
    assert!(matches!(&torn, Err(StoreError::Unavailable(why)) if why.contains("no client")), "{torn:?}");
    assert!(store.find(torn_tx).await.expect("it can be asked").is_none(), "half of it is there");
    let validated = audit(&store, sample::judge()).await.expect("the tables are as the journal says");
    assert_eq!(validated.count(), 3);
}

async fn count_once(store: &SqliteStore, request: &Request) -> Result<Verdict, StoreError> {
    store.attempt(&Arc::new(request.transition())).await
}

/// A job that is not a transition and fails half way: its half is not committed with the batch.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_read_are_not_taken() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    let store = with_a_message(&path).await;
    let sql = rusqlite::Connection::open(&path).expect("it is a database");
    sql.execute("UPDATE arch_outbox SET payload = '{'", []).expect("it can be spoilt");
    let error = store.claim(10, std::time::Duration::from_secs(60)).await.expect_err("it is spoilt");
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    let attempt: i64 =
        sql.query_row("SELECT attempt FROM arch_outbox", [], |row| row.get(0)).expect("it is there");
    assert_eq!(attempt, 0, "it was taken by nobody");
}

#[tokio::test]
async fn a_database_that_cannot_be_written_says_so() {
    let folder = folder();
    let path = folder.path().join("truth.db");
    drop(open(&path).expect("a new database"));
    let options = Options { read_only: true, ..Options::default() };
    let store = SqliteStore::open(&path, sample::schema(), options).expect("it can be read");
    let error = count(&store).await.expect_err("it cannot be written");
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("cannot be written")), "{error}");
    assert!(store.health().await.is_err());
    assert_eq!(store.scan(sample::COUNTER).await.expect("it can be read"), []);
}

#[tokio::test]
async fn the_next_version_of_a_spec_takes_over_the_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let apply = async |store: &SqliteStore, request: Request| {
        let settled = transact(store, request.transition(), &Policy::default()).await.expect("it is applied");
        assert!(matches!(settled.verdict, Verdict::Applied(_)), "{settled:?}");
    };
    let claim = || Request::Acquire { item: "i".into(), client: "c".into() };
    {
        let store = SqliteStore::open(&path, sample::schema(), Options::default()).expect("it is made");
        apply(&store, claim()).await;
        apply(&store, Request::Count).await;
    }
    let before = std::fs::read(&path).expect("it is there");
    let refused =
        SqliteStore::open(&path, sample::next_schema(), Options::default()).err().expect("it is refused");
    assert!(matches!(refused, StoreError::Foreign(_)));
    let text = refused.to_string();
    assert!(text.contains("`migrate`") && text.contains("new: ClaimState.note"), "{text}");
    assert_eq!(before, std::fs::read(&path).expect("it is there"), "a refusal changes nothing");

    let migrate = || Options { migrate: true, ..Options::default() };
    let store = SqliteStore::open(&path, sample::next_schema(), migrate()).expect("it is migrated");
    let rows = store.read(&[sample::claim("i"), RowKey::single(sample::COUNTER)]).await.expect("rows");
    let row = rows[0].as_ref().expect("it is still there");
    assert_eq!((row.version, row.row.len(), &row.row[4]), (1, 5, &Value::Null));
    assert_eq!(store.earlier(), ["sha256:sample"]);
    apply(&store, Request::Count).await;
    let validator = audit(&store, Accept).await.expect("old and new events are one journal");
    assert_eq!(validator.count(), 3);
    // Events of a version that is over do not come again.
    let (mut validator, page) = (validator, store.journal(Cursor::START, 9).await.expect("the journal"));
    let fault = validator.step(&page.entries[0]).expect_err("it is over").fault;
    assert!(matches!(fault, Fault::ForeignSpec { .. }), "{fault}");
    drop(store);
    // Once more changes nothing, and there is no way back.
    SqliteStore::open(&path, sample::next_schema(), migrate()).expect("it is there already");
    let back = SqliteStore::open(&path, sample::schema(), migrate()).err().expect("it is refused");
    assert!(back.to_string().contains("ClaimState.note is gone"), "{back}");
}
