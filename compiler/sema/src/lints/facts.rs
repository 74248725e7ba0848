//! What the lints ask of steps: what they compare, write and advance.

use super::At;
use arch_ir::{
    CompareOp, Expr, ExprKind, Place, Program, Protocol, ProtocolId, RunVarId, Step, StepId, Stmt, StmtKind,
    TruthId, Type, Value, VarId, VarOwner,
};
use std::collections::BTreeSet;

/// A program, with what can be asked of its steps.
pub struct Facts<'p> {
    pub program: &'p Program,
    /// Every step, in order.
    pub steps: Vec<At>,
}

/// Whether a comparison of a stored instant with the clock is true before that instant, or after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    Valid,
    Expired,
}

impl<'p> Facts<'p> {
    pub fn of(program: &'p Program) -> Facts<'p> {
        let of = |(id, p): (ProtocolId, &Protocol)| p.steps.indices().map(|s| (id, s)).collect::<Vec<_>>();
        Facts { program, steps: program.protocols.iter_enumerated().flat_map(of).collect() }
    }

    pub fn step(&self, (protocol, step): At) -> &'p Step {
        &self.program.protocols[protocol].steps[step]
    }

    /// The truth object that a variable is an attribute of.
    pub fn truth(&self, var: VarId) -> Option<TruthId> {
        match self.program.vars[var].owner {
            VarOwner::Truth(truth) => Some(truth),
            VarOwner::Local(_) => None,
        }
    }

    /// The truth object of a variable, unless it is there for properties only.
    pub fn real_truth(&self, var: VarId) -> Option<TruthId> {
        self.truth(var).filter(|t| !self.program.truths[*t].ghost)
    }

    /// The atoms of the guard and the conditions in the effect: all that can keep a step from doing something.
    pub fn conditions(&self, at: At) -> Vec<&'p Expr> {
        let step = self.step(at);
        let mut list: Vec<&Expr> = step.atoms.iter().map(|a| &a.expr).collect();
        for stmt in &step.effect {
            stmt.visit(&mut |s| match &s.kind {
                StmtKind::If(condition, _, _) => list.push(condition),
                StmtKind::For(binder, _) | StmtKind::Pick(binder) => list.extend(binder.filter.as_deref()),
                _ => {}
            });
        }
        list
    }

    /// Whether the step compares an ordinal with another one: a fencing token, an epoch, a version.
    pub fn compares_ordinals(&self, at: At) -> bool {
        let mut compares = false;
        for condition in self.conditions(at) {
            condition.visit(&mut |e| {
                if let ExprKind::Compare(_, a, b) = &e.kind {
                    compares |= is_ordinal(a) && is_ordinal(b);
                }
            });
        }
        compares
    }

    /// Whether the effect advances an ordinal, somewhere.
    pub fn advances(&self, at: At) -> bool {
        let mut advances = false;
        self.each_statement(at, &mut |s| advances |= matches!(s.kind, StmtKind::Advance(..)));
        advances
    }

    pub fn each_statement(&self, at: At, f: &mut dyn FnMut(&'p Stmt)) {
        self.step(at).effect.iter().for_each(|s| s.visit(f));
    }

    /// The attributes and locals that the effect writes.
    pub fn writes(&self, at: At) -> BTreeSet<VarId> {
        let mut written = BTreeSet::new();
        self.each_statement(at, &mut |s| {
            if let StmtKind::Assign(Place::Var(var, ..), _) | StmtKind::Advance(Place::Var(var, ..), _) =
                &s.kind
            {
                written.insert(*var);
            }
        });
        written
    }

    /// The attributes and locals that conditions of the step read.
    pub fn reads(&self, at: At) -> BTreeSet<VarId> {
        let mut read = BTreeSet::new();
        for condition in self.conditions(at) {
            condition.visit(&mut |e| {
                if let ExprKind::Var(var, _) = &e.kind {
                    read.insert(*var);
                }
            });
        }
        read
    }

    /// The variables of a protocol's runs that remember something of an attribute.
    pub fn remembered(&self, protocol: ProtocolId, var: VarId) -> BTreeSet<RunVarId> {
        let of = &self.program.protocols[protocol];
        let lets = of.begin.iter().chain(of.steps.iter().flat_map(|s| &s.lets));
        let reads = |value: &Expr| {
            let mut reads = false;
            value.visit(&mut |e| reads |= matches!(&e.kind, ExprKind::Var(v, _) if *v == var));
            reads
        };
        lets.filter(|(_, value)| reads(value)).map(|(remembers, _)| *remembers).collect()
    }

    /// The instants that the guard compares with the clock, with which side it is legal on.
    pub fn expiries(&self, at: At) -> Vec<(VarId, Expiry, &'p Expr)> {
        let mut found = Vec::new();
        for atom in &self.step(at).atoms {
            atom.expr.visit(&mut |e| found.extend(expiry(e).map(|(var, side)| (var, side, e))));
        }
        found
    }

    /// The instants that the effect sets by the clock.
    pub fn stamps(&self, at: At) -> BTreeSet<VarId> {
        let mut stamped = BTreeSet::new();
        self.each_statement(at, &mut |s| {
            if let StmtKind::Assign(Place::Var(var, ..), value) = &s.kind {
                let mut by_clock = false;
                value.visit(&mut |e| by_clock |= matches!(e.kind, ExprKind::Instant(_)));
                if by_clock && self.program.vars[*var].ty.unwrap_optional() == &Type::Time {
                    stamped.insert(*var);
                }
            }
        });
        stamped
    }

    /// The steps that come before and after a step in its chain; a branch comes after the main chain.
    pub fn before(&self, (protocol, step): At) -> Vec<StepId> {
        let of = &self.program.protocols[protocol];
        let mut before = Vec::new();
        for (number, chain) in of.chains.iter().enumerate() {
            if let Some(place) = chain.steps.iter().position(|s| *s == step) {
                if number > 0 {
                    let last = chain.window.as_ref().map_or(0, |w| w.to as usize);
                    let main = of.chains.iter().next().map_or(&[][..], |c| &c.steps);
                    before.extend(main.iter().take(last).copied());
                }
                before.extend(chain.steps.iter().take(place).copied());
            }
        }
        before
    }
}

