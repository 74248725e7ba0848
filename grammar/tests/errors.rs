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

/// What is said about a protocol `p` with this chain.
fn chain(chain: &str, help: &str) {
    check(&format!("protocol p {{ {chain} }}"), &[&format!("help: {help}")]);
}

#[test]
fn helps_with_arrows_and_guards() {
    chain("a[b] --> c[d] => done", "the hand-off to the next step is written `->`");
    chain("a[b] → c[d] => done", "the hand-off to the next step is written `->`");
    chain("a[b] => c[d] => done", "`=>` names how the run ends");
    chain(
        "a[b] -> done",
        "a step is written `actor[operation {guard}]`; how a run ends is written `=> done`",
    );
    chain("a -> c[d] => done", "a step is written `actor[operation {guard}]`");
    chain("a[b] c[d] => done", "the steps of a chain are joined by `->`");
    chain("a[b (x = 1)] => done", "a guard is written in braces");
    chain("a[b] {x = 1} => done", "a step is written `actor[operation {guard}]`: the guard stands inside");
    chain("a[b {}] => done", "a step without a guard has no braces");
    chain("a[b {x = 1, y = 2}] => done", "conditions are joined by `and` or `or`");
    chain("a[b {x = 1)}] => done", "this `)` closes nothing");
    chain("a[b {(x = 1}] => done", "close what is open inside first: `)` before `}`");
    chain("a[b {x -> y}] => done", "implication is the word `implies`");
    chain("a[b] => done -> c[d] => retry", "the outcome ends the chain");
    chain("a[b] => done | c[d] => retry", "the outcome ends the chain");
    chain("a[b {x = 1] => done", "close what is open inside first: `}` before `]`");
}

#[test]
fn helps_with_operators_of_other_languages() {
    for (written, help) in [
        ("a <> b", "write `!=`"),
        ("a =< b", "write `<=`"),
        ("a => b", "`>=` compares, and implication is the word `implies`"),
        ("a ≠ b", "write `!=`"),
        ("a ∧ b", "write `and`"),
        ("a AND b", "write `and`"),
        ("a % 2", "write `mod`"),
        ("a / 2", "there is no division"),
        ("a * 2.5", "numbers are integers"),
        ("a = \"B\"", "a value is a bare word"),
        ("a ? b : c", "write `if P then a else b`"),
        ("(a) ? b : c", "write `if P then a else b`"),
        ("count < 3", "`count` begins `count x in D where P`"),
        ("forall x in d: x", "write `all x in d: …`"),
        ("exists x in d: x", "write `any x in d: …`"),
        ("all x d: x", "a quantifier needs `in`: `all x in d: …`"),
        ("now + 2ms", "a number has no unit; time is counted in ticks"),
    ] {
        check(&format!("property p: always {written}"), &[&format!("help: {help}")]);
    }
}

#[test]
fn helps_with_optional_ranges() {
    check("truth T { a: (1..3)? }", &["help: an optional range has no parentheses: `1..3?`"]);
}

#[test]
fn helps_with_statements_of_other_languages() {
    for (written, help) in [
        ("X.a += 1", "write `X.a := X.a + 1`"),
        ("X.a++", "write `X.a := X.a + 1`"),
        ("X.a' = 1", "an effect assigns: `x := e`"),
        ("X.a: 1", "an effect or definition is written `:=`"),
        ("return", "a statement is `x := e`"),
        ("let x := 1", "a `let` is written `let x = e`"),
        ("X.a := 1, X.b := 2", "statements on one line have `;` between them"),
        ("X.a, X.b := 1", "statements on one line have `;` between them"),
        ("if x { a := 1 } elif y { b := 2 }", "write `else if`"),
        ("if x then a := 1", "what an `if` does stands in braces"),
        ("X.a := b X.c := d", "statements on one line have `;` between them"),
    ] {
        check(&format!("on s {{ {written} }}"), &[&format!("help: {help}")]);
    }
    assert!(parse("on s { if a { b := 1 } c := 2; d := 3\n e := 4 }").is_ok());
}

#[test]
fn helps_with_words_of_other_languages() {
    for (written, help) in [
        ("# a comment", "a comment starts with `//`"),
        ("-- a comment", "a comment starts with `//`"),
        ("/* a comment */", "a comment starts with `//`"),
        ("protocl main { }", "did you mean `protocol`?"),
        ("Truth X { a }", "did you mean `truth`?"),
        ("invariant p: x", "here that is written `property NAME: always P`"),
        ("X.a := 1", "an assignment stands in an effect"),
        ("take { x := 1 }", "an effect is written `on take { x := e }`"),
        ("fautls { crash a }", "did you mean `faults`?"),
        ("truth X(worker) { a }", "the keys of a truth object stand in brackets: `truth X[worker] { … }`"),
        ("property p: x ~> y", "write `P leads to Q`"),
        ("property p: always R { a: 1 } = x", "a value of a record is written `R(a: 1)`"),
        ("property p: always count(worker) > 1", "write `count x in D where P`"),
        ("truth X { a: 0...3 }", "a range is written `lo..hi`"),
        ("a[b {c}] => done", "steps stand in a protocol"),
        ("actor worker(2)", "the number of instances follows `*`: `actor worker * 2`"),
        ("actor worker x 2", "the number of instances follows `*`: `actor worker * 2`"),
        ("protocol p foreach x { a[b] }", "write `for each`"),
        ("protocol p, repeat { a[b] }", "did you mean `repeats`?"),
        ("faults { kill a }", "faults are `crash A`"),
        ("property always x = 1", "a property has a name"),
        ("property p: alwys possible X.a = 1", "did you mean `always`? a property is"),
        ("archetype \"Lock\"", "a short name comes first"),
        ("truth X { a: 0-3, b: bool }", "a range is written `lo..hi`"),
        ("truth X { a: 0..=3 }", "both ends of `lo..hi` belong to it"),
    ] {
        check(written, &[&format!("help: {help}")]);
    }
}

#[test]
fn attributes_on_one_line_have_commas() {
    check("truth X { a: map k v }", &["`map K -> V`"]);
    check("truth X { bool n }", &["help: the name comes first: `n: bool`"]);
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
