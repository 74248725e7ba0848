//! Evaluates a step and turns what it says into what is to be committed: the same code for every store.

use super::{Applied, Decision, Denial, Effects, ReadRows, Snapshot, StoreError, Transition};
use crate::journal::{Entry, Write};
use crate::outbox::Message;
use crate::schema::Schema;
use crate::store::Json;
use crate::time::Instant;
use crate::trace_context::TraceContext;
use crate::value::{Row, RowKey};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How often a step may ask for further rows before it is taken to be wrong.
pub const WIDENINGS: usize = 16;

/// What came of evaluating a step.
#[derive(Debug)]
pub enum Evaluation {
    /// It asked for rows that were not read: read them too, and evaluate again.
    Widen(Vec<RowKey>),
    /// It said what to commit; checked.
    Commit(Prepared),
    /// It denied; an entry for the journal if the denial is to be recorded.
    Deny {
        /// The entry, without writes.
        entry: Entry,
        /// Whether it is to be recorded.
        record: bool,
    },
}

/// What is to be committed, all of it or nothing.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The journal entry, without its `seq`; its writes are the rows to write.
    pub entry: Entry,
    /// Messages.
    pub messages: Vec<Message>,
    /// The trace in which the messages are written, and delivered.
    pub trace: Option<TraceContext>,
    /// The reply.
    pub reply: Json,
}

impl Prepared {
    /// The commit, when its place in the journal is known.
    #[must_use]
    pub fn applied(self, seq: u64) -> Applied {
        Applied { entry: Arc::new(Entry { seq, ..self.entry }), reply: self.reply }
    }
}

/// Evaluates a transition's step over what was read.
///
/// # Errors
/// [`StoreError::Invalid`]: the step panicked, scanned what its plan does not, wrote a row that it did not read or may not write,
/// a row twice, or a value that its column cannot hold.
pub fn evaluate(
    schema: &Schema,
    transition: &Transition,
    now: Instant,
    read: &ReadRows,
) -> Result<Evaluation, StoreError> {
    let op = &transition.plan.op;
    let snapshot = Snapshot::new(now, read);
    let said = catch_unwind(AssertUnwindSafe(|| (transition.step)(&snapshot)));
    let wanted = snapshot.into_wanted();
    if let Some(kind) = wanted.scans.first() {
        let name = &schema.kind(*kind).name;
        return Err(StoreError::invalid(op, format!("it scans {name}, its plan does not")));
    }
    if !wanted.rows.is_empty() {
        // Also when it panicked: it did not see the row.
        for row in &wanted.rows {
            schema.kind(row.kind).check_key(&row.key).map_err(|m| StoreError::invalid(op, m))?;
        }
        return Ok(Evaluation::Widen(wanted.rows));
    }
    let said =
        said.map_err(|panic| StoreError::invalid(op, format!("it panicked: {}", panic_text(&*panic))))?;
    let mut entry = entry_of(schema, transition, now, read);
    match said {
        Decision::Deny(Denial { failed, record }) => {
            entry.denied = Some(failed);
            Ok(Evaluation::Deny { entry, record })
        }
        Decision::Apply(Effects { writes, branch, outcome, messages, reply }) => {
            entry.writes = check_writes(schema, transition, read, writes)?;
            entry.branch = branch;
            entry.outcome = outcome;
            entry.next = messages.iter().map(|m| m.target.clone()).collect();
            let trace = transition.meta.trace.clone();
            Ok(Evaluation::Commit(Prepared { entry, messages, trace, reply }))
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

fn entry_of(schema: &Schema, transition: &Transition, now: Instant, read: &ReadRows) -> Entry {
    let meta = &transition.meta;
    let version = |v: &Option<super::Versioned>| v.as_ref().map_or(0, |v| v.version);
    Entry {
        spec: schema.spec().clone(),
        seq: 0,
        tx: meta.tx,
        now,
        actor: meta.actor.clone(),
        id: meta.id.clone(),
        op: transition.plan.op.clone(),
        run: meta.run.clone(),
        branch: None,
        input: meta.input.clone(),
        reads: read.rows.iter().map(|(row, v)| (row.clone(), version(v))).collect(),
        scans: read
            .scans
            .iter()
            .map(|(kind, rows)| (*kind, rows.values().map(|v| v.version).sum()))
            .collect(),
        writes: Vec::new(),
        outcome: Default::default(),
        denied: None,
        next: Vec::new(),
        trace_id: meta.trace.as_ref().map(TraceContext::trace_id),
    }
}

fn check_writes(
    schema: &Schema,
    transition: &Transition,
    read: &ReadRows,
    said: Vec<(RowKey, Row)>,
) -> Result<Vec<Write>, StoreError> {
    let mut writes: Vec<Write> = Vec::with_capacity(said.len());
    for (row, values) in said {
        let wrong = |why: String| {
            StoreError::invalid(&transition.plan.op, format!("writing {}: {why}", row.text(schema)))
        };
        let kind = schema.kind(row.kind);
        kind.check(&row.key, &values).map_err(|m| wrong(m.to_string()))?;
        if !transition.plan.may_write(row.kind) {
            return Err(wrong("its plan does not write this kind".into()));
        }
        // A step writes a few rows.
        if writes.iter().any(|w| w.row == row) {
            return Err(wrong("it is written twice".into()));
        }
        let before = read.get(&row).ok_or_else(|| wrong("it was not read".into()))?;
        let version = before.map_or(0, |v| v.version) + 1;
        writes.push(Write { row, version, values });
    }
    Ok(writes)
}
