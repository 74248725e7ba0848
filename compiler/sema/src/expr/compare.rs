//! Comparisons, and what two sides must have in common.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::diagnostics::types as type_errors;
use crate::scope::Scope;
use crate::types::comparable;
use arch_base::Span;
use arch_grammar::ast::{self, BinaryOp, ExprKind as Ast};
use arch_ir::{CompareOp, Expr, ExprKind, Type, Value};

impl<'m> Analyzer<'m> {
    pub(super) fn comparison(
        &mut self,
        op: BinaryOp,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let (left, right) = self.sides(a, b, scope);
        self.note_constant(&left, b);
        self.note_constant(&right, a);
        let op = compare_op(op);
        if left.ty == Type::Unknown || right.ty == Type::Unknown {
            return Expr { kind: ExprKind::Literal(Value::Bool(true)), ty: Type::Bool, span };
        }
        let (left, right) = (self.tri_literal(left, &right.ty), right);
        let (right, left) = (self.tri_literal(right, &left.ty), left);
        if let Some(error) = self.comparison_error(op, &left, &right, span) {
            self.report(error);
            return Expr { ty: Type::Bool, ..unknown(span) };
        }
        Expr { kind: ExprKind::Compare(op, Box::new(left), Box::new(right)), ty: Type::Bool, span }
    }

    /// Both sides, each with the other's type expected where it is a bare name or a literal collection.
    fn sides(&mut self, a: &'m ast::Expr, b: &'m ast::Expr, scope: &Scope) -> (Expr, Expr) {
        let named = matches!(b.kind, Ast::Name(_));
        if needs_context(a) && !needs_context(b) || self.is_unlisted(a) && !named {
            let right = self.expr(b, None, scope);
            let left = self.with_hint(a, &right.ty, scope);
            (left, right)
        } else {
            let left = self.expr(a, None, scope);
            let right = self.with_hint(b, &left.ty, scope);
            (left, right)
        }
    }

    /// `T.a` of an attribute that T does not list: the other side says of which type it would be.
    fn is_unlisted(&self, e: &ast::Expr) -> bool {
        let Ast::Field(base, field) = &e.kind else { return false };
        let Ast::Name(truth) = &base.kind else { return false };
        self.tables.truths.get(&truth.name).is_some_and(|t| !t.attrs.contains_key(&field.name))
    }

    /// The expression with a type as a hint only: a mismatch is the comparison's to report.
    fn with_hint(&mut self, e: &'m ast::Expr, hint: &Type, scope: &Scope) -> Expr {
        self.infer(e, Some(hint), scope)
    }

    /// Remembers which constants a variable without a type is compared with.
    fn note_constant(&mut self, variable: &Expr, other: &ast::Expr) {
        if let (ExprKind::Var(var, _), Type::Unknown, Ast::Name(word)) =
            (&variable.kind, &variable.ty, &other.kind)
            && super::is_constant_word(&word.name)
        {
            self.enum_words.entry(*var).or_default().insert(word.name.clone());
        }
    }

    fn tri_literal(&self, side: Expr, other: &Type) -> Expr {
        match (side.literal(), other) {
            (Some(Value::Bool(b)), Type::Enum(id)) if self.program.is_tri(*id) => {
                self.literal(Value::Enum(u32::from(*b)), other.clone(), side.span)
            }
            _ => side,
        }
    }

    fn comparison_error(
        &mut self,
        op: CompareOp,
        left: &Expr,
        right: &Expr,
        span: Span,
    ) -> Option<arch_base::Diagnostic> {
        let ordered = !matches!(op, CompareOp::Eq | CompareOp::Ne);
        for (null, other) in [(left, right), (right, left)] {
            if null.ty == Type::Null && !other.ty.is_optional() {
                let declared = self.declaration_of(other);
                return Some(type_errors::never_null(span, other.span, &self.show_type(&other.ty), declared));
            }
        }
        if same_place(left, right) {
            return Some(type_errors::tautology(span, left.span, right.span));
        }
        if !comparable(&left.ty, &right.ty) {
            let (a, b) = (self.show_type(&left.ty), self.show_type(&right.ty));
            let number = |e: &Expr| matches!(e.ty, Type::Int(_));
            let counted = |e: &Expr| matches!(e.ty.unwrap_optional(), Type::Time | Type::Ordinal(_));
            let kind = [(left, right), (right, left)].into_iter().find(|(x, y)| counted(x) && number(y));
            let mut error = match kind {
                Some((x, _)) => type_errors::no_number(left.span, &a, right.span, &b, x.ty.unwrap_optional()),
                None => type_errors::incomparable(left.span, &a, right.span, &b),
            };
            for side in [left, right] {
                if let Some((name, declared)) = self.declaration_of(side) {
                    error = error.see(declared, format!("`{name}` is declared here"));
                }
            }
            return Some(error);
        }
        if ordered && !is_ordered(left.ty.unwrap_optional()) {
            return Some(type_errors::no_order(span, &self.show_type(&left.ty)));
        }
        let stored =
            |e: &Expr| *e.ty.unwrap_optional() == Type::Time && !matches!(e.kind, ExprKind::Instant(_));
        if stored(left) && stored(right) {
            return Some(type_errors::two_instants(span, left.span, right.span));
        }
        None
    }

