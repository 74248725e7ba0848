//! The explored graph once more, with what every event is an occurrence of.
//!
//! It is built after the exploration, by expanding every state again: so a spec without liveness properties pays
//! nothing, and the search knows nothing of it. 8 bytes per edge and 8 per state; edges that say the same count once.

use super::labels::Labels;
use crate::check::Options;
use crate::execute::Scratch;
use crate::machine::Machine;
use arch_explorer::fair::{Labelled, Search, UNLABELLED, Unit, Units};
use arch_explorer::graph::{Exploration, Store};
use arch_explorer::{Successors, System};
use arch_ir::fairness::FairUnit;
use arch_ir::report::Stop;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

/// States that a thread expands before its rows are put behind the others.
const CHUNK: u32 = 4096;

/// Bytes per state that judging takes beside the graph: regions, distances and paths, depths, cycles.
const JUDGING: u64 = 1 + 20 + 4 + 13;

/// The graph with the units of fairness.
pub(crate) struct FairGraph<'m> {
    pub(crate) graph: Labelled,
    pub(crate) units: Units,
    /// What each unit is.
    pub(crate) names: Vec<FairUnit>,
    labels: Labels<'m>,
    /// The labels of the graph, as `labels` numbers them.
    kept: Vec<u32>,
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
        explored: &Exploration<Scratch>,
        options: &Options,
        interrupt: &AtomicBool,
    ) -> Result<FairGraph<'m>, NoGraph> {
        let labels = Labels::new(machine).ok_or(NoGraph::TooManyBindings)?;
        check_memory(explored, options).map_err(NoGraph::Stopped)?;
        let states = explored.store.len() as u32;
        let mut graph = Labelled::with_capacity(states as usize, explored.transitions as usize);
        let mut workers: Vec<Worker> = (0..options.threads.max(1)).map(|_| Worker::new(machine)).collect();
        let mut next = 0;
        while next < states {
            options.stopped(interrupt).map_or(Ok(()), |s| Err(NoGraph::Stopped(s)))?;
            next = round(&mut workers, next..states, machine, &labels, &explored.store);
            workers.iter().for_each(|w| graph.append(&w.rows));
        }
        Ok(FairGraph::of(graph, labels))
    }

    /// Keeps only the labels that belong to units.
    fn of(mut graph: Labelled, labels: Labels<'m>) -> FairGraph<'m> {
        let mut used: Vec<u32> = graph.used_labels();
        used.sort_unstable();
        let program = labels.program();
        let mut units: BTreeMap<FairUnit, Vec<u32>> = BTreeMap::new();
        let mut kept = Vec::new();
        for label in used {
            let fair = program.fair_units(&labels.occurrence(label));
            if !fair.is_empty() {
                let number = kept.len() as u32;
                kept.push(label);
                fair.into_iter().for_each(|unit| units.entry(unit).or_default().push(number));
            }
        }
        graph.relabel(|label| kept.binary_search(&label).map_or(UNLABELLED, |i| i as u32));
        let unit =
            |(unit, labels): (&FairUnit, &Vec<u32>)| Unit { labels: labels.clone(), strong: unit.strong };
        let list = units.iter().map(unit).collect();
        FairGraph {
            units: Units::new(list, kept.len()),
            names: units.into_keys().collect(),
            graph,
            labels,
            kept,
        }
    }

    /// The first action of a state that an edge stands for.
    pub(crate) fn action(&self, machine: &Machine, store: &Store, from: u32, edge: u64) -> Option<u32> {
        let state = store.state(from);
        let successors = machine.successors(state, &mut machine.scratch());
        let (target, label) = (self.graph.target(edge), self.graph.label(edge));
        let found = successors.events().find(|(action, to)| {
            let of = self.labels.of(*action, state).and_then(|l| self.kept.binary_search(&l).ok());
            let same = of.map_or(UNLABELLED, |i| i as u32) == label;
            same && to.and_then(|words| store.index_of(words)) == Some(target)
        });
        found.map(|(action, _)| action)
    }
}

/// Whether a limit on memory leaves room for the graph and for judging it; the bound is the number of events.
fn check_memory(explored: &Exploration<Scratch>, options: &Options) -> Result<(), Stop> {
    let Some(most) = options.limits.max_memory else { return Ok(()) };
    let states = explored.store.len();
    let edges = explored.edges.as_ref().map_or(0, arch_explorer::Edges::bytes);
    let graph = 8 * (states as u64 + explored.transitions);
    let judging = Search::bytes_for(states) + JUDGING * states as u64;
    if explored.store.bytes() + edges + graph + judging > most { Err(Stop::Memory) } else { Ok(()) }
}

/// A thread's memory.
struct Worker {
    scratch: Scratch,
    out: Successors,
    rows: Labelled,
}

impl Worker {
    fn new(machine: &Machine) -> Worker {
        Worker {
            scratch: machine.scratch(),
            out: Successors::new(machine.words(), machine.actions()),
            rows: Labelled::default(),
        }
    }

    /// The rows of some states.
    fn expand(&mut self, states: Range<u32>, machine: &Machine, labels: &Labels<'_>, store: &Store) {
        self.rows.clear();
        for source in states {
            let state = store.state(source);
            self.out.clear();
            machine.expand(state, &mut self.scratch, &mut self.out);
            for (action, to) in self.out.events() {
                let label = labels.of(action, state).unwrap_or(UNLABELLED);
                // What exceeds a bound is enabled, and leads nowhere.
                let target = to.map_or(Some(source), |words| store.index_of(words));
                let Some(target) = target else { continue };
                let stutters = target == source && (to.is_some() || label == UNLABELLED);
                if !stutters {
                    self.rows.push_once(target, label);
                }
            }
            self.rows.close();
        }
    }
}

/// Expands a chunk with each worker; where the next round begins.
fn round(
    workers: &mut [Worker],
    states: Range<u32>,
    machine: &Machine,
    labels: &Labels<'_>,
    store: &Store,
) -> u32 {
    let chunk = |i: usize| {
        let start = states.start.saturating_add(i as u32 * CHUNK).min(states.end);
        start..start.saturating_add(CHUNK).min(states.end)
    };
    let last = chunk(workers.len() - 1).end;
    std::thread::scope(|scope| {
        let mut jobs = workers.iter_mut().enumerate();
        let own = jobs.next();
        for (i, worker) in jobs {
            let states = chunk(i);
            scope.spawn(move || worker.expand(states, machine, labels, store));
        }
        if let Some((i, worker)) = own {
            worker.expand(chunk(i), machine, labels, store);
        }
    });
    last
}
