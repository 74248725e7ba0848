//! Every state of the spec's finite model, by the generated steps.

use arch_runtime::model::explore;
use i15_execution_fleet::generated::model::model;

/// States, transitions and depth, as `archc check specs/I15_execution_fleet.arch --no-symmetry` counts them.
const ARCHC: (usize, u64, u32) = (51_919, 218_134, 32);

#[test]
fn the_model_is_archcs_and_holds() {
    let report = explore(&model(), 1_000_000);
    assert_eq!((report.states, report.transitions, report.depth), ARCHC);
    assert!(
        !report.cut && report.violated().is_empty(),
        "{:?}",
        report.violated()
    );
}
