//! The truth in etcd: for several processes, where a cluster of it is at hand.
//!
//! A transition reads its rows as of one revision, and is one transaction of etcd: if nothing that was read has changed, all of it
//! is written. So there are no locks, and who is slower tries again. The revision of the commit is the entry's place in the
//! journal. etcd keeps everything in memory and is for some gigabytes: the journal, which nothing deletes, fills it. When it is full, the store's health says so (etcd's alarm `NOSPACE`), and transitions end
//! as ambiguous: what is refused may have happened, and finding out takes a write.
//!
//! **Time.** etcd has no clock that a client can ask. The time of a step is this process's, made not to lie before any row that the
//! step read. Processes whose clocks differ judge deadlines by their own: what must not go wrong then is fenced by an epoch.

mod attempt;
mod gateway;
mod keys;
mod open;
mod queries;
mod records;

use super::{
    BoxFuture, IdempotencyKey, JournalPage, OutboxStatus, Replayed, Store, StoreError, Transition, TxId,
    Verdict, Versioned,
};
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, MessageId, Settlement};
use crate::schema::{KindId, Schema};
use crate::time::{Clock, HighWater, Instant, SystemClock};
use crate::value::RowKey;
use gateway::{Address, Gateway, Range, Revision};
use keys::Keys;
use smol_str::SmolStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Revisions after which the journal's next part begins: as many entries as etcd sorts for a page.
const PART: u64 = 1_000;

/// How to use a cluster.
#[derive(Clone)]
pub struct Options {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How long one request to etcd may take.
    pub timeout: Duration,
    /// Whose certificate the members must show (PEM). Without one, connections are not encrypted.
    pub tls_authority: Option<PathBuf>,
    /// Takes over the keys of an earlier version of the spec, if that can be done without a decision
    /// ([`crate::store::migrate`]). Processes of that version cannot commit from then on.
    pub migrate: bool,
    /// Opens what is there and makes nothing: a prefix without keys is [`StoreError::Missing`].
    pub existing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Arc::new(SystemClock::default()),
            timeout: Duration::from_secs(10),
            tls_authority: None,
            migrate: false,
            existing: false,
        }
    }
}

/// A store in etcd.
pub struct EtcdStore {
    schema: Arc<Schema>,
    keys: Keys,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
    high_water: HighWater,
    /// Since when the keys are this spec's.
    meta: Revision,
    earlier: Vec<SmolStr>,
}

impl EtcdStore {
    /// Opens what is below the prefix of a URL, `etcd://[user:password@]host:port[,host:port…]/prefix`, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Foreign`]: something else is there, or another spec's. [`StoreError::Unavailable`]: no member answers, or the
    /// URL is none. [`StoreError::Missing`]: there is nothing, and nothing is to be made.
    pub async fn open(url: &str, schema: Arc<Schema>, options: Options) -> Result<EtcdStore, StoreError> {
        let Options { clock, timeout, tls_authority, migrate, existing } = options;
        let address = Address::parse(url)?;
        let keys = Keys(address.prefix.clone());
        let gateway = Gateway::new(address, tls_authority.as_deref(), timeout)?;
        let open::Opened { meta, earlier } =
            open::prepare(&gateway, &keys, &schema, migrate, existing).await?;
        let high_water = HighWater::new(Instant::PAST, &*clock);
        Ok(EtcdStore { schema, keys, gateway, clock, high_water, meta, earlier })
    }

    /// The time, not before `mark`.
    fn now(&self, mark: Instant) -> Instant {
        self.high_water.now(&*self.clock, mark)
    }

    fn is_still_ours(&self, meta: Revision) -> Result<(), StoreError> {
        if meta == self.meta {
            return Ok(());
        }
        Err(StoreError::Foreign("another version of the spec has taken over its keys".into()))
    }

    async fn check(&self) -> Result<(), StoreError> {
        let (_, found) = self.gateway.read(vec![Range::one(self.keys.meta())]).await?;
        let meta = found.iter().flat_map(|found| &found.kvs).next();
        self.is_still_ours(meta.map_or(Revision(0), |kv| kv.mod_revision))?;
        match self.gateway.alarms().await {
            Ok(alarms) if !alarms.is_empty() => {
                Err(StoreError::Unavailable(format!("etcd has alarms: {}", alarms.join(", "))))
            }
            // Not everybody may ask for these.
            Ok(_) | Err(StoreError::Unavailable(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Store for EtcdStore {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn attempt<'a>(&'a self, transition: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(self.try_once(transition))
    }

    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        Box::pin(self.find_tx(tx))
    }

    fn read<'a>(&'a self, rows: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        Box::pin(self.read_rows(rows))
    }

    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        Box::pin(self.all_rows(kind))
    }

    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        Box::pin(self.page(after, limit))
    }

    fn replay<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        Box::pin(self.kept_reply(key))
    }

    fn claim(&self, limit: usize, lease: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        Box::pin(self.take(limit, lease))
    }

    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.end_attempt(message, attempt, how))
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        Box::pin(self.outbox_status())
    }

    fn letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, StoreError>> {
        Box::pin(self.all_letters(dead, after, limit))
    }

    fn letter(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Letter>, StoreError>> {
        Box::pin(self.one_letter(id))
    }

    fn revive(&self, which: Option<MessageId>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            match which {
                Some(id) => self.bring_back(id).await.map(u64::from),
                None => self.bring_all_back().await,
            }
        })
    }

    fn discard(&self, id: MessageId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.throw_away(id))
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.forget(limit))
    }

    fn earlier(&self) -> &[SmolStr] {
        &self.earlier
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.check())
    }
}
