//! Which kinds of rows a step may write.

use crate::gen_::Gen;
use crate::layout::KindOf;
use arch_base::Idx;
use arch_ir::{ChainId, Outcome, Place, ProtocolId, StepId, StmtKind};
use std::collections::BTreeSet;

/// The kinds that a step may write.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    written: BTreeSet<usize>,
}

impl Touched {
    /// Of a step.
    pub fn of(r#gen: &Gen<'_>, id: ProtocolId, number: StepId) -> Touched {
        let step = &r#gen.program.protocols[id].steps[number];
        let mut touched = Touched::default();
        let moved = r#gen.program.protocols[id].parent.filter(|_| r#gen.moves_parent(id, number));
        let over = [r#gen.left(id, number, true), r#gen.left(id, number, false), r#gen.passed(id, number)];
        let runs = [id].into_iter().chain(moved.map(|parent| parent.protocol)).chain(over.concat());
        runs.for_each(|run| touched.run(r#gen, run));
        for stmt in step.effects() {
            stmt.visit(&mut |s| {
                if let StmtKind::Assign(Place::Var(var, ..), _) | StmtKind::Advance(Place::Var(var, ..), _) =
                    &s.kind
                    && !r#gen.is_ghost(*var)
                {
                    touched.written.extend(r#gen.layout.vars.get(&var.0).map(|(kind, _)| *kind));
                }
            });
        }
        let protocol = &r#gen.program.protocols[id];
        let chains = (0..protocol.chains.len()).map(|c| &protocol.chains[<ChainId as Idx>::new(c)].outcome);
        let rejects = step.reject.iter().map(|r| &r.outcome);
        chains.chain(rejects).for_each(|outcome| touched.hand_over(r#gen, outcome));
        touched
    }

    fn hand_over(&mut self, r#gen: &Gen<'_>, outcome: &Outcome) {
        if let Some(handover) = &outcome.then {
            // A run that is moved begins its sub-runs anew.
            let below = r#gen.segments(handover.protocol).into_iter().map(|(segment, _)| segment);
            [handover.protocol].into_iter().chain(below).for_each(|run| self.run(r#gen, run));
        }
    }

    fn run(&mut self, r#gen: &Gen<'_>, id: ProtocolId) {
        self.written.extend(r#gen.layout.kind_of(KindOf::Run(id)));
    }

    /// In order.
    pub fn writes(&self) -> Vec<usize> {
        self.written.iter().copied().collect()
    }
}
