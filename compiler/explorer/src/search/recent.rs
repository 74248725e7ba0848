//! A filter of states that a worker has just seen: most duplicates come soon after another, and asking a small
//! array in the cache costs less than asking the table.

use crate::hash::hash;
use crate::memory::{Refused, filled};

/// Entries.
const LEN: usize = 1 << BITS;

/// Bits of an index.
const BITS: u32 = 14;

/// The image that was seen last at each index, which is its top.
#[derive(Debug)]
pub(crate) struct Recent(Box<[u64; LEN]>);

impl Recent {
    /// Nothing seen.
    pub(crate) fn new() -> Result<Recent, Refused> {
        let images = filled(0, LEN)?.into_boxed_slice();
        let mut images: Box<[u64; LEN]> = images.try_into().map_err(|_| Refused)?;
        // 0 would be seen at index 0; the greatest number is never asked for there.
        images[0] = u64::MAX;
        Ok(Recent(images))
    }

    /// Whether an image is known to have been seen; from now on it has.
    #[inline(always)]
    pub(crate) fn seen(&mut self, image: u64) -> bool {
        let entry = &mut self.0[(image >> (64 - BITS)) as usize];
        std::mem::replace(entry, image) == image
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        (self.0.len() * 8) as u64
    }
}

/// The same of states that are too wide to be numbers at no cost: looking up their keys costs more than remembering
/// all of their words.
#[derive(Debug)]
pub(crate) struct RecentStates {
    words: usize,
    /// How far a hash is shifted to be an index.
    shift: u32,
    /// The words of the state that was seen last at each index.
    entries: Vec<u64>,
}

impl RecentStates {
    /// Nothing seen of states of so many words.
    pub(crate) fn new(words: usize) -> Result<RecentStates, Refused> {
        let len = ((2 * LEN) / (words + 1)).next_power_of_two().max(1 << 4);
        let mut recent = RecentStates { words, shift: 64 - len.ilog2(), entries: filled(0, len * words)? };
        // A state of zeros would be seen at its index; what is put there is never asked for there.
        let mut other: Vec<u64> = filled(0, words)?;
        let at = recent.at(&other);
        while recent.at(&other) == at {
            other[0] += 1;
        }
        recent.entries[at..at + words].copy_from_slice(&other);
        Ok(recent)
    }

    /// None seen, and none to be asked for.
    pub(crate) fn none() -> RecentStates {
        RecentStates { words: 0, shift: 63, entries: Vec::new() }
    }

    /// Where the entry begins for a state.
    #[inline(always)]
    fn at(&self, state: &[u64]) -> usize {
        (hash(state) >> self.shift) as usize * state.len()
    }

    /// Whether a state is known to have been seen; from now on it has.
    #[inline(always)]
    pub(crate) fn seen(&mut self, state: &[u64]) -> bool {
        debug_assert_eq!(state.len(), self.words);
        let at = self.at(state);
        let entry = &mut self.entries[at..at + state.len()];
        // Without branches: whether it is known is hard to predict.
        let mut differ = 0;
        for (old, new) in entry.iter_mut().zip(state) {
            differ |= *old ^ new;
            *old = *new;
        }
        differ == 0
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        (self.entries.len() * 8) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_seen_before_it_is() {
        let mut recent = Recent::new().expect("a little memory");
        for image in [0, 1, u64::MAX, 1 << 50, 1 << 63, (1 << 50) - 1] {
            assert!(!recent.seen(image), "{image}");
            assert!(recent.seen(image), "{image}");
        }
        // Two images with one index.
        assert!(!recent.seen(2) && !recent.seen(3) && !recent.seen(2));
    }

    #[test]
    fn no_state_is_seen_before_it_is() {
        for words in [2, 3, 40] {
            let mut recent = RecentStates::new(words).expect("a little memory");
            for i in 0..200 {
                let mut state = vec![0; words];
                state[i % words] = (i / words) as u64;
                assert_eq!(recent.seen(&state), 0 < i && i < words, "{state:?}");
            }
        }
    }

    #[test]
    fn states_are_seen_when_all_their_words_were() {
        for words in [2, 3, 40, 9000] {
            let mut recent = RecentStates::new(words).expect("a little memory");
            let mut all = std::collections::BTreeSet::new();
            for i in 0..2000u64 {
                let mut state = vec![0; words];
                (state[0], state[words - 1]) = (i * i % 97 % 7, i % 5);
                let known = recent.seen(&state);
                assert!(!known || all.contains(&state), "{words} words: {i}");
                assert!(recent.seen(&state), "{words} words: {i}");
                all.insert(state);
            }
        }
    }
}
