//! Hand-counted state spaces, traces and verdicts.

use arch_ir::eval::Interpreter;
use arch_ir::explore::{explore, explore_states};
use arch_ir::report::{Limits, PropertyVerdict, Report, Stop};
use arch_ir::testing::{self, Build, samples};
use arch_ir::{
    Actor, CompareOp, Down, Expr, Program, PropertyKind, ProtocolId, RangePolicy, RunRef, StepId, Type,
};
use std::sync::atomic::AtomicBool;

fn run(program: &Program) -> Report {
    explore(program, &Limits::default(), &AtomicBool::new(false))
}

/// Distinct states, transitions, depth.
#[track_caller]
fn counts(program: &Program, expected: (u64, u64, u32)) -> Report {
    let report = run(program);
    assert_eq!((report.distinct_states, report.transitions, report.depth), expected, "{}", program.name);
    report
}

#[track_caller]
fn verdict(report: &Report, name: &str, expected: &PropertyVerdict) {
    assert_eq!(&report.result(name).expect("a result").verdict, expected, "{name}");
}

fn trace(program: &Program, report: &Report, name: &str) -> Vec<String> {
    let trace = report.result(name).and_then(|r| r.trace.as_ref());
    trace.map_or(Vec::new(), |t| t.steps.iter().map(|s| program.show_event(&s.event)).collect())
}

#[test]
fn time() {
    // Past, then 2, 1, 0 and past again.
    counts(&testing::expiry(0), (4, 4, 3));
    // An expiry at now is past enough: past, 2, 1.
    counts(&testing::expiry(1), (3, 3, 2));
    // For each of nine pairs of offsets, the values from -2 to 2 plus the greater offset.
    counts(&testing::skewed(), (49, 76, 5));
    counts(&testing::urgent(0), (5, 7, 4));
    let report = counts(&testing::urgent(1), (6, 9, 4));
    verdict(&report, "in_time", &PropertyVerdict::Holds);
    verdict(&run(&testing::urgent(2)), "in_time", &PropertyVerdict::Violated);
}

#[test]
fn ordinals() {
    let report = counts(&testing::ordinals(false), (4, 8, 3));
    verdict(&report, "advances", &PropertyVerdict::Holds);
    verdict(&report, "x_grows", &PropertyVerdict::Holds);
    let program = testing::ordinals(true);
    let report = run(&program);
    verdict(&report, "advances", &PropertyVerdict::Violated);
    assert_eq!(trace(&program, &report, "advances"), ["a[bump]", "a[copy]"]);
    let report = counts(&testing::compare_and_set(), (11, 14, 4));
    verdict(&report, "grows", &PropertyVerdict::Holds);
}

#[test]
fn roles_and_who_may_take_part() {
    // Nobody; one of two runs with one of two workers; both runs with different workers.
    counts(&testing::assignment(false, false), (7, 16, 2));
    // Both runs with any workers.
    counts(&testing::assignment(true, false), (9, 24, 2));
    // A bound role stays bound.
    counts(&testing::assignment(false, true), (7, 16, 2));
}

#[test]
fn chains_branches_and_loops() {
    counts(&testing::branches(), (5, 5, 3));
    counts(&testing::detached(), (4, 6, 3));
    counts(&testing::picks(), (9, 27, 3));
}

#[test]
fn hand_overs() {
    verdict(&counts(&testing::requeue(1, false), (8, 12, 3)), "bounds", &PropertyVerdict::Violated);
    let report = counts(&testing::requeue(1, true), (8, 10, 3));
    assert_eq!(report.cut.len(), 1);
    verdict(&report, "bounds", &PropertyVerdict::Inconclusive);
    verdict(&counts(&testing::resumed(), (5, 11, 2)), "bounds", &PropertyVerdict::Holds);
    assert_eq!(trace(&testing::requeue(2, false), &run(&testing::requeue(2, false)), "bounds").len(), 3);
}

#[test]
fn bounds() {
    let report = counts(&testing::counter(RangePolicy::Report), (3, 3, 2));
    verdict(&report, "bounds", &PropertyVerdict::Violated);
    // Judged with the exceeding value.
    verdict(&report, "small", &PropertyVerdict::Violated);
    let trace = report.result("small").and_then(|r| r.trace.as_ref()).expect("a trace");
    assert_eq!(trace.steps.len(), 3);
    assert!(trace.steps[2].state.is_none() && trace.steps[2].excess.is_some());
    verdict(&counts(&testing::counter(RangePolicy::Clamp), (3, 3, 2)), "small", &PropertyVerdict::Holds);
    verdict(&counts(&testing::counter(RangePolicy::Wrap), (3, 3, 2)), "small", &PropertyVerdict::Holds);
    verdict(&counts(&testing::counter(RangePolicy::Cut), (3, 2, 2)), "small", &PropertyVerdict::Inconclusive);
}

#[test]
fn faults() {
    counts(&testing::crashing(Down::Instant), (7, 7, 3));
    counts(&testing::crashing(Down::Restarts), (10, 10, 4));
    counts(&testing::crashing(Down::Stops), (6, 5, 3));
    counts(&testing::lossy(), (5, 6, 2));
    counts(&testing::partitioned(), (8, 20, 3));
}

#[test]
fn any_start() {
    let report = counts(&testing::any_start(), (9, 12, 0));
    verdict(&report, "top", &PropertyVerdict::Holds);
    verdict(&report, "bottom", &PropertyVerdict::Holds);
}

