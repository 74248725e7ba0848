//! The visited set, exact: states in one arena in the order of their discovery, and a table of their
//! indices. Every state knows the state and the action that it was first reached by.

use super::hash::hash;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The parent of an initial state.
const ROOT: u32 = u32::MAX;

/// How a state was first reached.
#[derive(Clone, Copy, Debug)]
struct Origin {
    parent: u32,
    action: u32,
}

/// All states that were found, by index in the order of discovery.
#[derive(Debug)]
pub struct Store {
    words: usize,
    arena: Vec<u64>,
    origins: Vec<Origin>,
    table: HashTable<u32>,
}

impl Store {
    /// The most states that a store can hold.
    pub const MOST: u64 = u32::MAX as u64 - 2;

    /// An empty store of states of so many words.
    #[must_use]
    pub fn new(words: usize) -> Store {
        Store { words, arena: Vec::new(), origins: Vec::new(), table: HashTable::new() }
    }

    /// The number of states.
    #[must_use]
    pub fn len(&self) -> usize {
        self.origins.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// A state.
    #[must_use]
    pub fn state(&self, index: u32) -> &[u64] {
        words_of(&self.arena, self.words, index)
    }

    /// The index of a state, given with its hash.
    #[must_use]
    pub fn find(&self, state: &[u64], hash: u64) -> Option<u32> {
        self.table.find(hash, |&i| same(self.state(i), state)).copied()
    }

    /// The index of a state.
    #[must_use]
    pub fn index_of(&self, state: &[u64]) -> Option<u32> {
        self.find(state, hash(state))
    }

    /// Adds a state if it is new; its index and whether it was.
    pub fn insert(&mut self, state: &[u64], hash_of_state: u64, origin: Option<(u32, u32)>) -> (u32, bool) {
        let (words, arena) = (self.words, &mut self.arena);
        let rehash = |&i: &u32| hash(words_of(arena, words, i));
        let found = self.table.entry(hash_of_state, |&i| same(words_of(arena, words, i), state), rehash);
        match found {
            Entry::Occupied(entry) => (*entry.get(), false),
            Entry::Vacant(entry) => {
                let index = self.origins.len() as u32;
                entry.insert(index);
                arena.extend_from_slice(state);
                let (parent, action) = origin.unwrap_or((ROOT, 0));
                self.origins.push(Origin { parent, action });
                (index, true)
            }
        }
    }

    /// The state and action by which a state was first reached; none for an initial state.
    #[must_use]
    pub fn origin(&self, index: u32) -> Option<(u32, u32)> {
        let origin = self.origins[index as usize];
        (origin.parent != ROOT).then_some((origin.parent, origin.action))
    }

    /// A shortest path to a state: the initial state, then actions with the states that they lead to.
    #[must_use]
    pub fn path(&self, index: u32) -> (u32, Vec<(u32, u32)>) {
        let mut steps = Vec::new();
        let mut at = index;
        while let Some((parent, action)) = self.origin(at) {
            steps.push((action, at));
            at = parent;
        }
        steps.reverse();
        (at, steps)
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let arena = self.arena.capacity() * 8;
        let origins = self.origins.capacity() * size_of::<Origin>();
        (arena + origins + self.table.allocation_size()) as u64
    }
}

/// Whether two states are equal. States are short: calling `memcmp` costs more than the comparison.
#[inline]
fn same(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).all(|(x, y)| x == y)
}

fn words_of(arena: &[u64], words: usize, index: u32) -> &[u64] {
    let start = index as usize * words;
    &arena[start..start + words]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_stored_once_and_paths_lead_back() {
        let mut store = Store::new(2);
        assert_eq!(store.insert(&[1, 2], hash(&[1, 2]), None), (0, true));
        assert_eq!(store.insert(&[3, 4], hash(&[3, 4]), Some((0, 7))), (1, true));
        assert_eq!(store.insert(&[1, 2], hash(&[1, 2]), Some((1, 8))), (0, false));
        assert_eq!(store.path(1), (0, vec![(7, 1)]));
        assert_eq!(store.index_of(&[3, 4]), Some(1));
        assert_eq!(store.index_of(&[3, 5]), None);
    }

    #[test]
    fn states_without_words_are_one_state() {
        let mut store = Store::new(0);
        assert_eq!(store.insert(&[], hash(&[]), None), (0, true));
        assert_eq!(store.insert(&[], hash(&[]), None), (0, false));
    }
}
