//! Quantifiers, comprehensions and what they range over.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::scope::{Scope, SlotBinding};
use crate::types::INT;
use arch_base::Span;
use arch_grammar::ast::{self, ExprKind as Ast, Quantifier};
use arch_ir::{Binder, Domain, Expr, ExprKind, ProtocolId, StepId, Type, Value};

impl<'m> Analyzer<'m> {
    /// `x in D where P`, with the scope in which `x` is known.
    pub fn binder(&mut self, binder: &'m ast::Binder, scope: &Scope) -> (Binder, Scope) {
        let (domain, ty) = self.domain(&binder.domain, scope);
        let slot = self.fresh_slot(&binder.name.name);
        let binding = SlotBinding { name: binder.name.name.clone(), slot, ty, span: binder.name.span };
        let inner = scope.with_slot(binding);
        let filter = binder.filter.as_ref().map(|f| Box::new(self.condition(f, &inner)));
        (Binder { slot, domain, filter }, inner)
    }

    /// What a variable ranges over, and its type.
    pub fn domain(&mut self, e: &'m ast::Expr, scope: &Scope) -> (Domain, Type) {
        match &e.kind {
            Ast::Paren(inner) => return self.domain(inner, scope),
            Ast::Range(lo, hi) => return self.range_domain(lo, hi, scope),
            Ast::Name(name) if scope.slot(&name.name).is_none() => {
                if let Some(found) = self.named_domain(name) {
                    return found;
                }
            }
            _ => {}
        }
        let set = self.expr(e, None, scope);
        match set.ty.clone() {
            Type::Set(element, _) => (Domain::Set(Box::new(set)), *element),
            Type::Unknown => (Domain::Range(0, 0), Type::Unknown),
            other => {
                let shown = self.show_type(&other);
                self.report(type_errors::not_a_domain(e.span, &shown));
                (Domain::Range(0, 0), Type::Unknown)
            }
        }
    }

    fn named_domain(&mut self, name: &ast::Ident) -> Option<(Domain, Type)> {
        if let Some(named) = self.type_named(&name.name) {
            let ty = named.ty();
            if self.program.cardinality(&ty).is_none() {
                let shown = self.show_type(&ty);
                self.report(type_errors::not_enumerable(name.span, "what a variable ranges over", &shown));
                return Some((Domain::Range(0, 0), Type::Unknown));
            }
            return Some((Domain::Type(ty.clone()), ty));
        }
        if name.name == "bool" {
            return Some((Domain::Type(Type::Bool), Type::Bool));
        }
        let protocol = self.tables.protocols.iter().find(|p| p.name == name.name)?.id;
        Some((Domain::Runs(protocol), Type::Run(protocol)))
    }

    fn range_domain(&mut self, lo: &'m ast::Expr, hi: &'m ast::Expr, scope: &Scope) -> (Domain, Type) {
        let low = self.expr(lo, Some(&INT), scope);
        let high = self.expr(hi, Some(&INT), scope);
        match (low.literal(), high.literal()) {
            (Some(Value::Int(a)), Some(Value::Int(b))) => (Domain::Range(*a, *b), INT),
            _ => {
                for side in [&low, &high] {
                    if side.literal().is_none() && side.ty != Type::Unknown {
                        self.report(type_errors::not_constant(
                            side.span,
                            "the bounds of a range are constants",
                        ));
                    }
                }
                (Domain::Range(0, 0), INT)
            }
        }
    }

    pub(super) fn quantified(
        &mut self,
        quantifier: Quantifier,
        binder: &'m ast::Binder,
        body: Option<&'m ast::Expr>,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let (binder, inner) = self.binder(binder, scope);
        let body = match body {
            Some(body) => self.condition(body, &inner),
            None if quantifier == Quantifier::All => {
                self.report(type_errors::all_without_claim(span));
                return Expr { ty: Type::Bool, ..unknown(span) };
            }
            None => Expr::bool(true, span),
        };
        quantify(quantifier, binder, body, span)
    }

