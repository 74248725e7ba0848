//! From a checked program to a Rust crate: typed rows, steps, the table of a spec, its finite model.
//!
//! The generator is thin: what services share is in the crate arch-runtime. [`generate`] is the pipeline. Everything that no
//! code is made of yet is a [`Refusal`]; nothing is left out silently. This is the only crate that uses syn and quote.

mod behaviour;
mod client;
mod concluded;
mod docs;
mod effect;
mod effect_uses;
mod expr;
mod gen_;
mod hash;
mod layout;
mod model;
mod names;
mod openapi;
mod print;
mod project;
mod proto;
mod refusal;
mod release;
mod rows;
mod serve;
mod step;
/// What stores take as names, as the runtime has it: what it would refuse is refused here.
#[path = "../../../runtime/src/names.rs"]
mod stored_names;
mod subruns;
mod tested;
mod types;

pub use behaviour::{Call, Counterexample, calls, counterexample};
pub use hash::spec_hash;
pub use layout::{Column, ColumnOf, Kind, KindOf, Layout, ProtocolNames};
pub use model::instance_name;
pub use project::{Crate, Project, project, stubs};
pub use proto::{Method, Proto};
pub use refusal::{NOT_GENERATED, Refusal};
pub use serve::{Asked, Op, Served};
pub use tested::TESTED_STATES;

use arch_base::SourceMap;
use arch_ir::Program;
use gen_::Gen;
use names::ident;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// What generated code says of where it is from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `archc 0.1.0`
    pub tool: String,
    /// The spec's path, as generated code names it.
    pub spec: String,
    /// The hash of the spec with its constants: what databases and traces carry.
    pub hash: String,
    /// The length of a tick in milliseconds.
    pub tick: i64,
}

/// By what a service can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Transport {
    /// HTTP and JSON.
    #[default]
    Http,
    /// gRPC beside HTTP.
    Grpc,
}

/// A generated file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Its path below the folder of generated code.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What is generated of a program.
#[derive(Clone, Debug)]
pub struct Code {
    /// The modules below `src/generated`.
    pub files: Vec<File>,
    /// The OpenAPI document.
    pub openapi: String,
    /// The gRPC services, if there are to be any.
    pub proto: Option<Proto>,
    /// Who does what.
    pub actors: Vec<Served>,
    /// Types of which a service must list the instances, with those that the model has.
    pub closed: Vec<(String, Vec<String>)>,
}

