//! SARIF 2.1.0: a result for each diagnostic and violation, counterexamples as code flows.
//!
//! The form follows the OASIS standard of 2020-03-27 and what GitHub's code scanning reads of it.

use super::diagnostics::word;
use super::failures::sentence;
use crate::outcome::{FailureOutcome, Place, PropertyOutcome, SpecOutcome, StepOutcome, TraceOutcome};
use arch_base::{Diagnostic, Severity, SourceMap, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The rule that violated properties are reported under; diagnostics have their codes.
const VIOLATION: &str = "property-violated";

/// The rule for a violation that the file expects and that did not happen.
const UNMET: &str = "expectation-unmet";

/// The rule for a failure mode that its behaviours do not bear out.
const NOT_SHOWN: &str = "failure-mode-not-shown";

/// All specs as one document.
#[must_use]
pub fn document(outcomes: &[SpecOutcome], sources: &SourceMap) -> String {
    let results: Vec<Value> = outcomes.iter().flat_map(|o| results(o, sources)).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "archc",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules(outcomes),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
            "invocations": outcomes.iter().map(invocation).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).expect("the document has string keys only");
    text.push('\n');
    text
}

/// One per spec: SARIF's place for a first line and whether the work was done to its end.
fn invocation(outcome: &SpecOutcome) -> Value {
    let done = outcome.exploration.as_ref().is_some_and(|e| e.complete);
    json!({
        "executionSuccessful": done,
        "exitCode": outcome.status.code(),
        "toolExecutionNotifications": [{
            "level": "note",
            "message": { "text": super::text::plain_headline(outcome) },
            "locations": [whole_file(&outcome.file)],
        }],
    })
}

fn rules(outcomes: &[SpecOutcome]) -> Vec<Value> {
    let mut rules: BTreeMap<&str, &str> = BTreeMap::new();
    rules.insert(VIOLATION, "a property of the spec does not hold in every behaviour");
    rules.insert(UNMET, "the file expects a violation that did not happen");
    rules.insert(NOT_SHOWN, "what is said to prevent or repair a failure does not");
    for diagnostic in outcomes.iter().flat_map(|o| &o.diagnostics) {
        rules.entry(diagnostic.code.0).or_insert(match diagnostic.severity {
            Severity::Error => "the spec is wrong",
            Severity::Warning => "the spec is suspicious",
            Severity::Note => "the spec is not complete",
        });
    }
    rules.into_iter().map(|(id, text)| json!({ "id": id, "shortDescription": { "text": text } })).collect()
}

fn results(outcome: &SpecOutcome, sources: &SourceMap) -> Vec<Value> {
    let mut all: Vec<Value> = outcome.diagnostics.iter().map(|d| diagnostic(outcome, d, sources)).collect();
    let violated = outcome.properties.iter().filter(|p| p.violated() && !p.expected_violated);
    all.extend(violated.map(|p| violation(outcome, p, sources)));
    let unmet = outcome.properties.iter().filter(|p| p.expected_violated && !p.violated());
    all.extend(unmet.map(|p| unmet_expectation(outcome, p, sources)));
    let failing = outcome.failures.iter().filter(|f| f.verdict.fails());
    all.extend(failing.map(|f| not_shown(outcome, f, sources)));
    all
}

fn diagnostic(outcome: &SpecOutcome, diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let level = match diagnostic.severity {
        Severity::Note => "note",
        severity => word(severity),
    };
    let mut text = diagnostic.message.clone();
    for note in &diagnostic.notes {
        text.push('\n');
        text.push_str(note);
    }
    let label = |l: &arch_base::Label| location(l.span, &l.message, sources);
    let (primary, related): (Vec<_>, Vec<_>) = diagnostic.labels.iter().partition(|l| l.primary);
    let mut places: Vec<Value> = primary.into_iter().map(label).collect();
    if places.is_empty() {
        places.push(whole_file(&outcome.file));
    }
    json!({
        "ruleId": diagnostic.code.0,
        "level": level,
        "message": { "text": text },
        "locations": places,
        "relatedLocations": related.into_iter().map(label).collect::<Vec<_>>(),
    })
}

