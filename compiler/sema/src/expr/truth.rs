//! Truth objects, fields and indices.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::scope::Scope;
use crate::tables::{AttrEntry, AttrSource, NamedType};
use arch_base::Span;
use arch_grammar::ast::{self, ExprKind as Ast};
use arch_ir::{Expr, ExprKind, ProtocolId, RecordId, SortId, Type, UnionId, Value};

impl<'m> Analyzer<'m> {
    /// `base.field`, as a value; used for places too.
    pub fn field_value(
        &mut self,
        base: &'m ast::Expr,
        field: &ast::Ident,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        self.field(base, field, span, None, scope)
    }

    pub(super) fn field(
        &mut self,
        base: &'m ast::Expr,
        field: &ast::Ident,
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        if let Some((truth, keys)) = self.truth_base(base, scope) {
            let listed = self.tables.truths[&truth.name].attrs.contains_key(&field.name);
            if !listed {
                let error = names::unknown_attribute(truth, field, expected, self);
                self.report(error);
                return unknown(span);
            }
            return self.truth_attr(truth, keys, field, span, scope);
        }
        if let Some(error) = self.one_of_several(base, field, scope) {
            self.report(error);
            return unknown(span);
        }
        if let Some(error) = self.undeclared_truth(base, field, scope) {
            self.report(error);
            return unknown(span);
        }
        let base = match self.only_instance(base, scope) {
            Some(instance) => instance,
            None => self.expr(base, None, scope),
        };
        match base.ty.clone() {
            Type::Unknown => unknown(span),
            Type::Record(id) => self.record_field(base, id, field, span),
            Type::Id(sort) => self.local_of(base, sort, field, span, scope),
            Type::Union(id) => self.variant_field(base, id, field, span),
            Type::Run(protocol) => self.run_field(base, protocol, field, span),
            other => {
                let shown = self.show_type(&other);
                let error = match base.kind {
                    ExprKind::Role(_) => type_errors::role_not_bound(base.span, field, &shown),
                    _ => type_errors::no_fields(base.span, field, &shown, other.is_optional()),
                };
                self.report(error);
                unknown(span)
            }
        }
    }

    /// The instance of an actor that has only one, named by its type where it takes no part in the run.
    pub fn only_instance(&self, base: &ast::Expr, scope: &Scope) -> Option<Expr> {
        let Ast::Name(name) = &base.kind else { return None };
        let taken = scope.slot(&name.name).is_some()
            || scope.run.vars.contains_key(&name.name)
            || scope.run.roles.contains_key(&name.name);
        let Some(NamedType::Sort(sort)) = self.type_named(&name.name) else { return None };
        let only = !taken && self.program.sorts[sort].size == 1;
        only.then(|| self.literal(Value::Id(0), Type::Id(sort), name.span))
    }

    /// The report of `actor.local` where the actor has several instances, and none of them takes part.
    pub fn one_of_several(
        &self,
        base: &ast::Expr,
        field: &ast::Ident,
        scope: &Scope,
    ) -> Option<arch_base::Diagnostic> {
        let Ast::Name(name) = &base.kind else { return None };
        let taken = scope.slot(&name.name).is_some()
            || scope.run.vars.contains_key(&name.name)
            || scope.run.roles.contains_key(&name.name)
            || self.tables.defines.names.contains_key(&name.name);
        let Some(NamedType::Sort(sort)) = self.type_named(&name.name) else { return None };
        let local = self.tables.locals.get(&sort).is_some_and(|l| l.contains_key(&field.name));
        let sort = &self.program.sorts[sort];
        (!taken && local && sort.size > 1)
            .then(|| type_errors::several_instances(name, field, sort.size, sort.span))
    }

    /// The report of `T a` for `T.a`.
    pub(super) fn attribute_without_dot(
        &self,
        subject: &ast::Expr,
        word: &ast::Ident,
    ) -> Option<arch_base::Diagnostic> {
        let Ast::Name(truth) = &subject.kind else { return None };
        let entry = self.tables.truths.get(&truth.name)?;
        let written = format!("`{}.{}`", truth.name, word.name);
        entry
            .attrs
            .contains_key(&word.name)
            .then(|| type_errors::truth_without_attribute(subject.span, &truth.name, entry.span, &written))
    }

