//! Statements, and the bounds of what they assign.

use crate::gen_::{Gen, Scope};
use crate::layout::ColumnOf;
use crate::names::ident;
use crate::refusal::Refusal;
use crate::types::{int, is_unbounded, policy};
use arch_base::Span;
use arch_ir::{Binder, Domain, Expr, ExprKind, OrdinalId, Place, RunVarId, Stmt, StmtKind, Type, VarId};
use proc_macro2::TokenStream;
use quote::quote;

type Tokens = Result<TokenStream, Refusal>;

/// Code, and the scope after it.
type Scoped = Result<(TokenStream, Scope), Refusal>;

impl Gen<'_> {
    /// The statements of an effect, in order.
    pub fn block(&self, scope: &Scope, stmts: &[Stmt]) -> Tokens {
        let (mut code, mut scope) = (TokenStream::new(), scope.clone());
        for stmt in stmts {
            // Ghost truth is not there in a service, which skips what is about it alone; variables are bound all the same.
            let binds = matches!(stmt.kind, StmtKind::Let(..) | StmtKind::Pick(_));
            if self.unseen.is_about(stmt) && !binds && !scope.unseen {
                let (more, _) = self.statement(&Scope { unseen: true, ..scope.clone() }, stmt)?;
                code.extend(quote!(if tx.has_ghosts() { #more }));
                continue;
            }
            let (more, after) = self.statement(&scope, stmt)?;
            code.extend(more);
            scope = after;
        }
        Ok(code)
    }

    fn statement(&self, scope: &Scope, stmt: &Stmt) -> Scoped {
        let code = match &stmt.kind {
            StmtKind::Assign(place, value) => self.assign(scope, place, value)?,
            StmtKind::Advance(place, kind) => self.advance(scope, place, *kind, stmt.span)?,
            StmtKind::If(c, then, otherwise) => {
                let (c, then) = (self.expr(scope, c)?, self.block(scope, then)?);
                if otherwise.is_empty() {
                    quote!(if #c { #then })
                } else {
                    let otherwise = self.block(scope, otherwise)?;
                    quote!(if #c { #then } else { #otherwise })
                }
            }
            StmtKind::For(binder, body) => {
                let (items, inner, name) = self.filtered(scope, binder)?;
                let body = self.block(&inner, body)?;
                quote! {
                    let items: Vec<_> = #items.collect();
                    for #name in items { #body }
                }
            }
            StmtKind::Let(slot, e) => {
                let mut value = self.as_type(scope, e, &e.ty)?;
                if self.unseen.is_about(stmt) && !scope.unseen {
                    let none = self.default(&e.ty, &scope.members, e.span)?;
                    value = quote!(if tx.has_ghosts() { #value } else { #none });
                }
                let (inner, name) = scope.bind(*slot, &self.program.slots[*slot]);
                return Ok((quote!(let #name = #value;), inner));
            }
            StmtKind::Pick(binder) => return self.pick(scope, binder),
        };
        Ok((code, scope.clone()))
    }

    fn pick(&self, scope: &Scope, binder: &Binder) -> Scoped {
        let (inner, name) = scope.bind(binder.slot, &self.program.slots[binder.slot]);
        let mut code = self.pick_from(scope, binder)?;
        if scope.unseen {
            return Ok((quote!(let #name = #code;), inner));
        }
        if self.program.ghost_picks.contains(&binder.slot) {
            let none =
                self.default(&arch_ir::walk::picked_type(&binder.domain), &scope.members, Span::default())?;
            code = quote!(if tx.has_ghosts() { #code } else { #none });
        } else if self.unseen.is_answer(binder) {
            let seen = self.pick_from(scope, &self.unseen.widened(binder))?;
            code = quote!(if tx.has_ghosts() { #code } else { #seen });
        }
        Ok((quote!(let #name = #code;), inner))
    }

    /// An element that a handler or the model picks.
    fn pick_from(&self, scope: &Scope, binder: &Binder) -> Tokens {
        let label = &self.program.slots[binder.slot];
        let (inner, name) = scope.bind(binder.slot, label);
        let domain = match &binder.domain {
            Domain::Type(Type::Id(sort)) => {
                let (sort, members) = (ident(self.layout.sort(*sort)), &scope.members);
                quote!(#sort::domain(#members))
            }
            _ => {
                let whole = Binder { filter: None, ..binder.clone() };
                let all = self.filtered(scope, &whole)?.0;
                quote!(Domain::Of(#all.collect()))
            }
        };
        let filter = binder.filter.as_ref().map_or_else(|| Ok(quote!(true)), |f| self.expr(&inner, f))?;
        let bound = if binder.filter.is_some() { quote!(#name) } else { quote!(_) };
        Ok(quote!(picks.one(#label, #domain, |#bound| #filter)?))
    }

    fn assign(&self, scope: &Scope, place: &Place, value: &Expr) -> Tokens {
        let ty = match place {
            Place::Var(_, _, ty) | Place::RunVar(_, ty) => ty,
        };
        let value = self.as_type(scope, value, ty)?;
        let bounded = self.bounded(ty, value)?;
        self.store(scope, place, bounded)
    }

    /// Code that gives `value` its place.
    fn store(&self, scope: &Scope, place: &Place, value: TokenStream) -> Tokens {
        match place {
            Place::RunVar(var, _) => self.store_run_var(scope, *var, value),
            Place::Var(var, keys, _) => self.store_var(scope, *var, keys, value),
        }
    }

    fn store_var(&self, scope: &Scope, var: VarId, keys: &[Expr], value: TokenStream) -> Tokens {
        let (row, field) = self.place_of(var);
        let then = |key: TokenStream| {
            Ok(quote! {{
                let key = #key;
                tx.update::<#row>(&key, |row| row.#field = value);
            }})
        };
        let unkeyed = keys.is_empty();
        let code = if unkeyed {
            quote!(tx.update::<#row>(&(), |row| row.#field = value);)
        } else {
            let code = self.with_keys(scope, var, keys, &then, &|| Ok(quote!({})))?;
            quote!(#code;)
        };
        Ok(quote! {
            let value = #value;
            #code
        })
    }

    fn store_run_var(&self, scope: &Scope, var: RunVarId, value: TokenStream) -> Tokens {
        let Some(id) = scope.protocol else {
            return Err(Refusal::new(Span::default(), "an assignment outside a run"));
        };
        if self.program.protocols[id].rule {
            let span = self.program.protocols[id].span;
            return Err(Refusal::new(span, "a rule that assigns to a variable of its run"));
        }
        let (run, field) = self.run_column(id, ColumnOf::RunVar(var));
        Ok(quote! {
            let value = #value;
            tx.update::<#run>(run, |row| row.#field = value);
        })
    }

    /// A `let` of a step or a head.
    pub fn run_let(&self, scope: &Scope, var: RunVarId, e: &Expr) -> Tokens {
        let Some(id) = scope.protocol else { return Err(Refusal::new(e.span, "a `let` outside a run")) };
        let ty = &self.program.protocols[id].vars[var].ty;
        let value = self.as_type(scope, e, ty)?;
        let bounded = self.bounded(ty, value)?;
        self.store_run_var(scope, var, bounded)
    }

    fn advance(&self, scope: &Scope, place: &Place, kind: OrdinalId, span: Span) -> Tokens {
        let (ty, present) = match place {
            Place::Var(var, keys, ty) => {
                let e = Expr { kind: ExprKind::Var(*var, keys.clone()), ty: ty.clone(), span };
                (ty, self.expr(scope, &e)?)
            }
            Place::RunVar(var, ty) => {
                let e = Expr { kind: ExprKind::RunVar(*var), ty: ty.clone(), span };
                (ty, self.expr(scope, &e)?)
            }
        };
        let (name, word) = (ident(self.layout.ordinal(kind)), &self.program.ordinals[kind].name);
        let present = if ty.is_optional() { quote!(#present.map(|n| n.0)) } else { quote!(Some(#present.0)) };
        let in_scope = self.ordinals_in_scope(scope, kind, span)?;
        let holders = self.holders(kind);
        let next = quote!(#name(tx.advance(#word, #present, &[#(#in_scope),*], &[#holders])));
        self.store(scope, place, if ty.is_optional() { quote!(Some(#next)) } else { next })
    }

    /// The kinds that `advance` looks through: where the spec allows a greater ordinal than the one advanced to be alive, a
    /// service has to know them.
    fn holders(&self, kind: OrdinalId) -> TokenStream {
        if self.program.builtin.advances {
            return quote!();
        }
        let holds = |c: &crate::layout::Column| self.program.holds(&c.ty, &|t| *t == Type::Ordinal(kind));
        let stored = self.layout.kinds.iter().take(self.layout.stored).enumerate();
        let kinds: Vec<usize> = stored.filter(|(_, k)| k.columns.iter().any(holds)).map(|(i, _)| i).collect();
        self.uses.borrow_mut().scans.extend(&kinds);
        self.kind_list(&kinds)
    }

    /// The ordinals among variables in scope, which count as alive.
    fn ordinals_in_scope(
        &self,
        scope: &Scope,
        kind: OrdinalId,
        span: Span,
    ) -> Result<Vec<TokenStream>, Refusal> {
        let mut list = Vec::new();
        for (slot, name) in &scope.slots {
            match self.slot_type(*slot) {
                Some(Type::Ordinal(k)) if k == kind => list.push(quote!(#name.0)),
                Some(Type::Ordinal(_)) => {}
                Some(Type::Optional(inner)) if *inner == Type::Ordinal(kind) => {
                    list.push(quote!(#name.as_ref().map_or(0, |n| n.0)));
                }
                Some(ty) if self.program.holds_ordinal(&ty) => {
                    return Err(Refusal::new(
                        span,
                        "`advance` while a variable with several ordinals is in scope",
                    ));
                }
                _ => {}
            }
        }
        Ok(list)
    }

    /// The type of a variable of an effect, from where it is bound.
    fn slot_type(&self, slot: arch_ir::SlotId) -> Option<Type> {
        fn in_block(stmts: &[Stmt], slot: arch_ir::SlotId) -> Option<Type> {
            stmts.iter().find_map(|stmt| match &stmt.kind {
                StmtKind::Let(s, e) if *s == slot => Some(e.ty.clone()),
                StmtKind::Pick(b) | StmtKind::For(b, _) if b.slot == slot => {
                    Some(arch_ir::walk::element_type(&b.domain).clone())
                }
                _ => stmt.blocks().into_iter().find_map(|block| in_block(block, slot)),
            })
        }
        let steps = self.program.protocols.iter().flat_map(|p| p.steps.iter());
        let effects =
            steps.flat_map(|s| std::iter::once(&s.effect).chain(s.reject.iter().map(|r| &r.effect)));
        effects.into_iter().find_map(|effect| in_block(effect, slot))
    }

    /// A value as it is stored: numbers in their ranges, sets and sequences of their sizes.
    fn bounded(&self, ty: &Type, value: TokenStream) -> Tokens {
        if is_unbounded(self.program, ty) {
            return Ok(value);
        }
        let (numbers, sizes) = (self.fit_numbers(ty, quote!(value))?, self.fit_sizes(ty, &quote!(value))?);
        if sizes.is_empty() && !matches!(ty, Type::Int(_)) {
            return Ok(quote!({ let value = #value; #numbers }));
        }
        if let Type::Int(range) = ty {
            let (lo, hi, policy) = (int(range.lo), int(range.hi), policy(range.policy));
            return Ok(quote!({ let value = #value; tx.fit(value, #lo, #hi, #policy)? }));
        }
        Ok(quote!({ let value = #value; let value = #numbers; #sizes value }))
    }

    /// The value with every number in it fitted, elements in order.
    fn fit_numbers(&self, ty: &Type, value: TokenStream) -> Tokens {
        Ok(match ty {
            Type::Int(range) => {
                let (lo, hi, policy) = (int(range.lo), int(range.hi), policy(range.policy));
                quote!(tx.fit(#value, #lo, #hi, #policy)?)
            }
            _ if !self.holds_numbers(ty) => value,
            Type::Optional(of) => {
                let inner = self.fit_numbers(of, quote!(value))?;
                quote!((match #value { Some(value) => Some(#inner), None => None }))
            }
            Type::Set(of, _) => {
                let inner = self.fit_numbers(of, quote!(value))?;
                quote!({
                    let mut fitted = BTreeSet::new();
                    for value in #value { fitted.insert(#inner); }
                    fitted
                })
            }
            Type::Seq(of, _) => {
                let inner = self.fit_numbers(of, quote!(value))?;
                quote!({
                    let mut fitted = Vec::new();
                    for value in #value { fitted.push(#inner); }
                    fitted
                })
            }
            Type::Record(id) => {
                let name = ident(&self.layout.record(*id).0);
                let fields =
                    self.fit_fields(&self.program.records[*id].fields, &self.layout.record(*id).1, true)?;
                // With its type: the value may be one that has none by itself.
                quote!({ let record: #name = #value; #name { #fields } })
            }
            Type::Map(_, of) => {
                let Type::Int(range) = &**of else {
                    return Err(Refusal::new(Span::default(), "a map whose values hold bounded numbers"));
                };
                let (lo, hi, policy) = (int(range.lo), int(range.hi), policy(range.policy));
                quote!({
                    let mut fitted = #value;
                    let listed: Vec<_> = fitted.listed().map(|(key, n)| (key.clone(), *n)).collect();
                    for (key, n) in listed { fitted = fitted.with(key, tx.fit(n, #lo, #hi, #policy)?); }
                    fitted
                })
            }
            Type::Union(id) => {
                let (name, variants) = self.layout.union(*id);
                let name = ident(name);
                let mut arms = TokenStream::new();
                for ((variant, names), declared) in variants.iter().zip(&self.program.unions[*id].variants) {
                    let (variant, bound) =
                        (ident(variant), names.iter().map(|n| ident(n)).collect::<Vec<_>>());
                    let fields = self.fit_fields(&declared.fields, names, false)?;
                    arms.extend(quote!(#name::#variant { #(#bound),* } => #name::#variant { #fields },));
                }
                quote!((match #value { #arms }))
            }
            _ => value,
        })
    }

    fn fit_fields(&self, declared: &[arch_ir::Field], names: &[String], of_record: bool) -> Tokens {
        let mut fields = TokenStream::new();
        for (field, name) in declared.iter().zip(names) {
            let name = ident(name);
            let value = if of_record { quote!(record.#name) } else { quote!(#name) };
            let value = self.fit_numbers(&field.ty, value)?;
            fields.extend(quote!(#name: #value,));
        }
        Ok(fields)
    }

    fn holds_numbers(&self, ty: &Type) -> bool {
        let any = |fields: &[arch_ir::Field]| fields.iter().any(|f| self.holds_numbers(&f.ty));
        match ty {
            Type::Int(_) => true,
            Type::Optional(of) | Type::Set(of, _) | Type::Seq(of, _) | Type::Map(_, of) => {
                self.holds_numbers(of)
            }
            Type::Record(id) => any(&self.program.records[*id].fields),
            Type::Union(id) => self.program.unions[*id].variants.iter().any(|v| any(&v.fields)),
            _ => false,
        }
    }

    /// Statements that note what is too large in a value, innermost first.
    fn fit_sizes(&self, ty: &Type, value: &TokenStream) -> Tokens {
        let inner = |of: &Type| -> Tokens {
            let inside = self.fit_sizes(of, &quote!(part))?;
            Ok(if inside.is_empty() { inside } else { quote!(for part in #value.iter() { #inside }) })
        };
        Ok(match ty {
            Type::Set(of, max) => {
                let inside = inner(of)?;
                match max {
                    Some(max) => {
                        let max = *max as usize;
                        quote!(#inside tx.fit_size(#value.len(), #max);)
                    }
                    None => inside,
                }
            }
            Type::Seq(of, max) => {
                let (inside, max) = (inner(of)?, *max as usize);
                quote!(#inside tx.fit_size(#value.len(), #max);)
            }
            Type::Optional(of) => inner(of)?,
            Type::Map(_, of) => {
                let inside = self.fit_sizes(of, &quote!(part))?;
                if inside.is_empty() { inside } else { quote!(for (_, part) in #value.listed() { #inside }) }
            }
            Type::Record(id) => {
                let (names, mut all) = (&self.layout.record(*id).1, TokenStream::new());
                for (field, name) in self.program.records[*id].fields.iter().zip(names) {
                    let name = ident(name);
                    all.extend(self.fit_sizes(&field.ty, &quote!(#value.#name))?);
                }
                all
            }
            Type::Union(id) => {
                let held = self.program.unions[*id].variants.iter().flat_map(|v| &v.fields);
                if held.into_iter().any(|f| matches!(f.ty, Type::Set(_, Some(_)) | Type::Seq(..))) {
                    return Err(Refusal::new(
                        self.program.unions[*id].span,
                        "a variant with a bounded set or sequence",
                    ));
                }
                TokenStream::new()
            }
            _ => TokenStream::new(),
        })
    }

    /// Whether a variable is of ghost truth.
    pub fn is_ghost(&self, var: VarId) -> bool {
        self.unseen.hides(var)
    }

    /// Refuses what is real and depends on what no service sees, and answers of the environment of which nothing is left that a
    /// service could look at.
    pub fn check_ghosts(&self, stmts: &[Stmt], refusals: &mut Vec<Refusal>) {
        refusals.extend(self.unseen.leaks(stmts).into_iter().map(|(span, name)| leak(span, name)));
        for stmt in stmts {
            stmt.visit(&mut |s| {
                if let StmtKind::Pick(binder) = &s.kind
                    && let Domain::Type(ty) = &self.unseen.widened(binder).domain
                    && !matches!(ty, Type::Id(_))
                    && self.program.values(ty).is_none()
                {
                    refusals.push(Refusal::new(
                        s.span,
                        "an answer of the environment whose values cannot be listed",
                    ));
                }
            });
        }
    }

    /// Refuses an expression that reads ghost truth.
    pub fn check_ghost_reads(&self, e: &Expr, refusals: &mut Vec<Refusal>) {
        refusals.extend(self.unseen.first_read(e).map(|(span, name)| leak(span, name)));
    }

    /// Whether an effect reads the state before it.
    pub fn reads_old(stmts: &[Stmt]) -> bool {
        stmts.iter().any(|stmt| {
            let mut found = false;
            stmt.exprs()
                .into_iter()
                .for_each(|e| e.visit(&mut |p| found |= matches!(p.kind, ExprKind::Old(_))));
            found || stmt.blocks().into_iter().any(Self::reads_old)
        })
    }
}

fn leak(span: Span, name: &str) -> Refusal {
    Refusal::new(span, format!("`{name}` is ghost truth, and what a service does depends on it here"))
        .help("what a step hears of it is a `pick` whose domain reads it; or let it be ordinary truth, which is stored")
}
