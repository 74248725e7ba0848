//! The premises of properties: what must be so for a claim to say anything.

use super::{Layer, Questions, Subject, decided_by_constants, may_be_empty, not, within};
use crate::program::{Binder, Expr, ExprKind, Program, Property, PropertyId, PropertyKind, StepClaim};
use arch_base::Span;

/// The premises of one conjunct of a claim, outermost first.
type Premises = Vec<Premise>;

/// What must be so for a claim to say anything, with the premises before it and what binds its names.
#[derive(Clone)]
struct Premise {
    expr: Expr,
    /// Whether it is that there is something to speak of.
    domain: bool,
}

impl Questions {
    pub(super) fn ask_premises(&mut self, program: &Program) {
        for (id, property) in program.properties.iter_enumerated() {
            let conjuncts = match &property.kind {
                PropertyKind::Always(claim) => self.of_states(id, conjuncts(property, claim)),
                PropertyKind::Step { at, after } => self.of_steps(id, property, at, *after),
                PropertyKind::Monotonic(_) | PropertyKind::AlwaysPossible(_) | PropertyKind::Reachable(_) => {
                    let bound = Search::new(&property.binders).premises;
                    self.of_states(id, vec![bound])
                }
                _ => Vec::new(),
            };
            if conjuncts.iter().any(|c| !c.is_empty()) {
                self.premises.push((id, conjuncts));
            }
        }
    }

    fn of_states(&mut self, property: PropertyId, conjuncts: Vec<Premises>) -> Vec<Vec<usize>> {
        let ask = |this: &mut Self, premise: Premise| {
            let subject = Subject::Premise { property, span: premise.expr.span, domain: premise.domain };
            this.ask(subject, PropertyKind::Reachable(premise.expr))
        };
        let of_one =
            |this: &mut Self, list: Premises| list.into_iter().map(|p| ask(this, p)).collect::<Vec<_>>();
        conjuncts.into_iter().map(|list| of_one(self, list)).collect()
    }

    /// A claim about several steps says something if its premise is true in one of them. What a definition for each
    /// step makes of different shape is not asked about.
    fn of_steps(
        &mut self,
        property: PropertyId,
        declared: &Property,
        at: &[StepClaim],
        after: bool,
    ) -> Vec<Vec<usize>> {
        let of_each: Vec<Vec<Premises>> = at.iter().map(|c| conjuncts(declared, &c.claim)).collect();
        let shape = |list: &Vec<Premises>| list.iter().map(Vec::len).collect::<Vec<_>>();
        let Some(first) = of_each.first().map(shape) else { return Vec::new() };
        if of_each.iter().any(|list| shape(list) != first) {
            return Vec::new();
        }
        let mut asked = Vec::new();
        for (conjunct, premises) in first.iter().enumerate() {
            let ask = |this: &mut Self, n: usize| {
                let claim = |(c, list): (&StepClaim, &Vec<Premises>)| StepClaim {
                    claim: not(list[conjunct][n].expr.clone()),
                    ..c.clone()
                };
                let Premise { expr, domain } = &of_each[0][conjunct][n];
                let at = at.iter().zip(&of_each).map(claim).collect();
                let subject = Subject::Premise { property, span: expr.span, domain: *domain };
                this.ask(subject, PropertyKind::Step { at, after })
            };
            asked.push((0..*premises).map(|n| ask(self, n)).collect());
        }
        asked
    }
}

fn conjuncts(property: &Property, claim: &Expr) -> Vec<Premises> {
    let mut search = Search::new(&property.binders);
    search.visit(claim);
    search.found
}

/// A search for premises, inwards.
struct Search {
    layers: Vec<Layer>,
    premises: Premises,
    found: Vec<Premises>,
}

impl Search {
    fn new(binders: &[Binder]) -> Search {
        let mut search = Search { layers: Vec::new(), premises: Vec::new(), found: Vec::new() };
        binders.iter().for_each(|b| search.enter(b, domain_span(b)));
        search
    }

    /// Into a quantifier: that there is something it speaks of is a premise, unless its form says so.
    fn enter(&mut self, binder: &Binder, span: Option<Span>) {
        self.layers.push(Layer::Some(binder.clone()));
        if let (true, Some(span)) = (may_be_empty(binder), span) {
            let exists = within(&self.layers, Expr::bool(true, span));
            self.premises.push(Premise { expr: Expr { span, ..exists }, domain: true });
        }
    }

    fn visit(&mut self, claim: &Expr) {
        let (layers, premises) = (self.layers.len(), self.premises.len());
        match &claim.kind {
            ExprKind::And(parts) => parts.iter().for_each(|p| self.visit(p)),
            ExprKind::All(binder, body) => {
                self.enter(binder, Some(claim.span));
                self.visit(body);
            }
            ExprKind::Not(inner) => {
                if let Some(binder) = ranges_over(inner) {
                    self.enter(binder, Some(claim.span));
                }
                self.found.push(self.premises.clone());
            }
            ExprKind::Let(slot, value, body) => {
                self.layers.push(Layer::Let(*slot, (**value).clone()));
                self.visit(body);
            }
            ExprKind::Or(parts) => match implication(parts) {
                Some((premise, conclusion)) => {
                    self.given(premise);
                    self.visit(conclusion);
                }
                None => self.found.push(self.premises.clone()),
            },
            _ => self.found.push(self.premises.clone()),
        }
        self.layers.truncate(layers);
        self.premises.truncate(premises);
    }

    fn given(&mut self, premise: &Expr) {
        if !decided_by_constants(premise) {
            let expr = within(&self.layers, premise.clone());
            self.premises.push(Premise { expr: Expr { span: premise.span, ..expr }, domain: false });
        }
        self.layers.push(Layer::Given(premise.clone()));
    }
}

/// The binder of `any x in D where F: body`. Without a body, the `where` is the claim and no premise.
fn ranges_over(claim: &Expr) -> Option<&Binder> {
    match &claim.kind {
        ExprKind::Any(binder, body) if !matches!(body.kind, ExprKind::Literal(_)) => Some(binder),
        _ => None,
    }
}

/// The premise and the conclusion of `a implies b`: a negation that nobody wrote is at the place of what it negates.
fn implication(parts: &[Expr]) -> Option<(&Expr, &Expr)> {
    let [negated, conclusion] = parts else { return None };
    match &negated.kind {
        ExprKind::Not(premise) if premise.span == negated.span => Some((premise, conclusion)),
        _ => None,
    }
}

/// Where what a binder ranges over is written, if that can be empty.
fn domain_span(binder: &Binder) -> Option<Span> {
    let in_domain = match &binder.domain {
        crate::program::Domain::Set(set) => Some(set.span),
        _ => None,
    };
    binder.filter.as_ref().map(|f| f.span).or(in_domain)
}
