//! The states of each level, by key, kept while several workers search and something is expected to be found to which a
//! path will be shown. (One worker leaves a [`crate::trail`] instead.)
//!
//! Kept are the chunks that would have been used again for later levels: eight bytes for each state, until everything
//! that is expected is found. They are given up when they take too much of a limit of memory.

use crate::search::frontier::{Chunk, Pool};

/// A log of levels, from the first on.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// The chunks of each level.
    pub(crate) levels: Vec<Vec<Chunk>>,
    /// What is expected; nothing is logged when that is nothing.
    pub(crate) expected: Vec<u32>,
    /// Whether everything that is expected was found.
    found: bool,
}

/// The part of a limit of memory that a log may take: one eighth.
const SHARE: u64 = 8;

impl Levels {
    /// Whether levels are logged.
    pub(crate) fn is_on(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Adds a level, given what was found while it was expanded: on the level behind it at most, with which the log ends.
    pub(crate) fn add(&mut self, level: Vec<Chunk>, found: impl Fn(u32) -> bool) {
        self.levels.push(level);
        if self.found {
            self.expected.clear();
        }
        self.found = self.expected.iter().all(|f| found(*f));
    }

    /// Gives everything up that takes more than a log may; whether there was something.
    pub(crate) fn give_up(&mut self, most: Option<u64>, pool: &Pool) -> bool {
        if self.bytes() <= most.map_or(u64::MAX, |most| most / SHARE) {
            return false;
        }
        self.expected.clear();
        let given = self.levels.drain(..).flatten();
        given.map(|chunk| pool.give(chunk)).count() > 0
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.levels.iter().flatten().map(|chunk| chunk.kept.capacity() as u64 * 8).sum()
    }

    /// The keys of a level in lists, in no particular order.
    pub(crate) fn keys(&self, level: usize) -> Vec<&[u64]> {
        self.levels.get(level).map_or_else(Vec::new, |chunks| chunks.iter().map(|c| &c.kept[..]).collect())
    }
}
