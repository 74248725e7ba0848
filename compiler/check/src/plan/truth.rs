//! Conditions: those on fields of one word become one comparison under a mask.

use super::graph::Id;
use super::lower::{Coding, Lowering};
use crate::symbolic::dag::{N, NULL, Op};
use std::collections::BTreeMap;

/// So many fields of a word that must not have a certain value each are compared at once.
const MANY: usize = 3;

/// Conditions within larger computations are taken apart into at most so many.
const PARTS: usize = 64;

/// A conjunction, taken apart.
#[derive(Debug, Default)]
struct Parts {
    /// For each word bits that must have a value: mask and value.
    tests: BTreeMap<u32, (u64, u64)>,
    /// What else must be true, or false.
    rest: Vec<(N, bool)>,
    /// Whether it never holds.
    never: bool,
}

/// Fields of a word, by their bits there and a value, and the conditions that they have these values.
#[derive(Debug)]
struct Unequal {
    word: u32,
    fields: Vec<(u64, u64)>,
    conditions: Vec<N>,
}

impl Parts {
    fn test(&mut self, (word, mask, value): (u32, u64, u64)) {
        let (known, now) = self.tests.entry(word).or_default();
        self.never |= (*now ^ value) & *known & mask != 0;
        *known |= mask;
        *now |= value;
    }
}

