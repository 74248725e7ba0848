//! Our own tables: journal, idempotency keys, outbox.

use super::codec::{error, prepared};
use super::tables::NOW;
use crate::fencing::FencingToken;
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, Message, MessageId, Settlement, Standing};
use crate::schema::Schema;
use crate::store::{IdempotencyKey, JournalPage, Json, OutboxStatus, Prepared, Replayed, StoreError, TxId};
use crate::time::Instant;
use crate::trace_context::TraceContext;
use deadpool_postgres::ClientWrapper;
use std::time::Duration;
use tokio_postgres::types::FromSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn uuid(tx: TxId) -> Uuid {
    Uuid::from_u128(tx.0)
}

fn get<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, StoreError> {
    row.try_get(at).map_err(|e| StoreError::Corrupt(e.to_string()))
}

fn json(text: &str) -> Result<Json, StoreError> {
    Json::parse(text).map_err(|e| StoreError::Corrupt(e.to_string()))
}

fn entry(schema: &Schema, row: &Row) -> Result<Entry, StoreError> {
    let seq: i64 = get(row, 0)?;
    let seq = u64::try_from(seq).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let tx = TxId(get::<Uuid>(row, 1)?.as_u128());
    let entry = Entry::from_body(seq, tx, get(row, 2)?, schema);
    entry.map_err(|e| StoreError::Corrupt(format!("journal entry {seq}: {e}")))
}

/// The entry of a transaction.
pub(super) async fn find(
    client: &ClientWrapper,
    schema: &Schema,
    tx: TxId,
) -> Result<Option<Entry>, StoreError> {
    let statement = prepared(client, "SELECT seq, tx, body FROM arch_journal WHERE tx = $1").await?;
    let found = client.query_opt(&statement, &[&uuid(tx)]).await.map_err(error)?;
    found.map(|row| entry(schema, &row)).transpose()
}

/// Some of the journal. The cursor is the last `(xid, seq)`.
///
/// Transactions below the snapshot's `xmin` are over, so no entry can appear there later; and a transaction has its id
/// only while it holds all its locks, so the order of ids is one in which everything comes after what it depends on.
pub(super) async fn journal(
    client: &ClientWrapper,
    schema: &Schema,
    after: Cursor,
    limit: usize,
) -> Result<JournalPage, StoreError> {
    let sql = "SELECT seq, tx, body, xid FROM arch_journal
               WHERE (xid, seq) > ($1, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
               ORDER BY xid, seq LIMIT $3";
    page(client, schema, sql, after, limit).await
}

/// The journal by `seq`, up to the transactions that were over when the first page was read: no entry can appear there later,
/// and what an entry depends on is there, too. The cursor is the id below which all are over, and the last `seq`.
pub(super) async fn history(
    client: &ClientWrapper,
    schema: &Schema,
    after: Cursor,
    limit: usize,
) -> Result<JournalPage, StoreError> {
    // Scalar subqueries, so that the rows come by the index of `seq` and no page sorts the rest of the journal.
    let sql = "WITH whole AS MATERIALIZED (
                 SELECT CASE $1::bigint WHEN 0 THEN pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                        ELSE $1::bigint END AS below)
               SELECT seq, tx, body, (SELECT below FROM whole) FROM arch_journal
               WHERE seq > $2 AND xid < (SELECT below FROM whole) ORDER BY seq LIMIT $3";
    page(client, schema, sql, after, limit).await
}

/// A page: a query for `seq`, transaction, body and the first part of the next cursor.
async fn page(
    client: &ClientWrapper,
    schema: &Schema,
    sql: &str,
    after: Cursor,
    limit: usize,
) -> Result<JournalPage, StoreError> {
    let statement = prepared(client, sql).await?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&number(after.0), &number(after.1), &limit_of(limit)];
    let rows = client.query(&statement, &values).await.map_err(error)?;
    let entries = rows.iter().map(|row| entry(schema, row)).collect::<Result<Vec<_>, _>>()?;
    let next = match (rows.last(), entries.last()) {
        (Some(row), Some(entry)) => Cursor(u64::try_from(get::<i64>(row, 3)?).unwrap_or(0), entry.seq),
        _ => after,
    };
    Ok(JournalPage { entries, next })
}

