//! Definitions: names, phrases, postfix predicates, functions, relations and derived attributes, expanded
//! where they are used.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::declare::join;
use crate::diagnostics::{names, types as type_errors};
use crate::scope::{Scope, SlotBinding};
use crate::tables::AttrSource;
use crate::types::accepts;
use arch_base::Span;
use arch_grammar::ast::{self, DefineForm};
use arch_ir::{Expr, ExprKind, SlotId, Type, Value};

/// The most often that definitions may be expanded in one file.
const MAX_EXPANSIONS: u32 = 1 << 15;

/// A parameter of a definition with what is passed for it.
struct Passed<'a> {
    parameter: &'a ast::FieldDecl,
    ty: Type,
    value: Expr,
}

impl<'m> Analyzer<'m> {
    /// What a name or phrase is defined as at this place, if it is: for this step, else in general.
    pub(super) fn defined_name(&mut self, name: &str, span: Span, scope: &Scope) -> Option<Expr> {
        let entries = self.tables.defines.names.get(name)?.clone();
        let here = |at: &ast::OpRef| {
            scope.run_site().is_some_and(|site| {
                site.operation.as_deref() == Some(at.operation.name.as_str())
                    && at.protocol.as_ref().is_none_or(|p| p.name == site.protocol_name)
            })
        };
        let specific = entries.iter().find(|e| e.at.is_some_and(here));
        let general = entries.iter().find(|e| e.at.is_none());
        let Some(entry) = specific.or(general) else {
            let ident = ast::Ident { name: name.to_owned(), span };
            self.report(names::not_defined_here(&ident, entries[0].span));
            return Some(unknown(span));
        };
        self.used.insert(name.to_owned());
        Some(self.expand(name, entry.decl, Vec::new(), span, scope))
    }

    /// Two words or more: a phrase, or a name with a postfix predicate.
    pub(super) fn phrase(&mut self, words: &'m [ast::Ident], span: Span, scope: &Scope) -> Expr {
        let phrase = join(words);
        if let Some(found) = self.defined_name(&phrase, span, scope) {
            return found;
        }
        if let [subject, word] = words {
            let builtin = matches!(word.name.as_str(), "absent" | "present");
            if builtin || self.tables.defines.postfixes.contains_key(&word.name) {
                let subject = self.name(subject, None, scope);
                return self.postfix(subject, word, span, scope);
            }
        }
        let error = names::unknown_phrase(&phrase, span, &self.tables);
        self.report(error);
        unknown(span)
    }

    pub(super) fn postfix(&mut self, subject: Expr, word: &'m ast::Ident, span: Span, scope: &Scope) -> Expr {
        if subject.ty == Type::Unknown {
            self.check_postfix_word(word);
            return unknown(span);
        }
        if let "absent" | "present" = word.name.as_str() {
            return self.absent_or_present(subject, word, span);
        }
        let candidates = self.tables.defines.postfixes.get(&word.name).cloned().unwrap_or_default();
        for decl in candidates {
            let DefineForm::Postfix { subject: parameter, .. } = &decl.form else { continue };
            let ty = self.resolve_type(&parameter.ty, &word.name);
            if accepts(&ty, &subject.ty) {
                self.used.insert(word.name.clone());
                let passed = vec![Passed { parameter, ty, value: subject }];
                return self.expand(&word.name, decl, passed, span, scope);
            }
        }
        let shown = self.show_type(&subject.ty);
        let error = names::unknown_predicate(word, &shown, &self.tables);
        self.report(error);
        unknown(span)
    }

    /// Of a value whose type is still to be given: the word must be defined for some type.
    fn check_postfix_word(&mut self, word: &ast::Ident) {
        let built_in = matches!(word.name.as_str(), "absent" | "present");
        if built_in || self.tables.defines.postfixes.contains_key(&word.name) {
            self.used.insert(word.name.clone());
            return;
        }
        let error = names::undefined_predicate(word, &self.tables);
        self.report(error);
    }

    /// A relation where it cannot be applied: it must be defined for some types.
    pub(super) fn check_relation_word(&mut self, word: &ast::Ident) {
        if self.tables.defines.relations.contains_key(&word.name) {
            self.used.insert(word.name.clone());
            return;
        }
        let error = names::undefined_relation(word, &self.tables);
        self.report(error);
    }

    fn absent_or_present(&mut self, subject: Expr, word: &ast::Ident, span: Span) -> Expr {
        if !subject.ty.is_optional() {
            let declared = self.declaration_of(&subject);
            let shown = self.show_type(&subject.ty);
            self.report(type_errors::never_null(span, subject.span, &shown, declared));
            return unknown(span);
        }
        let op = if word.name == "absent" { arch_ir::CompareOp::Eq } else { arch_ir::CompareOp::Ne };
        let null = self.literal(Value::Null, Type::Null, word.span);
        Expr { kind: ExprKind::Compare(op, Box::new(subject), Box::new(null)), ty: Type::Bool, span }
    }

    /// `f(x, y)` for a defined function.
    pub(super) fn defined_function(
        &mut self,
        name: &'m ast::Ident,
        arguments: &'m [ast::Argument],
        span: Span,
        scope: &Scope,
    ) -> Option<Expr> {
        let decl = *self.tables.defines.functions.get(&name.name)?;
        let DefineForm::Function { parameters, .. } = &decl.form else { return None };
        if parameters.len() != arguments.len() {
            self.report(type_errors::argument_count(span, &name.name, arguments.len(), parameters.len()));
            return Some(unknown(span));
        }
        self.used.insert(name.name.clone());
        let mut passed = Vec::new();
        for (parameter, argument) in parameters.iter().zip(arguments) {
            let ty = self.resolve_type(&parameter.ty, &name.name);
            let value = self.expr(&argument.value, Some(&ty), scope);
            passed.push(Passed { parameter, ty, value });
        }
        Some(self.expand(&name.name, decl, passed, span, scope))
    }

