//! Liveness: whether a fair behaviour stays for ever among states without what is to follow.
//!
//! What a behaviour is, and what is fair: `docs/internals/liveness.md`. The search itself is
//! `arch_explorer::fair`; here are the states that something is to follow, the units, and what is told of the result.

mod graph;
mod labels;
mod needs;

pub(crate) use labels::Labels;

use crate::check::{Options, explorer_limits, stop};
use crate::evidence::trace;
use crate::execute::Scratch;
use crate::machine::Machine;
use arch_explorer::fair::{Component, Lasso, Reached, Search, lasso};
use arch_explorer::{Exploration, Limits, Path, Target, paths};
use arch_ir::fairness::assumptions;
use arch_ir::report::{self, Liveness, PropertyVerdict, Stop, Trace, TraceStep, Treated};
use arch_ir::{PropertyId, PropertyKind};
use graph::{FairGraph, NoGraph, judging_bytes};
use std::cell::RefCell;
use std::sync::atomic::AtomicBool;

/// Why there is no verdict although the whole graph is known.
const TOO_MANY_BINDINGS: &str = "the roles of a run can be bound in too many ways";

/// Components that are kept to make a short behaviour from.
const KEPT: usize = 64;

/// What was found of a liveness property.
pub(crate) struct Judged {
    pub(crate) verdict: PropertyVerdict,
    pub(crate) trace: Option<Trace>,
    pub(crate) liveness: Option<Liveness>,
}

/// Judges the liveness properties of an explored program.
pub(crate) struct Judge<'a> {
    machine: &'a Machine,
    explored: &'a Exploration<Scratch>,
    options: &'a Options,
    interrupt: &'a AtomicBool,
    fair: Result<FairGraph<'a>, NoGraph>,
    /// The limit that was reached, if one was.
    stop: RefCell<Option<Stop>>,
}

/// The region of one combination: where behaviours could stay, and how it is reached.
struct Region {
    reached: Reached,
    /// Whether there is a state that something is to follow.
    due: bool,
    /// Of `eventually`: whether every initial state satisfies it.
    at_once: bool,
}

