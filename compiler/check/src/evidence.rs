//! What a search says of everything that is judged by it, with a shortest path to what is shown.

use crate::check::stop;
use crate::execute::Scratch;
use crate::machine::{Finding, Goal, Machine};
use crate::symmetry::Quotient;
use crate::symmetry::goals::orbits;
use arch_explorer::goals::unable;
use arch_explorer::paths::Marks;
use arch_explorer::{Exploration, Goals, Limits, Path, Stop as Limit, Target, paths};
use arch_ir::PropertyId;
use arch_ir::report::{Stop, Trace, TraceStep};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The least time for showing what was found.
const LEAST_GRACE: Duration = Duration::from_secs(5);

/// What goals are judged together: those of a property, or (none) that runs are finished.
pub(crate) type GoalKind = Option<PropertyId>;

fn kind_of(goal: &Goal) -> GoalKind {
    match goal {
        Goal::Possible(property, _) => Some(*property),
        Goal::Finished(_) => None,
    }
}

/// A search that is over: of a machine, or of its quotient.
pub(crate) struct Searched<'a, S> {
    pub(crate) system: &'a S,
    pub(crate) quotient: Option<&'a Quotient<'a>>,
    pub(crate) explored: &'a Exploration<Scratch>,
}

/// Findings that renaming makes of each other: in a quotient one that is made stands for all of them.
struct Alike<'a> {
    machine: &'a Machine,
    /// For each property with combinations that count one by one, the first of those that each can be renamed to.
    orbits: BTreeMap<PropertyId, Vec<u32>>,
}

impl<'a> Alike<'a> {
    fn of(machine: &'a Machine, quotient: Option<&Quotient<'_>>) -> Alike<'a> {
        let mut found = Alike { machine, orbits: BTreeMap::new() };
        for finding in machine.findings() {
            if let (Finding::Hit(id, _), Some(quotient)) = (finding, quotient) {
                found.orbits.entry(*id).or_insert_with(|| orbits(quotient, *id));
            }
        }
        found
    }

    /// All that one stands for, itself among them.
    fn to(&self, finding: u32) -> Vec<u32> {
        let findings = self.machine.findings();
        let orbit_of = |finding: u32| match findings[finding as usize] {
            Finding::Hit(id, combination) => {
                self.orbits.get(&id).map(|orbits| (id, orbits[combination as usize]))
            }
            _ => None,
        };
        match orbit_of(finding) {
            Some(orbit) => (0..findings.len() as u32).filter(|f| orbit_of(*f) == Some(orbit)).collect(),
            None => vec![finding],
        }
    }
}

/// The kinds of goals of which one is out of reach of a state that must be able to reach it.
fn unable_kinds(machine: &Machine, marks: &[Option<Marks>]) -> Vec<GoalKind> {
    let mut kinds: Vec<GoalKind> = Vec::new();
    for (goal, mark) in machine.goals().iter().zip(marks) {
        if mark.is_some() && !kinds.contains(&kind_of(goal)) {
            kinds.push(kind_of(goal));
        }
    }
    kinds
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
    /// From a search, of the machine or its quotient: goals are looked at and paths are found now, within limits.
    pub(crate) fn of_search<S: Goals>(
        machine: &Machine,
        searched: &Searched<'_, S>,
        limits: &Limits,
        interrupt: &AtomicBool,
    ) -> Evidence {
        let Searched { system, quotient, explored } = *searched;
        let alike = Alike::of(machine, quotient);
        let made = |f: u32| alike.to(f).iter().any(|f| explored.found[*f as usize].is_some());
        let mut evidence = Evidence {
            first: explored.first.clone(),
            made: (0..explored.found.len() as u32).map(made).collect(),
            ..Evidence::default()
        };
        let mut marks = Vec::new();
        if explored.stopped.is_none() {
            match unable(system, explored, limits, interrupt) {
                Ok(list) => (marks, evidence.goals_known) = (list, true),
                Err(limit) => evidence.stop = Some(stop(limit)),
            }
        }
        let kinds = unable_kinds(machine, &marks);
        let of_kind = |kind: &GoalKind| {
            let marked = machine.goals().iter().zip(&marks).filter(|(goal, _)| kind_of(goal) == *kind);
            Target::State(marked.filter_map(|(_, marks)| marks.as_ref()).collect())
        };
        let shown = evidence.shown(machine);
        let findings = shown.iter().map(|f| Target::Finding(alike.to(*f)));
        let targets: Vec<Target<'_>> = findings.chain(kinds.iter().map(of_kind)).collect();
        let never = AtomicBool::new(false);
        let late = explored.stopped.is_some_and(|s| s == Limit::Interrupted || s == Limit::Time);
        let (limits, interrupt) =
            if late { (&with_grace(explored, limits), &never) } else { (limits, interrupt) };
        let found = paths(system, explored, &targets, limits, interrupt).unwrap_or_else(|limit| {
            evidence.stop = evidence.stop.or(Some(stop(limit)));
            Vec::new()
        });
        // What is found of a combination is found on states.
        let on_states = |f: &u32| matches!(machine.findings()[*f as usize], Finding::Hit(..));
        let finding = |i: usize| shown.get(i).copied().filter(|f| !on_states(f));
        let concrete = |(i, path): (usize, Option<Path>)| match quotient {
            Some(quotient) => path.map(|path| quotient.concrete(&path, finding(i))),
            None => path,
        };
        let mut found = found.into_iter().enumerate().map(concrete);
        evidence.paths = vec![None; evidence.made.len()];
        shown.iter().for_each(|f| evidence.paths[*f as usize] = found.next().flatten());
        evidence.unable = kinds.into_iter().map(|kind| (kind, found.next().flatten())).collect();
        evidence
    }

    /// From random walks: what they found. Goals are not looked at.
    pub(crate) fn of_walks(first: Option<Vec<u64>>, paths: Vec<Option<Path>>) -> Evidence {
        let made = paths.iter().map(Option::is_some).collect();
        Evidence { first, made, paths, ..Evidence::default() }
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

    /// Whether there was a state at all before the search ended.
    pub(crate) fn met_a_state(&self) -> bool {
        self.first.is_some()
    }

    /// The combinations of a `reachable` property, as findings; none if there was no state.
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

/// Limits for showing what was found by a search that is out of time: as long again, and at least some seconds.
fn with_grace(explored: &Exploration<Scratch>, limits: &Limits) -> Limits {
    let grace = explored.statistics.searching.max(LEAST_GRACE);
    Limits { deadline: Instant::now().checked_add(grace), ..limits.clone() }
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
