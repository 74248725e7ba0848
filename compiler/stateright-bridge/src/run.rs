//! Running stateright's own engines and reporting in our terms.
//!
//! *Transitions* are the states that stateright generated, without the initial ones, and the events that
//! lead to no state. *Depth* is that of the breadth-first engine with one thread; the others do not say how
//! far a state is from the initial ones, so theirs is the longest behaviour that they followed. What has to
//! be reachable from every state is not judged: stateright does not keep the graph.

use crate::model::{SpecModel, SpecState};
use arch_check::check::{fault_events, kind_of};
use arch_check::{CompileError, Finding, Machine, Options};
use arch_ir::report::{PropertyResult, PropertyVerdict, Report, Stop, Trace, TraceStep};
use arch_ir::{Property, PropertyId, PropertyKind};
use stateright::{Checker, Model, Path, UniformChooser};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// States that a simulation visits when no limit says otherwise.
const SIMULATED: u64 = 100_000;
/// How often limits are looked at.
const BEAT: Duration = Duration::from_millis(2);
/// Why properties over the whole graph have no verdict.
const NO_GRAPH: &str = "stateright does not keep the graph";
/// Why properties of infinite behaviours have no verdict.
const NO_LIVENESS: &str = "stateright's engines do not judge liveness";

/// One of stateright's engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    /// Breadth first; with one thread, behaviours are shortest.
    Bfs,
    /// Depth first.
    Dfs,
    /// Random behaviours from a seed; never complete.
    Simulation(u64),
}

impl Engine {
    /// Its name, as `--engine` says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Engine::Bfs => "stateright-bfs",
            Engine::Dfs => "stateright-dfs",
            Engine::Simulation(_) => "stateright-simulation",
        }
    }
}

/// Checks a machine with one of stateright's engines. A limit on states is one on expanded states; a limit
/// on memory is not observed.
///
/// # Errors
///
/// When stateright cannot judge the program's properties.
pub fn run(
    engine: Engine,
    machine: &Arc<Machine>,
    options: &Options,
    interrupt: &AtomicBool,
) -> Result<Report, CompileError> {
    let model = SpecModel::new(machine.clone())?;
    model.tally.first_only.store(true, Ordering::Relaxed);
    let simulated = matches!(engine, Engine::Simulation(_)).then_some(SIMULATED);
    let most = options.limits.max_states.or(simulated).unwrap_or(0);
    model.tally.most.store(most, Ordering::Relaxed);
    let builder = model.checker().threads(options.threads.max(1));
    Ok(match engine {
        Engine::Bfs => finish(engine, builder.spawn_bfs(), options, interrupt),
        Engine::Dfs => finish(engine, builder.spawn_dfs(), options, interrupt),
        Engine::Simulation(seed) => {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let builder = builder.target_state_count(most);
            finish(engine, builder.spawn_simulation(seed, UniformChooser), options, interrupt)
        }
    })
}

/// Waits for a checker and reports.
fn finish(
    engine: Engine,
    mut checker: impl Checker<SpecModel>,
    options: &Options,
    interrupt: &AtomicBool,
) -> Report {
    let mut stopped = None;
    let handles = checker.handles();
    while handles.iter().any(|h| !h.is_finished()) {
        let late = options.limits.deadline.is_some_and(|at| Instant::now() >= at);
        if stopped.is_none() && (late || interrupt.load(Ordering::Relaxed)) {
            stopped = Some(if late { Stop::Time } else { Stop::Interrupted });
            checker.model().tally.stop.store(true, Ordering::Relaxed);
        }
        sleep(BEAT);
    }
    for handle in handles {
        // A panic in the model is passed on.
        if let Err(panic) = handle.join() {
            std::panic::resume_unwind(panic);
        }
    }
    let tally = &checker.model().tally;
    if stopped.is_none() && tally.stop.load(Ordering::Relaxed) {
        stopped = Some(Stop::States);
    }
    if let Engine::Simulation(_) = engine {
        stopped = stopped.filter(|s| *s != Stop::States).or(Some(Stop::Engine));
    }
    report(engine, &checker, stopped)
}

fn report(engine: Engine, checker: &impl Checker<SpecModel>, stopped: Option<Stop>) -> Report {
    let model = checker.model();
    let machine = model.machine();
    let nowhere = model.tally.nowhere.load(Ordering::Relaxed);
    let (scratches, executed) = (model.scratches(), model.executed());
    model.tally.stop.store(false, Ordering::Relaxed);
    model.tally.most.store(0, Ordering::Relaxed);
    let generated = (checker.state_count() as u64).saturating_sub(model.init_states().len() as u64);
    let cut = machine.cut_spans(&scratches);
    let verdicts =
        Verdicts { model, discoveries: checker.discoveries(), complete: stopped.is_none() && cut.is_empty() };
    Report {
        engine: engine.name(),
        distinct_states: checker.unique_state_count() as u64,
        represented_states: None,
        reduction: None,
        transitions: generated + nowhere,
        depth: u32::try_from(checker.max_depth().saturating_sub(1)).unwrap_or(u32::MAX),
        stopped,
        results: verdicts.results(),
        coverage: machine.coverage(&scratches, &executed),
        faults: fault_events(machine, &executed),
        statistics: None,
        simulation: None,
        compaction: None,
        cut,
    }
}

