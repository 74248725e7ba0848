//! Faults.

use crate::analyzer::Analyzer;
use crate::diagnostics::{faults as errors, names};
use crate::tables::ProtocolSource;
use crate::variation;
use arch_base::Span;
use arch_grammar::ast::{self, FaultBudget, ItemKind};
use arch_ir::{
    Actor, ChainId, Down, ExprKind, Fault, FaultKind, Init, Program, PropertyKind, ProtocolId, RoleId,
    RunVarId, SortId, StepId, VarId, VarOwner,
};
use std::collections::BTreeSet;

/// The most often that a bounded fault may happen.
const MAX_BUDGET: i64 = 15;

impl<'m> Analyzer<'m> {
    /// Lowers all faults, once everything that they may read is lowered.
    pub fn lower_faults(&mut self) {
        for item in &self.module.items {
            let ItemKind::Faults(faults) = &item.kind else { continue };
            for decl in faults {
                let budget = self.budget(decl);
                self.check_once(decl);
                if let Some(kinds) = self.fault_kinds(decl, budget) {
                    for kind in kinds {
                        self.program.faults.push(Fault { kind, budget, span: decl.span });
                    }
                }
            }
        }
        self.check_fault_predicates();
    }

    /// Two budgets of one fault would add up, and nobody could tell them apart.
    fn check_once(&mut self, decl: &'m ast::FaultDecl) {
        let first = variation::declared_fault(self.module, &decl.kind);
        if let Some(first) = first.filter(|first| first.span != decl.span) {
            self.report(errors::declared_twice(decl.span, first.span));
        }
    }

    fn budget(&mut self, decl: &ast::FaultDecl) -> Option<u32> {
        match &decl.budget {
            None => Some(1),
            Some(FaultBudget::Unbounded) => None,
            Some(FaultBudget::AtMost(n)) => {
                Some(self.const_count(n, 0, MAX_BUDGET, "how often a fault may happen").unwrap_or(1))
            }
        }
    }

    /// A fault; several when it names an operation that several protocols have.
    fn fault_kinds(&mut self, decl: &'m ast::FaultDecl, budget: Option<u32>) -> Option<Vec<FaultKind>> {
        let kinds = match &decl.kind {
            ast::FaultKind::Crash { actor, stops } => {
                let sort = self.actor_named(actor)?;
                self.check_any_locals(sort, actor.span);
                vec![FaultKind::Crash { sort, down: self.down(sort, *stops) }]
            }
            ast::FaultKind::Lose(step) => {
                let mut found = self.fault_steps(step)?;
                found.retain(|(protocol, step)| is_handed_over(&self.program, *protocol, *step));
                if found.is_empty() {
                    self.report(errors::nothing_hands_over(&step.operation));
                }
                found.into_iter().map(|(protocol, step)| FaultKind::Lose { protocol, step }).collect()
            }
            ast::FaultKind::Duplicate(step) => {
                if budget.is_none() {
                    self.report(errors::unbounded_duplicates(decl.span));
                }
                let found = self.fault_steps(step)?;
                self.check_whole(step);
                found.into_iter().map(|(protocol, step)| duplicate(&self.program, protocol, step)).collect()
            }
            ast::FaultKind::Skew(actor, by) => {
                let sort = self.actor_named(actor)?;
                let by = self.const_count(by, 0, 64, "a clock skew")?;
                vec![FaultKind::Skew { sort, by }]
            }
            ast::FaultKind::Partition(from, to) => {
                vec![FaultKind::Partition { from: self.actor_named(from)?, to: self.actor_named(to)? }]
            }
        };
        Some(kinds)
    }

    /// An actor's sort; id types have no faults.
    fn actor_named(&mut self, name: &ast::Ident) -> Option<SortId> {
        let sort = self.tables.roles.get(&name.name).map(|r| r.sort);
        let sort = sort.or_else(|| self.sort_named(name))?;
        if !self.program.sorts[sort].actor {
            let declared = self.program.sorts[sort].span;
            self.report(errors::not_an_actor(name, declared));
            return None;
        }
        Some(sort)
    }

    fn check_any_locals(&mut self, sort: SortId, span: Span) {
        let any = self
            .program
            .vars
            .iter()
            .find(|v| v.owner == VarOwner::Local(sort) && matches!(v.init, Init::Any));
        if let Some(var) = any {
            let error = errors::any_local_of_crashing(span, &var.name, var.span);
            self.report(error);
        }
    }

    fn down(&self, sort: SortId, stops: bool) -> Down {
        if stops {
            Down::Stops
        } else if self.reads_crashed(sort).is_some() {
            Down::Restarts
        } else {
            Down::Instant
        }
    }

    fn reads_crashed(&self, sort: SortId) -> Option<Span> {
        let mut found = None;
        for (_, e) in self.program.all_exprs() {
            e.visit(&mut |e| {
                if matches!(e.kind, ExprKind::Crashed(s, _) if s == sort) {
                    found = Some(e.span);
                }
            });
        }
        found
    }

    fn fault_steps(&mut self, step: &ast::OpRef) -> Option<Vec<(ProtocolId, StepId)>> {
        let mut found = Vec::new();
        for index in 0..self.tables.protocols.len() {
            if !self.means(index, step) {
                continue;
            }
            let id = self.tables.protocols[index].id;
            if let Some(number) = self.step_of(id, &step.operation.name) {
                if matches!(self.tables.protocols[index].source, ProtocolSource::Rule(..)) {
                    self.report(errors::rule_has_no_handoff(step.operation.span));
                }
                found.push((id, number));
            }
        }
        if found.is_empty() {
            let error = names::unknown_operation(step, &self.tables);
            self.report(error);
            return None;
        }
        Some(found)
    }

