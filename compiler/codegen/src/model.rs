//! The modules `spec` (the table of everything) and `model` (floors, faults, properties).

use crate::gen_::{Gen, Scope};
use crate::layout::{ColumnOf, KindOf};
use crate::names::{ident, snake};
use crate::refusal::Refusal;
use arch_base::Idx;
use arch_ir::time::TimeClasses;
use arch_ir::{Binder, Domain, Down, Expr, ExprKind, FaultKind, Init, Property, PropertyKind, SortId};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

type Tokens = Result<TokenStream, Refusal>;

impl Gen<'_> {
    /// The module `spec`: the spec as a table.
    pub fn spec_module(&self, protocols: &[TokenStream], hash: &str, tick: i64) -> TokenStream {
        let kinds = self.layout.kinds.iter().enumerate().map(|(i, kind)| {
            let schema = self.kind_schema(kind);
            if self.is_scanned(i) { quote!(#schema.scanned()) } else { schema }
        });
        let rows: Vec<Ident> = self.layout.kinds.iter().map(|k| ident(&k.rust)).collect();
        let stored = self.layout.stored;
        let closed = self.uses.borrow().closed.clone();
        let sorts = self.program.sorts.iter_enumerated().map(|(id, sort)| {
            let (name, actor, closed) = (&sort.name, sort.actor, closed.contains(&id));
            let instances = (0..sort.size).map(|n| instance_name(self.program, id, n));
            quote!(Sort { name: #name.into(), actor: #actor, instances: vec![#(#instances.into()),*], closed: #closed })
        });
        quote! {
            #[doc = " The spec that this was generated from."]
            pub const SPEC: &str = #hash;
            #[doc = " The length of a tick of the spec's clock, in milliseconds."]
            pub const TICK: i64 = #tick;
            #[doc = " How many kinds of rows a service stores; ghost truth comes after them."]
            pub const STORED: usize = #stored;

            #[doc = " All kinds of rows."]
            pub fn kinds() -> Vec<Kind> {
                vec![#(#kinds),*]
            }

            #[doc = " What a service stores."]
            pub fn schema() -> Arc<Schema> {
                let stored = kinds().into_iter().take(STORED).collect();
                Arc::new(Schema::new(SPEC, stored).expect("archc has checked the names"))
            }

            #[doc = " The spec as a table."]
            pub fn spec() -> Spec {
                Spec {
                    schema: Arc::new(Schema::new(SPEC, kinds()).expect("archc has checked the names")),
                    stored: STORED,
                    kinds: vec![#(KindCode::of::<#rows>()),*],
                    sorts: vec![#(#sorts),*],
                    protocols: vec![#(#protocols),*],
                    tick: TICK,
                }
            }
        }
    }

    /// Types of which steps ask for all instances, with those of the model.
    pub fn closed(&self) -> Vec<(String, Vec<String>)> {
        let closed = self.uses.borrow().closed.clone();
        let list = closed.into_iter().map(|id| {
            let sort = &self.program.sorts[id];
            (sort.name.clone(), (0..sort.size).map(|n| instance_name(self.program, id, n)).collect())
        });
        list.collect()
    }

    /// The module `model`.
    ///
    /// # Errors
    /// What a finite model cannot be made of.
    pub fn model_module(&self) -> Result<TokenStream, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut keep = |result: Tokens| match result {
            Ok(tokens) => tokens,
            Err(refusal) => {
                refusals.push(refusal);
                quote!()
            }
        };
        let faults: Vec<TokenStream> = self.program.faults.iter().map(|f| keep(self.fault(f))).collect();
        let mut functions = TokenStream::new();
        let mut properties = Vec::new();
        for (n, property) in self.program.properties.iter().enumerate() {
            match self.property(n, property) {
                Ok((code, claim)) => {
                    functions.extend(code);
                    let name = &property.name;
                    properties.push(quote!(Property { name: #name, claim: #claim }));
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let floors = self.floors();
        let any = self.program.vars.iter_enumerated().filter(|(_, v)| matches!(v.init, Init::Any)).map(
            |(id, _)| {
                let (kind, column) = self.layout.vars[&id.0];
                let row = ident(&self.layout.kinds[kind].rust);
                quote!((#row::KIND, #column))
            },
        );
        let deadlines = self.program.deadlines.iter().map(|d| {
            let (protocol, action, within) = (d.protocol.index(), d.step.index(), d.within);
            quote!(Deadline { protocol: #protocol, action: #action, within: #within })
        });
        let builtin = self.program.builtin;
        let (advances, stuck, stranded) = (builtin.advances, builtin.stuck, builtin.stranded);
        let expected = self.program.expectations.iter().map(|e| &e.property);
        Ok(quote! {
            #[doc = " What the spec expects to be violated."]
            pub const EXPECTED: &[&str] = &[#(#expected),*];

            #[doc = " The finite model: for so many instances, under the spec's faults, every state that the steps lead to."]
            pub fn model() -> Model {
                let spec = spec();
                Model {
                    members: spec.model_members(),
                    spec,
                    floors: vec![#(#floors),*],
                    any: vec![#(#any),*],
                    faults: vec![#(#faults),*],
                    deadlines: vec![#(#deadlines),*],
                    properties: vec![#(#properties),*],
                    advances: #advances,
                    stuck: #stuck,
                    stranded: #stranded,
                }
            }
            #functions
        })
    }

    fn is_scanned(&self, kind: usize) -> bool {
        self.scanned.borrow().contains(&kind)
    }

    /// For each kind and column, the floor of its instants.
    fn floors(&self) -> Vec<TokenStream> {
        let classes = TimeClasses::of(self.program);
        let column = |kind: &crate::layout::Kind, c: &crate::layout::Column| {
            let class = match (c.of, kind.of) {
                (ColumnOf::Var(var), _) => classes.var(var),
                (ColumnOf::RunVar(var), KindOf::Run(id)) => classes.run_var(id, var),
                _ => return quote!(None),
            };
            match class.floor {
                Some(floor) if self.program.holds_time(&c.ty) => quote!(Some(#floor)),
                _ => quote!(None),
            }
        };
        let kind = |kind: &crate::layout::Kind| {
            let columns = kind.columns.iter().map(|c| column(kind, c));
            quote!(vec![#(#columns),*])
        };
        self.layout.kinds.iter().map(kind).collect()
    }

    fn fault(&self, fault: &arch_ir::Fault) -> Tokens {
        let budget = fault.budget.map_or_else(|| quote!(None), |n| quote!(Some(#n)));
        let kind = match &fault.kind {
            FaultKind::Crash { sort, down } => {
                let (name, locals) = (&self.program.sorts[*sort].name, self.locals_kind(*sort));
                let down = match down {
                    Down::Instant => quote!(Instant),
                    Down::Restarts => quote!(Restarts),
                    Down::Stops => quote!(Stops),
                };
                quote!(FaultKind::Crash { sort: #name.into(), locals: #locals, down: Down::#down })
            }
            FaultKind::Lose { protocol, step } => {
                let waits = self.waits_at(*protocol, *step);
                let protocol = protocol.index();
                quote!(FaultKind::Lose { protocol: #protocol, waits: #waits })
            }
            FaultKind::Duplicate { protocol, step, vars, roles, locals } => {
                if self.program.protocols[*protocol].rule {
                    return Err(Refusal::new(fault.span, "a rule whose request arrives twice"));
                }
                let run_vars = vars.iter().map(|(p, v)| (*p, self.column(*p, ColumnOf::RunVar(*v))));
                let run_roles = roles.iter().map(|(p, r)| (*p, self.column(*p, ColumnOf::Role(*r))));
                let all: Vec<_> = run_roles.chain(run_vars).collect();
                let columns = all.iter().filter(|(p, _)| p == protocol).map(|(_, c)| *c);
                let above = all.iter().filter(|(p, _)| p != protocol).map(|(_, c)| *c);
                let places = locals.iter().map(|v| self.layout.vars[&v.0].1);
                let kind = self.locals_kind(self.program.protocols[*protocol].acting_sort(*step));
                let (protocol, action) = (protocol.index(), step.index());
                quote!(FaultKind::Duplicate {
                    protocol: #protocol,
                    action: #action,
                    columns: vec![#(#columns),*],
                    above: vec![#(#above),*],
                    locals: vec![#(#places),*],
                    kind: #kind,
                })
            }
            FaultKind::Skew { sort, by } => {
                let (name, by) = (&self.program.sorts[*sort].name, i64::from(*by));
                quote!(FaultKind::Skew { sort: #name.into(), by: #by })
            }
            FaultKind::Partition { .. } => {
                return Err(Refusal::new(
                    fault.span,
                    "a partition, which the generated model does not have yet",
                ));
            }
        };
        Ok(quote!(Fault { kind: #kind, budget: #budget }))
    }

    fn locals_kind(&self, sort: SortId) -> TokenStream {
        match self.layout.kind_of(KindOf::Local(sort)) {
            Some(kind) => {
                let row = ident(&self.layout.kinds[kind].rust);
                quote!(Some(#row::KIND))
            }
            None => quote!(None),
        }
    }

    /// The functions of a property, and its claim.
    fn property(&self, n: usize, property: &Property) -> Result<(TokenStream, TokenStream), Refusal> {
        let name = ident(&format!("claim_{n}_{}", snake(&property.name)));
        let doc = format!(" `{}` · {}", property.name, self.place(property.span));
        let scope = Scope::property();
        Ok(match &property.kind {
            PropertyKind::Always(claim) => {
                let body = self.for_all(&scope, &property.binders, claim)?;
                (quote!(#[doc = #doc] fn #name(tx: &Tx<'_>) -> bool { #body }), quote!(Claim::Always(#name)))
            }
            PropertyKind::Monotonic(e) => {
                let body = self.monotonic(&scope, &property.binders, e)?;
                let code = quote!(#[doc = #doc] fn #name(tx: &Tx<'_>, after: &Tx<'_>) -> bool { #body });
                (code, quote!(Claim::Monotonic(#name)))
            }
            PropertyKind::Step { at, after } => self.step_claims(&name, &doc, property, at, *after)?,
            PropertyKind::Reachable(claim) | PropertyKind::AlwaysPossible(claim) => {
                let body = self.each_combination(&scope, &property.binders, claim)?;
                let code = quote! {
                    #[doc = #doc]
                    fn #name(tx: &Tx<'_>) -> Vec<bool> {
                        let mut found = Vec::new();
                        #body
                        found
                    }
                };
                let reachable = matches!(property.kind, PropertyKind::Reachable(_));
                let claim = if reachable {
                    quote!(Claim::Reachable(#name))
                } else {
                    quote!(Claim::AlwaysPossible(#name))
                };
                (code, claim)
            }
            PropertyKind::LeadsTo(..) | PropertyKind::Eventually(_) | PropertyKind::AlwaysEventually(_) => {
                (quote!(), quote!(Claim::Liveness))
            }
        })
    }

    /// `claim` for every combination of binders.
    fn for_all(&self, scope: &Scope, binders: &[Binder], claim: &Expr) -> Tokens {
        let mut scope = scope.clone();
        let mut loops = Vec::new();
        for binder in binders {
            let (items, inner, name) = self.filtered(&scope, binder)?;
            loops.push((items, name));
            scope = inner;
        }
        let body = self.expr(&scope, claim)?;
        let wrap = |body, (items, name): &(TokenStream, Ident)| quote!(#items.all(|#name| #body));
        Ok(loops.iter().rev().fold(body, wrap))
    }

    fn each_combination(&self, scope: &Scope, binders: &[Binder], claim: &Expr) -> Tokens {
        let mut scope = scope.clone();
        let mut loops = Vec::new();
        for binder in binders {
            let fixed = matches!(binder.domain, Domain::Type(_) | Domain::Range(..) | Domain::Runs(_));
            let filtered = binder.filter.as_ref().is_some_and(|f| reads_state(f));
            if !fixed || filtered {
                return Err(Refusal::new(
                    claim.span,
                    "a property for each element of something that changes",
                ));
            }
            let (items, inner, name) = self.filtered(&scope, binder)?;
            loops.push((items, name));
            scope = inner;
        }
        let claim = self.expr(&scope, claim)?;
        let wrap = |body, (items, name): &(TokenStream, Ident)| quote!(for #name in #items { #body });
        Ok(loops.iter().rev().fold(quote!(found.push(#claim);), wrap))
    }

    fn monotonic(&self, scope: &Scope, binders: &[Binder], e: &Expr) -> Tokens {
        let mut scope = scope.clone();
        let mut loops = Vec::new();
        for binder in binders {
            let (items, inner, name) = self.filtered(&scope, binder)?;
            loops.push((items, name));
            scope = inner;
        }
        let was = self.expr(&scope, e)?;
        let later = Scope { tx: ident("after"), members: quote!(after.members()), ..scope.clone() };
        let is = self.expr(&later, e)?;
        let kept = if self.found(e).is_optional() { quote!(!less(#is, #was)) } else { quote!(!(#is < #was)) };
        let ordered = matches!(
            self.found(e).unwrap_optional(),
            arch_ir::Type::Int(_) | arch_ir::Type::Enum(_) | arch_ir::Type::Ordinal(_)
        );
        let kept = if ordered { kept } else { quote!(true) };
        let wrap = |body, (items, name): &(TokenStream, Ident)| quote!(#items.all(|#name| #body));
        Ok(loops.iter().rev().fold(kept, wrap))
    }

    fn step_claims(
        &self,
        name: &Ident,
        doc: &str,
        property: &Property,
        at: &[arch_ir::StepClaim],
        after: bool,
    ) -> Result<(TokenStream, TokenStream), Refusal> {
        let (mut code, mut list) = (TokenStream::new(), Vec::new());
        for (i, claim) in at.iter().enumerate() {
            let function = ident(&format!("{name}_{i}"));
            let protocol = &self.program.protocols[claim.protocol];
            let names = self.layout.protocol(claim.protocol);
            let scope = Scope { serving: false, ..self.step_scope(claim.protocol) };
            let body = self.for_all(&scope, &property.binders, &claim.claim)?;
            let key = ident(&names.key);
            let (me, rule) = if protocol.rule {
                let (module, acting) =
                    (ident(&names.module), ident(&format!("{}Acting", names.steps[claim.step.index()])));
                (quote!(#module::#acting), quote!(let (rule, me) = (me, &me.me);))
            } else {
                (self.name(self.layout.sort(protocol.acting_sort(claim.step))), quote!())
            };
            code.extend(quote! {
                #[doc = #doc]
                fn #function(tx: &Tx<'_>, old: &Tx<'_>, run: &[Value], me: &Value) -> bool {
                    let (Some(run), Some(me)) = (#key::from_parts(run), #me::from_value(me)) else { return false };
                    let (run, me) = (&run, &me);
                    #rule
                    let _ = (old, run, me);
                    #body
                }
            });
            let (p, a) = (claim.protocol.index(), claim.step.index());
            list.push(quote!((#p, #a, #function as StepClaim)));
        }
        Ok((code, quote!(Claim::Step { at: vec![#(#list),*], after: #after })))
    }
}

/// Whether the value of an expression depends on the state.
fn reads_state(e: &Expr) -> bool {
    let mut found = false;
    e.visit(&mut |part| {
        found |= matches!(
            part.kind,
            ExprKind::Var(..)
                | ExprKind::RunAt(..)
                | ExprKind::RunUnfinished(..)
                | ExprKind::RunRole(..)
                | ExprKind::RunVarOf(..)
                | ExprKind::Crashed(..)
                | ExprKind::Connected(..)
                | ExprKind::Instant(_)
        );
    });
    found
}

/// The name of an instance in the model, such that the order of names is that of instances. In a service, it is who the spec
/// names (`worker[1]`, or an actor with one instance) if the settings list nobody.
#[must_use]
pub fn instance_name(program: &arch_ir::Program, sort: SortId, n: u32) -> String {
    let declared = &program.sorts[sort];
    match declared.size {
        1 => declared.name.clone(),
        size => {
            let width = size.to_string().len();
            format!("{}{:0width$}", declared.name, n + 1)
        }
    }
}
