//! The audit once more, by the oracle and without any shortcut: every changed program is explored to its end, and so
//! is every pair of changes.

use arch_ir::change::{Change, StepRef, apply};
use arch_ir::eval::Interpreter;
use arch_ir::explore::{explore, explore_states};
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Report};
use arch_ir::time::TimeClasses;
use arch_ir::{Event, Program, Property, PropertyKind};
use archc::audit::{Audit, Audited, Class};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// What every property comes to, with the length of its behaviour.
type Verdicts = BTreeMap<String, (PropertyVerdict, Option<usize>)>;

/// A program that is too large, or that is judged only in part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

/// The oracle's verdicts on a program, and on changed ones.
pub struct Naive<'p> {
    program: &'p Program,
    base: Verdicts,
    most: u64,
}

impl<'p> Naive<'p> {
    /// Explores a program with at most so many states; so many more may changed ones have.
    ///
    /// # Errors
    ///
    /// When it has more.
    pub fn new(program: &'p Program, most: u64) -> Result<Naive<'p>, TooLarge> {
        let report = explored(program, most)?;
        // What is to come is not judged there, so most parts are open.
        if archc::narrate::end_of_behaviours(&report).is_some() {
            return Err(TooLarge);
        }
        Ok(Naive { program, base: verdicts(&report)?, most: most * 4 })
    }

    /// Compares an audit with what trying everything finds.
    ///
    /// # Errors
    ///
    /// The first difference; nothing is compared when something is too large.
    pub fn compare(&self, audit: &Audit) -> Result<Result<(), String>, TooLarge> {
        let mut alone: Vec<Verdicts> = Vec::new();
        for audited in &audit.items {
            alone.push(self.without(&[&audited.item.change])?);
        }
        for (i, audited) in audit.items.iter().enumerate() {
            let expected = self.class(audit, &alone, i)?;
            if expected != audited.class {
                return Ok(Err(format!("{} is {expected:?}, not {:?}", audited.item.id, audited.class)));
            }
            if let Err(wrong) = self.shown(audited, &alone[i]) {
                return Ok(Err(format!("{}: {wrong}", audited.item.id)));
            }
        }
        Ok(Ok(()))
    }

    fn class(&self, audit: &Audit, alone: &[Verdicts], i: usize) -> Result<Class, TooLarge> {
        let audited = &audit.items[i];
        if !self.broken(&alone[i]).is_empty() {
            return Ok(Class::LoadBearing);
        }
        let repaired = |(name, (verdict, _)): (&String, &(PropertyVerdict, Option<usize>))| {
            self.base[name].0 == PropertyVerdict::Violated && *verdict == PropertyVerdict::Holds
        };
        if alone[i].iter().any(repaired) {
            return Ok(Class::Harmful);
        }
        for (j, other) in audit.items.iter().enumerate() {
            if i == j || !self.broken(&alone[j]).is_empty() {
                continue;
            }
            let both = self.without(&[&audited.item.change, &other.item.change])?;
            if !self.broken(&both).is_empty() {
                return Ok(Class::Masked);
            }
        }
        match (self.same(&audited.item.change), audited.same_graph) {
            (Some(same), _) => Ok(if same { Class::Redundant } else { Class::Unobserved }),
            // What the audit says is all there is: verdicts are the same in any case.
            (None, same) => Ok(if same == Some(true) { Class::Redundant } else { Class::Unobserved }),
        }
    }

    /// What breaks is the property with the shortest behaviour of those that are judged without liveness, if one is.
    fn shown(&self, audited: &Audited, without: &Verdicts) -> Result<(), String> {
        let (Some(breaks), Class::LoadBearing) = (&audited.breaks, audited.class) else { return Ok(()) };
        let broken = self.broken(without);
        let length = breaks.trace.as_ref().map(|t| t.steps.len());
        let Some((_, expected)) = broken.iter().find(|(name, _)| *name == breaks.name) else {
            return Err(format!("{} does not break", breaks.name));
        };
        if breaks.liveness.is_some() {
            return Ok(());
        }
        let whole = |name: &str| self.needs_whole_graph(name);
        let first = |name: &str, len: &Option<usize>| {
            !self.is_live(name) && (whole(name), len) < (whole(&breaks.name), &length)
        };
        let shorter = broken.iter().find(|(name, len)| len.is_some() && first(name, len));
        match shorter {
            _ if length != *expected => {
                Err(format!("{} breaks in {expected:?}, not {length:?}", breaks.name))
            }
            Some((name, len)) => Err(format!("{name} breaks in {len:?} already")),
            None => Ok(()),
        }
    }

    fn is_live(&self, name: &str) -> bool {
        self.program.properties.iter().any(|p| p.name == name && p.kind.is_liveness())
    }

    /// Whether no single state or event shows that a property is violated.
    fn needs_whole_graph(&self, name: &str) -> bool {
        let goal =
            |p: &Property| matches!(p.kind, PropertyKind::Reachable(_) | PropertyKind::AlwaysPossible(_));
        name == "stranded" || self.program.properties.iter().any(|p| p.name == name && goal(p))
    }

    /// What holds as the spec is written, and is violated now.
    fn broken(&self, found: &Verdicts) -> Vec<(String, Option<usize>)> {
        let new = found.iter().filter(|(name, (verdict, _))| {
            *verdict == PropertyVerdict::Violated && self.base[*name].0 == PropertyVerdict::Holds
        });
        new.map(|(name, (_, length))| (name.clone(), *length)).collect()
    }

    fn without(&self, changes: &[&Change]) -> Result<Verdicts, TooLarge> {
        let changes: Vec<Change> = changes.iter().map(|c| (*c).clone()).collect();
        let changed = apply(self.program, &changes).map_err(|_| TooLarge)?;
        verdicts(&explored(&changed, self.most)?)
    }

    /// Whether the program has the same states and events without something; none when states are not comparable.
    fn same(&self, change: &Change) -> Option<bool> {
        let changed = apply(self.program, std::slice::from_ref(change)).ok()?;
        let limits = Limits { max_states: Some(self.most), ..Limits::default() };
        let (_, states) = explore_states(self.program, &limits);
        let (mine, other) = (Interpreter::new(self.program), Interpreter::new(&changed));
        if let Some(at) = step_of(change) {
            if TimeClasses::of(self.program) != TimeClasses::of(&changed) {
                return None;
            }
            let _ = at;
            return Some(states.iter().all(|s| {
                let led = |i: &Interpreter<'_>| {
                    let list = i.successors(s).transitions.into_iter();
                    list.map(|t| (t.event, t.outcome)).collect::<Vec<_>>()
                };
                led(&mine) == led(&other)
            }));
        }
        let happens = |wanted: &dyn Fn(&Event) -> bool| {
            states.iter().any(|s| mine.successors(s).transitions.iter().any(|t| wanted(&t.event)))
        };
        match change {
            Change::Budget(fault, _) => {
                Some(!happens(&|e| is_fault(e, *fault)) && !is_skew(self.program, *fault))
            }
            Change::Branch(p, chain) => {
                let steps = &self.program.protocols[*p].chains[*chain].steps;
                let of = |e: &Event| {
                    matches!(e, Event::Step { run, step, .. } | Event::Reject { run, step, .. }
                    if run.protocol == *p && steps.contains(step))
                };
                Some(!happens(&of))
            }
            _ => None,
        }
    }
}

