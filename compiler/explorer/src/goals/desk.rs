//! What states are expanded on to be looked at.

use super::Goals;
use crate::keys::Keys;
use crate::limits::Stop;
use crate::successors::Successors;
use crate::system::System;
use crate::visited::Set;

/// A state to go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub slot: u64,
    pub key: u64,
    /// The renaming on the way there.
    pub by: u32,
}

/// A worker's memory, and what it found of the state that it expanded last.
pub(super) struct Desk<S: System, K: Keys> {
    pub scratch: S::Scratch,
    local: K::Local,
    state: Vec<u64>,
    successors: Successors,
    /// For each goal whether the state has to be able to reach it, and whether it is in it.
    pub in_goals: Vec<(bool, bool)>,
    names: Vec<u32>,
    images: Vec<u64>,
    /// Where its events lead.
    pub next: Vec<Next>,
}

impl<S: Goals, K: Keys> Desk<S, K> {
    pub fn new(system: &S, set: &Set<K>) -> Result<Self, Stop> {
        let words = system.widths().len();
        Ok(Desk {
            scratch: system.scratch(),
            local: set.keys.local(),
            state: vec![0; words],
            successors: Successors::with_room(words, system.actions()).map_err(|_| Stop::Memory)?,
            in_goals: Vec::new(),
            names: Vec::new(),
            images: Vec::new(),
            next: Vec::new(),
        })
    }

    /// Unpacks a state; for each goal whether it has to be able to reach it, and whether it is in it.
    pub fn in_goals(&mut self, system: &S, set: &Set<K>, key: u64) -> &[(bool, bool)] {
        set.keys.unpack(key, &mut self.state, &mut self.local);
        self.in_goals.clear();
        system.in_goals(&self.state, &mut self.scratch, &mut self.in_goals);
        &self.in_goals
    }

    /// Expands a state.
    pub fn expand(&mut self, system: &S, set: &Set<K>, key: u64) -> Result<(), Stop> {
        self.in_goals(system, set, key);
        let Desk { scratch, local, state, successors, names, images, next, .. } = self;
        successors.clear();
        names.clear();
        successors.reserve().map_err(|_| Stop::Memory)?;
        system.expand_named(state, scratch, successors, names);
        images.clear();
        next.clear();
        let all = successors.states().chunks_exact(state.len().max(1)).zip(names.iter());
        for (to, by) in all.filter(|_| !state.is_empty()) {
            if let Some(key) = set.keys.find(to, local) {
                next.push(Next { slot: 0, key, by: *by });
                images.push(set.table.image(key));
            }
        }
        let mut found = 0;
        set.table.find(images, |i, slot| {
            if let Some(slot) = slot {
                next[found] = Next { slot, ..next[i] };
                found += 1;
            }
        });
        next.truncate(found);
        debug_assert!(state.is_empty() || found == successors.len(), "every reachable state was found");
        Ok(())
    }
}
