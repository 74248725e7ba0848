//! One try of a transition: lock and read, evaluate, write, commit.

use super::{PostgresStore, Session, codec, locks, queries};
use crate::store::{
    Denied, Evaluation, Prepared, ReadRows, StoreError, Transition, Verdict, WIDENINGS, evaluate,
};
use crate::time::Instant;
use crate::value::RowKey;
use futures_util::future;
use std::sync::Arc;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;

/// Tries a transition once. A step that asks for further rows is begun again with them: locks are only ever taken in order.
pub(super) async fn attempt(
    store: &PostgresStore,
    transition: &Arc<Transition>,
) -> Result<Verdict, StoreError> {
    let mut keys = transition.keys.clone();
    keys.sort();
    keys.dedup();
    for _ in 0..WIDENINGS {
        let session = Session::of(store).await?;
        let (now, read) = match lock_and_read(store, &session, transition, &keys).await? {
            Locked::Read(now, read) => (now, read),
            Locked::Replayed(reply) => {
                roll_back(session).await?;
                return Ok(Verdict::Replayed(reply));
            }
        };
        let evaluated = evaluate(&store.schema, transition, now, &read);
        match evaluated {
            Ok(Evaluation::Widen(more)) => {
                roll_back(session).await?;
                keys.extend(more);
                keys.sort();
                keys.dedup();
            }
            Ok(Evaluation::Commit(prepared)) => return commit(store, session, transition, prepared).await,
            Ok(Evaluation::Deny { entry, record: false }) => {
                roll_back(session).await?;
                return Ok(Verdict::Denied(Denied { entry: Arc::new(entry) }));
            }
            Ok(Evaluation::Deny { entry, record: true }) => return record(store, session, entry).await,
            Err(wrong) => {
                roll_back(session).await?;
                return Err(wrong);
            }
        }
    }
    Err(StoreError::invalid(&transition.plan.op, "it asks for further rows again and again"))
}

enum Locked {
    Read(Instant, ReadRows),
    Replayed(crate::store::Replayed),
}

