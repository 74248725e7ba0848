//! From a report in the terms of the program to one in words: behaviours are told step by step.

mod cells;
mod ending;
mod liveness;
mod recognise;
mod replay;
mod words;

use crate::outcome::{Cell, Change, PropertyOutcome, PropertyVerdict, StepOutcome, TraceOutcome};
use arch_base::{Idx, SourceMap, Span};
use arch_ir::eval::Interpreter;
use arch_ir::report::{self, PropertyResult, Report, Trace, TraceStep};
use arch_ir::{Actor, Event, FaultKind, Program, PropertyId, RunRef, SortId, State, StepId};
use cells::{CellKey, NamedCell, cells};
pub(crate) use recognise::{ToldStep, recognise};

/// What is needed to tell a behaviour of a program.
pub(crate) struct Teller<'a> {
    interpreter: Interpreter<'a>,
    program: &'a Program,
    sources: &'a SourceMap,
}

/// What is told of the end of a behaviour: its last event with the states around it.
pub(crate) struct End<'a> {
    /// The last event, if there is one.
    event: Option<&'a Event>,
    /// The state before it.
    before: &'a State,
    /// The state after it.
    after: &'a State,
}

/// Every property of a report, with its behaviour told.
#[must_use]
pub fn properties(program: &Program, report: &Report, sources: &SourceMap) -> Vec<PropertyOutcome> {
    let mut told = as_reported(program, report, sources);
    if let Some(check) = end_of_behaviours(report) {
        for property in &mut told {
            let Some(what) = open_by_ends(property) else { continue };
            let why = format!("{what}, but behaviours end where `{check}` is violated");
            property.verdict = PropertyVerdict::EndsEarly(why);
            (property.trace, property.liveness) = (None, None);
        }
    }
    told
}

/// What was found of a property, if that says nothing where behaviours end before their time: that it holds (a witness
/// holds whatever else there is), or that something does not come about, which is about what would come next.
fn open_by_ends(property: &PropertyOutcome) -> Option<&'static str> {
    match property.verdict {
        PropertyVerdict::Holds if property.trace.is_none() => Some("no violation found"),
        PropertyVerdict::Violated if asks_for_more(property.kind, &property.name) => Some("perhaps violated"),
        _ => None,
    }
}

/// Whether a property asks for something to come: of behaviours that end before their time nobody knows it.
#[must_use]
pub fn asks_for_more(kind: &str, name: &str) -> bool {
    let kinds = ["reachable", "always possible", "leads to", "eventually", "always eventually"];
    kinds.contains(&kind) || (kind == "built-in" && name == "stranded")
}

/// The same with verdicts as the report has them: of behaviours as far as they go. For comparing a program with
/// another one whose behaviours end in the same way.
pub(crate) fn as_reported(program: &Program, report: &Report, sources: &SourceMap) -> Vec<PropertyOutcome> {
    let teller = Teller { interpreter: Interpreter::new(program), program, sources };
    report.results.iter().enumerate().map(|(i, result)| property(&teller, i, result)).collect()
}

/// One result, as it is.
pub(crate) fn result(program: &Program, result: &PropertyResult, sources: &SourceMap) -> PropertyOutcome {
    let teller = Teller { interpreter: Interpreter::new(program), program, sources };
    let declared = program.properties.iter().position(|p| p.name == result.name);
    property(&teller, declared.unwrap_or(program.properties.len()), result)
}

/// The built-in check that is violated and ends the behaviours that violate it: nobody knows what comes after, so
/// nothing can be said to hold.
#[must_use]
pub fn end_of_behaviours(report: &Report) -> Option<&'static str> {
    let violated = |check: &&str| {
        let is = |r: &PropertyResult| r.kind == "built-in" && r.name == **check;
        report.results.iter().any(|r| is(r) && r.verdict == report::PropertyVerdict::Violated)
    };
    ["bounds", "advances"].into_iter().find(violated)
}

