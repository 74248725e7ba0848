//! A bijection on k-bit numbers whose top bits depend on all bits of its argument.
//!
//! Numbers are kept at the *top* of a 64-bit word, the 64 − k bits below them 0: so multiplication modulo 2^k
//! is plain multiplication. Multiplying by an odd number is invertible and lets every bit influence those above
//! it; `x ^ (x >> s)` is invertible and lets it influence those below. Multiplications with such a step between them,
//! like the finisher of splitmix64 (Steele, Lea, Flood 2014) cut to k bits, but ending with a multiplication: only
//! the top matters.

use crate::memory::{Compare, Loop, vectorized};

const FIRST: u64 = 0xBF58_476D_1CE4_E5B9;
const SECOND: u64 = 0x94D0_49BB_1331_11EB;

/// A bijection on numbers of 1 to 64 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bijection {
    /// 64 − k.
    below: u32,
    /// The k top bits.
    mask: u64,
    step: u32,
    first_inverse: u64,
    second_inverse: u64,
}

impl Bijection {
    /// The one on `bits` bits, 1 to 64.
    pub(crate) fn new(bits: u32) -> Bijection {
        assert!((1..=64).contains(&bits), "a bijection on {bits} bits");
        let below = 64 - bits;
        Bijection {
            below,
            mask: u64::MAX << below,
            step: bits.div_ceil(2),
            first_inverse: inverse(FIRST),
            second_inverse: inverse(SECOND),
        }
    }

    /// The image of a number below 2^k, at the top of a word.
    #[inline(always)]
    pub(crate) fn apply(&self, key: u64) -> u64 {
        let x = (key << self.below).wrapping_mul(FIRST);
        let x = (x ^ (x >> self.step) & self.mask).wrapping_mul(SECOND);
        (x ^ (x >> self.step) & self.mask).wrapping_mul(FIRST)
    }

    /// The images of many numbers.
    pub(crate) fn apply_all(&self, keys: &[u64], images: &mut [u64]) {
        vectorized(ApplyAll { bijection: *self, keys, images });
    }

    /// The number whose image it is.
    #[inline]
    pub(crate) fn invert(&self, image: u64) -> u64 {
        let x = image.wrapping_mul(self.first_inverse);
        let x = self.unshift(x).wrapping_mul(self.second_inverse);
        self.unshift(x).wrapping_mul(self.first_inverse) >> self.below
    }

    /// The inverse of `x ^ (x >> step)`: `step` is at least half of the bits, so that it is its own.
    #[inline]
    fn unshift(&self, x: u64) -> u64 {
        x ^ (x >> self.step) & self.mask
    }
}

/// The images of many numbers.
struct ApplyAll<'a> {
    bijection: Bijection,
    keys: &'a [u64],
    images: &'a mut [u64],
}

impl Loop for ApplyAll<'_> {
    #[inline(always)]
    fn run<C: Compare>(self) {
        self.images.iter_mut().zip(self.keys).for_each(|(image, key)| *image = self.bijection.apply(*key));
    }
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration: every round doubles the bits that are right.
fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    for _ in 0..6 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Seen;

    #[test]
    fn every_small_width_is_a_bijection() {
        for bits in 1..=18 {
            let f = Bijection::new(bits);
            let mut seen = vec![false; 1 << bits];
            for key in 0..1u64 << bits {
                let image = f.apply(key);
                assert_eq!(image & !f.mask, 0, "{bits} bits: {key}");
                assert_eq!(f.invert(image), key, "{bits} bits");
                assert!(
                    !std::mem::replace(&mut seen[(image >> f.below) as usize], true),
                    "{bits} bits: {key}"
                );
            }
        }
    }

    #[test]
    fn every_width_inverts() {
        for bits in 1..=64 {
            let f = Bijection::new(bits);
            let most = u64::MAX >> (64 - bits);
            let mut key = 1u64;
            for i in 0..2000u64 {
                key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i);
                for key in [key & most, i & most, most - (i & most), (1u64 << (i % 64)) & most] {
                    assert_eq!(f.invert(f.apply(key)), key, "{bits} bits");
                }
            }
        }
    }

    #[test]
    fn many_numbers_have_the_images_of_each() {
        for bits in 1..=64 {
            for count in [0, 1, 3, 4, 7, 8, 9, 63, 64, 1000] {
                let f = Bijection::new(bits);
                let keys: Vec<u64> = (0..count).map(|i| FIRST.wrapping_mul(i) >> (64 - bits)).collect();
                let (mut images, mut twins) = (vec![7; keys.len()], vec![8; keys.len()]);
                f.apply_all(&keys, &mut images);
                ApplyAll { bijection: f, keys: &keys, images: &mut twins }.run::<Seen>();
                assert_eq!(images, keys.iter().map(|k| f.apply(*k)).collect::<Vec<_>>(), "{bits} bits");
                assert_eq!(images, twins, "{bits} bits");
            }
        }
    }

    /// Keys that differ in one bit differ in each of the top bits about half of the time.
    #[test]
    fn top_bits_depend_on_all_bits() {
        for bits in [20, 31, 44, 53, 64] {
            let f = Bijection::new(bits);
            for flipped in 0..bits {
                let mut counts = [0u32; 12];
                for key in 0..4096u64 {
                    let key = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits);
                    let difference = f.apply(key) ^ f.apply(key ^ 1 << flipped);
                    counts
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, c)| *c += (difference >> (63 - i)) as u32 & 1);
                }
                assert!(
                    counts.iter().all(|c| (1400..2700).contains(c)),
                    "{bits} bits, {flipped}: {counts:?}"
                );
            }
        }
    }
}
