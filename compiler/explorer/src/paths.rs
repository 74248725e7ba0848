//! Shortest paths to what a search found, without anything having been stored for them.
//!
//! The search is run once more in the order of one thread ([`crate::order`]) up to where the findings are, this time
//! with a log of where each state comes from. So a path is the one that a plain breadth-first search finds
//! first: among the shortest, the first when paths are compared by initial state and then action by action.
//! When there is no memory for the log, the search is run again for every step of the way back.

use crate::bits::Bits;
use crate::keys::Keys;
use crate::limits::{Limits, Stop, StopSign};
use crate::memory::push;
use crate::order::{Depths, End, Met, Order, Source};
use crate::search::Exploration;
use crate::successors::Successors;
use crate::system::System;
use crate::trail::Trail;
use crate::visited::{Kind, Set, Visited};
use std::sync::atomic::AtomicBool;

/// What a path leads to.
#[derive(Debug)]
pub enum Target<'a> {
    /// The first of some findings.
    Finding(Vec<u32>),
    /// The first of some states, which are marked in any of these.
    State(Vec<&'a Marks>),
}

/// Some of the states that a search found.
#[derive(Debug)]
pub struct Marks(pub(crate) Bits);

/// A shortest path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// The initial state.
    pub initial: Vec<u64>,
    /// The actions with the states that they lead to; only the last may lead to none.
    pub steps: Vec<(u32, Option<Vec<u64>>)>,
}

/// Where a target was met: at a state, or at an event of it.
#[derive(Clone, Copy, Debug)]
struct Place {
    source: Source,
    /// The events from there to the target: at most one.
    action: Option<u32>,
}