/// The server's time.
pub(super) async fn now(client: &ClientWrapper, statement: &Statement) -> Result<Instant, StoreError> {
    let row = client.query_one(statement, &[]).await.map_err(error)?;
    Ok(Instant::from_millis(get(&row, 0)?))
}

/// The statement of [`now`].
pub(super) fn now_sql() -> String {
    format!("SELECT {NOW}")
}

/// The statement of [`append`].
pub(super) const APPEND: &str = "INSERT INTO arch_journal (tx, body) VALUES ($1, $2) RETURNING seq";

/// Appends to the journal; its place.
pub(super) async fn append(
    client: &ClientWrapper,
    statement: &Statement,
    entry: &Entry,
    body: &str,
) -> Result<u64, tokio_postgres::Error> {
    let row = client.query_one(statement, &[&uuid(entry.tx), &body]).await?;
    Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
}

/// Whether an idempotency key was free; held until the transaction is over.
pub(super) async fn hold_key(client: &ClientWrapper, lock: i64) -> Result<bool, StoreError> {
    let statement = prepared(client, "SELECT pg_try_advisory_xact_lock($1)").await?;
    let row = client.query_one(&statement, &[&lock]).await.map_err(error)?;
    get(&row, 0)
}

/// What was answered to a key.
pub(super) async fn known(
    client: &ClientWrapper,
    key: &IdempotencyKey,
) -> Result<Option<Replayed>, StoreError> {
    let sql = format!(
        "SELECT fingerprint, tx, outcome, reply, at FROM arch_idempotency
         WHERE scope = $1 AND key = $2 AND expires > {NOW}"
    );
    let statement = prepared(client, &sql).await?;
    let found = client.query_opt(&statement, &[&&*key.scope, &&*key.key]).await.map_err(error)?;
    let Some(row) = found else { return Ok(None) };
    let fingerprint: &[u8] = get(&row, 0)?;
    if fingerprint != key.fingerprint.0 {
        return Err(StoreError::KeyReused);
    }
    Ok(Some(Replayed {
        tx: TxId(get::<Uuid>(&row, 1)?.as_u128()),
        outcome: get::<&str>(&row, 2)?.into(),
        reply: json(get(&row, 3)?)?,
        at: Instant::from_millis(get(&row, 4)?),
    }))
}

/// Keeps the reply to a key.
pub(super) async fn keep_key(
    client: &ClientWrapper,
    key: &IdempotencyKey,
    prepared_: &Prepared,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO arch_idempotency (scope, key, fingerprint, tx, outcome, reply, at, expires)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
               ON CONFLICT (scope, key) DO UPDATE SET fingerprint = $3, tx = $4, outcome = $5, reply = $6, at = $7, expires = $8";
    let statement = prepared(client, sql).await?;
    let entry = &prepared_.entry;
    let fingerprint = &key.fingerprint.0[..];
    let (at, expires) = (entry.now.millis(), entry.now.plus(key.ttl).millis());
    let (tx, reply) = (uuid(entry.tx), prepared_.reply.text());
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
        [&&*key.scope, &&*key.key, &fingerprint, &tx, &&*entry.outcome, &reply, &at, &expires];
    client.execute(&statement, &values).await.map(drop).map_err(error)
}

/// Puts one of a transaction's messages into the outbox.
pub(super) async fn post(
    client: &ClientWrapper,
    prepared_: &Prepared,
    index: i32,
    message: &Message,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO arch_outbox (tx, idx, target, payload, fence_resource, fence_epoch, created, due, trace)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (entry, trace) = (&prepared_.entry, prepared_.trace.as_ref().map(TraceContext::kept));
    let statement = prepared(client, sql).await?;
    let resource = message.fence.as_ref().map(|f| f.resource.as_str());
    let epoch = message.fence.as_ref().map(|f| number(f.epoch));
    let (created, due) = (entry.now.millis(), entry.now.plus(message.delay).millis());
    let (tx, payload) = (uuid(entry.tx), message.payload.text());
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
        [&tx, &index, &&*message.target, &payload, &resource, &epoch, &created, &due, &trace];
    client.execute(&statement, &values).await.map(drop).map_err(error)
}

