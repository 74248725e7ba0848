//! From pasted notes to a first typed `.arch`.
//!
//! [`draft`] reads what people paste: whole archetypes, or a fragment with a "Source of truth in
//! protocol" list and protocol blocks. It keeps the protocol lines as they are, infers a type for each
//! attribute from how the guards use it, and declares every word that the guards mention.

mod choose;
mod clean;
mod emit;
mod header;
mod infer;
mod names;
mod notes;
mod truth_list;
mod types;
mod uses;

use arch_base::FileId;
use notes::Section;
use std::fmt;

/// A first `.arch` for one archetype of the notes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// `I02`, when the notes have a heading with it.
    pub id: Option<String>,
    /// The title in that heading.
    pub title: Option<String>,
    /// The spec, in canonical layout.
    pub text: String,
    /// What could not be taken over, and what was guessed, each a sentence.
    pub warnings: Vec<String>,
}

/// Why notes cannot be drafted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DraftError {
    /// There is no text.
    Empty,
    /// The input is not text.
    NotText,
    /// The text is longer than a spec may be.
    TooLong,
    /// No heading ending in `protocol:` with step lines under it was found.
    NoProtocols,
    /// Every protocol block is broken; what is wrong with each.
    Unreadable(Vec<String>),
}

impl fmt::Display for DraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DraftError::Empty => f.write_str("the notes are empty"),
            DraftError::NotText => f.write_str("the notes are not text: they contain control characters"),
            DraftError::TooLong => write!(f, "the notes are longer than {} bytes", arch_grammar::MAX_BYTES),
            DraftError::NoProtocols => f.write_str(
                "the notes contain no protocol: a line such as `Main protocol:` followed by \
                 `actor[operation {guard}] -> …` is expected",
            ),
            DraftError::Unreadable(problems) => {
                write!(f, "no protocol of the notes can be read: {}", problems.join("; "))
            }
        }
    }
}

impl std::error::Error for DraftError {}

/// Drafts every archetype of `notes`, in order.
///
/// # Errors
///
/// When nothing at all can be drafted; what only concerns a part becomes a warning of its draft.
pub fn draft(notes: &str) -> Result<Vec<Draft>, DraftError> {
    check_text(notes)?;
    let sections = notes::read(notes);
    if sections.is_empty() {
        return Err(DraftError::NoProtocols);
    }
    let mut problems = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    for section in &sections {
        match draft_section(section) {
            Ok(draft) => drafts.push(draft),
            Err(broken) => problems.extend(broken),
        }
    }
    match drafts.first_mut() {
        None => return Err(DraftError::Unreadable(problems)),
        Some(first) => first.warnings.extend(problems),
    }
    Ok(drafts)
}

/// Refuses what is certainly not notes.
fn check_text(notes: &str) -> Result<(), DraftError> {
    if notes.trim().is_empty() {
        return Err(DraftError::Empty);
    }
    if notes.len() > arch_grammar::MAX_BYTES {
        return Err(DraftError::TooLong);
    }
    let control = notes
        .chars()
        .any(|c| c == '\u{FFFD}' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{C}')));
    if control { Err(DraftError::NotText) } else { Ok(()) }
}

/// Drafts one archetype, or says why none of its protocols can be read.
fn draft_section(section: &Section) -> Result<Draft, Vec<String>> {
    let mut warnings = section.warnings.clone();
    let (protocols, broken) = uses::parse_blocks(section);
    if protocols.is_empty() {
        return Err(broken);
    }
    warnings.extend(broken);
    let model = infer::infer(section, &protocols);
    warnings.extend(model.warnings.iter().cloned());
    let raw = emit::module(section, &model, &protocols);
    let text = canonical(raw, &mut warnings);
    Ok(Draft { id: section.id.clone(), title: section.title.clone(), text, warnings })
}

/// The canonical layout of the text that was put together; the text itself should it not parse.
fn canonical(raw: String, warnings: &mut Vec<String>) -> String {
    match arch_grammar::parse(FileId(0), &raw) {
        Ok(module) => arch_grammar::print(&module, &raw),
        Err(found) => {
            let first = found.first().map(|d| d.message.clone()).unwrap_or_default();
            warnings.push(format!("the draft does not parse yet: {first}"));
            raw
        }
    }
}
