//! What the passes of the generator share: the program, its layout, the scope of an expression.

use crate::layout::Layout;
use crate::names::ident;
use arch_base::SourceMap;
use arch_ir::ghosts::Unseen;
use arch_ir::{Program, ProtocolId, SlotId, SortId};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The generator.
pub struct Gen<'p> {
    /// What code is made of.
    pub program: &'p Program,
    /// What a service does not see of it.
    pub unseen: Unseen<'p>,
    /// All names.
    pub layout: Layout,
    /// The text of the spec, for documentation.
    pub sources: &'p SourceMap,
    /// The spec's path, as generated code names it.
    pub spec: &'p str,
    /// What the code of the present step needs; which types are closed is kept for all.
    pub uses: RefCell<Uses>,
    /// Kinds that some step looks through.
    pub scanned: RefCell<BTreeSet<usize>>,
}

impl<'p> Gen<'p> {
    /// A generator that has not made any code; `spec` is how that names the spec.
    pub fn new(program: &'p Program, layout: Layout, sources: &'p SourceMap, spec: &'p str) -> Gen<'p> {
        let (uses, scanned) = (RefCell::default(), RefCell::default());
        Gen { program, unseen: Unseen::of(program), layout, sources, spec, uses, scanned }
    }
}

/// What code needs of its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Kinds of which all rows are looked through.
    pub scans: BTreeSet<usize>,
    /// Types of which all instances are asked for.
    pub closed: BTreeSet<SortId>,
}

/// Where an expression stands.
#[derive(Clone)]
pub struct Scope {
    /// Whose runs `RunVar` and `Role` read.
    pub protocol: Option<ProtocolId>,
    /// The view that is read.
    pub tx: Ident,
    /// The closed lists of instances.
    pub members: TokenStream,
    /// Who acts, as code.
    pub me: TokenStream,
    /// Whether a service executes it (else only the model).
    pub serving: bool,
    /// Bound variables.
    pub slots: Vec<(SlotId, Ident)>,
    /// Whether it is executed where there is ghost truth alone.
    pub unseen: bool,
}

impl Scope {
    /// In a step of a protocol.
    pub fn step(protocol: ProtocolId) -> Scope {
        Scope {
            protocol: Some(protocol),
            tx: ident("tx"),
            members: quote!(tx.members()),
            me: quote!(me),
            serving: true,
            slots: Vec::new(),
            unseen: false,
        }
    }

    /// In a property of states.
    pub fn property() -> Scope {
        Scope {
            protocol: None,
            tx: ident("tx"),
            members: quote!(tx.members()),
            me: quote!(me),
            serving: false,
            slots: Vec::new(),
            unseen: false,
        }
    }

    /// In an initial value.
    pub fn initial() -> Scope {
        Scope { members: quote!(members), serving: true, ..Scope::property() }
    }

    /// With one more variable, whose name no variable in scope has.
    pub fn bind(&self, slot: SlotId, name: &str) -> (Scope, Ident) {
        const TAKEN: &[&str] =
            &["tx", "old", "before", "run", "me", "members", "picks", "value", "key", "row", "items"];
        let base = crate::names::snake(name);
        let mut found = base.clone();
        let mut n = 2;
        while TAKEN.contains(&found.as_str()) || self.slots.iter().any(|(_, i)| *i == ident(&found)) {
            found = format!("{base}_{n}");
            n += 1;
        }
        let name = ident(&found);
        let mut scope = self.clone();
        scope.slots.push((slot, name.clone()));
        (scope, name)
    }

    /// The name of a variable.
    pub fn slot(&self, slot: SlotId) -> Option<&Ident> {
        self.slots.iter().rev().find(|(s, _)| *s == slot).map(|(_, name)| name)
    }
}
