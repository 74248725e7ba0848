//! What the user writes against: for each actor a trait with a method for each of its operations, their requests and
//! choices; and the service that these make.

use crate::concluded::{Word, at_word};
use crate::expr::MAIN;
use crate::gen_::Gen;
use crate::names::{Taken, camel, ident, snake};
use crate::refusal::Refusal;
use arch_base::Idx;
use arch_ir::{Actor, ProtocolId, SortId, Status, StepId, Type};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// An operation as its user sees it.
#[derive(Clone, Debug)]
pub struct Op {
    /// `main.claim`
    pub name: String,
    /// Who does it.
    pub sort: SortId,
    /// The method of the actor's trait.
    pub method: String,
    /// Its request.
    pub request: String,
    /// What it leaves open; none if it leaves nothing.
    pub choices: Option<String>,
    /// The run's key, in order.
    pub keys: Vec<Asked>,
    /// What is open, in order: roles, parameters, picks.
    pub open: Vec<Asked>,
    /// Its documentation.
    pub docs: Vec<String>,
    /// The enum of how it ends.
    pub outcome: String,
    /// How it can end: every word that a reply can have.
    pub words: Vec<Word>,
    /// The protocol.
    pub protocol: ProtocolId,
}

/// A field of a request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// In JSON.
    pub name: String,
    /// In Rust.
    pub field: String,
    /// Its type.
    pub ty: Type,
    /// Whether it is who acts, which `self` says.
    pub me: bool,
}

/// An actor that does something.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its name in the spec.
    pub name: String,
    /// The trait of its handlers.
    pub handlers: String,
    /// The module of the user's handlers, and the variable.
    pub module: String,
    /// Its operations.
    pub ops: Vec<Op>,
}

