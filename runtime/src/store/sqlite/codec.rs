//! Values as SQLite columns, and SQLite's errors as ours.

use crate::journal::Write;
use crate::schema::{Column, KindId, Schema};
use crate::store::sql::Tables;
use crate::store::sqlite::statements::{OfKind, Statements};
use crate::store::sqlite::tables::AFTER_META;
use crate::store::{StoreError, Versioned};
use crate::time::Instant;
use crate::value::{RowKey, Type, Value};
use rusqlite::types::{ToSqlOutput, Value as Sql, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, Statement, ToSql};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// SQLite's error as ours.
pub(super) fn error(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(failure, text) => {
            let text = text.clone().unwrap_or_else(|| failure.to_string());
            match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    StoreError::Conflict(format!("another process has the database: {text}"))
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
                ErrorCode::DiskFull => StoreError::Unavailable(format!("the disk is full: {text}")),
                ErrorCode::ReadOnly => {
                    StoreError::Unavailable(format!("the database cannot be written: {text}"))
                }
                _ => StoreError::Unavailable(text),
            }
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// A value with its type, as a column.
struct Encoded<'a>(&'a Type, &'a Value);

impl ToSql for Encoded<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number = |n: i64| ToSqlOutput::Owned(Sql::Integer(n));
        Ok(match self.1 {
            Value::Null => ToSqlOutput::Owned(Sql::Null),
            Value::Bool(b) => number(i64::from(*b)),
            Value::Int(n) => number(*n),
            Value::Enum(s) | Value::Id(s) => ToSqlOutput::Borrowed(ValueRef::Text(s.as_bytes())),
            Value::Ordinal(n) => number(i64::try_from(*n).unwrap_or(i64::MAX)),
            Value::Time(t) => number(t.millis()),
            other => {
                let inner = if let Type::Optional(inner) = self.0 { inner } else { self.0 };
                let json = inner.to_json(other);
                let json = json.map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
                ToSqlOutput::Owned(Sql::Text(json))
            }
        })
    }
}

/// Reads a column as its type; what is not of it is corrupt.
fn decode(column: &Column, stored: ValueRef<'_>) -> Result<Value, StoreError> {
    let wrong = |what: Cow<str>| {
        StoreError::Corrupt(format!("{}: expected {}, found {what}", column.name, column.ty.describe()))
    };
    let (inner, optional) = match &column.ty {
        Type::Optional(inner) => (&**inner, true),
        ty => (ty, false),
    };
    let value = match (inner, stored) {
        (_, ValueRef::Null) if optional => return Ok(Value::Null),
        (Type::Bool, ValueRef::Integer(n @ 0..=1)) => Value::Bool(n == 1),
        (Type::Int { .. }, ValueRef::Integer(n)) => Value::Int(n),
        (Type::Ordinal(_), ValueRef::Integer(n)) => {
            Value::Ordinal(u64::try_from(n).map_err(|_| wrong(n.to_string().into()))?)
        }
        (Type::Time, ValueRef::Integer(n)) => {
            Value::Time(Instant::checked(n).ok_or_else(|| wrong(n.to_string().into()))?)
        }
        (ty, ValueRef::Text(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|e| wrong(e.to_string().into()))?;
            match ty {
                Type::Enum(e) => {
                    let constant = e.constants.iter().find(|c| *c == text);
                    Value::Enum(constant.ok_or_else(|| wrong(text.to_owned().into()))?.clone())
                }
                Type::Id(_) => Value::Id(text.into()),
                ty if ty.is_scalar() => return Err(wrong("text".into())),
                ty => ty.from_json(text).map_err(|e| wrong(e.to_string().into()))?,
            }
        }
        (_, other) => return Err(wrong(format!("{:?}", other.data_type()).into())),
    };
    column.ty.check(&value).map_err(|e| wrong(e.to_string().into()))?;
    Ok(value)
}

fn decode_all(columns: &[Column], row: &Row, from: usize) -> Result<Vec<Value>, StoreError> {
    let column = |(i, c): (usize, &Column)| decode(c, row.get_ref(from + i).map_err(error)?);
    columns.iter().enumerate().map(column).collect()
}

fn version(row: &Row) -> Result<u64, StoreError> {
    let version: i64 = row.get(0).map_err(error)?;
    u64::try_from(version).map_err(|_| StoreError::Corrupt(format!("a row at version {version}")))
}

/// Binds values of these columns, from a position on.
fn bind(
    statement: &mut Statement<'_>,
    from: usize,
    columns: &[Column],
    values: &[Value],
) -> Result<(), StoreError> {
    let mut all = (from..).zip(columns.iter().zip(values));
    all.try_for_each(|(at, (c, v))| statement.raw_bind_parameter(at, Encoded(&c.ty, v)).map_err(error))
}

/// Reads a row; none if it was never written.
pub(super) fn read_row(
    statements: &mut Statements<'_>,
    schema: &Schema,
    row: &RowKey,
) -> Result<Option<Versioned>, StoreError> {
    let kind = schema.kind(row.kind);
    let statement = statements.of(row.kind, OfKind::Select)?;
    bind(statement, 1, &kind.keys, &row.key)?;
    let mut found = statement.raw_query();
    let Some(found) = found.next().map_err(error)? else { return Ok(None) };
    Ok(Some(Versioned { version: version(found)?, row: decode_all(&kind.columns, found, 1)? }))
}

/// Reads all rows of a kind.
pub(super) fn scan(
    connection: &Connection,
    schema: &Schema,
    tables: &Tables,
    kind: KindId,
) -> Result<BTreeMap<Box<[Value]>, Versioned>, StoreError> {
    let columns = schema.kind(kind);
    let mut statement = connection.prepare_cached(&tables.of(kind).scan).map_err(error)?;
    let mut found = statement.query([]).map_err(error)?;
    let mut rows = BTreeMap::new();
    while let Some(row) = found.next().map_err(error)? {
        let key = decode_all(&columns.keys, row, 1)?;
        let values = decode_all(&columns.columns, row, 1 + columns.keys.len())?;
        rows.insert(key.into(), Versioned { version: version(row)?, row: values });
    }
    Ok(rows)
}

/// Writes a row.
pub(super) fn write_row(
    statements: &mut Statements<'_>,
    schema: &Schema,
    write: &Write,
    now: Instant,
    by: &str,
) -> Result<(), StoreError> {
    let kind = schema.kind(write.row.kind);
    let version = i64::try_from(write.version).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let which = if version == 1 { OfKind::Insert } else { OfKind::Update };
    let statement = statements.of(write.row.kind, which)?;
    statement.raw_bind_parameter(1, version).map_err(error)?;
    statement.raw_bind_parameter(2, now.millis()).map_err(error)?;
    statement.raw_bind_parameter(3, by).map_err(error)?;
    let key = (&*kind.keys, &*write.row.key);
    let values = (&*kind.columns, &*write.values);
    let (first, second) = if version == 1 { (key, values) } else { (values, key) };
    bind(statement, AFTER_META, first.0, first.1)?;
    bind(statement, AFTER_META + first.0.len(), second.0, second.1)?;
    match statement.raw_execute().map_err(error)? {
        1 => Ok(()),
        // Read in the same transaction a moment ago.
        _ => {
            Err(StoreError::Corrupt(format!("{} is not at version {}", write.row.text(schema), version - 1)))
        }
    }
}
