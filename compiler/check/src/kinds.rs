//! What two machines of one layout do in a state, compared event by event.

use crate::machine::Machine;
use arch_explorer::{Found, Successors};
use arch_ir::Event;
use std::collections::BTreeMap;

/// Numbers for events that are the same, whatever the numbers of their actions.
#[derive(Debug, Default)]
pub(crate) struct Kinds(BTreeMap<Event, u32>);

impl Kinds {
    fn number(&mut self, event: Event) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(event).or_insert(next)
    }

    /// For each action of a machine what it is.
    pub(crate) fn of(&mut self, machine: &Machine) -> Vec<u32> {
        (0..machine.actions() as u32).map(|a| self.number(machine.template(a))).collect()
    }
}

/// What a machine does in a state.
#[derive(Clone, Copy)]
pub(crate) struct Does<'a> {
    /// What each of its actions is.
    pub(crate) kinds: &'a [u32],
    /// Its events and what was found on them.
    pub(crate) events: &'a Successors,
}

impl<'a> Does<'a> {
    /// The events of some actions: what they are, and where they lead.
    fn leads(self, actions: impl Fn(u32) -> bool) -> impl Iterator<Item = (u32, Option<&'a [u64]>)> {
        self.events
            .events()
            .filter(move |(a, _)| actions(*a))
            .map(move |(a, to)| (self.kinds[a as usize], to))
    }

    /// What was found on the events of some actions.
    fn found(self, actions: impl Fn(u32) -> bool) -> impl Iterator<Item = (u32, u32)> {
        let found = |f: &Found| f.action.map(|a| (a, f.finding));
        let all = self.events.found().iter().filter_map(found);
        all.filter(move |(a, _)| actions(*a)).map(move |(a, f)| (self.kinds[a as usize], f))
    }

    /// Whether the actions of these that are `touched` do something else than all of another machine do.
    pub(crate) fn differs(self, touched: &[bool], other: Does<'_>) -> bool {
        let touched = |a: u32| touched[a as usize];
        !self.leads(touched).eq(other.leads(|_| true)) || !self.found(touched).eq(other.found(|_| true))
    }

    /// Whether the actions of these that are `touched` do something.
    pub(crate) fn acts(self, touched: &[bool]) -> bool {
        let touched = |a: u32| touched[a as usize];
        self.leads(touched).next().is_some() || self.found(touched).next().is_some()
    }
}
