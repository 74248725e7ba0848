//! Failure modes whose prevention is nothing that a step checks or does.

use crate::diagnostics::lints as warnings;
use arch_base::Diagnostic;
use arch_grammar::ast::{FailureDecl, TargetKind};
use arch_ir::Program;

/// Warns of a failure mode that is said to be prevented, and none of whose preventions is in a guard or an effect: what
/// is generated from the spec will not prevent it. `without` has the program without each prevention, in order.
pub fn without_guard(failure: &FailureDecl, written: &Program, without: &[&Program]) -> Option<Diagnostic> {
    let preventions: Vec<_> = failure.clauses.iter().filter(|c| !c.repair).collect();
    if preventions.is_empty() || preventions.len() != without.len() {
        return None;
    }
    let named = preventions.iter().flat_map(|c| &c.by).any(|target| is_in_a_step(&target.kind));
    let changed = |program: &&&Program| steps(program) != steps(written);
    let constant = preventions.iter().zip(without).any(|(clause, program)| {
        let only = clause.by.iter().all(|t| matches!(t.kind, TargetKind::WithConst(..)));
        only && changed(&program)
    });
    (!named && !constant).then(|| warnings::prevented_by_nothing(&failure.name, preventions[0].span))
}

fn is_in_a_step(target: &TargetKind) -> bool {
    !matches!(
        target,
        TargetKind::Branch(_)
            | TargetKind::Protocol(_)
            | TargetKind::WithConst(..)
            | TargetKind::WithFault(_)
    )
}

/// All guards and effects, as text: a constant that none of them mentions changes nothing here.
fn steps(program: &Program) -> Vec<String> {
    let all = program.protocols.iter().flat_map(|p| &p.steps);
    all.map(|s| format!("{:?} {:?}", s.guard, s.effect)).collect()
}