fn property(teller: &Teller<'_>, index: usize, result: &PropertyResult) -> PropertyOutcome {
    let declared = (index < teller.program.properties.len()).then(|| PropertyId::new(index));
    PropertyOutcome {
        name: result.name.clone(),
        kind: result.kind,
        claim: declared
            .map_or_else(String::new, |id| teller.program.show_claim(&teller.program.properties[id])),
        verdict: verdict(&result.verdict),
        expected_violated: false,
        span: result.span,
        trace: result.trace.as_ref().map(|t| behaviour(teller, t, declared, result)),
        liveness: liveness::told(teller, result),
        vacuous: false,
        shown_in: None,
    }
}

/// A verdict, in the words of outcomes.
pub(crate) fn verdict(verdict: &report::PropertyVerdict) -> PropertyVerdict {
    match verdict {
        report::PropertyVerdict::Holds => PropertyVerdict::Holds,
        report::PropertyVerdict::Violated => PropertyVerdict::Violated,
        report::PropertyVerdict::Inconclusive => PropertyVerdict::Inconclusive,
        report::PropertyVerdict::NotChecked(why) => PropertyVerdict::NotChecked((*why).to_owned()),
    }
}

fn behaviour(
    teller: &Teller<'_>,
    trace: &Trace,
    declared: Option<PropertyId>,
    result: &PropertyResult,
) -> TraceOutcome {
    let (initial, moments) = replay::replay(&teller.interpreter, trace);
    let mut steps = Vec::new();
    let mut now = initial.clone();
    let mut end = End { event: None, before: &initial, after: &initial };
    for (moment, step) in moments.iter().zip(&trace.steps) {
        let next = moment.state.as_ref();
        steps.push(told(teller, &now, &moment.event, next, step));
        end = End { event: Some(&moment.event), before: end.after, after: next.unwrap_or(end.after) };
        now = end.after.clone();
    }
    let ending = if let (Some(id), Some(_)) = (declared, &result.liveness) {
        liveness::ending(teller, id, trace).into_iter().collect()
    } else if result.verdict == report::PropertyVerdict::Violated {
        ending::explain(teller, declared, &result.name, &end)
    } else {
        Vec::new()
    };
    TraceOutcome { initial: interesting(&teller.interpreter, &initial), steps, ending }
}

/// The cells of an initial state that are not as anybody would expect.
fn interesting(interpreter: &Interpreter<'_>, state: &State) -> Vec<Cell> {
    let cells = cells(interpreter, state).into_iter().filter(|c| !c.boring);
    cells.map(|c| Cell { name: c.name, value: c.value }).collect()
}

fn told(
    teller: &Teller<'_>,
    before: &State,
    event: &Event,
    after: Option<&State>,
    step: &TraceStep,
) -> StepOutcome {
    let program = teller.program;
    let run = run_of(event);
    StepOutcome {
        actor: acting(program, event).map(|(sort, i)| program.instance_name(sort, i)),
        operation: operation(program, event),
        run: run.map(|r| program.run_name(r)),
        event: words(program, before, event),
        span: place(program, event),
        because: teller.because(before, event),
        changes: after.map(|after| changes(&teller.interpreter, before, after)).unwrap_or_default(),
        problem: step.excess.as_ref().map(|e| words::excess(program, teller.sources, e)),
    }
}

/// Only what changed, in the order of the program.
fn changes(interpreter: &Interpreter<'_>, before: &State, after: &State) -> Vec<Change> {
    let pairs = cells(interpreter, before).into_iter().zip(cells(interpreter, after));
    let changed = pairs.filter(|(old, new)| old.value != new.value);
    changed
        .flat_map(|(old, new)| entry_changes(&old, &new).unwrap_or_else(|| vec![change(old, new)]))
        .collect()
}

fn change(old: NamedCell, new: NamedCell) -> Change {
    Change { delta: delta(&old, &new), name: old.name, old: old.value, new: new.value }
}

/// The entries of a map that changed, each as `X.m[k]`.
fn entry_changes(old: &NamedCell, new: &NamedCell) -> Option<Vec<Change>> {
    let pairs = old.entries.as_ref()?.iter().zip(new.entries.as_ref()?);
    let changed = pairs.filter(|(before, after)| before != after);
    let told = changed.map(|((key, before), (_, after))| Change {
        name: format!("{}[{key}]", old.name),
        old: before.clone(),
        new: after.clone(),
        delta: None,
    });
    Some(told.collect())
}

