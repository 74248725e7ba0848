//! Faults, definitions, properties, failure modes, instances.

use super::Rule;
use super::tree::Tree;
use crate::ast::*;
use crate::diagnostics;
use pest::iterators::Pair;

type P<'i> = Pair<'i, Rule>;

impl Tree<'_> {
    pub(super) fn faults(&mut self, pair: P<'_>) -> ItemKind {
        ItemKind::Faults(self.kids(pair).rest().into_iter().map(|p| self.fault(p)).collect())
    }

    fn fault(&mut self, pair: P<'_>) -> FaultDecl {
        let span = self.span(&pair);
        let mut kids = self.kids(pair);
        let kind = self.fault_kind(kids.any());
        let budget = kids.more().map(|p| match p.as_rule() {
            Rule::budget => FaultBudget::AtMost(self.inner_expr(p)),
            _ => FaultBudget::Unbounded,
        });
        FaultDecl { kind, budget, span }
    }

    fn fault_kind(&mut self, pair: P<'_>) -> FaultKind {
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        let first = kids.any();
        match rule {
            Rule::crash => FaultKind::Crash { actor: self.ident(first), stops: kids.more().is_some() },
            Rule::lose => FaultKind::Lose(self.op_ref(first)),
            Rule::duplicate => FaultKind::Duplicate(self.op_ref(first)),
            Rule::skew => FaultKind::Skew(self.ident(first), Box::new(self.expr(kids.any()))),
            _ => FaultKind::Partition(self.ident(first), self.ident(kids.any())),
        }
    }

    pub(super) fn define(&mut self, pair: P<'_>) -> DefineDecl {
        let mut kids = self.kids(pair);
        let form = self.define_form(kids.any());
        let ty = kids.maybe(Rule::attr_type).map(|p| self.attr_type(p));
        let body = self.expr(kids.any());
        DefineDecl { form, ty, body }
    }

    fn define_form(&mut self, pair: P<'_>) -> DefineForm {
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        match rule {
            Rule::d_relation => {
                let left = self.subject_field(kids.any());
                let word = self.ident(kids.any());
                DefineForm::Relation { left, word, right: self.subject_field(kids.any()) }
            }
            Rule::d_postfix => {
                let subject = self.subject_field(kids.any());
                DefineForm::Postfix { subject, word: self.ident(kids.any()) }
            }
            Rule::d_function => {
                let name = self.ident(kids.any());
                DefineForm::Function { name, parameters: self.parameters(kids.any()) }
            }
            _ => {
                let mut words: Vec<Ident> =
                    kids.many(Rule::ident).into_iter().map(|p| self.ident(p)).collect();
                let at = kids.more().map(|p| self.op_ref(p));
                match words.len() {
                    1 => DefineForm::Name { name: words.remove(0), at },
                    _ => DefineForm::Phrase { words, at },
                }
            }
        }
    }

    fn subject_field(&mut self, pair: P<'_>) -> FieldDecl {
        let field = self.only(pair);
        self.field_decl(field)
    }

    pub(super) fn property(&mut self, pair: P<'_>) -> PropertyDecl {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let binders = kids.many(Rule::for_binder).into_iter().map(|p| self.for_binder(p)).collect();
        let form = self.form(kids.any());
        PropertyDecl { name, binders, form }
    }

    fn for_binder(&mut self, pair: P<'_>) -> Binder {
        let binder = self.only(pair);
        self.binder(binder)
    }

    fn form(&mut self, pair: P<'_>) -> PropertyForm {
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        match rule {
            Rule::f_at => {
                let step = self.op_ref(kids.any());
                PropertyForm::At(step, self.expr(kids.any()))
            }
            Rule::f_after => {
                let step = self.op_ref(kids.any());
                PropertyForm::After(step, self.expr(kids.any()))
            }
            Rule::f_template => {
                let name = self.ident(kids.any());
                PropertyForm::Template(name, kids.rest().into_iter().map(|p| self.expr(p)).collect())
            }
            Rule::f_leads_to => {
                let first = self.expr(kids.any());
                PropertyForm::LeadsTo(first, self.expr(kids.any()))
            }
            _ => simple_form(rule)(self.expr(kids.any())),
        }
    }

    pub(super) fn failure(&mut self, pair: P<'_>) -> FailureDecl {
        let mut kids = self.kids(pair);
        let name = self.text(kids.any());
        let clauses = kids.rest().into_iter().map(|p| self.clause(p)).collect();
        FailureDecl { name, clauses }
    }

    fn clause(&mut self, pair: P<'_>) -> FailureClause {
        let span = self.span(&pair);
        let (mut repair, mut despite, mut by, mut violates) = (false, false, Vec::new(), Vec::new());
        for kid in self.kids(pair).rest() {
            match kid.as_rule() {
                Rule::prevented | Rule::op_and => {}
                Rule::repaired => repair = true,
                Rule::despite => despite = true,
                Rule::target => by.push(self.target(kid)),
                _ => {
                    let names = self.only(kid);
                    violates = self.idents(names);
                }
            }
        }
        FailureClause { repair, despite, by, violates, span }
    }

    fn target(&mut self, pair: P<'_>) -> Target {
        let span = self.span(&pair);
        let inner = self.only(pair);
        Target { kind: self.target_kind(inner), span }
    }

    fn target_kind(&mut self, pair: P<'_>) -> TargetKind {
        let rule = pair.as_rule();
        let mut kids = self.kids(pair);
        let first = kids.any();
        match rule {
            Rule::t_guard => TargetKind::Guard(self.op_ref(first)),
            Rule::t_term => TargetKind::Term(self.small(&first), self.op_ref(kids.any())),
            Rule::t_effect => TargetKind::Effect(self.statement_place(&first), self.op_ref(kids.any())),
            Rule::t_branch => TargetKind::Branch(self.op_ref(first)),
            Rule::t_protocol => TargetKind::Protocol(self.ident(first)),
            Rule::t_step => TargetKind::Step(self.op_ref(first)),
            Rule::t_with_on => TargetKind::WithOn(Box::new(self.on_decl(first))),
            Rule::t_with_order => TargetKind::WithOrder(self.op_ref(first), self.op_ref(kids.any())),
            Rule::t_with_split => TargetKind::WithSplit(self.split_decl(first)),
            Rule::t_with_fault => TargetKind::WithFault(Box::new(self.fault(first))),
            Rule::t_fault => TargetKind::Fault(self.fault_kind(first)),
            Rule::t_budget => TargetKind::Budget(self.fault_kind(first)),
            Rule::t_with_const => TargetKind::WithConst(self.ident(first), self.expr(kids.any())),
            _ => TargetKind::Label(self.ident(first)),
        }
    }

    /// `3`, `2.1`, `2.else.1`.
    fn statement_place(&mut self, pair: &P<'_>) -> StatementPlace {
        let mut parts = pair.as_str().split('.');
        let mut number = |text: Option<&str>| {
            text.and_then(|t| t.parse().ok()).unwrap_or_else(|| {
                self.report(diagnostics::out_of_range(self.span(pair), u32::MAX));
                0
            })
        };
        let first = number(parts.next());
        let mut inner = Vec::new();
        while let Some(part) = parts.next() {
            let otherwise = part == "else";
            let digits = if otherwise { parts.next() } else { Some(part) };
            inner.push((otherwise, number(digits)));
        }
        StatementPlace { first, inner }
    }

    pub(super) fn instance(&mut self, pair: P<'_>) -> InstanceDecl {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let (mut settings, mut expectations, mut no_failures) = (Vec::new(), Vec::new(), None);
        for kid in kids.rest() {
            match kid.as_rule() {
                Rule::setting => settings.push(self.setting(kid)),
                Rule::no_failures => no_failures = Some(self.span(&kid)),
                _ => expectations.push(self.expectation(kid)),
            }
        }
        InstanceDecl { name, settings, expectations, no_failures }
    }

    fn setting(&mut self, pair: P<'_>) -> (Ident, Expr) {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        (name, self.expr(kids.any()))
    }

    pub(super) fn expectation(&mut self, pair: P<'_>) -> Expectation {
        let span = self.span(&pair);
        let property = self.only(pair);
        Expectation { property: self.ident(property), span }
    }

    pub(super) fn redundant(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let named = kids.any();
        let target = match named.as_rule() {
            Rule::target => self.target(named),
            _ => Target { span: self.span(&named), kind: self.target_kind(named) },
        };
        ItemKind::Redundant(RedundantDecl { target, why: self.text(kids.any()) })
    }

    pub(super) fn allow(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let check = self.ident(kids.any());
        let at = kids.maybe(Rule::op_ref).map(|p| self.op_ref(p));
        ItemKind::Allow(AllowDecl { check, at, why: kids.more().map(|p| self.text(p)) })
    }

    pub(super) fn composition(&mut self, pair: P<'_>) -> ItemKind {
        let mut kids = self.kids(pair);
        let keyword = self.ident(kids.any());
        let path = self.text(kids.any());
        let name = kids.maybe(Rule::ident).map(|p| self.ident(p));
        let mapping = kids.more().map_or_else(Vec::new, |p| self.mapping(p));
        ItemKind::Composition(CompositionDecl { keyword, path, name, mapping })
    }

    fn mapping(&mut self, pair: P<'_>) -> Vec<(Ident, Expr)> {
        self.kids(pair).rest().into_iter().map(|p| self.setting(p)).collect()
    }
}

/// The forms that are a word and a claim.
fn simple_form(rule: Rule) -> fn(Expr) -> PropertyForm {
    match rule {
        Rule::f_always_possible => PropertyForm::AlwaysPossible,
        Rule::f_always_eventually => PropertyForm::AlwaysEventually,
        Rule::f_always => PropertyForm::Always,
        Rule::f_never => PropertyForm::Never,
        Rule::f_monotonic => PropertyForm::Monotonic,
        Rule::f_reachable => PropertyForm::Reachable,
        _ => PropertyForm::Eventually,
    }
}
