//! Keys of states of more than 64 significant bits: a static binary tree over the bits.
//!
//! A leaf is a stretch of at most 32 bits and stands for itself. An inner node is a pair of what its halves are, and
//! has the number that an [`Interner`] of its own gives to that pair; the pair of the two halves of the root
//! is the key. So a key is exact, and parts that many states share are stored once (the COLLAPSE compression of
//! Holzmann, 1997, made recursive). Parts in which a state does not differ from the one it comes from are not
//! looked up again.

use super::Keys;
use super::interner::{Interner, hash};
use crate::memory::Refused;

/// Bits of a part's number.
const NUMBER: u32 = 32;

/// Bits of a word that are bits of a leaf.
#[derive(Clone, Copy, Debug)]
struct Piece {
    word: usize,
    /// Where they are in the word.
    shift: u32,
    mask: u64,
    /// Where they are in the leaf.
    at: u32,
}

/// A part of the state.
#[derive(Debug)]
struct Part {
    /// The words with bits of it, as [`bit`] has them.
    words: u64,
    /// Bits of its number.
    bits: u32,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Leaf(Vec<Piece>),
    Pair { left: usize, right: usize, interner: usize },
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The two halves of the root.
    root: (usize, usize),
    parts: Vec<Part>,
    interners: Vec<Interner>,
    words: usize,
}

/// What a worker remembers of the state that it unpacked last.
#[derive(Debug)]
pub(crate) struct Local {
    state: Vec<u64>,
    /// For each part its number in that state.
    numbers: Vec<u64>,
    /// Whether there is such a state.
    known: bool,
    spares: Vec<Option<u32>>,
    memo: Memo,
}

/// What is known of a state that another differs from: which words differ, and the numbers of its parts.
#[derive(Clone, Copy)]
struct Known<'a> {
    changed: u64,
    numbers: &'a [u64],
}

/// Numbers that a worker has looked up before: most pairs are needed again soon, and interners are larger than caches.
#[derive(Debug, Default)]
struct Memo(Vec<Remembered>);

/// A pair with its number; the interner, one up, is 0 where nothing is remembered.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    pair: u64,
    interner: u32,
    number: u32,
}

/// Bits of an index into a memo.
const MEMO: u32 = 13;

impl Memo {
    /// The number of a pair, by `find` if it is not remembered.
    #[inline(always)]
    fn number(&mut self, interner: usize, pair: u64, hash: u64, find: impl FnOnce() -> u32) -> u64 {
        if self.0.is_empty() {
            self.0.resize(1 << MEMO, Remembered::default());
        }
        let at = hash.wrapping_add((interner as u64) << (64 - MEMO)) >> (64 - MEMO);
        let entry = &mut self.0[at as usize];
        let name = interner as u32 + 1;
        if entry.pair != pair || entry.interner != name {
            *entry = Remembered { pair, interner: name, number: find() };
        }
        u64::from(entry.number)
    }
}

impl Tree {
    /// For words of these widths, which have more than 64 bits together.
    pub(crate) fn new(widths: &[u32]) -> Result<Tree, Refused> {
        let mut tree = Tree { root: (0, 0), parts: Vec::new(), interners: Vec::new(), words: widths.len() };
        let bits = widths.iter().sum();
        let middle = split(bits);
        let left = tree.part(widths, 0, middle)?;
        let right = tree.part(widths, middle, bits)?;
        tree.root = (left, right);
        Ok(tree)
    }

    /// Adds the part with these bits; its index.
    fn part(&mut self, widths: &[u32], from: u32, to: u32) -> Result<usize, Refused> {
        let pieces = pieces(widths, from, to);
        let words = pieces.iter().fold(0, |words, piece| words | bit(piece.word));
        let (shape, bits) = if to - from <= NUMBER {
            (Shape::Leaf(pieces), to - from)
        } else {
            let middle = from + split(to - from);
            let (left, right) = (self.part(widths, from, middle)?, self.part(widths, middle, to)?);
            self.interners.push(Interner::new()?);
            (Shape::Pair { left, right, interner: self.interners.len() - 1 }, NUMBER)
        };
        self.parts.push(Part { words, bits, shape });
        Ok(self.parts.len() - 1)
    }

