//! The journal as a trace.

use super::{CliError, io, store};
use crate::journal::{self, Cursor, Replay, TraceError};
use crate::service::Service;
use crate::settings::Settings;
use crate::store::{Store, StoreError};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

/// How many entries are read at a time.
const PAGE: usize = 1_000;

pub(super) async fn export(
    service: &Service,
    settings: &Settings,
    out: Option<&Path>,
) -> Result<(), CliError> {
    let store = store::open(settings, service.schema.clone()).await?;
    // Only where one process after the other counts up are numbers without gaps: PostgreSQL loses those of transactions that are
    // undone, and etcd's are revisions.
    let dense = !["postgres", "etcd"].iter().any(|store| settings.store.url.starts_with(store));
    match out {
        None => write(&*store, dense, &mut std::io::stdout().lock(), "standard output").await,
        Some(path) => {
            let name = path.display().to_string();
            let file = File::create(path).map_err(io(&name))?;
            let mut to = BufWriter::new(file);
            write(&*store, dense, &mut to, &name).await?;
            to.into_inner().map_err(|e| io(&name)(e.into_error()))?.sync_all().map_err(io(&name))
        }
    }
}

/// Entries in the order of the journal, which is not that of `seq` where several processes write: they are put in order.
async fn write(store: &dyn Store, dense: bool, to: &mut impl Write, name: &str) -> Result<(), CliError> {
    let schema = store.schema().clone();
    journal::write_header(to, &schema, dense, store.earlier()).map_err(io(name))?;
    let (mut cursor, mut count, mut last) = (Cursor::START, 0, 0);
    let mut held = Vec::new();
    loop {
        let page = store.journal(cursor, PAGE).await?;
        if page.entries.is_empty() {
            break;
        }
        cursor = page.next;
        if !dense {
            held.extend(page.entries);
            continue;
        }
        for entry in &page.entries {
            line(to, &schema, entry, name)?;
            (count, last) = (count + 1, entry.seq);
        }
    }
    held.sort_by_key(|entry| entry.seq);
    for entry in &held {
        line(to, &schema, entry, name)?;
        (count, last) = (count + 1, entry.seq);
    }
    journal::write_end(to, count, last).map_err(io(name))
}

fn line(
    to: &mut impl Write,
    schema: &crate::schema::Schema,
    entry: &journal::Entry,
    name: &str,
) -> Result<(), CliError> {
    let body = entry.body(schema).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    journal::write_entry(to, entry.seq, entry.tx, &body).map_err(io(name))
}

/// Checks a trace; `accepted` are the earlier versions of the spec whose events are taken as they are.
pub(super) fn check(service: &Service, path: &Path, accepted: &[String]) -> Result<(), CliError> {
    let name = path.display().to_string();
    let from = BufReader::new(File::open(path).map_err(io(&name))?);
    let steps = service.steps.clone();
    let judge = Replay::new(service.schema.clone(), move |entry: &journal::Entry| steps(entry));
    match journal::check_trace(from, &service.schema, judge) {
        Ok(validator) => {
            let said = judged(&validator);
            match validator.unjudged().find(|(spec, _)| !accepted.iter().any(|a| a == *spec)) {
                None => {
                    println!("{name}: {said}");
                    Ok(())
                }
                Some((spec, _)) => Err(CliError::Inconclusive(format!(
                    "{name}: {said}; if they were checked by that version: --accept-earlier {spec}"
                ))),
            }
        }
        Err(TraceError::Io(error)) => Err(io(&name)(error)),
        Err(error) => Err(CliError::Bad(format!("{name}: {error}"))),
    }
}

/// What was shown of a trace's events.
fn judged<J: journal::Judge>(validator: &journal::Validator<J>) -> String {
    let order = format!("{} events, each next in a serial execution", validator.count());
    let earlier: Vec<String> =
        validator.unjudged().map(|(spec, n)| format!("{n} events of an earlier version, {spec}")).collect();
    if earlier.is_empty() {
        return format!("{order}, each as its step says");
    }
    format!("{order}; not judged, only put in order: {}", earlier.join("; "))
}
