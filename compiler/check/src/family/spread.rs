//! Which variants reach which states: sets of variants are passed along events, level by level.

use super::expand::Job;
use super::sets::{Sets, add, has, insert, is_empty, keep, meet, members, remove};
use super::store::{Edge, NOWHERE, On};
use super::{Family, NoFamily};
use crate::machine::Machine;
use arch_explorer::Goals;
use std::sync::atomic::AtomicBool;

/// What was found of some variants that were explored at once.
pub struct Explored {
    /// What was found of each of them.
    pub variants: Vec<Spread>,
    pub(super) search: Search,
}

/// What was found of a variant.
#[derive(Clone, Debug)]
pub struct Spread {
    found: Vec<bool>,
    /// For each part of the variant, in order, whether it makes a difference in a state that the variant reaches.
    pub differs: Vec<bool>,
    /// Whether it was explored to its end: nothing that ends an exploration was found.
    pub whole: bool,
}

impl Spread {
    /// Whether a finding was made.
    pub(super) fn found(&self, finding: usize) -> bool {
        self.found[finding]
    }
}

/// An exploration of some variants at once.
pub(super) struct Search {
    pub(super) width: usize,
    /// Parts of some variant.
    parts: Vec<u16>,
    /// For each part the variants that lack it.
    pub(super) lacking: Sets,
    /// For each action of the program the parts that decide about it.
    pub(super) touching: Vec<Vec<u16>>,
    /// Variants that are passed on.
    alive: Vec<u64>,
    /// Variants in which something was found that ends their exploration: with the next level, for what is found on states there
    /// takes as few events as what is found on the events that lead there.
    broken: Vec<u64>,
    /// For each state the variants that reach it, and those that reach it on this level and on the next.
    pub(super) seen: Sets,
    now: Sets,
    next: Sets,
    frontier: Vec<u32>,
    reached: Vec<u32>,
    /// For each part the variants that reach a state where it makes a difference.
    differs: Sets,
    /// For each finding the variants in which it was made.
    found: Sets,
    /// Variants in which nothing helps the runs of a state.
    stuck: Vec<(u32, Vec<u64>)>,
    /// Whether a part makes a difference in the present state.
    here: Vec<bool>,
}

impl Search {
    fn new(family: &Family, variants: &[Vec<u16>]) -> Search {
        let width = variants.len().div_ceil(64);
        let (states, parts) = (family.store.len(), family.parts.len());
        let mut lacking = Sets::new(width, parts);
        let mut alive = vec![0; width];
        for (v, variant) in variants.iter().enumerate() {
            insert(&mut alive, v);
            variant.iter().for_each(|p| insert(lacking.of_mut(*p as usize), v));
        }
        let used: Vec<u16> = (0..parts as u16).filter(|p| !is_empty(lacking.of(*p as usize))).collect();
        let deciding = |a: usize| {
            used.iter().copied().filter(|p| family.parts[*p as usize].touched[a]).collect::<Vec<u16>>()
        };
        let mut search = Search {
            width,
            touching: (0..family.base.actions()).map(deciding).collect(),
            parts: used,
            lacking,
            seen: Sets::new(width, states),
            now: Sets::new(width, states),
            next: Sets::new(width, states),
            frontier: Vec::new(),
            reached: Vec::new(),
            differs: Sets::new(width, parts),
            found: Sets::new(width, family.base.findings().len()),
            stuck: Vec::new(),
            here: vec![false; parts],
            broken: vec![0; width],
            alive,
        };
        for &state in &family.initial {
            search.send(state, &search.alive.clone());
        }
        search
    }

    /// Passes variants on to a state.
    fn send(&mut self, state: u32, variants: &[u64]) {
        let at = state as usize * self.width;
        let (mut any, mut was) = (0, 0);
        for (i, word) in variants.iter().enumerate() {
            let new = word & !self.seen.words[at + i];
            was |= self.next.words[at + i];
            if new != 0 {
                self.seen.words[at + i] |= new;
                self.next.words[at + i] |= new;
                any |= new;
            }
        }
        if any != 0 && was == 0 {
            self.reached.push(state);
        }
    }

    /// Goes to the next level; whether there is one.
    fn advance(&mut self) -> bool {
        for state in self.frontier.drain(..) {
            self.now.of_mut(state as usize).fill(0);
        }
        std::mem::swap(&mut self.now, &mut self.next);
        std::mem::swap(&mut self.frontier, &mut self.reached);
        !self.frontier.is_empty()
    }

