//! From a checked program to a Rust crate: typed rows, steps, the table of a spec, its finite model.
//!
//! The generator is thin: what services share is in the crate arch-runtime. [`generate`] is the pipeline. Everything that no
//! code is made of yet is a [`Refusal`]; nothing is left out silently. This is the only crate that uses syn and quote.

mod docs;
mod effect;
mod effect_uses;
mod expr;
mod gen_;
mod hash;
mod layout;
mod model;
mod names;
mod print;
mod refusal;
mod rows;
mod step;
mod types;

pub use hash::spec_hash;
pub use layout::{Column, ColumnOf, Kind, KindOf, Layout, ProtocolNames};
pub use refusal::{NOT_GENERATED, Refusal};

use arch_base::SourceMap;
use arch_ir::Program;
use gen_::Gen;
use names::ident;
use proc_macro2::TokenStream;
use quote::quote;
use std::cell::RefCell;

/// What generated code says of where it is from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `archc 0.1.0`
    pub tool: String,
    /// The spec's path, as it was given.
    pub spec: String,
    /// The hash of the spec with its constants: what databases and traces carry.
    pub hash: String,
    /// The length of a tick in milliseconds.
    pub tick: i64,
}

/// A generated file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Its path below the folder of generated code.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The modules of a program, below `src/generated`.
///
/// # Errors
/// Everything of which no code can be made.
pub fn generate(program: &Program, sources: &SourceMap, origin: &Origin) -> Result<Vec<File>, Vec<Refusal>> {
    let layout = Layout::of(program)?;
    let r#gen = Gen { program, layout, sources, uses: RefCell::default(), scanned: RefCell::default() };
    let mut refusals = Vec::new();
    let mut keep = |result: Result<TokenStream, Refusal>| {
        result.unwrap_or_else(|r| {
            refusals.push(r);
            quote!()
        })
    };
    let (types, rows) = (keep(r#gen.types_module()), keep(r#gen.rows_module()));
    let (mut modules, mut table) = (Vec::new(), Vec::new());
    for id in program.protocols.indices() {
        match r#gen.module(id) {
            Ok(module) => {
                modules.push((r#gen.layout.protocol(id).module.clone(), module.items));
                table.push(module.descriptor);
            }
            Err(more) => refusals.extend(more),
        }
    }
    let model = r#gen.model_module();
    match model {
        Ok(model) if refusals.is_empty() => Ok(files(&r#gen, origin, types, rows, modules, &table, model)),
        Ok(_) => Err(refusals),
        Err(more) => {
            refusals.extend(more);
            Err(refusals)
        }
    }
}

/// The modules as files.
fn files(
    r#gen: &Gen<'_>,
    origin: &Origin,
    types: TokenStream,
    rows: TokenStream,
    modules: Vec<(String, TokenStream)>,
    table: &[TokenStream],
    model: TokenStream,
) -> Vec<File> {
    let step_use = quote! {
        use super::rows::*;
        use super::types::*;
        use arch_runtime::step::{
            Domain, Excess, Guard, Key, Moved, Nobody, Operation, Picks, Policy, Record, Stop, Total, Tx, Typed, item, known,
            less, less_or_equal,
        };
        use arch_runtime::value::Value;
        use arch_runtime::Instant;
        use std::collections::BTreeSet;
    };
    let mut list = vec![
        print::file(
            origin,
            "types.rs",
            "The types of the spec.",
            quote! {
                use arch_runtime::step::{Domain, Members, Typed};
                use arch_runtime::value::{Field, Type, UnionType, Value, Variant};
                use arch_runtime::Instant;
                use smol_str::SmolStr;
                use std::collections::BTreeSet;
                use std::sync::Arc;
                #types
            },
        ),
        print::file(
            origin,
            "rows.rs",
            "What is stored: truth objects, locals of actors, runs.",
            quote! {
                use super::types::*;
                use arch_runtime::step::{Key, Members, Record, Total, Typed};
                use arch_runtime::value::{Row, Type, Value};
                use arch_runtime::{Instant, KindId};
                use std::collections::BTreeSet;
                #rows
            },
        ),
    ];
    let names: Vec<_> = modules.iter().map(|(name, _)| ident(name)).collect();
    let spec = r#gen.spec_module(table, &origin.hash, origin.tick);
    for (name, items) in modules {
        let doc = format!("The steps of `{name}`.");
        list.push(print::file(origin, &format!("{name}.rs"), &doc, quote! { #step_use #items }));
    }
    list.push(print::file(
        origin,
        "spec.rs",
        "The spec as a table: what is stored, who acts, which steps there are.",
        quote! {
            use super::rows::*;
            use super::types::*;
            #(use super::#names;)*
            use arch_runtime::step::{Action, KindCode, Protocol, Record, Sort, Spec};
            use arch_runtime::value::Type;
            use arch_runtime::{Kind, KindClass, Schema};
            use std::sync::Arc;
            #spec
        },
    ));
    list.push(print::file(
        origin,
        "model.rs",
        "The finite model: faults, and what the spec claims.",
        quote! {
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
        },
    ));
    let modules = quote! {
        #(pub mod #names;)*
        #[cfg(feature = "model")]
        pub mod model;
        pub mod rows;
        pub mod spec;
        pub mod types;
    };
    list.push(print::file(origin, "mod.rs", "Generated code: change the spec, not this.", modules));
    list
}
