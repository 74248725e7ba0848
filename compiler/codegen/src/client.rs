//! The typed client: a method for each operation, an enum of how each can end.

use crate::concluded::Word;
use crate::gen_::Gen;
use crate::layout::KindOf;
use crate::names::{Taken, camel, ident};
use crate::serve::{Op, Served};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// What the client has besides the methods of operations.
const OWN: &[&str] = &["at", "new", "over_grpc", "connection", "look", "clone"];

impl Gen<'_> {
    /// The module `client`.
    pub fn client_module(&self, actors: &[Served], grpc: bool) -> TokenStream {
        let ops = || actors.iter().flat_map(|a| &a.ops);
        let mut taken = Taken::with(OWN);
        let methods: Vec<TokenStream> = ops().map(|op| self.client_method(op, &mut taken)).collect();
        let outcomes = ops().map(outcome_type);
        let asks = ops().map(|op| self.ask_impl(op));
        let table = ops().map(|op| {
            let (name, request) = (&op.name, ident(&op.request));
            quote!((#name, asks::<#request> as Asks))
        });
        let over_grpc = grpc.then(|| {
            quote! {
                #[doc = " A client of the same endpoint, whose requests go over gRPC (and `look` over HTTP still)."]
                pub fn over_grpc(endpoint: Endpoint) -> ServiceClient {
                    ServiceClient::new(endpoint.grpc(&spec(), &super::grpc::RPC))
                }
            }
        });
        quote! {
            #[doc = " A client of the service: one request is one transition, however often it has to be sent."]
            #[doc = ""]
            #[doc = " Each call gets an idempotency key of its own, under which it is repeated while no answer comes or the answer says that"]
            #[doc = " asking again may help, until the endpoint's patience ends ([`arch_runtime::client::Patience`]). What the service has"]
            #[doc = " decided is never asked again: an outcome (`retry`, too, is one), a guard that is false, a request that makes no sense."]
            #[doc = ""]
            #[doc = " Cheap to clone; clones share their connections."]
            #[derive(Clone)]
            pub struct ServiceClient {
                connection: Connection,
            }
            impl ServiceClient {
                #[doc = " A client of the service at an address such as `http://localhost:8080`."]
                #[doc = ""]
                #[doc = " # Errors"]
                #[doc = " It is no address."]
                pub fn at(address: &str) -> Result<ServiceClient, EndpointError> {
                    Ok(ServiceClient::new(Endpoint::at(address)?))
                }
                #[doc = " A client of an endpoint, which says where the service is, who asks, and how patiently."]
                pub fn new(endpoint: Endpoint) -> ServiceClient {
                    ServiceClient { connection: Connection::new(endpoint, spec()) }
                }
                #over_grpc
                #[doc = " What it asks by: `connection().ask_under(&key, &request)` asks under a key of your own."]
                pub fn connection(&self) -> &Connection {
                    &self.connection
                }
                #[doc = " A committed row, its version and the service's time: `look::<rows::Lease>(&key)`. For knowing where one is before asking"]
                #[doc = " for a step; whether the step is legal is decided by its guard. The truth is shown to everybody who is known; locals and"]
                #[doc = " runs whose key names instances of actors, to these."]
                #[doc = ""]
                #[doc = " # Errors"]
                #[doc = " It is not shown to who asks, or no answer came."]
                pub async fn look<R: Record + Send>(&self, key: &R::Key) -> Result<Seen<R>, CallError> {
                    self.connection.look(key).await
                }
                #(#methods)*
            }
            #(#outcomes)*
            #(#asks)*
            #[doc = " Every operation, for tests that drive all of them."]
            #[cfg(feature = "model")]
            pub fn table() -> Vec<(&'static str, Asks)> {
                vec![#(#table),*]
            }
        }
    }

    fn client_method(&self, op: &Op, taken: &mut Taken) -> TokenStream {
        let (method, request) = (ident(&taken.take(&op.method, "_op")), ident(&op.request));
        let (outcome, run, docs) = (ident(&op.outcome), self.run_type(op), &op.docs);
        quote! {
            #(#[doc = #docs])*
            #[doc = ""]
            #[doc = " # Errors"]
            #[doc = " It has no outcome: its guard is false ([`CallError::Denied`]), or the error says what was tried and what came last."]
            pub async fn #method(&self, request: &#request) -> Result<Reply<#outcome, #run>, CallError> {
                self.connection.ask(request).await
            }
        }
    }

    /// The run in the replies of an operation.
    fn run_type(&self, op: &Op) -> TokenStream {
        let kind = self.layout.kinds.iter().find(|k| k.of == KindOf::Run(op.protocol));
        kind.map_or_else(
            || quote!(()),
            |kind| {
                let name = ident(&kind.rust);
                quote!(super::rows::#name)
            },
        )
    }

    fn ask_impl(&self, op: &Op) -> TokenStream {
        let (request, outcome, run, name) =
            (ident(&op.request), ident(&op.outcome), self.run_type(op), &op.name);
        let all = || op.keys.iter().chain(&op.open);
        let values = all().map(|asked| {
            let field = if asked.me { ident("me") } else { ident(&asked.field) };
            quote!(self.#field.to_value())
        });
        let (fields, places): (Vec<Ident>, Vec<usize>) =
            all().enumerate().filter(|(_, a)| !a.me).map(|(n, a)| (ident(&a.field), n)).unzip();
        quote! {
            impl Ask for #request {
                type Outcome = #outcome;
                type Run = #run;
                const OPERATION: &'static str = #name;
                fn me(&self) -> &SmolStr {
                    &self.me.0
                }
                fn row(&self) -> Row {
                    vec![#(#values),*]
                }
                fn of(me: &SmolStr, row: &[Value]) -> Option<Self> {
                    Some(#request {
                        me: Typed::from_value(&Value::Id(me.clone()))?,
                        #(#fields: Typed::from_value(row.get(#places)?)?,)*
                    })
                }
            }
        }
    }
}

fn outcome_type(op: &Op) -> TokenStream {
    let name = ident(&op.outcome);
    let mut taken = Taken::default();
    let (mut variants, mut arms) = (Vec::new(), Vec::new());
    for Word { word, doc } in &op.words {
        let (variant, doc) = (ident(&taken.take(&camel(word), "Outcome")), format!(" {doc}"));
        arms.push(quote!(#name::#variant => #word));
        variants.push((quote!(#[doc = #doc] #variant), quote!(#name::#variant)));
    }
    let (declared, all): (Vec<_>, Vec<_>) = variants.into_iter().unzip();
    let doc = format!(" How `{}` ends.", op.name);
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum #name { #(#declared),* }
        impl Outcome for #name {
            const ALL: &'static [Self] = &[#(#all),*];
            fn word(self) -> &'static str {
                match self { #(#arms),* }
            }
        }
    }
}
