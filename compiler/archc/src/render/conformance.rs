//! What a trace came to, for people and for programs.

use super::json::VERSION;
use crate::cli::TraceCheckArgs;
use crate::outcome::ExitStatus;
use crate::style::{Paint, Style};
use arch_trace::{Checked, Findings, Subject, Trouble};
use serde_json::{Value, json};

/// A trace with what it came to.
pub struct Report<'a> {
    /// What was asked.
    pub args: &'a TraceCheckArgs,
    /// What it was checked against.
    pub subject: &'a Subject,
    /// What was found.
    pub found: &'a Result<Checked, Box<Trouble>>,
    /// What that is worth.
    pub status: ExitStatus,
}

/// The report for people.
#[must_use]
pub fn text(report: &Report<'_>, paint: Paint) -> String {
    let name = report.args.trace.display();
    let spec = spec(report.args);
    match report.found {
        Ok(checked) => {
            let (style, verdict) = match report.status {
                ExitStatus::Success => (Style::Good, "conforms to"),
                _ => (Style::Open, "is not shown to conform to"),
            };
            let head = format!("{name}: {} {spec}\n", paint.paint(style, verdict));
            head + &conforming(report, checked)
        }
        Err(trouble) => {
            let line = trouble.line.map_or(String::new(), |line| format!(":{line}"));
            let verdict = if trouble.unusable { "cannot be checked against" } else { "does not conform to" };
            let mut text = format!("{name}{line}: {} {spec}\n", paint.paint(Style::Bad, verdict));
            text.push_str(&format!("  {}\n", trouble.what));
            trouble.because.iter().for_each(|why| text.push_str(&format!("    {why}\n")));
            if trouble.accepted > 0 {
                text.push_str(&format!("  the {} before it conform\n", events(trouble.accepted)));
            }
            text
        }
    }
}

fn spec(args: &TraceCheckArgs) -> String {
    let instance = args.instance.as_ref().map_or(String::new(), |i| format!(" (instance {i})"));
    format!("{}{instance}", args.spec.display())
}

fn events(n: u64) -> String {
    crate::outcome::counted(n, "event")
}

fn conforming(report: &Report<'_>, checked: &Checked) -> String {
    let unjudged: u64 = checked.earlier.iter().map(|(_, n)| n).sum();
    let said = match unjudged {
        0 => "each as its step says".to_owned(),
        n if n == checked.events => "none judged".to_owned(),
        n => format!("{} as their step says", checked.events - n),
    };
    let mut text = format!(
        "  {}, each next in a serial execution, {said}; {} in the end\n",
        events(checked.events),
        crate::outcome::counted(checked.rows, "row")
    );
    for (hash, n) in &checked.earlier {
        text.push_str(&format!("  not judged, only put in order: {}\n", of_earlier(report.args, hash, *n)));
    }
    let judged = report.subject.judged();
    if !judged.is_empty() {
        text.push_str(&format!("  hold at every event: {}\n", judged.join(", ")));
    }
    for (name, why) in not_judged(report.subject) {
        text.push_str(&format!("  not judged: {name} ({why})\n"));
    }
    limits(&checked.findings).iter().for_each(|limit| text.push_str(&format!("  {limit}\n")));
    text
}

/// Events of an earlier version of the spec.
fn of_earlier(args: &TraceCheckArgs, hash: &str, n: u64) -> String {
    let what = format!("{} of an earlier version of the spec, {hash}", events(n));
    if args.accepts(hash) {
        return format!("{what}, accepted");
    }
    format!("{what}; if they were checked against that version: --accept-earlier {hash}")
}

fn not_judged(subject: &Subject) -> impl Iterator<Item = (&str, &str)> {
    subject.unjudged().iter().map(|u| (u.name.as_str(), u.why.as_str()))
}

/// What was not looked at.
fn limits(findings: &Findings) -> Vec<String> {
    let lost = findings.ghosts_lost.as_ref().map(|(event, why)| {
        format!("ghost truth, and the properties that read it, are not judged from event {event} on: {why}")
    });
    let skipped = findings
        .skipped
        .as_ref()
        .map(|(n, why)| format!("{} not evaluated, only put in order; of the first: {why}", events(*n)));
    let perhaps = findings.perhaps.as_ref().map(|(event, property)| {
        format!("event {event} may have violated {property}: it depends on what nobody heard of")
    });
    lost.into_iter().chain(skipped).chain(perhaps).collect()
}

/// The report for programs.
#[must_use]
pub fn json(report: &Report<'_>) -> String {
    let (events, rows, findings) = match report.found {
        Ok(checked) => (checked.events, Some(checked.rows), Some(&checked.findings)),
        Err(trouble) => (trouble.accepted, None, None),
    };
    let earlier = report.found.as_ref().map_or(&[][..], |checked| checked.earlier.as_slice());
    let earlier = earlier.iter().map(|(hash, events)| {
        json!({ "spec": hash.as_str(), "events": events, "accepted": report.args.accepts(hash) })
    });
    let document = json!({
        "version": VERSION,
        "archc": env!("CARGO_PKG_VERSION"),
        "exit_status": report.status.code(),
        "trace": report.args.trace.display().to_string(),
        "spec": report.args.spec.display().to_string(),
        "instance": report.args.instance,
        "conforms": conforms(report.status),
        "events": events,
        "rows": rows,
        "judged": report.subject.judged(),
        "not_judged": not_judged(report.subject).map(|(name, why)| json!({ "name": name, "why": why })).collect::<Vec<_>>(),
        "earlier": earlier.collect::<Vec<_>>(),
        "limits": findings.map(limits).unwrap_or_default(),
        "trouble": report.found.as_ref().err().map(|t| trouble(t)),
    });
    let mut text = serde_json::to_string_pretty(&document).expect("the document has string keys only");
    text.push('\n');
    text
}

fn conforms(status: ExitStatus) -> Option<bool> {
    match status {
        ExitStatus::Success => Some(true),
        ExitStatus::Violated => Some(false),
        _ => None,
    }
}

fn trouble(trouble: &Trouble) -> Value {
    json!({
        "unusable": trouble.unusable,
        "line": trouble.line,
        "what": trouble.what,
        "because": trouble.because,
        "property": trouble.property,
    })
}
