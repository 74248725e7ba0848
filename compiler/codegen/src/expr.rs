//! Expressions. Each becomes a Rust expression of the type that [`Gen::found`] says, equal to what `ir::eval` gives it.

use crate::gen_::{Gen, Scope};
use crate::layout::{ColumnOf, KindOf};
use crate::names::ident;
use crate::refusal::Refusal;
use crate::types::int;
use arch_base::{Idx, Span};
use arch_ir::{
    ArithOp, Binder, ChainId, CompareOp, Domain, Expr, ExprKind, FaultKind, Protocol, ProtocolId, RoleId,
    RunVarId, SetOp, StepId, Type, VarId,
};
use proc_macro2::TokenStream;
use quote::quote;

type Tokens = Result<TokenStream, Refusal>;

impl Gen<'_> {
    /// The type that the code of an expression has.
    pub fn found(&self, e: &Expr) -> Type {
        match &e.kind {
            // Whether a role is bound is known to the type checker, not to Rust.
            ExprKind::Role(_) | ExprKind::RunRole(..) => {
                Type::Optional(Box::new(e.ty.unwrap_optional().clone()))
            }
            ExprKind::Old(inner) | ExprKind::Let(_, _, inner) => self.found(inner),
            _ => e.ty.clone(),
        }
    }

    /// An expression as a value of a type that accepts it.
    pub fn as_type(&self, scope: &Scope, e: &Expr, ty: &Type) -> Tokens {
        if matches!(e.kind, ExprKind::Literal(_))
            && let ExprKind::Literal(value) = &e.kind
            && (ty.is_optional() || !e.ty.is_optional())
        {
            return self.literal(ty, value, &scope.members, e.span);
        }
        let found = self.found(e);
        let tokens = self.expr(scope, e)?;
        Ok(match (found.is_optional(), ty.is_optional()) {
            (false, true) => quote!(Some(#tokens)),
            (true, false) => quote!(known(#tokens)),
            _ => tokens,
        })
    }

    /// An expression.
    pub fn expr(&self, scope: &Scope, e: &Expr) -> Tokens {
        use ExprKind as K;
        Ok(match &e.kind {
            K::Literal(value) => self.literal(&e.ty, value, &scope.members, e.span)?,
            K::Instant(k) => {
                if scope.members.to_string() == "members" {
                    return Err(Refusal::new(e.span, "an attribute that starts at an instant after `now`")
                        .help("let it start in the past"));
                }
                let (tx, k) = (&scope.tx, int(*k));
                quote!(#tx.instant(#k))
            }
            K::Slot(slot) => {
                let name = scope.slot(*slot).ok_or_else(|| unbound(e.span))?;
                quote!(#name.clone())
            }
            K::SelfId => {
                let me = &scope.me;
                quote!(#me.clone())
            }
            K::Subject(i) => {
                let key = self.subject_field(scope.protocol.ok_or_else(|| unbound(e.span))?, *i);
                quote!(run.#key.clone())
            }
            K::Role(role) => self.role(scope, *role, e.span)?,
            K::RunVar(var) => self.run_var(scope, *var, e.span)?,
            K::Var(var, keys) => self.var(scope, *var, keys, e.span)?,
            K::Old(inner) => self
                .expr(&Scope { tx: ident("old"), members: quote!(old.members()), ..scope.clone() }, inner)?,
            K::Not(inner) => {
                let inner = self.expr(scope, inner)?;
                quote!(!(#inner))
            }
            K::And(parts) => self.joined(scope, parts, true)?,
            K::Or(parts) => self.joined(scope, parts, false)?,
            K::If(c, a, b) => {
                let (c, a, b) =
                    (self.expr(scope, c)?, self.as_type(scope, a, &e.ty)?, self.as_type(scope, b, &e.ty)?);
                quote!((if #c { #a } else { #b }))
            }
            K::Compare(op, a, b) => self.compare(scope, *op, a, b)?,
            K::Arith(op, a, b) => self.arith(scope, *op, a, b, &e.ty)?,
            K::Let(slot, a, body) => {
                let value = self.as_type(scope, a, &a.ty)?;
                let (inner, name) = scope.bind(*slot, &self.program.slots[*slot]);
                let body = self.expr(&inner, body)?;
                quote!({ let #name = #value; #body })
            }
            K::All(binder, body) => {
                let (domain, filter, inner, name) = self.binder(scope, binder)?;
                let body = self.expr(&inner, body)?;
                match filter {
                    None => quote!(#domain.all(|#name| #body)),
                    Some(filter) => quote!(#domain.all(|#name| !(#filter) || #body)),
                }
            }
            K::Any(binder, body) => {
                let (domain, filter, inner, name) = self.binder(scope, binder)?;
                let body = self.expr(&inner, body)?;
                match filter {
                    None => quote!(#domain.any(|#name| #body)),
                    Some(filter) => quote!(#domain.any(|#name| (#filter) && #body)),
                }
            }
            K::Count(binder) => {
                let items = self.filtered(scope, binder)?.0;
                quote!((#items.count() as i64))
            }
            K::Extreme(greatest, body, binder) => self.extreme(scope, *greatest, body, binder)?,
            K::Crashed(..)
            | K::Connected(..)
            | K::RunAt(..)
            | K::RunUnfinished(..)
            | K::RunSubject(..)
            | K::RunRole(..)
            | K::RunVarOf(..)
            | K::Neighbour(..) => self.world(scope, e)?,
            K::ParentRun => quote!(run.parent()),
            _ => self.collection(scope, e)?,
        })
    }

    fn joined(&self, scope: &Scope, parts: &[Expr], and: bool) -> Tokens {
        let parts: Vec<TokenStream> = parts.iter().map(|p| self.expr(scope, p)).collect::<Result<_, _>>()?;
        Ok(match (parts.is_empty(), and) {
            (true, and) => quote!(#and),
            (false, true) => quote!((#(#parts)&&*)),
            (false, false) => quote!((#(#parts)||*)),
        })
    }

    /// The field of a subject in the key of a run.
    pub fn subject_field(&self, protocol: ProtocolId, i: u32) -> proc_macro2::Ident {
        ident(&self.layout.protocol(protocol).keys[i as usize].field)
    }

    fn role(&self, scope: &Scope, role: RoleId, span: Span) -> Tokens {
        let id = scope.protocol.ok_or_else(|| unbound(span))?;
        let (tx, names) = (&scope.tx, self.layout.protocol(id));
        if self.program.protocols[id].rule {
            let (me, field) = (self.rule_actor(scope), ident(&names.role_fields[role.index()]));
            return Ok(quote!(#me.#field.clone()));
        }
        let (run, field) = self.run_column(id, ColumnOf::Role(role));
        Ok(quote!(#tx.get::<#run>(run).#field))
    }

    /// What a rule's step acts with: the acting instance, roles and parameters.
    fn rule_actor(&self, _scope: &Scope) -> TokenStream {
        quote!(rule)
    }

    fn run_var(&self, scope: &Scope, var: RunVarId, span: Span) -> Tokens {
        let id = scope.protocol.ok_or_else(|| unbound(span))?;
        let (tx, names) = (&scope.tx, self.layout.protocol(id));
        if self.program.protocols[id].rule {
            let (me, field) = (self.rule_actor(scope), ident(&names.var_fields[var.index()]));
            return Ok(quote!(#me.#field.clone()));
        }
        let (run, field) = self.run_column(id, ColumnOf::RunVar(var));
        Ok(quote!(#tx.get::<#run>(run).#field))
    }

    /// The struct of a protocol's runs, and the field of a column.
    pub fn run_column(&self, id: ProtocolId, of: ColumnOf) -> (proc_macro2::Ident, proc_macro2::Ident) {
        let kind = &self.layout.kinds[self.layout.kind_of(KindOf::Run(id)).unwrap_or_default()];
        let column = kind.columns.iter().find(|c| c.of == of).map_or("status", |c| c.field.as_str());
        (ident(&kind.rust), ident(column))
    }

    /// The struct and field of a variable, and the code of its key.
    pub fn place_of(&self, var: VarId) -> (proc_macro2::Ident, proc_macro2::Ident) {
        let (kind, column) = self.layout.vars[&var.0];
        let kind = &self.layout.kinds[kind];
        (ident(&kind.rust), ident(&kind.columns[column].field))
    }

    fn var(&self, scope: &Scope, var: VarId, keys: &[Expr], span: Span) -> Tokens {
        let (row, field) = self.place_of(var);
        let tx = &scope.tx;
        let default = || self.default(&self.program.vars[var].ty, &scope.members, span);
        self.with_keys(scope, var, keys, &|key| Ok(quote!(#tx.get::<#row>(&#key).#field)), &default)
    }

    /// Code that uses the key of a row, or `otherwise` when a part of the key is null.
    pub fn with_keys(
        &self,
        scope: &Scope,
        var: VarId,
        keys: &[Expr],
        then: &dyn Fn(TokenStream) -> Tokens,
        otherwise: &dyn Fn() -> Tokens,
    ) -> Tokens {
        let types = &self.program.vars[var].keys;
        let (mut parts, mut checks) = (Vec::new(), Vec::new());
        for (i, (key, ty)) in keys.iter().zip(types).enumerate() {
            if self.found(key).is_optional() && !ty.is_optional() {
                let name = ident(&if keys.len() == 1 { "key".to_owned() } else { format!("key_{i}") });
                checks.push((name.clone(), self.expr(scope, key)?));
                parts.push(quote!(#name.clone()));
            } else {
                parts.push(self.as_type(scope, key, ty)?);
            }
        }
        let key = match parts.len() {
            0 => quote!(()),
            1 => quote!(#(#parts)*),
            _ => quote!((#(#parts),*)),
        };
        let mut code = then(key)?;
        for (name, value) in checks.into_iter().rev() {
            let otherwise = otherwise()?;
            code = quote!((match #value { Some(#name) => #code, None => #otherwise }));
        }
        Ok(code)
    }

    fn compare(&self, scope: &Scope, op: CompareOp, a: &Expr, b: &Expr) -> Tokens {
        let (fa, fb) = (self.found(a), self.found(b));
        let optional = fa.is_optional() || fb.is_optional();
        let null = |e: &Expr| e.ty == Type::Null || e.literal() == Some(&arch_ir::Value::Null);
        if matches!(op, CompareOp::Eq | CompareOp::Ne) {
            let is = op == CompareOp::Eq;
            if null(a) && null(b) {
                return Ok(quote!(#is));
            }
            for (x, other) in [(a, b), (b, a)] {
                if null(other) {
                    let tokens = self.expr(scope, x)?;
                    let never = quote!(#is == false);
                    return Ok(match (self.found(x).is_optional(), is) {
                        (true, true) => quote!(#tokens.is_none()),
                        (true, false) => quote!(#tokens.is_some()),
                        (false, _) => quote!((#never)),
                    });
                }
            }
            let ty = common(&fa, &fb, optional);
            let (a, b) = (self.as_type(scope, a, &ty)?, self.as_type(scope, b, &ty)?);
            return Ok(if is { quote!((#a == #b)) } else { quote!((#a != #b)) });
        }
        let base = if fa == Type::Null { fb.unwrap_optional() } else { fa.unwrap_optional() };
        if !matches!(base, Type::Int(_) | Type::Enum(_) | Type::Ordinal(_) | Type::Time | Type::Null) {
            return Ok(quote!(false));
        }
        if null(a) || null(b) {
            return Ok(quote!(false));
        }
        let ty = common(&fa, &fb, optional);
        let (a, b) = (self.as_type(scope, a, &ty)?, self.as_type(scope, b, &ty)?);
        Ok(match (op, optional) {
            (CompareOp::Lt, false) => quote!((#a < #b)),
            (CompareOp::Le, false) => quote!((#a <= #b)),
            (CompareOp::Gt, false) => quote!((#a > #b)),
            (_, false) => quote!((#a >= #b)),
            (CompareOp::Lt, true) => quote!(less(#a, #b)),
            (CompareOp::Le, true) => quote!(less_or_equal(#a, #b)),
            (CompareOp::Gt, true) => quote!(less(#b, #a)),
            (_, true) => quote!(less_or_equal(#b, #a)),
        })
    }

    fn arith(&self, scope: &Scope, op: ArithOp, a: &Expr, b: &Expr, ty: &Type) -> Tokens {
        if self.found(a).is_optional() || self.found(b).is_optional() {
            return Err(Refusal::new(a.span, "arithmetic with something that may be null"));
        }
        let (a, b) = (self.expr(scope, a)?, self.expr(scope, b)?);
        Ok(match op {
            ArithOp::Add => quote!(i64::saturating_add(#a, #b)),
            ArithOp::Sub => quote!(i64::saturating_sub(#a, #b)),
            ArithOp::Mul => quote!(i64::saturating_mul(#a, #b)),
            ArithOp::Mod => quote!(i64::checked_rem_euclid(#a, #b).unwrap_or(0)),
            ArithOp::Min | ArithOp::Max => {
                let ty = self.ty(ty);
                if op == ArithOp::Min {
                    quote!(<#ty as Ord>::min(#a, #b))
                } else {
                    quote!(<#ty as Ord>::max(#a, #b))
                }
            }
        })
    }

    fn extreme(&self, scope: &Scope, greatest: bool, body: &Expr, binder: &Binder) -> Tokens {
        let (items, inner, name) = self.filtered(scope, binder)?;
        let optional = self.found(body).is_optional();
        if matches!(body.ty.unwrap_optional(), Type::Id(_) | Type::Run(_)) {
            return Err(Refusal::new(
                body.span,
                "the least or greatest of instances, which have no order in a service",
            ));
        }
        let body = self.expr(&inner, body)?;
        let mapped = if optional {
            quote!(#items.filter_map(|#name| #body))
        } else {
            quote!(#items.map(|#name| #body))
        };
        Ok(if greatest { quote!(#mapped.max()) } else { quote!(#mapped.min()) })
    }

    /// The elements that a binder gives its variable, and the scope that has it.
    pub fn filtered(
        &self,
        scope: &Scope,
        binder: &Binder,
    ) -> Result<(TokenStream, Scope, proc_macro2::Ident), Refusal> {
        let (domain, filter, inner, name) = self.binder(scope, binder)?;
        let items = match filter {
            None => domain,
            Some(filter) => quote!(#domain.filter(|#name| #filter)),
        };
        Ok((items, inner, name))
    }

    #[allow(clippy::type_complexity)] // domain, filter, scope with the variable, its name
    fn binder(
        &self,
        scope: &Scope,
        binder: &Binder,
    ) -> Result<(TokenStream, Option<TokenStream>, Scope, proc_macro2::Ident), Refusal> {
        let domain = self.domain(scope, binder)?;
        let (inner, name) = scope.bind(binder.slot, &self.program.slots[binder.slot]);
        let filter = binder.filter.as_ref().map(|f| self.expr(&inner, f)).transpose()?;
        Ok((domain, filter, inner, name))
    }

    /// An iterator over what a binder's variable ranges over.
    fn domain(&self, scope: &Scope, binder: &Binder) -> Tokens {
        let span = binder.filter.as_ref().map_or_else(Span::default, |f| f.span);
        match &binder.domain {
            Domain::Type(ty) => self.all_values(scope, ty, span),
            Domain::Range(lo, hi) => {
                let (lo, hi) = (int(*lo), int(*hi));
                Ok(quote!((#lo..=#hi)))
            }
            Domain::Set(set) => {
                let set = self.expr(scope, set)?;
                Ok(quote!(#set.into_iter()))
            }
            Domain::Runs(id) => self.all_runs(scope, *id, binder.is_about_unfinished(*id)),
        }
    }

    /// An iterator over all values of a type.
    pub fn all_values(&self, scope: &Scope, ty: &Type, span: Span) -> Tokens {
        Ok(match ty {
            Type::Bool => quote!([false, true].into_iter()),
            Type::Int(range) => {
                let (lo, hi) = (int(range.lo), int(range.hi));
                quote!((#lo..=#hi))
            }
            Type::Enum(id) => {
                let name = ident(&self.layout.enumeration(*id).0);
                quote!(#name::ALL.into_iter())
            }
            Type::Id(sort) => {
                if scope.serving {
                    self.uses.borrow_mut().closed.insert(*sort);
                }
                let (name, members) = (ident(self.layout.sort(*sort)), &scope.members);
                quote!(#name::all(#members).into_iter())
            }
            Type::Optional(inner) => {
                let inner = self.all_values(scope, inner, span)?;
                quote!(std::iter::once(None).chain(#inner.map(Some)))
            }
            _ => return Err(Refusal::new(span, "all values of a type with parts")),
        })
    }

    /// An iterator over the runs of a protocol; those that were never written can be left out where only unfinished ones count.
    pub fn all_runs(&self, scope: &Scope, id: ProtocolId, only_unfinished: bool) -> Tokens {
        let names = self.layout.protocol(id);
        let protocol = &self.program.protocols[id];
        let (key, tx) = (ident(&names.key), &scope.tx);
        if let (Some(kind), true) = (names.kind, only_unfinished && !protocol.subjects.is_empty()) {
            if scope.serving {
                self.uses.borrow_mut().scans.insert(kind);
            }
            let run = ident(&self.layout.kinds[kind].rust);
            return Ok(quote!(#tx.written::<#run>().into_iter()));
        }
        if scope.serving {
            self.uses.borrow_mut().closed.extend(protocol.subjects.iter().map(|s| s.sort));
        }
        let members = &scope.members;
        Ok(quote!(#key::all(#members).into_iter()))
    }

    /// Sets, maps, sequences, records and variants.
    fn collection(&self, scope: &Scope, e: &Expr) -> Tokens {
        use ExprKind as K;
        Ok(match &e.kind {
            K::In(a, set) => self.is_in(scope, a, set)?,
            K::SetLit(list) => {
                let of = element(&e.ty);
                let list = self.each(scope, list, of)?;
                let of = self.ty(of);
                quote!(BTreeSet::<#of>::from([#(#list),*]))
            }
            K::SetOf(body, binder) => {
                let (items, inner, name) = self.filtered(scope, binder)?;
                let body = self.as_type(&inner, body, element(&e.ty))?;
                quote!(#items.map(|#name| #body).collect::<BTreeSet<_>>())
            }
            K::TypeSet(ty) => {
                let all = self.all_values(scope, ty, e.span)?;
                quote!(#all.collect::<BTreeSet<_>>())
            }
            K::SetOp(op, a, b) => {
                let (a, b) = (self.expr(scope, a)?, self.expr(scope, b)?);
                match op {
                    SetOp::Union => quote!((&(#a) | &(#b))),
                    SetOp::Difference => quote!((&(#a) - &(#b))),
                    SetOp::Intersection => quote!((&(#a) & &(#b))),
                }
            }
            K::Size(a) => match &a.ty {
                Type::Map(..) => return Err(Refusal::new(e.span, "the size of a map")),
                _ => {
                    let a = self.expr(scope, a)?;
                    quote!((#a.len() as i64))
                }
            },
            _ => return self.map_or_sequence(scope, e),
        })
    }

    /// Maps and sequences, or what has fields.
    fn map_or_sequence(&self, scope: &Scope, e: &Expr) -> Tokens {
        use ExprKind as K;
        Ok(match &e.kind {
            K::MapGet(map, key) => self.map_get(scope, map, key)?,
            K::MapSet(map, key, value) => self.map_set(scope, map, key, value)?,
            K::MapAll(value) => {
                let Type::Map(key, of) = &e.ty else { return Err(unbound(e.span)) };
                let (keys, default) =
                    (self.all_values(scope, key, e.span)?, self.default(of, &scope.members, e.span)?);
                let value = self.as_type(scope, value, of)?;
                quote!({ let value = #value; #keys.fold(Total::all(#default), |map, key| map.with(key, value.clone())) })
            }
            K::SeqLit(list) => {
                let of = element(&e.ty);
                let list = self.each(scope, list, of)?;
                let of = self.ty(of);
                quote!(Vec::<#of>::from([#(#list),*]))
            }
            K::Concat(a, b) => {
                let (a, b) = (self.expr(scope, a)?, self.expr(scope, b)?);
                quote!([#a, #b].concat())
            }
            K::SeqGet(a, i) => {
                let optional = element(&a.ty).is_optional();
                let (a, i) = (self.expr(scope, a)?, self.expr(scope, i)?);
                let item = quote!(item(&#a, #i));
                if optional { quote!(#item.flatten()) } else { item }
            }
            K::Tail(a) => {
                let a = self.expr(scope, a)?;
                quote!(#a.into_iter().skip(1).collect::<Vec<_>>())
            }
            _ => return self.with_fields(scope, e),
        })
    }

    /// Records and variants.
    fn with_fields(&self, scope: &Scope, e: &Expr) -> Tokens {
        use ExprKind as K;
        Ok(match &e.kind {
            K::RecordLit(id, list) => {
                let (name, names) = self.layout.record(*id);
                let fields = self.field_list(scope, &self.program.records[*id].fields, names, list)?;
                let name = ident(name);
                quote!((#name { #fields }))
            }
            K::VariantLit(id, tag, list) => {
                let (name, variants) = self.layout.union(*id);
                let (variant, names) = &variants[*tag as usize];
                let declared = &self.program.unions[*id].variants[*tag as usize].fields;
                let fields = self.field_list(scope, declared, names, list)?;
                let (name, variant) = (ident(name), ident(variant));
                quote!((#name::#variant { #fields }))
            }
            K::Field(a, i) => {
                let Type::Record(id) = self.found(a) else {
                    return Err(Refusal::new(e.span, "a field of something that may be null"));
                };
                let (a, field) = (self.expr(scope, a)?, ident(&self.layout.record(id).1[*i as usize]));
                quote!(#a.#field)
            }
            K::IsVariant(a, tag) => {
                let Type::Union(id) = self.found(a) else {
                    return Err(Refusal::new(e.span, "a variant that may be null"));
                };
                let (name, variants) = self.layout.union(id);
                let (name, variant) = (ident(name), ident(&variants[*tag as usize].0));
                let a = self.expr(scope, a)?;
                quote!(matches!(#a, #name::#variant { .. }))
            }
            K::VariantField(a, tag, i) => {
                let Type::Union(id) = self.found(a) else {
                    return Err(Refusal::new(e.span, "a variant that may be null"));
                };
                let (name, variants) = self.layout.union(id);
                let (variant, fields) = &variants[*tag as usize];
                let (name, variant, field) = (ident(name), ident(variant), ident(&fields[*i as usize]));
                let (a, default) = (self.expr(scope, a)?, self.default(&e.ty, &scope.members, e.span)?);
                let single = self.program.unions[id].variants.len() == 1;
                let other = if single { quote!() } else { quote!(_ => #default,) };
                quote!((match #a { #name::#variant { #field: found, .. } => found, #other }))
            }
            _ => return Err(Refusal::new(e.span, "an expression of which no code is generated yet")),
        })
    }

    fn each(&self, scope: &Scope, list: &[Expr], ty: &Type) -> Result<Vec<TokenStream>, Refusal> {
        list.iter().map(|e| self.as_type(scope, e, ty)).collect()
    }

    fn field_list(
        &self,
        scope: &Scope,
        declared: &[arch_ir::Field],
        names: &[String],
        list: &[Expr],
    ) -> Tokens {
        let mut fields = TokenStream::new();
        for ((field, name), e) in declared.iter().zip(names).zip(list) {
            let (name, value) = (ident(name), self.as_type(scope, e, &field.ty)?);
            fields.extend(quote!(#name: #value,));
        }
        Ok(fields)
    }

    fn is_in(&self, scope: &Scope, a: &Expr, set: &Expr) -> Tokens {
        let optional = self.found(a).is_optional();
        if a.ty == Type::Null {
            return Ok(quote!(false));
        }
        let value = self.expr(scope, a)?;
        if let ExprKind::TypeSet(ty) = &set.kind
            && let Type::Id(_) = ty
        {
            return Ok(if optional { quote!(#value.is_some()) } else { quote!({ let _ = #value; true }) });
        }
        let of = element(&set.ty).clone();
        let tokens = self.expr(scope, set)?;
        Ok(match (optional, of.is_optional()) {
            (true, false) => quote!(#value.is_some_and(|value| #tokens.contains(&value))),
            (false, true) => quote!(#tokens.contains(&Some(#value))),
            _ => quote!(#tokens.contains(&#value)),
        })
    }

    fn map_get(&self, scope: &Scope, map: &Expr, key: &Expr) -> Tokens {
        let Type::Map(_, of) = &map.ty else { return Err(unbound(map.span)) };
        let optional = self.found(key).is_optional();
        let (tokens, key) = (self.expr(scope, map)?, self.expr(scope, key)?);
        if optional {
            let default = self.default(of, &scope.members, map.span)?;
            return Ok(quote!((match #key { Some(key) => #tokens.get(&key), None => #default })));
        }
        Ok(quote!(#tokens.get(&#key)))
    }

    fn map_set(&self, scope: &Scope, map: &Expr, key: &Expr, value: &Expr) -> Tokens {
        let Type::Map(key_type, of) = &map.ty else { return Err(unbound(map.span)) };
        let optional = self.found(key).is_optional();
        let (tokens, value) = (self.expr(scope, map)?, self.as_type(scope, value, of)?);
        let key = self.expr(scope, key)?;
        Ok(match (&**key_type, optional) {
            (_, true) => {
                quote!({ let map = #tokens; match #key { Some(key) => map.with(key, #value), None => map } })
            }
            (Type::Int(range), false) => {
                let (lo, hi) = (int(range.lo), int(range.hi));
                quote!({
                    let (map, key) = (#tokens, #key);
                    if (#lo..=#hi).contains(&key) { map.with(key, #value) } else { map }
                })
            }
            _ => quote!(#tokens.with(#key, #value)),
        })
    }

    /// Faults, runs, rings.
    fn world(&self, scope: &Scope, e: &Expr) -> Tokens {
        use ExprKind as K;
        let tx = &scope.tx;
        Ok(match &e.kind {
            K::Crashed(sort, a) => {
                if scope.serving {
                    return Err(Refusal::new(
                        e.span,
                        "a step that asks whether an instance is down, which no service knows",
                    )
                    .help("let a lease or a heartbeat in the truth say so"));
                }
                let (name, optional) = (&self.program.sorts[*sort].name, self.found(a).is_optional());
                let a = self.expr(scope, a)?;
                if optional {
                    quote!(#a.is_some_and(|id| #tx.is_down(#name, &id.0)))
                } else {
                    quote!(#tx.is_down(#name, &#a.0))
                }
            }
            K::Connected(..) => {
                let parted =
                    self.program.faults.iter().any(|f| matches!(f.kind, FaultKind::Partition { .. }));
                if parted || scope.serving {
                    return Err(Refusal::new(e.span, "`connected`, which no service knows"));
                }
                quote!(true)
            }
            K::RunAt(p, r, step) => {
                if r.ty != Type::Run(*p) {
                    let above = self.expr(scope, r)?;
                    return Ok(self.some_sub_run_is_at((*p, *step), tx, &scope.members, &above));
                }
                let statuses = self.statuses_at(*p, *step);
                if self.program.protocols[*p].rule || statuses.is_empty() {
                    return Ok(quote!(false));
                }
                let (r, (run, _)) = (self.expr(scope, r)?, self.run_column(*p, ColumnOf::Status));
                let status = ident(&self.layout.protocol(*p).status);
                quote!(matches!(#tx.get::<#run>(&#r).status, #(#status::#statuses)|*))
            }
            K::RunUnfinished(p, r) => {
                if self.program.protocols[*p].rule {
                    return Ok(quote!(false));
                }
                let (r, (run, _)) = (self.expr(scope, r)?, self.run_column(*p, ColumnOf::Status));
                quote!(#tx.get::<#run>(&#r).status.is_unfinished())
            }
            K::RunSubject(p, r, i) => {
                let (r, field) = (self.expr(scope, r)?, self.subject_field(*p, *i));
                quote!(#r.#field.clone())
            }
            K::RunRole(p, r, role) => self.of_run(scope, *p, r, ColumnOf::Role(*role))?,
            K::RunVarOf(p, r, var) => self.of_run(scope, *p, r, ColumnOf::RunVar(*var))?,
            K::Neighbour(sort, back, a) => {
                if scope.serving {
                    self.uses.borrow_mut().closed.insert(*sort);
                }
                let (name, members) = (ident(self.layout.sort(*sort)), &scope.members);
                let optional = self.found(a).is_optional();
                let a = self.expr(scope, a)?;
                let a = if optional { quote!(known(#a)) } else { a };
                quote!(#name::neighbour(#members, &#a, #back))
            }
            _ => return Err(unbound(e.span)),
        })
    }

    fn of_run(&self, scope: &Scope, p: ProtocolId, r: &Expr, of: ColumnOf) -> Tokens {
        if self.program.protocols[p].rule {
            return Err(Refusal::new(r.span, "what a rule's run has chosen"));
        }
        let (tx, r, (run, field)) = (&scope.tx, self.expr(scope, r)?, self.run_column(p, of));
        Ok(quote!(#tx.get::<#run>(&#r).#field))
    }

    /// The statuses of runs that are at a step: it is next, or after `loop` steps that can be passed.
    pub fn statuses_at(&self, p: ProtocolId, step: StepId) -> Vec<proc_macro2::Ident> {
        let Some((chain, _)) = self.program.protocols[p].place(step) else { return Vec::new() };
        let names = self.layout.protocol(p);
        let at = |from: usize| arch_ir::Status::At(chain, from as u32);
        self.positions_at(p, step).into_iter().map(|from| ident(&names.variant(at(from)).rust)).collect()
    }

    /// The positions in the chain of a step from which only `loop` steps that can be passed lie before it.
    pub fn positions_at(&self, p: ProtocolId, step: StepId) -> Vec<usize> {
        let protocol = &self.program.protocols[p];
        let Some((chain, i)) = protocol.place(step) else { return Vec::new() };
        (0..=i).filter(|from| can_pass(protocol, chain, *from..i)).collect()
    }
}

/// What both sides of a comparison can be.
fn common(a: &Type, b: &Type, optional: bool) -> Type {
    let base = if *a == Type::Null { b } else { a };
    if optional { Type::Optional(Box::new(base.unwrap_optional().clone())) } else { base.clone() }
}

/// The type of a set's or sequence's elements.
fn element(ty: &Type) -> &Type {
    match ty.unwrap_optional() {
        Type::Set(of, _) | Type::Seq(of, _) => of,
        other => other,
    }
}

/// Whether a run can go from one position of a chain to another without a step: all steps between are `loop` steps.
pub(crate) fn can_pass(protocol: &Protocol, chain: ChainId, between: std::ops::Range<usize>) -> bool {
    let steps = protocol.chains[chain].steps.get(between);
    steps.is_some_and(|steps| steps.iter().all(|s| protocol.steps[*s].loops))
}

fn unbound(span: Span) -> Refusal {
    Refusal::new(span, "a name that has no value here")
}

/// The main chain.
pub const MAIN: ChainId = ChainId(0);
