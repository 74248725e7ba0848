//! A store's journal as a trace, page by page: memory does not grow with the journal.

use super::{Cursor, write_end, write_entry, write_header};
use crate::store::{Store, StoreError};
use std::io::{self, Write};

/// How many entries are read at a time.
const PAGE: usize = 1_000;

/// Why a journal is not exported. What was written before has no end, and so is no trace.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The trace could not be written.
    #[error("the trace cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Writes a store's journal as a trace, in the order of `seq`; how many entries it has. `dense` says in the trace that `seq` has no
/// gaps, which is so where only one process counts.
///
/// # Errors
/// The store cannot be read, or the trace not be written.
pub async fn export(store: &dyn Store, dense: bool, to: &mut impl Write) -> Result<u64, ExportError> {
    let schema = store.schema();
    write_header(to, schema, dense, store.earlier())?;
    let (mut cursor, mut count, mut last) = (Cursor::START, 0, 0);
    loop {
        let page = store.history(cursor, PAGE).await?;
        if page.entries.is_empty() {
            break;
        }
        cursor = page.next;
        for entry in &page.entries {
            let body = entry.body(schema).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            write_entry(to, entry.seq, entry.tx, &body)?;
            (count, last) = (count + 1, entry.seq);
        }
    }
    write_end(to, count, last)?;
    Ok(count)
}
