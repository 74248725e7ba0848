//! Values as PostgreSQL columns, and PostgreSQL's errors as ours.

use crate::journal::Write;
use crate::schema::{Column, KindId, Schema};
use crate::store::sql::Tables;
use crate::store::{StoreError, Versioned};
use crate::time::Instant;
use crate::value::{RowKey, Type, Value};
use deadpool_postgres::ClientWrapper;
use std::collections::BTreeMap;
use std::error::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, to_sql_checked};
use tokio_postgres::{Row, Statement};

/// PostgreSQL's error as ours. Never for a COMMIT that failed: there, nothing is certain.
pub(super) fn error(failure: tokio_postgres::Error) -> StoreError {
    let text = describe(&failure);
    match failure.code() {
        Some(
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::LOCK_NOT_AVAILABLE,
        ) => StoreError::Conflict(text),
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => StoreError::Corrupt(text),
        _ => StoreError::Unavailable(text),
    }
}

/// The message with its causes: by itself it is "db error".
pub(super) fn describe(failure: &tokio_postgres::Error) -> String {
    match failure.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match failure.source() {
            Some(source) => format!("{failure}: {source}"),
            None => failure.to_string(),
        },
    }
}

/// A prepared statement.
pub(super) async fn prepared(client: &ClientWrapper, sql: &str) -> Result<Statement, StoreError> {
    client.prepare_cached(sql).await.map_err(error)
}

/// A value with its type, as a parameter.
#[derive(Debug)]
struct Encoded<'a>(&'a Type, &'a Value);

