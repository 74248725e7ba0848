//! `archc faults`: what each fault alone does to each property.

use super::deliver;
use crate::cli::{FaultsArgs, MatrixFormat};
use crate::engines::Request;
use crate::interrupt;
use crate::load::{self, Input};
use crate::matrix::{self, Row};
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::pipeline;
use crate::progress::Progress;
use crate::render::{matrix as render, text};
use crate::style::Paint;
use arch_base::SourceMap;
use std::sync::atomic::AtomicBool;

/// Prints the matrix of every spec that was named.
#[must_use]
pub fn run(args: &FaultsArgs, paint: Paint) -> ExitStatus {
    let mut sources = SourceMap::default();
    let inputs = load::load(&args.input.paths, &mut sources);
    let interrupt = interrupt::install();
    let mut status = ExitStatus::Success;
    let (mut texts, mut values) = (String::new(), Vec::new());
    for input in &inputs {
        match rows(input, &sources, args, &interrupt) {
            Ok(rows) => {
                status = status.max(matrix::status(&rows));
                texts.push_str(&render::table(&input.name, &rows, &sources, paint));
                values.push(render::value(&input.name, args.instance.as_deref(), &rows, &sources));
            }
            Err(outcome) => {
                status = status.max(outcome.status);
                texts.push_str(&text::spec(&outcome, &sources, paint));
                values.push(render::value(&input.name, args.instance.as_deref(), &[], &sources));
            }
        }
    }
    match args.format {
        MatrixFormat::Text => deliver(&texts, status),
        MatrixFormat::Json => deliver(&render::document(&values, status.code()), status),
    }
}

fn rows(
    input: &Input,
    sources: &SourceMap,
    args: &FaultsArgs,
    interrupt: &AtomicBool,
) -> Result<Vec<Row>, Box<SpecOutcome>> {
    let file = pipeline::readable(input)?;
    let settings = pipeline::settings(&args.input.settings);
    let faults = pipeline::single_faults(file, sources, settings, args.instance.clone())?;
    let progress = Progress::new(&input.name);
    let request = Request {
        engine: args.engine,
        threads: args.threads,
        symmetry: true,
        compact: false,
        limits: pipeline::limits(&args.limits),
        interrupt,
        progress: &progress,
    };
    Ok(matrix::explore(faults, &request, sources))
}
