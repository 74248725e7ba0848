//! Ownership shapes: which attribute says who may act, which until when, and which generation of it counts.
//!
//! The notes that the notation comes from know three: *owner-only* (an owner, and a version or another guarded
//! revision), *lease-backed* (an owner, an expiry, and where old holders must be kept out an epoch) and *attempt-scoped*
//! (an attempt, mostly beside one of the others). They are recognised by what steps do: an owner is an attribute that
//! some guard compares with who acts, a lease one that is taken away because an instant is over. Only what a generation
//! is called by, an attempt, an epoch or a version, is read off its name.

use crate::lints::At;
use crate::lints::facts::{Expiry, Facts};
use arch_ir::{
    Actor, ArithOp, CompareOp, Expr, ExprKind, Init, Place, Program, SortId, StmtKind, TruthId, Type, Value,
    VarId, VarOwner,
};
use std::collections::BTreeSet;

/// What ends an ownership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A release, or somebody who writes another owner.
    OwnerOnly,
    /// An instant that is over.
    LeaseBacked,
}

impl Shape {
    /// `owner-only`, `lease-backed`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Shape::OwnerOnly => "owner-only",
            Shape::LeaseBacked => "lease-backed",
        }
    }
}

/// What tells one holder, or one execution, from the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Generation {
    /// An execution: what it completes is refused once there is another.
    Attempt,
    /// A holder: an epoch, a term, a fencing token, an incarnation.
    Epoch,
    /// A revision of the object.
    Version,
}

impl Generation {
    /// `attempt`, `epoch`, `version`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Generation::Attempt => "attempt",
            Generation::Epoch => "epoch",
            Generation::Version => "version",
        }
    }
}

/// What an ownership is called whose generation is an attempt.
pub const ATTEMPT_SCOPED: &str = "attempt-scoped";

/// One ownership of a spec. It has an owner, or it is an attempt alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ownership {
    /// Who may act, and what ends that; none where only the attempt counts.
    pub owner: Option<(VarId, Shape)>,
    /// Until when.
    pub expiry: Option<VarId>,
    /// Which of the holders or executions counts.
    pub generation: Option<(VarId, Generation)>,
}

impl Ownership {
    /// Whether it is attempt-scoped.
    #[must_use]
    pub fn is_attempt_scoped(&self) -> bool {
        matches!(self.generation, Some((_, Generation::Attempt)))
    }

    /// `attempt-scoped on lease-backed`
    #[must_use]
    pub fn shape(&self) -> String {
        let scoped = self.is_attempt_scoped().then_some(ATTEMPT_SCOPED);
        let words: Vec<&str> = scoped.into_iter().chain(self.owner.map(|(_, shape)| shape.word())).collect();
        words.join(" on ")
    }
}

/// The ownerships of a spec: by owner in order of declaration, then attempts that belong to none.
#[must_use]
pub fn ownerships(program: &Program) -> Vec<Ownership> {
    let facts = Facts::of(program);
    let generations = generations(&facts);
    let mut found: Vec<Ownership> =
        owners(&facts).into_iter().map(|owner| owned(&facts, owner, &generations)).collect();
    let taken: BTreeSet<VarId> = found.iter().filter_map(|o| o.generation.map(|(var, _)| var)).collect();
    let alone = generations.iter().filter(|(var, kind)| *kind == Generation::Attempt && !taken.contains(var));
    found.extend(alone.map(|g| Ownership { owner: None, expiry: None, generation: Some(*g) }));
    found
}

fn owned(facts: &Facts<'_>, owner: VarId, generations: &[(VarId, Generation)]) -> Ownership {
    let expiry = lease_of(facts, owner);
    let shape = if expiry.is_some() { Shape::LeaseBacked } else { Shape::OwnerOnly };
    // An epoch moves with the owner; a version may stand beside it.
    let moves = |var: VarId| {
        facts.steps.iter().any(|at| {
            let written = facts.writes(*at);
            written.contains(&owner) && written.contains(&var)
        })
    };
    let beside = |var: VarId| facts.truth(var) == facts.truth(owner);
    let fits = |&&(var, _): &&(VarId, Generation)| moves(var) || beside(var);
    let generation = generations.iter().filter(fits).min_by_key(|(_, kind)| *kind).copied();
    Ownership { owner: Some((owner, shape)), expiry, generation }
}

