//! The tables: one for each kind, with typed columns and the bounds as checks, and ours (`arch_…`).

use crate::schema::{Kind, Schema};
use crate::store::sql::{Table, Tables, quote};
use crate::value::Type;

/// The version of our own tables; kept in `user_version`.
pub(super) const LAYOUT: i32 = 1;

/// What the file says it is (`application_id`): `arch` in ASCII.
pub(super) const APPLICATION: i32 = 0x6172_6368;

/// The first parameter of a statement that writes a row after its version, the time and who writes.
pub(super) const AFTER_META: usize = 4;

/// Our own tables.
pub(super) const SYSTEM: &str = "
CREATE TABLE arch_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE arch_time (one INTEGER PRIMARY KEY CHECK (one = 1), now INTEGER NOT NULL) STRICT;
CREATE TABLE arch_journal (
  seq INTEGER PRIMARY KEY,
  tx BLOB NOT NULL UNIQUE CHECK (length(tx) = 16),
  body TEXT NOT NULL
) STRICT;
CREATE TABLE arch_idempotency (
  scope TEXT NOT NULL, key TEXT NOT NULL,
  fingerprint BLOB NOT NULL, tx BLOB NOT NULL, outcome TEXT NOT NULL, reply TEXT NOT NULL,
  at INTEGER NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX arch_idempotency_expires ON arch_idempotency (expires);
CREATE TABLE arch_outbox (
  tx BLOB NOT NULL, idx INTEGER NOT NULL,
  target TEXT NOT NULL, payload TEXT NOT NULL, fence_resource TEXT, fence_epoch INTEGER,
  created INTEGER NOT NULL, due INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  dead INTEGER NOT NULL DEFAULT 0 CHECK (dead IN (0, 1)), error TEXT,
  trace TEXT, revived INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tx, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX arch_outbox_due ON arch_outbox (dead, due);
";

/// What databases lack that were made before: columns that have a default, so that programs of both ages can use them.
pub(super) const LATER: &str = "
ALTER TABLE arch_outbox ADD COLUMN trace TEXT;
ALTER TABLE arch_outbox ADD COLUMN revived INTEGER NOT NULL DEFAULT 0;
";

/// The statements of all kinds' tables.
pub(super) fn tables(schema: &Schema) -> Tables {
    Tables::new(schema, table)
}

fn table(kind: &Kind) -> Table {
    let table = quote(&kind.table());
    let keys: Vec<_> = kind.keys.iter().map(|c| quote(&c.name)).collect();
    let columns: Vec<_> = kind.columns.iter().map(|c| quote(&c.name)).collect();
    let each = |names: &[String], from: usize| {
        names.iter().zip(from..).map(|(n, i)| format!("{n} = ?{i}")).collect::<Vec<_>>()
    };
    let listed = |names: &[String]| names.iter().map(|n| format!(", {n}")).collect::<String>();
    let order = if keys.is_empty() { "1".into() } else { keys.join(", ") };
    let by_key = |from| {
        let terms = each(&keys, from);
        if terms.is_empty() { "_one = 1".into() } else { terms.join(" AND ") }
    };
    let places = (1..keys.len() + columns.len() + AFTER_META).map(|i| format!("?{i}")).collect::<Vec<_>>();
    let set: String = each(&columns, AFTER_META).iter().map(|t| format!(", {t}")).collect();
    let key_from = AFTER_META + columns.len();
    Table {
        create: create(kind, &table, &keys),
        name: table.clone(),
        select: format!("SELECT _version{} FROM {table} WHERE {}", listed(&columns), by_key(1)),
        scan: format!("SELECT _version{}{} FROM {table} ORDER BY {order}", listed(&keys), listed(&columns)),
        insert: format!(
            "INSERT INTO {table} (_version, _updated_at, _updated_by{}{}) VALUES ({})",
            listed(&keys),
            listed(&columns),
            places.join(", ")
        ),
        update: format!(
            "UPDATE {table} SET _version = ?1, _updated_at = ?2, _updated_by = ?3{set} WHERE {} AND _version = ?1 - 1",
            by_key(key_from)
        ),
    }
}

fn create(kind: &Kind, table: &str, keys: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if keys.is_empty() {
        parts.push("_one INTEGER PRIMARY KEY DEFAULT 1 CHECK (_one = 1)".into());
    }
    parts.extend(kind.keys.iter().chain(&kind.columns).map(|c| column(&quote(&c.name), &c.ty)));
    parts.push("_version INTEGER NOT NULL CHECK (_version > 0)".into());
    parts.push("_updated_at INTEGER NOT NULL".into());
    parts.push("_updated_by TEXT NOT NULL".into());
    if keys.is_empty() {
        return format!("CREATE TABLE {table} ({}) STRICT", parts.join(", "));
    }
    parts.push(format!("PRIMARY KEY ({})", keys.join(", ")));
    format!("CREATE TABLE {table} ({}) STRICT, WITHOUT ROWID", parts.join(", "))
}

/// A column with the bounds of its type.
fn column(name: &str, ty: &Type) -> String {
    let (inner, null) = match ty {
        Type::Optional(inner) => (&**inner, ""),
        ty => (ty, " NOT NULL"),
    };
    let text = |s: &str| format!("'{}'", s.replace('\'', "''"));
    match inner {
        Type::Bool => format!("{name} INTEGER{null} CHECK ({name} IN (0, 1))"),
        Type::Int { lo, hi } => {
            format!("{name} INTEGER{null} CHECK ({name} BETWEEN {} AND {})", int(*lo), int(*hi))
        }
        Type::Enum(e) => {
            let constants: Vec<_> = e.constants.iter().map(|c| text(c)).collect();
            format!("{name} TEXT{null} CHECK ({name} IN ({}))", constants.join(", "))
        }
        Type::Id(_) => format!("{name} TEXT{null} CHECK (length({name}) > 0)"),
        Type::Ordinal(_) => format!("{name} INTEGER{null} CHECK ({name} >= 0)"),
        Type::Time => format!("{name} INTEGER{null}"),
        _ => format!("{name} TEXT{null} CHECK (json_valid({name}))"),
    }
}

/// SQL reads `-9223372036854775808` as a negated number that is too great.
fn int(n: i64) -> String {
    if n == i64::MIN { format!("({} - 1)", n + 1) } else { n.to_string() }
}