    /// `REL` of `all REL T.a`: the relation of a key to the subject, by type.
    pub(super) fn relation(&mut self, word: &'m ast::Ident, key: &Expr, scope: &Scope) -> Option<Expr> {
        let candidates = self.tables.defines.relations.get(&word.name).cloned().unwrap_or_default();
        for decl in candidates {
            let DefineForm::Relation { left, right, .. } = &decl.form else { continue };
            let left_type = self.resolve_type(&left.ty, &word.name);
            if left_type != key.ty {
                continue;
            }
            self.used.insert(word.name.clone());
            let right_type = self.resolve_type(&right.ty, &word.name);
            let subject = self.inferred_subject(word, &right_type, scope)?;
            let passed = vec![
                Passed { parameter: left, ty: left_type, value: key.clone() },
                Passed { parameter: right, ty: right_type, value: subject },
            ];
            return Some(self.expand(&word.name, decl, passed, word.span, scope));
        }
        let shown = self.show_type(&key.ty);
        let error = names::unknown_relation(word, &shown, &self.tables);
        self.report(error);
        None
    }

    fn expand(
        &mut self,
        name: &str,
        decl: &'m ast::DefineDecl,
        passed: Vec<Passed<'_>>,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        if scope.expanding.iter().any(|n| n == name) {
            self.report(names::cyclic_definition(name, decl.body.span));
            return unknown(span);
        }
        if self.expands_too_much(span) {
            return unknown(span);
        }
        let mut inner = Scope { slots: Vec::new(), siblings: None, ..scope.clone() };
        inner.expanding.push(name.to_owned());
        let mut lets = Vec::new();
        for p in passed {
            let slot = self.fresh_slot(&p.parameter.name.name);
            let binding = SlotBinding {
                name: p.parameter.name.name.clone(),
                slot,
                ty: p.ty,
                span: p.parameter.name.span,
            };
            inner.slots.push(binding);
            lets.push((slot, p.value));
        }
        let declared = decl.ty.as_ref().map(|ty| self.resolve_type(ty, name));
        let body = self.expr(&decl.body, declared.as_ref(), &inner);
        // The place of use is what a reader of a guard wants to see; errors inside point at the definition.
        let_in(lets, Expr { span, ..body })
    }

    /// `T.a` of a derived attribute, from its definition.
    fn derived_name(&self, owner: &str, body: &ast::Expr) -> String {
        let of_truth = self.tables.truths.get(owner).into_iter().flat_map(|t| &t.attrs);
        let of_actors = self.tables.locals.values().flatten();
        let is_it = |source: &AttrSource<'_>| matches!(source, AttrSource::Derived(e) if e.span == body.span);
        let found = of_truth.chain(of_actors).find(|(_, attr)| is_it(&attr.source));
        found.map_or_else(|| owner.to_owned(), |(name, _)| format!("{owner}.{name}"))
    }

    /// Definitions that use others twice double with each; reported once.
    fn expands_too_much(&mut self, span: Span) -> bool {
        self.expansions = self.expansions.saturating_add(1);
        if self.expansions == MAX_EXPANSIONS {
            self.report(type_errors::too_many_expansions(span, MAX_EXPANSIONS));
        }
        self.expansions >= MAX_EXPANSIONS
    }

    /// A derived attribute of a truth object or actor at keys.
    pub(super) fn expand_derived(
        &mut self,
        owner: &str,
        body: &'m ast::Expr,
        keys: Vec<Expr>,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let name = format!("{owner} derived {}", body.span.start);
        if scope.expanding.contains(&name) {
            let name = self.derived_name(owner, body);
            self.report(names::cyclic_definition(&name, body.span));
            return unknown(span);
        }
        if self.expands_too_much(span) {
            return unknown(span);
        }
        let mut inner = Scope { slots: Vec::new(), siblings: Some(owner.to_owned()), ..scope.clone() };
        inner.expanding.push(name);
        let mut lets = Vec::new();
        for (name, value) in self.key_names(owner).into_iter().zip(&keys) {
            if let Some(name) = name {
                let binding = self.named_key(name, value.ty.clone());
                lets.push((binding.slot, value.clone()));
                inner.slots.push(binding);
            }
        }
        inner.keys.push((owner.to_owned(), keys));
        let body = self.expr(body, None, &inner);
        let_in(lets, Expr { span, ..body })
    }

    /// What the declaration of a truth object calls its keys.
    pub(crate) fn key_names(&self, truth: &str) -> Vec<Option<&'m ast::Ident>> {
        self.tables.truths.get(truth).map_or_else(Vec::new, |entry| entry.key_names.clone())
    }

    /// A variable for a key that has a name.
    pub(crate) fn named_key(&mut self, name: &'m ast::Ident, ty: Type) -> SlotBinding {
        let slot = self.fresh_slot(&name.name);
        SlotBinding { name: name.name.clone(), slot, ty, span: name.span }
    }
}

/// A body with values for some variables in it, which any but the first may read.
fn let_in(lets: Vec<(SlotId, Expr)>, body: Expr) -> Expr {
    lets.into_iter().rev().fold(body, |body, (slot, value)| Expr {
        span: body.span,
        ty: body.ty.clone(),
        kind: ExprKind::Let(slot, Box::new(value), Box::new(body)),
    })
}
