//! Sub-runs (`each`, `spawn`): methods of their keys that say where they belong, whether their turn has come, and whether all are done.
//!
//! Sub-runs are rows of a protocol of their own. Nothing is written when they can begin: a sub-run that was never written is idle,
//! and idle is where it starts. What a run waits for is therefore read key by key, so the types of the keys are closed lists.

use crate::concluded::Concluded;
use crate::expr::{MAIN, can_pass};
use crate::gen_::Gen;
use crate::layout::ColumnOf;
use crate::names::ident;
use arch_ir::{ProtocolId, Status, StepId, Type};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

impl Gen<'_> {
    /// The protocols of the sub-runs of a protocol's runs, in order, each with the position at which they happen.
    pub fn segments(&self, id: ProtocolId) -> Vec<(ProtocolId, u32)> {
        let protocols = self.program.protocols.iter_enumerated();
        let below = protocols.filter_map(|(sub, p)| p.parent.map(|parent| (sub, parent)));
        below
            .filter(|(_, parent)| parent.protocol == id)
            .map(|(sub, parent)| (sub, parent.position))
            .collect()
    }

    /// The key of a protocol's runs.
    pub fn run_key_name(&self, id: ProtocolId) -> Ident {
        ident(&self.layout.protocol(id).key)
    }

    /// A status in which something is so if the sub-runs of these protocols are done.
    fn arm(at: &TokenStream, joins: &[TokenStream]) -> TokenStream {
        if joins.is_empty() { quote!(#at => true) } else { quote!(#at => #(#joins)&&*) }
    }

    /// What joins the sub-runs of these protocols, which belong to a run: one condition for each.
    pub fn joins(&self, segments: &[ProtocolId], tx: &TokenStream, run: &TokenStream) -> Vec<TokenStream> {
        let join = |segment: &ProtocolId| {
            let key = self.run_key_name(*segment);
            quote!(#key::joined(#tx, #run))
        };
        segments.iter().map(join).collect()
    }

    /// The protocols of sub-runs that a run joins on its way from a position of the main chain to another, both included.
    pub fn joined_between(&self, id: ProtocolId, from: usize, to: usize) -> Vec<ProtocolId> {
        let between = |(_, at): &(ProtocolId, u32)| (from..=to).contains(&(*at as usize));
        self.segments(id).into_iter().filter(between).map(|(segment, _)| segment).collect()
    }

    /// For each status of its parent in which a sub-run can begin, the sub-runs that have to be done before.
    fn turns(&self, id: ProtocolId) -> Vec<(Status, Vec<ProtocolId>)> {
        let Some(parent) = self.program.protocols[id].parent else { return Vec::new() };
        let above = &self.program.protocols[parent.protocol];
        let here = parent.position as usize;
        let before = |from: usize| {
            let earlier = |(segment, at): &(ProtocolId, u32)| {
                *at as usize >= from && (*at, *segment) < (parent.position, id)
            };
            self.segments(parent.protocol).into_iter().filter(earlier).map(|(segment, _)| segment).collect()
        };
        let all = (0..=here).filter(|from| can_pass(above, MAIN, *from..here));
        all.map(|from| (Status::At(MAIN, from as u32), before(from))).collect()
    }

    /// Code that makes the sub-runs idle that a step leaves behind; `moved` if the run goes on (else it has an outcome).
    pub fn leave(&self, id: ProtocolId, step: StepId, moved: bool) -> TokenStream {
        let mut code = self.reset(&self.left(id, step, moved), &quote!(run));
        code.extend(self.reset(&self.passed(id, step), &quote!(&run.parent())));
        code
    }

    /// The protocols of the sub-runs that a run leaves behind when it takes a step.
    pub fn left(&self, id: ProtocolId, step: StepId, moved: bool) -> Vec<ProtocolId> {
        let to = match self.concluded(id, step) {
            Some((_, Concluded::AsBefore)) if moved => return Vec::new(),
            Some((_, Concluded::At(at))) if moved => Some(at.status),
            _ => None,
        };
        let from = self.reached(id, step);
        let left = |at: u32| from.contains(&Status::At(MAIN, at)) && to != Some(Status::At(MAIN, at));
        self.segments(id).into_iter().filter(|(_, at)| left(*at)).map(|(segment, _)| segment).collect()
    }

    /// The protocols of the sub-runs that are over when a sub-run begins: its run passes the `loop` steps at which they happened.
    pub fn passed(&self, id: ProtocolId, step: StepId) -> Vec<ProtocolId> {
        let Some(parent) = self.program.protocols[id].parent else { return Vec::new() };
        if !self.moves_parent(id, step) {
            return Vec::new();
        }
        let turns = self.turns(id);
        let passed = |at: u32| at < parent.position && turns.iter().any(|(s, _)| *s == Status::At(MAIN, at));
        let before = self.segments(parent.protocol).into_iter().filter(|(_, at)| passed(*at));
        before.map(|(segment, _)| segment).collect()
    }

    /// Whether a step of a sub-run can find its run elsewhere than where it has to be: before `loop` steps.
    pub fn moves_parent(&self, id: ProtocolId, step: StepId) -> bool {
        self.turns(id).len() > 1 && self.reached(id, step).contains(&Status::Idle)
    }

    /// Code that makes the sub-runs of a run idle.
    pub fn reset(&self, segments: &[ProtocolId], run: &TokenStream) -> TokenStream {
        let keys = segments.iter().map(|segment| self.run_key_name(*segment));
        quote!(#(#keys::reset(tx, #run);)*)
    }

    /// Code by which an event of a sub-run has its run wait for it, where that can be elsewhere.
    pub fn enter_parent(&self, id: ProtocolId, step: StepId) -> TokenStream {
        if self.moves_parent(id, step) { quote!(run.enter(tx);) } else { quote!() }
    }

    /// The methods of the keys of sub-runs; nothing for runs that are no sub-runs.
    pub fn sub_run_items(&self, id: ProtocolId) -> TokenStream {
        let protocol = &self.program.protocols[id];
        let Some(parent) = protocol.parent else { return quote!() };
        let inherited = self.program.inherited_subjects(protocol);
        let names = self.layout.protocol(id);
        let own = protocol.subjects.iter().skip(inherited).map(|s| s.sort);
        self.uses.borrow_mut().closed.extend(own);
        let (key, above) = (self.run_key_name(id), self.run_key_name(parent.protocol));
        let above_fields: Vec<Ident> =
            self.layout.protocol(parent.protocol).keys.iter().map(|k| ident(&k.field)).collect();
        let is_own = |n: &usize| (inherited..protocol.subjects.len()).contains(n);
        let (own, theirs): (Vec<usize>, Vec<usize>) = (0..names.keys.len()).partition(is_own);
        let field = |n: &usize| ident(&names.keys[*n].field);
        let (own_fields, their_fields): (Vec<_>, Vec<_>) =
            (own.iter().map(field).collect(), theirs.iter().map(field).collect());
        let mut all = quote! {
            vec![#key { #(#their_fields: parent.#above_fields.clone(),)* #(#own_fields: #own_fields.clone()),* }]
        };
        for n in own.iter().rev() {
            let field = field(n);
            let Type::Id(sort) = &names.keys[*n].ty else { continue };
            let sort = ident(self.layout.sort(*sort));
            all = quote!(#sort::all(members).into_iter().flat_map(|#field| #all).collect::<Vec<_>>());
        }
        let tests = self.sub_run_tests(id);
        let doc =
            format!(" The run of `{}` that it belongs to.", self.program.protocols[parent.protocol].name);
        quote! {
            impl #key {
                #[doc = #doc]
                pub fn parent(&self) -> #above {
                    #above { #(#above_fields: self.#their_fields.clone()),* }
                }
                #[doc = " The sub-runs of a run: one for each key, which are closed lists."]
                pub fn of(members: &Members, parent: &#above) -> Vec<#key> {
                    let _ = parent;
                    #all
                }
                #tests
            }
        }
    }

    /// What steps ask of sub-runs, and do with them.
    fn sub_run_tests(&self, id: ProtocolId) -> TokenStream {
        let protocol = &self.program.protocols[id];
        let Some(parent) = protocol.parent else { return quote!() };
        let names = self.layout.protocol(id);
        let key = self.run_key_name(id);
        let (run, _) = self.run_column(id, ColumnOf::Status);
        let (above, _) = self.run_column(parent.protocol, ColumnOf::Status);
        let (status, above_status) =
            (ident(&names.status), ident(&self.layout.protocol(parent.protocol).status));
        let above_at = |at: Status| ident(&self.layout.protocol(parent.protocol).variant(at).rust);
        let here = above_at(Status::At(MAIN, parent.position));
        // All are read, whatever the first one says: which rows a join asks for does not depend on what is in them.
        let done = match names.ended(protocol, "done") {
            None => quote!(false),
            Some(done) => {
                let done = ident(&done.rust);
                quote! {
                    let all = #key::of(tx.members(), parent);
                    all.iter().fold(true, |done, run| done & (tx.get::<#run>(run).status == #status::#done))
                }
            }
        };
        let arms = self.turns(id).into_iter().map(|(at, before)| {
            let (at, joins) = (above_at(at), self.joins(&before, &quote!(tx), &quote!(&parent)));
            Self::arm(&quote!(#above_status::#at), &joins)
        });
        let enter = (self.turns(id).len() > 1).then(|| {
            quote! {
                #[doc = " Its run is where its sub-runs happen, also if `loop` steps came before."]
                pub fn enter(&self, tx: &mut arch_runtime::step::Tx<'_>) {
                    tx.update::<#above>(&self.parent(), |row| row.status = #above_status::#here);
                }
            }
        });
        quote! {
            #[doc = " Whether all sub-runs of a run have ended as `done`."]
            pub fn joined(tx: &arch_runtime::step::Tx<'_>, parent: &<#above as Record>::Key) -> bool {
                let _ = (tx, parent);
                #done
            }
            #[doc = " Whether it may begin as far as its run goes: that is there, and what comes before it is done."]
            pub fn may_begin(&self, tx: &arch_runtime::step::Tx<'_>) -> bool {
                let parent = self.parent();
                match tx.get::<#above>(&parent).status { #(#arms,)* _ => false }
            }
            #enter
            #[doc = " Makes the sub-runs of a run idle: it is elsewhere, or there once more."]
            pub fn reset(tx: &mut arch_runtime::step::Tx<'_>, parent: &<#above as Record>::Key) {
                for run in #key::of(tx.members(), parent) {
                    let fresh = <#run as Record>::initial(&run, tx.members());
                    tx.update::<#run>(&run, |row| *row = fresh);
                }
            }
        }
    }

    /// Whether a run waits for a hand-off to a step, as a function of the view and the run's key.
    pub fn waits_at(&self, id: ProtocolId, step: StepId) -> TokenStream {
        let protocol = &self.program.protocols[id];
        let (key, status) = (self.run_key_name(id), ident(&self.layout.protocol(id).status));
        let (run, _) = self.run_column(id, ColumnOf::Status);
        let Some((chain, to)) = protocol.place(step) else { return quote!(|_, _| false) };
        let arms = self.positions_at(id, step).into_iter().map(|from| {
            let at = ident(&self.layout.protocol(id).variant(Status::At(chain, from as u32)).rust);
            let joined = if chain == MAIN { self.joined_between(id, from, to) } else { Vec::new() };
            let joins = self.joins(&joined, &quote!(tx), &quote!(&run));
            Self::arm(&quote!(#status::#at), &joins)
        });
        let idle = (protocol.parent.is_some() && self.positions_at(id, step).contains(&0))
            .then(|| quote!(#status::Idle => run.may_begin(tx),));
        quote! {
            |tx, run| #key::from_parts(run).is_some_and(|run| match tx.get::<#run>(&run).status {
                #(#arms,)* #idle _ => false
            })
        }
    }

    /// Whether some sub-run of a run is at a step, one that may begin at its first.
    pub fn some_sub_run_is_at(
        &self,
        (id, step): (ProtocolId, StepId),
        tx: &Ident,
        members: &TokenStream,
        above: &TokenStream,
    ) -> TokenStream {
        let (key, status) = (self.run_key_name(id), ident(&self.layout.protocol(id).status));
        let (run, _) = self.run_column(id, ColumnOf::Status);
        let statuses = self.statuses_at(id, step);
        let begins = self.positions_at(id, step).contains(&0);
        let idle = begins.then(|| quote!(#status::Idle => sub.may_begin(#tx.view()),));
        quote! {
            #key::of(#members, &#above).iter().any(|sub| match #tx.get::<#run>(sub).status {
                #idle
                #(#status::#statuses)|* => true,
                _ => false
            })
        }
    }
}
