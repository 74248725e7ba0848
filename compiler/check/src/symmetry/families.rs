//! Which cells a renaming moves, and which values it changes.
//!
//! Cells that differ only in the instances that they belong to are a *family*: an array over instances of
//! symmetric sorts. A renaming permutes every family along its axes, and the identities that its cells hold.

use crate::layout::{Layout, RunShape, Shape};
use arch_ir::symmetry::{Breaker, Broken, Symmetry, sorts_in};
use arch_ir::{FaultKind, Program, ProtocolId, SortId, Type, Value};
use std::collections::BTreeMap;

/// What the cells of a family hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Holds {
    /// Nothing that a renaming changes.
    Plain,
    /// An instance of the symmetric sort of this number, or null.
    Instance(usize),
    /// A run: for each subject its sort's number, if that is symmetric, and its size; then copies.
    Run(Vec<(Option<usize>, u32)>, u32),
}

/// When a cell is part of the state: an absent part is 0, and no renaming changes that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Present {
    /// While this flag is set.
    If(u32),
    /// While this sequence is longer.
    Within(u32, i64),
    /// While this tag is that of its variant.
    Tagged(u32, i64),
}

impl Present {
    fn cell(self) -> u32 {
        match self {
            Present::If(cell) | Present::Within(cell, _) | Present::Tagged(cell, _) => cell,
        }
    }

    fn holds(self, cells: &[i64]) -> bool {
        match self {
            Present::If(flag) => cells[flag as usize] != 0,
            Present::Within(length, position) => cells[length as usize] > position,
            Present::Tagged(tag, variant) => cells[tag as usize] == variant,
        }
    }
}

/// Cells that a renaming takes to each other.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// For each axis the number of its symmetric sort.
    pub axes: Vec<usize>,
    /// For each axis the number of instances.
    pub sizes: Vec<u32>,
    /// The cells, by instances in lexicographic order.
    pub cells: Vec<u32>,
    /// What they hold.
    pub holds: Holds,
    /// For each cell that holds an identity, when it does; empty: always.
    pub present: Vec<Vec<Present>>,
    /// The same for families that differ only in which of several sorted slots they are in.
    pub kind: u64,
}

impl Family {
    /// Its cells, and those that say which of them are part of the state.
    pub fn cells_that_matter(&self) -> impl Iterator<Item = u32> + '_ {
        let present = self.present.iter().flatten().map(|p| p.cell());
        self.cells.iter().copied().chain(present)
    }

    /// Whether the cell at a position is part of the state.
    pub fn is_present(&self, position: usize, cells: &[i64]) -> bool {
        self.present.get(position).is_none_or(|all| all.iter().all(|p| p.holds(cells)))
    }
}

/// Where a cell is, apart from the instances that it belongs to.
#[derive(Clone, Debug, Default)]
struct Address {
    /// Numbers that tell it from other cells.
    path: Vec<i64>,
    /// The same without the positions of sorted slots.
    kind: Vec<i64>,
    /// The instances that it belongs to.
    instances: Vec<(usize, u32)>,
    /// When it is part of the state.
    present: Vec<Present>,
}

impl Address {
    fn when(mut self, present: Present) -> Address {
        self.present.push(present);
        self
    }

    /// While a part of the state that may be always the same is such that …
    fn when_cell(self, shape: &Shape, present: impl FnOnce(u32) -> Present) -> Address {
        match shape {
            Shape::Cell(_, cell) => self.when(present(*cell)),
            _ => self,
        }
    }

    fn step(&self, number: i64) -> Address {
        let mut next = self.clone();
        next.path.push(number);
        next.kind.push(number);
        next
    }

    fn slot(&self, slot: usize) -> Address {
        let mut next = self.clone();
        next.path.push(slot as i64);
        next
    }
}

/// Symmetric sorts by number.
pub(super) struct Numbering(pub Vec<SortId>);

impl Numbering {
    pub(super) fn of(symmetry: &Symmetry) -> Numbering {
        let symmetric = |blocks: &Vec<Vec<u32>>| blocks.iter().any(|b| b.len() > 1);
        let sorts = symmetry.blocks.iter_enumerated().filter(|(_, b)| symmetric(b));
        Numbering(sorts.map(|(s, _)| s).collect())
    }

