//! The hash of a packed state.

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash of which every bit depends on every bit of the words: multiply-fold per word (as in wyhash),
/// finished by the mixer of splitmix64.
#[must_use]
pub fn hash(words: &[u64]) -> u64 {
    let folded =
        words.iter().fold(MULTIPLIER ^ words.len() as u64, |h, &w| fold(h ^ w, MULTIPLIER).wrapping_add(w));
    finish(folded)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn finish(mut h: u64) -> u64 {
    h = (h ^ (h >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    h ^ (h >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn small_states_do_not_collide() {
        let hashes: BTreeSet<u64> = (0..100_000u64).map(|i| hash(&[i, i.rotate_left(40)])).collect();
        assert_eq!(hashes.len(), 100_000);
        let tops: BTreeSet<u64> = (0..1000u64).map(|i| hash(&[i]) >> 44).collect();
        assert!(tops.len() > 990, "the top bits spread: {}", tops.len());
    }
}
