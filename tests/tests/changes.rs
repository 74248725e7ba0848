//! Programs with part of them removed: they are programs, every engine agrees on them, and they mean what the
//! spec means once the same text is deleted.

use arch_base::Idx;
use arch_ir::change::{Change, StepRef, apply, statements};
use arch_ir::report::Report;
use arch_ir::{ChainId, Program, ProtocolId};
use archc_tests::agreement::{compare, front_end};
use archc_tests::{repository, specs_below, with_stack};
use std::fs;

/// Spaces with more states are compared in their first states only.
const MAX_STATES: u64 = 60;

/// Every single change of a program.
fn changes(program: &Program) -> Vec<Change> {
    let mut found = Vec::new();
    for (protocol, p) in program.protocols.iter_enumerated() {
        found.push(Change::Protocol(protocol));
        found.extend(p.chains.indices().skip(1).map(|chain| Change::Branch(protocol, chain)));
        for (step, s) in p.steps.iter_enumerated() {
            let at = StepRef { protocol, step };
            found.extend([Change::Guard(at), Change::Step(at)]);
            found.extend(s.atoms.iter().map(|a| Change::Term(at, a.id.clone())));
            found.extend(statements(&s.effect).into_iter().map(|(path, _)| Change::Effect(at, path)));
        }
    }
    for fault in program.faults.indices() {
        found.extend([Change::Budget(fault, Some(0)), Change::Budget(fault, Some(2))]);
    }
    found
}

#[test]
fn every_changed_program_is_one_and_the_engines_agree_on_it() {
    with_stack(|| {
        let (mut changed, mut refused) = (0, 0);
        for path in specs_below(&repository("tests/cases/check")) {
            let text = fs::read_to_string(&path).expect("a case");
            let program = front_end(&text, None).expect("a model");
            for change in changes(&program) {
                let Ok(mutant) = apply(&program, std::slice::from_ref(&change)) else {
                    refused += 1;
                    continue;
                };
                changed += 1;
                let agreed = compare(&mutant, MAX_STATES);
                assert!(agreed.is_ok(), "{} with {change:?}: {}", path.display(), agreed.unwrap_err());
            }
        }
        println!("{changed} changed programs, {refused} refused");
        assert!(changed > 500 && refused > 50, "{changed} changed programs, {refused} refused");
    });
}

const BASE: &str = r"
actor w { mine: 0..2 }
actor helper * 2
truth T { n: 0..2 clamp, owner: w?, seen: bool }
protocol main for each w, repeats {
  any v: 0..1
  w[first {T.n < 2 and (T.owner = null or T.seen = true)}] ->
    helper[second {not T.seen = true or T.n > 0}] ->
    helper[third {T.n != 2}] => done
    |-> w[leave {T.owner = self}] => retry
}
branch leave after first
protocol other, repeats { helper[clear {T.seen = true}] => done }
on first { T.owner := self; mine := T.n; if v = 1 { T.seen := true } }
on second { T.n := T.n + 1 }
on third { T.owner := null }
on leave { T.owner := null }
on clear { T.seen := false }
faults { crash w; duplicate third; lose second }
property p: always T.n <= 2
property q: at third: v <= T.n
";

/// What exploring a text finds.
fn report(program: &Program) -> Report {
    compare(program, 100_000).expect("the engines agree").report
}

fn same_meaning(change: &[Change], delete: &[(&str, &str)]) {
    same_meaning_in(BASE, change, delete);
}

fn same_meaning_in(base: &str, change: &[Change], delete: &[(&str, &str)]) {
    let program = front_end(base, None).expect("a model");
    let changed = apply(&program, change).expect("a program");
    let text = delete.iter().fold(base.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replace(old, new)
    });
    let deleted = front_end(&text, None).expect("a model");
    let (by_change, by_text) = (report(&changed), report(&deleted));
    let counts = |r: &Report| (r.distinct_states, r.transitions, r.depth);
    assert_eq!(counts(&by_change), counts(&by_text), "{change:?}");
    let verdicts = |r: &Report| {
        let ours = r.results.iter().filter(|p| by_text.result(&p.name).is_some());
        ours.map(|p| (p.name.clone(), p.verdict.clone())).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&by_change), verdicts(&by_text), "{change:?}");
    assert_ne!(counts(&by_change), counts(&report(&program)), "{change:?} changes nothing");
}

fn step(number: u32) -> StepRef {
    StepRef { protocol: ProtocolId(0), step: arch_ir::StepId::new(number as usize) }
}

#[test]
fn removing_means_what_deleting_the_text_means() {
    with_stack(|| {
        let term = |n: u32, id: &str| Change::Term(step(n), id.to_owned());
        same_meaning(&[Change::Guard(step(2))], &[(" {T.n != 2}", "")]);
        same_meaning(
            &[term(0, "main.first#1")],
            &[("T.n < 2 and (T.owner = null or T.seen = true)", "T.owner = null or T.seen = true")],
        );
        same_meaning(&[term(0, "main.first#2")], &[("T.owner = null or ", "")]);
        same_meaning(
            &[term(0, "main.first#2"), term(0, "main.first#3")],
            &[(" and (T.owner = null or T.seen = true)", "")],
        );
        // What constants alone switch goes with its switch.
        let switched = BASE
            .replace("{T.n != 2}", "{OFF or T.n != 2}")
            .replace("actor w ", "const OFF = false\nactor w ");
        same_meaning_in(&switched, &[term(2, "main.third#2")], &[(" {OFF or T.n != 2}", "")]);
        same_meaning(&[term(1, "main.second#1")], &[("not T.seen = true or ", "")]);
        same_meaning(&[Change::Effect(step(0), vec![0])], &[("T.owner := self; ", "")]);
        same_meaning(&[Change::Effect(step(0), vec![2, 0, 0])], &[("T.seen := true }", "}")]);
        same_meaning(
            &[Change::Branch(ProtocolId(0), ChainId(1))],
            &[
                ("    |-> w[leave {T.owner = self}] => retry\n", ""),
                ("branch leave after first\n", ""),
                ("on leave { T.owner := null }\n", ""),
            ],
        );
        same_meaning(
            &[Change::Protocol(ProtocolId(1))],
            &[
                ("protocol other, repeats { helper[clear {T.seen = true}] => done }\n", ""),
                ("on clear { T.seen := false }\n", ""),
            ],
        );
        same_meaning(
            &[Change::Budget(arch_ir::FaultId(0), Some(0))],
            &[("crash w; ", "crash w at most 0; ")],
        );
    });
}

