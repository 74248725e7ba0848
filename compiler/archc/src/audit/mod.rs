//! The audit: which guard, atom, branch, protocol, `advance` and fault of a spec carries load, and which does not.
//!
//! Each part is taken out in turn, and what is left is compared with the spec as it is written: [`alone`] says what
//! each part does by itself, [`pairs`] which parts stand in for each other. Every answer is exact; where a limit
//! ends an exploration, the answer is that it is open. `docs/internals/audit.md` says why the shortcuts are sound.

mod accepted;
mod alone;
mod confirm;
mod families;
mod items;
mod judge;
mod pairs;
mod parallel;
pub mod pinned;
mod together;

pub use accepted::{Accepted, Claim};
pub use items::{Item, Kind, items};

use crate::engines::Request;
use crate::outcome::{ExitStatus, PropertyOutcome};
use arch_base::SourceMap;
use arch_ir::Program;
use judge::Judge;

/// What a spec's parts are for.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Every part, in the order of the spec.
    pub items: Vec<Audited>,
    /// What the spec as it is written violates.
    pub violated: Vec<String>,
    /// States of the spec as it is written, those that symmetry leaves out included.
    pub states: u64,
    /// Why the spec itself is open, if it is.
    pub open: Option<String>,
    /// Accepted redundancies, in the order of the file.
    pub claims: Vec<Claim>,
}

/// A part with what it is for.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The part.
    pub item: Item,
    /// What it is.
    pub class: Class,
    /// Whether the spec has the same states and events without it; none when that is not known.
    pub same_graph: Option<bool>,
    /// What breaks without it, with a shortest behaviour: alone, or (masked) without the first of `masked_by` as well.
    pub breaks: Option<PropertyOutcome>,
    /// Properties that the spec violates as it is written, and does not without it.
    pub repairs: Vec<String>,
    /// The parts without which it is load-bearing, each by its identity, with what breaks then.
    pub masked_by: Vec<Mask>,
    /// Why it is open, if it is.
    pub open: Option<String>,
    /// Why it is there although nothing depends on it, if the spec says so.
    pub accepted: Option<String>,
}

/// A part that hides what another one does.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Its identity.
    pub by: String,
    /// What breaks without both, and without neither of them alone.
    pub breaks: PropertyOutcome,
}

/// What a part is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Without it, a property that holds is violated.
    LoadBearing,
    /// Without it, and without another part that nothing depends on alone, a property that holds is violated.
    Masked,
    /// Without it, the same states and events are reachable, and so every verdict is the same.
    Redundant,
    /// Without it, the spec behaves differently and every verdict is the same.
    Unobserved,
    /// Without it, a property that is violated holds, and none that holds is violated.
    Harmful,
    /// A limit was reached, or it cannot be judged.
    Inconclusive,
}

impl Class {
    /// All of them, as reports list them.
    pub const ALL: [Class; 6] = [
        Class::LoadBearing,
        Class::Masked,
        Class::Redundant,
        Class::Unobserved,
        Class::Harmful,
        Class::Inconclusive,
    ];

    /// The word that reports use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::LoadBearing => "load-bearing",
            Class::Masked => "masked",
            Class::Redundant => "redundant",
            Class::Unobserved => "unobserved",
            Class::Harmful => "harmful",
            Class::Inconclusive => "inconclusive",
        }
    }
}

impl Audited {
    /// Whether it is a guard, or part of one, that does nothing, and the spec does not say why it is there. A switch
    /// such as `not FENCED` says so itself.
    #[must_use]
    pub fn unexplained(&self) -> bool {
        let guard = matches!(self.item.kind, Kind::Atom | Kind::Guard) && !self.item.constant;
        guard && self.class == Class::Redundant && self.accepted.is_none()
    }
}

impl Audit {
    /// What it means for the exit status. `strict`: a redundant guard needs a reason.
    #[must_use]
    pub fn status(&self, strict: bool) -> ExitStatus {
        let refuted = self.claims.iter().any(|c| c.refuted);
        let open = self.open.is_some() || self.items.iter().any(|i| i.class == Class::Inconclusive);
        match () {
            () if refuted => ExitStatus::Violated,
            () if open => ExitStatus::Inconclusive,
            () if strict && self.items.iter().any(Audited::unexplained) => ExitStatus::Strict,
            () => ExitStatus::Success,
        }
    }
}

/// Takes each part out of a program in turn.
#[must_use]
pub fn audit(program: &Program, accepted: &[Accepted], request: &Request<'_>, sources: &SourceMap) -> Audit {
    let judge = match Judge::new(program, request, sources) {
        Ok(judge) => judge,
        Err(why) => return Audit { open: Some(why), ..Audit::default() },
    };
    let named = accepted.iter().flat_map(|a| &a.changes);
    let (mut audited, families) = alone::classify(items(program, named, sources), &judge);
    pairs::mask(&mut audited, &judge, families);
    let claims = accepted::settle(program, &mut audited, accepted);
    Audit {
        items: audited,
        violated: judge.violated(),
        states: judge.states,
        open: judge.open.clone(),
        claims,
    }
}
