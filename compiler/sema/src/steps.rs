//! Steps: guards, atoms, effects and the declarations about them.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, protocols as errors};
use crate::scope::{RoleNames, Scope};
use crate::tables::ProtocolSource;
use arch_grammar::ast::{self, HeadItem, ItemKind, TimingKind};
use arch_ir::{
    Actor, Atom, Deadline, Expr, ExprKind, Fairness, Reject, RoleId, RunVarId, Step, StepId, Stmt, StmtKind,
};
use std::collections::BTreeSet;

impl<'m> Analyzer<'m> {
    /// Every annotation names an operation that exists.
    pub fn check_annotations(&mut self) {
        let mut references: Vec<(&'m ast::OpRef, Option<usize>)> = Vec::new();
        for item in &self.tables.annotations {
            references.extend(operations_of(item).into_iter().map(|r| (r, None)));
        }
        for (index, entry) in self.tables.protocols.iter().enumerate() {
            for item in entry.head() {
                if let HeadItem::Item(item) = item {
                    references.extend(operations_of(item).into_iter().map(|r| (r, Some(index))));
                }
            }
        }
        let defines = self.tables.defines.names.values().flatten();
        references.extend(defines.filter_map(|d| d.at).map(|r| (r, None)));
        for (reference, home) in references {
            let known = self.tables.protocols.iter().enumerate().any(|(i, p)| {
                home.is_none_or(|h| h == i || self.tables.protocols[h].alias == p.alias)
                    && reference.protocol.as_ref().is_none_or(|name| name.name == p.alias)
                    && p.has_operation(&reference.operation.name)
            });
            if !known {
                let error = names::unknown_operation(reference, &self.tables);
                self.report(error);
            }
        }
    }

    /// How many statements the first half of a split step has.
    pub fn split_of(&self, index: usize, operation: &str) -> Option<u32> {
        self.annotations_of(index).find_map(|item| match &item.kind {
            ItemKind::Split(decl)
                if decl.target.operation.name == operation && self.means(index, &decl.target) =>
            {
                Some(decl.after)
            }
            _ => None,
        })
    }

    /// Lowers the steps of a protocol, in order.
    pub fn lower_steps(&mut self, index: usize) {
        for number in 0..self.runs[index].steps.len() {
            self.lower_step(index, number);
        }
    }

    fn lower_step(&mut self, index: usize, number: usize) {
        let id = self.tables.protocols[index].id;
        let step = self.runs[index].steps[number].step;
        let split = self.runs[index].steps[number].split;
        let scope = self.step_scope(index, number);
        let RoleNames { actor, sort } = self.runs[index].names.roles[&step.actor.name];
        let on = self.effect_of(index, step);
        let (guard, atoms) = self.guard(index, step, on, &scope);
        let mut effect = self.effect(on, &scope);
        effect.extend(self.refreshes(&self.tables.protocols[index].name, &step.operation.name, sort));
        let reject = self.reject(index, number, &scope);
        if let Some(reject) = reject.as_ref().filter(|_| atoms.is_empty()) {
            self.report(errors::never_rejects(&step.operation.name, reject.span, step.operation.span));
        }
        let lowered = Step {
            name: step.operation.name.clone(),
            actor,
            binds: self.binds(index, number, actor),
            params: self.params(index, number),
            guard,
            atoms,
            lets: self.step_lets.remove(&(id, number)).unwrap_or_default(),
            effect,
            loops: self.is_annotated(index, step, |kind, name| match kind {
                ItemKind::Loop(targets) => targets.iter().any(|t| t.operation.name == name),
                _ => false,
            }),
            reject,
            fairness: self.fairness(index, step),
            span: step.span,
            name_span: step.operation.span,
        };
        let mentioned = run_vars_of(&lowered);
        self.push_step(index, lowered, split);
        self.choose_mentioned(index, self.runs[index].steps[number].ids[0], &mentioned);
    }

    /// A step, or its two halves.
    fn push_step(&mut self, index: usize, mut step: Step, split: Option<u32>) {
        let id = self.tables.protocols[index].id;
        let Some(after) = split else {
            self.program.protocols[id].steps.push(step);
            return;
        };
        if step.loops || self.program.protocols[id].rule {
            let why = if step.loops { "a `loop` step" } else { "a rule" };
            self.report(errors::whole_step(step.name_span, why));
        }
        let after = after as usize;
        if after == 0 || after >= step.effect.len() {
            self.report(errors::bad_split(step.name_span, step.effect.len()));
        }
        let second = step.effect.split_off(after.min(step.effect.len()));
        if let Some(name) = crossing_let(&step.effect, &second) {
            let name = self.program.slots[name].clone();
            self.report(errors::split_cuts_let(step.name_span, &name));
        }
        let half = Step {
            binds: match step.actor {
                Actor::Role(role) => vec![role],
                Actor::Subject(_) => Vec::new(),
            },
            params: Vec::new(),
            guard: Expr::bool(true, step.name_span),
            atoms: Vec::new(),
            lets: Vec::new(),
            effect: second,
            reject: None,
            ..step.clone()
        };
        self.program.protocols[id].steps.push(step);
        self.program.protocols[id].steps.push(half);
    }

    /// The declaration with the effect of a step: the one for its protocol, else the one for its name.
    pub fn effect_of(&mut self, index: usize, step: &ast::Step) -> Option<&'m ast::OnDecl> {
        let candidates: Vec<(&'m ast::OnDecl, arch_base::Span)> = self
            .annotations_of(index)
            .filter_map(|item| match &item.kind {
                ItemKind::On(on) if on.target.operation.name == step.operation.name => Some((on, item.span)),
                _ => None,
            })
            .filter(|(on, _)| on.body.is_some() && self.means(index, &on.target))
            .collect();
        let specific: Vec<_> = candidates.iter().filter(|(on, _)| on.target.protocol.is_some()).collect();
        let pool: Vec<_> = if specific.is_empty() { candidates.iter().collect() } else { specific };
        if let [first, second, ..] = pool.as_slice() {
            let error = errors::duplicate_effect(&step.operation.name, second.1, first.1);
            self.report(error);
        }
        pool.first().map(|(on, _)| *on)
    }

    /// The guard of the line and of every `requires`, with its comparisons numbered.
    fn guard(
        &mut self,
        index: usize,
        step: &'m ast::Step,
        on: Option<&'m ast::OnDecl>,
        scope: &Scope,
    ) -> (Expr, Vec<Atom>) {
        let mut scope = scope.clone();
        scope.through_views = true;
        let extends = self.annotations_of(index).filter_map(|item| match &item.kind {
            ItemKind::On(on) if on.body.is_none() && on.target.operation.name == step.operation.name => {
                Some(on)
            }
            _ => None,
        });
        let extends: Vec<&'m ast::OnDecl> = extends.filter(|on| self.means(index, &on.target)).collect();
        let requires = on.into_iter().chain(extends).filter_map(|on| on.requires.as_ref());
        let written: Vec<&'m ast::Expr> = step.guard.iter().chain(requires).collect();
        let conjuncts: Vec<Expr> = written.into_iter().map(|e| self.condition(e, &scope)).collect();
        let prefix = match self.tables.protocols[index].source {
            ProtocolSource::Protocol(p) | ProtocolSource::Segment { protocol: p, .. } => {
                format!("{}.{}", p.name.name, step.operation.name)
            }
            ProtocolSource::Rule(..) => step.operation.name.clone(),
        };
        arch_ir::guard::joined(conjuncts, &prefix, step.span)
    }

    fn effect(&mut self, on: Option<&'m ast::OnDecl>, scope: &Scope) -> Vec<Stmt> {
        let mut scope = scope.clone();
        scope.old = true;
        on.and_then(|on| on.body.as_ref()).map(|body| self.block(body, &scope)).unwrap_or_default()
    }

    fn reject(&mut self, index: usize, number: usize, scope: &Scope) -> Option<Reject> {
        let step = self.runs[index].steps[number].step;
        let answers = self.annotations_of(index).filter_map(|item| match &item.kind {
            ItemKind::Rejects(r)
                if r.target.operation.name == step.operation.name && self.means(index, &r.target) =>
            {
                Some((r, item.span))
            }
            _ => None,
        });
        // One for this protocol wins over one for every step of the name.
        let (decl, span) = answers.min_by_key(|(r, _)| r.target.protocol.is_none())?;
        let mut scope = scope.clone();
        scope.old = true;
        let effect = decl.body.as_ref().map(|body| self.block(body, &scope)).unwrap_or_default();
        let outcome = self.outcome(index, &decl.outcome, &scope);
        Some(Reject { outcome, effect, span })
    }

    /// The acting role, and roles that the head binds here.
    fn binds(&self, index: usize, number: usize, actor: Actor) -> Vec<RoleId> {
        let mut binds = Vec::new();
        if let Actor::Role(role) = actor {
            binds.push(role);
        }
        let operation = &self.runs[index].steps[number].step.operation.name;
        for item in self.tables.protocols[index].head() {
            let HeadItem::BindRole { role, at } = item else { continue };
            let bound = self.runs[index].names.roles.get(&role.name).map(|r| r.actor);
            if let (true, Some(Actor::Role(role))) = (at.operation.name == *operation, bound)
                && !binds.contains(&role)
            {
                binds.push(role);
            }
        }
        binds
    }

    /// Parameters that are chosen at a step: in a protocol all wherever a run can begin. A rule chooses those
    /// that it mentions, once it is lowered.
    fn params(&self, index: usize, number: usize) -> Vec<RunVarId> {
        match self.tables.protocols[index].source {
            ProtocolSource::Protocol(_) if self.can_be_first(index, number) => self.parameters(index),
            _ => Vec::new(),
        }
    }

    /// The parameters that a head declares.
    fn parameters(&self, index: usize) -> Vec<RunVarId> {
        let names = &self.runs[index].names.vars;
        let declared = self.tables.protocols[index].head().iter().filter_map(|item| match item {
            HeadItem::Any(field) => names.get(&field.name.name).map(|v| v.id),
            _ => None,
        });
        declared.collect()
    }

    /// Adds the parameters that an expression of a rule's step mentions to those that it chooses.
    pub fn choose_mentioned(&mut self, index: usize, step: StepId, mentioned: &BTreeSet<RunVarId>) {
        if !matches!(self.tables.protocols[index].source, ProtocolSource::Rule(..)) {
            return;
        }
        let declared = self.parameters(index);
        let step = &mut self.program.protocols[self.tables.protocols[index].id].steps[step];
        let chosen = |v: &RunVarId| mentioned.contains(v) || step.params.contains(v);
        step.params = declared.into_iter().filter(chosen).collect();
    }

    fn is_annotated(&self, index: usize, step: &ast::Step, test: impl Fn(&ItemKind, &str) -> bool) -> bool {
        self.annotations_of(index).any(|item| {
            test(&item.kind, &step.operation.name)
                && operations_of(item)
                    .iter()
                    .any(|r| r.operation.name == step.operation.name && self.means(index, r))
        })
    }

    fn fairness(&self, index: usize, step: &ast::Step) -> Fairness {
        let declared = self.annotations_of(index).filter_map(|item| match &item.kind {
            ItemKind::Fairness(decl) => Some(decl),
            _ => None,
        });
        let mut found = Fairness::Weak;
        for decl in declared {
            let named = |t: &&ast::OpRef| t.operation.name == step.operation.name && self.means(index, t);
            if decl.targets.iter().find(named).is_some() {
                found = if decl.strong { Fairness::Strong } else { Fairness::Unfair };
            }
        }
        found
    }

    /// `urgent`, `deadline` and `pace`.
    pub fn lower_deadlines(&mut self) {
        for index in 0..self.tables.protocols.len() {
            let items: Vec<&'m ast::Item> = self.annotations_of(index).collect();
            for item in items {
                let ItemKind::Timing(decl) = &item.kind else { continue };
                let known = self.tables.protocols[index].has_operation(&decl.target.operation.name);
                if !known || !self.means(index, &decl.target) {
                    continue;
                }
                let within = match (&decl.ticks, decl.kind) {
                    (Some(ticks), _) => self.const_count(ticks, 0, 1 << 10, "a number of ticks").unwrap_or(0),
                    (None, TimingKind::Urgent | TimingKind::Deadline | TimingKind::Pace) => 0,
                };
                let protocol = self.tables.protocols[index].id;
                let number = self.runs[index]
                    .steps
                    .iter()
                    .position(|w| w.step.operation.name == decl.target.operation.name);
                let step: Option<StepId> =
                    number.and_then(|n| self.runs[index].steps[n].ids.first().copied());
                if let Some(step) = step {
                    self.program.deadlines.push(Deadline { protocol, step, within, span: item.span });
                }
            }
        }
    }
}

/// The operations that an annotation names.
pub fn operations_of(item: &ast::Item) -> Vec<&ast::OpRef> {
    match &item.kind {
        ItemKind::On(on) => vec![&on.target],
        ItemKind::Rejects(rejects) => vec![&rejects.target],
        ItemKind::Branch(decl) => match &decl.window {
            ast::BranchWindow::After(t) | ast::BranchWindow::At(t) | ast::BranchWindow::Before(t) => {
                vec![&decl.target, t]
            }
            ast::BranchWindow::AtStart(_) | ast::BranchWindow::Detached(_) => vec![&decl.target],
        },
        ItemKind::Loop(targets) => targets.iter().collect(),
        ItemKind::Each(decl) => vec![&decl.target],
        ItemKind::Spawn(decl) => vec![&decl.target],
        ItemKind::Join(target) => vec![target],
        ItemKind::Split(decl) => vec![&decl.target],
        ItemKind::Fairness(decl) => decl.targets.iter().collect(),
        ItemKind::Timing(decl) => vec![&decl.target],
        _ => Vec::new(),
    }
}

/// The run variables that a step reads.
fn run_vars_of(step: &Step) -> BTreeSet<RunVarId> {
    let rejected = step.reject.iter();
    let outcomes = rejected.clone().filter_map(|r| r.outcome.then.as_ref());
    let mut found: BTreeSet<RunVarId> = run_vars_in(&step.guard);
    found.extend(step.lets.iter().flat_map(|(_, e)| run_vars_in(e)));
    found.extend(outcomes.flat_map(|h| &h.subjects).flat_map(run_vars_in));
    for stmt in step.effect.iter().chain(rejected.flat_map(|r| &r.effect)) {
        stmt.visit(&mut |s| s.exprs().into_iter().for_each(|e| found.extend(run_vars_in(e))));
    }
    found
}

/// The run variables that an expression reads.
pub fn run_vars_in(e: &Expr) -> BTreeSet<RunVarId> {
    let mut found = BTreeSet::new();
    e.visit(&mut |e| {
        if let ExprKind::RunVar(var) = e.kind {
            found.insert(var);
        }
    });
    found
}

/// A `let` or `pick` of the first half that the second half uses.
fn crossing_let(first: &[Stmt], second: &[Stmt]) -> Option<arch_ir::SlotId> {
    let text = format!("{second:?}");
    first.iter().find_map(|stmt| {
        let slot = match &stmt.kind {
            StmtKind::Let(slot, _) => *slot,
            StmtKind::Pick(binder) => binder.slot,
            _ => return None,
        };
        text.contains(&format!("Slot({slot:?})")).then_some(slot)
    })
}
