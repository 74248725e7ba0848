//! A committed row, with its version and the store's time, as of one moment: for callers that want to know where they are before
//! they ask for a step (which run is mine, how long is my lease). It decides nothing: the step's guard does.

use crate::schema::{KindClass, Schema};
use crate::service::Service;
use crate::store::{
    Decision, Denial, Json, Meta, Plan, Snapshot, Store, StoreError, Transition, TxId, Verdict,
};
use crate::store::{Policy, transact};
use crate::time::Instant;
use crate::value::{Row, RowKey, Type, Value};
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, PoisonError};

/// A row as of one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Looked {
    /// Its attributes; those that it starts with, if it was never written; none if it is not known how it starts.
    pub row: Option<Row>,
    /// How often it was written.
    pub version: u64,
    /// When, by the store's clock.
    pub now: Instant,
}

/// Looks at a row. A transition that is always denied: it reads under the store's locks, gets the store's time, and writes
/// nothing.
///
/// # Errors
/// The store cannot be read.
pub async fn look(
    store: &dyn Store,
    service: &Service,
    row: &RowKey,
    policy: &Policy,
) -> Result<Looked, StoreError> {
    let seen = Arc::<Mutex<Option<Row>>>::default();
    let (key, see) = (row.clone(), seen.clone());
    let step = move |snapshot: &Snapshot<'_>| {
        *see.lock().unwrap_or_else(PoisonError::into_inner) = snapshot.get(&key).cloned();
        Decision::Deny(Denial { failed: Vec::new(), record: false })
    };
    let nobody = SmolStr::default;
    let meta = Meta {
        tx: TxId::fresh(),
        actor: nobody(),
        id: nobody(),
        run: None,
        input: Json::null(),
        idempotency: None,
        trace: None,
    };
    let plan = Arc::new(Plan { op: "look".into(), ..Plan::default() });
    let transition = Transition { plan, keys: vec![row.clone()], meta, step: Arc::new(step) };
    let settled = transact(store, transition, policy).await?;
    let Verdict::Denied(denied) = settled.verdict else {
        return Err(StoreError::invalid("look", "a step that denies was committed"));
    };
    let version = denied.entry.reads.iter().find(|(read, _)| read == row).map_or(0, |(_, version)| *version);
    let stored = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(Looked { row: stored.or_else(|| (service.initial)(row)), version, now: denied.entry.now })
}

/// Whose a row is: the instances of actors in its key, if it holds the locals of one or is a run. The truth is everybody's, since
/// everybody's guards read it.
#[must_use]
pub fn owners<'r>(service: &Service, row: &'r RowKey) -> Vec<(SmolStr, &'r SmolStr)> {
    let kind = service.schema.kind(row.kind);
    if kind.class == KindClass::Truth {
        return Vec::new();
    }
    let acts = |sort: &SmolStr| service.operations.iter().any(|op| op.actor == *sort);
    let parts = kind.keys.iter().zip(&row.key);
    let owners = parts.filter_map(|(column, value)| match (&column.ty, value) {
        (Type::Id(sort), Value::Id(id)) if acts(sort) => Some((sort.clone(), id)),
        _ => None,
    });
    owners.collect()
}

/// A row from the segments of a path, decoded: its kind, then the parts of its key.
///
/// # Errors
/// No row can be called so.
pub fn named(schema: &Schema, segments: &[impl AsRef<str>]) -> Result<RowKey, crate::value::KeyError> {
    let mut text = String::new();
    for (n, segment) in segments.iter().enumerate() {
        if n > 0 {
            text.push('/');
        }
        crate::value::write_key_part(&Value::Id(segment.as_ref().into()), &mut text);
    }
    RowKey::parse(&text, schema)
}