/// Takes messages that are due; those that somebody else is just taking are left to them.
pub(super) async fn claim(
    client: &ClientWrapper,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!(
        "WITH clock AS MATERIALIZED (SELECT {NOW} AS now),
           due AS MATERIALIZED (
             SELECT tx, idx FROM arch_outbox, clock WHERE NOT dead AND due <= now
             ORDER BY due, tx, idx LIMIT $1 FOR UPDATE OF arch_outbox SKIP LOCKED)
         UPDATE arch_outbox AS o SET attempt = attempt + 1, due = now + $2 FROM due, clock
         WHERE o.tx = due.tx AND o.idx = due.idx
         RETURNING {}",
        LETTER.replacen("tx, idx", "o.tx, o.idx", 1).replacen(" due", " o.due", 1)
    );
    let statement = prepared(client, &sql).await?;
    let rows = client.query(&statement, &[&limit_of(limit), &millis(lease)]).await.map_err(error)?;
    let mut taken = rows.iter().map(delivery).collect::<Result<Vec<_>, StoreError>>()?;
    taken.sort_by_key(|d| (d.created, d.id));
    Ok(taken)
}

/// The columns of a message, in the order of [`letter`].
const LETTER: &str = "tx, idx, attempt, target, payload, fence_resource, fence_epoch, created, trace, due, dead, error, revived";

fn small(n: i32) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

fn letter(row: &Row) -> Result<Letter, StoreError> {
    let fence = get::<Option<String>>(row, 5)?.zip(get::<Option<i64>>(row, 6)?);
    let fence =
        fence.map(|(resource, epoch)| FencingToken { resource, epoch: u64::try_from(epoch).unwrap_or(0) });
    let (target, payload) = (get::<&str>(row, 3)?.into(), json(get(row, 4)?)?);
    let due = Instant::from_millis(get(row, 9)?);
    Ok(Letter {
        id: MessageId { tx: TxId(get::<Uuid>(row, 0)?.as_u128()), index: small(get(row, 1)?) },
        message: Message { target, payload, delay: Duration::ZERO, fence },
        created: Instant::from_millis(get(row, 7)?),
        // What cannot be read is no reason not to deliver.
        trace: get::<Option<&str>>(row, 8)?.and_then(TraceContext::of_kept),
        attempts: small(get(row, 2)?),
        error: get(row, 11)?,
        standing: if get(row, 10)? { Standing::Dead } else { Standing::Waiting { due } },
    })
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let Letter { id, message, created, trace, attempts, .. } = letter(row)?;
    let tries = attempts - small(get(row, 12)?);
    Ok(Delivery { id, attempt: attempts, tries, message, created, trace })
}

/// A message's transaction and position.
fn key(id: MessageId) -> (Uuid, i32) {
    (uuid(id.tx), i32::try_from(id.index).unwrap_or(i32::MAX))
}

