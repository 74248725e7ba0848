//! A state of which every part is a [`Sym`]: read from the cells before an event, written back after it.

use super::dag::N;
use super::sym::{Builder, Candidate, Sym};
use crate::layout::{Layout, RunShape, Shape};
use arch_ir::{Program, Status, Type};
use std::sync::Arc;

/// A run.
#[derive(Clone, PartialEq, Debug)]
pub struct RunSym {
    /// The number of its status.
    pub status: N,
    /// Its roles.
    pub roles: Vec<N>,
    /// Its variables.
    pub vars: Vec<Sym>,
}

/// A state.
#[derive(Clone, Debug)]
pub struct World {
    /// For each variable its elements.
    pub vars: Vec<Arc<Vec<Sym>>>,
    /// For each protocol its runs; those of rules have their initial values.
    pub runs: Vec<Arc<Vec<RunSym>>>,
    /// See [`Layout`].
    pub down: Arc<Vec<Vec<N>>>,
    /// See [`Layout`].
    pub skew: Arc<Vec<Vec<N>>>,
    /// See [`Layout`].
    pub budgets: Vec<Option<N>>,
    /// See [`Layout`].
    pub cut: Arc<Vec<Vec<N>>>,
    /// See [`Layout`].
    pub pending: Vec<Arc<Vec<Candidate>>>,
    /// See [`Layout`].
    pub waits: Arc<Vec<Vec<N>>>,
}

impl World {
    /// An element of a variable, to be changed.
    pub fn var_mut(&mut self, var: usize, element: usize) -> &mut Sym {
        &mut Arc::make_mut(&mut self.vars[var])[element]
    }

    /// A run, to be changed.
    pub fn run_mut(&mut self, protocol: usize, run: u32) -> &mut RunSym {
        &mut Arc::make_mut(&mut self.runs[protocol])[run as usize]
    }
}

/// A new value for a cell.
pub type Update = (u32, N);

