//! What is said about texts that are not specs.

mod common;

use common::parse;

/// Code, message, place and help of each error.
fn errors(text: &str) -> Vec<String> {
    let errors = parse(text).err().unwrap_or_else(|| panic!("parses: {text}"));
    let describe = |d: &arch_base::Diagnostic| {
        let span = d.span().expect("every error has a place");
        let line = 1 + text[..span.start as usize].matches('\n').count();
        let help = d.notes.iter().map(|n| format!("; {n}")).collect::<String>();
        format!("{} {line}: {}: {}{help}", d.code, d.message, d.labels[0].message)
    };
    errors.iter().map(describe).collect()
}

/// The only error contains every part.
fn check(text: &str, parts: &[&str]) {
    let found = errors(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    for part in parts {
        assert!(found[0].contains(part), "{part:?} in {found:#?}");
    }
}

#[test]
fn says_what_was_expected() {
    check("const A", &["E0001 1: unexpected end of file: expected `=`"]);
    check("const = 1", &["unexpected `=`: expected a name"]);
    check("truth X { a: }", &["unexpected `}`", "a type"]);
    check("protocol p { a[b] -> }", &["unexpected `}`: expected a step"]);
    check("frobnicate x", &["unexpected `frobnicate`", "a declaration"]);
    check("const A = 1 archetype X", &["unexpected `archetype`"]);
}

#[test]
fn helps_with_common_mistakes() {
    check("define a := b == c", &["unexpected `==`", "help: equality is written `=`"]);
    check("define a := b && c", &["unexpected `&&`", "help: write `and`"]);
    check("define a := b || c", &["unexpected `||`", "help: write `or`"]);
    check("define a := !b", &["unexpected `!`", "help: write `not`"]);
    check("on a { X.b = 1 }", &["unexpected `=`", "help: an effect or definition is written `:=`"]);
    check("define a := b := c", &["unexpected `:=`", "help: `:=` assigns"]);
    check("on a { x := 1", &["unexpected end of file", "help: a `{` before this place is not closed"]);
    check("allow a \"b", &["unexpected `\"b`", "help: a quoted text ends on its line"]);
    check(
        "protocol p { a[b] -> |-> c[d] }",
        &["unexpected `|->`", "help: a branch `|->` hangs on a complete chain"],
    );
    check("property p: x = 1", &["unexpected end of file", "help: a property is `always P`"]);
    check("define a := b = c = d", &["comparisons do not chain", "help: write `a < b and b < c`"]);
}

#[test]
fn attributes_on_one_line_have_commas() {
    check("truth X { a T }", &["unexpected `T`", "help: attributes on one line have `,` between them"]);
    check("truth X { a: seq of T, b }", &["unexpected `of`", "`seq of T max n`"]);
    assert!(parse("truth X { a\nb; c, d }").is_ok());
}

#[test]
fn reports_one_error_for_each_broken_declaration() {
    let found = errors("const A =\nconst B = 1\non a {\n  x == 1\n}\nfair\nproperty p: always x\n");
    let lines: Vec<&str> = found.iter().filter_map(|e| e.split(':').next()).collect();
    assert_eq!(lines, ["E0001 2", "E0001 4", "E0001 7"], "{found:#?}");
}

#[test]
fn an_unclosed_block_does_not_hide_the_next_declaration() {
    let found = errors("on a {\n  x := 1\n\non b {\n  y == 1\n}\n");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn integers_must_fit() {
    check("const A = 99999999999999999999", &["E0004 1: integer out of range", "9223372036854775807"]);
    check("split S after 5000000000", &["E0004", "4294967295"]);
    assert!(parse("const A = 9223372036854775807").is_ok());
}
