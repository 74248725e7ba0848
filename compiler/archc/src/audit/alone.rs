//! What each part does by itself.
//!
//! One exploration of all variants says which parts make no difference at all, and without which something breaks
//! ([`super::together`]). Where that cannot be, one exploration of the spec says which make no difference: those that
//! decide about no event of a reachable state, and those that never happen. The others are taken out, each in an
//! exploration of its own.

use super::families::Families;
use super::items::{Item, chain_of, step_of};
use super::judge::{Effects, Judge};
use super::together::Done;
use super::{Audited, Class};
use arch_check::lockstep::Variant;
use arch_ir::change::{Change, StepRef, apply};
use arch_ir::{ChainId, Event, FaultId, FaultKind, Outcome, Program, ProtocolId, StepId};
use std::collections::BTreeMap;

/// Says of each part what it is, as far as it can be said of it alone: nothing is masked yet.
pub(super) fn classify<'j>(items: Vec<Item>, judge: &'j Judge<'j>) -> (Vec<Audited>, Families<'j>) {
    let changed: Vec<Result<Program, String>> = items
        .iter()
        .map(|item| apply(judge.program, std::slice::from_ref(&item.change)).map_err(|r| r.why))
        .collect();
    let mut families = Families::default();
    let done = families.alone(&items, &changed, judge);
    let same = sameness(&items, &changed, &done, judge);
    let breaks = |i: usize| done.get(&i).and_then(|d| d.breaks.map(|seen| (seen, d.shown.as_ref())));
    let nothing_breaks = |i: usize| done.get(&i).is_some_and(|d| d.breaks.is_none());
    let known = |i: &usize| same[*i] == Some(true) || nothing_breaks(*i);
    let jobs: Vec<usize> = (0..items.len()).filter(|i| !known(i)).collect();
    let effects = judge.all(&jobs, |i| match (&changed[*i], breaks(*i)) {
        (Ok(program), Some((seen, shown))) => judge.what_breaks(program, seen, shown),
        (Ok(program), None) => judge.effects(program),
        (Err(why), _) => Effects::open(why.clone()),
    });
    let mut effects: BTreeMap<usize, Effects> = jobs.into_iter().zip(effects).collect();
    let audited = items.into_iter().zip(same).enumerate().map(|(i, (item, same))| {
        let repairs = done.get(&i).map(|d| d.repairs.clone()).unwrap_or_default();
        audited(item, same, effects.remove(&i).unwrap_or(Effects { repairs, ..Effects::default() }))
    });
    (audited.collect(), families)
}

fn audited(item: Item, same_graph: Option<bool>, effects: Effects) -> Audited {
    let class = match &effects {
        e if e.breaks.is_some() => Class::LoadBearing,
        e if e.open.is_some() => Class::Inconclusive,
        e if !e.repairs.is_empty() => Class::Harmful,
        _ if same_graph == Some(true) => Class::Redundant,
        _ => Class::Unobserved,
    };
    let Effects { breaks, repairs, open } = effects;
    Audited { item, class, same_graph, breaks, repairs, masked_by: Vec::new(), open, accepted: None }
}

/// For each part whether the spec has the same states and events without it.
fn sameness(
    items: &[Item],
    changed: &[Result<Program, String>],
    done: &BTreeMap<usize, Done>,
    judge: &Judge<'_>,
) -> Vec<Option<bool>> {
    let by_itself = |i: usize| done.get(&i).filter(|d| !d.differs.is_empty()).map(|d| d.differs == [false]);
    let known: Vec<Option<bool>> = (0..items.len())
        .map(|i| by_itself(i).or_else(|| same_as_fault(items, i, judge.program).and_then(by_itself)))
        .collect();
    if known.iter().all(Option::is_some) {
        return known;
    }
    let compared = |i: &usize| known[*i].is_none() && step_of(&items[*i].change).is_some();
    let steps: Vec<usize> = (0..items.len()).filter(|i| compared(i) && changed[*i].is_ok()).collect();
    let variants: Vec<Variant> = steps
        .iter()
        .filter_map(|i| {
            Some(Variant { program: changed[*i].clone().ok()?, steps: vec![step_of(&items[*i].change)?] })
        })
        .collect();
    let Some(compared) = judge.compare(judge.program, &variants, false, true) else {
        return known;
    };
    let whole = compared.stopped.is_none() && !compared.cut;
    let of_step = |i: usize| steps.iter().position(|s| *s == i).and_then(|n| compared.same[n]);
    let one = |(i, item): (usize, &Item)| match &item.change {
        change if step_of(change).is_some() => of_step(i),
        change => whole.then(|| !happens(judge.program, change, &compared.happened)),
    };
    items.iter().enumerate().map(|(i, item)| known[i].or_else(|| one((i, item)))).collect()
}

