//! The words of the state that an action leads to, in canonical form: ordinals are ranks, slots are sorted.
//!
//! What [`crate::canonical`] does to cells one after the other is done here without a branch: the ordinals of a kind
//! are marked in a set of bits, and a rank is the number of marks below; the contents of a slot are one
//! number, and a sorting network puts these numbers in order. Where a kind or a slot is too large for that, the
//! new values of the cells are given instead of words, and settled by the executor.

use super::graph::{Graph, Id, Op};
use super::lower::{Coding, Lowering};
use crate::layout::{Group, Shape};
use crate::symbolic::dag::N;
use std::collections::BTreeMap;

/// More slots than this are not sorted by a network.
pub(super) const MOST_SLOTS: usize = 12;

/// What an action leads to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Words that can differ from those before, with what they are.
    Words(Vec<(u32, Id)>),
    /// Cells that can differ from those before, with their values; ordinals and slots have to be settled.
    Cells(Vec<(u32, Id)>),
}

/// New fields by cell.
type Fields = BTreeMap<u32, Id>;

impl Lowering<'_> {
    /// The state after these updates of cells.
    pub(crate) fn outcome(&mut self, updates: &[(u32, N)]) -> Outcome {
        match self.settled(updates) {
            Some(fields) => Outcome::Words(self.words(&fields)),
            None => Outcome::Cells(updates.iter().map(|(cell, n)| (*cell, self.plain(*n))).collect()),
        }
    }

    fn settled(&mut self, updates: &[(u32, N)]) -> Option<Fields> {
        let layout = self.layout;
        let new: BTreeMap<u32, N> = updates.iter().copied().collect();
        let mut fields = Fields::new();
        for kind in layout.ordinals.iter().filter(|kind| kind.iter().any(|c| new.contains_key(c))) {
            self.rank(kind, &new, &mut fields)?;
        }
        for (cell, n) in &new {
            let meta = &layout.cells[*cell as usize];
            if meta.ordinal.is_none() {
                let code = self.coded(*n, Coding::of(meta));
                fields.insert(*cell, self.graph.mask(code, meta.mask));
            }
        }
        for group in &layout.groups {
            let cells: Vec<Vec<u32>> = group.slots.iter().map(slot_cells).collect();
            if cells.iter().flatten().any(|c| fields.contains_key(c)) {
                self.sort(group, &cells, &mut fields)?;
            }
        }
        Some(fields)
    }

    /// Renumbers the ordinals of a kind. With null as 0 and value v as v + 1, bits 0 and 1 (null and the least
    /// value) are always marked, so that the marks below are the new code.
    fn rank(&mut self, kind: &[u32], new: &BTreeMap<u32, N>, fields: &mut Fields) -> Option<()> {
        let coding = Coding { lo: 0, nullable: true };
        let mut codes = Vec::new();
        for cell in kind {
            let code = match new.get(cell) {
                Some(n) => {
                    let facts = self.facts(*n);
                    if facts.lo <= facts.hi && (facts.lo < 0 || facts.hi > 62) {
                        return None;
                    }
                    self.coded(*n, coding)
                }
                None => self.recoded(*cell, coding),
            };
            codes.push(self.graph.bit(code));
        }
        let start = self.graph.int(3);
        let marks = codes.iter().fold(start, |marks, bit| self.graph.or(marks, *bit));
        if kind.len() > 61 {
            return None;
        }
        for (cell, bit) in kind.iter().zip(codes) {
            let meta = &self.layout.cells[*cell as usize];
            let all = self.graph.int(u64::MAX);
            let below = self.graph.add(bit, all);
            let below = self.graph.and(marks, below);
            let rank = self.graph.count(below);
            let shift = self.graph.int(Coding::of(meta).code(0).wrapping_sub(1));
            let code = self.graph.add(rank, shift);
            fields.insert(*cell, self.graph.mask(code, meta.mask));
        }
        Some(())
    }

    /// Sorts slots: the key of one is whether it is empty, then its cells in the order in which contents compare.
    fn sort(&mut self, group: &Group, cells: &[Vec<u32>], fields: &mut Fields) -> Option<()> {
        let orders: Option<Vec<Vec<u32>>> = group.slots.iter().map(|(_, shape)| order(shape)).collect();
        let orders = orders?;
        let width = |c: &u32| self.layout.cells[*c as usize].mask.count_ones();
        let size: u32 = orders.first()?.iter().map(width).sum();
        if size > 62 || group.slots.len() > MOST_SLOTS {
            return None;
        }
        debug_assert!(cells.iter().zip(&orders).all(|(all, ordered)| all.len() == ordered.len() + 1));
        let empty = self.graph.int(1 << size);
        let mut keys: Vec<Id> = group
            .slots
            .iter()
            .zip(&orders)
            .map(|((present, _), order)| {
                let content = self.joined(order, fields);
                let present = self.new_field(*present, fields);
                self.graph.select(present, content, empty)
            })
            .collect();
        network(&mut self.graph, &mut keys);
        if group.set {
            let sorted = keys.clone();
            for i in 1..keys.len() {
                let twins = self.graph.eq(sorted[i - 1], sorted[i]);
                keys[i] = self.graph.select(twins, empty, keys[i]);
            }
            network(&mut self.graph, &mut keys);
        }
        for (((present, _), order), key) in group.slots.iter().zip(&orders).zip(keys) {
            let absent = self.graph.shr(key, size);
            fields.insert(*present, self.graph.not(absent));
            self.parted(order, key, fields);
        }
        Some(())
    }

    fn new_field(&mut self, cell: u32, fields: &Fields) -> Id {
        fields.get(&cell).copied().unwrap_or_else(|| self.field(cell))
    }

    /// Fields side by side, the first uppermost.
    fn joined(&mut self, cells: &[u32], fields: &Fields) -> Id {
        let mut key = self.graph.int(0);
        for cell in cells {
            let field = self.new_field(*cell, fields);
            key = self.graph.shl(key, self.layout.cells[*cell as usize].mask.count_ones());
            key = self.graph.or(key, field);
        }
        key
    }

    /// The contrary of [`Lowering::joined`].
    fn parted(&mut self, cells: &[u32], key: Id, fields: &mut Fields) {
        let mut shift = 0;
        for cell in cells.iter().rev() {
            let mask = self.layout.cells[*cell as usize].mask;
            let field = self.graph.shr(key, shift);
            fields.insert(*cell, self.graph.mask(field, mask));
            shift += mask.count_ones();
        }
    }

    /// Words with new fields.
    fn words(&mut self, fields: &Fields) -> Vec<(u32, Id)> {
        let mut words: BTreeMap<u32, Vec<(u32, Id)>> = BTreeMap::new();
        for (cell, field) in fields {
            if *field != self.field(*cell) {
                words.entry(self.layout.cells[*cell as usize].word).or_default().push((*cell, *field));
            }
        }
        words.into_iter().map(|(word, list)| (word, self.new_word(word, &list))).collect()
    }

    /// A word with new fields. Those that change under one condition, such as those of a sequence's next item, are changed
    /// together.
    fn new_word(&mut self, word: u32, list: &[(u32, Id)]) -> Id {
        let mut always = Vec::new();
        let mut choices: BTreeMap<Id, Vec<(u32, Id)>> = BTreeMap::new();
        for (cell, field) in list {
            match self.change(*cell, *field) {
                Some((condition, new)) => choices.entry(condition).or_default().push((*cell, new)),
                None => always.push((*cell, *field)),
            }
        }
        let alone: Vec<Id> = choices.iter().filter(|(_, list)| list.len() == 1).map(|(c, _)| *c).collect();
        for (cell, _) in alone.iter().filter_map(|c| choices.remove(c)).flatten() {
            always.extend(list.iter().find(|(c, _)| *c == cell));
        }
        let old = self.word(word);
        let new = self.replaced(old, &always);
        choices.into_iter().fold(new, |word, (condition, list)| {
            let changed = self.replaced(word, &list);
            self.graph.select(condition, changed, word)
        })
    }

    /// When a field changes, and what it is then, if it is otherwise what it was.
    fn change(&mut self, cell: u32, field: Id) -> Option<(Id, Id)> {
        let Op::Select(condition, t, e) = self.graph.op(field) else { return None };
        let old = self.field(cell);
        if e == old {
            Some((condition, t))
        } else if t == old {
            Some((self.graph.not(condition), e))
        } else {
            None
        }
    }

    /// A word with other fields in place of some.
    fn replaced(&mut self, word: Id, list: &[(u32, Id)]) -> Id {
        let (mut gone, mut constant) = (0, 0);
        let mut parts = Vec::new();
        for (cell, field) in list {
            let meta = &self.layout.cells[*cell as usize];
            gone |= meta.mask << meta.shift;
            match self.graph.constant(*field) {
                Some(value) => constant |= value << meta.shift,
                None => parts.push(self.graph.shl(*field, meta.shift)),
            }
        }
        let kept = self.graph.mask(word, !gone);
        let constant = self.graph.int(constant);
        let start = self.graph.or(kept, constant);
        let parts = self.side_by_side(parts);
        parts.into_iter().fold(start, |all, part| self.graph.or(all, part))
    }

    /// The same parts, those that are bits of one number in one piece.
    fn side_by_side(&mut self, parts: Vec<Id>) -> Vec<Id> {
        let (mut others, mut masks) = (Vec::new(), BTreeMap::<Id, u64>::new());
        for part in parts {
            match self.graph.op(part) {
                Op::And(of, mask) if self.graph.constant(mask).is_some() => {
                    *masks.entry(of).or_default() |= self.graph.constant(mask).unwrap_or(0);
                }
                _ => others.push(part),
            }
        }
        others.extend(masks.into_iter().map(|(of, mask)| self.graph.mask(of, mask)));
        others
    }
}

