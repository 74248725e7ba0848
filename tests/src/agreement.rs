//! Comparing the engines on one program: the interpreter (the oracle), the packed machine under our
//! explorer with one thread and with two, interpreted and by machine code, and stateright's breadth-first engine.
//!
//! The oracle and our explorer must find the same states in the same order, with the same events, and
//! report the same, behaviours included. Stateright judges less; what it judges must be the same.

use crate::reduction::{reduced, same_up_to_renaming};
use arch_base::{FileId, Severity};
use arch_check::check::{report_search, search_machine};
use arch_check::{Machine, Options, Scratch};
use arch_explorer::numbered::in_order;
use arch_explorer::{Exploration, System};
use arch_ir::eval::Interpreter;
use arch_ir::explore::explore_states;
use arch_ir::observe::questions;
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Report};
use arch_ir::{Event, Excess, Program, State};
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What the front end makes of a text: a program, or its errors (a sketch has notes for errors).
///
/// # Errors
///
/// The messages of the diagnostics that keep it from being explored, with their codes.
pub fn front_end(text: &str, instance: Option<&str>) -> Result<Program, Vec<String>> {
    let module = arch_grammar::parse(FileId(0), text).map_err(|list| messages(&list, text))?;
    let options = arch_sema::Options { instance: instance.map(str::to_owned), ..Default::default() };
    let analysis = arch_sema::analyze(&module, &options);
    analysis.program.ok_or_else(|| {
        let worst = if analysis.sketch { Severity::Note } else { Severity::Error };
        let list: Vec<_> = analysis.diagnostics.into_iter().filter(|d| d.severity == worst).collect();
        messages(&list, text)
    })
}

/// The names of the instances that a text declares.
#[must_use]
pub fn instances(text: &str) -> Vec<String> {
    let analysis = arch_grammar::parse(FileId(0), text)
        .map(|module| arch_sema::analyze(&module, &arch_sema::Options::default()));
    analysis.map_or_else(|_| Vec::new(), |a| a.instances)
}

fn messages(list: &[arch_base::Diagnostic], text: &str) -> Vec<String> {
    list.iter()
        .map(|d| {
            let place = d.span().and_then(|s| text.get(s.range())).unwrap_or_default();
            format!("{} {} at `{place}`", d.code, d.message)
        })
        .collect()
}

/// What was compared.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The oracle's report.
    pub report: Report,
    /// Whether only the first states were compared, there being too many.
    pub partly: bool,
    /// Why the program cannot be packed, if it cannot.
    pub not_packed: Option<String>,
}

/// Compares all engines on a program with at most so many states, or on its first states.
///
/// # Errors
///
/// The first difference. A panic is one, too.
pub fn compare(program: &Program, max_states: u64) -> Result<Compared, String> {
    let compared = catch_unwind(AssertUnwindSafe(|| compare_engines(program, max_states)));
    compared.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
        Err(format!("panic: {text}"))
    })
}

