//! Sub-runs: the steps that `each` and `spawn` execute once per key inside one position of another run.

use super::{Interpreter, expr};
use crate::program::{ChainId, ProtocolId};
use crate::state::{RunRef, RunState, State, Status};
use arch_base::Idx;

impl Interpreter<'_> {
    /// Whether an idle sub-run's parent is where sub-runs happen; true for runs that are no sub-runs.
    pub(super) fn parent_is_there(&self, state: &State, run: RunRef) -> bool {
        let protocol = &self.program.protocols[run.protocol];
        self.program.parent_run(protocol, run.run).is_none_or(|(parent, above)| {
            let above = RunRef { protocol: parent.protocol, run: above };
            let status = expr::run_state(state, above).map(|r| r.status);
            status == Some(Status::At(ChainId(0), parent.position))
        })
    }

    /// Whether all sub-runs of a run at the main chain's positions `from..=to` have ended as `done`.
    pub(super) fn joined(&self, state: &State, run: RunRef, from: usize, to: usize) -> bool {
        let mut subs = self.program.sub_runs(run.protocol, run.run);
        subs.all(|(parent, protocol, sub)| {
            !(from..=to).contains(&(parent.position as usize))
                || expr::run_state(state, RunRef { protocol, run: sub })
                    .is_some_and(|r| self.is_done(protocol, r))
        })
    }

    fn is_done(&self, protocol: ProtocolId, run: &RunState) -> bool {
        let done = self.program.protocols[protocol].endings().iter().position(|w| *w == "done");
        matches!((run.status, done), (Status::Ended(word), Some(done)) if word as usize == done)
    }

    /// Makes the sub-runs of every run that is elsewhere idle. Parents come before their sub-runs' own.
    pub(super) fn leave_segments(&self, state: &mut State) {
        for (id, protocol) in self.program.protocols.iter_enumerated() {
            if protocol.parent.is_none() {
                continue;
            }
            for run in 0..self.program.run_count(id) {
                if !self.parent_is_there(state, RunRef { protocol: id, run }) {
                    state.runs[id.index()][run as usize] = RunState::idle(protocol);
                }
            }
        }
    }
}