/// Begins, looks at the idempotency key, takes the locks, and reads under them.
async fn lock_and_read(
    store: &PostgresStore,
    session: &Session,
    transition: &Transition,
    keys: &[RowKey],
) -> Result<Locked, StoreError> {
    let client = session.client();
    let statements = Statements::prepare(store, session, transition, keys).await?;
    let begin = async { client.batch_execute(BEGIN).await.map_err(codec::error) };
    let Some(key) = &transition.meta.idempotency else {
        let read = read(store, session, transition, keys, &statements);
        return future::try_join(begin, read).await.map(|((), read)| read);
    };
    begin.await?;
    if !queries::hold_key(client, locks::of_idempotency(key)).await? {
        return Err(StoreError::InFlight);
    }
    if let Some(reply) = queries::known(client, key).await? {
        return Ok(Locked::Replayed(reply));
    }
    read(store, session, transition, keys, &statements).await
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// What is sent at once must be prepared before: preparing waits, and what comes after it would overtake it.
struct Statements {
    take: Statement,
    now: Statement,
    rows: Vec<Statement>,
    scans: Vec<Statement>,
}

impl Statements {
    async fn prepare(
        store: &PostgresStore,
        session: &Session,
        transition: &Transition,
        keys: &[RowKey],
    ) -> Result<Statements, StoreError> {
        let (client, tables) = (session.client(), &store.tables);
        let take = codec::prepared(client, locks::TAKE).await?;
        let now = codec::prepared(client, &queries::now_sql()).await?;
        let (mut rows, mut scans) = (Vec::new(), Vec::new());
        for row in single(transition, keys) {
            rows.push(codec::prepared(client, &tables.of(row.kind).select).await?);
        }
        for kind in &transition.plan.scans {
            scans.push(codec::prepared(client, &tables.of(*kind).scan).await?);
        }
        Ok(Statements { take, now, rows, scans })
    }
}

/// The rows that are read by themselves, not with their whole kind.
fn single<'a>(transition: &'a Transition, keys: &'a [RowKey]) -> impl Iterator<Item = &'a RowKey> {
    keys.iter().filter(|row| !transition.plan.scans.contains(&row.kind))
}

/// Takes the locks and reads, all sent at once: the futures are polled in order, and the connection and the server keep it. Each
/// statement sees what was committed when it began, which is after the locks were taken.
async fn read(
    store: &PostgresStore,
    session: &Session,
    transition: &Transition,
    keys: &[RowKey],
    statements: &Statements,
) -> Result<Locked, StoreError> {
    let (client, schema) = (session.client(), &store.schema);
    let wanted = locks::of(schema, transition, keys);
    let lock = locks::take(client, &statements.take, &wanted);
    let rows = single(transition, keys).zip(&statements.rows);
    let rows = rows.map(|(row, statement)| codec::read_row(client, statement, schema, row));
    let scans = transition.plan.scans.iter().zip(&statements.scans);
    let scans = scans.map(|(kind, statement)| codec::scan(client, statement, schema, *kind));
    let now = queries::now(client, &statements.now);
    let ((), now, rows, kinds) =
        future::try_join4(lock, now, future::try_join_all(rows), future::try_join_all(scans)).await?;
    // Not before what it depends on, also if the server's clock was set back meanwhile.
    let last_row = rows.iter().flatten().map(|(_, at)| *at).max().unwrap_or(now);
    let last_scan = kinds.iter().map(|(_, at)| *at).max().unwrap_or(now);
    let rows = rows.into_iter().map(|found| found.map(|(row, _)| row));
    let rows = single(transition, keys).cloned().zip(rows).collect();
    let scans = transition.plan.scans.iter().copied().zip(kinds.into_iter().map(|(rows, _)| rows)).collect();
    Ok(Locked::Read(now.max(last_row).max(last_scan), ReadRows { rows, scans }))
}

async fn roll_back(session: Session) -> Result<(), StoreError> {
    session.client().batch_execute("ROLLBACK").await.map_err(codec::error)?;
    session.finish();
    Ok(())
}

/// Writes everything, all sent at once, then commits.
async fn commit(
    store: &PostgresStore,
    session: Session,
    transition: &Transition,
    prepared: Prepared,
) -> Result<Verdict, StoreError> {
    let (client, entry) = (session.client(), &prepared.entry);
    let body = entry.body(&store.schema).map_err(|e| StoreError::invalid(&entry.op, e))?;
    let append = codec::prepared(client, queries::APPEND).await?;
    let append = queries::append(client, &append, entry, &body);
    let rows = entry
        .writes
        .iter()
        .map(|write| codec::write_row(client, &store.schema, &store.tables, write, entry.now, &entry.id));
    let messages = (0i32..).zip(&prepared.messages).map(|(i, m)| queries::post(client, &prepared, i, m));
    let key = async {
        match transition.meta.idempotency.as_ref().filter(|k| k.keeps(&entry.outcome)) {
            Some(key) => queries::keep_key(client, key, &prepared).await,
            None => Ok(()),
        }
    };
    let (seq, rows, messages, key) =
        future::join4(append, future::join_all(rows), future::join_all(messages), key).await;
    let seq = match seq {
        Ok(seq) => seq,
        // Tried once more after it was committed.
        Err(e) if e.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            return Err(StoreError::Ambiguous { would: Box::new(prepared.applied(0)) });
        }
        Err(e) => return Err(codec::error(e)),
    };
    rows.into_iter().chain(messages).chain([key]).collect::<Result<(), _>>()?;
    match client.batch_execute("COMMIT").await {
        Ok(()) => {
            session.finish();
            Ok(Verdict::Applied(prepared.applied(seq)))
        }
        Err(e) if rolled_back(&e) => Err(codec::error(e)),
        Err(_) => Err(StoreError::Ambiguous { would: Box::new(prepared.applied(seq)) }),
    }
}

/// Whether a failed COMMIT is known to have been rolled back: class 40 says so, and 23 is a deferred constraint.
fn rolled_back(failure: &tokio_postgres::Error) -> bool {
    failure.code().is_some_and(|code| code.code().starts_with("40") || code.code().starts_with("23"))
}

/// Writes a denial to the journal. It changes nothing, so if its commit is uncertain it simply is not reported as recorded.
async fn record(
    store: &PostgresStore,
    session: Session,
    entry: crate::journal::Entry,
) -> Result<Verdict, StoreError> {
    let body = entry.body(&store.schema).map_err(|e| StoreError::invalid(&entry.op, e))?;
    let append = codec::prepared(session.client(), queries::APPEND).await?;
    let seq = queries::append(session.client(), &append, &entry, &body).await;
    let committed = session.client().batch_execute("COMMIT").await;
    let seq = if committed.is_ok() { seq.unwrap_or(0) } else { 0 };
    if committed.is_ok() {
        session.finish();
    }
    Ok(Verdict::Denied(Denied { entry: Arc::new(crate::journal::Entry { seq, ..entry }) }))
}