fn compare_engines(program: &Program, max_states: u64) -> Result<Compared, String> {
    arch_ir::validate::validate(program).map_err(|e| format!("the front end's program is not valid: {e}"))?;
    let limits = Limits { max_states: Some(max_states), ..Limits::default() };
    let (expected, states) = explore_states(program, &limits);
    let partly = expected.stopped.is_some();
    let machine = match Machine::compile(program) {
        Ok(machine) => Arc::new(machine),
        Err(e) => return Ok(Compared { report: expected, partly, not_packed: Some(e.to_string()) }),
    };
    let found = explored(&machine, 1, &limits);
    let reached = in_order(&*machine, &found).map_err(|stop| format!("stopped by {stop:?}"))?;
    same_states(program, &machine, &states, &reached)?;
    let compiled = compiled(program, &machine, &reached).map_err(|e| format!("machine code: {e}"))?;
    if partly {
        return Ok(Compared { report: expected, partly, not_packed: None });
    }
    crate::liveness::check_lassos(program, &expected).map_err(|e| format!("oracle: {e}"))?;
    let mut lassos = Vec::new();
    for threads in [1, 2] {
        let options = Options { threads, limits: limits.clone(), ..Options::default() };
        let never = AtomicBool::new(false);
        let found = report_search(program, &machine, &explored(&machine, threads, &limits), &options, &never);
        same_report(&expected, &found).map_err(|e| format!("{threads} threads: {e}"))?;
        if let Some(compiled) = &compiled {
            let found =
                report_search(program, compiled, &explored(compiled, threads, &limits), &options, &never);
            same_report(&expected, &found).map_err(|e| format!("machine code, {threads} threads: {e}"))?;
        }
        crate::liveness::check_lassos(program, &found)?;
        lassos.push(found.results.into_iter().map(|r| (r.trace, r.liveness)).collect::<Vec<_>>());
    }
    same(|| "one thread and two".to_owned(), &lassos[0], &lassos[1])?;
    let up_to_renaming = reduced(program, &machine, &limits);
    same_up_to_renaming(&expected, &up_to_renaming).map_err(|e| format!("with symmetry: {e}"))?;
    same_with_fingerprints(program, &machine, &limits, [&expected, &up_to_renaming])
        .map_err(|e| format!("with fingerprints: {e}"))?;
    same_as_stateright(&expected, &machine).map_err(|e| format!("stateright: {e}"))?;
    same_answers(program, &limits, &expected).map_err(|e| format!("questions: {e}"))?;
    Ok(Compared { report: expected, partly, not_packed: None })
}

/// Bits of the fingerprints that are compared with exact storage: fewer than `archc` has, so that more specs are wider.
const FINGERPRINT: u32 = 48;

/// Fingerprints lose no state of a space this small: the same is found as by storing states exactly, without and with
/// symmetry.
fn same_with_fingerprints(
    program: &Program,
    machine: &Machine,
    limits: &Limits,
    [full, reduced]: [&Report; 2],
) -> Result<(), String> {
    let never = AtomicBool::new(false);
    let find = |threads, symmetry| {
        let options = Options { threads, limits: limits.clone(), symmetry, fingerprint: Some(FINGERPRINT) };
        arch_check::check(program, machine, &options, &never, &mut |_| {})
    };
    for threads in [1, 2] {
        let found = find(threads, false);
        let bits: u32 = machine.widths().iter().sum();
        same(|| "mode".to_owned(), &(bits > FINGERPRINT), &found.compaction.is_some())?;
        same_report(full, &found).map_err(|e| format!("{threads} threads: {e}"))?;
        crate::liveness::check_lassos(program, &found)?;
    }
    let found = find(1, true);
    same_counts(reduced, &found)?;
    same_up_to_renaming(full, &found)
}

/// The questions about the spec itself: every engine has the same answers, with and without symmetry, and they change
/// nothing else.
fn same_answers(program: &Program, limits: &Limits, without: &Report) -> Result<(), String> {
    let questions = questions(program);
    let all: Vec<usize> = (0..questions.list.len()).collect();
    let asking = questions.put(program, &all);
    arch_ir::validate::validate(&asking).map_err(|e| format!("not valid: {e}"))?;
    let answers = |mut report: Report| {
        let mut yes = vec![false; all.len()];
        questions.take(program, &all, &mut report, &mut yes);
        (report, yes)
    };
    let (report, expected) = answers(explore_states(&asking, limits).0);
    same_counts(without, &report)?;
    same(|| "faults".to_owned(), &without.faults, &report.faults)?;
    let machine = Machine::compile(&asking).map_err(|e| e.to_string())?;
    for symmetry in [false, true] {
        let options = Options { limits: limits.clone(), symmetry, ..Options::default() };
        let never = AtomicBool::new(false);
        let (report, found) = answers(arch_check::check(&asking, &machine, &options, &never, &mut |_| {}));
        let states = report.represented_states.unwrap_or(report.distinct_states);
        same(|| "states".to_owned(), &without.distinct_states, &states)?;
        for ((question, expected), found) in questions.list.iter().zip(&expected).zip(&found) {
            same(|| format!("{:?}, symmetry {symmetry}", question.subject), expected, found)?;
        }
    }
    Ok(())
}

