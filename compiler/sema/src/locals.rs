//! Locals of concurrent actors: two runs of one instance must not overwrite each other's.
//!
//! An instance takes part in one unfinished run of a protocol at a time, unless its actor is `concurrent`.
//! Then what one step of a run keeps in a local for a later step, another run of that instance may have
//! overwritten in between; a run variable is each run's own.

use crate::analyzer::Analyzer;
use crate::diagnostics::protocols as errors;
use arch_base::Span;
use arch_ir::{Expr, ExprKind, Place, Program, Protocol, Step, StmtKind, VarId, VarOwner};

impl Analyzer<'_> {
    /// Reports locals that one step writes and another step of the same protocol reads.
    pub fn check_shared_locals(&mut self) {
        let mut found: Vec<(Span, VarId, Span)> = Vec::new();
        for protocol in self.program.protocols.iter().filter(|p| !p.rule) {
            found.extend(shared(&self.program, protocol));
        }
        for (read, var, written) in found {
            let var = &self.program.vars[var];
            let error = errors::shared_local(read, written, &var.name, &self.show_type(&var.ty), var.span);
            self.report(error);
        }
    }
}

/// Reads of what another step writes: the read, the local, the write.
fn shared(program: &Program, protocol: &Protocol) -> Vec<(Span, VarId, Span)> {
    let writes: Vec<(usize, VarId, Span)> = protocol
        .steps
        .iter()
        .enumerate()
        .flat_map(|(i, s)| written(program, s).map(move |(v, at)| (i, v, at)))
        .collect();
    let mut found = Vec::new();
    for (number, step) in protocol.steps.iter().enumerate() {
        for (var, read) in reads(step) {
            let other = writes.iter().find(|(i, v, _)| *v == var && *i != number);
            found.extend(other.map(|(_, _, at)| (read, var, *at)));
        }
    }
    found
}

/// Own locals of a concurrent actor that a step's effect assigns.
fn written(program: &Program, step: &Step) -> impl Iterator<Item = (VarId, Span)> + use<> {
    let mut found = Vec::new();
    for stmt in &step.effect {
        stmt.visit(&mut |s| {
            if let StmtKind::Assign(Place::Var(var, keys, _), _)
            | StmtKind::Advance(Place::Var(var, keys, _), _) = &s.kind
                && is_own(keys)
                && is_concurrent(program, *var)
            {
                found.push((*var, s.span));
            }
        });
    }
    found.into_iter()
}

/// Own locals that a step reads.
fn reads(step: &Step) -> Vec<(VarId, Span)> {
    let mut found = Vec::new();
    let mut note = |e: &Expr| {
        e.visit(&mut |e| match &e.kind {
            ExprKind::Var(var, keys) if is_own(keys) => found.push((*var, e.span)),
            _ => {}
        });
    };
    note(&step.guard);
    step.lets.iter().for_each(|(_, e)| note(e));
    for stmt in &step.effect {
        stmt.visit(&mut |s| s.exprs().into_iter().for_each(&mut note));
    }
    found
}

fn is_own(keys: &[Expr]) -> bool {
    matches!(keys, [only] if matches!(only.kind, ExprKind::SelfId))
}

fn is_concurrent(program: &Program, var: VarId) -> bool {
    matches!(program.vars[var].owner, VarOwner::Local(sort) if program.sorts[sort].concurrent)
}