/// Batcher's odd-even merge sort (1968), for any number of keys.
pub(super) fn network(graph: &mut Graph, keys: &mut [Id]) {
    let n = keys.len();
    let mut p = 1;
    while p < n {
        let mut k = p;
        while k >= 1 {
            for j in (k % p..n.saturating_sub(k)).step_by(2 * k) {
                for i in j..(j + k).min(n - k) {
                    if i / (2 * p) == (i + k) / (2 * p) {
                        let (a, b) = (keys[i], keys[i + k]);
                        keys[i] = graph.min(a, b);
                        keys[i + k] = graph.max(a, b);
                    }
                }
            }
            k /= 2;
        }
        p *= 2;
    }
}

/// The cells of a slot.
fn slot_cells((present, shape): &(u32, Shape)) -> Vec<u32> {
    let mut cells = vec![*present];
    shape.cells(&mut cells);
    cells
}

/// The cells of a shape in an order in which contents compare as lists of fields; none if they do not.
fn order(shape: &Shape) -> Option<Vec<u32>> {
    let mut out = Vec::new();
    visit(shape, &mut out).then_some(out)
}

fn visit(shape: &Shape, out: &mut Vec<u32>) -> bool {
    match shape {
        Shape::Fixed(..) => true,
        Shape::Cell(_, cell) => {
            out.push(*cell);
            true
        }
        Shape::Opt(present, inner) => {
            out.push(*present);
            visit(inner, out)
        }
        // Sets of bits are ordered as lists of their elements, which bits are not.
        Shape::Bits(..) => false,
        Shape::Slots(slots) => slots.iter().all(|(present, inner)| {
            out.push(*present);
            visit(inner, out)
        }),
        Shape::Map(_, list) | Shape::Record(list) => list.iter().all(|s| visit(s, out)),
        // What is missing is 0, which nothing is less than; the shorter of equal beginnings is less.
        Shape::Seq(length, items) => items.iter().all(|s| visit(s, out)) && visit(length, out),
        Shape::Union(tag, variants) => visit(tag, out) && variants.iter().flatten().all(|s| visit(s, out)),
    }
}
