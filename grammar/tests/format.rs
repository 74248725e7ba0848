//! The canonical layout.

mod common;

use common::{COMMENTS, EVERYTHING, LANGUAGE, formatted, tokens};

/// `after` is the layout of `before` and of itself.
fn check(before: &str, after: &str) {
    assert_eq!(formatted(before), after);
    assert_eq!(formatted(after), after);
}

#[test]
fn fixtures_keep_their_tree_tokens_and_comments() {
    for text in [LANGUAGE, EVERYTHING, COMMENTS] {
        assert_eq!(tokens(&formatted(text)), tokens(text));
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(formatted(&windows), formatted(text));
    }
}

#[test]
fn lines_are_short_where_they_can_be_broken() {
    for text in [LANGUAGE, EVERYTHING, COMMENTS] {
        let code = |line: &str| line.split("  //").next().unwrap_or_default().chars().count();
        assert!(formatted(text).lines().all(|line| code(line) <= 100));
    }
}

#[test]
fn empty_files_stay_empty() {
    check("", "");
    check("\n\n  ", "");
    check("\n// c\n\n\n// d", "// c\n\n// d\n");
}

#[test]
fn blocks_stay_on_one_line_if_they_were_and_fit() {
    check("truth X{a:T,b}", "truth X { a: T, b }\n");
    check("truth X {\n a:T }", "truth X {\n  a: T\n}\n");
    check("on a { x := 1;advance Y.z }", "on a { x := 1; advance Y.z }\n");
    check("on a { x := 1\nadvance Y.z }", "on a {\n  x := 1\n  advance Y.z\n}\n");
    let long = format!("truth X {{ {}: T, b: T }}", "a".repeat(90));
    check(&long, &format!("truth X {{\n  {}: T\n  b: T\n}}\n", "a".repeat(90)));
}

#[test]
fn protocols_have_one_step_on_each_line() {
    check(
        "protocol p for each x{a[b]->c[d{e}]=>done|->f[g]->h[i]=>retry}",
        "protocol p for each x {\n  a[b] ->\n    c[d {e}] => done\n    |-> f[g] -> h[i] => retry\n}\n",
    );
    let name = "n".repeat(50);
    check(
        &format!("protocol p {{ a[b] |-> {name}[g] -> {name}[i] => retry }}"),
        &format!("protocol p {{\n  a[b]\n    |-> {name}[g] ->\n        {name}[i] => retry\n}}\n"),
    );
}

#[test]
fn conditionals_are_broken_as_a_whole() {
    check("on a { if b { c := 1 } else { d := 2 } }", "on a { if b { c := 1 } else { d := 2 } }\n");
    check(
        "on a { if b as l { c := 1 }\n else if e { todo } else { d := 2 } }",
        "on a {\n  if b as l {\n    c := 1\n  } else if e {\n    todo\n  } else {\n    d := 2\n  }\n}\n",
    );
}

#[test]
fn long_conditions_are_broken_before_outer_operators() {
    let (a, b) = ("a".repeat(50), "b".repeat(50));
    check(
        &format!("property p: always {a} = 1 and ({b} or c)"),
        &format!("property p: always {a} = 1\n    and ({b} or c)\n"),
    );
}

#[test]
fn blank_lines_are_kept_but_only_one() {
    check("const A = 1\n\n\n\nconst B = 2\nconst C = 3", "const A = 1\n\nconst B = 2\nconst C = 3\n");
    check("on a {\n\n  x := 1\n\n\n  y := 2\n\n}", "on a {\n  x := 1\n\n  y := 2\n}\n");
}

#[test]
fn comments_stay_where_they_were() {
    check("// above\nconst A = 1 // behind\n// last", "// above\nconst A = 1  // behind\n// last\n");
    check("const A = // inside\n 1 // behind", "// inside\nconst A = 1  // behind\n");
    check("allow a \"// not one\"", "allow a \"// not one\"\n");
}
