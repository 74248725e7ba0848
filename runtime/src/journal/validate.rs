//! Proves from a journal that it is a serial execution: event after event, in time linear in the trace and memory linear in the
//! *state*, never in the trace.
//!
//! Every event says which versions it read and wrote. Versions of a row count its writes, so a journal in which every event
//! reads exactly the present versions, and writes their successors, *is* a serial execution with the same results: no search,
//! no clocks. (The graph of version dependencies of Adya's thesis, "Weak Consistency", 1999, with the journal as its
//! topological order.) A whole kind that was read is compared by the sum of its rows' versions, which also sees rows that
//! were not there. When an event does not fit, [`super::diagnose`] finds out whether another order would have done.

use super::Entry;
use crate::schema::{KindId, Schema};
use crate::store::{ReadRows, Versioned};
use crate::time::Instant;
use crate::value::{Row, RowKey, Value};
use foldhash::fast::RandomState;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

/// A row of the state that a journal describes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowState {
    /// How often it was written.
    pub version: u64,
    /// Its attributes.
    pub values: Row,
    /// The `seq` of its last write.
    pub seq: u64,
    /// The time of its last write.
    pub now: Instant,
}

/// A kind as a whole.
#[derive(Clone, Debug)]
struct KindState {
    /// Looked up several times for each event: the hash function counts.
    rows: HashMap<Box<[Value]>, RowState, RandomState>,
    /// The sum of the rows' versions.
    writes: u64,
    /// The `seq` of the last write.
    seq: u64,
    /// The latest time of a write.
    now: Instant,
}

/// The state after some prefix of a journal.
#[derive(Clone, Debug)]
pub struct State {
    kinds: Vec<KindState>,
}

impl State {
    fn new(schema: &Schema) -> State {
        let kind = KindState { rows: HashMap::default(), writes: 0, seq: 0, now: Instant::PAST };
        State { kinds: vec![kind; schema.kinds().count()] }
    }

    /// A row; none if it was never written.
    #[must_use]
    pub fn get(&self, row: &RowKey) -> Option<&RowState> {
        self.row(row.kind, &row.key)
    }

    /// A row by its kind and key; none if it was never written.
    #[must_use]
    pub fn row(&self, kind: KindId, key: &[Value]) -> Option<&RowState> {
        self.kinds[usize::from(kind.0)].rows.get(key)
    }

    /// All rows of a kind that were ever written, in no order.
    pub fn rows(&self, kind: KindId) -> impl Iterator<Item = (&[Value], &RowState)> {
        self.kinds[usize::from(kind.0)].rows.iter().map(|(key, state)| (&**key, state))
    }

    /// What a step would read that reads what an event read.
    #[must_use]
    pub fn read_rows(&self, event: &Entry) -> ReadRows {
        let versioned = |s: &RowState| Versioned { version: s.version, row: s.values.clone() };
        let row = |(row, _): &(RowKey, u64)| (row.clone(), self.get(row).map(versioned));
        let all = |kind| self.rows(kind).map(|(key, state)| (key.into(), versioned(state))).collect();
        ReadRows {
            rows: event.reads.iter().map(row).collect(),
            scans: event.scans.iter().map(|(kind, _)| (*kind, all(*kind))).collect(),
        }
    }

    /// The sum of the versions of a kind's rows.
    #[must_use]
    pub fn writes(&self, kind: KindId) -> u64 {
        self.kinds[usize::from(kind.0)].writes
    }
}

/// Judges what an event did, once it is known to be next: evaluates the step again, checks invariants.
pub trait Judge {
    /// Judges an event on the state before it.
    ///
    /// # Errors
    /// What is wrong with it, for humans.
    fn judge(&mut self, before: &State, event: &Entry) -> Result<(), String>;

    /// An event of an earlier version of the spec, which is in its place and is not judged: for who keeps account of the state.
    fn pass(&mut self, _before: &State, _event: &Entry) {}
}

/// Judges nothing: only the order is checked.
#[derive(Clone, Copy, Default, Debug)]
pub struct Accept;

impl Judge for Accept {
    fn judge(&mut self, _: &State, _: &Entry) -> Result<(), String> {
        Ok(())
    }
}

