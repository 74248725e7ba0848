//! One line of pasted text without its typographic dress: markdown, bullets, arrows.

/// A line of the notes.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// How far it is indented, before its bullet.
    pub indent: usize,
    /// Whether a bullet stands in front.
    pub bullet: bool,
    /// Whether it is written as a markdown heading, or numbered as `2. repair`.
    pub heading: bool,
    /// Whether it opens or closes a code fence.
    pub fence: bool,
    /// What it says.
    pub text: String,
}

impl Line {
    /// Whether it says nothing.
    pub fn blank(&self) -> bool {
        self.text.is_empty() && !self.fence
    }
}

/// Reads all lines.
pub(crate) fn lines(notes: &str) -> Vec<Line> {
    notes.trim_start_matches('\u{FEFF}').lines().map(line).collect()
}

fn line(raw: &str) -> Line {
    let plain = ascii(raw);
    let plain = without_quote_mark(&plain);
    let body = plain.trim_start();
    let indent = plain.len() - body.len();
    let body = body.trim_end();
    if body.starts_with("```") || body.starts_with("~~~") {
        return Line { indent, bullet: false, heading: false, fence: true, text: String::new() };
    }
    let (bullet, body) = without_bullet(body);
    let (numbered, body) = without_number(body);
    let (heading, body) = without_heading(body);
    let heading = heading || numbered;
    Line { indent, bullet, heading, fence: false, text: without_emphasis(body).trim().to_string() }
}

/// Replaces the typographic signs that editors put in place of the notation's own.
fn ascii(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '\t' => out.push_str("  "),
            '\u{A0}' | '\u{C}' | '\r' => out.push(' '),
            '→' | '⟶' => out.push_str("->"),
            '⇒' => out.push_str("=>"),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '≠' => out.push_str("!="),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '∧' => out.push_str("and"),
            '∨' => out.push_str("or"),
            '¬' => out.push_str("not "),
            '∈' => out.push_str("in"),
            c => out.push(c),
        }
    }
    for (written, arrow) in [("-->", "->"), ("–>", "->"), ("—>", "->"), ("==>", "=>")] {
        out = out.replace(written, arrow);
    }
    out
}

/// A step line with the operators of other languages in the notation's own.
pub(crate) fn operators(line: &str) -> String {
    line.replace("&&", "and").replace("||", "or").replace("==", "=").replace("<>", "!=")
}

/// Drops the mark of a markdown quotation.
fn without_quote_mark(line: &str) -> &str {
    let rest = line.trim_start().strip_prefix('>');
    rest.filter(|r| r.is_empty() || r.starts_with(' ')).map_or(line, |r| r.strip_prefix(' ').unwrap_or(r))
}

/// Drops the number of a numbered list.
fn without_number(body: &str) -> (bool, &str) {
    let rest = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < body.len();
    match rest.strip_prefix(['.', ')']).filter(|r| numbered && r.starts_with(' ')) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, body),
    }
}

fn without_bullet(body: &str) -> (bool, &str) {
    let mut chars = body.chars();
    let marker = chars.next().is_some_and(|c| matches!(c, '•' | '-' | '*' | '–' | '◦' | '▪' | '+'));
    let rest = chars.as_str();
    if marker && (rest.is_empty() || rest.starts_with(' ')) {
        (true, rest.trim_start())
    } else {
        (false, body)
    }
}

fn without_heading(body: &str) -> (bool, &str) {
    let rest = body.trim_start_matches('#');
    let marked = rest.len() < body.len() && rest.starts_with(' ');
    let ended = rest.trim_end_matches('#').trim();
    let trailing = ended.len() < rest.trim().len();
    if marked || trailing { (true, ended) } else { (false, body) }
}

/// Drops `**`, `__` around words and back quotes; neither means anything in the notation.
fn without_emphasis(body: &str) -> String {
    body.replace("**", "").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_headings_and_arrows() {
        let l = line("    • RevisionedConfig");
        assert_eq!((l.indent, l.bullet, l.text.as_str()), (4, true, "RevisionedConfig"));
        let l = line("## **Main protocol:**");
        assert!(l.heading && l.text == "Main protocol:");
        let l = line("I02 Claim / Lease #");
        assert!(l.heading && l.text == "I02 Claim / Lease");
        assert_eq!(line("  a[b {X.c ≥ now}] →").text, "a[b {X.c >= now}] ->");
        assert_eq!(line("-> b[c]").text, "-> b[c]");
        assert_eq!(line("> a[b] —> c[d] ==> done").text, "a[b] -> c[d] => done");
        assert_eq!(operators("a[b {x == 1 && y <> 2}]"), "a[b {x = 1 and y != 2}]");
        let l = line("2) repair:");
        assert!(l.heading && l.text == "repair:");
    }
}
