//! Symmetry: what the analysis says is interchangeable is so, by the oracle.

mod common;
#[path = "common/random.rs"]
mod random;

use arch_check::Options;
use arch_check::symmetry::{Naming, Quotient, symmetry_of};
use arch_ir::eval::Interpreter;
use arch_ir::explore::explore_states;
use arch_ir::report::{Limits, Report, Trace};
use arch_ir::symmetry::{Permutation, Symmetry};
use arch_ir::testing::samples;
use arch_ir::{Excess, Program, PropertyId, State};
use std::collections::BTreeSet;
use std::mem::discriminant;
use std::sync::atomic::AtomicBool;

/// What can be said of an event without naming instances.
type Seen = (Result<State, &'static str>, Vec<PropertyId>, Vec<PropertyId>);

fn excess_name(excess: &Excess) -> &'static str {
    let advance = discriminant(&excess.kind) == discriminant(&arch_ir::ExcessKind::Advance);
    if advance { "advances" } else { "bounds" }
}

fn seen(interpreter: &Interpreter<'_>, state: &State, renaming: &Permutation) -> Vec<Seen> {
    let renamed = |s: &State| renaming.state(interpreter.program(), s);
    let events = interpreter.successors(state).transitions.into_iter();
    let mut seen: Vec<Seen> = events
        .map(|t| {
            let outcome = t.outcome.as_ref().map(renamed).map_err(excess_name);
            (outcome, t.violated, t.excess_violates_always)
        })
        .collect();
    seen.sort();
    seen
}

/// Renaming maps initial states to initial states, events to events; the number of exchanges tried.
fn is_equivariant(program: &Program, states: u64) -> usize {
    let symmetry = Symmetry::of(program);
    let generators: Vec<_> = symmetry.exchanges(program).collect();
    if generators.is_empty() {
        return 0;
    }
    let interpreter = Interpreter::new(program);
    let identity = Permutation::identity(program);
    let limits = Limits { max_states: Some(states), ..Limits::default() };
    let (_, states) = explore_states(program, &limits);
    let mut initial = BTreeSet::new();
    interpreter.visit_initial_states(&mut |s| {
        initial.insert(s);
        initial.len() < 500
    });
    for renaming in &generators {
        if initial.len() < 500 {
            let renamed: BTreeSet<State> = initial.iter().map(|s| renaming.state(program, s)).collect();
            assert_eq!(renamed, initial, "{}: initial states under {renaming:?}", program.name);
        }
        for state in &states {
            let other = renaming.state(program, state);
            assert_eq!(interpreter.canonical(&other), other, "{}: canonical", program.name);
            let (here, there) = (seen(&interpreter, state, renaming), seen(&interpreter, &other, &identity));
            assert_eq!(here, there, "{}: events of {state:?} under {renaming:?}", program.name);
            assert_eq!(
                interpreter.always_violations(state),
                interpreter.always_violations(&other),
                "{}: {state:?} under {renaming:?}",
                program.name
            );
            assert_eq!(interpreter.is_stuck(state), interpreter.is_stuck(&other), "{}", program.name);
        }
    }
    generators.len()
}

/// A random program, if it is of a size to be explored: with odd seeds, two sorts have three instances.
fn program(seed: u64) -> Option<Program> {
    let program = random::program_with(seed, if seed % 2 == 1 { 3 } else { 2 });
    let valid = arch_ir::validate::validate(&program).is_ok();
    let small = || arch_check::Machine::compile(&program).is_ok_and(|m| m.actions() <= 1000);
    (valid && small()).then_some(program)
}

#[test]
fn samples_are_equivariant() {
    let tried: usize = samples().iter().map(|p| is_equivariant(p, 300)).sum();
    assert!(tried > 10, "{tried} exchanges");
}

#[test]
fn random_programs_are_equivariant() {
    let mut tried = 0;
    for program in random::seeds().filter_map(program) {
        tried += is_equivariant(&program, 40);
    }
    println!("{tried} exchanges");
    assert!(tried > 30, "{tried} exchanges");
}

