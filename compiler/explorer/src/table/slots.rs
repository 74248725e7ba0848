//! The slots of a line: as many as fit, each a number of 32 to 64 bits, 0 when it is free. They are filled from the
//! first to the last and never freed.
//!
//! A line is eight 64-bit words, which are only ever used as atomics, so that any number of threads can search and
//! fill the same line. Slots of 32 bits are halves of words, slots of 64 bits are words. Slots between keep their
//! low 32 bits in halves of the first words, and what is above in the last words. To write such a slot a thread takes
//! it by marking the low half [`BUSY`], writes the upper part, and then the low half. Who reads a low half that
//! is neither 0 nor [`BUSY`] sees the upper part.

use crate::memory::{AtomicU64, Compare, Line, Seen, spin_loop};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The low half of a slot that is being written: a tag that no slot has.
const BUSY: u64 = 15;

/// Where a number is, or may be put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seek {
    /// It is in this slot.
    Found(usize),
    /// It is not there, and this is the first free slot.
    Free(usize),
    /// It is not there, and there is no free slot.
    Full,
}

/// What became of a number that was to be added to a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Added {
    New,
    /// It is there.
    Known,
    /// It is not there, and there is no room.
    Full,
}

/// A way to cut a line into slots.
pub(crate) trait Slots {
    /// Bits of a slot.
    const BITS: u32;
    /// Slots of a line.
    const COUNT: usize;

    /// Looks for a number.
    fn seek<C: Compare>(line: &Line, value: u64) -> Seek;

    /// Adds a number, while nobody else uses the line. What becomes of it is hard to predict, so a number that is not
    /// added is written all the same, into a line that nobody reads.
    fn add<C: Compare>(line: &Line, value: u64, aside: &Line) -> Added;

    /// Puts a number into a slot that was free; false when another thread has taken it. `alone`: there is none.
    fn put(line: &Line, slot: usize, value: u64, alone: bool) -> bool;

    /// The number in a slot, 0 when it is free, of a line with these words.
    fn get(words: &[u64; 8], slot: usize) -> u64;
}

/// 16 slots of 32 bits.
pub(crate) struct Halves;

impl Slots for Halves {
    const BITS: u32 = 32;
    const COUNT: usize = 16;

    #[inline(always)]
    fn seek<C: Compare>(line: &Line, value: u64) -> Seek {
        let seen = C::load(line);
        match seen.same(value as u32) {
            0 => free_slot(seen.same(0), 16),
            same => Seek::Found(same.trailing_zeros() as usize),
        }
    }

    #[inline(always)]
    fn add<C: Compare>(line: &Line, value: u64, aside: &Line) -> Added {
        let seen = C::load(line);
        let (same, free) = (seen.same(value as u32), seen.same(0));
        let line = if (same == 0) & (free != 0) { line } else { aside };
        Self::put(line, free.trailing_zeros() as usize % 16, value, true);
        added(same != 0, free != 0)
    }

    #[inline(always)]
    fn put(line: &Line, slot: usize, value: u64, alone: bool) -> bool {
        let (word, shift) = (&line.0[slot / 2], slot % 2 * 32);
        set_half(word, shift, value, alone)
    }

    #[inline(always)]
    fn get(words: &[u64; 8], slot: usize) -> u64 {
        words[slot / 2] >> (slot % 2 * 32) & 0xFFFF_FFFF
    }
}

/// 8 slots of 64 bits, whose low halves are not 0 when they are filled.
pub(crate) struct Words;

/// The low halves of words.
const LOW_HALVES: u32 = 0x5555;

impl Slots for Words {
    const BITS: u32 = 64;
    const COUNT: usize = 8;

    #[inline(always)]
    fn seek<C: Compare>(line: &Line, value: u64) -> Seek {
        let seen = C::load(line);
        let mut same = seen.same(value as u32) & LOW_HALVES;
        while same != 0 {
            let slot = same.trailing_zeros() as usize / 2;
            if line.0[slot].load(Acquire) == value {
                return Seek::Found(slot);
            }
            same &= same - 1;
        }
        match seen.same(0) & LOW_HALVES {
            0 => Seek::Full,
            free => Seek::Free(free.trailing_zeros() as usize / 2),
        }
    }

    #[inline(always)]
    fn add<C: Compare>(line: &Line, value: u64, aside: &Line) -> Added {
        let seen = C::load(line);
        let (same, free) = (seen.same(value as u32) & LOW_HALVES, seen.same(0) & LOW_HALVES);
        let likely = same.trailing_zeros() as usize / 2 % 8;
        let is = (same != 0) & (line.0[likely].load(Relaxed) == value);
        if !is & (same != 0) {
            return add_slowly::<Self>(line, value);
        }
        let line = if !is & (free != 0) { line } else { aside };
        line.0[free.trailing_zeros() as usize / 2 % 8].store(value, Relaxed);
        added(is, free != 0)
    }