/// Messages as they lie there, by their identities.
pub(super) async fn letters(
    client: &ClientWrapper,
    dead: bool,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Letter>, StoreError> {
    let sql = format!(
        "SELECT {LETTER} FROM arch_outbox WHERE dead = $1 AND (tx, idx) > ($2, $3) ORDER BY tx, idx LIMIT $4"
    );
    let statement = prepared(client, &sql).await?;
    let (tx, index) = after.map_or((Uuid::nil(), -1), key);
    let rows = client.query(&statement, &[&dead, &tx, &index, &limit_of(limit)]).await.map_err(error)?;
    rows.iter().map(letter).collect()
}

/// A message as it lies there.
pub(super) async fn one_letter(client: &ClientWrapper, id: MessageId) -> Result<Option<Letter>, StoreError> {
    let sql = format!("SELECT {LETTER} FROM arch_outbox WHERE tx = $1 AND idx = $2");
    let statement = prepared(client, &sql).await?;
    let (tx, index) = key(id);
    let found = client.query_opt(&statement, &[&tx, &index]).await.map_err(error)?;
    found.as_ref().map(letter).transpose()
}

/// Has a message, or without one all that are dead, delivered now.
pub(super) async fn revive(client: &ClientWrapper, which: Option<MessageId>) -> Result<u64, StoreError> {
    let set = format!(
        "UPDATE arch_outbox SET due = {NOW}, dead = false, revived = CASE WHEN dead THEN attempt ELSE revived END"
    );
    let revived = match which.map(key) {
        None => {
            let statement = prepared(client, &format!("{set} WHERE dead")).await?;
            client.execute(&statement, &[]).await
        }
        Some((tx, index)) => {
            let statement = prepared(client, &format!("{set} WHERE tx = $1 AND idx = $2")).await?;
            client.execute(&statement, &[&tx, &index]).await
        }
    };
    revived.map_err(error)
}

/// Takes a message out.
pub(super) async fn discard(client: &ClientWrapper, id: MessageId) -> Result<bool, StoreError> {
    let statement = prepared(client, "DELETE FROM arch_outbox WHERE tx = $1 AND idx = $2").await?;
    let (tx, index) = key(id);
    client.execute(&statement, &[&tx, &index]).await.map(|n| n == 1).map_err(error)
}

/// Ends an attempt.
pub(super) async fn settle(
    client: &ClientWrapper,
    id: MessageId,
    attempt: u32,
    how: &Settlement,
) -> Result<bool, StoreError> {
    let (tx, index) = key(id);
    let attempt = i32::try_from(attempt).unwrap_or(i32::MAX);
    let by = "WHERE tx = $1 AND idx = $2 AND attempt = $3 AND NOT dead";
    let changed = match how {
        Settlement::Delivered => {
            let statement = prepared(client, &format!("DELETE FROM arch_outbox {by}")).await?;
            client.execute(&statement, &[&tx, &index, &attempt]).await
        }
        Settlement::Retry { after, error } => {
            let sql = format!("UPDATE arch_outbox SET due = {NOW} + $4, error = $5 {by}");
            let statement = prepared(client, &sql).await?;
            client.execute(&statement, &[&tx, &index, &attempt, &millis(*after), error]).await
        }
        Settlement::Dead { error } => {
            let sql = format!("UPDATE arch_outbox SET dead = true, error = $4 {by}");
            let statement = prepared(client, &sql).await?;
            client.execute(&statement, &[&tx, &index, &attempt, error]).await
        }
    };
    changed.map(|n| n == 1).map_err(error)
}

/// How the outbox is doing.
pub(super) async fn outbox(client: &ClientWrapper) -> Result<OutboxStatus, StoreError> {
    let sql = format!(
        "SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead),
                greatest(0, {NOW} - min(due) FILTER (WHERE NOT dead)) FROM arch_outbox"
    );
    let statement = prepared(client, &sql).await?;
    let row = client.query_one(&statement, &[]).await.map_err(error)?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let lag = Duration::from_millis(count(get::<Option<i64>>(&row, 2)?.unwrap_or(0)));
    Ok(OutboxStatus { pending: count(get(&row, 0)?), dead: count(get(&row, 1)?), lag })
}

/// Forgets expired keys.
pub(super) async fn sweep(client: &ClientWrapper, limit: usize) -> Result<usize, StoreError> {
    let sql = format!(
        "DELETE FROM arch_idempotency WHERE (scope, key) IN
           (SELECT scope, key FROM arch_idempotency WHERE expires <= {NOW} LIMIT $1 FOR UPDATE SKIP LOCKED)"
    );
    let statement = prepared(client, &sql).await?;
    let swept = client.execute(&statement, &[&limit_of(limit)]).await.map_err(error)?;
    Ok(usize::try_from(swept).unwrap_or(usize::MAX))
}

/// Whether the database can be written.
pub(super) async fn ping(client: &ClientWrapper) -> Result<(), StoreError> {
    let statement = prepared(client, "SELECT current_setting('transaction_read_only') = 'on'").await?;
    let row = client.query_one(&statement, &[]).await.map_err(error)?;
    match get(&row, 0)? {
        true => Err(StoreError::Unavailable("the server is read-only".into())),
        false => Ok(()),
    }
}
