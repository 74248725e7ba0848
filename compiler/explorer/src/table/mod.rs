//! The visited set: an exact hash table of numbers of up to 64 bits that stores only what their place does not say.
//!
//! A number goes through a [`Bijection`]; its image is split by a [`Geometry`] into a line and a remainder, and the
//! remainder is put into a [`slots`] of that line: what Cleary (1984) calls compact hashing and Knuth quotienting.
//! Nothing is lost, so the table can be read back into numbers. The few numbers for which no line has room are
//! kept in a list of their own, exact as well.
//!
//! Any number of threads may search and insert at once ([`Table::insert`]); growing takes the table for itself
//! ([`grow`]).

mod bijection;
mod geometry;
mod grow;
mod key_bits;
mod slots;

use crate::memory::{Compare, Line, Lines, Loop, Refused, Seen, filled, prefetch, vectorized};
pub(crate) use bijection::Bijection;
use geometry::{Geometry, LEAST, MOST, Row, TAG};
pub(crate) use key_bits::KeyBits;
use slots::{Added, Bits36, Bits40, Bits48, Halves, Seek, Slots, Words};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How full a table may get: in 64ths of its slots.
const FULL: u64 = 54;

/// How the lines are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    Bits32,
    Bits36,
    Bits40,
    Bits48,
    Bits64,
}

/// Evaluates something with the type of slots of a cut.
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

use with_slots;

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

/// Where a number is: dense enough to number a table's contents, the same until it grows.
pub(crate) type Slot = u64;

/// What became of numbers that were to be inserted, by their indexes.
#[derive(Debug, Default)]
pub(crate) struct Inserted {
    new: Vec<u32>,
    /// Those for which there was no room yet.
    open: Vec<u32>,
}

impl Inserted {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Result<Inserted, Refused> {
        Ok(Inserted { new: filled(0, most)?, open: filled(0, most)? })
    }
}

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
    /// How many threads use it.
    threads: usize,
}

impl Table {
    /// An empty set of keys. So many threads (at least one) will insert at a time, and be there to grow it.
    pub(crate) fn new(key_bits: KeyBits, threads: usize) -> Result<Table, Refused> {
        let (lines, cut) = (LEAST, Cut::for_lines(key_bits, LEAST));
        Table::with_lines(key_bits, lines, cut, threads)
    }

