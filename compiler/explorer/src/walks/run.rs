//! One random run.

use super::{Random, Walks};
use crate::limits::StopSign;
use crate::paths::Path;
use crate::successors::Successors;
use crate::system::System;

/// One event in so many is chosen among all alike, however rare they are.
const ALIKE: u64 = 4;
/// The weight of a group that was never followed; of one that was followed n times it is the (n + 1)th part.
const WEIGHT: u64 = 1 << 40;
/// Events between two looks at the time.
const PATIENCE: usize = 1 << 10;

/// What a run met.
pub(super) struct Run {
    pub(super) number: u64,
    /// The events that it followed.
    pub(super) actions: Vec<u32>,
    /// Hashes of its states.
    pub(super) states: Vec<u64>,
    /// What nobody had found before, with the path to it.
    pub(super) found: Vec<(u32, Path)>,
}

/// A worker.
pub(super) struct Walker<Scratch> {
    pub(super) scratch: Scratch,
    successors: Successors,
    judged: Vec<u32>,
    /// How often the present run followed each group.
    own: Vec<u64>,
    /// The events to choose among, by their index, with their group; by group.
    choices: Vec<(u32, u32)>,
}

/// A way so far.
struct Way<'a> {
    words: usize,
    /// Its states, back to back.
    states: Vec<u64>,
    run: Run,
    known: &'a [Option<Path>],
}

impl Way<'_> {
    fn last(&self) -> &[u64] {
        &self.states[self.states.len() - self.words..]
    }

    /// Goes to a state.
    fn push(&mut self, state: &[u64]) {
        self.states.extend_from_slice(state);
        self.run.states.push(fingerprint(state));
    }

    /// Notes a finding at its end, or on an event there.
    fn find(&mut self, finding: u32, event: Option<(u32, Option<&[u64]>)>) {
        let new = self.known[finding as usize].is_none() && self.run.found.iter().all(|(f, _)| *f != finding);
        if new {
            let path = self.path(event);
            self.run.found.push((finding, path));
        }
    }

    fn path(&self, event: Option<(u32, Option<&[u64]>)>) -> Path {
        let state = |i: usize| self.states[i * self.words..(i + 1) * self.words].to_vec();
        let steps = self.run.actions.iter().enumerate().map(|(i, a)| (*a, Some(state(i + 1))));
        let last = event.map(|(action, to)| (action, to.map(<[u64]>::to_vec)));
        Path { initial: state(0), steps: steps.chain(last).collect() }
    }
}

/// A hash of all words.
fn fingerprint(state: &[u64]) -> u64 {
    state.iter().fold(0, |hash, word| Random(hash ^ *word).next())
}

impl<Scratch> Walker<Scratch> {
    pub(super) fn new<S: System<Scratch = Scratch>>(system: &S, groups: usize) -> Self {
        Walker {
            scratch: system.scratch(),
            successors: Successors::new(system.widths().len(), system.actions()),
            judged: Vec::new(),
            own: vec![0; groups],
            choices: Vec::new(),
        }
    }

    /// Walks once.
    pub(super) fn run<S: System<Scratch = Scratch>>(
        &mut self,
        system: &S,
        walks: &Walks<'_>,
        starts: &[Vec<u64>],
        counts: &[u64],
        known: &[Option<Path>],
        (number, sign): (u64, StopSign<'_>),
    ) -> Run {
        let mut random = Random::new(walks.seed, number);
        self.own.fill(0);
        let run = Run { number, actions: Vec::new(), states: Vec::new(), found: Vec::new() };
        let mut way = Way { words: system.widths().len(), states: Vec::new(), run, known };
        way.push(&starts[random.below(starts.len() as u64) as usize]);
        self.judge(system, &mut way);
        while (way.run.actions.len() as u64) < u64::from(walks.depth) {
            if way.run.actions.len() % PATIENCE == PATIENCE - 1 && sign.read().is_some() {
                break;
            }
            self.expand(system, &mut way);
            let Some(event) = self.choose(walks, counts, &way, &mut random) else { break };
            self.follow(system, walks, event, &mut way);
        }
        way.run
    }

    fn judge<S: System<Scratch = Scratch>>(&mut self, system: &S, way: &mut Way<'_>) {
        self.judged.clear();
        system.judge(way.last(), &mut self.scratch, &mut self.judged);
        self.judged.iter().for_each(|finding| way.find(*finding, None));
    }

    /// Takes the events of the last state, and what is found on them, chosen or not.
    fn expand<S: System<Scratch = Scratch>>(&mut self, system: &S, way: &mut Way<'_>) {
        self.successors.clear();
        system.expand(way.last(), &mut self.scratch, &mut self.successors);
        for found in self.successors.found() {
            let event = found.action.and_then(|a| self.successors.events().find(|(action, _)| *action == a));
            way.find(found.finding, event);
        }
    }

    /// One of the events that lead to another state: usually of a group that was rarely followed.
    fn choose(
        &mut self,
        walks: &Walks<'_>,
        counts: &[u64],
        way: &Way<'_>,
        random: &mut Random,
    ) -> Option<u32> {
        let to = self.successors.states().chunks_exact(way.words.max(1));
        let moves = self.successors.actions().iter().zip(to).enumerate();
        self.choices.clear();
        self.choices.extend(
            moves
                .filter(|(_, (_, to))| *to != way.last())
                .map(|(i, (action, _))| (walks.groups[*action as usize], i as u32)),
        );
        if self.choices.is_empty() {
            return None;
        }
        let any = |of: &[(u32, u32)], random: &mut Random| of[random.below(of.len() as u64) as usize].1;
        if random.below(ALIKE) == 0 {
            return Some(any(&self.choices, random));
        }
        self.choices.sort_unstable();
        let own = &self.own;
        let weight = |group: u32| WEIGHT / (1 + counts[group as usize] + own[group as usize]) + 1;
        let groups = || self.choices.chunk_by(|a, b| a.0 == b.0);
        let mut left = random.below(groups().map(|g| weight(g[0].0)).sum());
        let chosen = groups().find(|g| {
            let weight = weight(g[0].0);
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        });
        chosen.map(|group| any(group, random))
    }

    fn follow<S: System<Scratch = Scratch>>(
        &mut self,
        system: &S,
        walks: &Walks<'_>,
        event: u32,
        way: &mut Way<'_>,
    ) {
        let at = event as usize * way.words;
        let action = self.successors.actions()[event as usize];
        way.push(&self.successors.states()[at..at + way.words]);
        way.run.actions.push(action);
        self.own[walks.groups[action as usize] as usize] += 1;
        self.judge(system, way);
    }
}
