//! What lies beyond the length of a sequence.
//!
//! Whoever writes a sequence sets what lies beyond its length to the least value ([`super::world`]). In every state before
//! an event it is that value already, so most events need not: one that appends an item writes there, one that takes
//! the first moves what lies beyond along. This pass finds the updates for which that is so by going through all
//! lengths that there can be: with the length put in for its cell, and the least value for what lies beyond,
//! what is written has to be the same computation with and without setting it.

use super::action::{Action, Compiled};
use super::after::Substitution;
use super::dag::{Dag, N, Op};
use crate::layout::{Layout, Shape};

/// Sequences that can be longer are left as they are: every length is tried.
const LONGEST: i64 = 16;

/// A sequence: the cell of its length, and the cells of each item.
struct Sequence {
    length: u32,
    items: Vec<Vec<u32>>,
}

/// The state before an event, as far as one length of a sequence says what it is.
struct Case {
    sequence: usize,
    known: Substitution,
}

/// Leaves out of the updates of actions what only sets again what lies beyond sequences.
pub fn leave_beyond(layout: &Layout, compiled: &mut Compiled) {
    let sequences = sequences(layout);
    let mut cases = cases(layout, &sequences, &mut compiled.dag);
    for action in &mut compiled.actions {
        for (s, sequence) in sequences.iter().enumerate() {
            let touched = |cell: &u32| sequence.items.iter().any(|item| item.contains(cell));
            if !action.updates.iter().any(|(cell, _)| touched(cell)) {
                continue;
            }
            let mut possible: Vec<&mut Case> = cases.iter_mut().filter(|case| case.sequence == s).collect();
            possible.retain_mut(|case| case.is_possible(action, &mut compiled.dag));
            for (cell, node) in action.updates.iter_mut().filter(|(cell, _)| touched(cell)) {
                let zero = compiled.dag.int(layout.cells[*cell as usize].zero());
                let simpler = without_zero(&compiled.dag, *node, zero);
                let found = simpler.into_iter().flatten().find(|other| {
                    possible.iter_mut().all(|case| {
                        case.known.of(&mut compiled.dag, *node) == case.known.of(&mut compiled.dag, *other)
                    })
                });
                *node = found.unwrap_or(*node);
            }
        }
        let unchanged = |(cell, node): &(u32, N)| compiled.dag.op(*node) == Op::Cell(*cell);
        action.updates.retain(|update| !unchanged(update));
    }
}

impl Case {
    /// Whether an action may lead from such a state to another.
    fn is_possible(&mut self, action: &Action, dag: &mut Dag) -> bool {
        let needed = action.base.iter().chain(&action.rest).chain([&action.guard, &action.live]);
        let mut always = |n: N| {
            let node = self.known.of(dag, n);
            dag.constant(node)
        };
        let never = needed.copied().any(|n| always(n) == Some(0));
        !never && !action.bounds.iter().any(|bound| always(bound.exceeded) == Some(1))
    }
}

/// What a computation may be instead, if it need not be the least value where it is.
fn without_zero(dag: &Dag, node: N, zero: N) -> [Option<N>; 2] {
    match dag.op(node) {
        Op::Select(_, inner, e) if e == zero => [Some(inner), None],
        Op::Select(_, t, inner) if t == zero => [Some(inner), None],
        Op::And(a, b) if dag.constant(zero) == Some(0) => [Some(a), Some(b)],
        _ => [None, None],
    }
}

/// A case for each length of each sequence.
fn cases(layout: &Layout, sequences: &[Sequence], dag: &mut Dag) -> Vec<Case> {
    let mut cases = Vec::new();
    for (s, Sequence { length, items }) in sequences.iter().enumerate() {
        let range = &layout.cells[*length as usize];
        for value in range.lo..=range.hi {
            let beyond = items.iter().skip(usize::try_from(value).unwrap_or(0)).flatten();
            let mut known = vec![(*length, dag.int(value))];
            known.extend(beyond.map(|cell| (*cell, dag.int(layout.cells[*cell as usize].zero()))));
            cases.push(Case { sequence: s, known: Substitution::new(&known) });
        }
    }
    cases
}

/// All sequences that are short enough.
fn sequences(layout: &Layout) -> Vec<Sequence> {
    let mut all = Vec::new();
    let vars = layout.vars.iter().flatten();
    let runs = layout.runs.iter().flatten().flat_map(|run| &run.vars);
    let pending = layout.pending.iter().flatten().map(|(_, shape)| shape);
    vars.chain(runs).chain(pending).for_each(|shape| find(shape, &mut all));
    all.retain(|s| {
        let range = &layout.cells[s.length as usize];
        !range.nullable && range.hi - range.lo <= LONGEST
    });
    all
}

fn find(shape: &Shape, all: &mut Vec<Sequence>) {
    match shape {
        Shape::Fixed(..) | Shape::Cell(..) | Shape::Bits(..) => {}
        Shape::Opt(_, inner) => find(inner, all),
        Shape::Slots(slots) => slots.iter().for_each(|(_, inner)| find(inner, all)),
        Shape::Map(_, list) | Shape::Record(list) => list.iter().for_each(|inner| find(inner, all)),
        Shape::Union(_, variants) => variants.iter().flatten().for_each(|inner| find(inner, all)),
        Shape::Seq(length, items) => {
            if let Shape::Cell(_, length) = **length {
                let cells = |item: &Shape| {
                    let mut cells = Vec::new();
                    item.cells(&mut cells);
                    cells
                };
                all.push(Sequence { length, items: items.iter().map(cells).collect() });
            }
            items.iter().for_each(|inner| find(inner, all));
        }
    }
}
