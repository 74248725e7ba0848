//! What the values say, as JSON.

use super::gateway::{Bin, Kv};
use crate::fencing::FencingToken;
use crate::journal::Write;
use crate::outbox::{Delivery, Letter, Message, MessageId, Standing};
use crate::schema::Schema;
use crate::store::{Fingerprint, Json, Prepared, Replayed, StoreError, TxId, Versioned};
use crate::time::Instant;
use crate::trace_context::TraceContext;
use crate::value::RowKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::time::Duration;

/// A value as JSON.
pub(super) fn value(record: &impl Serialize) -> Result<Bin, StoreError> {
    serde_json::to_string(record).map(Bin::from).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// The record of a key.
pub(super) fn record<T: DeserializeOwned>(kv: &Kv) -> Result<T, StoreError> {
    serde_json::from_slice(&kv.value.0).map_err(|e| corrupt(kv, e))
}

pub(super) fn corrupt(kv: &Kv, why: impl ToString) -> StoreError {
    StoreError::Corrupt(format!("{}: {}", String::from_utf8_lossy(&kv.key.0), why.to_string()))
}

/// A row.
#[derive(Serialize, Deserialize)]
struct RowRecord {
    version: u64,
    at: i64,
    by: SmolStr,
    row: Json,
}

/// A row as it is written.
pub(super) fn of_write(write: &Write, schema: &Schema, at: Instant, by: &SmolStr) -> Result<Bin, StoreError> {
    let kind = schema.kind(write.row.kind);
    let row = kind.row_to_json(&write.values).and_then(|text| Json::parse(&text));
    let row = row.map_err(|e| StoreError::invalid(&kind.name, e))?;
    value(&RowRecord { version: write.version, at: at.millis(), by: by.clone(), row })
}

/// A row as it was written, and when.
pub(super) fn to_row(kv: &Kv, row: &RowKey, schema: &Schema) -> Result<(Versioned, Instant), StoreError> {
    let RowRecord { version, at, row: values, .. } = record(kv)?;
    let values = schema.kind(row.kind).row_from_json(values.text()).map_err(|e| corrupt(kv, e))?;
    Ok((Versioned { version, row: values }, Instant::from_millis(at)))
}

/// What was answered to an idempotency key.
#[derive(Serialize, Deserialize)]
pub(super) struct ReplyRecord {
    fingerprint: Bin,
    tx: String,
    outcome: SmolStr,
    reply: Json,
    at: i64,
    expires: i64,
}

impl ReplyRecord {
    pub(super) fn new(prepared: &Prepared, fingerprint: &Fingerprint, expires: Instant) -> ReplyRecord {
        let entry = &prepared.entry;
        ReplyRecord {
            fingerprint: Bin(fingerprint.0.to_vec()),
            tx: entry.tx.to_string(),
            outcome: entry.outcome.clone(),
            reply: prepared.reply.clone(),
            at: entry.now.millis(),
            expires: expires.millis(),
        }
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.expires <= now.millis()
    }

    /// The answer, if it is to the same request.
    pub(super) fn replayed(self, kv: &Kv, fingerprint: &Fingerprint) -> Result<Replayed, StoreError> {
        if self.fingerprint.0 != fingerprint.0 {
            return Err(StoreError::KeyReused);
        }
        let tx = TxId::parse(&self.tx).ok_or_else(|| corrupt(kv, "no transaction"))?;
        let at = Instant::from_millis(self.at);
        Ok(Replayed { tx, outcome: self.outcome, reply: self.reply, at })
    }
}

/// A message of the outbox.
#[derive(Serialize, Deserialize)]
pub(super) struct MessageRecord {
    target: SmolStr,
    payload: Json,
    fence: Option<(String, u64)>,
    created: i64,
    pub(super) due: i64,
    pub(super) attempt: u32,
    pub(super) error: Option<String>,
    /// Earlier programs write neither this nor the next.
    #[serde(default)]
    trace: Option<String>,
    /// How many attempts there were when it was last revived.
    #[serde(default)]
    pub(super) revived: u32,
}

impl MessageRecord {
    pub(super) fn new(message: &Message, created: Instant, trace: Option<&TraceContext>) -> MessageRecord {
        MessageRecord {
            target: message.target.clone(),
            payload: message.payload.clone(),
            fence: message.fence.as_ref().map(|f| (f.resource.clone(), f.epoch)),
            created: created.millis(),
            due: created.plus(message.delay).millis(),
            attempt: 0,
            error: None,
            trace: trace.map(TraceContext::kept),
            revived: 0,
        }
    }

    pub(super) fn letter(self, id: MessageId, dead: bool) -> Letter {
        let fence = self.fence.map(|(resource, epoch)| FencingToken { resource, epoch });
        let due = Instant::from_millis(self.due);
        Letter {
            id,
            message: Message { target: self.target, payload: self.payload, delay: Duration::ZERO, fence },
            created: Instant::from_millis(self.created),
            // What cannot be read is no reason not to deliver.
            trace: self.trace.as_deref().and_then(TraceContext::of_kept),
            attempts: self.attempt,
            error: self.error,
            standing: if dead { Standing::Dead } else { Standing::Waiting { due } },
        }
    }

    pub(super) fn delivery(self, id: MessageId) -> Delivery {
        let tries = self.attempt.saturating_sub(self.revived);
        let Letter { id, message, created, trace, attempts, .. } = self.letter(id, false);
        Delivery { id, attempt: attempts, tries, message, created, trace }
    }
}
