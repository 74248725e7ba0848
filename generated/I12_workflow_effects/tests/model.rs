//! Every state of the spec's finite model, by the generated steps.

use arch_runtime::model::explore;
use i12_workflow_effects::generated::model::model;

/// States, transitions and depth, as `archc check specs/I12_workflow_effects.arch` counts them.
const ARCHC: (usize, u64, u32) = (37_561, 113_672, 19);

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
