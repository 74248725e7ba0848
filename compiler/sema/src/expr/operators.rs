//! Logic, arithmetic, conditionals and collection literals.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::scope::Scope;
use crate::types::{INT, accepts};
use arch_base::Span;
use arch_grammar::ast::{self, BinaryOp};
use arch_ir::{ArithOp, Expr, ExprKind, IntType, RangePolicy, SetOp, Type, Value};

impl<'m> Analyzer<'m> {
    /// `and`/`or`: chains are flattened, parentheses kept apart.
    pub(super) fn junction(
        &mut self,
        op: BinaryOp,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let mut operands = vec![b];
        let mut rest = a;
        while let ast::ExprKind::Binary(inner, x, y) = &rest.kind {
            if *inner != op {
                break;
            }
            operands.push(y);
            rest = x;
        }
        operands.push(rest);
        let operands: Vec<Expr> = operands.into_iter().rev().map(|e| self.condition(e, scope)).collect();
        let kind = if op == BinaryOp::And { ExprKind::And(operands) } else { ExprKind::Or(operands) };
        Expr { kind, ty: Type::Bool, span }
    }

    pub(super) fn negate(&mut self, inner: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let inner = self.expr(inner, Some(&INT), scope);
        let zero = self.literal(Value::Int(0), INT, span);
        self.fold(ArithOp::Sub, zero, inner, span)
    }

    pub(super) fn arithmetic(
        &mut self,
        op: BinaryOp,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let hint = expected.filter(|t| matches!(t, Type::Set(..) | Type::Seq(..)));
        let left = self.infer(a, hint, scope);
        match left.ty.clone() {
            Type::Unknown => unknown(span),
            Type::Time => self.offset(op, left, b, span, scope),
            Type::Set(..) => self.set_operation(op, left, b, span, scope),
            Type::Seq(..) if op == BinaryOp::Add => {
                let ty = left.ty.clone();
                let right = self.expr(b, Some(&ty), scope);
                let ty = joined(&ty, &right.ty);
                Expr { kind: ExprKind::Concat(Box::new(left), Box::new(right)), ty, span }
            }
            Type::Ordinal(id) => {
                let name = self.program.ordinals[id].name.clone();
                self.report(type_errors::ordinal_arithmetic(span, &name));
                unknown(span)
            }
            _ => {
                let left = self.coerce(left, &INT);
                let right = self.expr(b, Some(&INT), scope);
                self.integers(op, left, right, span)
            }
        }
    }

    fn integers(&mut self, op: BinaryOp, left: Expr, right: Expr, span: Span) -> Expr {
        let op = match op {
            BinaryOp::Add => ArithOp::Add,
            BinaryOp::Sub => ArithOp::Sub,
            BinaryOp::Mul => ArithOp::Mul,
            _ => {
                if !matches!(right.literal(), Some(Value::Int(n)) if *n > 0) && right.ty != Type::Unknown {
                    self.report(type_errors::bad_modulus(right.span));
                    return unknown(span);
                }
                ArithOp::Mod
            }
        };
        self.fold(op, left, right, span)
    }

    /// Integer arithmetic, folded when both sides are constant.
    pub(super) fn fold(&mut self, op: ArithOp, left: Expr, right: Expr, span: Span) -> Expr {
        if let (Some(Value::Int(x)), Some(Value::Int(y))) = (left.literal(), right.literal()) {
            let value = match op {
                ArithOp::Add => x.saturating_add(*y),
                ArithOp::Sub => x.saturating_sub(*y),
                ArithOp::Mul => x.saturating_mul(*y),
                ArithOp::Mod => x.checked_rem_euclid(*y).unwrap_or(0),
                ArithOp::Min => *x.min(y),
                ArithOp::Max => *x.max(y),
            };
            return self.literal(Value::Int(value), INT, span);
        }
        Expr { kind: ExprKind::Arith(op, Box::new(left), Box::new(right)), ty: INT, span }
    }

    /// `now + n` and `now - n`.
    fn offset(&mut self, op: BinaryOp, left: Expr, b: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let right = self.infer(b, Some(&INT), scope);
        if right.ty == Type::Time {
            self.report(type_errors::instant_distance(right.span));
            return unknown(span);
        }
        let right = self.coerce(right, &INT);
        let ExprKind::Instant(base) = left.kind else {
            let declared = self.declaration_of(&left);
            self.report(type_errors::stored_instant_arithmetic(span, declared));
            return unknown(span);
        };
        let ticks = match (op, right.literal()) {
            (BinaryOp::Add, Some(Value::Int(n))) => base.checked_add(*n),
            (BinaryOp::Sub, Some(Value::Int(n))) => base.checked_sub(*n),
            _ => None,
        };
        match ticks.filter(|n| n.unsigned_abs() < 1 << 20) {
            Some(ticks) => Expr { kind: ExprKind::Instant(ticks), ty: Type::Time, span },
            None => {
                if right.ty != Type::Unknown {
                    self.report(type_errors::variable_offset(right.span));
                }
                unknown(span)
            }
        }
    }

