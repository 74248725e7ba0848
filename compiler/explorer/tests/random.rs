//! Every way to run the search against a plain breadth-first search, on random systems of 1 to 200 bits.

mod common;

use arch_explorer::goals::{Goals, unable};
use arch_explorer::numbered::{Numbered, Visit};
use arch_explorer::paths::{Path, Target, paths};
use arch_explorer::{Exploration, Limits, Stop, explore};
use common::named::Named;
use common::{Plain, Random};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

fn run(system: &Random, limits: &Limits) -> Exploration<u64> {
    explore(system, limits, &AtomicBool::new(false), &mut |_| {})
}

fn states(system: &Random, explored: &Exploration<u64>) -> BTreeSet<Vec<u64>> {
    let mut states = BTreeSet::new();
    let told = explored.visited.each(system.widths.len(), &mut |state| {
        assert!(states.insert(state.to_vec()), "a state is stored twice");
        true
    });
    assert!(told, "fingerprints do not say of which states they are");
    states
}

fn agree(system: &mut Random, plain: &Plain, threads: usize) {
    let bits: u32 = system.widths.iter().sum();
    // What is expected changes how paths are found, and nothing else: nothing, all, or some things, one never found.
    for expected in [vec![], (0..common::FINDINGS as u32).collect(), vec![1]] {
        system.expected = expected;
        // Narrower states are stored exactly whatever is asked for.
        for fingerprint in [None, Some(64), Some(40)].into_iter().take(if bits > 40 { 3 } else { 1 }) {
            agree_on(system, plain, Limits { threads, fingerprint, ..Limits::default() });
        }
    }
}

fn agree_on(system: &Random, plain: &Plain, limits: Limits) {
    let (threads, bits) = (limits.threads, system.widths.iter().sum::<u32>());
    let compact = limits.fingerprint.filter(|f| *f < bits);
    let name = format!("seed {}, {:?}, {threads} threads, {compact:?}", system.seed, system.widths);
    let explored = run(system, &limits);
    assert_eq!((explored.stopped, explored.fingerprint), (None, compact), "{name}");
    let expected: BTreeSet<Vec<u64>> = plain.order.iter().map(|n| system.state(*n)).collect();
    match compact {
        None => assert!(states(system, &explored) == expected, "{name}: states"),
        Some(_) => assert!(expected.iter().all(|s| explored.visited.contains(s)), "{name}: states"),
    }
    let counts = (explored.states, explored.transitions, explored.nowhere, explored.depth as usize + 1);
    let levels = plain.levels.len();
    assert_eq!(counts, (plain.order.len() as u64, plain.transitions, plain.nowhere, levels), "{name}");
    assert_eq!(explored.executed, plain.executed, "{name}");
    assert_eq!(explored.statistics.levels, plain.levels, "{name}");
    assert_eq!(explored.statistics.self_loops, plain.self_loops, "{name}");
    assert_eq!(explored.statistics.degrees.iter().sum::<u64>(), explored.states, "{name}");
    assert_eq!(explored.initial, plain.levels[0], "{name}");
    assert_eq!(explored.first, Some(system.state(system.initial[0])), "{name}");
    assert_eq!(explored.scratches.iter().sum::<u64>(), explored.states, "{name}: expanded once each");
    let lengths: Vec<_> = plain.found.iter().map(|f| f.map(|(length, _, _)| length)).collect();
    assert_eq!(explored.found, lengths, "{name}: findings");
    if system.size < 10_000 {
        same_paths(system, plain, &explored);
        if threads == 2 {
            same_numbers(system, plain, &explored);
        }
    }
}

/// States and events in the order of discovery.
#[derive(Default)]
struct Seen {
    states: Vec<Vec<u64>>,
    events: Vec<(u32, u32, Option<u32>)>,
}

impl Visit for Seen {
    fn discovered(&mut self, number: u32, state: &[u64]) -> Result<(), Stop> {
        assert_eq!(number as usize, self.states.len());
        self.states.push(state.to_vec());
        Ok(())
    }

