//! Failure modes for people: a line for each, and the behaviour that shows it.

use super::shown::Shown;
use super::text::state;
use super::trace;
use crate::outcome::{FailureOutcome, FailureVerdict, Place, counted};
use crate::style::{Paint, Style};
use arch_base::SourceMap;

/// A line per clause and property, and the reason of those that are not shown.
#[must_use]
pub fn lines(failures: &[FailureOutcome], paint: Paint) -> String {
    failures.iter().map(|f| line(f, paint)).collect()
}

fn line(failure: &FailureOutcome, paint: Paint) -> String {
    let (word, style) = match &failure.verdict {
        FailureVerdict::Shown => ("shown", Style::Good),
        FailureVerdict::NotShown(_) => ("not shown", Style::Bad),
        FailureVerdict::NotPrevented(_) if failure.repair => ("unrepaired", Style::Bad),
        FailureVerdict::NotPrevented(_) => ("unprevented", Style::Bad),
        FailureVerdict::Inconclusive(_) => ("open", Style::Open),
        FailureVerdict::NotExecuted(_) => ("not run", Style::Open),
    };
    let mut text = format!("  {} {}\n", state(word, style, paint), sentence(failure));
    if let Some(reason) = failure.verdict.reason() {
        text.push_str(&format!("              {reason}\n"));
    }
    text
}

/// `failure "false death" prevented by guard of expire, else violates no_false_death in 7 steps`
#[must_use]
pub fn sentence(failure: &FailureOutcome) -> String {
    claim(failure) + &length(failure)
}

/// The same without what came out: it is called so whatever is found.
#[must_use]
pub fn claim(failure: &FailureOutcome) -> String {
    let verb = if failure.repair { "repaired" } else { "prevented" };
    let FailureOutcome { name, property, .. } = failure;
    let removed = failure.removed.join(" and ");
    format!("failure {name:?} {verb} by {removed}, else violates {property}")
}

fn length(failure: &FailureOutcome) -> String {
    let trace = failure.violation.as_ref().and_then(|v| v.trace.as_ref());
    match (&failure.verdict, trace) {
        (FailureVerdict::Shown, Some(trace)) => format!(" in {}", counted(trace.steps.len() as u64, "step")),
        _ => String::new(),
    }
}

/// The behaviour of each failure mode in which its property is violated without what prevents or repairs it.
#[must_use]
pub fn behaviours(failures: &[FailureOutcome], sources: &SourceMap, paint: Paint, shown: &Shown) -> String {
    let told = failures.iter().filter(|f| !is_told_elsewhere(f) && shown.tells_failure(f));
    told.map(|f| behaviour(f, sources, paint)).collect()
}

/// A spec that violates a property as it is written says so itself.
fn is_told_elsewhere(failure: &FailureOutcome) -> bool {
    matches!(failure.verdict, FailureVerdict::NotPrevented(_)) && !failure.repair
}

/// What the failure mode shows, if there is a behaviour.
#[must_use]
pub fn behaviour(failure: &FailureOutcome, sources: &SourceMap, paint: Paint) -> String {
    let Some(violation) = &failure.violation else { return String::new() };
    let name = paint.paint(Style::Name, &format!("{:?}", failure.name));
    let place = paint.paint(Style::Faint, &Place::of(sources, failure.span).link());
    let heading = format!("\n  failure {name}, {} · {place}\n", setting(failure));
    format!("{heading}{}", trace::behaviour(violation, &[], sources, paint))
}

/// What the behaviour is a behaviour of: the spec without what is removed, and with what is changed.
pub(super) fn setting(failure: &FailureOutcome) -> String {
    if matches!(failure.verdict, FailureVerdict::NotPrevented(_)) {
        return format!("in spite of {}", failure.removed.join(" and "));
    }
    let changed = |t: &&String| t.starts_with("with ");
    let (with, without): (Vec<&String>, Vec<&String>) = failure.removed.iter().partition(changed);
    let joined = |list: Vec<&String>| list.into_iter().cloned().collect::<Vec<_>>().join(" and ");
    match (without.is_empty(), with.is_empty()) {
        (true, _) => joined(with),
        (false, true) => format!("without {}", joined(without)),
        (false, false) => format!("without {}, {}", joined(without), joined(with)),
    }
}
