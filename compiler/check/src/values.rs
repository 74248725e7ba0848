//! Between the cells of a state and the values of the language.

use crate::layout::{Cell, Layout, RunShape, Shape};
use crate::symbolic::dag::NULL;
use crate::symbolic::sym::{scalar_number, scalar_value};
use arch_ir::{Delivery, FaultKind, Program, RunState, State, Type, Value};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The number of a scalar shape.
fn number(shape: &Shape, cells: &[i64]) -> i64 {
    match shape {
        Shape::Fixed(_, value) => *value,
        Shape::Cell(_, cell) => cells[*cell as usize],
        _ => NULL,
    }
}

/// A number that is not negative.
fn small(shape: &Shape, cells: &[i64]) -> u32 {
    u32::try_from(number(shape, cells)).unwrap_or_default()
}

fn flag(cell: u32, cells: &[i64]) -> bool {
    cells[cell as usize] != 0
}

/// What is in the cells of a shape.
pub fn read(shape: &Shape, cells: &[i64]) -> Value {
    let all = |list: &[Shape]| list.iter().map(|s| read(s, cells)).collect::<Vec<_>>();
    match shape {
        Shape::Fixed(ty, value) => scalar_value(ty, *value),
        Shape::Cell(ty, cell) => scalar_value(ty, cells[*cell as usize]),
        Shape::Opt(present, inner) if flag(*present, cells) => read(inner, cells),
        Shape::Opt(..) => Value::Null,
        Shape::Bits(elements, bits) => {
            let members = elements.values.iter().zip(bits).filter(|(_, bit)| flag(**bit, cells));
            Value::Set(members.map(|(value, _)| value.clone()).collect())
        }
        Shape::Slots(slots) => {
            let used = slots.iter().filter(|(present, _)| flag(*present, cells));
            Value::Set(used.map(|(_, s)| read(s, cells)).collect())
        }
        Shape::Map(keys, values) => Value::Map(keys.values.iter().cloned().zip(all(values)).collect()),
        Shape::Seq(length, items) => {
            Value::Seq(all(&items[..(small(length, cells) as usize).min(items.len())]))
        }
        Shape::Record(fields) => Value::Record(all(fields)),
        Shape::Union(tag, variants) => {
            let tag = small(tag, cells);
            Value::Variant(tag, all(&variants[tag as usize]))
        }
    }
}

/// Writes a value into the cells of a shape, instants saturated; without one, 0. Whether it fits.
pub fn write(shape: &Shape, value: Option<&Value>, meta: &[Cell], cells: &mut [i64]) -> bool {
    match shape {
        Shape::Fixed(ty, fixed) => {
            let number = value.and_then(scalar_number);
            *ty == Type::Time || number.is_none_or(|n| n == *fixed)
        }
        Shape::Cell(ty, cell) => write_scalar(ty, *cell, value, meta, cells),
        Shape::Opt(present, inner) => {
            let value = value.filter(|v| **v != Value::Null);
            cells[*present as usize] = i64::from(value.is_some());
            write(inner, value, meta, cells)
        }
        Shape::Bits(elements, bits) => {
            let empty = BTreeSet::new();
            let Value::Set(set) = value.unwrap_or(&Value::Null) else {
                return write_bits(elements, bits, &empty, cells);
            };
            write_bits(elements, bits, set, cells)
        }
        Shape::Slots(slots) => {
            let list: Vec<&Value> = match value {
                Some(Value::Set(set)) => set.iter().collect(),
                _ => Vec::new(),
            };
            write_slots(slots, &list, meta, cells)
        }
        Shape::Map(_, shapes) => {
            let values: Vec<&Value> = match value {
                Some(Value::Map(map)) => map.values().collect(),
                _ => Vec::new(),
            };
            write_list(shapes, &values, meta, cells)
        }
        Shape::Seq(length, shapes) => {
            let items: &[Value] = if let Some(Value::Seq(items)) = value { items } else { &[] };
            let count = Value::Int(items.len() as i64);
            let fits = write(length, Some(&count), meta, cells);
            fits & write_list(shapes, &items.iter().collect::<Vec<_>>(), meta, cells)
        }
        Shape::Record(shapes) => {
            let fields: &[Value] = if let Some(Value::Record(fields)) = value { fields } else { &[] };
            write_list(shapes, &fields.iter().collect::<Vec<_>>(), meta, cells)
        }
        Shape::Union(tag, variants) => write_union(tag, variants, value, meta, cells),
    }
}

fn write_scalar(ty: &Type, cell: u32, value: Option<&Value>, meta: &[Cell], cells: &mut [i64]) -> bool {
    let declared = &meta[cell as usize];
    let mut number = value.and_then(scalar_number).unwrap_or(declared.zero());
    if *ty.unwrap_optional() == Type::Time && number != NULL {
        number = if declared.lo == declared.hi { declared.lo } else { number.max(declared.lo) };
    }
    cells[cell as usize] = number;
    number == NULL && declared.nullable || (declared.lo..=declared.hi).contains(&number)
}

