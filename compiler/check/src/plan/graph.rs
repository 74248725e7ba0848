//! Computations over the words of a packed state, as a graph in which equal computations are one node.
//!
//! This is what every executor executes: the interpreter of [`crate::code`] and machine code. Every node is a 64-bit
//! number; truth values are 0 and 1. Nothing here can fail or trap, so that an executor may compute a node
//! whether it is needed or not. Every node knows which of its bits can be other than 0.

use crate::symbolic::dag::modulo;
use hashbrown::HashTable;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// A node of a [`Graph`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Id(pub u32);

/// What a node computes. `Add`, `Sub` and `Mul` wrap; comparisons, `Min`, `Max` and what saturates are signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Op {
    Const(u64),
    /// A word of the state.
    Word(u32),
    Add(Id, Id),
    Sub(Id, Id),
    Mul(Id, Id),
    AddSat(Id, Id),
    SubSat(Id, Id),
    MulSat(Id, Id),
    /// The remainder as [`modulo`] has it.
    Mod(Id, Id),
    /// The unsigned remainder by a constant that is not 0.
    Rem(Id, Id),
    Min(Id, Id),
    Max(Id, Id),
    Eq(Id, Id),
    Lt(Id, Id),
    Le(Id, Id),
    And(Id, Id),
    Or(Id, Id),
    Xor(Id, Id),
    /// Shifted by less than 64.
    Shl(Id, u32),
    /// Shifted by less than 64, zeros coming in.
    Shr(Id, u32),
    /// The second if the first is not 0, else the third.
    Select(Id, Id, Id),
    /// 1 shifted by the low six bits of a number.
    Bit(Id),
    /// How many bits are set.
    Count(Id),
}

/// The graph.
#[derive(Debug, Default)]
pub struct Graph {
    ops: Vec<Op>,
    /// The bits that can be other than 0.
    bits: Vec<u64>,
    table: HashTable<u32>,
}

fn hash(op: &Op) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(op)
}

/// All bits below the highest of these.
fn smear(bits: u64) -> u64 {
    if bits == 0 { 0 } else { u64::MAX >> bits.leading_zeros() }
}

impl Graph {
    /// The number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// What a node computes; its operands come before it.
    #[must_use]
    pub fn op(&self, id: Id) -> Op {
        self.ops[id.0 as usize]
    }

    /// The bits of a node that can be other than 0.
    #[must_use]
    pub fn bits(&self, id: Id) -> u64 {
        self.bits[id.0 as usize]
    }

    /// The number that a node always is.
    #[must_use]
    pub fn constant(&self, id: Id) -> Option<u64> {
        match self.op(id) {
            Op::Const(value) => Some(value),
            _ => None,
        }
    }

    fn node(&mut self, op: Op, bits: u64) -> Id {
        let op = if bits == 0 { Op::Const(0) } else { op };
        let ops = &mut self.ops;
        let entry = self.table.entry(hash(&op), |&i| ops[i as usize] == op, |&i| hash(&ops[i as usize]));
        let index = *entry
            .or_insert_with(|| {
                ops.push(op);
                self.bits.push(bits);
                ops.len() as u32 - 1
            })
            .get();
        Id(index)
    }

    /// A constant.
    pub fn int(&mut self, value: u64) -> Id {
        self.node(Op::Const(value), value)
    }

    /// A word of the state, of which so many low bits are used.
    pub fn word(&mut self, word: u32, width: u32) -> Id {
        self.node(Op::Word(word), if width == 0 { 0 } else { u64::MAX >> (64 - width) })
    }

