//! The events of a batch of states: which of them may lead to new states, and which do.
//!
//! All that is done to an event is done to all events of the batch before the next thing is: keys and images are
//! made, then those that lead back to their own state or to one that was seen a moment ago are dropped, then the
//! others are inserted. Whether an event is dropped, or new, is hard to predict: so nothing branches on that. What is
//! not kept is written, and then written over.

use super::recent::{Recent, RecentStates};
use crate::keys::{Keys, Picks};
use crate::memory::{Refused, filled};
use crate::successors::Successors;
use crate::table::{Inserted, Table};

/// What is known of the events of a batch.
pub(super) struct Batch {
    words: usize,
    /// Where the events of each state end.
    ends: Vec<u32>,
    /// How many events are left.
    len: usize,
    /// Their images, and which events they are.
    images: Vec<u64>,
    picks: Vec<u32>,
    /// Their keys, where these are looked up, and of which state of the batch they are; keys of all events where
    /// these are made of several words.
    keys: Vec<u64>,
    from: Vec<u32>,
    inserted: Inserted,
    /// The images that belong to one part of the table, and which of the events that are left they are of.
    part: Vec<u64>,
    part_of: Vec<u32>,
    /// A bit for each of the events that are left: whether it leads to a new state.
    marks: Vec<u64>,
    recent: Recent,
    recent_states: RecentStates,
}

impl Batch {
    /// An empty one with room for so many events, which are inserted into so many parts of the table. `direct`: keys need
    /// not be looked up.
    pub(super) fn new(words: usize, most: usize, direct: bool, parts: usize) -> Result<Batch, Refused> {
        let apart = if parts > 1 { most } else { 0 };
        Ok(Batch {
            words,
            ends: Vec::new(),
            len: 0,
            images: filled(0, most)?,
            picks: filled(0, most)?,
            keys: filled(0, most)?,
            from: filled(0, if direct { 0 } else { most })?,
            inserted: Inserted::new(most)?,
            part: filled(0, apart)?,
            part_of: filled(0, apart)?,
            marks: filled(0, most.div_ceil(64))?,
            recent: Recent::new()?,
            recent_states: if direct { RecentStates::none() } else { RecentStates::new(words)? },
        })
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        let lists = self.images.len() * (8 + 8 + 4 + 4 + 4) + self.from.len() * 4 + self.part.len() * (8 + 4);
        lists as u64 + self.recent.bytes() + self.recent_states.bytes()
    }

