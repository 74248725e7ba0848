//! What must be possible from every state, and for what: runs and combinations keep their identity along a path
//! of the quotient, whose states forget it.
//!
//! An event of the quotient goes from s to π(t), where the machine's event goes from s to t. A goal g is
//! reachable from t exactly when π(g) is from π(t). So the question is asked of *pairs* of a state and a goal:
//! (s, g) leads to (π(t), π(g)). (Emerson and Sistla, "Utilizing symmetry when model checking under fairness
//! assumptions", 1997, call this the annotated quotient.)

use super::canon::Renaming;
use super::quotient::{Naming, Quotient, Scratch};
use crate::machine::Goal;
use crate::symbolic::claims::binder_type;
use arch_explorer::{Goals, Store, Successors, System};
use arch_ir::report::Stop;
use arch_ir::symmetry::Permutation;
use arch_ir::{PropertyId, RunRef, Value};
use std::collections::HashMap;

/// What renamings make of goals and combinations, each computed once.
struct Renamed<'q, 'm> {
    quotient: &'q Quotient<'m>,
    numbers: HashMap<Goal, u32>,
    known: HashMap<Renaming, Vec<u32>>,
}

impl Renamed<'_, '_> {
    fn of(&mut self, renaming: &Renaming) -> &[u32] {
        let Renamed { quotient, numbers, known } = self;
        known.entry(renaming.clone()).or_insert_with(|| {
            let permutation = quotient.permutation(renaming);
            let goals = quotient.machine().goals().iter();
            goals.map(|g| numbers[&renamed_goal(quotient, &permutation, g)]).collect()
        })
    }
}

fn renamed_goal(quotient: &Quotient<'_>, permutation: &Permutation, goal: &Goal) -> Goal {
    let program = quotient.machine().program();
    match *goal {
        Goal::Finished(RunRef { protocol, run }) => {
            Goal::Finished(RunRef { protocol, run: permutation.run(program, protocol, run) })
        }
        Goal::Possible(property, combination) => {
            Goal::Possible(property, renamed_combination(quotient, permutation, property, combination))
        }
    }
}

/// The number of the combination that a combination of a property's binders becomes.
fn renamed_combination(
    quotient: &Quotient<'_>,
    permutation: &Permutation,
    property: PropertyId,
    combination: u32,
) -> u32 {
    let (machine, program) = (quotient.machine(), quotient.machine().program());
    let all = &machine.combinations[&property];
    let binders = program.properties[property].binders.iter();
    let values = all[combination as usize].as_ref();
    let renamed: Option<Vec<Value>> = values.map(|values| {
        binders.zip(values).map(|(b, v)| permutation.value(program, &binder_type(&b.domain), v)).collect()
    });
    let place = all.iter().position(|c| *c == renamed);
    place.expect("a renamed combination is one") as u32
}

/// For each combination of a property's binders, the first one that is a renaming of it.
#[must_use]
pub fn orbits(quotient: &Quotient<'_>, property: PropertyId) -> Vec<u32> {
    let program = quotient.machine().program();
    let count = quotient.machine().combinations.get(&property).map_or(0, Vec::len) as u32;
    let mut first: Vec<u32> = (0..count).collect();
    let exchanges: Vec<_> = quotient.symmetry().exchanges(program).collect();
    // What they join, joined until nothing changes.
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for exchange in &exchanges {
            for combination in 0..count {
                let other = renamed_combination(quotient, exchange, property, combination);
                let least = first[combination as usize].min(first[other as usize]);
                for c in [combination, other] {
                    changed |= first[c as usize] != least;
                    first[c as usize] = least;
                }
            }
        }
    }
    first
}

/// For each goal the first state of the quotient that counts and from which it cannot be reached.
///
/// Sweeps over all pairs, last states first, until nothing changes: a bit for each pair, no edges.
///
/// # Errors
///
/// What `stopped` says when it says something.
pub fn unable(
    quotient: &Quotient<'_>,
    store: &Store,
    stopped: &dyn Fn() -> Option<Stop>,
) -> Result<Vec<Option<u32>>, Stop> {
    let machine = quotient.machine();
    let goals = machine.goals().len();
    let mut sweep = Sweep {
        quotient,
        store,
        goals,
        able: vec![false; store.len() * goals],
        renamed: Renamed {
            quotient,
            numbers: machine.goals().iter().enumerate().map(|(i, g)| (*g, i as u32)).collect(),
            known: HashMap::new(),
        },
        scratch: quotient.scratch(),
        naming: Naming::default(),
        out: Successors::new(machine.words(), System::actions(quotient)),
    };
    let (mut counts, mut in_goals) = (vec![false; store.len() * goals], Vec::new());
    for state in 0..store.len() {
        in_goals.clear();
        machine.in_goals(store.state(state as u32), &mut sweep.scratch.machine, &mut in_goals);
        for (goal, &(count, inside)) in in_goals.iter().enumerate() {
            counts[state * goals + goal] = count;
            sweep.able[state * goals + goal] = inside;
        }
    }
    while sweep.all(stopped)? {}
    let unable = |goal: usize| {
        (0..store.len()).find(|s| counts[s * goals + goal] && !sweep.able[s * goals + goal]).map(|s| s as u32)
    };
    Ok((0..goals).map(unable).collect())
}

struct Sweep<'q, 'm> {
    quotient: &'q Quotient<'m>,
    store: &'q Store,
    goals: usize,
    /// For each state and goal whether it is known that the goal can be reached.
    able: Vec<bool>,
    renamed: Renamed<'q, 'm>,
    scratch: Scratch,
    naming: Naming,
    out: Successors,
}

impl Sweep<'_, '_> {
    /// Looks at all states, last ones first; whether more is known now.
    fn all(&mut self, stopped: &dyn Fn() -> Option<Stop>) -> Result<bool, Stop> {
        let mut changed = false;
        for state in (0..self.store.len()).rev() {
            changed |= self.state(state);
            if let (0, Some(stop)) = (state % 4096, stopped()) {
                return Err(stop);
            }
        }
        Ok(changed)
    }

    /// Looks at the events of a state; whether more is known now.
    fn state(&mut self, state: usize) -> bool {
        let row = state * self.goals..(state + 1) * self.goals;
        if self.able[row.clone()].iter().all(|able| *able) {
            return false;
        }
        self.out.clear();
        let machine = self.quotient.machine();
        machine.expand(self.store.state(state as u32), &mut self.scratch.machine, &mut self.out);
        let mut changed = false;
        for to in self.out.states_mut().chunks_exact_mut(machine.words().max(1)) {
            self.quotient.settle(to, &mut self.naming);
            let Some(target) = self.store.index_of(to) else { continue };
            let goals = self.renamed.of(self.quotient.renaming(&self.naming));
            for (goal, renamed) in goals.iter().enumerate() {
                if !self.able[row.start + goal] && self.able[target as usize * self.goals + *renamed as usize]
                {
                    self.able[row.start + goal] = true;
                    changed = true;
                }
            }
        }
        changed
    }
}