    fn event(&mut self, number: u32, state: &[u64], action: u32, to: Option<u32>) -> Result<(), Stop> {
        assert_eq!(self.states[number as usize], state);
        self.events.push((number, action, to));
        Ok(())
    }

    fn expanded(&mut self, _: u32) -> Result<(), Stop> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        0
    }
}

/// Numbers are those of the order of discovery, and every event is told.
fn same_numbers(system: &Random, plain: &Plain, explored: &Exploration<u64>) {
    let (mut seen, none) = (Seen::default(), AtomicBool::new(false));
    let numbered = Numbered::visit(system, explored, &Limits::default(), &none, &mut seen).expect("no stop");
    let states: Vec<_> = plain.order.iter().map(|n| system.state(*n)).collect();
    assert_eq!(seen.states, states, "seed {}", system.seed);
    assert_eq!((numbered.states(), u64::from(numbered.initial())), (states.len() as u32, plain.levels[0]));
    let mut expected = Vec::new();
    for (i, n) in plain.order.iter().enumerate() {
        assert_eq!(numbered.number(&states[i]), Some(i as u32));
        assert_eq!(numbered.depth(i as u32), plain.states[n].0);
        let mut events = system.events(*n);
        events.sort_by_key(|(_, to)| to.is_none());
        let number = |to: u64| numbered.number(&system.state(to)).expect("a state");
        expected.extend(events.into_iter().map(|(action, to)| (i as u32, action, to.map(number))));
    }
    assert_eq!(seen.events, expected, "seed {}", system.seed);
    let tight = Limits { max_memory: Some(explored.statistics.visited_bytes + 1), ..Limits::default() };
    let stopped = Numbered::visit(system, explored, &tight, &none, &mut Seen::default());
    assert_eq!(stopped.err(), Some(Stop::Memory));
}

/// The first path to each finding, and to some marked states, whatever memory there is.
fn same_paths(system: &Random, plain: &Plain, explored: &Exploration<u64>) {
    let targets: Vec<Target<'_>> = (0..common::FINDINGS as u32).map(|f| Target::Finding(vec![f])).collect();
    let expected: Vec<Option<Path>> = plain
        .found
        .iter()
        .map(|found| {
            let (_, number, action) = (*found)?;
            let (initial, mut steps) = plain.path(system, number);
            if let Some(action) = action {
                let led = system.events(number).into_iter().find(|(a, _)| *a == action).expect("an event").1;
                steps.push((action, led.map(|n| system.state(n))));
            }
            Some(Path { initial, steps })
        })
        .collect();
    let found = |most: Option<u64>| {
        let limits = Limits { max_memory: most, ..Limits::default() };
        paths(system, explored, &targets, &limits, &AtomicBool::new(false))
    };
    assert_eq!(found(None).as_ref(), Ok(&expected), "seed {}, {:?}", system.seed, system.widths);
    if !system.seed.is_multiple_of(8) {
        return;
    }
    // With the least memory that is enough there is none for the log.
    let (mut little, mut enough) = (explored.statistics.visited_bytes, 1 << 26);
    while enough - little > 64 {
        let most = little.midpoint(enough);
        match found(Some(most)) {
            Ok(paths) => {
                assert_eq!(paths, expected, "seed {}, {:?}, {most} bytes", system.seed, system.widths);
                enough = most;
            }
            Err(stop) => {
                assert_eq!(stop, Stop::Memory);
                little = most;
            }
        }
    }
}

/// The first state that cannot reach each goal, by going back from the goals over all edges.
fn same_goals(system: &Random, plain: &Plain, explored: &Exploration<u64>) {
    let none = AtomicBool::new(false);
    let marks = unable(system, explored, &Limits::default(), &none).expect("no stop");
    assert_eq!(marks.len(), system.goal_count());
    for (goal, marks) in marks.iter().enumerate() {
        let expected = plain.first_unable(system, goal);
        assert_eq!(marks.is_some(), expected.is_some(), "seed {}: goal {goal}", system.seed);
        let (Some(marks), Some(expected)) = (marks, expected) else { continue };
        let found = paths(system, explored, &[Target::State(vec![marks])], &Limits::default(), &none)
            .expect("no stop");
        let (initial, steps) = plain.path(system, expected);
        assert_eq!(found, [Some(Path { initial, steps })], "seed {}: goal {goal}", system.seed);
    }
}

