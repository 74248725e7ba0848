//! From ground actions to a plan and its code: the last step of compilation.

use crate::assemble::{Assembly, Noted};
use crate::canonical::Sorted;
use crate::initial::Initial;
use crate::layout::{Layout, Shape};
use crate::machine::{Finding, Goal, Machine};
use crate::native::Tier;
use crate::plan::{self, Id, Lowering, Plan};
use crate::symbolic::action::{Action, BoundKind, Compiled};
use crate::symbolic::after::Substitution;
use crate::symbolic::beyond::leave_beyond;
use crate::symbolic::dag::{Dag, N, Op};
use crate::symbolic::sym::Sym;
use arch_base::Span;
use arch_ir::{Event, Program, PropertyId, PropertyKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes a plan, and code, of what was compiled.
pub(crate) struct Linker<'c> {
    program: &'c Program,
    layout: &'c Layout,
    compiled: &'c Compiled,
    low: Lowering<'c>,
    findings: Vec<Finding>,
    numbers: BTreeMap<Finding, u32>,
    cut_spans: Vec<Span>,
    steps: Vec<(u32, u32)>,
}

/// Compiles what symbolic execution made of a program.
pub(crate) fn link(program: &Program, layout: Layout, mut compiled: Compiled, initial: Initial) -> Machine {
    leave_beyond(&layout, &mut compiled);
    settle_waits(&layout, &mut compiled);
    let linker = Linker {
        program,
        layout: &layout,
        compiled: &compiled,
        low: Lowering::new(&compiled.dag, &layout),
        findings: Vec::new(),
        numbers: BTreeMap::new(),
        cut_spans: Vec::new(),
        steps: Vec::new(),
    };
    linker.link(initial)
}

/// Adds to the updates of actions that the counts of steps that are not enabled afterwards are 0.
fn settle_waits(layout: &Layout, compiled: &mut Compiled) {
    let mut counts: Vec<(u32, N)> = Vec::new();
    for (shapes, nodes) in layout.waits.iter().zip(&compiled.waiting) {
        for (shape, enabled) in shapes.iter().zip(nodes) {
            if let Shape::Cell(_, cell) = shape {
                counts.push((*cell, *enabled));
            }
        }
    }
    if counts.is_empty() {
        return;
    }
    let supports: Vec<_> = counts.iter().map(|(_, enabled)| compiled.dag.cells_below(*enabled)).collect();
    for action in &mut compiled.actions {
        let mut after = Substitution::new(&action.updates);
        for ((cell, enabled), support) in counts.iter().zip(&supports) {
            if !after.changes(*cell) && !support.iter().any(|c| after.changes(*c)) {
                continue;
            }
            let meta = &layout.cells[*cell as usize];
            let old = compiled.dag.cell(*cell, meta.lo, meta.hi);
            let count = after.of(&mut compiled.dag, old);
            let enabled = after.of(&mut compiled.dag, *enabled);
            let zero = compiled.dag.int(0);
            let count = compiled.dag.select(enabled, count, zero);
            action.updates.retain(|(c, _)| c != cell);
            if count != old {
                action.updates.push((*cell, count));
            }
        }
    }
}

/// Conditions that must all hold, taken apart, without those that always do.
fn conjuncts(dag: &Dag, conditions: &[N]) -> Vec<N> {
    let mut list = Vec::new();
    let mut open: Vec<N> = conditions.iter().rev().copied().collect();
    while let Some(n) = open.pop() {
        match dag.op(n) {
            Op::Const(value) if value != 0 => {}
            Op::And(a, b) => open.extend([b, a]),
            _ if list.contains(&n) => {}
            _ => list.push(n),
        }
    }
    list
}

