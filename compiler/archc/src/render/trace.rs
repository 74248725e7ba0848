//! Counterexamples and witnesses for people: a numbered line per step, and beneath it what changed.

use crate::outcome::{Change, Explanation, Place, PropertyOutcome, StepOutcome, TraceOutcome, counted};
use crate::style::{Paint, Style};
use arch_base::{SourceMap, Span};

/// How many characters two values of a set have together before only their difference is shown.
const LONG_SET: usize = 60;

/// The behaviour of a property that has one.
#[must_use]
pub fn behaviour(property: &PropertyOutcome, sources: &SourceMap, paint: Paint) -> String {
    let Some(trace) = &property.trace else { return String::new() };
    let mut text = title(property, trace, sources, paint);
    text.push_str(&initial(trace, paint));
    for (i, step) in trace.steps.iter().enumerate() {
        text.push_str(&event(i + 1, step, sources, paint));
    }
    for explanation in &trace.ending {
        text.push_str(&ending(explanation, sources, paint));
    }
    text
}

fn title(property: &PropertyOutcome, trace: &TraceOutcome, sources: &SourceMap, paint: Paint) -> String {
    let what = if property.violated() { "counterexample to" } else { "witness of" };
    let name = paint.paint(Style::Name, &property.name);
    let steps = counted(trace.steps.len() as u64, "step");
    format!("  {what} {name} in {steps}{}\n", place(property.span, sources, paint))
}

fn initial(trace: &TraceOutcome, paint: Paint) -> String {
    let heading = format!("    {} {}\n", paint.paint(Style::Faint, "  0"), "initial state");
    let cells = trace.initial.iter().map(|c| format!("          {} = {}\n", c.name, c.value));
    std::iter::once(heading).chain(cells).collect()
}

fn event(number: usize, step: &StepOutcome, sources: &SourceMap, paint: Paint) -> String {
    let number = paint.paint(Style::Faint, &format!("{number:>3}"));
    let mut text = format!("    {number} {}{}\n", sentence(step, paint), place(step.span, sources, paint));
    for atom in &step.because {
        text.push_str(&format!("          {} {atom}\n", paint.paint(Style::Faint, "because")));
    }
    for change in &step.changes {
        text.push_str(&changed(change, paint));
    }
    if let Some(problem) = &step.problem {
        text.push_str(&format!("          {}\n", paint.paint(Style::Bad, problem)));
    }
    text
}

/// The event, and its run where the event's words do not name it.
fn sentence(step: &StepOutcome, paint: Paint) -> String {
    let event = paint.paint(Style::Name, &step.event);
    match &step.run {
        Some(run) if !step.event.contains(run.as_str()) => format!("{event} · {run}"),
        _ => event,
    }
}

/// `name: old → new`; for a set that has grown long, only what was added and removed.
fn changed(change: &Change, paint: Paint) -> String {
    let length = change.old.chars().count() + change.new.chars().count();
    match &change.delta {
        Some(delta) if length > LONG_SET => {
            format!("          {}: {}\n", change.name, paint.paint(Style::New, delta))
        }
        _ => {
            let old = paint.paint(Style::Old, &change.old);
            let new = paint.paint(Style::New, &change.new);
            format!("          {}: {old} → {new}\n", change.name)
        }
    }
}

fn ending(explanation: &Explanation, sources: &SourceMap, paint: Paint) -> String {
    let text = paint.paint(Style::Bad, &explanation.text);
    let mut lines = format!("        {text}{}\n", place(explanation.span, sources, paint));
    for detail in &explanation.details {
        lines.push_str(&format!("          {detail}\n"));
    }
    lines
}

fn place(span: Option<Span>, sources: &SourceMap, paint: Paint) -> String {
    match span {
        Some(span) => format!(" · {}", paint.paint(Style::Faint, &Place::of(sources, span).link())),
        None => String::new(),
    }
}
