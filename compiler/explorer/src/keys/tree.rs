//! Keys of states of more than 64 significant bits: a static binary tree over the words.
//!
//! A node is a word, or a pair of the numbers of two nodes below it. Each has a number that an [`Interner`] of its
//! own gives to what it is; narrow words are their own numbers. The numbers of the nodes below the root, of which there are two or three, are
//! the key. So a key is exact, and parts that many states share are stored once (the COLLAPSE compression of
//! Holzmann, 1997, made recursive). Keys have as many bits as the numbers that were given need.
//!
//! With three nodes below the root there is less to look up, and pairs of words, of which there can be as many as states, are not stored. But
//! they have 21 bits each: should that ever not be enough, the search begins anew with two.
//!
//! Keys of many states are made together, node by node, so that what the interners will be asked for is fetched before.
//! Nodes in which a state does not differ from the one it comes from are not looked up.

use super::interner::{Interner, Wanted};
use super::{Keys, Picks, SOURCES};
use crate::memory::Refused;
use crate::table::KeyBits;

/// Bits of a number, unless it is one of three of a key.
const NUMBER: u32 = 32;
/// Words that are nodes below the root and have at most so many bits are their own numbers: few bits are saved by
/// looking them up.
const NARROW: u32 = 20;
/// By how many bits a part of a key is widened at least: it moves the whole table.
const STEP: u32 = 2;
/// States whose keys are made together, at most.
const GROUP: usize = 256;

/// A part of the state.
#[derive(Debug)]
struct Node {
    what: What,
    /// What gives it numbers, and bits of these; a node without one is its own number.
    interner: Option<usize>,
    bits: u32,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Word(usize),
    Pair(usize, usize),
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Every node after those below it; the last ones are not below the root only.
    nodes: Vec<Node>,
    /// The two or three nodes below the root.
    root: Vec<usize>,
    /// How many bits the number of each of these may have.
    field: u32,
    interners: Vec<Interner>,
    words: usize,
    /// States whose keys are made together.
    group: usize,
}

/// What a worker remembers.
#[derive(Debug)]
pub(crate) struct Local {
    /// The state that was unpacked last by itself.
    state: Vec<u64>,
    /// For each node its number in that state.
    numbers: Vec<u32>,
    /// Whether there is such a state.
    known: bool,
    /// For each node the numbers in another state.
    others: Vec<u32>,
    /// For each node its number in each of the states that were unpacked together last.
    sources: Vec<u32>,
    /// For each node its number in each state of a group.
    group: Vec<u32>,
    wanted: Wanted,
    /// For each interner a number that was taken and not used.
    spares: Vec<Option<u32>>,
}

impl Tree {
    /// For words of these widths, which have more than 64 bits together; with three nodes below the root where there are so many words,
    /// unless `halves` are asked for.
    pub(crate) fn new(widths: &[u32], halves: bool) -> Result<Tree, Refused> {
        let words: Vec<usize> = (0..widths.len()).filter(|word| widths[*word] > 0).collect();
        let parts = if halves || words.len() < 3 { 2 } else { 3 };
        let mut tree = Tree {
            nodes: Vec::new(),
            root: Vec::new(),
            field: KeyBits::field(parts),
            interners: Vec::new(),
            words: widths.len(),
            group: ((1 << 16) / (2 * widths.len())).clamp(16, GROUP),
        };
        let mut rest = &words[..];
        for left in (1..=parts).rev() {
            let (part, others) = rest.split_at(rest.len().div_ceil(left));
            let node = tree.node(widths, part, NARROW)?;
            tree.root.push(node);
            rest = others;
        }
        for node in &tree.root {
            if let Some(interner) = tree.nodes[*node].interner {
                tree.interners[interner].set_bits(1);
            }
        }
        Ok(tree)
    }

