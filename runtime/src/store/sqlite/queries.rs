//! Our own tables: journal, idempotency keys, outbox.

use super::codec::error;
use crate::fencing::FencingToken;
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, Message, MessageId, Settlement, Standing};
use crate::schema::Schema;
use crate::store::sqlite::statements::{Own, Statements};
use crate::store::{
    Fingerprint, IdempotencyKey, JournalPage, Json, OutboxStatus, Prepared, Replayed, StoreError, TxId,
};
use crate::time::Instant;
use crate::trace_context::TraceContext;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::Duration;

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn tx_of(bytes: [u8; 16]) -> TxId {
    TxId(u128::from_be_bytes(bytes))
}

fn json(text: &str) -> Result<Json, StoreError> {
    Json::parse(text).map_err(|e| StoreError::Corrupt(e.to_string()))
}

fn entry(schema: &Schema, seq: i64, tx: TxId, body: &str) -> Result<Entry, StoreError> {
    let seq = u64::try_from(seq).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let entry = Entry::from_body(seq, tx, body, schema);
    entry.map_err(|e| StoreError::Corrupt(format!("journal entry {seq}: {e}")))
}

/// The entry of a transaction.
pub(super) fn find(connection: &Connection, schema: &Schema, tx: TxId) -> Result<Option<Entry>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT seq, body FROM arch_journal WHERE tx = ?1").map_err(error)?;
    let found = statement.query_row([tx.0.to_be_bytes()], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    let found = found.optional().map_err(error)?;
    found.map(|(seq, body)| entry(schema, seq, tx, &body)).transpose()
}

/// Some of the journal. The cursor is the last `seq`.
pub(super) fn journal(
    connection: &Connection,
    schema: &Schema,
    after: Cursor,
    limit: usize,
) -> Result<JournalPage, StoreError> {
    let sql = "SELECT seq, tx, body FROM arch_journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    let mut rows = statement.query(params![number(after.0), limit_of(limit)]).map_err(error)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(error)? {
        let body = row.get_ref(2).map_err(error)?;
        let body = body.as_str().map_err(|e| StoreError::Corrupt(e.to_string()))?;
        entries.push(entry(schema, row.get(0).map_err(error)?, tx_of(row.get(1).map_err(error)?), body)?);
    }
    let next = entries.last().map_or(after, |e: &Entry| Cursor(e.seq, 0));
    Ok(JournalPage { entries, next })
}

