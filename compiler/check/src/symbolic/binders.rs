//! Variables of quantifiers, loops and picks: the values that they can have, each with when.

use super::dag::N;
use super::expr::{MOST_NODES, Result, Scope};
use super::sym::{Candidate, Elements, Sym, is_scalar};
use crate::error::CompileError;
use arch_ir::walk::element_type;
use arch_ir::{Binder, CompareOp, Domain, Expr, ExprKind, SlotId, Type};
use std::sync::Arc;

impl<'p> Scope<'_, 'p> {
    pub(super) fn quantified(&mut self, binder: &'p Binder, body: &'p Expr, all: bool) -> Result<N> {
        let mut result = self.b.dag.bool(all);
        for (is, value) in self.bind(binder)? {
            let holds = self.with(binder.slot, element_type(&binder.domain), value, |s| s.scalar(body))?;
            result = if all {
                let fine = self.b.dag.implies(is, holds);
                self.b.dag.and(result, fine)
            } else {
                let found = self.b.dag.and(is, holds);
                self.b.dag.or(result, found)
            };
            if self.b.dag.constant(result) == Some(i64::from(!all)) {
                break;
            }
        }
        Ok(result)
    }

    /// The values that a binder can give its variable, in order, each with when it does.
    pub fn bind_in_order(&mut self, binder: &'p Binder) -> Result<Vec<Candidate>> {
        if let Some(values) = self.pinned(binder)? {
            return self.filtered(binder, values);
        }
        let mut values = self.domain(&binder.domain)?;
        let listed = self.b.elements(element_type(&binder.domain)).is_some();
        if matches!(binder.domain, Domain::Set(_)) && !listed && !self.is_sorted(&values) {
            values = self.b.in_order(values);
        }
        self.filtered(binder, values)
    }

    /// Whether candidates are stored slots, which are kept sorted.
    fn is_sorted(&mut self, values: &[Candidate]) -> bool {
        let layout = self.layout;
        let Some(first) = values.first() else { return true };
        let stored = |n: N, cell: u32| self.b.dag.op(n) == super::dag::Op::Cell(cell);
        let Some(group) =
            layout.groups.iter().find(|g| g.slots.first().is_some_and(|(c, _)| stored(first.0, *c)))
        else {
            return values.len() < 2;
        };
        values.len() <= group.slots.len()
            && values.iter().zip(&group.slots).all(|((is, value), (cell, shape))| {
                self.b.dag.op(*is) == super::dag::Op::Cell(*cell) && self.b.load(layout, shape) == *value
            })
    }

    /// The values that a binder can give its variable, each with when it does.
    pub fn bind(&mut self, binder: &'p Binder) -> Result<Vec<Candidate>> {
        let values = match self.pinned(binder)? {
            Some(values) => values,
            None => self.domain(&binder.domain)?,
        };
        self.filtered(binder, values)
    }

    fn filtered(&mut self, binder: &'p Binder, mut values: Vec<Candidate>) -> Result<Vec<Candidate>> {
        let Some(filter) = &binder.filter else { return Ok(values) };
        for (is, value) in &mut values {
            let passes =
                self.with(binder.slot, element_type(&binder.domain), value.clone(), |s| s.scalar(filter))?;
            *is = self.b.dag.and(*is, passes);
        }
        values.retain(|(is, _)| self.b.dag.constant(*is) != Some(0));
        Ok(values)
    }

    /// The one value that a filter `x = e` leaves of a type or range, with when it does; none where every value has to be
    /// tried.
    fn pinned(&mut self, binder: &'p Binder) -> Result<Option<Vec<Candidate>>> {
        let bounds = match &binder.domain {
            Domain::Type(Type::Int(int)) => Some((int.lo, int.hi)),
            Domain::Type(_) => None,
            Domain::Range(lo, hi) => Some((*lo, *hi)),
            Domain::Set(_) | Domain::Runs(_) => return Ok(None),
        };
        let filter = binder.filter.as_deref();
        let Some(e) =
            filter.and_then(|f| equal_to(binder.slot, f)).filter(|e| stays_within(&binder.domain, e))
        else {
            return Ok(None);
        };
        let (is, value) = match self.eval(e)? {
            Sym::Scalar(n) if is_scalar(&e.ty) => {
                let null = self.b.dag.null();
                let absent = self.b.dag.eq(n, null);
                let mut is = self.b.dag.not(absent);
                if let Some((lo, hi)) = bounds {
                    let (lo, hi) = (self.b.dag.int(lo), self.b.dag.int(hi));
                    let (above, below) = (self.b.dag.le(lo, n), self.b.dag.le(n, hi));
                    let within = self.b.dag.and(above, below);
                    is = self.b.dag.and(is, within);
                }
                (is, Sym::Scalar(n))
            }
            Sym::Opt(present, Some(value)) => (present, Sym::clone(&value)),
            Sym::Opt(_, None) | Sym::Scalar(_) => return Ok(Some(Vec::new())),
            value => (self.b.dag.bool(true), value),
        };
        Ok(Some(vec![(is, value)]))
    }

    fn domain(&mut self, domain: &'p Domain) -> Result<Vec<Candidate>> {
        let yes = self.b.dag.bool(true);
        Ok(match domain {
            Domain::Type(ty) => {
                let elements = self.elements(ty)?;
                elements.values.iter().map(|v| (yes, self.b.literal(v, ty))).collect()
            }
            Domain::Range(lo, hi) if hi.saturating_sub(*lo) > MOST_NODES as i64 => {
                return Err(CompileError::new(format!("the range {lo}..{hi} is too large to be unrolled")));
            }
            Domain::Range(lo, hi) => (*lo..=*hi).map(|n| (yes, self.b.int(n))).collect(),
            Domain::Set(set) => {
                let set = self.eval(set)?;
                self.b.candidates(&set)
            }
            Domain::Runs(p) => {
                (0..self.b.program.run_count(*p)).map(|r| (yes, self.b.int(i64::from(r)))).collect()
            }
        })
    }

    pub(super) fn elements(&mut self, ty: &Type) -> Result<Arc<Elements>> {
        self.b.elements(ty).ok_or_else(|| CompileError::new("a type has too many values to be unrolled"))
    }

    pub(super) fn extreme(&mut self, greatest: bool, body: &'p Expr, binder: &'p Binder) -> Result<N> {
        let null = self.b.dag.null();
        let mut best = null;
        for (is, value) in self.bind(binder)? {
            let value = self.with(binder.slot, element_type(&binder.domain), value, |s| s.scalar(body))?;
            let dag = &mut self.b.dag;
            let value = dag.select(is, value, null);
            best = if greatest {
                dag.max(best, value)
            } else {
                let (absent, none, less) = (dag.eq(value, null), dag.eq(best, null), dag.lt(value, best));
                let better = dag.or(none, less);
                let new = dag.select(better, value, best);
                dag.select(absent, best, new)
            };
        }
        Ok(best)
    }
}

