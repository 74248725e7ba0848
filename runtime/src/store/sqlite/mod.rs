//! The truth in an SQLite file: the embedded store.
//!
//! One thread writes. It takes what is waiting, at most [`BATCH`] transitions, evaluates them one after the other in one SQLite
//! transaction, commits once (`synchronous = FULL`: the commit is on the disk) and only then answers: *group commit*, so the
//! price of a sync is shared by everybody who came meanwhile. Another connection reads, in WAL mode, without waiting.

mod batch;
mod codec;
mod inbox;
mod open;
mod queries;
mod statements;
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
use crate::time::Clock;
use crate::value::RowKey;
use batch::{Broken, Job, Writer};
use inbox::Inbox;
use rusqlite::Connection;
use smol_str::SmolStr;
use statements::Statements;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tables::tables;
use tokio::sync::oneshot;

/// The most transitions in one SQLite transaction.
pub const BATCH: usize = 256;
/// How many requests may wait for the writer; further ones wait to be queued.
const QUEUE: usize = 1_024;

/// What is said when the writing thread has ended, which it does by a panic alone while the store is used.
const WRITER_GONE: &str = "the writer has stopped";

/// A store in an SQLite file.
pub struct SqliteStore {
    schema: Arc<Schema>,
    tables: Arc<Tables>,
    clock: Arc<dyn Clock>,
    reader: Arc<Mutex<Connection>>,
    earlier: Vec<SmolStr>,
    inbox: Arc<Inbox>,
    broken: Broken,
    writer: Option<std::thread::JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens a database, or makes it.
    ///
    /// # Errors
    /// [`StoreError::Foreign`]: the file is another application's or another spec's. [`StoreError::Corrupt`]: it is damaged.
    /// [`StoreError::Unavailable`]: it cannot be opened, or written. [`StoreError::Missing`]: it is not there, and is not to
    /// be made.
    pub fn open(path: &Path, schema: Arc<Schema>, options: Options) -> Result<SqliteStore, StoreError> {
        let tables = Arc::new(tables(&schema));
        let connection = open::writer(path, &schema, &tables, &options)?;
        let reader = open::reader(path)?;
        let earlier = open::earlier(&connection)?;
        let clock = options.clock.clone();
        let broken = Broken::default();
        let writer =
            Writer::new(connection, schema.clone(), tables.clone(), clock.clone(), &options, broken.clone())?;
        let inbox = Arc::new(Inbox::new(QUEUE));
        let jobs = inbox.clone();
        let thread = std::thread::Builder::new().name("arch-sqlite".into()).spawn(move || writer.run(&jobs));
        let thread = thread.map_err(|e| StoreError::Unavailable(format!("no thread for the writer: {e}")))?;
        let reader = Arc::new(Mutex::new(reader));
        Ok(SqliteStore { schema, tables, clock, reader, earlier, inbox, broken, writer: Some(thread) })
    }

    /// Gives a job to the writer and waits for its answer.
    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Unavailable(WRITER_GONE.into());
        let (answer, answered) = oneshot::channel();
        if !self.inbox.put(job(answer)).await {
            return Err(gone());
        }
        answered.await.map_err(|_| gone())?
    }

    /// Asks the reading connection, on a thread that may wait.
    async fn query<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection, &Schema, &Tables) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reader, schema, tables) = (self.reader.clone(), self.schema.clone(), self.tables.clone());
        let task = tokio::task::spawn_blocking(move || {
            let connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
            ask(&connection, &schema, &tables)
        });
        task.await.map_err(|e| StoreError::Unavailable(format!("the reader failed: {e}")))?
    }

    /// Checks the whole file: SQLite's own integrity check.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]: what it found.
    pub async fn verify(&self) -> Result<(), StoreError> {
        self.query(|connection, _, _| open::integrity_check(connection)).await
    }
}

impl Drop for SqliteStore {
    /// Lets the writer finish what it was given.
    fn drop(&mut self) {
        self.inbox.close();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer was reported when it happened; there is nobody left to tell.
            let _ = writer.join();
        }
    }
}

impl Store for SqliteStore {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn earlier(&self) -> &[SmolStr] {
        &self.earlier
    }

    fn attempt<'a>(&'a self, transition: &'a Arc<Transition>) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(self.ask(|answer| Job::Transition(transition.clone(), answer)))
    }

    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        // Asked of the writer, which answers after everything that it was given before: conclusive.
        Box::pin(self.ask(move |answer| {
            Job::write(answer, move |connection, schema, _, _| queries::find(connection, schema, tx))
        }))
    }

    fn read<'a>(&'a self, rows: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        let rows = rows.to_vec();
        Box::pin(self.query(move |connection, schema, tables| {
            let transaction = connection.unchecked_transaction().map_err(codec::error)?;
            let mut statements = Statements::new(&transaction, tables);
            rows.iter().map(|row| codec::read_row(&mut statements, schema, row)).collect()
        }))
    }

    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        Box::pin(self.query(move |connection, schema, tables| {
            codec::scan(connection, schema, tables, kind)
                .map(|rows| rows.into_iter().map(|(key, v)| (RowKey { kind, key }, v)).collect())
        }))
    }

    fn journal(&self, after: Cursor, limit: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        Box::pin(self.query(move |connection, schema, _| queries::journal(connection, schema, after, limit)))
    }

    fn replay<'a>(&'a self, key: &'a IdempotencyKey) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        let (key, now) = (key.clone(), self.clock.wall());
        Box::pin(self.query(move |connection, _, tables| {
            queries::known(&mut Statements::new(connection, tables), &key, now)
        }))
    }

    fn claim(&self, limit: usize, lease: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        Box::pin(self.ask(move |answer| {
            Job::write(answer, move |connection, _, _, now| queries::claim(connection, limit, lease, now))
        }))
    }

    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let how = how.clone();
        Box::pin(self.ask(move |answer| {
            Job::write(answer, move |connection, _, _, now| {
                queries::settle(connection, message, attempt, &how, now)
            })
        }))
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        let now = self.clock.wall();
        Box::pin(self.query(move |connection, _, _| queries::outbox(connection, now)))
    }

    fn letters(
        &self,
        dead: bool,
        after: Option<MessageId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Letter>, StoreError>> {
        Box::pin(self.query(move |connection, _, _| queries::letters(connection, dead, after, limit)))
    }

    fn letter(&self, id: MessageId) -> BoxFuture<'_, Result<Option<Letter>, StoreError>> {
        Box::pin(self.query(move |connection, _, _| queries::one_letter(connection, id)))
    }

    fn revive(&self, which: Option<MessageId>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.ask(move |answer| {
            Job::write(answer, move |connection, _, _, now| queries::revive(connection, which, now))
        }))
    }

    fn discard(&self, id: MessageId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.ask(move |answer| {
            Job::write(answer, move |connection, _, _, _| queries::discard(connection, id))
        }))
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(self.ask(move |answer| {
            Job::write(answer, move |connection, _, _, now| queries::sweep(connection, limit, now))
        }))
    }

    fn broken(&self) -> Option<String> {
        let stopped = || self.inbox.is_closed().then(|| WRITER_GONE.to_owned());
        self.broken.get().cloned().or_else(stopped)
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.ask(|answer| Job::write(answer, |connection, _, _, _| queries::ping(connection))))
    }
}
