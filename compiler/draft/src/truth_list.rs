//! The "Source of truth in protocol" list: objects, and under each the attributes that guards read.

use crate::clean::Line;
use crate::names::is_ident;

/// A truth object as listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ListedTruth {
    /// `LeaseState`
    pub name: String,
    /// `owner_id`, `expiry_at`
    pub attrs: Vec<String>,
}

/// Whether the line opens the list.
pub(crate) fn is_heading(text: &str) -> bool {
    let text = text.trim_end_matches([':', ' ']).to_ascii_lowercase();
    let named =
        text.starts_with("source of truth in") && (text.ends_with("protocol") || text.ends_with("protocols"));
    named || matches!(text.as_str(), "truth" | "truth objects")
}

/// Reads the list whose heading is the first line; returns how many lines it has.
pub(crate) fn read(lines: &[Line], truth: &mut Vec<ListedTruth>, warnings: &mut Vec<String>) -> usize {
    let heading = &lines[0];
    let mut base = None;
    let mut used = 1;
    for line in &lines[1..] {
        if line.blank() || line.fence {
            used += 1;
            continue;
        }
        let inside = !heading.bullet || line.indent > heading.indent;
        if !(line.bullet && inside) {
            break;
        }
        used += 1;
        let base = *base.get_or_insert(line.indent);
        entry(&line.text, line.indent > base, truth, warnings);
    }
    used
}

/// `LeaseState`, `LeaseState.expiry_at`, `LeaseState: owner_id, expiry_at`, or an attribute under an object.
fn entry(text: &str, nested: bool, truth: &mut Vec<ListedTruth>, warnings: &mut Vec<String>) {
    let (name, rest) = text.split_once([':', '.']).unwrap_or((text, ""));
    let name = name.trim();
    if !is_ident(name) {
        warnings.push(format!("`{text}` in the list of truth is not a name; it was left out"));
    } else if nested && !rest.is_empty() {
        attr(name, truth);
        warnings.push(format!("`{text}`: what the list says about `{name}` was left out"));
    } else if nested {
        attr(name, truth);
    } else {
        object(name, truth);
        rest.split(',').map(str::trim).filter(|a| is_ident(a)).for_each(|a| attr(a, truth));
    }
}

fn object(name: &str, truth: &mut Vec<ListedTruth>) {
    // The last one is what attributes are added to.
    let known = truth.iter().position(|t| t.name == name).map(|i| truth.remove(i));
    truth.push(known.unwrap_or_else(|| ListedTruth { name: name.to_string(), attrs: Vec::new() }));
}

fn attr(name: &str, truth: &mut [ListedTruth]) {
    if let Some(object) = truth.last_mut()
        && !object.attrs.iter().any(|a| a == name)
    {
        object.attrs.push(name.to_string());
    }
}