fn is_ordinal(e: &Expr) -> bool {
    matches!(e.ty.unwrap_optional(), Type::Ordinal(_)) && !matches!(e.kind, ExprKind::Literal(Value::Null))
}

/// `X.t < now` and its kin.
fn expiry(e: &Expr) -> Option<(VarId, Expiry)> {
    let ExprKind::Compare(op, a, b) = &e.kind else { return None };
    let (var, op) = match (&a.kind, &b.kind) {
        (ExprKind::Var(var, _), ExprKind::Instant(_)) => (*var, *op),
        (ExprKind::Instant(_), ExprKind::Var(var, _)) => (*var, turned(*op)),
        _ => return None,
    };
    match op {
        CompareOp::Ge | CompareOp::Gt => Some((var, Expiry::Valid)),
        CompareOp::Le | CompareOp::Lt => Some((var, Expiry::Expired)),
        CompareOp::Eq | CompareOp::Ne => None,
    }
}

/// The operator with its sides exchanged.
fn turned(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        same => same,
    }
}

/// Whether two expressions are written alike.
pub fn alike(a: &Expr, b: &Expr) -> bool {
    use ExprKind as K;
    match (&a.kind, &b.kind) {
        (K::Literal(x), K::Literal(y)) => x == y,
        (K::Instant(x), K::Instant(y)) => x == y,
        (K::Slot(x), K::Slot(y)) => x == y,
        (K::SelfId, K::SelfId) => true,
        (K::Subject(x), K::Subject(y)) => x == y,
        (K::Role(x), K::Role(y)) => x == y,
        (K::RunVar(x), K::RunVar(y)) => x == y,
        (K::Var(x, keys), K::Var(y, others)) => x == y && all_alike(keys, others),
        _ => false,
    }
}

/// Whether two lists of expressions are.
pub fn all_alike(a: &[Expr], b: &[Expr]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| alike(x, y))
}
