//! The statements that a batch of transitions uses again and again.

use super::codec::error;
use super::queries;
use crate::schema::KindId;
use crate::store::StoreError;
use crate::store::sql::Tables;
use rusqlite::{CachedStatement, Connection};

/// A statement of a kind's table.
#[derive(Clone, Copy)]
pub(super) enum OfKind {
    /// Reads a row.
    Select,
    /// Writes a row for the first time.
    Insert,
    /// Writes a row again.
    Update,
}

/// A statement of one of our own tables.
#[derive(Clone, Copy)]
pub(super) enum Own {
    /// Appends to the journal.
    Append,
    /// Asks for an idempotency key.
    Known,
    /// Keeps the reply to an idempotency key.
    KeepKey,
    /// Puts a message into the outbox.
    Post,
}

type Held<'c> = Option<CachedStatement<'c>>;

/// Statements of a connection, each taken from its cache when it is first needed and held until the batch is over: looking one
/// up by its text and giving it back takes as long as a short statement.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    tables: &'c Tables,
    kinds: Vec<[Held<'c>; 3]>,
    own: [Held<'c>; 4],
}

impl<'c> Statements<'c> {
    /// None taken yet.
    pub(super) fn new(connection: &'c Connection, tables: &'c Tables) -> Statements<'c> {
        Statements { connection, tables, kinds: Vec::new(), own: Default::default() }
    }

    /// A statement of a kind's table.
    pub(super) fn of(&mut self, kind: KindId, which: OfKind) -> Result<&mut CachedStatement<'c>, StoreError> {
        let at = usize::from(kind.0);
        if self.kinds.len() <= at {
            self.kinds.resize_with(at + 1, Default::default);
        }
        let table = self.tables.of(kind);
        let sql = match which {
            OfKind::Select => &table.select,
            OfKind::Insert => &table.insert,
            OfKind::Update => &table.update,
        };
        taken(&mut self.kinds[at][which as usize], self.connection, sql)
    }

    /// A statement of one of our own tables.
    pub(super) fn own(&mut self, which: Own) -> Result<&mut CachedStatement<'c>, StoreError> {
        let sql = match which {
            Own::Append => queries::APPEND,
            Own::Known => queries::KNOWN,
            Own::KeepKey => queries::KEEP_KEY,
            Own::Post => queries::POST,
        };
        taken(&mut self.own[which as usize], self.connection, sql)
    }
}

fn taken<'a, 'c>(
    held: &'a mut Held<'c>,
    connection: &'c Connection,
    sql: &str,
) -> Result<&'a mut CachedStatement<'c>, StoreError> {
    match held {
        Some(statement) => Ok(statement),
        none => Ok(none.insert(connection.prepare_cached(sql).map_err(error)?)),
    }
}
