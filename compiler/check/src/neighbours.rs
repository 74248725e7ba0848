//! The order in which cells get their fields: what belongs to one instance side by side.
//!
//! The explorer gives numbers to the words of wide states and to pairs of them, which is cheap where few different ones occur. A
//! word with everything of some instances takes on about as many values as these have states. A word with one
//! attribute of all instances takes on about as many as the whole system where the attributes of an instance depend on each other.

use crate::layout::{Layout, Shape};
use arch_ir::{FaultKind, Program, ProtocolId, SortId, Type, VarOwner};

/// All cells: first those that are nobody's, then for each sort its instances one after the other, then what else there are several of.
pub(crate) fn in_order(program: &Program, layout: &Layout) -> Vec<u32> {
    let mut all = Neighbours { program, cells: Vec::new() };
    all.vars(&layout.vars);
    for (id, runs) in program.protocols.indices().zip(&layout.runs) {
        for (run, shape) in (0..).zip(runs) {
            let parts = [&shape.status].into_iter().chain(&shape.roles).chain(&shape.vars);
            parts.for_each(|part| all.add(all.run(id, run), part));
        }
    }
    for (deadline, waits) in program.deadlines.iter().zip(&layout.waits) {
        (0..).zip(waits).for_each(|(run, wait)| all.add(all.run(deadline.protocol, run), wait));
    }
    for (sort, shapes) in program.sorts.indices().zip(layout.down.iter().zip(&layout.skew)) {
        [shapes.0, shapes.1].into_iter().for_each(|shapes| all.instances(sort, shapes));
    }
    for (fault, shapes) in program.faults.iter().zip(&layout.cut) {
        if let FaultKind::Partition { from, .. } = fault.kind {
            all.instances(from, shapes);
        }
    }
    layout.budgets.iter().flatten().for_each(|budget| all.add(Place::default(), budget));
    for (present, delivery) in layout.pending.iter().flatten() {
        all.cells.push((Place::default(), *present));
        all.add(Place::default(), delivery);
    }
    all.cells.sort_by_key(|(place, _)| *place);
    all.cells.into_iter().map(|(_, cell)| cell).collect()
}

/// Where something is put.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Place {
    /// What there are several of: 0 for what there is one of, then sorts, then truth objects and protocols without a sort.
    kind: usize,
    /// Which of them.
    instance: usize,
    /// To what of it it belongs: itself, a truth object, a protocol.
    owner: usize,
    /// Which of these, where there are several for each instance.
    number: usize,
}

struct Neighbours<'p> {
    program: &'p Program,
    cells: Vec<(Place, u32)>,
}

impl Neighbours<'_> {
    fn add(&mut self, place: Place, shape: &Shape) {
        let mut cells = Vec::new();
        shape.cells(&mut cells);
        self.cells.extend(cells.into_iter().map(|cell| (place, cell)));
    }

    fn instances(&mut self, sort: SortId, shapes: &[Shape]) {
        let kind = 1 + sort.0 as usize;
        shapes.iter().enumerate().for_each(|(instance, shape)| {
            self.add(Place { kind, instance, ..Place::default() }, shape);
        });
    }

    /// Elements are numbered by their keys, the last one fastest.
    fn vars(&mut self, vars: &[Vec<Shape>]) {
        for (var, shapes) in self.program.vars.iter().zip(vars) {
            let owner = match var.owner {
                VarOwner::Local(_) => 0,
                VarOwner::Truth(truth) => 1 + truth.0 as usize,
            };
            let first = var.keys.first();
            let several = first.and_then(|key| self.program.cardinality(key)).unwrap_or(1).max(1) as usize;
            let each = (shapes.len() / several).max(1);
            let kind = match first {
                None => 0,
                Some(Type::Id(sort)) => 1 + sort.0 as usize,
                Some(_) => 1 + self.program.sorts.len() + owner,
            };
            for (i, shape) in shapes.iter().enumerate() {
                self.add(Place { kind, instance: i / each, owner, number: i % each }, shape);
            }
        }
    }

    /// Runs are numbered by their subjects, then their copies, which count fastest.
    fn run(&self, id: ProtocolId, run: usize) -> Place {
        let (program, protocol) = (self.program, &self.program.protocols[id]);
        let owner = 1 + program.truths.len() + id.0 as usize;
        match protocol.subjects.first() {
            Some(subject) => {
                let each = (program.run_count(id) / program.sorts[subject.sort].size.max(1)).max(1) as usize;
                Place { kind: 1 + subject.sort.0 as usize, instance: run / each, owner, number: run % each }
            }
            None => Place { kind: 1 + program.sorts.len() + owner, instance: run, owner, number: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbolic::sym::ElementsCache;
    use arch_ir::RangePolicy;
    use arch_ir::testing::{Build, range};

    #[test]
    fn what_belongs_to_an_instance_is_side_by_side() {
        let mut b = Build::new("replicas");
        let (replica, key) = (b.actor("replica", 2), b.id("key", 3));
        let (small, truth, one) =
            (range(0, 7, RangePolicy::Report), b.truth("Cell", None), b.truth("One", None));
        let by = |sorts: &[SortId]| sorts.iter().map(|s| Type::Id(*s)).collect::<Vec<_>>();
        let version = b.keyed(truth, "version", by(&[replica, key]), small.clone());
        let value = b.keyed(truth, "value", by(&[replica, key]), small.clone());
        let owner = b.keyed(truth, "owner", by(&[key]), small.clone());
        let numbered = b.keyed(truth, "numbered", vec![range(0, 1, RangePolicy::Report)], small.clone());
        let global = b.attribute(one, "global", small.clone());
        let local = b.local(replica, "local", small);
        let main = b.protocol("main", &[replica]);
        let state = b.run_var(main, "state", Type::Bool);
        let layout = Layout::of(&b.program, &mut ElementsCache::default()).expect("it is small");

        let of_var = |var: arch_ir::VarId, n: usize| layout.vars[var.0 as usize][n].clone();
        let mut shapes = vec![of_var(global, 0)];
        for r in 0..2 {
            shapes.push(of_var(local, r));
            (0..3).for_each(|k| shapes.extend([of_var(version, 3 * r + k), of_var(value, 3 * r + k)]));
            let run = &layout.runs[main.0 as usize][r];
            shapes.extend([run.status.clone(), run.vars[state.0 as usize].clone()]);
        }
        shapes.extend((0..3).map(|k| of_var(owner, k)));
        shapes.extend((0..2).map(|n| of_var(numbered, n)));
        let mut expected = Vec::new();
        shapes.iter().for_each(|shape| shape.cells(&mut expected));
        assert_eq!(in_order(&b.program, &layout), expected);

        let used = layout.widths.iter().sum::<u32>();
        assert_eq!(used as usize, layout.bits(), "no field lies on another");
    }
}
