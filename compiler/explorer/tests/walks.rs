//! Random walks against a plain search: what they find is there, and nothing depends on the number of threads.

mod common;

use arch_explorer::limits::Enough;
use arch_explorer::walks::{Walked, Walks, walk};
use arch_explorer::{Limits, Path, Stop, Successors, System};
use common::{Plain, Random};
use std::sync::atomic::AtomicBool;

fn run<S: System>(system: &S, seed: u64, groups: &[u32], limits: &Limits) -> Walked<S::Scratch> {
    let walks = Walks { seed, runs: 150, depth: 60, groups };
    walk(system, walks, limits, &AtomicBool::new(false), &mut |_| {})
}

fn each_alone(system: &impl System) -> Vec<u32> {
    (0..system.actions() as u32).collect()
}

/// A path is a behaviour of the system, with the finding at its end.
fn is_behaviour(system: &Random, path: &Path, finding: u32) {
    let mut at = system.number(&path.initial);
    assert!(system.initial.contains(&at), "seed {}", system.seed);
    let mut shown = system.on_state(at);
    shown.extend(system.on_expansion(at));
    for (i, (action, to)) in path.steps.iter().enumerate() {
        assert!(to.is_some() || i + 1 == path.steps.len(), "only the last event leads nowhere");
        let next = to.as_ref().map(|to| system.number(to));
        assert!(system.events(at).contains(&(*action, next)), "seed {}: not an event", system.seed);
        shown = system.on_event(at, *action);
        if let Some(next) = next {
            at = next;
            shown.extend(system.on_state(at));
            shown.extend(system.on_expansion(at));
        }
    }
    assert!(shown.contains(&finding), "seed {}: {finding} is not at the end", system.seed);
}

#[test]
fn what_is_found_is_there() {
    let (mut there, mut found) = (0, 0);
    for seed in 0..150 {
        let system = Random::new(seed, 1 + (seed as u32 * 7) % 150);
        let plain = Plain::of(&system);
        let walked = run(&system, seed, &each_alone(&system), &Limits::default());
        assert_eq!((walked.stopped, walked.runs), (None, 150));
        assert!(walked.states <= plain.order.len() as u64 && walked.steps <= 150 * 60);
        assert_eq!(walked.executed.iter().sum::<u64>(), walked.steps);
        for (finding, path) in walked.paths.iter().enumerate() {
            let shortest = plain.found[finding].map(|(length, _, _)| length as usize);
            there += usize::from(shortest.is_some());
            if let Some(path) = path {
                found += 1;
                is_behaviour(&system, path, finding as u32);
                assert!(
                    shortest.is_some_and(|s| s <= path.steps.len()),
                    "seed {seed}: shorter than the shortest"
                );
            }
        }
    }
    assert!(there > 300 && found * 10 > there * 8, "{found} of {there} found");
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    for seed in 0..30 {
        let system = Random::new(seed, 40);
        let groups: Vec<u32> = (0..system.actions as u32).map(|a| a / 3).collect();
        let with = |seed, threads| {
            let walked = run(&system, seed, &groups, &Limits { threads, ..Limits::default() });
            (walked.steps, walked.states, walked.depth, walked.executed, walked.paths, walked.first)
        };
        let expected = with(seed, 1);
        assert_eq!(expected, with(seed, 1));
        assert_eq!(expected, with(seed, 4));
        assert!(expected.1 < 50 || expected.3 != with(seed + 1, 1).3, "seed {seed}");
    }
}

/// Fifty actions alike and one of another kind, all of them always enabled.
struct Crowd;

impl System for Crowd {
    type Scratch = ();

    fn widths(&self) -> &[u32] {
        &[32]
    }

    fn actions(&self) -> usize {
        51
    }

    fn findings(&self) -> usize {
        1
    }

    fn scratch(&self) {}

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        sink(&[0]);
    }

    fn expand(&self, state: &[u64], (): &mut (), out: &mut Successors) {
        (0..51).for_each(|action| out.push(action, &[state[0] + 1 + u64::from(action)]));
    }

    fn judge(&self, state: &[u64], (): &mut (), found: &mut Vec<u32>) {
        if state[0] > 100 {
            found.push(0);
        }
    }
}

#[test]
fn rare_groups_are_followed_as_often_as_crowded_ones() {
    let groups: Vec<u32> = (0..51).map(|a| a / 50).collect();
    let walked = run(&Crowd, 1, &groups, &Limits::default());
    let (rare, all) = (walked.executed[50], walked.steps);
    assert!(rare * 3 > all, "{rare} of {all} events");
    assert!(walked.executed.iter().all(|n| *n > 0), "{:?}", walked.executed);
    let path = walked.paths[0].as_ref().expect("found in every run");
    assert!(path.steps.len() <= 8, "{} events", path.steps.len());
}

#[test]
fn limits_end_them() {
    let groups = each_alone(&Crowd);
    let stopped = |limits: Limits| run(&Crowd, 3, &groups, &limits).stopped;
    assert_eq!(stopped(Limits { max_states: Some(500), ..Limits::default() }), Some(Stop::States));
    assert_eq!(stopped(Limits { max_memory: Some(1 << 10), ..Limits::default() }), Some(Stop::Memory));
    let late = Limits { deadline: Some(std::time::Instant::now()), ..Limits::default() };
    assert_eq!(stopped(late), Some(Stop::Time));
    let enough = Some(Enough { any: vec![0], all: Vec::new() });
    let walked = run(&Crowd, 3, &groups, &Limits { enough, ..Limits::default() });
    assert_eq!((walked.stopped, walked.runs), (Some(Stop::Enough), 64), "the round is finished");
    let interrupted = AtomicBool::new(true);
    let walks = Walks { seed: 0, runs: 10, depth: 10, groups: &groups };
    let walked = walk(&Crowd, walks, &Limits::default(), &interrupted, &mut |_| {});
    assert_eq!((walked.stopped, walked.runs), (Some(Stop::Interrupted), 0));
}