    /// The truth object that an expression names, with the keys written for it.
    pub fn truth_base(
        &self,
        base: &'m ast::Expr,
        scope: &Scope,
    ) -> Option<(&'m ast::Ident, Option<&'m [ast::Expr]>)> {
        let (name, keys) = match &base.kind {
            Ast::Name(name) => (name, None),
            Ast::Index(inner, keys) => match &inner.kind {
                Ast::Name(name) => (name, Some(keys.as_slice())),
                _ => return None,
            },
            _ => return None,
        };
        let shadowed = scope.slot(&name.name).is_some() || scope.run.vars.contains_key(&name.name);
        (self.tables.truths.contains_key(&name.name) && !shadowed).then_some((name, keys))
    }

    /// The report of a truth object that is used and not declared, if `base` looks like one.
    pub fn undeclared_truth(
        &self,
        base: &ast::Expr,
        field: &ast::Ident,
        scope: &Scope,
    ) -> Option<arch_base::Diagnostic> {
        let name = match &base.kind {
            Ast::Name(name) => name,
            Ast::Index(inner, _) => match &inner.kind {
                Ast::Name(name) => name,
                _ => return None,
            },
            _ => return None,
        };
        let upper = name.name.starts_with(char::is_uppercase) && name.name.contains(char::is_lowercase);
        let known = scope.slot(&name.name).is_some()
            || scope.run.vars.contains_key(&name.name)
            || self.tables.types.contains_key(&name.name);
        (upper && !known).then(|| names::unknown_truth(name, field, &self.tables))
    }

    fn truth_attr(
        &mut self,
        truth: &ast::Ident,
        keys: Option<&'m [ast::Expr]>,
        field: &ast::Ident,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let entry = &self.tables.truths[&truth.name];
        let Some(attr) = entry.attrs.get(&field.name).cloned() else { return unknown(span) };
        let key_types = entry.keys.clone();
        let keys = match keys {
            Some(written) => self.written_keys(truth, written, &key_types, scope),
            None => self.inferred_keys(truth, &key_types, scope),
        };
        match keys {
            Some(keys) => self.read_attr(&truth.name, &attr, keys, span, scope),
            None => Expr { ty: Type::Unknown, ..unknown(span) },
        }
    }

    /// Reads an attribute at keys: from the state, from a derived definition, or through a view.
    pub(super) fn read_attr(
        &mut self,
        truth: &str,
        attr: &AttrEntry<'m>,
        keys: Vec<Expr>,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        match attr.source {
            AttrSource::Stored(var) => {
                if let Some((copy, instance)) = self.view_of(var, span, scope) {
                    let keys = std::iter::once(instance).chain(keys).collect();
                    return Expr { kind: ExprKind::Var(copy, keys), ty: attr.ty.clone(), span };
                }
                self.read.insert(var);
                if scope.run_site().is_some() {
                    self.guarded.push((var, span));
                }
                Expr { kind: ExprKind::Var(var, keys), ty: attr.ty.clone(), span }
            }
            AttrSource::Derived(body) => {
                let body = self.expand_derived(truth, body, keys, span, scope);
                self.typed_as(body, &attr.ty)
            }
        }
    }

    /// The declared type of a derived attribute wins over what its definition has.
    pub(super) fn typed_as(&mut self, body: Expr, declared: &Type) -> Expr {
        if *declared == Type::Unknown { body } else { self.coerce(body, &declared.clone()) }
    }

    pub(super) fn written_keys(
        &mut self,
        truth: &ast::Ident,
        written: &'m [ast::Expr],
        types: &[Type],
        scope: &Scope,
    ) -> Option<Vec<Expr>> {
        if written.len() != types.len() {
            let declared = self.tables.truths[&truth.name].span;
            self.report(type_errors::key_count(
                truth.span,
                &truth.name,
                written.len(),
                types.len(),
                declared,
            ));
            return None;
        }
        Some(written.iter().zip(types).map(|(key, ty)| self.expr(key, Some(ty), scope)).collect())
    }

    /// The keys that an unindexed truth object means at this place.
    pub(super) fn inferred_keys(
        &mut self,
        truth: &ast::Ident,
        types: &[Type],
        scope: &Scope,
    ) -> Option<Vec<Expr>> {
        if let Some((_, keys)) = scope.keys.iter().rev().find(|(t, _)| *t == truth.name) {
            return Some(keys.clone());
        }
        if let Some(key) = self.head_binding(&truth.name, types, scope) {
            return Some(vec![key]);
        }
        types.iter().map(|ty| self.inferred_key(truth, ty, scope)).collect()
    }

