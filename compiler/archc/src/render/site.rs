//! What a check found, for the pages of a site.

use super::{failures, text};
use crate::audit::{Audit, Audited, Class};
use crate::outcome::{
    ExitStatus, FailureOutcome, FailureVerdict, PropertyOutcome, PropertyVerdict, SpecOutcome, StepOutcome,
    TraceOutcome,
};
use arch_base::{Diagnostic, Severity, SourceMap};
use arch_doc::found::{self, Answer, Explored, Found, Tone};

/// What was found of a spec that was checked.
#[must_use]
pub fn found(outcome: &SpecOutcome, sources: &SourceMap) -> Found {
    let explored = outcome.exploration.as_ref().map(|e| Explored {
        states: e.represented_states,
        stored: e.distinct_states,
        transitions: e.transitions,
        depth: e.depth,
        complete: e.complete,
    });
    Found {
        verdict: Some(found::Verdict {
            word: outcome.headline.word.to_owned(),
            tone: tone(outcome.status),
            parts: outcome.headline.parts.clone(),
        }),
        instance: outcome.instance.clone(),
        explored,
        properties: outcome.properties.iter().map(property).collect(),
        failures: outcome.failures.iter().map(failure).collect(),
        audit: None,
        ownership: outcome.ownership.iter().map(|o| (o.shape.clone(), o.fields())).collect(),
        problems: problems(&outcome.diagnostics, sources),
    }
}

/// Errors and what a sketch lacks, each with its place.
#[must_use]
pub fn problems(diagnostics: &[Diagnostic], sources: &SourceMap) -> Vec<String> {
    let wrong = diagnostics.iter().filter(|d| d.severity != Severity::Warning);
    let told = wrong.map(|d| match d.span() {
        Some(span) => format!("{} (line {})", d.message, sources.line_column(span).line),
        None => d.message.clone(),
    });
    told.collect()
}

fn tone(status: ExitStatus) -> Tone {
    match status {
        ExitStatus::Success => Tone::Good,
        ExitStatus::Inconclusive | ExitStatus::Strict => Tone::Open,
        ExitStatus::Drift | ExitStatus::Violated | ExitStatus::Invalid | ExitStatus::Internal => Tone::Bad,
    }
}

fn property(property: &PropertyOutcome) -> found::Property {
    found::Property {
        name: property.name.clone(),
        built_in: property.built_in(),
        answer: answer(property),
        violated: property.violated(),
        trace: property.trace.as_ref().map(|t| trace(property, t)),
    }
}

fn answer(property: &PropertyOutcome) -> Answer {
    let (word, tone, why) = match &property.verdict {
        PropertyVerdict::Holds if property.vacuous => {
            ("holds vacuously", Tone::Open, "its premise is never true".to_owned())
        }
        PropertyVerdict::Holds => ("holds", Tone::Good, why(property)),
        PropertyVerdict::ProbablyHolds(why) => ("probably holds", Tone::Open, format!("unless {why}")),
        PropertyVerdict::Violated if property.expected_violated => {
            ("violated", Tone::Good, "as the file expects".to_owned())
        }
        PropertyVerdict::Violated => ("violated", Tone::Bad, String::new()),
        PropertyVerdict::Inconclusive => ("open", Tone::Open, "not everything was explored".to_owned()),
        PropertyVerdict::NotChecked(why) | PropertyVerdict::EndsEarly(why) => {
            ("not checked", Tone::Open, why.clone())
        }
    };
    Answer { word: word.to_owned(), tone, why }
}

/// What a property that holds rests on, or where it says something.
fn why(property: &PropertyOutcome) -> String {
    if let Some(failure) = &property.shown_in {
        return format!("says something only without what prevents “{failure}”");
    }
    let needs = property.liveness.as_ref().and_then(|l| l.needs.as_ref());
    let Some((needs, _)) = needs.filter(|(needs, _)| !needs.is_empty()) else { return String::new() };
    let names: Vec<String> = needs.iter().map(|a| text::assumption(a, true)).collect();
    format!("given fairness of {}", names.join(", "))
}

fn failure(failure: &FailureOutcome) -> found::Failure {
    let (word, tone) = match &failure.verdict {
        FailureVerdict::Shown => ("shown", Tone::Good),
        FailureVerdict::NotShown(_) => ("not shown", Tone::Bad),
        FailureVerdict::NotPrevented(_) => ("not prevented", Tone::Bad),
        FailureVerdict::Inconclusive(_) => ("open", Tone::Open),
        FailureVerdict::NotExecuted(_) => ("not checked", Tone::Open),
    };
    let shown = failure.verdict == FailureVerdict::Shown;
    let behaviour = failure.violation.as_ref().and_then(|p| Some((p, p.trace.as_ref()?)));
    let why = match (failure.verdict.reason(), behaviour) {
        (Some(why), _) => why.to_owned(),
        (None, Some((_, t))) => {
            let steps = crate::outcome::counted(t.steps.len() as u64, "step");
            format!("{} holds with it, and is violated in {steps} without", failure.property)
        }
        (None, None) => format!("{} holds with it, and is violated without", failure.property),
    };
    found::Failure {
        name: failure.name.clone(),
        clause: failure.span,
        repair: failure.repair,
        setting: failures::setting(failure),
        property: failure.property.clone(),
        answer: Answer { word: word.to_owned(), tone, why },
        shown,
        trace: behaviour.map(|(p, t)| trace(p, t)),
    }
}

fn trace(property: &PropertyOutcome, trace: &TraceOutcome) -> found::Trace {
    let cycle = property.liveness.as_ref().and_then(|l| l.cycle.as_ref());
    let ending = trace.ending.iter().flat_map(|e| std::iter::once(&e.text).chain(&e.details));
    found::Trace {
        initial: trace.initial.iter().map(|c| format!("{} = {}", c.name, c.value)).collect(),
        steps: trace.steps.iter().map(step).collect(),
        ending: ending.cloned().collect(),
        back_to: cycle.map(|c| c.back_to as usize),
    }
}

fn step(step: &StepOutcome) -> found::Step {
    let change = |c: &crate::outcome::Change| match &c.delta {
        Some(delta) => format!("{}: {delta}", c.name),
        None => format!("{}: {} → {}", c.name, c.old, c.new),
    };
    found::Step {
        actor: step.actor.clone(),
        operation: step.operation.clone(),
        run: step.run.clone(),
        event: step.event.clone(),
        because: step.because.clone(),
        changes: step.changes.iter().map(change).collect(),
        problem: step.problem.clone(),
    }
}

/// What an audit found.
#[must_use]
pub fn audit(audit: &Audit) -> found::Audit {
    found::Audit { open: audit.open.clone(), parts: audit.items.iter().map(part).collect() }
}

fn part(audited: &Audited) -> found::Part {
    let steps = |p: &PropertyOutcome| p.trace.as_ref().map(|t| t.steps.len());
    let alone = audited.breaks.as_ref().filter(|_| audited.class == Class::LoadBearing);
    let mut notes: Vec<String> = Vec::new();
    notes.extend(
        audited.masked_by.iter().map(|m| format!("{} is violated without {} as well", m.breaks.name, m.by)),
    );
    notes.extend(audited.repairs.iter().map(|p| format!("{p} holds without it")));
    notes.extend(audited.accepted.iter().map(|why| format!("as the file says: {why}")));
    notes.extend(audited.open.clone());
    found::Part {
        id: audited.item.id.clone(),
        text: audited.item.text.clone(),
        class: audited.class.word().to_owned(),
        breaks: alone.map(|p| (p.name.clone(), steps(p))),
        notes,
    }
}