#[test]
fn goals_of_all_kinds_of_graphs() {
    let (mut able, mut not) = (0, 0);
    for seed in 0..600 {
        let mut system = Random::new(seed, 12 + seed as u32 % 60);
        system.goals = 1 + seed % 17;
        system.actions = 3 + seed % 8;
        system.size = system.size.min(20 + seed * 2);
        system.initial.iter_mut().for_each(|n| *n %= system.size);
        system.reach = 1 + system.reach % 20;
        // Some graphs have no way back.
        system.forward = seed % 3 == 0;
        let plain = Plain::of(&system);
        for fingerprint in [None, Some(40)] {
            let explored = run(&system, &Limits { fingerprint, ..Limits::default() });
            same_goals(&system, &plain, &explored);
        }
        for goal in 0..system.goal_count() {
            *(if plain.first_unable(&system, goal).is_some() { &mut not } else { &mut able }) += 1;
        }
    }
    assert!(able > 500 && not > 500, "{able} goals in reach, {not} not");
}

/// Goals that change their names on the way, against the graph of all pairs of a state and a goal.
#[test]
fn goals_that_are_renamed() {
    let (mut able, mut not) = (0, 0);
    for seed in 0..900 {
        let goals = if seed % 90 == 0 { 100 } else { 1 + seed as usize % 9 };
        let named = Named::new(seed, goals);
        let limits = Limits { fingerprint: (seed % 2 == 0).then_some(40), ..Limits::default() };
        let explored = explore(&named, &limits, &AtomicBool::new(false), &mut |_| {});
        let none = AtomicBool::new(false);
        let marks = unable(&named, &explored, &Limits::default(), &none).expect("no stop");
        let expected = named.first_unable();
        let found: Vec<bool> = marks.iter().map(Option::is_some).collect();
        assert_eq!(found, expected.iter().map(Option::is_some).collect::<Vec<_>>(), "seed {seed}");
        for (marks, state) in marks.iter().zip(&expected) {
            *(if marks.is_some() { &mut not } else { &mut able }) += 1;
            let (Some(marks), Some(state)) = (marks, state) else { continue };
            let found = paths(&named, &explored, &[Target::State(vec![marks])], &Limits::default(), &none)
                .expect("no stop");
            let path = found[0].as_ref().expect("a path");
            let last = path.steps.last().map_or(Some(&path.initial), |(_, to)| to.as_ref());
            assert_eq!(last, Some(&named.system.state(*state)), "seed {seed}");
        }
    }
    assert!(able > 1000 && not > 1000, "{able} goals in reach, {not} not");
}

#[test]
fn all_widths_and_numbers_of_threads() {
    let mut states = Vec::new();
    for bits in (0..=200).step_by(1) {
        let mut system = Random::new(u64::from(bits) * 7 + 1, bits);
        let plain = Plain::of(&system);
        states.push(plain.order.len());
        for threads in 1..=4 {
            agree(&mut system, &plain, threads);
        }
    }
    states.sort_unstable();
    assert!(states[100] > 300, "a median of {} states", states[100]);
}

/// Levels that are wide enough for several threads, and tables that grow under them.
#[test]
fn threads_really_run() {
    for (seed, bits) in [(1, 24), (2, 40), (3, 64), (4, 90), (5, 150)] {
        let mut system = Random::new(seed, bits);
        (system.size, system.actions, system.reach) = (120_000, 6, 120_000);
        let plain = Plain::of(&system);
        assert!(plain.levels.iter().any(|n| *n > 20_000));
        for (threads, fingerprint) in
            [(1, None), (2, None), (3, None), (4, None), (1, Some(64)), (4, Some(64))]
        {
            agree_on(&system, &plain, Limits { threads, fingerprint, ..Limits::default() });
        }
    }
}

