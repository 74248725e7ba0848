//! The one place that calls engines: which one, how, and what it cannot take.

use crate::cli::Engine;
use crate::progress::{Progress, Snapshot};
use arch_base::Span;
use arch_check::Machine;
use arch_check::family::Family;
use arch_check::lockstep::{Comparison, Variant};
use arch_check::simulate::{Runs, simulate};
use arch_ir::Program;
use arch_ir::report::{Enough, Limits, Report};
use arch_stateright::Engine as Other;
use clap::ValueEnum;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What random simulation starts from: the same each time, so that its reports are.
const SEED: u64 = 0;

/// Bits of fingerprints that are stored instead of states: fewer lose states of spaces that are explored in minutes.
const FINGERPRINT: u32 = 64;

/// How to explore one program.
#[derive(Debug)]
pub struct Request<'a> {
    /// What explores.
    pub engine: Engine,
    /// Worker threads; 0 means one per processor.
    pub threads: usize,
    /// Whether the explorer stores one of states that differ in names alone.
    pub symmetry: bool,
    /// Whether the explorer stores fingerprints of wide states instead of states.
    pub compact: bool,
    /// When to give up.
    pub limits: Limits,
    /// Becomes true when the user wants to see what there is.
    pub interrupt: &'a AtomicBool,
    /// Who watches.
    pub progress: &'a Progress,
}

/// Why an engine cannot take a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What it cannot take, if that has a place.
    pub span: Option<Span>,
    /// Why, in one sentence.
    pub message: String,
}

/// Explores all reachable states and judges every property.
///
/// # Errors
///
/// When the engine cannot take the program at all.
pub fn explore(program: &Program, request: &Request<'_>) -> Result<Report, Refusal> {
    match request.engine {
        Engine::Oracle => Ok(oracle(program, request)),
        Engine::Explorer | Engine::Interpreter | Engine::Jit => explorer(program, request),
        Engine::StaterightBfs => stateright(program, request, Other::Bfs),
        Engine::StaterightDfs => stateright(program, request, Other::Dfs),
        Engine::StaterightSimulation => stateright(program, request, Other::Simulation(SEED)),
        Engine::Simulation(runs) => simulation(program, runs, request),
    }
}

/// Compares a program with variants of it, state by state.
///
/// # Errors
///
/// When the explorer cannot take one of them.
pub fn compare(
    program: &Program,
    variants: &[Variant],
    early: bool,
    request: &Request<'_>,
) -> Result<Comparison, Refusal> {
    arch_check::lockstep::compare(program, variants, early, &options(request), request.interrupt)
        .map_err(refusal)
}

/// Prepares an exploration of variants of a program; none where only explorations of each by itself will do.
#[must_use]
pub fn family(program: &Program, request: &Request<'_>) -> Option<Family> {
    let ours = matches!(request.engine, Engine::Explorer | Engine::Interpreter | Engine::Jit);
    // With a limit of states, every exploration has its own.
    if !ours || request.limits.max_states.is_some() {
        return None;
    }
    let machine = compiled(program, request).ok()?;
    Family::new(machine, arch_check::Options { symmetry: false, ..options(request) }).ok()
}

/// Whether an engine's counterexamples are the shortest: stateright's are only with one thread.
#[must_use]
pub fn finds_shortest(engine: Engine, threads: usize) -> bool {
    match engine {
        Engine::Explorer | Engine::Interpreter | Engine::Jit | Engine::Oracle => true,
        Engine::StaterightBfs => threads <= 1,
        Engine::StaterightDfs | Engine::StaterightSimulation | Engine::Simulation(_) => false,
    }
}

/// The engine, as the command line names it.
#[must_use]
pub fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Explorer => "explorer",
        Engine::Interpreter => "interpreter",
        Engine::Jit => "jit",
        Engine::Oracle => "oracle",
        Engine::StaterightBfs => "stateright-bfs",
        Engine::StaterightDfs => "stateright-dfs",
        Engine::StaterightSimulation => "stateright-simulation",
        Engine::Simulation(_) => "simulation",
    }
}

