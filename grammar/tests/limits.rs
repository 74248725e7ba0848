//! Depth, length and size: nothing overflows the stack, nothing takes long.

mod common;

use common::{formatted, parse, parsed, pasted};
use std::time::{Duration, Instant};

/// A stack a quarter of what a test thread has.
const STACK: usize = 512 << 10;

/// Parses, prints, clones, compares and drops on a small stack; the codes of the errors.
fn on_small_stack(text: String) -> Vec<&'static str> {
    let work = move || match parse(&text) {
        Ok(module) => {
            assert!(module.clone() == module);
            assert!(parse(&arch_grammar::print(&module, &text)).is_ok());
            Vec::new()
        }
        Err(errors) => errors.iter().map(|e| e.code.0).collect(),
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread");
    thread.join().expect("no panic")
}

/// `open` n times, `core`, `close` n times.
fn nested(before: &str, open: &str, core: &str, close: &str, n: usize) -> String {
    format!("{before}{}{core}{}", open.repeat(n), close.repeat(n))
}

/// Everything that nests, with what stands before and inside it.
const NESTING: [(&str, &str, &str, &str); 22] = [
    ("define a := ", "(", "x", ")"),
    ("define a := ", "[", "x", "]"),
    ("define a := ", "{", "x", "}"),
    ("define a := ", "f(", "x", ")"),
    ("define a := ", "f[", "x", "]"),
    ("define a := ", "f(y: (", "x", "))"),
    ("define a := ", "not ", "x", ""),
    ("define a := ", "- ", "x", ""),
    ("define a := ", "a implies ", "x", ""),
    ("define a := ", "all x in D: ", "x", ""),
    ("define a := ", "no x in D where ", "x", ""),
    ("define a := ", "any x in (", "x", ")"),
    ("define a := ", "count x in D where\n", "x", ""),
    ("define a := ", "all T.a = ", "x", ""),
    ("define a := ", "if a then b else ", "x", ""),
    ("define a := ", "if ", "x", " then a else b"),
    ("define a := ", "{x for x in ", "D", "}"),
    ("const a = 1\ndefine a(x: ", "set of ", "T", ""),
    ("define a(x: ", "map K ->\n", "T", ""),
    ("on a { ", "if x { ", "todo", " }"),
    ("on a { if x { todo }", " else if y { todo }", "", ""),
    ("on a { ", "for x in D {\n", "todo", "\n}"),
];

fn closing(before: &str) -> &'static str {
    match before {
        b if b.starts_with("on a") => " }",
        b if b.ends_with("(x: ") => ") := x",
        _ => "",
    }
}

#[test]
fn deep_nesting_is_an_error_and_never_an_overflow() {
    for (before, open, core, close) in NESTING {
        for n in [129, 1_000, 100_000] {
            let text = nested(before, open, core, close, n) + closing(before);
            assert_eq!(on_small_stack(text), ["E0002"], "{open} {n}");
            assert!(parse(&format!("{before}{}", open.repeat(n))).is_err());
        }
    }
}

#[test]
fn fifty_levels_are_fine_and_fast() {
    for (before, open, core, close) in NESTING {
        let start = Instant::now();
        let text = nested(before, open, core, close, 50) + closing(before);
        assert_eq!(on_small_stack(text), [""; 0], "{open}");
        assert!(start.elapsed() < Duration::from_millis(500), "{open}: {:?}", start.elapsed());
    }
}

#[test]
fn broken_nesting_is_refused_fast() {
    for (before, open, ..) in NESTING.into_iter().filter(|n| !n.1.contains("else if")) {
        let start = Instant::now();
        for broken in ["", "}", "]", "= =", "!", "x y Z", "where"] {
            assert!(parse(&format!("{before}{}{broken}", open.repeat(60))).is_err(), "{open}{broken}");
        }
        assert!(start.elapsed() < Duration::from_secs(1), "{open}: {:?}", start.elapsed());
    }
}

#[test]
fn a_hundred_and_twenty_parentheses_take_milliseconds() {
    let text = nested("define a := ", "(", "x", ")", 120);
    let start = Instant::now();
    parsed(&text);
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
}

#[test]
fn long_expressions_are_an_error() {
    for (start, more) in [
        ("x", " and x"),
        ("x", " + x"),
        ("x", ".a"),
        ("x", "(1)"),
        ("x", "[1]"),
        ("x = (y)", " or\nx"),
        ("((x + x) + x)", " + (x)"),
        ("x", " in y and x"),
    ] {
        let text = format!("define a := {start}{}", more.repeat(100_000));
        assert_eq!(on_small_stack(text), ["E0003"], "{more}");
        let text = format!("define a := {start}{}", more.repeat(200));
        assert_eq!(on_small_stack(text), [""; 0], "{more}");
    }
    let marks = format!("truth X {{ a: T{} }}", "?".repeat(100_000));
    assert_eq!(on_small_stack(marks), ["E0003"]);
    let leftmost =
        format!("define a := {}x{}", "(".repeat(100), format!("{})", " + x".repeat(100)).repeat(100));
    assert_eq!(on_small_stack(leftmost), ["E0003"]);
}

#[test]
fn limits_start_anew_with_every_statement_and_declaration() {
    let many = |line: &str| line.repeat(2_000);
    parsed(&many("const A = not x.y and -(all z in D: q)\n"));
    parsed(&format!("on a {{\n{}}}", many("x.y := if not a then -1 else f(2)\n")));
    parsed(&format!("on a {{ {} }}", many("x := not a and b; ")));
    parsed(&format!("truth X {{\n{}}}", many("a: set of T? = any\n")));
    parsed(&format!("truth X {{\n{}}}", many("a: map K -> 0..3 clamp // c\n")));
    parsed(&format!("define a := {{{}}}", many("not x, ")));
    parsed(&format!("property p: always x.y\n{}", many("property q: P leads to Q\n")));
    parsed(&format!("failure \"f\" {{\n{}}}", many("prevented by guard of a and x else violates p\n")));
    parsed(&format!("faults {{\n{}}}", many("crash a at most 1\n")));
}

#[test]
fn ten_thousand_steps() {
    let chain = format!("a[b {{not x = 1}}]{} => done\n", " ->\n c[d {e and not f}]".repeat(10_000));
    assert_eq!(on_small_stack(pasted(&chain)), [""; 0]);
    assert_eq!(on_small_stack(pasted(&chain.replace('\n', " "))), [""; 0]);
    assert_eq!(formatted(&pasted(&chain)).lines().count(), 10_003);
}

#[test]
fn large_files() {
    let line = "const A = X.b and c\n";
    let start = Instant::now();
    parsed(&line.repeat(50_000));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let errors = parse(&" ".repeat(arch_grammar::MAX_BYTES + 1)).expect_err("too large");
    assert_eq!(errors[0].code.0, "E0003");
}
