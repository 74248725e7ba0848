//! Comparing all 32-bit halves of a line at once.
#![allow(unsafe_code, reason = "vector instructions")]

/// For each half of the words, from the lowest on, a bit: whether it is `value`; whether it is 0.
#[inline(always)]
pub(crate) fn compare<const N: usize>(words: &[u64; N], value: u32) -> (u32, u32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    return unsafe { compare_sse2(words, value) };
    #[cfg(not(target_arch = "x86_64"))]
    return compare_plainly(words, value);
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn compare_plainly<const N: usize>(words: &[u64; N], value: u32) -> (u32, u32) {
    let halves = words.iter().flat_map(|&w| [w as u32, (w >> 32) as u32]);
    halves.enumerate().fold((0, 0), |(same, free), (i, half)| {
        (same | u32::from(half == value) << i, free | u32::from(half == 0) << i)
    })
}

/// The same four halves at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn compare_sse2<const N: usize>(words: &[u64; N], value: u32) -> (u32, u32) {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi32, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set_epi64x,
        _mm_set1_epi32, _mm_setzero_si128,
    };
    let word = |i: usize| if i < N { words[i] as i64 } else { 0 };
    let four = |i: usize| _mm_set_epi64x(word(2 * i + 1), word(2 * i));
    let quads = [four(0), four(1), four(2), four(3)];
    let mask = |wanted: __m128i| {
        let same = |i: usize| _mm_cmpeq_epi32(quads[i], wanted);
        let (low, high) = (_mm_packs_epi32(same(0), same(1)), _mm_packs_epi32(same(2), same(3)));
        _mm_movemask_epi8(_mm_packs_epi16(low, high)) as u32
    };
    let inside = if N < 8 { (1 << (2 * N)) - 1 } else { 0xFFFF };
    (mask(_mm_set1_epi32(value as i32)) & inside, mask(_mm_setzero_si128()) & inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn both_comparisons_agree() {
        let mut x = 1u64;
        for _ in 0..20_000 {
            let words: [u64; 8] = std::array::from_fn(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let half = |n: u64| if n.is_multiple_of(3) { 0 } else { n % 5 };
                half(x >> 33) << 32 | half(x >> 13 & 0xFFF)
            });
            for value in [0, 1, 2, u32::MAX] {
                assert_eq!(compare(&words, value), compare_plainly(&words, value));
            }
            let five: [u64; 5] = std::array::from_fn(|i| words[i]);
            assert_eq!(compare(&five, 1), compare_plainly(&five, 1));
        }
    }
}
