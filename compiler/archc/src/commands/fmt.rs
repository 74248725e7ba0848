//! `archc fmt`: the canonical layout, in place.

use super::{complain, complain_about, deliver};
use crate::atomic;
use crate::cli::FmtArgs;
use crate::load::{self, Input};
use crate::outcome::ExitStatus;
use arch_base::{Diagnostic, FileId, SourceMap};
use std::path::Path;

/// Formats every file; the worst result decides.
#[must_use]
pub fn run(args: &FmtArgs) -> ExitStatus {
    let mut sources = SourceMap::default();
    let (stdin, files): (Vec<_>, Vec<_>) = args.paths.iter().cloned().partition(|p| p == Path::new("-"));
    let mut status = ExitStatus::Success;
    if !stdin.is_empty() {
        status = status.max(format_stdin(args.check, &mut sources));
    }
    for input in load::load(&files, &mut sources) {
        status = status.max(format_file(&input, args.check, &sources));
    }
    status
}

fn format_stdin(check: bool, sources: &mut SourceMap) -> ExitStatus {
    let text = match load::text_of(std::io::stdin().lock(), "standard input") {
        Ok(text) => text,
        Err(diagnostic) => return refused(&[diagnostic], sources),
    };
    let file = sources.add("<stdin>", text);
    match formatted(file, sources) {
        Err(diagnostics) => refused(&diagnostics, sources),
        Ok(new) if check => compared("<stdin>", sources.text(file), &new),
        Ok(new) => deliver(&new, ExitStatus::Success),
    }
}

fn format_file(input: &Input, check: bool, sources: &SourceMap) -> ExitStatus {
    let file = match &input.content {
        Ok(file) => *file,
        Err(diagnostic) => return refused(std::slice::from_ref(diagnostic), sources),
    };
    let old = sources.text(file);
    match formatted(file, sources) {
        Err(diagnostics) => refused(&diagnostics, sources),
        Ok(new) if check => compared(&input.name, old, &new),
        Ok(new) if new == old => ExitStatus::Success,
        Ok(new) => replace(input, &new),
    }
}

/// The canonical layout of a file.
fn formatted(file: FileId, sources: &SourceMap) -> Result<String, Vec<Diagnostic>> {
    let text = sources.text(file);
    Ok(arch_grammar::print(&arch_grammar::parse(file, text)?, text))
}

fn compared(name: &str, old: &str, new: &str) -> ExitStatus {
    if old == new {
        return ExitStatus::Success;
    }
    deliver(&format!("{name}: not in canonical layout\n"), ExitStatus::Violated)
}

fn replace(input: &Input, new: &str) -> ExitStatus {
    match atomic::replace(&input.path, new.as_bytes()) {
        Ok(()) => ExitStatus::Success,
        Err(e) => {
            complain(&format!("cannot write {}: {}", input.name, load::reason(&e)));
            ExitStatus::Invalid
        }
    }
}

fn refused(diagnostics: &[Diagnostic], sources: &SourceMap) -> ExitStatus {
    complain_about(diagnostics, sources);
    ExitStatus::Invalid
}
