//! Branches and protocols that no run takes any more.

use crate::program::{ChainId, Expr, Program, ProtocolId, Step, StepId};

impl Program {
    /// No run takes this branch any more.
    pub(super) fn close_branch(&mut self, protocol: ProtocolId, chain: ChainId) {
        let steps = self.protocols[protocol].chains[chain].steps.clone();
        self.gut(protocol, &steps);
        self.protocols[protocol].chains[chain].outcome.then = None;
    }

    /// No run of this protocol, and none of its sub-runs, begins any more, by itself or because of an outcome.
    pub(super) fn close_protocol(&mut self, id: ProtocolId) {
        let nested: Vec<ProtocolId> = self
            .protocols
            .iter_enumerated()
            .filter(|(_, p)| p.parent.is_some_and(|parent| parent.protocol == id))
            .map(|(id, _)| id)
            .collect();
        nested.into_iter().chain([id]).for_each(|id| self.close_runs(id));
        for protocol in self.protocols.iter_mut() {
            let rejects = protocol.steps.iter_mut().filter_map(|s| s.reject.as_mut()).map(|r| &mut r.outcome);
            let outcomes = protocol.chains.iter_mut().map(|c| &mut c.outcome);
            for outcome in outcomes.chain(rejects) {
                outcome.then.take_if(|h| h.protocol == id);
            }
        }
    }

    fn close_runs(&mut self, id: ProtocolId) {
        let steps: Vec<StepId> = self.protocols[id].steps.indices().collect();
        self.gut(id, &steps);
        let protocol = &mut self.protocols[id];
        protocol.begin.clear();
        protocol.chains.iter_mut().for_each(|c| c.outcome.then = None);
    }

    /// Steps that are never legal and, so that they read nothing, say nothing.
    pub(super) fn gut(&mut self, protocol: ProtocolId, steps: &[StepId]) {
        for step in steps {
            let step: &mut Step = &mut self.protocols[protocol].steps[*step];
            step.guard = Expr::bool(false, step.guard.span);
            step.atoms.clear();
            step.lets.clear();
            step.effect.clear();
            step.reject = None;
        }
    }
}
