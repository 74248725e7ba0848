//! Calls: built-in functions, definitions, constructors, and attributes that are maps or sets.

use super::unknown;
use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::scope::Scope;
use crate::tables::NamedType;
use crate::types::INT;
use arch_base::Span;
use arch_grammar::ast::{self, ExprKind as Ast};
use arch_ir::{ArithOp, Binder, Domain, Expr, ExprKind, Field, SortId, Type};

/// The names of the built-in functions, for suggestions.
pub const BUILTINS: &[&str] = &[
    "old",
    "min",
    "max",
    "size",
    "head",
    "tail",
    "next",
    "prev",
    "crashed",
    "connected",
    "unfinished",
    "least",
    "greatest",
];

impl<'m> Analyzer<'m> {
    pub(super) fn call(
        &mut self,
        function: &'m ast::Expr,
        arguments: &'m [ast::Argument],
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let Ast::Name(name) = &function.kind else {
            return self.call_attribute(function, arguments, span, scope);
        };
        if let Some(found) = self.defined_function(name, arguments, span, scope) {
            return found;
        }
        if let Some(found) = self.constructor(name, arguments, span, scope) {
            return found;
        }
        if BUILTINS.contains(&name.name.as_str()) {
            return self.builtin(name, arguments, span, expected, scope);
        }
        if let Some(base) = self.local_meaning(name, scope) {
            return self.element_of(base, arguments, span, scope);
        }
        let error = names::unknown_function(name, &self.tables);
        self.report(error);
        unknown(span)
    }

    /// `X.a(k)`: an element of an attribute that is a map or set.
    fn call_attribute(
        &mut self,
        function: &'m ast::Expr,
        arguments: &'m [ast::Argument],
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let base = self.expr(function, None, scope);
        self.element_of(base, arguments, span, scope)
    }

    fn element_of(&mut self, base: Expr, arguments: &'m [ast::Argument], span: Span, scope: &Scope) -> Expr {
        let [argument] = arguments else {
            self.report(type_errors::one_index(span, arguments.len()));
            return unknown(span);
        };
        self.element(base, std::slice::from_ref(&argument.value), span, scope)
    }

    fn constructor(
        &mut self,
        name: &'m ast::Ident,
        arguments: &'m [ast::Argument],
        span: Span,
        scope: &Scope,
    ) -> Option<Expr> {
        if let Some((union, tag)) = self.tables.variants.get(&name.name).copied() {
            let fields = self.program.unions[union].variants[tag as usize].fields.clone();
            let values = self.field_values(name, &fields, arguments, span, scope)?;
            let kind = ExprKind::VariantLit(union, tag, values);
            return Some(Expr { kind, ty: Type::Union(union), span });
        }
        let Some(NamedType::Record(record)) = self.type_named(&name.name) else { return None };
        let fields = self.program.records[record].fields.clone();
        let values = self.field_values(name, &fields, arguments, span, scope)?;
        Some(Expr { kind: ExprKind::RecordLit(record, values), ty: Type::Record(record), span })
    }

    /// The values of the fields in order, given by position or by name.
    fn field_values(
        &mut self,
        name: &ast::Ident,
        fields: &[Field],
        arguments: &'m [ast::Argument],
        span: Span,
        scope: &Scope,
    ) -> Option<Vec<Expr>> {
        if fields.len() != arguments.len() {
            self.report(type_errors::argument_count(span, &name.name, arguments.len(), fields.len()));
            return Some(fields.iter().map(|_| unknown(span)).collect());
        }
        let mut values: Vec<Option<Expr>> = vec![None; fields.len()];
        for (i, argument) in arguments.iter().enumerate() {
            let position = match &argument.name {
                None => Some(i),
                Some(label) => fields.iter().position(|f| f.name == label.name),
            };
            let Some(position) = position.filter(|p| values[*p].is_none()) else {
                let label = argument.name.as_ref().unwrap_or(name);
                let known = fields.iter().map(|f| f.name.as_str());
                self.report(names::unknown_field(label, &name.name, known, name.span));
                continue;
            };
            values[position] = Some(self.expr(&argument.value, Some(&fields[position].ty), scope));
        }
        Some(values.into_iter().map(|v| v.unwrap_or_else(|| unknown(span))).collect())
    }

    fn builtin(
        &mut self,
        name: &ast::Ident,
        arguments: &'m [ast::Argument],
        span: Span,
        expected: Option<&Type>,
        scope: &Scope,
    ) -> Expr {
        let values: Vec<&'m ast::Expr> = arguments.iter().map(|a| &a.value).collect();
        match (name.name.as_str(), values.as_slice()) {
            ("old", [e]) => self.old(name, e, expected, span, scope),
            ("min", [a, b]) => self.min_max(ArithOp::Min, a, b, span, scope),
            ("max", [a, b]) => self.min_max(ArithOp::Max, a, b, span, scope),
            ("least", [s]) => self.extreme(false, s, span, scope),
            ("greatest", [s]) => self.extreme(true, s, span, scope),
            ("size", [s]) => self.size(s, span, scope),
            ("head", [s]) => self.head(s, span, scope),
            ("tail", [s]) => self.tail(s, span, scope),
            ("next", [x]) => self.neighbour(false, x, span, scope),
            ("prev", [x]) => self.neighbour(true, x, span, scope),
            ("crashed", [x]) => {
                let Some((instance, sort)) = self.instance(x, scope) else { return bool_unknown(span) };
                Expr { kind: ExprKind::Crashed(sort, Box::new(instance)), ty: Type::Bool, span }
            }
            ("connected", [a, b]) => {
                let (Some((a, s)), Some((b, t))) = (self.instance(a, scope), self.instance(b, scope)) else {
                    return bool_unknown(span);
                };
                Expr { kind: ExprKind::Connected(Box::new(a), s, Box::new(b), t), ty: Type::Bool, span }
            }
            ("unfinished", [r]) => self.unfinished(r, span, scope),
            (function, given) => {
                let wanted = if matches!(function, "min" | "max" | "connected") { 2 } else { 1 };
                self.report(type_errors::argument_count(span, function, given.len(), wanted));
                unknown(span)
            }
        }
    }

