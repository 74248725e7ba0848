//! States that are found and not expanded, by what is kept of each: chunks that go from level to level and are used
//! again.

use crate::memory::Refused;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// States of a chunk.
pub(crate) const CHUNK: usize = 2048;

/// What is kept of states in order; what is before `from` is used up.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub kept: Vec<u64>,
    pub from: usize,
}

/// Chunks that are free, and how many there may be.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Words that are kept of a state.
    words: usize,
    free: Mutex<Vec<Chunk>>,
    allocated: AtomicU64,
    most: AtomicU64,
}

impl Pool {
    /// No chunks, any number allowed, for states of which so many words are kept.
    pub(crate) fn new(words: usize) -> Pool {
        Pool { words, free: Mutex::default(), allocated: AtomicU64::new(0), most: AtomicU64::new(u64::MAX) }
    }

    /// Lets the chunks have so many bytes.
    pub(crate) fn limit(&self, bytes: u64) {
        self.most.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of all chunks.
    pub(crate) fn bytes(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed) * (CHUNK * self.words * 8) as u64
    }

    /// An empty chunk with room.
    pub(crate) fn take(&self) -> Result<Chunk, Refused> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(chunk) = free {
            return Ok(chunk);
        }
        if self.bytes() >= self.most.load(Ordering::Relaxed) {
            return Err(Refused);
        }
        let mut kept = Vec::new();
        kept.try_reserve_exact(CHUNK * self.words)?;
        self.allocated.fetch_add(1, Ordering::Relaxed);
        Ok(Chunk { kept, from: 0 })
    }

    /// Takes a chunk back.
    pub(crate) fn give(&self, mut chunk: Chunk) {
        chunk.kept.clear();
        chunk.from = 0;
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
    }
}

/// A growing list of chunks.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    pub chunks: Vec<Chunk>,
}

impl Frontier {
    /// Adds states, by what is kept of them.
    ///
    /// # Errors
    ///
    /// When there is no memory for them.
    #[inline]
    pub(crate) fn extend(&mut self, mut kept: &[u64], pool: &Pool) -> Result<(), Refused> {
        while !kept.is_empty() {
            let full = CHUNK * pool.words;
            if self.chunks.last().is_none_or(|chunk| chunk.kept.len() == full) {
                crate::memory::push(&mut self.chunks, pool.take()?)?;
            }
            if let Some(chunk) = self.chunks.last_mut() {
                let (now, later) = kept.split_at(kept.len().min(full - chunk.kept.len()));
                chunk.kept.extend_from_slice(now);
                kept = later;
            }
        }
        Ok(())
    }
}