    /// Adds a node of some words; its index. Words of at most `narrow` bits are their own numbers.
    fn node(&mut self, widths: &[u32], words: &[usize], narrow: u32) -> Result<usize, Refused> {
        let (what, bits) = match words {
            [word] => (What::Word(*word), widths[*word]),
            _ => {
                let (left, right) = words.split_at(words.len().div_ceil(2));
                let (left, right) = (self.node(widths, left, NUMBER)?, self.node(widths, right, NUMBER)?);
                (What::Pair(left, right), 2 * NUMBER)
            }
        };
        let interner = if bits <= narrow { None } else { Some(self.interners.len()) };
        if interner.is_some() {
            self.interners.push(Interner::new()?);
        }
        self.nodes.push(Node { what, interner, bits });
        Ok(self.nodes.len() - 1)
    }

    /// The key with these numbers of the nodes below the root.
    #[inline(always)]
    fn join(&self, number: impl Fn(usize) -> u32) -> u64 {
        self.root.iter().fold(0, |key, node| key << self.field | u64::from(number(*node)))
    }

    /// The nodes below the root with their numbers in a key.
    #[inline(always)]
    fn split(&self, key: u64) -> impl Iterator<Item = (usize, u32)> {
        let (last, mask) = (self.root.len() as u32 - 1, (1 << self.field) - 1);
        (0..).zip(&self.root).map(move |(i, node)| (*node, (key >> (self.field * (last - i)) & mask) as u32))
    }

    /// Writes a node into a state, and the numbers of all nodes below it.
    fn write(&self, node: usize, number: u32, state: &mut [u64], numbers: &mut [u32]) {
        numbers[node] = number;
        let Node { what, interner, .. } = self.nodes[node];
        let value = interner.map_or(u64::from(number), |i| self.interners[i].value(number));
        match what {
            What::Word(word) => state[word] = value,
            What::Pair(left, right) => {
                self.write(left, (value >> NUMBER) as u32, state, numbers);
                self.write(right, value as u32, state, numbers);
            }
        }
    }

    /// Notes the number of a node in one of many states, whose value will be asked for soon.
    #[inline(always)]
    fn place(&self, node: usize, i: usize, number: u32, sources: &mut [u32]) {
        sources[node * SOURCES + i] = number;
        if let Some(interner) = self.nodes[node].interner {
            self.interners[interner].fetch(number);
        }
    }

    /// The key of a state, given one that it may be similar to; `number` gives the numbers of what differs.
    fn key(
        &self,
        state: &[u64],
        local: &mut Local,
        number: impl Fn(usize, u64, &mut Option<u32>) -> Option<u32>,
    ) -> Option<u64> {
        let Local { state: known_state, numbers, known, others, spares, .. } = local;
        for (n, node) in self.nodes.iter().enumerate() {
            let (value, old) = match node.what {
                What::Word(word) => (state[word], known_state[word]),
                What::Pair(left, right) => {
                    (pair(others[left], others[right]), pair(numbers[left], numbers[right]))
                }
            };
            others[n] = match node.interner {
                None => value as u32,
                Some(_) if *known && value == old => numbers[n],
                Some(interner) => number(interner, value, &mut spares[interner])?,
            };
        }
        Some(self.join(|node| others[node]))
    }

