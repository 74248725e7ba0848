//! The states of a finished search as a graph, with what every event is an occurrence of and what liveness properties say
//! of every state.
//!
//! It is built after the search, by expanding every state once more in the order of discovery: so a spec without
//! liveness properties pays nothing, the search knows nothing of it, and no state is kept whole. 6 bytes per edge, 8 per
//! state and 4 per slot of the visited set; edges that say the same count once.

use super::labels::Labels;
use crate::check::Options;
use crate::check::{explorer_limits, stop};
use crate::execute::Scratch;
use crate::machine::Machine;
use arch_explorer::fair::{Labelled, MOST_LABELS, Search, UNLABELLED, Unit, Units};
use arch_explorer::numbered::{Numbered, Visit};
use arch_explorer::{Exploration, Limits, System};
use arch_ir::fairness::FairUnit;
use arch_ir::report::Stop;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

/// Bytes per state that judging takes beside the graph: regions, distances and paths, cycles, parts of regions.
const JUDGING: u64 = 1 + 20 + 13 + super::needs::PARTS;

/// Bytes that judging so many states takes beside the graph.
pub(crate) fn judging_bytes(states: u64) -> u64 {
    Search::bytes_for(states as usize) + JUDGING * states
}

/// The graph with the units of fairness.
pub(crate) struct FairGraph<'m> {
    pub(crate) graph: Labelled,
    pub(crate) units: Units,
    /// What each unit is.
    pub(crate) names: Vec<FairUnit>,
    pub(crate) numbered: Numbered<'m>,
    /// For each combination that is judged: which states it is due in, and which are what is to follow.
    live: BTreeMap<usize, (Flags, Flags)>,
    labels: Occurrences<'m>,
}

/// Why there is no graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoGraph {
    /// A limit.
    Stopped(Stop),
    /// There are too many bindings of roles.
    TooManyBindings,
}

impl<'m> FairGraph<'m> {
    pub(crate) fn build(
        machine: &'m Machine,
        explored: &'m Exploration<Scratch>,
        options: &Options,
        interrupt: &AtomicBool,
    ) -> Result<FairGraph<'m>, NoGraph> {
        let stopped = |limit| NoGraph::Stopped(stop(limit));
        let labels = Labels::new(machine).ok_or(NoGraph::TooManyBindings)?;
        let mut builder = Builder::new(machine, labels, explored).map_err(stopped)?;
        let judging = judging_bytes(explored.states);
        let limits = explorer_limits(machine, options);
        let limits = Limits { max_memory: limits.max_memory.map(|m| m.saturating_sub(judging)), ..limits };
        let numbered = Numbered::visit(machine, explored, &limits, interrupt, &mut builder);
        if builder.labels.too_many {
            return Err(NoGraph::TooManyBindings);
        }
        Ok(builder.finish(numbered.map_err(stopped)?))
    }

    /// Whether something is to follow a state, for a combination of a liveness property.
    pub(crate) fn is_due(&self, combination: usize, state: u32) -> bool {
        self.live.get(&combination).is_some_and(|(due, _)| due.has(state))
    }

    /// The states that are what is to follow.
    pub(crate) fn goal(&self, combination: usize) -> impl Fn(u32) -> bool + '_ {
        let live = self.live.get(&combination);
        move |state| live.is_some_and(|(_, goal)| goal.has(state))
    }

    /// The first event of a state that an edge stands for: its action and where it leads.
    pub(crate) fn event(&self, machine: &Machine, state: &[u64], edge: u64) -> Option<(u32, Vec<u64>)> {
        let successors = machine.successors(state, &mut machine.scratch());
        let (target, label) = (self.graph.target(edge), self.graph.label(edge));
        let found = successors.events().find(|(action, to)| {
            let of = self.labels.known(*action, state);
            of == label && to.and_then(|words| self.numbered.number(words)) == Some(target)
        });
        found.and_then(|(action, to)| Some((action, to?.to_vec())))
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.graph.bytes() + self.numbered.bytes() + flags_bytes(&self.live)
    }
}

fn flags_bytes(live: &BTreeMap<usize, (Flags, Flags)>) -> u64 {
    live.values().map(|(due, goal)| (due.0.len() + goal.0.len()) as u64 * 8).sum()
}

/// A bit for each state.
struct Flags(Vec<u64>);

impl Flags {
    fn new(states: usize) -> Result<Flags, arch_explorer::Stop> {
        let mut words = Vec::new();
        words.try_reserve_exact(states.div_ceil(64)).map_err(|_| arch_explorer::Stop::Memory)?;
        words.resize(states.div_ceil(64), 0);
        Ok(Flags(words))
    }