/// The machine with machine code, which does the same as the interpreter in all states that were found; none where
/// the platform has no machine code.
fn compiled(
    program: &Program,
    interpreted: &Machine,
    reached: &[Vec<u64>],
) -> Result<Option<Machine>, String> {
    if !arch_jit::SUPPORTED {
        return Ok(None);
    }
    let compiled = Machine::compile(program).map_err(|e| e.to_string())?.with_native(arch_jit::compile);
    if !compiled.warm_up() {
        return Err("there is none".to_owned());
    }
    let (mut mine, mut theirs) = ([interpreted.scratch()], [compiled.scratch()]);
    for (i, state) in reached.iter().enumerate() {
        let (one, other) =
            (interpreted.successors(state, &mut mine[0]), compiled.successors(state, &mut theirs[0]));
        same(|| format!("actions in state {i}"), &one.actions(), &other.actions())?;
        same(|| format!("successors of state {i}"), &one.states(), &other.states())?;
        same(|| format!("what leads nowhere in {i}"), &one.actions_nowhere(), &other.actions_nowhere())?;
        same(|| format!("findings in state {i}"), &one.found(), &other.found())?;
        let (mut one, mut other) = (Vec::new(), Vec::new());
        interpreted.judge(state, &mut mine[0], &mut one);
        compiled.judge(state, &mut theirs[0], &mut other);
        same(|| format!("judgement of state {i}"), &one, &other)?;
    }
    let none = vec![0; interpreted.actions()];
    same(
        || "coverage".to_owned(),
        &(interpreted.coverage(&mine, &none), interpreted.cut_spans(&mine)),
        &(compiled.coverage(&theirs, &none), compiled.cut_spans(&theirs)),
    )?;
    Ok(Some(compiled))
}

/// How many states a program has, as far as that is at most `max_states`.
#[must_use]
pub fn count_states(program: &Program, max_states: u64) -> Option<u64> {
    let limits = Limits { max_states: Some(max_states), ..Limits::default() };
    let found = explored(&Machine::compile(program).ok()?, 2, &limits);
    found.stopped.is_none().then_some(found.states)
}

fn explored(machine: &Machine, threads: usize, limits: &Limits) -> Exploration<Scratch> {
    let options = Options { threads, limits: limits.clone(), ..Options::default() };
    search_machine(machine, &options, &AtomicBool::new(false), &mut |_| {})
}

fn same<T: PartialEq + Debug>(what: impl Fn() -> String, oracle: &T, found: &T) -> Result<(), String> {
    if oracle == found {
        return Ok(());
    }
    Err(format!("{}\n  oracle: {oracle:?}\n  other:  {found:?}", what()))
}

fn same_states(
    program: &Program,
    machine: &Machine,
    states: &[State],
    found: &[Vec<u64>],
) -> Result<(), String> {
    let interpreter = Interpreter::new(program);
    for (i, expected) in states.iter().enumerate() {
        let Some(words) = found.get(i) else { return Err(format!("state {i} is missing: {expected:?}")) };
        same(|| format!("state {i}"), expected, &machine.decode(words))?;
        same(|| format!("encoding of state {i}"), &machine.encode(expected).as_ref(), &Some(words))?;
        same_events(machine, &interpreter, expected, words)?;
    }
    same(|| "number of states".to_owned(), &states.len(), &found.len())
}

/// An event with where it leads.
type Led = (Event, Result<State, Excess>);