fn is_fault(event: &Event, fault: arch_ir::FaultId) -> bool {
    match event {
        Event::Crash(f, _)
        | Event::Restart(f, _)
        | Event::Lose(f, _)
        | Event::Cut(f, _)
        | Event::Heal(f, _) => *f == fault,
        Event::Deliver { fault: f, .. } => *f == fault,
        Event::Step { duplicated, .. } => *duplicated == Some(fault),
        _ => false,
    }
}

fn is_skew(program: &Program, fault: arch_ir::FaultId) -> bool {
    matches!(program.faults[fault].kind, arch_ir::FaultKind::Skew { .. })
}

fn step_of(change: &Change) -> Option<StepRef> {
    match change {
        Change::Guard(at) | Change::Term(at, _) | Change::Effect(at, _) => Some(*at),
        _ => None,
    }
}

fn explored(program: &Program, most: u64) -> Result<Report, TooLarge> {
    let limits = Limits { max_states: Some(most), ..Limits::default() };
    let report = explore(program, &limits, &AtomicBool::new(false));
    if report.complete() { Ok(report) } else { Err(TooLarge) }
}

fn verdicts(report: &Report) -> Result<Verdicts, TooLarge> {
    let mut found = Verdicts::new();
    let ended = archc::narrate::end_of_behaviours(report).is_some();
    let judged = |r: &&PropertyResult| !ended || !archc::narrate::asks_for_more(r.kind, &r.name);
    for result in report.results.iter().filter(judged) {
        if matches!(result.verdict, PropertyVerdict::NotChecked(_) | PropertyVerdict::Inconclusive) {
            return Err(TooLarge);
        }
        let length = result.trace.as_ref().filter(|_| result.verdict == PropertyVerdict::Violated);
        found.insert(result.name.clone(), (result.verdict.clone(), length.map(|t| t.steps.len())));
    }
    Ok(found)
}
