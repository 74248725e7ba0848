//! What tables and columns can be called, in every store.
//!
//! The code generator, which depends on no crate of the services that it makes, compiles this file as its own, so that it refuses
//! what a store would: nothing else of the runtime may be named here.

/// The longest name of a table or column, in bytes: PostgreSQL cuts names at 63, and while a table is migrated a number is
/// appended to its name.
const LONGEST_NAME: usize = 56;

/// Beginnings of tables' names that are somebody's own; `pg_…` would be looked for in PostgreSQL's catalogue first.
const BEGINNINGS: [(&str, &str); 3] = [
    ("arch_", "names that begin with `arch_` are the runtime's own"),
    ("sqlite_", "names that begin with `sqlite_` are SQLite's own"),
    ("pg_", "names that begin with `pg_` are PostgreSQL's own"),
];

/// Columns that every table of PostgreSQL has.
const SYSTEM_COLUMNS: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// Why no table can be called so, in any of the stores; none if one can.
pub(crate) fn table_fault(table: &str) -> Option<&'static str> {
    let begins = BEGINNINGS.iter().find(|(own, _)| begins_with(table, own)).map(|(_, why)| *why);
    let migrated = || {
        let (_, number) = table.rsplit_once("__")?;
        let is_one = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_one.then_some("names that end with `__` and a number are those of tables that are being migrated")
    };
    let index = || table.ends_with("_pkey").then_some("names that end with `_pkey` are those of indexes");
    identifier_fault(table).or(begins).or_else(migrated).or_else(index)
}

/// Why no column can be called so, in any of the stores; none if one can.
pub(crate) fn column_fault(column: &str) -> Option<&'static str> {
    let system = SYSTEM_COLUMNS.iter().any(|own| column.eq_ignore_ascii_case(own));
    identifier_fault(column)
        .or_else(|| system.then_some("every table of PostgreSQL has a column of this name already"))
}

/// Names become quoted identifiers of SQL; `_…` are ours.
fn identifier_fault(name: &str) -> Option<&'static str> {
    let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    match () {
        () if !letters || !first => {
            Some("names have letters of ASCII, digits and `_`, and begin with a letter")
        }
        () if name.len() > LONGEST_NAME => Some("names have at most 56 letters"),
        () => None,
    }
}

fn begins_with(name: &str, beginning: &str) -> bool {
    name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}
