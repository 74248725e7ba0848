//! JUnit XML: a test suite for each spec, a test case for each property and failure mode.
//!
//! The form is the one that Jenkins, GitLab and GitHub's report actions read. Control characters that
//! XML 1.0 does not allow are replaced, everything else is escaped by the writer.

use super::{diagnostics, failures, trace};
use crate::outcome::{
    ExitStatus, FailureOutcome, FailureVerdict, Place, PropertyOutcome, PropertyVerdict, SpecOutcome,
};
use crate::render::text;
use crate::style::Paint;
use arch_base::{Severity, SourceMap};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

type Xml = Writer<Vec<u8>>;

/// What a test case came to.
enum Status {
    Passed,
    Failure { kind: &'static str, message: String, body: String },
    Error { kind: &'static str, message: String, body: String },
    Skipped { message: String },
}

struct Case {
    name: String,
    class: String,
    place: Option<Place>,
    status: Status,
}

/// All specs as one document.
#[must_use]
pub fn document(outcomes: &[SpecOutcome], sources: &SourceMap) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    let suites: Vec<(&SpecOutcome, Vec<Case>)> = outcomes.iter().map(|o| (o, cases(o, sources))).collect();
    let all: Vec<&Case> = suites.iter().flat_map(|(_, cases)| cases).collect();
    event(&mut xml, Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    event(&mut xml, Event::Start(counts(BytesStart::new("testsuites"), "archc", &all)));
    for (outcome, cases) in &suites {
        suite(&mut xml, outcome, cases);
    }
    event(&mut xml, Event::End(BytesEnd::new("testsuites")));
    let mut text = String::from_utf8_lossy(&xml.into_inner()).into_owned();
    text.push('\n');
    text
}

fn suite(xml: &mut Xml, outcome: &SpecOutcome, cases: &[Case]) {
    let all: Vec<&Case> = cases.iter().collect();
    event(xml, Event::Start(counts(BytesStart::new("testsuite"), &suite_name(outcome), &all)));
    for each in cases {
        case(xml, each);
    }
    element(xml, "system-out", &[], &text::plain_headline(outcome));
    event(xml, Event::End(BytesEnd::new("testsuite")));
}

fn suite_name(outcome: &SpecOutcome) -> String {
    match &outcome.instance {
        Some(instance) => format!("{} ({instance})", outcome.file),
        None => outcome.file.clone(),
    }
}

fn counts<'a>(start: BytesStart<'a>, name: &str, cases: &[&Case]) -> BytesStart<'a> {
    let count =
        |matches: fn(&Status) -> bool| cases.iter().filter(|c| matches(&c.status)).count().to_string();
    attributed(
        start,
        &[
            ("name", name),
            ("tests", &cases.len().to_string()),
            ("failures", &count(|s| matches!(s, Status::Failure { .. }))),
            ("errors", &count(|s| matches!(s, Status::Error { .. }))),
            ("skipped", &count(|s| matches!(s, Status::Skipped { .. }))),
        ],
    )
}

/// A case for the spec itself (does it read, resolve, end as it should?), then one per property.
fn cases(outcome: &SpecOutcome, sources: &SourceMap) -> Vec<Case> {
    let class = suite_name(outcome);
    let own =
        Case { name: "spec".to_owned(), class: class.clone(), place: None, status: own(outcome, sources) };
    let properties = outcome.properties.iter().map(|p| Case {
        name: p.name.clone(),
        class: class.clone(),
        place: p.span.map(|s| Place::of(sources, s)),
        status: property(p, sources),
    });
    let failures = outcome.failures.iter().map(|f| Case {
        name: failures::claim(f),
        class: class.clone(),
        place: Some(Place::of(sources, f.span)),
        status: failure(f, sources),
    });
    std::iter::once(own).chain(properties).chain(failures).collect()
}

fn failure(failure: &FailureOutcome, sources: &SourceMap) -> Status {
    match &failure.verdict {
        FailureVerdict::Shown => Status::Passed,
        FailureVerdict::NotShown(why) | FailureVerdict::NotPrevented(why) => Status::Failure {
            kind: "failure mode",
            message: why.clone(),
            body: failures::behaviour(failure, sources, Paint::PLAIN),
        },
        FailureVerdict::Inconclusive(why) | FailureVerdict::NotExecuted(why) => {
            Status::Skipped { message: why.clone() }
        }
    }
}