/// What a variable is said to be equal to by a condition, or by one operand of a conjunction.
fn equal_to(slot: SlotId, condition: &Expr) -> Option<&Expr> {
    let is = |e: &Expr| matches!(e.kind, ExprKind::Slot(s) if s == slot);
    condition.conjuncts().into_iter().find_map(|part| {
        let ExprKind::Compare(CompareOp::Eq, a, b) = &part.kind else { return None };
        let other = if is(a) { b } else { a };
        let mut mentioned = false;
        other.visit(&mut |e| mentioned |= is(e));
        ((is(a) || is(b)) && !mentioned).then_some(&**other)
    })
}

/// Whether a value of a domain's type is one of the domain's, but for being null and the bounds of a plain integer: what a
/// record made on the spot holds is bounded only where it is stored.
fn stays_within(domain: &Domain, e: &Expr) -> bool {
    let ty = e.ty.unwrap_optional();
    match domain {
        Domain::Range(..) | Domain::Type(Type::Int(_)) => matches!(ty, Type::Int(_)),
        Domain::Type(of) => of == ty && (is_scalar(ty) || is_stored(e)),
        Domain::Set(_) | Domain::Runs(_) => false,
    }
}

/// Whether an expression reads a part of what the state holds, as it stands there.
fn is_stored(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Var(..) | ExprKind::RunVar(_) | ExprKind::RunVarOf(..) => true,
        ExprKind::Old(of)
        | ExprKind::SeqGet(of, _)
        | ExprKind::MapGet(of, _)
        | ExprKind::Field(of, _)
        | ExprKind::VariantField(of, ..) => is_stored(of),
        _ => false,
    }
}
