//! Straight-line computations over 64-bit integers as a graph in which equal computations are one node.
//!
//! Booleans are 0 and 1; the absent optional is [`NULL`], which is less than every other value. Every
//! node knows an interval that holds its value; comparisons that the intervals decide are constants.

use hashbrown::HashTable;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// The absent optional.
pub const NULL: i64 = i64::MIN;

/// A node of a [`Dag`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct N(pub u32);

/// What a node computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// A constant.
    Const(i64),
    /// A cell of the state.
    Cell(u32),
    /// Saturating addition.
    Add(N, N),
    /// Saturating subtraction.
    Sub(N, N),
    /// Saturating multiplication.
    Mul(N, N),
    /// Remainder by a positive number, never negative; 0 when the divisor is not positive.
    Mod(N, N),
    /// The lesser.
    Min(N, N),
    /// The greater.
    Max(N, N),
    /// Equality.
    Eq(N, N),
    /// Less than.
    Lt(N, N),
    /// At most.
    Le(N, N),
    /// Conjunction.
    And(N, N),
    /// Disjunction.
    Or(N, N),
    /// Negation.
    Not(N),
    /// The second if the first is true, else the third.
    Select(N, N, N),
}

/// A value interval, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interval {
    lo: i64,
    hi: i64,
}

/// The graph.
#[derive(Debug, Default)]
pub struct Dag {
    ops: Vec<Op>,
    intervals: Vec<Interval>,
    table: HashTable<u32>,
}

fn hash(op: &Op) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(op)
}

const BOOL: Interval = Interval { lo: 0, hi: 1 };

impl Dag {
    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// What a node computes.
    pub fn op(&self, n: N) -> Op {
        self.ops[n.0 as usize]
    }