    fn old(
        &mut self,
        name: &ast::Ident,
        e: &'m ast::Expr,
        expected: Option<&Type>,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        if !scope.old {
            self.report(names::old_not_available(name.span));
        }
        let inner = self.infer(e, expected, scope);
        let ty = inner.ty.clone();
        Expr { kind: ExprKind::Old(Box::new(inner)), ty, span }
    }

    fn min_max(
        &mut self,
        op: ArithOp,
        a: &'m ast::Expr,
        b: &'m ast::Expr,
        span: Span,
        scope: &Scope,
    ) -> Expr {
        let left = self.expr(a, Some(&INT), scope);
        let right = self.expr(b, Some(&INT), scope);
        self.fold(op, left, right, span)
    }

    fn collection(&mut self, e: &'m ast::Expr, scope: &Scope) -> Option<Expr> {
        let found = self.expr(e, None, scope);
        if matches!(found.ty, Type::Set(..) | Type::Seq(..)) {
            return Some(found);
        }
        if found.ty != Type::Unknown {
            let shown = self.show_type(&found.ty);
            self.report(type_errors::mismatch(found.span, &shown, "a set or sequence"));
        }
        None
    }

    fn size(&mut self, e: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        match self.collection(e, scope) {
            Some(found) => Expr { kind: ExprKind::Size(Box::new(found)), ty: INT, span },
            None => unknown(span),
        }
    }

    fn extreme(&mut self, greatest: bool, e: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let Some(set) = self.collection(e, scope) else { return unknown(span) };
        let Type::Set(element, _) = set.ty.clone() else {
            self.report(type_errors::mismatch(set.span, &self.show_type(&set.ty), "a set"));
            return unknown(span);
        };
        let slot = self.fresh_slot("x");
        let value = Expr { kind: ExprKind::Slot(slot), ty: (*element).clone(), span };
        let binder = Binder { slot, domain: Domain::Set(Box::new(set)), filter: None };
        Expr { kind: ExprKind::Extreme(greatest, Box::new(value), binder), ty: Type::Optional(element), span }
    }

    fn head(&mut self, e: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let Some(seq) = self.collection(e, scope) else { return unknown(span) };
        let Type::Seq(element, _) = seq.ty.clone() else {
            self.report(type_errors::mismatch(seq.span, &self.show_type(&seq.ty), "a sequence"));
            return unknown(span);
        };
        let zero = self.literal(arch_ir::Value::Int(0), INT, span);
        let ty = if element.is_optional() { *element } else { Type::Optional(element) };
        Expr { kind: ExprKind::SeqGet(Box::new(seq), Box::new(zero)), ty, span }
    }

    fn tail(&mut self, e: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let Some(seq) = self.collection(e, scope) else { return unknown(span) };
        let ty = seq.ty.clone();
        if !matches!(ty, Type::Seq(..)) {
            self.report(type_errors::mismatch(seq.span, &self.show_type(&ty), "a sequence"));
            return unknown(span);
        }
        Expr { kind: ExprKind::Tail(Box::new(seq)), ty, span }
    }

    fn neighbour(&mut self, previous: bool, e: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let Some((instance, sort)) = self.instance(e, scope) else { return unknown(span) };
        if !self.program.sorts[sort].ring {
            let declared = &self.program.sorts[sort];
            let error = type_errors::not_a_ring(span, &declared.name, declared.span);
            self.report(error);
        }
        Expr { kind: ExprKind::Neighbour(sort, previous, Box::new(instance)), ty: Type::Id(sort), span }
    }

    /// An instance of some sort.
    fn instance(&mut self, e: &'m ast::Expr, scope: &Scope) -> Option<(Expr, SortId)> {
        let found = self.only_instance(e, scope).unwrap_or_else(|| self.expr(e, None, scope));
        match found.ty {
            Type::Id(sort) => Some((found, sort)),
            Type::Unknown => None,
            _ => {
                let shown = self.show_type(&found.ty);
                self.report(type_errors::mismatch(found.span, &shown, "an instance of an actor"));
                None
            }
        }
    }

    fn unfinished(&mut self, e: &'m ast::Expr, span: Span, scope: &Scope) -> Expr {
        let run = self.expr(e, None, scope);
        match run.ty {
            Type::Run(protocol) => {
                Expr { kind: ExprKind::RunUnfinished(protocol, Box::new(run)), ty: Type::Bool, span }
            }
            Type::Unknown => bool_unknown(span),
            _ => {
                let shown = self.show_type(&run.ty);
                self.report(type_errors::mismatch(run.span, &shown, "a run of a protocol"));
                bool_unknown(span)
            }
        }
    }
}

fn bool_unknown(span: Span) -> Expr {
    Expr { ty: Type::Bool, ..unknown(span) }
}
