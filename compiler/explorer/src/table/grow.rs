//! Growing a table, while nobody else uses it.
//!
//! The line of an image grows with it, so growing is one pass from the last line to the first, in place. No number comes
//! twice, and lines fill from the first slot on: it is enough to know how many of each line's slots are filled.

use super::geometry::{Geometry, LEAST, MANY, MOST, Row, TAG};
use super::slots::{Bits36, Bits40, Bits48, Halves, Slots, Words};
use super::{Cut, FULL, KeyBits, Table, ahead, geometry, images_of, with_slots};
use crate::memory::{AtomicU64, Line, Lines, Refused, filled, prefetch};
use std::sync::atomic::Ordering::Relaxed;

/// The size in bytes from which on tables grow by a quarter rather than by all of it.
const LARGE: u64 = 8 << 20;

/// Numbers that are moved to a new table together.
const MOVED: usize = 1024;

/// How many lines ahead memory is fetched.
const SOON: usize = 8;

impl Table {
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
        let mut filler = Filler::new(&new)?;
        let mut images = Vec::new();
        images.try_reserve_exact(MOVED)?;
        let mut carry = |image: u64| {
            images.push(if key_bits == self.key_bits { image } else { new.image(self.key(image)) });
            if images.len() == MOVED {
                filler.put_all(&images);
                images.clear();
            }
        };
        with_slots!(self.cut, From => {
            let mut row = self.geometry.row(0);
            for line in self.lines.all() {
                images_of::<From>(&row, line, |_, image| carry(image));
                row = row.next();
            }
        });
        self.stash().keys().for_each(|image| carry(*image));
        filler.put_all(&images);
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
        let filled = filled(0, new.physical())?;
        self.lines.grow(new.physical())?;
        let stash = std::mem::take(&mut *self.stash());
        self.geometry = new;
        let mut filler = Filler { table: self, filled };
        with_slots!(self.cut, S => {
            let lines = self.lines.all();
            let mut row = old.row(count as u64);
            for i in (0..count).rev() {
                row = row.back(1);
                filler.fetch(lines, i, row);
                images_of::<S>(&row, &take(&lines[i]), |_, image| {
                    // Lines from here on are read, so what goes there is in nobody's way.
                    if new.split(image).0 >= i as u64 {
                        filler.put::<S>(lines, image);
                    } else {
                        early.push(image);
                    }
                });
            }
            early.iter().chain(stash.keys()).for_each(|image| filler.put::<S>(lines, *image));
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

/// Puts numbers into lines that are not in them, and that nobody else uses.
struct Filler<'t> {
    table: &'t Table,
    /// How many slots of each line are filled.
    filled: Vec<u8>,
}

impl Filler<'_> {
    /// Of an empty table.
    fn new(table: &Table) -> Result<Filler<'_>, Refused> {
        Ok(Filler { table, filled: filled(0, table.geometry.physical())? })
    }

    /// Fetches the lines to which those go that are in a line some lines before this one, and that line itself.
    #[inline(always)]
    fn fetch(&self, lines: &[Line], line: usize, row: Row) {
        if line > SOON {
            let to = self.table.geometry.split(row.back(SOON as u64).image(0)).0 as usize;
            [line - SOON, to, to + 1].into_iter().for_each(|line| prefetch(&lines[line]));
        }
    }

    #[inline(always)]
    fn put<S: Slots>(&mut self, lines: &[Line], image: u64) {
        let geometry = &self.table.geometry;
        let (home, remainder) = geometry.split(image);
        for try_ in 0..MOST {
            let line = geometry.line(home, remainder, try_) as usize;
            let slot = usize::from(self.filled[line]);
            if slot < S::COUNT {
                self.filled[line] += 1;
                S::put(&lines[line], slot, remainder << TAG | u64::from(try_ + 1), true);
                return;
            }
        }
        self.table.add_to_stash(image);
    }

    fn put_all(&mut self, images: &[u64]) {
        let table = self.table;
        let lines = table.lines.all();
        let fetch = |image: &u64| table.fetch(lines, *image);
        with_slots!(table.cut, S => ahead(images, fetch, |image| self.put::<S>(lines, *image)));
    }
}

/// Empties a line, while nobody else uses it; what was in it.
#[inline(always)]
fn take(line: &Line) -> Line {
    Line(std::array::from_fn(|i| {
        let word = AtomicU64::new(line.0[i].load(Relaxed));
        line.0[i].store(0, Relaxed);
        word
    }))
}
