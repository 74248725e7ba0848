//! Growing a table, while nobody else uses it.
//!
//! The line of an image grows with it, so growing is one pass from the last line to the first, in place. No number comes
//! twice, and lines fill from the first slot on: it is enough to know how many of each line's slots are filled.
//!
//! Several threads make that pass in steps. All lines of a step go behind what was read before it, and ranges of them to
//! ranges of lines, in the same order: each thread has a range to read and one to write. The few numbers that belong
//! elsewhere, since they or those before them found no room in their own lines, are put there when the step is over.

use super::geometry::{Geometry, LEAST, Leap, MANY, MOST, Row, TAG, TOGETHER, WINDOW};
use super::slots::{Bits36, Bits40, Bits48, Halves, Slots, Words};
use super::{Cut, FULL, KeyBits, Table, ahead, at_home, geometry, image_of, images_of, with_slots};
use crate::memory::{Compare, Line, Lines, Loop, Refused, filled, prefetch, push, vectorized};
use std::marker::PhantomData;
use std::ops::Range;

/// The size in bytes from which on tables grow as numbers are likely to come, rather than by all of it.
const LARGE: u64 = 1 << 20;

/// Numbers that are moved to a new table together.
const MOVED: usize = 1024;

/// How many lines ahead memory is fetched.
const SOON: usize = 8;

/// Fewer lines for each thread do not pay for it.
const FEW: usize = 1024;

impl Table {
    /// Grows until there is room for `wanted` numbers, or more where as many as `likely` will come: at least by a sixteenth and at most by as much as there
    /// is, unless that is too little. Within `most` bytes for what the table needs meanwhile.
    ///
    /// # Errors
    ///
    /// When the memory is refused. The table holds what it held.
    pub(crate) fn grow(&mut self, wanted: u64, likely: u64, most: u64) -> Result<(), Refused> {
        while self.room() < wanted {
            self.grow_once(wanted, likely, most)?;
        }
        Ok(())
    }

    fn grow_once(&mut self, wanted: u64, likely: u64, most: u64) -> Result<(), Refused> {
        let lines = self.geometry.lines();
        let slots = |numbers: u64| numbers.saturating_mul(64).div_ceil(FULL);
        let foreseen = slots(likely).div_ceil(self.cut.slots());
        let least = if lines * 64 < LARGE { lines * 2 } else { lines + lines / 16 };
        let (usual, needed) = (foreseen.clamp(least, lines * 2), slots(wanted));
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
        let new = Table::with_lines(key_bits, lines, cut, self.threads)?;
        let mut filled = filled(0, new.geometry.physical())?;
        let all = 0..self.geometry.physical();
        // Images of other keys are in another order.
        let many = key_bits == self.key_bits && all.len() >= self.threads * FEW;
        let mut later = self.lists(if many { self.threads } else { 1 })?;
        in_parts((self.geometry, new.geometry), all, &mut filled, &mut later, |filler, from, later| {
            new.carry(self, from, filler, later);
        });
        let mut filler = Filler { geometry: new.geometry, first: 0, filled: &mut filled };
        let rest: Vec<u64> = self.stash().keys().map(|image| new.image_from(self, *image)).collect();
        with_slots!(cut, S => {
            later.iter().flatten().chain(&rest).for_each(|image| new.put::<S>(&mut filler, *image));
        });
        *self = new;
        Ok(())
    }

    /// The image of a number that is in another table, given its image there.
    #[inline(always)]
    fn image_from(&self, other: &Table, image: u64) -> u64 {
        if self.key_bits == other.key_bits { image } else { self.image(other.key(image)) }
    }

    /// Copies what is in some lines of another table into its lines, as far as it belongs there.
    fn carry(&self, other: &Table, from: Range<usize>, filler: &mut Filler<'_>, later: &mut Vec<u64>) {
        let (mut images, mut count) = ([0; MOVED], 0);
        let mut row = other.geometry.row(from.start as u64);
        with_slots!(other.cut, From => for line in &other.lines.all()[from] {
            images_of::<From>(&row, line, |_, image| {
                images[count] = self.image_from(other, image);
                count += 1;
                if count == MOVED {
                    self.put_all(filler, &images, later);
                    count = 0;
                }
            });
            row = row.next();
        });
        self.put_all(filler, &images[..count], later);
    }

    /// Puts many numbers into their lines, or on a list.
    fn put_all(&self, filler: &mut Filler<'_>, images: &[u64], later: &mut Vec<u64>) {
        let lines = self.lines.all();
        let fetch = |image: &u64| self.fetch(lines, *image);
        with_slots!(self.cut, S => ahead(images, fetch, |image| {
            if !filler.put::<S>(lines, *image) {
                later.push(*image);
            }
        }));
    }