fn violation(outcome: &SpecOutcome, property: &PropertyOutcome, sources: &SourceMap) -> Value {
    let mut result = json!({
        "ruleId": VIOLATION,
        "level": "error",
        "message": { "text": violation_text(property) },
        "locations": [declared(outcome, property, sources)],
        "properties": { "property": property.name, "kind": property.kind },
    });
    if let Some(cycle) = property.liveness.as_ref().and_then(|l| l.cycle.as_ref()) {
        result["properties"]["cycleStart"] = json!(cycle.back_to);
    }
    if let Some(trace) = &property.trace {
        result["codeFlows"] = json!([code_flow(outcome, trace, sources)]);
    }
    result
}

fn violation_text(property: &PropertyOutcome) -> String {
    let mut text = format!("{} ({}) is violated", property.name, property.kind);
    for explanation in property.trace.iter().flat_map(|t| &t.ending) {
        text.push('\n');
        text.push_str(&explanation.text);
        for detail in &explanation.details {
            text.push_str("\n  ");
            text.push_str(detail);
        }
    }
    text
}

fn unmet_expectation(outcome: &SpecOutcome, property: &PropertyOutcome, sources: &SourceMap) -> Value {
    json!({
        "ruleId": UNMET,
        "level": "error",
        "message": { "text": format!("{} is expected to be violated, and no violation was found", property.name) },
        "locations": [declared(outcome, property, sources)],
    })
}

fn not_shown(outcome: &SpecOutcome, failure: &FailureOutcome, sources: &SourceMap) -> Value {
    let mut result = json!({
        "ruleId": NOT_SHOWN,
        "level": "error",
        "message": { "text": format!("{}: {}", sentence(failure), failure.verdict.reason().unwrap_or_default()) },
        "locations": [location(failure.span, &failure.name, sources)],
        "properties": { "failure": failure.name, "property": failure.property, "verdict": failure.verdict.word() },
    });
    if let Some(trace) = failure.violation.as_ref().and_then(|v| v.trace.as_ref()) {
        result["codeFlows"] = json!([code_flow(outcome, trace, sources)]);
    }
    result
}

fn declared(outcome: &SpecOutcome, property: &PropertyOutcome, sources: &SourceMap) -> Value {
    match property.span {
        Some(span) => location(span, &property.name, sources),
        None => whole_file(&outcome.file),
    }
}

/// The initial state and the steps; a flow without a location is not allowed.
fn code_flow(outcome: &SpecOutcome, trace: &TraceOutcome, sources: &SourceMap) -> Value {
    let cells: Vec<(&str, &str)> =
        trace.initial.iter().map(|c| (c.name.as_str(), c.value.as_str())).collect();
    let mut place = whole_file(&outcome.file);
    place["message"] = json!({ "text": "initial state" });
    let initial = json!({ "executionOrder": 0, "location": place, "state": state(&cells) });
    let steps = trace.steps.iter().enumerate().map(|(i, s)| flow_location(outcome, i + 1, s, sources));
    let locations: Vec<Value> = std::iter::once(initial).chain(steps).collect();
    json!({ "threadFlows": [{ "locations": locations }] })
}

fn state(cells: &[(&str, &str)]) -> BTreeMap<String, Value> {
    cells.iter().map(|(name, value)| ((*name).to_owned(), json!({ "text": value }))).collect()
}

fn flow_location(outcome: &SpecOutcome, number: usize, step: &StepOutcome, sources: &SourceMap) -> Value {
    let text = step_text(number, step);
    let place = match step.span {
        Some(span) => location(span, &text, sources),
        None => {
            let mut place = whole_file(&outcome.file);
            place["message"] = json!({ "text": text });
            place
        }
    };
    let changed: Vec<(&str, &str)> = step.changes.iter().map(|c| (c.name.as_str(), c.new.as_str())).collect();
    json!({ "executionOrder": number, "location": place, "state": state(&changed) })
}

fn step_text(number: usize, step: &StepOutcome) -> String {
    let mut text = format!("{number}. {}", step.event);
    for change in &step.changes {
        text.push_str(&format!("\n{}: {} → {}", change.name, change.old, change.new));
    }
    text.extend(step.problem.iter().map(|p| format!("\n{p}")));
    text
}

fn location(span: Span, message: &str, sources: &SourceMap) -> Value {
    let place = Place::of(sources, span);
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.file) },
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    }});
    if !message.is_empty() {
        location["message"] = json!({ "text": message });
    }
    location
}

fn whole_file(file: &str) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) } } })
}

/// A relative URI reference (RFC 3986): every byte that is not plainly allowed in a path is encoded.
fn uri(file: &str) -> String {
    let mut text = String::with_capacity(file.len());
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte as char)
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