impl Lowering<'_> {
    /// What must be asserted so that all of these hold: comparisons under masks first; nothing if they always do.
    pub(crate) fn conditions(&mut self, all: impl IntoIterator<Item = N>) -> Vec<Id> {
        let parts = self.parts(all.into_iter().map(|n| (n, true)).collect(), usize::MAX);
        let yes = self.graph.int(1);
        let mut list = self.lowered(&parts);
        list.retain(|id| *id != yes);
        list
    }

    /// A truth value that is made of others.
    pub(super) fn truth(&mut self, n: N) -> Id {
        match self.dag.op(n) {
            Op::Eq(a, b) => {
                let (a, b) = self.comparable(a, b);
                self.graph.eq(a, b)
            }
            Op::Lt(a, b) => {
                let (a, b) = self.comparable(a, b);
                self.graph.lt(a, b)
            }
            Op::Le(a, b) => {
                let (a, b) = self.comparable(a, b);
                self.graph.le(a, b)
            }
            Op::And(..) => {
                let parts = self.parts(vec![(n, true)], PARTS);
                self.conjunction(&parts)
            }
            // One of them holds unless all of them do not.
            Op::Or(..) => {
                let parts = self.parts(vec![(n, false)], PARTS);
                let none = self.conjunction(&parts);
                self.graph.not(none)
            }
            Op::Not(a) => match self.dag.op(a) {
                Op::Or(..) => {
                    let parts = self.parts(vec![(a, false)], PARTS);
                    self.conjunction(&parts)
                }
                _ => {
                    let a = self.flag(a);
                    self.graph.not(a)
                }
            },
            op => unreachable!("{op:?} is not a truth value that is made of others"),
        }
    }

    fn parts(&self, mut open: Vec<(N, bool)>, most: usize) -> Parts {
        open.reverse();
        let mut parts = Parts::default();
        let mut count = 0;
        while let Some((n, wanted)) = open.pop() {
            match (self.dag.op(n), wanted) {
                (Op::Const(value), _) => parts.never |= (value != 0) != wanted,
                (Op::And(a, b), true) | (Op::Or(a, b), false) if count + open.len() < most => {
                    open.extend([(b, wanted), (a, wanted)]);
                }
                (Op::Not(a), _) => open.push((a, !wanted)),
                _ => {
                    count += 1;
                    match self.test(n, wanted) {
                        Some(test) => parts.test(test),
                        None if parts.rest.contains(&(n, wanted)) => {}
                        None => parts.rest.push((n, wanted)),
                    }
                }
            }
        }
        parts
    }

    fn lowered(&mut self, parts: &Parts) -> Vec<Id> {
        if parts.never {
            return vec![self.graph.int(0)];
        }
        let mut list = Vec::new();
        for (word, (mask, value)) in &parts.tests {
            let word = self.word(*word);
            list.push(self.graph.masked(word, *mask, *value));
        }
        let (unequal, rest) = self.unequal(&parts.rest);
        for group in &unequal {
            let word = self.word(group.word);
            list.push(self.graph.none_equal(word, &group.fields));
        }
        for (n, wanted) in rest {
            let id = self.flag(n);
            list.push(if wanted { id } else { self.graph.not(id) });
        }
        list
    }

    /// Takes out of some conditions those that many fields of a word do not have a certain value each.
    fn unequal(&self, rest: &[(N, bool)]) -> (Vec<Unequal>, Vec<(N, bool)>) {
        let (mut groups, mut others) = (Vec::<Unequal>::new(), Vec::new());
        for (n, wanted) in rest {
            let Some((word, mask, value)) = self.test(*n, true).filter(|_| !wanted) else {
                others.push((*n, *wanted));
                continue;
            };
            let apart =
                |group: &&mut Unequal| group.word == word && group.fields.iter().all(|f| f.0 & mask == 0);
            match groups.iter_mut().find(apart) {
                Some(group) => {
                    group.fields.push((mask, value));
                    group.conditions.push(*n);
                }
                None => groups.push(Unequal { word, fields: vec![(mask, value)], conditions: vec![*n] }),
            }
        }
        let (many, few): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.fields.len() >= MANY);
        others.extend(few.iter().flat_map(|group| &group.conditions).map(|n| (*n, false)));
        (many, others)
    }

    /// A truth value as 0 or 1.
    fn flag(&mut self, n: N) -> Id {
        let id = self.plain(n);
        if self.graph.bits(id) <= 1 {
            return id;
        }
        let zero = self.graph.int(0);
        let is_zero = self.graph.eq(id, zero);
        self.graph.not(is_zero)
    }

    fn conjunction(&mut self, parts: &Parts) -> Id {
        let list = self.lowered(parts);
        let yes = self.graph.int(1);
        list.into_iter().fold(yes, |a, b| if a == yes { b } else { self.graph.and(a, b) })
    }

    /// A condition on a field that is one value of the field: word, mask, value.
    fn test(&self, n: N, wanted: bool) -> Option<(u32, u64, u64)> {
        match self.dag.op(n) {
            Op::Cell(cell) => {
                let cell = &self.layout.cells[cell as usize];
                let is_flag = !cell.nullable && (cell.lo, cell.hi) == (0, 1);
                is_flag.then(|| self.is(n, i64::from(wanted))).flatten()
            }
            Op::Eq(a, b) => {
                let (cell, value) = match (self.dag.constant(a), self.dag.constant(b)) {
                    (Some(value), None) => (b, value),
                    (None, Some(value)) => (a, value),
                    _ => return None,
                };
                if wanted { self.is(cell, value) } else { self.is_not(cell, value) }
            }
            Op::Lt(a, b) => self.ordered(a, b, 1, wanted),
            Op::Le(a, b) => self.ordered(a, b, 0, wanted),
            _ => None,
        }
    }

    fn is(&self, n: N, value: i64) -> Option<(u32, u64, u64)> {
        let Op::Cell(cell) = self.dag.op(n) else { return None };
        let cell = &self.layout.cells[cell as usize];
        let known = if value == NULL { cell.nullable } else { (cell.lo..=cell.hi).contains(&value) };
        (known && cell.mask != 0)
            .then(|| (cell.word, cell.mask << cell.shift, Coding::of(cell).code(value) << cell.shift))
    }

    /// A field of two values that is not the one.
    fn is_not(&self, n: N, value: i64) -> Option<(u32, u64, u64)> {
        let (word, mask, value) = self.is(n, value)?;
        (mask.count_ones() == 1).then_some((word, mask, value ^ mask))
    }

    /// Of `a + less <= b`, or its contrary, one side a constant: whether it leaves a field one value.
    fn ordered(&self, a: N, b: N, less: i64, wanted: bool) -> Option<(u32, u64, u64)> {
        let (cell, lo, hi) = match (self.dag.constant(a), self.dag.constant(b)) {
            // The field is at least, or else less than, this.
            (Some(least), None) => {
                let least = least.checked_add(less)?;
                if wanted { (b, least, i64::MAX) } else { (b, i64::MIN, least.checked_sub(1)?) }
            }
            (None, Some(most)) => {
                let most = most.checked_sub(less)?;
                if wanted { (a, i64::MIN, most) } else { (a, most.checked_add(1)?, i64::MAX) }
            }
            _ => return None,
        };
        let Op::Cell(id) = self.dag.op(cell) else { return None };
        let field = &self.layout.cells[id as usize];
        let (lo, hi) = (lo.max(field.lo), hi.min(field.hi));
        (!field.nullable && lo == hi).then(|| self.is(cell, lo)).flatten()
    }
}