#[test]
fn limits_of_states_are_exact() {
    for (seed, bits) in [(11, 20), (12, 63), (13, 100)] {
        let mut system = Random::new(seed, bits);
        (system.size, system.actions, system.reach) = (50_000, 5, 50_000);
        let all = Plain::of(&system).order.len() as u64;
        for (threads, most) in
            [(1, 1), (1, 700), (2, 9_000), (3, 20_001), (2, all - 1), (2, all), (1, all + 1)]
        {
            let explored = run(&system, &Limits { threads, max_states: Some(most), ..Limits::default() });
            let stopped = (most < all).then_some(Stop::States);
            assert_eq!((explored.stopped, explored.states), (stopped, most.min(all)), "{threads} threads");
            let stored = states(&system, &explored);
            assert_eq!(stored.len() as u64, explored.states);
            assert!(stored.iter().all(|s| explored.visited.contains(s)));
        }
    }
}

#[test]
fn limits_of_memory_are_kept() {
    for (seed, bits, fingerprint) in [(21, 30, None), (22, 64, None), (23, 128, None), (24, 128, Some(64))] {
        let mut system = Random::new(seed, bits);
        (system.size, system.actions, system.reach) = (400_000, 5, 400_000);
        for threads in [1, 2] {
            let whole = run(&system, &Limits { threads, fingerprint, ..Limits::default() });
            assert_eq!(whole.stopped, None);
            let peak = whole.statistics.peak_bytes;
            for part in [2, 3, 5] {
                let most = peak / part;
                let limits = Limits { threads, fingerprint, max_memory: Some(most), ..Limits::default() };
                let explored = run(&system, &limits);
                assert_eq!(explored.stopped, Some(Stop::Memory), "{bits} bits, 1/{part}");
                let used = explored.statistics.peak_bytes;
                assert!(used <= most + most / 10, "{bits} bits: {used} of {most} bytes");
            }
        }
    }
}

/// What the probability is about: states that share a fingerprint are taken for one, and what is found on them, or can be
/// reached from there alone, is missed. So the tests above would be red if 64 bits behaved like these.
#[test]
fn few_bits_lose_states() {
    let mut system = Random::new(31, 100);
    (system.size, system.actions, system.reach) = (30_000, 5, 30_000);
    let plain = Plain::of(&system);
    let states = plain.order.len() as f64;
    for bits in [12, 16, 20] {
        for threads in [1, 2] {
            let limits = Limits { threads, fingerprint: Some(bits), ..Limits::default() };
            let explored = run(&system, &limits);
            let lost = states - explored.states as f64;
            // Pairs of states, each with this probability, say how many there are to lose.
            let pairs = states * states / 2.0 / f64::from(1u32 << bits);
            assert!(
                lost > (pairs / 4.0).min(states / 2.0),
                "{bits} bits: {lost} of {states} lost, {pairs} pairs"
            );
            assert!(explored.stopped.is_none() && explored.transitions < plain.transitions);
            let all: Vec<_> = (0..common::FINDINGS as u32).map(|f| Target::Finding(vec![f])).collect();
            let shown = paths(&system, &explored, &all, &Limits::default(), &AtomicBool::new(false));
            // What is shown is a behaviour, whatever was lost.
            for path in shown.expect("no stop").into_iter().flatten() {
                let mut at = path.initial;
                for (action, to) in path.steps {
                    let number = system.number(&at);
                    let events =
                        system.events(number).into_iter().map(|(a, to)| (a, to.map(|n| system.state(n))));
                    assert!(events.into_iter().any(|event| event == (action, to.clone())));
                    at = to.unwrap_or(at);
                }
            }
        }
    }
}

#[test]
fn stopping_at_once_is_stopping() {
    let system = Random::new(3, 40);
    let late = Limits { deadline: Some(std::time::Instant::now()), ..Limits::default() };
    assert_eq!(run(&system, &late).stopped, Some(Stop::Time));
    assert_eq!(
        run(&system, &Limits { max_memory: Some(1), ..Limits::default() }).stopped,
        Some(Stop::Memory)
    );
    let explored = explore(&system, &Limits::default(), &AtomicBool::new(true), &mut |_| {});
    assert_eq!(explored.stopped, Some(Stop::Interrupted));
}
