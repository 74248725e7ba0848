//! Journal, idempotency keys and outbox.

use super::EtcdStore;
use super::attempt::{NOT_COMMITTED, part};
use super::gateway::{Compare, Kv, Op, Range, Revision, Txn};
use super::records::{MessageRecord, ReplyRecord, corrupt, record, to_row, value};
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, MessageId, Settlement};
use crate::schema::KindId;
use crate::store::{IdempotencyKey, JournalPage, OutboxStatus, Replayed, StoreError, TxId, Versioned};
use crate::time::Instant;
use crate::value::RowKey;
use std::time::Duration;

/// How many messages are read at a time.
const SOME: usize = 100;

impl EtcdStore {
    /// The entry of a transaction. Where there is none, that is written down: a commit that is under way finds out, and fails.
    pub(super) async fn find_tx(&self, tx: TxId) -> Result<Option<Entry>, StoreError> {
        loop {
            let key = self.keys.tx(tx);
            let found = self.one(&key).await?;
            let since = found.as_ref().map_or(Revision(0), |kv| kv.mod_revision);
            if let Some(kv) = found.filter(|kv| NOT_COMMITTED != kv.value) {
                let part: u64 = kv.value.text()?.parse().map_err(|e| corrupt(&kv, e))?;
                let entry = self.one(&self.keys.entry(part, tx)).await?;
                let entry = entry.ok_or_else(|| corrupt(&kv, "its entry is missing"))?;
                return self.entry(&entry).map(Some);
            }
            let success = vec![Op::put(key.as_str(), NOT_COMMITTED)];
            if self.gateway.if_unchanged(key.into(), since, success).await? {
                return Ok(None);
            }
        }
    }

    fn entry(&self, kv: &Kv) -> Result<Entry, StoreError> {
        let tx = kv.key.text()?.rsplit('/').next().and_then(TxId::parse);
        let tx = tx.ok_or_else(|| corrupt(kv, "no transaction"))?;
        Entry::from_body(kv.create_revision.0, tx, kv.value.text()?, &self.schema).map_err(|e| corrupt(kv, e))
    }

    async fn one(&self, key: &str) -> Result<Option<Kv>, StoreError> {
        Ok(self.each(vec![key.to_owned()]).await?.pop().flatten())
    }

    /// Keys, as of one revision.
    async fn each(&self, keys: Vec<String>) -> Result<Vec<Option<Kv>>, StoreError> {
        let (_, found) = self.gateway.read(keys.into_iter().map(Range::one).collect()).await?;
        Ok(found.into_iter().map(|found| found.kvs.into_iter().next()).collect())
    }

    /// The first keys of those from one up to before another.
    async fn first(&self, (from, until): (String, String), limit: usize) -> Result<Vec<Kv>, StoreError> {
        let (_, found) = self.gateway.read(vec![Range::below(&from).before(until).limit(limit)]).await?;
        Ok(found.into_iter().flat_map(|found| found.kvs).collect())
    }

    pub(super) async fn read_rows(&self, rows: &[RowKey]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let keys = rows.iter().map(|row| self.keys.row(row, &self.schema)).collect();
        let found = self.each(keys).await?;
        let row =
            |(row, kv): (&RowKey, Option<Kv>)| kv.map(|kv| Ok(to_row(&kv, row, &self.schema)?.0)).transpose();
        rows.iter().zip(found).map(row).collect()
    }

    pub(super) async fn all_rows(&self, kind: KindId) -> Result<Vec<(RowKey, Versioned)>, StoreError> {
        let range = Range::below(&self.keys.rows(kind, &self.schema));
        let (_, found) = self.gateway.read(vec![range]).await?;
        let kvs = found.iter().flat_map(|found| &found.kvs);
        let rows = kvs.map(|kv| self.row(kv).map(|(row, versioned, _)| (row, versioned)));
        let mut all = rows.collect::<Result<Vec<_>, StoreError>>()?;
        // By the values of keys, not by their texts.
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(all)
    }

