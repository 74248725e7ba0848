//! A walk on a torus: counts that are known, the same for every number of threads.

use arch_explorer::goals::{Goals, unable};
use arch_explorer::numbered::in_order;
use arch_explorer::paths::{Path, Target, paths};
use arch_explorer::{Exploration, Limits, Stop, Successors, System, explore};
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

/// The goals are the hole and where everything begins.
impl Goals for Torus {
    fn goal_count(&self) -> usize {
        2
    }

    fn in_goals(&self, state: &[u64], (): &mut (), out: &mut Vec<(bool, bool)>) {
        out.extend([(true, *state == [self.hole, self.hole]), (true, *state == [0, 0])]);
    }
}

fn run(torus: &Torus, limits: &Limits) -> Exploration<()> {
    explore(torus, limits, &AtomicBool::new(false), &mut |_| {})
}

fn with_threads(threads: usize) -> Limits {
    Limits { threads, ..Limits::default() }
}

fn path_to(torus: &Torus, explored: &Exploration<()>, target: Target<'_>) -> Option<Path> {
    let found = paths(torus, explored, &[target], &Limits::default(), &AtomicBool::new(false));
    found.expect("no limit").remove(0)
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let torus = Torus { size: 300, hole: 200 };
    let all = |e: &Exploration<()>| {
        let states = in_order(&torus, e).expect("no limit");
        let paths: Vec<_> = [IN_HOLE, OVER_EDGE].map(|f| path_to(&torus, e, Target::Finding(vec![f]))).into();
        (states, paths, e.found.clone(), e.transitions, e.depth, e.executed.clone())
    };
    let one = run(&torus, &with_threads(1));
    assert_eq!((one.states, one.transitions, one.depth), (90_000, 179_998, 598));
    assert_eq!(one.executed, [89_999, 89_999]);
    for threads in 2..5 {
        assert!(all(&run(&torus, &with_threads(threads))) == all(&one), "{threads} threads");
    }
}

#[test]
fn findings_are_shortest() {
    let torus = Torus { size: 10, hole: 3 };
    let explored = run(&torus, &with_threads(1));
    assert_eq!(explored.found, [Some(6), Some(10)]);
    let hole = path_to(&torus, &explored, Target::Finding(vec![IN_HOLE])).expect("the hole is found");
    assert_eq!((hole.steps.len(), hole.steps[5].1.as_deref()), (6, Some(&[3, 3][..])));
    // Nine events to the edge, and the first of those over it.
    let edge = path_to(&torus, &explored, Target::Finding(vec![OVER_EDGE])).expect("an edge is found");
    assert_eq!((edge.steps.len(), edge.steps[9].0), (10, 0));
}

#[test]
fn every_state_but_the_hole_can_go_on() {
    let torus = Torus { size: 10, hole: 3 };
    let explored = run(&torus, &with_threads(2));
    let marks = unable(&torus, &explored, &Limits::default(), &AtomicBool::new(false)).expect("no limit");
    assert!(marks[0].is_none(), "the hole is in reach of every state");
    let stuck = Target::State(vec![marks[1].as_ref().expect("nothing leads out of the hole")]);
    let path = path_to(&torus, &explored, stuck).expect("it is reached");
    assert_eq!(path.steps.last().and_then(|(_, to)| to.as_deref()), Some(&[3, 3][..]));
}

#[test]
fn limits_stop_and_are_named() {
    let torus = Torus { size: 300, hole: 2 };
    let explored = run(&torus, &Limits { max_states: Some(10), ..Limits::default() });
    assert_eq!((explored.stopped, explored.states), (Some(Stop::States), 10));
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