/// The instant until which an owner has what it has: because it is over some step writes the owner (which may have found
/// that out in an earlier step), or it is given with the owner, and compared with the clock.
fn lease_of(facts: &Facts<'_>, owner: VarId) -> Option<VarId> {
    let of_truth = |var: &VarId| facts.real_truth(*var).is_some();
    let over = |at: At| {
        let found = facts.expiries(at).into_iter().filter(|(_, side, _)| *side == Expiry::Expired);
        found.map(|(var, ..)| var).find(of_truth)
    };
    let compared: BTreeSet<VarId> =
        facts.steps.iter().flat_map(|at| facts.expiries(*at)).map(|(var, ..)| var).collect();
    let writers: Vec<At> =
        facts.steps.iter().copied().filter(|at| facts.writes(*at).contains(&owner)).collect();
    let looked =
        writers.iter().flat_map(|at| facts.before(*at).into_iter().map(|step| (at.0, step)).chain([*at]));
    let given = || {
        writers.iter().flat_map(|at| facts.stamps(*at)).find(|var| of_truth(var) && compared.contains(var))
    };
    looked.into_iter().find_map(over).or_else(given)
}

/// Attributes that hold an actor, and say who may act: some guard compares them with who acts, or whoever acts writes
/// itself there, and it ends, or they are given for a time.
fn owners(facts: &Facts<'_>) -> Vec<VarId> {
    let written: BTreeSet<VarId> = facts.steps.iter().flat_map(|at| facts.writes(*at)).collect();
    let compared: BTreeSet<VarId> =
        facts.steps.iter().flat_map(|at| compared_with_who_acts(facts, *at)).collect();
    let says_who = |var: &VarId| {
        let found = &facts.program.vars[*var];
        let holds = found.ty.is_optional() && actor(facts.program, &found.ty).is_some();
        holds && facts.real_truth(*var).is_some() && {
            let writes = Writes::of(facts, *var);
            let rights = compared.contains(var)
                || writes.by_itself && writes.ends
                || writes.given && lease_of(facts, *var).is_some();
            writes.elsewhere && rights
        }
    };
    written.into_iter().filter(says_who).collect()
}

/// What steps write to an attribute.
#[derive(Default)]
struct Writes {
    /// Who acts.
    by_itself: bool,
    /// An identity.
    given: bool,
    /// `null`
    ends: bool,
    /// Not only at one's own key: what each instance says of itself is no ownership.
    elsewhere: bool,
}

impl Writes {
    fn of(facts: &Facts<'_>, var: VarId) -> Writes {
        let mut found = Writes::default();
        for &at in &facts.steps {
            facts.each_statement(at, &mut |s| {
                let StmtKind::Assign(Place::Var(v, keys, _), value) = &s.kind else { return };
                if *v == var {
                    found.by_itself |= acts(facts, at, value);
                    found.given |= is_identity(facts.program, value);
                    found.ends |= matches!(value.kind, ExprKind::Literal(Value::Null));
                    found.elsewhere |= !keys.iter().any(|k| matches!(k.kind, ExprKind::SelfId));
                }
            });
        }
        found
    }
}

fn actor(program: &Program, ty: &Type) -> Option<SortId> {
    match ty.unwrap_optional() {
        Type::Id(sort) if program.sorts[*sort].actor => Some(*sort),
        _ => None,
    }
}

/// The attributes that conditions of a step compare with who acts.
fn compared_with_who_acts(facts: &Facts<'_>, at: At) -> BTreeSet<VarId> {
    let mut found = BTreeSet::new();
    for condition in facts.conditions(at) {
        condition.visit(&mut |e| {
            let ExprKind::Compare(CompareOp::Eq | CompareOp::Ne, a, b) = &e.kind else { return };
            for (var, other) in [(a, b), (b, a)] {
                if let ExprKind::Var(var, _) = &var.kind
                    && acts(facts, at, other)
                {
                    found.insert(*var);
                }
            }
        });
    }
    found
}

/// Who acts, a role or subject of the run, what a run remembers of one, or the name that an actor knows itself by.
fn is_identity(program: &Program, e: &Expr) -> bool {
    let named = matches!(
        e.kind,
        ExprKind::SelfId
            | ExprKind::Subject(_)
            | ExprKind::Role(_)
            | ExprKind::RunVar(_)
            | ExprKind::RunRole(..)
            | ExprKind::RunSubject(..)
    );
    named && actor(program, &e.ty).is_some() || is_own_name(program, e)
}