    pub(super) fn number(&self, sort: SortId) -> Option<usize> {
        self.0.iter().position(|s| *s == sort)
    }
}

/// A family that is being collected.
struct Growing {
    kind: Vec<i64>,
    holds: Holds,
    /// By the instances that they belong to: the cells, and when they are part of the state.
    cells: BTreeMap<Vec<u32>, (u32, Vec<Present>)>,
}

/// By path and axes.
type Found = BTreeMap<(Vec<i64>, Vec<usize>), Growing>;

struct Collector<'a> {
    program: &'a Program,
    layout: &'a Layout,
    sorts: &'a Numbering,
    found: Found,
}

/// Sorts that cannot be renamed in packed states: something is kept for every set of their instances.
pub(super) fn unsuitable(program: &Program, layout: &Layout) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut types: Vec<(Type, arch_base::Span)> = Vec::new();
    for var in &program.vars {
        types.extend(var.keys.iter().map(|k| (k.clone(), var.span)));
    }
    let mut shape_keys = |shape: &Shape, span| {
        visit(shape, &mut |s| {
            if let Shape::Bits(elements, _) | Shape::Map(elements, _) = s {
                types.push((elements.ty.clone(), span));
            }
        });
    };
    for (var, shapes) in program.vars.iter().zip(&layout.vars) {
        shapes.iter().for_each(|s| shape_keys(s, var.span));
    }
    for (protocol, runs) in program.protocols.iter().zip(&layout.runs) {
        runs.iter().flat_map(|r| &r.vars).for_each(|s| shape_keys(s, protocol.span));
    }
    for (fault, slots) in program.faults.iter().zip(&layout.pending) {
        slots.iter().for_each(|(_, s)| shape_keys(s, fault.span));
    }
    for (ty, span) in types {
        found.extend(unordered(program, &ty).into_iter().map(|sort| Broken {
            sort,
            span,
            by: Breaker::Keys,
        }));
    }
    found
}

/// The sorts in a type that holds sets or maps.
fn unordered(program: &Program, ty: &Type) -> Vec<SortId> {
    let collections = program.holds(ty, &|part| matches!(part, Type::Set(..) | Type::Map(..)));
    if collections { sorts_in(program, ty).collect() } else { Vec::new() }
}

fn visit(shape: &Shape, f: &mut dyn FnMut(&Shape)) {
    f(shape);
    match shape {
        Shape::Fixed(..) | Shape::Cell(..) | Shape::Bits(..) => {}
        Shape::Opt(_, inner) => visit(inner, f),
        Shape::Slots(slots) => slots.iter().for_each(|(_, s)| visit(s, f)),
        Shape::Map(_, list) | Shape::Record(list) => list.iter().for_each(|s| visit(s, f)),
        Shape::Seq(length, items) => {
            visit(length, f);
            items.iter().for_each(|s| visit(s, f));
        }
        Shape::Union(tag, variants) => {
            visit(tag, f);
            variants.iter().flatten().for_each(|s| visit(s, f));
        }
    }
}

/// The families of a layout; none when it does not treat interchangeable instances alike.
pub(super) fn families(program: &Program, layout: &Layout, sorts: &Numbering) -> Option<Vec<Family>> {
    let mut c = Collector { program, layout, sorts, found: Found::new() };
    c.vars();
    c.runs();
    c.instances();
    c.faults();
    c.waits();
    let sizes =
        |axes: &[usize]| -> Vec<u32> { axes.iter().map(|a| program.sorts[sorts.0[*a]].size).collect() };
    let mut list = Vec::new();
    for ((_, axes), Growing { kind, holds, cells }) in c.found {
        let sizes = sizes(&axes);
        if sizes.iter().map(|s| *s as usize).product::<usize>() != cells.len() {
            return None;
        }
        if axes.is_empty() && holds == Holds::Plain {
            continue;
        }
        let (cells, present): (Vec<u32>, Vec<Vec<Present>>) = cells.into_values().unzip();
        let always = holds == Holds::Plain || present.iter().all(Vec::is_empty);
        let present = if always { Vec::new() } else { present };
        list.push(Family { sizes, axes, cells, holds, present, kind: hash(&kind) });
    }
    Some(list)
}

