//! What the tests of this crate share: fixtures, comparison up to spans, the checks on the formatter.
#![allow(dead_code)]

use arch_base::{Diagnostic, FileId};
use arch_grammar::ast::Module;
use std::fmt::Debug;

/// The example of the language reference.
pub const LANGUAGE: &str = include_str!("../language.arch");
/// Every kind of declaration, statement, type and expression.
pub const EVERYTHING: &str = include_str!("../everything.arch");
/// Comments and blank lines in unusual places.
pub const COMMENTS: &str = include_str!("../comments.arch");

/// The headings and protocol blocks of the notes.
pub fn notes() -> Vec<(&'static str, &'static str)> {
    let sections = include_str!("../notes.txt").split("## ").filter(|s| !s.trim().is_empty());
    sections.map(|s| s.split_once('\n').expect("a heading line")).collect()
}

/// A block of the notes as a file.
pub fn pasted(block: &str) -> String {
    format!("protocol pasted {{\n{block}}}\n")
}

pub fn parse(text: &str) -> Result<Module, Vec<Diagnostic>> {
    arch_grammar::parse(FileId(0), text)
}

pub fn parsed(text: &str) -> Module {
    parse(text).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

/// The debug text of a tree without its spans.
pub fn shape(tree: &impl Debug) -> String {
    let text = format!("{tree:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("0:") {
        let (before, span) = rest.split_at(at);
        out.push_str(before);
        rest = span.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == '.');
    }
    out + rest
}

/// The comments of a file, in order.
pub fn comments(module: &Module) -> Vec<String> {
    module.comments.iter().map(|c| c.text.clone()).collect()
}

/// Words, numbers, texts and symbols, without comments, separators and the byte order mark.
pub fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => 2 + rest[1..].find('"').unwrap_or(rest.len() - 2),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let token = &rest[..length];
        if !token.starts_with("//") && !token.trim().is_empty() && token != "," && token != ";" {
            found.push(token.to_owned());
        }
        rest = &rest[length..];
    }
    found
}

/// The canonical layout of a text, after checking that it keeps the tree and the comments and that
/// laying it out again changes nothing.
pub fn formatted(text: &str) -> String {
    let module = parsed(text);
    let printed = arch_grammar::print(&module, text);
    let again = parsed(&printed);
    let without_comments = |m: &Module| shape(&(&m.header, &m.items));
    assert_eq!(
        without_comments(&again),
        without_comments(&module),
        "the tree changed:\n{text}\n=>\n{printed}"
    );
    assert_eq!(comments(&again), comments(&module), "comments changed:\n{text}\n=>\n{printed}");
    assert_eq!(arch_grammar::print(&again, &printed), printed, "not idempotent:\n{text}\n=>\n{printed}");
    printed
}
