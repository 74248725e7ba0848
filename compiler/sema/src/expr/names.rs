//! Bare names.
//!
//! Order: bound variables; attributes of the same truth object (in derived attributes); definitions for
//! this step; definitions; run variables; the acting instance's locals; roles and subjects; constants; enum
//! constants, by the type expected; variants without fields; types as the set of their values.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::diagnostics::names;
use crate::scope::{RoleNames, Scope, Site};
use crate::tables::{AttrEntry, AttrSource, NamedType};
use arch_base::Span;
use arch_grammar::ast;
use arch_ir::{Actor, Expr, ExprKind, SortId, Type, Value};

impl<'m> Analyzer<'m> {
    pub(super) fn name(&mut self, name: &'m ast::Ident, expected: Option<&Type>, scope: &Scope) -> Expr {
        if let Some(found) = self.local_meaning(name, scope) {
            return found;
        }
        if let Some(found) = self.global_meaning(name, expected) {
            return found;
        }
        if expected == Some(&Type::Unknown) && is_constant_word(&name.name) {
            // A constant of the enum that the other side is still to get: its missing type is reported.
            self.open_constants.push(name);
            return unknown(name.span);
        }
        let error = match self.tables.truths.contains_key(&name.name) {
            true => self.truth_alone(name, name.span),
            // Perhaps a local of an actor that is not declared, which was reported.
            false if self.acts_unknown(scope) => return unknown(name.span),
            false => names::unknown_word(name, expected, self, scope),
        };
        self.report(error);
        unknown(name.span)
    }

    /// What a bare name stands for, as a value; used for places too.
    pub fn named_value(&mut self, name: &'m ast::Ident, scope: &Scope) -> Expr {
        self.name(name, None, scope)
    }

    /// What a bare name stands for at this place, before constants and types are asked.
    pub(super) fn local_meaning(&mut self, name: &'m ast::Ident, scope: &Scope) -> Option<Expr> {
        let span = name.span;
        if let Some(slot) = scope.slot(&name.name) {
            return Some(Expr { kind: ExprKind::Slot(slot.slot), ty: slot.ty.clone(), span });
        }
        if let Some(found) = self.sibling(name, scope) {
            return Some(found);
        }
        if let Some(found) = self.defined_name(&name.name, span, scope) {
            return Some(found);
        }
        if let Some(var) = scope.run.vars.get(&name.name) {
            self.used.insert(name.name.clone());
            return Some(Expr { kind: ExprKind::RunVar(var.id), ty: var.ty.clone(), span });
        }
        if let Some(found) = self.own_local(name, scope) {
            return Some(found);
        }
        self.role_or_subject(name, scope).or_else(|| self.name_above(name, scope))
    }

    fn sibling(&mut self, name: &ast::Ident, scope: &Scope) -> Option<Expr> {
        let owner = scope.siblings.clone()?;
        let keys = scope.keys.iter().rev().find(|(t, _)| *t == owner).map(|(_, k)| k.clone())?;
        if let Some(NamedType::Sort(sort)) = self.type_named(&owner) {
            let attr = self.tables.locals.get(&sort)?.get(&name.name)?.clone();
            return Some(self.read_local(&attr, keys.into_iter().next()?, sort, name.span, scope));
        }
        let attr = self.tables.truths.get(&owner)?.attrs.get(&name.name)?.clone();
        Some(self.read_attr(&owner, &attr, keys, name.span, scope))
    }

    fn own_local(&mut self, name: &ast::Ident, scope: &Scope) -> Option<Expr> {
        let (instance, sort) = self.acting_instance(name.span, scope)?;
        let attr = self.tables.locals.get(&sort)?.get(&name.name)?.clone();
        Some(self.read_local(&attr, instance, sort, name.span, scope))
    }

    /// `self` at this place, with its sort.
    pub(super) fn acting_instance(&self, span: Span, scope: &Scope) -> Option<(Expr, SortId)> {
        match &scope.site {
            Site::Run(site) => {
                let (_, sort) = site.actor?;
                Some((Expr { kind: ExprKind::SelfId, ty: Type::Id(sort), span }, sort))
            }
            Site::Init(Some((slot, sort))) => {
                Some((Expr { kind: ExprKind::Slot(*slot), ty: Type::Id(*sort), span }, *sort))
            }
            Site::Init(None) | Site::Global => None,
        }
    }

    pub(super) fn self_reference(&mut self, span: Span, scope: &Scope) -> Expr {
        match self.acting_instance(span, scope) {
            Some((_, sort)) if self.tables.stand_ins.contains(&sort) => unknown(span),
            Some((instance, _)) => instance,
            None => {
                self.report(names::self_not_available(span));
                unknown(span)
            }
        }
    }

