//! Diagnostics for people, by codespan-reporting.

use crate::style::Paint;
use arch_base::{Diagnostic, Label, Severity, SourceMap};
use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::SimpleFiles;
use codespan_reporting::term::termcolor::{Ansi, NoColor, WriteColor};
use codespan_reporting::term::{self, Config, Styles, StylesWriter};

type Files<'a> = SimpleFiles<&'a str, &'a str>;

/// Several diagnostics with the lines they speak of.
#[must_use]
pub fn rendered(diagnostics: &[Diagnostic], sources: &SourceMap, paint: Paint) -> String {
    let mut files = Files::new();
    for file in sources.files() {
        files.add(sources.name(file), sources.text(file));
    }
    diagnostics.iter().map(|d| one(d, &files, paint)).collect()
}

fn one(diagnostic: &Diagnostic, files: &Files<'_>, paint: Paint) -> String {
    let converted = convert(diagnostic);
    let bytes = if paint.colored {
        emit(Ansi::new(Vec::new()), files, &converted).map(Ansi::into_inner)
    } else {
        emit(NoColor::new(Vec::new()), files, &converted).map(NoColor::into_inner)
    };
    // Only a span outside its file can fail; the message is worth more than the place.
    match bytes {
        Some(bytes) => untrailed(&String::from_utf8_lossy(&bytes)),
        None => format!("{}[{}]: {}\n\n", word(diagnostic.severity), diagnostic.code, diagnostic.message),
    }
}

/// codespan leaves blanks at the ends of empty gutter lines.
fn untrailed(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn emit<W: WriteColor>(mut out: W, files: &Files<'_>, diagnostic: &codespan::Diagnostic<usize>) -> Option<W> {
    let styles = Styles::default();
    let mut writer = StylesWriter::new(&mut out, &styles);
    term::emit_to_write_style(&mut writer, &Config::default(), files, diagnostic).ok()?;
    Some(out)
}

fn convert(diagnostic: &Diagnostic) -> codespan::Diagnostic<usize> {
    codespan::Diagnostic::new(severity(diagnostic.severity))
        .with_code(diagnostic.code.0)
        .with_message(&diagnostic.message)
        .with_labels(diagnostic.labels.iter().map(label).collect())
        .with_notes(diagnostic.notes.clone())
}

fn severity(severity: Severity) -> codespan::Severity {
    match severity {
        Severity::Note => codespan::Severity::Note,
        Severity::Warning => codespan::Severity::Warning,
        Severity::Error => codespan::Severity::Error,
    }
}

fn label(label: &Label) -> codespan::Label<usize> {
    let style = if label.primary { codespan::LabelStyle::Primary } else { codespan::LabelStyle::Secondary };
    codespan::Label::new(style, label.span.file.0 as usize, label.span.range()).with_message(&label.message)
}

/// The word of a severity, as all formats use it.
#[must_use]
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