/// Who acts in a step.
fn acts(facts: &Facts<'_>, at: At, e: &Expr) -> bool {
    match (&e.kind, facts.step(at).actor) {
        (ExprKind::SelfId, _) => true,
        (ExprKind::Subject(i), Actor::Subject(acting)) => *i == acting,
        (ExprKind::Role(role), Actor::Role(acting)) => *role == acting,
        _ => is_own_name(facts.program, e),
    }
}

/// `worker_id`, where it is declared as `worker_id: worker = self`.
fn is_own_name(program: &Program, e: &Expr) -> bool {
    let ExprKind::Var(var, _) = &e.kind else { return false };
    match (&program.vars[*var].owner, &program.vars[*var].init) {
        (VarOwner::Local(sort), Init::Value { value, .. }) => {
            matches!(value.kind, ExprKind::Slot(_)) && actor(program, &value.ty) == Some(*sort)
        }
        _ => false,
    }
}

/// Numbers of real truth that some step advances, and some step compares with what its run or actor carries.
fn generations(facts: &Facts<'_>) -> Vec<(VarId, Generation)> {
    let mut advanced = BTreeSet::new();
    let mut compared = BTreeSet::new();
    for &at in &facts.steps {
        facts.each_statement(at, &mut |s| match &s.kind {
            StmtKind::Advance(Place::Var(var, ..), _) => {
                advanced.insert(*var);
            }
            StmtKind::Assign(Place::Var(var, ..), value) if grows(facts, at, value, *var) => {
                advanced.insert(*var);
            }
            _ => {}
        });
        for condition in facts.conditions(at) {
            condition.visit(&mut |e| {
                if let ExprKind::Compare(_, a, b) = &e.kind {
                    let carried = |x: &Expr, y: &Expr| match &x.kind {
                        ExprKind::Var(var, _) if is_carried(facts, y) => Some(*var),
                        _ => None,
                    };
                    compared.extend(carried(a, b).into_iter().chain(carried(b, a)));
                }
            });
        }
    }
    let both = advanced.intersection(&compared).copied();
    both.filter_map(|var| Some((var, kind(facts, var, facts.real_truth(var)?)))).collect()
}

/// `x + 1`, somewhere in what is assigned to x, or `seen + 1`, where the run saw x.
fn grows(facts: &Facts<'_>, at: At, value: &Expr, var: VarId) -> bool {
    let seen = facts.remembered(at.0, var);
    let mut grows = false;
    value.visit(&mut |e| {
        if let ExprKind::Arith(ArithOp::Add, a, _) = &e.kind {
            grows |= match &a.kind {
                ExprKind::Var(v, _) => *v == var,
                ExprKind::RunVar(v) => seen.contains(v),
                _ => false,
            };
        }
    });
    grows
}

/// What a run or an actor remembers, or a message says.
fn is_carried(facts: &Facts<'_>, e: &Expr) -> bool {
    let mut carried = false;
    e.visit(&mut |e| {
        carried |= match &e.kind {
            ExprKind::RunVar(_) | ExprKind::RunVarOf(..) => true,
            ExprKind::Var(var, _) => facts.truth(*var).is_none(),
            _ => false,
        };
    });
    carried
}

/// What a generation is called by: its own name, else its kind of ordinal, else its truth object.
fn kind(facts: &Facts<'_>, var: VarId, truth: TruthId) -> Generation {
    let found = &facts.program.vars[var];
    let own = found.name.rsplit('.').next().unwrap_or_default();
    let ordinal = match found.ty.unwrap_optional() {
        Type::Ordinal(id) => facts.program.ordinals[*id].name.as_str(),
        _ => "",
    };
    let names = [own, ordinal, facts.program.truths[truth].name.as_str()];
    names.into_iter().find_map(called).unwrap_or(Generation::Version)
}

fn called(name: &str) -> Option<Generation> {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    match () {
        () if has(&["attempt"]) => Some(Generation::Attempt),
        () if has(&["epoch", "term", "token", "fence", "fencing", "incarnation", "generation"]) => {
            Some(Generation::Epoch)
        }
        () if has(&["version", "revision"]) => Some(Generation::Version),
        () => None,
    }
}

/// `OwnerEpoch`, `owner_epoch`: owner, epoch.
fn words(name: &str) -> Vec<String> {
    let broken = |c: char| c.is_uppercase().then_some('_').into_iter().chain(c.to_lowercase());
    let broken: String = name.chars().flat_map(broken).collect();
    broken.split('_').map(str::to_owned).collect()
}
