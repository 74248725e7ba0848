//! A whole trace.

use crate::judge::{Conformance, Findings};
use crate::subject::Subject;
use arch_runtime::journal::{Diagnosis, Fault, TraceError, Validator, diagnose, read_entries, read_header};
use smol_str::SmolStr;
use std::io::{self, BufRead};

/// A trace that conforms.
#[derive(Debug)]
pub struct Checked {
    /// How many events it has.
    pub events: u64,
    /// How many rows its state has in the end.
    pub rows: u64,
    /// The earlier versions of the spec of which it has events, and how many each. They are in their place; what they did
    /// was not judged, and that there were such versions is only what the trace says.
    pub earlier: Vec<(SmolStr, u64)>,
    /// What was found besides.
    pub findings: Findings,
}

/// A trace that does not conform, or cannot be used.
#[derive(Debug)]
pub struct Trouble {
    /// Whether it is not a trace of this spec: then nothing is said about the service.
    pub unusable: bool,
    /// The line, from 1, if it is one.
    pub line: Option<u64>,
    /// What is wrong, in one sentence.
    pub what: String,
    /// Why, line by line.
    pub because: Vec<String>,
    /// The property that is violated, if it is one.
    pub property: Option<String>,
    /// How many events were accepted before.
    pub accepted: u64,
}

/// Checks a trace, event by event.
///
/// `again` opens it once more, if that is possible: a trace whose order does not fit is then looked at as a whole.
///
/// # Errors
/// The first event that does not fit, or what keeps it from being a trace of the spec.
pub fn check<R: BufRead + Send>(
    subject: &Subject,
    from: R,
    again: Option<&dyn Fn() -> io::Result<R>>,
) -> Result<Checked, Box<Trouble>> {
    check_by(Conformance::new(subject), subject, from, again)
}

/// The same with a judge of one's own.
///
/// # Errors
/// As for [`check`].
pub fn check_by<'s, R: BufRead + Send>(
    judge: Conformance<'s>,
    subject: &'s Subject,
    mut from: R,
    again: Option<&dyn Fn() -> io::Result<R>>,
) -> Result<Checked, Box<Trouble>> {
    let header = read_header(&mut from, &subject.schema).map_err(|e| trouble(&e, 0))?;
    let mut validator = Validator::new(subject.schema.clone(), judge).after(&header.earlier);
    if header.dense {
        validator = validator.dense();
    }
    match arch_runtime::journal::check_events(from, &subject.schema, &mut validator) {
        Ok(()) => Ok(Checked {
            events: validator.count(),
            rows: rows(subject, &validator),
            earlier: validator.unjudged().map(|(spec, events)| (spec.clone(), events)).collect(),
            findings: validator.judge().findings.clone(),
        }),
        Err(error) => Err(Box::new(refused(subject, &validator, &error, again))),
    }
}

fn rows(subject: &Subject, validator: &Validator<Conformance<'_>>) -> u64 {
    let kinds = subject.schema.kinds().map(|(id, _)| validator.state().rows(id).count() as u64);
    kinds.sum()
}

fn refused<R: BufRead>(
    subject: &Subject,
    validator: &Validator<Conformance<'_>>,
    error: &TraceError,
    again: Option<&dyn Fn() -> io::Result<R>>,
) -> Trouble {
    let mut told = trouble(error, validator.count());
    let TraceError::Violation(violation) = error else { return told };
    // The header is line 1.
    told.line = Some(violation.number + 1);
    let event = &violation.event;
    let who = format!(
        "event {} ({}, seq {}, {}[{}])",
        violation.number, event.op, event.seq, event.actor, event.id
    );
    let findings = &validator.judge().findings;
    match &violation.fault {
        Fault::Judged(_) => {
            told.property.clone_from(&findings.property);
            let what =
                if findings.property.is_some() { "violates a property" } else { "is not what the spec says" };
            (told.what, told.because) = (format!("{who} {what}"), findings.because.clone());
        }
        fault => {
            told.what = format!("{who} does not fit: {fault}");
            let entries = again.and_then(|open| open().ok()).map(|from| read_entries(from, &subject.schema));
            if let Some(Ok(entries)) = entries {
                told.because = vec![diagnosed(&diagnose(&entries, &subject.schema), &entries)];
            }
        }
    }
    told
}

/// What a trace whose order does not fit comes to as a whole.
fn diagnosed(diagnosis: &Diagnosis, entries: &[arch_runtime::journal::Entry]) -> String {
    let line = |at: &usize| at + 2;
    let named = |at: &usize| format!("line {} ({})", line(at), entries[*at].op);
    match diagnosis {
        Diagnosis::Reordered(_) => {
            "another order of these events is serial: the trace is out of order".into()
        }
        Diagnosis::LostUpdate { row, version, events: (a, b) } => format!(
            "the store was not serialisable: {} and {} both wrote {row} version {version}, so an update was lost",
            named(a),
            named(b)
        ),
        Diagnosis::Missing { row, version, event } => {
            format!("{} read {row} version {version}, which no event wrote: events are missing", named(event))
        }
        Diagnosis::Cycle(events) => {
            let parts: Vec<String> =
                events.iter().map(|(at, why)| format!("{}, because {why}", named(at))).collect();
            format!(
                "the store was not serialisable: each must come before the next, and the last before the first: {}",
                parts.join("; ")
            )
        }
    }
}

fn trouble(error: &TraceError, accepted: u64) -> Trouble {
    let unusable = !matches!(error, TraceError::Violation(_) | TraceError::Line { whole: true, .. });
    let line = match error {
        TraceError::Line { line, .. } => Some(*line),
        TraceError::Header(_) | TraceError::Foreign { .. } => Some(1),
        _ => None,
    };
    let mut what = error.to_string();
    if matches!(error, TraceError::Foreign { .. }) {
        what.push_str(": another text, instance, constant or tick");
    }
    Trouble { unusable, line, what, because: Vec::new(), property: None, accepted }
}
