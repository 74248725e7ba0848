//! The truth in memory: for tests and simulations, with faults on demand.

mod faults;

pub use faults::{Fault, FaultPlan, NoFaults, RandomFaults, ScriptedFaults};

use super::evaluate::{Evaluation, Prepared, WIDENINGS, evaluate};
use super::{
    Applied, BoxFuture, Denied, Fingerprint, IdempotencyKey, JournalPage, OutboxStatus, ReadRows, Replayed,
    Store, StoreError, Transition, TxId, Verdict, Versioned,
};
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, Message, MessageId, Settlement, Standing};
use crate::schema::{KindId, Schema};
use crate::time::{Clock, HighWater, Instant, SimClock, SystemClock};
use crate::trace_context::TraceContext;
use crate::value::{RowKey, Value};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A store in memory. What it holds outlives the crashes that its fault plan injects, as a database outlives its clients.
pub struct MemoryStore {
    schema: Arc<Schema>,
    clock: Arc<dyn Clock>,
    simulated: Option<Arc<SimClock>>,
    high_water: HighWater,
    data: Mutex<Data>,
    faults: Mutex<Box<dyn FaultPlan>>,
    crashes: watch::Sender<u64>,
}

#[derive(Default)]
struct Data {
    rows: BTreeMap<KindId, BTreeMap<Box<[Value]>, Versioned>>,
    journal: Vec<Arc<Entry>>,
    by_tx: HashMap<TxId, usize>,
    keys: HashMap<(SmolStr, SmolStr), KeptKey>,
    outbox: BTreeMap<MessageId, KeptMessage>,
    /// What the last commit overwrote.
    overwritten: Vec<(RowKey, Option<Versioned>)>,
}

struct KeptKey {
    fingerprint: Fingerprint,
    expires: Instant,
    reply: Replayed,
}

struct KeptMessage {
    message: Message,
    created: Instant,
    trace: Option<TraceContext>,
    /// When it may be taken (again).
    due: Instant,
    attempt: u32,
    /// How many attempts there were when it was last revived.
    revived: u32,
    dead: bool,
    error: Option<String>,
}

impl KeptMessage {
    fn letter(&self, id: MessageId) -> Letter {
        let standing = if self.dead { Standing::Dead } else { Standing::Waiting { due: self.due } };
        let message = Message { delay: Duration::ZERO, ..self.message.clone() };
        let (trace, error) = (self.trace.clone(), self.error.clone());
        Letter { id, message, created: self.created, trace, attempts: self.attempt, error, standing }
    }

    fn revive(&mut self, now: Instant) {
        if self.dead {
            (self.dead, self.revived) = (false, self.attempt);
        }
        self.due = now;
    }
}

impl MemoryStore {
    /// An empty store with the machine's clock and no faults.
    #[must_use]
    pub fn new(schema: Arc<Schema>) -> MemoryStore {
        MemoryStore::with(schema, Arc::new(SystemClock::default()), None, Box::new(NoFaults))
    }

    /// An empty store with a simulated clock and faults.
    #[must_use]
    pub fn simulated(schema: Arc<Schema>, clock: Arc<SimClock>, faults: impl FaultPlan) -> MemoryStore {
        MemoryStore::with(schema, clock.clone(), Some(clock), Box::new(faults))
    }

    fn with(
        schema: Arc<Schema>,
        clock: Arc<dyn Clock>,
        simulated: Option<Arc<SimClock>>,
        faults: Box<dyn FaultPlan>,
    ) -> MemoryStore {
        let high_water = HighWater::new(Instant::PAST, &*clock);
        let (data, faults, crashes) = (Mutex::default(), Mutex::new(faults), watch::Sender::new(0));
        MemoryStore { schema, clock, simulated, high_water, data, faults, crashes }
    }

    /// How many crashes there were, to be watched: the call in which one happens never returns, and whoever runs the
    /// simulation drops it.
    #[must_use]
    pub fn crashes(&self) -> watch::Receiver<u64> {
        self.crashes.subscribe()
    }

    /// The journal after so many entries, as it is: no fault keeps whoever runs a simulation from reading it.
    #[must_use]
    pub fn committed(&self, after: usize) -> Vec<Arc<Entry>> {
        self.data().journal.iter().skip(after).cloned().collect()
    }