    /// The sum, wrapped.
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.int(x.wrapping_add(y)),
            (_, Some(0)) => a,
            (_, Some(y)) => {
                if let Op::Add(inner, c) = self.op(a)
                    && let Some(x) = self.constant(c)
                {
                    let sum = self.int(x.wrapping_add(y));
                    return self.add(inner, sum);
                }
                self.sum(a, b)
            }
            _ => self.sum(a, b),
        }
    }

    fn sum(&mut self, a: Id, b: Id) -> Id {
        let (x, y) = (self.bits(a), self.bits(b));
        let bits = smear(x).checked_add(smear(y)).map_or(u64::MAX, smear);
        self.node(Op::Add(a, b), bits)
    }

    /// The difference, wrapped.
    pub fn sub(&mut self, a: Id, b: Id) -> Id {
        if let Some(y) = self.constant(b) {
            let negated = self.int(y.wrapping_neg());
            return self.add(a, negated);
        }
        if a == b { self.int(0) } else { self.node(Op::Sub(a, b), u64::MAX) }
    }

    /// The product, wrapped.
    pub fn mul(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        match (self.constant(a), self.constant(b)) {
            (Some(x), Some(y)) => self.int(x.wrapping_mul(y)),
            (Some(1), _) => b,
            (_, Some(1)) => a,
            _ => {
                let bits = smear(self.bits(a)).checked_mul(smear(self.bits(b))).map_or(u64::MAX, smear);
                self.node(Op::Mul(a, b), bits)
            }
        }
    }

    /// An operation without rules of its own.
    pub fn plain(&mut self, op: Op) -> Id {
        let constant = |id: Id| self.constant(id).map(|v| v as i64);
        let both = |a: Id, b: Id| Some((constant(a)?, constant(b)?));
        let folded = match op {
            Op::AddSat(a, b) => both(a, b).map(|(x, y)| x.saturating_add(y)),
            Op::SubSat(a, b) => both(a, b).map(|(x, y)| x.saturating_sub(y)),
            Op::MulSat(a, b) => both(a, b).map(|(x, y)| x.saturating_mul(y)),
            Op::Mod(a, b) => both(a, b).map(|(x, y)| modulo(x, y)),
            _ => None,
        };
        match folded {
            Some(value) => self.int(value as u64),
            None => self.node(op, u64::MAX),
        }
    }

    /// The unsigned remainder by a constant that is not 0.
    pub fn rem(&mut self, a: Id, by: u64) -> Id {
        if smear(self.bits(a)) < by {
            return a;
        }
        if by.is_power_of_two() {
            return self.mask(a, by - 1);
        }
        match self.constant(a) {
            Some(value) => self.int(value % by),
            None => {
                let divisor = self.int(by);
                self.node(Op::Rem(a, divisor), smear(by - 1))
            }
        }
    }

    /// The lesser of two.
    pub fn min(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        match (self.constant(a), self.constant(b)) {
            _ if a == b => a,
            (Some(x), Some(y)) => self.int((x as i64).min(y as i64) as u64),
            _ => self.node(Op::Min(a, b), self.bits(a) | self.bits(b)),
        }
    }

    /// The greater of two.
    pub fn max(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        match (self.constant(a), self.constant(b)) {
            _ if a == b => a,
            (Some(x), Some(y)) => self.int((x as i64).max(y as i64) as u64),
            _ => self.node(Op::Max(a, b), self.bits(a) | self.bits(b)),
        }
    }

    /// Whether two are equal.
    pub fn eq(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        if a == b {
            return self.int(1);
        }
        let Some(value) = self.constant(b) else { return self.node(Op::Eq(a, b), 1) };
        if self.constant(a).is_some() || value & !self.bits(a) != 0 {
            return self.int(0);
        }
        if self.bits(a) == 1 {
            return if value == 1 { a } else { self.not(a) };
        }
        match self.op(a) {
            Op::Add(inner, c) if self.constant(c).is_some() => {
                let less = value.wrapping_sub(self.constant(c).unwrap_or(0));
                let less = self.int(less);
                self.eq(inner, less)
            }
            // A field is compared where it is.
            Op::And(shifted, mask) => match (self.op(shifted), self.constant(mask)) {
                (Op::Shr(word, by), Some(mask)) => self.masked(word, mask << by, value << by),
                _ => self.node(Op::Eq(a, b), 1),
            },
            Op::Shr(word, by) => self.masked(word, self.bits(a) << by, value << by),
            _ => self.node(Op::Eq(a, b), 1),
        }
    }

    /// Whether these bits of a number are those of a value, which has no others.
    pub fn masked(&mut self, a: Id, mask: u64, value: u64) -> Id {
        let there = self.mask(a, mask);
        if value & !self.bits(there) != 0 {
            return self.int(0);
        }
        let value = self.int(value);
        match self.constant(there) {
            Some(_) => self.eq(there, value),
            None => self.node(Op::Eq(there, value), 1),
        }
    }

    /// Whether none of some fields of a number has its value: of each the bits where it is, side by side and apart from the bits of
    /// the others, and the value there.
    ///
    /// All of them at once, without carries from field to field (Lamport, "Multiple byte processing with full-word
    /// instructions", 1975): what differs is not 0 where its uppermost bit is set, or is once one less than this bit is added to
    /// the bits below it.
    pub fn none_equal(&mut self, a: Id, fields: &[(u64, u64)]) -> Id {
        let all = |of: fn(&(u64, u64)) -> u64| fields.iter().map(of).fold(0, |all, bits| all | bits);
        let (mask, value) = (all(|field| field.0), all(|field| field.1));
        let tops = all(|(mask, _)| 1 << mask.ilog2());
        let there = self.mask(a, mask);
        let differs = self.xor(there, value);
        let (low, most) = (self.mask(differs, mask & !tops), self.int(mask & !tops));
        let carried = self.add(low, most);
        let either = self.or(carried, differs);
        self.masked(either, tops, tops)
    }

    /// With these bits the other way round.
    fn xor(&mut self, a: Id, bits: u64) -> Id {
        match self.constant(a) {
            Some(value) => self.int(value ^ bits),
            None if bits == 0 => a,
            None => {
                let other = self.int(bits);
                self.node(Op::Xor(a, other), self.bits(a) | bits)
            }
        }
    }

    /// Whether one is less than the other.
    pub fn lt(&mut self, a: Id, b: Id) -> Id {
        match (self.constant(a), self.constant(b)) {
            _ if a == b => self.int(0),
            (Some(x), Some(y)) => self.int(u64::from((x as i64) < y as i64)),
            _ => self.node(Op::Lt(a, b), 1),
        }
    }

    /// Whether one is at most the other.
    pub fn le(&mut self, a: Id, b: Id) -> Id {
        match (self.constant(a), self.constant(b)) {
            _ if a == b => self.int(1),
            (Some(x), Some(y)) => self.int(u64::from(x as i64 <= y as i64)),
            _ => self.node(Op::Le(a, b), 1),
        }
    }

    /// The bits of a number that are in a mask.
    pub fn mask(&mut self, a: Id, mask: u64) -> Id {
        let mask = self.int(mask);
        self.and(a, mask)
    }

    /// The bits that both have.
    pub fn and(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        let (a, b) = if self.constant(a).is_some() { (b, a) } else { (a, b) };
        if a == b {
            return a;
        }
        let bits = self.bits(a) & self.bits(b);
        let Some(mask) = self.constant(b) else { return self.node(Op::And(a, b), bits) };
        if let Some(value) = self.constant(a) {
            return self.int(value & mask);
        }
        if self.bits(a) & !mask == 0 {
            return a;
        }
        match self.op(a) {
            Op::And(inner, c) if self.constant(c).is_some() => {
                let both = self.constant(c).unwrap_or(0) & mask;
                self.mask(inner, both)
            }
            Op::Or(x, y) if self.bits(x) & mask == 0 => self.mask(y, mask),
            Op::Or(x, y) if self.bits(y) & mask == 0 => self.mask(x, mask),
            _ => {
                let tight = self.int(bits);
                self.node(Op::And(a, tight), bits)
            }
        }
    }

    /// The bits that one of both has.
    pub fn or(&mut self, a: Id, b: Id) -> Id {
        let (a, b) = (a.min(b), a.max(b));
        match (self.constant(a), self.constant(b)) {
            _ if a == b => a,
            (Some(x), Some(y)) => self.int(x | y),
            (Some(0), _) => b,
            (_, Some(0)) => a,
            (Some(1), _) | (_, Some(1)) if (self.bits(a) | self.bits(b)) == 1 => self.int(1),
            _ => self.node(Op::Or(a, b), self.bits(a) | self.bits(b)),
        }
    }

    /// The negation of a truth value.
    pub fn not(&mut self, a: Id) -> Id {
        debug_assert!(self.bits(a) <= 1, "a truth value");
        match self.op(a) {
            Op::Const(value) => self.int(u64::from(value == 0)),
            Op::Xor(inner, one) if self.constant(one) == Some(1) => inner,
            _ => {
                let one = self.int(1);
                self.node(Op::Xor(a, one), 1)
            }
        }
    }

    /// Shifted up.
    pub fn shl(&mut self, a: Id, by: u32) -> Id {
        match self.op(a) {
            _ if by == 0 => a,
            Op::Const(value) => self.int(value << by),
            // What only has to be shifted where it is made is shifted there.
            Op::Select(c, t, e) if self.is_free(t) && self.is_free(e) => {
                let (t, e) = (self.shl(t, by), self.shl(e, by));
                self.select(c, t, e)
            }
            _ => match self.part(a) {
                // A field is moved to its new place at once.
                Some((word, from, mask)) if mask << by >> by == mask => {
                    let moved =
                        if from >= by { self.shr(word, from - by) } else { self.shl(word, by - from) };
                    self.mask(moved, mask << by)
                }
                _ => self.in_place(a, by).unwrap_or_else(|| self.shifted(a, by)),
            },
        }
    }

    /// A field that is shifted back to where it was, with something added to it, without being taken out.
    fn in_place(&mut self, a: Id, by: u32) -> Option<Id> {
        let Op::And(sum, mask) = self.op(a) else { return None };
        let Op::Add(field, more) = self.op(sum) else { return None };
        let (mask, more) = (self.constant(mask)?, self.constant(more)?);
        let (word, from, bits) = self.part(field)?;
        if from != by || mask << by >> by != mask {
            return None;
        }
        let field = self.mask(word, bits << by);
        let more = self.int(more << by);
        let sum = self.add(field, more);
        Some(self.mask(sum, mask << by))
    }

    /// What a field is part of, where it begins, and its bits.
    fn part(&self, a: Id) -> Option<(Id, u32, u64)> {
        let (shifted, mask) = match self.op(a) {
            Op::And(inner, mask) => (inner, self.constant(mask)?),
            _ => (a, self.bits(a)),
        };
        match self.op(shifted) {
            Op::Shr(word, from) => Some((word, from, mask)),
            _ => None,
        }
    }

    fn shifted(&mut self, a: Id, by: u32) -> Id {
        self.node(Op::Shl(a, by), self.bits(a) << by)
    }

    /// Whether shifting a node costs nothing: a constant, or a field, which is shifted anyway.
    fn is_free(&self, id: Id) -> bool {
        self.constant(id).is_some() || self.part(id).is_some()
    }

    /// Shifted down.
    pub fn shr(&mut self, a: Id, by: u32) -> Id {
        match self.op(a) {
            _ if by == 0 => a,
            Op::Const(value) => self.int(value >> by),
            Op::Shl(inner, up) if up == by => self.mask(inner, u64::MAX >> by),
            Op::Or(x, y) if self.bits(x) >> by == 0 => self.shr(y, by),
            Op::Or(x, y) if self.bits(y) >> by == 0 => self.shr(x, by),
            _ => self.node(Op::Shr(a, by), self.bits(a) >> by),
        }
    }

    /// One of two, by a truth value.
    pub fn select(&mut self, c: Id, t: Id, e: Id) -> Id {
        if let Some(value) = self.constant(c) {
            return if value != 0 { t } else { e };
        }
        if t == e {
            return t;
        }
        match (self.op(c), self.constant(t), self.constant(e)) {
            (Op::Xor(inner, one), ..) if self.constant(one) == Some(1) => self.select(inner, e, t),
            (_, Some(1), Some(0)) => c,
            (_, Some(0), Some(1)) => self.not(c),
            _ => self.node(Op::Select(c, t, e), self.bits(t) | self.bits(e)),
        }
    }

    /// 1 shifted by a number below 64.
    pub fn bit(&mut self, a: Id) -> Id {
        match self.constant(a) {
            Some(value) => self.int(1 << (value & 63)),
            None => self.node(Op::Bit(a), u64::MAX),
        }
    }

    /// How many bits are set.
    pub fn count(&mut self, a: Id) -> Id {
        match self.constant(a) {
            Some(value) => self.int(u64::from(value.count_ones())),
            None => self.node(Op::Count(a), 127),
        }
    }

    /// The operands of a node.
    pub fn operands(&self, id: Id) -> impl Iterator<Item = Id> + use<> {
        let (a, b, c) = match self.op(id) {
            Op::Const(_) | Op::Word(_) => (None, None, None),
            Op::Shl(a, _) | Op::Shr(a, _) | Op::Bit(a) | Op::Count(a) => (Some(a), None, None),
            Op::Select(a, b, c) => (Some(a), Some(b), Some(c)),
            Op::Add(a, b)
            | Op::Sub(a, b)
            | Op::Mul(a, b)
            | Op::AddSat(a, b)
            | Op::SubSat(a, b)
            | Op::MulSat(a, b)
            | Op::Mod(a, b)
            | Op::Rem(a, b)
            | Op::Min(a, b)
            | Op::Max(a, b)
            | Op::Eq(a, b)
            | Op::Lt(a, b)
            | Op::Le(a, b)
            | Op::And(a, b)
            | Op::Or(a, b)
            | Op::Xor(a, b) => (Some(a), Some(b), None),
        };
        [a, b, c].into_iter().flatten()
    }
}
