//! The visited set: an exact hash table of numbers of up to 64 bits that stores only what their place does not say.
//!
//! A number goes through a [`Bijection`]; its image is split by a [`Geometry`] into a line and a remainder, and the
//! remainder is put into a [`slots`] of that line: what Cleary (1984) calls compact hashing and Knuth quotienting.
//! Nothing is lost, so the table can be read back into numbers. The few numbers for which no line has room are
//! kept in a list of their own, exact as well.
//!
//! Any number of threads may search and insert at once ([`Table::insert`]); growing takes the table for itself. The
//! line of an image grows with it, so growing is one pass from the last line to the first, in place.

mod bijection;
mod geometry;
mod key_bits;
mod slots;

use crate::memory::{AtomicU64, Line, Lines, Refused, prefetch};
pub(crate) use bijection::Bijection;
use geometry::{Geometry, LEAST, MANY, MOST, TAG};
pub(crate) use key_bits::KeyBits;
use slots::{Bits36, Bits40, Bits48, Halves, Seek, Slots, Words};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How full a table may get: in 64ths of its slots.
const FULL: u64 = 54;

/// The size in bytes from which on tables grow by a quarter rather than by all of it.
const LARGE: u64 = 8 << 20;

/// How the lines are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    Bits32,
    Bits36,
    Bits40,
    Bits48,
    Bits64,
}

/// Calls a function with the type of slots of a cut.
macro_rules! with_slots {
    ($cut:expr, $slots:ident => $body:expr) => {
        match $cut {
            Cut::Bits32 => {
                type $slots = Halves;
                $body
            }
            Cut::Bits36 => {
                type $slots = Bits36;
                $body
            }
            Cut::Bits40 => {
                type $slots = Bits40;
                $body
            }
            Cut::Bits48 => {
                type $slots = Bits48;
                $body
            }
            Cut::Bits64 => {
                type $slots = Words;
                $body
            }
        }
    };
}

impl Cut {
    /// All of them, narrow ones first.
    const ALL: [Cut; 5] = [Cut::Bits32, Cut::Bits36, Cut::Bits40, Cut::Bits48, Cut::Bits64];

    /// The narrowest that holds the remainders of so many lines.
    fn for_lines(key_bits: KeyBits, lines: u64) -> Cut {
        let bits = geometry(key_bits, lines).remainder_bits();
        Cut::ALL.into_iter().find(|cut| bits + TAG <= cut.bits()).unwrap_or(Cut::Bits64)
    }

    fn bits(self) -> u32 {
        with_slots!(self, S => S::BITS)
    }

    fn slots(self) -> u64 {
        with_slots!(self, S => S::COUNT as u64)
    }
}

/// How so many lines are used.
fn geometry(key_bits: KeyBits, lines: u64) -> Geometry {
    Geometry::new(key_bits.bits().max(1), lines)
}

/// Numbers that are moved to a new table together.
const MOVED: usize = 1024;

/// Where a number is: dense enough to number a table's contents, the same until it grows.
pub(crate) type Slot = u64;

/// A set of numbers.
#[derive(Debug)]
pub(crate) struct Table {
    bijection: Bijection,
    key_bits: KeyBits,
    geometry: Geometry,
    cut: Cut,
    lines: Lines,
    /// Images for which no line had room, with their order.
    stash: Mutex<BTreeMap<u64, u64>>,
    /// Whether only one thread inserts.
    alone: bool,
}

impl Table {
    /// An empty set of keys. `alone`: only one thread will insert at a time.
    pub(crate) fn new(key_bits: KeyBits, alone: bool) -> Result<Table, Refused> {
        let (lines, cut) = (LEAST, Cut::for_lines(key_bits, LEAST));
        Table::with_lines(key_bits, lines, cut, alone)
    }

    fn with_lines(key_bits: KeyBits, lines: u64, cut: Cut, alone: bool) -> Result<Table, Refused> {
        let geometry = geometry(key_bits, lines);
        Ok(Table {
            bijection: Bijection::new(key_bits.bits().max(1)),
            key_bits,
            geometry,
            cut,
            lines: Lines::new(geometry.physical())?,
            stash: Mutex::default(),
            alone,
        })
    }

    /// Bits of keys.
    pub(crate) fn key_bits(&self) -> KeyBits {
        self.key_bits
    }

