//! A filter of states that a worker has just seen: most duplicates come soon after another, and asking a small
//! array in the cache costs less than asking the table.

use crate::memory::{Refused, filled};

/// Entries.
const LEN: usize = 1 << BITS;

/// Bits of an index.
const BITS: u32 = 14;

/// The image that was seen last at each index, which is its top.
#[derive(Debug)]
pub(crate) struct Recent(Box<[u64; LEN]>);

impl Recent {
    /// Nothing seen.
    pub(crate) fn new() -> Result<Recent, Refused> {
        let images = filled(0, LEN)?.into_boxed_slice();
        let mut images: Box<[u64; LEN]> = images.try_into().map_err(|_| Refused)?;
        // 0 would be seen at index 0; the greatest number is never asked for there.
        images[0] = u64::MAX;
        Ok(Recent(images))
    }

    /// Whether an image is known to have been seen; from now on it has.
    #[inline(always)]
    pub(crate) fn seen(&mut self, image: u64) -> bool {
        let entry = &mut self.0[(image >> (64 - BITS)) as usize];
        std::mem::replace(entry, image) == image
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        (self.0.len() * 8) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_before_it_is() {
        let mut recent = Recent::new().expect("a little memory");
        for image in [0, 1, u64::MAX, 1 << 50, 1 << 63, (1 << 50) - 1] {
            assert!(!recent.seen(image), "{image}");
            assert!(recent.seen(image), "{image}");
        }
        // Two images with one index.
        assert!(!recent.seen(2) && !recent.seen(3) && !recent.seen(2));
    }
}