#[test]
fn removing_a_step_closes_the_chain_over_it() {
    with_stack(|| {
        // The first: what it chose is chosen by the second, and a role that it would bind by whoever acts next.
        same_meaning(
            &[Change::Step(step(0))],
            &[
                ("w[first {T.n < 2 and (T.owner = null or T.seen = true)}] ->\n    ", ""),
                ("branch leave after first\n", "branch leave at third\n"),
                ("on first { T.owner := self; mine := T.n; if v = 1 { T.seen := true } }\n", ""),
                // Nobody hands over to the first step: the fault that is left can never happen.
                ("; lose second", ""),
            ],
        );
        // One in the middle, which binds the role of the one after it.
        same_meaning(
            &[Change::Step(step(1))],
            &[
                ("helper[second {not T.seen = true or T.n > 0}] ->\n    ", ""),
                ("on second { T.n := T.n + 1 }\n", ""),
                ("; lose second", ""),
            ],
        );
        // The last.
        same_meaning(
            &[Change::Step(step(2))],
            &[
                (" ->\n    helper[third {T.n != 2}]", ""),
                ("on third { T.owner := null }\n", ""),
                ("duplicate third; ", ""),
                ("property q: at third: v <= T.n\n", ""),
            ],
        );
    });
}

/// Positions of a chain are counted by windows, hand-overs and sub-runs.
const POSITIONS: &str = r"
actor w
actor helper * 2
id part * 2
truth T { n: 0..2 wrap }
truth Done[part] { yes: bool }
protocol main for each w, runs 2, repeats {
  spawn work for each part
  join fourth
  w[first] -> w[second {T.n < 2}] -> w[third {T.n > 0}] -> helper[work] -> w[fourth] => done
    |-> w[leave {T.n = 0}] => again
}
branch leave at third
outcome again starts main at third
on second { T.n := T.n + 1 }
on work { Done.yes := true }
on fourth { T.n := T.n + 1; for p in part { Done[p].yes := false } }
allow stuck allow stranded
property p: always T.n <= 2
";

/// A role that one step binds and another uses.
const ROLES: &str = r"
actor w
actor helper * 2
role buddy: helper
truth T { n: 0..2 wrap, last: helper? }
protocol main for each w, repeats {
  bind buddy at first
  w[first {T.n < 2}] -> w[second] -> w[third {T.last != buddy}] => done
}
on second { T.n := T.n + 1 }
on third { T.last := buddy }
property p: always T.n <= 2
";

#[test]
fn a_role_is_bound_by_the_next_step_that_uses_it() {
    with_stack(|| {
        let rebound = [("bind buddy at first", "bind buddy at third"), ("w[first {T.n < 2}] -> ", "")];
        same_meaning_in(ROLES, &[Change::Step(step(0))], &rebound);
    });
}

#[test]
fn what_counts_positions_moves() {
    with_stack(|| {
        let without_second = [("w[second {T.n < 2}] -> ", ""), ("on second { T.n := T.n + 1 }\n", "")];
        same_meaning_in(POSITIONS, &[Change::Step(step(1))], &without_second);
    });
}

/// Sub-runs that happen as soon as a run has begun.
const AT_ONCE: &str = r"
actor w
actor helper * 2
id part * 2
truth T { n: 0..2 wrap }
protocol main for each w, repeats {
  let seen = T.n
  spawn work for each part
  join end
  helper[work {T.n < 2}] -> w[end {T.n >= seen}] => done
}
protocol other, repeats { helper[clear {T.n = 2}] => done }
on work { T.n := T.n + 1 }
on end { }
on clear { T.n := 0 }
property p: always T.n <= 2
";

#[test]
fn a_protocol_can_go_with_sub_runs_that_happen_at_once() {
    with_stack(|| {
        let program = front_end(AT_ONCE, None).expect("a model");
        assert!(report(&program).distinct_states > 10);
        let without = apply(&program, &[Change::Protocol(ProtocolId(0))]).expect("a program");
        assert_eq!(report(&without).distinct_states, 1);
    });
}

#[test]
fn what_leaves_no_program_is_refused() {
    let program = front_end(BASE, None).expect("a model");
    let only = StepRef { protocol: ProtocolId(1), step: arch_ir::StepId(0) };
    let why = apply(&program, &[Change::Step(only)]).expect_err("no chain without steps").why;
    assert_eq!(why, "`clear` is the only step of its chain: without it there is no protocol");
    let picked = BASE.replace("on third {", "on third { pick k in 0..1; T.n := k;");
    let program = front_end(&picked, None).expect("a model");
    let why = apply(&program, &[Change::Effect(step(2), vec![0])]).expect_err("k is used").why;
    assert_eq!(why, "later statements use `k`");
}