    /// The numbers of two parts as one.
    fn pair(&self, left: u64, right: u64, right_part: usize) -> u64 {
        left << self.parts[right_part].bits | right
    }

    fn halves(&self, pair: u64, right_part: usize) -> (u64, u64) {
        let bits = self.parts[right_part].bits;
        (pair >> bits, pair & ((1 << bits) - 1))
    }

    /// Writes a part into a state, and what it and its parts are into `numbers`.
    fn write(&self, part: usize, number: u64, state: &mut [u64], numbers: &mut [u64]) {
        numbers[part] = number;
        match &self.parts[part].shape {
            Shape::Leaf(pieces) => {
                pieces.iter().for_each(|p| state[p.word] |= (number >> p.at & p.mask) << p.shift);
            }
            Shape::Pair { left, right, interner } => {
                let (l, r) = self.halves(self.interners[*interner].value(number as u32), *right);
                self.write(*left, l, state, numbers);
                self.write(*right, r, state, numbers);
            }
        }
    }

    /// The number of a part of a state; `number` gives those of pairs.
    fn read<E>(
        &self,
        part: usize,
        state: &[u64],
        known: Known<'_>,
        number: &mut impl FnMut(usize, u64) -> Result<u64, E>,
    ) -> Result<u64, E> {
        let Part { words, shape, .. } = &self.parts[part];
        if known.changed & words == 0 {
            return Ok(known.numbers[part]);
        }
        match shape {
            Shape::Leaf(pieces) => {
                Ok(pieces.iter().fold(0, |n, p| n | (state[p.word] >> p.shift & p.mask) << p.at))
            }
            Shape::Pair { left, right, interner } => {
                let l = self.read(*left, state, known, number)?;
                let r = self.read(*right, state, known, number)?;
                if (l, r) == (known.numbers[*left], known.numbers[*right]) && known.changed != ALL {
                    return Ok(known.numbers[part]);
                }
                number(*interner, self.pair(l, r, *right))
            }
        }
    }

    fn key<E>(
        &self,
        state: &[u64],
        local: &mut Local,
        mut number: impl FnMut(usize, u64, &mut Option<u32>, &mut Memo) -> Result<u64, E>,
    ) -> Result<u64, E> {
        let Local { state: from, numbers, known, spares, memo } = local;
        let changed = if *known { changed(state, from) } else { ALL };
        let known = Known { changed, numbers };
        let mut number = |interner: usize, pair: u64| number(interner, pair, &mut spares[interner], memo);
        let left = self.read(self.root.0, state, known, &mut number)?;
        let right = self.read(self.root.1, state, known, &mut number)?;
        Ok(self.pair(left, right, self.root.1))
    }
}

/// Every word may differ, and nothing is known.
const ALL: u64 = u64::MAX;

/// Words that may differ are bits of a number; those from the 62nd on share one, so that they are never [`ALL`].
fn bit(word: usize) -> u64 {
    1 << word.min(62)
}

/// In which words two states differ.
#[inline(always)]
fn changed(state: &[u64], from: &[u64]) -> u64 {
    let words = state.iter().zip(from).enumerate();
    words.fold(0, |changed, (i, (a, b))| changed | u64::from(a != b) << i.min(62))
}

impl Keys for Tree {
    type Local = Local;
    const DIRECT: bool = false;

    fn bits(&self) -> u32 {
        self.parts[self.root.0].bits + self.parts[self.root.1].bits
    }

    fn local(&self) -> Local {
        Local {
            state: vec![0; self.words],
            numbers: vec![0; self.parts.len()],
            known: false,
            spares: vec![None; self.interners.len()],
            memo: Memo::default(),
        }
    }

    fn unpack(&self, key: u64, state: &mut [u64], local: &mut Local) {
        state.fill(0);
        let (left, right) = self.halves(key, self.root.1);
        self.write(self.root.0, left, state, &mut local.numbers);
        self.write(self.root.1, right, state, &mut local.numbers);
        local.state.copy_from_slice(state);
        local.known = true;
    }

