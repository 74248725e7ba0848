//! Effects: statements, and what can be assigned to.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::scope::{Scope, SlotBinding};
use crate::tables::AttrSource;
use arch_base::Span;
use arch_grammar::ast::{self, ExprKind as Ast, StmtKind as AstStmt};
use arch_ir::{Binder, Expr, ExprKind, Place, RecordId, Stmt, StmtKind, Type};

impl<'m> Analyzer<'m> {
    /// The statements of a block. The scope grows with `let` and `pick`.
    pub fn block(&mut self, block: &'m ast::Block, scope: &Scope) -> Vec<Stmt> {
        let mut scope = scope.clone();
        block.statements.iter().filter_map(|s| self.statement(s, &mut scope)).collect()
    }

    fn statement(&mut self, statement: &'m ast::Stmt, scope: &mut Scope) -> Option<Stmt> {
        let kind = match &statement.kind {
            AstStmt::Assign(place, value) => self.assignment(place, value, scope)?,
            AstStmt::Advance(place) => self.advance(place, scope)?,
            AstStmt::If { condition, then, otherwise, .. } => {
                let condition = self.condition(condition, scope);
                let then = self.block(then, scope);
                let otherwise = otherwise.as_ref().map(|b| self.block(b, scope)).unwrap_or_default();
                StmtKind::If(condition, then, otherwise)
            }
            AstStmt::For { binder, body } => {
                let (binder, inner) = self.binder(binder, scope);
                StmtKind::For(binder, self.block(body, &inner))
            }
            AstStmt::Let(name, value) => {
                let value = self.expr(value, None, scope);
                let slot = self.bind(name, value.ty.clone(), scope);
                StmtKind::Let(slot, value)
            }
            AstStmt::Pick { ghost, name, from } => {
                let (domain, ty) = self.domain(from, scope);
                let slot = self.bind(name, ty, scope);
                if ghost.is_some() {
                    self.program.ghost_picks.insert(slot);
                }
                StmtKind::Pick(Binder { slot, domain, filter: None })
            }
            AstStmt::Todo => return None,
        };
        Some(Stmt { kind, span: statement.span })
    }

    fn bind(&mut self, name: &ast::Ident, ty: Type, scope: &mut Scope) -> arch_ir::SlotId {
        let slot = self.fresh_slot(&name.name);
        scope.slots.push(SlotBinding { name: name.name.clone(), slot, ty, span: name.span });
        slot
    }

    fn assignment(&mut self, place: &'m ast::Expr, value: &'m ast::Expr, scope: &Scope) -> Option<StmtKind> {
        let target = self.target(place, scope)?;
        let before = self.diagnostics.len();
        let value = self.expr(value, Some(&target.leaf_type()), scope);
        self.show_target(before, &target, value.span);
        let ty = target.root_type();
        let value = target.path.into_iter().rev().fold(value, |value, part| part.rebuild(value));
        Some(StmtKind::Assign(place_of(target.root, ty), value))
    }

    /// Points at the declaration of a place whose value does not fit it.
    fn show_target(&mut self, before: usize, target: &Target, value: Span) {
        let Root::Var(var, _, _) = &target.root else { return };
        let declared = &self.program.vars[*var];
        let (name, span) = (declared.name.clone(), declared.span);
        if let Some(last) = self.diagnostics.get_mut(before..).and_then(<[_]>::last_mut)
            && last.span() == Some(value)
        {
            *last = last.clone().see(span, format!("`{name}` is declared here"));
        }
    }

    fn advance(&mut self, place: &'m ast::Expr, scope: &Scope) -> Option<StmtKind> {
        let target = self.target(place, scope)?;
        let ty = target.leaf_type();
        match (ty.unwrap_optional(), target.path.is_empty()) {
            (Type::Ordinal(id), true) => {
                let id = *id;
                Some(StmtKind::Advance(place_of(target.root, ty), id))
            }
            (Type::Unknown, _) => None,
            _ => {
                let shown = self.show_type(&ty);
                self.report(type_errors::advance_of(place.span, &shown));
                None
            }
        }
    }