/// Why an event does not fit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It was made by a service of another spec.
    #[error("it is of spec {found}, not {expected}")]
    ForeignSpec {
        /// Its spec.
        found: SmolStr,
        /// The spec that was asked for.
        expected: SmolStr,
    },
    /// Its `seq` is not greater than the one before: events out of order, or twice.
    #[error("its seq is {seq}, after {last}: events are out of order, or there twice")]
    Disorder {
        /// Its `seq`.
        seq: u64,
        /// The one before.
        last: u64,
    },
    /// Its `seq` is not the next, in a journal without gaps: events are missing.
    #[error("its seq is {seq}, the next is {expected}: events are missing")]
    Missing {
        /// Its `seq`.
        seq: u64,
        /// The next.
        expected: u64,
    },
    /// It read a version that nothing has written yet: events are missing, or out of order.
    #[error("it read {row} at version {read}, which is at {present}: events are missing, or out of order")]
    FutureRead {
        /// The row, or the kind.
        row: String,
        /// The version that it read.
        read: u64,
        /// The version that there is.
        present: u64,
    },
    /// It read a version that was overwritten.
    #[error("it read {row} at version {read}, but event {by} had made it {present}")]
    StaleRead {
        /// The row, or the kind.
        row: String,
        /// The version that it read.
        read: u64,
        /// The version that there is.
        present: u64,
        /// The `seq` of the event that wrote it.
        by: u64,
    },
    /// Two events wrote the same version: an update was lost.
    #[error("it wrote {row} version {version}, which event {by} had written: an update was lost")]
    LostUpdate {
        /// The row.
        row: String,
        /// The version that both wrote.
        version: u64,
        /// The `seq` of the first (the last writer of the row, when it went on).
        by: u64,
    },
    /// It wrote something else than the next version of a row that it read.
    #[error("it wrote {row} version {version} without having read the one before")]
    BlindWrite {
        /// The row.
        row: String,
        /// The version that it wrote.
        version: u64,
    },
    /// It read or wrote a row twice.
    #[error("it mentions {row} twice")]
    Twice {
        /// The row.
        row: String,
    },
    /// Its time is before that of an event that it depends on.
    #[error("its time {now} is before {before}, the time of event {by}, on which it depends")]
    TimeBack {
        /// Its time.
        now: i64,
        /// The time of the other.
        before: i64,
        /// The `seq` of the other.
        by: u64,
    },
    /// The judge says so.
    #[error("{0}")]
    Judged(String),
}

/// The first event that does not fit.
#[derive(Clone, Debug, thiserror::Error)]
#[error("event {number} ({}, seq {}, {}[{}]): {fault}", event.op, event.seq, event.actor, event.id)]
pub struct Violation {
    /// Its number in the trace, from 1.
    pub number: u64,
    /// The event.
    pub event: Box<Entry>,
    /// What is wrong.
    pub fault: Fault,
}

/// Checks a journal, event by event.
pub struct Validator<J> {
    schema: Arc<Schema>,
    judge: J,
    state: State,
    dense: bool,
    last: u64,
    count: u64,
    /// Earlier versions of the spec, oldest first, and how many of them are over.
    earlier: Vec<SmolStr>,
    version: usize,
    /// How many events of each of them were accepted, and not judged.
    unjudged: Vec<u64>,
}

impl<J: Judge> Validator<J> {
    /// A validator for a whole journal, from its beginning.
    #[must_use]
    pub fn new(schema: Arc<Schema>, judge: J) -> Validator<J> {
        let state = State::new(&schema);
        let (earlier, unjudged) = (Vec::new(), Vec::new());
        Validator { schema, judge, state, dense: false, last: 0, count: 0, earlier, version: 0, unjudged }
    }

    /// The same for a journal whose `seq` has no gaps: a missing event is then seen even if nothing depends on it.
    #[must_use]
    pub fn dense(mut self) -> Validator<J> {
        self.dense = true;
        self
    }

    /// The same for a journal that begins with events of earlier versions of the spec, oldest first. Of them only the order is
    /// checked: their steps are not this spec's. Where the list comes from the trace itself, it proves nothing:
    /// [`Validator::unjudged`] says what was taken on trust.
    #[must_use]
    pub fn after(mut self, earlier: &[SmolStr]) -> Validator<J> {
        self.earlier = earlier.to_vec();
        self.unjudged = vec![0; earlier.len()];
        self
    }

    /// The earlier versions of the spec of which events were accepted, and how many each: only their place in the order was
    /// checked, not what they did.
    pub fn unjudged(&self) -> impl Iterator<Item = (&SmolStr, u64)> {
        self.earlier.iter().zip(self.unjudged.iter().copied()).filter(|(_, events)| *events > 0)
    }

    /// How many events were accepted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The `seq` of the last event that was accepted.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The state after the events accepted so far.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The judge, with what it found.
    pub fn judge(&self) -> &J {
        &self.judge
    }

    /// Checks the next event of a trace in the order of `seq`.
    ///
    /// # Errors
    /// The event does not fit; the validator is then as it was before.
    pub fn next(&mut self, event: &Entry) -> Result<(), Violation> {
        let placed = self.place(event);
        placed.map_err(|fault| self.violation(event, fault))?;
        self.step(event)
    }

    /// Checks the next event of a live journal ([`crate::store::Store::journal`]), where independent events may come in another
    /// order than that of `seq`.
    ///
    /// # Errors
    /// As for [`Validator::next`].
    pub fn step(&mut self, event: &Entry) -> Result<(), Violation> {
        self.check(event).map_err(|fault| self.violation(event, fault))?;
        self.apply(event);
        Ok(())
    }

    /// Takes an event as it is, unchecked: to go on after one that did not fit.
    pub fn accept(&mut self, event: &Entry) {
        self.apply(event);
    }

    fn violation(&self, event: &Entry, fault: Fault) -> Violation {
        Violation { number: self.count + 1, event: Box::new(event.clone()), fault }
    }