    fn pack(&self, state: &[u64], local: &mut Local) -> u64 {
        let intern = |interner: usize, pair: u64, spare: &mut Option<u32>, memo: &mut Memo| {
            let hash = hash(pair);
            let number = memo
                .number(interner, pair, hash, || self.interners[interner].intern_hashed(pair, hash, spare));
            Ok::<_, std::convert::Infallible>(number)
        };
        let Ok(key) = self.key(state, local, intern);
        key
    }

    fn find(&self, state: &[u64], local: &mut Local) -> Option<u64> {
        let find = |interner: usize, pair: u64, _: &mut Option<u32>, _: &mut Memo| {
            self.interners[interner].find(pair).map(u64::from).ok_or(())
        };
        self.key(state, local, find).ok()
    }

    fn room(&self) -> u64 {
        self.interners.iter().map(Interner::room).min().unwrap_or(u64::MAX)
    }

    fn grow(&mut self, more: u64, most: u64) -> Result<(), Refused> {
        for i in 0..self.interners.len() {
            if self.interners[i].room() < more {
                let others = self.bytes() - self.interners[i].bytes();
                self.interners[i].grow(more, most.saturating_sub(others))?;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.interners.iter().map(Interner::bytes).sum()
    }
}

/// Where a part of more than 32 bits is cut: one half is a leaf as long as the other then has at most 64 bits,
/// so that few pairs are interned; else in the middle.
fn split(bits: u32) -> u32 {
    if bits <= 3 * NUMBER { bits - NUMBER.min(bits / 2) } else { bits / 2 }
}

/// The bits from `from` to `to` of all words' bits, side by side.
fn pieces(widths: &[u32], from: u32, to: u32) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (word, &width) in widths.iter().enumerate() {
        let (first, end) = (from.max(start), to.min(start + width));
        if first < end {
            let mask = u64::MAX >> (64 - (end - first));
            pieces.push(Piece { word, shift: first - start, mask, at: first - from });
        }
        start += width;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn random_state(widths: &[u32], x: &mut u64) -> Vec<u64> {
        let mut word = |w: &u32| {
            *x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few values, so that parts are shared.
            if *w == 0 { 0 } else { (*x >> 61).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - w) }
        };
        widths.iter().map(&mut word).collect()
    }

    #[test]
    fn states_of_all_widths_have_one_key_each() {
        let mut x = 7;
        for bits in (65..140).chain([191, 192, 193, 256, 333, 1000]) {
            let whole = bits / 50;
            let mut widths = vec![50; whole as usize];
            widths.extend([0, bits % 50]);
            let mut tree = Tree::new(&widths).expect("a little memory");
            tree.grow(3_000, u64::MAX).expect("some memory");
            let (mut local, mut keys) = (tree.local(), BTreeMap::new());
            let mut from = vec![0; widths.len()];
            for i in 0..1_000 {
                let state = random_state(&widths, &mut x);
                let known = keys.get(&state).copied();
                assert!(known.is_none() || tree.find(&state, &mut local) == known, "{bits} bits");
                let key = tree.pack(&state, &mut local);
                assert_eq!(*keys.entry(state.clone()).or_insert(key), key, "{bits} bits");
                assert!(tree.bits() == 64 || key >> tree.bits() == 0);
                if i % 3 == 0 {
                    tree.unpack(key, &mut from, &mut local);
                    assert_eq!(from, state, "{bits} bits");
                }
            }
            let distinct: std::collections::BTreeSet<_> = keys.values().collect();
            assert_eq!(distinct.len(), keys.len(), "{bits} bits: every key is of one state");
            let absent: Vec<u64> = widths.iter().map(|w| if *w == 0 { 0 } else { 1 << (w - 1) }).collect();
            let found = tree.find(&absent, &mut local);
            assert!(found.is_none_or(|key| !distinct.contains(&key)), "{bits} bits");
        }
    }
}
