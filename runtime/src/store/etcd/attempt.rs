//! One attempt at a transition: everything is read as of one revision, evaluated, and written if nothing of it has changed.
//!
//! That is optimistic, and strictly serialisable: what was read is as it was when the writes happen, rows that were not there
//! included, and etcd applies transactions one after the other.

use super::gateway::{Bin, Compare, Failure, Found, Kv, Op, Range, Revision, Txn};
use super::records::{MessageRecord, ReplyRecord, corrupt, of_write, record, to_row, value};
use super::{EtcdStore, PART};
use crate::journal::Entry;
use crate::outbox::MessageId;
use crate::schema::KindId;
use crate::store::evaluate::{Evaluation, Prepared, WIDENINGS, evaluate};
use crate::store::{Denied, ReadRows, Replayed, StoreError, Transition, Verdict, Versioned};
use crate::time::Instant;
use crate::value::RowKey;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was read for a transition.
struct View {
    /// What must not have changed when it is committed.
    compare: Vec<Compare>,
    /// Whether the transaction is in the journal.
    committed: bool,
    /// The present part of the journal, and since when it is that.
    part: (u64, Revision),
    /// The answer that is kept to its idempotency key.
    reply: Option<Replayed>,
    rows: ReadRows,
    now: Instant,
}

impl EtcdStore {
    pub(super) async fn try_once(&self, transition: &Transition) -> Result<Verdict, StoreError> {
        let mut keys = transition.keys.clone();
        for _ in 0..WIDENINGS {
            let mut view = self.view(transition, &keys).await?;
            if let Some(reply) = view.reply.take() {
                return Ok(Verdict::Replayed(reply));
            }
            match evaluate(&self.schema, transition, view.now, &view.rows)? {
                Evaluation::Widen(more) => keys.extend(more),
                Evaluation::Commit(prepared) => return self.commit(transition, view, prepared).await,
                Evaluation::Deny { entry, record: true } if !view.committed => {
                    return self.record(view, entry).await;
                }
                Evaluation::Deny { entry, .. } => {
                    return Ok(Verdict::Denied(Denied { entry: Arc::new(entry) }));
                }
            }
        }
        Err(StoreError::invalid(&transition.plan.op, "it asks for further rows again and again"))
    }

    /// Reads everything as of one revision.
    async fn view(&self, transition: &Transition, keys: &[RowKey]) -> Result<View, StoreError> {
        let (plan, meta) = (&transition.plan, &transition.meta);
        let single: Vec<&RowKey> = keys.iter().filter(|row| !plan.scans.contains(&row.kind)).collect();
        let reply = meta.idempotency.as_ref().map(|key| self.keys.reply(key));
        let mut compared = vec![self.keys.meta(), self.keys.tx(meta.tx), self.keys.part()];
        compared.extend(single.iter().map(|row| self.keys.row(row, &self.schema)));
        compared.extend(plan.scans.iter().map(|kind| self.keys.kind(*kind, &self.schema)));
        compared.extend(reply.clone());
        let scans = plan.scans.iter().map(|kind| Range::below(&self.keys.rows(*kind, &self.schema)));
        let ranges = compared.iter().map(|key| Range::one(key.as_str())).chain(scans).collect();
        let (_, mut found) = self.gateway.read(ranges).await?;
        let kinds = found.split_off(compared.len());
        let found: Vec<Option<Kv>> = found.into_iter().map(|found| found.kvs.into_iter().next()).collect();
        let since = |kv: &Option<Kv>| kv.as_ref().map_or(Revision(0), |kv| kv.mod_revision);
        let compare = compared.into_iter().zip(&found);
        let compare = compare.map(|(key, kv)| Compare::unchanged(key.into(), since(kv))).collect();
        self.is_still_ours(since(&found[0]))?;
        let (rows, last) = self.rows(&single, &found[3..3 + single.len()], &plan.scans, kinds)?;
        // Not before what it depends on, also where another process has written that by its own clock.
        let now = self.now(last);
        let kept = found.last().and_then(Option::as_ref).filter(|_| reply.is_some());
        Ok(View {
            compare,
            committed: found[1].as_ref().is_some_and(|kv| kv.value != NOT_COMMITTED.into()),
            part: part(found[2].as_ref())?,
            reply: kept.map(|kv| self.known(kv, transition, now)).transpose()?.flatten(),
            rows,
            now,
        })
    }

    /// The rows that were found, and when the last of them was written.
    fn rows(
        &self,
        single: &[&RowKey],
        found: &[Option<Kv>],
        scans: &[KindId],
        kinds: Vec<Found>,
    ) -> Result<(ReadRows, Instant), StoreError> {
        let (mut read, mut last) = (ReadRows::default(), Instant::PAST);
        for (key, kv) in single.iter().zip(found) {
            let row = kv.as_ref().map(|kv| to_row(kv, key, &self.schema)).transpose()?;
            last = row.iter().fold(last, |last, (_, at)| last.max(*at));
            read.rows.insert((*key).clone(), row.map(|(versioned, _)| versioned));
        }
        for (kind, found) in scans.iter().zip(kinds) {
            let mut all = BTreeMap::new();
            for kv in &found.kvs {
                let (row, versioned, at) = self.row(kv)?;
                last = last.max(at);
                all.insert(row.key, versioned);
            }
            read.scans.insert(*kind, all);
        }
        Ok((read, last))
    }

    /// A row, told by its key, and when it was written.
    pub(super) fn row(&self, kv: &Kv) -> Result<(RowKey, Versioned, Instant), StoreError> {
        let row = self.keys.row_of(&kv.key, &self.schema).ok_or_else(|| corrupt(kv, "no row"))?;
        let (versioned, at) = to_row(kv, &row, &self.schema)?;
        Ok((row, versioned, at))
    }

