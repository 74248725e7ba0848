//! What a store is asked to do: a plan, keys, who asks, and the step.

use super::{Json, Snapshot};
use crate::outbox::Message;
use crate::schema::{KindId, Schema};
use crate::trace_context::TraceContext;
use crate::value::{Row, RowKey};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A transaction's identity, made by who asks: by it the journal tells whether it was committed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TxId(pub u128);

impl TxId {
    /// A new one (UUID version 7: later ones are greater, which keeps the journal's index dense).
    #[must_use]
    pub fn fresh() -> TxId {
        TxId(uuid::Uuid::now_v7().as_u128())
    }

    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<TxId> {
        uuid::Uuid::parse_str(text).ok().map(|u| TxId(u.as_u128()))
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        uuid::Uuid::from_u128(self.0).as_hyphenated().fmt(f)
    }
}

/// What an operation reads and writes, known from the spec. Stores choose their locks from it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The operation: `main.claim`.
    pub op: SmolStr,
    /// Kinds of which all rows are read.
    pub scans: Vec<KindId>,
    /// Kinds that it may write. Rows of other kinds are only read, and may be read by others meanwhile.
    pub writes: Vec<KindId>,
}

impl Plan {
    /// Whether a schema allows it.
    ///
    /// # Errors
    /// It scans a kind that is not marked as scanned: nothing would guard it against new rows.
    pub fn check(&self, schema: &Schema) -> Result<(), super::StoreError> {
        match self.scans.iter().find(|k| !schema.kind(**k).scanned) {
            None => Ok(()),
            Some(kind) => {
                let name = &schema.kind(*kind).name;
                Err(super::StoreError::invalid(
                    &self.op,
                    format!("{name} is scanned, but not marked as such"),
                ))
            }
        }
    }

    /// Whether it may write rows of this kind.
    #[must_use]
    pub fn may_write(&self, kind: KindId) -> bool {
        self.writes.contains(&kind)
    }
}

/// SHA-256 of a request, to tell a repeated request from another one with the same key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of parts, each with its length, so that no two lists of parts look alike.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Fingerprint(hash.finalize().into())
    }
}

/// An idempotency key with what it was used for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotencyKey {
    /// Whose key it is: the authenticated caller. Keys of different callers are different keys.
    pub scope: SmolStr,
    /// The key.
    pub key: SmolStr,
    /// The request.
    pub fingerprint: Fingerprint,
    /// For how long the reply is kept.
    pub ttl: Duration,
    /// Outcomes that ask for the request to be repeated: their reply is not kept, or the repeated request would get it again.
    pub not_for: Arc<[SmolStr]>,
}

impl IdempotencyKey {
    /// Whether the reply with this outcome is kept.
    #[must_use]
    pub fn keeps(&self, outcome: &str) -> bool {
        !self.not_for.iter().any(|o| o == outcome)
    }
}

/// Who asks for what, for the journal.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The transaction.
    pub tx: TxId,
    /// The actor: `worker`.
    pub actor: SmolStr,
    /// Its instance: `w1`.
    pub id: SmolStr,
    /// The run that moves.
    pub run: Option<RowKey>,
    /// The request with the choices made in `prepare`.
    pub input: Json,
    /// The key under which the reply is kept.
    pub idempotency: Option<IdempotencyKey>,
    /// Its place in a distributed trace: the journal keeps the trace's id, messages go on from there.
    pub trace: Option<TraceContext>,
}

/// The transition function of an operation: guard and effects over a snapshot. Pure: it may be evaluated any number of times.
pub type Step = Arc<dyn Fn(&Snapshot) -> Decision + Send + Sync>;

/// One operation to be done.
#[derive(Clone)]
pub struct Transition {
    /// What it reads and writes.
    pub plan: Arc<Plan>,
    /// The rows that it reads, as far as they are known before; a step that asks for further ones is evaluated again with them.
    pub keys: Vec<RowKey>,
    /// Who asks.
    pub meta: Meta,
    /// What it does.
    pub step: Step,
}

/// What a step says.
#[derive(Clone, Debug)]
pub enum Decision {
    /// The guard holds.
    Apply(Effects),
    /// The guard does not.
    Deny(Denial),
}

/// What is to be committed.
#[derive(Clone, Debug)]
pub struct Effects {
    /// Whole rows, each read before.
    pub writes: Vec<(RowKey, Row)>,
    /// The branch taken, if not the main chain.
    pub branch: Option<SmolStr>,
    /// The outcome, or the step that the run is at now.
    pub outcome: SmolStr,
    /// Messages to be delivered after the commit.
    pub messages: Vec<Message>,
    /// The reply, kept with the idempotency key.
    pub reply: Json,
}

/// Why nothing is committed.
#[derive(Clone, Debug, Default)]
pub struct Denial {
    /// The ids of the guard atoms that are false: `main.claim#1`.
    pub failed: Vec<SmolStr>,
    /// Whether to write an entry without writes to the journal (sampling is up to the step's caller).
    pub record: bool,
}
