//! A program with part of it removed or changed: what failure modes and the audit compare a spec with.
//!
//! [`apply`] gives a program that is well formed ([`crate::validate`]) and has the same variables, protocols,
//! steps and properties under the same ids, so that states and traces of both read alike. What is removed
//! stays as an entry that nothing ever executes: a step that no chain has, a branch whose guard is false.

mod effect;
mod protocol;
mod step;

pub use effect::{StmtPath, statements};

use crate::guard;
use crate::program::{ChainId, Expr, Fault, FaultId, FaultKind, Program, ProtocolId, Step, StepId};
use arch_base::Span;
use std::fmt;

/// A step of a protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepRef {
    /// The protocol.
    pub protocol: ProtocolId,
    /// The step.
    pub step: StepId,
}

/// One thing that is taken from a program, or changed in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The guard of a step: it is legal whenever it is reached.
    Guard(StepRef),
    /// An atom of a guard, by its identity: the guard is what is left when its text is deleted.
    Term(StepRef, String),
    /// A statement of a step's effect, with the statements in it.
    Effect(StepRef, StmtPath),
    /// A branch: no run ever takes it.
    Branch(ProtocolId, ChainId),
    /// A protocol with its sub-runs: no run of it ever begins.
    Protocol(ProtocolId),
    /// A step: runs pass from the one before to the one after.
    Step(StepRef),
    /// How often a fault may happen; none: any number of times. (Of a skew `Some(0)` alone means something: no skew.)
    Budget(FaultId, Option<u32>),
}

impl Change {
    /// What takes the budget of a fault away: it happens any number of times, or once more if it must have one. None
    /// for a fault without.
    #[must_use]
    pub fn without_budget(id: FaultId, fault: &Fault) -> Option<Change> {
        match (&fault.kind, fault.budget?) {
            (FaultKind::Skew { .. }, _) => None,
            (FaultKind::Duplicate { .. }, n) => Some(Change::Budget(id, Some(n + 1))),
            _ => Some(Change::Budget(id, None)),
        }
    }
}

/// Why a change leaves no program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why, in one sentence without a full stop.
    pub why: String,
    /// What stands in the way.
    pub span: Span,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The program with all of these changes.
///
/// # Errors
///
/// When what is left would not be a program: a chain without steps, a variable that nothing declares.
pub fn apply(program: &Program, changes: &[Change]) -> Result<Program, Refusal> {
    let mut changed = program.clone();
    for change in in_order(changes) {
        apply_one(&mut changed, change)?;
    }
    debug_assert_eq!(crate::validate::validate(&changed), Ok(()), "{changes:?}");
    Ok(changed)
}

/// Changes that move what others name come after those: steps last, of the statements of a block the last first.
fn in_order(changes: &[Change]) -> Vec<&Change> {
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by(|a, b| match (a, b) {
        (Change::Effect(s, p), Change::Effect(t, q)) if s == t => q.cmp(p),
        _ => rank(a).cmp(&rank(b)),
    });
    ordered.dedup();
    ordered
}

fn rank(change: &Change) -> u32 {
    match change {
        Change::Term(..) => 0,
        Change::Guard(_) => 1,
        Change::Effect(..) => 2,
        Change::Budget(..) => 3,
        Change::Branch(..) => 4,
        Change::Protocol(_) => 5,
        Change::Step(_) => 6,
    }
}

fn apply_one(program: &mut Program, change: &Change) -> Result<(), Refusal> {
    match change {
        Change::Guard(at) => program.open(*at),
        Change::Term(at, id) => program.remove_term(*at, id),
        Change::Effect(at, path) => return program.remove_statement(*at, path),
        Change::Branch(protocol, chain) => program.close_branch(*protocol, *chain),
        Change::Protocol(protocol) => program.close_protocol(*protocol),
        Change::Step(at) => return program.remove_step(*at),
        Change::Budget(fault, budget) => program.set_budget(*fault, *budget),
    }
    Ok(())
}

impl Program {
    /// The step.
    #[must_use]
    pub fn step(&self, at: StepRef) -> &Step {
        &self.protocols[at.protocol].steps[at.step]
    }

    fn step_mut(&mut self, at: StepRef) -> &mut Step {
        &mut self.protocols[at.protocol].steps[at.step]
    }

    fn open(&mut self, at: StepRef) {
        let step = self.step_mut(at);
        step.guard = Expr::bool(true, step.guard.span);
        step.atoms.clear();
    }

    /// Nothing happens when the guard has no such atom (any more).
    fn remove_term(&mut self, at: StepRef, id: &str) {
        let step = self.step_mut(at);
        if let Some(n) = step.atoms.iter().position(|a| a.id == id) {
            (step.guard, step.atoms) = guard::without(&step.guard, &step.atoms, n);
        }
    }

    fn set_budget(&mut self, fault: FaultId, budget: Option<u32>) {
        let fault = &mut self.faults[fault];
        match (&mut fault.kind, budget) {
            (FaultKind::Skew { by, .. }, Some(0)) => *by = 0,
            (FaultKind::Skew { .. }, _) => {}
            _ => fault.budget = budget,
        }
    }
}
