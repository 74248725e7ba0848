//! Sub-runs: the steps that `each` and `spawn` execute once per key inside one position of another run.

use super::runs::run_mut;
use super::{Interpreter, expr};
use crate::program::{Actor, ChainId, Parent, ProtocolId, SortId, StepId};
use crate::state::{RunRef, RunState, State, Status};
use arch_base::Idx;

impl Interpreter<'_> {
    /// The run that a sub-run belongs to, with where.
    pub(super) fn parent(&self, run: RunRef) -> Option<(Parent, RunRef)> {
        let protocol = &self.program.protocols[run.protocol];
        let (parent, above) = self.program.parent_run(protocol, run.run)?;
        Some((parent, RunRef { protocol: parent.protocol, run: above }))
    }

    /// Whether an idle sub-run may take its first step as far as its parent goes: it is where the sub-runs happen, or
    /// only `loop` steps that can be passed are between, and all sub-runs that come before are done. True for runs that
    /// are no sub-runs.
    pub(super) fn parent_allows(&self, state: &State, run: RunRef) -> bool {
        let Some((parent, above)) = self.parent(run) else { return true };
        match expr::run_state(state, above).map(|r| r.status) {
            Some(Status::At(ChainId(0), p)) => {
                self.on_the_way(above.protocol, ChainId(0), p as usize, parent.position as usize)
                    && self.comes_next(state, above, p, (parent.position, run.protocol))
            }
            _ => false,
        }
    }

    /// Whether a sub-run of a run is at a step, an idle one whose turn it is at its first.
    pub(super) fn some_sub_run_is_at(
        &self,
        state: &State,
        run: RunRef,
        (protocol, step): (ProtocolId, StepId),
    ) -> bool {
        let mut subs = self.program.sub_runs(run.protocol, run.run).filter(|(_, p, _)| *p == protocol);
        subs.any(|(.., sub)| {
            let sub = RunRef { protocol, run: sub };
            match expr::run_state(state, sub).map(|r| r.status) {
                Some(Status::Idle) => {
                    self.parent_allows(state, sub)
                        && self.run_is_at(protocol, Status::At(ChainId(0), 0), step)
                }
                status => status.is_some_and(|s| self.run_is_at(protocol, s, step)),
            }
        })
    }

    fn parent_is_there(&self, state: &State, run: RunRef) -> bool {
        self.parent(run).is_some_and(|(parent, above)| {
            expr::run_state(state, above).map(|r| r.status) == Some(Status::At(ChainId(0), parent.position))
        })
    }

    /// Whether all sub-runs of a run have ended as `done` that happen from a position on and before those of a
    /// protocol: at earlier positions, or at the same one and written before.
    fn comes_next(&self, state: &State, run: RunRef, from: u32, segment: (u32, ProtocolId)) -> bool {
        let mut subs = self.program.sub_runs(run.protocol, run.run);
        subs.all(|(parent, protocol, sub)| {
            parent.position < from
                || (parent.position, protocol) >= segment
                || self.is_done(state, RunRef { protocol, run: sub })
        })
    }

    /// Whether all sub-runs of a run at the main chain's positions `from..=to` have ended as `done`.
    pub(super) fn joined(&self, state: &State, run: RunRef, from: usize, to: usize) -> bool {
        let mut subs = self.program.sub_runs(run.protocol, run.run);
        subs.all(|(parent, protocol, sub)| {
            !(from..=to).contains(&(parent.position as usize))
                || self.is_done(state, RunRef { protocol, run: sub })
        })
    }

    fn is_done(&self, state: &State, run: RunRef) -> bool {
        let done = self.program.protocols[run.protocol].endings().iter().position(|w| *w == "done");
        match (expr::run_state(state, run).map(|r| r.status), done) {
            (Some(Status::Ended(word)), Some(done)) => word as usize == done,
            _ => false,
        }
    }

    /// The sub-runs that a run waits for where it is: those that happen there and have not ended as `done`.
    #[must_use]
    pub fn awaited(&self, state: &State, run: RunRef) -> Vec<RunRef> {
        let Some(Status::At(ChainId(0), at)) = expr::run_state(state, run).map(|r| r.status) else {
            return Vec::new();
        };
        let here = self.program.sub_runs(run.protocol, run.run).filter(|(parent, ..)| parent.position == at);
        let subs = here.map(|(_, protocol, run)| RunRef { protocol, run });
        subs.filter(|sub| !self.is_done(state, *sub)).collect()
    }

    /// An event of a sub-run has its parent pass the `loop` steps before the position.
    pub(super) fn enter_segment(&self, state: &mut State, run: RunRef) {
        if let Some((parent, above)) = self.parent(run) {
            run_mut(state, above).status = Status::At(ChainId(0), parent.position);
        }
    }

    /// Makes the sub-runs of a run idle.
    pub(super) fn reset_sub_runs(&self, state: &mut State, run: RunRef) {
        let subs: Vec<_> = self.program.sub_runs(run.protocol, run.run).collect();
        for (_, protocol, sub) in subs {
            let idle = RunState::idle(&self.program.protocols[protocol]);
            *run_mut(state, RunRef { protocol, run: sub }) = idle;
        }
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

    /// The instances that hand over to what comes at a position of a run's main chain: to the step there, or to the
    /// sub-runs of one protocol. They are those that ended the sub-runs before it, as far as they are subjects; where
    /// there are none, the one that acted in the step before.
    pub(super) fn handing_over(
        &self,
        state: &State,
        run: RunRef,
        position: u32,
        to: Option<ProtocolId>,
    ) -> Vec<(SortId, u32)> {
        match self.program.segment_before(run.protocol, position, to) {
            Some(segment) => self.last_actors(run, segment),
            None => {
                let main = &self.program.protocols[run.protocol].chains[ChainId(0)].steps;
                let before = (position as usize).checked_sub(1).and_then(|i| main.get(i));
                before.and_then(|s| self.acting(state, run, *s)).into_iter().collect()
            }
        }
    }

    /// The subjects that act in the last step of a run's sub-runs of a protocol.
    fn last_actors(&self, run: RunRef, segment: ProtocolId) -> Vec<(SortId, u32)> {
        let protocol = &self.program.protocols[segment];
        let last = protocol.chains[ChainId(0)].steps.last().map(|s| protocol.steps[*s].actor);
        let Some(Actor::Subject(i)) = last else { return Vec::new() };
        let subs = self.program.sub_runs(run.protocol, run.run).filter(|(_, p, _)| *p == segment);
        subs.map(|(_, _, sub)| {
            let (subjects, _) = self.program.run_subjects(protocol, sub);
            (protocol.subjects[i as usize].sort, subjects[i as usize])
        })
        .collect()
    }
}
