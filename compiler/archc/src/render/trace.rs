//! Counterexamples and witnesses for people: a numbered line per step, and beneath it what changed.

use crate::outcome::{
    Change, CycleOutcome, Explanation, Place, PropertyOutcome, StepOutcome, TraceOutcome, TreatedOutcome,
    counted,
};
use crate::style::{Paint, Style};
use arch_base::{SourceMap, Span};

/// How many characters two values of a set have together before only their difference is shown.
const LONG_SET: usize = 60;

/// The behaviour of a property that has one. Steps that one of those `told` before has, too, are not repeated.
#[must_use]
pub fn behaviour(
    property: &PropertyOutcome,
    told: &[&PropertyOutcome],
    sources: &SourceMap,
    paint: Paint,
) -> String {
    let Some(trace) = &property.trace else { return String::new() };
    let mut text = title(property, trace, sources, paint);
    let same = |t: &TraceOutcome| t.initial == trace.initial && t.steps == trace.steps;
    match told.iter().find(|p| p.trace.as_ref().is_some_and(same)) {
        Some(earlier) if !trace.steps.is_empty() => {
            text.push_str(&format!("      the same steps as for {}\n", earlier.name));
        }
        _ => {
            text.push_str(&initial(trace, paint));
            for (i, step) in trace.steps.iter().enumerate() {
                text.push_str(&event(i + 1, step, sources, paint));
            }
        }
    }
    if let Some(cycle) = property.liveness.as_ref().and_then(|l| l.cycle.as_ref()) {
        text.push_str(&goes_on(cycle, trace.steps.len(), paint));
    }
    for explanation in &trace.ending {
        text.push_str(&ending(explanation, sources, paint));
    }
    text
}

/// How the behaviour goes on for ever, and why that is fair.
fn goes_on(cycle: &CycleOutcome, steps: usize, paint: Paint) -> String {
    let (arrow, back_to) = (paint.paint(Style::Faint, "  ↻"), cycle.back_to);
    let repeats = (back_to as usize) < steps;
    let mut text = match (repeats, back_to) {
        (true, 0) => format!("    {arrow} back to the initial state, and so on for ever\n"),
        (true, n) => format!("    {arrow} back to step {n}, and so on for ever\n"),
        (false, _) => format!("    {arrow} nothing happens any more\n"),
    };
    // A step that is strongly fair can be in a weak unit as well, and then the same is to be said of both.
    let mut lines: Vec<String> =
        cycle.treated.iter().map(|t| format!("fair to {}: {}", t.unit, why_fair(t))).collect();
    lines.dedup();
    lines.iter().for_each(|line| text.push_str(&format!("          {line}\n")));
    if !cycle.never_due.is_empty() {
        text.push_str(&format!("          could happen, and need not: {}\n", cycle.never_due.join(", ")));
    }
    text
}

/// `step 5 takes it`, `it cannot happen after step 4`.
fn why_fair(treated: &TreatedOutcome) -> String {
    match (treated.taken, treated.disabled) {
        (Some(step), _) => format!("step {step} takes it"),
        (None, Some(0)) => "it cannot happen in the initial state".to_owned(),
        (None, Some(step)) => format!("it cannot happen after step {step}"),
        (None, None) => String::new(),
    }
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

/// The event, and its run where the event's words do not name it. The run of a rule has the rule's name; what it
/// says beside is for which subjects, unless the only one is who acts.
fn sentence(step: &StepOutcome, paint: Paint) -> String {
    let event = paint.paint(Style::Name, &step.event);
    let Some(run) = step.run.as_deref().filter(|run| !step.event.contains(run)) else { return event };
    let subjects = step
        .operation
        .as_deref()
        .and_then(|rule| run.strip_prefix(rule)?.strip_prefix('[')?.strip_suffix(']'));
    match subjects {
        Some(subject) if step.actor.as_deref() == Some(subject) => event,
        Some(subjects) => format!("{event} for {subjects}"),
        None if step.operation.as_deref() == Some(run) => event,
        None => format!("{event} · {run}"),
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
