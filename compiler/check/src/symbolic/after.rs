//! What a computation on the state is after an update.

use super::dag::{Dag, N, Op};
use std::collections::{BTreeSet, HashMap};

/// New values of cells, and what was computed with them.
pub struct Substitution {
    known: HashMap<N, N>,
    cells: HashMap<u32, N>,
}

impl Substitution {
    /// With these values; the other cells keep theirs.
    #[must_use]
    pub fn new(updates: &[(u32, N)]) -> Substitution {
        Substitution { known: HashMap::new(), cells: updates.iter().copied().collect() }
    }

    /// Whether a cell has a new value.
    #[must_use]
    pub fn changes(&self, cell: u32) -> bool {
        self.cells.contains_key(&cell)
    }

    /// A node, computed with the new values.
    pub fn of(&mut self, dag: &mut Dag, n: N) -> N {
        let mut open = vec![n];
        while let Some(&top) = open.last() {
            let before = open.len();
            if !self.known.contains_key(&top) {
                open.extend(dag.operands(top).filter(|o| !self.known.contains_key(o)));
            }
            if open.len() == before {
                open.pop();
                if !self.known.contains_key(&top) {
                    let new = self.one(dag, top);
                    self.known.insert(top, new);
                }
            }
        }
        self.known[&n]
    }

    /// A node whose operands are known.
    fn one(&self, dag: &mut Dag, n: N) -> N {
        let new = |n: N| self.known[&n];
        match dag.op(n) {
            Op::Const(_) => n,
            Op::Cell(cell) => self.cells.get(&cell).copied().unwrap_or(n),
            _ if dag.operands(n).all(|o| new(o) == o) => n,
            Op::Add(a, b) => dag.add(new(a), new(b)),
            Op::Sub(a, b) => dag.sub(new(a), new(b)),
            Op::Mul(a, b) => dag.mul(new(a), new(b)),
            Op::Mod(a, b) => dag.modulo(new(a), new(b)),
            Op::Min(a, b) => dag.min(new(a), new(b)),
            Op::Max(a, b) => dag.max(new(a), new(b)),
            Op::Eq(a, b) => dag.eq(new(a), new(b)),
            Op::Lt(a, b) => dag.lt(new(a), new(b)),
            Op::Le(a, b) => dag.le(new(a), new(b)),
            Op::And(a, b) => dag.and(new(a), new(b)),
            Op::Or(a, b) => dag.or(new(a), new(b)),
            Op::Not(a) => dag.not(new(a)),
            Op::Select(a, b, c) => dag.select(new(a), new(b), new(c)),
        }
    }
}

impl Dag {
    /// The cells that a node is computed from.
    #[must_use]
    pub fn cells_below(&self, n: N) -> BTreeSet<u32> {
        let (mut open, mut seen, mut cells) = (vec![n], BTreeSet::new(), BTreeSet::new());
        while let Some(top) = open.pop() {
            if let Op::Cell(cell) = self.op(top) {
                cells.insert(cell);
            }
            open.extend(self.operands(top).filter(|o| seen.insert(*o)));
        }
        cells
    }
}
