//! Properties: invariants, claims about steps, possibility and liveness.

use crate::analyzer::Analyzer;
use crate::codes;
use crate::diagnostics::{names, properties as errors, types as type_errors};
use crate::scope::{Scope, Site};
use arch_base::Span;
use arch_grammar::ast::{self, AttrValue, ItemKind, PropertyForm};
use arch_ir::{
    Accepted, Binder, Expected, Expr, ExprKind, Init, Property, PropertyKind, SlotId, StepClaim, Type,
};

/// The built-in checks, by the words that `allow` and `expect` use.
pub const CHECKS: &[&str] = &["bounds", "advances", "stuck", "stranded", "coverage"];

impl<'m> Analyzer<'m> {
    /// Initial values, once all names are known.
    pub fn lower_initial_values(&mut self) {
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Truth(decl) => {
                    let (keys, scope) = self.keys_of_initial_values(&decl.name.name);
                    self.initial_values(&decl.name.name, &decl.attrs, keys, &scope);
                }
                ItemKind::Actor(decl) => {
                    if let Some(crate::tables::NamedType::Sort(sort)) = self.type_named(&decl.name.name) {
                        let slot = self.fresh_slot("self");
                        let scope = Scope { site: Site::Init(Some((slot, sort))), ..Scope::global() };
                        self.initial_values(&decl.name.name, &decl.locals, vec![slot], &scope);
                    }
                }
                _ => {}
            }
        }
    }

    /// Variables for the keys of a truth object, if one of them has a name, and where those with a name can be used.
    fn keys_of_initial_values(&mut self, truth: &str) -> (Vec<SlotId>, Scope) {
        let mut scope = Scope { site: Site::Init(None), ..Scope::global() };
        let names = self.key_names(truth);
        if names.iter().all(Option::is_none) {
            return (Vec::new(), scope);
        }
        let types = self.tables.truths[truth].keys.clone();
        let slots = names.into_iter().zip(types).map(|(name, ty)| {
            let Some(name) = name else { return self.fresh_slot("_") };
            let binding = self.named_key(name, ty);
            let slot = binding.slot;
            scope.slots.push(binding);
            slot
        });
        (slots.collect(), scope)
    }

    /// Initial values where `keys` stand for the instance, or the keys of the truth object.
    fn initial_values(&mut self, owner: &str, attrs: &'m [ast::AttrDecl], keys: Vec<SlotId>, scope: &Scope) {
        for attr in attrs {
            let name = format!("{owner}.{}", attr.name.name);
            let declared = self.program.vars.iter_enumerated().find(|(_, v)| v.span == attr.name.span);
            let Some((id, ty)) = declared.filter(|(_, v)| v.name == name).map(|(id, v)| (id, v.ty.clone()))
            else {
                continue;
            };
            match &attr.value {
                Some(AttrValue::Init(value)) => {
                    let value = self.initial_value(value, &ty, scope);
                    self.program.vars[id].init = Init::Value { keys: keys.clone(), value };
                }
                Some(AttrValue::Any(span)) => {
                    if ty != Type::Unknown && self.program.cardinality(&ty).is_none() {
                        let shown = self.show_type(&ty);
                        self.report(type_errors::not_enumerable(*span, "what starts with any value", &shown));
                    }
                    self.program.vars[id].init = Init::Any;
                }
                Some(AttrValue::Derived(_)) | None => {}
            }
        }
    }

    fn initial_value(&mut self, value: &'m ast::Expr, ty: &Type, scope: &Scope) -> Expr {
        let value = self.expr(value, Some(ty), scope);
        let mut reads = None;
        value.visit(&mut |e| {
            if let ExprKind::Var(..) | ExprKind::Old(_) | ExprKind::Crashed(..) | ExprKind::Connected(..) =
                e.kind
            {
                reads = Some(e.span);
            }
        });
        if let Some(span) = reads {
            self.report(type_errors::initial_value_reads(span));
        }
        value
    }

    /// Lowers all properties, expectations and switched-off checks.
    pub fn lower_properties(&mut self) {
        for item in &self.module.items {
            match &item.kind {
                ItemKind::Property(decl) => self.lower_property(decl),
                ItemKind::Allow(decl) => self.allow(decl),
                _ => {}
            }
        }
        self.lower_expectations();
    }

    fn lower_property(&mut self, decl: &'m ast::PropertyDecl) {
        let known = self.program.properties.iter().find(|p| p.name == decl.name.name).map(|p| p.span);
        if let Some(earlier) = known {
            self.report(names::duplicate(&decl.name, "property", earlier));
            return;
        }
        if CHECKS.contains(&decl.name.name.as_str()) {
            self.report(errors::reserved_name(&decl.name));
        }
        let (binders, scope) = self.binders(&decl.binders, &Scope::global());
        let kind = match &decl.form {
            PropertyForm::Always(e) => PropertyKind::Always(self.condition(e, &scope)),
            PropertyForm::Never(e) => {
                let inner = self.condition(e, &scope);
                let span = inner.span;
                let not = Expr { kind: ExprKind::Not(Box::new(inner)), ty: Type::Bool, span };
                PropertyKind::Always(not)
            }
            PropertyForm::At(step, e) => self.step_claims(step, e, false, &scope),
            PropertyForm::After(step, e) => self.step_claims(step, e, true, &scope),
            PropertyForm::Monotonic(e) => self.monotonic(e, &scope),
            PropertyForm::Reachable(e) => PropertyKind::Reachable(self.condition(e, &scope)),
            PropertyForm::AlwaysPossible(e) => PropertyKind::AlwaysPossible(self.condition(e, &scope)),
            PropertyForm::LeadsTo(p, q) => {
                PropertyKind::LeadsTo(self.condition(p, &scope), self.condition(q, &scope))
            }
            PropertyForm::Eventually(e) => PropertyKind::Eventually(self.condition(e, &scope)),
            PropertyForm::AlwaysEventually(e) => PropertyKind::AlwaysEventually(self.condition(e, &scope)),
            PropertyForm::Template(name, arguments) => match self.template(name, arguments, &scope) {
                Some(kind) => kind,
                None => return,
            },
        };
        self.add_property(&decl.name, binders, kind);
    }

    fn add_property(&mut self, name: &ast::Ident, binders: Vec<Binder>, kind: PropertyKind) {
        self.program.properties.push(Property {
            name: name.name.clone(),
            binders,
            kind,
            span: name.span,
            quiet: false,
        });
    }

    fn binders(&mut self, written: &'m [ast::Binder], scope: &Scope) -> (Vec<Binder>, Scope) {
        let mut scope = scope.clone();
        let mut binders = Vec::new();
        for binder in written {
            let (lowered, inner) = self.binder(binder, &scope);
            if let arch_ir::Domain::Set(set) = &lowered.domain
                && !matches!(set.kind, ExprKind::TypeSet(_) | ExprKind::SetLit(_))
            {
                self.report(errors::varying_domain(set.span));
            }
            binders.push(lowered);
            scope = inner;
        }
        (binders, scope)
    }

    fn monotonic(&mut self, e: &'m ast::Expr, scope: &Scope) -> PropertyKind {
        let value = self.expr(e, None, scope);
        match value.ty.unwrap_optional() {
            Type::Int(_) | Type::Ordinal(_) | Type::Enum(_) | Type::Unknown => {}
            Type::Time => self.report(errors::monotonic_time(value.span)),
            _ => {
                let shown = self.show_type(&value.ty);
                self.report(type_errors::no_order(value.span, &shown));
            }
        }
        PropertyKind::Monotonic(value)
    }

    /// `at STEP: P` as resolved in each protocol that has the step.
    pub fn step_claims(
        &mut self,
        step: &'m ast::OpRef,
        claim: &'m ast::Expr,
        after: bool,
        outer: &Scope,
    ) -> PropertyKind {
        let mut at = Vec::new();
        for index in 0..self.tables.protocols.len() {
            if !self.means(index, step) {
                continue;
            }
            let steps = &self.runs[index].steps;
            let Some(number) = steps.iter().position(|w| w.step.operation.name == step.operation.name) else {
                continue;
            };
            let ids = &steps[number].ids;
            let Some(id) = (if after { ids.last() } else { ids.first() }).copied() else { continue };
            let mut scope = self.step_scope(index, number);
            scope.slots.clone_from(&outer.slots);
            scope.old = after;
            let claim = self.condition(claim, &scope);
            self.choose_mentioned(index, id, &crate::steps::run_vars_in(&claim));
            at.push(StepClaim { protocol: self.tables.protocols[index].id, step: id, claim });
        }
        if at.is_empty() {
            let error = names::unknown_operation(step, &self.tables);
            self.report(error);
        }
        PropertyKind::Step { at, after }
    }

    fn allow(&mut self, decl: &'m ast::AllowDecl) {
        let builtin = &mut self.program.builtin;
        let switch = match decl.check.name.as_str() {
            "stuck" => &mut builtin.stuck,
            "stranded" => &mut builtin.stranded,
            "advances" => &mut builtin.advances,
            "coverage" => &mut builtin.coverage,
            code if codes::can_be_accepted(code) => return self.accept(decl),
            _ => return self.report(errors::unknown_check(&decl.check)),
        };
        *switch = false;
        if let Some(at) = &decl.at {
            self.report(errors::check_of_everything(&decl.check, at));
        }
    }

    /// A warning that is as it is meant to be, here or everywhere.
    fn accept(&mut self, decl: &'m ast::AllowDecl) {
        let mut steps = Vec::new();
        if let Some(at) = &decl.at {
            for index in (0..self.tables.protocols.len()).filter(|i| self.means(*i, at)) {
                let written = self.runs[index].steps.iter();
                let ids = written.filter(|w| w.step.operation.name == at.operation.name).flat_map(|w| &w.ids);
                steps.extend(ids.map(|id| (self.tables.protocols[index].id, *id)));
            }
            if steps.is_empty() {
                let error = names::unknown_operation(at, &self.tables);
                return self.report(error);
            }
        }
        let code = decl.check.name.clone();
        self.program.accepted.push(Accepted { code, steps, span: decl.check.span });
    }

    fn lower_expectations(&mut self) {
        let chosen = self.chosen_instance();
        let of_file = self.module.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Expect(e) => Some(e),
            _ => None,
        });
        let expectations: Vec<&ast::Expectation> = match chosen {
            Some(instance) => instance.expectations.iter().collect(),
            None => of_file.collect(),
        };
        for expectation in expectations {
            self.check_property_name(&expectation.property);
            let property = expectation.property.name.clone();
            self.program.expectations.push(Expected { property, span: expectation.span });
        }
    }

    /// Reports a name that is neither a property nor a built-in check.
    pub fn check_property_name(&mut self, name: &ast::Ident) {
        let declared = self.module.items.iter().any(|item| match &item.kind {
            ItemKind::Property(p) => p.name.name == name.name,
            _ => false,
        });
        if !declared && !CHECKS.contains(&name.name.as_str()) {
            let known = self.property_names();
            self.report(errors::unknown_property(name, &known));
        }
    }

    fn property_names(&self) -> Vec<String> {
        let declared = self.module.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Property(p) => Some(p.name.name.clone()),
            _ => None,
        });
        declared.chain(CHECKS.iter().map(|c| (*c).to_owned())).collect()
    }

    /// Where something that has no better place is reported.
    pub fn anchor(&self) -> Span {
        self.module.items.first().map(|i| i.span).unwrap_or_default()
    }
}