    /// Makes room for states that were found.
    fn grow(&mut self, states: usize) {
        [&mut self.seen, &mut self.now, &mut self.next].into_iter().for_each(|s| s.grow(states));
    }

    /// What has to be found out of the states of the level.
    fn jobs(&self, family: &mut Family) -> (Vec<Job>, Vec<u16>) {
        let Family { asked, asked_each: each, store, .. } = family;
        let (mut jobs, mut parts) = (Vec::new(), Vec::new());
        for &state in &self.frontier {
            let here = self.now.of(state as usize);
            if !meet(here, &self.alive) {
                continue;
            }
            let asked = &mut asked[state as usize * *each..(state as usize + 1) * *each];
            let start = parts.len();
            let open = |p: &&u16| !has(asked, **p as usize) && meet(here, self.lacking.of(**p as usize));
            parts.extend(self.parts.iter().filter(open));
            parts[start..].iter().for_each(|p| insert(asked, usize::from(*p)));
            let new = !store.is_expanded(state);
            if new || parts.len() > start {
                jobs.push(Job { state, new, parts: start..parts.len() });
            }
        }
        (jobs, parts)
    }

    /// Passes the variants of the level on along the events of its states.
    fn pass(&mut self, family: &Family, ends: &[bool]) {
        let frontier = std::mem::take(&mut self.frontier);
        let (mut variants, mut some) = (vec![0; self.width], vec![0; self.width]);
        let (mut helped, mut here) = (vec![0; self.width], Vec::new());
        for &state in &frontier {
            variants.copy_from_slice(self.now.of(state as usize));
            keep(&mut variants, &self.alive);
            if is_empty(&variants) {
                continue;
            }
            here.clear();
            here.extend(
                family
                    .store
                    .differences(state)
                    .filter(|(p, _)| meet(self.lacking.of(*p as usize), &variants)),
            );
            for (part, _) in &here {
                self.here[*part as usize] = true;
                let of_part = self.lacking.of(*part as usize);
                let differs = self.differs.of_mut(*part as usize);
                differs.iter_mut().zip(of_part).zip(&variants).for_each(|((d, p), v)| *d |= p & v);
            }
            helped.fill(0);
            for edge in family.store.events(state) {
                some.copy_from_slice(&variants);
                if !here.is_empty() {
                    self.without_those_that_decide(edge.action, &mut some);
                }
                self.follow(edge, family.helps(None, state, edge), &some, &mut helped);
            }
            for (part, edges) in &here {
                some.copy_from_slice(&variants);
                keep(&mut some, self.lacking.of(*part as usize));
                for edge in *edges {
                    self.follow(edge, family.helps(Some(*part), state, edge), &some, &mut helped);
                }
            }
            self.stuck_here(family, state, &variants, &helped);
            self.note(family, state, &variants, ends);
            here.iter().for_each(|(part, _)| self.here[*part as usize] = false);
        }
        self.frontier = frontier;
    }

    /// Passes variants on along an event, and adds them to those that are helped if it helps.
    #[inline(always)]
    fn follow(&mut self, edge: &Edge, helps: bool, variants: &[u64], helped: &mut [u64]) {
        if helps {
            add(helped, variants);
        }
        if edge.target != NOWHERE {
            self.send(edge.target, variants);
        }
    }

    /// Leaves out the variants that lack a part which decides about an action in the present state.
    fn without_those_that_decide(&self, action: u16, variants: &mut [u64]) {
        for part in self.touching[action as usize].iter().filter(|p| self.here[**p as usize]) {
            remove(variants, self.lacking.of(*part as usize));
        }
    }

    fn stuck_here(&mut self, family: &Family, state: u32, variants: &[u64], helped: &[u64]) {
        if family.base.stuck.is_none() || !family.store.is(state, 0) {
            return;
        }
        let mut stuck = variants.to_vec();
        remove(&mut stuck, helped);
        if !is_empty(&stuck) {
            self.stuck.push((state, stuck));
        }
    }

    /// Notes for which variants something is found here, and which it ends.
    fn note(&mut self, family: &Family, state: u32, variants: &[u64], ends: &[bool]) {
        for note in family.store.notes(state) {
            let mut some = variants.to_vec();
            match note.on {
                On::State => {}
                On::Event(action) => self.without_those_that_decide(action, &mut some),
                On::Part(part) => keep(&mut some, self.lacking.of(part as usize)),
            }
            add(self.found.of_mut(note.finding as usize), &some);
            if ends[note.finding as usize] {
                add(&mut self.broken, &some);
            }
        }
    }

