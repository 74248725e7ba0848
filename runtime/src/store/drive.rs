//! Drives a store: retries conflicts, and finds out about commits whose fate is unknown.

use super::{Applied, Store, StoreError, Transition, TxId, Verdict};
use crate::journal::Entry;
use backon::{BackoffBuilder, ExponentialBuilder};
use std::sync::Arc;
use std::time::Duration;

/// How often and how fast to retry.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The first pause after a conflict; doubled each time, with jitter.
    pub min_pause: Duration,
    /// The longest pause.
    pub max_pause: Duration,
    /// How many retries, of a conflict and of looking up an unknown commit each.
    pub retries: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { min_pause: Duration::from_millis(2), max_pause: Duration::from_millis(200), retries: 12 }
    }
}

impl Policy {
    fn pauses(&self) -> impl Iterator<Item = Duration> {
        ExponentialBuilder::default()
            .with_min_delay(self.min_pause)
            .with_max_delay(self.max_pause)
            .with_max_times(self.retries)
            .with_jitter()
            .build()
    }
}

/// How a transition ended, and what it took.
#[derive(Debug)]
pub struct Settled {
    /// How it ended.
    pub verdict: Verdict,
    /// How many conflicts there were before.
    pub conflicts: u32,
    /// Whether the commit's fate was unknown for a time, and looked up.
    pub resolved: bool,
}

/// Does a transition, once.
///
/// A conflict is retried after a pause: nothing has happened, and the step is pure. A commit whose fate is unknown is never
/// retried blindly: the journal says whether it happened, and it is tried again only when it certainly did not and never will.
///
/// # Errors
/// [`StoreError::Conflict`] when the retries are used up; [`StoreError::Ambiguous`] when the journal could not be asked either;
/// everything else as the store says it.
pub async fn transact(
    store: &dyn Store,
    transition: Transition,
    policy: &Policy,
) -> Result<Settled, StoreError> {
    transition.plan.check(store.schema())?;
    let transition = Arc::new(transition);
    let mut pauses = policy.pauses();
    let mut conflicts = 0;
    let mut resolved = false;
    loop {
        match store.attempt(&transition).await {
            Ok(verdict) => return Ok(Settled { verdict, conflicts, resolved }),
            Err(StoreError::Conflict(why)) => {
                conflicts += 1;
                let pause = pauses.next().ok_or(StoreError::Conflict(why))?;
                tokio::time::sleep(pause).await;
            }
            Err(StoreError::Ambiguous { would }) => {
                resolved = true;
                match look_up(store, transition.meta.tx, policy).await {
                    Some(Some(entry)) => {
                        let applied = Applied { entry: Arc::new(entry), reply: would.reply };
                        return Ok(Settled { verdict: Verdict::Applied(applied), conflicts, resolved });
                    }
                    // It did not happen and cannot happen any more (see `Store::find`).
                    Some(None) => {
                        let pause = pauses.next().ok_or(StoreError::Conflict("commits fail".into()))?;
                        tokio::time::sleep(pause).await;
                    }
                    None => return Err(StoreError::Ambiguous { would }),
                }
            }
            Err(other) => return Err(other),
        }
    }
}

/// The entry of a transaction, or that there is none; none if the store could not be asked.
async fn look_up(store: &dyn Store, tx: TxId, policy: &Policy) -> Option<Option<Entry>> {
    let mut pauses = policy.pauses();
    loop {
        match store.find(tx).await {
            Ok(found) => return Some(found),
            Err(StoreError::Unavailable(_) | StoreError::Conflict(_)) => {
                tokio::time::sleep(pauses.next()?).await;
            }
            Err(_) => return None,
        }
    }
}
