//! Expanding states, by several threads: what the program does in them, and what it does there without its parts.

use super::store::{Edge, NOWHERE, Note, On};
use super::{Family, NoFamily};
use crate::execute::Scratch;
use crate::machine::Machine;
use arch_explorer::{Goals, Successors, System};
use std::ops::Range;
use std::thread;

/// States that are expanded before what was found is put in order: this bounds what is not in order yet.
const AT_A_TIME: usize = 1 << 14;

/// Fewer states are not worth a thread.
const FEW: usize = 64;

/// What is to be found out of a state.
pub(super) struct Job {
    pub(super) state: u32,
    /// Whether its events are not known yet.
    pub(super) new: bool,
    /// Parts, by number, among the list of all jobs.
    pub(super) parts: Range<usize>,
}

/// A thread's memory.
pub(super) struct Worker {
    scratch: Scratch,
    events: Successors,
    parts: Vec<Option<(Scratch, Successors)>>,
    goals: Vec<(bool, bool)>,
    batch: Batch,
}

/// What a thread found, in the order of its jobs.
#[derive(Default)]
struct Batch {
    blocks: Vec<Block>,
    events: Vec<Raw>,
    words: Vec<u64>,
    notes: Vec<Note>,
    facts: Vec<u64>,
}

/// The events of a state, with or without a part.
struct Block {
    state: u32,
    part: Option<u16>,
    events: usize,
    notes: usize,
}

/// An event: its target, if it has one, is in the list of words.
struct Raw {
    action: u32,
    label: u32,
    leads: bool,
}

impl Worker {
    fn new(family: &Family) -> Worker {
        let mut worker = Worker {
            scratch: family.base.scratch(),
            events: buffer(&family.base),
            parts: Vec::new(),
            goals: Vec::new(),
            batch: Batch::default(),
        };
        worker.grow(family);
        worker
    }

    /// Makes room for parts that were added.
    fn grow(&mut self, family: &Family) {
        let machines = family.parts.iter().skip(self.parts.len()).map(|p| p.machine.as_deref());
        self.parts.extend(machines.map(|m| m.map(|m| (m.scratch(), buffer(m)))));
    }

    fn work(&mut self, family: &Family, jobs: &[Job], parts: &[u16]) {
        for job in jobs {
            self.job(family, job, &parts[job.parts.clone()]);
        }
    }

    fn job(&mut self, family: &Family, job: &Job, parts: &[u16]) {
        let Worker { scratch, events, parts: others, goals, batch } = self;
        let state = family.store.state(job.state);
        events.clear();
        family.base.expand(state, scratch, events);
        if job.new {
            family.facts(state, scratch, goals, &mut batch.facts);
            batch.add(family, job.state, None, state, events);
            let mut judged = Vec::new();
            family.base.judge(state, scratch, &mut judged);
            batch.blocks.last_mut().into_iter().for_each(|b| b.notes += judged.len());
            batch.notes.extend(judged.into_iter().map(|finding| Note { finding, on: On::State }));
        }
        for &part in parts {
            let without = &family.parts[part as usize];
            let changed = match (&without.machine, &mut others[part as usize]) {
                (Some(machine), Some((scratch, found))) => {
                    found.clear();
                    machine.events(state, scratch, found);
                    Some(&*found)
                }
                _ => None,
            };
            if without.differs(&family.of_base, events, changed) {
                match changed {
                    Some(changed) => batch.add(family, job.state, Some(part), state, changed),
                    None => {
                        batch.blocks.push(Block { state: job.state, part: Some(part), events: 0, notes: 0 })
                    }
                }
            }
        }
    }
}

fn buffer(machine: &Machine) -> Successors {
    Successors::new(machine.words(), machine.actions())
}

