//! Keys that are fingerprints: numbers that two states may share, with a probability that is known (hash compaction:
//! Wolper and Leroy 1993, Stern and Dill 1995). What is kept of a state outside of the table is the state as a whole.
//!
//! A fingerprint is the upper half of b + Σ aᵢ·xᵢ modulo 2^128 over the words xᵢ of a state. This family of functions is
//! strongly universal (Dietzfelbinger 1996, with 128 ≥ 64 + 64 − 1 bits): for random a and b any two states share
//! one of n bits with probability 2^-n exactly, whatever the states are. The multipliers are fixed, so that the same
//! input has the same result; they come from a generator that knows nothing of any system.

use super::{Keys, Picks};
use crate::memory::Refused;
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
        let bits = bits.clamp(1, 64);
        let mut seed = SEED;
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

    fn room(&self) -> u64 {
        u64::MAX
    }

    fn widen(&mut self, _: u64, _: bool) {}

    fn grow(&mut self, _: u64, _: u64) -> Result<(), Refused> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        0
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

    /// Of n states with fingerprints of b bits about n²/2^(b+1) pairs share one: no more, and no fewer.
    #[test]
    fn fingerprints_collide_as_often_as_they_should() {
        for words in [2, 3, 7, 40] {
            for bits in [16, 20, 24, 28] {
                let fingerprints = Fingerprints::new(words, bits);
                let mut seen = BTreeSet::new();
                let lost = states(words).filter(|s| !seen.insert(fingerprints.of(s))).count() as f64;
                assert!(seen.iter().all(|f| f >> bits == 0));
                let places = f64::from(1u32 << bits);
                let expected = 16384.0 - places * (1.0 - (-16384.0 / places).exp());
                let spread = 6.0 * expected.max(1.0).sqrt();
                assert!((lost - expected).abs() < spread, "{words} words, {bits} bits: {lost}, {expected}");
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
