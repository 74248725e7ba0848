//! What a step sees.

use crate::schema::KindId;
use crate::time::Instant;
use crate::value::{Row, RowKey, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A row that was written, with its version: 1 at its first write, one more at each further one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Versioned {
    /// How often it was written.
    pub version: u64,
    /// Its attributes.
    pub row: Row,
}

/// The rows that a store has read for a step.
#[derive(Clone, Debug, Default)]
pub struct ReadRows {
    /// Rows by key; none for a row never written.
    pub rows: BTreeMap<RowKey, Option<Versioned>>,
    /// All rows of the scanned kinds.
    pub scans: BTreeMap<KindId, BTreeMap<Box<[Value]>, Versioned>>,
}

impl ReadRows {
    /// The row, if it was read: none is a row that was not, `Some(None)` one never written.
    #[must_use]
    pub fn get(&self, row: &RowKey) -> Option<Option<&Versioned>> {
        match self.scans.get(&row.kind) {
            Some(all) => Some(all.get(&row.key)),
            None => self.rows.get(row).map(Option::as_ref),
        }
    }
}

/// The truth as one transaction sees it, and the time.
#[derive(Debug)]
pub struct Snapshot<'a> {
    now: Instant,
    read: &'a ReadRows,
    wanted: RefCell<Wanted>,
}

/// What a step asked for that was not read.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) rows: Vec<RowKey>,
    pub(crate) scans: Vec<KindId>,
}

impl<'a> Snapshot<'a> {
    /// These rows at this time.
    #[must_use]
    pub fn new(now: Instant, read: &'a ReadRows) -> Snapshot<'a> {
        Snapshot { now, read, wanted: RefCell::default() }
    }

    /// The time, read by the store after it has its locks; journalled.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A row; none if it was never written, and so has its initial attributes.
    ///
    /// Asking for a row that is not among the transition's keys is how a step reads through what it read (the state of the
    /// task's present owner): what the step says is then discarded, and it is evaluated again with that row as well.
    #[must_use]
    pub fn get(&self, row: &RowKey) -> Option<&'a Row> {
        match self.read.get(row) {
            Some(versioned) => versioned.map(|v| &v.row),
            None => {
                self.wanted.borrow_mut().rows.push(row.clone());
                None
            }
        }
    }

    /// The version of a row: 0 if it was never written. Asks for the row, as [`Snapshot::get`] does.
    #[must_use]
    pub fn version(&self, row: &RowKey) -> u64 {
        self.get(row).and_then(|_| self.read.get(row)?).map_or(0, |versioned| versioned.version)
    }

    /// All rows of a kind that the plan scans, by key. Keys that never were written are not among them.
    pub fn all(&self, kind: KindId) -> impl Iterator<Item = (&'a [Value], &'a Row)> {
        let rows = self.read.scans.get(&kind);
        if rows.is_none() {
            self.wanted.borrow_mut().scans.push(kind);
        }
        rows.into_iter().flatten().map(|(key, v)| (&**key, &v.row))
    }

    pub(crate) fn into_wanted(self) -> Wanted {
        self.wanted.into_inner()
    }
}