    /// Spreads everything over more lines, in place.
    fn spread(&mut self, lines: u64) -> Result<(), Refused> {
        let (old, count) = (self.geometry, self.geometry.physical());
        let new = geometry(self.key_bits, lines);
        let steps = self.steps(&new)?;
        let mut early: Vec<u64> = Vec::new();
        early.try_reserve_exact(self.displaced_below(&new))?;
        let mut later = self.lists(if steps.is_empty() { 0 } else { self.threads })?;
        let mut filled = filled(0, new.physical())?;
        self.lines.grow(new.physical())?;
        let stash = std::mem::take(&mut *self.stash());
        self.geometry = new;
        with_slots!(self.cut, S => {
            let lines = self.lines.all();
            let mut end = count;
            for start in steps {
                in_parts((old, new), start..end, &mut filled, &mut later, |filler, from, later| {
                    each_moved::<S>(lines, (old, new), from, |_, moved| {
                        if !filler.put_own::<S>(lines, moved) && !filler.put::<S>(lines, moved.image()) {
                            later.push(moved.image());
                        }
                    });
                });
                end = start;
                let mut filler = Filler { geometry: new, first: 0, filled: &mut filled };
                // Lines from here on are read, so what goes there is in nobody's way.
                for image in later.iter_mut().flat_map(|list| list.drain(..)) {
                    match new.split(image).0 >= start as u64 {
                        true => self.put::<S>(&mut filler, image),
                        false => early.push(image),
                    }
                }
            }
            let mut filler = Filler { geometry: new, first: 0, filled: &mut filled };
            each_moved::<S>(lines, (old, new), 0..end, |i, moved| {
                // The same here.
                if moved.home < i as u64 {
                    early.push(moved.image());
                } else if !filler.put_own::<S>(lines, moved) {
                    self.put::<S>(&mut filler, moved.image());
                }
            });
            early.iter().chain(stash.keys()).for_each(|image| self.put::<S>(&mut filler, *image));
        });
        Ok(())
    }

    /// Where the steps begin that several threads make together: all lines from there on to the one before belong, in the new
    /// geometry, behind that one. Few lines are left to one thread.
    fn steps(&self, new: &Geometry) -> Result<Vec<usize>, Refused> {
        let (mut steps, mut end) = (Vec::new(), self.geometry.physical());
        if self.threads < 2 {
            return Ok(steps);
        }
        loop {
            let start = (end as u64 * self.geometry.lines()).div_ceil(new.lines()) as usize;
            if end - start < self.threads * FEW {
                return Ok(steps);
            }
            push(&mut steps, start)?;
            end = start;
        }
    }

    /// Lists for numbers that a thread cannot put where they belong.
    fn lists(&self, count: usize) -> Result<Vec<Vec<u64>>, Refused> {
        let mut lists = Vec::new();
        lists.try_reserve_exact(count)?;
        for _ in 0..count {
            let mut list = Vec::new();
            list.try_reserve_exact(self.elsewhere())?;
            lists.push(list);
        }
        Ok(lists)
    }

    /// How many of the numbers that are in a range of lines can belong outside of the range of lines to which these
    /// go: they are stored at most a window behind their own line, before or behind the spread, and at either end.
    fn elsewhere(&self) -> usize {
        (4 * WINDOW as usize + 8) * self.cut.slots() as usize
    }

