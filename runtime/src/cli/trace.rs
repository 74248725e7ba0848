//! The journal as a trace.

use super::{CliError, io, store};
use crate::journal::{self, ExportError, Replay, TraceError};
use crate::service::Service;
use crate::settings::Settings;
use crate::store::Store;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

pub(super) async fn export(
    service: &Service,
    settings: &Settings,
    out: Option<&Path>,
) -> Result<(), CliError> {
    let store = store::existing(service, settings).await?;
    // Only where one process after the other counts up are numbers without gaps: PostgreSQL loses those of transactions that are
    // undone, and etcd's are revisions.
    let dense = !["postgres", "etcd"].iter().any(|store| settings.store.url.starts_with(store));
    match out {
        None => write(&*store, dense, &mut BufWriter::new(std::io::stdout().lock()), "standard output").await,
        Some(path) => {
            let name = path.display().to_string();
            let file = File::create(path).map_err(io(&name))?;
            let mut to = BufWriter::new(file);
            write(&*store, dense, &mut to, &name).await?;
            to.into_inner().map_err(|e| io(&name)(e.into_error()))?.sync_all().map_err(io(&name))
        }
    }
}

async fn write(store: &dyn Store, dense: bool, to: &mut impl Write, name: &str) -> Result<(), CliError> {
    match journal::export(store, dense, to).await {
        Ok(_) => to.flush().map_err(io(name)),
        Err(ExportError::Store(error)) => Err(error.into()),
        Err(ExportError::Io(error)) => Err(io(name)(error)),
    }
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