    /// Forgets everything but what was seen.
    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.len = 0;
    }

    /// Says where the events of the next state end.
    #[inline(always)]
    pub(super) fn end_source(&mut self, end: usize) {
        self.ends.push(end as u32);
    }

    /// How many events are left.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The image of what the `i`-th of these leads to.
    pub(super) fn image(&self, i: usize) -> u64 {
        self.images[i]
    }

    /// The key of what it leads to.
    #[inline(always)]
    pub(super) fn key(&self, i: usize, successors: &Successors) -> u64 {
        match (self.from.is_empty(), self.words) {
            (true, 1) => successors.states()[self.picks[i] as usize],
            (true, _) => self.keys[self.picks[i] as usize],
            (false, _) => self.keys[i],
        }
    }

    /// Makes the images of the events that are left again, for another table.
    pub(super) fn make_images(&mut self, successors: &Successors, table: &Table) {
        for i in 0..self.len {
            self.images[i] = table.image(self.key(i, successors));
        }
    }

    /// Inserts what the events that are left lead to and belongs to one of so many parts of the table. `turns`: who does so
    /// waits for who did before.
    #[inline(always)]
    pub(super) fn insert(&mut self, table: &Table, part: usize, parts: usize, turns: bool) {
        if parts == 1 {
            let Batch { images, inserted, marks, .. } = self;
            let new = table.insert(&images[..self.len], inserted, turns);
            new.iter().for_each(|i| marks[*i as usize / 64] |= 1 << (i % 64));
            return;
        }
        let len = self.set_apart(part, parts);
        let Batch { part, part_of, inserted, marks, .. } = self;
        // What finds no room may be in lines of another part.
        for i in table.insert(&part[..len], inserted, false) {
            let i = part_of[*i as usize];
            marks[i as usize / 64] |= 1 << (i % 64);
        }
    }

    /// Copies the images of one of so many parts of the table; how many they are. Equal ones are in the same part.
    fn set_apart(&mut self, part: usize, parts: usize) -> usize {
        let mut len = 0;
        for (i, image) in self.images[..self.len].iter().enumerate() {
            (self.part[len], self.part_of[len]) = (*image, i as u32);
            let its = (u128::from(*image) * parts as u128) >> 64;
            len += usize::from(its as usize == part);
        }
        len
    }

    /// Calls `f` with each of the events that are left that leads to a new state, in order.
    #[inline(always)]
    pub(super) fn each_new(&mut self, mut f: impl FnMut(&Batch, usize)) {
        let mut marks = std::mem::take(&mut self.marks);
        for (i, word) in marks[..self.len.div_ceil(64)].iter_mut().enumerate() {
            let mut new = std::mem::take(word);
            while new != 0 {
                f(self, i * 64 + new.trailing_zeros() as usize);
                new &= new - 1;
            }
        }
        self.marks = marks;
    }

    /// Which event the `i`-th is that is left.
    #[inline(always)]
    pub(super) fn event(&self, i: usize) -> usize {
        self.picks[i] as usize
    }

    /// Of which state of the batch it is, at least number `least`.
    #[inline(always)]
    pub(super) fn source(&self, i: usize, least: usize) -> usize {
        let after = self.ends[least..].iter().take_while(|end| **end <= self.picks[i]);
        least + after.count()
    }

    /// What the `i`-th event that is left leads to.
    #[inline(always)]
    pub(super) fn state<'s>(&self, i: usize, successors: &'s Successors) -> &'s [u64] {
        &successors.states()[self.picks[i] as usize * self.words..][..self.words]
    }

    /// Keeps events that lead neither to their own state nor to one that was just seen, and makes their images.
    /// How many lead to their own state.
    pub(super) fn pick<K: Keys>(
        &mut self,
        sources: &[u64],
        successors: &Successors,
        keys: &K,
        table: &Table,
        local: &mut K::Local,
    ) -> u64 {
        // A number of words that is known makes loops without calls.
        match (K::DIRECT, self.words) {
            (true, 1) => {
                let Batch { ends, images, picks, recent, .. } = self;
                let events = successors.states();
                table.bijection().apply_all(events, images);
                let loops;
                (self.len, loops) = sift(ends, events, |s| sources[s], images, picks, recent);
                loops
            }
            (true, words) => {
                let Batch { ends, images, picks, recent, keys: made, .. } = self;
                let (events, states) = (&mut made[..successors.len()], successors.states());
                for (key, state) in events.iter_mut().zip(states.chunks_exact(words.max(1))) {
                    *key = keys.pack(state, local);
                }
                table.bijection().apply_all(events, images);
                let mut source = |s: usize| keys.pack(&sources[s * words..][..words], local);
                let loops;
                (self.len, loops) = sift(ends, events, &mut source, images, picks, recent);
                loops
            }
            (false, words) => {
                let loops = match words {
                    2 => self.sift_states(sources, successors, 2),
                    3 => self.sift_states(sources, successors, 3),
                    words => self.sift_states(sources, successors, words),
                };
                self.look_up(sources, successors, keys, table, local);
                loops
            }
        }
    }

    /// The same where keys have to be looked up, without images.
    #[inline(always)]
    fn sift_states(&mut self, sources: &[u64], successors: &Successors, words: usize) -> u64 {
        let Batch { ends, picks, from, recent_states, .. } = self;
        let (picks, from) = (&mut picks[..], &mut from[..]);
        let (mut len, mut loops, mut start) = (0, 0, 0);
        for (source, end) in ends.iter().enumerate() {
            let own = &sources[source * words..][..words];
            let states = &successors.states()[start * words..*end as usize * words];
            for (i, next) in (start..).zip(states.chunks_exact(words)) {
                let (stays, seen) = (same(next, own), recent_states.seen(next));
                (picks[len], from[len]) = (i as u32, source as u32);
                loops += u64::from(stays);
                len += usize::from(!(stays | seen));
            }
            start = *end as usize;
        }
        self.len = len;
        loops
    }

    /// Makes the keys of the events that are left, and their images.
    fn look_up<K: Keys>(
        &mut self,
        sources: &[u64],
        successors: &Successors,
        keys: &K,
        table: &Table,
        local: &mut K::Local,
    ) {
        let Batch { len, images, picks, keys: made, from, .. } = self;
        let (picks, from, made) = (&picks[..*len], &from[..*len], &mut made[..*len]);
        keys.pack_all(Picks { sources, states: successors.states(), picks, from }, made, local);
        images.iter_mut().zip(made).for_each(|(image, key)| *image = table.image(*key));
    }
}

/// Keeps events, given by their keys and in `images` by their images; how many, and how many lead to their own states.
#[inline(always)]
fn sift(
    ends: &[u32],
    events: &[u64],
    mut source: impl FnMut(usize) -> u64,
    images: &mut [u64],
    picks: &mut [u32],
    recent: &mut Recent,
) -> (usize, u64) {
    let (images, picks) = (&mut images[..events.len()], &mut picks[..events.len()]);
    let (mut len, mut loops, mut start) = (0, 0, 0);
    for (s, end) in ends.iter().enumerate() {
        let own = source(s);
        for i in start..*end as usize {
            let image = images[i];
            let (stays, seen) = (events[i] == own, recent.seen(image));
            (images[len], picks[len]) = (image, i as u32);
            loops += u64::from(stays);
            len += usize::from(!(stays | seen));
        }
        start = *end as usize;
    }
    (len, loops)
}

/// Whether two states are equal: without branches, as it is hard to predict in which words they differ.
#[inline(always)]
fn same(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}
