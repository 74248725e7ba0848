//! The first shortest ways to findings, by going back over levels that were logged ([`crate::levels`]): without a
//! table, and with all threads.
//!
//! A finding is made after L events and not before. From the last level to the first, the states of each are expanded
//! once more: *members* of level d are those with a way of L − d events to the finding. A member leads to it; so
//! from the first initial state that is a member, the first event that leads to a member of the next level is
//! taken, again and again. That is the least of all shortest ways, compared by initial state and then action by
//! action, and so the way on which a plain breadth-first search meets the finding first.
//!
//! Whether an event leads to a member is asked of a filter of hashes first, and then exactly. When members are too
//! many, [`crate::order`] has to find the way.

use crate::hash::hash;
use crate::keys::Keys;
use crate::levels::Levels;
use crate::limits::{Stop, StopSign};
use crate::paths::first_initial;
use crate::successors::Successors;
use crate::system::System;
use crate::visited::Set;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Findings that are looked for together: bits of a number.
pub(crate) const MOST: usize = 64;

/// One of these findings, after so many events.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    pub any: Vec<u32>,
    pub length: usize,
}

/// The number of an initial state among the distinct ones, and the actions from there.
type Way = (u64, Vec<u32>);

/// The most bytes that a member takes: while its level is gone over it is in a list as well.
pub(crate) const MEMBER: u64 = 40;

/// A member of a level: its key, and for which goals.
type Member = (u64, u64);

/// The members of a level.
#[derive(Default)]
struct Layer {
    /// Members by the hash of their key; goals are 0 where there is none.
    places: Vec<Member>,
    /// Hashes of the members' states.
    filter: Vec<u64>,
}

/// What is the same for all levels.
pub(crate) struct Ways<'a, S, K> {
    pub system: &'a S,
    pub set: &'a Set<K>,
    pub levels: &'a Levels,
    pub sign: StopSign<'a>,
    /// How many members there may be in all.
    pub most: u64,
}

/// What a worker needs.
struct Desk<Scratch, Local> {
    scratch: Scratch,
    local: Local,
    state: Vec<u64>,
    out: Successors,
    found: Vec<u32>,
}

type DeskOf<S, K> = Desk<<S as System>::Scratch, <K as Keys>::Local>;

