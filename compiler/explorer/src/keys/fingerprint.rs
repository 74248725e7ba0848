//! Keys that are fingerprints: numbers that two states may share, with a probability that is known (hash compaction:
//! Wolper and Leroy 1993, Stern and Dill 1995). What is kept of a state outside of the table is the state as a whole.
//!
//! A fingerprint is the upper half of b + Σ aᵢ·xᵢ modulo 2^128 over the words xᵢ of a state. This family of functions is
//! strongly universal (Dietzfelbinger 1996, with 128 ≥ 64 + 64 − 1 bits): for random a and b any two states share
//! one of n bits with probability 2^-n exactly, whatever the states are. The multipliers are fixed, so that the same
//! input has the same result; they come from a generator that knows nothing of any system.

use super::{Keys, Picks};
use crate::table::KeyBits;

/// What multipliers are made from: digits of the golden ratio.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// A way to make fingerprints.
#[derive(Debug)]
pub(crate) struct Fingerprints {
    bits: u32,
    offset: u128,
    /// One for each word.
    multipliers: Vec<u128>,
}

impl Fingerprints {
    /// Fingerprints of so many bits (1 to 64) of states of so many words.
    pub(crate) fn new(words: usize, bits: u32) -> Fingerprints {
        Fingerprints::chosen(words, bits, SEED)
    }

    /// One of the family.
    fn chosen(words: usize, bits: u32, mut seed: u64) -> Fingerprints {
        let bits = bits.clamp(1, 64);
        let mut number = || u128::from(splitmix(&mut seed)) << 64 | u128::from(splitmix(&mut seed));
        Fingerprints { bits, offset: number(), multipliers: (0..words).map(|_| number()).collect() }
    }

    /// The fingerprint of a state.
    #[inline(always)]
    fn of(&self, state: &[u64]) -> u64 {
        let words = state.iter().zip(&self.multipliers);
        let sum =
            words.fold(self.offset, |sum, (word, by)| sum.wrapping_add(by.wrapping_mul(u128::from(*word))));
        (sum >> 64) as u64 >> (64 - self.bits)
    }
}

/// The next number of Steele, Lea and Flood's splitmix64 (2014).
fn splitmix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(SEED);
    let x = (*seed ^ *seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

impl Keys for Fingerprints {
    type Local = ();
    /// What stays or was just seen is told by the words of a state, which costs less and is exact.
    const DIRECT: bool = false;
    const EXACT: bool = false;

    fn key_bits(&self) -> KeyBits {
        KeyBits::whole(self.bits)
    }

    fn local(&self) {}

    fn kept_words(&self) -> usize {
        self.multipliers.len()
    }

    fn key_of(&self, kept: &[u64]) -> u64 {
        self.of(kept)
    }

    fn unpack(&self, kept: &[u64], state: &mut [u64], (): &mut ()) {
        state.copy_from_slice(kept);
    }

    fn unpack_all(&self, kept: &[u64], states: &mut [u64], (): &mut ()) {
        states[..kept.len()].copy_from_slice(kept);
    }

    fn pack(&self, state: &[u64], (): &mut ()) -> u64 {
        self.of(state)
    }

    fn pack_all(&self, picks: Picks<'_>, keys: &mut [u64], (): &mut ()) {
        let words = self.multipliers.len();
        for (key, pick) in keys.iter_mut().zip(picks.picks) {
            *key = self.of(&picks.states[*pick as usize * words..][..words]);
        }
    }

    fn find(&self, state: &[u64], (): &mut ()) -> Option<u64> {
        Some(self.of(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Numbers as states have them: few of their bits vary, and not independently.
    fn states(words: usize) -> impl Iterator<Item = Vec<u64>> {
        (0..1u64 << 14).map(move |i| {
            let mut state = vec![0; words];
            (state[0], state[words - 1]) = (i & 127, state[words - 1] | (i >> 7) << 33);
            state
        })
    }

    /// Two states share a fingerprint of b bits under one of 2^b choices of the multipliers. That is so of each pair; of one
    /// choice, all pairs that differ by the same collide or none does, so pairs are compared under many choices.
    #[test]
    fn pairs_collide_as_often_as_they_should() {
        const CHOICES: u64 = 1 << 16;
        for words in [2, 3, 7, 40] {
            let all: Vec<Vec<u64>> = states(words).collect();
            for (a, b) in [(0, 1), (0, 127), (0, 128), (5, 16_383), (77, 9_000)] {
                for bits in [4, 8] {
                    let collides = |seed: &u64| {
                        let fingerprints = Fingerprints::chosen(words, bits, seed.wrapping_mul(SEED));
                        let (a, b) = (fingerprints.of(&all[a]), fingerprints.of(&all[b]));
                        assert!(a >> bits == 0 && b >> bits == 0);
                        a == b
                    };
                    let found = (0..CHOICES).filter(collides).count() as f64;
                    let expected = CHOICES as f64 / f64::from(1u32 << bits);
                    let spread = 6.0 * expected.sqrt();
                    assert!(
                        (found - expected).abs() < spread,
                        "{words} words, {bits} bits: {found}, {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn fingerprints_of_64_bits_tell_these_states_apart() {
        for words in [2, 5, 16] {
            let fingerprints = Fingerprints::new(words, 64);
            let seen: BTreeSet<u64> = states(words).map(|s| fingerprints.of(&s)).collect();
            assert_eq!(seen.len(), 1 << 14);
        }
    }
}
