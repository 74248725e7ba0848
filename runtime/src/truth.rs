//! The truth as handlers see it: committed rows, typed, outside the transaction.
//!
//! A handler that makes a choice (which job, which worker) looks here for what there is. Another request may be faster: what was
//! read can be over when the step runs, and then its guard says so. So this is for choosing, never for deciding.

use crate::service::{Call, HandlerError};
use crate::step::{Key, Record};
use crate::store::{Store, StoreError};
use std::fmt;
use std::sync::Arc;

/// What is committed now.
#[derive(Clone, Default)]
pub struct Truth(Option<Arc<dyn Store>>);

impl Truth {
    /// Of a store.
    #[must_use]
    pub fn of(store: Arc<dyn Store>) -> Truth {
        Truth(Some(store))
    }

    fn store(&self) -> Result<&dyn Store, HandlerError> {
        self.0.as_deref().ok_or_else(|| HandlerError::internal("this call is not executed by a service"))
    }

    /// All rows of a kind that were ever written, as of one moment, by key.
    ///
    /// # Errors
    /// The store is not there (503), or holds what it must not hold (500).
    pub async fn all<R: Record>(&self) -> Result<Vec<(R::Key, R)>, HandlerError> {
        let rows = self.store()?.scan(R::KIND).await.map_err(|e| failed(&e))?;
        let typed = rows.into_iter().map(|(key, row)| {
            let key = R::Key::from_parts(&key.key);
            key.zip(R::from_row(&row.row)).ok_or_else(|| HandlerError::internal("a row of another type"))
        });
        typed.collect()
    }

    /// One row; none if it was never written.
    ///
    /// # Errors
    /// As for [`Truth::all`].
    pub async fn get<R: Record>(&self, key: &R::Key) -> Result<Option<R>, HandlerError> {
        let rows = self.store()?.read(&[R::row_key(key)]).await.map_err(|e| failed(&e))?;
        let row = rows.into_iter().next().flatten();
        let typed = |row: &crate::store::Versioned| R::from_row(&row.row);
        row.map(|row| typed(&row).ok_or_else(|| HandlerError::internal("a row of another type"))).transpose()
    }
}

impl Call {
    /// What is committed now.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        &self.truth
    }
}

impl fmt::Debug for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Truth")
    }
}

fn failed(error: &StoreError) -> HandlerError {
    match error {
        StoreError::Corrupt(_) => HandlerError::internal("the store is corrupt"),
        _ => HandlerError::unavailable("the store cannot be read now"),
    }
}