/// Finds a shortest path to each target, none where it is not met. Limits of memory are for the set of states and what
/// is needed here together.
///
/// # Errors
///
/// When it is too late, the caller interrupts, or there is no memory.
pub fn paths<S: System, T>(
    system: &S,
    explored: &Exploration<T>,
    targets: &[Target<'_>],
    limits: &Limits,
    interrupt: &AtomicBool,
) -> Result<Vec<Option<Path>>, Stop> {
    let most = limits.max_memory.unwrap_or(u64::MAX).saturating_sub(explored.statistics.visited_bytes);
    let most = most.saturating_sub(explored.trail.bytes());
    let (found, trail) = (&explored.found, &explored.trail);
    let (targets, sign): (Vec<&Target<'_>>, _) = (targets.iter().collect(), StopSign { limits, interrupt });
    let finder = |targets| Finder { system, found, trail, targets, most, sign };
    match &explored.visited {
        Visited(Kind::Nothing) => Ok(vec![None; targets.len()]),
        Visited(Kind::Packed(set)) => finder(targets).paths(set),
        Visited(Kind::Tree(set)) => finder(targets).paths(set),
        Visited(Kind::Fingerprints(set)) => finder(targets).paths(set),
    }
}

struct Finder<'a, S> {
    system: &'a S,
    /// For each finding how many events lead to it.
    found: &'a [Option<u32>],
    trail: &'a Trail,
    targets: Vec<&'a Target<'a>>,
    most: u64,
    sign: StopSign<'a>,
}

/// For each state where it comes from: the number of a state and an action.
type Log = Vec<(u32, u32)>;

/// The number or the key of a state, and the actions on the way from there.
type Way = (u64, Vec<u32>);

/// Where initial states come from.
const NOWHERE: u32 = u32::MAX;

impl<S: System> Finder<'_, S> {
    fn paths<K: Keys>(mut self, set: &Set<K>) -> Result<Vec<Option<Path>>, Stop> {
        let mut ways = self.trailed();
        let open: Vec<usize> = (0..ways.len()).filter(|i| ways[*i].is_none()).collect();
        self.targets = open.iter().map(|i| self.targets[*i]).collect();
        open.iter().zip(self.searched(set)?).for_each(|(i, way)| ways[*i] = way);
        Ok(ways.into_iter().map(|way| Some(self.replay(way?))).collect())
    }

    /// The ways on the trail.
    fn trailed(&self) -> Vec<Option<Way>> {
        let way = |target: &&Target<'_>| match target {
            Target::Finding(any) => self.trail.way(any, self.length(target)?),
            Target::State(_) => None,
        };
        self.targets.iter().map(way).collect()
    }

    /// The ways by searching once more.
    fn searched<K: Keys>(&self, set: &Set<K>) -> Result<Vec<Option<Way>>, Stop> {
        let mut log = Some(Log::new());
        let places = self.places(set, &mut log)?;
        match &log {
            Some(log) => Ok(places.iter().map(|p| p.map(|place| from_log(log, place))).collect()),
            None => self.step_by_step(set, &places),
        }
    }

    /// Where the targets are met first. The log is dropped when there is no memory for it.
    fn places<K: Keys>(&self, set: &Set<K>, log: &mut Option<Log>) -> Result<Vec<Option<Place>>, Stop> {
        let mut places: Vec<Option<Place>> = self.targets.iter().map(|_| None).collect();
        let mut depths = Depths::default();
        let lengths: Vec<Option<u32>> = self.targets.iter().map(|t| self.length(t)).collect();
        let wanted = |(target, length): &(&&Target<'_>, &Option<u32>)| {
            matches!(target, Target::State(_)) || length.is_some()
        };
        let mut left = self.targets.iter().zip(&lengths).filter(wanted).count();
        if left == 0 {
            return Ok(places);
        }
        let order = Order::new(self.system, set).map_err(|_| Stop::Memory)?;
        let mut fixed = order.bytes();
        let mut stop = None;
        let end = order.run(&mut |met| {
            let mut place = |is: &dyn Fn(&Target<'_>, Option<u32>) -> bool, new: Place| {
                for ((target, length), place) in self.targets.iter().zip(&lengths).zip(&mut places) {
                    if place.is_none() && is(target, *length) {
                        *place = Some(new);
                        left -= 1;
                    }
                }
            };
            match met {
                Met::State { slot, key, from, found, .. } => {
                    let source = Source { number: depths.states, key };
                    let length = depths.add(from.map(|(source, _)| source.number));
                    self.record(log, from, fixed);
                    let is = |target: &Target<'_>, shortest| match target {
                        Target::Finding(any) => {
                            shortest == Some(length) && found.iter().any(|f| any.contains(f))
                        }
                        Target::State(marks) => marks.iter().any(|m| m.0.has(slot)),
                    };
                    place(&is, Place { source, action: None });
                }
                Met::Finding { finding, source, action } => {
                    let length = depths.of(source.number) + u32::from(action.is_some());
                    let is = |target: &Target<'_>, shortest| {
                        matches!(target, Target::Finding(any) if any.contains(&finding))
                            && shortest == Some(length)
                    };
                    place(&is, Place { source, action });
                }
                Met::Batch { bytes } => {
                    fixed = bytes;
                    stop = self.stop(log, bytes);
                }
                Met::Expands { .. } | Met::Event { .. } | Met::Expanded => {}
            }
            left > 0 && stop.is_none()
        });
        match (end, stop) {
            (End::Refused, _) => Err(Stop::Memory),
            (_, Some(stop)) => Err(stop),
            _ => Ok(places),
        }
    }

    /// How many events lead to a target.
    fn length(&self, target: &Target<'_>) -> Option<u32> {
        match target {
            Target::Finding(any) => any.iter().filter_map(|f| self.found[*f as usize]).min(),
            Target::State(_) => None,
        }
    }

    /// Why to give up, if so; the log is dropped when there is no memory for both.
    fn stop(&self, log: &mut Option<Log>, bytes: u64) -> Option<Stop> {
        let logged = log.as_ref().map_or(0, |log| log.capacity() * size_of::<(u32, u32)>()) as u64;
        if bytes + logged > self.most {
            *log = None;
        }
        if bytes > self.most { Some(Stop::Memory) } else { self.sign.read() }
    }

    /// Records where a state comes from, if there is memory.
    fn record(&self, log: &mut Option<Log>, from: Option<(Source, u32)>, fixed: u64) {
        let Some(list) = log else { return };
        let number = from.map_or(Some(NOWHERE), |(source, _)| u32::try_from(source.number).ok());
        let entry = number.map(|number| (number, from.map_or(0, |(_, action)| action)));
        let grown = if list.len() == list.capacity() { list.len() * 3 + 1024 } else { 0 };
        let fits = (grown * size_of::<(u32, u32)>()) as u64 + fixed <= self.most;
        if !entry.is_some_and(|entry| fits && push(list, entry).is_ok()) {
            *log = None;
        }
    }

    /// The actions on the way to each place, found one by one from the last: each time the search is run to where
    /// the states on the ways are met first.
    fn step_by_step<K: Keys>(
        &self,
        set: &Set<K>,
        places: &[Option<Place>],
    ) -> Result<Vec<Option<Way>>, Stop> {
        let mut ways: Vec<Option<Way>> = places
            .iter()
            .map(|p| p.map(|place| (place.source.key, place.action.into_iter().collect())))
            .collect();
        let mut open: Vec<bool> = ways.iter().map(Option::is_some).collect();
        while open.contains(&true) {
            let order = Order::new(self.system, set).map_err(|_| Stop::Memory)?;
            let mut waiting = open.clone();
            let mut stop = None;
            let end = order.run(&mut |met| {
                if let Met::Batch { bytes } = met {
                    stop = self.stop(&mut None, bytes);
                }
                if let Met::State { key, from, .. } = met {
                    for (i, way) in ways.iter_mut().enumerate() {
                        let Some((at, actions)) = way else { continue };
                        if waiting[i] && *at == key {
                            waiting[i] = false;
                            match from {
                                Some((source, action)) => {
                                    *at = source.key;
                                    actions.push(action);
                                }
                                None => open[i] = false,
                            }
                        }
                    }
                }
                stop.is_none() && waiting.contains(&true)
            });
            match (end, stop) {
                (End::Refused, _) => return Err(Stop::Memory),
                (_, Some(stop)) => return Err(stop),
                _ => {}
            }
        }
        let mut local = set.keys.local();
        // The number of an initial state among the distinct ones.
        let mut number_of = |wanted: u64| {
            let is = |_, state: &[u64]| set.keys.find(state, &mut local) == Some(wanted);
            first_initial(self.system, is).map_or(0, |(number, _)| number)
        };
        Ok(ways
            .into_iter()
            .map(|way| {
                way.map(|(key, mut actions)| {
                    actions.reverse();
                    (number_of(key), actions)
                })
            })
            .collect())
    }

    /// The states on the way from an initial state, by number.
    fn replay(&self, (initial, actions): Way) -> Path {
        let initial = first_initial(self.system, |number, _| number == initial)
            .map(|(_, state)| state)
            .unwrap_or_default();
        let mut scratch = self.system.scratch();
        let mut out = Successors::new(initial.len(), self.system.actions());
        let mut state = initial.clone();
        let mut steps = Vec::new();
        for action in actions {
            out.clear();
            self.system.expand(&state, &mut scratch, &mut out);
            let led = out.events().find(|(a, _)| *a == action).and_then(|(_, to)| to.map(<[u64]>::to_vec));
            if let Some(next) = &led {
                state.clone_from(next);
            }
            steps.push((action, led));
        }
        Path { initial, steps }
    }
}

/// The first initial state of which `is` says so, with its number among the distinct ones.
pub(crate) fn first_initial<S: System>(
    system: &S,
    mut is: impl FnMut(u64, &[u64]) -> bool,
) -> Option<(u64, Vec<u64>)> {
    let mut seen = std::collections::BTreeSet::new();
    let mut result = None;
    system.initial(&mut |state| {
        let number = seen.len() as u64;
        if seen.insert(state.to_vec()) && is(number, state) {
            result = Some((number, state.to_vec()));
        }
        result.is_none()
    });
    result
}

/// The actions on the way to a place: the number of an initial state, and the rest.
fn from_log(log: &Log, place: Place) -> Way {
    let mut actions: Vec<u32> = place.action.into_iter().collect();
    let mut at = place.source.number as usize;
    while log[at].0 != NOWHERE {
        actions.push(log[at].1);
        at = log[at].0 as usize;
    }
    actions.reverse();
    (at as u64, actions)
}
