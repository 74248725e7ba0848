//! Which states cannot reach a goal any more, without the graph.
//!
//! The edges of a large graph take several times the memory of its states, so they are not kept: states are
//! expanded once more, depth first ([`search`]), and what is known of each is a bit per goal beside its slot in the
//! visited set ([`known`]).
//!
//! A system may be the quotient of another by a group of renamings: then goals are about somebody, and an event from
//! s to π(t) makes goal π(g) of goal g ([`Goals::expand_named`]).

mod desk;
mod each;
mod known;
mod search;

use crate::bits::Bits;
use crate::keys::Keys;
use crate::limits::{Stop, StopSign};
use crate::memory::Refused;
use crate::paths::Marks;
use crate::search::Exploration;
use crate::successors::Successors;
use crate::system::System;
use crate::visited::{Kind, Set};
use search::Search;

/// Goals that are looked at together unless a system says otherwise: what is known fits a byte.
const GROUP: usize = 7;

/// The most goals that can be looked at together.
pub const MOST: usize = 64 * WIDE - 1;

/// Words of a mask of many goals.
const WIDE: usize = 8;

/// A system with goals: sets of states.
pub trait Goals: System {
    /// The number of goals.
    fn goal_count(&self) -> usize;

    /// Adds for each goal whether a state has to be able to reach it, and whether it is in it.
    fn in_goals(&self, state: &[u64], scratch: &mut Self::Scratch, out: &mut Vec<(bool, bool)>);

    /// Whether events of an action are ways to a goal; a state that only others lead to a goal cannot reach it.
    fn is_way(&self, _action: u32) -> bool {
        true
    }

    /// The goals in groups that are looked at together, at most [`MOST`] in each. A renaming makes a goal one of the
    /// same group.
    fn groups(&self) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.goal_count()).collect();
        all.chunks(GROUP).map(<[usize]>::to_vec).collect()
    }

    /// Expands a state as [`System::expand`] does, and adds for each event that leads to a state the number of the
    /// renaming on the way; 0 changes nothing.
    fn expand_named(
        &self,
        state: &[u64],
        scratch: &mut Self::Scratch,
        out: &mut Successors,
        names: &mut Vec<u32>,
    ) {
        self.expand(state, scratch, out);
        names.resize(out.len(), 0);
    }

    /// What a renaming makes of each goal.
    fn renamed<'s>(&'s self, _name: u32, _scratch: &'s Self::Scratch) -> &'s [u32] {
        &[]
    }
}

/// For each goal the states that have to be able to reach it and are not; none if there are none. Every
/// reachable state must have been found.
///
/// # Errors
///
/// When a limit is reached or the caller interrupts.
pub fn unable<S: Goals, T>(
    system: &S,
    explored: &Exploration<T>,
    limits: &crate::Limits,
    interrupt: &std::sync::atomic::AtomicBool,
) -> Result<Vec<Option<Marks>>, Stop> {
    let sign = StopSign { limits, interrupt };
    let most = limits.max_memory.unwrap_or(u64::MAX).saturating_sub(explored.statistics.visited_bytes);
    match &explored.visited.0 {
        Kind::Nothing => Err(Stop::Memory),
        Kind::Packed(set) => all_groups(system, set, sign, most),
        Kind::Tree(set) => all_groups(system, set, sign, most),
        Kind::Fingerprints(set) => all_groups(system, set, sign, most),
    }
}

fn all_groups<S: Goals, K: Keys>(
    system: &S,
    set: &Set<K>,
    sign: StopSign<'_>,
    most: u64,
) -> Result<Vec<Option<Marks>>, Stop> {
    let mut marks: Vec<Option<Marks>> = (0..system.goal_count()).map(|_| None).collect();
    for group in system.groups() {
        let found = if group.len() < 64 {
            Search::<S, K, 1>::new(system, set, sign, most, &group)?.find()?
        } else {
            Search::<S, K, WIDE>::new(system, set, sign, most, &group)?.find()?
        };
        group.iter().zip(found).for_each(|(goal, found)| marks[*goal] = found);
    }
    Ok(marks)
}

impl From<Refused> for Stop {
    fn from(_: Refused) -> Stop {
        Stop::Memory
    }
}

fn add(marks: &mut Option<Marks>, slot: u64, end: u64) -> Result<(), Stop> {
    let marks = match marks {
        Some(marks) => marks,
        None => marks.insert(Marks(Bits::new(end)?)),
    };
    marks.0.add(slot);
    Ok(())
}