impl Batch {
    fn add(&mut self, family: &Family, state: u32, part: Option<u16>, words: &[u64], found: &Successors) {
        let machine = part.map_or(0, |p| family.parts[p as usize].occasions);
        let (events, notes) = (self.events.len(), self.notes.len());
        for (action, to) in found.events() {
            let label = family.occasions.of(machine, action, words);
            self.events.push(Raw { action, label, leads: to.is_some() });
            self.words.extend_from_slice(to.unwrap_or(&[]));
        }
        for found in found.found() {
            if let Some(action) = found.action {
                let on = part.map_or(On::Event(action as u16), On::Part);
                self.notes.push(Note { finding: found.finding, on });
            }
        }
        let (events, notes) = (self.events.len() - events, self.notes.len() - notes);
        self.blocks.push(Block { state, part, events, notes });
    }

    fn clear(&mut self) {
        self.blocks.clear();
        self.events.clear();
        self.words.clear();
        self.notes.clear();
        self.facts.clear();
    }
}

impl Family {
    /// The truth values of a state: whether a run is unfinished; of each goal whether the state counts and is in it; of each
    /// combination of liveness properties whether it is due, and whether the state is what is to follow.
    fn facts(&self, state: &[u64], scratch: &mut Scratch, goals: &mut Vec<(bool, bool)>, out: &mut Vec<u64>) {
        goals.clear();
        let unfinished = self.base.is_unfinished(state, scratch);
        self.base.in_goals(state, scratch, goals);
        let live = self.base.live(state, scratch);
        let live = (0..self.base.live.places.len()).map(live);
        let mut facts = self.store.blank_facts();
        let pairs = goals.iter().copied().chain(live).flat_map(|(a, b)| [a, b]);
        for (i, fact) in std::iter::once(unfinished).chain(pairs).enumerate() {
            facts[i / 64] |= u64::from(fact) << (i % 64);
        }
        out.extend(facts);
    }

    /// Does jobs. What is found is put in order by one thread, so that numbers do not depend on how many there are.
    pub(super) fn expand(&mut self, jobs: &[Job], parts: &[u16]) -> Result<(), NoFamily> {
        let mut workers = std::mem::take(&mut self.workers);
        while workers.len() < self.options.threads.max(1) {
            workers.push(Worker::new(self));
        }
        workers.iter_mut().for_each(|w| w.grow(self));
        for jobs in jobs.chunks(AT_A_TIME) {
            let share = jobs.len().div_ceil(workers.len()).max(FEW);
            let mut shares = workers.iter_mut().zip(jobs.chunks(share));
            let family = &*self;
            thread::scope(|scope| {
                let own = shares.next();
                for (worker, jobs) in shares {
                    scope.spawn(move || worker.work(family, jobs, parts));
                }
                own.into_iter().for_each(|(worker, jobs)| worker.work(family, jobs, parts));
            });
            for worker in &mut workers {
                self.keep(&worker.batch)?;
                worker.batch.clear();
            }
        }
        self.workers = workers;
        Ok(())
    }

    fn keep(&mut self, batch: &Batch) -> Result<(), NoFamily> {
        let (width, mut words) = (self.base.words(), batch.words.as_slice());
        let (mut events, mut notes) = (batch.events.iter(), batch.notes.iter());
        let mut facts = batch.facts.chunks_exact(self.store.blank_facts().len());
        let mut edges = Vec::new();
        for block in &batch.blocks {
            let machine = block.part.map_or(0, |p| self.parts[p as usize].occasions);
            edges.clear();
            for raw in events.by_ref().take(block.events) {
                let target = if raw.leads {
                    let (state, rest) = words.split_at(width);
                    words = rest;
                    self.store.number(state)
                } else {
                    NOWHERE
                };
                let label = self.occasions.number(machine, raw.label).ok_or(NoFamily::Unsuited)?;
                edges.push(Edge { target, action: raw.action as u16, label });
            }
            match block.part {
                None => {
                    self.store.expand(block.state, edges.iter().copied());
                    facts.next().into_iter().for_each(|f| self.store.set_facts(block.state, f));
                }
                Some(part) => self.store.differ(block.state, part, edges.iter().copied()),
            }
            notes.by_ref().take(block.notes).for_each(|note| self.store.note(block.state, *note));
        }
        Ok(())
    }
}
