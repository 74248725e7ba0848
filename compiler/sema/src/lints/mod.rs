//! Design lints: outages that the declarations alone show coming, before anything is explored.
//!
//! Each lint knows a shape of protocol that has failed in practice, and says nothing where something in the spec, such
//! as a token that is compared, a version that is advanced, an answer that is given, breaks that shape. A spec that
//! means it all the same accepts the warning: `allow W0801 at STEP "why"`.

mod attempts;
mod clocks;
pub mod facts;
mod fencing;
mod owners;
mod places;
mod prevention;
mod versions;

use crate::analyzer::Analyzer;
use crate::ownership::{Ownership, ownerships};
use arch_base::{Diagnostic, Span};
use arch_ir::{Program, ProtocolId, StepId};
use facts::Facts;

pub use prevention::without_guard;

/// A step by its protocol.
pub type At = (ProtocolId, StepId);

/// A warning, and the step that it is about.
struct Found {
    at: At,
    warning: Diagnostic,
}

impl Analyzer<'_> {
    /// Warns about the design of a model. Sketches have no effects to judge, and errors come first.
    pub fn check_design(&mut self) {
        if self.has_errors() || self.is_sketch() {
            return;
        }
        self.ownerships = ownerships(&self.program);
        for Found { at, warning } in found(&self.program, &self.ownerships) {
            if !accepted(&self.program, warning.code.0, at) {
                self.report(warning);
            }
        }
    }
}

fn found(program: &Program, ownerships: &[Ownership]) -> Vec<Found> {
    let facts = Facts::of(program);
    let mut found = Vec::new();
    fencing::unfenced(&facts, &mut found);
    clocks::two_clocks(&facts, &mut found);
    fencing::reclaims(&facts, &mut found);
    fencing::local_epochs(&facts, &mut found);
    versions::never_checked(&facts, &mut found);
    versions::compare_and_set(&facts, &mut found);
    versions::postconditions(&facts, &mut found);
    attempts::retries(&facts, &mut found);
    attempts::requeues(&facts, &mut found);
    places::two_places(&facts, &mut found);
    owners::overwritten(&facts, ownerships, &mut found);
    owners::renewals(&facts, ownerships, &mut found);
    owners::nobodys(&facts, ownerships, &mut found);
    found
}

/// Whether a warning is accepted of a step.
fn accepted(program: &Program, code: &str, at: At) -> bool {
    program.accepted.iter().any(|a| a.code == code && a.steps.contains(&at))
}

/// The step's name as diagnostics give it, and where it is written.
fn named(program: &Program, (protocol, step): At) -> (&str, Span) {
    let step = &program.protocols[protocol].steps[step];
    (&step.name, step.name_span)
}
