//! The lines above the protocols: entities, paths, sequence, bottlenecks, connections, failure modes.

use crate::clean::Line;

/// What those lines say.
#[derive(Clone, Default, Debug)]
pub(crate) struct Header {
    /// The header's entries, in the order of [`FIELDS`].
    pub fields: Vec<(Field, String)>,
    /// The failure modes with their preventions and repairs, as nested lines.
    pub failures: Vec<(usize, String)>,
}

impl Header {
    /// The names of the entities, if the notes list any.
    pub fn entities(&self) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(f, _)| f.key == "entities")
            .flat_map(|(_, v)| v.split(','))
            .map(str::trim)
            .collect()
    }

    fn set(&mut self, field: Field, value: &str) {
        let value = value.trim();
        if !value.is_empty() && !self.fields.iter().any(|(f, _)| f.key == field.key) {
            self.fields.push((field, value.to_string()));
            self.fields.sort_by_key(|(f, _)| FIELDS.iter().position(|g| g.key == f.key));
        }
    }
}

/// An entry of the header block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Field {
    /// How the notes label it.
    label: &'static str,
    /// Its key in the header block.
    pub key: &'static str,
    /// What its value is.
    pub kind: FieldKind,
}

/// What the value of an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FieldKind {
    /// Names of truth objects.
    Names,
    /// A list of texts and archetypes.
    Texts,
    /// One text.
    Whole,
}

/// What the header block holds, in order.
const FIELDS: [Field; 16] = [
    Field { label: "entities", key: "entities", kind: FieldKind::Names },
    Field { label: "source of truth", key: "source of truth", kind: FieldKind::Names },
    Field { label: "ownership mode", key: "ownership", kind: FieldKind::Whole },
    Field { label: "write paths", key: "write paths", kind: FieldKind::Texts },
    Field { label: "read paths", key: "read paths", kind: FieldKind::Texts },
    Field { label: "sequence", key: "sequence", kind: FieldKind::Whole },
    Field { label: "scaling bottlenecks", key: "bottlenecks", kind: FieldKind::Texts },
    Field { label: "mitigation", key: "mitigation", kind: FieldKind::Texts },
    Field { label: "input", key: "input", kind: FieldKind::Texts },
    Field { label: "output", key: "output", kind: FieldKind::Texts },
    Field { label: "decorator/middleware", key: "decorator", kind: FieldKind::Whole },
    Field { label: "canonical unit of work", key: "unit of work", kind: FieldKind::Texts },
    Field { label: "common mechanism variants", key: "variants", kind: FieldKind::Texts },
    Field { label: "dominant invariant families", key: "invariant families", kind: FieldKind::Texts },
    Field { label: "canonical failure signatures", key: "failure signatures", kind: FieldKind::Texts },
    Field { label: "good real-system anchors", key: "anchors", kind: FieldKind::Texts },
];

/// Labels that run on within one line.
const INLINE: [&str; 4] = ["mitigation:", "input:", "output:", "decorator/middleware:"];

/// Reads line `at` if it is one of the header's; returns how many lines that was.
pub(crate) fn read(lines: &[Line], at: usize, header: &mut Header) -> usize {
    let line = &lines[at];
    let Some((label, value)) = line.text.split_once(':') else { return 1 };
    let label = label.trim().to_ascii_lowercase();
    if label == "failure modes" {
        return 1 + failures(&lines[at + 1..], line.indent, header);
    }
    if label == "connections" {
        inline(value, header);
        return 1;
    }
    if let Some(field) = FIELDS.iter().find(|f| f.label == label) {
        let end = next_label(value).map_or(value.len(), |(start, _)| start);
        header.set(*field, &value[..end]);
        inline(&value[end..], header);
    }
    1
}

/// Reads `mitigation: … ` and `input: … output: …` inside a line.
fn inline(text: &str, header: &mut Header) {
    let mut rest = text;
    while let Some((start, label)) = next_label(rest) {
        let value = &rest[start + label.len()..];
        let end = next_label(value).map_or(value.len(), |(next, _)| next);
        if let Some(field) = FIELDS.iter().find(|f| f.label == label.trim_end_matches(':')) {
            header.set(*field, &value[..end]);
        }
        rest = &value[end..];
    }
}

fn next_label(text: &str) -> Option<(usize, &'static str)> {
    INLINE.iter().filter_map(|label| text.find(label).map(|at| (at, *label))).min()
}

/// The lines nested under `Failure modes:`; returns how many there are.
fn failures(lines: &[Line], indent: usize, header: &mut Header) -> usize {
    let nested = lines.iter().take_while(|l| l.bullet && l.indent > indent).count();
    let base = lines[..nested].iter().map(|l| l.indent).min().unwrap_or_default();
    let depth = |l: &Line| usize::from(l.indent > base);
    header.failures.extend(lines[..nested].iter().map(|l| (depth(l), l.text.clone())));
    nested
}
