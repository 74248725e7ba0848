//! `redundant X "why"`: what the author knows to be there without need.

use super::items::{Kind, contains};
use super::{Audited, Class};
use arch_base::Span;
use arch_ir::Program;
use arch_ir::change::Change;

/// A declaration that nothing depends on a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// What it names.
    pub changes: Vec<Change>,
    /// Why it is there all the same.
    pub why: String,
    /// The part as it is named.
    pub span: Span,
}

/// What became of such a declaration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The parts that it names, by identity.
    pub items: Vec<String>,
    /// Whether something depends on one of them.
    pub refuted: bool,
    /// What depends on it, or why the declaration says nothing, as a sentence without a full stop.
    pub remark: Option<String>,
    /// Why it is there.
    pub why: String,
    /// Where it is named.
    pub span: Span,
}

/// Marks the parts that the author knows to be idle, and says of each declaration whether it is true. What carries load or
/// does harm is not accepted by a reason for what it is part of, and a declaration that is refuted accepts nothing.
pub(super) fn settle(program: &Program, audited: &mut [Audited], accepted: &[Accepted]) -> Vec<Claim> {
    let claims: Vec<Claim> = accepted.iter().map(|a| claim(program, audited, a)).collect();
    let covers = |a: &Accepted, entry: &Audited| {
        !matters(entry) && a.changes.iter().any(|c| contains(program, c, &entry.item.change))
    };
    // A reason for a whole protocol is none for a term of it that has its own: who says more about less comes last.
    let upheld = accepted.iter().zip(&claims).filter(|(_, claim)| !claim.refuted).map(|(a, _)| a);
    let mut by_size: Vec<(usize, &Accepted)> =
        upheld.map(|a| (audited.iter().filter(|e| covers(a, e)).count(), a)).collect();
    by_size.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    for (_, a) in by_size {
        let covered = audited.iter_mut().filter(|entry| covers(a, entry));
        covered.for_each(|entry| entry.accepted = Some(a.why.clone()));
    }
    claims
}

/// Whether something depends on a part's being there, or on its not being there.
fn matters(audited: &Audited) -> bool {
    matches!(audited.class, Class::LoadBearing | Class::Harmful)
}

fn claim(program: &Program, audited: &[Audited], accepted: &Accepted) -> Claim {
    let named = |a: &Audited| accepted.changes.iter().any(|c| names(program, c, a));
    let items: Vec<&Audited> = audited.iter().filter(|a| named(a)).collect();
    let wrong = items.iter().find(|a| matters(a));
    let remark = match wrong {
        Some(a) => Some(depends(a)),
        None if items.is_empty() => Some("with these constants there is no such part".to_owned()),
        None => None,
    };
    Claim {
        items: items.iter().map(|a| a.item.id.clone()).collect(),
        refuted: wrong.is_some(),
        remark,
        why: accepted.why.clone(),
        span: accepted.span,
    }
}

/// Whether a change takes out just this part. A guard of one atom is that atom.
fn names(program: &Program, change: &Change, audited: &Audited) -> bool {
    match change {
        Change::Guard(at) if program.step(*at).atoms.len() == 1 => {
            audited.item.kind == Kind::Atom && contains(program, change, &audited.item.change)
        }
        _ => *change == audited.item.change,
    }
}

fn depends(audited: &Audited) -> String {
    let id = &audited.item.id;
    match (&audited.breaks, audited.repairs.as_slice()) {
        (Some(broken), _) if audited.class == Class::LoadBearing => {
            format!("{id} is load-bearing: without it, {} breaks", broken.name)
        }
        (_, repairs) => format!("{id} is harmful: without it, {} holds", repairs.join(", ")),
    }
}
