//! What the parser says, in one place.
//!
//! | code | meaning |
//! |---|---|
//! | E0001 | syntax error |
//! | E0002 | nested too deeply |
//! | E0003 | file or expression too large |
//! | E0004 | integer out of range |

use crate::advice;
use crate::ast::{AttrDecl, Ident, TypeKind};
use crate::lexer::{self, Kind};
use crate::limits::{MAX_BYTES, MAX_DEPTH, MAX_TERMS};
use crate::parse::Rule;
use arch_base::{Code, Diagnostic, FileId, Span};
use pest::error::{Error, ErrorVariant, InputLocation};

const SYNTAX: Code = Code("E0001");
const TOO_DEEP: Code = Code("E0002");
const TOO_LARGE: Code = Code("E0003");
const OUT_OF_RANGE: Code = Code("E0004");

/// Brackets or right-nesting words that are nested too deeply.
pub(crate) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(TOO_DEEP, "nested too deeply")
        .at(span, format!("this is more than {MAX_DEPTH} levels deep"))
        .help("give an inner part a name with `define`")
}

/// An expression with too many operators.
pub(crate) fn too_many_terms(span: Span) -> Diagnostic {
    Diagnostic::error(TOO_LARGE, "expression too large")
        .at(span, format!("the expression has more than {MAX_TERMS} operators up to here"))
        .help("give parts of it names with `define`")
}

/// A file that is not even read.
pub(crate) fn too_many_bytes(file: FileId, bytes: usize) -> Diagnostic {
    Diagnostic::error(TOO_LARGE, "file too large")
        .at(Span::new(file, 0, 0), format!("the file has {bytes} bytes"))
        .because(format!("a spec may have at most {MAX_BYTES} bytes"))
}

/// A number that does not fit.
pub(crate) fn out_of_range(span: Span, largest: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(OUT_OF_RANGE, "integer out of range")
        .at(span, format!("the largest integer here is {largest}"))
}

/// `a = b = c`
pub(crate) fn comparison_chain(operator: Span) -> Diagnostic {
    Diagnostic::error(SYNTAX, "unexpected comparison after a comparison")
        .at(operator, "comparisons do not chain")
        .help("write `a < b and b < c`, or put one comparison in parentheses")
}

/// `{ a: T b: U }`
pub(crate) fn missing_separator(before: &AttrDecl, name: &Ident) -> Diagnostic {
    let diagnostic = Diagnostic::error(SYNTAX, format!("unexpected `{}`", name.name))
        .at(name.span, "expected `,` or `}` after the attribute before it");
    let ty = before.ty.as_ref().map(|t| &t.kind);
    let collection =
        matches!(ty, Some(TypeKind::Named(n)) if matches!(n.name.as_str(), "set" | "map" | "seq"));
    let written = before.name.name.as_str();
    diagnostic.help(match written {
        _ if collection || name.name == "of" => {
            "a collection is `set of T`, `map K -> V` or `seq of T max n`".to_owned()
        }
        "bool" | "tri" | "time" | "int" if ty.is_none() => {
            format!("the name comes first: `{}: {written}`", name.name)
        }
        _ => "attributes on one line have `,` between them".to_owned(),
    })
}

/// `x := a y := b`
pub(crate) fn joined_statements(second: Span) -> Diagnostic {
    Diagnostic::error(SYNTAX, "unexpected second statement on one line")
        .at(second, "expected `;` or a new line before it")
        .help("statements on one line have `;` between them")
}

