//! From ground actions to code: the last step of compilation.

use crate::canonical::Sorted;
use crate::code::{Emitter, Place, conjuncts};
use crate::initial::Initial;
use crate::layout::{Layout, Shape};
use crate::machine::{Details, Finding, Goal, GoalCode, Ground, Group, Judge, Live, Machine, Waits};
use crate::symbolic::action::{Action, BoundKind, Combination, Compiled};
use crate::symbolic::dag::N;
use crate::symbolic::sym::Sym;
use arch_base::Span;
use arch_ir::{Event, Program, PropertyId, PropertyKind};
use std::collections::BTreeMap;

/// Makes code of what was compiled.
pub(crate) struct Linker<'c> {
    program: &'c Program,
    layout: &'c Layout,
    compiled: &'c Compiled,
    emitter: Emitter<'c>,
    findings: Vec<Finding>,
    numbers: BTreeMap<Finding, u32>,
    cut_spans: Vec<Span>,
    steps: Vec<(u32, u32)>,
    details: BTreeMap<u32, Details>,
    /// For each cell whether it is an ordinal or in a slot.
    stirring: Vec<bool>,
}

impl<'c> Linker<'c> {
    pub(crate) fn new(program: &'c Program, layout: &'c Layout, compiled: &'c Compiled) -> Linker<'c> {
        let mut linker = Linker {
            program,
            layout,
            compiled,
            emitter: Emitter::new(&compiled.dag, layout.cells.len()),
            findings: Vec::new(),
            numbers: BTreeMap::new(),
            cut_spans: Vec::new(),
            steps: Vec::new(),
            details: BTreeMap::new(),
            stirring: stirring(layout),
        };
        linker.number_findings();
        linker
    }

    fn number_findings(&mut self) {
        for (id, property) in self.program.properties.iter_enumerated() {
            match property.kind {
                PropertyKind::Always(_) | PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => {
                    self.findings.push(Finding::Violated(id));
                }
                PropertyKind::Reachable(_) => {
                    let all = self.compiled.combinations.iter().find(|(i, _)| *i == id.0 as usize);
                    let count = all.map_or(0, |(_, list)| list.len() as u32);
                    self.findings.extend((0..count).map(|c| Finding::Hit(id, c)));
                }
                _ => {}
            }
        }
        self.findings.extend([Finding::Bounds, Finding::Advances]);
        if self.program.builtin.stuck {
            self.findings.push(Finding::Stuck);
        }
        self.numbers = self.findings.iter().copied().zip(0..).collect();
    }

    fn number(&self, finding: Finding) -> u32 {
        self.numbers.get(&finding).copied().unwrap_or_default()
    }

    fn violated(&self, property: usize) -> u32 {
        self.number(Finding::Violated(PropertyId(property as u32)))
    }

    pub(crate) fn link(mut self, initial: Initial) -> Machine {
        let (grounds, groups) = self.actions();
        let judge = self.judge();
        let (goals, goal_kinds) = self.goals();
        let live = self.live();
        let values = |list: &Vec<Combination>| list.iter().map(|c| c.values.clone()).collect();
        let combinations = self.compiled.combinations.iter();
        let combinations = combinations.map(|(p, list)| (PropertyId(*p as u32), values(list))).collect();
        let waits = self.waits();
        let tick = grounds.iter().position(|g| g.event == Event::Tick).map(|i| i as u32);
        Machine {
            program: self.program.clone(),
            layout: self.layout.clone(),
            slots: self.layout.groups.iter().map(Sorted::new).collect(),
            grounds,
            groups,
            judge,
            goals,
            goal_kinds,
            live,
            combinations,
            waits,
            initial,
            bounds: self.number(Finding::Bounds),
            advances: self.number(Finding::Advances),
            stuck: self.numbers.get(&Finding::Stuck).copied(),
            tick,
            findings: self.findings,
            cut_spans: self.cut_spans,
            steps: self.steps,
            details: self.details,
            code: self.emitter.finish(),
        }
    }

    fn actions(&mut self) -> (Vec<Ground>, Vec<Group>) {
        let mut grounds = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut shared: Option<N> = None;
        let compiled = self.compiled;
        for (i, action) in compiled.actions.iter().enumerate() {
            let mut base = conjuncts(&compiled.dag, &action.base);
            let first = base.first().copied();
            if first.is_none() || first != shared || groups.is_empty() {
                let start = self.emitter.here();
                first.into_iter().for_each(|n| self.emitter.assert(n));
                self.emitter.end_unit();
                groups.push(Group { code: start..self.emitter.here(), actions: i as u32..i as u32 });
                shared = first;
            }
            if first.is_some() {
                base.remove(0);
            }
            grounds.push(self.ground(i as u32, action, &base));
            if let Some(group) = groups.last_mut() {
                group.actions.end = i as u32 + 1;
            }
        }
        (grounds, groups)
    }

    /// The code of an action, without the conditions that its group has asserted.
    fn ground(&mut self, id: u32, action: &Action, base: &[N]) -> Ground {
        let start = self.emitter.here();
        base.iter().for_each(|n| self.emitter.assert(*n));
        let guard = self.emitter.here();
        self.emitter.assert(action.guard);
        let guard = guard..self.emitter.here();
        action.rest.iter().for_each(|n| self.emitter.assert(*n));
        let enabling = start..self.emitter.here();
        let cuts: Vec<(Place, u32)> =
            action.cuts.iter().map(|(n, span)| (self.emitter.value(*n), self.cut_number(*span))).collect();
        let cutting = enabling.end..self.emitter.here();
        self.emitter.assert(action.live);
        let claims = self.claims(&action.claims);
        let exceeding = self.claims(&action.exceeding);
        let bounds = action.bounds.iter().map(|b| (self.emitter.value(b.exceeded), b.kind)).collect();
        let updates: Vec<(u32, Place)> =
            action.updates.iter().map(|(c, n)| (*c, self.emitter.value(*n))).collect();
        let effect = cutting.end..self.emitter.here();
        self.emitter.end_unit();
        self.detail(id, action);
        let stirs = updates.iter().any(|(c, _)| self.stirring[*c as usize]);
        let refused = action.guarded.map(|step| self.step_number(step));
        let helps = matches!(
            action.event,
            Event::Begin(_)
                | Event::Step { .. }
                | Event::Reject { .. }
                | Event::Restart(..)
                | Event::Heal(..)
        );
        let event = action.event.clone();
        Ground {
            event,
            enabling,
            guard,
            refused,
            cutting,
            cuts,
            effect,
            updates,
            bounds,
            claims,
            exceeding,
            helps,
            stirs,
        }
    }

    /// Places of claims that are not always true.
    fn claims(&mut self, claims: &[(usize, N)]) -> Vec<(Place, u32)> {
        let dag = &self.compiled.dag;
        let open = claims.iter().filter(|(_, n)| dag.constant(*n).is_none_or(|v| v == 0));
        open.map(|(property, n)| (self.emitter.value(*n), self.violated(*property))).collect()
    }

    fn cut_number(&mut self, span: Span) -> u32 {
        let known = self.cut_spans.iter().position(|s| *s == span);
        known.unwrap_or_else(|| {
            self.cut_spans.push(span);
            self.cut_spans.len() - 1
        }) as u32
    }

    fn step_number(&mut self, (p, step): (arch_ir::ProtocolId, arch_ir::StepId)) -> u32 {
        let pair = (p.0, step.0);
        let known = self.steps.iter().rposition(|s| *s == pair);
        known.unwrap_or_else(|| {
            self.steps.push(pair);
            self.steps.len() - 1
        }) as u32
    }

    fn detail(&mut self, id: u32, action: &Action) {
        if action.picks.is_empty() && action.bounds.is_empty() {
            return;
        }
        let mut nodes = Vec::new();
        for pick in &action.picks {
            nodes.push(pick.reached);
            sym_nodes(&pick.value, &mut nodes);
        }
        for bound in &action.bounds {
            nodes.push(bound.exceeded);
            if let BoundKind::Range(n) | BoundKind::Size(n) = bound.kind {
                nodes.push(n);
            }
        }
        let start = self.emitter.here();
        let places = nodes.into_iter().map(|n| (n.0, self.emitter.value(n))).collect();
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        let picks = action.picks.iter().map(|p| (p.reached, p.value.clone(), p.ty.clone())).collect();
        self.details.insert(id, Details { code, places, picks, bounds: action.bounds.clone() });
    }

    fn judge(&mut self) -> Judge {
        let start = self.emitter.here();
        let violated = self.claims(&self.compiled.always.clone());
        let mut hits = Vec::new();
        for (property, list) in &self.compiled.combinations {
            let id = PropertyId(*property as u32);
            if !matches!(self.program.properties[id].kind, PropertyKind::Reachable(_)) {
                continue;
            }
            for (c, combination) in list.iter().enumerate() {
                let (exists, holds) =
                    (self.emitter.value(combination.exists), self.emitter.value(combination.holds));
                hits.push((exists, holds, self.number(Finding::Hit(id, c as u32))));
            }
        }
        let unfinished = self.emitter.value(self.compiled.unfinished);
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        Judge { code, violated, hits, unfinished }
    }

    fn goals(&mut self) -> (GoalCode, Vec<Goal>) {
        let start = self.emitter.here();
        let (mut places, mut kinds) = (Vec::new(), Vec::new());
        for (property, list) in &self.compiled.combinations {
            let id = PropertyId(*property as u32);
            if let PropertyKind::AlwaysPossible(_) = self.program.properties[id].kind {
                for (c, combination) in list.iter().enumerate() {
                    places.push((
                        self.emitter.value(combination.exists),
                        self.emitter.value(combination.holds),
                    ));
                    kinds.push(Goal::Possible(id, c as u32));
                }
            }
        }
        if self.program.builtin.stranded {
            for (run, unfinished) in &self.compiled.unfinished_runs {
                let place = self.emitter.value(*unfinished);
                places.push((place, place));
                kinds.push(Goal::Finished(*run));
            }
        }
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        (GoalCode { code, places }, kinds)
    }

    fn live(&mut self) -> Live {
        let start = self.emitter.here();
        let mut places = Vec::new();
        for (property, list) in &self.compiled.live {
            for combination in list {
                let due = self.emitter.value(combination.due);
                places.push((PropertyId(*property as u32), due, self.emitter.value(combination.goal)));
            }
        }
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        Live { code, places }
    }

    fn waits(&mut self) -> Waits {
        let start = self.emitter.here();
        let mut counts = Vec::new();
        for (shapes, nodes) in self.layout.waits.iter().zip(&self.compiled.waiting) {
            for (shape, enabled) in shapes.iter().zip(nodes) {
                if let Shape::Cell(_, cell) = shape {
                    counts.push((*cell, self.emitter.value(*enabled)));
                }
            }
        }
        let code = start..self.emitter.here();
        self.emitter.end_unit();
        Waits { code, counts }
    }
}

/// The nodes of a value.
fn sym_nodes(sym: &Sym, out: &mut Vec<N>) {
    match sym {
        Sym::Scalar(n) => out.push(*n),
        Sym::Opt(n, inner) => {
            out.push(*n);
            inner.iter().for_each(|s| sym_nodes(s, out));
        }
        Sym::Bits(_, bits) => out.extend(bits.iter()),
        Sym::Slots(slots) => slots.iter().for_each(|(n, s)| {
            out.push(*n);
            sym_nodes(s, out);
        }),
        Sym::Map(_, list) | Sym::Record(list) => list.iter().for_each(|s| sym_nodes(s, out)),
        Sym::Seq(n, list) => {
            out.push(*n);
            list.iter().for_each(|s| sym_nodes(s, out));
        }
        Sym::Union(n, variants) => {
            out.push(*n);
            variants.iter().flatten().flatten().for_each(|s| sym_nodes(s, out));
        }
    }
}

fn stirring(layout: &Layout) -> Vec<bool> {
    let mut stirring = vec![false; layout.cells.len()];
    layout.ordinals.iter().flatten().for_each(|c| stirring[*c as usize] = true);
    let mut cells = Vec::new();
    for (present, shape) in layout.groups.iter().flat_map(|g| &g.slots) {
        cells.push(*present);
        shape.cells(&mut cells);
    }
    cells.into_iter().for_each(|c| stirring[c as usize] = true);
    stirring
}
