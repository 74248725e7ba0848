//! Every state of the spec's finite model, by the generated steps.

use arch_runtime::model::explore;
use i11_control_plane::generated::model::model;

/// States, transitions and depth, as `archc check specs/I11_control_plane.arch --set CHANGES=1 --set LOSSES=1 --set DUPLICATES=1`
/// counts them.
const ARCHC: (usize, u64, u32) = (1_186, 3_369, 14);

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