/// What was added to a set and removed from it.
fn delta(old: &NamedCell, new: &NamedCell) -> Option<String> {
    let (old, new) = (old.elements.as_ref()?, new.elements.as_ref()?);
    let added = new.iter().filter(|e| !old.contains(e)).map(|e| format!("+ {e}"));
    let removed = old.iter().filter(|e| !new.contains(e)).map(|e| format!("- {e}"));
    Some(removed.chain(added).collect::<Vec<_>>().join(", "))
}

/// The run that an event belongs to.
pub(crate) fn run_of(event: &Event) -> Option<RunRef> {
    match event {
        Event::Begin(run)
        | Event::Step { run, .. }
        | Event::Reject { run, .. }
        | Event::Lose(_, run)
        | Event::Deliver { run, .. } => Some(*run),
        Event::Crash(..) | Event::Restart(..) | Event::Cut(..) | Event::Heal(..) | Event::Tick => None,
    }
}

/// The step that an event executes, answers or delivers again, with its run.
pub(crate) fn step_of(program: &Program, event: &Event) -> Option<(RunRef, StepId)> {
    match event {
        Event::Step { run, step, .. } | Event::Reject { run, step, .. } => Some((*run, *step)),
        Event::Deliver { fault, run, .. } => match &program.faults[*fault].kind {
            FaultKind::Duplicate { step, .. } => Some((*run, *step)),
            _ => None,
        },
        _ => None,
    }
}

fn operation(program: &Program, event: &Event) -> Option<String> {
    step_of(program, event).map(|(run, step)| program.protocols[run.protocol].steps[step].name.clone())
}

/// Who acts in an event.
fn acting(program: &Program, event: &Event) -> Option<(SortId, u32)> {
    let (Event::Step { actor, .. } | Event::Reject { actor, .. } | Event::Deliver { actor, .. }) = event
    else {
        return None;
    };
    let (run, step) = step_of(program, event)?;
    let protocol = &program.protocols[run.protocol];
    let sort = match protocol.steps[step].actor {
        Actor::Subject(position) => protocol.subjects.get(position as usize)?.sort,
        Actor::Role(role) => protocol.roles[role].sort,
    };
    Some((sort, *actor))
}

/// The event in words; of a request that arrives again, also what it says.
fn words(program: &Program, before: &State, event: &Event) -> String {
    let sent = sent(program, before, event);
    let with = if sent.is_empty() { String::new() } else { format!(" with {}", sent.join(", ")) };
    format!("{}{with}", program.show_event(event))
}

/// What a request that arrives again says: the names that it was sent with.
pub(crate) fn sent(program: &Program, before: &State, event: &Event) -> Vec<String> {
    let Event::Deliver { fault, position, .. } = event else { return Vec::new() };
    let FaultKind::Duplicate { vars, locals, .. } = &program.faults[*fault].kind else { return Vec::new() };
    let pending = before.pending.get(fault.index()).and_then(|p| p.get(*position as usize));
    let Some(delivery) = pending else { return Vec::new() };
    let vars = vars.iter().zip(&delivery.vars).map(|((protocol, id), value)| {
        let var = &program.protocols[*protocol].vars[*id];
        format!("{} = {}", var.name, program.show_value(&var.ty, value))
    });
    let locals = locals.iter().zip(&delivery.locals).map(|(id, value)| {
        let var = &program.vars[*id];
        let name = var.name.rsplit('.').next().unwrap_or_default();
        format!("{name} = {}", program.show_value(&var.ty, value))
    });
    vars.chain(locals).collect()
}

/// Where what happened is written.
fn place(program: &Program, event: &Event) -> Option<Span> {
    match event {
        Event::Begin(run) => Some(program.protocols[run.protocol].span),
        Event::Step { .. } | Event::Reject { .. } | Event::Deliver { .. } => {
            step_of(program, event).map(|(run, step)| program.protocols[run.protocol].steps[step].span)
        }
        Event::Crash(fault, _)
        | Event::Restart(fault, _)
        | Event::Lose(fault, _)
        | Event::Cut(fault, _)
        | Event::Heal(fault, _) => Some(program.faults[*fault].span),
        Event::Tick => None,
    }
}
