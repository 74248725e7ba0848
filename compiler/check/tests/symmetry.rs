//! Symmetry: what the analysis says is interchangeable is so, by the oracle.

mod common;
#[path = "common/random.rs"]
mod random;

use arch_ir::eval::Interpreter;
use arch_ir::explore::explore_states;
use arch_ir::report::Limits;
use arch_ir::symmetry::{Permutation, Symmetry};
use arch_ir::testing::samples;
use arch_ir::{Excess, Program, PropertyId, State};
use std::collections::BTreeSet;
use std::mem::discriminant;

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

/// The exchanges that generate all permutations that the analysis allows.
fn generators(program: &Program, symmetry: &Symmetry) -> Vec<Permutation> {
    let blocks = symmetry.blocks.iter_enumerated().flat_map(|(s, blocks)| blocks.iter().map(move |b| (s, b)));
    let pairs = blocks.flat_map(|(s, b)| b.windows(2).map(move |w| (s, w[0], w[1])));
    pairs.map(|(s, a, b)| Permutation::transposition(program, s, a, b)).collect()
}

/// Renaming maps initial states to initial states, events to events; the number of exchanges tried.
fn is_equivariant(program: &Program, states: u64) -> usize {
    let symmetry = Symmetry::of(program);
    let generators = generators(program, &symmetry);
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

#[test]
fn samples_are_equivariant() {
    let tried: usize = samples().iter().map(|p| is_equivariant(p, 300)).sum();
    assert!(tried > 10, "{tried} exchanges");
}

#[test]
fn random_programs_are_equivariant() {
    let given = std::env::var("ARCH_RANDOM").ok();
    let range = given.as_deref().and_then(|s| s.split_once(".."));
    let seeds = range.and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?)).unwrap_or(0..150);
    let mut tried = 0;
    for seed in seeds {
        let program = random::program(seed);
        let valid = arch_ir::validate::validate(&program).is_ok();
        let small = || arch_check::Machine::compile(&program).is_ok_and(|m| m.actions() <= 1000);
        if valid && small() {
            tried += is_equivariant(&program, 40);
        }
    }
    println!("{tried} exchanges");
    assert!(tried > 30, "{tried} exchanges");
}
