//! The spec, and the spec without each part that changes what its states are, each with the parts that are taken out of it
//! in a common exploration.

use super::items::Item;
use super::judge::Judge;
use super::pairs::without;
use super::together::{Done, Together, keeps_states};
use arch_ir::Program;
use std::collections::BTreeMap;

/// A spec without two parts that change what states are is not explored with all its events kept, if without one of them there
/// are more states already.
const MANY: usize = 500_000;

/// Two items, by position.
type Pair = (usize, usize);

/// None where each variant is explored by itself.
#[derive(Default)]
pub(super) struct Families<'j> {
    spec: Option<Together<'j>>,
    /// The spec without these.
    without: BTreeMap<usize, Together<'j>>,
}

impl<'j> Families<'j> {
    /// What each item does alone, as far as that is found out here.
    pub fn alone(
        &mut self,
        items: &[Item],
        changed: &[Result<Program, String>],
        judge: &'j Judge<'j>,
    ) -> BTreeMap<usize, Done> {
        let Some((spec, mut done)) = spec_alone(items, changed, judge) else { return BTreeMap::new() };
        self.spec = Some(spec);
        for (i, program) in changed.iter().enumerate() {
            let (false, Ok(program)) = (keeps_states(judge.program, &items[i].change), program) else {
                continue;
            };
            let Some(mut family) = Together::of(program, judge) else { continue };
            let Some(mut found) = family.itself() else { continue };
            if found.breaks.is_none() {
                self.without.insert(i, family);
            }
            // Whether its states are those of the spec, nobody compared.
            found.differs.clear();
            done.insert(i, found);
        }
        done
    }

    /// What pairs do, given that nothing breaks without one of them, as far as that is found out here.
    pub fn pairs(&mut self, items: &[&Item], pairs: &[Pair], judge: &'j Judge<'j>) -> BTreeMap<Pair, Done> {
        let large: Vec<usize> =
            self.without.iter().filter(|(_, family)| family.states() > MANY).map(|(i, _)| *i).collect();
        let both = |a: usize, b: usize| {
            let both = [items[a], items[b]];
            (both.map(|i| i.change.clone()).to_vec(), without(judge.program, &both))
        };
        let mut found = BTreeMap::new();
        if let Some(done) = self.spec.as_mut().and_then(|spec| spec.pairs(pairs, &both)) {
            found.extend(pairs.iter().zip(done).filter_map(|(pair, done)| Some((*pair, done?))));
        }
        self.spec = None;
        while let Some((out, mut family)) = self.without.pop_first() {
            let with = |(a, b): &Pair| match out {
                out if out == *a => Some(*b),
                out if out == *b => Some(*a),
                _ => None,
            };
            let others = pairs.iter().filter_map(with);
            let programs = others.filter_map(|i| Some((i, items[i], both(out, i).1.ok()?)));
            let done = family.take_out(programs).and_then(|()| family.alone());
            let pair = |i: usize| (out.min(i), out.max(i));
            found.extend(done.into_iter().flatten().map(|(i, done)| (pair(i), done)));
        }
        let changes_states =
            |i: &usize| !keeps_states(judge.program, &items[*i].change) && !large.contains(i);
        for (a, b) in pairs.iter().filter(|(a, b)| changes_states(a) && changes_states(b)) {
            let program = both(*a, *b).1.ok();
            let family = program.and_then(|program| Together::of(&program, judge));
            found.extend(family.and_then(|mut family| Some(((*a, *b), family.itself()?))));
        }
        found
    }
}

/// What the items do that are taken out of the spec itself.
fn spec_alone<'j>(
    items: &[Item],
    changed: &[Result<Program, String>],
    judge: &'j Judge<'j>,
) -> Option<(Together<'j>, BTreeMap<usize, Done>)> {
    let mut spec = Together::of(judge.program, judge)?;
    // The spec as it is written has the verdicts that its own exploration found.
    let itself = spec.itself()?;
    if itself.breaks.is_some() || !itself.repairs.is_empty() {
        return None;
    }
    let programs = items.iter().zip(changed).enumerate();
    spec.take_out(programs.filter_map(|(i, (item, program))| Some((i, item, program.clone().ok()?))))?;
    let done = spec.alone()?;
    Some((spec, done))
}
