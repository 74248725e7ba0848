//! Stateright's engines, and our explorer behind stateright's interface, agree with our explorer.

use arch_check::{Machine, Options, check};
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Report, Stop};
use arch_ir::testing::{self, samples};
use arch_ir::{Program, ProtocolId, StepId};
use arch_stateright::{Engine, Explorer, SpecModel, run};
use stateright::{Checker, Model};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn programs() -> Vec<Program> {
    let mut list = samples();
    let mut unfenced = testing::lease();
    unfenced.protocols[ProtocolId(0)].steps[StepId(2)].guard = testing::yes();
    unfenced.name = "unfenced".to_owned();
    list.push(unfenced);
    list
}

fn machine(program: &Program) -> Arc<Machine> {
    Arc::new(Machine::compile(program).unwrap_or_else(|e| panic!("{}: {e}", program.name)))
}

fn ours(program: &Program, machine: &Machine) -> Report {
    check(program, machine, &Options::default(), &AtomicBool::new(false), &mut |_| {})
}

fn theirs(engine: Engine, machine: &Arc<Machine>, options: &Options) -> Report {
    run(engine, machine, options, &AtomicBool::new(false)).expect("few properties")
}

/// The same verdicts where the other engine judges.
fn same_verdicts(name: &str, ours: &Report, theirs: &Report) {
    assert_eq!(ours.results.len(), theirs.results.len(), "{name}");
    for (ours, theirs) in ours.results.iter().zip(&theirs.results) {
        if !matches!(theirs.verdict, PropertyVerdict::NotChecked(_)) {
            assert_eq!((&ours.name, &ours.verdict), (&theirs.name, &theirs.verdict), "{name}");
        }
    }
}

#[test]
fn breadth_first_agrees_in_everything() {
    for program in programs() {
        let machine = machine(&program);
        let (ours, theirs) = (ours(&program, &machine), theirs(Engine::Bfs, &machine, &Options::default()));
        let counts = |r: &Report| (r.distinct_states, r.transitions, r.depth, r.stopped, r.cut.clone());
        assert_eq!(counts(&ours), counts(&theirs), "{}", program.name);
        assert_eq!(ours.coverage, theirs.coverage, "{}", program.name);
        same_verdicts(&program.name, &ours, &theirs);
        let several = SpecModel::new(machine).expect("few properties").init_states().len() > 1;
        for (ours, theirs) in ours.results.iter().zip(&theirs.results) {
            if !matches!(theirs.verdict, PropertyVerdict::NotChecked(_)) {
                let length = |r: &PropertyResult| r.trace.as_ref().map(|t| t.steps.len());
                assert_eq!(length(ours), length(theirs), "{}: {}", program.name, ours.name);
                // Stateright takes initial states from the last to the first.
                let alike = several || ours.trace == theirs.trace;
                assert!(alike, "{}: {}", program.name, ours.name);
            }
        }
    }
}

#[test]
fn depth_first_agrees_in_counts_and_verdicts() {
    for program in programs() {
        let machine = machine(&program);
        for threads in [1, 2] {
            let options = Options { threads, limits: Limits::default(), ..Options::default() };
            let (ours, theirs) = (ours(&program, &machine), theirs(Engine::Dfs, &machine, &options));
            let counts = |r: &Report| (r.distinct_states, r.transitions, r.stopped, r.cut.clone());
            assert_eq!(counts(&ours), counts(&theirs), "{}", program.name);
            same_verdicts(&program.name, &ours, &theirs);
        }
    }
}

#[test]
fn our_explorer_is_a_checker() {
    for program in programs() {
        let machine = machine(&program);
        let report = ours(&program, &machine);
        let model = SpecModel::new(machine.clone()).expect("few properties");
        let checker = Explorer::explore(model, &Options::default(), &AtomicBool::new(false));
        assert!(checker.is_done());
        assert_eq!(checker.unique_state_count() as u64, report.distinct_states, "{}", program.name);
        assert_eq!(checker.max_depth(), report.depth as usize + 1, "{}", program.name);
        let discoveries = checker.discoveries();
        for result in report.results.iter().filter(|r| !matches!(r.kind, "always possible" | "reachable")) {
            if result.name != "stranded" {
                let violated = result.verdict == PropertyVerdict::Violated;
                assert_eq!(
                    discoveries.contains_key(result.name.as_str()),
                    violated,
                    "{}: {}",
                    program.name,
                    result.name
                );
            }
        }
        let bfs = SpecModel::new(machine).expect("few properties").checker().spawn_bfs().join();
        assert_eq!(checker.state_count(), bfs.state_count(), "{}", program.name);
    }
}

#[test]
fn simulation_finds_a_violation_and_is_never_complete() {
    let program = programs().pop().expect("a program");
    let machine = machine(&program);
    let report = theirs(Engine::Simulation(7), &machine, &Options::default());
    assert_eq!(report.stopped, Some(Stop::Engine));
    assert_eq!(report.result("no_zombie").expect("a result").verdict, PropertyVerdict::Violated);
    assert_eq!(report.result("epoch_grows").expect("a result").verdict, PropertyVerdict::Inconclusive);
}

#[test]
fn limits_and_interrupts_end_an_engine() {
    let machine = machine(&testing::lease());
    let limits = Limits { max_states: Some(10), ..Limits::default() };
    let report = theirs(Engine::Bfs, &machine, &Options { threads: 1, limits, ..Options::default() });
    assert_eq!(report.stopped, Some(Stop::States));
    assert_eq!(report.result("bounds").expect("a result").verdict, PropertyVerdict::Inconclusive);
    let report =
        run(Engine::Bfs, &machine, &Options::default(), &AtomicBool::new(true)).expect("few properties");
    assert!(matches!(report.stopped, Some(Stop::Interrupted) | None));
}

#[test]
fn states_and_actions_can_be_read() {
    let model = SpecModel::new(machine(&testing::lease())).expect("few properties");
    let state = model.init_states().remove(0);
    let shown = format!("{state:?}");
    assert!(shown.contains("LeaseState.expiry_at: past"), "{shown}");
    let mut actions = Vec::new();
    model.actions(&state, &mut actions);
    let shown = model.format_action(&actions[0]);
    assert_eq!(shown, "claimant1[claim] in main[claimant1]");
}

#[test]
fn too_many_properties_are_refused() {
    let mut program = testing::lease();
    for i in 0..70 {
        let mut property = program.properties[arch_ir::PropertyId(1)].clone();
        property.name = format!("copy{i}");
        program.properties.push(property);
    }
    let Err(error) = SpecModel::new(machine(&program)) else { panic!("too many properties were taken") };
    assert!(error.to_string().contains("at most 63"), "{error}");
}
