//! Finding the archetypes in the notes, and in each its header lines, truth list and protocol blocks.

use crate::clean::{self, Line};
use crate::header::{self, Header};
use crate::names;
use crate::truth_list::{self, ListedTruth};
use crate::uses::push_new;

/// One archetype, or a fragment without a heading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// `I02`
    pub id: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// What the lines above the protocols say.
    pub header: Header,
    /// The truth that the protocols read, as listed.
    pub truth: Vec<ListedTruth>,
    /// The protocols.
    pub blocks: Vec<Block>,
    /// What could not be read.
    pub warnings: Vec<String>,
}

/// The lines of one protocol.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Its name, unique in the section.
    pub name: String,
    /// The heading as written.
    pub heading: String,
    /// The step lines, re-indented.
    pub text: String,
}

/// Reads the notes; only sections with protocols are kept.
pub(crate) fn read(notes: &str) -> Vec<Section> {
    let lines = clean::lines(notes);
    let starts = section_starts(&lines);
    let mut sections: Vec<Section> =
        starts.windows(2).map(|w| section(&lines[w[0]..w[1]])).filter(|s| !s.blocks.is_empty()).collect();
    if sections.is_empty() {
        sections.extend(unlabelled(&lines));
    }
    sections
}

/// The first line of each section, then the number of lines.
fn section_starts(lines: &[Line]) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend((1..lines.len()).filter(|&i| archetype_heading(&lines[i]).is_some()));
    starts.push(lines.len());
    starts
}

/// `I02 Claim / Lease` as id and title.
fn archetype_heading(line: &Line) -> Option<(String, String)> {
    if line.bullet || line.text.contains(['[', '{']) || protocol_heading(line).is_some() {
        return None;
    }
    let (id, title) = line.text.split_once(char::is_whitespace).unwrap_or((&line.text, ""));
    let id = id.trim_end_matches(['.', ':', ')']);
    let title = title.trim_start_matches(['-', '–', '—', ':']).trim();
    (names::is_archetype(id) && (line.heading || !title.is_empty()))
        .then(|| (id.to_string(), title.to_string()))
}

fn section(lines: &[Line]) -> Section {
    let mut section = Section::default();
    let mut at = 0;
    if let Some((id, title)) = lines.first().and_then(archetype_heading) {
        section.id = Some(id);
        section.title = Some(title).filter(|t| !t.is_empty());
        at = 1;
    }
    while at < lines.len() {
        at += part(lines, at, &mut section);
    }
    section
}

/// Reads what begins at line `at`; returns how many lines that was.
fn part(lines: &[Line], at: usize, section: &mut Section) -> usize {
    let line = &lines[at];
    if truth_list::is_heading(&line.text) {
        let used = truth_list::read(&lines[at..], &mut section.truth, &mut section.warnings);
        return used.max(1);
    }
    if let Some(heading) = protocol_heading(line) {
        return 1 + protocol(&lines[at + 1..], heading, section);
    }
    let (loose, used) = loose_steps(&lines[at..]);
    if loose.contains(']') && !section.blocks.is_empty() {
        let first = lines[at].text.trim();
        section.warnings.push(format!("no `… protocol:` stands above `{first}`; these steps were left out"));
        return used.max(1);
    }
    header::read(lines, at, &mut section.header)
}

/// What stands before `protocol:` in a heading of a protocol.
fn protocol_heading(line: &Line) -> Option<&str> {
    let text = line.text.trim_end();
    let named = text.strip_suffix(':').or(line.heading.then_some(text))?.trim_end();
    let cut = named.len().checked_sub("protocol".len())?;
    let (before, word) = (named.get(..cut)?, named.get(cut..)?);
    let whole_word = before.is_empty() || before.ends_with(char::is_whitespace);
    let fits = word.eq_ignore_ascii_case("protocol") && whole_word && !truth_list::is_heading(text);
    fits.then(|| without_id(before.trim()))
}

/// `I01 main` as `main`.
fn without_id(heading: &str) -> &str {
    match heading.split_once(' ') {
        Some((id, rest)) if names::is_archetype(id) => rest,
        _ => heading,
    }
}