    /// Puts a number into its line, or into the stash where no line has room.
    #[inline(always)]
    fn put<S: Slots>(&self, filler: &mut Filler<'_>, image: u64) {
        if !filler.put::<S>(self.lines.all(), image) {
            self.add_to_stash(image);
        }
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

/// Lets as many threads as there are lists go over lines `from`, a range each, and fill new lines: from where the own range
/// goes in the new geometry to where the next one does.
fn in_parts(
    (old, new): (Geometry, Geometry),
    from: Range<usize>,
    filled: &mut [u8],
    later: &mut [Vec<u64>],
    run: impl Fn(&mut Filler<'_>, Range<usize>, &mut Vec<u64>) + Sync,
) {
    let (threads, run) = (later.len(), &run);
    let place = |line: usize| (line as u128 * u128::from(new.lines()) / u128::from(old.lines())) as usize;
    std::thread::scope(|scope| {
        let (mut left, mut end) = (filled, from.end);
        for (part, list) in later.iter_mut().enumerate().rev() {
            let start = from.start + from.len() * part / threads;
            let first = place(start).min(left.len());
            let (before, own) = left.split_at_mut(first);
            left = before;
            let sources = start..std::mem::replace(&mut end, start);
            let mut filler = Filler { geometry: new, first, filled: own };
            if part == 0 {
                run(&mut filler, sources, list);
            } else {
                scope.spawn(move || run(&mut filler, sources, list));
            }
        }
    });
}

/// Puts numbers into lines that are not in them, and that nobody else uses.
struct Filler<'f> {
    geometry: Geometry,
    /// The first of the lines.
    first: usize,
    /// How many slots of each line are filled.
    filled: &'f mut [u8],
}

impl Filler<'_> {
    /// Puts a number into its own line; false when that has no room, or is not one of these.
    #[inline(always)]
    fn put_own<S: Slots>(&mut self, lines: &[Line], moved: &Moved<'_>) -> bool {
        let line = moved.home as usize;
        let Some(filled) = self.filled.get_mut(line.wrapping_sub(self.first)) else { return false };
        let slot = usize::from(*filled);
        if slot < S::COUNT {
            *filled += 1;
            S::put(&lines[line], slot, at_home(moved.remainder), true);
        }
        slot < S::COUNT
    }

    /// Puts a number into the first of the lines that are tried for it that has room; false when none of these lines has, or
    /// one of the others might.
    #[inline(always)]
    fn put<S: Slots>(&mut self, lines: &[Line], image: u64) -> bool {
        let (home, remainder) = self.geometry.split(image);
        for try_ in 0..MOST {
            let line = self.geometry.line(home, remainder, try_) as usize;
            let Some(filled) = self.filled.get_mut(line.wrapping_sub(self.first)) else { return false };
            let slot = usize::from(*filled);
            if slot < S::COUNT {
                *filled += 1;
                S::put(&lines[line], slot, remainder << TAG | u64::from(try_ + 1), true);
                return true;
            }
        }
        false
    }
}

/// A number that moves.
struct Moved<'r> {
    /// Its own line, and what is left of it there.
    home: u64,
    remainder: u64,
    /// Where it was: the row of that line, and what is stored there.
    row: &'r Row,
    value: u64,
}

impl Moved<'_> {
    /// The image that it is.
    fn image(&self) -> u64 {
        image_of(self.row, self.value)
    }
}

/// Takes everything from some lines of the old geometry, from the last one on, and calls `f` for each number with the line where it was.
fn each_moved<S: Slots>(
    lines: &[Line],
    (old, new): (Geometry, Geometry),
    from: Range<usize>,
    f: impl FnMut(usize, &Moved<'_>),
) {
    vectorized(EachMoved::<S, _> { lines, old, new, from, f, slots: PhantomData });
}

/// See [`each_moved`].
struct EachMoved<'l, S, F> {
    lines: &'l [Line],
    old: Geometry,
    new: Geometry,
    from: Range<usize>,
    f: F,
    slots: PhantomData<S>,
}

impl<S: Slots, F: FnMut(usize, &Moved<'_>)> Loop for EachMoved<'_, S, F> {
    #[inline(always)]
    fn run<C: Compare>(self) {
        let EachMoved { lines, old, new, from, mut f, .. } = self;
        let (leap, mut row) = (Leap::new(&old, &new), old.row(from.end as u64));
        for i in from.rev() {
            row = row.back(1);
            fetch(lines, i, row, &new);
            let words = lines[i].take();
            let values: [u64; TOGETHER] =
                std::array::from_fn(|slot| if slot < S::COUNT { S::get(&words, slot) } else { 0 });
            let split = leap.as_ref().map(|leap| leap.split(&row, &values.map(|value| value >> TAG)));
            for (slot, value) in values.into_iter().enumerate().take_while(|(_, value)| *value != 0) {
                let (home, remainder) = match &split {
                    Some((homes, rests)) if at_home(value >> TAG) == value => (homes[slot], rests[slot]),
                    _ => new.split(image_of(&row, value)),
                };
                f(i, &Moved { home, remainder, row: &row, value });
            }
        }
    }
}

/// Fetches the lines to which those go that are in a line some lines before this one, and that line itself.
#[inline(always)]
fn fetch(lines: &[Line], line: usize, row: Row, new: &Geometry) {
    if line > SOON {
        let to = new.split(row.back(SOON as u64).image(0)).0 as usize;
        [line - SOON, to, to + 1].into_iter().for_each(|line| prefetch(&lines[line]));
    }
}