/// All engines, as the command line names them.
#[must_use]
pub fn names() -> Vec<&'static str> {
    Engine::value_variants().iter().map(|e| name(*e)).collect()
}

/// Serves stateright's web Explorer until the process ends.
///
/// # Errors
///
/// When the program cannot be packed or the address cannot be served.
pub fn serve(program: &Program, address: SocketAddr) -> Result<(), Refusal> {
    let machine = Arc::new(Machine::compile(program).map_err(refusal)?);
    arch_stateright::serve(machine, &address.to_string()).map_err(refusal)
}

fn oracle(program: &Program, request: &Request<'_>) -> Report {
    arch_ir::explore::explore(program, &request.limits, request.interrupt)
}

/// A program for the explorer, with machine code unless it is to be interpreted.
fn compiled(program: &Program, request: &Request<'_>) -> Result<Machine, Refusal> {
    let machine = Machine::compile(program).map_err(refusal)?;
    Ok(if request.engine == Engine::Interpreter { machine } else { machine.with_native(arch_jit::compile) })
}

fn options(request: &Request<'_>) -> arch_check::Options {
    arch_check::Options {
        threads: threads(request.threads),
        limits: request.limits.clone(),
        symmetry: request.symmetry,
        fingerprint: request.compact.then_some(FINGERPRINT),
    }
}

fn explorer(program: &Program, request: &Request<'_>) -> Result<Report, Refusal> {
    let machine = compiled(program, request)?;
    if request.engine == Engine::Jit && !machine.warm_up() {
        let message = "there is no machine code for it on this platform, or it is too large";
        return Err(Refusal { span: None, message: message.to_owned() });
    }
    let mut show = |p: &arch_explorer::Progress| show(request, p);
    Ok(arch_check::check(program, &machine, &options(request), request.interrupt, &mut show))
}

/// Follows random behaviours.
fn simulation(program: &Program, runs: Runs, request: &Request<'_>) -> Result<Report, Refusal> {
    let machine = Machine::compile(program).map_err(refusal)?.with_native(arch_jit::compile);
    let limits = Limits { enough: Some(unexpected(program)), ..request.limits.clone() };
    let options = arch_check::Options { limits, symmetry: false, ..options(request) };
    let mut show = |p: &arch_explorer::Progress| show(request, p);
    Ok(simulate(&machine, runs, &options, request.interrupt, &mut show))
}

/// A violation that the file does not expect: one ends a simulation.
fn unexpected(program: &Program) -> Enough {
    let expected = |name: &str| program.expectations.iter().any(|e| e.property == name);
    let declared = program.properties.iter().map(|p| p.name.as_str());
    let on = program.builtin;
    let built_in = [(on.bounds, "bounds"), (on.advances, "advances"), (on.stuck, "stuck")];
    let built_in = built_in.into_iter().filter(|(on, _)| *on).map(|(_, name)| name);
    let names = declared.chain(built_in).filter(|name| !expected(name));
    Enough { any: names.map(str::to_owned).collect(), all: Vec::new() }
}

fn show(request: &Request<'_>, p: &arch_explorer::Progress) {
    request.progress.show(Snapshot {
        states: p.states,
        frontier: p.frontier,
        depth: p.depth,
        bytes: p.bytes,
        load: p.load,
    });
}

/// One of stateright's engines; unless the user asks for more, with the one thread that makes its
/// reports the same each time.
fn stateright(program: &Program, request: &Request<'_>, engine: Other) -> Result<Report, Refusal> {
    let machine = Arc::new(Machine::compile(program).map_err(refusal)?);
    let options = arch_check::Options {
        threads: request.threads.max(1),
        limits: request.limits.clone(),
        symmetry: false,
        fingerprint: None,
    };
    arch_stateright::run(engine, &machine, &options, request.interrupt).map_err(refusal)
}

fn refusal(error: arch_check::CompileError) -> Refusal {
    Refusal { span: error.span, message: error.message }
}

/// What the user chose, or one thread per processor.
pub(crate) fn threads(chosen: usize) -> usize {
    if chosen > 0 { chosen } else { std::thread::available_parallelism().map_or(1, NonZeroUsize::get) }
}