/// Reads the step lines under a heading; returns how many lines that was.
fn protocol(lines: &[Line], heading: &str, section: &mut Section) -> usize {
    let (text, used) = steps(lines);
    let heading = if heading.is_empty() { "Main" } else { heading };
    if text.is_empty() {
        section.warnings.push(format!("`{heading} protocol:` has no step lines under it"));
        return used;
    }
    if section.blocks.len() == MAX_BLOCKS {
        let warning = format!("only the first {MAX_BLOCKS} protocols of an archetype are read");
        push_new(&mut section.warnings, &warning);
        return used;
    }
    add_block(heading, text, section);
    used
}

fn add_block(heading: &str, text: String, section: &mut Section) {
    let base = names::protocol(heading);
    let name = names::unique(&base, |n| section.blocks.iter().any(|b| b.name == n));
    section.blocks.push(Block { name, heading: heading.to_string(), text });
}

/// How many protocols of an archetype are read.
const MAX_BLOCKS: usize = 64;
/// How many lines of a protocol are read.
const MAX_LINES: usize = 400;

/// The step lines at the start of `lines`, and how many lines they and what precedes them are.
fn steps(lines: &[Line]) -> (String, usize) {
    let first = lines.iter().take_while(|l| l.blank() || l.fence).count();
    let fenced = lines[..first].iter().any(|l| l.fence);
    let mut text = String::new();
    let mut used = first;
    for line in lines[first..].iter().take(MAX_LINES) {
        if line.fence || !(line.blank() || continues(&text, line)) || (line.blank() && text.is_empty()) {
            break;
        }
        used += 1;
        if !line.blank() {
            push_line(&mut text, line);
        }
    }
    let closing = usize::from(fenced && lines.get(used).is_some_and(|l| l.fence));
    (text, used + closing)
}

/// Whether the line is a step, or goes on with the step above it.
fn continues(text: &str, line: &Line) -> bool {
    let open = text.matches(['[', '{']).count() > text.matches([']', '}']).count();
    let step = line.text.contains('[') && names::is_ident(step_actor(&line.text));
    let arrow = ["->", "|->", "=>"].iter().any(|a| line.text.starts_with(a));
    let awaited = !text.is_empty() && (open || text.trim_end().ends_with("->"));
    let reaches = line.text.contains(['[', '{', '}', ']']) || open;
    (step && (text.is_empty() || awaited)) || (!text.is_empty() && arrow) || (awaited && reaches)
}

/// The word before the first bracket, behind an arrow.
fn step_actor(text: &str) -> &str {
    let body = text.trim_start_matches("|->").trim_start_matches("->").trim();
    body.split('[').next().unwrap_or_default().trim()
}

/// Adds a line, indented from its own layout.
fn push_line(text: &mut String, line: &Line) {
    text.push_str(if text.is_empty() { "  " } else { "    " });
    text.push_str(&clean::operators(&line.text));
    text.push('\n');
}

/// When no heading names a protocol: step lines anywhere are protocols, named by the line above them if that
/// looks like a heading.
fn unlabelled(lines: &[Line]) -> Option<Section> {
    let mut section = self::section(lines);
    section.warnings.clear();
    let mut at = 0;
    let mut heading = None;
    while at < lines.len() && section.blocks.len() < MAX_BLOCKS {
        let (text, used) = loose_steps(&lines[at..]);
        if text.is_empty() {
            heading = if lines[at].blank() || lines[at].fence { heading } else { short_heading(&lines[at]) };
            at += 1;
            continue;
        }
        at += used;
        add_block(heading.take().unwrap_or("main"), text, &mut section);
    }
    let names: Vec<String> = section.blocks.iter().map(|b| format!("`{}`", b.name)).collect();
    section
        .warnings
        .push(format!("no line says `… protocol:`; the steps found are taken as {}", names.join(", ")));
    (!section.blocks.is_empty()).then_some(section)
}

/// The steps that begin on the first line, wherever that stands.
fn loose_steps(lines: &[Line]) -> (String, usize) {
    if lines.first().is_some_and(|l| l.text.contains('[')) { steps(lines) } else { (String::new(), 0) }
}

/// `repair` of `2. Repair:`; three words at most.
fn short_heading(line: &Line) -> Option<&str> {
    let name = line.text.trim_end_matches([':', ' ']);
    let headed = (line.heading || name.len() < line.text.trim_end().len()) && !line.bullet;
    let words = name.split_whitespace().count();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || " _-/".contains(c));
    (headed && plain && (1..=3).contains(&words)).then_some(name)
}
