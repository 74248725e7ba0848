//! A hash of a state's words, for filters: what one lets through is looked at exactly.

/// The hash of a state.
#[inline(always)]
pub(crate) fn hash(state: &[u64]) -> u64 {
    let mix = |h: u64, w: &u64| (h.rotate_left(29) ^ w).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let h = state.iter().fold(1, mix);
    (h ^ h >> 32).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}