    /// Lets no further faults happen.
    pub fn heal(&self) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(NoFaults);
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        // A step cannot poison it (panics are caught), and nothing else here panics half way.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        self.high_water.now(&*self.clock, Instant::PAST)
    }

    fn fault(&self, op: &str) -> Option<Fault> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).next(op);
        if let (Some(Fault::ClockJump(by)), Some(clock)) = (&fault, &self.simulated) {
            clock.jump(*by);
        }
        fault
    }

    async fn try_once(&self, transition: &Transition) -> Result<Verdict, StoreError> {
        let fault = self.fault(&transition.plan.op);
        match fault {
            Some(Fault::Conflict) => return Err(StoreError::Conflict("injected".into())),
            Some(Fault::Unavailable) => return Err(StoreError::Unavailable("injected".into())),
            Some(Fault::CrashBefore) => self.crash().await,
            _ => {}
        }
        let how = How { commit: fault != Some(Fault::LostCommit), stale: fault == Some(Fault::StaleRead) };
        let verdict = self.data().transition(&self.schema, transition, self.now(), how)?;
        match (fault, verdict) {
            (Some(Fault::CrashAfter), _) => self.crash().await,
            (Some(Fault::LostReply | Fault::LostCommit), Verdict::Applied(applied)) => {
                Err(StoreError::Ambiguous { would: Box::new(applied) })
            }
            (_, verdict) => Ok(verdict),
        }
    }

    async fn crash<T>(&self) -> T {
        self.crashes.send_modify(|n| *n += 1);
        std::future::pending().await
    }

    async fn query<T>(&self, op: &str, ask: impl FnOnce(&mut Data, Instant) -> T) -> Result<T, StoreError> {
        match self.fault(op) {
            Some(Fault::Unavailable | Fault::Conflict) => Err(StoreError::Unavailable("injected".into())),
            _ => Ok(ask(&mut self.data(), self.now())),
        }
    }
}

/// How a transition is treated.
struct How {
    commit: bool,
    stale: bool,
}

impl Data {
    fn transition(
        &mut self,
        schema: &Schema,
        transition: &Transition,
        now: Instant,
        How { commit, stale }: How,
    ) -> Result<Verdict, StoreError> {
        let meta = &transition.meta;
        if let Some(reply) = meta.idempotency.as_ref().map(|k| self.known(k, now)).transpose()?.flatten() {
            return Ok(Verdict::Replayed(reply));
        }
        let mut keys = transition.keys.clone();
        for _ in 0..WIDENINGS {
            let mut read = self.read(&transition.plan.scans, &keys);
            if stale {
                read.rows.extend(self.overwritten.iter().filter(|(row, _)| keys.contains(row)).cloned());
            }
            match evaluate(schema, transition, now, &read)? {
                Evaluation::Widen(more) => keys.extend(more),
                Evaluation::Commit(prepared) => {
                    let seq = self.journal.len() as u64 + 1;
                    if self.by_tx.contains_key(&meta.tx) {
                        return Err(StoreError::Ambiguous { would: Box::new(prepared.applied(seq)) });
                    }
                    let applied = prepared.clone().applied(seq);
                    if commit {
                        self.commit(transition, prepared, &applied);
                    }
                    return Ok(Verdict::Applied(applied));
                }
                Evaluation::Deny { mut entry, record } => {
                    if record && commit && !self.by_tx.contains_key(&meta.tx) {
                        entry.seq = self.journal.len() as u64 + 1;
                        self.append(Arc::new(entry.clone()));
                    }
                    return Ok(Verdict::Denied(Denied { entry: Arc::new(entry) }));
                }
            }
        }
        Err(StoreError::invalid(&transition.plan.op, "it asks for further rows again and again"))
    }

    fn known(&self, key: &IdempotencyKey, now: Instant) -> Result<Option<Replayed>, StoreError> {
        let kept = self.keys.get(&(key.scope.clone(), key.key.clone())).filter(|k| now < k.expires);
        match kept {
            None => Ok(None),
            Some(kept) if kept.fingerprint != key.fingerprint => Err(StoreError::KeyReused),
            Some(kept) => Ok(Some(kept.reply.clone())),
        }
    }

    fn read(&self, scans: &[KindId], keys: &[RowKey]) -> ReadRows {
        let all = |kind: &KindId| (*kind, self.rows.get(kind).cloned().unwrap_or_default());
        let scans: BTreeMap<_, _> = scans.iter().map(all).collect();
        let single = keys.iter().filter(|row| !scans.contains_key(&row.kind));
        let rows = single.map(|row| (row.clone(), self.row(row).cloned())).collect();
        ReadRows { rows, scans }
    }

    fn row(&self, row: &RowKey) -> Option<&Versioned> {
        self.rows.get(&row.kind)?.get(&row.key)
    }

    fn commit(&mut self, transition: &Transition, prepared: Prepared, applied: &Applied) {
        let Prepared { entry, messages, trace, reply } = prepared;
        let before = |row: &RowKey| (row.clone(), self.row(row).cloned());
        self.overwritten = entry.writes.iter().map(|write| before(&write.row)).collect();
        for write in &entry.writes {
            let row = Versioned { version: write.version, row: write.values.clone() };
            self.rows.entry(write.row.kind).or_default().insert(write.row.key.clone(), row);
        }
        for (index, message) in (0..).zip(messages) {
            let id = MessageId { tx: entry.tx, index };
            let due = entry.now.plus(message.delay);
            let (created, trace) = (entry.now, trace.clone());
            let kept = KeptMessage {
                message,
                created,
                trace,
                due,
                attempt: 0,
                revived: 0,
                dead: false,
                error: None,
            };
            self.outbox.insert(id, kept);
        }
        let key = transition.meta.idempotency.clone().filter(|k| k.keeps(&entry.outcome));
        if let Some(IdempotencyKey { scope, key, fingerprint, ttl, .. }) = key {
            let reply = Replayed { tx: entry.tx, outcome: entry.outcome, reply, at: entry.now };
            let kept = KeptKey { fingerprint, expires: entry.now.plus(ttl), reply };
            self.keys.insert((scope, key), kept);
        }
        self.append(applied.entry.clone());
    }

