//! What exploration says about the spec itself: steps that nothing executes, guards and properties that say
//! nothing.

use crate::codes;
use arch_base::Diagnostic;
use arch_ir::report::{PropertyResult, PropertyVerdict, Report, StepCoverage};
use arch_ir::{ExprKind, Value};
use arch_ir::{Program, Step};

/// Warnings about steps and properties, if every state was seen: before that there is nothing to say.
#[must_use]
pub fn warnings(program: &Program, report: &Report) -> Vec<Diagnostic> {
    if !report.complete() || !program.builtin.coverage {
        return Vec::new();
    }
    let steps = program.protocols.iter().zip(&report.coverage).flat_map(|(p, c)| p.steps.iter().zip(c));
    let steps = steps.filter_map(|(step, seen)| warning(step, *seen));
    steps.chain(report.results.iter().filter_map(vacuous)).collect()
}

/// A property that asks for something to follow what never happens.
fn vacuous(result: &PropertyResult) -> Option<Diagnostic> {
    let vacuous = result.liveness.as_ref().is_some_and(|l| l.vacuous);
    if !vacuous || result.verdict != PropertyVerdict::Holds {
        return None;
    }
    let message = format!("{} holds because what is to be followed never happens", result.name);
    let warning = Diagnostic::warning(codes::VACUOUS, message).at(result.span?, "says nothing of this model");
    Some(warning.help("ask for `reachable` of the same condition, and find out what keeps it from happening"))
}

fn warning(step: &Step, seen: StepCoverage) -> Option<Diagnostic> {
    if seen.executed == 0 {
        let message = format!("no behaviour executes `{}`", step.name);
        let warning =
            Diagnostic::warning(codes::NEVER_EXECUTES, message).at(step.name_span, "never executes");
        return Some(if seen.refused {
            warning.see(step.guard.span, "whenever the step is reached, its guard is false")
        } else {
            warning.because("no run ever reaches it")
        });
    }
    let trivial = matches!(step.guard.kind, ExprKind::Literal(Value::Bool(true))) || step.atoms.is_empty();
    if seen.refused || trivial {
        return None;
    }
    let message = format!("the guard of `{}` is never false", step.name);
    Some(
        Diagnostic::warning(codes::NEVER_FALSE, message)
            .at(step.guard.span, "true whenever the step is reached")
            .help("leave the guard out, or ask what was to make it false"),
    )
}
