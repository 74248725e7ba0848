//! States that are found and not expanded, by key: chunks that go from level to level and are used again.

use crate::memory::Refused;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Keys of a chunk.
pub(crate) const CHUNK: usize = 2048;

/// Keys in order; those before `from` are used up.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub keys: Vec<u64>,
    pub from: usize,
}

/// Chunks that are free, and how many there may be.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Mutex<Vec<Chunk>>,
    allocated: AtomicU64,
    most: AtomicU64,
}

impl Pool {
    /// No chunks, any number allowed.
    pub(crate) fn new() -> Pool {
        Pool { free: Mutex::default(), allocated: AtomicU64::new(0), most: AtomicU64::new(u64::MAX) }
    }

    /// Lets the chunks have so many bytes.
    pub(crate) fn limit(&self, bytes: u64) {
        self.most.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of all chunks.
    pub(crate) fn bytes(&self) -> u64 {
        self.allocated.load(Ordering::Relaxed) * (CHUNK * 8) as u64
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
        let mut keys = Vec::new();
        keys.try_reserve_exact(CHUNK)?;
        self.allocated.fetch_add(1, Ordering::Relaxed);
        Ok(Chunk { keys, from: 0 })
    }

    /// Takes a chunk back.
    pub(crate) fn give(&self, mut chunk: Chunk) {
        chunk.keys.clear();
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
    /// Adds a state.
    ///
    /// # Errors
    ///
    /// When there is no memory for it.
    #[inline(always)]
    pub(crate) fn push(&mut self, key: u64, pool: &Pool) -> Result<(), Refused> {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.keys.len() < CHUNK => chunk.keys.push(key),
            _ => self.push_to_new(key, pool)?,
        }
        Ok(())
    }

    #[cold]
    fn push_to_new(&mut self, key: u64, pool: &Pool) -> Result<(), Refused> {
        let mut chunk = pool.take()?;
        chunk.keys.push(key);
        crate::memory::push(&mut self.chunks, chunk)
    }
}
