//! Opening a database: making it, recognising it, refusing what is not ours.

use super::codec::error;
use super::tables::{APPLICATION, LATER, LAYOUT, SYSTEM};
use crate::schema::Schema;
use crate::store::StoreError;
use crate::store::migrate::{Upgrade, earlier_of, earlier_text};
use crate::store::sql::Tables;
use crate::time::{Clock, SystemClock};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// Statements kept ready: a few for each kind, and ours.
const STATEMENTS: usize = 256;

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Whether transitions share commits. Off only to measure what it is worth.
    pub group_commit: bool,
    /// How much longer each commit takes, as on a disk whose syncs are slow. For measurements.
    pub sync_delay: Duration,
    /// Writes nothing: for looking at a database, and as what happens on a disk that has become read-only.
    pub read_only: bool,
    /// Brings the tables from an earlier version of the spec to this one, if that can be done without a decision
    /// ([`crate::store::migrate`]). Nobody else may have the database open.
    pub migrate: bool,
    /// Opens what is there and makes nothing: a file that is missing or empty is [`StoreError::Missing`].
    pub existing: bool,
    /// The most pages (of 4 KiB) that the file may have, as if the disk were full then.
    pub max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Arc::new(SystemClock::default()),
            group_commit: true,
            sync_delay: Duration::ZERO,
            read_only: false,
            migrate: false,
            existing: false,
            max_pages: None,
        }
    }
}

/// Opens the writing connection and makes or recognises the database.
pub(super) fn writer(
    path: &Path,
    schema: &Schema,
    tables: &Tables,
    options: &Options,
) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !options.existing {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    } else if path.try_exists().is_ok_and(|there| !there) {
        return Err(StoreError::missing(format!("there is no database {}", path.display())));
    }
    let connection = connect(path, flags)?;
    let application: i32 = pragma(&connection, "application_id").map_err(|e| opening(path, e))?;
    let objects: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(|e| opening(path, e))?;
    let fresh = application == 0 && objects == 0;
    if !fresh && application != APPLICATION {
        return Err(foreign(path, "it is another application's database"));
    }
    if fresh && options.existing {
        return Err(StoreError::missing(format!("there is nothing in the database {}", path.display())));
    }
    // Before anything is written, also for a database that is refused below: it is ours.
    settings(&connection).map_err(|e| opening(path, e))?;
    if fresh {
        let created = whole(&connection, || create_all(&connection, schema, tables));
        created.map_err(|e| opening(path, e))?;
        sync_folder(path)?;
    }
    recognise(path, &connection, schema, tables, options.migrate)?;
    if options.read_only {
        connection.execute_batch("PRAGMA query_only = ON").map_err(error)?;
    }
    if let Some(pages) = options.max_pages {
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages}")).map_err(error)?;
    }
    Ok(connection)
}

/// Opens the reading connection.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags).map_err(|e| opening(path, e))?;
    connection.busy_timeout(BUSY).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

/// The most memory for pages, in KiB. SQLite's own 2 MiB do not hold the inner pages and the places where transitions write
/// in a database of some size, which are then read again for every batch.
const PAGES: u32 = 32 * 1024;
/// After how many pages the log is moved into the file. Keys are all over the tables, so pages are written again and again: the
/// longer the log, the fewer copies of each are moved, and the fewer batches pay for the sync of the file. 16 MiB are read again
/// in a moment when a database is opened after a crash.
const LOG: u32 = 4 * 1024;

/// WAL with a sync at every commit: what is acknowledged survives a power failure. (`NORMAL` may lose the last commits.)
fn settings(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = pragma(connection, "journal_mode = WAL")?;
    if mode != "wal" {
        let text = format!("the file system does not support WAL: journal mode is {mode}");
        return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1), Some(text)));
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -{PAGES}; PRAGMA wal_autocheckpoint = {LOG};",
    ))
}

/// Does all of it, or nothing.
fn whole(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let made = work().and_then(|()| connection.execute_batch("COMMIT"));
    // SQLite may have undone it already: on a full disk, say.
    if made.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    made
}

fn create_all(connection: &Connection, schema: &Schema, tables: &Tables) -> rusqlite::Result<()> {
    // Another process may have been faster.
    if pragma::<i32>(connection, "application_id")? == APPLICATION {
        return Ok(());
    }
    connection.execute_batch(SYSTEM)?;
    tables.creates().try_for_each(|create| connection.execute_batch(create))?;
    let sql = "INSERT INTO arch_meta (key, value) VALUES ('spec', ?1), ('schema', ?2)";
    connection.execute(sql, [schema.spec().as_str(), &schema.to_json()])?;
    connection
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT};"))
}

