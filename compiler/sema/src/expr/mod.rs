//! Expressions: names resolved, types checked, definitions expanded.
//!
//! [`Analyzer::expr`] takes what is written and the type that is expected, and gives the typed
//! expression. What has no meaning is reported and becomes an expression of [`Type::Unknown`], which
//! every check accepts, so that one mistake is reported once.

mod calls;
mod compare;
mod definitions;
mod names;
mod operators;
mod quantifiers;
mod truth;

pub use calls::BUILTINS;
pub use names::is_constant_word;

use crate::analyzer::Analyzer;
use crate::diagnostics::types as type_errors;
use crate::scope::Scope;
use crate::types::{INT, accepts};
use arch_base::Span;
use arch_grammar::ast::{self, BinaryOp, ExprKind as Ast, UnaryOp};
use arch_ir::{Expr, ExprKind, Type, Value};

impl<'m> Analyzer<'m> {
    /// The typed expression, of the expected type if one is given (else of its own).
    pub fn expr(&mut self, e: &'m ast::Expr, expected: Option<&Type>, scope: &Scope) -> Expr {
        let found = self.infer(e, expected, scope);
        match expected {
            Some(expected) => self.coerce(found, expected),
            None => found,
        }
    }

    /// A condition.
    pub fn condition(&mut self, e: &'m ast::Expr, scope: &Scope) -> Expr {
        self.expr(e, Some(&Type::Bool), scope)
    }

    /// Checks that an expression can stand for a value of a type.
    pub fn coerce(&mut self, found: Expr, expected: &Type) -> Expr {
        if let (Type::Enum(id), ExprKind::Literal(Value::Bool(b))) = (expected.unwrap_optional(), &found.kind)
            && self.program.is_tri(*id)
        {
            return self.literal(Value::Enum(u32::from(*b)), Type::Enum(*id), found.span);
        }
        if !accepts(expected, &found.ty) {
            let error = self.mismatch(&found, expected);
            self.report(error);
            return unknown(found.span);
        }
        self.check_literal_range(&found, expected);
        match (&found.kind, &found.ty) {
            (ExprKind::Literal(Value::Null), Type::Unknown) => found,
            (ExprKind::SetLit(_) | ExprKind::SeqLit(_) | ExprKind::Literal(_), Type::Unknown) => {
                Expr { ty: expected.clone(), ..found }
            }
            _ => found,
        }
    }

    fn mismatch(&mut self, found: &Expr, expected: &Type) -> arch_base::Diagnostic {
        let (have, want) = (self.show_type(&found.ty), self.show_type(expected));
        let error = match &found.ty {
            Type::Optional(inner) if accepts(expected, inner) => {
                type_errors::maybe_null(found.span, &have, &want)
            }
            Type::Null => type_errors::null_not_allowed(found.span, &want),
            _ => type_errors::mismatch(found.span, &have, &want),
        };
        match self.declaration_of(found) {
            Some((name, declared)) => error.see(declared, format!("`{name}` is declared here")),
            None => error,
        }
    }

    fn check_literal_range(&mut self, found: &Expr, expected: &Type) {
        if let (Some(Value::Int(n)), Type::Int(int)) = (found.literal(), expected.unwrap_optional())
            && !(int.lo..=int.hi).contains(n)
        {
            self.report(type_errors::literal_out_of_range(found.span, *n, int.lo, int.hi));
        }
    }

