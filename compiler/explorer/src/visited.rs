//! The set of states that a search found.

use crate::keys::{Fingerprints, Keys, Packed, Tree};
use crate::table::Table;

/// States by key.
#[derive(Debug)]
pub(crate) struct Set<K> {
    pub keys: K,
    pub table: Table,
}

/// All states that were found: exact, or by fingerprint.
#[derive(Debug)]
pub struct Visited(pub(crate) Kind);

/// How states are turned into keys.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Nothing could be stored.
    Nothing,
    /// The states' bits are the keys.
    Packed(Set<Packed>),
    /// Parts of states are numbered.
    Tree(Set<Tree>),
    /// Two states may have the same key.
    Fingerprints(Set<Fingerprints>),
}

impl Visited {
    /// Whether a state was found; of fingerprints, whether one with its fingerprint was.
    #[must_use]
    pub fn contains(&self, state: &[u64]) -> bool {
        self.slot(state).is_some()
    }

    /// Where a state is stored.
    pub(crate) fn slot(&self, state: &[u64]) -> Option<u64> {
        match &self.0 {
            Kind::Nothing => None,
            Kind::Packed(set) => set.slot(state),
            Kind::Tree(set) => set.slot(state),
            Kind::Fingerprints(set) => set.slot(state),
        }
    }

    /// Calls `f` with every state, in no particular order, until it answers false. Nothing is called and false answered
    /// of fingerprints, which do not say of which states they are.
    pub fn each(&self, words: usize, f: &mut dyn FnMut(&[u64]) -> bool) -> bool {
        match &self.0 {
            Kind::Nothing => {}
            Kind::Fingerprints(_) => return false,
            Kind::Packed(set) => set.each(words, f),
            Kind::Tree(set) => set.each(words, f),
        }
        true
    }
}

impl<K: Keys> Set<K> {
    fn slot(&self, state: &[u64]) -> Option<u64> {
        let key = self.keys.find(state, &mut self.keys.local())?;
        self.table.slot(self.table.image(key))
    }

    fn each(&self, words: usize, f: &mut dyn FnMut(&[u64]) -> bool) {
        let (mut state, mut local) = (vec![0; words], self.keys.local());
        self.table.each(|_, key| {
            self.keys.unpack(&[key], &mut state, &mut local);
            f(&state)
        });
    }
}
