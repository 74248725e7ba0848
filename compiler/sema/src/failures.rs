//! Failure modes and accepted redundancies: every guard, term, step and property that they name exists.

use crate::analyzer::Analyzer;
use crate::diagnostics::{failures as errors, names};
use crate::variation;
use arch_base::Span;
use arch_grammar::ast::{self, ItemKind, StmtKind, TargetKind};

impl<'m> Analyzer<'m> {
    /// Checks all failure modes and accepted redundancies.
    pub fn check_failures(&mut self) {
        let mut seen: Vec<&'m ast::Text> = Vec::new();
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Failure(decl) => {
                    if let Some(earlier) = seen.iter().find(|name| name.value == decl.name.value) {
                        self.report(errors::duplicate(&decl.name, earlier.span));
                    }
                    seen.push(&decl.name);
                    self.check_failure(decl);
                }
                ItemKind::Redundant(decl) => {
                    if decl.why.value.trim().is_empty() {
                        self.report(errors::no_reason(decl.why.span));
                    }
                    self.check_redundant(&decl.target);
                }
                _ => {}
            }
        }
    }

    /// Only what can be left out without a replacement can be redundant.
    fn check_redundant(&mut self, target: &'m ast::Target) {
        match target.kind {
            TargetKind::Guard(_)
            | TargetKind::Term(..)
            | TargetKind::Branch(_)
            | TargetKind::Protocol(_)
            | TargetKind::Effect(..)
            | TargetKind::Fault(_)
            | TargetKind::Budget(_) => self.check_target(target),
            _ => self.report(errors::never_redundant(target.span)),
        }
    }

    fn check_failure(&mut self, decl: &'m ast::FailureDecl) {
        if decl.clauses.is_empty() {
            self.report(errors::empty(&decl.name));
        }
        for clause in &decl.clauses {
            clause.by.iter().for_each(|target| self.check_target(target));
            clause.violates.iter().for_each(|name| self.check_property_name(name));
            if clause.violates.is_empty() {
                self.report(errors::no_property(clause.span, clause.repair));
            }
        }
    }

    fn check_target(&mut self, target: &'m ast::Target) {
        match &target.kind {
            TargetKind::Guard(step) => {
                if let Some(0) = self.atoms_of(step) {
                    self.report(errors::no_guard(target.span, &step.operation));
                }
            }
            TargetKind::Term(n, step) => {
                if let Some(atoms) = self.atoms_of(step) {
                    self.check_number(*n, atoms, target.span, "term", &step.operation);
                }
            }
            TargetKind::Effect(place, step) => self.check_statement(place, step, target.span),
            TargetKind::Branch(step) => {
                let index = self.protocol_with(step);
                if let Some(index) = index {
                    let first = self.runs[index].steps.iter().find(|w| w.chain > 0 && same(w.step, step));
                    if first.is_none() {
                        self.report(errors::not_a_branch(&step.operation));
                    }
                }
            }
            TargetKind::Step(step) => {
                self.protocol_with(step);
            }
            TargetKind::Protocol(name) => {
                if !self.tables.protocols.iter().any(|p| p.name == name.name) {
                    let error = names::unknown_protocol(name, &self.tables);
                    self.report(error);
                }
            }
            TargetKind::Label(name) => self.check_label(name),
            TargetKind::WithConst(name, value) => {
                if !self.tables.consts.contains_key(&name.name) {
                    let error = names::unknown_constant_name(name, &self.tables);
                    self.report(error);
                }
                self.const_value(value);
            }
            TargetKind::WithOn(on) => self.check_replacement(on),
            TargetKind::WithOrder(a, b) => {
                self.check_order(a, b, target.span);
            }
            TargetKind::WithSplit(split) => {
                if let Some(statements) = self.statements_of(&split.target) {
                    self.check_number(
                        split.after,
                        statements.saturating_sub(1),
                        target.span,
                        "split point",
                        &split.target.operation,
                    );
                }
            }
            TargetKind::WithFault(fault) => self.check_fault_target(fault),
            TargetKind::Fault(kind) => {
                self.declared_fault(kind, target.span);
            }
            TargetKind::Budget(kind) => {
                if let Some(fault) = self.declared_fault(kind, target.span)
                    && !variation::has_budget(fault)
                {
                    self.report(errors::no_budget(target.span, fault.span));
                }
            }
        }
    }

    /// The declaration of a fault; reports that there is none.
    fn declared_fault(&mut self, kind: &ast::FaultKind, span: Span) -> Option<&'m ast::FaultDecl> {
        let found = variation::declared_fault(self.module, kind);
        if found.is_none() {
            self.report(errors::no_such_fault(span));
        }
        found
    }

    /// A statement is there at the place, however deep.
    fn check_statement(&mut self, place: &ast::StatementPlace, step: &'m ast::OpRef, span: Span) {
        let Some(body) = self.effect_body(step) else { return };
        if let Some((n, count)) = missing(place, body) {
            self.report(errors::no_such_number(span, n, count, "statement", &step.operation));
        }
    }

    /// `A before B` says something when B comes before A now, in one chain.
    fn check_order(&mut self, a: &'m ast::OpRef, b: &'m ast::OpRef, span: Span) {
        let (Some(index), Some(other)) = (self.protocol_with(a), self.protocol_with(b)) else { return };
        let place = |r: &ast::OpRef| self.runs[index].steps.iter().position(|w| same(w.step, r));
        let (Some(first), Some(second)) = (place(a), place(b)) else {
            return self.report(errors::not_one_chain(span, &a.operation, &b.operation));
        };
        let chain = |n: usize| self.runs[index].steps[n].chain;
        if index != other || chain(first) != chain(second) {
            self.report(errors::not_one_chain(span, &a.operation, &b.operation));
        } else if first <= second {
            self.report(errors::in_order_already(span, &a.operation, &b.operation));
        }
    }

    fn check_fault_target(&mut self, fault: &'m ast::FaultDecl) {
        match &fault.kind {
            ast::FaultKind::Lose(step) | ast::FaultKind::Duplicate(step) => {
                self.protocol_with(step);
            }
            ast::FaultKind::Crash { actor, .. } | ast::FaultKind::Skew(actor, _) => {
                self.fault_actor(actor);
            }
            ast::FaultKind::Partition(a, b) => {
                self.fault_actor(a);
                self.fault_actor(b);
            }
        }
    }

    fn fault_actor(&mut self, name: &ast::Ident) {
        if !self.tables.roles.contains_key(&name.name) {
            self.sort_named(name);
        }
    }

    /// The effect that a failure mode puts in place of another, checked like the one it replaces.
    fn check_replacement(&mut self, on: &'m ast::OnDecl) {
        let Some(index) = self.protocol_with(&on.target) else { return };
        let number = self.runs[index].steps.iter().position(|w| same(w.step, &on.target));
        let Some(number) = number else { return };
        let mut scope = self.step_scope(index, number);
        if let Some(requires) = &on.requires {
            self.condition(requires, &scope);
        }
        scope.old = true;
        if let Some(body) = &on.body {
            let written = self.written.clone();
            self.block(body, &scope);
            self.written = written;
        }
    }

    fn check_number(&mut self, n: u32, count: usize, span: Span, what: &str, operation: &ast::Ident) {
        if n == 0 || n as usize > count {
            self.report(errors::no_such_number(span, n, count, what, operation));
        }
    }

    fn check_label(&mut self, name: &ast::Ident) {
        let labels = variation::labels(self.module);
        if !labels.contains(&name.name) {
            let known: Vec<&str> = labels.iter().map(String::as_str).collect();
            self.report(errors::unknown_label(name, &known));
        }
    }

    /// The protocol that has the operation; reports none.
    pub(crate) fn protocol_with(&mut self, step: &ast::OpRef) -> Option<usize> {
        let found: Vec<usize> = (0..self.tables.protocols.len())
            .filter(|i| self.means(*i, step) && self.tables.protocols[*i].has_operation(&step.operation.name))
            .collect();
        if found.is_empty() {
            let error = names::unknown_operation(step, &self.tables);
            self.report(error);
        } else if found.len() > 1 {
            let protocols: Vec<&str> =
                found.iter().map(|i| self.tables.protocols[*i].name.as_str()).collect();
            self.report(names::ambiguous_operation(&step.operation, &protocols));
        }
        found.first().copied()
    }

    fn lowered_step(&mut self, step: &ast::OpRef) -> Option<&arch_ir::Step> {
        let index = self.protocol_with(step)?;
        let id = self.tables.protocols[index].id;
        let number = self.step_of(id, &step.operation.name)?;
        self.program.protocols[id].steps.get(number)
    }

    fn atoms_of(&mut self, step: &ast::OpRef) -> Option<usize> {
        self.lowered_step(step).map(|s| s.atoms.len())
    }

    /// How many statements the effect has as it is written.
    fn statements_of(&mut self, reference: &ast::OpRef) -> Option<usize> {
        Some(self.effect_body(reference)?.map_or(0, |b| b.statements.len()))
    }

    /// What an operation does, if it does anything; reports an operation that is not there.
    fn effect_body(&mut self, reference: &ast::OpRef) -> Option<Option<&'m ast::Block>> {
        let index = self.protocol_with(reference)?;
        let step = self.runs[index].steps.iter().find(|w| same(w.step, reference))?.step;
        Some(self.effect_of(index, step).and_then(|on| on.body.as_ref()))
    }
}

/// The number that no statement has, and how many there are where it looks.
fn missing(place: &ast::StatementPlace, body: Option<&ast::Block>) -> Option<(u32, usize)> {
    let (mut block, mut n) = (body, place.first);
    let mut inner = place.inner.iter();
    loop {
        let statements = block.map_or(&[][..], |b| &b.statements);
        let found = (n as usize).checked_sub(1).and_then(|i| statements.get(i));
        let Some(statement) = found else { return Some((n, statements.len())) };
        let (otherwise, next) = inner.next()?;
        (block, n) = (inner_block(statement, *otherwise), *next);
    }
}

/// The block within a statement.
fn inner_block(statement: &ast::Stmt, otherwise: bool) -> Option<&ast::Block> {
    match &statement.kind {
        StmtKind::If { otherwise: block, .. } if otherwise => block.as_ref(),
        StmtKind::If { then, .. } => Some(then),
        StmtKind::For { body, .. } if !otherwise => Some(body),
        _ => None,
    }
}

fn same(step: &ast::Step, reference: &ast::OpRef) -> bool {
    step.operation.name == reference.operation.name
}
