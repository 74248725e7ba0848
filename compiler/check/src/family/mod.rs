//! What a program does without each of some of its parts, all in one exploration.
//!
//! A *variant* is the program without some parts. Variants share most states, and in each state most events: only those of
//! the steps that a part changes can differ. So every state is expanded once, the events that a part decides about once
//! more without it, and what is kept are these differences. Which variants reach a state is a set that is passed
//! along events ([`spread`]); what the whole graph decides is judged for each variant on its part of the common one
//! ([`whole`]). Such a graph is a *featured transition system* (Classen et al., IEEE TSE 39, 2013), where a feature is the
//! absence of a part. Why it is exact: `docs/internals/audit.md`.

mod expand;
mod live;
mod occasions;
mod parts;
mod reach;
mod sets;
mod show;
mod spread;
mod store;
mod union;
mod whole;

pub use parts::Touch;
pub use spread::{Explored, Spread};
pub use whole::Verdicts;

use crate::check::{Options, name_of};
use crate::error::CompileError;
use crate::kinds::Kinds;
use crate::machine::{Finding, Machine};
use arch_explorer::System;
use arch_ir::fairness::Assumption;
use arch_ir::report::Stop;
use arch_ir::{Event, Program, PropertyKind, State};
use expand::Worker;
use occasions::Occasions;
use parts::Without;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::Store;

/// The most actions of a program: an event keeps its action in 16 bits.
const MOST_ACTIONS: usize = u16::MAX as usize;

/// A part of a program: what it decides about.
pub struct Part<'a> {
    /// The program without it, with the same variables, protocols and properties.
    pub program: &'a Program,
    /// What becomes of each event without it.
    pub touches: &'a (dyn Fn(&Event) -> Touch + Sync),
    /// Whether something becomes of one that the program without it says.
    pub changes: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum NoFamily {
    /// A program cannot be compiled, or not in the layout of the other.
    Compile(CompileError),
    /// There are too many actions or bindings of roles, or `cut` bounds what is explored.
    Unsuited,
    /// A limit.
    Stopped(Stop),
}

/// A behaviour of a variant that shows what breaks: its events, which say all that matters.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What breaks.
    pub name: String,
    /// The initial state, instants in the classes of the program with all its parts; none if there is no behaviour, as
    /// something is not reachable.
    pub initial: Option<State>,
    /// Its events.
    pub events: Vec<Event>,
    /// Of a liveness property how many events lead to the cycle; the others are the cycle.
    pub back_to: Option<usize>,
    /// What is treated fairly, each with whether strongly.
    pub assumed: Vec<(Assumption, bool)>,
}

/// A program with its parts, and what is known of their states.
pub struct Family {
    base: Arc<Machine>,
    parts: Vec<Without>,
    kinds: Kinds,
    of_base: Vec<u32>,
    occasions: Occasions,
    store: Store,
    /// For each state the parts without which its events are known, as a set.
    asked: Vec<u64>,
    /// How many words such a set has.
    asked_each: usize,
    initial: Vec<u32>,
    first: Option<Vec<u64>>,
    workers: Vec<Worker>,
    options: Options,
}

impl Family {
    /// Prepares a program. Symmetry is not used: identities are told apart.
    ///
    /// # Errors
    ///
    /// When it is too large.
    pub fn new(machine: Machine, options: Options) -> Result<Family, NoFamily> {
        if machine.actions() > MOST_ACTIONS || !machine.cut_spans.is_empty() {
            return Err(NoFamily::Unsuited);
        }
        let mut kinds = Kinds::default();
        let of_base = kinds.of(&machine);
        let base = Arc::new(machine);
        let mut occasions = Occasions::default();
        occasions.add(Arc::clone(&base)).ok_or(NoFamily::Unsuited)?;
        let facts = 1 + 2 * base.goals().len() + 2 * base.live.places.len();
        let mut store = Store::new(base.words(), facts);
        let (mut initial, mut first) = (Vec::new(), None);
        base.initial(&mut |state| {
            first.get_or_insert_with(|| state.to_vec());
            let number = store.number(state);
            // Two initial states can have the same canonical form.
            if number as usize == initial.len() {
                initial.push(number);
            }
            true
        });
        Ok(Family {
            base,
            parts: Vec::new(),
            kinds,
            of_base,
            occasions,
            store,
            asked: Vec::new(),
            asked_each: 0,
            initial,
            first,
            workers: Vec::new(),
            options,
        })
    }

