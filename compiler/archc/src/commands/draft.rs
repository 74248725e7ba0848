//! `archc draft`: from notes to first specs.

use super::{complain, complain_about, deliver};
use crate::cli::DraftArgs;
use crate::outcome::ExitStatus;
use crate::{atomic, load};
use arch_base::{Diagnostic, SourceMap};
use arch_draft::Draft;
use std::fs;
use std::path::Path;

/// Drafts every archetype of the notes.
#[must_use]
pub fn run(args: &DraftArgs) -> ExitStatus {
    let notes = match read(&args.notes) {
        Ok(notes) => notes,
        Err(diagnostic) => {
            complain_about(&[diagnostic], &SourceMap::default());
            return ExitStatus::Invalid;
        }
    };
    let drafts = match arch_draft::draft(&notes) {
        Ok(drafts) => drafts,
        Err(error) => {
            complain(&format!("{}: {error}", args.notes.display()));
            return ExitStatus::Invalid;
        }
    };
    for warning in drafts.iter().flat_map(|d| &d.warnings) {
        complain(&format!("warning: {warning}"));
    }
    match &args.out {
        None => deliver(&printed(&drafts), ExitStatus::Success),
        Some(directory) => write_all(&drafts, directory),
    }
}

fn read(path: &Path) -> Result<String, Diagnostic> {
    if path == Path::new("-") {
        load::text_of(std::io::stdin().lock(), "standard input")
    } else {
        load::read(path)
    }
}

/// One draft as it stands; several each under a line with its file's name, to be cut there.
fn printed(drafts: &[Draft]) -> String {
    match drafts {
        [one] => one.text.clone(),
        many => {
            let names = file_names(many);
            let parts: Vec<String> = many
                .iter()
                .zip(names)
                .map(|(d, name)| format!("// ==== {name} ====\n\n{}", d.text))
                .collect();
            parts.join("\n")
        }
    }
}

fn write_all(drafts: &[Draft], directory: &Path) -> ExitStatus {
    if let Err(e) = fs::create_dir_all(directory) {
        complain(&format!("cannot create {}: {}", directory.display(), load::reason(&e)));
        return ExitStatus::Invalid;
    }
    let mut status = ExitStatus::Success;
    let mut written = String::new();
    for (draft, name) in drafts.iter().zip(file_names(drafts)) {
        let path = directory.join(name);
        match atomic::create(&path, draft.text.as_bytes()) {
            Ok(()) => written.push_str(&format!("{}\n", path.display())),
            Err(e) => {
                complain(&format!("cannot write {}: {}", path.display(), load::reason(&e)));
                status = ExitStatus::Invalid;
            }
        }
    }
    deliver(&written, status)
}

/// `I02_claim_lease.arch`; a number keeps equal ones apart.
fn file_names(drafts: &[Draft]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for draft in drafts {
        let stem = file_stem(draft);
        let mut name = format!("{stem}.arch");
        let mut number = 2;
        while names.contains(&name) {
            name = format!("{stem}_{number}.arch");
            number += 1;
        }
        names.push(name);
    }
    names
}

fn file_stem(draft: &Draft) -> String {
    let title = draft.title.as_deref().unwrap_or_default().to_lowercase();
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let id = draft.id.as_deref().unwrap_or("draft");
    let id: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    std::iter::once(id.as_str()).chain(words).collect::<Vec<_>>().join("_")
}
