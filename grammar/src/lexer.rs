//! Tokens of a text, for what is decided before or beside the grammar: limits, comments, where
//! declarations start, where a node ends.
//!
//! The grammar and this lexer agree on what words, numbers, quoted texts and comments are. A text that
//! the grammar would refuse is cut into some tokens or other; that is never an error here.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A keyword or name.
    Word,
    /// Digits.
    Number,
    /// A quoted text; it may lack its closing quote.
    Text,
    /// `// …` without the line end.
    Comment,
    /// Any other character, alone.
    Punct,
}

/// A token: bytes `start..end` of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Its text.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize..self.end as usize]
    }
}

/// All tokens of `text`, which is shorter than 4 GiB.
pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (kind, len) = token(rest);
        if let Some(kind) = kind {
            tokens.push(Token { kind, start: at as u32, end: (at + len) as u32 });
        }
        at += len;
    }
    tokens
}

/// The kind (none for white space) and length of what `rest`, which is not empty, starts with.
fn token(rest: &str) -> (Option<Kind>, usize) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    match rest.as_bytes()[0] {
        b' ' | b'\t' | b'\n' | b'\r' => (None, 1),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' => (Some(Kind::Word), run(rest, is_word_byte)),
        b'0'..=b'9' => (Some(Kind::Number), run(rest, |b| b.is_ascii_digit())),
        b'"' => (Some(Kind::Text), quoted(rest)),
        b'/' if rest.starts_with("//") => (Some(Kind::Comment), run(rest, |b| b != b'\n')),
        _ => (Some(Kind::Punct), first),
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(rest: &str, keep: impl Fn(u8) -> bool) -> usize {
    rest.bytes().position(|b| !keep(b)).unwrap_or(rest.len())
}

/// The length of a quoted text; one without a closing quote ends with its line.
fn quoted(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_words_numbers_texts_and_comments() {
        let text = "a1 12 \"q\\\"é\" // c // d\n|->";
        let found: Vec<&str> = lex(text).iter().map(|t| t.of(text)).collect();
        assert_eq!(found, ["a1", "12", "\"q\\\"é\"", "// c // d", "|", "-", ">"]);
    }
}