impl Builder<'_> {
    /// What is in the cells of a shape.
    pub fn load(&mut self, layout: &Layout, shape: &Shape) -> Sym {
        match shape {
            Shape::Fixed(_, value) => self.int(*value),
            Shape::Cell(_, cell) => Sym::Scalar(self.cell(layout, *cell)),
            Shape::Opt(present, inner) => {
                let inner = self.load(layout, inner);
                Sym::Opt(self.cell(layout, *present), Some(Arc::new(inner)))
            }
            Shape::Bits(elements, bits) => {
                Sym::Bits(elements.clone(), Arc::new(bits.iter().map(|b| self.cell(layout, *b)).collect()))
            }
            Shape::Slots(slots) => Sym::Slots(Arc::new(self.load_slots(layout, slots))),
            Shape::Map(keys, values) => Sym::Map(keys.clone(), Arc::new(self.load_all(layout, values))),
            Shape::Record(fields) => Sym::Record(Arc::new(self.load_all(layout, fields))),
            Shape::Seq(length, items) => {
                let length = self.load_scalar(layout, length);
                Sym::Seq(length, Arc::new(self.load_all(layout, items)))
            }
            Shape::Union(tag, variants) => {
                let tag = self.load_scalar(layout, tag);
                let variants = variants.iter().map(|fields| Some(self.load_all(layout, fields))).collect();
                Sym::Union(tag, Arc::new(variants))
            }
        }
    }

    fn load_all(&mut self, layout: &Layout, shapes: &[Shape]) -> Vec<Sym> {
        shapes.iter().map(|s| self.load(layout, s)).collect()
    }

    fn load_slots(&mut self, layout: &Layout, slots: &[(u32, Shape)]) -> Vec<Candidate> {
        slots.iter().map(|(present, s)| (self.cell(layout, *present), self.load(layout, s))).collect()
    }

    fn load_scalar(&mut self, layout: &Layout, shape: &Shape) -> N {
        let sym = self.load(layout, shape);
        sym.scalar(&mut self.dag)
    }

    fn cell(&mut self, layout: &Layout, cell: u32) -> N {
        let c = &layout.cells[cell as usize];
        self.dag.cell(cell, c.zero().min(c.lo), c.hi)
    }

    /// The state that the cells hold.
    pub fn load_world(&mut self, layout: &Layout) -> World {
        let program = self.program;
        let scalars = |b: &mut Self, lists: &[Vec<Shape>]| {
            let load =
                |list: &Vec<Shape>, b: &mut Self| list.iter().map(|s| b.load_scalar(layout, s)).collect();
            Arc::new(lists.iter().map(|list| load(list, b)).collect::<Vec<Vec<N>>>())
        };
        World {
            vars: layout.vars.iter().map(|list| Arc::new(self.load_all(layout, list))).collect(),
            runs: program.protocols.indices().map(|p| Arc::new(self.load_runs(layout, program, p))).collect(),
            down: scalars(self, &layout.down),
            skew: scalars(self, &layout.skew),
            budgets: layout.budgets.iter().map(|b| b.as_ref().map(|s| self.load_scalar(layout, s))).collect(),
            cut: scalars(self, &layout.cut),
            pending: layout.pending.iter().map(|slots| Arc::new(self.load_slots(layout, slots))).collect(),
            waits: scalars(self, &layout.waits),
        }
    }

    fn load_runs(&mut self, layout: &Layout, program: &Program, p: arch_ir::ProtocolId) -> Vec<RunSym> {
        let shapes = &layout.runs[p.0 as usize];
        if shapes.is_empty() {
            let idle = self.idle_run(p);
            return vec![idle; program.run_count(p) as usize];
        }
        shapes.iter().map(|shape| self.load_run(layout, shape)).collect()
    }

    fn load_run(&mut self, layout: &Layout, shape: &RunShape) -> RunSym {
        RunSym {
            status: self.load_scalar(layout, &shape.status),
            roles: shape.roles.iter().map(|s| self.load_scalar(layout, s)).collect(),
            vars: self.load_all(layout, &shape.vars),
        }
    }

    /// A run that has not begun.
    pub fn idle_run(&mut self, p: arch_ir::ProtocolId) -> RunSym {
        let protocol = &self.program.protocols[p];
        RunSym {
            status: self.dag.int(0),
            roles: vec![self.dag.null(); protocol.roles.len()],
            vars: protocol.vars.iter().map(|v| self.literal(&v.init, &v.ty)).collect(),
        }
    }

    /// What the cells are after an event, as far as they change.
    pub fn store_world(&mut self, layout: &Layout, before: &World, after: &World) -> Vec<Update> {
        let mut store = Store { b: self, layout, out: Vec::new() };
        let yes = store.b.dag.bool(true);
        for (shapes, (old, new)) in layout.vars.iter().zip(before.vars.iter().zip(&after.vars)) {
            store.list(shapes, old, new, yes);
        }
        for (shapes, (old, new)) in layout.runs.iter().zip(before.runs.iter().zip(&after.runs)) {
            for (shape, (old, new)) in shapes.iter().zip(old.iter().zip(new.iter())) {
                store.run(shape, old, new, yes);
            }
        }
        for (shapes, (old, new)) in layout.pending.iter().zip(before.pending.iter().zip(&after.pending)) {
            if !Arc::ptr_eq(old, new) {
                store.slots(shapes, new, yes);
            }
        }
        for (lists, new) in
            [(&layout.down, &after.down), (&layout.skew, &after.skew), (&layout.cut, &after.cut)]
        {
            store.scalars(lists.iter().flatten(), new.iter().flatten());
        }
        let budgets = layout.budgets.iter().zip(&after.budgets);
        let budgets: Vec<_> = budgets.filter_map(|(s, n)| Some((s.as_ref()?, n.as_ref()?))).collect();
        store.scalars(budgets.iter().map(|(s, _)| *s), budgets.iter().map(|(_, n)| *n));
        store.scalars(layout.waits.iter().flatten(), after.waits.iter().flatten());
        store.out
    }
}

