//! Which steps give back what their actor owns: those that set an attribute to null in which their actor stands. A process that
//! ends asks for them on behalf of the instances that live in it.
//!
//! Most such steps say more. `finish` makes the job done, `fail` makes it failed, `commit` is seen outside; none of it is so because a
//! process ends. A step does nothing *but* give back if whatever it writes is the ownership itself (its owner, the instant until
//! which it lasts, its generation: what is written, too, when somebody becomes the owner), what its actor or run remembers, or an attribute that is as it must be for somebody to become the
//! owner: `state := READY`, where `claim` asks for `state = READY`. Only such a step is taken unless a configuration names another.

use crate::gen_::Gen;
use crate::layout::KindOf;
use crate::names::ident;
use arch_base::Idx;
use arch_ir::{
    CompareOp, Expr, ExprKind, Place, ProtocolId, SortId, Step, StepId, Stmt, StmtKind, Type, Value, VarId,
    VarOwner,
};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeSet;

/// A step that ends an ownership of its actor's.
struct Ending {
    op: String,
    owners: BTreeSet<VarId>,
    only: bool,
}

impl Gen<'_> {
    /// The list of [`Ending`]s, as code: an expression of the type `Vec<Release>`.
    pub fn releases(&self) -> TokenStream {
        let endings = self.ownership_endings();
        if endings.is_empty() {
            return quote!(Vec::new());
        }
        let calls = endings.iter().map(|Ending { op, owners, only }| {
            let owners = owners.iter().map(|owner| {
                let (kind, column) = self.layout.vars[&owner.0];
                let row = ident(&self.layout.kinds[kind].rust);
                quote!((<super::rows::#row as arch_runtime::step::Record>::KIND, #column))
            });
            quote!(serving.release(#op, &[#(#owners),*], #only))
        });
        quote!([#(#calls),*].into_iter().flatten().collect())
    }

    fn ownership_endings(&self) -> Vec<Ending> {
        let mut found = Vec::new();
        for (id, protocol) in self.program.protocols.iter_enumerated() {
            // Rules have no runs by which they could be asked for.
            if self.layout.kind_of(KindOf::Run(id)).is_none() {
                continue;
            }
            for (number, step) in protocol.steps.iter_enumerated() {
                let actor = protocol.acting_sort(number);
                let owners = self.ended(actor, step);
                if !owners.is_empty() {
                    let op = self.layout.protocol(id).ops[number.index()].clone();
                    let only = self.does_nothing_else(id, number, actor, &owners);
                    found.push(Ending { op, owners, only });
                }
            }
        }
        found
    }

    /// The attributes in which a step's actor may stand, and which the step sets to null.
    fn ended(&self, actor: SortId, step: &Step) -> BTreeSet<VarId> {
        let mut owners = BTreeSet::new();
        each(&step.effect, &mut |place, value| {
            if let (Place::Var(var, ..), Some(ExprKind::Literal(Value::Null))) = (place, value)
                && self.is_owner(*var, actor)
            {
                owners.insert(*var);
            }
        });
        owners
    }

    fn is_owner(&self, var: VarId, actor: SortId) -> bool {
        let found = &self.program.vars[var];
        let holds = found.ty.is_optional() && *found.ty.unwrap_optional() == Type::Id(actor);
        holds && matches!(found.owner, VarOwner::Truth(_)) && !self.is_ghost(var)
    }

    fn does_nothing_else(
        &self,
        id: ProtocolId,
        number: StepId,
        actor: SortId,
        owners: &BTreeSet<VarId>,
    ) -> bool {
        let mut nothing = !self.leaves_open(id, number);
        each(&self.program.protocols[id].steps[number].effect, &mut |place, value| {
            nothing &= match place {
                Place::RunVar(..) => true,
                Place::Var(var, ..) => match self.program.vars[*var].owner {
                    VarOwner::Local(sort) => sort == actor,
                    VarOwner::Truth(_) if self.is_ghost(*var) => false,
                    VarOwner::Truth(_) => {
                        self.is_of_ownership(*var, owners, value) || self.is_asked_for(*var, owners, value)
                    }
                },
            };
        });
        nothing
    }

    /// The owner, which must go, until when, and which generation. An instant that is not written when somebody becomes the owner is
    /// another one: when the work was done.
    fn is_of_ownership(&self, var: VarId, owners: &BTreeSet<VarId>, value: Option<&ExprKind>) -> bool {
        let ends = matches!(value, None | Some(ExprKind::Literal(Value::Null)));
        match self.program.vars[var].ty.unwrap_optional() {
            Type::Time | Type::Ordinal(_) => {
                self.steps().any(|step| makes_owner(step, owners) && writes(step, var))
            }
            _ => ends && owners.contains(&var),
        }
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.program.protocols.iter().flat_map(|protocol| &protocol.steps)
    }

    /// Whether a guard of a step that makes somebody the owner asks for this value.
    fn is_asked_for(&self, var: VarId, owners: &BTreeSet<VarId>, value: Option<&ExprKind>) -> bool {
        let Some(ExprKind::Literal(value)) = value else { return false };
        self.steps().filter(|step| makes_owner(step, owners)).any(|step| {
            let mut asked = false;
            for atom in &step.atoms {
                atom.expr.visit(&mut |e| asked |= compares(e, var, value));
            }
            asked
        })
    }
}

/// Every assignment, and what is assigned; none where a generation is advanced.
fn each<'s>(effect: &'s [Stmt], f: &mut dyn FnMut(&'s Place, Option<&'s ExprKind>)) {
    for stmt in effect {
        stmt.visit(&mut |s| match &s.kind {
            StmtKind::Assign(place, value) => f(place, Some(&value.kind)),
            StmtKind::Advance(place, _) => f(place, None),
            _ => {}
        });
    }
}

fn makes_owner(step: &Step, owners: &BTreeSet<VarId>) -> bool {
    let mut makes = false;
    each(&step.effect, &mut |place, value| {
        if let (Place::Var(var, ..), Some(value)) = (place, value) {
            makes |= owners.contains(var) && !matches!(value, ExprKind::Literal(Value::Null));
        }
    });
    makes
}

fn writes(step: &Step, var: VarId) -> bool {
    let mut writes = false;
    each(&step.effect, &mut |place, _| writes |= matches!(place, Place::Var(written, ..) if *written == var));
    writes
}

/// `X.state = READY`, either way round.
fn compares(e: &Expr, var: VarId, value: &Value) -> bool {
    let ExprKind::Compare(CompareOp::Eq, a, b) = &e.kind else { return false };
    let is = |x: &Expr, y: &Expr| {
        matches!(&x.kind, ExprKind::Var(v, _) if *v == var)
            && matches!(&y.kind, ExprKind::Literal(l) if l == value)
    };
    is(a, b) || is(b, a)
}