    fn with_lines(key_bits: KeyBits, lines: u64, cut: Cut, threads: usize) -> Result<Table, Refused> {
        let geometry = geometry(key_bits, lines);
        Ok(Table {
            bijection: Bijection::new(key_bits.bits().max(1)),
            key_bits,
            geometry,
            cut,
            lines: Lines::new(geometry.physical())?,
            stash: Mutex::default(),
            threads,
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

    /// By how many bits keys could be wider without wider slots. Where there are narrower slots these may do soon, so none are
    /// to spare.
    pub(crate) fn spare_bits(&self) -> u32 {
        let fitting = self.cut.bits() - TAG + self.geometry.lines().ilog2();
        if self.cut == Cut::Bits32 { fitting.saturating_sub(self.key_bits.bits()) } else { 0 }
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

    /// Inserts numbers, given by their images; the indexes of those that were not there, in no particular order. `alone`:
    /// no other thread does so meanwhile, and this one sees what others have inserted before.
    pub(crate) fn insert<'l>(&self, images: &[u64], lists: &'l mut Inserted, alone: bool) -> &'l [u32] {
        let (mut count, alone) = (0, alone || self.threads == 1);
        vectorized(InsertAll { table: self, images, lists, alone, count: &mut count });
        &lists.new[..count]
    }

    /// Inserts one number; whether it was not there.
    pub(crate) fn insert_one(&self, image: u64) -> bool {
        !self.insert(&[image], &mut Inserted { new: vec![0], open: vec![0] }, false).is_empty()
    }

    /// Adds numbers to their own lines; then those for which there is no room there to the next lines that are tried for
    /// them, and so on, so that every line is fetched before it is looked at. Nothing branches on what becomes of
    /// a number, which is hard to predict.
    #[inline(always)]
    fn insert_by<A: Add>(&self, images: &[u64], lists: &mut Inserted) -> usize {
        let (lines, geometry, aside) = (self.lines.all(), self.geometry, Line::default());
        let (new, open) = (&mut lists.new[..images.len()], &mut lists.open[..images.len()]);
        let (mut count, mut left, mut i) = (0, 0, 0);
        ahead(
            images,
            |image| self.fetch(lines, *image),
            |image| {
                let (home, rest) = geometry.split(*image);
                let added = A::add(&lines[home as usize], at_home(rest), &aside);
                (new[count], open[left]) = (i, i);
                count += usize::from(added == Added::New);
                left += usize::from(added == Added::Full);
                i += 1;
            },
        );
        let open = Cell::from_mut(&mut open[..]).as_slice_of_cells();
        for try_ in 1..MOST {
            if left == 0 {
                return count;
            }
            let split = |i: &Cell<u32>| geometry.split(images[i.get() as usize]);
            let line_of = |(home, rest)| &lines[geometry.line(home, rest, try_) as usize];
            let now = &open[..std::mem::take(&mut left)];
            ahead(
                now,
                |i| prefetch(line_of(split(i))),
                |i| {
                    let (home, rest) = split(i);
                    let added = A::add(line_of((home, rest)), rest << TAG | u64::from(try_ + 1), &aside);
                    // What is written to `open` was read from it.
                    new[count] = i.get();
                    open[left].set(i.get());
                    count += usize::from(added == Added::New);
                    left += usize::from(added == Added::Full);
                },
            );
        }
        for i in &open[..left] {
            new[count] = i.get();
            count += usize::from(self.add_to_stash(images[i.get() as usize]));
        }
        count
    }

    #[inline(always)]
    fn fetch(&self, lines: &[Line], image: u64) {
        prefetch(&lines[self.geometry.split(image).0 as usize]);
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
            let mut i = 0;
            ahead(images, |image| self.fetch(lines, *image), |image| {
                found(i, self.slot_of::<S>(lines, *image));
                i += 1;
            });
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
            match S::seek::<Seen>(&lines[line as usize], remainder << TAG | u64::from(try_ + 1)) {
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
        let mut whole = true;
        with_slots!(self.cut, S => {
            let mut row = self.geometry.row(0);
            for (i, line) in (0..).zip(lines) {
                images_of::<S>(&row, line, |slot, image| {
                    whole = whole && f(i * S::COUNT as u64 + slot as u64, self.key(image));
                });
                if !whole {
                    return;
                }
                row = row.next();
            }
        });
        let first = lines.len() as u64 * self.cut.slots();
        let mut stashed: Vec<_> = self.stash().iter().map(|(image, order)| (*order, *image)).collect();
        stashed.sort_unstable();
        let _ = stashed.into_iter().all(|(order, image)| f(first + order, self.key(image)));
    }
}

/// Inserts numbers, and says how many are new.
struct InsertAll<'a> {
    table: &'a Table,
    images: &'a [u64],
    lists: &'a mut Inserted,
    alone: bool,
    count: &'a mut usize,
}

impl Loop for InsertAll<'_> {
    #[inline(always)]
    fn run<C: Compare>(self) {
        let InsertAll { table, images, lists, alone, count } = self;
        *count = with_slots!(table.cut, S => match alone {
            true => table.insert_by::<Alone<S, C>>(images, lists),
            false => table.insert_by::<AmongOthers<S, C>>(images, lists),
        });
    }
}

/// A way to add a number to a line: as [`Slots::add`].
trait Add {
    fn add(line: &Line, value: u64, aside: &Line) -> Added;
}

/// While nobody else uses the table.
struct Alone<S, C>(PhantomData<(S, C)>);

impl<S: Slots, C: Compare> Add for Alone<S, C> {
    #[inline(always)]
    fn add(line: &Line, value: u64, aside: &Line) -> Added {
        S::add::<C>(line, value, aside)
    }
}

/// While others add numbers.
struct AmongOthers<S, C>(PhantomData<(S, C)>);

impl<S: Slots, C: Compare> Add for AmongOthers<S, C> {
    #[inline(always)]
    fn add(line: &Line, value: u64, _: &Line) -> Added {
        loop {
            match S::seek::<C>(line, value) {
                Seek::Found(_) => return Added::Known,
                Seek::Full => return Added::Full,
                Seek::Free(slot) if S::put(line, slot, value, false) => return Added::New,
                // Taken by another thread, perhaps for the same number.
                Seek::Free(_) => {}
            }
        }
    }
}

/// How far ahead of its use a line is fetched.
const AHEAD: usize = 32;

/// Calls `use_` for each item, and `fetch` some time before.
#[inline(always)]
fn ahead<T>(items: &[T], fetch: impl Fn(&T), mut use_: impl FnMut(&T)) {
    for i in 0..items.len() + AHEAD {
        if let Some(item) = items.get(i) {
            fetch(item);
        }
        if i >= AHEAD {
            use_(&items[i - AHEAD]);
        }
    }
}

/// Calls `f` with the image of each slot of a line that is filled, given the row of this line.
#[inline(always)]
fn images_of<S: Slots>(row: &Row, line: &Line, mut f: impl FnMut(usize, u64)) {
    let words = line.words();
    for slot in 0..S::COUNT {
        let value = S::get(&words, slot);
        if value == 0 {
            return;
        }
        f(slot, image_of(row, value));
    }
}

/// The image of what is in a slot that is filled.
#[inline(always)]
fn image_of(row: &Row, value: u64) -> u64 {
    row.stored(value >> TAG, (value & ((1 << TAG) - 1)) as u32 - 1)
}

/// What is in a slot of a number's own line.
#[inline(always)]
fn at_home(remainder: u64) -> u64 {
    remainder << TAG | 1
}

#[cfg(test)]
mod tests;
