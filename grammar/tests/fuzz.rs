//! Random and mutated texts: nothing panics, and what parses is laid out without loss.

mod common;

use common::{COMMENTS, EVERYTHING, LANGUAGE, formatted, notes, parse, pasted};
use proptest::prelude::*;

/// The pieces that mutations move about: words, symbols, blanks, comments.
fn pieces(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for c in text.chars() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        match found.last_mut() {
            Some(last) if word(c) && last.ends_with(word) => last.push(c),
            _ => found.push(c.to_string()),
        }
    }
    found
}

/// Every fixture, and every block of the notes.
fn sources() -> Vec<String> {
    let mut all: Vec<String> = [LANGUAGE, EVERYTHING, COMMENTS].map(str::to_owned).to_vec();
    all.extend(notes().iter().map(|(_, block)| pasted(block)));
    all
}

/// A change to one piece.
#[derive(Clone, Debug)]
enum Change {
    Delete,
    Double,
    SwapWithNext,
    Replace(usize),
    Comment,
    Break,
    Join,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Delete),
        Just(Change::Double),
        Just(Change::SwapWithNext),
        any::<usize>().prop_map(Change::Replace),
        Just(Change::Comment),
        Just(Change::Break),
        Just(Change::Join),
    ]
}

fn apply(pieces: &mut Vec<String>, at: usize, change: &Change) {
    let at = at % pieces.len();
    match change {
        Change::Delete if pieces.len() > 1 => drop(pieces.remove(at)),
        Change::Delete => {}
        Change::Double => pieces.insert(at, pieces[at].clone()),
        Change::SwapWithNext if at + 1 < pieces.len() => pieces.swap(at, at + 1),
        Change::SwapWithNext => {}
        Change::Replace(from) => pieces[at] = pieces[from % pieces.len()].clone(),
        Change::Comment => pieces.insert(at, format!(" // c{at}\n")),
        Change::Break => pieces.insert(at, "\n".to_owned()),
        Change::Join => pieces.retain({
            let mut index = 0;
            move |piece| {
                index += 1;
                index - 1 < at || piece != "\n"
            }
        }),
    }
}

/// A random expression as text.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "B",
        "1",
        "true",
        "null",
        "self",
        "now",
        "X.a",
        "X.a absent",
        "two words",
        "all parts done",
        "all S.a = b",
        "no rel S.a",
        "r at step",
        "f()",
        "f(x: 1, y)",
        "m[k, 1].b",
        "{}",
        "[]",
        "unknown",
        "at",
        "set",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 48, 3, |inner| {
        let operators = vec![
            "and", "or", "implies", "=", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "mod", "..", "and\n",
            "or // c\n", "\n=",
        ];
        let pair = (inner.clone(), prop::sample::select(operators), inner.clone());
        prop_oneof![
            4 => pair.prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => inner.clone().prop_map(|a| format!("not {a}")),
            1 => inner.clone().prop_map(|a| format!("-{a}")),
            1 => inner.clone().prop_map(|a| format!("({a}).b is Tag")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("all x in {a}: {b}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(count x in {a} where {b})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}, {b}}}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a} for x in {b}}}")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("if {a} then {b} else {c}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn random_symbols_never_panic(text in "[-a-cA-C01(){}\\[\\].,:;=<>|!?*+\"\\\\/ \n]{0,80}") {
        let _ = parse(&text);
        let _ = parse(&format!("define a := {text}"));
        let _ = parse(&format!("on a {{ {text} }}"));
    }

    #[test]
    fn mutated_specs_never_panic_and_are_laid_out_without_loss(
        source in 0..48_usize,
        changes in prop::collection::vec((any::<usize>(), change()), 1..6),
    ) {
        let sources = sources();
        let mut pieces = pieces(&sources[source % sources.len()]);
        for (at, change) in &changes {
            apply(&mut pieces, *at, change);
        }
        let text = pieces.concat();
        if parse(&text).is_ok() {
            formatted(&text);
        }
    }

    #[test]
    fn expressions_are_laid_out_without_loss(body in expression(), guard in expression()) {
        let text = format!("define a := {body}\non b {{ if {guard} {{ c := {body} }} }}\nprotocol p {{ a[b {{{guard}}}] }}");
        if parse(&text).is_ok() {
            formatted(&text);
        }
    }
}