/// The code of a program: its modules below `src/generated`.
///
/// # Errors
/// Everything of which no code can be made.
pub fn generate(
    program: &Program,
    sources: &SourceMap,
    origin: &Origin,
    transport: Transport,
) -> Result<Code, Vec<Refusal>> {
    let layout = Layout::of(program)?;
    let r#gen = Gen::new(program, layout, sources, &origin.spec);
    let mut refusals = Vec::new();
    let mut keep = |result: Result<TokenStream, Refusal>| {
        result.unwrap_or_else(|r| {
            refusals.push(r);
            quote!()
        })
    };
    let (types, rows) = (keep(r#gen.types_module()), keep(r#gen.rows_module()));
    let (mut steps, mut table) = (Vec::new(), Vec::new());
    for id in program.protocols.indices() {
        match r#gen.module(id) {
            Ok(module) => {
                steps.push((r#gen.layout.protocol(id).module.clone(), module.items));
                table.push(module.descriptor);
            }
            Err(more) => refusals.extend(more),
        }
    }
    let (model, actors) = (r#gen.model_module(), r#gen.served());
    match (model, actors) {
        (Ok(model), Ok(actors)) if refusals.is_empty() => {
            let proto = match transport {
                Transport::Http => None,
                Transport::Grpc => Some(proto::document(program, &r#gen.layout, &actors, origin)?),
            };
            let made = Made { types, rows, steps, table, model };
            let files = files(&r#gen, origin, made, &actors, proto.as_ref());
            let closed = r#gen.closed();
            Ok(Code {
                files,
                openapi: openapi::document(program, &r#gen.layout, &actors, origin),
                proto,
                actors,
                closed,
            })
        }
        (model, actors) => {
            refusals.extend(model.err().into_iter().chain(actors.err()).flatten());
            Err(refusals)
        }
    }
}

/// The modules that a user writes against.
fn serving_files(r#gen: &Gen<'_>, origin: &Origin, actors: &[Served], proto: Option<&Proto>) -> Vec<File> {
    let mut files = vec![
        handlers_file(origin, &r#gen.handlers_module(actors)),
        service_file(origin, &r#gen.service_module(actors, proto.is_some())),
        client_file(origin, &r#gen.client_module(actors, proto.is_some()), actors),
    ];
    files.extend(proto.map(|proto| grpc_file(origin, proto)));
    files
}

/// The table of gRPC methods; the messages are read and written by their types.
fn grpc_file(origin: &Origin, proto: &Proto) -> File {
    let path = format!("../../{}", proto.path);
    let methods = proto.methods.iter().map(|Method { op, path, outcomes, .. }| {
        quote!(Method { op: #op, path: #path, outcomes: &[#(#outcomes),*] })
    });
    let table = quote! {
        use arch_runtime::service::{Method, Rpc};

        #[doc = " The gRPC services."]
        pub const RPC: Rpc = Rpc { proto: include_str!(#path), methods: &[#(#methods),*] };
    };
    print::file(origin, "grpc.rs", "How the service is asked over gRPC.", table)
}

fn handlers_file(origin: &Origin, handlers: &TokenStream) -> File {
    let handlers = quote! {
        use super::rows::*;
        use super::types::*;
        use arch_runtime::Instant;
        use arch_runtime::service::{Call, HandlerError};
        use std::collections::BTreeSet;
        use std::future::Future;

        #[doc = " Handlers that take the choices from the request, and do nothing else."]
        #[derive(Clone, Copy, Default, Debug)]
        pub struct Plain;

        #handlers
    };
    let doc = "What each actor does: the traits that `src/handlers` implements.";
    print::file(origin, "handlers.rs", doc, handlers)
}

fn service_file(origin: &Origin, service: &TokenStream) -> File {
    let service = quote! {
        use super::handlers::*;
        use super::spec::{schema, spec};
        use arch_runtime::service::{Call, Guard, HandlerError, Hosted, Service};
        use arch_runtime::step::{Ask, Choose, Serving, Typed, text};
        use arch_runtime::store::BoxFuture;
        use arch_runtime::value::{Row, Value};
        use arch_runtime::SmolStr;
        use std::sync::Arc;

        #service
    };
    print::file(origin, "service.rs", "The service, made of the steps and your handlers.", service)
}

/// Names of the spec's types are not imported: they may be those of the client.
fn client_file(origin: &Origin, client: &TokenStream, actors: &[Served]) -> File {
    let requests = actors.iter().flat_map(|a| &a.ops).map(|op| ident(&op.request));
    let client = quote! {
        use super::handlers::{#(#requests),*};
        use super::spec::spec;
        use arch_runtime::SmolStr;
        #[cfg(feature = "model")]
        use arch_runtime::client::{Asks, asks};
        use arch_runtime::client::{Ask, CallError, Connection, Endpoint, EndpointError, Outcome, Reply, Seen};
        use arch_runtime::step::{Record, Typed};
        use arch_runtime::value::{Row, Value};
        #client
    };
    print::file(origin, "client.rs", "A client of the service: a method for each operation.", client)
}

/// What the modules of a program are made of.
struct Made {
    types: TokenStream,
    rows: TokenStream,
    /// For each protocol its module's name, and its steps.
    steps: Vec<(String, TokenStream)>,
    /// For each protocol its row of the spec's table.
    table: Vec<TokenStream>,
    model: TokenStream,
}

/// The modules as files.
fn files(
    r#gen: &Gen<'_>,
    origin: &Origin,
    made: Made,
    actors: &[Served],
    proto: Option<&Proto>,
) -> Vec<File> {
    let names: Vec<Ident> = made.steps.iter().map(|(name, _)| ident(name)).collect();
    let spec = r#gen.spec_module(&made.table, &origin.hash, origin.tick);
    let mut list = vec![types_file(origin, &made.types), rows_file(origin, &made.rows)];
    list.extend(made.steps.iter().map(|(name, items)| steps_file(origin, name, items)));
    list.extend([spec_file(origin, &names, &spec), model_file(origin, &names, &made.model)]);
    list.extend(serving_files(r#gen, origin, actors, proto));
    let grpc = proto.map(|_| {
        quote!(
            pub mod grpc;
        )
    });
    let modules = quote! {
        #(pub mod #names;)*
        pub mod client;
        #grpc
        pub mod handlers;
        pub mod service;
        #[cfg(feature = "model")]
        pub mod model;
        pub mod rows;
        pub mod spec;
        pub mod types;
    };
    list.push(print::file(origin, "mod.rs", "Generated code: change the spec, not this.", modules));
    list
}

fn types_file(origin: &Origin, types: &TokenStream) -> File {
    let types = quote! {
        use arch_runtime::step::{Domain, Members, Typed};
        use arch_runtime::value::{Field, Type, UnionType, Value, Variant};
        use arch_runtime::Instant;
        use arch_runtime::SmolStr;
        use std::collections::BTreeSet;
        use std::sync::Arc;
        #types
    };
    print::file(origin, "types.rs", "The types of the spec.", types)
}

fn rows_file(origin: &Origin, rows: &TokenStream) -> File {
    let rows = quote! {
        use super::types::*;
        use arch_runtime::step::{Key, Members, Record, Total, Typed};
        use arch_runtime::value::{Row, Type, Value};
        use arch_runtime::{Instant, KindId};
        use std::collections::BTreeSet;
        #rows
    };
    print::file(origin, "rows.rs", "What is stored: truth objects, locals of actors, runs.", rows)
}

fn steps_file(origin: &Origin, name: &str, items: &TokenStream) -> File {
    let items = quote! {
        use super::rows::*;
        use super::types::*;
        use arch_runtime::step::{
            Domain, Excess, Guard, Key, Moved, Nobody, Operation, Picks, Policy, Record, Stop, Total, Tx, Typed, item, known,
            less, less_or_equal,
        };
        use arch_runtime::value::Value;
        use arch_runtime::Instant;
        use std::collections::BTreeSet;
        #items
    };
    print::file(origin, &format!("{name}.rs"), &format!("The steps of `{name}`."), items)
}

fn spec_file(origin: &Origin, names: &[Ident], spec: &TokenStream) -> File {
    let spec = quote! {
        use super::rows::*;
        use super::types::*;
        #(use super::#names;)*
        use arch_runtime::step::{Action, Acts, KindCode, Protocol, Record, Sort, Spec};
        use arch_runtime::value::Type;
        use arch_runtime::{Kind, KindClass, Schema};
        use std::sync::Arc;
        #spec
    };
    let doc = "The spec as a table: what is stored, who acts, which steps there are.";
    print::file(origin, "spec.rs", doc, spec)
}

fn model_file(origin: &Origin, names: &[Ident], model: &TokenStream) -> File {
    let model = quote! {
        use super::rows::*;
        use super::spec::spec;
        use super::types::*;
        #(use super::#names;)*
        use arch_runtime::model::{Claim, Deadline, Down, Fault, FaultKind, Model, Property, StepClaim};
        use arch_runtime::step::{Key, Record, Total, Tx, Typed, item, known, less, less_or_equal};
        use arch_runtime::value::Value;
        use arch_runtime::Instant;
        use std::collections::BTreeSet;
        #model
    };
    print::file(origin, "model.rs", "The finite model: faults, and what the spec claims.", model)
}