fn write_bits(
    elements: &crate::symbolic::sym::Elements,
    bits: &[u32],
    set: &BTreeSet<Value>,
    cells: &mut [i64],
) -> bool {
    for (value, bit) in elements.values.iter().zip(bits) {
        cells[*bit as usize] = i64::from(set.contains(value));
    }
    set.iter().all(|v| elements.position(v).is_some())
}

fn write_list(shapes: &[Shape], values: &[&Value], meta: &[Cell], cells: &mut [i64]) -> bool {
    let mut fits = values.len() <= shapes.len();
    for (i, shape) in shapes.iter().enumerate() {
        fits &= write(shape, values.get(i).copied(), meta, cells);
    }
    fits
}

fn write_slots(slots: &[(u32, Shape)], values: &[&Value], meta: &[Cell], cells: &mut [i64]) -> bool {
    let mut fits = values.len() <= slots.len();
    for (i, (present, shape)) in slots.iter().enumerate() {
        cells[*present as usize] = i64::from(i < values.len());
        fits &= write(shape, values.get(i).copied(), meta, cells);
    }
    fits
}

fn write_union(
    tag: &Shape,
    variants: &[Vec<Shape>],
    value: Option<&Value>,
    meta: &[Cell],
    cells: &mut [i64],
) -> bool {
    let (which, fields): (u32, &[Value]) = match value {
        Some(Value::Variant(tag, fields)) => (*tag, fields),
        _ => (0, &[]),
    };
    let mut fits = write(tag, Some(&Value::Int(i64::from(which))), meta, cells);
    for (t, shapes) in variants.iter().enumerate() {
        let fields: Vec<&Value> = if t == which as usize { fields.iter().collect() } else { Vec::new() };
        fits &= write_list(shapes, &fields, meta, cells);
    }
    fits
}

/// The order of two values with the same layout, as that of [`Value`].
pub fn compare(a: &Shape, b: &Shape, cells: &[i64]) -> Ordering {
    match (a, b) {
        (Shape::Fixed(..) | Shape::Cell(..), _) => number(a, cells).cmp(&number(b, cells)),
        (Shape::Opt(p, a), Shape::Opt(q, b)) => match (flag(*p, cells), flag(*q, cells)) {
            (true, true) => compare(a, b, cells),
            (p, q) => p.cmp(&q),
        },
        (Shape::Bits(_, a), Shape::Bits(_, b)) => compare_bits(a, b, cells),
        (Shape::Slots(a), Shape::Slots(b)) => {
            let used = |slots: &[(u32, Shape)]| slots.iter().filter(|(p, _)| flag(*p, cells)).count();
            let (n, m) = (used(a), used(b));
            let pairs = a[..n].iter().zip(&b[..m]).map(|((_, a), (_, b))| compare(a, b, cells));
            pairs.fold(Ordering::Equal, Ordering::then).then(n.cmp(&m))
        }
        (Shape::Map(_, a), Shape::Map(_, b)) | (Shape::Record(a), Shape::Record(b)) => {
            compare_lists(a, b, cells)
        }
        (Shape::Seq(n, a), Shape::Seq(m, b)) => {
            let (n, m) = (small(n, cells) as usize, small(m, cells) as usize);
            compare_lists(&a[..n.min(a.len())], &b[..m.min(b.len())], cells).then(n.cmp(&m))
        }
        (Shape::Union(t, a), Shape::Union(u, b)) => {
            let (t, u) = (small(t, cells) as usize, small(u, cells) as usize);
            t.cmp(&u).then_with(|| compare_lists(&a[t], &b[u], cells))
        }
        _ => Ordering::Equal,
    }
}