fn own(outcome: &SpecOutcome, sources: &SourceMap) -> Status {
    let message = text::plain_headline(outcome);
    let body = || diagnostics::rendered(&outcome.diagnostics, sources, Paint::PLAIN);
    let errors = outcome.diagnostics.iter().any(|d| d.severity == Severity::Error);
    match outcome.status {
        ExitStatus::Success => Status::Passed,
        ExitStatus::Inconclusive => Status::Skipped { message },
        ExitStatus::Drift => Status::Failure { kind: "drift", message, body: body() },
        ExitStatus::Strict => Status::Failure { kind: "vacuous", message, body: body() },
        // Violations have their own cases; what remains is a violation that is missing.
        ExitStatus::Violated if !errors && matches!(outcome.headline.word, "VIOLATED" | "NOT SHOWN") => {
            Status::Passed
        }
        ExitStatus::Violated => Status::Failure { kind: "expectation", message, body: body() },
        ExitStatus::Invalid => Status::Error { kind: "invalid", message, body: body() },
        ExitStatus::Internal => Status::Error { kind: "internal", message, body: body() },
    }
}

fn property(property: &PropertyOutcome, sources: &SourceMap) -> Status {
    match &property.verdict {
        PropertyVerdict::Holds if property.expected_violated => Status::Failure {
            kind: "expectation",
            message: "expected to be violated, and holds".to_owned(),
            body: String::new(),
        },
        PropertyVerdict::ProbablyHolds(_) if property.expected_violated => Status::Failure {
            kind: "expectation",
            message: "expected to be violated, and probably holds".to_owned(),
            body: String::new(),
        },
        PropertyVerdict::Holds => Status::Passed,
        PropertyVerdict::ProbablyHolds(why) => Status::Skipped { message: format!("holds unless {why}") },
        PropertyVerdict::Violated if property.expected_violated => Status::Passed,
        PropertyVerdict::Violated => Status::Failure {
            kind: property.kind,
            message: format!("{} is violated", property.name),
            body: trace::behaviour(property, &[], sources, Paint::PLAIN),
        },
        PropertyVerdict::Inconclusive => {
            Status::Skipped { message: "not everything was explored".to_owned() }
        }
        PropertyVerdict::NotChecked(why) | PropertyVerdict::EndsEarly(why) => {
            Status::Skipped { message: why.clone() }
        }
    }
}

fn case(xml: &mut Xml, case: &Case) {
    let mut attributes = vec![("name", case.name.clone()), ("classname", case.class.clone())];
    if let Some(place) = &case.place {
        attributes.push(("file", place.file.clone()));
        attributes.push(("line", place.line.to_string()));
    }
    let borrowed: Vec<(&str, &str)> = attributes.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let start = attributed(BytesStart::new("testcase"), &borrowed);
    if matches!(case.status, Status::Passed) {
        return event(xml, Event::Empty(start));
    }
    event(xml, Event::Start(start));
    match &case.status {
        Status::Passed => {}
        Status::Failure { kind, message, body } => {
            element(xml, "failure", &[("type", kind), ("message", message)], body);
        }
        Status::Error { kind, message, body } => {
            element(xml, "error", &[("type", kind), ("message", message)], body);
        }
        Status::Skipped { message } => {
            event(xml, Event::Empty(attributed(BytesStart::new("skipped"), &[("message", message)])));
        }
    }
    event(xml, Event::End(BytesEnd::new("testcase")));
}

fn element(xml: &mut Xml, name: &str, attributes: &[(&str, &str)], body: &str) {
    event(xml, Event::Start(attributed(BytesStart::new(name), attributes)));
    event(xml, Event::Text(BytesText::new(&allowed(body))));
    event(xml, Event::End(BytesEnd::new(name)));
}

fn attributed<'a>(mut start: BytesStart<'a>, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    for (key, value) in attributes {
        start.push_attribute((*key, allowed(value).as_str()));
    }
    start
}

/// Only characters that XML 1.0 allows.
fn allowed(text: &str) -> String {
    let legal =
        |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'));
    text.chars().map(|c| if legal(c) { c } else { '\u{FFFD}' }).collect()
}

fn event(xml: &mut Xml, event: Event<'_>) {
    xml.write_event(event).expect("writing to memory succeeds");
}
