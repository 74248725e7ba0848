//! Telling instances apart by what is true of them: colour refinement.
//!
//! An instance's colour depends on the cells that belong to it and on those that refer to it, and on the
//! colours of the instances that these have to do with, but not on its number. So a renaming of a state
//! renames its colours, and canonical forms may order instances by them. (McKay, "Practical graph isomorphism",
//! 1981; colours here are hashes: should two collide, instances are told apart later, by trying both orders.)

use super::families::{Family, Holds};
use crate::symbolic::dag::NULL;

/// A colour per instance, per symmetric sort.
pub(super) type Colours = Vec<Vec<u64>>;

/// A mixture of two numbers (multiply-fold, as in wyhash).
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b ^ 0xD1B5_4A32_D192_ED03);
    (product as u64 ^ (product >> 64) as u64).wrapping_add(a.rotate_left(23))
}

/// Whether the colours of instances elsewhere matter for a family's part in colours.
pub(super) fn is_relational(family: &Family) -> bool {
    family.axes.len() > 1 || family.holds != Holds::Plain
}

/// The colours of instances that their own plain cells give them.
pub(super) fn plain(families: &[Family], cells: &[i64], colours: &mut Colours) {
    for family in families.iter().filter(|f| !is_relational(f)) {
        let of = &mut colours[family.axes[0]];
        for (colour, cell) in of.iter_mut().zip(&family.cells) {
            // Commutative, since sorted slots of one kind come in any order.
            *colour = colour.wrapping_add(mix(family.kind, cells[*cell as usize] as u64));
        }
    }
    finish(colours);
}

/// One round: what relations between instances add to their colours.
pub(super) fn refine(families: &[Family], cells: &[i64], colours: &mut Colours, next: &mut Colours) {
    next.clone_from(colours);
    let mut at = Vec::new();
    for family in families.iter().filter(|f| is_relational(f)) {
        at.clear();
        at.resize(family.axes.len(), 0u32);
        for (i, cell) in family.cells.iter().enumerate() {
            let value = if family.is_present(i, cells) { cells[*cell as usize] } else { NULL };
            relate(family, &at, value, colours, next);
            advance(&mut at, &family.sizes);
        }
    }
    finish(next);
    std::mem::swap(colours, next);
}

/// What one cell, at these instances, adds to the colours of those that it has to do with.
fn relate(family: &Family, at: &[u32], value: i64, colours: &Colours, next: &mut Colours) {
    let mut seen = family.kind;
    for (axis, instance) in family.axes.iter().zip(at) {
        seen = mix(seen, colours[*axis][*instance as usize]);
    }
    for (i, (axis, instance)) in family.axes.iter().zip(at).enumerate() {
        let twin = (0..i).position(|j| family.axes[j] == *axis && at[j] == *instance);
        seen = mix(seen, twin.map_or(0, |j| j as u64 + 1));
    }
    let referred = match &family.holds {
        Holds::Instance(sort) if value != NULL => Some((*sort, value as usize)),
        _ => None,
    };
    seen = match (&family.holds, referred) {
        (Holds::Plain, _) => mix(seen, value as u64),
        (Holds::Instance(_), None) => mix(seen, u64::MAX),
        (Holds::Instance(sort), Some((_, to))) => {
            let own = family.axes.iter().zip(at).position(|(a, i)| a == sort && *i as usize == to);
            mix(mix(seen, colours[*sort][to]), own.map_or(0, |j| j as u64 + 1))
        }
        // Coarse, but the same under every renaming: which copy of the subject's runs.
        (Holds::Run(_, copies), _) => mix(seen, (value % i64::from(*copies)) as u64),
    };
    for (i, (axis, instance)) in family.axes.iter().zip(at).enumerate() {
        let colour = &mut next[*axis][*instance as usize];
        *colour = colour.wrapping_add(mix(seen, i as u64));
    }
    if let Some((sort, to)) = referred {
        let colour = &mut next[sort][to];
        *colour = colour.wrapping_add(mix(seen, u64::MAX - 1));
    }
}

/// The next position of an array of these sizes.
pub(super) fn advance(at: &mut [u32], sizes: &[u32]) {
    for (i, size) in at.iter_mut().zip(sizes).rev() {
        *i += 1;
        if i != size {
            return;
        }
        *i = 0;
    }
}

fn finish(colours: &mut Colours) {
    colours.iter_mut().flatten().for_each(|c| *c = mix(*c, 0x1337));
}

/// How many colours there are.
pub(super) fn count(colours: &Colours) -> usize {
    let distinct = |of: &Vec<u64>| (0..of.len()).filter(|i| !of[..*i].contains(&of[*i])).count();
    colours.iter().map(distinct).sum()
}