    fn place(&self, event: &Entry) -> Result<(), Fault> {
        let (seq, expected) = (event.seq, self.last + 1);
        match () {
            () if seq < expected => Err(Fault::Disorder { seq, last: self.last }),
            () if seq > expected && self.dense => Err(Fault::Missing { seq, expected }),
            () => Ok(()),
        }
    }

    /// Whether an event is not to be judged by this spec: by what it says it is, not by when it comes. A spec may come back after
    /// another, and a trace may be forged.
    fn is_of_another_spec(&self, event: &Entry) -> bool {
        event.spec != *self.schema.spec()
    }

    fn check(&mut self, event: &Entry) -> Result<(), Fault> {
        self.version_of(event)?;
        self.check_writes(event)?;
        for (i, (row, read)) in event.reads.iter().enumerate() {
            self.check_read(event, row, *read)?;
            if event.reads[..i].iter().any(|(r, _)| r == row) {
                return Err(Fault::Twice { row: row.text(&self.schema) });
            }
        }
        event.scans.iter().try_for_each(|(kind, sum)| self.check_scan(event, *kind, *sum))?;
        if self.is_of_another_spec(event) {
            self.judge.pass(&self.state, event);
            return Ok(());
        }
        self.judge.judge(&self.state, event).map_err(Fault::Judged)
    }

    /// The version of the spec that an event is of; never one that is over.
    fn version_of(&self, event: &Entry) -> Result<usize, Fault> {
        let versions = self.earlier.iter().chain([self.schema.spec()]);
        let found = versions.enumerate().skip(self.version).find(|(_, spec)| **spec == event.spec);
        found.map(|(version, _)| version).ok_or_else(|| {
            let expected = self.schema.spec().clone();
            Fault::ForeignSpec { found: event.spec.clone(), expected }
        })
    }

    fn check_read(&self, event: &Entry, row: &RowKey, read: u64) -> Result<(), Fault> {
        let present = self.state.get(row);
        let version = present.map_or(0, |s| s.version);
        if read != version {
            let row = row.text(&self.schema);
            return Err(match present {
                Some(state) if read < version => {
                    Fault::StaleRead { row, read, present: version, by: state.seq }
                }
                _ => Fault::FutureRead { row, read, present: version },
            });
        }
        present.map_or(Ok(()), |s| not_before(event, s.now, s.seq))
    }

    fn check_scan(&self, event: &Entry, kind: KindId, read: u64) -> Result<(), Fault> {
        let KindState { writes: present, seq, now, .. } = self.state.kinds[usize::from(kind.0)];
        let row = || format!("all of {}", self.schema.kind(kind).name);
        match () {
            () if read < present => Err(Fault::StaleRead { row: row(), read, present, by: seq }),
            () if read > present => Err(Fault::FutureRead { row: row(), read, present }),
            () if present > 0 => not_before(event, now, seq),
            () => Ok(()),
        }
    }

    fn check_writes(&self, event: &Entry) -> Result<(), Fault> {
        for (i, write) in event.writes.iter().enumerate() {
            let text = || write.row.text(&self.schema);
            let present = self.state.get(&write.row);
            let version = present.map_or(0, |s| s.version);
            if event.writes[..i].iter().any(|w| w.row == write.row) {
                return Err(Fault::Twice { row: text() });
            }
            if let Some(state) = present.filter(|_| write.version <= version) {
                return Err(Fault::LostUpdate { row: text(), version: write.version, by: state.seq });
            }
            let read = event.reads.iter().find(|(row, _)| *row == write.row).map(|(_, v)| *v);
            let scanned = event.scans.iter().any(|(kind, _)| *kind == write.row.kind);
            let read = read.or_else(|| scanned.then_some(version));
            if read.and_then(|v| v.checked_add(1)) != Some(write.version) {
                return Err(Fault::BlindWrite { row: text(), version: write.version });
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: &Entry) {
        for write in &event.writes {
            let (seq, now) = (event.seq, event.now);
            let state = RowState { version: write.version, values: write.values.clone(), seq, now };
            let kind = &mut self.state.kinds[usize::from(write.row.kind.0)];
            let before = match kind.rows.get_mut(&write.row.key) {
                Some(row) => std::mem::replace(row, state).version,
                None => kind.rows.insert(write.row.key.clone(), state).map_or(0, |row| row.version),
            };
            // One more, unless an event that did not fit was accepted.
            let writes = kind.writes.saturating_sub(before).saturating_add(write.version);
            (kind.writes, kind.seq, kind.now) = (writes, seq, kind.now.max(now));
        }
        self.version = self.version_of(event).unwrap_or(self.version);
        if self.is_of_another_spec(event)
            && let Some(unjudged) = self.unjudged.get_mut(self.version)
        {
            *unjudged += 1;
        }
        self.last = event.seq;
        self.count += 1;
    }
}

fn not_before(event: &Entry, before: Instant, by: u64) -> Result<(), Fault> {
    if event.now >= before {
        return Ok(());
    }
    Err(Fault::TimeBack { now: event.now.millis(), before: before.millis(), by })
}