impl Gen<'_> {
    /// Every actor that does something, with its operations.
    ///
    /// # Errors
    /// An operation that nobody in particular does.
    pub fn served(&self) -> Result<Vec<Served>, Vec<Refusal>> {
        let mut names = Taken::with(&self.type_names());
        let mut methods = Taken::default();
        let mut refusals = Vec::new();
        let mut actors: Vec<(SortId, Served)> = Vec::new();
        for id in self.program.protocols.indices() {
            let protocol = &self.program.protocols[id];
            let mut ops = Vec::new();
            if !protocol.begin.is_empty() {
                match self.begin_op(id, &mut names, &mut methods) {
                    Ok(op) => ops.push(op),
                    Err(refusal) => refusals.push(refusal),
                }
            }
            ops.extend(protocol.steps.indices().map(|step| self.step_op(id, step, &mut names, &mut methods)));
            for op in ops {
                let at = actors.iter().position(|(sort, _)| *sort == op.sort).unwrap_or_else(|| {
                    actors.push((op.sort, self.actor(op.sort, &mut names)));
                    actors.len() - 1
                });
                actors[at].1.ops.push(op);
            }
        }
        if refusals.is_empty() { Ok(actors.into_iter().map(|(_, a)| a).collect()) } else { Err(refusals) }
    }

    fn type_names(&self) -> Vec<&str> {
        let layout = &self.layout;
        let named = layout.sorts.iter().chain(&layout.ordinals).chain(layout.enums.iter().map(|(n, _)| n));
        let named = named.chain(layout.records.iter().map(|(n, _)| n));
        let named = named.chain(layout.unions.iter().map(|(n, _)| n));
        let named = named.chain(layout.kinds.iter().map(|k| &k.rust));
        let named = named.chain(layout.protocols.iter().flat_map(|p| [&p.key, &p.status]));
        let own = [
            "Arc",
            "BTreeSet",
            "BoxFuture",
            "Call",
            "Choose",
            "Future",
            "Guard",
            "HandlerError",
            "Hosted",
            "Instant",
        ];
        named
            .map(String::as_str)
            .chain(own)
            .chain([
                "Ask",
                "Asks",
                "CallError",
                "Connection",
                "Endpoint",
                "EndpointError",
                "Outcome",
                "Plain",
                "Record",
                "Reply",
                "Row",
                "Seen",
            ])
            .chain(["Service", "ServiceClient", "Serving", "Typed", "Value"])
            .collect()
    }

    fn actor(&self, sort: SortId, names: &mut Taken) -> Served {
        let name = self.program.sorts[sort].name.clone();
        let handlers = names.take(&format!("{}Handlers", camel(&name)), "_");
        Served { module: snake(&name), name, handlers, ops: Vec::new() }
    }

    /// The name that tells a step from all others, for structs and methods: its own, or that of its operation.
    fn own_name(&self, id: ProtocolId, step: StepId) -> String {
        let name = &self.program.protocols[id].steps[step].name;
        let steps = self.program.protocols.iter().flat_map(|p| &p.steps);
        if name == "begin" || steps.filter(|s| s.name == *name).count() > 1 {
            self.layout.protocol(id).ops[step.index()].replace('.', "_")
        } else {
            name.clone()
        }
    }

    fn begin_op(&self, id: ProtocolId, names: &mut Taken, methods: &mut Taken) -> Result<Op, Refusal> {
        let protocol = &self.program.protocols[id];
        let first = protocol.chains[MAIN].steps.first();
        let Some(first) = first.copied() else {
            return Err(Refusal::new(protocol.span, "a protocol without a step, whose head has `let`s"));
        };
        // Whoever takes the first step may begin the run.
        let subject = match protocol.steps[first].actor {
            Actor::Subject(i) => Some(i as usize),
            Actor::Role(_) => None,
        };
        let own = format!("{}_begin", protocol.name);
        let docs = vec![
            format!(" `{}.begin` · {}", protocol.name, self.place(protocol.span)),
            String::new(),
            " A run begins: it reads what the head of the protocol says.".into(),
        ];
        Ok(Op {
            name: format!("{}.begin", protocol.name),
            sort: protocol.acting_sort(first),
            method: methods.take(&snake(&own), "_"),
            request: names.take(&format!("{}Request", camel(&own)), "Op"),
            choices: None,
            keys: self.asked_keys(id, subject),
            open: Vec::new(),
            docs,
            outcome: names.take(&format!("{}Outcome", camel(&own)), "Op"),
            words: vec![at_word(self.layout.protocol(id).variant(Status::At(MAIN, 0)))],
            protocol: id,
        })
    }

    fn step_op(&self, id: ProtocolId, step: StepId, taken: &mut Taken, methods: &mut Taken) -> Op {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let declared = &protocol.steps[step];
        let own = self.own_name(id, step);
        let open = self.asked_open(id, step);
        let subject = match declared.actor {
            Actor::Subject(i) => Some(i as usize),
            Actor::Role(_) => None,
        };
        Op {
            name: names.ops[step.index()].clone(),
            sort: protocol.acting_sort(step),
            method: methods.take(&snake(&own), "_"),
            request: taken.take(&format!("{}Request", camel(&own)), "Op"),
            choices: self.leaves_open(id, step).then(|| taken.take(&format!("{}Choices", camel(&own)), "Op")),
            keys: self.asked_keys(id, subject),
            open,
            docs: self.step_docs(id, step),
            outcome: taken.take(&format!("{}Outcome", camel(&own)), "Op"),
            words: self.words(id, step),
            protocol: id,
        }
    }

    fn asked_keys(&self, id: ProtocolId, me: Option<usize>) -> Vec<Asked> {
        let keys = self.layout.protocol(id).keys.iter().enumerate().map(|(n, key)| Asked {
            name: key.name.clone(),
            field: key.field.clone(),
            ty: key.ty.clone(),
            me: me == Some(n),
        });
        keys.collect()
    }

    fn asked_open(&self, id: ProtocolId, step: StepId) -> Vec<Asked> {
        let protocol = &self.program.protocols[id];
        let declared = &protocol.steps[step];
        let keys = self.layout.protocol(id).keys.iter().map(|k| k.field.as_str()).chain(["me"]);
        let mut fields = Taken::with(&keys.collect::<Vec<_>>());
        let mut open = Vec::new();
        for role in &declared.binds {
            let (name, ty) = (&protocol.roles[*role].name, Type::Id(protocol.roles[*role].sort));
            let me = matches!(declared.actor, Actor::Role(r) if r == *role);
            open.push(Asked { name: name.clone(), field: fields.take(&snake(name), "_role"), ty, me });
        }
        let params =
            declared.params.iter().map(|v| (protocol.vars[*v].name.clone(), protocol.vars[*v].ty.clone()));
        for (name, ty) in params.chain(self.picks(declared)) {
            let field = fields.take(&snake(&name), "_chosen");
            open.push(Asked { name, field, ty, me: false });
        }
        open
    }

    /// Whether somebody has to choose something before a step can be taken, beside who acts.
    pub fn leaves_open(&self, id: ProtocolId, step: StepId) -> bool {
        self.asked_open(id, step).iter().any(|asked| !asked.me)
    }

    /// The module `handlers`.
    pub fn handlers_module(&self, actors: &[Served]) -> TokenStream {
        let requests = actors.iter().flat_map(|a| &a.ops).map(|op| self.request_items(op));
        let traits = actors.iter().map(|a| self.handlers_trait(a));
        quote! { #(#traits)* #(#requests)* }
    }

    fn handlers_trait(&self, actor: &Served) -> TokenStream {
        let name = ident(&actor.handlers);
        let (mut methods, mut plain) = (TokenStream::new(), TokenStream::new());
        for op in &actor.ops {
            let (method, request, docs) = (ident(&op.method), ident(&op.request), &op.docs);
            let chosen = chosen(op);
            methods.extend(quote! {
                #(#[doc = #docs])*
                fn #method(&self, call: &Call, request: #request)
                    -> impl Future<Output = Result<#chosen, HandlerError>> + Send;
            });
            let body = if op.choices.is_some() { quote!(request.choices()) } else { quote!(Ok(())) };
            plain.extend(quote! {
                async fn #method(&self, _call: &Call, request: #request) -> Result<#chosen, HandlerError> { #body }
            });
        }
        let doc = format!(" What `{}` does: your code before each of its steps.", actor.name);
        let missing = format!("`{{Self}}` does not say what `{}` does", actor.name);
        quote! {
            #[doc = #doc]
            #[doc = ""]
            #[doc = " A method makes the choices that the spec leaves open. It may wait for the network, and runs at least once for"]
            #[doc = " each request; the step itself (guard and effect, in one transaction) is generated and runs after it."]
            #[diagnostic::on_unimplemented(message = #missing)]
            pub trait #name: Send + Sync + 'static { #methods }
            impl #name for Plain { #plain }
        }
    }

    fn request_items(&self, op: &Op) -> TokenStream {
        let me = self.name(self.layout.sort(op.sort));
        let request = ident(&op.request);
        let doc = format!(" What `{}` is asked with.", op.name);
        let keys: Vec<&Asked> = op.keys.iter().filter(|k| !k.me).collect();
        let open: Vec<&Asked> = op.open.iter().filter(|o| !o.me).collect();
        let names = |list: &[&Asked]| list.iter().map(|a| ident(&a.field)).collect::<Vec<Ident>>();
        let (key_fields, open_fields) = (names(&keys), names(&open));
        let key_types: Vec<_> = keys.iter().map(|k| self.ty(&k.ty)).collect();
        let open_types: Vec<_> = open.iter().map(|o| self.open_type(&o.ty)).collect();
        let key_docs = keys.iter().map(|k| format!(" `{}` of the run.", k.name));
        let open_docs = open.iter().map(|o| format!(" `{}`, if the caller says it.", o.name));
        let choices = self.choices_items(op, &open);
        quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Debug)]
            pub struct #request {
                #[doc = " Who asks, and acts."]
                pub me: #me,
                #(#[doc = #key_docs] pub #key_fields: #key_types,)*
                #(#[doc = #open_docs] pub #open_fields: #open_types,)*
            }
            #choices
        }
    }

    /// What a step leaves open may be left to the handler.
    fn open_type(&self, ty: &Type) -> TokenStream {
        let inner = self.ty(ty);
        if ty.is_optional() { inner } else { quote!(Option<#inner>) }
    }

    fn choices_items(&self, op: &Op, open: &[&Asked]) -> TokenStream {
        let (Some(choices), request) = (&op.choices, ident(&op.request)) else { return quote!() };
        let name = ident(choices);
        let doc = format!(" What `{}` leaves open.", op.name);
        let docs = open.iter().map(|o| format!(" `{}`", o.name));
        let fields: Vec<Ident> = open.iter().map(|o| ident(&o.field)).collect();
        let types: Vec<_> = open.iter().map(|o| self.ty(&o.ty)).collect();
        let taken = open.iter().zip(&fields).map(|(o, field)| {
            let missing = format!("{} is missing", o.name);
            if o.ty.is_optional() {
                quote!(self.#field)
            } else {
                quote!(self.#field.ok_or_else(|| HandlerError::invalid(#missing))?)
            }
        });
        quote! {
            #[doc = #doc]
            #[derive(Clone, PartialEq, Eq, Debug)]
            pub struct #name { #(#[doc = #docs] pub #fields: #types),* }
            impl #request {
                #[doc = " The choices that the caller made."]
                #[doc = ""]
                #[doc = " # Errors"]
                #[doc = " The caller left one open."]
                pub fn choices(self) -> Result<#name, HandlerError> {
                    Ok(#name { #(#fields: #taken),* })
                }
            }
        }
    }

    /// The module `service`.
    pub fn service_module(&self, actors: &[Served], grpc: bool) -> TokenStream {
        let rpc = if grpc { quote!(Some(super::grpc::RPC)) } else { quote!(None) };
        let mut adapters = TokenStream::new();
        let mut operations = Vec::new();
        for actor in actors {
            let (handlers, field) = (ident(&actor.handlers), ident(&actor.module));
            for op in &actor.ops {
                let adapter = ident(&format!("{}By", op.request.trim_end_matches("Request")));
                adapters.extend(self.adapter(op, &adapter, &handlers));
                let name = &op.name;
                operations.push(quote!(serving.operation(#name, #adapter(#field.clone()))));
            }
        }
        let fields: Vec<Ident> = actors.iter().map(|a| ident(&a.module)).collect();
        let bounds: Vec<Ident> = actors.iter().map(|a| ident(&a.handlers)).collect();
        let plain = vec![quote!(Plain); actors.len()];
        let releases = self.releases();
        let guards =
            self.program.protocols.iter().flat_map(|p| p.steps.iter().flat_map(|s| &s.atoms)).map(|atom| {
                let (id, text) = (&atom.id, self.quoted(atom.expr.span).join(" ").trim().to_owned());
                quote!(Guard { id: #id.into(), text: #text.into() })
            });
        quote! {
            #[doc = " The text of every guard atom, by its identity."]
            pub fn guards() -> Vec<Guard> {
                vec![#(#guards),*]
            }
            #[doc = " The service. `members` lists the instances of types that some step looks at as a whole."]
            #[doc = ""]
            #[doc = " # Errors"]
            #[doc = " Such a list is missing."]
            pub fn service<'a>(
                name: &str,
                version: &str,
                members: impl IntoIterator<Item = (&'a SmolStr, &'a [SmolStr])>,
                #(#fields: impl #bounds,)*
            ) -> Result<Service, String> {
                let spec = spec();
                let told = text(&spec);
                let serving = Serving::new(spec, schema(), members)?;
                #(let #fields = Arc::new(#fields);)*
                Ok(Service {
                    name: name.into(),
                    version: version.into(),
                    schema: serving.schema(),
                    operations: vec![#(#operations),*],
                    guards: guards().into_iter().chain(told).collect(),
                    openapi: include_str!("../../openapi.json"),
                    rpc: #rpc,
                    steps: serving.steps(),
                    initial: serving.initial(),
                    releases: #releases,
                    hosted: Hosted::default(),
                })
            }
            #[doc = " The service of the spec's model: with its instances, and with handlers that take every choice from the request."]
            #[doc = ""]
            #[doc = " # Panics"]
            #[doc = " The spec's own instances are no complete list, which they are."]
            pub fn plain() -> Service {
                let sorts = spec().sorts;
                let closed = sorts.iter().filter(|sort| sort.closed).map(|sort| (&sort.name, &sort.instances[..]));
                service("plain", "test", closed, #(#plain),*).expect("every list is there")
            }
            #adapters
        }
    }

    fn adapter(&self, op: &Op, adapter: &Ident, handlers: &Ident) -> TokenStream {
        let (method, request) = (ident(&op.method), ident(&op.request));
        let values = op.open.iter().map(|o| {
            let field = ident(&o.field);
            if o.me { quote!(Value::Id(call.id.clone())) } else { quote!(chosen.#field.to_value()) }
        });
        quote! {
            struct #adapter<H>(Arc<H>);
            impl<H: #handlers> Choose for #adapter<H> {
                fn choose<'a>(&'a self, call: &'a Call, row: Row) -> BoxFuture<'a, Result<Row, HandlerError>> {
                    Box::pin(async move {
                        let request = #request::of(&call.id, &row);
                        let request = request.ok_or_else(|| HandlerError::internal("a request of other types"))?;
                        let chosen = self.0.#method(call, request).await?;
                        Ok(vec![#(#values),*])
                    })
                }
            }
        }
    }
}

/// What a method returns.
fn chosen(op: &Op) -> TokenStream {
    match &op.choices {
        Some(choices) => {
            let choices = ident(choices);
            quote!(#choices)
        }
        None => quote!(()),
    }
}
