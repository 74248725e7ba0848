//! What is left of the level that is expanded. Workers take few states at a time: so they end a level together.

use super::frontier::{Chunk, Pool};
use crate::keys::SOURCES;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// States that a worker took together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ticket {
    /// How often states were taken before.
    pub number: u64,
    /// How many states were taken before: where states are found in order, the number of the first of these.
    pub first: u64,
}

/// States that are found and not expanded, by what is kept of them.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    chunks: VecDeque<Chunk>,
    next: Ticket,
}

impl Queue {
    /// Adds chunks behind what there is.
    pub(super) fn extend(&mut self, chunks: impl Iterator<Item = Chunk>) {
        self.left_mut().chunks.extend(chunks);
    }

    /// How many states are left, of each of which so many words are kept.
    pub(super) fn states(&mut self, words: usize) -> usize {
        self.left_mut().chunks.iter().map(|chunk| (chunk.kept.len() - chunk.from) / words).sum()
    }

    /// Takes the next states, at most `most` and no more than [`SOURCES`]: puts what is kept of them, so many words of each,
    /// into a list. None when there are none left.
    pub(super) fn take(&self, most: usize, words: usize, kept: &mut Vec<u64>, pool: &Pool) -> Option<Ticket> {
        kept.clear();
        let mut left = self.left();
        let Left { chunks, next } = &mut *left;
        let chunk = chunks.front_mut()?;
        let end = chunk.kept.len().min(chunk.from + most.min(SOURCES) * words);
        kept.extend_from_slice(&chunk.kept[chunk.from..end]);
        chunk.from = end;
        let ticket = *next;
        *next = Ticket { number: ticket.number + 1, first: ticket.first + (kept.len() / words) as u64 };
        let done = if end == chunk.kept.len() { chunks.pop_front() } else { None };
        drop(left);
        done.into_iter().for_each(|chunk| pool.give(chunk));
        Some(ticket)
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left_mut(&mut self) -> &mut Left {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}
