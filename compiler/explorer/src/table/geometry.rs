//! Where an image of the bijection is stored, and what is left to store: the split of a k-bit number h into the
//! index of one of n lines and a remainder, without division, for any n.
//!
//! The line is ⌊h·n / 2^k⌋, which grows with h. What is left of the product, (h·n mod 2^k), grows in steps of n
//! within a line, so ⌊(h·n mod 2^k) / 2^f⌋ with 2^f ≤ n tells the numbers of a line apart: k − f bits. A number
//! whose line is full goes to one of [`MOST`] − 1 other lines that its remainder chooses, at most
//! [`Geometry::window`] away; which one it was is stored with the remainder.

/// How many lines are tried for a number.
pub(crate) const MOST: u32 = 14;

/// Bits of a slot beside the remainder: 0 for an empty slot, 1 to [`MOST`] for the line that was tried, 15 for a
/// slot that is being written.
pub(crate) const TAG: u32 = 4;

/// The widest window.
pub(crate) const WINDOW: u64 = 256;

/// The least number of lines.
pub(crate) const LEAST: u64 = 16;

/// Lines there may not be so many of.
pub(crate) const MANY: u64 = 1 << 40;

/// The split for k bits and n lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    bits: u32,
    lines: u64,
    /// ⌊log2 n⌋, at most `bits`.
    size: u32,
    /// By how much less than whole the product is shifted to get the remainder: one less.
    shift: u32,
    window: u64,
    /// ⌊(2^64 − 1) / n⌋.
    reciprocal: u64,
    /// ⌊2^k / n⌋ and what is left of it.
    step: u64,
    left: u64,
}

impl Geometry {
    /// The split of `bits` bits (1 to 64) over `lines` lines, at least [`LEAST`].
    pub(crate) fn new(bits: u32, lines: u64) -> Geometry {
        assert!((1..=64).contains(&bits) && (LEAST..MANY).contains(&lines));
        let (all, size) = (1u128 << bits, lines.ilog2().min(bits));
        Geometry {
            bits,
            lines,
            size,
            shift: 63 + size - bits,
            window: WINDOW.min(1 << lines.ilog2()),
            reciprocal: u64::MAX / lines,
            step: (all / u128::from(lines)) as u64,
            left: (all % u128::from(lines)) as u64,
        }
    }

    /// Bits of a remainder.
    pub(crate) fn remainder_bits(&self) -> u32 {
        self.bits - self.size
    }

    /// The lines that numbers are spread over.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// The lines that there have to be.
    pub(crate) fn physical(&self) -> usize {
        (self.lines + self.window) as usize
    }

    /// The line and the remainder of a number, which is at the top of its word.
    #[inline(always)]
    pub(crate) fn split(&self, image: u64) -> (u64, u64) {
        let product = u128::from(image) * u128::from(self.lines);
        ((product >> 64) as u64, (product as u64) >> self.shift >> 1)
    }

    /// The `try_`-th line that is tried for a number; the first is its own.
    #[inline(always)]
    pub(crate) fn line(&self, home: u64, remainder: u64, try_: u32) -> u64 {
        if try_ == 0 { home } else { home + self.away(remainder, try_) }
    }

    /// How far away the `try_`-th line is: 1 to window, different for each.
    fn away(&self, remainder: u64, try_: u32) -> u64 {
        let mixed = remainder.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        1 + ((mixed >> 40).wrapping_add(u64::from(try_).wrapping_mul(mixed >> 20 | 1)) & (self.window - 1))
    }

    /// What is stored in a line, for [`Row::stored`].
    pub(crate) fn row(&self, line: u64) -> Row {
        let start = u128::from(line) << self.bits;
        let lines = u128::from(self.lines);
        // Beyond the lines that numbers are spread over this is more than 64 bits, and what is taken away again.
        let floor = start / lines;
        Row { geometry: *self, floor: floor as u64, rest: (start - floor * lines) as u64 }
    }
}

/// A line, as the least product of a number that it is the own line of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    geometry: Geometry,
    /// ⌊line · 2^k / n⌋ and what is left of it.
    floor: u64,
    rest: u64,
}

impl Row {
    /// The number with this remainder that is stored in this line after so many tries.
    #[inline(always)]
    pub(crate) fn stored(&self, remainder: u64, try_: u32) -> u64 {
        match try_ {
            0 => self.image(remainder),
            try_ => self.back(self.geometry.away(remainder, try_)).image(remainder),
        }
    }

