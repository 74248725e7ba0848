//! What an exploration says of everything that is judged by it, with a shortest path to what is shown: the same from
//! the lean search as from the graph.

use crate::check::{Options, stop};
use crate::execute::Scratch;
use crate::machine::{Finding, Goal, Machine};
use crate::symmetry::Quotient;
use crate::symmetry::goals::{orbits, unable as unable_in_quotient};
use arch_explorer::goals::unable;
use arch_explorer::{Backward, Exploration, Goals, Limits, Path, System, Target, graph, paths};
use arch_ir::PropertyId;
use arch_ir::report::{Stop, Trace, TraceStep};
use std::sync::atomic::AtomicBool;

/// What goals are judged together: those of a property, or (none) that runs are finished.
pub(crate) type GoalKind = Option<PropertyId>;

fn kind_of(goal: &Goal) -> GoalKind {
    match goal {
        Goal::Possible(property, _) => Some(*property),
        Goal::Finished(_) => None,
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The first initial state.
    first: Option<Vec<u64>>,
    /// For each finding whether it was made.
    made: Vec<bool>,
    /// For each finding a path to it, if it is shown.
    paths: Vec<Option<Path>>,
    /// Goals that are out of reach of a state that must be able to reach them, with a path to such a state.
    unable: Vec<(GoalKind, Option<Path>)>,
    /// Whether all goals were looked at.
    pub(crate) goals_known: bool,
    /// The limit that was reached after the exploration, if one was.
    pub(crate) stop: Option<Stop>,
}

impl Evidence {
    /// From a graph: of the machine, or of its quotient.
    pub(crate) fn of_graph(
        machine: &Machine,
        quotient: Option<&Quotient<'_>>,
        explored: &graph::Exploration<Scratch>,
        options: &Options,
        interrupt: &AtomicBool,
    ) -> Evidence {
        let graph = Graph { machine, quotient, explored };
        let found: Vec<_> = (0..explored.found.len()).map(|f| graph.found(f)).collect();
        let path =
            |(number, found): (usize, &Option<graph::Finding>)| Some(graph.path(found.as_ref()?, number));
        let unable = graph.unable(&|| options.stopped(interrupt));
        let end = |state: u32| graph.path(&graph::Finding { state, action: None }, 0);
        Evidence {
            first: (!explored.store.is_empty()).then(|| explored.store.state(0).to_vec()),
            made: found.iter().map(Option::is_some).collect(),
            paths: found.iter().enumerate().map(path).collect(),
            goals_known: explored.stopped.is_none() && unable.is_ok(),
            stop: unable.as_ref().err().copied(),
            unable: unable.unwrap_or_default().into_iter().map(|(kind, s)| (kind, Some(end(s)))).collect(),
        }
    }

    /// From a search: goals are looked at and paths are found now, within limits.
    pub(crate) fn of_search(
        machine: &Machine,
        explored: &Exploration<Scratch>,
        limits: &Limits,
        interrupt: &AtomicBool,
    ) -> Evidence {
        let mut evidence = Evidence {
            first: explored.first.clone(),
            made: explored.found.iter().map(Option::is_some).collect(),
            ..Evidence::default()
        };
        let mut marks = Vec::new();
        if explored.stopped.is_none() {
            match unable(machine, explored, limits, interrupt) {
                Ok(list) => (marks, evidence.goals_known) = (list, true),
                Err(limit) => evidence.stop = Some(stop(limit)),
            }
        }
        let mut kinds: Vec<GoalKind> = Vec::new();
        for (goal, mark) in machine.goals().iter().zip(&marks) {
            if mark.is_some() && !kinds.contains(&kind_of(goal)) {
                kinds.push(kind_of(goal));
            }
        }
        let of_kind = |kind: &GoalKind| {
            let marked = machine.goals().iter().zip(&marks).filter(|(goal, _)| kind_of(goal) == *kind);
            Target::State(marked.filter_map(|(_, marks)| marks.as_ref()).collect())
        };
        let shown = evidence.shown(machine);
        let findings = shown.iter().map(|f| Target::Finding(*f));
        let targets: Vec<Target<'_>> = findings.chain(kinds.iter().map(of_kind)).collect();
        // Who has waited long enough for the search still wants to see what it found.
        let never = AtomicBool::new(false);
        let interrupt =
            if explored.stopped == Some(arch_explorer::Stop::Interrupted) { &never } else { interrupt };
        let mut found = match paths(machine, explored, &targets, limits.max_memory, interrupt) {
            Ok(found) => found.into_iter(),
            Err(limit) => {
                evidence.stop = evidence.stop.or(Some(stop(limit)));
                Vec::new().into_iter()
            }
        };
        evidence.paths = vec![None; evidence.made.len()];
        shown.iter().for_each(|f| evidence.paths[*f as usize] = found.next().flatten());
        evidence.unable = kinds.into_iter().map(|kind| (kind, found.next().flatten())).collect();
        evidence
    }

    /// The findings to which paths are shown: all that were made, but of examples the first, and of quiet properties none.
    fn shown(&self, machine: &Machine) -> Vec<u32> {
        let wanted: Vec<u32> = machine
            .program()
            .properties
            .iter_enumerated()
            .filter_map(|(id, _)| self.wanted(machine, id).first().copied())
            .collect();
        let quiet = |p: PropertyId| machine.program().properties[p].quiet;
        let is = |f: u32| match machine.findings()[f as usize] {
            Finding::Violated(p) | Finding::Hit(p, _) if quiet(p) => false,
            Finding::Hit(..) => wanted.contains(&f),
            _ => true,
        };
        (0..self.made.len() as u32).filter(|f| self.made[*f as usize] && is(*f)).collect()
    }

    /// The combinations of a `reachable` property, as findings.
    pub(crate) fn wanted(&self, machine: &Machine, id: PropertyId) -> Vec<u32> {
        self.first.as_ref().map_or_else(Vec::new, |first| machine.wanted(id, first))
    }

    /// Whether a finding was made.
    pub(crate) fn made(&self, finding: u32) -> bool {
        self.made[finding as usize]
    }

    /// A shortest behaviour to a finding.
    pub(crate) fn trace(&self, machine: &Machine, finding: u32) -> Option<Trace> {
        self.paths[finding as usize].as_ref().map(|path| trace(machine, path))
    }

    /// Whether a goal is out of reach of a state that must be able to reach it, and how that is reached.
    pub(crate) fn unable(&self, machine: &Machine, kind: GoalKind) -> Option<Option<Trace>> {
        let (_, path) = self.unable.iter().find(|(k, _)| *k == kind)?;
        Some(path.as_ref().map(|path| trace(machine, path)))
    }
}

/// A path in words of the program.
pub(crate) fn trace(machine: &Machine, path: &Path) -> Trace {
    let mut from = &path.initial;
    let mut steps = Vec::new();
    for (action, to) in &path.steps {
        let excess = if to.is_none() { machine.excess(*action, from) } else { None };
        let state = to.as_ref().map(|to| machine.decode(to));
        steps.push(TraceStep { event: machine.event(*action, from), state, excess });
        from = to.as_ref().unwrap_or(from);
    }
    Trace { initial: machine.decode(&path.initial), steps }
}

/// The path to a state of a graph.
pub(crate) fn path_in_graph(explored: &graph::Exploration<Scratch>, state: u32) -> Path {
    let store = &explored.store;
    let (initial, steps) = store.path(state);
    let steps = steps.into_iter().map(|(action, to)| (action, Some(store.state(to).to_vec())));
    Path { initial: store.state(initial).to_vec(), steps: steps.collect() }
}

/// An explored graph.
struct Graph<'a> {
    machine: &'a Machine,
    /// What was explored instead of the machine itself.
    quotient: Option<&'a Quotient<'a>>,
    explored: &'a graph::Exploration<Scratch>,
}

