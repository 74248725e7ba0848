//! From the graph over cells to the graph over words: where values are, what fields hold, what cannot overflow.
//!
//! A value is computed either as it is (*plain*) or *coded*: as the field of a cell would hold it, which is its distance
//! from the cell's least value, with 0 for null where null is possible. Codes keep the order of values, so
//! comparisons, choices and copies of fields never take values apart into null and the rest.

use super::graph::{Graph, Id, Op as Low};
use crate::layout::{Cell, Layout};
use crate::symbolic::dag::{Dag, N, NULL, Op};
use std::collections::HashMap;

/// Deeper computations are lowered from their leaves upwards.
const DEPTH: u32 = 150;

/// Bounds within which codes are computed without a second thought.
const SMALL: i64 = 1 << 60;

/// What is known of a value: it is null, where that is possible, or within these bounds (none when `lo > hi`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Facts {
    pub(super) null: bool,
    pub(super) lo: i64,
    pub(super) hi: i64,
}

impl Facts {
    fn union(self, other: Facts) -> Facts {
        Facts { null: self.null || other.null, lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
}

/// How a field holds values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Coding {
    pub(super) lo: i64,
    pub(super) nullable: bool,
}

impl Coding {
    pub(super) fn of(cell: &Cell) -> Coding {
        Coding { lo: cell.lo, nullable: cell.nullable }
    }

    /// The code of a constant.
    pub(super) fn code(self, value: i64) -> u64 {
        if value == NULL {
            0
        } else {
            (value.wrapping_sub(self.lo) as u64).wrapping_add(self.nullable.into())
        }
    }
}

/// Lowers nodes of one graph to another.
pub struct Lowering<'l> {
    pub(super) dag: &'l Dag,
    pub(super) layout: &'l Layout,
    pub(super) graph: Graph,
    facts: Vec<Facts>,
    plain: Vec<Option<Id>>,
    coded: HashMap<(N, Coding), Id>,
    depth: u32,
}

