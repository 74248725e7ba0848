//! Which request each transaction was made for: seen between the service and its store, so that it is known whatever the store does.

use super::client::{Answered, Told};
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, MessageId, Settlement};
use crate::schema::{KindId, Schema};
use crate::service::Service;
use crate::store::{
    BoxFuture, IdempotencyKey, JournalPage, OutboxStatus, Replayed, Store, StoreError, Transition, TxId,
    Verdict, Versioned,
};
use crate::value::RowKey;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A store whose transactions are noted.
pub(super) struct Ledger {
    store: Arc<dyn Store>,
    keys: Mutex<BTreeMap<TxId, SmolStr>>,
}

impl Ledger {
    pub fn over(store: Arc<dyn Store>) -> Ledger {
        Ledger { store, keys: Mutex::default() }
    }

    /// Whether the journal has what was acknowledged, as it was, and nothing else but what was handed over; and each request once.
    /// How many commits were handed over.
    pub fn account(
        &self,
        service: &Service,
        entries: &[Arc<Entry>],
        answers: &[Answered],
    ) -> Result<usize, String> {
        let keys = self.keys.lock().expect("nobody panics here");
        let mut commits: BTreeMap<&SmolStr, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            let key = keys.get(&entry.tx).ok_or_else(|| {
                format!(
                    "nobody asked for {} of {}, which is in the journal (event {})",
                    entry.op, entry.id, entry.seq
                )
            })?;
            commits.entry(key).or_default().push(entry);
        }
        for answer in answers {
            let commits = commits.remove(&answer.key).unwrap_or_default();
            accounted(service, answer, &commits).map_err(|what| format!("{answer}: {what}"))?;
        }
        for (key, commits) in &commits {
            let written = written_to(entries, key);
            let to = written.ok_or_else(|| {
                format!("what was asked for under {key} was never answered, and is committed")
            })?;
            let kept = commits.iter().filter(|entry| is_kept(service, &entry.op, &entry.outcome)).count();
            if kept > 1 || commits.iter().any(|entry| entry.op != *to) {
                let ops: Vec<&str> = commits.iter().map(|entry| &*entry.op).collect();
                return Err(format!("message {key} to {to} has led to {}", ops.join(", ")));
            }
        }
        Ok(commits.values().map(Vec::len).sum())
    }
}

/// Where the message with this id goes, if there is one: its transaction wrote it.
fn written_to<'a>(entries: &'a [Arc<Entry>], id: &str) -> Option<&'a SmolStr> {
    let (tx, index) = id.split_once('/')?;
    let tx = TxId::parse(tx)?;
    entries.iter().find(|entry| entry.tx == tx)?.next.get(index.parse::<usize>().ok()?)
}

fn accounted(service: &Service, answer: &Answered, commits: &[&Entry]) -> Result<(), String> {
    // What is to be asked for again (`retry`) is executed again.
    let kept = |entry: &&&Entry| is_kept(service, &entry.op, &entry.outcome);
    let once = commits.iter().filter(kept).count();
    if once > 1 {
        return Err(format!("it was executed {once} times"));
    }
    match &answer.told {
        Told::Outcome { tx, outcome, at, .. } => {
            let entry =
                commits.iter().find(|e| e.tx == *tx).ok_or("its transaction is not in the journal")?;
            let same = entry.outcome == *outcome && entry.now == *at && entry.op == answer.op;
            if same {
                Ok(())
            } else {
                Err(format!("the journal has {} with outcome {}", entry.op, entry.outcome))
            }
        }
        // An attempt that was lost may be executed after another one was denied.
        Told::Denied { lost: 0, .. } if !commits.is_empty() => Err("it is in the journal".into()),
        Told::Denied { .. } => Ok(()),
        Told::Wrong(what) => Err(what.clone()),
    }
}

/// Whether an outcome is kept under its key.
pub(super) fn is_kept(service: &Service, op: &str, outcome: &str) -> bool {
    service.operation(op).is_some_and(|op| op.retried().iter().all(|retried| retried != outcome))
}

impl Store for Ledger {
    fn schema(&self) -> &Arc<Schema> {
        self.store.schema()
    }

    fn attempt<'a>(&'a self, transition: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        let meta = &transition.meta;
        if let Some(key) = &meta.idempotency {
            self.keys.lock().expect("nobody panics here").insert(meta.tx, key.key.clone());
        }
        self.store.attempt(transition)
    }

    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        self.store.find(tx)
    }

    fn read<'a>(&'a self, rows: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        self.store.read(rows)
    }

    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        self.store.scan(kind)
    }

    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        self.store.journal(after, limit)
    }

    fn replay<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        self.store.replay(key)
    }

    fn claim(&self, limit: usize, lease: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.store.claim(limit, lease)
    }

    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.settle(message, attempt, how)
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        self.store.outbox()
    }

    fn letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, StoreError>> {
        self.store.letters(dead, after, limit)
    }

    fn letter(&self, message: MessageId) -> BoxFuture<'_, Result<Option<Letter>, StoreError>> {
        self.store.letter(message)
    }

    fn revive(&self, which: Option<MessageId>) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.store.revive(which)
    }

    fn discard(&self, message: MessageId) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.store.discard(message)
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.store.sweep(limit)
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.health()
    }
}
