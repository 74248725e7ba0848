//! What states are expanded on to be looked at.

use super::Goals;
use crate::keys::{Kept, Keys};
use crate::limits::Stop;
use crate::successors::Successors;
use crate::system::System;
use crate::visited::Set;

/// A state to go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub slot: u64,
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
    /// The keys and numbers of the events whose states are to be looked up.
    keys: Vec<(u64, u32)>,
    /// Where its events lead that are ways to goals, and what is kept of these states.
    pub next: Vec<Next>,
    pub kept: Kept,
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
            keys: Vec::new(),
            next: Vec::new(),
            kept: Kept::new(set.keys.kept_words()),
        })
    }

    /// Unpacks a state; for each goal whether it has to be able to reach it, and whether it is in it.
    pub fn in_goals(&mut self, system: &S, set: &Set<K>, kept: &[u64]) -> &[(bool, bool)] {
        set.keys.unpack(kept, &mut self.state, &mut self.local);
        self.in_goals.clear();
        system.in_goals(&self.state, &mut self.scratch, &mut self.in_goals);
        &self.in_goals
    }

    /// Expands a state.
    pub fn expand(&mut self, system: &S, set: &Set<K>, of: &[u64]) -> Result<(), Stop> {
        self.in_goals(system, set, of);
        let Desk { scratch, local, state, successors, names, images, keys, next, kept, .. } = self;
        successors.clear();
        names.clear();
        successors.reserve().map_err(|_| Stop::Memory)?;
        system.expand_named(state, scratch, successors, names);
        images.clear();
        keys.clear();
        next.clear();
        kept.truncate(0);
        let words = state.len().max(1);
        let all = successors.states().chunks_exact(words).zip(successors.actions()).zip(0..);
        let is_way = |action: &u32| !state.is_empty() && system.is_way(*action);
        for ((to, _), event) in all.filter(|((_, action), _)| is_way(action)) {
            if let Some(key) = set.keys.find(to, local) {
                keys.push((key, event));
                images.push(set.table.image(key));
            }
        }
        let mut result = Ok(());
        set.table.find(images, |i, slot| {
            let (key, event) = keys[i];
            let to = &successors.states()[event as usize * words..][..words];
            if let Some(slot) = slot {
                next.push(Next { slot, by: names[event as usize] });
                result = result.and_then(|()| kept.push(K::keep(&key, to)));
            }
        });
        // Of states that share a fingerprint only one was expanded.
        debug_assert!(
            !K::EXACT || next.len() == successors.actions().iter().filter(|a| is_way(a)).count(),
            "every reachable state was found"
        );
        Ok(result?)
    }
}
