//! Views: an actor's cached copy of a truth object, which its guards read.
//!
//! A view becomes one more local per attribute. The operations that refresh it get assignments appended.

use crate::analyzer::Analyzer;
use crate::diagnostics::names;
use crate::scope::Scope;
use crate::tables::{AttrSource, ViewEntry};
use arch_base::Span;
use arch_grammar::ast::{self, ItemKind};
use arch_ir::{Expr, ExprKind, Init, Place, Stmt, StmtKind, Type, Var, VarId, VarOwner};

impl<'m> Analyzer<'m> {
    /// Declares the copies that views need.
    pub fn declare_views(&mut self) {
        for item in &self.module.items {
            if let ItemKind::View(decl) = &item.kind {
                self.declare_view(decl);
            }
        }
    }

    fn declare_view(&mut self, decl: &'m ast::ViewDecl) {
        let Some(sort) = self.sort_named(&decl.actor) else { return };
        let Some(truth) = self.tables.truths.get(&decl.truth.name) else {
            let error = names::unknown_truth_name(&decl.truth, &self.tables);
            self.report(error);
            return;
        };
        let stored = |source| match source {
            AttrSource::Stored(var) => Some(var),
            AttrSource::Derived(_) => None,
        };
        let originals: Vec<VarId> = truth.attrs.values().filter_map(|a| stored(a.source)).collect();
        let copies = originals.into_iter().map(|var| (var, self.declare_copy(var, sort, decl))).collect();
        self.tables.views.push(ViewEntry { decl, sort, copies });
    }

    fn declare_copy(&mut self, original: VarId, sort: arch_ir::SortId, decl: &ast::ViewDecl) -> VarId {
        let var = &self.program.vars[original];
        let keys: Vec<Type> = std::iter::once(Type::Id(sort)).chain(var.keys.iter().cloned()).collect();
        let (name, ty) = (format!("{}.{}", decl.actor.name, var.name), var.ty.clone());
        let ty = self.small_enough(ty, &keys, &format!("`{name}`"), decl.truth.span);
        let value = self.literal_of_default(&ty, decl.truth.span);
        let init = Init::Value { keys: Vec::new(), value };
        self.program.vars.push(Var {
            name,
            owner: VarOwner::Local(sort),
            keys,
            ty,
            init,
            span: decl.truth.span,
        })
    }

    /// The copy of a variable that the acting instance reads instead of it, with the instance.
    pub fn view_of(&self, var: VarId, span: Span, scope: &Scope) -> Option<(VarId, Expr)> {
        if !scope.through_views {
            return None;
        }
        let (_, sort) = scope.run_site()?.actor?;
        let view =
            self.tables.views.iter().find(|v| v.sort == sort && v.copies.iter().any(|(o, _)| *o == var))?;
        let copy = view.copies.iter().find(|(o, _)| *o == var)?.1;
        Some((copy, Expr { kind: ExprKind::SelfId, ty: Type::Id(sort), span }))
    }

    /// The assignments that refresh views, for an operation of an actor.
    pub fn refreshes(&self, protocol: &str, operation: &str, actor: arch_ir::SortId) -> Vec<Stmt> {
        let refreshes = |view: &&ViewEntry<'_>| {
            view.sort == actor
                && view.decl.refreshed_by.iter().any(|r| {
                    r.operation.name == operation && r.protocol.as_ref().is_none_or(|p| p.name == protocol)
                })
        };
        self.tables
            .views
            .iter()
            .filter(refreshes)
            .flat_map(|view| {
                view.copies.iter().flat_map(|(original, copy)| self.refresh(*original, *copy, view))
            })
            .collect()
    }

    /// One assignment per key of the original.
    fn refresh(&self, original: VarId, copy: VarId, view: &ViewEntry<'_>) -> Vec<Stmt> {
        let var = &self.program.vars[original];
        let span = view.decl.truth.span;
        let instance = Expr { kind: ExprKind::SelfId, ty: Type::Id(view.sort), span };
        self.program
            .key_tuples(&var.keys)
            .into_iter()
            .map(|key| {
                let literals: Vec<Expr> = key
                    .into_iter()
                    .zip(&var.keys)
                    .map(|(value, ty)| self.literal(value, ty.clone(), span))
                    .collect();
                let value =
                    Expr { kind: ExprKind::Var(original, literals.clone()), ty: var.ty.clone(), span };
                let keys = std::iter::once(instance.clone()).chain(literals).collect();
                Stmt { kind: StmtKind::Assign(Place::Var(copy, keys, var.ty.clone()), value), span }
            })
            .collect()
    }
}
