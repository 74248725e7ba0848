//! `archc check`: every file, every result, the worst decides.

use super::{complain, delivered};
use crate::cli::CheckArgs;
use crate::load::{self, Input};
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::pipeline::{self, Task};
use crate::render::Reporter;
use crate::style::Paint;
use crate::{codes, interrupt, panics};
use arch_base::{Diagnostic, SourceMap};
use std::io::{self, Write};
use std::sync::atomic::Ordering;

/// Checks everything that was named.
#[must_use]
pub fn run(args: &CheckArgs, paint: Paint) -> ExitStatus {
    let mut sources = SourceMap::default();
    let inputs = load::load(&args.paths, &mut sources);
    let interrupt = interrupt::install();
    let task = Task::of(args, &interrupt);
    let mut status = ExitStatus::Success;
    let reporter = Reporter::new(args.format, paint, &sources, io::stdout().lock());
    let written = report(&inputs, &sources, &task, reporter, &mut status);
    delivered(written, status)
}

/// Checks and reports; `status` becomes the worst so far even when the report cannot be written.
fn report<W: Write>(
    inputs: &[Input],
    sources: &SourceMap,
    task: &Task<'_>,
    mut reporter: Reporter<'_, W>,
    status: &mut ExitStatus,
) -> io::Result<()> {
    let mut results = 0_usize;
    for input in inputs {
        for outcome in check(input, sources, task) {
            *status = (*status).max(outcome.status);
            if outcome.status == ExitStatus::Internal {
                complain(&format!("internal error while checking {}; please report it", input.name));
            }
            results += 1;
            reporter.spec(outcome)?;
        }
    }
    if results == 0 {
        let outcome = without_instance(inputs, task);
        *status = (*status).max(outcome.status);
        reporter.spec(outcome)?;
    }
    reporter.finish()
}

fn check(input: &Input, sources: &SourceMap, task: &Task<'_>) -> Vec<SpecOutcome> {
    match &input.content {
        Err(diagnostic) => vec![pipeline::invalid(&input.name, vec![diagnostic.clone()])],
        Ok(_) if task.interrupt.load(Ordering::SeqCst) => {
            vec![pipeline::not_checked(&input.name, "interrupted")]
        }
        Ok(file) => panics::caught(|| pipeline::check(*file, sources, task))
            .unwrap_or_else(|what| vec![pipeline::internal_error(&input.name, &what)]),
    }
}

/// Only `--instance` can leave nothing to report.
fn without_instance(inputs: &[Input], task: &Task<'_>) -> SpecOutcome {
    let instance = task.instance.unwrap_or_default();
    let name = match inputs {
        [one] => one.name.clone(),
        _ => "command line".to_owned(),
    };
    let message = match inputs {
        [one] => format!("{} has no instance {instance}", one.name),
        many => format!("none of the {} files has an instance {instance}", many.len()),
    };
    pipeline::invalid(&name, vec![Diagnostic::error(codes::NO_INSTANCE, message)])
}