fn hash(numbers: &[i64]) -> u64 {
    numbers.iter().fold(0x243F_6A88_85A3_08D3, |h, n| super::colour::mix(h, *n as u64))
}

impl Collector<'_> {
    fn add(&mut self, at: &Address, cell: u32, holds: Holds) {
        let axes = at.instances.iter().map(|(sort, _)| *sort).collect();
        let instances = at.instances.iter().map(|(_, i)| *i).collect();
        let family = self.found.entry((at.path.clone(), axes));
        let family =
            family.or_insert_with(|| Growing { kind: at.kind.clone(), holds, cells: BTreeMap::new() });
        family.cells.insert(instances, (cell, at.present.clone()));
    }

    /// Adds what identifies a key.
    fn key(&self, at: &mut Address, ty: &Type, value: &Value) {
        let mut number = |n: i64| {
            at.path.push(n);
            at.kind.push(n);
        };
        match (ty.unwrap_optional(), value) {
            (Type::Id(sort), Value::Id(i)) => match self.sorts.number(*sort) {
                Some(sort) => {
                    number(-4);
                    at.instances.push((sort, *i));
                }
                None => number(i64::from(*i)),
            },
            (Type::Record(id), Value::Record(fields)) => {
                for (field, value) in self.program.records[*id].fields.iter().zip(fields) {
                    self.key(at, &field.ty, value);
                }
            }
            (Type::Union(id), Value::Variant(tag, fields)) => {
                number(i64::from(*tag));
                let variant = &self.program.unions[*id].variants[*tag as usize];
                variant.fields.iter().zip(fields).for_each(|(f, v)| self.key(at, &f.ty, v));
            }
            (Type::Seq(element, _), Value::Seq(items)) => {
                number(items.len() as i64);
                items.iter().for_each(|v| self.key(at, element, v));
            }
            (_, Value::Null) => number(-1),
            // Holds no instances that can be renamed.
            (ty, value) => {
                let values = self.program.values(ty).unwrap_or_default();
                number(values.binary_search(value).map_or(-2, |i| i as i64));
            }
        }
    }

    fn holds(&self, ty: &Type) -> Holds {
        match ty.unwrap_optional() {
            Type::Id(sort) => self.sorts.number(*sort).map_or(Holds::Plain, Holds::Instance),
            Type::Run(protocol) => {
                let protocol = &self.program.protocols[*protocol];
                let subject =
                    |s: &arch_ir::Subject| (self.sorts.number(s.sort), self.program.sorts[s.sort].size);
                let subjects: Vec<_> = protocol.subjects.iter().map(subject).collect();
                match subjects.iter().any(|(sort, _)| sort.is_some()) {
                    true => Holds::Run(subjects, protocol.copies),
                    false => Holds::Plain,
                }
            }
            _ => Holds::Plain,
        }
    }

    fn shape(&mut self, at: &Address, shape: &Shape) {
        match shape {
            Shape::Fixed(..) => {}
            Shape::Cell(ty, cell) => self.add(at, *cell, self.holds(ty)),
            Shape::Opt(present, inner) => {
                self.add(&at.step(0), *present, Holds::Plain);
                self.shape(&at.step(1).when(Present::If(*present)), inner);
            }
            Shape::Bits(elements, bits) => {
                for (value, bit) in elements.values.iter().zip(bits) {
                    let mut to = at.step(0);
                    self.key(&mut to, &elements.ty, value);
                    self.add(&to, *bit, Holds::Plain);
                }
            }
            Shape::Slots(slots) => self.slots(at, slots),
            Shape::Map(keys, values) => {
                for (key, value) in keys.values.iter().zip(values) {
                    let mut to = at.step(0);
                    self.key(&mut to, &keys.ty, key);
                    // Ends the key, which may be of any length.
                    self.shape(&to.step(-3), value);
                }
            }
            Shape::Seq(length, items) => {
                self.shape(&at.step(0), length);
                for (i, item) in items.iter().enumerate() {
                    let here = at.step(i as i64 + 1);
                    self.shape(&here.when_cell(length, |c| Present::Within(c, i as i64)), item);
                }
            }
            Shape::Record(fields) => {
                fields.iter().enumerate().for_each(|(i, s)| self.shape(&at.step(i as i64), s));
            }
            Shape::Union(tag, variants) => {
                self.shape(&at.step(0), tag);
                for (t, fields) in variants.iter().enumerate() {
                    let here = at.step(t as i64 + 1).when_cell(tag, |c| Present::Tagged(c, t as i64));
                    fields.iter().enumerate().for_each(|(i, s)| self.shape(&here.step(i as i64), s));
                }
            }
        }
    }

    fn slots(&mut self, at: &Address, slots: &[(u32, Shape)]) {
        for (i, (present, shape)) in slots.iter().enumerate() {
            let slot = at.slot(i);
            self.add(&slot.step(0), *present, Holds::Plain);
            self.shape(&slot.step(1).when(Present::If(*present)), shape);
        }
    }

    fn vars(&mut self) {
        let (program, layout) = (self.program, self.layout);
        for (v, (var, shapes)) in program.vars.iter().zip(&layout.vars).enumerate() {
            for (keys, shape) in program.key_tuples(&var.keys).iter().zip(shapes) {
                let mut at = Address::default().step(0).step(v as i64);
                var.keys.iter().zip(keys).for_each(|(ty, key)| self.key(&mut at, ty, key));
                self.shape(&at.step(-3), shape);
            }
        }
    }

    /// Where what belongs to a run is.
    fn run(&self, part: i64, protocol: ProtocolId, run: u32) -> Address {
        let of = &self.program.protocols[protocol];
        let (subjects, copy) = self.program.run_subjects(of, run);
        let mut at = Address::default().step(part).step(i64::from(protocol.0)).step(i64::from(copy));
        for (subject, instance) in of.subjects.iter().zip(subjects) {
            self.key(&mut at, &Type::Id(subject.sort), &Value::Id(instance));
        }
        at
    }

    fn runs(&mut self) {
        let layout = self.layout;
        for (p, runs) in layout.runs.iter().enumerate() {
            for (run, RunShape { status, roles, vars }) in runs.iter().enumerate() {
                let at = self.run(1, ProtocolId(p as u32), run as u32);
                let parts = [status].into_iter().chain(roles).chain(vars);
                parts.enumerate().for_each(|(i, s)| self.shape(&at.step(i as i64), s));
            }
        }
    }

    /// What belongs to instances: whether they are down, their offsets.
    fn instances(&mut self) {
        let layout = self.layout;
        for (part, lists) in [(2, &layout.down), (3, &layout.skew)] {
            for (sort, shapes) in lists.iter().enumerate() {
                self.list(part, sort, SortId(sort as u32), shapes);
            }
        }
    }

    fn list(&mut self, part: i64, number: usize, sort: SortId, shapes: &[Shape]) {
        for (i, shape) in shapes.iter().enumerate() {
            let mut at = Address::default().step(part).step(number as i64);
            self.key(&mut at, &Type::Id(sort), &Value::Id(i as u32));
            self.shape(&at, shape);
        }
    }

    fn faults(&mut self) {
        let (program, layout) = (self.program, self.layout);
        for (f, fault) in program.faults.iter().enumerate() {
            match &fault.kind {
                FaultKind::Partition { from, .. } => self.list(4, f, *from, &layout.cut[f]),
                FaultKind::Duplicate { .. } => {
                    self.slots(&Address::default().step(5).step(f as i64), &layout.pending[f]);
                }
                FaultKind::Crash { .. } | FaultKind::Lose { .. } | FaultKind::Skew { .. } => {}
            }
        }
    }

    fn waits(&mut self) {
        let (program, layout) = (self.program, self.layout);
        for (d, (deadline, counts)) in program.deadlines.iter().zip(&layout.waits).enumerate() {
            for (run, shape) in counts.iter().enumerate() {
                let at = self.run(6, deadline.protocol, run as u32).step(d as i64);
                self.shape(&at, shape);
            }
        }
    }
}