#[test]
fn a_lease() {
    let report = run(&testing::lease());
    // A duplicated commit is fenced by its epoch: the guard compares it on arrival.
    verdict(&report, "no_zombie", &PropertyVerdict::Holds);
    verdict(&report, "epoch_grows", &PropertyVerdict::Holds);
    verdict(&report, "rediscovered", &PropertyVerdict::Holds);
    let mut unguarded = testing::lease();
    let commit = &mut unguarded.protocols[ProtocolId(0)].steps[StepId(2)];
    commit.guard = testing::yes();
    let report = run(&unguarded);
    verdict(&report, "no_zombie", &PropertyVerdict::Violated);
    let trace = trace(&unguarded, &report, "no_zombie");
    assert_eq!(trace.last().map(String::as_str), Some("claimant1's commit of main[claimant1] arrives again"));
}

/// `go -> wait => done`, with a guard that is never true at the second step.
fn waiting(guard: Expr) -> Program {
    let mut b = Build::new("waiting");
    let actor = b.actor("a", 1);
    let main = b.protocol("main", &[actor]);
    let go = b.step(main, "go", Actor::Subject(0), testing::yes(), vec![]);
    let wait = b.step(main, "wait", Actor::Subject(0), guard, vec![]);
    b.chain(main, &[go, wait], "done", true);
    b.program
}

#[test]
fn stuck_and_stranded() {
    let program = waiting(Expr::bool(false, arch_base::Span::default()));
    let report = counts(&program, (2, 1, 1));
    for name in ["stuck", "stranded"] {
        verdict(&report, name, &PropertyVerdict::Violated);
        assert_eq!(trace(&program, &report, name), ["a[go]"]);
    }
    assert!(report.coverage[0][1].refused && report.coverage[0][1].executed == 0);
    verdict(&run(&waiting(testing::yes())), "stuck", &PropertyVerdict::Holds);
}

#[test]
fn stuck_agrees_with_the_interpreter() {
    for program in samples().into_iter().filter(|p| p.name != "lease") {
        let (report, states) = explore_states(&program, &Limits::default());
        let interpreter = Interpreter::new(&program);
        let any = states.iter().any(|s| interpreter.is_stuck(s));
        let found = report.result("stuck").is_some_and(|r| r.verdict == PropertyVerdict::Violated);
        assert_eq!(any, found, "{}", program.name);
    }
}

#[test]
fn limits_end_in_a_named_verdict() {
    let limits = Limits { max_states: Some(2), ..Limits::default() };
    let report = explore(&testing::expiry(0), &limits, &AtomicBool::new(false));
    assert_eq!((report.stopped, report.distinct_states), (Some(Stop::States), 2));
    verdict(&report, "bounds", &PropertyVerdict::Inconclusive);
    let report = explore(&testing::expiry(0), &Limits::default(), &AtomicBool::new(true));
    assert_eq!(report.stopped, Some(Stop::Interrupted));
}

#[test]
fn explains_why_a_guard_is_false() {
    let program = testing::lease();
    let interpreter = Interpreter::new(&program);
    let (_, states) = explore_states(&program, &Limits { max_states: Some(200), ..Limits::default() });
    let run = RunRef { protocol: ProtocolId(0), run: 0 };
    let explained = states.iter().flat_map(|s| interpreter.why_disabled(s, run, StepId(1)));
    let refused =
        explained.filter(|g| !g.guard).flat_map(|g| g.atoms).next().expect("renew is refused somewhere");
    assert!(!refused.holds && refused.operands.len() == 2);
    assert_eq!(program.show_expr(Some(run.protocol), &refused.expr), "OwnerEpoch.current = my_epoch");
}

#[test]
fn names() {
    let program = testing::lease();
    let state = Interpreter::new(&program).initial_states().remove(0);
    let cells = program.cells(&state);
    let cell = |name: &str| cells.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!(cell("ClaimState.owner_id"), Some("null"));
    assert_eq!(cell("LeaseState.expiry_at"), Some("past"));
    assert_eq!(cell("claimant1.my_epoch"), Some("#0"));
    assert_eq!(cell("main[claimant2] at"), Some("idle"));
    assert_eq!(cell("budget crash claimant"), Some("1"));
    let claim = &program.protocols[ProtocolId(0)].steps[StepId(0)].guard;
    let text = program.show_expr(Some(ProtocolId(0)), claim);
    assert_eq!(text, "ClaimState.owner_id = null or LeaseState.expiry_at < now");
    assert!(program.to_string().contains("claimant[commit {OwnerEpoch.current = my_epoch}]"));
}

#[test]
fn every_sample_is_well_formed() {
    for program in samples() {
        assert_eq!(arch_ir::validate::validate(&program), Ok(()), "{}", program.name);
    }
}

#[test]
fn two_stored_instants_are_refused() {
    let mut b = Build::new("inexact");
    let truth = b.truth("T", None);
    let (x, y) = (b.attribute(truth, "x", Type::Time), b.attribute(truth, "y", Type::Time));
    let claim = testing::cmp(CompareOp::Lt, b.get(x, vec![]), b.get(y, vec![]));
    b.property("ordered", PropertyKind::Always(claim));
    let refused = arch_ir::validate::validate(&b.program);
    assert_eq!(refused, Err("two stored instants are compared: T.x < T.y".to_owned()));
}