/// Judges what was found.
struct Verdicts<'a> {
    model: &'a SpecModel,
    discoveries: HashMap<&'static str, Path<SpecState, crate::SpecAction>>,
    complete: bool,
}

impl Verdicts<'_> {
    fn results(&self) -> Vec<PropertyResult> {
        let program = self.model.machine().program();
        let mut results: Vec<_> =
            program.properties.iter_enumerated().map(|(id, p)| self.property(id, p)).collect();
        let on = [
            (program.builtin.bounds, "bounds", Finding::Bounds),
            (program.builtin.advances, "advances", Finding::Advances),
            (program.builtin.stuck, "stuck", Finding::Stuck),
        ];
        results.extend(on.into_iter().filter(|(on, _, _)| *on).map(|(_, name, f)| self.never(name, f)));
        if program.builtin.stranded {
            results.push(result("stranded", PropertyVerdict::NotChecked(NO_GRAPH), None));
        }
        results
    }

    fn property(&self, id: PropertyId, property: &Property) -> PropertyResult {
        let name = &property.name;
        let result = match &property.kind {
            PropertyKind::Always(_) | PropertyKind::Step { .. } | PropertyKind::Monotonic(_) => {
                self.never(name, Finding::Violated(id))
            }
            PropertyKind::Reachable(_) => self.reachable(id, name),
            PropertyKind::AlwaysPossible(_) => result(name, PropertyVerdict::NotChecked(NO_GRAPH), None),
            PropertyKind::LeadsTo(..) | PropertyKind::Eventually(_) | PropertyKind::AlwaysEventually(_) => {
                result(name, PropertyVerdict::NotChecked(NO_LIVENESS), None)
            }
        };
        PropertyResult { kind: kind_of(&property.kind), span: Some(property.span), ..result }
    }

    fn unless_incomplete(&self, verdict: PropertyVerdict) -> PropertyVerdict {
        if self.complete { verdict } else { PropertyVerdict::Inconclusive }
    }

    fn discovery(&self, finding: u32) -> Option<&Path<SpecState, crate::SpecAction>> {
        let judged = self.model.judged().iter().find(|j| j.finding == Some(finding))?;
        self.discoveries.get(judged.name)
    }

    fn never(&self, name: &str, finding: Finding) -> PropertyResult {
        let number = self.model.machine().findings().iter().position(|f| *f == finding).map(|n| n as u32);
        match number.and_then(|n| Some((n, self.discovery(n)?))) {
            Some((number, path)) => {
                result(name, PropertyVerdict::Violated, Some(self.trace(path, Some(number))))
            }
            None => result(name, self.unless_incomplete(PropertyVerdict::Holds), None),
        }
    }

    fn reachable(&self, id: PropertyId, name: &str) -> PropertyResult {
        let first = self.model.init_states().into_iter().next();
        let wanted = first.map(|s| self.model.machine().wanted(id, s.words())).unwrap_or_default();
        let found: Option<Vec<_>> = wanted.into_iter().map(|f| self.discovery(f)).collect();
        match found {
            Some(found) => result(name, PropertyVerdict::Holds, found.first().map(|p| self.trace(p, None))),
            None => result(name, self.unless_incomplete(PropertyVerdict::Violated), None),
        }
    }

    /// A behaviour, with the event that was found at its end.
    fn trace(&self, path: &Path<SpecState, crate::SpecAction>, finding: Option<u32>) -> Trace {
        let machine = self.model.machine();
        let list = path.clone().into_vec();
        let mut steps = Vec::new();
        for pair in list.windows(2) {
            if let (from, Some(action)) = &pair[0] {
                let state = Some(machine.decode(pair[1].0.words()));
                steps.push(TraceStep { event: machine.event(action.0, from.words()), state, excess: None });
            }
        }
        let last = &path.last_state();
        if let Some(action) = finding.and_then(|f| self.model.event_with(last, f)) {
            let state =
                self.model.next_state(last, crate::SpecAction(action)).map(|s| machine.decode(s.words()));
            let excess = if state.is_none() { machine.excess(action, last.words()) } else { None };
            steps.push(TraceStep { event: machine.event(action, last.words()), state, excess });
        }
        let initial = list.first().map(|(state, _)| machine.decode(state.words())).unwrap_or_default();
        Trace { initial, steps }
    }
}

fn result(name: &str, verdict: PropertyVerdict, trace: Option<Trace>) -> PropertyResult {
    PropertyResult { name: name.to_owned(), kind: "built-in", span: None, verdict, trace, liveness: None }
}