/// The last `seq`.
pub(super) fn last_seq(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM arch_journal").map_err(error)?;
    let last: i64 = statement.query_row([], |row| row.get(0)).map_err(error)?;
    u64::try_from(last).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// The time mark kept with the data.
pub(super) fn mark(connection: &Connection) -> Result<Instant, StoreError> {
    let mut statement = connection.prepare_cached("SELECT now FROM arch_time").map_err(error)?;
    let mark = statement.query_row([], |row| row.get(0)).optional().map_err(error)?;
    Ok(mark.map_or(Instant::PAST, Instant::from_millis))
}

/// Keeps the time mark.
pub(super) fn keep_mark(connection: &Connection, now: Instant) -> Result<(), StoreError> {
    let sql = "INSERT INTO arch_time (one, now) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET now = ?1";
    connection.prepare_cached(sql).and_then(|mut s| s.execute([now.millis()])).map(drop).map_err(error)
}

/// Appends to the journal.
pub(super) const APPEND: &str = "INSERT INTO arch_journal (seq, tx, body) VALUES (?1, ?2, ?3)";

/// Appends to the journal.
pub(super) fn append(
    statements: &mut Statements<'_>,
    schema: &Schema,
    entry: &Entry,
) -> Result<(), StoreError> {
    let body = entry.body(schema).map_err(|e| StoreError::invalid(&entry.op, e))?;
    let statement = statements.own(Own::Append)?;
    let values = params![number(entry.seq), entry.tx.0.to_be_bytes(), body];
    statement.execute(values).map(drop).map_err(error)
}

/// Asks what was answered to a key.
pub(super) const KNOWN: &str = "SELECT fingerprint, tx, outcome, reply, at FROM arch_idempotency
    WHERE scope = ?1 AND key = ?2 AND expires > ?3";

/// What was answered to a key.
pub(super) fn known(
    statements: &mut Statements<'_>,
    key: &IdempotencyKey,
    now: Instant,
) -> Result<Option<Replayed>, StoreError> {
    let statement = statements.own(Own::Known)?;
    let read = |row: &Row| {
        let fingerprint: [u8; 32] = row.get(0)?;
        Ok((
            fingerprint,
            row.get::<_, [u8; 16]>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, i64>(4)?,
        ))
    };
    let found = statement.query_row(params![&*key.scope, &*key.key, now.millis()], read).optional();
    let Some((fingerprint, tx, outcome, reply, at)) = found.map_err(error)? else { return Ok(None) };
    if Fingerprint(fingerprint) != key.fingerprint {
        return Err(StoreError::KeyReused);
    }
    let (outcome, at) = (outcome.into(), Instant::from_millis(at));
    Ok(Some(Replayed { tx: tx_of(tx), outcome, reply: json(&reply)?, at }))
}

/// Keeps the reply to a key.
pub(super) const KEEP_KEY: &str =
    "INSERT OR REPLACE INTO arch_idempotency (scope, key, fingerprint, tx, outcome, reply, at, expires)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Keeps the reply to a key.
pub(super) fn keep_key(
    statements: &mut Statements<'_>,
    key: &IdempotencyKey,
    prepared: &Prepared,
) -> Result<(), StoreError> {
    let statement = statements.own(Own::KeepKey)?;
    let entry = &prepared.entry;
    let values = params![
        &*key.scope,
        &*key.key,
        key.fingerprint.0,
        entry.tx.0.to_be_bytes(),
        &*entry.outcome,
        prepared.reply.text(),
        entry.now.millis(),
        entry.now.plus(key.ttl).millis()
    ];
    statement.execute(values).map(drop).map_err(error)
}

/// Puts a message into the outbox.
pub(super) const POST: &str =
    "INSERT INTO arch_outbox (tx, idx, target, payload, fence_resource, fence_epoch, created, due, trace)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Puts a transaction's messages into the outbox.
pub(super) fn post(statements: &mut Statements<'_>, prepared: &Prepared) -> Result<(), StoreError> {
    let trace = prepared.trace.as_ref().filter(|_| !prepared.messages.is_empty()).map(TraceContext::kept);
    for (index, message) in (0u32..).zip(&prepared.messages) {
        let statement = statements.own(Own::Post)?;
        let (entry, fence) = (&prepared.entry, message.fence.as_ref());
        let values = params![
            entry.tx.0.to_be_bytes(),
            index,
            &*message.target,
            message.payload.text(),
            fence.map(|f| &*f.resource),
            fence.map(|f| number(f.epoch)),
            entry.now.millis(),
            entry.now.plus(message.delay).millis(),
            trace
        ];
        statement.execute(values).map_err(error)?;
    }
    Ok(())
}

/// Takes messages that are due.
pub(super) fn claim(
    connection: &Connection,
    limit: usize,
    lease: Duration,
    now: Instant,
) -> Result<Vec<Delivery>, StoreError> {
    let sql = format!(
        "UPDATE arch_outbox SET attempt = attempt + 1, due = ?1 WHERE (tx, idx) IN
           (SELECT tx, idx FROM arch_outbox WHERE dead = 0 AND due <= ?2 ORDER BY due, tx, idx LIMIT ?3)
         RETURNING {LETTER}"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(error)?;
    let values = params![now.plus(lease).millis(), now.millis(), limit_of(limit)];
    let mut rows = statement.query(values).map_err(error)?;
    let mut taken = Vec::new();
    while let Some(row) = rows.next().map_err(error)? {
        let Letter { id, message, created, trace, attempts, .. } = letter(row)?;
        let revived: u32 = row.get(12).map_err(error)?;
        taken.push(Delivery { id, attempt: attempts, tries: attempts - revived, message, created, trace });
    }
    taken.sort_by_key(|d: &Delivery| (d.created, d.id));
    Ok(taken)
}

/// The columns of a message, in the order of [`letter`].
const LETTER: &str = "tx, idx, attempt, target, payload, fence_resource, fence_epoch, created, trace, due, dead, error, revived";

fn letter(row: &Row) -> Result<Letter, StoreError> {
    let text = |at| row.get::<_, Option<String>>(at).map_err(error);
    let number = |at| row.get::<_, i64>(at).map_err(error);
    let epoch = row.get::<_, Option<i64>>(6).map_err(error)?;
    let fence = text(5)?.zip(epoch);
    let fence =
        fence.map(|(resource, epoch)| FencingToken { resource, epoch: u64::try_from(epoch).unwrap_or(0) });
    let message = Message {
        target: text(3)?.unwrap_or_default().into(),
        payload: json(&text(4)?.unwrap_or_default())?,
        delay: Duration::ZERO,
        fence,
    };
    let due = Instant::from_millis(number(9)?);
    let tx = tx_of(row.get(0).map_err(error)?);
    Ok(Letter {
        id: MessageId { tx, index: row.get(1).map_err(error)? },
        message,
        created: Instant::from_millis(number(7)?),
        // What cannot be read is no reason not to deliver.
        trace: text(8)?.as_deref().and_then(TraceContext::of_kept),
        attempts: row.get(2).map_err(error)?,
        error: text(11)?,
        standing: if number(10)? == 0 { Standing::Waiting { due } } else { Standing::Dead },
    })
}

/// Messages as they lie there, by their identities.
pub(super) fn letters(
    connection: &Connection,
    dead: bool,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Letter>, StoreError> {
    let sql = format!(
        "SELECT {LETTER} FROM arch_outbox WHERE dead = ?1 AND (tx, idx) > (?2, ?3) ORDER BY tx, idx LIMIT ?4"
    );
    // No transaction's bytes come before none at all.
    let (tx, index) = after.map_or((Vec::new(), 0), |id| (id.tx.0.to_be_bytes().to_vec(), id.index));
    let mut statement = connection.prepare_cached(&sql).map_err(error)?;
    let mut rows = statement.query(params![dead, tx, index, limit_of(limit)]).map_err(error)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(error)? {
        found.push(letter(row)?);
    }
    Ok(found)
}

/// A message as it lies there.
pub(super) fn one_letter(connection: &Connection, id: MessageId) -> Result<Option<Letter>, StoreError> {
    let sql = format!("SELECT {LETTER} FROM arch_outbox WHERE tx = ?1 AND idx = ?2");
    let mut statement = connection.prepare_cached(&sql).map_err(error)?;
    let mut rows = statement.query(params![id.tx.0.to_be_bytes(), id.index]).map_err(error)?;
    rows.next().map_err(error)?.map(letter).transpose()
}

/// Has a message, or without one all that are dead, delivered now.
pub(super) fn revive(
    connection: &Connection,
    which: Option<MessageId>,
    now: Instant,
) -> Result<u64, StoreError> {
    let set =
        "UPDATE arch_outbox SET due = ?1, dead = 0, revived = CASE dead WHEN 1 THEN attempt ELSE revived END";
    let revived = match which {
        None => connection
            .prepare_cached(&format!("{set} WHERE dead = 1"))
            .and_then(|mut s| s.execute([now.millis()])),
        Some(id) => connection
            .prepare_cached(&format!("{set} WHERE tx = ?2 AND idx = ?3"))
            .and_then(|mut s| s.execute(params![now.millis(), id.tx.0.to_be_bytes(), id.index])),
    };
    revived.map(|n| n as u64).map_err(error)
}

/// Takes a message out.
pub(super) fn discard(connection: &Connection, id: MessageId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM arch_outbox WHERE tx = ?1 AND idx = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    statement.execute(params![id.tx.0.to_be_bytes(), id.index]).map(|n| n == 1).map_err(error)
}

/// Ends an attempt.
pub(super) fn settle(
    connection: &Connection,
    id: MessageId,
    attempt: u32,
    how: &Settlement,
    now: Instant,
) -> Result<bool, StoreError> {
    let tx = id.tx.0.to_be_bytes();
    let by = "WHERE tx = ?1 AND idx = ?2 AND attempt = ?3 AND dead = 0";
    let changed = match how {
        Settlement::Delivered => connection
            .prepare_cached(&format!("DELETE FROM arch_outbox {by}"))
            .and_then(|mut s| s.execute(params![tx, id.index, attempt])),
        Settlement::Retry { after, error } => connection
            .prepare_cached(&format!("UPDATE arch_outbox SET due = ?4, error = ?5 {by}"))
            .and_then(|mut s| s.execute(params![tx, id.index, attempt, now.plus(*after).millis(), error])),
        Settlement::Dead { error } => connection
            .prepare_cached(&format!("UPDATE arch_outbox SET dead = 1, error = ?4 {by}"))
            .and_then(|mut s| s.execute(params![tx, id.index, attempt, error])),
    };
    changed.map(|n| n == 1).map_err(error)
}

/// How the outbox is doing.
pub(super) fn outbox(connection: &Connection, now: Instant) -> Result<OutboxStatus, StoreError> {
    let sql = "SELECT coalesce(sum(dead = 0), 0), coalesce(sum(dead), 0), min(CASE dead WHEN 0 THEN due END) FROM arch_outbox";
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    let read = |row: &Row| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<i64>>(2)?));
    let (pending, dead, oldest) = statement.query_row([], read).map_err(error)?;
    let lag = oldest.map_or(Duration::ZERO, |due| now.since(Instant::from_millis(due)));
    Ok(OutboxStatus { pending: pending.into(), dead: dead.into(), lag })
}

/// Forgets expired keys.
pub(super) fn sweep(connection: &Connection, limit: usize, now: Instant) -> Result<usize, StoreError> {
    let sql = "DELETE FROM arch_idempotency WHERE (scope, key) IN
                 (SELECT scope, key FROM arch_idempotency WHERE expires <= ?1 LIMIT ?2)";
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    statement.execute(params![now.millis(), limit_of(limit)]).map_err(error)
}

/// Whether the database can be written.
pub(super) fn ping(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("UPDATE arch_meta SET value = value WHERE key = 'none'").map_err(error)
}