    /// What a place refers to; reports what cannot be assigned to.
    fn target(&mut self, place: &'m ast::Expr, scope: &Scope) -> Option<Target> {
        match &place.kind {
            Ast::Paren(inner) => self.target(inner, scope),
            Ast::Name(name) => self.named_target(name, scope),
            Ast::Field(base, field) => self.field_target(base, field, place.span, scope),
            Ast::Index(base, keys) => self.element_target(base, keys, place.span, scope),
            Ast::Call(function, arguments) => {
                let [argument] = arguments.as_slice() else { return self.not_assignable(place.span) };
                self.element_target(function, std::slice::from_ref(&argument.value), place.span, scope)
            }
            _ => self.not_assignable(place.span),
        }
    }

    fn not_assignable<T>(&mut self, span: Span) -> Option<T> {
        self.report(type_errors::not_assignable(span, None));
        None
    }

    fn named_target(&mut self, name: &'m ast::Ident, scope: &Scope) -> Option<Target> {
        if let Some(slot) = scope.slot(&name.name) {
            self.report(type_errors::not_assignable(name.span, Some((&name.name, slot.span))));
            return None;
        }
        let found = self.named_value(name, scope);
        match &found.kind {
            ExprKind::Var(var, keys) if !keys.is_empty() => {
                self.written.insert(*var);
                Some(Target { root: Root::Var(*var, keys.clone(), found.ty), path: Vec::new() })
            }
            ExprKind::RunVar(var) => Some(Target { root: Root::RunVar(*var, found.ty), path: Vec::new() }),
            _ if found.ty == Type::Unknown => None,
            _ => self.not_assignable(name.span),
        }
    }

    fn field_target(
        &mut self,
        base: &'m ast::Expr,
        field: &'m ast::Ident,
        span: Span,
        scope: &Scope,
    ) -> Option<Target> {
        if self.truth_base(base, scope).is_some() || self.names_instance(base, scope) {
            return self.stored_target(base, field, span, scope);
        }
        if let Some(error) = self.undeclared_truth(base, field, scope) {
            self.report(error);
            return None;
        }
        if let Some(error) = self.one_of_several(base, field, scope) {
            self.report(error);
            return None;
        }
        let inner = self.target(base, scope)?;
        match inner.leaf_type() {
            Type::Record(record) => {
                let position = self.field_position(record, field)?;
                Some(inner.then(|value| self.record_part(record, position, value)))
            }
            Type::Id(_) => self.stored_target(base, field, span, scope),
            Type::Unknown => None,
            _ => self.not_assignable(span),
        }
    }

    fn names_instance(&mut self, base: &'m ast::Expr, scope: &Scope) -> bool {
        if self.only_instance(base, scope).is_some() {
            return true;
        }
        let before = self.diagnostics.len();
        let found = self.expr(base, None, scope);
        let instance = matches!(found.ty, Type::Id(_));
        if !instance {
            self.diagnostics.truncate(before);
        }
        instance
    }

    fn stored_target(
        &mut self,
        base: &'m ast::Expr,
        field: &'m ast::Ident,
        span: Span,
        scope: &Scope,
    ) -> Option<Target> {
        let read_before = self.read.clone();
        let guarded = self.guarded.len();
        let found = self.field_value(base, field, span, scope);
        self.read = read_before;
        self.guarded.truncate(guarded);
        match found.kind {
            ExprKind::Var(var, keys) => {
                self.written.insert(var);
                Some(Target { root: Root::Var(var, keys, found.ty), path: Vec::new() })
            }
            _ if found.ty == Type::Unknown => None,
            _ => {
                let derived = self.derived_declaration(base, field);
                self.report(names::derived_assignment(span, derived));
                None
            }
        }
    }

    fn derived_declaration(&self, base: &ast::Expr, field: &ast::Ident) -> Option<Span> {
        let Ast::Name(name) = &base.kind else { return None };
        let attr = self.tables.truths.get(&name.name)?.attrs.get(&field.name)?;
        matches!(attr.source, AttrSource::Derived(_)).then_some(attr.span)
    }

