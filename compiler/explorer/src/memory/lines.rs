//! An array of cache lines that grows: on the heap while it is small, in a map of its own when it is large.

use super::AtomicU64;
use super::Refused;
#[cfg(unix)]
use super::region::Region;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of a line.
pub(crate) const LINE_BYTES: usize = 64;

/// From so many lines on, a map of its own.
#[cfg(unix)]
const LARGE: usize = (2 << 20) / LINE_BYTES;

/// Addresses that a map reserves: more than any machine has memory.
#[cfg(unix)]
const RESERVED: usize = 1 << 42;

/// A cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line(pub [AtomicU64; 8]);

impl Line {
    /// What is in it, while nobody writes.
    #[inline(always)]
    pub(crate) fn words(&self) -> [u64; 8] {
        self.0.each_ref().map(|word| word.load(Relaxed))
    }

    /// Empties it, while nobody else uses it; what was in it.
    #[inline(always)]
    pub(crate) fn take(&self) -> [u64; 8] {
        let words = self.words();
        self.0.iter().for_each(|word| word.store(0, Relaxed));
        words
    }
}

/// Lines, 0 at first.
#[derive(Debug)]
pub(crate) struct Lines {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Heap(Vec<Line>),
    #[cfg(unix)]
    Map(Region),
}

impl Lines {
    /// So many lines.
    pub(crate) fn new(len: usize) -> Result<Lines, Refused> {
        let mut lines = Lines { memory: Memory::Heap(Vec::new()), len: 0 };
        lines.grow(len)?;
        Ok(lines)
    }

    /// Grows to so many lines; what there is keeps its place.
    pub(crate) fn grow(&mut self, len: usize) -> Result<(), Refused> {
        match &mut self.memory {
            #[cfg(unix)]
            Memory::Map(region) => region.commit(len)?,
            #[cfg(unix)]
            Memory::Heap(old) if len >= LARGE => {
                let mut region = Region::reserve(RESERVED, len * LINE_BYTES)?;
                region.commit(len)?;
                for (new, old) in region.lines(len).iter().zip(&*old) {
                    new.0.iter().zip(&old.0).for_each(|(new, old)| new.store(old.load(Relaxed), Relaxed));
                }
                self.memory = Memory::Map(region);
            }
            Memory::Heap(list) => {
                list.try_reserve_exact(len.saturating_sub(list.len()))?;
                list.resize_with(len.max(list.len()), Line::default);
            }
        }
        self.len = self.len.max(len);
        Ok(())
    }

    /// The most lines that have at most so many bytes.
    pub(crate) fn within(bytes: u64) -> u64 {
        #[cfg(unix)]
        if bytes >= (LARGE * LINE_BYTES) as u64 {
            return bytes / (LARGE * LINE_BYTES) as u64 * LARGE as u64;
        }
        bytes / LINE_BYTES as u64
    }

    /// All of them.
    #[inline]
    pub(crate) fn all(&self) -> &[Line] {
        match &self.memory {
            Memory::Heap(list) => list,
            #[cfg(unix)]
            Memory::Map(region) => region.lines(self.len),
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.memory {
            Memory::Heap(list) => (list.capacity() * LINE_BYTES) as u64,
            #[cfg(unix)]
            Memory::Map(region) => region.bytes() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn lines_keep_their_contents_and_new_ones_are_zero() {
        let mut lines = Lines::new(3).expect("a little memory");
        lines.all()[2].0[7].store(9, Ordering::Relaxed);
        for len in [100, LARGE, LARGE + 1, 3 * LARGE] {
            lines.grow(len).expect("some memory");
            assert_eq!(lines.all().len(), len);
            assert_eq!(lines.all()[2].0[7].load(Ordering::Relaxed), 9);
            let others = lines.all().iter().flat_map(|l| &l.0).filter(|w| w.load(Ordering::Relaxed) != 0);
            assert_eq!(others.count(), 1);
            assert_eq!(lines.all().as_ptr().align_offset(LINE_BYTES), 0);
        }
    }

    #[test]
    fn what_is_within_some_bytes_has_no_more() {
        for bytes in [64, 1000, 65_536, 1 << 20, (2 << 20) - 1, 2 << 20, 5_000_000, 9_999_999] {
            let lines = Lines::new(Lines::within(bytes) as usize).expect("some memory");
            assert!(lines.bytes() <= bytes, "{} of {bytes}", lines.bytes());
        }
    }

    #[test]
    fn too_much_is_refused() {
        let mut lines = Lines::new(LARGE).expect("some memory");
        assert_eq!(lines.grow(RESERVED), Err(Refused));
        assert_eq!(lines.grow(usize::MAX), Err(Refused));
        assert_eq!(lines.all().len(), LARGE);
        assert!(Lines::new(usize::MAX / LINE_BYTES / 2).is_err());
    }
}
