//! Whose keys these are: making the first, refusing others'.

use super::gateway::{Compare, Gateway, Op, Range, Revision, Txn};
use super::keys::Keys;
use super::records::{record, value};
use crate::schema::Schema;
use crate::store::StoreError;
use crate::store::migrate::{Upgrade, earlier_text};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The version of how keys and values are laid out.
const LAYOUT: u32 = 1;

/// How often somebody else may be faster at making or migrating.
const TRIES: usize = 5;

/// The value of `meta`.
#[derive(Serialize, Deserialize)]
struct Meta {
    layout: u32,
    spec: SmolStr,
    schema: String,
    earlier: Vec<SmolStr>,
}

/// What was found or made: the revision of `meta`, which every commit compares, and the earlier versions of the spec.
pub(super) struct Opened {
    pub(super) meta: Revision,
    pub(super) earlier: Vec<SmolStr>,
}

/// Makes sure that the keys below the prefix are this service's; with `migrate` they become so, if they are of an earlier version of
/// the spec and no row contradicts. No row is written for that: what rows may lack is optional. With `existing` the first is not made.
pub(super) async fn prepare(
    gateway: &Gateway,
    keys: &Keys,
    schema: &Schema,
    migrate: bool,
    existing: bool,
) -> Result<Opened, StoreError> {
    for _ in 0..TRIES {
        let meta = Range::one(keys.meta());
        let (_, mut found) = gateway.read(vec![meta, Range::below(&keys.0).limit(1)]).await?;
        let (some, meta) = (found.pop().unwrap_or_default(), found.pop().unwrap_or_default());
        let (next, since) = match meta.kvs.first() {
            None if some.kvs.is_empty() && existing => {
                let prefix = keys.0.trim_end_matches('/');
                return Err(StoreError::missing(format!("etcd has no keys below `{prefix}`")));
            }
            None if some.kvs.is_empty() => (Meta::of(schema, Vec::new()), Revision(0)),
            None => return Err(foreign(keys, "something else is there")),
            Some(kv) => match recognise(&record(kv)?, keys, schema, migrate)? {
                None => return Ok(Opened { meta: kv.mod_revision, earlier: record::<Meta>(kv)?.earlier }),
                Some(next) => (next, kv.mod_revision),
            },
        };
        let mut success = vec![Op::put(keys.meta(), value(&next)?)];
        if since == Revision(0) {
            success.push(Op::put(keys.part(), "0"));
        }
        let compare = vec![Compare::unchanged(keys.meta().into(), since)];
        let done = gateway.txn(&Txn { compare, success }).await?;
        if done.succeeded {
            return Ok(Opened { meta: done.revision(), earlier: next.earlier });
        }
    }
    Err(StoreError::Conflict("others open it at the same time, again and again".into()))
}

impl Meta {
    fn of(schema: &Schema, earlier: Vec<SmolStr>) -> Meta {
        Meta { layout: LAYOUT, spec: schema.spec().clone(), schema: schema.to_json(), earlier }
    }
}

fn foreign(keys: &Keys, why: impl std::fmt::Display) -> StoreError {
    StoreError::Foreign(format!("`{}` is not this service's: {why}", keys.0.trim_end_matches('/')))
}

/// What it has to become; nothing if it is so.
fn recognise(meta: &Meta, keys: &Keys, schema: &Schema, migrate: bool) -> Result<Option<Meta>, StoreError> {
    if meta.layout != LAYOUT {
        let why = format!("its layout is version {}, this runtime's is {LAYOUT}", meta.layout);
        return Err(foreign(keys, why));
    }
    if meta.spec != *schema.spec() {
        let by = Upgrade::of(&meta.schema, schema).map_err(|why| foreign(keys, why))?;
        if !migrate {
            return Err(foreign(keys, by.wanted(schema)));
        }
        return Ok(Some(Meta::of(schema, by.earlier(Some(&earlier_text(&meta.earlier))))));
    }
    if meta.schema != schema.to_json() {
        return Err(foreign(keys, "its schema is another, though the spec is the same"));
    }
    Ok(None)
}