    #[inline(always)]
    fn put(line: &Line, slot: usize, value: u64, alone: bool) -> bool {
        let word = &line.0[slot];
        if alone {
            word.store(value, Relaxed);
            return true;
        }
        word.compare_exchange(0, value, Release, Relaxed).is_ok()
    }

    #[inline(always)]
    fn get(words: &[u64; 8], slot: usize) -> u64 {
        words[slot]
    }
}

/// `COUNT` slots of 32 + `UPPER` bits: `LOW` words of low halves, then words with `PER` upper parts each.
pub(crate) struct Split<const COUNT: usize, const UPPER: u32, const LOW: usize, const PER: usize>;

/// 14 slots of 36 bits.
pub(crate) type Bits36 = Split<14, 4, 7, 14>;
/// 12 slots of 40 bits.
pub(crate) type Bits40 = Split<12, 8, 6, 8>;
/// 10 slots of 48 bits.
pub(crate) type Bits48 = Split<10, 16, 5, 4>;

impl<const COUNT: usize, const UPPER: u32, const LOW: usize, const PER: usize> Split<COUNT, UPPER, LOW, PER> {
    /// The low halves, among all halves of a line.
    const LOWER: u32 = (1 << COUNT) - 1;

    #[inline(always)]
    fn upper(line: &Line, slot: usize) -> (&AtomicU64, usize) {
        (&line.0[LOW + slot / PER], slot % PER * UPPER as usize)
    }

    #[inline(always)]
    fn read_upper(line: &Line, slot: usize) -> u64 {
        let (word, shift) = Self::upper(line, slot);
        word.load(Acquire) >> shift & ((1 << UPPER) - 1)
    }
}

impl<const COUNT: usize, const UPPER: u32, const LOW: usize, const PER: usize> Slots
    for Split<COUNT, UPPER, LOW, PER>
{
    const BITS: u32 = 32 + UPPER;
    const COUNT: usize = COUNT;

    #[inline(always)]
    fn seek<C: Compare>(line: &Line, value: u64) -> Seek {
        loop {
            let seen = C::load(line);
            let mut same = seen.same(value as u32) & Self::LOWER;
            while same != 0 {
                let slot = same.trailing_zeros() as usize;
                if Self::read_upper(line, slot) == value >> 32 {
                    return Seek::Found(slot);
                }
                same &= same - 1;
            }
            // A slot that is being written may be about to hold the number.
            if seen.same(BUSY as u32) & Self::LOWER == 0 {
                return free_slot(seen.same(0), COUNT);
            }
            spin_loop();
        }
    }

    #[inline(always)]
    fn add<C: Compare>(line: &Line, value: u64, aside: &Line) -> Added {
        let seen = C::load(line);
        let (same, free) = (seen.same(value as u32) & Self::LOWER, seen.same(0) & Self::LOWER);
        let likely = first_of(same, COUNT);
        let is = (same != 0) & (Self::read_upper(line, likely) == value >> 32);
        if !is & (same != 0) {
            return add_slowly::<Self>(line, value);
        }
        let line = if !is & (free != 0) { line } else { aside };
        Self::put(line, first_of(free, COUNT), value, true);
        added(is, free != 0)
    }

    #[inline(always)]
    fn put(line: &Line, slot: usize, value: u64, alone: bool) -> bool {
        let (word, shift) = (&line.0[slot / 2], slot % 2 * 32);
        let (upper, at) = Self::upper(line, slot);
        let low = value & 0xFFFF_FFFF;
        if alone {
            upper.store(upper.load(Relaxed) | value >> 32 << at, Relaxed);
            return set_half(word, shift, low, true);
        }
        if !set_half(word, shift, BUSY, false) {
            return false;
        }
        upper.fetch_or(value >> 32 << at, Release);
        word.fetch_xor((BUSY ^ low) << shift, Release);
        true
    }

    #[inline(always)]
    fn get(words: &[u64; 8], slot: usize) -> u64 {
        let low = words[slot / 2] >> (slot % 2 * 32) & 0xFFFF_FFFF;
        let upper = words[LOW + slot / PER] >> (slot % PER * UPPER as usize);
        low | (upper & ((1 << UPPER) - 1)) << 32
    }
}

/// Sets half a word that is 0; false when another thread has.
#[inline(always)]
fn set_half(word: &AtomicU64, shift: usize, value: u64, alone: bool) -> bool {
    let mut old = word.load(Relaxed);
    if alone {
        word.store(old | value << shift, Relaxed);
        return true;
    }
    while old >> shift & 0xFFFF_FFFF == 0 {
        match word.compare_exchange_weak(old, old | value << shift, Release, Relaxed) {
            Ok(_) => return true,
            Err(now) => old = now,
        }
    }
    false
}

