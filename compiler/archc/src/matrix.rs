//! The matrix fault × property: the spec under each fault alone.

use crate::engines::{self, Request};
use crate::narrate;
use crate::outcome::{ExitStatus, PropertyOutcome};
use arch_base::SourceMap;
use arch_ir::Program;
use arch_sema::SingleFault;

/// What the spec does under one fault, and no other.
#[derive(Clone, Debug)]
pub struct Row {
    /// The fault as one would declare it; none for the spec without faults.
    pub fault: Option<String>,
    /// Whether the spec declares it.
    pub declared: bool,
    /// What was found; why nothing was, if the fault cannot happen to this spec.
    pub found: Result<Explored, String>,
}

/// What exploring the spec under one fault found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Distinct states; with symmetry, of those that are renamings of each other one.
    pub distinct_states: u64,
    /// The states that they stand for.
    pub represented_states: u64,
    /// Their events.
    pub transitions: u64,
    /// Whether that is all of them.
    pub complete: bool,
    /// Every property and built-in check.
    pub properties: Vec<PropertyOutcome>,
}

/// Explores the spec under each fault.
#[must_use]
pub fn explore(faults: Vec<SingleFault>, request: &Request<'_>, sources: &SourceMap) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for fault in faults {
        let mut found = fault.program.and_then(|program| explored(&program, request, sources));
        if let (Some(Ok(without)), Ok(with)) = (rows.first().map(|r| &r.found), &found)
            && never_happens(without, with)
        {
            found = Err("it can never happen".to_owned());
        }
        rows.push(Row { fault: fault.text, declared: fault.declared, found });
    }
    rows
}

/// Whether a fault changes nothing: one that happens anywhere has an event of its own there.
fn never_happens(without: &Explored, with: &Explored) -> bool {
    let counts = |e: &Explored| (e.represented_states, e.distinct_states, e.transitions);
    without.complete && with.complete && counts(without) == counts(with)
}

fn explored(program: &Program, request: &Request<'_>, sources: &SourceMap) -> Result<Explored, String> {
    let report = engines::explore(program, request).map_err(|refusal| refusal.message)?;
    Ok(Explored {
        distinct_states: report.distinct_states,
        represented_states: report.represented_states.unwrap_or(report.distinct_states),
        transitions: report.transitions,
        complete: report.complete(),
        properties: narrate::properties(program, &report, sources),
    })
}

/// A matrix answers a question: it succeeds when every cell has an answer, whatever that is.
#[must_use]
pub fn status(rows: &[Row]) -> ExitStatus {
    let open = |p: &PropertyOutcome| p.verdict.is_open();
    let unanswered = |row: &Row| match &row.found {
        Ok(explored) => !explored.complete || explored.properties.iter().any(open),
        Err(_) => false,
    };
    if rows.iter().any(unanswered) { ExitStatus::Inconclusive } else { ExitStatus::Success }
}