/// The item whose making no difference says that another one makes none: without its events, a budget of them is idle.
fn same_as_fault(items: &[Item], i: usize, program: &Program) -> Option<usize> {
    let Change::Budget(fault, _) = items[i].change else { return None };
    let by_events = !clock_is_off(program, &items[i].change) && !begins(program, &items[i].change);
    items.iter().position(|item| by_events && item.change == Change::Budget(fault, Some(0)))
}

/// Whether an event happens that a change takes out, or that depends on it.
pub(super) fn happens(program: &Program, change: &Change, happened: &[Event]) -> bool {
    happened.iter().any(|event| match change {
        Change::Branch(..) => chain_of(change).is_some_and(|chain| is_in(program, chain, event)),
        Change::Protocol(id) => belongs(program, *id, event) || hands_over(program, *id, event),
        Change::Budget(fault, _) => is_fault(*fault, event),
        _ => true,
    }) || clock_is_off(program, change)
        || begins(program, change)
}

/// Whether a change lets a fault happen that cannot: a budget of none is what keeps it from happening.
fn begins(program: &Program, change: &Change) -> bool {
    matches!(change, Change::Budget(fault, more) if *more != Some(0) && program.faults[*fault].budget == Some(0))
}

/// A skewed clock has no event: it is another initial state.
fn clock_is_off(program: &Program, change: &Change) -> bool {
    let Change::Budget(fault, _) = change else { return false };
    matches!(program.faults[*fault].kind, FaultKind::Skew { by, .. } if by > 0)
}

/// The step that an event executes or refuses.
fn step_of_event(event: &Event) -> Option<StepRef> {
    match event {
        Event::Step { run, step, .. } | Event::Reject { run, step, .. } => {
            Some(StepRef { protocol: run.protocol, step: *step })
        }
        _ => None,
    }
}

pub(super) fn is_in(program: &Program, chain: (ProtocolId, ChainId), event: &Event) -> bool {
    step_of_event(event).is_some_and(|at| is_step_in(program, chain, at))
}

pub(super) fn is_step_in(program: &Program, (protocol, chain): (ProtocolId, ChainId), at: StepRef) -> bool {
    let steps: &[StepId] = &program.protocols[protocol].chains[chain].steps;
    at.protocol == protocol && steps.contains(&at.step)
}

/// Whether an event is one of a protocol's runs, or of their sub-runs.
pub(super) fn belongs(program: &Program, id: ProtocolId, event: &Event) -> bool {
    let run = match event {
        Event::Begin(run)
        | Event::Step { run, .. }
        | Event::Reject { run, .. }
        | Event::Lose(_, run)
        | Event::Deliver { run, .. } => *run,
        _ => return false,
    };
    let mut protocol = run.protocol;
    while let (false, Some(parent)) = (protocol == id, program.protocols[protocol].parent) {
        protocol = parent.protocol;
    }
    protocol == id
}

/// Whether an event has an outcome that starts or resumes runs of a protocol.
pub(super) fn hands_over(program: &Program, id: ProtocolId, event: &Event) -> bool {
    let Some(at) = step_of_event(event) else { return false };
    match event {
        Event::Reject { .. } => refused_to(program, id, at),
        _ => concluded_to(program, id, at),
    }
}

/// Whether a step, executed or refused, can have such an outcome.
pub(super) fn hands_over_to(program: &Program, id: ProtocolId, at: StepRef) -> bool {
    refused_to(program, id, at) || concluded_to(program, id, at)
}

fn refused_to(program: &Program, id: ProtocolId, at: StepRef) -> bool {
    program.step(at).reject.as_ref().is_some_and(|r| is_to(id, &r.outcome))
}

fn concluded_to(program: &Program, id: ProtocolId, at: StepRef) -> bool {
    let chains = &program.protocols[at.protocol].chains;
    chains.iter().any(|c| c.steps.last() == Some(&at.step) && is_to(id, &c.outcome))
}

fn is_to(id: ProtocolId, outcome: &Outcome) -> bool {
    outcome.then.as_ref().is_some_and(|h| h.protocol == id)
}

pub(super) fn is_fault(id: FaultId, event: &Event) -> bool {
    match event {
        Event::Crash(fault, _)
        | Event::Restart(fault, _)
        | Event::Lose(fault, _)
        | Event::Cut(fault, _)
        | Event::Heal(fault, _)
        | Event::Deliver { fault, .. } => *fault == id,
        Event::Step { duplicated, .. } => *duplicated == Some(id),
        Event::Begin(_) | Event::Reject { .. } | Event::Tick => false,
    }
}