    /// `all T.a = v`, `no REL T.a = v`: over the keys of truth T.
    pub(super) fn quantified_truth(
        &mut self,
        quantifier: Quantifier,
        relation: Option<&'m ast::Ident>,
        body: &'m ast::Expr,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let Some((truth, _)) = leftmost_truth(body).and_then(|base| self.truth_base(base, scope)) else {
            // Not over a declared truth object: let the body say what is wrong with it.
            let body = self.condition(body, scope);
            if body.ty != Type::Unknown {
                self.report(type_errors::not_over_truth(span));
            }
            return Expr { ty: Type::Bool, ..unknown(span) };
        };
        let keys = self.tables.truths[&truth.name].keys.clone();
        if keys.is_empty() {
            let declared = self.tables.truths[&truth.name].span;
            self.report(type_errors::not_keyed(span, &truth.name, declared));
            relation.iter().for_each(|word| self.check_relation_word(word));
            self.condition(body, scope);
            return Expr { ty: Type::Bool, ..unknown(span) };
        }
        let slots: Vec<_> =
            keys.iter().map(|ty| (self.fresh_slot(&self.show_type(ty)), ty.clone())).collect();
        let values: Vec<Expr> = slots
            .iter()
            .map(|(slot, ty)| Expr { kind: ExprKind::Slot(*slot), ty: ty.clone(), span: truth.span })
            .collect();
        let mut inner = scope.clone();
        inner.keys.push((truth.name.clone(), values.clone()));
        let mut claim = self.condition(body, &inner);
        let mut filter = relation.and_then(|word| self.relation(word, &values[0], scope));
        for (slot, ty) in slots.into_iter().rev() {
            let binder = Binder { slot, domain: Domain::Type(ty), filter: filter.take().map(Box::new) };
            claim = quantify(quantifier, binder, claim, span);
        }
        claim
    }

    pub(super) fn set_of(
        &mut self,
        element: &'m ast::Expr,
        binder: &'m ast::Binder,
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let (binder, inner) = self.binder(binder, scope);
        let hint = match expected {
            Some(Type::Set(element, _)) => Some((**element).clone()),
            _ => None,
        };
        let element = self.infer(element, hint.as_ref(), &inner);
        let ty = Type::Set(Box::new(element.ty.clone()), None);
        Expr { kind: ExprKind::SetOf(Box::new(element), binder), ty, span }
    }

    pub(super) fn run_at(
        &mut self,
        run: &'m ast::Expr,
        step: &'m ast::OpRef,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let run = self.expr(run, None, scope);
        match run.ty {
            Type::Run(protocol) => match self.step_at(protocol, &step.operation.name) {
                Some((at, step)) => {
                    Expr { kind: ExprKind::RunAt(at, Box::new(run), step), ty: Type::Bool, span }
                }
                None => {
                    let error = names::unknown_operation(step, &self.tables);
                    self.report(error);
                    Expr { ty: Type::Bool, ..unknown(span) }
                }
            },
            Type::Unknown => Expr { ty: Type::Bool, ..unknown(span) },
            other => {
                let shown = self.show_type(&other);
                self.report(type_errors::mismatch(run.span, &shown, "a run of a protocol"));
                Expr { ty: Type::Bool, ..unknown(span) }
            }
        }
    }
}

impl Analyzer<'_> {
    /// A step of a protocol, or of the sub-runs of its runs.
    fn step_at(&self, protocol: ProtocolId, operation: &str) -> Option<(ProtocolId, StepId)> {
        let below =
            |id: &ProtocolId| self.program.protocols[*id].parent.is_some_and(|p| p.protocol == protocol);
        let mut protocols = std::iter::once(protocol).chain(self.program.protocols.indices().filter(below));
        protocols.find_map(|id| Some((id, self.step_of(id, operation)?)))
    }
}

fn quantify(quantifier: Quantifier, binder: Binder, body: Expr, span: Span) -> Expr {
    let boxed = Box::new(body);
    match quantifier {
        Quantifier::All => Expr { kind: ExprKind::All(binder, boxed), ty: Type::Bool, span },
        Quantifier::Any => Expr { kind: ExprKind::Any(binder, boxed), ty: Type::Bool, span },
        Quantifier::No => {
            let any = Expr { kind: ExprKind::Any(binder, boxed), ty: Type::Bool, span };
            Expr { kind: ExprKind::Not(Box::new(any)), ty: Type::Bool, span }
        }
    }
}

/// The `T` of a claim such as `T.a = v` or `T.a fresh`.
fn leftmost_truth(e: &ast::Expr) -> Option<&ast::Expr> {
    match &e.kind {
        Ast::Binary(_, left, _) => leftmost_truth(left),
        Ast::Postfix(inner, _) | Ast::Paren(inner) | Ast::Is(inner, _) | Ast::Unary(_, inner) => {
            leftmost_truth(inner)
        }
        Ast::Field(base, _) => match &base.kind {
            Ast::Name(_) => Some(base),
            _ => leftmost_truth(base),
        },
        Ast::Call(function, _) => leftmost_truth(function),
        _ => None,
    }
}
