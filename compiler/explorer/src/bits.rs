//! A set of small numbers: one bit for each number there may be.

use crate::memory::{Refused, filled};

/// A set of numbers.
#[derive(Debug)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// An empty set of numbers below `end`.
    pub(crate) fn new(end: u64) -> Result<Bits, Refused> {
        Ok(Bits(filled(0, end.div_ceil(64) as usize)?))
    }

    /// Whether a number is in it.
    #[inline]
    pub(crate) fn has(&self, number: u64) -> bool {
        self.0[(number / 64) as usize] >> (number % 64) & 1 != 0
    }

    /// Adds a number; whether it was not there.
    #[inline]
    pub(crate) fn add(&mut self, number: u64) -> bool {
        let word = &mut self.0[(number / 64) as usize];
        let old = *word;
        *word |= 1 << (number % 64);
        old != *word
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.len() as u64 * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_added_once() {
        let mut bits = Bits::new(130).expect("a little memory");
        assert!(bits.add(0) && bits.add(129) && bits.add(64));
        assert!(!bits.add(129) && bits.has(129) && !bits.has(128));
    }
}
