//! Numbers for 64-bit values: each value gets one number, from which it can be looked up again. Any number of
//! threads may intern at once; growing takes the interner for itself.

use crate::memory::{AtomicU64, Compare, Line, Lines, Loop, Refused, prefetch, vectorized};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Words of a line.
const WORDS: u64 = 8;
/// How full the index may get: in eighths.
const FULL: u64 = 5;
/// How many lines ahead the values of an index are fetched while it moves.
const SOON: usize = 4;
/// No number: the last one is never given.
const NONE: u32 = u32::MAX;

/// Values by number, and an index of them.
#[derive(Debug)]
pub(super) struct Interner {
    values: Lines,
    /// Upper half: of the value's hash; lower half: its number. A number is put after its value. 0 is free, so
    /// upper halves are never 0.
    index: Lines,
    len: AtomicU64,
    /// Numbers have so many bits.
    bits: u32,
}

impl Interner {
    /// One with no values and hardly any room.
    pub(super) fn new() -> Result<Interner, Refused> {
        Ok(Interner { values: Lines::new(8)?, index: Lines::new(8)?, len: AtomicU64::new(0), bits: 32 })
    }

    /// How many numbers were given.
    pub(super) fn len(&self) -> u64 {
        self.len.load(Relaxed)
    }

    /// Bits of numbers.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// Lets numbers have so many bits, enough for those that were given.
    pub(super) fn set_bits(&mut self, bits: u32) {
        self.bits = bits;
    }

    /// The most values.
    fn most(&self) -> u64 {
        (1 << self.bits).min(u64::from(NONE))
    }

    /// How many more values there is room for.
    pub(super) fn room(&self) -> u64 {
        let (values, index) = (self.values.all().len() as u64 * WORDS, self.index.all().len() as u64 * FULL);
        values.min(index).min(self.most()).saturating_sub(self.len.load(Relaxed))
    }

    /// Makes room for so many more values.
    pub(super) fn grow(&mut self, more: u64, most: u64) -> Result<(), Refused> {
        let wanted = self.len.load(Relaxed) + more;
        if wanted > self.most() {
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
            let lines = wanted.div_ceil(FULL).max(index + index / 2);
            self.within(lines + index + self.values.all().len() as u64, most)?;
            self.reindex(Lines::new(lines as usize)?);
        }
        Ok(())
    }

    fn within(&self, lines: u64, most: u64) -> Result<(), Refused> {
        if lines.saturating_mul(64) > most { Err(Refused) } else { Ok(()) }
    }

