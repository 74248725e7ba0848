//! The truth store: one atomic commit of rows with versions, a journal entry, messages and an idempotency record, or nothing.
//!
//! A store implements [`Store`]; [`transact`] drives it: conflicts are retried, a commit whose fate is unknown is looked up in
//! the journal. Every store passes [`crate::testing::conformance`].

mod drive;
#[cfg(feature = "etcd")]
pub mod etcd;
mod evaluate;
mod json;
pub mod memory;
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "etcd")),
    allow(dead_code, reason = "only databases have an earlier schema")
)]
pub mod migrate;
#[cfg(feature = "postgres")]
pub mod postgres;
mod snapshot;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod transition;

pub use drive::{Policy, Settled, transact};
pub use evaluate::{Evaluation, Prepared, WIDENINGS, evaluate};
pub use json::Json;
pub use snapshot::{ReadRows, Snapshot, Versioned};
pub use transition::{
    Decision, Denial, Effects, Fingerprint, IdempotencyKey, Meta, Plan, Step, Transition, TxId,
};

use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, MessageId, Settlement};
use crate::schema::{KindId, Schema};
use crate::time::Instant;
use crate::value::RowKey;
use smol_str::SmolStr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A future of a store. Boxed so that stores can be chosen while running (`Arc<dyn Store>`); the allocation is nothing beside
/// a commit.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where the truth is kept.
///
/// Every method may fail with [`StoreError::Unavailable`] or [`StoreError::Corrupt`]; nothing has happened then.
pub trait Store: Send + Sync + 'static {
    /// What it stores.
    fn schema(&self) -> &Arc<Schema>;

    /// Tries a transition once: reads its rows, takes the time, evaluates the step, commits all it says or nothing.
    /// Use [`transact`], which retries and resolves.
    fn attempt<'a>(&'a self, transition: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>>;

    /// The journal entry of a transaction, if it was committed. Conclusive: a commit with this id that is still under way is
    /// waited for, so that none means that it did not happen and, unless it is tried again, never will.
    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>>;

    /// Rows as of one moment; none for a row that was never written.
    fn read<'a>(&'a self, rows: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>>;

    /// All rows of a kind as of one moment, by key.
    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>>;

    /// The journal after a cursor, at most `limit` entries, in an order in which every entry comes after those that it
    /// depends on. Never skips an entry that is committed later.
    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>>;

    /// The journal in the order of `seq`, in pages as of [`Store::journal`] with cursors of its own: for a trace. Where
    /// `seq` is not the order in which entries become visible, it ends where the journal was whole when the first page was read.
    fn history(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        self.journal(after, limit)
    }

    /// What was answered to an idempotency key, if it is known and not expired: so that a repeated request need not be
    /// prepared again.
    fn replay<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>>;

    /// Takes up to `limit` messages that are due, for `lease`; nobody else gets them until then.
    fn claim(&self, limit: usize, lease: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>>;

    /// Ends an attempt at a delivery. False, and nothing happens, if the attempt was no longer the message's last: its
    /// lease had run out and somebody else took it.
    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// How the outbox is doing.
    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>>;

    /// Messages as they lie in the outbox: those that are dead, or those that wait, by their identities, at most `limit` of those
    /// behind `after`.
    fn letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, StoreError>> {
        let _ = (dead, after, limit);
        Box::pin(no_letters())
    }

    /// A message as it lies in the outbox; none if it does not: it was delivered, or discarded, or never written.
    fn letter(&self, message: MessageId) -> BoxFuture<'_, Result<Option<Letter>, StoreError>> {
        let _ = message;
        Box::pin(no_letters())
    }

    /// Has a message delivered now, whether it waits or is dead, or without one all that are dead; how many there were. What is
    /// dead gets all its attempts anew. An attempt that is being made at it meanwhile is no longer its last when it is
    /// taken again.
    fn revive(&self, which: Option<MessageId>) -> BoxFuture<'_, Result<u64, StoreError>> {
        let _ = which;
        Box::pin(no_letters())
    }

    /// Takes a message out of the outbox, whether it waits or is dead: it is never delivered (again). Whether it was there.
    fn discard(&self, message: MessageId) -> BoxFuture<'_, Result<bool, StoreError>> {
        let _ = message;
        Box::pin(no_letters())
    }

    /// Forgets up to `limit` expired idempotency records; how many there were.
    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// The hashes of earlier versions of the spec whose journal entries it still has, oldest first.
    fn earlier(&self) -> &[SmolStr] {
        &[]
    }

    /// Why nothing but opening it again mends the store; none while it may recover by itself. Answers at once. What
    /// [`Store::health`] says is for who sends requests, this is for who restarts processes.
    fn broken(&self) -> Option<String> {
        None
    }

    /// Whether a commit would work now, as far as can be told without one.
    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What a store says that was written before its outbox could be looked at.
async fn no_letters<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("this store does not show its outbox".into()))
}

/// Some of the journal.
#[derive(Clone, Debug)]
pub struct JournalPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where to go on.
    pub next: Cursor,
}

/// How the outbox is doing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OutboxStatus {
    /// Messages not delivered yet.
    pub pending: u64,
    /// Messages given up.
    pub dead: u64,
    /// For how long the oldest message that is due has been so.
    pub lag: Duration,
}

/// How a transition ended.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is committed.
    Applied(Applied),
    /// The guard was false; nothing was changed.
    Denied(Denied),
    /// It was committed before, under the same idempotency key.
    Replayed(Replayed),
}

/// A committed transition.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The journal entry.
    pub entry: Arc<Entry>,
    /// The step's reply.
    pub reply: Json,
}

/// A denied transition. `entry.denied` has the guard atoms that were false, `entry.reads` the versions on which they were;
/// `entry.seq` is 0 unless the step asked for the denial to be recorded.
#[derive(Clone, Debug)]
pub struct Denied {
    /// What would be, or is, in the journal.
    pub entry: Arc<Entry>,
}

/// What was answered before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// The transaction that was committed.
    pub tx: TxId,
    /// Its outcome.
    pub outcome: SmolStr,
    /// Its reply.
    pub reply: Json,
    /// When it was committed.
    pub at: Instant,
}

/// What goes wrong in a store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster, again and again.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Whether the commit happened is not known, and could not be found out.
    #[error("transaction {} may or may not have been committed", would.entry.tx)]
    Ambiguous {
        /// What is committed if it is.
        would: Box<Applied>,
    },
    /// The store cannot be used now. Nothing was changed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store holds what it must not hold.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// The database is not this service's: another application's, another spec's, or of another version.
    #[error("{0}")]
    Foreign(String),
    /// There is no database, or nothing in it, and it was not to be made.
    #[error("{0}")]
    Missing(String),
    /// The step said something that the schema or its plan does not allow: a bug in the code that made it. Nothing was changed.
    #[error("operation {op} is wrong: {why}")]
    Invalid {
        /// The operation.
        op: SmolStr,
        /// What is wrong.
        why: String,
    },
    /// The same idempotency key is in use right now.
    #[error("a request with this idempotency key is in progress")]
    InFlight,
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
}

impl StoreError {
    /// Nothing is there that could be looked at.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "etcd"))]
    pub(crate) fn missing(what: impl std::fmt::Display) -> StoreError {
        StoreError::Missing(format!("{what}: `serve` and `migrate` make it, other commands do not"))
    }

    /// An operation that does what it must not.
    pub(crate) fn invalid(op: &str, why: impl ToString) -> StoreError {
        StoreError::Invalid { op: op.into(), why: why.to_string() }
    }
}