    fn infer(&mut self, e: &'m ast::Expr, expected: Option<&Type>, scope: &Scope) -> Expr {
        let span = e.span;
        match &e.kind {
            Ast::Paren(inner) => self.infer(inner, expected, scope),
            Ast::Int(n) => self.literal(Value::Int(*n), INT, span),
            Ast::Bool(b) => match expected.map(Type::unwrap_optional) {
                Some(Type::Enum(id)) if self.program.is_tri(*id) => {
                    self.literal(Value::Enum(u32::from(*b)), Type::Enum(*id), span)
                }
                _ => self.literal(Value::Bool(*b), Type::Bool, span),
            },
            Ast::Null => self.literal(Value::Null, Type::Null, span),
            Ast::Unknown => {
                let tri = self.tri();
                self.literal(Value::Enum(2), Type::Enum(tri), span)
            }
            Ast::Now => Expr { kind: ExprKind::Instant(0), ty: Type::Time, span },
            Ast::SelfRef => self.self_reference(span, scope),
            Ast::Name(name) => self.name(name, expected, scope),
            Ast::Phrase(words) => self.phrase(words, span, scope),
            Ast::Field(base, field) => self.field(base, field, span, expected, scope),
            Ast::Index(base, keys) => self.index(base, keys, span, scope),
            Ast::Call(function, arguments) => self.call(function, arguments, span, expected, scope),
            Ast::Postfix(subject, word) => {
                if let Some(error) = self.attribute_without_dot(subject, word) {
                    self.report(error);
                    return unknown(span);
                }
                let subject = self.expr(subject, None, scope);
                self.postfix(subject, word, span, scope)
            }
            Ast::Unary(UnaryOp::Not, inner) => {
                let inner = self.condition(inner, scope);
                Expr { kind: ExprKind::Not(Box::new(inner)), ty: Type::Bool, span }
            }
            Ast::Unary(UnaryOp::Neg, inner) => self.negate(inner, span, scope),
            Ast::Binary(op, a, b) => self.binary(*op, a, b, span, expected, scope),
            Ast::Is(subject, variant) => self.is_variant(subject, variant, span, scope),
            Ast::RunAt(run, step) => self.run_at(run, step, span, scope),
            Ast::If(c, a, b) => self.conditional(c, a, b, span, expected, scope),
            Ast::Range(..) => {
                self.report(type_errors::range_out_of_place(span));
                unknown(span)
            }
            Ast::Set(elements) => self.set_literal(elements, span, expected, scope),
            Ast::Seq(elements) => self.seq_literal(elements, span, expected, scope),
            Ast::SetOf(element, binder) => self.set_of(element, binder, span, expected, scope),
            Ast::Quantified(quantifier, binder, body) => {
                self.quantified(*quantifier, binder, body.as_deref(), span, scope)
            }
            Ast::QuantifiedTruth(quantifier, relation, body) => {
                self.quantified_truth(*quantifier, relation.as_ref(), body, span, scope)
            }
            Ast::Count(binder) => {
                let (binder, _) = self.binder(binder, scope);
                Expr { kind: ExprKind::Count(binder), ty: INT, span }
            }
        }
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        match op {
            BinaryOp::And | BinaryOp::Or => self.junction(op, a, b, span, scope),
            BinaryOp::Implies => {
                let left = self.condition(a, scope);
                let right = self.condition(b, scope);
                let not = Expr { span: left.span, ty: Type::Bool, kind: ExprKind::Not(Box::new(left)) };
                Expr { kind: ExprKind::Or(vec![not, right]), ty: Type::Bool, span }
            }
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                self.comparison(op, a, b, span, scope)
            }
            BinaryOp::In => self.membership(a, b, span, scope),
            BinaryOp::NotIn => {
                let inner = self.membership(a, b, span, scope);
                Expr { kind: ExprKind::Not(Box::new(inner)), ty: Type::Bool, span }
            }
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Mod => {
                self.arithmetic(op, a, b, span, expected, scope)
            }
        }
    }

    /// A literal.
    pub fn literal(&self, value: Value, ty: Type, span: Span) -> Expr {
        Expr { kind: ExprKind::Literal(value), ty, span }
    }
}

/// What stands for an expression that was reported.
pub fn unknown(span: Span) -> Expr {
    Expr { kind: ExprKind::Literal(Value::Null), ty: Type::Unknown, span }
}
