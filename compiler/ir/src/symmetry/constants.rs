//! The constants of a program that can name instances: written ones, initial values, and the default values
//! that expressions have where there is nothing else.

use super::Breaker;
use super::commute::same_expr;
use crate::program::{
    Binder, Expr, ExprKind, FaultKind, Init, Place, Program, SortId, Step, Stmt, StmtKind, Type,
};
use crate::value::Value;
use arch_base::Span;

/// A constant of a type.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub ty: Type,
    pub value: Value,
    pub span: Span,
    pub by: Breaker,
}

/// All constants of a program.
pub(super) fn constants(program: &Program) -> Vec<Constant> {
    let mut collector = Collector { program, found: Vec::new(), known: Vec::new() };
    collector.starts();
    collector.places();
    for protocol in &program.protocols {
        protocol.begin.iter().for_each(|(_, e)| collector.expr(e));
        protocol.steps.iter().for_each(|s| collector.step(s));
        let rejects = protocol.steps.iter().filter_map(|s| s.reject.as_ref()).map(|r| &r.outcome);
        let outcomes = protocol.chains.iter().map(|c| &c.outcome).chain(rejects);
        outcomes.flat_map(|o| &o.then).flat_map(|h| &h.subjects).for_each(|e| collector.expr(e));
    }
    for property in &program.properties {
        for (_, e) in property.exprs() {
            let facts: Vec<Fact> = property.binders.iter().flat_map(filter_facts).collect();
            collector.within(facts, |c| c.expr(e));
        }
    }
    collector.found
}

/// A union value that is known to be of a variant.
type Fact<'p> = (&'p Expr, u32);

struct Collector<'p> {
    program: &'p Program,
    found: Vec<Constant>,
    known: Vec<Fact<'p>>,
}

impl<'p> Collector<'p> {
    fn add(&mut self, ty: &Type, value: Value, span: Span, by: Breaker) {
        self.found.push(Constant { ty: ty.clone(), value, span, by });
    }

    /// Initial values; a crash resets `= any` locals to the defaults of their types.
    fn starts(&mut self) {
        let program = self.program;
        for var in &program.vars {
            match &var.init {
                Init::Value { value, .. } => match &value.kind {
                    ExprKind::Literal(v) => self.add(&value.ty, v.clone(), var.span, Breaker::Start),
                    _ => self.expr(value),
                },
                Init::Any => {
                    let crashes = |s: SortId| program.faults.iter().any(|f| crash_of(&f.kind) == Some(s));
                    if matches!(var.owner, crate::program::VarOwner::Local(s) if crashes(s)) {
                        self.add(&var.ty, program.default_value(&var.ty), var.span, Breaker::Start);
                    }
                }
            }
        }
        for var in program.protocols.iter().flat_map(|p| p.vars.iter()) {
            self.add(&var.ty, var.init.clone(), var.span, Breaker::Start);
        }
    }

    /// With partitions, truth that is not keyed by its place is held at the first instance.
    fn places(&mut self) {
        let program = self.program;
        if !program.faults.iter().any(|f| matches!(f.kind, FaultKind::Partition { .. })) {
            return;
        }
        for truth in &program.truths {
            if let Some(place) = truth.place {
                self.add(&Type::Id(place), Value::Id(0), truth.span, Breaker::Place);
            }
        }
    }

    fn within(&mut self, facts: Vec<Fact<'p>>, f: impl FnOnce(&mut Self)) {
        let before = self.known.len();
        self.known.extend(facts);
        f(self);
        self.known.truncate(before);
    }

    fn step(&mut self, step: &'p Step) {
        self.expr(&step.guard);
        step.lets.iter().for_each(|(_, e)| self.expr(e));
        let kept = facts(&step.guard, true).into_iter().filter(|(e, _)| stays(e, step)).collect();
        self.within(kept, |c| c.block(&step.effect, step));
        if let Some(reject) = &step.reject {
            self.block(&reject.effect, step);
        }
    }

    fn block(&mut self, block: &'p [Stmt], step: &'p Step) {
        for stmt in block {
            stmt.exprs().into_iter().for_each(|e| self.expr(e));
            match &stmt.kind {
                StmtKind::If(condition, then, otherwise) => {
                    let kept = |truth| facts(condition, truth).into_iter().filter(|(e, _)| stays(e, step));
                    self.within(kept(true).collect(), |c| c.block(then, step));
                    self.within(kept(false).collect(), |c| c.block(otherwise, step));
                }
                StmtKind::For(binder, body) => {
                    let kept = filter_facts(binder).into_iter().filter(|(e, _)| stays(e, step)).collect();
                    self.within(kept, |c| c.block(body, step));
                }
                _ => {}
            }
        }
    }

    fn expr(&mut self, e: &'p Expr) {
        use ExprKind as K;
        match &e.kind {
            K::Literal(value) => self.add(&e.ty, value.clone(), e.span, Breaker::Constant),
            K::VariantField(of, tag, _) => {
                self.expr(of);
                if !self.known.iter().any(|(known, t)| t == tag && same_expr(known, of)) {
                    self.add(&e.ty, self.program.default_value(&e.ty), e.span, Breaker::Constant);
                }
            }
            K::And(list) => self.list(list, true),
            K::Or(list) => self.list(list, false),
            K::If(condition, then, otherwise) => {
                self.expr(condition);
                self.within(facts(condition, true), |c| c.expr(then));
                self.within(facts(condition, false), |c| c.expr(otherwise));
            }
            K::SetOf(body, binder)
            | K::All(binder, body)
            | K::Any(binder, body)
            | K::Extreme(_, body, binder) => {
                binder.exprs().into_iter().for_each(|e| self.expr(e));
                self.within(filter_facts(binder), |c| c.expr(body));
            }
            _ => e.children().into_iter().for_each(|child| self.expr(child)),
        }
    }

    /// Operands, left to right: each is read only where those before it are `truth`.
    fn list(&mut self, list: &'p [Expr], truth: bool) {
        let before = self.known.len();
        for e in list {
            self.expr(e);
            self.known.extend(facts(e, truth));
        }
        self.known.truncate(before);
    }
}

fn crash_of(kind: &FaultKind) -> Option<SortId> {
    match kind {
        FaultKind::Crash { sort, .. } => Some(*sort),
        _ => None,
    }
}

fn filter_facts(binder: &Binder) -> Vec<Fact<'_>> {
    binder.filter.as_deref().map(|f| facts(f, true)).unwrap_or_default()
}

/// What is known where a condition is `truth`.
fn facts(condition: &Expr, truth: bool) -> Vec<Fact<'_>> {
    match (&condition.kind, truth) {
        (ExprKind::IsVariant(of, tag), true) => vec![(&**of, *tag)],
        (ExprKind::Not(e), truth) => facts(e, !truth),
        (ExprKind::And(list), true) | (ExprKind::Or(list), false) => {
            list.iter().flat_map(|e| facts(e, truth)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an expression has the same value throughout a step's effect: a quantified or picked variable, or a
/// run variable that the step does not assign.
fn stays(e: &Expr, step: &Step) -> bool {
    match &e.kind {
        ExprKind::Slot(_) => true,
        ExprKind::RunVar(v) => {
            let mut assigned = step.lets.iter().any(|(to, _)| to == v);
            for stmt in step.effects() {
                stmt.visit(&mut |s| {
                    assigned |= matches!(&s.kind, StmtKind::Assign(Place::RunVar(to, _), _) if to == v);
                });
            }
            !assigned
        }
        _ => false,
    }
}
