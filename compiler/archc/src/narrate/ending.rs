//! What the end of a counterexample shows: the claim with the values in it, or why nothing can go on.

use super::words::quote;
use super::{CellKey, End, Teller, cells, sent, step_of};
use crate::outcome::Explanation;
use arch_ir::{
    Event, Expr, ExprKind, Property, PropertyId, PropertyKind, ProtocolId, RunRef, State, Status, StepClaim,
    VarId,
};
use std::collections::{BTreeSet, VecDeque};

/// The most values that are listed.
const MAX_VALUES: usize = 12;

/// The most ticks that are followed to see what a stuck state comes to.
const MAX_TICKS: u32 = 1_000;

/// The most states that are searched for the end of a stranded run.
const MAX_SEARCHED: usize = 2_000;

/// What the end of a violating behaviour shows.
pub(super) fn explain(
    teller: &Teller<'_>,
    property: Option<PropertyId>,
    name: &str,
    end: &End<'_>,
) -> Vec<Explanation> {
    match (property, name) {
        (Some(id), _) => {
            let goal = matches!(teller.program.properties[id].kind, PropertyKind::AlwaysPossible(_));
            let blocked = if goal { blocked(teller, end.after) } else { Vec::new() };
            declared(teller, id, end).into_iter().chain(blocked).collect()
        }
        (None, "stuck") => stuck(teller, end.after),
        (None, "stranded") => stranded(teller, end.after),
        // What left a bound stands at the last step.
        (None, _) => Vec::new(),
    }
}

fn declared(teller: &Teller<'_>, id: PropertyId, end: &End<'_>) -> Option<Explanation> {
    let property = &teller.program.properties[id];
    match &property.kind {
        PropertyKind::Always(claim) => Some(always(teller, id, property, claim, end.after)),
        PropertyKind::Step { at, after } => at_step(teller, at, *after, end),
        PropertyKind::Monotonic(e) => Some(monotonic(teller, property, e, end)),
        PropertyKind::AlwaysPossible(claim) => {
            Some(about(teller, claim, "from here no state can be reached with", end.after))
        }
        PropertyKind::Reachable(_)
        | PropertyKind::LeadsTo(..)
        | PropertyKind::Eventually(_)
        | PropertyKind::AlwaysEventually(_) => None,
    }
}

fn always(
    teller: &Teller<'_>,
    id: PropertyId,
    property: &Property,
    claim: &Expr,
    state: &State,
) -> Explanation {
    let combinations = teller.interpreter.combinations(id, state);
    let failing = combinations.into_iter().find(|c| !teller.interpreter.holds_for(id, claim, c, state));
    let mut explanation = about(teller, claim, "violated:", state);
    let binders: Vec<String> = property
        .binders
        .iter()
        .zip(failing.into_iter().flatten())
        .map(|(b, value)| {
            let ty = element_type(b);
            format!("for {} = {}", teller.program.slots[b.slot], teller.program.show_value(&ty, &value))
        })
        .collect();
    explanation.details.splice(0..0, binders);
    explanation
}

pub(super) fn element_type(binder: &arch_ir::Binder) -> arch_ir::Type {
    match &binder.domain {
        arch_ir::Domain::Runs(protocol) => arch_ir::Type::Run(*protocol),
        domain => arch_ir::walk::element_type(domain).clone(),
    }
}

fn at_step(teller: &Teller<'_>, claims: &[StepClaim], after: bool, end: &End<'_>) -> Option<Explanation> {
    let event = end.event.filter(|e| !matches!(e, Event::Reject { .. }))?;
    let (run, step) = step_of(teller.program, event)?;
    let claim = claims.iter().find(|c| c.protocol == run.protocol && c.step == step)?;
    let name = &teller.program.protocols[run.protocol].steps[step].name;
    let when = if after { "after" } else { "at" };
    let state = if after { end.after } else { end.before };
    let acting = super::acting(teller.program, event).map(|(_, instance)| instance);
    let own = match event {
        Event::Deliver { .. } => Own::AsSent,
        _ => acting.map_or(Own::Nobody, Own::Of),
    };
    let mut explanation = Explanation {
        text: format!("violated {when} {name}: {}", quote(teller.sources, claim.claim.span)),
        span: Some(claim.claim.span),
        details: values(teller, &claim.claim, state, own),
    };
    let sent = sent(teller.program, end.before, event).into_iter().map(|s| format!("{s}, as it was sent"));
    let own = own_names(teller, &claim.claim, event, state);
    explanation.details.splice(0..0, own.into_iter().chain(sent));
    Some(explanation)
}

