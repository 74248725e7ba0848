//! The lines of a trace, read and parsed by a thread of their own: to parse an entry takes about as long as to judge it.

use super::Entry;
use super::file::{END, TraceError, no_entry, read_line};
use crate::schema::Schema;
use std::io::BufRead;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// How many entries are handed over at a time.
const BATCH: usize = 256;

/// How many batches may wait: what is held of a trace does not depend on its length.
const WAITING: usize = 8;

/// What the reader hands over.
pub(super) enum Part {
    /// The next entries.
    Entries(Vec<Entry>),
    /// The line that says how many there were; its number, and whether there is more behind it.
    End { text: String, line: u64, more: bool },
    /// There is nothing more that can be read, and no end.
    Stop(TraceError),
}

/// Reads everything after the first line.
pub(super) fn parts<'scope>(
    scope: &'scope Scope<'scope, '_>,
    from: impl BufRead + Send + 'scope,
    schema: &'scope Schema,
) -> Receiver<Part> {
    let (tell, told) = sync_channel(WAITING);
    // Who does not listen any more has found something that is wrong.
    scope.spawn(move || _ = read(from, schema, &tell));
    told
}

/// Hands over everything; none if nobody listens any more.
fn read(mut from: impl BufRead, schema: &Schema, tell: &SyncSender<Part>) -> Option<()> {
    let (mut text, mut batch) = (String::new(), Vec::with_capacity(BATCH));
    let last = loop_lines(&mut from, schema, tell, &mut text, &mut batch)?;
    tell.send(Part::Entries(batch)).ok()?;
    tell.send(last).ok()
}

fn loop_lines(
    from: &mut impl BufRead,
    schema: &Schema,
    tell: &SyncSender<Part>,
    text: &mut String,
    batch: &mut Vec<Entry>,
) -> Option<Part> {
    for line in 2.. {
        match next(from, schema, text, line) {
            Ok(Some(entry)) => batch.push(entry),
            Ok(None) => return Some(end(from, text, line)),
            Err(error) => return Some(Part::Stop(error)),
        }
        if batch.len() == BATCH {
            tell.send(Part::Entries(std::mem::replace(batch, Vec::with_capacity(BATCH)))).ok()?;
        }
    }
    None
}

/// The entry of the next line; none at the end.
fn next(
    from: &mut impl BufRead,
    schema: &Schema,
    text: &mut String,
    line: u64,
) -> Result<Option<Entry>, TraceError> {
    if !read_line(from, text)? {
        return Err(TraceError::Truncated(format!("it stops after line {}", line - 1)));
    }
    if text.starts_with(END) {
        return Ok(None);
    }
    Entry::from_line(text, schema).map(Some).map_err(|e| no_entry(line, &e))
}

fn end(from: &mut impl BufRead, text: &mut String, line: u64) -> Part {
    let said = std::mem::take(text);
    match read_line(from, text) {
        Ok(more) => Part::End { text: said, line, more },
        Err(error) => Part::Stop(error.into()),
    }
}
