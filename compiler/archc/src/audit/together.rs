//! What parts do, alone and in pairs, found out in one exploration of all variants (`check::family`). It says *whether*
//! something breaks, and shows a behaviour, which the oracle follows in the variant on its own ([`super::confirm`]): so whatever
//! is said to be load-bearing was judged twice.

use super::alone::{belongs, hands_over, hands_over_to, is_fault, is_in, is_step_in};
use super::items::{Item, chain_of, is_below, step_of};
use super::judge::Judge;
use arch_check::family::{Family, NoFamily, Part, Shown, Spread, Touch, Verdicts};
use arch_check::lockstep::is_of;
use arch_ir::change::{Change, StepRef};
use arch_ir::{Event, FaultKind, Program};
use std::collections::BTreeMap;

/// Variants that are explored at a time: a bit for each of them is kept of every state.
const AT_A_TIME: usize = 512;

/// What a variant does to the verdicts.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// For each of its parts whether it makes a difference somewhere.
    pub differs: Vec<bool>,
    /// Whether something breaks that holds, and how that was seen.
    pub breaks: Option<Seen>,
    /// A behaviour that shows what breaks.
    pub shown: Option<Shown>,
    /// What was violated and is not, if nothing breaks.
    pub repairs: Vec<String>,
}

/// How something was seen to break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    /// Before liveness was judged.
    Early,
    /// A liveness property breaks, and nothing else does.
    Live,
}

/// A program with the parts that can be taken out in a common exploration: the spec, or the spec without a part that
/// changes what its states are.
pub(super) struct Together<'j> {
    judge: &'j Judge<'j>,
    family: Family,
    /// For each item its number in the family, if it has one.
    numbers: BTreeMap<usize, u16>,
}

impl<'j> Together<'j> {
    /// None if the program has to be explored once for each variant.
    pub fn of(program: &Program, judge: &'j Judge<'j>) -> Option<Self> {
        Some(Together { judge, family: judge.family(program)?, numbers: BTreeMap::new() })
    }

    /// How many states are known.
    pub fn states(&self) -> usize {
        self.family.states()
    }

    /// What the program itself does to the verdicts of the spec.
    pub fn itself(&mut self) -> Option<Done> {
        self.explore(&[Vec::new()])?.pop()
    }