    /// The value of a node that is a constant.
    pub fn constant(&self, n: N) -> Option<i64> {
        match self.op(n) {
            Op::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The least value that a node can have.
    pub fn lo(&self, n: N) -> i64 {
        self.interval(n).lo
    }

    /// The greatest value that a node can have.
    pub fn hi(&self, n: N) -> i64 {
        self.interval(n).hi
    }

    fn interval(&self, n: N) -> Interval {
        self.intervals[n.0 as usize]
    }

    fn node(&mut self, op: Op, interval: Interval) -> N {
        if interval.lo == interval.hi && !matches!(op, Op::Const(_)) {
            return self.int(interval.lo);
        }
        let ops = &mut self.ops;
        let entry = self.table.entry(hash(&op), |&i| ops[i as usize] == op, |&i| hash(&ops[i as usize]));
        let index = *entry
            .or_insert_with(|| {
                ops.push(op);
                self.intervals.push(interval);
                ops.len() as u32 - 1
            })
            .get();
        N(index)
    }

    /// A constant.
    pub fn int(&mut self, value: i64) -> N {
        self.node(Op::Const(value), Interval { lo: value, hi: value })
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) -> N {
        self.int(i64::from(value))
    }

    /// The absent optional.
    pub fn null(&mut self) -> N {
        self.int(NULL)
    }

    /// A cell with values in `lo..=hi`.
    pub fn cell(&mut self, cell: u32, lo: i64, hi: i64) -> N {
        self.node(Op::Cell(cell), Interval { lo, hi })
    }

    fn is(&self, n: N, value: i64) -> bool {
        self.constant(n) == Some(value)
    }

    fn is_bool(&self, n: N) -> bool {
        let i = self.interval(n);
        i.lo >= 0 && i.hi <= 1
    }

    fn negates(&self, a: N, b: N) -> bool {
        self.op(a) == Op::Not(b) || self.op(b) == Op::Not(a)
    }

    /// Saturating addition.
    pub fn add(&mut self, a: N, b: N) -> N {
        let (a, b) = (a.min(b), a.max(b));
        let (x, y) = (self.interval(a), self.interval(b));
        match (self.is(a, 0), self.is(b, 0)) {
            (true, _) => b,
            (_, true) => a,
            _ => self.node(
                Op::Add(a, b),
                Interval { lo: x.lo.saturating_add(y.lo), hi: x.hi.saturating_add(y.hi) },
            ),
        }
    }

    /// Saturating subtraction.
    pub fn sub(&mut self, a: N, b: N) -> N {
        let (x, y) = (self.interval(a), self.interval(b));
        if self.is(b, 0) {
            return a;
        }
        self.node(Op::Sub(a, b), Interval { lo: x.lo.saturating_sub(y.hi), hi: x.hi.saturating_sub(y.lo) })
    }

    /// Saturating multiplication.
    pub fn mul(&mut self, a: N, b: N) -> N {
        let (a, b) = (a.min(b), a.max(b));
        let (x, y) = (self.interval(a), self.interval(b));
        let ends = [(x.lo, y.lo), (x.lo, y.hi), (x.hi, y.lo), (x.hi, y.hi)].map(|(p, q)| p.saturating_mul(q));
        let lo = ends.into_iter().fold(i64::MAX, i64::min);
        let hi = ends.into_iter().fold(i64::MIN, i64::max);
        match (self.is(a, 1), self.is(b, 1)) {
            (true, _) => b,
            (_, true) => a,
            _ => self.node(Op::Mul(a, b), Interval { lo, hi }),
        }
    }

    /// The remainder by a positive number; 0 when it is not positive.
    pub fn modulo(&mut self, a: N, b: N) -> N {
        if let (Some(x), Some(y)) = (self.constant(a), self.constant(b)) {
            return self.int(modulo(x, y));
        }
        let hi = self.hi(b).saturating_sub(1).max(0);
        if self.lo(a) >= 0 && self.hi(a) < self.lo(b) {
            return a;
        }
        self.node(Op::Mod(a, b), Interval { lo: 0, hi })
    }

    /// The lesser.
    pub fn min(&mut self, a: N, b: N) -> N {
        let (x, y) = (self.interval(a), self.interval(b));
        if x.hi <= y.lo || a == b {
            return a;
        }
        if y.hi <= x.lo {
            return b;
        }
        self.node(Op::Min(a.min(b), a.max(b)), Interval { lo: x.lo.min(y.lo), hi: x.hi.min(y.hi) })
    }

    /// The greater.
    pub fn max(&mut self, a: N, b: N) -> N {
        let (x, y) = (self.interval(a), self.interval(b));
        if x.lo >= y.hi || a == b {
            return a;
        }
        if y.lo >= x.hi {
            return b;
        }
        self.node(Op::Max(a.min(b), a.max(b)), Interval { lo: x.lo.max(y.lo), hi: x.hi.max(y.hi) })
    }

    /// Equality.
    pub fn eq(&mut self, a: N, b: N) -> N {
        let (a, b) = (a.min(b), a.max(b));
        if a == b {
            return self.bool(true);
        }
        let (x, y) = (self.interval(a), self.interval(b));
        if x.hi < y.lo || y.hi < x.lo || self.constant(a).is_some() && self.constant(b).is_some() {
            return self.bool(false);
        }
        match (self.constant(a), self.constant(b)) {
            (Some(value), None) => self.eq_constant(b, value, a),
            (None, Some(value)) => self.eq_constant(a, value, b),
            _ => self.node(Op::Eq(a, b), BOOL),
        }
    }

    fn eq_constant(&mut self, n: N, value: i64, constant: N) -> N {
        if self.is_bool(n) {
            return if value == 1 { n } else { self.not(n) };
        }
        if let Op::Select(c, t, e) = self.op(n)
            && (self.constant(t).is_some() || self.constant(e).is_some())
        {
            let (t, e) = (self.eq(t, constant), self.eq(e, constant));
            return self.select(c, t, e);
        }
        let (a, b) = (n.min(constant), n.max(constant));
        self.node(Op::Eq(a, b), BOOL)
    }

    /// Less than.
    pub fn lt(&mut self, a: N, b: N) -> N {
        let (x, y) = (self.interval(a), self.interval(b));
        if a == b || x.lo >= y.hi {
            return self.bool(false);
        }
        if x.hi < y.lo {
            return self.bool(true);
        }
        self.compared_choice(a, b, Dag::lt).unwrap_or_else(|| self.node(Op::Lt(a, b), BOOL))
    }

    /// At most.
    pub fn le(&mut self, a: N, b: N) -> N {
        let (x, y) = (self.interval(a), self.interval(b));
        if a == b || x.hi <= y.lo {
            return self.bool(true);
        }
        if x.lo > y.hi {
            return self.bool(false);
        }
        self.compared_choice(a, b, Dag::le).unwrap_or_else(|| self.node(Op::Le(a, b), BOOL))
    }

    /// A comparison of a choice of constants with a constant, as a choice of what is known.
    fn compared_choice(&mut self, a: N, b: N, compare: fn(&mut Dag, N, N) -> N) -> Option<N> {
        let (c, t, e) = match (self.constants(a), self.constants(b)) {
            (Some((c, t, e)), _) if self.constant(b).is_some() => {
                (c, compare(self, t, b), compare(self, e, b))
            }
            (_, Some((c, t, e))) if self.constant(a).is_some() => {
                (c, compare(self, a, t), compare(self, a, e))
            }
            _ => return None,
        };
        Some(self.select(c, t, e))
    }

    /// A choice of one of two constants.
    fn constants(&self, n: N) -> Option<(N, N, N)> {
        let Op::Select(c, t, e) = self.op(n) else { return None };
        self.constant(t).and(self.constant(e)).map(|_| (c, t, e))
    }

    /// Conjunction.
    pub fn and(&mut self, a: N, b: N) -> N {
        let (a, b) = (a.min(b), a.max(b));
        if self.is(a, 0) || self.is(b, 0) || self.negates(a, b) {
            return self.bool(false);
        }
        match (self.is(a, 1), self.is(b, 1)) {
            (true, _) => b,
            (_, true) => a,
            _ if a == b => a,
            _ => self.node(Op::And(a, b), BOOL),
        }
    }

    /// Disjunction.
    pub fn or(&mut self, a: N, b: N) -> N {
        let (a, b) = (a.min(b), a.max(b));
        if self.is(a, 1) || self.is(b, 1) || self.negates(a, b) {
            return self.bool(true);
        }
        match (self.is(a, 0), self.is(b, 0)) {
            (true, _) => b,
            (_, true) => a,
            _ if a == b => a,
            _ => self.node(Op::Or(a, b), BOOL),
        }
    }

    /// Negation.
    pub fn not(&mut self, a: N) -> N {
        match self.op(a) {
            Op::Const(value) => self.bool(value == 0),
            Op::Not(inner) => inner,
            Op::Lt(x, y) => self.le(y, x),
            Op::Le(x, y) => self.lt(y, x),
            _ => self.node(Op::Not(a), BOOL),
        }
    }

    /// `a` or not `b`: what holds when `b` implies `a`.
    pub fn implies(&mut self, b: N, a: N) -> N {
        let not = self.not(b);
        self.or(not, a)
    }

    /// `t` if `c`, else `e`.
    pub fn select(&mut self, c: N, t: N, e: N) -> N {
        if let Some(value) = self.constant(c) {
            return if value != 0 { t } else { e };
        }
        if t == e {
            return t;
        }
        if let Op::Not(inner) = self.op(c) {
            return self.select(inner, e, t);
        }
        // What was chosen by the same is chosen.
        match (self.op(t), self.op(e)) {
            (Op::Select(d, t, _), _) if d == c => return self.select(c, t, e),
            (_, Op::Select(d, _, e)) if d == c => return self.select(c, t, e),
            _ => {}
        }
        if self.is_bool(t) && self.is_bool(e) {
            return self.select_bool(c, t, e);
        }
        let (x, y) = (self.interval(t), self.interval(e));
        self.node(Op::Select(c, t, e), Interval { lo: x.lo.min(y.lo), hi: x.hi.max(y.hi) })
    }

    fn select_bool(&mut self, c: N, t: N, e: N) -> N {
        match (self.constant(t), self.constant(e)) {
            (Some(0), _) => {
                let not = self.not(c);
                self.and(not, e)
            }
            (Some(_), _) => self.or(c, e),
            (_, Some(0)) => self.and(c, t),
            (_, Some(_)) => self.implies(c, t),
            _ => self.node(Op::Select(c, t, e), BOOL),
        }
    }

    /// Conjunction of all.
    pub fn all(&mut self, nodes: impl IntoIterator<Item = N>) -> N {
        let start = self.bool(true);
        nodes.into_iter().fold(start, |a, b| self.and(a, b))
    }

    /// Disjunction of all.
    pub fn any(&mut self, nodes: impl IntoIterator<Item = N>) -> N {
        let start = self.bool(false);
        nodes.into_iter().fold(start, |a, b| self.or(a, b))
    }

    /// The operands of a node.
    pub fn operands(&self, n: N) -> impl Iterator<Item = N> + use<> {
        let (a, b, c) = match self.op(n) {
            Op::Const(_) | Op::Cell(_) => (None, None, None),
            Op::Not(a) => (Some(a), None, None),
            Op::Select(a, b, c) => (Some(a), Some(b), Some(c)),
            Op::Add(a, b)
            | Op::Sub(a, b)
            | Op::Mul(a, b)
            | Op::Mod(a, b)
            | Op::Min(a, b)
            | Op::Max(a, b)
            | Op::Eq(a, b)
            | Op::Lt(a, b)
            | Op::Le(a, b)
            | Op::And(a, b)
            | Op::Or(a, b) => (Some(a), Some(b), None),
        };
        [a, b, c].into_iter().flatten()
    }
}

/// `a mod b`, never negative; 0 when `b` is not positive.
pub fn modulo(a: i64, b: i64) -> i64 {
    if b > 0 { a.rem_euclid(b) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_computations_are_one_node() {
        let mut dag = Dag::default();
        let (a, b) = (dag.cell(0, 0, 9), dag.cell(1, 0, 9));
        assert_eq!(dag.add(a, b), dag.add(b, a));
        let less = dag.lt(a, b);
        let not = dag.not(less);
        assert_eq!(not, dag.le(b, a));
    }

    #[test]
    fn intervals_decide_comparisons() {
        let mut dag = Dag::default();
        let (a, ten, null) = (dag.cell(0, 0, 9), dag.int(10), dag.null());
        let (less, is_null) = (dag.lt(a, ten), dag.eq(a, null));
        assert_eq!(dag.constant(less), Some(1));
        assert_eq!(dag.constant(is_null), Some(0));
    }

    #[test]
    fn a_choice_of_constants_compares_as_its_condition() {
        let mut dag = Dag::default();
        let c = dag.cell(0, 0, 1);
        let (three, five) = (dag.int(3), dag.int(5));
        let choice = dag.select(c, three, five);
        assert_eq!(dag.eq(choice, three), c);
        let not = dag.not(c);
        assert_eq!(dag.eq(five, choice), not);
    }
}