    /// The numbers of a group of events, node by node.
    fn number_group(&self, picks: Picks<'_>, local: &mut Local) {
        let Local { sources, group, wanted, spares, .. } = local;
        let (words, count) = (self.words, picks.picks.len());
        for (n, node) in self.nodes.iter().enumerate() {
            let (below, from_here) = group.split_at_mut(n * self.group);
            let (numbers, before) = (&mut from_here[..count], &sources[n * SOURCES..][..SOURCES]);
            let events =
                picks.picks.iter().zip(picks.from).map(|(pick, from)| (*pick as usize, *from as usize));
            let events = events.zip(numbers.iter_mut());
            match (node.what, node.interner) {
                (What::Word(word), None) => {
                    events.for_each(|((pick, _), number)| *number = picks.states[pick * words + word] as u32);
                }
                (What::Word(word), Some(_)) => events.enumerate().for_each(|(i, ((pick, from), number))| {
                    let (value, old) =
                        (picks.states[pick * words + word], picks.sources[from * words + word]);
                    *number = before[from];
                    wanted.add(i, value, value != old);
                }),
                (What::Pair(left, right), _) => {
                    let (lefts, rights) =
                        (&below[left * self.group..][..count], &below[right * self.group..][..count]);
                    let old = |from| pair(sources[left * SOURCES + from], sources[right * SOURCES + from]);
                    events.enumerate().for_each(|(i, ((_, from), number))| {
                        let value = pair(lefts[i], rights[i]);
                        *number = before[from];
                        wanted.add(i, value, value != old(from));
                    });
                }
            }
            if let Some(interner) = node.interner {
                self.interners[interner].intern_all(wanted, numbers, &mut spares[interner]);
            }
        }
    }

    /// How many bits more the numbers of a node need for so many values more.
    fn lacking(&self, node: usize, more: u64) -> u32 {
        self.nodes[node].interner.map_or(0, |i| {
            let interner = &self.interners[i];
            (u64::BITS - (interner.len() + more).leading_zeros()).saturating_sub(interner.bits())
        })
    }

    fn number_bits(&self, node: usize) -> u32 {
        let Node { interner, bits, .. } = self.nodes[node];
        interner.map_or(bits, |i| self.interners[i].bits())
    }
}

/// Two numbers as one.
#[inline(always)]
fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << NUMBER | u64::from(right)
}

impl Keys for Tree {
    type Local = Local;
    const DIRECT: bool = false;
    const EXACT: bool = true;

    fn key_bits(&self) -> KeyBits {
        KeyBits::parts(&self.root.iter().map(|node| self.number_bits(*node)).collect::<Vec<_>>())
    }

    fn local(&self) -> Local {
        let nodes = self.nodes.len();
        Local {
            state: vec![0; self.words],
            numbers: vec![0; nodes],
            known: false,
            others: vec![0; nodes],
            sources: vec![0; nodes * SOURCES],
            group: vec![0; nodes * self.group],
            wanted: Wanted::new(self.group),
            spares: vec![None; self.interners.len()],
        }
    }

    fn unpack(&self, kept: &[u64], state: &mut [u64], local: &mut Local) {
        state.fill(0);
        for (node, number) in self.split(kept[0]) {
            self.write(node, number, state, &mut local.numbers);
        }
        local.state.copy_from_slice(state);
        local.known = true;
    }

    fn unpack_all(&self, kept: &[u64], states: &mut [u64], local: &mut Local) {
        let (sources, words) = (&mut local.sources[..], self.words);
        for (i, key) in kept.iter().enumerate() {
            for (node, number) in self.split(*key) {
                self.place(node, i, number, sources);
            }
        }
        states[..kept.len() * words].fill(0);
        for (n, node) in self.nodes.iter().enumerate().rev() {
            for i in 0..kept.len() {
                let number = sources[n * SOURCES + i];
                let value = node.interner.map_or(u64::from(number), |at| self.interners[at].value(number));
                match node.what {
                    What::Word(word) => states[i * words + word] = value,
                    What::Pair(left, right) => {
                        self.place(left, i, (value >> NUMBER) as u32, sources);
                        self.place(right, i, value as u32, sources);
                    }
                }
            }
        }
    }

    fn pack(&self, state: &[u64], local: &mut Local) -> u64 {
        let number =
            |interner: usize, value, spare: &mut _| Some(self.interners[interner].intern(value, spare));
        let key = self.key(state, local, number);
        key.unwrap_or_else(|| unreachable!("every value gets a number"))
    }

