//! One committed transition, as the journal keeps it.

use crate::schema::KindId;
use crate::store::{Json, TxId};
use crate::time::Instant;
use crate::value::{Row, RowKey};
use smol_str::SmolStr;

/// One entry of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The hash of the spec that the service was generated from.
    pub spec: SmolStr,
    /// Its place: greater than that of everything it depends on. 0 while it has none. Without gaps in stores with one writer.
    pub seq: u64,
    /// The transaction.
    pub tx: TxId,
    /// The time that the step saw.
    pub now: Instant,
    /// Who acted: the actor's name.
    pub actor: SmolStr,
    /// Who acted: the instance.
    pub id: SmolStr,
    /// The operation: `main.claim`.
    pub op: SmolStr,
    /// The run that moved.
    pub run: Option<RowKey>,
    /// The branch taken, if not the main chain.
    pub branch: Option<SmolStr>,
    /// The request with the choices that were made before the step.
    pub input: Json,
    /// Rows read by key, with their versions; 0: never written.
    pub reads: Vec<(RowKey, u64)>,
    /// Kinds read as a whole, with the sum of all their rows' versions. The sum grows by one at each write to the kind, so it
    /// tells every state of the kind from every other, rows that do not exist yet included.
    pub scans: Vec<(KindId, u64)>,
    /// Rows written, each with its new version.
    pub writes: Vec<Write>,
    /// The outcome, or the step that the run is at now; empty for a denial.
    pub outcome: SmolStr,
    /// For a denial, the ids of the guard atoms that were false; then there are no writes and no outcome.
    pub denied: Option<Vec<SmolStr>>,
    /// Where its messages go.
    pub next: Vec<SmolStr>,
    /// The trace that it belongs to.
    pub trace_id: Option<SmolStr>,
}

/// A written row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// Which.
    pub row: RowKey,
    /// Its version from now on: one more than before.
    pub version: u64,
    /// All its attributes.
    pub values: Row,
}

/// A place in a store's journal. Only the store knows what the numbers mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Cursor(pub u64, pub u64);

impl Cursor {
    /// Before the first entry.
    pub const START: Cursor = Cursor(0, 0);
}