/// Reduced exploration finds what full exploration does: verdicts, depth, and states by the size of orbits.
fn is_reduced_soundly(program: &Program) -> Option<f64> {
    let machine = common::machine(program);
    let checked = |symmetry, threads| {
        let limits = Limits { max_states: Some(30_000), ..Limits::default() };
        let options = Options { threads, symmetry, limits, ..Options::default() };
        arch_check::check(program, &machine, &options, &AtomicBool::new(false), &mut |_| {})
    };
    let full = checked(false, 1);
    let reduced = checked(true, 1);
    if full.stopped.is_some() || reduced.represented_states.is_none() {
        return None;
    }
    let name = &program.name;
    let verdicts =
        |r: &Report| r.results.iter().map(|r| (r.name.clone(), r.verdict.clone())).collect::<Vec<_>>();
    let length =
        |r: &Report| r.results.iter().map(|r| r.trace.as_ref().map(|t| t.steps.len())).collect::<Vec<_>>();
    assert_eq!(verdicts(&reduced), verdicts(&full), "{name}");
    assert_eq!(length(&reduced), length(&full), "{name}: lengths of behaviours");
    assert_eq!(reduced.represented_states, Some(full.distinct_states), "{name}: states");
    assert_eq!((reduced.depth, &reduced.cut), (full.depth, &full.cut), "{name}");
    let seen =
        |r: &Report| r.coverage.iter().flatten().map(|c| (c.executed > 0, c.refused)).collect::<Vec<_>>();
    assert_eq!(seen(&reduced), seen(&full), "{name}: coverage");
    reduced.results.iter().filter_map(|r| r.trace.as_ref()).for_each(|t| is_behaviour(program, t));
    let again = checked(true, 3);
    assert_eq!(
        (again.distinct_states, again.transitions),
        (reduced.distinct_states, reduced.transitions),
        "{name}"
    );
    Some(full.distinct_states as f64 / reduced.distinct_states as f64)
}

/// Every step is one of the oracle's.
fn is_behaviour(program: &Program, trace: &Trace) {
    let interpreter = Interpreter::new(program);
    let mut from = trace.initial.clone();
    for step in &trace.steps {
        let successors = interpreter.successors(&from);
        let event = successors.transitions.into_iter().find(|t| t.event == step.event);
        let event = event.unwrap_or_else(|| panic!("{}: {:?} in {from:?}", program.name, step.event));
        assert_eq!(event.outcome.as_ref().ok(), step.state.as_ref(), "{}: {:?}", program.name, step.event);
        let Some(to) = &step.state else { return };
        from = to.clone();
    }
}

#[test]
fn samples_are_reduced_soundly() {
    let gains: Vec<f64> = samples().iter().filter_map(is_reduced_soundly).collect();
    println!("{gains:.2?}");
    assert!(gains.iter().filter(|g| **g > 1.1).count() > 3, "{gains:?}");
}

#[test]
fn random_programs_are_reduced_soundly() {
    let mut gains = Vec::new();
    for program in random::seeds().filter_map(program) {
        gains.extend(is_reduced_soundly(&program));
    }
    println!(
        "{} reduced, {:.2} times on average",
        gains.len(),
        gains.iter().sum::<f64>() / gains.len() as f64
    );
    assert!(gains.len() > 15, "{gains:?}");
}

/// The canonical form of a state is one of its renamings and that of each; orbits have the size that is said.
fn orbits_are_exact(program: &Program) -> usize {
    let machine = common::machine(program);
    let symmetry = symmetry_of(&machine);
    let Some(quotient) = Quotient::of(&machine, &symmetry) else { return 0 };
    let (_, states) = explore_states(program, &Limits { max_states: Some(200), ..Limits::default() });
    let generators: Vec<_> = symmetry.exchanges(program).collect();
    let mut naming = Naming::default();
    for state in &states {
        let mut orbit = BTreeSet::from([state.clone()]);
        let mut pending = vec![state.clone()];
        while let Some(next) = pending.pop().filter(|_| orbit.len() < 800) {
            for renamed in generators.iter().map(|g| g.state(program, &next)) {
                if orbit.insert(renamed.clone()) {
                    pending.push(renamed);
                }
            }
        }
        let mut forms = BTreeSet::new();
        for renamed in &orbit {
            let mut words = machine.encode(renamed).expect("a renamed state fits");
            let size = quotient.settle(&mut words, &mut naming);
            let permutation = quotient.permutation(quotient.renaming(&naming));
            assert_eq!(machine.decode(&words), permutation.state(program, renamed), "{}", program.name);
            assert_eq!(size, orbit.len() as u128, "{}: orbit of {renamed:?}", program.name);
            forms.insert(words);
        }
        assert_eq!(forms.len(), 1, "{}: {state:?}", program.name);
        assert!(orbit.contains(&machine.decode(forms.first().expect("one"))), "{}", program.name);
    }
    states.len()
}

#[test]
fn orbits_of_samples_are_exact() {
    let states: usize = samples().iter().map(orbits_are_exact).sum();
    assert!(states > 200, "{states}");
}

#[test]
fn orbits_of_random_programs_are_exact() {
    let mut states = 0;
    for program in random::seeds().filter_map(program) {
        states += orbits_are_exact(&program);
    }
    assert!(states > 200, "{states}");
}
