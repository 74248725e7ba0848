//! Keys of states of at most 64 significant bits: the bits themselves, side by side.

use super::{Keys, Picks};
use crate::table::KeyBits;

/// Where the words of a state are in its key.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    bits: u32,
    /// Shift and mask of each word that has bits.
    fields: Vec<(u32, u64)>,
}

impl Packed {
    /// Bits of keys.
    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// For words of these widths; none if they have more than 64 bits together.
    pub(crate) fn new(widths: &[u32]) -> Option<Packed> {
        let mut bits = 0;
        let mut fields = Vec::with_capacity(widths.len());
        for &width in widths {
            // A word without bits is read as 0 from anywhere.
            let mask = if width == 0 { 0 } else { u64::MAX >> (64 - width) };
            fields.push((bits & 63, mask));
            bits += width;
            if bits > 64 {
                return None;
            }
        }
        Some(Packed { bits, fields })
    }
}

impl Keys for Packed {
    type Local = ();
    const DIRECT: bool = true;
    const EXACT: bool = true;

    fn key_bits(&self) -> KeyBits {
        KeyBits::whole(self.bits)
    }

    fn local(&self) {}

    #[inline(always)]
    fn unpack(&self, kept: &[u64], state: &mut [u64], (): &mut ()) {
        let key = kept[0];
        if let [word] = state {
            *word = key;
            return;
        }
        state.iter_mut().zip(&self.fields).for_each(|(word, (shift, mask))| *word = key >> shift & mask);
    }

    #[inline(always)]
    fn unpack_all(&self, kept: &[u64], states: &mut [u64], (): &mut ()) {
        let words = self.fields.len();
        kept.chunks_exact(1)
            .enumerate()
            .for_each(|(i, key)| self.unpack(key, &mut states[i * words..][..words], &mut ()));
    }

    #[inline(always)]
    fn pack(&self, state: &[u64], (): &mut ()) -> u64 {
        if let [word] = state {
            return *word;
        }
        state.iter().zip(&self.fields).fold(0, |key, (word, (shift, _))| key | word << shift)
    }

    fn pack_all(&self, picks: Picks<'_>, keys: &mut [u64], local: &mut ()) {
        let words = self.fields.len();
        for (key, pick) in keys.iter_mut().zip(picks.picks) {
            *key = self.pack(&picks.states[*pick as usize * words..][..words], local);
        }
    }

    fn find(&self, state: &[u64], local: &mut ()) -> Option<u64> {
        Some(self.pack(state, local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_come_back() {
        for widths in [&[][..], &[1], &[64], &[0, 64], &[64, 0], &[3, 0, 40, 21], &[1; 64], &[7, 5]] {
            let packed = Packed::new(widths).expect("at most 64 bits");
            let mut seen = std::collections::BTreeMap::new();
            for i in 0..300u64 {
                let word = |n: usize, w: &u32| {
                    let bits = (i + n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    if *w == 0 { 0 } else { bits >> (64 - w) }
                };
                let state: Vec<u64> = widths.iter().enumerate().map(|(n, w)| word(n, w)).collect();
                let key = packed.pack(&state, &mut ());
                let mut back = vec![9; widths.len()];
                packed.unpack(&[key], &mut back, &mut ());
                assert_eq!(back, state, "{widths:?}");
                assert_eq!(*seen.entry(key).or_insert(state.clone()), state, "{widths:?}");
            }
        }
        assert!(Packed::new(&[64, 1]).is_none());
    }
}
