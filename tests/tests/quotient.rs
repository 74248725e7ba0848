//! Time and ordinals are exact: with a concrete clock and concrete counters, a spec reaches what it reaches
//! with saturated instants and ranks, as far as one looks.
//!
//! A concrete clock always ticks, also when nothing can tell; so a concrete behaviour of n events stands for
//! one of at most n events, and each of at most n events for a concrete one of as many.

use arch_ir::eval::{Interpreter, Successors, Transition};
use arch_ir::report::Limits;
use arch_ir::{Event, Program, PropertyId, State};
use archc_tests::agreement::{campaign, front_end};
use archc_tests::generate::spec;
use archc_tests::minimise::minimise;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many events are followed.
const HORIZON: u32 = 8;
/// The most concrete states that are looked at.
const STATES: usize = 1_200;

/// What is to be equal of an event: where it leads, what it violates.
type Seen = (Result<State, String>, Vec<PropertyId>, Vec<PropertyId>);

fn seen(interpreter: &Interpreter<'_>, t: &Transition) -> Seen {
    let led = match &t.outcome {
        Ok(state) => Ok(interpreter.canonical(state)),
        Err(excess) => Err(format!("{excess:?}")),
    };
    (led, t.violated.clone(), t.excess_violates_always.clone())
}

/// The events of a state, sorted, without ticks that change nothing that can be told.
fn events(interpreter: &Interpreter<'_>, found: &Successors, from: &State) -> Vec<Seen> {
    let all = found.transitions.iter().map(|t| (t, seen(interpreter, t)));
    let told = all.filter(|(t, s)| t.event != Event::Tick || s.0.as_ref() != Ok(from));
    let mut list: Vec<Seen> = told.map(|(_, s)| s).collect();
    list.sort();
    list
}

/// The canonical states with their least number of events, to the horizon; none when there are too many.
fn canonical_depths(interpreter: &Interpreter<'_>) -> Option<BTreeMap<State, u32>> {
    depths(interpreter.initial_states(), |s| interpreter.successors(s).transitions)
}

/// States with their least number of events.
fn depths(initial: Vec<State>, next: impl Fn(&State) -> Vec<Transition>) -> Option<BTreeMap<State, u32>> {
    let mut found: BTreeMap<State, u32> = initial.into_iter().map(|s| (s, 0)).collect();
    let mut layer: Vec<State> = found.keys().cloned().collect();
    for depth in 1..=HORIZON {
        let mut after = Vec::new();
        for to in layer.iter().flat_map(&next).filter_map(|t| t.outcome.ok()) {
            if !found.contains_key(&to) {
                found.insert(to.clone(), depth);
                after.push(to);
            }
        }
        if found.len() > STATES {
            return None;
        }
        layer = after;
    }
    Some(found)
}

/// Compares concrete states and their quotient; none when there are too many.
fn compare(program: &Program) -> Option<Result<(), String>> {
    let interpreter = Interpreter::new(program);
    let concrete = depths(interpreter.initial_states(), |s| interpreter.successors_raw(s).transitions)?;
    let canonical = canonical_depths(&interpreter)?;
    let mut mapped: BTreeMap<State, u32> = BTreeMap::new();
    for (raw, depth) in &concrete {
        let state = interpreter.canonical(raw);
        let least = mapped.entry(state.clone()).or_insert(*depth);
        *least = (*least).min(*depth);
        let (a, b) = (interpreter.successors_raw(raw), interpreter.successors(&state));
        let (a, b) = (events(&interpreter, &a, &state), events(&interpreter, &b, &state));
        if a != b {
            return Some(Err(format!("events of {raw:?}\n  concrete: {a:?}\n  quotient: {b:?}")));
        }
    }
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (mapped.iter().collect(), canonical.iter().collect());
    if let Some(only) = a.symmetric_difference(&b).next() {
        return Some(Err(format!("only one of them reaches {only:?}")));
    }
    Some(Ok(()))
}

fn differs(text: &str) -> Option<String> {
    let program = front_end(text, None).ok()?;
    match catch_unwind(AssertUnwindSafe(|| compare(&program))) {
        Ok(compared) => compared.and_then(Result::err),
        Err(_) => Some("panic".to_owned()),
    }
}

#[test]
fn random_specs_have_exact_quotients() {
    let (mut compared, mut large, mut quotients) = (0, 0, 0);
    let (seeds, end) = campaign(160);
    for seed in seeds {
        if end.is_some_and(|end| std::time::Instant::now() > end) {
            break;
        }
        let spec = spec(seed);
        if !["ordinal", "optional ordinal", "set of ordinals", "time", "optional time"]
            .iter()
            .any(|f| spec.features.contains(f))
        {
            continue;
        }
        let Ok(program) = front_end(&spec.text(), None) else { continue };
        match compare(&program) {
            None => large += 1,
            Some(Ok(())) => compared += 1,
            Some(Err(difference)) => {
                let small = minimise(&spec.items, &|text| differs(text).is_some());
                let now = differs(&small).unwrap_or(difference);
                panic!("seed {seed}: {now}\n{small}");
            }
        }
        quotients += u32::from(is_proper(&program));
    }
    println!("{compared} compared, {large} too large, {quotients} with fewer states than concrete ones");
    assert!(compared > 5 * quotients.min(1) && quotients > 0, "{compared} {quotients}");
}

/// Whether the concrete system has more states than its quotient.
fn is_proper(program: &Program) -> bool {
    let interpreter = Interpreter::new(program);
    let limits = Limits { max_states: Some(STATES as u64), ..Limits::default() };
    let (report, _) = arch_ir::explore::explore_states(program, &limits);
    let concrete = depths(interpreter.initial_states(), |s| interpreter.successors_raw(s).transitions);
    report.stopped.is_none() && concrete.is_none_or(|c| c.len() as u64 > report.distinct_states)
}
