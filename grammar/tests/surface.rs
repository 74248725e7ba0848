//! The surface of the language: precedence, phrases, every kind of declaration.

mod common;

use arch_base::FileId;
use arch_grammar::ast::*;
use common::{EVERYTHING, LANGUAGE, parse, parsed};

/// An expression with every operator's operands in brackets.
fn grouped(e: &Expr) -> String {
    let list = |es: &[Expr]| es.iter().map(grouped).collect::<Vec<_>>().join(", ");
    let words = |ws: &[Ident]| ws.iter().map(|w| w.name.clone()).collect::<Vec<_>>().join("_");
    match &e.kind {
        ExprKind::Int(i) => i.to_string(),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Null => "null".to_owned(),
        ExprKind::Unknown => "unknown".to_owned(),
        ExprKind::SelfRef => "self".to_owned(),
        ExprKind::Now => "now".to_owned(),
        ExprKind::Name(n) => n.name.clone(),
        ExprKind::Phrase(ws) => format!("<{}>", words(ws)),
        ExprKind::Field(b, n) => format!("{}.{}", grouped(b), n.name),
        ExprKind::Index(b, ks) => format!("{}[{}]", grouped(b), list(ks)),
        ExprKind::Call(b, args) => {
            let args = args.iter().map(|a| {
                let name = a.name.as_ref().map_or_else(String::new, |n| format!("{}: ", n.name));
                format!("{name}{}", grouped(&a.value))
            });
            format!("{}({})", grouped(b), args.collect::<Vec<_>>().join(", "))
        }
        ExprKind::Postfix(b, w) => format!("[{} {}]", grouped(b), w.name),
        ExprKind::Unary(op, b) => format!("[{op:?} {}]", grouped(b)),
        ExprKind::Binary(op, a, b) => format!("[{} {op:?} {}]", grouped(a), grouped(b)),
        ExprKind::Is(a, t) => format!("[{} is {}]", grouped(a), t.name),
        ExprKind::RunAt(a, s) => format!("[{} at {}]", grouped(a), s.operation.name),
        ExprKind::If(a, b, c) => format!("[if {} {} {}]", grouped(a), grouped(b), grouped(c)),
        ExprKind::Range(a, b) => format!("[{}..{}]", grouped(a), grouped(b)),
        ExprKind::Set(es) => format!("{{{}}}", list(es)),
        ExprKind::SetOf(a, b) => format!("{{{} for {}}}", grouped(a), binder(b)),
        ExprKind::Seq(es) => format!("seq({})", list(es)),
        ExprKind::Quantified(q, b, body) => {
            format!(
                "[{q:?} {} : {}]",
                binder(b),
                body.as_ref().map_or_else(|| "-".to_owned(), |b| grouped(b))
            )
        }
        ExprKind::QuantifiedTruth(q, r, b) => {
            format!("[{q:?} over {} {}]", r.as_ref().map_or("-", |r| r.name.as_str()), grouped(b))
        }
        ExprKind::Count(b) => format!("[count {}]", binder(b)),
        ExprKind::Paren(b) => format!("({})", grouped(b)),
    }
}

fn binder(b: &Binder) -> String {
    let filter = b.filter.as_ref().map_or_else(String::new, |f| format!(" where {}", grouped(f)));
    format!("{} in {}{filter}", b.name.name, grouped(&b.domain))
}

fn check(text: &str, expected: &str) {
    let expr = arch_grammar::parse_expression(FileId(0), text).unwrap_or_else(|e| panic!("{text}: {e:#?}"));
    assert_eq!(grouped(&expr), expected, "{text}");
    let printed = arch_grammar::print_expression(&expr);
    let again =
        arch_grammar::parse_expression(FileId(0), &printed).unwrap_or_else(|e| panic!("{printed}: {e:#?}"));
    assert_eq!(grouped(&again), expected, "{printed}");
}

fn refuse(text: &str) {
    assert!(arch_grammar::parse_expression(FileId(0), text).is_err(), "{text}");
}

#[test]
fn operators_bind_as_documented() {
    check("a or b and c", "[a Or [b And c]]");
    check("a implies b implies c or d", "[a Implies [b Implies [c Or d]]]");
    check("a and b and c", "[[a And b] And c]");
    check("not a = b and c", "[[Not [a Eq b]] And c]");
    check("a = not b", "[a Eq [Not b]]");
    check("a - b - c * d mod e", "[[a Sub b] Sub [[c Mul d] Mod e]]");
    check("- a * - - 3", "[[Neg a] Mul [Neg [Neg 3]]]");
    check("a + 1 < b - 1", "[[a Add 1] Lt [b Sub 1]]");
    check("x not in {A, B} or not x in 0..N - 1", "[[x NotIn {A, B}] Or [Not [x In [0..[N Sub 1]]]]]");
    check("m is OneB and x != null", "[[m is OneB] And [x Ne null]]");
    check("not r at main.commit", "[Not [r at commit]]");
    check("(a or b) and c", "[([a Or b]) And c]");
    check("X.a(k)[1].b = true", "[X.a(k)[1].b Eq true]");
    check("Prepared(rm: self) in msgs", "[Prepared(rm: self) In msgs]");
    check("if a then b else c or d", "[if a b [c Or d]]");
    check("a and if b then 1 else 2 = c", "[a And [if b 1 [2 Eq c]]]");
}