    /// The image of a key, which stands for it.
    #[inline(always)]
    pub(crate) fn image(&self, key: u64) -> u64 {
        self.bijection.apply(self.key_bits.number(key))
    }

    /// The key of an image.
    fn key(&self, image: u64) -> u64 {
        self.key_bits.key(self.bijection.invert(image))
    }

    /// What gives images of keys that are numbers as a whole.
    #[inline(always)]
    pub(crate) fn bijection(&self) -> Bijection {
        self.bijection
    }

    /// How many numbers may be in it before it has to grow.
    pub(crate) fn room(&self) -> u64 {
        self.slots() * FULL / 64
    }

    /// The number of slots that numbers are spread over.
    pub(crate) fn slots(&self) -> u64 {
        self.geometry.lines() * self.cut.slots()
    }

    /// Bits of a slot.
    pub(crate) fn slot_bits(&self) -> u32 {
        self.cut.bits()
    }

    /// Slots are numbered below this.
    pub(crate) fn end(&self) -> u64 {
        self.geometry.physical() as u64 * self.cut.slots() + self.stash().len() as u64
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        // A node of the tree has up to 11 pairs and is at least half full.
        self.lines.bytes() + self.stash().len() as u64 * 32
    }

    fn stash(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.stash.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Inserts numbers, given by their images; calls `new` with the index of each that was not there.
    pub(crate) fn insert(&self, images: &[u64], mut new: impl FnMut(usize)) {
        with_slots!(self.cut, S => self.insert_into::<S>(images, &mut new));
    }

    #[inline(always)]
    fn insert_into<S: Slots>(&self, images: &[u64], new: &mut impl FnMut(usize)) {
        let (lines, geometry, alone) = (self.lines.all(), self.geometry, self.alone);
        let fetch = |image| prefetch(&lines[geometry.split(image).0 as usize]);
        ahead(images, fetch, |i, image| {
            if add::<S>(&geometry, lines, image, alone).unwrap_or_else(|Overflow| self.add_to_stash(image)) {
                new(i);
            }
        });
    }

    #[inline(always)]
    fn fetch(&self, lines: &[Line], image: u64) {
        prefetch(&lines[self.geometry.split(image).0 as usize]);
    }

    /// Inserts a number that is not there, while nobody else inserts.
    #[inline(always)]
    fn move_in<S: Slots>(&self, lines: &[Line], image: u64) {
        let (home, remainder) = self.geometry.split(image);
        for try_ in 0..MOST {
            let line = &lines[self.geometry.line(home, remainder, try_) as usize];
            let slot = S::free(line);
            if slot < S::COUNT {
                S::put(line, slot, remainder << TAG | u64::from(try_ + 1), true);
                return;
            }
        }
        self.add_to_stash(image);
    }

    #[cold]
    fn add_to_stash(&self, image: u64) -> bool {
        let mut stash = self.stash();
        let order = stash.len() as u64;
        let mut new = false;
        stash.entry(image).or_insert_with(|| {
            new = true;
            order
        });
        new
    }

    /// Where numbers are, given by their images: calls `found` with the index of each.
    pub(crate) fn find(&self, images: &[u64], mut found: impl FnMut(usize, Option<Slot>)) {
        let lines = self.lines.all();
        with_slots!(self.cut, S => {
            ahead(images, |image| self.fetch(lines, image), |i, image| found(i, self.slot_of::<S>(lines, image)));
        });
    }

    /// Where a number is, given by its image.
    pub(crate) fn slot(&self, image: u64) -> Option<Slot> {
        with_slots!(self.cut, S => self.slot_of::<S>(self.lines.all(), image))
    }

    #[inline(always)]
    fn slot_of<S: Slots>(&self, lines: &[Line], image: u64) -> Option<Slot> {
        let (home, remainder) = self.geometry.split(image);
        for try_ in 0..MOST {
            let line = self.geometry.line(home, remainder, try_);
            match S::seek(&lines[line as usize], remainder << TAG | u64::from(try_ + 1)) {
                Seek::Found(slot) => return Some(line * S::COUNT as u64 + slot as u64),
                Seek::Free(_) => return None,
                Seek::Full => {}
            }
        }
        let first = self.geometry.physical() as u64 * S::COUNT as u64;
        self.stash().get(&image).map(|order| first + order)
    }

    /// Calls `f` with every number, in the order of slots, until it answers false.
    pub(crate) fn each(&self, mut f: impl FnMut(Slot, u64) -> bool) {
        let lines = self.lines.all();
        let whole = with_slots!(self.cut, S => {
            (0..lines.len() as u64).all(|line| {
                let images = images_of::<S>(&self.geometry, line, &lines[line as usize]);
                images.enumerate().all(|(slot, image)| {
                    f(line * S::COUNT as u64 + slot as u64, self.key(image))
                })
            })
        });
        let first = lines.len() as u64 * self.cut.slots();
        let mut stashed: Vec<_> = self.stash().iter().map(|(image, order)| (*order, *image)).collect();
        stashed.sort_unstable();
        let _ = whole && stashed.into_iter().all(|(order, image)| f(first + order, self.key(image)));
    }

    /// Grows until there is room for `wanted` numbers, within `most` bytes for what the table needs meanwhile.
    ///
    /// # Errors
    ///
    /// When the memory is refused. The table holds what it held.
    pub(crate) fn grow(&mut self, wanted: u64, most: u64) -> Result<(), Refused> {
        while self.room() < wanted {
            self.grow_once(wanted, most)?;
        }
        Ok(())
    }

    fn grow_once(&mut self, wanted: u64, most: u64) -> Result<(), Refused> {
        let lines = self.geometry.lines();
        let usual = if lines * 64 < LARGE { lines * 2 } else { lines + lines / 4 };
        let needed = wanted.saturating_mul(64).div_ceil(FULL);
        if needed.max(usual) >= MANY {
            return Err(Refused);
        }
        // Narrower slots when there is memory for a second table beside this one.
        let narrow = Cut::for_lines(self.key_bits, usual);
        if narrow != self.cut {
            let same = (usual * self.cut.slots()).div_ceil(narrow.slots());
            let lines = needed.div_ceil(narrow.slots()).max(same);
            let fits = Cut::for_lines(self.key_bits, lines) == narrow;
            if fits && self.move_to(self.key_bits, lines, narrow, most).is_ok() {
                return Ok(());
            }
        }
        // The window of a larger table is at most twice as wide.
        let window = (self.geometry.physical() as u64 - self.geometry.lines()) * 2;
        let within = Lines::within(most).saturating_sub(window);
        let lines = usual.max(needed.div_ceil(self.cut.slots())).min(within);
        if lines <= self.geometry.lines() {
            return Err(Refused);
        }
        self.spread(lines)
    }

    /// Gives the halves of keys other numbers of bits, which have to be enough for all keys that are in it, and
    /// makes room for `wanted` numbers; needs memory for two tables.
    ///
    /// # Errors
    ///
    /// When the memory is refused. The table is as it was.
    pub(crate) fn widen(&mut self, key_bits: KeyBits, wanted: u64, most: u64) -> Result<(), Refused> {
        let needed = wanted.saturating_mul(64).div_ceil(FULL);
        let slots = if needed > self.slots() { needed.max(self.slots() / 4 * 5) } else { self.slots() };
        let fitting = Cut::ALL.into_iter().map(|cut| (slots.div_ceil(cut.slots()).max(LEAST), cut));
        let fits = |(lines, cut): &(u64, Cut)| {
            *lines < MANY && Cut::for_lines(key_bits, *lines).bits() <= cut.bits()
        };
        let (lines, cut) = fitting.into_iter().find(fits).ok_or(Refused)?;
        self.move_to(key_bits, lines, cut, most)
    }

    /// Moves everything to a new table.
    fn move_to(&mut self, key_bits: KeyBits, lines: u64, cut: Cut, most: u64) -> Result<(), Refused> {
        if lines + 256 > Lines::within(most.saturating_sub(self.lines.bytes())) {
            return Err(Refused);
        }
        let new = Table::with_lines(key_bits, lines, cut, true)?;
        let mut images = Vec::new();
        images.try_reserve_exact(MOVED)?;
        let mut carry = |image: u64| {
            images.push(if key_bits == self.key_bits { image } else { new.image(self.key(image)) });
            if images.len() == MOVED {
                new.insert(&images, |_| {});
                images.clear();
            }
        };
        with_slots!(self.cut, From => {
            for (i, line) in self.lines.all().iter().enumerate() {
                images_of::<From>(&self.geometry, i as u64, line).for_each(&mut carry);
            }
        });
        self.stash().keys().for_each(|image| carry(*image));
        new.insert(&images, |_| {});
        *self = Table { alone: self.alone, ..new };
        Ok(())
    }

    /// Spreads everything over more lines, in place.
    fn spread(&mut self, lines: u64) -> Result<(), Refused> {
        let (old, count) = (self.geometry, self.geometry.physical());
        let new = geometry(self.key_bits, lines);
        let displaced = self.displaced_below(&new);
        let mut early: Vec<u64> = Vec::new();
        early.try_reserve_exact(displaced)?;
        self.lines.grow(new.physical())?;
        let stash = std::mem::take(&mut *self.stash());
        self.geometry = new;
        with_slots!(self.cut, S => {
            let lines = self.lines.all();
            for i in (0..count).rev() {
                let line = take(&lines[i]);
                for image in images_of::<S>(&old, i as u64, &line) {
                    // Lines from here on are read, so what goes there is in nobody's way.
                    if new.split(image).0 >= i as u64 {
                        self.move_in::<S>(lines, image);
                    } else {
                        early.push(image);
                    }
                }
            }
            early.iter().chain(stash.keys()).for_each(|image| self.move_in::<S>(lines, *image));
        });
        Ok(())
    }

    /// How many numbers can be in lines above those that the new geometry gives them: only those of the first
    /// lines, whose new place is nearer than a window.
    fn displaced_below(&self, new: &Geometry) -> usize {
        // The window of a larger table is at most twice as wide.
        let window = (self.geometry.physical() as u64) - self.geometry.lines();
        let growth = new.lines() - self.geometry.lines();
        let first = (window + 1).saturating_mul(self.geometry.lines()) / growth + window + 1;
        (first.min(self.geometry.physical() as u64) * self.cut.slots()) as usize
    }
}

/// No line has room for a number.
struct Overflow;

/// Inserts a number; whether it was not there.
#[inline(always)]
fn add<S: Slots>(geometry: &Geometry, lines: &[Line], image: u64, alone: bool) -> Result<bool, Overflow> {
    let (home, remainder) = geometry.split(image);
    for try_ in 0..MOST {
        let line = &lines[geometry.line(home, remainder, try_) as usize];
        let value = remainder << TAG | u64::from(try_ + 1);
        loop {
            match S::seek(line, value) {
                Seek::Found(_) => return Ok(false),
                Seek::Full => break,
                Seek::Free(slot) if S::put(line, slot, value, alone) => return Ok(true),
                // Taken by another thread, perhaps for the same number.
                Seek::Free(_) => {}
            }
        }
    }
    Err(Overflow)
}

/// How far ahead of its use a line is fetched.
const AHEAD: usize = 32;

/// Calls `use_` for each image, and `fetch` some time before.
#[inline(always)]
fn ahead(images: &[u64], fetch: impl Fn(u64), mut use_: impl FnMut(usize, u64)) {
    images.iter().take(AHEAD).for_each(|image| fetch(*image));
    let late = images.len().saturating_sub(AHEAD);
    for i in 0..late {
        fetch(images[i + AHEAD]);
        use_(i, images[i]);
    }
    (late..images.len()).for_each(|i| use_(i, images[i]));
}

/// The images in a line.
fn images_of<'l, S: Slots>(
    geometry: &Geometry,
    index: u64,
    line: &'l Line,
) -> impl Iterator<Item = u64> + use<'l, S> {
    let geometry = *geometry;
    let row = geometry.first(index);
    let values = (0..S::COUNT).map(|slot| S::get(line, slot)).take_while(|value| *value != 0);
    values.map(move |value| match (value & ((1 << TAG) - 1)) as u32 - 1 {
        0 => row.image(value >> TAG),
        try_ => geometry.join(index, value >> TAG, try_),
    })
}

/// Empties a line, while nobody else uses it; what was in it.
fn take(line: &Line) -> Line {
    Line(std::array::from_fn(|i| {
        let word = AtomicU64::new(line.0[i].load(Relaxed));
        line.0[i].store(0, Relaxed);
        word
    }))
}

#[cfg(test)]
mod tests;
