//! Sets of variants, as bits.

/// Sets of variants: so many words for each thing.
pub(super) struct Sets {
    pub(super) width: usize,
    pub(super) words: Vec<u64>,
}

impl Sets {
    pub(super) fn new(width: usize, things: usize) -> Sets {
        Sets { width, words: vec![0; width * things] }
    }

    pub(super) fn of(&self, thing: usize) -> &[u64] {
        &self.words[thing * self.width..(thing + 1) * self.width]
    }

    pub(super) fn of_mut(&mut self, thing: usize) -> &mut [u64] {
        &mut self.words[thing * self.width..(thing + 1) * self.width]
    }

    /// Adds a set to another; whether that made it larger.
    pub(super) fn enlarge(&mut self, thing: usize, set: impl Iterator<Item = u64>) -> bool {
        let mut new = 0;
        for (word, more) in self.of_mut(thing).iter_mut().zip(set) {
            new |= more & !*word;
            *word |= more;
        }
        new != 0
    }

    pub(super) fn bytes(&self) -> u64 {
        self.words.capacity() as u64 * 8
    }

    pub(super) fn grow(&mut self, things: usize) {
        self.words.resize(self.width * things, 0);
    }
}

pub(super) fn insert(set: &mut [u64], n: usize) {
    set[n / 64] |= 1 << (n % 64);
}

pub(super) fn add(to: &mut [u64], set: &[u64]) {
    to.iter_mut().zip(set).for_each(|(a, b)| *a |= b);
}

pub(super) fn keep(of: &mut [u64], set: &[u64]) {
    of.iter_mut().zip(set).for_each(|(a, b)| *a &= b);
}

pub(super) fn remove(from: &mut [u64], set: &[u64]) {
    from.iter_mut().zip(set).for_each(|(a, b)| *a &= !b);
}

/// Whether a set has no member.
pub(super) fn is_empty(set: &[u64]) -> bool {
    set.iter().all(|w| *w == 0)
}

pub(super) fn meet(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).any(|(a, b)| a & b != 0)
}

pub(super) fn has(set: &[u64], n: usize) -> bool {
    set[n / 64] >> (n % 64) & 1 != 0
}

pub(super) fn members(set: &[u64]) -> impl Iterator<Item = usize> + '_ {
    set.iter().enumerate().flat_map(|(i, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros();
            (rest != 0).then(|| rest &= rest - 1)?;
            Some(i * 64 + bit as usize)
        })
    })
}