    /// The row so many lines before, at most a window of them.
    #[inline(always)]
    pub(crate) fn back(&self, lines: u64) -> Row {
        let g = &self.geometry;
        let left = lines * g.left;
        let borrowed = divide_up(left.saturating_sub(self.rest), g.lines, g.reciprocal);
        Row {
            floor: self.floor.wrapping_sub(lines.wrapping_mul(g.step)).wrapping_sub(borrowed),
            rest: self.rest + borrowed * g.lines - left,
            ..*self
        }
    }

    /// The row of the next line.
    #[inline(always)]
    pub(crate) fn next(&self) -> Row {
        let (g, rest) = (&self.geometry, self.rest + self.geometry.left);
        let carry = u64::from(rest >= g.lines);
        let floor = self.floor.wrapping_add(g.step).wrapping_add(carry);
        Row { floor, rest: rest - carry * g.lines, ..*self }
    }

    /// The number with this remainder whose own line it is: the least h with h·n ≥ line·2^k + remainder·2^f.
    #[inline(always)]
    pub(crate) fn image(&self, remainder: u64) -> u64 {
        let g = &self.geometry;
        let steps = match (remainder << g.size).checked_add(self.rest) {
            Some(over) => divide_up(over, g.lines, g.reciprocal),
            None => {
                let over = u128::from(remainder << g.size) + u128::from(self.rest);
                over.div_ceil(u128::from(g.lines)) as u64
            }
        };
        self.floor.wrapping_add(steps) << (64 - g.bits)
    }
}

/// How many numbers of a line are split by another geometry at once: in 64-bit arithmetic without a branch, which is done by
/// vectors where there are any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leap {
    old: Geometry,
    new: Geometry,
    /// 2^f / n and 1 / n of the old geometry.
    ratio: f64,
    inverse: f64,
}

/// The numbers of a line that are split at once: as many as a line can have.
pub(crate) const TOGETHER: usize = 16;

/// Remainders of so many bits are divided by the number of lines in floating point, with an error of less than one half.
const PRECISE: u32 = 50;

impl Leap {
    /// From one geometry to another one of as many bits; none if 64 bits are not enough.
    pub(crate) fn new(old: &Geometry, new: &Geometry) -> Option<Leap> {
        assert_eq!(old.bits, new.bits);
        let steps = (1 << old.bits) / u128::from(old.lines) + 2;
        let farthest = (1 << old.bits) + steps * u128::from(new.lines);
        let fits = farthest < 1 << 64 && old.remainder_bits() <= PRECISE;
        let lines = old.lines as f64;
        fits.then(|| Leap {
            old: *old,
            new: *new,
            ratio: (1u64 << old.size) as f64 / lines,
            inverse: 1.0 / lines,
        })
    }

    /// The new lines and remainders of the numbers with these remainders whose own line is that of the row.
    ///
    /// A number is ⌊line · 2^k / n⌋ and some steps more (as in [`Row::image`]), so its product with the new number of lines is one
    /// that is the same for all and that of the steps.
    #[inline(always)]
    pub(crate) fn split(
        &self,
        row: &Row,
        remainders: &[u64; TOGETHER],
    ) -> ([u64; TOGETHER], [u64; TOGETHER]) {
        let (old, new, bits) = (&self.old, &self.new, self.old.bits);
        let start = u128::from(row.floor) * u128::from(new.lines);
        let mask = (1 << bits) - 1;
        let (line, rest) = ((start >> bits) as u64, start as u64 & mask);
        let first = row.rest as f64 * self.inverse;
        let (mut lines, mut rests) = ([0; TOGETHER], [0; TOGETHER]);
        for i in 0..TOGETHER {
            // The number of steps or one less.
            let steps = nearest(remainders[i] as f64 * self.ratio + first);
            let over = (remainders[i] << old.size)
                .wrapping_add(row.rest)
                .wrapping_sub(steps.wrapping_mul(old.lines));
            let steps = steps + u64::from(over as i64 > 0);
            let product = rest + steps.wrapping_mul(new.lines);
            (lines[i], rests[i]) = (line + (product >> bits), (product & mask) >> new.size);
        }
        (lines, rests)
    }
}

/// The whole number that is nearest to one from 0 to 2^51.
#[inline(always)]
fn nearest(x: f64) -> u64 {
    // From 2^52 on, floating-point numbers are whole.
    const WHOLE: f64 = (1u64 << 52) as f64;
    (x + WHOLE).to_bits() - WHOLE.to_bits()
}