    /// Adds items that can be taken out here, each with the program without it.
    pub fn take_out<'i>(&mut self, items: impl Iterator<Item = (usize, &'i Item, Program)>) -> Option<()> {
        for (i, item, program) in items {
            if keeps_states(self.judge.program, &item.change) {
                let number = self.add(&[&item.change], &program).ok()?;
                self.numbers.insert(i, number);
            }
        }
        Some(())
    }

    /// Takes changes together as one part.
    fn add(&mut self, changes: &[&Change], program: &Program) -> Result<u16, NoFamily> {
        let spec = self.judge.program;
        let touch = |event: &Event| {
            let each = changes.iter().map(|c| touch(spec, c, event));
            each.fold(Touch::Same, |all, t| match (all, t) {
                (Touch::Gone, _) | (_, Touch::Gone) => Touch::Gone,
                (Touch::Changed, _) | (_, Touch::Changed) => Touch::Changed,
                _ => Touch::Same,
            })
        };
        let by_itself = |c: &&Change| {
            step_of(c).is_some() || matches!(c, Change::Protocol(_)) || decides_about_time(spec, c)
        };
        let part = Part { program, touches: &touch, changes: changes.iter().any(by_itself) };
        self.family.add(&part)
    }

    /// What each item does alone.
    pub fn alone(&mut self) -> Option<BTreeMap<usize, Done>> {
        let variants: Vec<Vec<u16>> = self.numbers.values().map(|n| vec![*n]).collect();
        let done = self.explore(&variants)?;
        Some(self.numbers.keys().copied().zip(done).collect())
    }

    /// What pairs of items do, given that nothing breaks without one of them; none for pairs that cannot be taken out here.
    pub fn pairs(
        &mut self,
        pairs: &[(usize, usize)],
        without: &dyn Fn(usize, usize) -> (Vec<Change>, Result<Program, String>),
    ) -> Option<Vec<Option<Done>>> {
        let mut variants = Vec::new();
        for (a, b) in pairs {
            variants.push(match (self.numbers.get(a).copied(), self.numbers.get(b).copied()) {
                (Some(x), Some(y)) if self.family.overlap(x, y) => {
                    let (changes, program) = without(*a, *b);
                    let changes: Vec<&Change> = changes.iter().collect();
                    program.ok().and_then(|p| self.add(&changes, &p).ok()).map(|n| vec![n])
                }
                (Some(x), Some(y)) => Some(vec![x, y]),
                _ => None,
            });
        }
        let known: Vec<Vec<u16>> = variants.iter().flatten().cloned().collect();
        let mut done = self.explore(&known)?.into_iter();
        Some(variants.iter().map(|n| n.as_ref().and_then(|_| done.next())).collect())
    }

    fn explore(&mut self, variants: &[Vec<u16>]) -> Option<Vec<Done>> {
        let mut done = Vec::new();
        for some in variants.chunks(AT_A_TIME) {
            let ends = self.judge.holding();
            let explored = self.family.spread(some, &ends, self.judge.interrupt()).ok()?;
            let wanted: Vec<bool> = explored.variants.iter().map(|s| self.is_open(s)).collect();
            let whole = self.family.whole(&explored, &wanted, self.judge.interrupt()).ok()?;
            let judged = explored.variants.iter().zip(wanted).zip(whole);
            let judged = judged.map(|((spread, wanted), whole)| self.done(spread, wanted.then_some(whole)));
            let judged: Vec<(&Vec<u16>, Done)> = some.iter().zip(judged).collect();
            let shown = self.judge.all(&judged, |(variant, done)| {
                done.breaks.and_then(|seen| self.family.show(variant, &ends, seen == Seen::Live))
            });
            done.extend(judged.into_iter().zip(shown).map(|((_, done), shown)| Done { shown, ..done }));
        }
        Some(done)
    }

    /// Whether what only the whole graph decides has to be known of a variant. One of whose parts some make no difference has
    /// the graph of the variant that has these: nothing breaks there, or it would not have been asked for.
    fn is_open(&self, spread: &Spread) -> bool {
        spread.whole && !spread.differs.contains(&false)
    }

    /// The verdicts on a variant, as far as they matter.
    fn done(&self, spread: &Spread, whole: Option<Verdicts>) -> Done {
        let breaks = (!spread.whole).then_some(Seen::Early);
        let mut done = Done { differs: spread.differs.clone(), breaks, shown: None, repairs: Vec::new() };
        let Some(whole) = whole else { return done };
        for (name, violated) in self.family.settled(spread).into_iter().chain(whole) {
            let Some(holds) = self.judge.holds(&name) else { continue };
            if holds && violated {
                done.breaks = Some(if self.judge.is_live(&name) { Seen::Live } else { Seen::Early });
                break;
            }
            if !holds && !violated {
                done.repairs.push(name);
            }
        }
        done
    }
}

/// Whether a program without something has the same kind of states and begins in the same ones.
pub(super) fn keeps_states(program: &Program, change: &Change) -> bool {
    match change {
        Change::Budget(fault, budget) => {
            *budget == Some(0) && !matches!(program.faults[*fault].kind, FaultKind::Skew { .. })
        }
        Change::Step(_) => false,
        _ => true,
    }
}

/// Whether it matters to the counts of a deadline: so to every event. They ask whether steps are enabled, which is a matter
/// of the text of these steps, where runs are, and whether an outcome finds somebody to hand over to.
fn decides_about_time(program: &Program, change: &Change) -> bool {
    program.deadlines.iter().any(|d| {
        let at = StepRef { protocol: d.protocol, step: d.step };
        match change {
            Change::Protocol(id) => is_below(program, at.protocol, *id) || hands_over_to(program, *id, at),
            Change::Branch(..) => chain_of(change).is_some_and(|chain| is_step_in(program, chain, at)),
            _ => step_of(change) == Some(at),
        }
    })
}

/// What becomes of an event without something.
fn touch(program: &Program, change: &Change, event: &Event) -> Touch {
    let gone = |gone: bool| if gone { Touch::Gone } else { Touch::Same };
    match change {
        _ if decides_about_time(program, change) => Touch::Changed,
        Change::Protocol(id) if belongs(program, *id, event) => Touch::Gone,
        Change::Protocol(id) if hands_over(program, *id, event) => Touch::Changed,
        Change::Protocol(_) => Touch::Same,
        Change::Branch(..) => gone(chain_of(change).is_some_and(|chain| is_in(program, chain, event))),
        Change::Budget(fault, _) => gone(is_fault(*fault, event)),
        _ => match step_of(change) {
            Some(at) if is_of(program, &[at], event) => Touch::Changed,
            _ => Touch::Same,
        },
    }
}
