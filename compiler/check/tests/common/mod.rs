//! Comparing the machine with the oracle: the same states in the same order, the same events of each, the
//! same report for every number of threads.

#![allow(dead_code, reason = "not every test file uses every comparison")]

use arch_check::check::{report_search, search_machine};
use arch_check::{Machine, Options};
use arch_explorer::numbered::in_order;
use arch_explorer::{Exploration, System};
use arch_ir::eval::Interpreter;
use arch_ir::explore::explore_states;
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Report};
use arch_ir::{Event, Excess, Program, State};
use std::sync::atomic::AtomicBool;

/// Compiles a program.
#[track_caller]
pub fn machine(program: &Program) -> Machine {
    Machine::compile(program).unwrap_or_else(|e| panic!("{}: {e}", program.name))
}

/// Explores a machine.
pub fn explored(machine: &Machine, threads: usize) -> Exploration<arch_check::Scratch> {
    let options = Options { threads, limits: Limits::default(), ..Options::default() };
    search_machine(machine, &options, &AtomicBool::new(false), &mut |_| {})
}

/// Checks with our explorer.
pub fn checked(program: &Program, machine: &Machine, threads: usize) -> Report {
    let (options, never) = (Options { threads, ..Options::default() }, AtomicBool::new(false));
    report_search(program, machine, &explored(machine, threads), &options, &never)
}

/// Compares everything about a program; the oracle's report.
#[track_caller]
pub fn agree(program: &Program) -> Report {
    let machine = machine(program);
    let (expected, states) = explore_states(program, &Limits::default());
    let found = explored(&machine, 1);
    same_states(program, &machine, &states, &found);
    for threads in [1, 3] {
        same_report(program, &expected, &checked(program, &machine, threads));
    }
    expected
}

fn same_states(
    program: &Program,
    machine: &Machine,
    states: &[State],
    found: &Exploration<arch_check::Scratch>,
) {
    let interpreter = Interpreter::new(program);
    let reached = in_order(machine, found).expect("no limit");
    for (i, expected) in states.iter().enumerate() {
        assert!(i < reached.len(), "{}: state {i} is missing: {expected:?}", program.name);
        let words = &reached[i];
        let decoded = machine.decode(words);
        if i == 0 || decoded != *expected {
            assert_eq!(decoded, *expected, "{}: state {i}", program.name);
        }
        assert_eq!(machine.encode(expected).as_ref(), Some(words), "{}: encoding of state {i}", program.name);
        same_events(program, machine, &interpreter, expected, words);
    }
    assert_eq!(states.len(), reached.len(), "{}: number of states", program.name);
}

/// Compares the first states of a program, and their events.
#[track_caller]
pub fn agree_on_some(program: &Program, count: u64) {
    let machine = machine(program);
    let limits = Limits { max_states: Some(count), ..Limits::default() };
    let (_, states) = explore_states(program, &limits);
    let options = Options { threads: 1, limits, ..Options::default() };
    let found = search_machine(&machine, &options, &AtomicBool::new(false), &mut |_| {});
    same_states(program, &machine, &states, &found);
}

fn same_events(
    program: &Program,
    machine: &Machine,
    interpreter: &Interpreter,
    state: &State,
    words: &[u64],
) {
    let expected: Vec<(Event, Result<State, Excess>)> =
        interpreter.successors(state).transitions.into_iter().map(|t| (t.event, t.outcome)).collect();
    let successors = machine.successors(words, &mut machine.scratch());
    let found: Vec<(Event, Result<State, Excess>)> = successors
        .events()
        .map(|(action, to)| {
            let excess =
                || machine.excess(action, words).expect("an event that leads nowhere exceeds a bound");
            (machine.event(action, words), to.map(|w| machine.decode(w)).ok_or_else(excess))
        })
        .collect();
    let names =
        |list: &[(Event, Result<State, Excess>)]| list.iter().map(|(e, _)| e.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected), "{}: events of {state:?}", program.name);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected, "{}: outcome in {state:?}", program.name);
    }
}

/// Compares everything but the engine's name.
#[track_caller]
pub fn same_report(program: &Program, expected: &Report, found: &Report) {
    let name = &program.name;
    let counts = |r: &Report| (r.distinct_states, r.transitions, r.depth, r.stopped, r.cut.clone());
    assert_eq!(counts(found), counts(expected), "{name}: counts");
    assert_eq!(found.coverage, expected.coverage, "{name}: coverage");
    let verdicts =
        |r: &Report| r.results.iter().map(|r| (r.name.clone(), r.verdict.clone())).collect::<Vec<_>>();
    assert_eq!(verdicts(found), verdicts(expected), "{name}: verdicts");
    for (found, expected) in found.results.iter().zip(&expected.results) {
        same_result(name, found, expected);
    }
}

fn same_result(name: &str, found: &PropertyResult, expected: &PropertyResult) {
    assert_eq!((found.kind, found.span), (expected.kind, expected.span), "{name}: {}", found.name);
    assert_eq!(found.trace, expected.trace, "{name}: behaviour of {}", found.name);
}

/// The verdict of a property.
#[track_caller]
pub fn verdict(report: &Report, name: &str) -> PropertyVerdict {
    report.result(name).expect("a result of that name").verdict.clone()
}
