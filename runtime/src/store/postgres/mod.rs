//! The truth in PostgreSQL: for several processes.
//!
//! Strict two-phase locking with advisory locks, chosen from the operation's static read set, under READ COMMITTED: see `locks`. All locks are
//! taken, in one order, before anything is read; the time is read after them; nothing is written before all is read. A
//! transition takes three round trips: begin, lock and read; write; commit (four with an idempotency key).
//!
//! Because every transaction gets its transaction id and its `seq` while it holds all its locks, the order of both is one in
//! which everything comes after what it depends on, and the journal can be followed without gaps ([`Store::journal`]).

mod attempt;
mod codec;
mod locks;
mod open;
mod queries;
mod tables;

pub use open::Options;

use super::{
    BoxFuture, IdempotencyKey, JournalPage, OutboxStatus, Replayed, Store, StoreError, Transition, TxId,
    Verdict, Versioned,
};
use crate::journal::{Cursor, Entry};
use crate::outbox::{Delivery, Letter, MessageId, Settlement};
use crate::schema::{KindId, Schema};
use crate::store::sql::Tables;
use crate::value::RowKey;
use deadpool_postgres::{Object, Pool};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;
use tables::tables;

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    schema: Arc<Schema>,
    tables: Tables,
    pool: Pool,
    earlier: Vec<SmolStr>,
}

impl PostgresStore {
    /// Connects to a database and makes the tables if they are not there.
    ///
    /// # Errors
    /// [`StoreError::Foreign`]: the tables are another spec's. [`StoreError::Unavailable`]: the server cannot be reached.
    /// [`StoreError::Missing`]: there are no tables, and none are to be made.
    pub async fn open(url: &str, schema: Arc<Schema>, options: Options) -> Result<PostgresStore, StoreError> {
        let tables = tables(&schema);
        let pool = open::pool(url, &options)?;
        let mut client = open::client(&pool).await?;
        let earlier = open::prepare(&mut client, &schema, &tables, &options).await?;
        Ok(PostgresStore { schema, tables, pool, earlier })
    }

    async fn client(&self) -> Result<Object, StoreError> {
        open::client(&self.pool).await
    }
}

/// A connection in a transaction. If it is dropped there, also because its future was, the connection is closed and so the
/// transaction undone: it must not go back to the pool.
struct Session(Option<Object>);

impl Session {
    async fn of(store: &PostgresStore) -> Result<Session, StoreError> {
        Ok(Session(Some(store.client().await?)))
    }

    fn client(&self) -> &Object {
        self.0.as_ref().expect("a session has its connection until it is finished")
    }

    /// The transaction is over: the connection may be used again.
    fn finish(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

impl Store for PostgresStore {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn earlier(&self) -> &[SmolStr] {
        &self.earlier
    }

    fn attempt<'a>(&'a self, transition: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(attempt::attempt(self, transition))
    }

    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        Box::pin(async move {
            // The transaction holds the lock until it is over, so this waits for it.
            let session = Session::of(self).await?;
            let take = codec::prepared(session.client(), locks::TAKE).await?;
            session.client().batch_execute("BEGIN").await.map_err(codec::error)?;
            locks::take(session.client(), &take, &[locks::of_tx(tx)]).await?;
            let found = queries::find(session.client(), &self.schema, tx).await?;
            session.client().batch_execute("COMMIT").await.map_err(codec::error)?;
            session.finish();
            Ok(found)
        })
    }

    fn read<'a>(&'a self, rows: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        Box::pin(async move {
            let session = Session::of(self).await?;
            let client = session.client();
            client
                .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await
                .map_err(codec::error)?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                let statement = codec::prepared(client, &self.tables.of(row.kind).select).await?;
                let read = codec::read_row(client, &statement, &self.schema, row).await?;
                found.push(read.map(|(versioned, _)| versioned));
            }
            client.batch_execute("COMMIT").await.map_err(codec::error)?;
            session.finish();
            Ok(found)
        })
    }

    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        Box::pin(async move {
            let client = self.client().await?;
            let statement = codec::prepared(&client, &self.tables.of(kind).scan).await?;
            let rows = codec::scan(&client, &statement, &self.schema, kind).await?.0;
            Ok(rows.into_iter().map(|(key, v)| (RowKey { kind, key }, v)).collect())
        })
    }

    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        Box::pin(async move {
            let client = self.client().await?;
            queries::journal(&client, &self.schema, after, limit).await
        })
    }

    fn history(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        Box::pin(async move {
            let client = self.client().await?;
            queries::history(&client, &self.schema, after, limit).await
        })
    }

    fn replay<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        Box::pin(async move { queries::known(&*self.client().await?, key).await })
    }

    fn claim(&self, limit: usize, lease: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        Box::pin(async move { queries::claim(&*self.client().await?, limit, lease).await })
    }

    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { queries::settle(&*self.client().await?, message, attempt, how).await })
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        Box::pin(async move { queries::outbox(&*self.client().await?).await })
    }

    fn letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, StoreError>> {
        Box::pin(async move { queries::letters(&*self.client().await?, dead, after, limit).await })
    }

    fn letter(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Letter>, StoreError>> {
        Box::pin(async move { queries::one_letter(&*self.client().await?, id).await })
    }

    fn revive(&self, which: Option<MessageId>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { queries::revive(&*self.client().await?, which).await })
    }

    fn discard(&self, id: MessageId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { queries::discard(&*self.client().await?, id).await })
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move { queries::sweep(&*self.client().await?, limit).await })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { queries::ping(&*self.client().await?).await })
    }
}