    /// Some of the journal: the cursor is a part and a revision. A part that is not the present one has all its entries, since a
    /// commit compares which one is; and revisions are the order of commits.
    pub(super) async fn page(&self, after: Cursor, limit: usize) -> Result<JournalPage, StoreError> {
        let (mut at, mut entries) = (after, Vec::new());
        while entries.len() < limit {
            let range = Range::below(&self.keys.entries(at.0)).made_after(Revision(at.1));
            let ranges = vec![Range::one(self.keys.part()), range.limit(limit - entries.len())];
            let (_, mut found) = self.gateway.read(ranges).await?;
            let (some, present) = (found.pop().unwrap_or_default(), found.pop().unwrap_or_default());
            let (present, _) = part(present.kvs.first())?;
            for kv in &some.kvs {
                entries.push(self.entry(kv)?);
                at.1 = kv.create_revision.0;
            }
            if !some.kvs.is_empty() {
                continue;
            }
            if at.0 >= present {
                break;
            }
            at.0 += 1;
        }
        // Parts that are gone through without an entry are gone through again: an empty page leaves the cursor where it is.
        let next = if entries.is_empty() { after } else { at };
        Ok(JournalPage { entries, next })
    }

    pub(super) async fn kept_reply(&self, key: &IdempotencyKey) -> Result<Option<Replayed>, StoreError> {
        let Some(kv) = self.one(&self.keys.reply(key)).await? else { return Ok(None) };
        let reply: ReplyRecord = record(&kv)?;
        if reply.has_expired(self.now(Instant::PAST)) {
            return Ok(None);
        }
        reply.replayed(&kv, &key.fingerprint).map(Some)
    }

    /// Forgets expired replies. One that was given again under the same key since then has a later expiry, too.
    pub(super) async fn forget(&self, limit: usize) -> Result<usize, StoreError> {
        let now = self.now(Instant::PAST);
        let expired = self.first(self.keys.expired(now), limit).await?;
        let reply = |kv: &Kv| self.keys.reply_of(&kv.key).ok_or_else(|| corrupt(kv, "no key"));
        let replies = expired.iter().map(reply).collect::<Result<_, _>>()?;
        let mut forgotten = 0;
        for (expiry, reply) in expired.into_iter().zip(self.each(replies).await?) {
            let mut success = vec![Op::delete(expiry.key)];
            let mut compare = Vec::new();
            if let Some(kv) = reply
                && record::<ReplyRecord>(&kv)?.has_expired(now)
            {
                compare.push(Compare::unchanged(kv.key.clone(), kv.mod_revision));
                success.push(Op::delete(kv.key));
            }
            let with_reply = !compare.is_empty();
            let done = self.gateway.txn(&Txn { compare, success }).await?;
            forgotten += usize::from(done.succeeded && with_reply);
        }
        Ok(forgotten)
    }

    /// Takes messages that are due; those that somebody else is just taking are left to them.
    pub(super) async fn take(&self, limit: usize, lease: Duration) -> Result<Vec<Delivery>, StoreError> {
        let now = self.now(Instant::PAST);
        let due = self.first(self.keys.due_until(now), limit).await?;
        let id = |kv: &Kv| Ok(self.keys.message_of(&kv.key).ok_or_else(|| corrupt(kv, "no message"))?.1);
        let ids = due.iter().map(id).collect::<Result<Vec<MessageId>, StoreError>>()?;
        let messages = self.each(ids.iter().map(|id| self.keys.message(*id)).collect()).await?;
        let mut taken = Vec::new();
        for (id, kv) in ids.into_iter().zip(messages) {
            let Some(kv) = kv else { continue };
            let mut message: MessageRecord = record(&kv)?;
            message.attempt += 1;
            if self.put_off(id, &kv, &mut message, now.plus(lease)).await? {
                taken.push(message.delivery(id));
            }
        }
        taken.sort_by_key(|delivery| (delivery.created, delivery.id));
        Ok(taken)
    }

    /// Writes a message that is due again later, if nobody else has.
    async fn put_off(
        &self,
        id: MessageId,
        kv: &Kv,
        message: &mut MessageRecord,
        until: Instant,
    ) -> Result<bool, StoreError> {
        let before = Instant::from_millis(std::mem::replace(&mut message.due, until.millis()));
        let mut success = vec![Op::put(self.keys.message(id), value(message)?)];
        if before != until {
            success.push(Op::delete(self.keys.due(before, id)));
            success.push(Op::put(self.keys.due(until, id), ""));
        }
        self.gateway.if_unchanged(kv.key.clone(), kv.mod_revision, success).await
    }

