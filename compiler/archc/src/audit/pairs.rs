//! Which parts stand in for each other: a pair without which a property breaks that breaks without neither of them
//! alone. These are the minimal sets of two; why larger ones are not looked for is in `docs/internals/audit.md`.
//!
//! A pair is explored unless it is known to make no difference: when neither part does and they are of different
//! steps, or when one of them still makes none where the other one is taken out.

use super::alone::happens;
use super::families::Families;
use super::items::{Item, contains, step_of};
use super::judge::{Effects, Judge};
use super::together::Done;
use super::{Audited, Class, Mask};
use arch_check::lockstep::Variant;
use arch_ir::Program;
use arch_ir::change::apply;

/// Two parts, by position.
type Pair = (usize, usize);

/// Finds what masks what, and says so of the parts.
pub(super) fn mask<'j>(audited: &mut [Audited], judge: &'j Judge<'j>, mut families: Families<'j>) {
    let pairs = candidates(audited, judge.program);
    let (asked, rest) = (apart(audited, &pairs, false), apart(audited, &pairs, true));
    let items: Vec<&Item> = audited.iter().map(|a| &a.item).collect();
    let known = families.pairs(&items, &asked, judge);
    let breaking = known.iter().filter(|(_, done)| done.breaks.is_some());
    let mut jobs: Vec<(Pair, Option<&Done>)> = breaking.map(|(pair, done)| (*pair, Some(done))).collect();
    let rest: Vec<Pair> = rest.into_iter().chain(asked).filter(|pair| !known.contains_key(pair)).collect();
    jobs.extend(unlike(audited, &rest, judge).into_iter().map(|pair| (pair, None)));
    jobs.sort_unstable_by_key(|(pair, _)| *pair);
    let effects = judge.all(&jobs, |((a, b), done)| {
        let seen = done.and_then(|done| Some((done.breaks?, done.shown.as_ref())));
        match (without(judge.program, &[&audited[*a].item, &audited[*b].item]), seen) {
            (Ok(program), Some((seen, shown))) => judge.what_breaks(&program, seen, shown),
            (Ok(program), None) => judge.effects(&program),
            (Err(why), _) => Effects::open(why),
        }
    });
    for (((a, b), _), effects) in jobs.into_iter().zip(effects) {
        note(audited, a, b, &effects);
        note(audited, b, a, &effects);
    }
    for item in audited {
        item.breaks = item.breaks.take().or_else(|| item.masked_by.first().map(|m| m.breaks.clone()));
    }
}

/// The pairs of which neither part makes a difference, where both change different steps; or all others.
fn apart(audited: &[Audited], pairs: &[Pair], apart: bool) -> Vec<Pair> {
    let same = |i: usize| audited[i].same_graph == Some(true);
    let step = |i: usize| step_of(&audited[i].item.change);
    let are = |(a, b): &Pair| same(*a) && same(*b) && (step(*a).is_none() || step(*a) != step(*b));
    pairs.iter().copied().filter(|p| are(p) == apart).collect()
}

/// Adds what a pair does to one of it.
fn note(audited: &mut [Audited], of: usize, by: usize, effects: &Effects) {
    let by = audited[by].item.id.clone();
    let entry = &mut audited[of];
    let settled = matches!(entry.class, Class::Harmful | Class::LoadBearing);
    if let Some(breaks) = &effects.breaks {
        entry.masked_by.push(Mask { by, breaks: breaks.clone() });
        if !settled {
            (entry.class, entry.open) = (Class::Masked, None);
        }
    } else if let (Some(why), false) = (&effects.open, settled || entry.class == Class::Masked) {
        (entry.class, entry.open) = (Class::Inconclusive, Some(format!("with {by} removed as well: {why}")));
    }
}

/// The pairs of parts without which nothing breaks, where one is not part of the other.
fn candidates(audited: &[Audited], program: &Program) -> Vec<Pair> {
    let idle = |a: &Audited| !matches!(a.class, Class::LoadBearing | Class::Inconclusive);
    let idle: Vec<usize> = (0..audited.len()).filter(|i| idle(&audited[*i])).collect();
    let change = |i: usize| &audited[i].item.change;
    let apart = |a: usize, b: usize| {
        !contains(program, change(a), change(b)) && !contains(program, change(b), change(a))
    };
    let pairs = idle.iter().enumerate().flat_map(|(n, a)| idle[n + 1..].iter().map(|b| (*a, *b)));
    pairs.filter(|(a, b)| apart(*a, *b)).collect()
}

/// The pairs that are not known to make no difference.
fn unlike(audited: &[Audited], pairs: &[Pair], judge: &Judge<'_>) -> Vec<Pair> {
    let same = |i: usize| audited[i].same_graph == Some(true);
    let step = |i: usize| step_of(&audited[i].item.change);
    let (idle, others): (Vec<Pair>, Vec<Pair>) = pairs.iter().partition(|(a, b)| same(*a) && same(*b));
    let of_one_step: Vec<Pair> =
        idle.into_iter().filter(|(a, b)| step(*a).is_some() && step(*a) == step(*b)).collect();
    let mut open = differing(audited, None, &of_one_step, judge, true);
    // In each group the first is taken out, and the second is compared.
    let ordered = |(a, b): &Pair| if same(*a) { (*b, *a) } else { (*a, *b) };
    let ordered: Vec<Pair> = others.iter().map(ordered).collect();
    let mut firsts: Vec<usize> = ordered.iter().map(|(first, _)| *first).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let groups = judge.all(&firsts, |first| {
        let pairs: Vec<Pair> = ordered.iter().filter(|(f, _)| f == first).copied().collect();
        differing(audited, Some(*first), &pairs, judge, false)
    });
    open.extend(groups.into_iter().flatten());
    open.sort_unstable_by_key(|(a, b)| (*a.min(b), *a.max(b)));
    open
}

/// Of pairs with one part taken out (or none), those that make a difference to that, or may.
fn differing(
    audited: &[Audited],
    out: Option<usize>,
    pairs: &[Pair],
    judge: &Judge<'_>,
    alone: bool,
) -> Vec<Pair> {
    let item = |i: usize| &audited[i].item;
    let base: Vec<&Item> = out.into_iter().map(item).collect();
    let Ok(program) = without(judge.program, &base) else { return pairs.to_vec() };
    let (compared, other): (Vec<Pair>, Vec<Pair>) =
        pairs.iter().partition(|(_, b)| step_of(&item(*b).change).is_some());
    let variant = |(a, b): &Pair| {
        let steps = [*a, *b].into_iter().filter_map(|i| step_of(&item(i).change)).collect();
        let both = without(judge.program, &[item(*a), item(*b)]);
        both.map(|program| Variant { program, steps }).ok()
    };
    let variants: Option<Vec<Variant>> = compared.iter().map(variant).collect();
    let Some(variants) = variants.filter(|_| !pairs.is_empty()) else { return pairs.to_vec() };
    let Some(found) = judge.compare(&program, &variants, other.is_empty(), alone) else {
        return pairs.to_vec();
    };
    let whole = found.stopped.is_none();
    let differs =
        compared.into_iter().zip(&found.same).filter(|(_, same)| **same != Some(true)).map(|(pair, _)| pair);
    let happening = |(_, b): &Pair| !whole || happens(judge.program, &item(*b).change, &found.happened);
    differs.chain(other.into_iter().filter(happening)).collect()
}

/// The spec without some parts.
pub(super) fn without(program: &Program, items: &[&Item]) -> Result<Program, String> {
    let changes: Vec<_> = items.iter().map(|i| i.change.clone()).collect();
    apply(program, &changes).map_err(|refusal| refusal.why)
}
