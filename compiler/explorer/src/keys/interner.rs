//! Numbers for 64-bit values: each value gets one number, from which it can be looked up again. Any number of
//! threads may intern at once; growing takes the interner for itself.

use crate::memory::{AtomicU64, Line, Lines, Refused};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Words of a line.
const WORDS: u64 = 8;
/// How full the index may get: in eighths.
const FULL: u64 = 6;
/// The most values: numbers have 32 bits.
const MOST: u64 = 1 << 32;

/// Values by number, and an index of them.
#[derive(Debug)]
pub(super) struct Interner {
    values: Lines,
    /// Upper half: of the value's hash; lower half: its number. A number is put after its value. 0 is free, so
    /// upper halves are never 0.
    index: Lines,
    len: AtomicU64,
}

impl Interner {
    /// One with no values and hardly any room.
    pub(super) fn new() -> Result<Interner, Refused> {
        Ok(Interner { values: Lines::new(8)?, index: Lines::new(8)?, len: AtomicU64::new(0) })
    }

    /// How many more values there is room for.
    pub(super) fn room(&self) -> u64 {
        let (values, index) = (self.values.all().len() as u64 * WORDS, self.index.all().len() as u64 * FULL);
        values.min(index).min(MOST).saturating_sub(self.len.load(Relaxed))
    }

    /// Makes room for so many more values.
    pub(super) fn grow(&mut self, more: u64, most: u64) -> Result<(), Refused> {
        let wanted = self.len.load(Relaxed) + more;
        if wanted > MOST {
            return Err(Refused);
        }
        let values = self.values.all().len() as u64;
        if values * WORDS < wanted {
            let lines = wanted.div_ceil(WORDS).max(values + values / 2);
            self.within(lines + self.index.all().len() as u64, most)?;
            self.values.grow(lines as usize)?;
        }
        let index = self.index.all().len() as u64;
        if index * FULL < wanted {
            let lines = wanted.div_ceil(FULL).max(index * 2);
            self.within(lines + index + self.values.all().len() as u64, most)?;
            self.reindex(Lines::new(lines as usize)?);
        }
        Ok(())
    }

    fn within(&self, lines: u64, most: u64) -> Result<(), Refused> {
        if lines.saturating_mul(64) > most { Err(Refused) } else { Ok(()) }
    }

    fn reindex(&mut self, index: Lines) {
        self.index = index;
        for number in 0..self.len.load(Relaxed) {
            let value = self.value(number as u32);
            let hash = hash(value);
            let free = self.places(hash).find(|place| place.load(Relaxed) == 0);
            // The index has more places than there are values.
            if let Some(place) = free {
                place.store(entry(hash, number), Relaxed);
            }
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        self.values.bytes() + self.index.bytes()
    }

    /// The value of a number.
    #[inline]
    pub(super) fn value(&self, number: u32) -> u64 {
        let number = number as usize;
        self.values.all()[number / 8].0[number % 8].load(Relaxed)
    }

    /// Places where a value may be, in the order in which they are filled.
    #[inline]
    fn places(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        let lines = self.index.all();
        let home = ((u128::from(hash) * lines.len() as u128) >> 64) as usize;
        lines[home..].iter().chain(&lines[..home]).flat_map(|line: &Line| &line.0)
    }

    /// The number of a value, if it has one.
    pub(super) fn find(&self, value: u64) -> Option<u32> {
        let hash = hash(value);
        for place in self.places(hash) {
            match place.load(Acquire) {
                0 => return None,
                found if self.is(found, hash, value) => return Some(found as u32),
                _ => {}
            }
        }
        None
    }

    /// The number of a value with this [`hash`]. There must be room. `spare`: a number that this worker has taken and
    /// not used.
    #[inline]
    pub(super) fn intern_hashed(&self, value: u64, hash: u64, spare: &mut Option<u32>) -> u32 {
        for place in self.places(hash) {
            let mut found = place.load(Acquire);
            if found == 0 {
                let number = spare.take().unwrap_or_else(|| self.len.fetch_add(1, Relaxed) as u32);
                self.values.all()[number as usize / 8].0[number as usize % 8].store(value, Relaxed);
                match place.compare_exchange(0, entry(hash, u64::from(number)), Release, Acquire) {
                    Ok(_) => return number,
                    Err(now) => {
                        *spare = Some(number);
                        found = now;
                    }
                }
            }
            if self.is(found, hash, value) {
                return found as u32;
            }
        }
        unreachable!("there is room for a value")
    }

    #[inline]
    fn is(&self, entry: u64, hash: u64, value: u64) -> bool {
        entry >> 32 == tag(hash) && self.value(entry as u32) == value
    }
}

/// The entry of a number in the index.
fn entry(hash: u64, number: u64) -> u64 {
    tag(hash) << 32 | number
}

fn tag(hash: u64) -> u64 {
    hash & 0xFFFF_FFFF | 1
}

/// The finisher of splitmix64.
#[inline]
pub(super) fn hash(value: u64) -> u64 {
    let h = (value ^ (value >> 30)).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    h ^ (h >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn values_have_one_number_each_while_it_grows() {
        let mut interner = Interner::new().expect("a little memory");
        let (mut numbers, mut spare) = (BTreeMap::new(), None);
        for i in 0..20_000u64 {
            if interner.room() == 0 {
                interner.grow(1, u64::MAX).expect("some memory");
            }
            let value = ((i * i % 7001) << 20) | (i % 3);
            let known = numbers.get(&value).copied();
            assert_eq!(interner.find(value), known);
            let number = interner.intern_hashed(value, hash(value), &mut spare);
            assert_eq!(*numbers.entry(value).or_insert(number), number);
            assert_eq!(interner.value(number), value);
        }
        let distinct: std::collections::BTreeSet<_> = numbers.values().collect();
        assert_eq!(distinct.len(), numbers.len());
    }

    #[test]
    fn threads_agree_on_numbers() {
        let mut interner = Interner::new().expect("a little memory");
        interner.grow(4 * 5000, u64::MAX).expect("some memory");
        let all: Vec<Vec<u32>> = std::thread::scope(|scope| {
            let run = || {
                let mut spare = None;
                (0..5000u64).map(|i| interner.intern_hashed(i * 3, hash(i * 3), &mut spare)).collect()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|t| t.join().expect("no panic")).collect()
        });
        assert!(all.iter().all(|numbers| *numbers == all[0]));
        assert!((0..5000u64).all(|i| interner.value(all[0][i as usize]) == i * 3));
    }

    #[test]
    fn too_much_is_refused() {
        let mut interner = Interner::new().expect("a little memory");
        assert_eq!(interner.grow(1 << 33, u64::MAX), Err(Refused));
        assert_eq!(interner.grow(1 << 20, 1 << 16), Err(Refused));
    }
}