fn compare_lists(a: &[Shape], b: &[Shape], cells: &[i64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| compare(a, b, cells)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Sets are ordered as the sorted lists of their elements.
fn compare_bits(a: &[u32], b: &[u32], cells: &[i64]) -> Ordering {
    let Some(i) = (0..a.len()).find(|i| flag(a[*i], cells) != flag(b[*i], cells)) else {
        return Ordering::Equal;
    };
    let (with_it, other) = if flag(a[i], cells) { (Ordering::Less, b) } else { (Ordering::Greater, a) };
    let goes_on = other[i..].iter().any(|bit| flag(*bit, cells));
    if goes_on { with_it } else { with_it.reverse() }
}

/// The state in the cells.
pub fn read_state(program: &Program, layout: &Layout, cells: &[i64]) -> State {
    let flags = |lists: &[Vec<Shape>]| -> Vec<Vec<bool>> {
        lists.iter().map(|list| list.iter().map(|s| number(s, cells) != 0).collect()).collect()
    };
    let runs = program.protocols.iter_enumerated().map(|(p, protocol)| {
        let shapes = &layout.runs[p.0 as usize];
        if protocol.rule {
            return vec![RunState::idle(protocol); program.run_count(p) as usize];
        }
        shapes.iter().map(|shape| read_run(layout, p.0 as usize, shape, cells)).collect()
    });
    State {
        vars: layout.vars.iter().map(|list| list.iter().map(|s| read(s, cells)).collect()).collect(),
        runs: runs.collect(),
        down: flags(&layout.down),
        skew: layout.skew.iter().map(|list| list.iter().map(|s| number(s, cells)).collect()).collect(),
        budgets: layout.budgets.iter().map(|b| b.as_ref().map(|s| small(s, cells))).collect(),
        cut: flags(&layout.cut),
        pending: program
            .faults
            .iter()
            .zip(&layout.pending)
            .map(|(f, slots)| read_pending(&f.kind, slots, cells))
            .collect(),
        waits: layout.waits.iter().map(|list| list.iter().map(|s| small(s, cells)).collect()).collect(),
    }
}

fn read_run(layout: &Layout, p: usize, shape: &RunShape, cells: &[i64]) -> RunState {
    let role = |s: &Shape| u32::try_from(number(s, cells)).ok();
    RunState {
        status: layout.statuses[p].list[small(&shape.status, cells) as usize],
        roles: shape.roles.iter().map(role).collect(),
        vars: shape.vars.iter().map(|s| read(s, cells)).collect(),
    }
}

fn read_pending(kind: &FaultKind, slots: &[(u32, Shape)], cells: &[i64]) -> Vec<Delivery> {
    let FaultKind::Duplicate { vars, roles, .. } = kind else { return Vec::new() };
    let mut list = Vec::new();
    for (_, shape) in slots.iter().filter(|(present, _)| flag(*present, cells)) {
        let Shape::Record(parts) = shape else { continue };
        let (captured, locals) = parts[2 + roles.len()..].split_at(vars.len());
        list.push(Delivery {
            run: small(&parts[0], cells),
            actor: small(&parts[1], cells),
            roles: parts[2..2 + roles.len()].iter().map(|s| u32::try_from(number(s, cells)).ok()).collect(),
            vars: captured.iter().map(|s| read(s, cells)).collect(),
            locals: locals.iter().map(|s| read(s, cells)).collect(),
        });
    }
    list
}

/// Writes a state into the cells; whether it fits.
pub fn write_state(program: &Program, layout: &Layout, state: &State, cells: &mut [i64]) -> bool {
    let mut w = Writer { meta: &layout.cells, cells, fits: true };
    for (shapes, values) in layout.vars.iter().zip(&state.vars) {
        shapes.iter().zip(values).for_each(|(s, v)| w.value(s, v));
    }
    for ((shapes, runs), statuses) in layout.runs.iter().zip(&state.runs).zip(&layout.statuses) {
        for (shape, run) in shapes.iter().zip(runs) {
            w.value(&shape.status, &Value::Int(statuses.number(run.status)));
            shape.roles.iter().zip(&run.roles).for_each(|(s, r)| w.value(s, &optional_id(*r)));
            shape.vars.iter().zip(&run.vars).for_each(|(s, v)| w.value(s, v));
        }
    }
    for (lists, flags) in [(&layout.down, &state.down), (&layout.cut, &state.cut)] {
        let pairs = lists.iter().zip(flags).flat_map(|(list, flags)| list.iter().zip(flags));
        pairs.for_each(|(s, b)| w.value(s, &Value::Bool(*b)));
    }
    let skews = layout.skew.iter().zip(&state.skew).flat_map(|(list, values)| list.iter().zip(values));
    skews.for_each(|(s, n)| w.value(s, &Value::Int(*n)));
    for (shape, left) in layout.budgets.iter().zip(&state.budgets) {
        if let (Some(shape), Some(left)) = (shape, left) {
            w.value(shape, &Value::Int(i64::from(*left)));
        }
    }
    let waits = layout.waits.iter().zip(&state.waits).flat_map(|(list, values)| list.iter().zip(values));
    waits.for_each(|(s, n)| w.value(s, &Value::Int(i64::from(*n))));
    for (slots, list) in layout.pending.iter().zip(&state.pending) {
        w.pending(slots, list);
    }
    let _ = program;
    w.fits
}

fn optional_id(instance: Option<u32>) -> Value {
    instance.map_or(Value::Null, Value::Id)
}

struct Writer<'a> {
    meta: &'a [Cell],
    cells: &'a mut [i64],
    fits: bool,
}

impl Writer<'_> {
    fn value(&mut self, shape: &Shape, value: &Value) {
        self.fits &= write(shape, Some(value), self.meta, self.cells);
    }

    fn pending(&mut self, slots: &[(u32, Shape)], list: &[Delivery]) {
        let record = |d: &Delivery| {
            let head = [Value::Run(d.run), Value::Id(d.actor)].into_iter();
            let roles = d.roles.iter().map(|r| optional_id(*r));
            Value::Record(
                head.chain(roles).chain(d.vars.iter().cloned()).chain(d.locals.iter().cloned()).collect(),
            )
        };
        let records: Vec<Value> = list.iter().map(record).collect();
        self.fits &= write_slots(slots, &records.iter().collect::<Vec<_>>(), self.meta, self.cells);
    }
}
