//! Where declarations start, so that one broken declaration does not hide the errors of the others.

use crate::lexer::{Kind, Token};
use std::ops::Range;

/// Words that only declarations start with: at the start of a line they end an unclosed block.
const MAJOR: [&str; 27] = [
    "actor",
    "allow",
    "archetype",
    "const",
    "define",
    "enum",
    "expect",
    "extend",
    "failure",
    "faults",
    "ghost",
    "id",
    "instance",
    "on",
    "one",
    "ordinal",
    "property",
    "protocol",
    "record",
    "redundant",
    "refines",
    "rejects",
    "role",
    "rules",
    "truth",
    "use",
    "view",
];
/// Words that start declarations and also stand in the head of a protocol.
const MINOR: [&str; 12] = [
    "branch", "deadline", "each", "fair", "join", "loop", "outcome", "pace", "spawn", "split", "unfair",
    "urgent",
];

/// Whether a declaration can start with `word`.
pub(crate) fn is_item_word(word: &str) -> bool {
    MAJOR.contains(&word) || MINOR.contains(&word)
}

/// Every word that a declaration can start with.
pub(crate) fn item_words() -> impl Iterator<Item = &'static str> {
    MAJOR.into_iter().chain(MINOR)
}

/// Cuts a text into pieces that each start with a declaration.
pub(crate) fn pieces(text: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut depth = 0_i64;
    let mut line_of_last = None;
    for (index, token) in tokens.iter().enumerate() {
        let first_of_line =
            line_of_last.is_none_or(|end: usize| text[end..token.start as usize].contains('\n'));
        line_of_last = Some(token.end as usize);
        if first_of_line && starts_item(text, tokens, index, depth) {
            starts.push(token.start as usize);
            depth = 0;
        }
        depth += change(token, text);
    }
    starts.push(text.len());
    starts.windows(2).map(|w| w[0]..w[1]).filter(|r| !text[r.clone()].trim().is_empty()).collect()
}

fn change(token: &Token, text: &str) -> i64 {
    match (token.kind, token.of(text)) {
        (Kind::Punct, "{" | "(" | "[") => 1,
        (Kind::Punct, "}" | ")" | "]") => -1,
        _ => 0,
    }
}

fn starts_item(text: &str, tokens: &[Token], index: usize, depth: i64) -> bool {
    let token = &tokens[index];
    let word = token.of(text);
    let shaped = tokens.get(index + 1).is_some_and(|next| next.kind != Kind::Punct || next.of(text) == "{");
    let first_column = token.start == 0 || text.as_bytes()[token.start as usize - 1] == b'\n';
    let at_top = depth <= 0 && is_item_word(word);
    token.kind == Kind::Word && shaped && (at_top || first_column && MAJOR.contains(&word))
}