/// Collects updates.
struct Store<'b, 'p, 'l> {
    b: &'b mut Builder<'p>,
    layout: &'l Layout,
    out: Vec<Update>,
}

impl Store<'_, '_, '_> {
    fn scalars<'s>(&mut self, shapes: impl Iterator<Item = &'s Shape>, nodes: impl Iterator<Item = &'s N>) {
        let yes = self.b.dag.bool(true);
        for (shape, node) in shapes.zip(nodes) {
            self.value(shape, Some(&Sym::Scalar(*node)), yes);
        }
    }

    fn list(&mut self, shapes: &[Shape], old: &Arc<Vec<Sym>>, new: &Arc<Vec<Sym>>, present: N) {
        if Arc::ptr_eq(old, new) {
            return;
        }
        for (shape, (old, new)) in shapes.iter().zip(old.iter().zip(new.iter())) {
            if old != new {
                self.value(shape, Some(new), present);
            }
        }
    }

    fn run(&mut self, shape: &RunShape, old: &RunSym, new: &RunSym, yes: N) {
        if old == new {
            return;
        }
        self.value(&shape.status, Some(&Sym::Scalar(new.status)), yes);
        for (shape, role) in shape.roles.iter().zip(&new.roles) {
            self.value(shape, Some(&Sym::Scalar(*role)), yes);
        }
        for (shape, var) in shape.vars.iter().zip(&new.vars) {
            self.value(shape, Some(var), yes);
        }
    }

    fn set(&mut self, cell: u32, node: N) {
        let old = self.b.cell(self.layout, cell);
        if old != node {
            self.out.push((cell, node));
        }
    }

    /// Writes a value where it is `present`, 0 elsewhere. An unknown value is nowhere present.
    fn value(&mut self, shape: &Shape, value: Option<&Sym>, present: N) {
        match shape {
            Shape::Fixed(..) => {}
            Shape::Cell(ty, cell) => self.leaf(ty, *cell, value, present),
            Shape::Opt(flag, inner) => {
                let (is, value) = match value {
                    Some(Sym::Opt(is, inner)) => (*is, inner.as_deref()),
                    Some(Sym::Scalar(_)) | None => (self.b.dag.bool(false), None),
                    Some(value) => (self.b.dag.bool(true), Some(value)),
                };
                let is = self.b.dag.and(present, is);
                self.set(*flag, is);
                self.value(inner, value, is);
            }
            Shape::Bits(elements, cells) => self.bits(elements, cells, value, present),
            Shape::Slots(slots) => {
                let candidates = value.map(|v| self.b.candidates(v)).unwrap_or_default();
                self.slots(slots, &candidates, present);
            }
            Shape::Map(_, shapes) | Shape::Record(shapes) => {
                let values = match value.and_then(Sym::present) {
                    Some(Sym::Map(_, values) | Sym::Record(values)) => Some(values.clone()),
                    _ => None,
                };
                self.parts(shapes, values.as_deref().map(Vec::as_slice), present);
            }
            Shape::Seq(length, shapes) => self.seq(length, shapes, value, present),
            Shape::Union(tag, variants) => self.union(tag, variants, value, present),
        }
    }

    fn parts(&mut self, shapes: &[Shape], values: Option<&[Sym]>, present: N) {
        for (i, shape) in shapes.iter().enumerate() {
            self.value(shape, values.and_then(|v| v.get(i)), present);
        }
    }

    fn leaf(&mut self, ty: &Type, cell: u32, value: Option<&Sym>, present: N) {
        let c = self.layout.cells[cell as usize];
        let zero = self.b.dag.int(c.zero());
        let mut node = value.map_or(zero, |v| v.scalar(&mut self.b.dag));
        if *ty.unwrap_optional() == Type::Time {
            node = self.instant(node, (c.lo, c.hi));
        }
        let node = self.b.dag.select(present, node, zero);
        self.set(cell, node);
    }

    /// An instant as it is stored.
    fn instant(&mut self, node: N, (lo, hi): (i64, i64)) -> N {
        let dag = &mut self.b.dag;
        let (null, floor) = (dag.null(), dag.int(lo));
        let stored = if lo == hi { floor } else { dag.max(node, floor) };
        let is_null = dag.eq(node, null);
        dag.select(is_null, null, stored)
    }

    fn bits(&mut self, elements: &Arc<super::sym::Elements>, cells: &[u32], value: Option<&Sym>, present: N) {
        let bits = match value.and_then(Sym::present) {
            Some(Sym::Bits(own, bits)) if own == elements => bits.clone(),
            Some(other) => {
                let candidates = self.b.candidates(&other.clone());
                match self.b.bits_of(&candidates, elements) {
                    Sym::Bits(_, bits) => bits,
                    _ => Arc::default(),
                }
            }
            None => Arc::default(),
        };
        let no = self.b.dag.bool(false);
        for (i, cell) in cells.iter().enumerate() {
            let bit = self.b.dag.and(bits.get(i).copied().unwrap_or(no), present);
            self.set(*cell, bit);
        }
    }

    /// Moves the present candidates into the first slots, in order.
    fn slots(&mut self, slots: &[(u32, Shape)], candidates: &[Candidate], present: N) {
        let no = self.b.dag.bool(false);
        let direct = candidates.len() <= slots.len();
        // How many present ones precede each candidate.
        let mut before = Vec::new();
        let mut count = self.b.dag.int(0);
        for (is, _) in candidates {
            before.push(count);
            count = self.b.dag.add(count, *is);
        }
        for (j, (flag, shape)) in slots.iter().enumerate() {
            let mut is = no;
            let mut value: Option<Sym> = None;
            if direct {
                if let Some((own, v)) = candidates.get(j) {
                    (is, value) = (*own, Some(v.clone()));
                }
            } else {
                let rank = self.b.dag.int(j as i64);
                for ((own, v), before) in candidates.iter().zip(&before).rev() {
                    let here = self.b.dag.eq(*before, rank);
                    let here = self.b.dag.and(here, *own);
                    is = self.b.dag.or(is, here);
                    value = Some(value.map_or_else(|| v.clone(), |old| self.b.select(here, v, &old)));
                }
            }
            let is = self.b.dag.and(is, present);
            self.set(*flag, is);
            self.value(shape, value.as_ref(), is);
        }
    }

    fn seq(&mut self, length: &Shape, shapes: &[Shape], value: Option<&Sym>, present: N) {
        let (count, items) = match value.and_then(Sym::present) {
            Some(Sym::Seq(count, items)) => (*count, items.clone()),
            _ => (self.b.dag.int(0), Arc::default()),
        };
        self.value(length, Some(&Sym::Scalar(count)), present);
        for (i, shape) in shapes.iter().enumerate() {
            let index = self.b.dag.int(i as i64);
            let inside = self.b.dag.lt(index, count);
            let inside = self.b.dag.and(inside, present);
            self.value(shape, items.get(i), inside);
        }
    }

    fn union(&mut self, tag: &Shape, shapes: &[Vec<Shape>], value: Option<&Sym>, present: N) {
        let (which, variants) = match value.and_then(Sym::present) {
            Some(Sym::Union(which, variants)) => (*which, variants.clone()),
            _ => (self.b.dag.int(0), Arc::default()),
        };
        self.value(tag, Some(&Sym::Scalar(which)), present);
        for (t, shapes) in shapes.iter().enumerate() {
            let number = self.b.dag.int(t as i64);
            let is = self.b.dag.eq(which, number);
            let is = self.b.dag.and(is, present);
            let fields = variants.get(t).and_then(|f| f.as_deref());
            self.parts(shapes, fields, is);
        }
    }
}

/// The number of a status.
pub fn status_number(layout: &Layout, protocol: arch_ir::ProtocolId, status: Status) -> i64 {
    let statuses = &layout.statuses[protocol.0 as usize];
    debug_assert!(statuses.list.contains(&status), "{status:?} is none of {statuses:?}");
    statuses.number(status)
}