    fn bytes(&self) -> u64 {
        let sets = [&self.seen, &self.now, &self.next].map(Sets::bytes);
        sets.iter().sum::<u64>() + self.stuck.len() as u64 * (40 + 8 * self.width as u64)
    }
}

impl Family {
    /// Explores variants of the program, each of which is a set of parts that are not there; parts of one variant must not
    /// [`Family::overlap`]. The exploration of a variant ends where one of `ends` is violated, by a state or an event.
    ///
    /// # Errors
    ///
    /// When a limit is reached, or there are too many labels.
    pub fn spread(
        &mut self,
        variants: &[Vec<u16>],
        ends: &[String],
        interrupt: &AtomicBool,
    ) -> Result<Explored, NoFamily> {
        let ends = self.findings_of(ends);
        self.make_room_to_ask();
        let mut search = Search::new(self, variants);
        while search.advance() {
            if let Some(stop) = self.stopped(search.bytes(), interrupt) {
                return Err(NoFamily::Stopped(stop));
            }
            let (jobs, parts) = search.jobs(self);
            self.expand(&jobs, &parts)?;
            self.make_room_to_ask();
            search.grow(self.store.len());
            let broken = search.broken.clone();
            search.pass(self, &ends);
            remove(&mut search.alive, &broken);
        }
        self.find_stuck(&mut search, variants);
        let spread = |(v, variant): (usize, &Vec<u16>)| Spread {
            found: (0..self.base.findings().len()).map(|f| has(search.found.of(f), v)).collect(),
            differs: variant.iter().map(|p| has(search.differs.of(*p as usize), v)).collect(),
            whole: !has(&search.broken, v),
        };
        let variants = variants.iter().enumerate().map(spread).collect();
        (search.now, search.next) = (Sets::new(0, 0), Sets::new(0, 0));
        Ok(Explored { variants, search })
    }

    /// A state is stuck unless time helps it.
    fn find_stuck(&self, search: &mut Search, variants: &[Vec<u16>]) {
        let Some(finding) = self.base.stuck else { return };
        for (state, set) in std::mem::take(&mut search.stuck) {
            for v in members(&set) {
                let found = search.found.of_mut(finding as usize);
                if !has(found, v) && !has(&search.broken, v) && self.ticks_in_vain(state, &variants[v]) {
                    insert(found, v);
                }
            }
        }
    }

    /// Whether an event of a state helps its runs: one of the program, or one that there is without a part.
    #[inline(always)]
    pub(super) fn helps(&self, part: Option<u16>, state: u32, edge: &Edge) -> bool {
        edge.target != state && self.machine(part).is_some_and(|m| m.grounds[edge.action as usize].helps)
    }

    /// Whether an event is a way to what must be possible.
    pub(super) fn is_way(&self, part: Option<u16>, edge: &Edge) -> bool {
        self.machine(part).is_none_or(|m| m.is_way(u32::from(edge.action)))
    }

    /// Whether an event is a tick.
    fn ticks(&self, part: Option<u16>, edge: &Edge) -> bool {
        self.machine(part).is_some_and(|m| m.tick == Some(u32::from(edge.action)))
    }

    /// What the events of the program are events of, or those that there are without a part.
    pub(super) fn machine(&self, part: Option<u16>) -> Option<&Machine> {
        part.map_or(Some(&*self.base), |p| self.parts[p as usize].machine.as_deref())
    }

    /// Whether no number of ticks leads a variant from a state to one with an event that helps.
    fn ticks_in_vain(&self, state: u32, variant: &[u16]) -> bool {
        nothing_helps(state, |&at| {
            let (mut helps, mut next) = (false, None);
            self.each(at, variant, &mut |part, edge| {
                helps |= self.helps(part, at, edge);
                if self.ticks(part, edge) {
                    next = Some(edge.target);
                }
            });
            (helps, next)
        })
    }
}

/// Whether time leads from a state to none in which an event helps; `look` says whether one does, and where the tick leads.
pub(super) fn nothing_helps<S: PartialEq>(state: S, look: impl Fn(&S) -> (bool, Option<S>)) -> bool {
    let mut seen = vec![state];
    loop {
        match look(&seen[seen.len() - 1]) {
            (true, _) => return false,
            (_, Some(next)) if !seen.contains(&next) => seen.push(next),
            _ => return true,
        }
    }
}
