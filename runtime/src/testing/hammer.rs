//! Many clients on few rows, then the proof from the journal that it was a serial execution.

use super::sample::{self, Request};
use crate::journal::{AuditError, audit};
use crate::store::{Policy, Store, StoreError, TxId, Verdict, transact};
use std::collections::HashSet;
use std::sync::Arc;

/// How hard to hammer.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Clients at the same time.
    pub clients: u64,
    /// Requests of each.
    pub requests: u64,
    /// Rows of each kind that they fight over.
    pub rows: u64,
    /// Decides what they ask for.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// Acknowledged commits.
    pub applied: HashSet<TxId>,
    /// Denied requests.
    pub denied: u64,
    /// Conflicts that were retried.
    pub conflicts: u64,
    /// Commits whose fate had to be looked up.
    pub resolved: u64,
    /// Requests that were not answered: the store was unavailable.
    pub failed: u64,
    /// Of these, commits that may have happened.
    pub unknown: HashSet<TxId>,
}

/// A random request on few rows.
pub fn random_request(random: &mut fastrand::Rng, rows: u64) -> Request {
    let item = format!("i{}", random.u64(0..rows));
    let client = format!("c{}", random.u64(0..rows + 1));
    let slot = random.i64(0..i64::try_from(rows).unwrap_or(1) * 2);
    match random.u8(0..10) {
        0..=1 => Request::Acquire { item, client },
        2..=3 => Request::Release { item, client },
        4 => Request::Take { slot, client },
        5 => Request::Give { slot, client },
        6 => Request::Left { item },
        7 => Request::Right { item },
        8 => Request::Count,
        _ => Request::Follow { item },
    }
}

/// Hammers a store.
///
/// # Panics
/// A step is refused, the store is corrupt, or a client panics.
pub async fn hammer(store: &Arc<dyn Store>, load: Load) -> Tally {
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..load.clients {
        let store = store.clone();
        let random = fastrand::Rng::with_seed(load.seed.wrapping_mul(1_000_003).wrapping_add(client));
        tasks.spawn(async move { one_client(&*store, load, random).await });
    }
    let mut tally = Tally::default();
    while let Some(one) = tasks.join_next().await {
        tally.add(one.expect("a client panicked"));
    }
    tally
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.applied.extend(other.applied);
        self.unknown.extend(other.unknown);
        self.denied += other.denied;
        self.conflicts += other.conflicts;
        self.resolved += other.resolved;
        self.failed += other.failed;
    }
}

async fn one_client(store: &dyn Store, load: Load, mut random: fastrand::Rng) -> Tally {
    let mut tally = Tally::default();
    let policy = Policy { retries: 60, ..Policy::default() };
    for _ in 0..load.requests {
        let transition = random_request(&mut random, load.rows).transition();
        match transact(store, transition, &policy).await {
            Ok(settled) => {
                tally.conflicts += u64::from(settled.conflicts);
                tally.resolved += u64::from(settled.resolved);
                match settled.verdict {
                    Verdict::Applied(applied) => {
                        assert!(tally.applied.insert(applied.entry.tx), "a transaction was applied twice");
                    }
                    Verdict::Denied(_) => tally.denied += 1,
                    Verdict::Replayed(_) => unreachable!("no request has a key"),
                }
            }
            Err(StoreError::Ambiguous { would }) => {
                tally.failed += 1;
                tally.unknown.insert(would.entry.tx);
            }
            Err(StoreError::Unavailable(_) | StoreError::Conflict(_)) => tally.failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    tally
}

/// Checks that a quiet store holds exactly what was acknowledged to its clients (and perhaps what they do not know about), once each, as
/// a serial execution whose every step is what the sample says.
///
/// # Errors
/// The journal is no serial execution, or not what the tables hold.
///
/// # Panics
/// A commit was lost or invented.
pub async fn check(store: &dyn Store, tally: &Tally) -> Result<(), AuditError> {
    audit(store, sample::judge()).await?;
    let mut there = HashSet::new();
    let mut cursor = crate::journal::Cursor::START;
    loop {
        let page = store.journal(cursor, 1_000).await?;
        if page.entries.is_empty() {
            break;
        }
        for entry in page.entries {
            assert!(there.insert(entry.tx), "{} is in the journal twice", entry.tx);
        }
        cursor = page.next;
    }
    for tx in &tally.applied {
        assert!(there.remove(tx), "acknowledged transaction {tx} was lost");
    }
    let invented: Vec<_> = there.difference(&tally.unknown).collect();
    assert!(invented.is_empty(), "transactions that nobody knows of: {invented:?}");
    Ok(())
}