#[test]
fn comparisons_do_not_chain() {
    refuse("a = b = c");
    refuse("a < b < c");
    refuse("a in b is C");
    refuse("1..2..3");
    check("(a = b) = c", "[([a Eq b]) Eq c]");
}

#[test]
fn bare_words_on_one_line_are_phrases() {
    check("quorum reachable", "<quorum_reachable>");
    check(
        "all partitions complete and attempt_id = current",
        "[<all_partitions_complete> And [attempt_id Eq current]]",
    );
    check("heartbeat expired or shuffle block missing", "[<heartbeat_expired> Or <shuffle_block_missing>]");
    check("not quorum reachable = x", "[Not [<quorum_reachable> Eq x]]");
    check("X.a absent and X.version fresh", "[[X.a absent] And [X.version fresh]]");
    check("f(x) fresh or (a) fresh or X[1] fresh", "[[[f(x) fresh] Or [(a) fresh]] Or [X[1] fresh]]");
    refuse("quorum\nreachable");
    refuse("X.a\nabsent");
    refuse("quorum // c\nreachable");
    refuse("all // c\nparts done");
    refuse("all\nS.a = b");
    refuse("N reachable quorum");
}

#[test]
fn quantifiers() {
    check(
        "all upstream StageState.status = SUCCEEDED",
        "[All over upstream [StageState.status Eq SUCCEEDED]]",
    );
    check("all S.a = B and no T.c > 1", "[[All over - [S.a Eq B]] And [No over - [T.c Gt 1]]]");
    check("any upstream x.a fresh", "[Any over upstream [x.a fresh]]");
    check("all x in D where p: q and r", "[All x in D where p : [q And r]]");
    check("no c in claimant where a and b", "[No c in claimant where [a And b] : -]");
    check(
        "(count n in node where not crashed(n)) * 2 > N",
        "[[([count n in node where [Not crashed(n)]]) Mul 2] Gt N]",
    );
    check("all x in 0..3: any y in {x, 1}: x = y", "[All x in [0..3] : [Any y in {x, 1} : [x Eq y]]]");
    check("{x.a for x in S where x.b}", "{x.a for x in S where x.b}");
    check("[] = [1, 2]", "[seq() Eq seq(1, 2)]");
}

#[test]
fn only_expressions_reserve_words() {
    for word in "and or not in implies if then else where mod is for all any no count".split(' ') {
        refuse(word);
        check(&format!("X.{word}"), &format!("X.{word}"));
        parsed(&format!("truth {word} {{ {word}: {word} }}\nprotocol {word} {{ {word}[{word}] => {word} }}"));
    }
    for word in "loop each fair on use at start done runs map set seq advance let truth protocol".split(' ') {
        check(word, word);
        parsed(&format!(
            "protocol {word} {{ {word}[{word} {{{word} = 1}}] -> {word}[x] |-> {word}[{word}] }}"
        ));
        parsed(&format!("on {word} {{ {word} := {word}; {word}.{word} := 1 }}"));
    }
}

#[test]
fn effects_end_with_their_line() {
    let module = parsed("on a {\n x := self\n y.z := w\n v := t }");
    let ItemKind::On(on) = &module.items[0].kind else { panic!("{module:?}") };
    assert_eq!(on.body.as_ref().map(|b| b.statements.len()), Some(3));
}

#[test]
fn a_let_of_a_name_may_say_when() {
    let module = parsed("protocol p { let x = y at put let z = (r at put)\n let w = X.a at p.get a[put] }");
    let ItemKind::Protocol(protocol) = &module.items[0].kind else { panic!("{module:?}") };
    let when = |item: &HeadItem| matches!(item, HeadItem::Let { at: Some(_), .. });
    assert_eq!(protocol.head.iter().map(when).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn else_if_is_a_block_with_an_if() {
    let module = parsed("on a { if b { c := 1 } else if d as l { todo } else { } }");
    let ItemKind::On(OnDecl { body: Some(body), .. }) = &module.items[0].kind else { panic!("{module:?}") };
    let StmtKind::If { otherwise: Some(second), .. } = &body.statements[0].kind else { panic!("{body:?}") };
    let StmtKind::If { label, otherwise, .. } = &second.statements[0].kind else { panic!("{second:?}") };
    assert!(label.is_some() && otherwise.as_ref().is_some_and(|b| b.statements.is_empty()));
}

#[test]
fn every_kind_of_declaration_parses() {
    let module = parsed(EVERYTHING);
    let mut kinds: Vec<String> = module.items.iter().map(|i| kind(&i.kind)).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 32, "{kinds:?}");
    assert_eq!(module.header.map(|h| h.fields.len()), Some(3));
}

fn kind(of: &ItemKind) -> String {
    format!("{of:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
}

#[test]
fn spans_are_exact() {
    for text in [EVERYTHING, LANGUAGE] {
        for item in parsed(text).items {
            let written = &text[item.span.range()];
            assert_eq!(written, written.trim());
            let alone = parse(written).unwrap_or_else(|e| panic!("{e:?}\n{written}"));
            assert_eq!(alone.items.len(), 1, "{written}");
        }
    }
}

#[test]
fn byte_order_mark_and_windows_lines() {
    let windows = format!("\u{feff}{}", LANGUAGE.replace('\n', "\r\n"));
    assert_eq!(parsed(&windows).items.len(), parsed(LANGUAGE).items.len());
    assert!(parsed(&windows).comments.iter().all(|c| !c.text.ends_with('\r')));
}