impl<S: System, K: Keys> Ways<'_, S, K> {
    /// The way to each of at most [`MOST`] goals within the logged levels; none where it has to be found otherwise.
    ///
    /// # Errors
    ///
    /// When it is too late, or the caller interrupts.
    pub(crate) fn find(&self, goals: &[Goal]) -> Result<Vec<Option<Way>>, Stop> {
        let none = || vec![None; goals.len()];
        // What is found on states as such, or on events, is met before what is found when a state is expanded.
        let Some(layers) = self.layers(goals, false)? else { return Ok(none()) };
        let mut ways: Vec<Option<Way>> =
            (0..goals.len()).map(|g| self.walk(goals, g, &layers, false)).collect();
        if ways.iter().any(Option::is_none) {
            let Some(layers) = self.layers(goals, true)? else { return Ok(ways) };
            for (g, way) in ways.iter_mut().enumerate().filter(|(_, way)| way.is_none()) {
                *way = self.walk(goals, g, &layers, true);
            }
        }
        Ok(ways)
    }

    fn desk(&self) -> DeskOf<S, K> {
        let words = self.system.widths().len();
        Desk {
            scratch: self.system.scratch(),
            local: self.set.keys.local(),
            state: vec![0; words],
            out: Successors::new(words, self.system.actions()),
            found: Vec::new(),
        }
    }

    /// The members of all levels; none if they are too many. `late`: of what is found when a state is expanded.
    fn layers(&self, goals: &[Goal], late: bool) -> Result<Option<Vec<Layer>>, Stop> {
        let last = goals.iter().map(|g| g.length).max().unwrap_or(0);
        let mut layers: Vec<Layer> = (0..=last + 1).map(|_| Layer::default()).collect();
        let mut count = 0;
        for level in (0..=last).rev() {
            let members = self.members(goals, level, &layers[level + 1], late)?;
            count += members.len() as u64;
            if count > self.most {
                return Ok(None);
            }
            layers[level] = self.layer(&members);
        }
        Ok(Some(layers))
    }

    fn layer(&self, members: &[Member]) -> Layer {
        let mut layer = Layer::for_members(members.len());
        let mut desk = self.desk();
        for (key, goals) in members {
            self.set.keys.unpack(&[*key], &mut desk.state, &mut desk.local);
            layer.add(*key, *goals, hash(&desk.state));
        }
        layer
    }

    /// The members of a level, given those of the next.
    fn members(&self, goals: &[Goal], level: usize, next: &Layer, late: bool) -> Result<Vec<Member>, Stop> {
        let chunks = self.levels.keys(level);
        let (chunks, taken) = (&chunks[..], AtomicUsize::new(0));
        let run = || {
            let (mut desk, mut members) = (self.desk(), Vec::new());
            while let Some(keys) = chunks.get(taken.fetch_add(1, Ordering::Relaxed)) {
                self.sign.read().map_or(Ok(()), Err)?;
                for key in *keys {
                    let reached = self.reached(goals, level, *key, next, late, &mut desk);
                    if reached != 0 {
                        members.push((*key, reached));
                    }
                }
            }
            Ok::<_, Stop>(members)
        };
        let threads = self.sign.limits.threads.clamp(1, chunks.len().div_ceil(2).max(1));
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let mut all = run()?;
            for other in others {
                all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(all)
        })
    }

    /// The goals to which a state of a level has a way of as few events as there can be.
    fn reached(
        &self,
        goals: &[Goal],
        level: usize,
        key: u64,
        next: &Layer,
        late: bool,
        desk: &mut DeskOf<S, K>,
    ) -> u64 {
        self.set.keys.unpack(&[key], &mut desk.state, &mut desk.local);
        let mut reached = 0;
        if !late && goals.iter().any(|g| g.length == level) {
            reached |= self.judged(goals, level, desk);
        }
        if !goals.iter().any(|g| g.length > level || late && g.length == level) {
            return reached;
        }
        desk.out.clear();
        self.system.expand(&desk.state, &mut desk.scratch, &mut desk.out);
        for found in desk.out.found() {
            let length = level + usize::from(found.action.is_some());
            if found.action.is_none() == late {
                reached |= mask(goals, length, &[found.finding]);
            }
        }
        let words = desk.state.len();
        for i in 0..desk.out.len() {
            let to = &desk.out.states()[i * words..(i + 1) * words];
            if next.may_have(hash(to)) {
                let key = self.set.keys.find(to, &mut desk.local);
                reached |= key.map_or(0, |key| next.goals(key));
            }
        }
        reached
    }

    /// The goals that a state is, by what is found on it as such.
    fn judged(&self, goals: &[Goal], level: usize, desk: &mut DeskOf<S, K>) -> u64 {
        desk.found.clear();
        self.system.judge(&desk.state, &mut desk.scratch, &mut desk.found);
        mask(goals, level, &desk.found)
    }

    /// The first way over members.
    fn walk(&self, goals: &[Goal], goal: usize, layers: &[Layer], late: bool) -> Option<Way> {
        let (mut desk, bit) = (self.desk(), 1 << goal);
        let is = |level: usize, state: &[u64], local: &mut K::Local| {
            self.set.keys.find(state, local).is_some_and(|key| layers[level].goals(key) & bit != 0)
        };
        let initial = first_initial(self.system, |_, state| is(0, state, &mut desk.local));
        let (number, state) = initial?;
        desk.state.copy_from_slice(&state);
        let mut actions = Vec::new();
        let Goal { any, length } = &goals[goal];
        while actions.len() < *length {
            desk.out.clear();
            self.system.expand(&desk.state, &mut desk.scratch, &mut desk.out);
            let next = actions.len() + 1;
            let mut found = desk.out.found().iter().filter(|f| !late && any.contains(&f.finding));
            if next == *length
                && let Some(action) = found.find_map(|f| f.action)
            {
                actions.push(action);
                break;
            }
            let words = desk.state.len();
            let state = |i: usize| &desk.out.states()[i * words..(i + 1) * words];
            let step = (0..desk.out.len()).find(|i| is(next, state(*i), &mut desk.local))?;
            actions.push(desk.out.actions()[step]);
            desk.state.copy_from_slice(state(step));
        }
        Some((number, actions))
    }
}

/// The goals of so many events among which one of these findings is.
fn mask(goals: &[Goal], length: usize, found: &[u32]) -> u64 {
    let is = |g: &Goal| g.length == length && g.any.iter().any(|f| found.contains(f));
    goals.iter().enumerate().fold(0, |mask, (i, goal)| mask | u64::from(is(goal)) << i)
}

impl Layer {
    /// An empty one with room.
    fn for_members(count: usize) -> Layer {
        if count == 0 {
            return Layer::default();
        }
        let filter = (count / 4).next_power_of_two();
        Layer { places: vec![(0, 0); count + count / 4 + 1], filter: vec![0; filter] }
    }

    fn add(&mut self, key: u64, goals: u64, hash: u64) {
        let (word, bit) = self.bit(hash);
        self.filter[word] |= bit;
        let mut at = self.place(key);
        while self.places[at].1 != 0 {
            at = (at + 1) % self.places.len();
        }
        self.places[at] = (key, goals);
    }

    #[inline(always)]
    fn bit(&self, hash: u64) -> (usize, u64) {
        let word = (hash >> 32) as usize & (self.filter.len() - 1);
        (word, 1 << (hash >> 26 & 63))
    }

    /// Whether there may be a member whose state has this hash.
    #[inline(always)]
    fn may_have(&self, hash: u64) -> bool {
        if self.filter.is_empty() {
            return false;
        }
        let (word, bit) = self.bit(hash);
        self.filter[word] & bit != 0
    }

    fn place(&self, key: u64) -> usize {
        let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((u128::from(mixed) * self.places.len() as u128) >> 64) as usize
    }

    /// For which goals a state is a member.
    fn goals(&self, key: u64) -> u64 {
        if self.places.is_empty() {
            return 0;
        }
        let mut at = self.place(key);
        while self.places[at].1 != 0 {
            if self.places[at].0 == key {
                return self.places[at].1;
            }
            at = (at + 1) % self.places.len();
        }
        0
    }
}
