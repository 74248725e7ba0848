//! The states of a finished search by number, in the order in which a search with one thread discovers them, with
//! their events: what is needed to build a graph of them, at 4 bytes per slot of the visited set.

use crate::bits::Bits;
use crate::keys::Keys;
use crate::limits::{Limits, Stop, StopSign};
use crate::memory::filled;
use crate::order::{Depths, End, Met, Order};
use crate::paths::Marks;
use crate::search::Exploration;
use crate::system::System;
use crate::visited::{Kind, Set, Visited};
use std::sync::atomic::AtomicBool;

/// No number.
const NONE: u32 = u32::MAX;

/// Is told of every state and every event.
pub trait Visit {
    /// A state is discovered; states are numbered from 0.
    ///
    /// # Errors
    ///
    /// When there is no memory to take notice of it.
    fn discovered(&mut self, number: u32, state: &[u64]) -> Result<(), Stop>;

    /// An event of a state, with the number of the state that it leads to, if it leads to one. The events of a state come
    /// one after the other, by ascending action, those that lead nowhere last.
    ///
    /// # Errors
    ///
    /// When there is no memory to take notice of it.
    fn event(&mut self, number: u32, state: &[u64], action: u32, to: Option<u32>) -> Result<(), Stop>;

    /// There are no more events of a state; states come by ascending number.
    ///
    /// # Errors
    ///
    /// When there is no memory to take notice of it.
    fn expanded(&mut self, number: u32) -> Result<(), Stop>;

    /// Bytes of memory.
    fn bytes(&self) -> u64;
}

/// The numbers of states.
#[derive(Debug)]
pub struct Numbered<'e> {
    visited: &'e Visited,
    /// By slot.
    numbers: Vec<u32>,
    depths: Depths,
}

impl<'e> Numbered<'e> {
    /// Numbers the states of a search and tells of them and their events.
    ///
    /// # Errors
    ///
    /// When a limit is reached, the caller interrupts, or there are more states than numbers of 32 bits.
    pub fn visit<S: System, T>(
        system: &S,
        explored: &'e Exploration<T>,
        limits: &Limits,
        interrupt: &AtomicBool,
        visitor: &mut dyn Visit,
    ) -> Result<Numbered<'e>, Stop> {
        if explored.states >= u64::from(NONE) {
            return Err(Stop::States);
        }
        let mut numbered =
            Numbered { visited: &explored.visited, numbers: Vec::new(), depths: Depths::default() };
        let most = limits.max_memory.unwrap_or(u64::MAX).saturating_sub(explored.statistics.visited_bytes);
        let mut pass = Pass {
            numbered: &mut numbered,
            visitor,
            sign: StopSign { limits, interrupt },
            most,
            source: (0, vec![0; system.widths().len()]),
        };
        match &explored.visited.0 {
            Kind::Nothing => return Err(Stop::Memory),
            Kind::Packed(set) => pass.run(system, set)?,
            Kind::Tree(set) => pass.run(system, set)?,
            Kind::Fingerprints(set) => pass.run(system, set)?,
        }
        Ok(numbered)
    }

    /// The number of a state.
    #[must_use]
    pub fn number(&self, state: &[u64]) -> Option<u32> {
        let number = self.numbers[self.visited.slot(state)? as usize];
        (number != NONE).then_some(number)
    }

    /// The number of states.
    #[must_use]
    pub fn states(&self) -> u32 {
        self.depths.states as u32
    }

    /// The number of initial states, which come first.
    #[must_use]
    pub fn initial(&self) -> u32 {
        self.depths.levels.get(1).map_or(self.states(), |first| *first as u32)
    }

    /// How far a state is from the initial ones.
    #[must_use]
    pub fn depth(&self, number: u32) -> u32 {
        self.depths.of(u64::from(number))
    }

    /// One state, for [`crate::paths()`].
    ///
    /// # Errors
    ///
    /// When the system refuses the memory.
    pub fn marks(&self, number: u32) -> Result<Marks, Stop> {
        let mut bits = Bits::new(self.numbers.len() as u64)?;
        if let Some(slot) = self.numbers.iter().position(|n| *n == number) {
            bits.add(slot as u64);
        }
        Ok(Marks(bits))
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.numbers.len() as u64 * 4
    }
}

/// The states of a finished search in the order of their discovery, for comparing searches state by state.
///
/// # Errors
///
/// As for [`Numbered::visit`].
pub fn in_order<S: System, T>(system: &S, explored: &Exploration<T>) -> Result<Vec<Vec<u64>>, Stop> {
    let (mut list, never) = (List::default(), AtomicBool::new(false));
    Numbered::visit(system, explored, &Limits::default(), &never, &mut list)?;
    Ok(list.0)
}

#[derive(Default)]
struct List(Vec<Vec<u64>>);

impl Visit for List {
    fn discovered(&mut self, _: u32, state: &[u64]) -> Result<(), Stop> {
        self.0.push(state.to_vec());
        Ok(())
    }

    fn event(&mut self, _: u32, _: &[u64], _: u32, _: Option<u32>) -> Result<(), Stop> {
        Ok(())
    }

    fn expanded(&mut self, _: u32) -> Result<(), Stop> {
        Ok(())
    }

    fn bytes(&self) -> u64 {
        0 // The caller asks for all of them without a limit.
    }
}

/// A pass over all states.
struct Pass<'p, 'e> {
    numbered: &'p mut Numbered<'e>,
    visitor: &'p mut dyn Visit,
    sign: StopSign<'p>,
    most: u64,
    /// The state whose events are met.
    source: (u32, Vec<u64>),
}

impl Pass<'_, '_> {
    fn run<S: System, K: Keys>(&mut self, system: &S, set: &Set<K>) -> Result<(), Stop> {
        let end = set.table.end();
        if end.saturating_mul(4) > self.most {
            return Err(Stop::Memory);
        }
        self.numbered.numbers = filled(NONE, end as usize)?;
        let order = Order::new(system, set)?.with_events();
        let mut result = Ok(());
        let end = order.run(&mut |met| {
            result = self.meet(met);
            result.is_ok()
        });
        match end {
            End::Refused => Err(Stop::Memory),
            End::All | End::Visitor => result,
        }
    }

    fn meet(&mut self, met: Met<'_>) -> Result<(), Stop> {
        match met {
            Met::State { slot, state, from, .. } => {
                let number = self.numbered.depths.states as u32;
                self.numbered.numbers[slot as usize] = number;
                self.numbered.depths.add(from.map(|(source, _)| source.number));
                self.visitor.discovered(number, state)
            }
            Met::Expands { number, state } => {
                self.source.0 = number as u32;
                self.source.1.copy_from_slice(state);
                Ok(())
            }
            Met::Event { action, slot } => {
                let to = slot.map(|slot| self.numbered.numbers[slot as usize]);
                self.visitor.event(self.source.0, &self.source.1, action, to)
            }
            Met::Expanded => self.visitor.expanded(self.source.0),
            Met::Batch { bytes } => self.check(bytes),
            Met::Finding { .. } => Ok(()),
        }
    }

    fn check(&self, bytes: u64) -> Result<(), Stop> {
        if bytes + self.numbered.bytes() + self.visitor.bytes() > self.most {
            return Err(Stop::Memory);
        }
        self.sign.read().map_or(Ok(()), Err)
    }
}
