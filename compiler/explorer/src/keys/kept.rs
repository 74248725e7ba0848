//! Lists of states, by what is kept of each.

use crate::memory::Refused;

/// A list of states.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Words that are kept of a state.
    words: usize,
    list: Vec<u64>,
}

impl Kept {
    /// No states, each of which will have so many words.
    pub(crate) fn new(words: usize) -> Kept {
        Kept { words, list: Vec::new() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len() / self.words
    }

    /// What is kept of one.
    #[inline(always)]
    pub(crate) fn get(&self, i: usize) -> &[u64] {
        &self.list[i * self.words..][..self.words]
    }

    /// Adds one.
    ///
    /// # Errors
    ///
    /// When the system refuses the memory.
    #[inline(always)]
    pub(crate) fn push(&mut self, kept: &[u64]) -> Result<(), Refused> {
        debug_assert_eq!(kept.len(), self.words);
        if self.list.capacity() - self.list.len() < kept.len() {
            self.list.try_reserve(kept.len())?;
        }
        self.list.extend_from_slice(kept);
        Ok(())
    }

    /// Forgets all but the first so many.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.list.truncate(len * self.words);
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.capacity() as u64 * 8
    }
}
