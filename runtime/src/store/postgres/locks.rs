//! Which locks a transition takes: strict two-phase locking over rows and kinds.
//!
//! *Rows* are locked by key, exclusively if the plan may write their kind, else shared. *Kinds* that some operation scans have a lock of their own:
//! who scans takes it exclusively, who reads or writes a row of such a kind by key takes it shared. So nobody writes what
//! another has read until that one has committed, rows that do not exist yet included, and every execution is serialisable.
//!
//! Why not `SELECT … FOR UPDATE` for keys and SERIALIZABLE for scans, as is often advised? PostgreSQL watches conflicts only
//! *between* serialisable transactions: a READ COMMITTED transaction with row locks beside a serialisable one that scans can close
//! a cycle that nobody sees (it reads what the scan missed and what the scanner is about to overwrite; `guards_that_count…` and the hammer
//! look for it). Row locks also cannot lock a row that is absent, write to the table and to the log, and give a
//! transaction its id before it has all its locks, which would let the journal be out of order. Advisory locks cost a
//! hash table entry, need no retries, and end with the transaction.
//!
//! A lock is a 64-bit hash. Two names with one hash only wait for each other. All locks of a transaction are taken in ascending
//! order, each once in its strongest mode, so there is no deadlock.

use super::codec::error;
use crate::schema::{KindId, Schema};
use crate::store::{IdempotencyKey, StoreError, Transition, TxId};
use crate::value::RowKey;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Statement};

/// A lock with its mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lock {
    key: i64,
    shared: bool,
}

fn hash(space: &str, parts: &[&[u8]]) -> i64 {
    let mut hash = Sha256::new();
    for part in [b"arch" as &[u8], space.as_bytes()].iter().chain(parts) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}

/// What a transaction holds until it is over, so that its fate can be waited for.
pub(super) fn of_tx(tx: TxId) -> Lock {
    Lock { key: hash("tx", &[&tx.0.to_le_bytes()]), shared: false }
}

/// What is held while an idempotency key is in use.
pub(super) fn of_idempotency(key: &IdempotencyKey) -> i64 {
    hash("key", &[key.scope.as_bytes(), key.key.as_bytes()])
}

/// What is held while the tables are made.
pub(super) fn of_tables() -> Lock {
    Lock { key: hash("tables", &[]), shared: false }
}

fn of_kind(schema: &Schema, kind: KindId) -> i64 {
    hash("kind", &[schema.kind(kind).name.as_bytes()])
}

/// All locks of a transition that reads these rows, in order.
pub(super) fn of(schema: &Schema, transition: &Transition, keys: &[RowKey]) -> Vec<Lock> {
    let plan = &transition.plan;
    let mut locks: BTreeMap<i64, bool> = BTreeMap::new();
    let mut lock = |key: i64, shared: bool| {
        locks.entry(key).and_modify(|s| *s &= shared).or_insert(shared);
    };
    lock(of_tx(transition.meta.tx).key, false);
    for row in keys.iter().filter(|row| !plan.scans.contains(&row.kind)) {
        lock(hash("row", &[row.text(schema).as_bytes()]), !plan.may_write(row.kind));
        if schema.kind(row.kind).scanned {
            lock(of_kind(schema, row.kind), true);
        }
    }
    plan.scans.iter().for_each(|kind| lock(of_kind(schema, *kind), false));
    locks.into_iter().map(|(key, shared)| Lock { key, shared }).collect()
}

/// The statement of [`take`]. A function scan gives its rows in order, and each row is locked as it comes.
pub(super) const TAKE: &str =
    "SELECT CASE WHEN shared THEN pg_advisory_xact_lock_shared(key) ELSE pg_advisory_xact_lock(key) END
     FROM unnest($1::bigint[], $2::boolean[]) AS lock (key, shared)";

/// Takes locks with [`TAKE`], in the order given; waits for each.
pub(super) async fn take(client: &Client, statement: &Statement, locks: &[Lock]) -> Result<(), StoreError> {
    let keys: Vec<i64> = locks.iter().map(|l| l.key).collect();
    let shared: Vec<bool> = locks.iter().map(|l| l.shared).collect();
    client.query(statement, &[&keys, &shared]).await.map(drop).map_err(error)
}
