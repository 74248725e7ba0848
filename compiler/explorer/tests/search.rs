//! A walk on a torus: counts that are known, the same for every number of threads.

use arch_explorer::graph::{Backward, Exploration, explore};
use arch_explorer::{Limits, Stop, Successors, System};
use std::sync::atomic::AtomicBool;

/// From (0, 0), one step to the right or up, modulo `size`; (x, y) with x = y = `hole` has no way out.
struct Torus {
    size: u64,
    hole: u64,
}

/// Found on the state in the hole.
const IN_HOLE: u32 = 0;
/// Found on steps over the edge.
const OVER_EDGE: u32 = 1;

impl System for Torus {
    type Scratch = ();

    fn widths(&self) -> &[u32] {
        &[64, 64]
    }

    fn actions(&self) -> usize {
        2
    }

    fn findings(&self) -> usize {
        2
    }

    fn scratch(&self) {}

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        let _ = sink(&[0, 0]) && sink(&[0, 0]);
    }

    fn expand(&self, state: &[u64], (): &mut (), out: &mut Successors) {
        for action in 0..2 {
            let mut next = [state[0], state[1]];
            next[action] = (next[action] + 1) % self.size;
            if *state != [self.hole, self.hole] {
                out.push(action as u32, &next);
                if next[action] == 0 {
                    out.find(OVER_EDGE, Some(action as u32));
                }
            }
        }
    }

    fn judge(&self, state: &[u64], (): &mut (), found: &mut Vec<u32>) {
        if *state == [self.hole, self.hole] {
            found.push(IN_HOLE);
        }
    }
}

fn run(torus: &Torus, limits: &Limits) -> Exploration<()> {
    explore(torus, limits, &AtomicBool::new(false), &mut |_| {})
}

fn with_threads(threads: usize) -> Limits {
    Limits { threads, edges: true, ..Limits::default() }
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let torus = Torus { size: 300, hole: 200 };
    let all = |e: &Exploration<()>| {
        let states: Vec<Vec<u64>> = (0..e.store.len() as u32).map(|i| e.store.state(i).to_vec()).collect();
        let paths: Vec<_> = e.found.iter().flatten().map(|f| (*f, e.store.path(f.state))).collect();
        (states, paths, e.transitions, e.depth, e.executed.clone())
    };
    let one = run(&torus, &with_threads(1));
    assert_eq!((one.store.len(), one.transitions, one.depth), (90_000, 179_998, 598));
    assert_eq!(one.executed, [89_999, 89_999]);
    for threads in 2..5 {
        assert_eq!(all(&run(&torus, &with_threads(threads))), all(&one), "{threads} threads");
    }
}

#[test]
fn findings_are_shortest() {
    let explored = run(&Torus { size: 10, hole: 3 }, &with_threads(1));
    let hole = explored.found[IN_HOLE as usize].expect("the hole is found");
    assert_eq!((explored.store.path(hole.state).1.len(), hole.action), (6, None));
    let edge = explored.found[OVER_EDGE as usize].expect("an edge is found");
    assert_eq!((explored.store.path(edge.state).1.len(), edge.action), (9, Some(0)));
}

#[test]
fn every_state_but_the_hole_can_go_on() {
    let explored = run(&Torus { size: 10, hole: 3 }, &with_threads(2));
    let backward = Backward::new(explored.edges.as_ref().expect("edges were asked for"));
    let states = explored.store.len();
    let hole = explored.store.index_of(&[3, 3]).expect("it is reached");
    let at = |index: u32| (0..states as u32).map(|s| s == index).collect();
    assert_eq!(backward.first_unable(at(hole), |_| true), None);
    assert_eq!(backward.first_unable(at(0), |_| true), Some(hole));
}

#[test]
fn limits_stop_and_are_named() {
    let torus = Torus { size: 300, hole: 2 };
    let explored = run(&torus, &Limits { max_states: Some(10), ..Limits::default() });
    assert_eq!((explored.stopped, explored.store.len()), (Some(Stop::States), 10));
    assert!(explored.found[IN_HOLE as usize].is_none());
    let explored = run(&torus, &Limits { max_states: Some(13), ..Limits::default() });
    // The state in the hole is the 13th, and is judged although it is not expanded.
    assert!(explored.found[IN_HOLE as usize].is_some());
    let explored = run(&torus, &Limits { max_memory: Some(1), ..Limits::default() });
    assert_eq!(explored.stopped, Some(Stop::Memory));
    let late = Limits { deadline: Some(std::time::Instant::now()), ..Limits::default() };
    assert_eq!(run(&torus, &late).stopped, Some(Stop::Time));
    let explored = explore(&torus, &Limits::default(), &AtomicBool::new(true), &mut |_| {});
    assert_eq!(explored.stopped, Some(Stop::Interrupted));
}