    pub(super) async fn end_attempt(
        &self,
        id: MessageId,
        attempt: u32,
        how: &Settlement,
    ) -> Result<bool, StoreError> {
        let Some(kv) = self.one(&self.keys.message(id)).await? else { return Ok(false) };
        let mut message: MessageRecord = record(&kv)?;
        if message.attempt != attempt {
            return Ok(false);
        }
        let due = self.keys.due(Instant::from_millis(message.due), id);
        let mut success = vec![Op::delete(kv.key.clone()), Op::delete(due)];
        match how {
            Settlement::Delivered => {}
            Settlement::Retry { after, error } => {
                message.error = Some(error.clone());
                let until = self.now(Instant::PAST).plus(*after);
                return self.put_off(id, &kv, &mut message, until).await;
            }
            Settlement::Dead { error } => {
                message.error = Some(error.clone());
                success.push(Op::put(self.keys.dead(id), value(&message)?));
            }
        }
        self.gateway.if_unchanged(kv.key, kv.mod_revision, success).await
    }

    /// Messages as they lie there, by their identities.
    pub(super) async fn all_letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        let all = if dead { self.keys.all_dead() } else { self.keys.messages() };
        let key = |id| if dead { self.keys.dead(id) } else { self.keys.message(id) };
        // The least key behind another, and behind all with the prefix.
        let from = after.map_or_else(|| all.clone(), |id| format!("{}\0", key(id)));
        let until = format!("{}0", all.trim_end_matches('/'));
        let letter = |kv: &Kv| {
            let id = self.keys.letter_of(&kv.key).ok_or_else(|| corrupt(kv, "no message"))?;
            Ok(record::<MessageRecord>(kv)?.letter(id, dead))
        };
        self.first((from, until), limit).await?.iter().map(letter).collect()
    }

    /// A message as it lies there: dead, or waiting.
    async fn lies(&self, id: MessageId) -> Result<Option<(Kv, bool)>, StoreError> {
        let mut found = self.each(vec![self.keys.message(id), self.keys.dead(id)]).await?.into_iter();
        let (waiting, dead) = (found.next().flatten(), found.next().flatten());
        Ok(waiting.map(|kv| (kv, false)).or(dead.map(|kv| (kv, true))))
    }

    pub(super) async fn one_letter(&self, id: MessageId) -> Result<Option<Letter>, StoreError> {
        let found = self.lies(id).await?;
        found.map(|(kv, dead)| Ok(record::<MessageRecord>(&kv)?.letter(id, dead))).transpose()
    }

    /// Has a message delivered now; whether it is there.
    pub(super) async fn bring_back(&self, id: MessageId) -> Result<bool, StoreError> {
        // Until nobody else was faster.
        while let Some((kv, dead)) = self.lies(id).await? {
            let mut message: MessageRecord = record(&kv)?;
            let now = self.now(Instant::PAST);
            let done = if dead {
                (message.revived, message.due) = (message.attempt, now.millis());
                let success = vec![
                    Op::delete(kv.key.clone()),
                    Op::put(self.keys.message(id), value(&message)?),
                    Op::put(self.keys.due(now, id), ""),
                ];
                self.gateway.if_unchanged(kv.key, kv.mod_revision, success).await?
            } else {
                self.put_off(id, &kv, &mut message, now).await?
            };
            if done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Has all dead messages delivered now, each by a transaction of its own.
    pub(super) async fn bring_all_back(&self) -> Result<u64, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let some = self.all_letters(true, after, SOME).await?;
            let Some(last) = some.last() else { return Ok(count) };
            after = Some(last.id);
            for letter in some {
                count += u64::from(self.bring_back(letter.id).await?);
            }
        }
    }

    /// Takes a message out; whether it was there.
    pub(super) async fn throw_away(&self, id: MessageId) -> Result<bool, StoreError> {
        while let Some((kv, dead)) = self.lies(id).await? {
            let mut success = vec![Op::delete(kv.key.clone())];
            if !dead {
                let due = record::<MessageRecord>(&kv)?.due;
                success.push(Op::delete(self.keys.due(Instant::from_millis(due), id)));
            }
            if self.gateway.if_unchanged(kv.key, kv.mod_revision, success).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn outbox_status(&self) -> Result<OutboxStatus, StoreError> {
        let ranges = vec![
            Range::below(&self.keys.messages()).count(),
            Range::below(&self.keys.all_dead()).count(),
            Range::below(&self.keys.all_due()).limit(1),
        ];
        let (_, found) = self.gateway.read(ranges).await?;
        let now = self.now(Instant::PAST);
        let oldest = found[2].kvs.first().and_then(|due| self.keys.message_of(&due.key));
        let lag = oldest.map_or(Duration::ZERO, |(due, _)| now.since(due));
        Ok(OutboxStatus { pending: found[0].count.0, dead: found[1].count.0, lag })
    }
}
