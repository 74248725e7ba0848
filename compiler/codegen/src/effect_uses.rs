//! Which kinds of rows a step may write.

use crate::gen_::Gen;
use crate::layout::KindOf;
use arch_base::Idx;
use arch_ir::{ChainId, Outcome, Place, ProtocolId, Step, StmtKind};
use std::collections::BTreeSet;

/// The kinds that a step may write.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    written: BTreeSet<usize>,
}

impl Touched {
    /// Of a step.
    pub fn of(r#gen: &Gen<'_>, id: ProtocolId, step: &Step) -> Touched {
        let mut touched = Touched::default();
        touched.written.extend(r#gen.layout.protocol(id).kind);
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
            self.written.extend(r#gen.layout.kind_of(KindOf::Run(handover.protocol)));
        }
    }

    /// In order.
    pub fn writes(&self) -> Vec<usize> {
        self.written.iter().copied().collect()
    }
}
