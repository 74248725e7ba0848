//! Every state of the spec's finite model, by the generated steps.

use arch_runtime::model::explore;
use i05_append_log::generated::model::model;

/// States, transitions and depth, as `archc check specs/I05_append_log.arch --instance quick --no-symmetry` counts them.
const ARCHC: (usize, u64, u32) = (24_390, 201_654, 25);

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