impl Linker<'_> {
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

    fn violated(&self, property: usize) -> u32 {
        number(&self.numbers, Finding::Violated(PropertyId(property as u32)))
    }

    fn link(mut self, initial: Initial) -> Machine {
        self.number_findings();
        let (actions, groups) = self.actions();
        let judge = self.judge();
        let unfinished = self.low.plain(self.compiled.unfinished);
        let (goals, goal_kinds) = self.goals();
        let live = self.live();
        let noted = self.compiled.actions.iter().map(|a| detail_nodes(a).into_iter());
        let noted: Vec<Noted> = noted.map(|nodes| nodes.map(|n| (n, self.low.plain(n))).collect()).collect();
        // A state is stuck when nothing helps an unfinished run: never, where there are no runs.
        let idle = self.compiled.dag.constant(self.compiled.unfinished) == Some(0);
        let stuck = self.numbers.get(&Finding::Stuck).copied().filter(|_| !idle);
        let tick = self.compiled.actions.iter().position(|a| a.event == Event::Tick).map(|i| i as u32);
        let plan = Plan {
            graph: self.low.finish(),
            words: self.layout.widths.len() as u32,
            actions,
            groups,
            judge,
            tick,
            steps: self.steps.len() as u32,
            cuts: self.cut_spans.len() as u32,
        };
        let combinations = self.compiled.combinations.iter();
        let values = combinations.map(|(p, list)| {
            (PropertyId(*p as u32), list.iter().map(|c| c.values.clone()).collect::<Vec<_>>())
        });
        let mut assembly = Assembly::new(&plan);
        let grounds = assembly.grounds(&self.compiled.actions);
        let details = assembly.details(&self.compiled.actions, &noted);
        let groups = assembly.groups();
        let judge = assembly.judge();
        let unfinished = assembly.values(&[unfinished]);
        let goals = assembly.pairs(&goals);
        let live_code = assembly.pairs(&live.iter().map(|(_, due, goal)| (*due, *goal)).collect::<Vec<_>>());
        let code = assembly.finish();
        Machine {
            program: self.program.clone(),
            layout: self.layout.clone(),
            slots: self.layout.groups.iter().map(Sorted::new).collect(),
            code,
            grounds,
            details,
            groups,
            judge,
            unfinished,
            goals,
            goal_kinds,
            live: live_code,
            live_properties: live.iter().map(|(p, ..)| *p).collect(),
            combinations: values.collect(),
            bounds: number(&self.numbers, Finding::Bounds),
            advances: number(&self.numbers, Finding::Advances),
            stuck,
            findings: self.findings,
            cut_spans: self.cut_spans,
            steps: self.steps,
            initial,
            tick,
            plan: Arc::new(plan),
            tier: Tier::default(),
        }
    }

    fn actions(&mut self) -> (Vec<plan::Action>, Vec<plan::Group>) {
        let mut actions = Vec::new();
        let mut groups: Vec<plan::Group> = Vec::new();
        let mut shared: Option<N> = None;
        let compiled = self.compiled;
        for (i, action) in compiled.actions.iter().enumerate() {
            let mut base = conjuncts(&compiled.dag, &action.base);
            let first = base.first().copied();
            if first != shared || groups.is_empty() {
                let conditions = self.low.conditions(first);
                groups.push(plan::Group { conditions, actions: i as u32..i as u32 });
                shared = first;
            }
            if first.is_some() {
                base.remove(0);
            }
            actions.push(self.action(action, base));
            if let Some(group) = groups.last_mut() {
                group.actions.end = i as u32 + 1;
            }
        }
        (actions, groups)
    }

    /// An action, without the condition of its group.
    fn action(&mut self, action: &Action, base: Vec<N>) -> plan::Action {
        let cuts = action.cuts.iter().map(|(n, span)| (*n, self.cut_number(*span))).collect::<Vec<_>>();
        plan::Action {
            base: self.low.conditions(base),
            guard: self.low.conditions([action.guard]),
            refused: action.guarded.map(|step| self.step_number(step)),
            rest: self.low.conditions(action.rest.iter().copied()),
            cuts: cuts.into_iter().map(|(n, cut)| (self.low.plain(n), cut)).collect(),
            live: self.low.conditions([action.live]),
            bounds: action.bounds.iter().map(|b| self.low.plain(b.exceeded)).collect(),
            claims: self.claims(&action.claims),
            exceeding: self.claims(&action.exceeding),
            outcome: self.low.outcome(&action.updates),
        }
    }

    /// Claims that are not always true.
    fn claims(&mut self, claims: &[(usize, N)]) -> Vec<(Id, u32)> {
        let dag = &self.compiled.dag;
        let open = claims.iter().filter(|(_, n)| dag.constant(*n).is_none_or(|v| v == 0));
        open.map(|(property, n)| (self.low.plain(*n), self.violated(*property))).collect()
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

    fn judge(&mut self) -> plan::Judge {
        let violated = self.claims(&self.compiled.always);
        let mut hits = Vec::new();
        for (property, list) in &self.compiled.combinations {
            let id = PropertyId(*property as u32);
            if !matches!(self.program.properties[id].kind, PropertyKind::Reachable(_)) {
                continue;
            }
            for (c, combination) in list.iter().enumerate() {
                let (exists, holds) = (self.low.plain(combination.exists), self.low.plain(combination.holds));
                hits.push((exists, holds, number(&self.numbers, Finding::Hit(id, c as u32))));
            }
        }
        plan::Judge { violated, hits }
    }

    fn goals(&mut self) -> (Vec<(Id, Id)>, Vec<Goal>) {
        let (mut nodes, mut kinds) = (Vec::new(), Vec::new());
        for (property, list) in &self.compiled.combinations {
            let id = PropertyId(*property as u32);
            if let PropertyKind::AlwaysPossible(_) = self.program.properties[id].kind {
                for (c, combination) in list.iter().enumerate() {
                    nodes.push((self.low.plain(combination.exists), self.low.plain(combination.holds)));
                    kinds.push(Goal::Possible(id, c as u32));
                }
            }
        }
        if self.program.builtin.stranded {
            for (run, unfinished) in &self.compiled.unfinished_runs {
                let unfinished = self.low.plain(*unfinished);
                nodes.push((unfinished, unfinished));
                kinds.push(Goal::Finished(*run));
            }
        }
        (nodes, kinds)
    }

    /// For each combination of each liveness property, whether something is to follow a state, and whether the state
    /// is what is to follow.
    fn live(&mut self) -> Vec<(PropertyId, Id, Id)> {
        let mut nodes = Vec::new();
        for (property, list) in &self.compiled.live {
            for combination in list {
                let (due, goal) = (self.low.plain(combination.due), self.low.plain(combination.goal));
                nodes.push((PropertyId(*property as u32), due, goal));
            }
        }
        nodes
    }
}

fn number(numbers: &BTreeMap<Finding, u32>, finding: Finding) -> u32 {
    numbers.get(&finding).copied().unwrap_or_default()
}

/// What names an action's picks and bounds.
fn detail_nodes(action: &Action) -> Vec<N> {
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
    nodes
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