    /// What arrives once more is a whole step.
    fn check_whole(&mut self, step: &ast::OpRef) {
        let indices = (0..self.tables.protocols.len()).filter(|i| self.means(*i, step));
        let of_step = |i: usize| self.tables.protocols[i].has_operation(&step.operation.name);
        let split =
            indices.into_iter().any(|i| of_step(i) && self.split_of(i, &step.operation.name).is_some());
        if split {
            self.report(errors::duplicate_of_split(&step.operation));
        }
    }

    /// `crashed(a)` and `connected(a, b)` say something only where a fault can make them so.
    fn check_fault_predicates(&mut self) {
        let crashing: BTreeSet<SortId> = self
            .program
            .faults
            .iter()
            .filter_map(|f| match f.kind {
                FaultKind::Crash { sort, .. } => Some(sort),
                _ => None,
            })
            .collect();
        for sort in self.program.sorts.indices() {
            if let Some(span) = self.reads_crashed(sort).filter(|_| !crashing.contains(&sort)) {
                let name = self.program.sorts[sort].name.clone();
                self.report(errors::never_crashes(span, &name));
            }
        }
        self.check_connected();
    }

    fn check_connected(&mut self) {
        let parts = |a: SortId, b: SortId| {
            self.program.faults.iter().any(|f| match f.kind {
                FaultKind::Partition { from, to } => (from, to) == (a, b) || (from, to) == (b, a),
                _ => false,
            })
        };
        let mut never = Vec::new();
        for (_, e) in self.program.all_exprs() {
            e.visit(&mut |e| match e.kind {
                ExprKind::Connected(_, a, _, b) if !parts(a, b) => never.push((e.span, a, b)),
                _ => {}
            });
        }
        for (span, a, b) in never {
            let (from, to) = (&self.program.sorts[a].name, &self.program.sorts[b].name);
            self.report(errors::never_parts(span, from, to));
        }
    }
}

/// Whether runs can wait for a step that another handed over to them: not for one with which they begin, nor for one
/// with which a branch does, unless a begin event or another outcome puts them there.
fn is_handed_over(program: &Program, id: ProtocolId, step: StepId) -> bool {
    let protocol = &program.protocols[id];
    match protocol.place(step) {
        Some((ChainId(0), 0)) => {
            let enters = |h: &&arch_ir::Handover| h.protocol == id && h.position == 0;
            !protocol.begin.is_empty() || protocol.parent.is_some() || program.handovers().any(|h| enters(&h))
        }
        Some((_, i)) => i > 0,
        None => false,
    }
}

/// A duplicate fault with what its requests carry: whatever of the run and of the acting instance the step reads.
fn duplicate(program: &Program, protocol: ProtocolId, step: StepId) -> FaultKind {
    let mut captured =
        Captured { protocol, vars: BTreeSet::new(), roles: BTreeSet::new(), locals: BTreeSet::new() };
    let lowered = &program.protocols[protocol].steps[step];
    captured.expr(program, &lowered.guard);
    lowered.lets.iter().for_each(|(_, e)| captured.expr(program, e));
    for stmt in &lowered.effect {
        stmt.visit(&mut |s| s.exprs().into_iter().for_each(|e| captured.expr(program, e)));
    }
    for property in &program.properties {
        if let PropertyKind::Step { at, .. } = &property.kind {
            let mine = at.iter().filter(|c| c.protocol == protocol && c.step == step);
            mine.for_each(|c| captured.expr(program, &c.claim));
        }
    }
    if let Actor::Role(role) = lowered.actor {
        captured.roles.insert((protocol, role));
    }
    FaultKind::Duplicate {
        protocol,
        step,
        vars: captured.vars.into_iter().collect(),
        roles: captured.roles.into_iter().collect(),
        locals: captured.locals.into_iter().collect(),
    }
}

struct Captured {
    protocol: ProtocolId,
    vars: BTreeSet<(ProtocolId, RunVarId)>,
    roles: BTreeSet<(ProtocolId, RoleId)>,
    locals: BTreeSet<VarId>,
}

impl Captured {
    fn expr(&mut self, program: &Program, e: &arch_ir::Expr) {
        e.visit(&mut |e| match &e.kind {
            ExprKind::RunVar(var) => {
                self.vars.insert((self.protocol, *var));
            }
            ExprKind::Role(role) => {
                self.roles.insert((self.protocol, *role));
            }
            ExprKind::RunVarOf(above, run, var) if matches!(run.kind, ExprKind::ParentRun) => {
                self.vars.insert((*above, *var));
            }
            ExprKind::RunRole(above, run, role) if matches!(run.kind, ExprKind::ParentRun) => {
                self.roles.insert((*above, *role));
            }
            ExprKind::Var(var, keys) => {
                let local = matches!(program.vars[*var].owner, VarOwner::Local(_));
                let own = keys.first().is_some_and(|k| matches!(k.kind, ExprKind::SelfId));
                if local && own && keys.len() == 1 {
                    self.locals.insert(*var);
                }
            }
            _ => {}
        });
    }
}
