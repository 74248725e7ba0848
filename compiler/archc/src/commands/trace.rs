//! `archc trace check`: whether a service's journal is a behaviour of its spec.

use super::{complain, complain_about, deliver, identity};
use crate::cli::{MatrixFormat, TraceCheckArgs};
use crate::load;
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::pipeline;
use crate::render::conformance::{self as render, Report};
use crate::render::text;
use crate::style::Paint;
use arch_base::{Diagnostic, SourceMap};
use arch_trace::{Checked, MemberLists, Subject, Trouble, Unusable, check};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// A trace whose order does not fit is looked at as a whole up to this size: that takes memory for all of it.
const WHOLE: u64 = 256 << 20;

/// How much is read at a time.
const BUFFER: usize = 1 << 20;

type Lines = Box<dyn BufRead + Send>;

/// Checks one trace.
#[must_use]
pub fn run(args: &TraceCheckArgs, paint: Paint) -> ExitStatus {
    let mut sources = SourceMap::default();
    match subject(args, &mut sources) {
        Ok(subject) => report(args, &subject, paint),
        Err(Refused::Spec(outcome)) => deliver(&text::spec(&outcome, &sources, Paint::PLAIN), outcome.status),
        Err(Refused::NotGenerated(diagnostics)) => {
            complain_about(&diagnostics, &sources);
            ExitStatus::Invalid
        }
        Err(Refused::Said(what)) => {
            complain(&what);
            ExitStatus::Invalid
        }
    }
}

/// Why nothing was checked.
enum Refused {
    Spec(Box<SpecOutcome>),
    NotGenerated(Vec<Diagnostic>),
    Said(String),
}

fn subject(args: &TraceCheckArgs, sources: &mut SourceMap) -> Result<Subject, Refused> {
    let input = load::load_file(&args.spec, sources);
    let file = pipeline::readable(&input).map_err(Refused::Spec)?;
    let settings = pipeline::settings(&args.settings);
    let program = pipeline::resolve(file, sources, settings, args.instance.clone()).map_err(Refused::Spec)?;
    let text = sources.text(file);
    let (tick, hash) = identity(text, args.instance.as_deref(), &args.settings, args.tick);
    Subject::assuming(&program, &hash, tick, &members(args), &args.assumed).map_err(|e| match e {
        Unusable::NotGenerated(refusals) => {
            Refused::NotGenerated(refusals.iter().map(arch_trace::Refusal::diagnostic).collect())
        }
        Unusable::Names(why) | Unusable::Members(why) => Refused::Said(why),
    })
}

fn members(args: &TraceCheckArgs) -> MemberLists {
    let list = |ids: &str| ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    args.members.iter().map(|(sort, ids)| (sort.clone(), list(ids))).collect()
}

fn report(args: &TraceCheckArgs, subject: &Subject, paint: Paint) -> ExitStatus {
    let found = match open(&args.trace) {
        Ok(from) => checked(args, subject, from),
        Err(error) => {
            complain(&format!("cannot read {}: {}", args.trace.display(), load::reason(&error)));
            return ExitStatus::Invalid;
        }
    };
    let status = match &found {
        Ok(checked) if checked.findings.skipped.is_some() => ExitStatus::Inconclusive,
        Ok(checked) if checked.earlier.iter().any(|(spec, _)| !args.accepts(spec)) => {
            ExitStatus::Inconclusive
        }
        Ok(_) => ExitStatus::Success,
        Err(trouble) if trouble.unusable => ExitStatus::Invalid,
        Err(_) => ExitStatus::Violated,
    };
    let report = Report { args, subject, found: &found, status };
    match args.format {
        MatrixFormat::Text => deliver(&render::text(&report, paint), status),
        MatrixFormat::Json => deliver(&render::json(&report), status),
    }
}

fn checked(args: &TraceCheckArgs, subject: &Subject, from: Lines) -> Result<Checked, Box<Trouble>> {
    let again = || open(&args.trace);
    let small = std::fs::metadata(&args.trace).is_ok_and(|m| m.is_file() && m.len() <= WHOLE);
    check(subject, from, small.then_some(&again))
}

fn open(path: &Path) -> io::Result<Lines> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, io::stdin())));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
}