fn same_events(
    machine: &Machine,
    interpreter: &Interpreter<'_>,
    state: &State,
    words: &[u64],
) -> Result<(), String> {
    let expected: Vec<Led> =
        interpreter.successors(state).transitions.into_iter().map(|t| (t.event, t.outcome)).collect();
    let successors = machine.successors(words, &mut machine.scratch());
    let mut found: Vec<Led> = Vec::new();
    for (action, to) in successors.events() {
        let event = machine.event(action, words);
        let led = match to {
            Some(words) => Ok(machine.decode(words)),
            None => Err(machine.excess(action, words).ok_or_else(|| format!("no excess of {event:?}"))?),
        };
        found.push((event, led));
    }
    let names = |list: &[Led]| list.iter().map(|(e, _)| e.clone()).collect::<Vec<_>>();
    same(|| format!("events of {state:?}"), &names(&expected), &names(&found))?;
    for (expected, found) in expected.iter().zip(&found) {
        same(|| format!("outcome of {:?} in {state:?}", expected.0), &expected.1, &found.1)?;
    }
    Ok(())
}

/// Everything but the engine's name.
fn same_report(expected: &Report, found: &Report) -> Result<(), String> {
    same_counts(expected, found)?;
    same(|| "depth".to_owned(), &expected.depth, &found.depth)?;
    same(|| "coverage".to_owned(), &expected.coverage, &found.coverage)?;
    same(|| "faults".to_owned(), &expected.faults, &found.faults)?;
    for (expected, found) in expected.results.iter().zip(&found.results) {
        same_verdict(expected, found)?;
        let name = || format!("behaviour of {}", expected.name);
        if ["leads to", "eventually", "always eventually"].contains(&expected.kind) {
            // Every engine has its own lasso; whether it is one is checked elsewhere.
            let vacuous = |r: &PropertyResult| r.liveness.as_ref().map(|l| l.vacuous);
            same(name, &vacuous(expected), &vacuous(found))?;
        } else {
            same(name, &expected.trace, &found.trace)?;
        }
    }
    same(|| "number of results".to_owned(), &expected.results.len(), &found.results.len())
}

fn same_counts(expected: &Report, found: &Report) -> Result<(), String> {
    same(|| "distinct states".to_owned(), &expected.distinct_states, &found.distinct_states)?;
    same(|| "transitions".to_owned(), &expected.transitions, &found.transitions)?;
    same(|| "stopped".to_owned(), &expected.stopped, &found.stopped)?;
    same(|| "cut".to_owned(), &expected.cut, &found.cut)
}

fn same_verdict(expected: &PropertyResult, found: &PropertyResult) -> Result<(), String> {
    let key = |r: &PropertyResult| (r.name.clone(), r.kind, r.span, r.verdict.clone());
    same(|| "verdict".to_owned(), &key(expected), &key(found))
}

fn same_as_stateright(expected: &Report, machine: &Arc<Machine>) -> Result<(), String> {
    let options = Options { threads: 1, limits: Limits::default(), ..Options::default() };
    let engine = arch_stateright::Engine::Bfs;
    let Ok(found) = arch_stateright::run(engine, machine, &options, &AtomicBool::new(false)) else {
        // It judges at most 63 properties.
        return Ok(());
    };
    same_counts(expected, &found)?;
    same(|| "depth".to_owned(), &expected.depth, &found.depth)?;
    for (expected, found) in expected.results.iter().zip(&found.results) {
        if matches!(found.verdict, PropertyVerdict::NotChecked(_)) {
            continue;
        }
        same_verdict(expected, found)?;
        same_length(expected, found)?;
    }
    Ok(())
}

/// Stateright judges a state with its events, so an event of one state comes before the next state.
fn same_length(expected: &PropertyResult, found: &PropertyResult) -> Result<(), String> {
    let length = |r: &PropertyResult| r.trace.as_ref().map(|t| t.steps.len());
    let (shortest, found) = (length(expected), length(found));
    let longer = shortest.map(|n| n + 1);
    if found == shortest || found == longer {
        return Ok(());
    }
    Err(format!("length of {}: {shortest:?}, {found:?}", expected.name))
}

/// The number of random specs to try, from where, and for how long at most.
#[must_use]
pub fn campaign(usual: u64) -> (std::ops::Range<u64>, Option<Instant>) {
    let number = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let (start, count) = (number("ARCHC_SEED").unwrap_or(0), number("ARCHC_RANDOM_SPECS").unwrap_or(usual));
    let end = number("ARCHC_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    (start..start + count, end)
}