impl<'l> Lowering<'l> {
    /// Nothing lowered yet.
    pub(crate) fn new(dag: &'l Dag, layout: &'l Layout) -> Lowering<'l> {
        let mut lowering = Lowering {
            dag,
            layout,
            graph: Graph::default(),
            facts: Vec::with_capacity(dag.len()),
            plain: vec![None; dag.len()],
            coded: HashMap::new(),
            depth: 0,
        };
        for n in 0..dag.len() as u32 {
            let facts = lowering.facts_of(N(n));
            lowering.facts.push(facts);
        }
        lowering
    }

    /// The graph.
    pub(crate) fn finish(self) -> Graph {
        self.graph
    }

    /// The constant that a node is.
    pub(crate) fn constant(&self, n: N) -> Option<i64> {
        self.dag.constant(n)
    }

    pub(super) fn facts(&self, n: N) -> Facts {
        self.facts[n.0 as usize]
    }

    fn facts_of(&self, n: N) -> Facts {
        let either = |a: N, b: N| (self.facts(a), self.facts(b));
        match self.dag.op(n) {
            Op::Const(NULL) => Facts { null: true, lo: i64::MAX, hi: i64::MIN },
            Op::Const(value) => Facts { null: false, lo: value, hi: value },
            Op::Cell(cell) => {
                let cell = &self.layout.cells[cell as usize];
                Facts { null: cell.nullable, lo: cell.lo, hi: cell.hi }
            }
            Op::Select(_, a, b) => self.facts(a).union(self.facts(b)),
            Op::Min(a, b) => {
                let (x, y) = either(a, b);
                Facts { null: x.null || y.null, lo: x.lo.min(y.lo), hi: x.hi.min(y.hi) }
            }
            Op::Max(a, b) => {
                let (x, y) = either(a, b);
                let lo = if x.null || y.null { x.lo.min(y.lo) } else { x.lo.max(y.lo) };
                Facts { null: x.null && y.null, lo, hi: x.hi.max(y.hi) }
            }
            _ => {
                let (lo, hi) = (self.dag.lo(n), self.dag.hi(n));
                Facts { null: lo == NULL, lo, hi }
            }
        }
    }

    /// A word of the state.
    pub(super) fn word(&mut self, word: u32) -> Id {
        self.graph.word(word, self.layout.widths[word as usize])
    }

    /// What the field of a cell holds.
    pub(super) fn field(&mut self, cell: u32) -> Id {
        let cell = self.layout.cells[cell as usize];
        let word = self.word(cell.word);
        let shifted = self.graph.shr(word, if cell.mask == 0 { 0 } else { cell.shift });
        self.graph.mask(shifted, cell.mask)
    }

    /// The value of a node.
    pub(crate) fn plain(&mut self, n: N) -> Id {
        if let Some(id) = self.plain[n.0 as usize] {
            return id;
        }
        if self.depth > DEPTH {
            self.fill(n);
        }
        self.depth += 1;
        let id = self.compute(n);
        self.depth -= 1;
        self.plain[n.0 as usize] = Some(id);
        id
    }

    /// Lowers everything below a node, leaves first.
    fn fill(&mut self, n: N) {
        let (mut open, mut below) = (vec![n], std::collections::BTreeSet::new());
        while let Some(top) = open.pop() {
            open.extend(
                self.dag.operands(top).filter(|o| self.plain[o.0 as usize].is_none() && below.insert(*o)),
            );
        }
        let depth = std::mem::take(&mut self.depth);
        for o in below {
            self.plain(o);
        }
        self.depth = depth;
    }

    fn compute(&mut self, n: N) -> Id {
        match self.dag.op(n) {
            Op::Const(value) => self.graph.int(value as u64),
            Op::Cell(cell) => self.cell(cell),
            Op::Add(a, b) => {
                let exact = self.exact(a, b, i64::checked_add, |x, y| (x, y));
                let (a, b) = (self.plain(a), self.plain(b));
                if exact { self.graph.add(a, b) } else { self.graph.plain(Low::AddSat(a, b)) }
            }
            Op::Sub(a, b) => {
                let exact = self.exact(a, b, i64::checked_sub, |x, (lo, hi)| (x, (hi, lo)));
                let (a, b) = (self.plain(a), self.plain(b));
                if exact { self.graph.sub(a, b) } else { self.graph.plain(Low::SubSat(a, b)) }
            }
            Op::Mul(a, b) => {
                let (x, y) = (self.facts(a), self.facts(b));
                let small = |f: Facts| !f.null && f.lo > -(1 << 31) && f.hi < 1 << 31;
                let exact = small(x) && small(y);
                let (a, b) = (self.plain(a), self.plain(b));
                if exact { self.graph.mul(a, b) } else { self.graph.plain(Low::MulSat(a, b)) }
            }
            Op::Mod(a, b) => self.modulo(a, b),
            Op::Min(a, b) => {
                let (a, b) = (self.plain(a), self.plain(b));
                self.graph.min(a, b)
            }
            Op::Max(a, b) => {
                let (a, b) = (self.plain(a), self.plain(b));
                self.graph.max(a, b)
            }
            Op::Eq(..) | Op::Lt(..) | Op::Le(..) | Op::And(..) | Op::Or(..) | Op::Not(_) => self.truth(n),
            Op::Select(c, t, e) => {
                let (c, t, e) = (self.plain(c), self.plain(t), self.plain(e));
                self.graph.select(c, t, e)
            }
        }
    }

    /// Whether an operation on any values of two nodes stays within 64 bits. `ends` pairs the ends of their bounds.
    fn exact(
        &self,
        a: N,
        b: N,
        op: impl Fn(i64, i64) -> Option<i64>,
        ends: impl Fn((i64, i64), (i64, i64)) -> ((i64, i64), (i64, i64)),
    ) -> bool {
        let (x, y) = (self.facts(a), self.facts(b));
        let (p, q) = ends((x.lo, x.hi), (y.lo, y.hi));
        !x.null && !y.null && op(p.0, q.0).is_some() && op(p.1, q.1).is_some()
    }

    fn modulo(&mut self, a: N, b: N) -> Id {
        let divisor = self.constant(b).filter(|d| *d > 0);
        let facts = self.facts(a);
        let a = self.plain(a);
        match divisor {
            Some(divisor) if !facts.null && facts.lo >= 0 => self.graph.rem(a, divisor as u64),
            _ => {
                let b = self.plain(b);
                self.graph.plain(Low::Mod(a, b))
            }
        }
    }

    fn cell(&mut self, cell: u32) -> Id {
        let field = self.field(cell);
        let Cell { lo, nullable, .. } = self.layout.cells[cell as usize];
        if !nullable {
            let lo = self.graph.int(lo as u64);
            return self.graph.add(field, lo);
        }
        let less = self.graph.int((lo as u64).wrapping_sub(1));
        let (value, zero) = (self.graph.add(field, less), self.graph.int(0));
        let (is_null, null) = (self.graph.eq(field, zero), self.graph.int(NULL as u64));
        self.graph.select(is_null, null, value)
    }

    /// The code of a node's value; anything where the coding has none for it.
    pub(super) fn coded(&mut self, n: N, coding: Coding) -> Id {
        if let Some(id) = self.coded.get(&(n, coding)) {
            return *id;
        }
        self.depth += 1;
        let id = match self.dag.op(n) {
            Op::Const(value) => self.graph.int(coding.code(value)),
            Op::Cell(cell) => self.recoded(cell, coding),
            Op::Select(c, t, e) if self.depth <= DEPTH => {
                let (c, t, e) = (self.plain(c), self.coded(t, coding), self.coded(e, coding));
                self.graph.select(c, t, e)
            }
            Op::Min(a, b) if self.depth <= DEPTH && self.fits(a, coding) && self.fits(b, coding) => {
                let (a, b) = (self.coded(a, coding), self.coded(b, coding));
                self.graph.min(a, b)
            }
            Op::Max(a, b) if self.depth <= DEPTH && self.fits(a, coding) && self.fits(b, coding) => {
                let (a, b) = (self.coded(a, coding), self.coded(b, coding));
                self.graph.max(a, b)
            }
            _ => {
                let value = self.plain(n);
                self.code_of(value, self.facts(n).null, coding)
            }
        };
        self.depth -= 1;
        self.coded.insert((n, coding), id);
        id
    }

    /// Whether a coding has a small code for every value of a node.
    fn fits(&self, n: N, coding: Coding) -> bool {
        let facts = self.facts(n);
        let bounded = facts.lo > facts.hi || facts.lo >= coding.lo && facts.hi < SMALL && coding.lo > -SMALL;
        bounded && (coding.nullable || !facts.null)
    }

    fn code_of(&mut self, value: Id, null: bool, coding: Coding) -> Id {
        let shift = self.graph.int(coding.code(0));
        let code = self.graph.add(value, shift);
        if !null || !coding.nullable {
            return code;
        }
        let (none, zero) = (self.graph.int(NULL as u64), self.graph.int(0));
        let is_null = self.graph.eq(value, none);
        self.graph.select(is_null, zero, code)
    }

    /// What a cell's field holds, in another coding.
    pub(super) fn recoded(&mut self, cell: u32, coding: Coding) -> Id {
        let own = Coding::of(&self.layout.cells[cell as usize]);
        let field = self.field(cell);
        if own == coding {
            return field;
        }
        let shift = self.graph.int(coding.code(0).wrapping_sub(own.code(0)));
        let code = self.graph.add(field, shift);
        if !own.nullable || !coding.nullable {
            return code;
        }
        let zero = self.graph.int(0);
        let is_null = self.graph.eq(field, zero);
        self.graph.select(is_null, zero, code)
    }

    /// Two nodes in a form in which they compare as their values do.
    pub(super) fn comparable(&mut self, a: N, b: N) -> (Id, Id) {
        let both = self.facts(a).union(self.facts(b));
        let coding = Coding { lo: both.lo, nullable: both.null };
        let worth = both.null || both.lo != 0 && self.is_field(a) && self.is_field(b);
        if worth && both.lo <= both.hi && self.fits(a, coding) && self.fits(b, coding) {
            (self.coded(a, coding), self.coded(b, coding))
        } else {
            (self.plain(a), self.plain(b))
        }
    }

    fn is_field(&self, n: N) -> bool {
        matches!(self.dag.op(n), Op::Cell(_) | Op::Const(_))
    }
}