    fn add(&mut self, state: u32) {
        self.0[state as usize / 64] |= 1 << (state % 64);
    }

    fn has(&self, state: u32) -> bool {
        self.0[state as usize / 64] >> (state % 64) & 1 != 0
    }
}

/// The occurrences that are treated fairly, numbered as they come.
struct Occurrences<'m> {
    labels: Labels<&'m Machine>,
    /// For each occurrence that was met its number, if it is treated fairly.
    numbers: HashMap<u32, u32>,
    units: BTreeMap<FairUnit, Vec<u32>>,
    count: u32,
    too_many: bool,
}

impl Occurrences<'_> {
    /// The number of what an action of a state is an occurrence of.
    fn number(&mut self, action: u32, state: &[u64]) -> u32 {
        let Some(label) = self.labels.of(action, state) else { return UNLABELLED };
        if let Some(number) = self.numbers.get(&label) {
            return *number;
        }
        let fair = self.labels.program().fair_units(&self.labels.occurrence(label));
        let number = if fair.is_empty() { UNLABELLED } else { self.count };
        if number == MOST_LABELS {
            self.too_many = true;
            return UNLABELLED;
        }
        self.count += u32::from(number != UNLABELLED);
        fair.into_iter().for_each(|unit| self.units.entry(unit).or_default().push(number));
        self.numbers.insert(label, number);
        number
    }

    /// The same of an event that was met.
    fn known(&self, action: u32, state: &[u64]) -> u32 {
        let label = self.labels.of(action, state);
        label.and_then(|label| self.numbers.get(&label)).copied().unwrap_or(UNLABELLED)
    }
}

/// A graph that is being built.
struct Builder<'m> {
    machine: &'m Machine,
    scratch: Scratch,
    graph: Labelled,
    live: BTreeMap<usize, (Flags, Flags)>,
    labels: Occurrences<'m>,
}

impl<'m> Builder<'m> {
    fn new(
        machine: &'m Machine,
        labels: Labels<&'m Machine>,
        explored: &Exploration<Scratch>,
    ) -> Result<Builder<'m>, arch_explorer::Stop> {
        let (states, edges) = (explored.states as usize, explored.transitions as usize);
        let properties = machine.program().properties.iter_enumerated();
        let live = properties.filter(|(_, p)| p.kind.is_liveness());
        let combinations: BTreeSet<usize> = live.flat_map(|(id, _)| machine.live_combinations(id)).collect();
        let flags = |c: usize| Ok((c, (Flags::new(states)?, Flags::new(states)?)));
        Ok(Builder {
            machine,
            scratch: machine.scratch(),
            graph: Labelled::with_room(states, edges).map_err(|_| arch_explorer::Stop::Memory)?,
            live: combinations.into_iter().map(flags).collect::<Result<_, arch_explorer::Stop>>()?,
            labels: Occurrences {
                labels,
                numbers: HashMap::new(),
                units: BTreeMap::new(),
                count: 0,
                too_many: false,
            },
        })
    }

    fn finish(self, numbered: Numbered<'m>) -> FairGraph<'m> {
        let units = &self.labels.units;
        let unit =
            |(unit, labels): (&FairUnit, &Vec<u32>)| Unit { labels: labels.clone(), strong: unit.strong };
        FairGraph {
            units: Units::new(units.iter().map(unit).collect(), self.labels.count as usize),
            names: units.keys().cloned().collect(),
            graph: self.graph,
            numbered,
            live: self.live,
            labels: self.labels,
        }
    }
}

impl Visit for Builder<'_> {
    fn discovered(&mut self, number: u32, state: &[u64]) -> Result<(), arch_explorer::Stop> {
        let known = self.machine.live(state, &mut self.scratch);
        for (combination, (due, goal)) in &mut self.live {
            let (is_due, is_goal) = known(*combination);
            if is_due {
                due.add(number);
            }
            if is_goal {
                goal.add(number);
            }
        }
        Ok(())
    }

    fn event(
        &mut self,
        number: u32,
        state: &[u64],
        action: u32,
        to: Option<u32>,
    ) -> Result<(), arch_explorer::Stop> {
        let label = self.labels.number(action, state);
        // What exceeds a bound is enabled, and leads nowhere.
        let target = to.unwrap_or(number);
        let stutters = target == number && (to.is_some() || label == UNLABELLED);
        if !stutters {
            self.graph.push_once(target, label);
        }
        Ok(())
    }

    fn expanded(&mut self, _: u32) -> Result<(), arch_explorer::Stop> {
        self.graph.close();
        if self.labels.too_many { Err(arch_explorer::Stop::Memory) } else { Ok(()) }
    }

    fn bytes(&self) -> u64 {
        self.graph.bytes() + flags_bytes(&self.live)
    }
}
