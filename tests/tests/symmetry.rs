//! Symmetry changes nothing but the number of states that are stored, on every model of the project.

use arch_check::{Machine, Options};
use arch_ir::report::Limits;
use archc_tests::agreement::{front_end, instances};
use archc_tests::reduction::{reduced, same_up_to_renaming};
use archc_tests::{repository, specs_below};
use std::sync::atomic::AtomicBool;

/// Larger ones with `ARCHC_REDUCTION_STATES=400000`.
const MAX_STATES: u64 = 60_000;

#[test]
fn every_model_is_reduced_soundly() {
    let most = std::env::var("ARCHC_REDUCTION_STATES").ok().and_then(|n| n.parse().ok());
    let limits = Limits { max_states: Some(most.unwrap_or(MAX_STATES)), ..Limits::default() };
    let (mut compared, mut gained) = (0, 0);
    for path in specs_below(&repository("specs")) {
        let text = std::fs::read_to_string(&path).expect("a spec");
        let names = instances(&text).into_iter().map(Some);
        for instance in std::iter::once(None).chain(names) {
            let Ok(mut program) = front_end(&text, instance.as_deref()) else { continue };
            // They are judged in all states, so with them nothing would be reduced.
            program.properties =
                program.properties.iter().filter(|p| !p.kind.is_liveness()).cloned().collect();
            let machine = Machine::compile(&program).expect("a machine");
            let up_to = reduced(&program, &machine, &limits);
            let options = Options { threads: 2, limits: limits.clone(), ..Options::default() };
            let full = arch_check::check(&program, &machine, &options, &AtomicBool::new(false), &mut |_| {});
            if full.stopped.is_some() {
                continue;
            }
            let what = format!("{} {instance:?}", path.display());
            same_up_to_renaming(&full, &up_to).unwrap_or_else(|e| panic!("{what}: {e}"));
            compared += 1;
            gained += usize::from(up_to.distinct_states * 3 < full.distinct_states * 2);
            println!("{what}: {} for {} states", up_to.distinct_states, full.distinct_states);
        }
    }
    assert!(compared >= 6 && gained >= 3, "{compared} compared, {gained} much smaller");
}
