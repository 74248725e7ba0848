//! The conditions of `if` in effects: is each branch ever taken?
//!
//! A claim about a step speaks of the state before its effect. So a question is asked only where the condition, and
//! what stands around it, read nothing that the step wrote before: of the others nothing is said. Nor is it where the
//! acting instance's clock is skewed, because claims have the true one, or where constants alone decide.

use super::{Layer, Questions, Subject, decided_by_constants, not, within};
use crate::program::{
    Binder, Expr, ExprKind, FaultKind, Place, Program, PropertyKind, ProtocolId, RunVarId, SlotId, StepClaim,
    StepId, Stmt, StmtKind, VarId,
};
use std::collections::BTreeSet;

impl Questions {
    pub(super) fn ask_conditions(&mut self, program: &Program) {
        let skewed = program.faults.iter().any(|f| matches!(f.kind, FaultKind::Skew { .. }));
        for (protocol, declared) in program.protocols.iter_enumerated() {
            for (step, of) in declared.steps.iter_enumerated() {
                let mut search = Search { skewed, ..Search::default() };
                search.touched.run_vars.extend(of.lets.iter().map(|(v, _)| *v));
                search.block(&of.effect);
                search.found.into_iter().for_each(|f| self.ask_condition((protocol, step), f));
            }
        }
    }

    fn ask_condition(&mut self, (protocol, step): (ProtocolId, StepId), found: Found) {
        let Found { layers, condition } = found;
        let span = condition.span;
        for value in [true, false] {
            let wanted = if value { condition.clone() } else { not(condition.clone()) };
            let claim = not(within(&layers, wanted));
            let at = vec![StepClaim { protocol, step, claim }];
            let subject = Subject::Condition { protocol, step, span, value };
            self.ask(subject, PropertyKind::Step { at, after: false });
        }
    }
}

/// A condition with what stands around it.
struct Found {
    layers: Vec<Layer>,
    condition: Expr,
}

/// What an effect has changed so far.
#[derive(Clone, Default)]
struct Touched {
    vars: BTreeSet<VarId>,
    run_vars: BTreeSet<RunVarId>,
    /// Variables of the effect whose value rests on something changed.
    slots: BTreeSet<SlotId>,
}

/// A search for conditions, in order of execution.
#[derive(Default)]
struct Search {
    layers: Vec<Layer>,
    touched: Touched,
    skewed: bool,
    /// Whether what stands around rests on something changed.
    lost: bool,
    found: Vec<Found>,
}

impl Search {
    fn block(&mut self, stmts: &[Stmt]) {
        let (layers, lost) = (self.layers.len(), self.lost);
        stmts.iter().for_each(|s| self.statement(s));
        self.layers.truncate(layers);
        self.lost = lost;
    }

    fn statement(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Assign(place, _) | StmtKind::Advance(place, _) => self.write(place),
            StmtKind::Let(slot, value) => {
                if self.is_known(value) {
                    self.layers.push(Layer::Let(*slot, value.clone()));
                } else {
                    self.touched.slots.insert(*slot);
                }
            }
            StmtKind::Pick(binder) => self.bind(binder),
            StmtKind::For(binder, body) => {
                // Later rounds see what earlier ones wrote.
                body.iter().for_each(|s| s.visit(&mut |s| self.note_writes(s)));
                let (layers, lost) = (self.layers.len(), self.lost);
                self.bind(binder);
                self.block(body);
                self.layers.truncate(layers);
                self.lost = lost;
            }
            StmtKind::If(condition, then, otherwise) => self.branch(condition, then, otherwise),
        }
    }

    fn branch(&mut self, condition: &Expr, then: &[Stmt], otherwise: &[Stmt]) {
        let known = self.is_known(condition);
        if known && !self.lost && !decided_by_constants(condition) {
            self.found.push(Found { layers: self.layers.clone(), condition: condition.clone() });
        }
        let lost = self.lost;
        self.lost |= !known;
        let before = self.touched.clone();
        self.layers.push(Layer::Given(condition.clone()));
        self.block(then);
        let after_then = std::mem::replace(&mut self.touched, before);
        self.layers.pop();
        self.layers.push(Layer::Given(not(condition.clone())));
        self.block(otherwise);
        self.layers.pop();
        self.lost = lost;
        self.touched.vars.extend(after_then.vars);
        self.touched.run_vars.extend(after_then.run_vars);
        self.touched.slots.extend(after_then.slots);
    }

    fn bind(&mut self, binder: &Binder) {
        if binder.exprs().into_iter().all(|e| self.is_known(e)) {
            self.layers.push(Layer::Some(binder.clone()));
        } else {
            self.touched.slots.insert(binder.slot);
            self.lost = true;
        }
    }

    fn write(&mut self, place: &Place) {
        match place {
            Place::Var(var, _, _) => self.touched.vars.insert(*var),
            Place::RunVar(var, _) => self.touched.run_vars.insert(*var),
        };
    }

    fn note_writes(&mut self, stmt: &Stmt) {
        if let StmtKind::Assign(place, _) | StmtKind::Advance(place, _) = &stmt.kind {
            self.write(place);
        }
    }

    /// Whether an expression has before the effect the value that it has where it stands.
    fn is_known(&self, e: &Expr) -> bool {
        let mut known = true;
        e.visit(&mut |e| {
            known &= match &e.kind {
                ExprKind::Var(var, _) => !self.touched.vars.contains(var),
                ExprKind::RunVar(var) | ExprKind::RunVarOf(_, _, var) => !self.touched.run_vars.contains(var),
                ExprKind::Slot(slot) => !self.touched.slots.contains(slot),
                ExprKind::Instant(_) => !self.skewed,
                ExprKind::Old(_) => false,
                _ => true,
            };
        });
        known
    }
}
