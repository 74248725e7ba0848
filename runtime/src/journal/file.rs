//! Traces as files: a header, one line for each entry, and an end that says how many there are.

use super::lines::{self, Part};
use super::{Entry, Judge, Validator, Violation};
use crate::schema::Schema;
use crate::store::TxId;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::io::{self, BufRead, Write};
use std::sync::Arc;

/// The first line of a trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Always `trace`.
    pub arch: SmolStr,
    /// The version of the format.
    pub v: u64,
    /// The hash of the spec.
    pub spec: SmolStr,
    /// Whether `seq` has no gaps.
    pub dense: bool,
    /// The hashes of earlier versions of the spec, whose entries come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<SmolStr>,
}

/// The last line of a trace. Without it the trace is truncated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// How many entries there are.
    end: u64,
    /// The `seq` of the last.
    last: u64,
}

/// How the last line of a trace begins.
pub const END: &str = "{\"end\":";

/// The most bytes of a line.
const MAX_LINE: u64 = 16 << 20;

/// Why a trace is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It cannot be read.
    #[error("the trace cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("the trace is empty")]
    Empty,
    /// It does not begin with a header.
    #[error("line 1 is no header of a trace: {0}")]
    Header(String),
    /// It is of another spec.
    #[error("the trace is of spec {found}, not {expected}")]
    Foreign {
        /// Its spec.
        found: SmolStr,
        /// The spec that was asked for.
        expected: SmolStr,
    },
    /// A line is not an entry.
    #[error("line {line} is no entry: {error}")]
    Line {
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        error: String,
        /// Whether it is JSON at all: then it is whole, and what it says cannot be.
        whole: bool,
    },
    /// It ends before its end.
    #[error("the trace is truncated: {0}")]
    Truncated(String),
    /// An event does not fit.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// Begins a trace.
///
/// # Errors
/// It cannot be written.
pub fn write_header(
    to: &mut impl Write,
    schema: &Schema,
    dense: bool,
    earlier: &[SmolStr],
) -> io::Result<()> {
    let (spec, earlier) = (schema.spec().clone(), earlier.to_vec());
    let header = Header { arch: "trace".into(), v: 1, spec, dense, earlier };
    writeln!(to, "{}", serde_json::to_string(&header)?)
}

/// Writes one entry of a trace from what a store keeps.
///
/// # Errors
/// It cannot be written.
pub fn write_entry(to: &mut impl Write, seq: u64, tx: TxId, body: &str) -> io::Result<()> {
    writeln!(to, "{}", Entry::line(seq, tx, body))
}

/// Ends a trace.
///
/// # Errors
/// It cannot be written.
pub fn write_end(to: &mut impl Write, count: u64, last: u64) -> io::Result<()> {
    writeln!(to, "{}", serde_json::to_string(&End { end: count, last })?)
}

/// Checks a whole trace; the validator has the final state and the number of events.
///
/// # Errors
/// The first thing that is wrong. For a [`TraceError::Violation`], [`super::diagnose`] may know more.
pub fn check_trace<J: Judge>(
    mut from: impl BufRead + Send,
    schema: &Arc<Schema>,
    judge: J,
) -> Result<Validator<J>, TraceError> {
    let header = read_header(&mut from, schema)?;
    let mut validator = Validator::new(schema.clone(), judge).after(&header.earlier);
    if header.dense {
        validator = validator.dense();
    }
    check_events(from, schema, &mut validator)?;
    Ok(validator)
}

/// Reads the first line of a trace.
///
/// # Errors
/// There is none, or it is of another spec.
pub fn read_header(from: &mut impl BufRead, schema: &Schema) -> Result<Header, TraceError> {
    let mut text = String::new();
    if !read_line(from, &mut text)? {
        return Err(TraceError::Empty);
    }
    check_header(&text, schema)
}

/// Checks everything after the first line of a trace.
///
/// # Errors
/// As for [`check_trace`]; the validator then has what was accepted.
pub fn check_events<J: Judge>(
    from: impl BufRead + Send,
    schema: &Arc<Schema>,
    validator: &mut Validator<J>,
) -> Result<(), TraceError> {
    std::thread::scope(|scope| {
        for part in lines::parts(scope, from, schema) {
            match part {
                Part::Entries(entries) => entries.iter().try_for_each(|entry| validator.next(entry))?,
                Part::End { text, line, more } => {
                    check_end(&text, line, validator)?;
                    let error = "the trace ended before".into();
                    let error = TraceError::Line { line: line + 1, error, whole: true };
                    return if more { Err(error) } else { Ok(()) };
                }
                Part::Stop(error) => return Err(error),
            }
        }
        // The reader ends with one of the two; if it panicked, so does the scope.
        Err(TraceError::Truncated("it was not read to its end".into()))
    })
}

/// All entries of a trace, unchecked, for [`super::diagnose`]; memory is linear in the trace.
///
/// # Errors
/// A line is not an entry.
pub fn read_entries(from: impl BufRead, schema: &Arc<Schema>) -> Result<Vec<Entry>, TraceError> {
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(from.lines()).skip(1) {
        let line = line?;
        if line.starts_with(END) {
            break;
        }
        let entry = Entry::from_line(&line, schema);
        entries.push(entry.map_err(|e| no_entry(number, &e))?);
    }
    Ok(entries)
}

pub(super) fn no_entry(line: u64, error: &serde_json::Error) -> TraceError {
    TraceError::Line { line, error: error.to_string(), whole: error.is_data() }
}

/// Reads a line with its end; false at the end of the file.
pub(super) fn read_line(from: &mut impl BufRead, text: &mut String) -> io::Result<bool> {
    text.clear();
    let read = io::Read::take(&mut *from, MAX_LINE).read_line(text)?;
    if read as u64 == MAX_LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of more than 16 MiB"));
    }
    Ok(read > 0)
}

fn check_header(text: &str, schema: &Schema) -> Result<Header, TraceError> {
    let header: Header = serde_json::from_str(text).map_err(|e| TraceError::Header(e.to_string()))?;
    if header.arch != "trace" || header.v != 1 {
        return Err(TraceError::Header(format!("`{}` version {}", header.arch, header.v)));
    }
    if header.spec != *schema.spec() {
        return Err(TraceError::Foreign { found: header.spec, expected: schema.spec().clone() });
    }
    Ok(header)
}

fn check_end<J: Judge>(text: &str, line: u64, validator: &Validator<J>) -> Result<(), TraceError> {
    let end: End = serde_json::from_str(text).map_err(|e| no_entry(line, &e))?;
    let (count, last) = (validator.count(), validator.last());
    if (end.end, end.last) == (count, last) {
        return Ok(());
    }
    let End { end, last: of } = end;
    Err(TraceError::Truncated(format!(
        "it has {count} events up to seq {last}; its end says {end} up to seq {of}"
    )))
}