    /// Adds a part; its number.
    ///
    /// # Errors
    ///
    /// When the program without it cannot be compiled in the layout of the program, or there are too many parts.
    pub fn add(&mut self, part: &Part<'_>) -> Result<u16, NoFamily> {
        let mut without =
            Without::of(&self.base, &self.of_base, part, &mut self.kinds).map_err(NoFamily::Compile)?;
        let number = u16::try_from(self.parts.len()).map_err(|_| NoFamily::Unsuited)?;
        if let Some(machine) = &without.machine {
            if machine.actions() > MOST_ACTIONS {
                return Err(NoFamily::Unsuited);
            }
            without.occasions = self.occasions.add(Arc::clone(machine)).ok_or(NoFamily::Unsuited)?;
        }
        self.parts.push(without);
        Ok(number)
    }

    /// How many states are known.
    #[must_use]
    pub fn states(&self) -> usize {
        self.store.len()
    }

    /// Whether two parts decide about the same events: they are taken out together as a part of its own.
    #[must_use]
    pub fn overlap(&self, a: u16, b: u16) -> bool {
        let touched = |part: u16| &self.parts[part as usize].touched;
        touched(a).iter().zip(touched(b)).any(|(a, b)| *a && *b)
    }

    /// The verdicts that states and events alone decide, of a variant that was explored to its end: for each property and
    /// built-in check whether it is violated.
    #[must_use]
    pub fn settled(&self, spread: &Spread) -> Vec<(String, bool)> {
        let machine = &self.base;
        let findings = machine.findings();
        let mut verdicts: Vec<(String, bool)> = Vec::new();
        for (number, finding) in findings.iter().enumerate() {
            if let Some(name) = name_of(machine, *finding) {
                verdicts.push((name.to_owned(), spread.found(number)));
            }
        }
        let properties = machine.program().properties.iter_enumerated();
        for (id, property) in properties.filter(|(_, p)| matches!(p.kind, PropertyKind::Reachable(_))) {
            let wanted = self.first.as_ref().map_or_else(Vec::new, |first| machine.wanted(id, first));
            let violated = !wanted.iter().all(|f| spread.found(*f as usize));
            verdicts.push((property.name.clone(), violated));
        }
        verdicts
    }

    /// The findings that violate one of these, as a list with one entry for each finding.
    fn findings_of(&self, names: &[String]) -> Vec<bool> {
        let violates = |f: &Finding| name_of(&self.base, *f).is_some_and(|n| names.iter().any(|m| m == n));
        self.base.findings().iter().map(violates).collect()
    }

    /// Makes room for what is asked of states and parts that were added.
    fn make_room_to_ask(&mut self) {
        let each = self.parts.len().div_ceil(64);
        if each > self.asked_each {
            let mut wider = vec![0; each * self.store.len()];
            let rows = self.asked.chunks_exact(self.asked_each.max(1)).zip(wider.chunks_exact_mut(each));
            rows.for_each(|(old, new)| new[..old.len()].copy_from_slice(old));
            (self.asked, self.asked_each) = (wider, each);
        }
        self.asked.resize(self.asked_each * self.store.len(), 0);
    }

    /// The limit that is reached, if so many bytes are in use beside.
    fn stopped(&self, beside: u64, interrupt: &AtomicBool) -> Option<Stop> {
        let bytes = self.bytes() + beside;
        let memory = self.options.limits.max_memory.is_some_and(|most| bytes > most);
        self.options.stopped(interrupt).or(memory.then_some(Stop::Memory))
    }

    /// Bytes of memory.
    fn bytes(&self) -> u64 {
        self.store.bytes() + self.asked.capacity() as u64 * 8
    }
}
