//! Compares a whole store with its journal.

use super::{Cursor, Judge, Validator, Violation};
use crate::store::{Store, StoreError};

/// How many entries are read at a time.
const PAGE: usize = 1_000;

/// Why a store is not what its journal says.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal is not a serial execution, or the judge refused an event.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// A row is not what the journal says.
    #[error("{row} is {found} in its table, {expected} in the journal")]
    Row {
        /// The row.
        row: String,
        /// What its table has.
        found: String,
        /// What the journal says.
        expected: String,
    },
}

/// Validates a store's journal from its beginning and compares the final state with the tables. Nothing may be committed
/// meanwhile.
///
/// # Errors
/// The first thing that is wrong.
pub async fn audit<J: Judge>(store: &dyn Store, judge: J) -> Result<Validator<J>, AuditError> {
    let mut validator = Validator::new(store.schema().clone(), judge).after(store.earlier());
    let mut cursor = Cursor::START;
    loop {
        let page = store.journal(cursor, PAGE).await?;
        page.entries.iter().try_for_each(|entry| validator.step(entry))?;
        if page.entries.is_empty() {
            break;
        }
        cursor = page.next;
    }
    compare(store, &validator).await?;
    Ok(validator)
}

async fn compare<J: Judge>(store: &dyn Store, validator: &Validator<J>) -> Result<(), AuditError> {
    let schema = store.schema();
    for (id, kind) in schema.kinds() {
        let json = |values: &[_]| kind.row_to_json(values).unwrap_or_else(|e| e.to_string());
        let rows = store.scan(id).await?;
        for (row, found) in &rows {
            let expected = validator.state().get(row);
            if expected.is_none_or(|e| e.version != found.version || e.values != found.row) {
                let found = format!("{} at version {}", json(&found.row), found.version);
                let expected = expected.map(|e| format!("{} at version {}", json(&e.values), e.version));
                let expected = expected.unwrap_or_else(|| "absent".into());
                return Err(AuditError::Row { row: row.text(schema), found, expected });
            }
        }
        let there: std::collections::HashSet<_> = rows.iter().map(|(row, _)| &*row.key).collect();
        if let Some((key, state)) = validator.state().rows(id).find(|(key, _)| !there.contains(key)) {
            let row = crate::value::RowKey::new(id, key).text(schema);
            return Err(AuditError::Row { row, found: "absent".into(), expected: json(&state.values) });
        }
    }
    Ok(())
}