/// Makes sure that the new file's name is on the disk too.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = std::fs::File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(|e| StoreError::Unavailable(format!("{}: {e}", folder.display())))
}

fn recognise(
    path: &Path,
    connection: &Connection,
    schema: &Schema,
    tables: &Tables,
    migrate: bool,
) -> Result<(), StoreError> {
    let layout: i32 = pragma(connection, "user_version").map_err(|e| opening(path, e))?;
    if layout != LAYOUT {
        return Err(foreign(path, &format!("its layout is version {layout}, this runtime's is {LAYOUT}")));
    }
    let spec = meta(connection, "spec").map_err(|e| opening(path, e))?;
    let stored = meta(connection, "schema").map_err(|e| opening(path, e))?;
    let (Some(spec), Some(stored)) = (spec, stored) else {
        return Err(StoreError::Corrupt(format!("{} does not say which spec it is for", path.display())));
    };
    if spec != *schema.spec() {
        let upgrade = Upgrade::of(&stored, schema).map_err(|why| foreign(path, &why))?;
        if !migrate {
            return Err(foreign(path, &upgrade.wanted(schema)));
        }
        let upgraded = whole(connection, || upgrade_all(connection, schema, tables, &upgrade));
        upgraded.map_err(|e| opening(path, e))?;
    } else if stored != schema.to_json() {
        return Err(foreign(path, "its schema is not this service's, though the spec is the same"));
    }
    complete(connection).map_err(|e| opening(path, e))?;
    last_entry(path, connection, schema)
}

/// Adds the columns that a database lacks which was made before there were any.
fn complete(connection: &Connection) -> rusqlite::Result<()> {
    let lacks = || {
        let sql = "SELECT NOT EXISTS (SELECT * FROM pragma_table_info('arch_outbox') WHERE name = 'revived')";
        connection.query_row(sql, [], |row| row.get::<_, bool>(0))
    };
    // Only then: the disk may be read-only, and the database can still be read.
    if !lacks()? {
        return Ok(());
    }
    // Another process may have been faster.
    whole(connection, || if lacks()? { connection.execute_batch(LATER) } else { Ok(()) })
}

fn upgrade_all(
    connection: &Connection,
    schema: &Schema,
    tables: &Tables,
    upgrade: &Upgrade,
) -> rusqlite::Result<()> {
    let earlier = upgrade.earlier(meta(connection, "earlier")?.as_deref());
    for sql in tables.migration(&upgrade.migration, schema, earlier.len()) {
        connection.execute_batch(&sql)?;
    }
    let sql =
        "INSERT OR REPLACE INTO arch_meta (key, value) VALUES ('spec', ?1), ('schema', ?2), ('earlier', ?3)";
    let earlier = earlier_text(&earlier);
    connection.execute(sql, [schema.spec().as_str(), &schema.to_json(), &earlier]).map(drop)
}

/// The earlier versions of the spec.
pub(super) fn earlier(connection: &Connection) -> Result<Vec<SmolStr>, StoreError> {
    Ok(earlier_of(meta(connection, "earlier").map_err(error)?.as_deref()))
}

fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM arch_meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// The end of the journal is where a damaged file is most likely to show.
fn last_entry(path: &Path, connection: &Connection, schema: &Schema) -> Result<(), StoreError> {
    let last = super::queries::last_seq(connection)?;
    let before = crate::journal::Cursor(last.saturating_sub(1), 0);
    let page = super::queries::journal(connection, schema, before, 1)?;
    let mark = super::queries::mark(connection)?;
    if page.entries.iter().any(|e| e.now > mark) {
        let why = "the time mark is before the last journal entry";
        return Err(StoreError::Corrupt(format!("{}: {why}", path.display())));
    }
    Ok(())
}

/// SQLite's integrity check of the whole file.
pub(super) fn integrity_check(connection: &Connection) -> Result<(), StoreError> {
    let found: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(error)?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(found)) }
}

fn foreign(path: &Path, why: &str) -> StoreError {
    StoreError::Foreign(format!("{} is not this service's database: {why}", path.display()))
}

/// What goes wrong while a file is opened, with its name.
fn opening(path: &Path, failure: rusqlite::Error) -> StoreError {
    if failure.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return foreign(path, "it is not an SQLite database, or it is damaged");
    }
    match error(failure) {
        StoreError::Corrupt(why) => StoreError::Corrupt(format!("{}: {why}", path.display())),
        StoreError::Unavailable(why) => StoreError::Unavailable(format!("{}: {why}", path.display())),
        other => other,
    }
}