/// ⌈x / n⌉, given ⌊(2^64 − 1) / n⌋: multiplying by it gives the quotient or one less.
#[inline]
fn divide_up(x: u64, n: u64, reciprocal: u64) -> u64 {
    let mut quotient = ((u128::from(x) * u128::from(reciprocal)) >> 64) as u64;
    let mut rest = x - quotient * n;
    while rest >= n {
        quotient += 1;
        rest -= n;
    }
    quotient + u64::from(rest != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(g: &Geometry, image: u64) {
        let (home, remainder) = g.split(image);
        assert!(home < g.lines && remainder < 1 << g.remainder_bits().min(63), "{g:?} {image}");
        for try_ in 0..MOST {
            let line = g.line(home, remainder, try_);
            assert!((line as usize) < g.physical());
            let row = g.row(line);
            assert_eq!(row.stored(remainder, try_), image, "{g:?}");
            let next = g.row(line + 1);
            assert_eq!((row.next().floor, row.next().rest), (next.floor, next.rest), "{g:?}");
            let later = g.row(line + g.window).back(g.window);
            assert_eq!((later.floor, later.rest), (row.floor, row.rest), "{g:?}");
        }
    }

    #[test]
    fn every_number_of_few_bits_comes_back() {
        for bits in 1..=12 {
            for lines in (16..80).chain([127, 128, 129, 1000, 5000]) {
                let g = Geometry::new(bits, lines);
                let mut last = (0, 0);
                for h in 0..1u64 << bits {
                    let image = h << (64 - bits);
                    check(&g, image);
                    let split = g.split(image);
                    assert!(h == 0 || split > last, "lines grow with the number, and none share a place");
                    last = split;
                }
            }
        }
    }

    #[test]
    fn numbers_of_many_bits_come_back() {
        let mut h = 1u64;
        for bits in 13..=64 {
            for lines in [16, 17, 31, 32, 33, 1000, 1 << 20, (1 << 20) + 1, 3 << 28, (1 << 39) - 1] {
                let g = Geometry::new(bits, lines);
                for i in 0..300 {
                    h = h.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i);
                    check(&g, h << (64 - bits));
                    check(&g, (u64::MAX - i) << (64 - bits));
                    check(&g, i << (64 - bits));
                }
            }
        }
    }

    /// Compares with splitting one by one.
    fn check_leap(old: &Geometry, lines: u64, line: u64, remainders: [u64; TOGETHER]) -> bool {
        let new = Geometry::new(old.bits, lines);
        let Some(leap) = Leap::new(old, &new) else { return false };
        let row = old.row(line);
        let (homes, rests) = leap.split(&row, &remainders);
        for (i, remainder) in remainders.into_iter().enumerate() {
            let image = row.image(remainder);
            if old.split(image) == (line, remainder) {
                assert_eq!((homes[i], rests[i]), new.split(image), "{old:?} {new:?} {line} {remainder}");
            }
        }
        true
    }

    #[test]
    fn numbers_that_are_split_together_are_split_alike() {
        for bits in 1..=12 {
            for lines in [16, 17, 31, 33, 100, 1000] {
                let old = Geometry::new(bits, lines);
                let most = 1u64 << old.remainder_bits();
                for (line, from) in (0..lines).flat_map(|l| (0..most).step_by(TOGETHER).map(move |r| (l, r)))
                {
                    for more in [lines + 1, lines + lines / 4, 2 * lines, 5 * lines] {
                        let remainders = std::array::from_fn(|i| (from + i as u64).min(most - 1));
                        assert!(check_leap(&old, more, line, remainders));
                    }
                }
            }
        }
        let (mut x, mut together) = (1u64, 0);
        for bits in 13..=64 {
            for lines in [16, 17, 1000, 99_991, 1 << 20, (1 << 20) + 1, 3 << 28, (1 << 36) + 12_345] {
                let old = Geometry::new(bits, lines);
                let least = u64::MAX >> (64 - old.remainder_bits().max(1));
                for i in 0..100 {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i);
                    let line = ((u128::from(x) * u128::from(lines)) >> 64) as u64;
                    // The extremes, too.
                    let random = |i: usize| x.rotate_left(5 * i as u32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    let remainders = std::array::from_fn(|i| match i {
                        0 => 0,
                        1 => least,
                        _ => random(i) & least,
                    });
                    together += [lines + 1, lines / 4 * 5, lines * 2, lines * 7]
                        .map(|more| u32::from(check_leap(&old, more, line, remainders)))
                        .iter()
                        .sum::<u32>();
                }
            }
        }
        assert!(together > 80_000, "{together} of all");
    }

    #[test]
    fn tries_are_of_different_lines() {
        let g = Geometry::new(40, 1000);
        for remainder in 0..5000 {
            let lines: std::collections::BTreeSet<u64> = (0..MOST).map(|t| g.line(7, remainder, t)).collect();
            assert_eq!(lines.len(), MOST as usize);
        }
    }
}
