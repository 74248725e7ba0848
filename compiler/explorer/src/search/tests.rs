//! In which order states are found while a trail is kept: in the same one for every number of threads.

use super::*;
use crate::hash::hash;
use crate::successors::Successors;

/// Random events between so many states, given by their first words; the others are made of these.
struct Graph {
    states: u64,
    actions: u32,
    words: usize,
}

/// Expected, and never found.
const NEVER: u32 = 0;
/// Found on some states.
const SOME: u32 = 1;

impl Graph {
    fn state(&self, number: u64) -> Vec<u64> {
        (0..self.words as u64)
            .map(|word| if word == 0 { number } else { hash(&[number / 7, word]) >> 24 })
            .collect()
    }
}

impl System for Graph {
    type Scratch = u64;

    fn widths(&self) -> &[u32] {
        &[40; 3][..self.words]
    }

    fn actions(&self) -> usize {
        self.actions as usize
    }

    fn findings(&self) -> usize {
        2
    }

    fn expects(&self, _: &[u64]) -> Vec<u32> {
        vec![NEVER, SOME]
    }

    fn scratch(&self) -> u64 {
        0
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        let _ = [5, 3, 5, 8].into_iter().all(|number| sink(&self.state(number)));
    }

    fn expand(&self, state: &[u64], expanded: &mut u64, out: &mut Successors) {
        *expanded += 1;
        for action in 0..self.actions {
            let to = hash(&[state[0], u64::from(action)]) % self.states;
            out.push(action, &self.state(to));
        }
    }

    fn judge(&self, state: &[u64], _: &mut u64, found: &mut Vec<u32>) {
        if hash(&[state[0], 9]).is_multiple_of(50) {
            found.push(SOME);
        }
    }
}

fn run(graph: &Graph, limits: &Limits) -> Exploration<u64> {
    explore(graph, limits, &AtomicBool::new(false), &mut |_| {})
}

/// Most states of a level are led to by many events, of batches that are under way at the same time; those of `(100, ..)`
/// have more events than a batch inserts together, and tables grow between.
#[test]
fn states_are_found_in_the_same_order_by_any_number_of_threads() {
    for (actions, states) in [(5, 60_000), (100, 12_000)] {
        for (words, fingerprint) in [(1, None), (3, None), (3, Some(64))] {
            let graph = Graph { states, actions, words };
            let limits = Limits { fingerprint, ..Limits::default() };
            let one = run(&graph, &limits);
            let origins = one.trail.origins();
            assert!(one.statistics.growths > 2 && one.stopped.is_none());
            assert_eq!((origins.len() as u64, one.initial), (one.states - 3, 3), "all is on the trail");
            for threads in [2, 3, 4, 9] {
                let other = run(&graph, &Limits { threads, ..limits.clone() });
                let name = format!("{actions} actions, {words} words, {fingerprint:?}, {threads} threads");
                assert_eq!(other.states, one.states, "{name}");
                assert_eq!(other.scratches.iter().sum::<u64>(), one.states, "{name}: expanded once each");
                assert!(other.trail.origins() == origins, "{name}");
                assert_eq!(other.trail.way(&[SOME], 1), one.trail.way(&[SOME], 1), "{name}");
            }
        }
    }
}

/// Close to the limit of states workers have to finish what they have taken one after the other.
#[test]
fn what_was_found_before_a_limit_is_in_the_same_order() {
    for (actions, states) in [(5, 60_000), (100, 12_000)] {
        let graph = Graph { states, actions, words: 1 };
        for most in [4, 1_000, 9_000, 11_003] {
            let limits = Limits { max_states: Some(most), ..Limits::default() };
            let one = run(&graph, &limits);
            for threads in [2, 3, 8] {
                let other = run(&graph, &Limits { threads, ..limits.clone() });
                assert_eq!((other.stopped, other.states), (Some(Stop::States), most), "{threads} threads");
                assert!(other.trail.origins() == one.trail.origins(), "{threads} threads, {most} states");
            }
        }
    }
}

/// One that panics once it has a turn to wait for it.
struct Panics(Graph);

impl System for Panics {
    type Scratch = u64;

    fn widths(&self) -> &[u32] {
        self.0.widths()
    }

    fn actions(&self) -> usize {
        self.0.actions()
    }

    fn findings(&self) -> usize {
        self.0.findings()
    }

    fn expects(&self, first: &[u64]) -> Vec<u32> {
        self.0.expects(first)
    }

    fn scratch(&self) -> u64 {
        0
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        self.0.initial(sink);
    }

    fn expand(&self, state: &[u64], expanded: &mut u64, out: &mut Successors) {
        assert!(*expanded < 20_000, "as is wanted");
        self.0.expand(state, expanded, out);
    }

    fn judge(&self, state: &[u64], expanded: &mut u64, found: &mut Vec<u32>) {
        self.0.judge(state, expanded, found);
    }
}

#[test]
#[should_panic = "as is wanted"]
fn nobody_waits_for_who_has_panicked() {
    let system = Panics(Graph { states: 150_000, actions: 5, words: 1 });
    explore(&system, &Limits { threads: 3, ..Limits::default() }, &AtomicBool::new(false), &mut |_| {});
}

/// A tree of so many states, which differ in their first word.
struct Numbers(u64);

impl System for Numbers {
    type Scratch = u64;

    fn widths(&self) -> &[u32] {
        &[64; 3]
    }

    fn actions(&self) -> usize {
        2
    }

    fn findings(&self) -> usize {
        0
    }

    fn scratch(&self) -> u64 {
        0
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        let _ = sink(&[0; 3]);
    }

    fn expand(&self, state: &[u64], expanded: &mut u64, out: &mut Successors) {
        *expanded += 1;
        for action in 0..2 {
            let next = 2 * state[0] + 1 + u64::from(action);
            if next < self.0 {
                out.push(action, &[next, 0, 0]);
            }
        }
    }

    fn judge(&self, _: &[u64], _: &mut u64, _: &mut Vec<u32>) {}
}

/// More different words than parts of keys can have: what was counted before the search began anew does not count.
#[test]
fn a_search_begins_anew_with_larger_parts_of_keys() {
    for states in [1 << 20, (1 << 21) + 1000] {
        for threads in [1, 3] {
            let limits = Limits { threads, ..Limits::default() };
            let found = explore(&Numbers(states), &limits, &AtomicBool::new(false), &mut |_| {});
            assert_eq!((found.states, found.stopped), (states, None), "{threads} threads");
            assert_eq!((found.transitions, found.scratches.iter().sum::<u64>()), (states - 1, states));
            assert_eq!(found.depth, (states + 1).ilog2(), "{threads} threads");
        }
    }
}
