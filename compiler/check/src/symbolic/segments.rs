//! Sub-runs: when they and their parents may go on, and when they are idle again.

use super::action::Compiler;
use super::dag::N;
use super::runs::Run;
use super::world::{World, status_number};
use arch_ir::{ChainId, Parent, ProtocolId, Status, StepId};

impl Compiler<'_, '_> {
    /// What sub-runs demand of a run that takes a step: an idle sub-run's parent is where it happens, and the sub-runs
    /// of every position that the run passes or leaves have ended.
    pub fn segments_allow(&mut self, (p, run): Run, step: StepId) -> N {
        let mut all = self.b.dag.bool(true);
        if let Some((parent, above)) = self.program().parent_run(&self.program().protocols[p], run) {
            let (idle, there) = (self.is_idle((p, run)), self.is_there(&self.before.clone(), parent, above));
            let begins = self.b.dag.implies(idle, there);
            all = self.b.dag.and(all, begins);
        }
        let Some((ChainId(0), i)) = self.place(p, step) else { return all };
        let subs: Vec<(Parent, ProtocolId, u32)> = self.program().sub_runs(p, run).collect();
        for (parent, below, sub) in subs.into_iter().filter(|(parent, ..)| parent.position as usize <= i) {
            let waits = self.is_before((p, run), parent.position);
            let done = self.is_done((below, sub));
            let joined = self.b.dag.implies(waits, done);
            all = self.b.dag.and(all, joined);
        }
        all
    }

    /// Whether a run is idle, or on the main chain and not past a position.
    fn is_before(&mut self, (p, run): Run, position: u32) -> N {
        let early = |status: &Status| match *status {
            Status::Idle => true,
            Status::At(chain, at) => chain == ChainId(0) && at <= position,
            Status::Ended(_) => false,
        };
        let list: Vec<Status> =
            self.layout.statuses[p.0 as usize].list.iter().copied().filter(early).collect();
        let status = self.before.runs[p.0 as usize][run as usize].status;
        let (who, before) = (self.nobody(), self.before.clone());
        self.scope(before.clone(), before, who).status_in(p, status, &list)
    }

    fn is_done(&mut self, (p, run): Run) -> N {
        let word = self.program().protocols[p].endings().iter().position(|w| *w == "done");
        let Some(word) = word else { return self.b.dag.bool(false) };
        let number = status_number(self.layout, p, Status::Ended(word as u32));
        let number = self.b.dag.int(number);
        self.b.dag.eq(self.before.runs[p.0 as usize][run as usize].status, number)
    }

    /// Whether a run is at the position of its sub-runs.
    fn is_there(&mut self, world: &World, parent: Parent, above: u32) -> N {
        let number = status_number(self.layout, parent.protocol, Status::At(ChainId(0), parent.position));
        let number = self.b.dag.int(number);
        self.b.dag.eq(world.runs[parent.protocol.0 as usize][above as usize].status, number)
    }

    /// The world with the sub-runs of every run that is elsewhere idle. Parents come before their sub-runs' own.
    pub fn leave_segments(&mut self, world: &World) -> World {
        let mut world = world.clone();
        let program = self.program();
        for (id, protocol) in program.protocols.iter_enumerated().filter(|(_, p)| p.parent.is_some()) {
            for run in 0..program.run_count(id) {
                if let Some((parent, above)) = program.parent_run(protocol, run) {
                    let there = self.is_there(&world, parent, above);
                    self.idle_unless(&mut world, (id, run), there);
                }
            }
        }
        world
    }

    fn idle_unless(&mut self, world: &mut World, (p, run): Run, there: N) {
        let fresh = self.b.idle_run(p);
        let old = world.runs[p.0 as usize][run as usize].clone();
        let b = &mut self.b;
        let status = b.dag.select(there, old.status, fresh.status);
        let roles = old.roles.iter().zip(&fresh.roles).map(|(o, n)| b.dag.select(there, *o, *n)).collect();
        let vars = old.vars.iter().zip(&fresh.vars).map(|(o, n)| b.select(there, o, n)).collect();
        let now = world.run_mut(p.0 as usize, run);
        (now.status, now.roles, now.vars) = (status, roles, vars);
    }
}