    /// A local of an instance.
    pub(super) fn read_local(
        &mut self,
        attr: &AttrEntry<'m>,
        instance: Expr,
        sort: SortId,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        match attr.source {
            AttrSource::Stored(var) => {
                self.read.insert(var);
                Expr { kind: ExprKind::Var(var, vec![instance]), ty: attr.ty.clone(), span }
            }
            AttrSource::Derived(body) => {
                let actor = self.program.sorts[sort].name.clone();
                let body = self.expand_derived(&actor, body, vec![instance], span, scope);
                self.typed_as(body, &attr.ty)
            }
        }
    }

    /// A variable or role of the run that a sub-run belongs to.
    fn name_above(&mut self, name: &ast::Ident, scope: &Scope) -> Option<Expr> {
        let above = scope.run.above.as_ref()?;
        let (protocol, span) = (above.protocol, name.span);
        let run = Box::new(Expr { kind: ExprKind::ParentRun, ty: Type::Run(protocol), span });
        if let Some(var) = above.names.vars.get(&name.name) {
            return Some(Expr { kind: ExprKind::RunVarOf(protocol, run, var.id), ty: var.ty.clone(), span });
        }
        let role = above.names.roles.get(&name.name)?;
        let Actor::Role(id) = role.actor else { return None };
        let bound =
            above.names.bound_by.get(&id).is_some_and(|s| s.iter().any(|n| above.certain.contains(n)));
        let sort = Type::Id(role.sort);
        let ty = if bound { sort } else { Type::Optional(Box::new(sort)) };
        Some(Expr { kind: ExprKind::RunRole(protocol, run, id), ty, span })
    }

    fn role_or_subject(&mut self, name: &ast::Ident, scope: &Scope) -> Option<Expr> {
        let role = *scope.run.roles.get(&name.name)?;
        self.used.insert(name.name.clone());
        Some(self.role_value(&role, name.span, scope))
    }

    /// The instance that a role or subject is.
    pub(super) fn role_value(&self, role: &RoleNames, span: Span, scope: &Scope) -> Expr {
        let id = Type::Id(role.sort);
        match role.actor {
            _ if self.tables.stand_ins.contains(&role.sort) => unknown(span),
            Actor::Subject(n) => Expr { kind: ExprKind::Subject(n), ty: id, span },
            Actor::Role(r) => {
                let ty = if scope.is_bound(role) { id } else { Type::Optional(Box::new(id)) };
                Expr { kind: ExprKind::Role(r), ty, span }
            }
        }
    }

    /// Whether an actor acts here that is not declared.
    fn acts_unknown(&self, scope: &Scope) -> bool {
        let actor = scope.run_site().and_then(|site| site.actor);
        actor.is_some_and(|(_, sort)| self.tables.stand_ins.contains(&sort))
    }

    /// Whether someone takes part in this run whose actor is not declared.
    pub fn has_stand_in(&self, scope: &Scope) -> bool {
        scope.run.roles.values().any(|role| self.tables.stand_ins.contains(&role.sort))
    }

    fn global_meaning(&mut self, name: &ast::Ident, expected: Option<&Type>) -> Option<Expr> {
        let span = name.span;
        if let Some(entry) = self.tables.consts.get(&name.name) {
            let (value, ty) = (entry.value.clone(), entry.ty.clone());
            self.used.insert(name.name.clone());
            return Some(self.literal(value, ty, span));
        }
        if let Some(found) = self.enum_constant(name, expected) {
            return Some(found);
        }
        if let Some((union, tag)) = self.tables.variants.get(&name.name).copied()
            && self.program.unions[union].variants[tag as usize].fields.is_empty()
        {
            return Some(Expr {
                kind: ExprKind::VariantLit(union, tag, Vec::new()),
                ty: Type::Union(union),
                span,
            });
        }
        match self.type_named(&name.name)? {
            NamedType::Record(_) => None,
            named => {
                let ty = named.ty();
                self.program.cardinality(&ty)?;
                let set = Type::Set(Box::new(ty.clone()), None);
                Some(Expr { kind: ExprKind::TypeSet(ty), ty: set, span })
            }
        }
    }

    fn enum_constant(&mut self, name: &ast::Ident, expected: Option<&Type>) -> Option<Expr> {
        let candidates = self.tables.constants.get(&name.name)?.clone();
        let wanted = expected.map(Type::unwrap_optional);
        let by_type = candidates.iter().find(|(id, _)| wanted == Some(&Type::Enum(*id)));
        let (id, position) = match (by_type, candidates.as_slice()) {
            (Some(found), _) => *found,
            (None, [only]) => *only,
            (None, several) => {
                let enums: Vec<String> =
                    several.iter().map(|(id, _)| self.program.enums[*id].name.clone()).collect();
                self.report(names::ambiguous_constant(name, &enums));
                return Some(unknown(name.span));
            }
        };
        Some(self.literal(Value::Enum(position), Type::Enum(id), name.span))
    }
}

/// Whether a word is written as an enum constant is: `READY`.
pub fn is_constant_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains(|c: char| c.is_ascii_lowercase())
}