    fn pack_all(&self, picks: Picks<'_>, keys: &mut [u64], local: &mut Local) {
        let groups = picks.picks.chunks(self.group).zip(picks.from.chunks(self.group));
        for ((some, from), keys) in groups.zip(keys.chunks_mut(self.group)) {
            self.number_group(Picks { picks: some, from, ..picks }, local);
            for (i, key) in keys.iter_mut().enumerate() {
                *key = self.join(|node| local.group[node * self.group + i]);
            }
        }
    }

    fn find(&self, state: &[u64], local: &mut Local) -> Option<u64> {
        self.key(state, local, |interner, value, _| self.interners[interner].find(value))
    }

    fn room(&self) -> u64 {
        self.interners.iter().map(Interner::room).min().unwrap_or(u64::MAX)
    }

    fn is_exhausted(&self, more: u64) -> bool {
        let bits = |node: &usize| self.number_bits(*node) + self.lacking(*node, more);
        self.root.len() > 2 && self.root.iter().any(|node| bits(node) > self.field)
    }

    fn widen(&mut self, more: u64, spare: u32) {
        let lacking: Vec<u32> = self.root.iter().map(|node| self.lacking(*node, more)).collect();
        if lacking.iter().all(|lacking| *lacking == 0) {
            return;
        }
        let counted = self.root.iter().filter(|node| self.nodes[**node].interner.is_some()).count();
        let share = spare / counted as u32;
        for (node, lacking) in self.root.iter().zip(lacking) {
            let Some(interner) = self.nodes[*node].interner.map(|i| &mut self.interners[i]) else { continue };
            let least = if lacking > 0 { lacking.max(STEP) } else { 0 };
            interner.set_bits((interner.bits() + least.max(share)).min(self.field));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn random_state(widths: &[u32], x: &mut u64) -> Vec<u64> {
        let mut word = |w: &u32| {
            *x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few values, so that parts are shared.
            if *w == 0 { 0 } else { (*x >> 61).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - w) }
        };
        widths.iter().map(&mut word).collect()
    }

    fn trees() -> impl Iterator<Item = (Vec<u32>, Tree)> {
        (65..140).chain([191, 192, 193, 256, 333, 1000]).flat_map(|bits| {
            [(13, true), (13, false), (50, true), (50, false), (64, false)].map(
                |(width, halves): (u32, bool)| {
                    let mut widths = vec![width; (bits / width) as usize];
                    widths.extend([0, bits % width]);
                    let mut tree = Tree::new(&widths, halves).expect("a little memory");
                    tree.widen(3_000, 0);
                    tree.grow(3_000, u64::MAX).expect("some memory");
                    (widths, tree)
                },
            )
        })
    }

    #[test]
    fn states_of_all_widths_have_one_key_each() {
        let mut x = 7;
        for (widths, tree) in trees() {
            let (mut local, mut keys) = (tree.local(), BTreeMap::new());
            let mut from = vec![0; widths.len()];
            for i in 0..500 {
                let state = random_state(&widths, &mut x);
                let known = keys.get(&state).copied();
                assert!(known.is_none() || tree.find(&state, &mut local) == known, "{widths:?}");
                let key = tree.pack(&state, &mut local);
                assert_eq!(*keys.entry(state.clone()).or_insert(key), key, "{widths:?}");
                assert_eq!(tree.key_bits().key(tree.key_bits().number(key)), key, "{widths:?}");
                if i % 3 == 0 {
                    tree.unpack(&[key], &mut from, &mut local);
                    assert_eq!(from, state, "{widths:?}");
                }
            }
            let distinct: BTreeSet<_> = keys.values().collect();
            assert_eq!(distinct.len(), keys.len(), "{widths:?}: every key is of one state");
            let absent: Vec<u64> = widths.iter().map(|w| if *w == 0 { 0 } else { 1 << (w - 1) }).collect();
            let found = tree.find(&absent, &mut local);
            assert!(found.is_none_or(|key| !distinct.contains(&key)), "{widths:?}");
        }
    }

    #[test]
    fn keys_of_many_states_are_those_of_each() {
        let mut x = 3;
        for (widths, tree) in trees() {
            let (words, mut local, mut single) = (widths.len(), tree.local(), tree.local());
            let mut level: Vec<u64> =
                (0..SOURCES).map(|_| tree.pack(&random_state(&widths, &mut x), &mut single)).collect();
            for round in 0..6 {
                level.truncate(SOURCES - round);
                let mut sources = vec![9; SOURCES * words];
                tree.unpack_all(&level, &mut sources, &mut local);
                let mut state = vec![0; words];
                for (i, key) in level.iter().enumerate() {
                    tree.unpack(&[*key], &mut state, &mut single);
                    assert_eq!(state, sources[i * words..][..words], "{widths:?}");
                }
                // Most events change one word; some picks are left out.
                let (mut states, mut picks, mut from) = (Vec::new(), Vec::new(), Vec::new());
                for i in 0..700 {
                    let source = i % level.len();
                    let mut state = sources[source * words..][..words].to_vec();
                    let other = random_state(&widths, &mut x);
                    if i % 11 == 0 {
                        state.copy_from_slice(&other)
                    } else {
                        state[i % words] = other[i % words]
                    }
                    states.extend(state);
                    if i % 7 != 0 {
                        picks.push(i as u32);
                        from.push(source as u32);
                    }
                }
                let mut keys = vec![0; picks.len()];
                let events = Picks { sources: &sources, states: &states, picks: &picks, from: &from };
                tree.pack_all(events, &mut keys, &mut local);
                for (key, pick) in keys.iter().zip(&picks) {
                    let state = &states[*pick as usize * words..][..words];
                    assert_eq!(tree.pack(state, &mut single), *key, "{widths:?}");
                }
                level = keys;
            }
        }
    }

    #[test]
    fn keys_are_as_wide_as_they_have_to_be() {
        let mut tree = Tree::new(&[64, 20, 45], true).expect("a little memory");
        tree.widen(7, 0);
        assert_eq!(tree.key_bits(), KeyBits::parts(&[3, 3]));
        tree.grow(7, u64::MAX).expect("a little memory");
        assert_eq!(tree.room(), 8);
        tree.widen(8, 0);
        assert_eq!(tree.key_bits(), KeyBits::parts(&[5, 5]));
        tree.grow(8, u64::MAX).expect("a little memory");
        tree.widen(8, 13);
        assert_eq!(tree.key_bits(), KeyBits::parts(&[5, 5]), "they have enough");
        tree.widen(40, 13);
        assert_eq!(tree.key_bits(), KeyBits::parts(&[11, 11]), "both may have six more");
        tree.widen(1 << 30, 64);
        assert_eq!(tree.key_bits(), KeyBits::parts(&[32, 32]));
        tree.widen(1 << 40, 0);
        assert_eq!(tree.key_bits(), KeyBits::parts(&[32, 32]));
        assert_eq!(tree.grow(1 << 40, u64::MAX), Err(Refused));
        let mut narrow = Tree::new(&[50, 20], false).expect("a little memory");
        assert_eq!(narrow.key_bits(), KeyBits::parts(&[1, 20]));
        narrow.widen(7, 10);
        assert_eq!(
            narrow.key_bits(),
            KeyBits::parts(&[11, 20]),
            "numbers that nobody gives have all their bits"
        );
        let mut three = Tree::new(&[50, 20, 64], false).expect("a little memory");
        assert_eq!(three.key_bits(), KeyBits::parts(&[1, 20, 1]));
        assert!(!three.is_exhausted((1 << 21) - 1) && three.is_exhausted(1 << 21));
        three.widen((1 << 21) - 1, 0);
        assert_eq!(three.key_bits(), KeyBits::parts(&[21, 20, 21]));
    }
}