    /// The name and place of the declaration behind an expression, if it is a variable.
    pub(super) fn declaration_of(&self, e: &Expr) -> Option<(String, Span)> {
        match &e.kind {
            ExprKind::Var(var, _) => {
                let var = &self.program.vars[*var];
                Some((var.name.clone(), var.span))
            }
            _ => None,
        }
    }

    pub(super) fn membership(
        &mut self,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        if let Ast::Range(lo, hi) = &b.kind {
            let value = self.expr(a, Some(&crate::types::INT), scope);
            let low = self.expr(lo, Some(&crate::types::INT), scope);
            let high = self.expr(hi, Some(&crate::types::INT), scope);
            let bound = |op, x: &Expr, y: Expr| Expr {
                kind: ExprKind::Compare(op, Box::new(x.clone()), Box::new(y)),
                ty: Type::Bool,
                span,
            };
            let both = vec![bound(CompareOp::Ge, &value, low), bound(CompareOp::Le, &value, high)];
            return Expr { kind: ExprKind::And(both), ty: Type::Bool, span };
        }
        let element = self.expr(a, None, scope);
        let hint = Type::Set(Box::new(element.ty.unwrap_optional().clone()), None);
        let set = self.with_hint(b, &hint, scope);
        match &set.ty {
            Type::Unknown => Expr { ty: Type::Bool, ..unknown(span) },
            Type::Set(inner, _) if comparable(inner, &element.ty) => {
                Expr { kind: ExprKind::In(Box::new(element), Box::new(set)), ty: Type::Bool, span }
            }
            Type::Set(..) => {
                let (x, s) = (self.show_type(&element.ty), self.show_type(&set.ty));
                self.report(type_errors::incomparable(element.span, &x, set.span, &s));
                Expr { ty: Type::Bool, ..unknown(span) }
            }
            other => {
                let shown = self.show_type(other);
                self.report(type_errors::not_a_set(set.span, &shown));
                Expr { ty: Type::Bool, ..unknown(span) }
            }
        }
    }
}

fn compare_op(op: BinaryOp) -> CompareOp {
    match op {
        BinaryOp::Ne => CompareOp::Ne,
        BinaryOp::Lt => CompareOp::Lt,
        BinaryOp::Le => CompareOp::Le,
        BinaryOp::Gt => CompareOp::Gt,
        BinaryOp::Ge => CompareOp::Ge,
        _ => CompareOp::Eq,
    }
}

fn needs_context(e: &ast::Expr) -> bool {
    match &e.kind {
        Ast::Name(name) => name.name.chars().all(|c| !c.is_lowercase()),
        Ast::Null | Ast::Set(_) | Ast::Seq(_) | Ast::Bool(_) | Ast::Int(_) => true,
        Ast::Paren(inner) => needs_context(inner),
        _ => false,
    }
}

fn is_ordered(ty: &Type) -> bool {
    matches!(ty, Type::Int(_) | Type::Enum(_) | Type::Ordinal(_) | Type::Time)
}

/// Whether both sides read the same place, so that the comparison says nothing.
fn same_place(a: &Expr, b: &Expr) -> bool {
    let all = |x: &[Expr], y: &[Expr]| x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same_place(a, b));
    match (&a.kind, &b.kind) {
        (ExprKind::Var(x, i), ExprKind::Var(y, j)) => x == y && all(i, j),
        (ExprKind::RunVar(x), ExprKind::RunVar(y)) => x == y,
        (ExprKind::Slot(x), ExprKind::Slot(y)) => x == y,
        (ExprKind::Role(x), ExprKind::Role(y)) => x == y,
        (ExprKind::Subject(x), ExprKind::Subject(y)) => x == y,
        (ExprKind::SelfId, ExprKind::SelfId) => true,
        (ExprKind::Field(x, i), ExprKind::Field(y, j)) => i == j && same_place(x, y),
        (ExprKind::Instant(x), ExprKind::Instant(y)) => x == y,
        _ => false,
    }
}
