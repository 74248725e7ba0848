//! Comparing all 32-bit halves of a line at once.
#![allow(unsafe_code, reason = "vector loads and instructions")]

use super::Line;

/// The halves of a line, each word as it was at some moment.
pub(crate) trait Compare: Copy {
    /// Loads a line: what was written before a word of it was, is seen when that word is.
    fn load(line: &Line) -> Self;

    /// For each half, from the lowest on, a bit: whether it is `value`.
    fn same(self, value: u32) -> u32;
}

/// What every processor can do.
#[derive(Clone, Copy)]
pub(crate) struct Seen(Halves);

/// What processors with AVX-512 can do.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[derive(Clone, Copy)]
pub(crate) struct Wide(std::arch::x86_64::__m512i);

#[cfg(all(target_arch = "x86_64", not(loom)))]
type Halves = [std::arch::x86_64::__m128i; 4];
#[cfg(not(all(target_arch = "x86_64", not(loom))))]
type Halves = [u64; 8];

impl Compare for Seen {
    #[inline(always)]
    fn load(line: &Line) -> Seen {
        #[cfg(all(target_arch = "x86_64", not(loom)))]
        return Seen(load_sse2(line));
        #[cfg(not(all(target_arch = "x86_64", not(loom))))]
        return Seen(load_plainly(line));
    }

    #[inline(always)]
    fn same(self, value: u32) -> u32 {
        #[cfg(all(target_arch = "x86_64", not(loom)))]
        // SAFETY: SSE2 is part of x86-64.
        return unsafe { same_sse2(self.0, value) };
        #[cfg(not(all(target_arch = "x86_64", not(loom))))]
        return same_plainly(&self.0, value);
    }
}

#[cfg(all(target_arch = "x86_64", not(loom)))]
impl Compare for Wide {
    #[inline(always)]
    fn load(line: &Line) -> Wide {
        // SAFETY: only functions for processors with AVX-512 use this type, see [`super::vectorized`].
        Wide(unsafe { load_avx512(line) })
    }

    #[inline(always)]
    fn same(self, value: u32) -> u32 {
        // SAFETY: as above.
        unsafe { same_avx512(self.0, value) }
    }
}

#[cfg(any(test, not(target_arch = "x86_64"), loom))]
fn load_plainly(line: &Line) -> [u64; 8] {
    std::array::from_fn(|i| line.0[i].load(std::sync::atomic::Ordering::Acquire))
}

#[cfg(any(test, not(target_arch = "x86_64"), loom))]
fn same_plainly(words: &[u64; 8], value: u32) -> u32 {
    let halves = words.iter().flat_map(|&w| [w as u32, (w >> 32) as u32]);
    halves.enumerate().fold(0, |same, (i, half)| same | u32::from(half == value) << i)
}

/// The same words two at a time.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[inline(always)]
fn load_sse2(line: &Line) -> Halves {
    let (a, b, c, d);
    // SAFETY: `line` is 64 bytes, aligned to 64. The words are atomics that others may be writing; the processor loads
    // each aligned 64-bit part of a vector as a whole, and no load of this architecture is seen before an earlier
    // one: this does what eight acquiring loads do. It is not called pure, so that it is done every time.
    unsafe {
        std::arch::asm!(
            "movdqa {a}, xmmword ptr [{line}]",
            "movdqa {b}, xmmword ptr [{line} + 16]",
            "movdqa {c}, xmmword ptr [{line} + 32]",
            "movdqa {d}, xmmword ptr [{line} + 48]",
            line = in(reg) std::ptr::from_ref(line),
            a = out(xmm_reg) a,
            b = out(xmm_reg) b,
            c = out(xmm_reg) c,
            d = out(xmm_reg) d,
            options(readonly, nostack, preserves_flags),
        );
    }
    [a, b, c, d]
}

#[cfg(all(target_arch = "x86_64", not(loom)))]
#[target_feature(enable = "sse2")]
#[inline]
fn same_sse2(halves: Halves, value: u32) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi32,
    };
    let [a, b, c, d] = halves.map(|four| _mm_cmpeq_epi32(four, _mm_set1_epi32(value as i32)));
    _mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d))) as u32
}

/// The same words all at once.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[target_feature(enable = "avx512f")]
#[inline]
fn load_avx512(line: &Line) -> std::arch::x86_64::__m512i {
    let all;
    // SAFETY: as for `load_sse2`: `line` is 64 bytes, aligned to 64, and of this load too each aligned 64-bit part is
    // loaded as a whole.
    unsafe {
        std::arch::asm!(
            "vmovdqa64 {all}, zmmword ptr [{line}]",
            line = in(reg) std::ptr::from_ref(line),
            all = out(zmm_reg) all,
            options(readonly, nostack, preserves_flags),
        );
    }
    all
}

#[cfg(all(target_arch = "x86_64", not(loom)))]
#[target_feature(enable = "avx512f")]
#[inline]
fn same_avx512(halves: std::arch::x86_64::__m512i, value: u32) -> u32 {
    use std::arch::x86_64::{_mm512_cmpeq_epi32_mask, _mm512_set1_epi32};
    u32::from(_mm512_cmpeq_epi32_mask(halves, _mm512_set1_epi32(value as i32)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::memory::{AtomicU64, Loop, vectorized};

    /// Compares a line by whatever this processor has.
    struct Same<'a>(&'a Line, u32, &'a mut u32);

    impl Loop for Same<'_> {
        fn run<C: Compare>(self) {
            *self.2 = C::load(self.0).same(self.1);
        }
    }

    #[test]
    fn all_comparisons_agree() {
        let mut x = 1u64;
        for _ in 0..20_000 {
            let line = Line(std::array::from_fn(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let half = |n: u64| match n % 7 {
                    0 | 3 => 0,
                    6 => 0xFFFF_FFFF,
                    n => n % 5,
                };
                AtomicU64::new(half(x >> 33) << 32 | half(x >> 13 & 0xFFF))
            }));
            for value in [0, 1, 2, u32::MAX] {
                let plain = same_plainly(&load_plainly(&line), value);
                let mut widest = 0;
                vectorized(Same(&line, value, &mut widest));
                assert_eq!((Seen::load(&line).same(value), widest), (plain, plain));
            }
        }
    }
}