    fn append(&mut self, entry: Arc<Entry>) {
        self.by_tx.insert(entry.tx, self.journal.len());
        self.journal.push(entry);
    }

    fn claim(&mut self, limit: usize, lease: Duration, now: Instant) -> Vec<Delivery> {
        let due = self.outbox.iter_mut().filter(|(_, m)| !m.dead && m.due <= now);
        due.take(limit)
            .map(|(id, kept)| {
                kept.attempt += 1;
                kept.due = now.plus(lease);
                let tries = kept.attempt - kept.revived;
                let Letter { id, message, created, trace, attempts, .. } = kept.letter(*id);
                Delivery { id, attempt: attempts, tries, message, created, trace }
            })
            .collect()
    }

    fn settle(&mut self, id: MessageId, attempt: u32, how: &Settlement, now: Instant) -> bool {
        let Some(kept) = self.outbox.get_mut(&id).filter(|m| m.attempt == attempt && !m.dead) else {
            return false;
        };
        match how {
            Settlement::Delivered => drop(self.outbox.remove(&id)),
            Settlement::Retry { after, error } => {
                (kept.due, kept.error) = (now.plus(*after), Some(error.clone()));
            }
            Settlement::Dead { error } => (kept.dead, kept.error) = (true, Some(error.clone())),
        }
        true
    }

    fn letters(&self, dead: bool, after: Option<MessageId>, limit: usize) -> Vec<Letter> {
        let behind = self.outbox.iter().filter(|(id, m)| m.dead == dead && after.is_none_or(|a| **id > a));
        behind.take(limit).map(|(id, kept)| kept.letter(*id)).collect()
    }

    fn revive(&mut self, which: Option<MessageId>, now: Instant) -> u64 {
        let wanted = |id, kept: &KeptMessage| which.map_or(kept.dead, |one| one == id);
        let wanted = self.outbox.iter_mut().filter(|(id, kept)| wanted(**id, kept));
        wanted.map(|(_, kept)| kept.revive(now)).count() as u64
    }

    fn status(&self, now: Instant) -> OutboxStatus {
        let pending = || self.outbox.values().filter(|m| !m.dead);
        let oldest = pending().map(|m| m.due).min().unwrap_or(now);
        let dead = self.outbox.len() - pending().count();
        OutboxStatus { pending: pending().count() as u64, dead: dead as u64, lag: now.since(oldest) }
    }

    fn sweep(&mut self, limit: usize, now: Instant) -> usize {
        let expired = self.keys.iter().filter(|(_, k)| k.expires <= now).map(|(id, _)| id.clone());
        let expired: Vec<_> = expired.take(limit).collect();
        expired.iter().for_each(|id| drop(self.keys.remove(id)));
        expired.len()
    }
}

impl Store for MemoryStore {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn attempt<'a>(&'a self, transition: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(self.try_once(transition))
    }

    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        let entry = move |data: &mut Data, _| data.by_tx.get(&tx).map(|i| (*data.journal[*i]).clone());
        Box::pin(self.query("find", entry))
    }

    fn read<'a>(&'a self, rows: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        Box::pin(self.query("read", |data, _| rows.iter().map(|row| data.row(row).cloned()).collect()))
    }

    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        Box::pin(self.query("scan", move |data, _| {
            let rows = data.rows.get(&kind).into_iter().flatten();
            rows.map(|(key, v)| (RowKey { kind, key: key.clone() }, v.clone())).collect()
        }))
    }

    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        Box::pin(self.query("journal", move |data, _| {
            let from = usize::try_from(after.0).unwrap_or(usize::MAX).min(data.journal.len());
            let entries: Vec<_> = data.journal[from..].iter().take(limit).map(|e| (**e).clone()).collect();
            let next = Cursor((from + entries.len()) as u64, 0);
            JournalPage { entries, next }
        }))
    }

    fn replay<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        Box::pin(async { self.query("replay", |data, now| data.known(key, now)).await? })
    }

    fn claim(&self, limit: usize, lease: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        Box::pin(self.query("claim", move |data, now| data.claim(limit, lease, now)))
    }

    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.query("settle", move |data, now| data.settle(message, attempt, how, now)))
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        Box::pin(self.query("outbox", |data, now| data.status(now)))
    }

    fn letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, StoreError>> {
        Box::pin(self.query("letters", move |data, _| data.letters(dead, after, limit)))
    }

    fn letter(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Letter>, StoreError>> {
        Box::pin(self.query("letter", move |data, _| data.outbox.get(&id).map(|kept| kept.letter(id))))
    }

    fn revive(&self, which: Option<MessageId>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.query("revive", move |data, now| data.revive(which, now)))
    }

    fn discard(&self, id: MessageId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.query("discard", move |data, _| data.outbox.remove(&id).is_some()))
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.query("sweep", move |data, now| data.sweep(limit, now)))
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.query("health", |_, _| ()))
    }
}
