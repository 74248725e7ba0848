//! Which states are one state: ordinals are ranks, the contents of slots are sorted.
//!
//! Instants are saturated by the updates themselves, and the counts of deadlines are settled by
//! [`crate::machine::Machine`], which knows what is enabled.

use crate::layout::{Group, Layout, Shape};
use crate::symbolic::dag::NULL;
use crate::values::compare;
use std::cmp::Ordering;

/// Memory for making states canonical.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    ranks: Vec<i64>,
    contents: Vec<i64>,
}

/// Makes the cells of a state canonical.
pub fn settle(layout: &Layout, slots: &[Sorted], cells: &mut [i64], memory: &mut Memory) {
    layout.ordinals.iter().for_each(|kind| rank(kind, cells, &mut memory.ranks));
    sort_slots(layout, slots, cells, memory);
}

/// Sorts the contents of slots.
pub fn sort_slots(layout: &Layout, slots: &[Sorted], cells: &mut [i64], memory: &mut Memory) {
    slots.iter().for_each(|group| sort(group, layout, cells, &mut memory.contents));
}

/// Renumbers ordinals: the least value and those in the cells become 0, 1, 2, …
fn rank(kind: &[u32], cells: &mut [i64], ranks: &mut Vec<i64>) {
    ranks.clear();
    ranks.push(0);
    ranks.extend(kind.iter().map(|c| cells[*c as usize]).filter(|v| *v != NULL));
    ranks.sort_unstable();
    ranks.dedup();
    if ranks.last() == Some(&(ranks.len() as i64 - 1)) {
        return;
    }
    for cell in kind {
        let value = &mut cells[*cell as usize];
        if *value != NULL {
            *value = ranks.partition_point(|r| r < value) as i64;
        }
    }
}

/// Slots with the cells of each.
#[derive(Clone, Debug)]
pub struct Sorted {
    group: Group,
    cells: Vec<Vec<u32>>,
}

impl Sorted {
    /// Its cells.
    pub fn cells(&self) -> impl Iterator<Item = u32> + '_ {
        self.cells.iter().flatten().copied()
    }

    /// Prepares a group.
    pub fn new(group: &Group) -> Sorted {
        let cells_of = |(present, shape): &(u32, Shape)| {
            let mut cells = vec![*present];
            shape.cells(&mut cells);
            cells
        };
        Sorted { group: group.clone(), cells: group.slots.iter().map(cells_of).collect() }
    }
}

/// Sorts slots: used ones first, by content; equal contents of a set count once. Insertion sort: there
/// are few slots, and they are almost sorted.
fn sort(sorted: &Sorted, layout: &Layout, cells: &mut [i64], contents: &mut Vec<i64>) {
    let slots = &sorted.group.slots;
    for i in 1..slots.len() {
        let mut at = i;
        while at > 0 && order(&slots[at - 1], &slots[at], cells) == Ordering::Greater {
            swap(&sorted.cells[at - 1], &sorted.cells[at], cells);
            at -= 1;
        }
    }
    if sorted.group.set {
        remove_twins(sorted, layout, cells, contents);
    }
}

fn order(a: &(u32, Shape), b: &(u32, Shape), cells: &[i64]) -> Ordering {
    let (p, q) = (cells[a.0 as usize], cells[b.0 as usize]);
    match (p, q) {
        (0, 0) => Ordering::Equal,
        (0, _) => Ordering::Greater,
        (_, 0) => Ordering::Less,
        _ => compare(&a.1, &b.1, cells),
    }
}

fn swap(a: &[u32], b: &[u32], cells: &mut [i64]) {
    a.iter().zip(b).for_each(|(x, y)| cells.swap(*x as usize, *y as usize));
}

/// Keeps one of equal neighbours, moving the others to the end as unused.
fn remove_twins(sorted: &Sorted, layout: &Layout, cells: &mut [i64], contents: &mut Vec<i64>) {
    let slots = &sorted.group.slots;
    let mut kept = 0;
    for i in 0..slots.len() {
        if cells[slots[i].0 as usize] == 0 {
            break;
        }
        if kept > 0 && compare(&slots[kept - 1].1, &slots[i].1, cells) == Ordering::Equal {
            clear(&sorted.cells[i], layout, cells);
            continue;
        }
        if kept != i {
            contents.clear();
            contents.extend(sorted.cells[i].iter().map(|c| cells[*c as usize]));
            clear(&sorted.cells[i], layout, cells);
            sorted.cells[kept].iter().zip(contents.iter()).for_each(|(c, v)| cells[*c as usize] = *v);
        }
        kept += 1;
    }
}

fn clear(slot: &[u32], layout: &Layout, cells: &mut [i64]) {
    slot.iter().for_each(|c| cells[*c as usize] = layout.cells[*c as usize].zero());
}
