//! Every state of the spec's finite model, by the generated steps.

use arch_runtime::model::explore;
use i16_replicated_kv::generated::model::model;

/// States, transitions and depth, as `archc check specs/I16_replicated_kv.arch --no-symmetry` counts them.
const ARCHC: (usize, u64, u32) = (21_638, 94_420, 16);

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