impl Graph<'_> {
    /// Where a finding was made first, or one that it can be renamed to.
    fn found(&self, finding: usize) -> Option<graph::Finding> {
        let found = &self.explored.found;
        let (Some(quotient), Finding::Hit(id, _)) = (self.quotient, self.machine.findings()[finding]) else {
            return found[finding];
        };
        let orbits = orbits(quotient, id);
        let orbit_of = |f: usize| match self.machine.findings()[f] {
            Finding::Hit(p, combination) if p == id => orbits.get(combination as usize).copied(),
            _ => None,
        };
        let wanted = orbit_of(finding);
        let all = (0..found.len()).filter(|f| wanted.is_some() && orbit_of(*f) == wanted);
        all.filter_map(|f| found[f]).min_by_key(|f| f.state)
    }

    /// A path to a finding, whose number is needed when it was made on an event.
    fn path(&self, found: &graph::Finding, number: usize) -> Path {
        let mut path = self.path_to(found.state);
        if let Some(action) = found.action {
            let from = path.steps.last().and_then(|(_, to)| to.as_ref()).unwrap_or(&path.initial);
            let step = self.last_step(from, action, number);
            path.steps.push(step);
        }
        path
    }

    fn path_to(&self, state: u32) -> Path {
        let Some(quotient) = self.quotient else { return path_in_graph(self.explored, state) };
        let store = &self.explored.store;
        let (initial, steps) = store.path(state);
        let states = std::iter::once(initial).chain(steps.into_iter().map(|(_, to)| to));
        let (initial, steps) = quotient.concrete(&states.map(|s| store.state(s)).collect::<Vec<_>>());
        Path { initial, steps: steps.into_iter().map(|(action, to)| (action, Some(to))).collect() }
    }

    /// The event on which something was found. In a quotient the state has other names than the one that it was
    /// found on, so its first event with that finding is meant.
    fn last_step(&self, from: &[u64], action: u32, number: usize) -> (u32, Option<Vec<u64>>) {
        let successors = self.machine.successors(from, &mut self.machine.scratch());
        let renamed = successors.found().iter().find(|f| f.finding as usize == number);
        let action = match self.quotient {
            Some(_) => renamed.and_then(|f| f.action).unwrap_or(action),
            None => action,
        };
        let event = successors.events().find(|(a, _)| *a == action);
        (action, event.and_then(|(_, to)| to.map(<[u64]>::to_vec)))
    }

    /// Goals that are out of reach, with the first state that must be able to reach one, if the whole graph is known.
    fn unable(&self, stopped: &dyn Fn() -> Option<Stop>) -> Result<Vec<(GoalKind, u32)>, Stop> {
        if self.explored.stopped.is_some() || self.machine.goals().is_empty() {
            return Ok(Vec::new());
        }
        let first = match self.quotient {
            Some(quotient) => unable_in_quotient(quotient, &self.explored.store, stopped)?,
            None => self.unable_backward(),
        };
        let mut unable: Vec<(GoalKind, u32)> = Vec::new();
        for (goal, first) in self.machine.goals().iter().zip(first) {
            let (kind, Some(state)) = (kind_of(goal), first) else { continue };
            match unable.iter_mut().find(|(k, _)| *k == kind) {
                Some((_, first)) => *first = state.min(*first),
                None => unable.push((kind, state)),
            }
        }
        Ok(unable)
    }

    fn unable_backward(&self) -> Vec<Option<u32>> {
        let (goals, states) = (self.machine.goals().len(), self.explored.store.len());
        let Some(edges) = &self.explored.edges else { return vec![None; goals] };
        let mut counts = vec![vec![false; states]; goals];
        let mut inside = vec![vec![false; states]; goals];
        let (mut scratch, mut in_goals) = (self.machine.scratch(), Vec::new());
        for state in 0..states {
            in_goals.clear();
            self.machine.in_goals(self.explored.store.state(state as u32), &mut scratch, &mut in_goals);
            for (goal, (count, is)) in in_goals.iter().enumerate() {
                (counts[goal][state], inside[goal][state]) = (*count, *is);
            }
        }
        let backward = Backward::new(edges);
        let first =
            |(counts, inside): (&Vec<bool>, Vec<bool>)| backward.first_unable(inside, |s| counts[s as usize]);
        counts.iter().zip(inside).map(first).collect()
    }
}
