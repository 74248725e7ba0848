//! The oracle's own samples, executed by the machine.

mod common;

use arch_ir::testing::{self, samples};

#[test]
fn every_sample_agrees_with_the_oracle() {
    for program in samples() {
        common::agree(&program);
    }
}

#[test]
fn a_lease_without_its_fence_agrees() {
    let mut program = testing::lease();
    program.protocols[arch_ir::ProtocolId(0)].steps[arch_ir::StepId(2)].guard = testing::yes();
    common::agree(&program);
}
