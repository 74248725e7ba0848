//! What must be possible from every state, and for what: runs and combinations keep their identity along a path
//! of the quotient, whose states forget it.
//!
//! An event of the quotient goes from s to π(t), where the machine's event goes from s to t. A goal g is
//! reachable from t exactly when π(g) is from π(t). So the question is asked of *pairs* of a state and a goal:
//! (s, g) leads to (π(t), π(g)). (Emerson and Sistla, "Utilizing symmetry when model checking under fairness
//! assumptions", 1997, call this the annotated quotient.)

use super::canon::Renaming;
use super::quotient::{Quotient, Scratch};
use crate::machine::Goal;
use crate::symbolic::claims::binder_type;
use arch_explorer::{Goals, Successors, System};
use arch_ir::symmetry::Permutation;
use arch_ir::{PropertyId, RunRef, Value};
use hashbrown::HashMap;

/// Goals that are looked at together where renaming does not ask for more: a set of them fits a byte.
const GROUP: usize = 7;

/// What renamings make of goals, each computed once.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Renaming, u32>,
    /// For each renaming what it makes of each goal; the first changes nothing.
    goals: Vec<Vec<u32>>,
}

impl Names {
    /// The number of a renaming; 0 if it changes no goal.
    fn number(&mut self, quotient: &Quotient<'_>, renaming: &Renaming) -> u32 {
        if let Some(number) = self.numbers.get(renaming) {
            return *number;
        }
        let goals = quotient.machine().goals();
        if self.goals.is_empty() {
            self.goals.push((0..goals.len() as u32).collect());
        }
        let permutation = quotient.permutation(renaming);
        let renamed = goals.iter().map(|goal| {
            let renamed = renamed_goal(quotient, &permutation, goal);
            quotient.goal_numbers.get(&renamed).copied().expect("a renamed goal is one")
        });
        let renamed: Vec<u32> = renamed.collect();
        let number = if renamed == self.goals[0] { 0 } else { self.goals.len() as u32 };
        if number != 0 {
            self.goals.push(renamed);
        }
        self.numbers.insert(renaming.clone(), number);
        number
    }
}

impl Goals for Quotient<'_> {
    fn goal_count(&self) -> usize {
        self.machine().goals().len()
    }

    fn in_goals(&self, state: &[u64], scratch: &mut Scratch, out: &mut Vec<(bool, bool)>) {
        self.machine().in_goals(state, &mut scratch.machine, out);
    }

    fn is_way(&self, action: u32) -> bool {
        self.machine().is_way(action)
    }

    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for orbit in goal_orbits(self) {
            match groups.last_mut() {
                Some(group) if group.len() + orbit.len() <= GROUP => group.extend(orbit),
                _ => groups.push(orbit),
            }
        }
        groups
    }

    fn expand_named(&self, state: &[u64], scratch: &mut Scratch, out: &mut Successors, names: &mut Vec<u32>) {
        let first = out.len();
        self.machine().expand(state, &mut scratch.machine, out);
        for to in out.states_mut()[first * state.len()..].chunks_exact_mut(state.len().max(1)) {
            names.push(if self.touches(state, to) {
                self.settle(to, &mut scratch.naming);
                scratch.names.number(self, self.renaming(&scratch.naming))
            } else {
                0
            });
        }
        // A state without words has no events to other ones.
        names.resize(out.len(), 0);
    }

    fn renamed<'s>(&'s self, name: u32, scratch: &'s Scratch) -> &'s [u32] {
        scratch.names.goals.get(name as usize).map_or(&[], Vec::as_slice)
    }
}

/// Goals that can be renamed into each other, by their first.
pub(super) fn goal_orbits(quotient: &Quotient<'_>) -> Vec<Vec<usize>> {
    let goals = quotient.machine().goals();
    let program = quotient.machine().program();
    let exchanges: Vec<_> = quotient.symmetry().exchanges(program).collect();
    let number = |goal: &Goal| quotient.goal_numbers[goal];
    let first = joined(goals.len() as u32, exchanges.iter(), |exchange, goal| {
        number(&renamed_goal(quotient, exchange, &goals[goal as usize]))
    });
    let mut orbits: Vec<Vec<usize>> = Vec::new();
    let mut place = vec![usize::MAX; goals.len()];
    for (goal, first) in first.into_iter().enumerate() {
        if first as usize == goal {
            place[goal] = orbits.len();
            orbits.push(Vec::new());
        }
        orbits[place[first as usize]].push(goal);
    }
    orbits
}

/// For each of some things the first that exchanges lead to or from it, in any number of steps.
fn joined<'e, E: 'e>(
    count: u32,
    exchanges: impl Iterator<Item = &'e E> + Clone,
    other: impl Fn(&E, u32) -> u32,
) -> Vec<u32> {
    let mut first: Vec<u32> = (0..count).collect();
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for exchange in exchanges.clone() {
            for one in 0..count {
                let two = other(exchange, one);
                let least = first[one as usize].min(first[two as usize]);
                for c in [one, two] {
                    changed |= first[c as usize] != least;
                    first[c as usize] = least;
                }
            }
        }
    }
    first
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
    let exchanges: Vec<_> = quotient.symmetry().exchanges(program).collect();
    joined(count, exchanges.iter(), |exchange, combination| {
        renamed_combination(quotient, exchange, property, combination)
    })
}