impl<'a> Judge<'a> {
    /// None if there is no liveness property, or the graph is not whole.
    pub(crate) fn new(
        machine: &'a Machine,
        explored: &'a Exploration<Scratch>,
        complete: bool,
        options: &'a Options,
        interrupt: &'a AtomicBool,
    ) -> Option<Judge<'a>> {
        if !complete || !machine.program().properties.iter().any(|p| p.kind.is_liveness()) {
            return None;
        }
        let fair = FairGraph::build(machine, explored, options, interrupt).and_then(|fair| {
            if is_refused(judging_bytes(explored.states)) {
                Err(NoGraph::Stopped(Stop::Memory))
            } else {
                Ok(fair)
            }
        });
        let stop = match &fair {
            Err(NoGraph::Stopped(stop)) => Some(*stop),
            _ => None,
        };
        Some(Judge { machine, explored, options, interrupt, fair, stop: RefCell::new(stop) })
    }

    /// The limit that was reached while judging, if one was.
    pub(crate) fn stop(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Judges a liveness property.
    pub(crate) fn property(&self, id: PropertyId) -> Judged {
        let fair = match &self.fair {
            Ok(fair) => fair,
            Err(NoGraph::Stopped(_)) => return open(PropertyVerdict::Inconclusive),
            Err(NoGraph::TooManyBindings) => return open(PropertyVerdict::NotChecked(TOO_MANY_BINDINGS)),
        };
        let active = vec![true; fair.names.len()];
        let mut search = Search::new(&fair.graph, &fair.units);
        let (mut vacuous, mut at_once) = (true, true);
        let mut shortest: Option<(usize, Lasso)> = None;
        for combination in self.machine.live_combinations(id) {
            if let Some(stop) = self.options.stopped(self.interrupt) {
                self.stop.replace(Some(stop));
                return open(PropertyVerdict::Inconclusive);
            }
            let region = self.region(fair, id, combination);
            vacuous &= !region.due;
            at_once &= region.at_once;
            let kept = nearest(&mut search, &region.reached, &active);
            if let Some(lasso) = lasso::short(&fair.graph, &fair.units, &active, &region.reached, &kept) {
                let steps = fair.numbered.depth(lasso.start) as usize + lasso.steps();
                if shortest.as_ref().is_none_or(|(least, _)| steps < *least) {
                    shortest = Some((steps, lasso));
                }
            }
        }
        drop(search);
        if let Some((_, lasso)) = shortest {
            return self.violated(fair, &lasso);
        }
        // Who wants to know what is violated does not ask on what the rest depends.
        let needs = self.options.limits.enough.is_none().then(|| self.needs(fair, id));
        let assumed = assumptions(&fair.names);
        let liveness = Liveness { vacuous, at_once, assumed, needs, lasso: None };
        Judged { verdict: PropertyVerdict::Holds, trace: None, liveness: Some(liveness) }
    }

    /// The states that are reached, without what is to follow, from those that it is to follow.
    fn region(&self, fair: &FairGraph<'_>, id: PropertyId, combination: usize) -> Region {
        let initially = matches!(self.machine.program().properties[id].kind, PropertyKind::Eventually(_));
        let (numbered, goal) = (&fair.numbered, fair.goal(combination));
        let last = if initially { numbered.initial() } else { numbered.states() };
        let (mut starts, mut any) = (Vec::new(), false);
        for state in (0..last).filter(|s| fair.is_due(combination, *s)) {
            any = true;
            if !goal(state) {
                starts.push((state, numbered.depth(state)));
            }
        }
        let reached = Reached::from(&fair.graph, &starts, |s| !goal(s));
        Region { reached, due: any, at_once: initially && starts.is_empty() }
    }

    fn violated(&self, fair: &FairGraph<'_>, lasso: &Lasso) -> Judged {
        let mut liveness = Liveness { assumed: assumptions(&fair.names), ..Liveness::default() };
        let Some(path) = self.path_to(fair, lasso.start) else {
            return Judged { verdict: PropertyVerdict::Violated, trace: None, liveness: Some(liveness) };
        };
        let mut trace = trace(self.machine, &path);
        let mut at = path.steps.into_iter().last().and_then(|(_, to)| to).unwrap_or(path.initial);
        let mut number = lasso.start;
        for edge in &lasso.path {
            at = self.follow(fair, at, *edge, &mut trace);
            number = fair.graph.target(*edge);
        }
        let back_to = trace.steps.len() as u32;
        let treated = treated(fair, number, &lasso.cycle, back_to);
        for edge in &lasso.cycle {
            at = self.follow(fair, at, *edge, &mut trace);
        }
        liveness.lasso = Some(report::Lasso { back_to, treated });
        Judged { verdict: PropertyVerdict::Violated, trace: Some(trace), liveness: Some(liveness) }
    }

    /// A shortest path to a state; none when a limit is in the way.
    fn path_to(&self, fair: &FairGraph<'_>, state: u32) -> Option<Path> {
        let limits = explorer_limits(self.machine, self.options);
        let max_memory = limits.max_memory.map(|most| most.saturating_sub(fair.bytes()));
        let limits = Limits { max_memory, ..limits };
        let found = fair.numbered.marks(state).and_then(|marks| {
            let target = [Target::State(vec![&marks])];
            paths(self.machine, self.explored, &target, &limits, self.interrupt)
        });
        match found {
            Ok(mut paths) => paths.pop().flatten(),
            Err(limit) => {
                self.stop.replace(Some(stop(limit)));
                None
            }
        }
    }

    /// Adds the event of an edge to a trace; where it leads.
    fn follow(&self, fair: &FairGraph<'_>, from: Vec<u64>, edge: u64, trace: &mut Trace) -> Vec<u64> {
        let Some((action, to)) = fair.event(self.machine, &from, edge) else {
            debug_assert!(false, "every edge is an event");
            return from;
        };
        let event = self.machine.event(action, &from);
        trace.steps.push(TraceStep { event, state: Some(self.machine.decode(&to)), excess: None });
        to
    }
}

/// Whether the system refuses so much memory. Judging takes it in many pieces, none of which can be refused.
fn is_refused(bytes: u64) -> bool {
    Vec::<u8>::new().try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX)).is_err()
}

fn open(verdict: PropertyVerdict) -> Judged {
    Judged { verdict, trace: None, liveness: None }
}

/// The fair components that are reached first.
pub(crate) fn nearest(search: &mut Search<'_>, reached: &Reached, active: &[bool]) -> Vec<Component> {
    let mut kept: Vec<(u32, Component)> = Vec::new();
    search.fair(&reached.states, active, &mut |component| {
        let distance = component.states.iter().map(|s| reached.distance(*s)).min().unwrap_or(u32::MAX);
        let at = kept.partition_point(|(d, c)| (*d, &c.states) < (distance, &component.states));
        kept.insert(at, (distance, component));
        kept.truncate(KEPT);
        true
    });
    kept.into_iter().map(|(_, c)| c).collect()
}

/// For every unit that is enabled in a cycle, why it is treated fairly there.
fn treated(fair: &FairGraph<'_>, start: u32, cycle: &[u64], back_to: u32) -> Vec<Treated> {
    let states: Vec<u32> =
        std::iter::once(start).chain(cycle.iter().map(|e| fair.graph.target(*e))).collect();
    let enabled =
        |unit: u32, state: u32| fair.graph.of(state).any(|(_, label)| fair.units.of(label).contains(&unit));
    let taken = |unit: u32| cycle.iter().position(|e| fair.units.of(fair.graph.label(*e)).contains(&unit));
    let units = 0..fair.names.len() as u32;
    units
        .filter(|u| states.iter().any(|s| enabled(*u, *s)))
        .map(|u| Treated {
            unit: fair.names[u as usize].clone(),
            taken: taken(u).map(|i| back_to + 1 + i as u32),
            disabled: states.iter().position(|s| !enabled(u, *s)).map(|i| back_to + i as u32),
        })
        .collect()
}