    fn known(&self, kv: &Kv, transition: &Transition, now: Instant) -> Result<Option<Replayed>, StoreError> {
        let reply: ReplyRecord = record(kv)?;
        match &transition.meta.idempotency {
            Some(key) if !reply.has_expired(now) => reply.replayed(kv, &key.fingerprint).map(Some),
            _ => Ok(None),
        }
    }

    async fn commit(
        &self,
        transition: &Transition,
        view: View,
        prepared: Prepared,
    ) -> Result<Verdict, StoreError> {
        if view.committed {
            return Err(StoreError::Ambiguous { would: Box::new(prepared.applied(0)) });
        }
        let success = self.writes(transition, &view, &prepared)?;
        let op = &prepared.entry.op;
        match self.gateway.txn(&Txn { compare: view.compare, success }).await {
            Ok(done) if done.succeeded => {
                let revision = done.revision();
                self.begin_part(view.part, revision).await;
                Ok(Verdict::Applied(prepared.applied(revision.0)))
            }
            Ok(_) => Err(StoreError::Conflict("something that it read has changed".into())),
            Err(Failure::Refused(why)) => Err(StoreError::invalid(op, why)),
            Err(Failure::Not(error)) => Err(error),
            Err(Failure::Unknown(_)) => Err(StoreError::Ambiguous { would: Box::new(prepared.applied(0)) }),
        }
    }

    /// All that is written by a commit.
    fn writes(
        &self,
        transition: &Transition,
        view: &View,
        prepared: &Prepared,
    ) -> Result<Vec<Op>, StoreError> {
        let entry = &prepared.entry;
        let mut all = self.appended(view.part.0, entry)?;
        let mut scanned: Vec<KindId> = Vec::new();
        for write in &entry.writes {
            let row = of_write(write, &self.schema, entry.now, &entry.id)?;
            all.push(Op::put(self.keys.row(&write.row, &self.schema), row));
            if self.schema.kind(write.row.kind).scanned && !scanned.contains(&write.row.kind) {
                scanned.push(write.row.kind);
            }
        }
        // The value is nothing; who reads the kind compares when it was put.
        all.extend(scanned.iter().map(|kind| Op::put(self.keys.kind(*kind, &self.schema), "")));
        for (index, message) in (0..).zip(&prepared.messages) {
            let id = MessageId { tx: entry.tx, index };
            let kept = MessageRecord::new(message, entry.now, prepared.trace.as_ref());
            all.push(Op::put(self.keys.due(Instant::from_millis(kept.due), id), ""));
            all.push(Op::put(self.keys.message(id), value(&kept)?));
        }
        if let Some(key) = transition.meta.idempotency.as_ref().filter(|key| key.keeps(&entry.outcome)) {
            let expires = entry.now.plus(key.ttl);
            let reply = ReplyRecord::new(prepared, &key.fingerprint, expires);
            all.push(Op::put(self.keys.reply(key), value(&reply)?));
            all.push(Op::put(self.keys.expiry(expires, key), ""));
        }
        Ok(all)
    }

    fn appended(&self, part: u64, entry: &Entry) -> Result<Vec<Op>, StoreError> {
        let body = entry.body(&self.schema).map_err(|e| StoreError::invalid(&entry.op, e))?;
        let (key, tx) = (self.keys.entry(part, entry.tx), self.keys.tx(entry.tx));
        Ok(vec![Op::put(key, body), Op::put(tx, part.to_string())])
    }

    /// Writes a denial to the journal. It changes nothing, so if it is uncertain it simply is not reported as recorded.
    async fn record(&self, view: View, entry: Entry) -> Result<Verdict, StoreError> {
        let success = self.appended(view.part.0, &entry)?;
        let seq = match self.gateway.txn(&Txn { compare: view.compare, success }).await {
            Ok(done) if done.succeeded => done.revision().0,
            Ok(_) => return Err(StoreError::Conflict("something that it read has changed".into())),
            Err(Failure::Refused(why)) => return Err(StoreError::invalid(&entry.op, why)),
            Err(Failure::Not(error)) => return Err(error),
            Err(Failure::Unknown(_)) => 0,
        };
        Ok(Verdict::Denied(Denied { entry: Arc::new(Entry { seq, ..entry }) }))
    }

    /// Begins the next part of the journal when this one is long. Whether it works does not matter: the next commit tries again.
    async fn begin_part(&self, (part, since): (u64, Revision), now: Revision) {
        if now.0 - since.0 < PART {
            return;
        }
        let success = vec![Op::put(self.keys.part(), (part + 1).to_string())];
        if let Err(failure) = self.gateway.if_unchanged(self.keys.part().into(), since, success).await {
            tracing::debug!(%failure, "the journal's next part was not begun");
        }
    }
}

/// The value of a transaction that was not committed when somebody asked for it.
pub(super) const NOT_COMMITTED: &str = "-";

/// The number of the journal's present part, and since when it is that.
pub(super) fn part(kv: Option<&Kv>) -> Result<(u64, Revision), StoreError> {
    let kv = kv.ok_or_else(|| StoreError::Corrupt("the journal has no part".into()))?;
    let number = kv.value.text()?.parse().map_err(|e| corrupt(kv, e))?;
    Ok((number, kv.mod_revision))
}

impl PartialEq<Bin> for &str {
    fn eq(&self, other: &Bin) -> bool {
        self.as_bytes() == other.0
    }
}
