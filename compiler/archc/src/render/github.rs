//! Workflow annotations of GitHub Actions: an `::error` or `::warning` line for each thing to look at.
//!
//! The syntax is that of "Workflow commands for GitHub Actions"; a message is one line, so the details of
//! a counterexample are escaped line ends within it.

use super::{failures, text, trace};
use crate::outcome::{ExitStatus, FailureOutcome, Place, PropertyOutcome, SpecOutcome};
use crate::style::Paint;
use arch_base::{Diagnostic, Severity, SourceMap, Span};

/// One spec: an annotation for each diagnostic and violation, and its first line as a notice.
#[must_use]
pub fn spec(outcome: &SpecOutcome, sources: &SourceMap) -> String {
    let mut lines: Vec<String> =
        outcome.diagnostics.iter().map(|d| diagnostic(outcome, d, sources)).collect();
    let violated = outcome.properties.iter().filter(|p| p.violated() && !p.expected_violated);
    lines.extend(violated.map(|p| violation(outcome, p, sources)));
    let failing = outcome.failures.iter().filter(|f| f.verdict.fails());
    lines.extend(failing.map(|f| failure(outcome, f, sources)));
    lines.push(summary(outcome));
    lines.concat()
}

fn diagnostic(outcome: &SpecOutcome, diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let level = match diagnostic.severity {
        Severity::Note => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut message = diagnostic.message.clone();
    for note in &diagnostic.notes {
        message.push('\n');
        message.push_str(note);
    }
    command(level, &outcome.file, diagnostic.span(), diagnostic.code.0, &message, sources)
}

fn violation(outcome: &SpecOutcome, property: &PropertyOutcome, sources: &SourceMap) -> String {
    let title = format!("{} is violated", property.name);
    let message = match property.trace {
        Some(_) => trace::behaviour(property, &[], sources, Paint::PLAIN),
        None => title.clone(),
    };
    command("error", &outcome.file, property.span, &title, message.trim_end(), sources)
}

fn failure(outcome: &SpecOutcome, failure: &FailureOutcome, sources: &SourceMap) -> String {
    let title = format!("failure mode {:?} is {}", failure.name, failure.verdict.word().replace('_', " "));
    let behaviour = failures::behaviour(failure, sources, Paint::PLAIN);
    let message = format!("{}{behaviour}", failure.verdict.reason().unwrap_or_default());
    command("error", &outcome.file, Some(failure.span), &title, message.trim_end(), sources)
}

fn summary(outcome: &SpecOutcome) -> String {
    let level = match outcome.status {
        ExitStatus::Success => "notice",
        ExitStatus::Inconclusive => "warning",
        ExitStatus::Strict
        | ExitStatus::Drift
        | ExitStatus::Violated
        | ExitStatus::Invalid
        | ExitStatus::Internal => "error",
    };
    let file = property_value(&outcome.file);
    format!("::{level} file={file},title=archc check::{}\n", data(&text::plain_headline(outcome)))
}

fn command(
    level: &str,
    file: &str,
    span: Option<Span>,
    title: &str,
    message: &str,
    sources: &SourceMap,
) -> String {
    let place = match span.map(|s| Place::of(sources, s)) {
        Some(p) => format!(
            "file={},line={},col={},endLine={},endColumn={}",
            property_value(&p.file),
            p.line,
            p.column,
            p.end_line,
            p.end_column
        ),
        None => format!("file={}", property_value(file)),
    };
    format!("::{level} {place},title={}::{}\n", property_value(title), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property_value(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #[test]
    fn line_ends_and_separators_are_escaped() {
        assert_eq!(super::data("50%\nof: a, b"), "50%25%0Aof: a, b");
        assert_eq!(super::property_value("a:b,c"), "a%3Ab%2Cc");
    }
}
