//! The standard library of properties: the invariant families of the notes, ready to use.
//!
//! `property p: use stale_actor_must_not_commit(commit, my_epoch, SinkState.accepted)`. Each template says
//! what it takes and which property it stands for; the arguments are checked as if the property had been
//! written out.

use crate::analyzer::Analyzer;
use crate::diagnostics::properties as errors;
use crate::scope::Scope;
use arch_grammar::ast::{self, ExprKind as Ast};
use arch_ir::{CompareOp, Expr, ExprKind, PropertyKind, StepClaim, Type};

/// A template: its name, its parameters, and what it stands for.
pub struct Template {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub parameters: &'static str,
    /// The property that it stands for.
    pub meaning: &'static str,
}

/// All templates.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "at_most_one_current_valid_owner",
        parameters: "ACTOR, CLAIM",
        meaning: "always (count x in ACTOR where CLAIM) <= 1, where CLAIM is a condition on x",
    },
    Template {
        name: "stale_actor_must_not_commit",
        parameters: "STEP, TOKEN, CURRENT",
        meaning: "at STEP: TOKEN >= CURRENT",
    },
    Template {
        name: "every_eligible_item_is_owned_or_completed_or_rediscoverable",
        parameters: "P",
        meaning: "always possible P",
    },
    Template { name: "progress_never_regresses", parameters: "x", meaning: "monotonic x" },
    Template {
        name: "completion_only_after_prerequisite_effect_is_durable",
        parameters: "STEP, DURABLE",
        meaning: "at STEP: DURABLE",
    },
    Template {
        name: "drift_eventually_corrected",
        parameters: "DRIFTED",
        meaning: "DRIFTED leads to not DRIFTED",
    },
    Template {
        name: "bounded_retry_no_amplification",
        parameters: "COUNT, LIMIT",
        meaning: "always COUNT <= LIMIT",
    },
];

impl<'m> Analyzer<'m> {
    /// The property that a template stands for; reports what does not fit.
    pub fn template(
        &mut self,
        name: &ast::Ident,
        arguments: &'m [ast::Expr],
        scope: &Scope,
    ) -> Option<PropertyKind> {
        match (name.name.as_str(), arguments) {
            ("at_most_one_current_valid_owner", [actor, claim]) => self.at_most_one(actor, claim, scope),
            ("stale_actor_must_not_commit", [step, token, current]) => {
                let step = self.step_argument(step)?;
                self.claims_at(step, scope, |this, scope| {
                    let left = this.expr(token, None, scope);
                    let right = this.expr(current, Some(&left.ty.clone()), scope);
                    compare(CompareOp::Ge, left, right)
                })
            }
            ("completion_only_after_prerequisite_effect_is_durable", [step, durable]) => {
                let step = self.step_argument(step)?;
                self.claims_at(step, scope, |this, scope| this.condition(durable, scope))
            }
            ("every_eligible_item_is_owned_or_completed_or_rediscoverable", [p]) => {
                Some(PropertyKind::AlwaysPossible(self.condition(p, scope)))
            }
            ("progress_never_regresses", [x]) => Some(PropertyKind::Monotonic(self.expr(x, None, scope))),
            ("drift_eventually_corrected", [drifted]) => {
                let p = self.condition(drifted, scope);
                let q = Expr { span: p.span, ty: Type::Bool, kind: ExprKind::Not(Box::new(p.clone())) };
                Some(PropertyKind::LeadsTo(p, q))
            }
            ("bounded_retry_no_amplification", [count, limit]) => {
                let left = self.expr(count, Some(&crate::types::INT), scope);
                let right = self.expr(limit, Some(&crate::types::INT), scope);
                Some(PropertyKind::Always(compare(CompareOp::Le, left, right)))
            }
            _ => {
                self.report(errors::unknown_template(name, arguments.len()));
                None
            }
        }
    }

    /// At most one instance `x` satisfies the claim, said by counting.
    fn at_most_one(
        &mut self,
        actor: &'m ast::Expr,
        claim: &'m ast::Expr,
        scope: &Scope,
    ) -> Option<PropertyKind> {
        let (domain, ty) = self.domain(actor, scope);
        let slot = self.fresh_slot("x");
        let binding = crate::scope::SlotBinding { name: "x".into(), slot, ty, span: actor.span };
        let inner = scope.with_slot(binding);
        let filter = Box::new(self.condition(claim, &inner));
        let span = claim.span;
        let binder = arch_ir::Binder { slot, domain, filter: Some(filter) };
        let count = Expr { kind: ExprKind::Count(binder), ty: crate::types::INT, span };
        let one = self.literal(arch_ir::Value::Int(1), crate::types::INT, span);
        Some(PropertyKind::Always(compare(CompareOp::Le, count, one)))
    }

    /// The operation that an argument names.
    fn step_argument(&mut self, argument: &'m ast::Expr) -> Option<(Option<&'m ast::Ident>, &'m ast::Ident)> {
        match &argument.kind {
            Ast::Name(operation) => Some((None, operation)),
            Ast::Field(protocol, operation) => match &protocol.kind {
                Ast::Name(protocol) => Some((Some(protocol), operation)),
                _ => None,
            },
            _ => {
                self.report(errors::step_expected(argument.span));
                None
            }
        }
    }

    fn claims_at(
        &mut self,
        (protocol, operation): (Option<&'m ast::Ident>, &'m ast::Ident),
        outer: &Scope,
        mut claim: impl FnMut(&mut Self, &Scope) -> Expr,
    ) -> Option<PropertyKind> {
        let step = ast::OpRef { protocol: protocol.cloned(), operation: operation.clone() };
        let mut at = Vec::new();
        for index in 0..self.tables.protocols.len() {
            let steps = &self.runs[index].steps;
            let number = steps.iter().position(|w| w.step.operation.name == operation.name);
            let Some(number) = number.filter(|_| self.means(index, &step)) else { continue };
            let Some(id) = self.runs[index].steps[number].ids.first().copied() else { continue };
            let mut scope = self.step_scope(index, number);
            scope.slots.clone_from(&outer.slots);
            at.push(StepClaim {
                protocol: self.tables.protocols[index].id,
                step: id,
                claim: claim(self, &scope),
            });
        }
        if at.is_empty() {
            let error = crate::diagnostics::names::unknown_operation(&step, &self.tables);
            self.report(error);
            return None;
        }
        Some(PropertyKind::Step { at, after: false })
    }
}

fn compare(op: CompareOp, left: Expr, right: Expr) -> Expr {
    let span = left.span.to(right.span);
    Expr { kind: ExprKind::Compare(op, Box::new(left), Box::new(right)), ty: Type::Bool, span }
}
