//! The steps of a protocol: for each an `Operation` with its phases.

use crate::concluded::{AS_BEFORE, Concluded};
use crate::effect_uses::Touched;
use crate::expr::MAIN;
use crate::expr::can_pass;
use crate::gen_::{Gen, Scope};
use crate::layout::{ColumnOf, KindOf};
use crate::names::ident;
use crate::refusal::Refusal;
use arch_base::Idx;
use arch_ir::{
    Actor, Expr, ExprKind, Handover, Outcome, Protocol, ProtocolId, RoleId, SortId, Status, Step, StepId,
    Type,
};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

type Tokens = Result<TokenStream, Refusal>;

/// A protocol's module.
pub struct Module {
    /// Its items.
    pub items: TokenStream,
    /// The expression of its `Protocol` descriptor.
    pub descriptor: TokenStream,
}

impl Gen<'_> {
    /// The module of a protocol.
    ///
    /// # Errors
    /// What cannot be generated of it.
    pub fn module(&self, id: ProtocolId) -> Result<Module, Vec<Refusal>> {
        let protocol = &self.program.protocols[id];
        let mut refusals = Vec::new();
        let (mut items, mut actions) = (TokenStream::new(), Vec::new());
        let mut keep = |result: Result<(TokenStream, TokenStream), Vec<Refusal>>| match result {
            Ok((code, action)) => {
                items.extend(code);
                actions.push(action);
            }
            Err(more) => refusals.extend(more),
        };
        for step in protocol.steps.indices() {
            keep(self.operation(id, step));
        }
        match self.shared(id) {
            Ok(code) => items.extend(code),
            Err(refusal) => refusals.push(refusal),
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let begin = match self.begin_operation(id) {
            Ok(begin) => begin,
            Err(refusal) => return Err(vec![refusal]),
        };
        let begin_action = begin.map(|(code, action)| {
            items.extend(code);
            action
        });
        let descriptor = self.descriptor_of(id, &actions, begin_action);
        Ok(Module { items, descriptor })
    }

    fn descriptor_of(
        &self,
        id: ProtocolId,
        actions: &[TokenStream],
        begin: Option<TokenStream>,
    ) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let name = &protocol.name;
        let kind = self.kind_token(names.kind);
        let subjects = protocol.subjects.iter().zip(&names.keys).map(|(s, key)| {
            let (key, sort) = (&key.name, &self.program.sorts[s.sort].name);
            quote!((#key.into(), #sort.into()))
        });
        let copies = protocol.copies;
        let roles = protocol.roles.iter_enumerated().filter(|_| !protocol.rule).map(|(role, r)| {
            let (column, sort) = (self.column(id, ColumnOf::Role(role)), &self.program.sorts[r.sort].name);
            quote!((#column, #sort.into()))
        });
        let words = |keep: &dyn Fn(Status) -> bool| {
            let words = names.statuses.iter().filter(|s| keep(s.status)).map(|s| &s.word).collect::<Vec<_>>();
            quote!(vec![#(#words.into()),*])
        };
        let unfinished = words(&|s| matches!(s, Status::At(..)));
        let start = words(&|s| matches!(s, Status::Idle | Status::At(MAIN, 0)));
        let word = |word: &str| names.ended(protocol, word).map(|s| s.word.clone());
        let broken = match (word("crashed"), word("lost")) {
            (Some(crashed), Some(lost)) if !protocol.repeats => quote!(Some((#crashed.into(), #lost.into()))),
            _ => quote!(None),
        };
        let begin = begin.map_or_else(|| quote!(None), |begin| quote!(Some(#begin)));
        let parent = self.parent_descriptor(protocol);
        quote! {
            Protocol {
                name: #name.into(),
                kind: #kind,
                subjects: vec![#(#subjects),*],
                copies: #copies,
                parent: #parent,
                roles: vec![#(#roles),*],
                unfinished: #unfinished,
                start: #start,
                broken: #broken,
                begin: #begin,
                actions: vec![#(#actions),*],
            }
        }
    }

    fn parent_descriptor(&self, protocol: &Protocol) -> TokenStream {
        let Some(parent) = protocol.parent else { return quote!(None) };
        let (above, subjects) = (parent.protocol.index(), self.program.inherited_subjects(protocol));
        let at = &self.layout.protocol(parent.protocol).variant(Status::At(MAIN, parent.position)).word;
        quote!(Some(arch_runtime::step::Parent { protocol: #above, at: #at.into(), subjects: #subjects }))
    }

    fn kind_token(&self, kind: Option<usize>) -> TokenStream {
        match kind {
            None => quote!(None),
            Some(kind) => {
                let row = ident(&self.layout.kinds[kind].rust);
                quote!(Some(#row::KIND))
            }
        }
    }

    /// The position of a column of a protocol's runs.
    pub fn column(&self, id: ProtocolId, of: ColumnOf) -> usize {
        let kind = &self.layout.kinds[self.layout.kind_of(KindOf::Run(id)).unwrap_or_default()];
        kind.columns.iter().position(|c| c.of == of).unwrap_or_default()
    }

    /// The code of a step, and its descriptor.
    fn operation(&self, id: ProtocolId, step: StepId) -> Result<(TokenStream, TokenStream), Vec<Refusal>> {
        self.uses.borrow_mut().scans.clear();
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let mut refusals = Vec::new();
        self.check_ghost_reads(&declared.guard, &mut refusals);
        declared.lets.iter().for_each(|(_, e)| self.check_ghost_reads(e, &mut refusals));
        self.check_ghosts(&declared.effect, &mut refusals);
        declared.reject.iter().for_each(|r| self.check_ghosts(&r.effect, &mut refusals));
        if protocol.rule && !declared.lets.is_empty() {
            refusals.push(Refusal::new(declared.span, "a rule with a `let`"));
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let code = self.operation_code(id, step).map_err(|r| vec![r])?;
        let action = self.action(id, step, &names.steps[step.index()]);
        Ok((code, action))
    }

    fn operation_code(&self, id: ProtocolId, step: StepId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let name = ident(&names.steps[step.index()]);
        let scope = self.step_scope(id);
        let (choices_type, choices_code) = self.choices_struct(id, step);
        let me_type = self.me_type(id, step);
        let key = ident(&names.key);
        let choose = self.choose(id, step)?;
        let rule = self.rule_binding(protocol);
        let guard = self.guard(&scope, declared)?;
        let effect = self.effect_body(&scope, &declared.effect)?;
        let conclude = self.conclude(id, step)?;
        let lets = self.lets(&scope, declared)?;
        let reject = self.reject(id, &scope, declared)?;
        let docs = self.step_docs(id, step);
        let rule_struct = self.rule_struct(id, step);
        Ok(quote! {
            #rule_struct
            #choices_code
            #(#[doc = #docs])*
            pub struct #name;

            impl Operation for #name {
                type Run = #key;
                type Me = #me_type;
                type Choices = #choices_type;
                #choose
                fn guard(tx: &Tx<'_>, run: &#key, me: &#me_type) -> Guard {
                    #rule
                    #guard
                }
                #lets
                fn effect(tx: &mut Tx<'_>, run: &#key, me: &#me_type, picks: &mut Picks) -> Result<(), Stop> {
                    #rule
                    #effect
                    Ok(())
                }
                #conclude
                #reject
            }
        })
    }

    /// The scope of a step: a rule acts with a struct of its choices, others with the acting instance.
    pub fn step_scope(&self, id: ProtocolId) -> Scope {
        Scope::step(id)
    }

    fn rule_binding(&self, protocol: &Protocol) -> TokenStream {
        if protocol.rule { quote!(let (rule, me) = (me, &me.me);) } else { quote!() }
    }

    fn me_type(&self, id: ProtocolId, step: StepId) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        if protocol.rule {
            return self.name(&format!("{}Acting", names.steps[step.index()]));
        }
        self.name(self.layout.sort(protocol.acting_sort(step)))
    }

    /// What a rule acts with, as its runs keep nothing.
    fn rule_struct(&self, id: ProtocolId, step: StepId) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        if !protocol.rule {
            return quote!();
        }
        let name = ident(&format!("{}Acting", names.steps[step.index()]));
        let me = self.name(self.layout.sort(protocol.acting_sort(step)));
        let mut fields = vec![(ident("me"), me)];
        for (role, field) in protocol.roles.iter().zip(&names.role_fields) {
            let sort = self.name(self.layout.sort(role.sort));
            fields.push((ident(field), quote!(Option<#sort>)));
        }
        for (var, field) in protocol.vars.iter().zip(&names.var_fields) {
            fields.push((ident(field), self.ty(&var.ty)));
        }
        let (fields, types): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        let places = 0..fields.len();
        quote! {
            #[doc = "Who acts, and what is chosen: the runs of a rule keep nothing."]
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
            pub struct #name { #(pub #fields: #types),* }
            impl Typed for #name {
                fn to_value(&self) -> Value {
                    Value::Record(vec![#(self.#fields.to_value()),*])
                }
                fn from_value(value: &Value) -> Option<Self> {
                    let Value::Record(fields) = value else { return None };
                    Some(#name { #(#fields: Typed::from_value(fields.get(#places)?)?),* })
                }
            }
        }
    }

    /// The struct of roles bound and parameters chosen.
    fn choices_struct(&self, id: ProtocolId, step: StepId) -> (TokenStream, TokenStream) {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        if declared.binds.is_empty() && declared.params.is_empty() {
            return (quote!(()), quote!());
        }
        let name = ident(&format!("{}Choices", names.steps[step.index()]));
        let roles = declared.binds.iter().map(|r| {
            (ident(&names.role_fields[r.index()]), self.name(self.layout.sort(protocol.roles[*r].sort)))
        });
        let params = declared
            .params
            .iter()
            .map(|v| (ident(&names.var_fields[v.index()]), self.ty(&protocol.vars[*v].ty)));
        let (fields, types): (Vec<_>, Vec<_>) = roles.chain(params).unzip();
        let places = 0..fields.len();
        let count = fields.len();
        let code = quote! {
            #[doc = "Roles that the step binds, and parameters that it chooses."]
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
            pub struct #name { #(pub #fields: #types),* }
            impl Key for #name {
                fn to_parts(&self) -> Box<[Value]> {
                    Box::new([#(self.#fields.to_value()),*])
                }
                fn from_parts(parts: &[Value]) -> Option<Self> {
                    if parts.len() != #count { return None; }
                    Some(#name { #(#fields: Typed::from_value(&parts[#places])?),* })
                }
            }
        };
        (quote!(#name), code)
    }

    fn choose(&self, id: ProtocolId, step: StepId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let key = ident(&names.key);
        let (choices_type, _) = self.choices_struct(id, step);
        let me_type = self.me_type(id, step);
        let body = if protocol.rule { self.choose_rule(id, step) } else { self.choose_run(id, step)? };
        let unused = declared.binds.is_empty() && declared.params.is_empty();
        let choices = if unused { quote!(_choices) } else { quote!(choices) };
        Ok(quote! {
            fn choose(tx: &mut Tx<'_>, run: &#key, #choices: #choices_type) -> Result<#me_type, Stop> {
                #body
            }
        })
    }

    fn choose_rule(&self, id: ProtocolId, step: StepId) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let name = ident(&format!("{}Acting", names.steps[step.index()]));
        let me = match declared.actor {
            Actor::Subject(i) => {
                let field = self.subject_field(id, i);
                quote!(run.#field.clone())
            }
            Actor::Role(role) => {
                let field = ident(&names.role_fields[role.index()]);
                quote!(choices.#field.clone())
            }
        };
        let roles = protocol.roles.indices().map(|role| {
            let field = ident(&names.role_fields[role.index()]);
            if declared.binds.contains(&role) {
                quote!(#field: Some(choices.#field))
            } else {
                quote!(#field: None)
            }
        });
        let vars = protocol.vars.iter_enumerated().map(|(var, v)| {
            let field = ident(&names.var_fields[var.index()]);
            if declared.params.contains(&var) {
                quote!(#field: choices.#field)
            } else {
                let default = self
                    .literal(&v.ty, &v.init, &quote!(tx.members()), v.span)
                    .unwrap_or_else(|_| quote!(unreachable!()));
                quote!(#field: #default)
            }
        });
        quote! {
            let _ = (&tx, run);
            Ok(#name { me: #me, #(#roles,)* #(#vars),* })
        }
    }

    fn choose_run(&self, id: ProtocolId, step: StepId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let (run, _) = self.run_column(id, ColumnOf::Status);
        let status = ident(&names.status);
        if self.reached(id, step).is_empty() {
            return Ok(quote! { let _ = (tx, run); Err(Stop::NotReached) });
        }
        let has_reached = self.has_reached(id, step);
        let mut code = quote! {
            let present = tx.get::<#run>(run);
            #has_reached
        };
        if self.reached(id, step).contains(&Status::Idle) {
            let free = self.subjects_free(id)?;
            if !free.is_empty() {
                code.extend(quote!(if present.status == #status::Idle { #free }));
            }
        }
        let mut updates = TokenStream::new();
        for role in &declared.binds {
            let (label, field) = (&protocol.roles[*role].name, self.run_column(id, ColumnOf::Role(*role)).1);
            let choice = ident(&names.role_fields[role.index()]);
            let busy = self.busy_call(id, protocol.roles[*role].sort, &quote!(&choices.#choice))?;
            let unbound = match busy {
                None => quote!(None => {}),
                Some(busy) => quote!(None if #busy => return Err(Stop::Busy(#label)), None => {}),
            };
            code.extend(quote! {
                match &present.#field {
                    Some(bound) if *bound != choices.#choice => return Err(Stop::Chosen(#label)),
                    Some(_) => {}
                    #unbound
                }
            });
            updates.extend(quote!(row.#field = Some(choices.#choice);));
        }
        let first = protocol.chains[MAIN].steps.first();
        for param in &declared.params {
            let (label, field) =
                (&protocol.vars[*param].name, self.run_column(id, ColumnOf::RunVar(*param)).1);
            let choice = ident(&names.var_fields[param.index()]);
            if first.is_some_and(|f| protocol.steps[*f].params.contains(param)) {
                let starts =
                    names.statuses.iter().filter(|s| matches!(s.status, Status::Idle | Status::At(MAIN, 0)));
                let starts: Vec<Ident> = starts.map(|s| ident(&s.rust)).collect();
                code.extend(quote! {
                    if !matches!(present.status, #(#status::#starts)|*) && present.#field != choices.#choice {
                        return Err(Stop::Chosen(#label));
                    }
                });
            }
            updates.extend(quote!(row.#field = choices.#choice;));
        }
        if !updates.is_empty() {
            code.extend(quote!(tx.update::<#run>(run, |row| { #updates });));
        }
        let me = match declared.actor {
            Actor::Subject(i) => {
                let field = self.subject_field(id, i);
                quote!(Ok(run.#field.clone()))
            }
            Actor::Role(role) => {
                let field = self.run_column(id, ColumnOf::Role(role)).1;
                quote!(tx.get::<#run>(run).#field.ok_or(Stop::NotReached))
            }
        };
        code.extend(me);
        Ok(code)
    }

    /// Code that stops a step that its run has not reached: it is elsewhere, or not all sub-runs on the way are done.
    fn has_reached(&self, id: ProtocolId, step: StepId) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let status = ident(&names.status);
        let (chain, to) = protocol.place(step).unwrap_or((MAIN, 0));
        let (mut first, mut asked, mut plain, mut arms) =
            (TokenStream::new(), Vec::new(), Vec::new(), Vec::new());
        for at in self.reached(id, step) {
            let variant = ident(&names.variant(at).rust);
            let joined = match at {
                Status::At(MAIN, from) if chain == MAIN => self.joined_between(id, from as usize, to),
                _ => Vec::new(),
            };
            if at == Status::Idle && protocol.parent.is_some() {
                first.extend(quote!(let may_begin = run.may_begin(tx);));
                arms.push(quote!(#status::#variant => may_begin));
            } else if joined.is_empty() {
                plain.push(variant);
            } else {
                let conditions: Vec<Ident> = joined.iter().map(|s| joined_name(*s)).collect();
                arms.push(quote!(#status::#variant => #(#conditions)&&*));
                asked.extend(joined);
            }
        }
        if arms.is_empty() {
            return quote!(if !matches!(present.status, #(#status::#plain)|*) {
                return Err(Stop::NotReached);
            });
        }
        asked.sort();
        asked.dedup();
        // Asked for before it is known where the run is: then the rows that count are known without reading any.
        for (segment, join) in asked.iter().zip(self.joins(&asked, &quote!(tx), &quote!(run))) {
            let name = joined_name(*segment);
            first.extend(quote!(let #name = #join;));
        }
        let plain = if plain.is_empty() { quote!() } else { quote!(#(#status::#plain)|* => true,) };
        quote! {
            #first
            let reached = match present.status { #(#arms,)* #plain _ => false };
            if !reached { return Err(Stop::NotReached); }
        }
    }

    /// The statuses from which a step is reached, if the sub-runs on the way are done.
    pub fn reached(&self, id: ProtocolId, step: StepId) -> Vec<Status> {
        let protocol = &self.program.protocols[id];
        let Some((chain, i)) = protocol.place(step) else { return Vec::new() };
        let window = protocol.chains[chain].window.as_ref();
        let starts = match window {
            None => can_pass(protocol, chain, 0..i),
            Some(window) => i == 0 && window.at_start,
        };
        // The sub-runs of an idle run are not done: they are idle.
        let waits = window.is_none() && !self.joined_between(id, 0, i).is_empty();
        let idle = (starts && protocol.begin.is_empty() && !waits).then_some(Status::Idle);
        let own = (0..=i).filter(|p| can_pass(protocol, chain, *p..i)).map(|p| Status::At(chain, p as u32));
        let main = &protocol.chains[MAIN].steps;
        let branches_off = |p: usize| {
            let passed = main.iter().skip(p).take_while(|s| protocol.steps[**s].loops).count();
            window.is_some_and(|w| i == 0 && p <= w.to as usize && w.from as usize <= p + passed)
        };
        let main = (0..main.len()).filter(|p| branches_off(*p)).map(|p| Status::At(MAIN, p as u32));
        let mut all: Vec<Status> = idle.into_iter().chain(own).chain(main).collect();
        all.dedup();
        all
    }

    /// Code that stops a run from beginning while one of its subjects is busy.
    fn subjects_free(&self, id: ProtocolId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let mut code = TokenStream::new();
        // The subjects that a sub-run has from its run take part in that one.
        let inherited = self.program.inherited_subjects(protocol);
        for (subject, key) in protocol.subjects.iter().zip(&names.keys).skip(inherited) {
            let (label, field) = (&subject.name, ident(&key.field));
            if let Some(busy) = self.busy_call(id, subject.sort, &quote!(&run.#field))? {
                code.extend(quote!(if #busy { return Err(Stop::Busy(#label)); }));
            }
        }
        Ok(code)
    }

    /// The call that says whether an instance is in another unfinished run; none if it cannot be.
    fn busy_call(
        &self,
        id: ProtocolId,
        sort: SortId,
        who: &TokenStream,
    ) -> Result<Option<TokenStream>, Refusal> {
        if !self.can_be_busy(id, sort) {
            return Ok(None);
        }
        let scope = Scope::step(id);
        // Marks what it looks through.
        self.all_runs(&scope, id, true)?;
        let name = ident(&format!("busy_{}", crate::names::snake(self.layout.sort(sort))));
        Ok(Some(quote!(#name(tx, run, #who))))
    }

    fn can_be_busy(&self, id: ProtocolId, sort: SortId) -> bool {
        let (protocol, declared) = (&self.program.protocols[id], &self.program.sorts[sort]);
        if !declared.actor || declared.concurrent || (protocol.subjects.is_empty() && protocol.copies == 1) {
            return false;
        }
        let inherited = self.program.inherited_subjects(protocol);
        let as_subject = protocol.subjects.iter().skip(inherited).filter(|s| s.sort == sort).count();
        let as_role = protocol.roles.iter().filter(|r| r.sort == sort).count();
        // Where it is the only subject, it is another in every other run.
        let only = protocol.subjects.len() == 1 && inherited == 0 && protocol.copies == 1;
        as_subject + as_role > 0 && !(only && as_subject == 1 && as_role == 0)
    }

    /// Functions that several steps of a protocol use.
    fn shared(&self, id: ProtocolId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        if protocol.rule {
            return Ok(quote!());
        }
        let mut code = TokenStream::new();
        let mut sorts: Vec<SortId> =
            protocol.subjects.iter().map(|s| s.sort).chain(protocol.roles.iter().map(|r| r.sort)).collect();
        sorts.sort();
        sorts.dedup();
        let (key, run) = (ident(&names.key), self.run_column(id, ColumnOf::Status).0);
        for sort in sorts.into_iter().filter(|s| self.can_be_busy(id, *s)) {
            let runs = self.all_runs(&Scope::step(id), id, true)?;
            let (name, who) = (
                ident(&format!("busy_{}", crate::names::snake(self.layout.sort(sort)))),
                self.name(self.layout.sort(sort)),
            );
            let inherited = self.program.inherited_subjects(protocol);
            let own = protocol.subjects.iter().zip(&names.keys).skip(inherited);
            let subjects = own.filter(|(s, _)| s.sort == sort).map(|(_, k)| {
                let field = ident(&k.field);
                quote!(other.#field == *who)
            });
            let roles = protocol.roles.iter_enumerated().filter(|(_, r)| r.sort == sort).map(|(role, _)| {
                let field = self.run_column(id, ColumnOf::Role(role)).1;
                quote!(row.#field.as_ref() == Some(who))
            });
            let parts: Vec<TokenStream> = subjects.chain(roles).collect();
            let doc = format!(
                " Whether an instance of `{}` takes part in another unfinished run.",
                self.program.sorts[sort].name
            );
            code.extend(quote! {
                #[doc = #doc]
                fn #name(tx: &Tx<'_>, run: &#key, who: &#who) -> bool {
                    #runs.filter(|other| other != run).any(|other| {
                        let row = tx.get::<#run>(&other);
                        row.status.is_unfinished() && (#(#parts)||*)
                    })
                }
            });
        }
        let handed_over = self.program.handovers().any(|h| h.protocol == id);
        if handed_over || !protocol.begin.is_empty() {
            code.extend(self.enter(id)?);
        }
        Ok(code)
    }

    /// The function that puts a run at a position, fresh but for the `let`s of the head.
    fn enter(&self, id: ProtocolId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let (key, run, status) =
            (ident(&names.key), self.run_column(id, ColumnOf::Status).0, ident(&names.status));
        let mut scope = Scope::step(id);
        let clock = match (&protocol.subjects[..], &names.keys[..]) {
            ([subject], [key, ..]) => {
                let (sort, field) = (&self.program.sorts[subject.sort].name, ident(&key.field));
                scope.me = quote!(run.#field);
                quote!(tx.clock_of(#sort, &run.#field.0);)
            }
            _ => quote!(tx.true_clock();),
        };
        let mut lets = TokenStream::new();
        for (var, e) in &protocol.begin {
            lets.extend(self.run_let(&scope, *var, e)?);
        }
        let clock = if protocol.begin.is_empty() { quote!() } else { clock };
        Ok(quote! {
            #[doc = " Puts a run before a step: nothing bound, nothing assigned but what the head reads."]
            pub fn enter(tx: &mut Tx<'_>, run: &#key, at: #status) -> Result<(), Stop> {
                let fresh = <#run as Record>::initial(run, tx.members());
                tx.update::<#run>(run, |row| *row = fresh);
                #clock
                #lets
                tx.update::<#run>(run, |row| row.status = at);
                Ok(())
            }
        })
    }

    /// The operation by which runs begin, if that is an event of its own.
    #[allow(clippy::type_complexity)] // code and descriptor
    fn begin_operation(&self, id: ProtocolId) -> Result<Option<(TokenStream, TokenStream)>, Refusal> {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        if protocol.begin.is_empty() {
            return Ok(None);
        }
        let mut refusals = Vec::new();
        protocol.begin.iter().for_each(|(_, e)| self.check_ghost_reads(e, &mut refusals));
        if let Some(first) = refusals.into_iter().next() {
            return Err(first);
        }
        self.uses.borrow_mut().scans.clear();
        let (key, run, status) =
            (ident(&names.key), self.run_column(id, ColumnOf::Status).0, ident(&names.status));
        let free = self.subjects_free(id)?;
        let step = protocol.chains[MAIN].steps.first().copied();
        let first = step.map(|s| protocol.steps[s].actor);
        let (me_type, me, actor) = match first {
            Some(Actor::Subject(i)) => {
                let sort = protocol.subjects[i as usize].sort;
                let field = self.subject_field(id, i);
                (
                    self.name(self.layout.sort(sort)),
                    quote!(run.#field.clone()),
                    self.program.sorts[sort].name.as_str(),
                )
            }
            // Nobody in particular: whoever is to take the first step may ask for it.
            _ => {
                let sort = step.map_or("", |s| self.program.sorts[protocol.acting_sort(s)].name.as_str());
                (quote!(Nobody), quote!(Nobody), sort)
            }
        };
        let at = ident(&names.variant(Status::At(MAIN, 0)).rust);
        let moved = &names.variant(Status::At(MAIN, 0)).word;
        let doc =
            format!(" A run of `{}` begins: it reads what the head of the protocol says.", protocol.name);
        // Marks what the head reads and writes.
        self.enter(id)?;
        let code = quote! {
            #[doc = #doc]
            pub struct Begin;
            impl Operation for Begin {
                type Run = #key;
                type Me = #me_type;
                type Choices = ();
                fn choose(tx: &mut Tx<'_>, run: &#key, _choices: ()) -> Result<#me_type, Stop> {
                    if tx.get::<#run>(run).status != #status::Idle { return Err(Stop::NotReached); }
                    #free
                    Ok(#me)
                }
                fn guard(_tx: &Tx<'_>, _run: &#key, _me: &#me_type) -> Guard { Guard::new() }
                fn effect(_tx: &mut Tx<'_>, _run: &#key, _me: &#me_type, _picks: &mut Picks) -> Result<(), Stop> { Ok(()) }
                fn conclude(tx: &mut Tx<'_>, _before: &Tx<'_>, run: &#key, _me: &#me_type) -> Result<Moved, Stop> {
                    enter(tx, run, #status::#at)?;
                    Ok(Moved { outcome: #moved, branch: None })
                }
            }
        };
        let op = format!("{}.begin", protocol.name);
        let scans = self.scans();
        let writes = self.kind_list(&names.kind.into_iter().collect::<Vec<_>>());
        let module = ident(&names.module);
        let acts = match first {
            Some(Actor::Subject(i)) => {
                let i = i as usize;
                quote!(.by(Acts::Subject(#i)))
            }
            _ => quote!(),
        };
        let action =
            quote!(Action::of::<#module::Begin>(#op, #actor) #acts .scanning(&[#scans]).writing(&[#writes]));
        Ok(Some((code, action)))
    }

    /// The kinds that the present step looks through.
    fn scans(&self) -> TokenStream {
        let scans: Vec<usize> = self.uses.borrow().scans.iter().copied().collect();
        self.scanned.borrow_mut().extend(&scans);
        self.kind_list(&scans)
    }

    /// Constants of kinds, as a list.
    pub fn kind_list(&self, kinds: &[usize]) -> TokenStream {
        let rows = kinds.iter().map(|k| {
            let row = ident(&self.layout.kinds[*k].rust);
            quote!(#row::KIND)
        });
        quote!(#(#rows),*)
    }

    fn guard(&self, scope: &Scope, step: &Step) -> Tokens {
        let mut atoms = TokenStream::new();
        for (n, atom) in step.atoms.iter().enumerate() {
            let (name, found) = (atom_name(n), at(&step.guard, &atom.path));
            let value = self.expr(scope, found)?;
            atoms.extend(quote!(let #name = #value;));
        }
        if !is_covered(&step.guard, &mut Vec::new(), &step.atoms) {
            // A guard that is not made of its atoms alone: evaluated as a whole.
            let whole = self.expr(scope, &step.guard)?;
            let id = format!("{}#0", step.name);
            return Ok(quote! { Guard::new().need(#whole, &[(#id, false)]) });
        }
        let mut needs = TokenStream::new();
        for range in arch_ir::guard::conjuncts(&step.guard, &step.atoms) {
            let path = conjunct_path(&step.guard, &step.atoms[range.start].path);
            let holds = structure(at(&step.guard, &path), &path, &step.atoms);
            let wanted = range.clone().map(|n| {
                let (id, name) = (&step.atoms[n].id, atom_name(n));
                if negated(&step.guard, &step.atoms[n].path) {
                    quote!((#id, !#name))
                } else {
                    quote!((#id, #name))
                }
            });
            needs.extend(quote!(.need(#holds, &[#(#wanted),*])));
        }
        Ok(quote! { #atoms Guard::new() #needs })
    }

    fn lets(&self, scope: &Scope, step: &Step) -> Tokens {
        if step.lets.is_empty() {
            return Ok(quote!());
        }
        let id = scope.protocol.unwrap_or(ProtocolId(0));
        let key = ident(&self.layout.protocol(id).key);
        let me = self.name(self.layout.sort(self.program.protocols[id].acting_sort(self.step_id(id, step))));
        let mut code = TokenStream::new();
        for (var, e) in &step.lets {
            code.extend(self.run_let(scope, *var, e)?);
        }
        Ok(quote! {
            fn lets(tx: &mut Tx<'_>, run: &#key, me: &#me) -> Result<(), Stop> {
                #code
                Ok(())
            }
        })
    }

    fn step_id(&self, id: ProtocolId, step: &Step) -> StepId {
        let steps = self.program.protocols[id].steps.iter_enumerated();
        steps.into_iter().find(|(_, s)| std::ptr::eq(*s, step)).map_or(StepId(0), |(id, _)| id)
    }

    fn effect_body(&self, scope: &Scope, stmts: &[arch_ir::Stmt]) -> Tokens {
        let code = self.block(scope, stmts)?;
        Ok(if Self::reads_old(stmts) { quote!(let old = tx.clone(); #code) } else { code })
    }

    fn conclude(&self, id: ProtocolId, step: StepId) -> Tokens {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let (key, me) = (ident(&names.key), self.me_type(id, step));
        let Some((chain, concluded)) = self.concluded(id, step) else {
            return Err(Refusal::new(declared.span, "a step that is on no chain"));
        };
        let branch = if chain == MAIN {
            quote!(None)
        } else {
            let name = &protocol.steps[protocol.chains[chain].steps[0]].name;
            quote!(Some(#name))
        };
        let body = match concluded {
            Concluded::AsBefore => self.stay(id, declared, &branch),
            Concluded::At(at) => {
                let (run, status, at_variant, word) = (
                    self.run_column(id, ColumnOf::Status).0,
                    ident(&names.status),
                    ident(&at.rust),
                    &at.word,
                );
                let (enter, leave) = (self.enter_parent(id, step), self.leave(id, step, true));
                quote! {
                    #enter
                    tx.update::<#run>(run, |row| row.status = #status::#at_variant);
                    #leave
                    Ok(Moved { outcome: #word, branch: #branch })
                }
            }
            Concluded::Ends(outcome) => self.ending((id, step), outcome, &branch)?,
        };
        let rule = self.rule_binding(protocol);
        Ok(quote! {
            fn conclude(tx: &mut Tx<'_>, before: &Tx<'_>, run: &#key, me: &#me) -> Result<Moved, Stop> {
                #rule
                #body
            }
        })
    }

    /// A detached branch leaves the run as it is, but for what was assigned to its variables.
    fn stay(&self, id: ProtocolId, step: &Step, branch: &TokenStream) -> TokenStream {
        let protocol = &self.program.protocols[id];
        let (run, _) = self.run_column(id, ColumnOf::Status);
        let roles = protocol.roles.indices().map(|r| self.run_column(id, ColumnOf::Role(r)).1);
        let params = step.params.iter().map(|v| self.run_column(id, ColumnOf::RunVar(*v)).1);
        let fields: Vec<Ident> = roles.chain(params).collect();
        quote! {
            let was = before.get::<#run>(run);
            let fresh = <#run as Record>::initial(run, tx.members());
            tx.update::<#run>(run, |row| {
                if row.status.is_unfinished() {
                    #(row.#fields = was.#fields;)*
                } else {
                    *row = #run { status: row.status, ..fresh };
                }
            });
            Ok(Moved { outcome: #AS_BEFORE, branch: #branch })
        }
    }

    /// A run has an outcome, and hands over.
    fn ending(&self, (id, step): (ProtocolId, StepId), outcome: &Outcome, branch: &TokenStream) -> Tokens {
        let word = &outcome.word;
        let (enter, leave, end) =
            (self.enter_parent(id, step), self.leave(id, step, false), self.end_run(id, outcome));
        let end = quote!(#enter #end);
        let Some(handover) = &outcome.then else {
            return Ok(quote! { #end #leave Ok(Moved { outcome: #word, branch: #branch }) });
        };
        let other = &self.program.protocols[handover.protocol];
        let scope = Scope::step(id);
        let mut binds = TokenStream::new();
        let names = self.layout.protocol(handover.protocol);
        let mut fields = Vec::new();
        for (subject, (declared, key)) in handover.subjects.iter().zip(other.subjects.iter().zip(&names.keys))
        {
            let (field, ty) = (ident(&key.field), Type::Optional(Box::new(Type::Id(declared.sort))));
            let value = self.as_type(&scope, subject, &ty)?;
            binds.extend(quote!(let #field = #value;));
            fields.push(field);
        }
        let go = self.hand_over(id, handover, &fields, &end)?;
        let code = if fields.is_empty() {
            go
        } else {
            quote! {
                #binds
                if let (#(Some(#fields),)*) = (#(#fields,)*) { #go } else { #end }
            }
        };
        Ok(quote! { #code #leave Ok(Moved { outcome: #word, branch: #branch }) })
    }

    fn end_run(&self, id: ProtocolId, outcome: &Outcome) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        if protocol.rule {
            return quote!(let _ = (&before, run, me););
        }
        let (run, status) = (self.run_column(id, ColumnOf::Status).0, ident(&names.status));
        let ended =
            (outcome.ends && !protocol.repeats).then(|| names.ended(protocol, &outcome.word)).flatten();
        let fresh = match ended {
            None => quote!(fresh),
            Some(ended) => {
                let ended = ident(&ended.rust);
                quote!(#run { status: #status::#ended, ..fresh })
            }
        };
        quote! {
            let fresh = <#run as Record>::initial(run, tx.members());
            tx.update::<#run>(run, |row| *row = #fresh);
        }
    }

    fn hand_over(&self, id: ProtocolId, handover: &Handover, fields: &[Ident], end: &TokenStream) -> Tokens {
        let (other, names) =
            (&self.program.protocols[handover.protocol], self.layout.protocol(handover.protocol));
        let (key, run, status) =
            (ident(&names.key), self.run_column(handover.protocol, ColumnOf::Status).0, ident(&names.status));
        let at = ident(&names.variant(Status::At(MAIN, handover.position)).rust);
        let enter = if handover.protocol == id {
            quote!(enter)
        } else {
            let module = ident(&names.module);
            quote!(super::#module::enter)
        };
        let copy = |n: TokenStream| if other.copies > 1 { quote!(copy: #n) } else { quote!() };
        let clones = quote!(#(#fields: #fields.clone(),)*);
        if handover.starts {
            let (copies, with_copy) = (i64::from(other.copies), copy(quote!(copy)));
            let none = if other.copies_cut {
                quote!(return Err(Stop::Cut))
            } else {
                quote!(tx.exceed(Excess::Runs))
            };
            let ignore = if other.copies > 1 { quote!(copy) } else { quote!(_) };
            return Ok(quote! {
                #end
                let free = (0..#copies)
                    .map(|#ignore| #key { #clones #with_copy })
                    .find(|key| !tx.get::<#run>(key).status.is_unfinished());
                match free {
                    Some(key) => #enter(tx, &key, #status::#at)?,
                    None => #none,
                }
            });
        }
        let first = copy(quote!(0));
        let unbinds = handover
            .unbinds
            .iter()
            .map(|role: &RoleId| self.run_column(handover.protocol, ColumnOf::Role(*role)).1);
        let below: Vec<ProtocolId> = self.segments(handover.protocol).into_iter().map(|(s, _)| s).collect();
        let reset = self.reset(&below, &quote!(&key));
        let relocate = quote! {
            #reset
            tx.update::<#run>(&key, |row| {
                row.status = #status::#at;
                #(row.#unbinds = None;)*
            });
        };
        let resume = quote! {
            #end
            if tx.get::<#run>(&key).status.is_unfinished() { #relocate } else { #enter(tx, &key, #status::#at)?; }
        };
        Ok(if handover.protocol == id {
            quote! {
                let key = #key { #clones #first };
                if key == *run { #relocate } else { #resume }
            }
        } else {
            quote! { let key = #key { #clones #first }; #resume }
        })
    }

    fn reject(&self, id: ProtocolId, scope: &Scope, step: &Step) -> Tokens {
        let Some(reject) = &step.reject else { return Ok(quote!()) };
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let (key, me) = (ident(&names.key), self.me_type(id, self.step_id(id, step)));
        let (effect, rule) = (self.effect_body(scope, &reject.effect)?, self.rule_binding(protocol));
        let ending = self.ending((id, self.step_id(id, step)), &reject.outcome, &quote!(None))?;
        Ok(quote! {
            const REJECTS: bool = true;
            fn reject(tx: &mut Tx<'_>, run: &#key, me: &#me, picks: &mut Picks) -> Result<(), Stop> {
                #rule
                #effect
                Ok(())
            }
            fn refuse(tx: &mut Tx<'_>, run: &#key, me: &#me) -> Result<Moved, Stop> {
                #rule
                let before = ();
                #ending
            }
        })
    }

    fn action(&self, id: ProtocolId, step: StepId, name: &str) -> TokenStream {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let (module, name) = (ident(&names.module), ident(name));
        let (op, actor) = (&names.ops[step.index()], &self.program.sorts[protocol.acting_sort(step)].name);
        let acts = match declared.actor {
            Actor::Subject(i) => {
                let i = i as usize;
                quote!(Acts::Subject(#i))
            }
            Actor::Role(role) => match declared.binds.iter().position(|r| *r == role) {
                Some(i) => quote!(Acts::Choice(#i)),
                None => {
                    let column = self.column(id, ColumnOf::Role(role));
                    quote!(Acts::Role(#column))
                }
            },
        };
        let reached = self.reached(id, step).into_iter().filter(|at| self.is_entered(id, *at));
        let at: Vec<&String> = reached.map(|at| &names.variant(at).word).collect();
        let mut calls = quote!(.by(#acts));
        if !protocol.rule {
            calls.extend(quote!(.at(&[#(#at),*])));
        }
        for role in &declared.binds {
            let (label, sort) =
                (&protocol.roles[*role].name, &self.program.sorts[protocol.roles[*role].sort].name);
            // The runs of a rule keep nothing: what it binds is a parameter.
            calls.extend(if protocol.rule {
                quote!(.param(#label, Type::id(#sort), None, false))
            } else {
                let column = self.column(id, ColumnOf::Role(*role));
                quote!(.binds(#label, #sort, #column))
            });
        }
        let first = protocol.chains[MAIN].steps.first();
        for param in &declared.params {
            let (label, ty) = (&protocol.vars[*param].name, self.descriptor(&protocol.vars[*param].ty));
            let column = self.column(id, ColumnOf::RunVar(*param));
            let column = if protocol.rule { quote!(None) } else { quote!(Some(#column)) };
            let by_first = !protocol.rule && first.is_some_and(|f| protocol.steps[*f].params.contains(param));
            calls.extend(quote!(.param(#label, #ty, #column, #by_first)));
        }
        for (label, ty) in self.picks(declared) {
            let ty = self.descriptor(&ty);
            calls.extend(quote!(.pick(#label, #ty)));
        }
        let touched = Touched::of(self, id, step);
        let scans = self.scans();
        let writes = self.kind_list(&touched.writes());
        quote!(Action::of::<#module::#name>(#op, #actor) #calls .scanning(&[#scans]).writing(&[#writes]))
    }

    /// Whether a commit can leave a run there: a step leads there, or an outcome does, or it is where runs begin by an event
    /// of their own, or wait for their sub-runs.
    fn is_entered(&self, id: ProtocolId, at: Status) -> bool {
        let protocol = &self.program.protocols[id];
        let leads =
            |step| matches!(self.concluded(id, step), Some((_, Concluded::At(to))) if to.status == at);
        let begins = at == Status::At(MAIN, 0) && !protocol.begin.is_empty();
        let waits = self.segments(id).iter().any(|(_, position)| at == Status::At(MAIN, *position));
        let all = self.program.protocols.iter();
        let mut outcomes = all.flat_map(|p| {
            let refused = p.steps.iter().filter_map(|s| s.reject.as_ref().map(|reject| &reject.outcome));
            p.chains.iter().map(|chain| &chain.outcome).chain(refused)
        });
        let handed = |to: &Handover| to.protocol == id && at == Status::At(MAIN, to.position);
        protocol.steps.indices().any(leads)
            || begins
            || waits
            || outcomes.any(|outcome| outcome.then.as_ref().is_some_and(handed))
    }

    /// What an effect and its reject pick, and who asks must say: name and type.
    pub fn picks(&self, step: &Step) -> Vec<(String, Type)> {
        let mut list = Vec::new();
        for stmt in step.effects() {
            stmt.visit(&mut |s| {
                if let arch_ir::StmtKind::Pick(binder) = &s.kind
                    && !self.program.ghost_picks.contains(&binder.slot)
                {
                    let ty = arch_ir::walk::picked_type(&binder.domain);
                    list.push((self.program.slots[binder.slot].clone(), ty));
                }
            });
        }
        list
    }
}

/// The variable that says whether the sub-runs of a protocol are done.
fn joined_name(segment: ProtocolId) -> Ident {
    ident(&format!("joined_{}", segment.index()))
}

fn atom_name(n: usize) -> Ident {
    ident(&format!("atom{}", n + 1))
}

/// Whether a guard consists of its atoms and connectives, so that its conjuncts, which are made of atoms, are all of it.
fn is_covered(e: &Expr, path: &mut Vec<u32>, atoms: &[arch_ir::Atom]) -> bool {
    if atoms.iter().any(|a| a.path == *path) {
        return true;
    }
    let parts: &[Expr] = match &e.kind {
        ExprKind::Not(inner) => std::slice::from_ref(&**inner),
        ExprKind::And(parts) if parts.is_empty() => return path.is_empty(),
        ExprKind::And(parts) | ExprKind::Or(parts) if !parts.is_empty() => parts,
        _ => return false,
    };
    parts.iter().enumerate().all(|(i, part)| {
        path.push(i as u32);
        let covered = is_covered(part, path, atoms);
        path.pop();
        covered
    })
}

/// What stands at a path of a guard.
fn at<'e>(e: &'e Expr, path: &[u32]) -> &'e Expr {
    let Some((first, rest)) = path.split_first() else { return e };
    match &e.kind {
        ExprKind::Not(inner) => at(inner, rest),
        ExprKind::And(parts) | ExprKind::Or(parts) => at(&parts[*first as usize], rest),
        _ => e,
    }
}

/// The part of a path that leads through conjunctions, and the operand after them.
fn conjunct_path(guard: &Expr, path: &[u32]) -> Vec<u32> {
    let (mut e, mut key) = (guard, Vec::new());
    for &i in path {
        let ExprKind::And(parts) = &e.kind else { break };
        key.push(i);
        e = &parts[i as usize];
    }
    key
}

/// Whether an odd number of `not`s stands above what is at a path.
fn negated(guard: &Expr, path: &[u32]) -> bool {
    let (mut e, mut odd) = (guard, false);
    for &i in path {
        e = match &e.kind {
            ExprKind::Not(inner) => {
                odd = !odd;
                inner
            }
            ExprKind::And(parts) | ExprKind::Or(parts) => &parts[i as usize],
            _ => return odd,
        };
    }
    odd
}

/// The connectives of a guard below a path, over the names of its atoms.
fn structure(e: &Expr, path: &[u32], atoms: &[arch_ir::Atom]) -> TokenStream {
    if let Some(n) = atoms.iter().position(|a| a.path == path) {
        let name = atom_name(n);
        return quote!(#name);
    }
    let below = |i: usize, part: &Expr| {
        let path: Vec<u32> = path.iter().copied().chain([i as u32]).collect();
        structure(part, &path, atoms)
    };
    match &e.kind {
        ExprKind::Not(inner) => {
            let inner = below(0, inner);
            quote!(!#inner)
        }
        ExprKind::And(parts) => {
            let parts: Vec<_> = parts.iter().enumerate().map(|(i, p)| below(i, p)).collect();
            if parts.is_empty() { quote!(true) } else { quote!((#(#parts)&&*)) }
        }
        ExprKind::Or(parts) => {
            let parts: Vec<_> = parts.iter().enumerate().map(|(i, p)| below(i, p)).collect();
            if parts.is_empty() { quote!(false) } else { quote!((#(#parts)||*)) }
        }
        _ => quote!(compile_error!("a guard is made of its atoms")),
    }
}
