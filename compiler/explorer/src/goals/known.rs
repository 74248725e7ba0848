//! What is known of each state: sets of goals, in as few bytes as they need.

use crate::memory::{Refused, filled};

/// A set of goals of a group, by their places in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mask<const W: usize>([u64; W]);

impl<const W: usize> Mask<W> {
    pub const NONE: Mask<W> = Mask([0; W]);

    /// The first `count`.
    pub fn first(count: usize) -> Mask<W> {
        let mut mask = Mask::NONE;
        (0..count).for_each(|i| mask.add(i));
        mask
    }

    pub fn add(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    pub fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 != 0
    }

    pub fn or(self, other: Mask<W>) -> Mask<W> {
        Mask(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    pub fn without(self, other: Mask<W>) -> Mask<W> {
        Mask(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }

    pub fn is_empty(&self) -> bool {
        self.0 == [0; W]
    }
}

/// A set of goals for each slot, with a mark beside it.
#[derive(Debug)]
pub(super) struct Known<const W: usize> {
    /// Bytes of a set, whose last bit is the mark.
    width: usize,
    bytes: Vec<u8>,
}

impl<const W: usize> Known<W> {
    /// Bytes of a set of so many goals.
    pub fn width(goals: usize) -> usize {
        (goals + 1).div_ceil(8)
    }

    /// Nothing for so many slots.
    pub fn new(goals: usize, slots: u64) -> Result<Known<W>, Refused> {
        let width = Known::<W>::width(goals);
        Ok(Known { width, bytes: filled(0, slots as usize * width)? })
    }

    /// What is known of a slot, and whether it is marked.
    #[inline]
    pub fn get(&self, slot: u64) -> (Mask<W>, bool) {
        let at = slot as usize * self.width;
        let mut mask = Mask::NONE;
        for (i, byte) in self.bytes[at..at + self.width].iter().enumerate() {
            mask.0[i / 8] |= u64::from(*byte) << (i % 8 * 8);
        }
        let last = self.width * 8 - 1;
        let marked = mask.has(last);
        mask.0[last / 64] &= !(1 << (last % 64));
        (mask, marked)
    }

    #[inline]
    pub fn set(&mut self, slot: u64, mut mask: Mask<W>, marked: bool) {
        if marked {
            mask.add(self.width * 8 - 1);
        }
        let at = slot as usize * self.width;
        for (i, byte) in self.bytes[at..at + self.width].iter_mut().enumerate() {
            *byte = (mask.0[i / 8] >> (i % 8 * 8)) as u8;
        }
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_and_marks_come_back() {
        for goals in 1..64 {
            let mut known = Known::<1>::new(goals, 5).expect("a little memory");
            for i in 0..goals {
                let mut mask = Mask::first(goals);
                mask = mask.without(Mask::first(i));
                known.set(3, mask, i % 2 == 0);
                assert_eq!(known.get(3), (mask, i % 2 == 0), "{goals} goals");
                assert_eq!((known.get(2), known.get(4)), ((Mask::NONE, false), (Mask::NONE, false)));
            }
        }
        let mut known = Known::<8>::new(511, 2).expect("a little memory");
        known.set(1, Mask::first(511), true);
        assert_eq!((known.get(1), known.get(0)), ((Mask::first(511), true), (Mask::NONE, false)));
    }
}