    /// Moves the entries to an empty index. Numbers that a worker has taken and not used have values, too, but no entry: those of
    /// the entries alone count, or such a number could be taken for that of a value that has another one.
    fn reindex(&mut self, index: Lines) {
        let old = std::mem::replace(&mut self.index, index);
        let entries = |line: &Line| line.0.each_ref().map(|place| place.load(Relaxed));
        for (i, line) in old.all().iter().enumerate() {
            let soon = old.all().get(i + SOON).map_or([0; WORDS as usize], entries);
            soon.iter().filter(|entry| **entry != 0).for_each(|entry| self.fetch(*entry as u32));
            for entry in entries(line).into_iter().filter(|entry| *entry != 0) {
                let free = self.places(hash(self.value(entry as u32))).find(|place| place.load(Relaxed) == 0);
                // The index has more places than there are values.
                if let Some(place) = free {
                    place.store(entry, Relaxed);
                }
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

    /// Says that the value of a number will be asked for.
    #[inline(always)]
    pub(super) fn fetch(&self, number: u32) {
        if let Some(line) = self.values.all().get(number as usize / 8) {
            prefetch(line);
        }
    }

    /// Where values with a hash are looked for first.
    #[inline(always)]
    fn home(&self, hash: u64) -> &Line {
        let lines = self.index.all();
        &lines[((u128::from(hash) * lines.len() as u128) >> 64) as usize]
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

    /// The number of a value. There must be room. `spare`: as in [`Interner::intern_hashed`].
    pub(super) fn intern(&self, value: u64, spare: &mut Option<u32>) -> u32 {
        self.intern_hashed(value, hash(value), spare)
    }

    /// Writes the numbers of what is wanted to their places in `numbers`, and forgets what is wanted. There must be
    /// room.
    ///
    /// One pass over all values for each thing that has to be fetched: the line of the index, the value that
    /// is found there. Nearly always that is the right one.
    pub(super) fn intern_all(&self, wanted: &mut Wanted, numbers: &mut [u32], spare: &mut Option<u32>) {
        vectorized(InternAll { interner: self, wanted, numbers, spare });
    }

    /// The first number in the first line for a hash whose value may have that hash.
    #[inline(always)]
    fn likely<C: Compare>(&self, hash: u64) -> u32 {
        let line = self.home(hash);
        // Tags are upper halves.
        match C::load(line).same(tag(hash) as u32) & 0xAAAA {
            0 => NONE,
            same => line.0[same.trailing_zeros() as usize / 2 % 8].load(Acquire) as u32,
        }
    }

    /// The number of a value with this [`hash`]. There must be room. `spare`: a number that this worker has taken and
    /// not used.
    fn intern_hashed(&self, value: u64, hash: u64, spare: &mut Option<u32>) -> u32 {
        for place in self.places(hash) {
            let mut found = place.load(Acquire);
            if found == 0 {
                let number = spare.take().unwrap_or_else(|| self.next());
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

    /// A number that was not given before.
    fn next(&self) -> u32 {
        let number = self.len.fetch_add(1, Relaxed);
        assert!(number < self.most(), "a number of more than {} bits is given", self.bits);
        number as u32
    }

    #[inline]
    fn is(&self, entry: u64, hash: u64, value: u64) -> bool {
        entry >> 32 == tag(hash) && self.value(entry as u32) == value
    }
}

/// See [`Interner::intern_all`].
struct InternAll<'a> {
    interner: &'a Interner,
    wanted: &'a mut Wanted,
    numbers: &'a mut [u32],
    spare: &'a mut Option<u32>,
}

impl Loop for InternAll<'_> {
    #[inline(always)]
    fn run<C: Compare>(self) {
        let InternAll { interner, wanted, numbers, spare } = self;
        let len = std::mem::take(&mut wanted.len);
        let (values, hashes) = (&wanted.values[..len], &mut wanted.hashes[..len]);
        values.iter().zip(hashes.iter_mut()).for_each(|(value, hashed)| *hashed = hash(*value));
        hashes.iter().for_each(|hash| prefetch(interner.home(*hash)));
        let likely = &mut wanted.likely[..len];
        for (hash, likely) in hashes.iter().zip(likely.iter_mut()) {
            *likely = interner.likely::<C>(*hash);
            interner.fetch(*likely);
        }
        let places = &wanted.places[..len];
        for (((value, hash), likely), place) in
            values.iter().zip(hashes.iter()).zip(likely.iter()).zip(places)
        {
            let right = *likely != NONE && interner.value(*likely) == *value;
            numbers[*place as usize] =
                if right { *likely } else { interner.intern_hashed(*value, *hash, spare) };
        }
    }
}

/// Values whose numbers are wanted, and room for what is found on the way to them.
#[derive(Debug)]
pub(super) struct Wanted {
    len: usize,
    values: Vec<u64>,
    places: Vec<u32>,
    hashes: Vec<u64>,
    likely: Vec<u32>,
}

impl Wanted {
    /// No values, and room for so many.
    pub(super) fn new(most: usize) -> Wanted {
        Wanted {
            len: 0,
            values: vec![0; most],
            places: vec![0; most],
            hashes: vec![0; most],
            likely: vec![0; most],
        }
    }

    /// Wants the number of a value for this place, or not: written over then, as that is hard to predict.
    #[inline(always)]
    pub(super) fn add(&mut self, place: usize, value: u64, wanted: bool) {
        (self.values[self.len], self.places[self.len]) = (value, place as u32);
        self.len += usize::from(wanted);
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
fn hash(value: u64) -> u64 {
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
            let number = interner.intern(value, &mut spare);
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
                (0..5000u64).map(|i| interner.intern(i * 3, &mut spare)).collect()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|t| t.join().expect("no panic")).collect()
        });
        assert!(all.iter().all(|numbers| *numbers == all[0]));
        assert!((0..5000u64).all(|i| interner.value(all[0][i as usize]) == i * 3));
    }

    #[test]
    fn a_number_that_was_taken_and_not_used_is_of_no_value() {
        let mut interner = Interner::new().expect("a little memory");
        // One thread takes a number for a value, writes it, and then another one is faster.
        let lost = interner.next();
        interner.values.all()[0].0[lost as usize].store(77, Relaxed);
        let (number, mut spare) = (interner.intern(77, &mut None), Some(lost));
        interner.grow(1000, u64::MAX).expect("some memory");
        assert_eq!(interner.find(77), Some(number));
        assert_eq!(interner.intern(88, &mut spare), lost);
        assert_eq!((interner.find(77), interner.find(88)), (Some(number), Some(lost)));
        assert_eq!((interner.value(number), interner.value(lost)), (77, 88));
    }

    #[test]
    fn numbers_stay_while_threads_race_and_it_grows() {
        const VALUES: u64 = 400;
        let mut interner = Interner::new().expect("a little memory");
        let mut spares = [None; 4];
        for round in 0..60 {
            interner.grow(5 * VALUES, u64::MAX).expect("some memory");
            let barrier = std::sync::Barrier::new(spares.len());
            let (all, interner) = ((0..VALUES).map(|i| round * VALUES / 2 + i), &interner);
            let run = |spare: &mut Option<u32>| {
                barrier.wait();
                all.clone().map(|value| interner.intern(value * 3, spare)).collect::<Vec<_>>()
            };
            let numbers: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = spares.iter_mut().map(|spare| scope.spawn(|| run(spare))).collect();
                threads.into_iter().map(|t| t.join().expect("no panic")).collect()
            });
            assert!(numbers.iter().all(|n| *n == numbers[0]), "{round}");
            for (value, number) in all.zip(&numbers[0]) {
                assert_eq!((interner.find(value * 3), interner.value(*number)), (Some(*number), value * 3));
            }
        }
    }

    #[test]
    fn too_much_is_refused() {
        let mut interner = Interner::new().expect("a little memory");
        assert_eq!(interner.grow(1 << 33, u64::MAX), Err(Refused));
        assert_eq!(interner.grow(1 << 20, 1 << 16), Err(Refused));
    }

    /// The value with this hash.
    fn value_of(hash: u64) -> u64 {
        let inverse =
            |odd: u64| (0..6).fold(odd, |x, _| x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x))));
        let unshift = |y: u64, by: u32| (0..64 / by).fold(y, |x, _| y ^ (x >> by));
        let h = unshift(hash, 31).wrapping_mul(inverse(0x94D0_49BB_1331_11EB));
        let h = unshift(h, 27).wrapping_mul(inverse(0xBF58_476D_1CE4_E5B9));
        unshift(h.wrapping_sub(0x9E37_79B9_7F4A_7C15), 30)
    }

    /// Chosen by somebody who means harm: the index cannot tell them apart.
    #[test]
    fn values_with_one_tag_and_one_line_are_told_apart() {
        let mut interner = Interner::new().expect("a little memory");
        interner.grow(1000, u64::MAX).expect("some memory");
        let values: Vec<u64> = (0..300).map(|low| value_of(0x1234_0000_9ABC_DEF1 | low << 32)).collect();
        assert!(values.iter().all(|v| tag(hash(*v)) == tag(hash(values[0]))));
        let (mut spare, mut wanted) = (None, Wanted::new(values.len()));
        for round in 0..2 {
            values.iter().enumerate().for_each(|(i, value)| wanted.add(i, *value, true));
            let mut numbers = vec![NONE; values.len()];
            interner.intern_all(&mut wanted, &mut numbers, &mut spare);
            for (value, number) in values.iter().zip(&numbers) {
                assert_eq!(
                    (interner.value(*number), interner.find(*value)),
                    (*value, Some(*number)),
                    "{round}"
                );
                assert_eq!(interner.intern(*value, &mut spare), *number);
            }
        }
        assert_eq!(interner.len(), values.len() as u64);
    }
}