/// What becomes of a number.
#[inline(always)]
fn added(known: bool, room: bool) -> Added {
    match (known, room) {
        (true, _) => Added::Known,
        (false, true) => Added::New,
        (false, false) => Added::Full,
    }
}

/// The same as [`Slots::add`], where a part of another number is that of this one.
#[cold]
fn add_slowly<S: Slots>(line: &Line, value: u64) -> Added {
    match S::seek::<Seen>(line, value) {
        Seek::Found(_) => Added::Known,
        Seek::Free(slot) => {
            S::put(line, slot, value, true);
            Added::New
        }
        Seek::Full => Added::Full,
    }
}

/// The first of some slots, or any slot if there are none.
#[inline(always)]
fn first_of(slots: u32, count: usize) -> usize {
    (slots.trailing_zeros() as usize).min(count - 1)
}

/// The first of the free slots among `count`.
#[inline(always)]
fn free_slot(free: u32, count: usize) -> Seek {
    let slot = free.trailing_zeros() as usize;
    if slot < count { Seek::Free(slot) } else { Seek::Full }
}

/// Every interleaving of two threads (up to a bound on preemptions):
/// `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release -p arch-explorer --lib loom`.
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    /// Whether a number is new.
    fn insert<S: Slots>(line: &Line, value: u64) -> bool {
        loop {
            match S::seek::<Seen>(line, value) {
                Seek::Found(_) => return false,
                Seek::Free(slot) if S::put(line, slot, value, false) => return true,
                Seek::Free(_) => {}
                Seek::Full => panic!("a line for two numbers is full"),
            }
        }
    }

    /// Two threads insert the same number and one each, all with equal low halves where there are upper parts.
    fn compete<S: Slots>() {
        loom::model(|| {
            let number = |i: u64| i << if S::BITS == 32 { 4 } else { 32 } | 1;
            let line = Arc::new(Line::default());
            let other = line.clone();
            let thread =
                thread::spawn(move || (insert::<S>(&other, number(1)), insert::<S>(&other, number(2))));
            let mine = (insert::<S>(&line, number(3)), insert::<S>(&line, number(1)));
            let theirs = thread.join().expect("no panic");
            assert!(mine.0 && theirs.1, "what one thread inserts is new");
            assert!(mine.1 != theirs.0, "what both insert is new once");
            for i in 1..=3 {
                assert!(matches!(S::seek::<Seen>(&line, number(i)), Seek::Found(_)), "{i} is lost");
            }
            let stored = (0..S::COUNT).filter(|slot| S::get(&line.words(), *slot) != 0).count();
            assert_eq!(stored, 3);
        });
    }

    #[test]
    fn loom_halves() {
        compete::<Halves>();
    }

    #[test]
    fn loom_split() {
        compete::<Bits48>();
    }

    #[test]
    fn loom_words() {
        compete::<Words>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fills_and_finds<S: Slots>() {
        for alone in [true, false] {
            let line = Line::default();
            // Equal low halves where there are upper parts, to be told apart by these.
            let number = |i: usize| (i as u64) << if S::BITS == 32 { 4 } else { 32 } | 1;
            for slot in 0..S::COUNT {
                assert_eq!(S::seek::<Seen>(&line, number(slot)), Seek::Free(slot));
                assert!(S::put(&line, slot, number(slot), alone));
                assert!(alone || !S::put(&line, slot, 1, false), "a slot is taken once");
                for earlier in 0..=slot {
                    assert_eq!(S::seek::<Seen>(&line, number(earlier)), Seek::Found(earlier));
                    assert_eq!(S::get(&line.words(), earlier), number(earlier));
                }
            }
            assert_eq!(S::seek::<Seen>(&line, 2), Seek::Full);
            let (added, aside) = (Line::default(), Line::default());
            for slot in 0..S::COUNT {
                assert_eq!(S::add::<Seen>(&added, number(slot), &aside), Added::New);
                (0..=slot).for_each(|i| assert_eq!(S::add::<Seen>(&added, number(i), &aside), Added::Known));
                (0..=slot).for_each(|i| assert_eq!(S::get(&added.words(), i), number(i)));
            }
            assert_eq!(S::add::<Seen>(&added, number(S::COUNT), &aside), Added::Full);
        }
    }

    #[test]
    fn slots_of_every_size_are_filled_and_found() {
        fills_and_finds::<Halves>();
        fills_and_finds::<Bits36>();
        fills_and_finds::<Bits40>();
        fills_and_finds::<Bits48>();
        fills_and_finds::<Words>();
    }
}
