//! `archc check`: every file, every result, the worst decides.

use super::{complain, delivered};
use crate::cli::{CheckArgs, Engine};
use crate::load::{self, Input};
use crate::lock::{self, Declared, Lock, Locking};
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::pipeline::{self, Task};
use crate::render::Reporter;
use crate::render::shown::Shown;
use crate::style::Paint;
use crate::{codes, engines, interrupt, panics};
use arch_base::{Diagnostic, SourceMap};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

/// Checks everything that was named.
#[must_use]
pub fn run(args: &CheckArgs, paint: Paint) -> ExitStatus {
    if args.compact && !matches!(args.engine, Engine::Explorer | Engine::Interpreter | Engine::Jit) {
        let name = engines::name(args.engine);
        complain(&format!(
            "error: --compact is a way in which archc's own explorer stores states: not the engine {name}"
        ));
        return ExitStatus::Invalid;
    }
    let mut sources = SourceMap::default();
    let inputs = load::load(&args.input.paths, &mut sources);
    let interrupt = interrupt::install();
    let locking = match locking(args) {
        Ok(locking) => locking,
        Err(diagnostic) => return refused(&diagnostic),
    };
    let task = Task { locking, ..Task::of(args, &interrupt) };
    let mut status = ExitStatus::Success;
    let expected = args.instance.as_deref().is_some_and(|i| i != pipeline::ALL_INSTANCES);
    let shown = Shown { names: args.show.clone(), expected };
    let reporter = Reporter::new(args.format, paint, &sources, io::stdout().lock(), shown);
    let mut outcomes = Vec::new();
    let gone = task.locking.compared().map_or_else(Vec::new, |lock| lock.gone(&args.input.paths));
    let declared = match task.locking {
        Locking::Off => Declared::new(),
        _ => declared(&inputs, &sources),
    };
    let gone_instances = task.locking.compared().map_or_else(Vec::new, |lock| lock.gone_instances(&declared));
    let gone_instances = gone_instances.into_iter().map(|(file, name)| pipeline::gone(file, Some(name)));
    let gone = gone.into_iter().map(|file| pipeline::gone(file, None)).chain(gone_instances).collect();
    let written = report(&inputs, &sources, &task, gone, reporter, (&mut status, &mut outcomes));
    if let Locking::Write { lock, .. } = task.locking
        && let Err(diagnostic) = lock.updated(&outcomes, &declared).write(Path::new(lock::FILE))
    {
        return status.max(refused(&diagnostic));
    }
    delivered(written, status)
}

/// The instances of the files that can be read.
fn declared(inputs: &[Input], sources: &SourceMap) -> Declared {
    let of = |input: &Input| {
        let instances = pipeline::instances(*input.content.as_ref().ok()?, sources)?;
        Some((lock::relative(&input.name), instances))
    };
    inputs.iter().filter_map(of).collect()
}

/// The lock to compare with or to update; there has to be one to compare with.
fn locking(args: &CheckArgs) -> Result<Locking, Diagnostic> {
    if !args.lock && !args.locked {
        return Ok(Locking::Off);
    }
    match Lock::read(Path::new(lock::FILE))? {
        None if args.locked => {
            let message = format!("there is no {} here", lock::FILE);
            Err(Diagnostic::error(codes::LOCK, message).help("write it with `archc check --lock`"))
        }
        Some(lock) if args.locked => Ok(Locking::Compare(lock)),
        found => Ok(Locking::Write { lock: found.unwrap_or_default(), audit: args.audit }),
    }
}

/// What is wrong with the lock goes to stderr, like a wrong command line.
fn refused(diagnostic: &Diagnostic) -> ExitStatus {
    complain(&format!("error[{}]: {}", diagnostic.code, diagnostic.message));
    diagnostic.notes.iter().for_each(|note| complain(&format!("  = {note}")));
    ExitStatus::Invalid
}

/// Checks and reports; `status` becomes the worst so far even when the report cannot be written.
fn report<W: Write>(
    inputs: &[Input],
    sources: &SourceMap,
    task: &Task<'_>,
    gone: Vec<SpecOutcome>,
    mut reporter: Reporter<'_, W>,
    (status, outcomes): (&mut ExitStatus, &mut Vec<SpecOutcome>),
) -> io::Result<()> {
    let mut results = 0_usize;
    for input in inputs {
        for outcome in check(input, sources, task) {
            *status = (*status).max(outcome.status);
            if outcome.status == ExitStatus::Internal {
                complain(&format!("internal error while checking {}; please report it", input.name));
            }
            results += 1;
            if matches!(task.locking, Locking::Write { .. }) {
                outcomes.push(outcome.clone());
            }
            reporter.spec(outcome)?;
        }
    }
    for outcome in gone {
        *status = (*status).max(outcome.status);
        results += 1;
        reporter.spec(outcome)?;
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
