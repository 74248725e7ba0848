//! Random programs: stateright's breadth-first engine counts what ours counts.

#[path = "../../check/tests/common/random.rs"]
mod random;

use arch_check::{Machine, Options, check};
use arch_ir::report::{Limits, Report};
use arch_stateright::{Engine, SpecModel, run};
use stateright::Model;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[test]
fn random_programs_have_the_same_counts() {
    let never = AtomicBool::new(false);
    let mut compared = 0;
    for seed in 0..120 {
        let program = random::program(seed);
        let valid = arch_ir::validate::validate(&program).is_ok();
        let Some(machine) = valid.then(|| Machine::compile(&program).ok()).flatten().map(Arc::new) else {
            continue;
        };
        let options = Options {
            threads: 1,
            limits: Limits { max_states: Some(3000), ..Limits::default() },
            ..Options::default()
        };
        let ours = check(&program, &machine, &options, &never, &mut |_| {});
        if ours.stopped.is_some() {
            continue;
        }
        let theirs = run(Engine::Bfs, &machine, &Options::default(), &never).expect("few properties");
        let counts = |r: &Report| (r.distinct_states, r.transitions, r.depth, r.cut.clone());
        assert_eq!(counts(&ours), counts(&theirs), "{}", program.name);
        assert_eq!(ours.coverage, theirs.coverage, "{}", program.name);
        let model = SpecModel::new(machine).expect("few properties");
        assert!(!model.init_states().is_empty());
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}