    fn field_position(&mut self, record: RecordId, field: &ast::Ident) -> Option<u32> {
        let declared = &self.program.records[record];
        let position = declared.fields.iter().position(|f| f.name == field.name);
        if position.is_none() {
            let known = declared.fields.iter().map(|f| f.name.as_str());
            let error = names::unknown_field(field, &declared.name, known, declared.span);
            self.report(error);
        }
        position.map(|p| p as u32)
    }

    fn record_part(&self, record: RecordId, position: u32, value: Expr) -> Part {
        let fields = self.program.records[record].fields.clone();
        let leaf = fields[position as usize].ty.clone();
        let fields = fields.into_iter().map(|f| f.ty).collect();
        Part { whole: value, leaf, step: PartStep::Field(record, position, fields) }
    }

    fn element_target(
        &mut self,
        base: &'m ast::Expr,
        keys: &'m [ast::Expr],
        span: Span,
        scope: &Scope,
    ) -> Option<Target> {
        let inner = self.target(base, scope)?;
        let (Type::Map(key_type, value_type), [key]) = (inner.leaf_type(), keys) else {
            return if inner.leaf_type() == Type::Unknown { None } else { self.not_assignable(span) };
        };
        let key = self.expr(key, Some(&key_type), scope);
        Some(inner.then(|whole| Part { whole, leaf: *value_type, step: PartStep::Key(key) }))
    }
}

/// A place: a variable, and a path into its value.
struct Target {
    root: Root,
    path: Vec<Part>,
}

enum Root {
    Var(arch_ir::VarId, Vec<Expr>, Type),
    RunVar(arch_ir::RunVarId, Type),
}

/// One step of a path: the value around it, and how to put a new part in.
struct Part {
    whole: Expr,
    leaf: Type,
    step: PartStep,
}

enum PartStep {
    Field(RecordId, u32, Vec<Type>),
    Key(Expr),
}

impl Target {
    fn root_type(&self) -> Type {
        match &self.root {
            Root::Var(_, _, ty) | Root::RunVar(_, ty) => ty.clone(),
        }
    }

    fn leaf_type(&self) -> Type {
        self.path.last().map_or_else(|| self.root_type(), |part| part.leaf.clone())
    }

    /// The value that the place has now.
    fn value(&self) -> Expr {
        match self.path.last() {
            Some(part) => part.read(),
            None => match &self.root {
                Root::Var(var, keys, ty) => Expr {
                    kind: ExprKind::Var(*var, keys.clone()),
                    ty: ty.clone(),
                    span: keys.first().map_or_else(Span::default, |k| k.span),
                },
                Root::RunVar(var, ty) => {
                    Expr { kind: ExprKind::RunVar(*var), ty: ty.clone(), span: Span::default() }
                }
            },
        }
    }

    fn then(mut self, part: impl FnOnce(Expr) -> Part) -> Target {
        let part = part(self.value());
        self.path.push(part);
        self
    }
}

impl Part {
    fn read(&self) -> Expr {
        let whole = Box::new(self.whole.clone());
        let kind = match &self.step {
            PartStep::Field(_, position, _) => ExprKind::Field(whole, *position),
            PartStep::Key(key) => ExprKind::MapGet(whole, Box::new(key.clone())),
        };
        Expr { kind, ty: self.leaf.clone(), span: self.whole.span }
    }

    /// The value around, with a new part.
    fn rebuild(self, part: Expr) -> Expr {
        let (span, ty) = (part.span, self.whole.ty.clone());
        let kind = match self.step {
            PartStep::Key(key) => ExprKind::MapSet(Box::new(self.whole), Box::new(key), Box::new(part)),
            PartStep::Field(record, position, fields) => {
                let whole = self.whole;
                let field = |(i, ty): (usize, Type)| {
                    if i as u32 == position {
                        part.clone()
                    } else {
                        Expr { kind: ExprKind::Field(Box::new(whole.clone()), i as u32), ty, span }
                    }
                };
                ExprKind::RecordLit(record, fields.into_iter().enumerate().map(field).collect())
            }
        };
        Expr { kind, ty, span }
    }
}

fn place_of(root: Root, ty: Type) -> Place {
    match root {
        Root::Var(var, keys, _) => Place::Var(var, keys, ty),
        Root::RunVar(var, _) => Place::RunVar(var, ty),
    }
}