    fn set_operation(
        &mut self,
        op: BinaryOp,
        left: Expr,
        b: &'m ast::Expr,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let ty = match &left.ty {
            Type::Set(element, _) => Type::Set(element.clone(), None),
            other => other.clone(),
        };
        let right = self.expr(b, Some(&ty), scope);
        let op = match op {
            BinaryOp::Add => SetOp::Union,
            BinaryOp::Sub => SetOp::Difference,
            BinaryOp::Mul => SetOp::Intersection,
            _ => {
                self.report(type_errors::mismatch(left.span, &self.show_type(&left.ty), "an integer"));
                return unknown(span);
            }
        };
        let ty = if ty == Type::Set(Box::new(Type::Unknown), None) { right.ty.clone() } else { ty };
        Expr { kind: ExprKind::SetOp(op, Box::new(left), Box::new(right)), ty, span }
    }

    pub(super) fn conditional(
        &mut self,
        c: &'m ast::Expr,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let condition = self.condition(c, scope);
        let then = self.infer(a, expected, scope);
        let hint = expected.cloned().unwrap_or_else(|| then.ty.clone());
        let otherwise = self.infer(b, Some(&hint), scope);
        let ty = match (&then.ty, &otherwise.ty) {
            (a, b) if accepts(a, b) && accepts(b, a) && *a != Type::Unknown => either(a, b),
            (a, b) if accepts(a, b) && *a != Type::Null => a.clone(),
            (a, b) if accepts(b, a) => b.clone(),
            (Type::Null, b) => Type::Optional(Box::new(b.clone())),
            (a, Type::Null) => Type::Optional(Box::new(a.clone())),
            (a, b) => {
                let (a, b) = (self.show_type(a), self.show_type(b));
                self.report(type_errors::incomparable(then.span, &a, otherwise.span, &b));
                Type::Unknown
            }
        };
        let kind = ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise));
        Expr { kind, ty, span }
    }

    pub(super) fn set_literal(
        &mut self,
        elements: &'m [ast::Expr],
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let hint = match expected {
            Some(Type::Set(element, _)) if **element != Type::Unknown => Some((**element).clone()),
            _ => None,
        };
        let (elements, element_type) = self.elements(elements, hint, scope);
        Expr { kind: ExprKind::SetLit(elements), ty: Type::Set(Box::new(element_type), None), span }
    }

    pub(super) fn seq_literal(
        &mut self,
        elements: &'m [ast::Expr],
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let hint = match expected {
            Some(Type::Seq(element, _)) => Some((**element).clone()),
            _ => None,
        };
        let n = elements.len() as u32;
        let (elements, element_type) = self.elements(elements, hint, scope);
        Expr { kind: ExprKind::SeqLit(elements), ty: Type::Seq(Box::new(element_type), n), span }
    }

    fn elements(
        &mut self,
        elements: &'m [ast::Expr],
        hint: Option<Type>,
        scope: &Scope,
    ) -> (Vec<Expr>, Type) {
        let mut ty = hint.unwrap_or(Type::Unknown);
        let mut lowered = Vec::new();
        for element in elements {
            let found = self.infer(element, Some(&ty), scope);
            if ty == Type::Unknown {
                ty = found.ty.clone();
            }
            lowered.push(self.coerce(found, &ty.clone()));
        }
        (lowered, ty)
    }

    pub(super) fn is_variant(
        &mut self,
        subject: &'m ast::Expr,
        variant: &ast::Ident,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let subject = self.expr(subject, None, scope);
        match (&subject.ty, self.tables.variants.get(&variant.name).copied()) {
            (Type::Unknown, _) => Expr { ty: Type::Bool, ..unknown(span) },
            (Type::Union(id), Some((union, tag))) if *id == union => {
                Expr { kind: ExprKind::IsVariant(Box::new(subject), tag), ty: Type::Bool, span }
            }
            (Type::Union(id), _) => {
                let union = &self.program.unions[*id];
                let known = union.variants.iter().map(|v| v.name.as_str());
                let error = names::unknown_field(variant, &union.name, known, union.span);
                self.report(error);
                Expr { ty: Type::Bool, ..unknown(span) }
            }
            (other, _) if variant.name == "null" => {
                let shown = self.show_type(other);
                self.report(type_errors::is_null(subject.span, &shown));
                Expr { ty: Type::Bool, ..unknown(span) }
            }
            (other, _) => {
                let shown = self.show_type(other);
                self.report(type_errors::mismatch(subject.span, &shown, "a tagged union"));
                Expr { ty: Type::Bool, ..unknown(span) }
            }
        }
    }
}

/// The type of what is a value of one or of the other, which differ in their bounds only.
fn either(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Int(x), Type::Int(y)) if x != y => {
            Type::Int(IntType { lo: x.lo.min(y.lo), hi: x.hi.max(y.hi), policy: RangePolicy::Report })
        }
        (Type::Optional(a), Type::Optional(b)) => Type::Optional(Box::new(either(a, b))),
        (Type::Set(a, m), Type::Set(b, n)) => {
            Type::Set(Box::new(either(a, b)), m.zip(*n).map(|(m, n)| m.max(n)))
        }
        (Type::Seq(a, m), Type::Seq(b, n)) => Type::Seq(Box::new(either(a, b)), *m.max(n)),
        (Type::Map(k, a), Type::Map(_, b)) => Type::Map(k.clone(), Box::new(either(a, b))),
        _ => a.clone(),
    }
}

/// The type of one sequence after another.
fn joined(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Seq(a, m), Type::Seq(b, n)) => Type::Seq(Box::new(either(a, b)), m.saturating_add(*n)),
        _ => a.clone(),
    }
}