impl ToSql for Encoded<'_> {
    fn to_sql(
        &self,
        ty: &tokio_postgres::types::Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.1 {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(b) => b.to_sql(ty, out),
            Value::Int(n) => n.to_sql(ty, out),
            Value::Enum(s) | Value::Id(s) => s.as_str().to_sql(ty, out),
            Value::Ordinal(n) => i64::try_from(*n)?.to_sql(ty, out),
            Value::Time(t) => t.millis().to_sql(ty, out),
            other => {
                let inner = if let Type::Optional(inner) = self.0 { inner } else { self.0 };
                inner.to_json(other)?.to_sql(ty, out)
            }
        }
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Reads a column as its type; what is not of it is corrupt.
fn decode(column: &Column, row: &Row, at: usize) -> Result<Value, StoreError> {
    let wrong = |what: String| {
        StoreError::Corrupt(format!("{}: expected {}, found {what}", column.name, column.ty.describe()))
    };
    let inner = if let Type::Optional(inner) = &column.ty { inner } else { &column.ty };
    let value = match inner {
        Type::Bool => row.try_get::<_, Option<bool>>(at).map(|v| v.map(Value::Bool)),
        Type::Int { .. } | Type::Ordinal(_) | Type::Time => {
            let number = row.try_get::<_, Option<i64>>(at).map_err(|e| wrong(e.to_string()))?;
            let number = number.map(|n| match inner {
                Type::Ordinal(_) => u64::try_from(n).ok().map(Value::Ordinal),
                Type::Time => Instant::checked(n).map(Value::Time),
                _ => Some(Value::Int(n)),
            });
            match number {
                Some(None) => return Err(wrong("a number out of range".into())),
                number => Ok(number.flatten()),
            }
        }
        Type::Enum(e) => row.try_get::<_, Option<&str>>(at).map(|v| {
            v.map(|text| {
                let known = e.constants.iter().find(|c| *c == text).cloned();
                Value::Enum(known.unwrap_or_else(|| text.into()))
            })
        }),
        Type::Id(_) => row.try_get::<_, Option<&str>>(at).map(|v| v.map(Value::id)),
        json => {
            let text = row.try_get::<_, Option<&str>>(at).map_err(|e| wrong(e.to_string()))?;
            Ok(text.map(|text| json.from_json(text)).transpose().map_err(|e| wrong(e.to_string()))?)
        }
    };
    let value = value.map_err(|e| wrong(e.to_string()))?.unwrap_or(Value::Null);
    column.ty.check(&value).map_err(|m| wrong(m.to_string()))?;
    Ok(value)
}

fn decode_all(columns: &[Column], row: &Row, from: usize) -> Result<Vec<Value>, StoreError> {
    columns.iter().enumerate().map(|(i, c)| decode(c, row, from + i)).collect()
}

/// A row's version, and the time of its last write.
fn version(row: &Row) -> Result<(u64, Instant), StoreError> {
    let read = || -> Result<(i64, i64), tokio_postgres::Error> { Ok((row.try_get(0)?, row.try_get(1)?)) };
    let (version, at) = read().map_err(error)?;
    let version = u64::try_from(version).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok((version, Instant::from_millis(at)))
}

/// Reads a row with [`crate::store::sql::Table::select`], with the time of its last write; none if it was never written.
pub(super) async fn read_row(
    client: &ClientWrapper,
    statement: &Statement,
    schema: &Schema,
    row: &RowKey,
) -> Result<Option<(Versioned, Instant)>, StoreError> {
    let kind = schema.kind(row.kind);
    let key: Vec<_> = kind.keys.iter().zip(&row.key).map(|(c, v)| Encoded(&c.ty, v)).collect();
    let key: Vec<_> = key.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
    let Some(found) = client.query_opt(statement, &key).await.map_err(error)? else { return Ok(None) };
    let (version, at) = version(&found)?;
    Ok(Some((Versioned { version, row: decode_all(&kind.columns, &found, 2)? }, at)))
}

/// All rows of a kind, and the time of the last write to any.
type Scanned = (BTreeMap<Box<[Value]>, Versioned>, Instant);

/// Reads all rows of a kind with [`crate::store::sql::Table::scan`].
pub(super) async fn scan(
    client: &ClientWrapper,
    statement: &Statement,
    schema: &Schema,
    kind: KindId,
) -> Result<Scanned, StoreError> {
    let columns = schema.kind(kind);
    let mut rows = BTreeMap::new();
    let mut last = Instant::PAST;
    for row in client.query(statement, &[]).await.map_err(error)? {
        let (version, at) = version(&row)?;
        let key = decode_all(&columns.keys, &row, 2)?;
        let values = decode_all(&columns.columns, &row, 2 + columns.keys.len())?;
        rows.insert(key.into(), Versioned { version, row: values });
        last = last.max(at);
    }
    Ok((rows, last))
}

/// Writes a row.
pub(super) async fn write_row(
    client: &ClientWrapper,
    schema: &Schema,
    tables: &Tables,
    write: &Write,
    now: Instant,
    by: &str,
) -> Result<(), StoreError> {
    let kind = schema.kind(write.row.kind);
    let table = tables.of(write.row.kind);
    let version = i64::try_from(write.version).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let now = now.millis();
    let key: Vec<_> = kind.keys.iter().zip(&write.row.key).map(|(c, v)| Encoded(&c.ty, v)).collect();
    let values: Vec<_> = kind.columns.iter().zip(&write.values).map(|(c, v)| Encoded(&c.ty, v)).collect();
    let (first, second) = if version == 1 { (&key, &values) } else { (&values, &key) };
    let mut all: Vec<&(dyn ToSql + Sync)> = vec![&version, &now, &by];
    all.extend(first.iter().chain(second).map(|v| v as &(dyn ToSql + Sync)));
    let statement = prepared(client, if version == 1 { &table.insert } else { &table.update }).await?;
    let changed = match client.execute(&statement, &all).await {
        Ok(changed) => changed,
        Err(e) if e.code() == Some(&SqlState::UNIQUE_VIOLATION) => 0,
        Err(e) => return Err(error(e)),
    };
    // Locked and read a moment ago: only somebody who does not take our locks can have written it.
    let meddled = || format!("{} was written by somebody else", write.row.text(schema));
    if changed == 1 { Ok(()) } else { Err(StoreError::Conflict(meddled())) }
}