/// What pest found, at `base` bytes into the file.
pub(crate) fn syntax(file: FileId, text: &str, base: usize, error: &Error<Rule>) -> Diagnostic {
    let offset = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => base + at,
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expectations(positives),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let (found, span) = token_at(file, text, offset);
    let expected = step_after_arrow(text, offset, expected);
    let label = match expected.as_slice() {
        [] => "not understood here".to_owned(),
        some => format!("expected {}", listing(some)),
    };
    let diagnostic = Diagnostic::error(SYNTAX, format!("unexpected {found}")).at(span, label);
    match advice::advice(text, offset, &expected) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// A name that is expected after an arrow begins a step.
fn step_after_arrow(text: &str, offset: usize, expected: Vec<String>) -> Vec<String> {
    let after_arrow = text.get(..offset).is_some_and(|before| before.trim_end().ends_with("->"));
    if after_arrow && expected == ["a name"] {
        return vec!["a step `actor[operation {guard}]`".to_owned()];
    }
    expected
}

/// The token at an offset: how to call it, and where it is.
fn token_at(file: FileId, text: &str, offset: usize) -> (String, Span) {
    let rest = text.get(offset..).unwrap_or_default();
    let Some(first) = lexer::lex(rest.lines().next().unwrap_or_default()).first().copied() else {
        let at = end_of_tokens(text, offset);
        let what = if rest.is_empty() { "end of file" } else { "end of line" };
        return (what.to_owned(), Span::new(file, at, at));
    };
    let length = symbol_length(rest, first.start as usize).max((first.end - first.start) as usize);
    let start = offset + first.start as usize;
    let span = Span::new(file, start as u32, (start + length) as u32);
    (format!("`{}`", shorten(&text[start..start + length])), span)
}

/// Where the last token before `offset` ends: what is missing at the end of a file is missing there.
fn end_of_tokens(text: &str, offset: usize) -> u32 {
    let before = text.get(..offset).unwrap_or(text);
    let tokens = lexer::lex(before);
    tokens.iter().rev().find(|t| t.kind != Kind::Comment).map_or(0, |t| t.end)
}

/// The length of an operator of several characters, as written or as other languages write it.
fn symbol_length(rest: &str, at: usize) -> usize {
    let symbols = [
        "|->", ":=", "->", "=>", "-->", "==", "!=", "<=", ">=", "&&", "||", "..", "++", "+=", "-=", "--",
        "/*",
    ];
    symbols.iter().find(|s| rest[at..].starts_with(**s)).map_or(1, |s| s.len())
}

fn shorten(token: &str) -> String {
    if token.chars().count() <= 40 {
        return token.to_owned();
    }
    token.chars().take(39).chain(['…']).collect()
}

fn listing(expected: &[String]) -> String {
    match expected {
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
        [] => String::new(),
    }
}

/// Rules as a reader would call them, without repetition, at most eight.
fn expectations(rules: &[Rule]) -> Vec<String> {
    let declarations = rules.contains(&Rule::kw_const);
    let mut names: Vec<String> = rules.iter().filter_map(|rule| describe(*rule, declarations)).collect();
    names.sort_unstable();
    names.dedup();
    if names.iter().any(|n| n == "an expression") {
        names.retain(|n| !matches!(n.as_str(), "`(`" | "`[`" | "`{`" | "a name" | "a number"));
    }
    if names.iter().any(|n| n == "an operator") {
        names.retain(|n| !matches!(n.as_str(), "`.`" | "`(`" | "`[`" | "`..`" | "`*`" | "`is`" | "`at`"));
    }
    names.truncate(8);
    names
}

/// How to call a rule; none if it says nothing to a reader.
fn describe(rule: Rule, declarations: bool) -> Option<String> {
    let name = format!("{rule:?}");
    if let Some(symbol) = symbol(&name) {
        return Some(format!("`{symbol}`"));
    }
    if let Some(word) = name.strip_prefix("kw_") {
        let known = declarations && crate::recover::is_item_word(word);
        return Some(if known { "a declaration".to_owned() } else { format!("`{word}`") });
    }
    if matches!(rule, Rule::op_not | Rule::op_neg) {
        return Some("an expression".to_owned());
    }
    if name.starts_with("op_") && !matches!(rule, Rule::op_ref | Rule::op_refs) {
        return Some("an operator".to_owned());
    }
    phrase_for(rule, &name, declarations)
}

fn phrase_for(rule: Rule, name: &str, declarations: bool) -> Option<String> {
    let text = match rule {
        Rule::expr | Rule::operand | Rule::number | Rule::literal | Rule::quantified | Rule::phrase => {
            "an expression"
        }
        Rule::quantified_truth | Rule::count | Rule::if_expr | Rule::run_at | Rule::set_lit => {
            "an expression"
        }
        Rule::seq_lit | Rule::paren | Rule::self_ref | Rule::now | Rule::arith | Rule::plain => {
            "an expression"
        }
        Rule::domain | Rule::claim => "an expression",
        Rule::ident | Rule::name | Rule::idents | Rule::header_name | Rule::subject => "a name",
        Rule::op_ref | Rule::op_refs => "an operation",
        Rule::text => "a quoted text",
        Rule::type_ | Rule::ty_named => "a type",
        Rule::step | Rule::chain => "a step `actor[operation {guard}]`",
        Rule::stmt | Rule::place => "a statement",
        Rule::attr => "an attribute",
        Rule::fault => "a fault",
        Rule::target => "`guard of`, `term n of`, `branch`, `protocol`, `with` or a label",
        Rule::item | Rule::file | Rule::items | Rule::header => "a declaration",
        Rule::single_expr | Rule::argument | Rule::infix => "an expression",
        Rule::field_decl | Rule::variant | Rule::named_subject | Rule::setting | Rule::binder => "a name",
        Rule::header_field | Rule::header_key => "a key such as `entities:`",
        Rule::header_value => "a name or quoted text",
        Rule::clause => "`prevented by` or `repaired by`",
        Rule::define => "what is defined",
        Rule::head_item => "a declaration or step",
        Rule::EOI => "the end of the file",
        Rule::condition => "a guard `{…}`",
        Rule::field | Rule::index | Rule::call | Rule::is_tag | Rule::postfix_word => "an operator",
        Rule::ghost | Rule::use_word | Rule::refines_word if declarations => "a declaration",
        Rule::ring
        | Rule::concurrent
        | Rule::repeats
        | Rule::daemon
        | Rule::cut
        | Rule::stops
        | Rule::unbounded => {
            return Some(format!("`{name}`"));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// The punctuation behind a rule's name.
fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        "p_lbrace" => "{",
        "p_rbrace" => "}",
        "p_lparen" => "(",
        "p_rparen" => ")",
        "p_lbracket" => "[",
        "p_rbracket" => "]",
        "p_comma" => ",",
        "p_semi" => ";",
        "p_colon" => ":",
        "p_assign" => ":=",
        "p_equals" => "=",
        "p_arrow" => "->",
        "p_branch" => "|->",
        "p_outcome" => "=>",
        "p_dot" => ".",
        "p_range" => "..",
        "p_times" => "*",
        _ => return None,
    })
}