/// The names of the step's own run and actor that a claim reads, with their values.
fn own_names(teller: &Teller<'_>, claim: &Expr, event: &Event, state: &State) -> Vec<String> {
    let mut reads_self = false;
    let mut read = BTreeSet::new();
    claim.visit(&mut |e| match &e.kind {
        ExprKind::SelfId => reads_self = true,
        ExprKind::RunVar(id) => {
            read.insert(*id);
        }
        _ => {}
    });
    let actor = super::acting(teller.program, event).filter(|_| reads_self);
    let actor = actor.map(|(sort, i)| format!("self = {}", teller.program.instance_name(sort, i)));
    let own = |key: CellKey| matches!(key, CellKey::RunVar(run, id) if super::run_of(event) == Some(run) && read.contains(&id));
    let vars = cells(&teller.interpreter, state).into_iter().filter(|c| own(c.key));
    actor.into_iter().chain(vars.map(|c| format!("{} = {}", c.name, c.value))).collect()
}

fn monotonic(teller: &Teller<'_>, property: &Property, e: &Expr, end: &End<'_>) -> Explanation {
    let mut explanation = Explanation {
        text: format!("decreases: {}", quote(teller.sources, e.span)),
        span: Some(e.span),
        details: Vec::new(),
    };
    if property.binders.is_empty() {
        let value = |state| teller.program.show_value(&e.ty, &teller.interpreter.eval_in_state(e, state));
        explanation.details.push(format!("from {} to {}", value(end.before), value(end.after)));
    }
    explanation
}

/// A claim with the cells that it reads.
fn about(teller: &Teller<'_>, claim: &Expr, what: &str, state: &State) -> Explanation {
    Explanation {
        text: format!("{what} {}", quote(teller.sources, claim.span)),
        span: Some(claim.span),
        details: values(teller, claim, state, Own::Nobody),
    }
}

/// Whose locals a claim means by their bare names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    /// Nobody's: it speaks of no step.
    Nobody,
    /// This instance's.
    Of(u32),
    /// Those that a request carries; they are no cells of the state.
    AsSent,
}

