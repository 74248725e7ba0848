//! The tables: one for each kind, with typed columns and the bounds as checks, and ours (`arch_…`).

use crate::schema::{Kind, Schema};
use crate::store::sql::{Table, Tables, quote};
use crate::value::Type;

/// The version of our own tables.
pub(super) const LAYOUT: &str = "1";

/// Milliseconds since 1970, now: not when the transaction began, which may be long before it got its locks.
pub(super) const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// Our own tables. `xid` is the transaction's id, taken while it held all its locks; 0 for entries from before a restore.
pub(super) const SYSTEM: &str = "
CREATE TABLE arch_meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE arch_journal (
  seq bigserial PRIMARY KEY,
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  tx uuid NOT NULL UNIQUE,
  body text NOT NULL
);
CREATE INDEX arch_journal_xid ON arch_journal (xid, seq);
CREATE TABLE arch_idempotency (
  scope text NOT NULL, key text NOT NULL,
  fingerprint bytea NOT NULL, tx uuid NOT NULL, outcome text NOT NULL, reply text NOT NULL,
  at bigint NOT NULL, expires bigint NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX arch_idempotency_expires ON arch_idempotency (expires);
CREATE TABLE arch_outbox (
  tx uuid NOT NULL, idx integer NOT NULL,
  target text NOT NULL, payload text NOT NULL, fence_resource text, fence_epoch bigint,
  created bigint NOT NULL, due bigint NOT NULL, attempt integer NOT NULL DEFAULT 0,
  dead boolean NOT NULL DEFAULT false, error text,
  trace text, revived integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tx, idx)
);
CREATE INDEX arch_outbox_due ON arch_outbox (due, tx, idx) WHERE NOT dead;
";

/// What databases lack that were made before: columns that have a default, so that programs of both ages can use them.
pub(super) const LATER: &str =
    "ALTER TABLE arch_outbox ADD COLUMN trace text, ADD COLUMN revived integer NOT NULL DEFAULT 0";

/// The statements of all kinds' tables.
pub(super) fn tables(schema: &Schema) -> Tables {
    Tables::new(schema, table)
}

fn is_json(ty: &Type) -> bool {
    !ty.is_scalar()
}

/// A parameter of a column.
fn place(ty: &Type, i: usize) -> String {
    if is_json(ty) { format!("${i}::text::jsonb") } else { format!("${i}") }
}

/// A column, as it is read.
fn shown(name: &str, ty: &Type) -> String {
    if is_json(ty) { format!(", {name}::text") } else { format!(", {name}") }
}

fn table(kind: &Kind) -> Table {
    let table = quote(&kind.table());
    let all = || kind.keys.iter().chain(&kind.columns);
    let names: String = all().map(|c| format!(", {}", quote(&c.name))).collect();
    let places: String = all().zip(4..).map(|(c, i)| format!(", {}", place(&c.ty, i))).collect();
    let shown_keys: String = kind.keys.iter().map(|c| shown(&quote(&c.name), &c.ty)).collect();
    let shown_columns: String = kind.columns.iter().map(|c| shown(&quote(&c.name), &c.ty)).collect();
    let by_key = |from: usize| {
        let terms = kind.keys.iter().zip(from..).map(|(c, i)| format!("{} = ${i}", quote(&c.name)));
        let terms: Vec<_> = terms.collect();
        if terms.is_empty() { "_one = 1".into() } else { terms.join(" AND ") }
    };
    let set = kind.columns.iter().zip(4..);
    let set: String = set.map(|(c, i)| format!(", {} = {}", quote(&c.name), place(&c.ty, i))).collect();
    Table {
        create: create(kind, &table),
        name: table.clone(),
        select: format!("SELECT _version, _updated_at{shown_columns} FROM {table} WHERE {}", by_key(1)),
        scan: format!("SELECT _version, _updated_at{shown_keys}{shown_columns} FROM {table}"),
        insert: format!(
            "INSERT INTO {table} (_version, _updated_at, _updated_by{names}) VALUES ($1, $2, $3{places})"
        ),
        update: format!(
            "UPDATE {table} SET _version = $1::bigint, _updated_at = $2, _updated_by = $3{set}
             WHERE {} AND _version = $1::bigint - 1",
            by_key(4 + kind.columns.len())
        ),
    }
}

fn create(kind: &Kind, table: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    if kind.keys.is_empty() {
        parts.push("_one smallint PRIMARY KEY DEFAULT 1 CHECK (_one = 1)".into());
    }
    parts.extend(kind.keys.iter().chain(&kind.columns).map(|c| column(&quote(&c.name), &c.ty)));
    parts.push("_version bigint NOT NULL CHECK (_version > 0)".into());
    parts.push("_updated_at bigint NOT NULL".into());
    parts.push("_updated_by text NOT NULL".into());
    if !kind.keys.is_empty() {
        let keys: Vec<_> = kind.keys.iter().map(|c| quote(&c.name)).collect();
        parts.push(format!("PRIMARY KEY ({})", keys.join(", ")));
    }
    format!("CREATE TABLE {table} ({})", parts.join(", "))
}

/// A column with the bounds of its type.
fn column(name: &str, ty: &Type) -> String {
    let (inner, null) = match ty {
        Type::Optional(inner) => (&**inner, ""),
        ty => (ty, " NOT NULL"),
    };
    let text = |s: &str| format!("'{}'", s.replace('\'', "''"));
    match inner {
        Type::Bool => format!("{name} boolean{null}"),
        Type::Int { lo, hi } => {
            // PostgreSQL reads the digits before the sign.
            format!("{name} bigint{null} CHECK ({name} BETWEEN '{lo}'::bigint AND '{hi}'::bigint)")
        }
        Type::Enum(e) => {
            let constants: Vec<_> = e.constants.iter().map(|c| text(c)).collect();
            format!("{name} text{null} CHECK ({name} IN ({}))", constants.join(", "))
        }
        // By byte, as everywhere else: not in the order of some language.
        Type::Id(_) => format!("{name} text COLLATE \"C\"{null} CHECK ({name} <> '')"),
        Type::Ordinal(_) => format!("{name} bigint{null} CHECK ({name} >= 0)"),
        Type::Time => format!("{name} bigint{null}"),
        _ => format!("{name} jsonb{null}"),
    }
}