    fn head_binding(&mut self, truth: &str, types: &[Type], scope: &Scope) -> Option<Expr> {
        let position = *scope.run.truth_keys.get(truth)?;
        let site = scope.run_site()?;
        let entry = self.tables.protocols.iter().find(|p| p.id == site.protocol)?;
        let head: &'m [ast::HeadItem] = entry.head();
        let ast::HeadItem::BindTruth { key, .. } = &head[position] else { return None };
        let [ty] = types else { return None };
        Some(self.expr(key, Some(ty), scope))
    }

    fn inferred_key(&mut self, truth: &ast::Ident, ty: &Type, scope: &Scope) -> Option<Expr> {
        let candidates = self.key_candidates(ty, truth.span, scope);
        match candidates.as_slice() {
            [(_, only)] => Some(only.clone()),
            [] if self.has_stand_in(scope) => None,
            several => {
                let names: Vec<&str> = several.iter().map(|(n, _)| n.as_str()).collect();
                let declared = self.tables.truths[&truth.name].span;
                let shown = self.show_type(ty);
                self.report(names::ambiguous_key(truth, &shown, &names, declared));
                None
            }
        }
    }

    /// What a key of this type can mean: the innermost variable of the type, else subjects, bound roles, self.
    pub fn key_candidates(&self, ty: &Type, span: Span, scope: &Scope) -> Vec<(String, Expr)> {
        if let Some(slot) = scope.slots.iter().rev().find(|s| s.ty == *ty) {
            let value = Expr { kind: ExprKind::Slot(slot.slot), ty: ty.clone(), span };
            return vec![(slot.name.clone(), value)];
        }
        let mut actors = Vec::new();
        let mut found = Vec::new();
        for (name, role) in &scope.run.roles {
            if Type::Id(role.sort) == *ty && scope.is_bound(role) && !actors.contains(&role.actor) {
                actors.push(role.actor);
                found.push((name.clone(), self.role_value(role, span, scope)));
            }
        }
        if found.is_empty()
            && let Some((instance, _)) = self.acting_instance(span, scope).filter(|(i, _)| i.ty == *ty)
        {
            found.push(("self".into(), instance));
        }
        found
    }

    fn record_field(&mut self, base: Expr, id: RecordId, field: &ast::Ident, span: Span) -> Expr {
        let record = &self.program.records[id];
        let Some(position) = record.fields.iter().position(|f| f.name == field.name) else {
            let error = names::unknown_field(
                field,
                &record.name,
                record.fields.iter().map(|f| &*f.name),
                record.span,
            );
            self.report(error);
            return unknown(span);
        };
        let ty = record.fields[position].ty.clone();
        Expr { kind: ExprKind::Field(Box::new(base), position as u32), ty, span }
    }

    fn variant_field(&mut self, base: Expr, id: UnionId, field: &ast::Ident, span: Span) -> Expr {
        let union = &self.program.unions[id];
        let mut found = Vec::new();
        for (tag, variant) in union.variants.iter().enumerate() {
            if let Some(position) = variant.fields.iter().position(|f| f.name == field.name) {
                found.push((tag as u32, position as u32, variant.fields[position].ty.clone()));
            }
        }
        let same = found.windows(2).all(|w| w[0].2 == w[1].2);
        let Some((_, _, ty)) = found.first().cloned().filter(|_| same) else {
            let fields: Vec<&str> =
                union.variants.iter().flat_map(|v| &v.fields).map(|f| f.name.as_str()).collect();
            let error = names::unknown_field(field, &union.name, fields.into_iter(), union.span);
            self.report(error);
            return unknown(span);
        };
        let read = |(tag, position, ty): (u32, u32, Type)| Expr {
            kind: ExprKind::VariantField(Box::new(base.clone()), tag, position),
            ty,
            span,
        };
        let mut variants = found.into_iter().rev();
        let Some(last) = variants.next().map(read) else { return unknown(span) };
        variants.fold(last, |otherwise, (tag, position, variant_ty)| {
            let test = Expr { kind: ExprKind::IsVariant(Box::new(base.clone()), tag), ty: Type::Bool, span };
            let then = read((tag, position, variant_ty));
            Expr {
                kind: ExprKind::If(Box::new(test), Box::new(then), Box::new(otherwise)),
                ty: ty.clone(),
                span,
            }
        })
    }