fn values(teller: &Teller<'_>, claim: &Expr, state: &State, own: Own) -> Vec<String> {
    let read = Read::of(claim);
    let told = cells(&teller.interpreter, state).into_iter().filter(|c| read.reads(c.key, own));
    let mut lines: Vec<String> = told.map(|c| format!("{} = {}", c.name, c.value)).collect();
    if lines.len() > MAX_VALUES {
        let more = lines.len() - MAX_VALUES;
        lines.truncate(MAX_VALUES);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// What an expression reads of a state.
#[derive(Default)]
struct Read {
    /// Variables at any key.
    vars: BTreeSet<VarId>,
    /// Variables at the acting instance.
    own: BTreeSet<VarId>,
    /// Protocols of whose runs it asks where they are.
    protocols: BTreeSet<ProtocolId>,
}

impl Read {
    fn of(e: &Expr) -> Read {
        let mut read = Read::default();
        e.visit(&mut |e| match &e.kind {
            ExprKind::Var(id, keys) if matches!(keys.as_slice(), [key] if matches!(key.kind, ExprKind::SelfId)) => {
                read.own.insert(*id);
            }
            ExprKind::Var(id, _) => {
                read.vars.insert(*id);
            }
            ExprKind::RunAt(protocol, ..) | ExprKind::RunUnfinished(protocol, _) => {
                read.protocols.insert(*protocol);
            }
            _ => {}
        });
        read
    }

    fn reads(&self, key: CellKey, own: Own) -> bool {
        match key {
            CellKey::Var(id, _) if self.vars.contains(&id) => true,
            CellKey::Var(id, i) => self.own.contains(&id) && matches!(own, Own::Of(n) if n as usize == i),
            CellKey::Status(run) => self.protocols.contains(&run.protocol),
            _ => false,
        }
    }
}

/// For each unfinished run, why each step that it has reached waits, however long.
fn stuck(teller: &Teller<'_>, state: &State) -> Vec<Explanation> {
    let late = after_ticks(teller, state);
    let runs = unfinished(teller, state).into_iter();
    runs.map(|run| Explanation {
        text: format!("stuck: {} cannot go on, however long it waits", teller.program.run_name(run)),
        span: Some(teller.program.protocols[run.protocol].span),
        details: waiting(teller, &late, run),
    })
    .collect()
}

/// Of each unfinished run of which a step waits, why.
fn blocked(teller: &Teller<'_>, state: &State) -> Vec<Explanation> {
    let late = after_ticks(teller, state);
    let of_run = |run: RunRef| Explanation {
        text: format!("blocked there: {}", teller.program.run_name(run)),
        span: Some(teller.program.protocols[run.protocol].span),
        details: waiting(teller, &late, run),
    };
    let runs = unfinished(teller, state).into_iter().map(of_run);
    runs.filter(|explanation| !explanation.details.is_empty()).collect()
}

/// The state when time has passed that changes nothing any more: what is false only for now is no reason.
fn after_ticks(teller: &Teller<'_>, state: &State) -> State {
    let mut now = state.clone();
    for _ in 0..MAX_TICKS {
        let found = teller.interpreter.successors(&now).transitions.into_iter();
        match found.filter(|t| t.event == Event::Tick).find_map(|t| t.outcome.ok()) {
            Some(next) if next != now => now = next,
            _ => break,
        }
    }
    now
}

fn waiting(teller: &Teller<'_>, state: &State, run: RunRef) -> Vec<String> {
    let protocol = &teller.program.protocols[run.protocol];
    let mut details = Vec::new();
    for (step, declared) in protocol.steps.iter_enumerated() {
        let fates = teller.interpreter.why_disabled(state, run, step);
        if !fates.is_empty() && fates.iter().all(|f| !(f.up && f.connected && f.guard)) {
            details.push(format!("{} waits: {}", declared.name, teller.why_waiting(&fates).join("; ")));
        }
    }
    let awaited = teller.interpreter.awaited(state, run);
    details.extend(awaited.iter().take(MAX_VALUES).flat_map(|sub| awaiting(teller, state, *sub)));
    details
}

/// What becomes of a sub-run that its parent waits for; one that is under way is told of for itself.
fn awaiting(teller: &Teller<'_>, state: &State, sub: RunRef) -> Vec<String> {
    let name = teller.program.run_name(sub);
    let protocol = &teller.program.protocols[sub.protocol];
    match state.protocol(sub.protocol)[sub.run as usize].status {
        Status::At(..) => vec![format!("it waits for {name}")],
        Status::Idle => {
            let mut details = vec![format!("it waits for {name}, which has not begun")];
            details.extend(waiting(teller, state, sub));
            details
        }
        Status::Ended(word) => {
            let word = protocol.endings().get(word as usize).copied().unwrap_or_default();
            vec![format!("it waits for {name}, which has ended as `{word}` and not as `done`")]
        }
    }
}

fn stranded(teller: &Teller<'_>, state: &State) -> Vec<Explanation> {
    let runs = never_ending(teller, state).into_iter();
    runs.map(|run| Explanation {
        text: format!("stranded: from here {} can never end", teller.program.run_name(run)),
        span: Some(teller.program.protocols[run.protocol].span),
        details: waiting(teller, &after_ticks(teller, state), run),
    })
    .collect()
}

/// The unfinished runs that end in no state that can be reached from here without adverse events; where that is too
/// many states to look at, all that do not end in the first of them.
fn never_ending(teller: &Teller<'_>, state: &State) -> Vec<RunRef> {
    let mut open = unfinished(teller, state);
    let mut seen = BTreeSet::from([state.clone()]);
    let mut queue = VecDeque::from([state.clone()]);
    while let Some(now) = queue.pop_front() {
        open.retain(|r| now.protocol(r.protocol)[r.run as usize].unfinished());
        let found = teller.interpreter.successors(&now).transitions.into_iter();
        for next in found.filter(|t| !t.event.is_adverse()).filter_map(|t| t.outcome.ok()) {
            if seen.len() < MAX_SEARCHED && seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    open
}

fn unfinished(teller: &Teller<'_>, state: &State) -> Vec<RunRef> {
    let runs = teller.program.protocols.indices().flat_map(|protocol| {
        let count = state.protocol(protocol).len();
        (0..count).map(move |run| RunRef { protocol, run: u32::try_from(run).unwrap_or(u32::MAX) })
    });
    runs.filter(|r| state.protocol(r.protocol)[r.run as usize].unfinished()).collect()
}
