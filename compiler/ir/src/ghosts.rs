//! A program without ghost truth: what a service does, which does not store it.
//!
//! What happens outside is said by ghost truth, by `ghost pick`s, and by `let`s that read either. Reality may depend on it in one
//! place: the domain of a `pick`, which is how a step hears of what happened. A service takes such an answer from its
//! environment; of the domain what is left is what does not need the unseen: every element that the step could pick in some
//! state of what is outside, and maybe more.

use crate::program::{
    Binder, Domain, Expr, ExprKind, Place, Program, SetOp, SlotId, Stmt, StmtKind, TruthId, VarId, VarOwner,
};
use arch_base::Span;
use std::collections::BTreeSet;

/// What is not seen of a program: truth, and the variables of effects that are about it alone.
#[derive(Clone, Debug)]
pub struct Unseen<'p> {
    program: &'p Program,
    truths: BTreeSet<TruthId>,
    slots: BTreeSet<SlotId>,
}

impl<'p> Unseen<'p> {
    /// All ghost truth.
    #[must_use]
    pub fn of(program: &'p Program) -> Unseen<'p> {
        let ghosts = program.truths.iter_enumerated().filter(|(_, t)| t.ghost).map(|(id, _)| id).collect();
        let mut unseen = Unseen { program, truths: ghosts, slots: program.ghost_picks.clone() };
        unseen.settle();
        unseen
    }

    /// This ghost truth, and whatever ghost truth depends on it.
    #[must_use]
    pub fn only(program: &'p Program, truths: BTreeSet<TruthId>) -> Unseen<'p> {
        let mut unseen = Unseen { program, truths, slots: BTreeSet::new() };
        unseen.settle();
        unseen
    }

    /// The truth objects that are not seen.
    #[must_use]
    pub fn truths(&self) -> &BTreeSet<TruthId> {
        &self.truths
    }

    /// Until nothing changes: what is read from the unseen is unseen, and so is ghost truth that is written from it.
    fn settle(&mut self) {
        loop {
            let before = (self.truths.len(), self.slots.len());
            let steps = self.program.protocols.iter().flat_map(|p| p.steps.iter());
            for step in steps {
                let blocks = std::iter::once(&step.effect).chain(step.reject.iter().map(|r| &r.effect));
                blocks.for_each(|block| self.block(block, false));
            }
            if before == (self.truths.len(), self.slots.len()) {
                return;
            }
        }
    }

    /// `under`: whether it is executed at all is not seen.
    fn block(&mut self, stmts: &[Stmt], under: bool) {
        for stmt in stmts {
            let hidden = under || stmt.exprs().into_iter().any(|e| self.reads(e));
            match &stmt.kind {
                StmtKind::Assign(place, _) | StmtKind::Advance(place, _) if hidden => {
                    self.truths.extend(self.ghost_of(place));
                }
                StmtKind::Let(slot, _) if hidden => _ = self.slots.insert(*slot),
                StmtKind::For(binder, _) if hidden => _ = self.slots.insert(binder.slot),
                _ => {}
            }
            stmt.blocks().into_iter().for_each(|block| self.block(block, hidden));
        }
    }

    fn ghost_of(&self, place: &Place) -> Option<TruthId> {
        let Place::Var(var, ..) = place else { return None };
        self.truth(*var).filter(|t| self.program.truths[*t].ghost)
    }

    fn truth(&self, var: VarId) -> Option<TruthId> {
        match self.program.vars[var].owner {
            VarOwner::Truth(truth) => Some(truth),
            VarOwner::Local(_) => None,
        }
    }

    /// Whether an attribute is not seen.
    #[must_use]
    pub fn hides(&self, var: VarId) -> bool {
        self.truth(var).is_some_and(|t| self.truths.contains(&t))
    }

    /// Whether an expression needs to know what is not seen.
    #[must_use]
    pub fn reads(&self, e: &Expr) -> bool {
        self.first_read(e).is_some()
    }

    /// What of an expression needs to know what is not seen: where, and its name.
    #[must_use]
    pub fn first_read(&self, e: &Expr) -> Option<(Span, &'p str)> {
        let mut found = None;
        e.visit(&mut |part| {
            let name = match &part.kind {
                ExprKind::Var(var, _) if self.hides(*var) => &self.program.vars[*var].name,
                ExprKind::Slot(slot) if self.slots.contains(slot) => &self.program.slots[*slot],
                _ => return,
            };
            found = found.or(Some((part.span, name.as_str())));
        });
        found
    }

    /// Whether a statement is about the unseen alone.
    #[must_use]
    pub fn is_about(&self, stmt: &Stmt) -> bool {
        let all = |block: &[Stmt]| block.iter().all(|s| self.is_about(s));
        match &stmt.kind {
            StmtKind::Assign(Place::Var(var, ..), _) | StmtKind::Advance(Place::Var(var, ..), _) => {
                self.hides(*var)
            }
            StmtKind::Assign(..) | StmtKind::Advance(..) => false,
            StmtKind::If(_, then, otherwise) => {
                !(then.is_empty() && otherwise.is_empty()) && all(then) && all(otherwise)
            }
            StmtKind::For(_, body) => !body.is_empty() && all(body),
            StmtKind::Let(slot, _) => self.slots.contains(slot),
            StmtKind::Pick(binder) => self.slots.contains(&binder.slot),
        }
    }

    /// Where reality depends on what is not seen, other than by what can be picked: the place and the name of what it reads.
    #[must_use]
    pub fn leaks(&self, stmts: &[Stmt]) -> Vec<(Span, &'p str)> {
        let mut list = Vec::new();
        for stmt in stmts.iter().filter(|s| !self.is_about(s)) {
            if !matches!(stmt.kind, StmtKind::Pick(_)) {
                list.extend(stmt.exprs().into_iter().filter_map(|e| self.first_read(e)));
            }
            stmt.blocks().into_iter().for_each(|block| list.extend(self.leaks(block)));
        }
        list
    }

    /// An effect without what is about the unseen alone.
    #[must_use]
    pub fn seen(&self, stmts: &[Stmt]) -> Vec<Stmt> {
        let kept = stmts.iter().filter(|s| !self.is_about(s));
        kept.map(|stmt| Stmt { kind: self.seen_kind(&stmt.kind), span: stmt.span }).collect()
    }

    fn seen_kind(&self, kind: &StmtKind) -> StmtKind {
        match kind {
            StmtKind::If(c, then, otherwise) => {
                StmtKind::If(c.clone(), self.seen(then), self.seen(otherwise))
            }
            StmtKind::For(binder, body) => StmtKind::For(binder.clone(), self.seen(body)),
            StmtKind::Pick(binder) => StmtKind::Pick(self.widened(binder)),
            other => other.clone(),
        }
    }

    /// The program without the unseen: its steps, with properties that read nothing of it.
    #[must_use]
    pub fn left(&self) -> Program {
        let mut left = self.program.clone();
        for protocol in left.protocols.iter_mut() {
            for step in protocol.steps.iter_mut() {
                step.effect = self.seen(&step.effect);
                step.reject.iter_mut().for_each(|r| r.effect = self.seen(&r.effect));
            }
        }
        left
    }

    /// Whether what can be picked depends on what is not seen.
    #[must_use]
    pub fn is_answer(&self, binder: &Binder) -> bool {
        binder.exprs().into_iter().any(|e| self.reads(e))
    }

    /// What can be picked as far as is seen.
    #[must_use]
    pub fn widened(&self, binder: &Binder) -> Binder {
        let domain = match &binder.domain {
            Domain::Set(set) => match self.widened_set(set) {
                Some(set) => Domain::Set(Box::new(set)),
                None => Domain::Type(crate::walk::element_type(&binder.domain).clone()),
            },
            other => other.clone(),
        };
        let filter = binder.filter.as_deref().and_then(|f| self.widened_condition(f)).map(Box::new);
        Binder { slot: binder.slot, domain, filter }
    }

    /// The conjuncts that read nothing of the unseen.
    fn widened_condition(&self, condition: &Expr) -> Option<Expr> {
        if !self.reads(condition) {
            return Some(condition.clone());
        }
        let kept: Vec<Expr> = condition.conjuncts().into_iter().filter(|c| !self.reads(c)).cloned().collect();
        (!kept.is_empty()).then(|| Expr { kind: ExprKind::And(kept), ..condition.clone() })
    }

    /// A set that has every element of this one, whatever the unseen is; none if it may have any element of its type.
    fn widened_set(&self, set: &Expr) -> Option<Expr> {
        if !self.reads(set) {
            return Some(set.clone());
        }
        let made = |kind| Some(Expr { kind, ..set.clone() });
        match &set.kind {
            ExprKind::If(c, a, b) => {
                let (a, b) = (Box::new(self.widened_set(a)?), Box::new(self.widened_set(b)?));
                made(if self.reads(c) {
                    ExprKind::SetOp(SetOp::Union, a, b)
                } else {
                    ExprKind::If(c.clone(), a, b)
                })
            }
            ExprKind::SetOp(SetOp::Union, a, b) => {
                let (a, b) = (Box::new(self.widened_set(a)?), Box::new(self.widened_set(b)?));
                made(ExprKind::SetOp(SetOp::Union, a, b))
            }
            ExprKind::SetOp(SetOp::Intersection, a, b) => match (self.widened_set(a), self.widened_set(b)) {
                (Some(a), Some(b)) => made(ExprKind::SetOp(SetOp::Intersection, Box::new(a), Box::new(b))),
                (a, b) => a.or(b),
            },
            ExprKind::SetOp(SetOp::Difference, a, b) => {
                let a = self.widened_set(a)?;
                if self.reads(b) {
                    Some(a)
                } else {
                    made(ExprKind::SetOp(SetOp::Difference, Box::new(a), b.clone()))
                }
            }
            ExprKind::SetLit(elements) => {
                let elements: Option<Vec<_>> = elements.iter().map(|e| self.widened_element(e)).collect();
                made(ExprKind::SetLit(elements?.into_iter().flatten().collect()))
            }
            ExprKind::SetOf(element, binder) if !self.reads(element) => {
                made(ExprKind::SetOf(element.clone(), self.widened(binder)))
            }
            _ => None,
        }
    }

    /// What an element can be.
    fn widened_element(&self, element: &Expr) -> Option<Vec<Expr>> {
        match &element.kind {
            _ if !self.reads(element) => Some(vec![element.clone()]),
            ExprKind::If(c, a, b) if self.reads(c) => {
                let (mut a, b) = (self.widened_element(a)?, self.widened_element(b)?);
                a.extend(b);
                Some(a)
            }
            _ => None,
        }
    }
}