    pub(super) fn local_of(
        &mut self,
        base: Expr,
        sort: SortId,
        field: &ast::Ident,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let attr = self.tables.locals.get(&sort).and_then(|l| l.get(&field.name)).cloned();
        match attr {
            Some(attr) => self.read_local(&attr, base, sort, span, scope),
            None => {
                let error = names::unknown_local(field, sort, self);
                self.report(error);
                unknown(span)
            }
        }
    }

    fn run_field(&mut self, base: Expr, protocol: ProtocolId, field: &ast::Ident, span: Span) -> Expr {
        let names = self.run_names(protocol);
        let run = Box::new(base);
        if let Some(var) = names.vars.get(&field.name) {
            return Expr { kind: ExprKind::RunVarOf(protocol, run, var.id), ty: var.ty.clone(), span };
        }
        if let Some(role) = names.roles.get(&field.name) {
            let id = Type::Id(role.sort);
            return match role.actor {
                arch_ir::Actor::Subject(n) => {
                    Expr { kind: ExprKind::RunSubject(protocol, run, n), ty: id, span }
                }
                arch_ir::Actor::Role(r) => {
                    Expr { kind: ExprKind::RunRole(protocol, run, r), ty: Type::Optional(Box::new(id)), span }
                }
            };
        }
        let known = names.vars.keys().chain(names.roles.keys()).map(String::as_str);
        let declared = self.program.protocols[protocol].span;
        let error =
            names::unknown_field(field, &self.program.protocols[protocol].name.clone(), known, declared);
        self.report(error);
        unknown(span)
    }

    /// The report of a truth object where a value is needed.
    pub(super) fn truth_alone(&self, truth: &ast::Ident, span: Span) -> arch_base::Diagnostic {
        let entry = &self.tables.truths[&truth.name];
        let keys = if entry.keys.is_empty() { "" } else { "[…]" };
        let attributes = entry.attrs.keys().take(3).map(|a| format!("`{}{keys}.{a}`", truth.name));
        let written = match attributes.collect::<Vec<_>>().as_slice() {
            [] => format!("`{}{keys}.attribute`", truth.name),
            some => some.join(", "),
        };
        type_errors::truth_without_attribute(span, &truth.name, entry.span, &written)
    }

    pub(super) fn index(
        &mut self,
        base: &'m ast::Expr,
        keys: &'m [ast::Expr],
        span: Span,
        scope: &Scope,
    ) -> Expr {
        if let Some((truth, None)) = self.truth_base(base, scope) {
            let error = self.truth_alone(truth, span);
            self.report(error);
            return unknown(span);
        }
        let base = self.expr(base, None, scope);
        self.element(base, keys, span, scope)
    }

    /// `m[k]` or `s[n]`.
    pub(super) fn element(&mut self, base: Expr, keys: &'m [ast::Expr], span: Span, scope: &Scope) -> Expr {
        let [key] = keys else {
            self.report(type_errors::one_index(span, keys.len()));
            return unknown(span);
        };
        match base.ty.clone() {
            Type::Unknown => unknown(span),
            Type::Map(key_type, value) => {
                let key = self.expr(key, Some(&key_type), scope);
                Expr { kind: ExprKind::MapGet(Box::new(base), Box::new(key)), ty: *value, span }
            }
            Type::Seq(element, _) => {
                let key = self.expr(key, Some(&crate::types::INT), scope);
                let ty = if element.is_optional() { *element } else { Type::Optional(element) };
                Expr { kind: ExprKind::SeqGet(Box::new(base), Box::new(key)), ty, span }
            }
            Type::Set(element, _) => {
                // `X.set(e)`, as the notes write `SinkEffectState.applied(event_id)`: membership.
                let key = self.expr(key, Some(&element), scope);
                Expr { kind: ExprKind::In(Box::new(key), Box::new(base)), ty: Type::Bool, span }
            }
            other => {
                let shown = self.show_type(&other);
                self.report(type_errors::not_indexable(base.span, &shown));
                unknown(span)
            }
        }
    }
}
