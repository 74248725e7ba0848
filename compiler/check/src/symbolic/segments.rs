//! Sub-runs: when they and their parents may go on, and when they are idle again.

use super::action::Compiler;
use super::dag::N;
use super::effect::Execution;
use super::expr::Scope;
use super::runs::Run;
use super::world::{World, status_number};
use arch_ir::{Actor, ChainId, Parent, Program, ProtocolId, SortId, Status, StepId};

impl Compiler<'_, '_> {
    /// The run that a sub-run belongs to, with where.
    fn parent(&self, (p, run): Run) -> Option<(Parent, Run)> {
        let (parent, above) = self.program().parent_run(&self.program().protocols[p], run)?;
        Some((parent, (parent.protocol, above)))
    }

    /// The number of the run of a protocol that a run is, or belongs to.
    pub fn owner(&self, run: Run, p: ProtocolId) -> u32 {
        if run.0 == p { run.1 } else { self.parent(run).map_or(0, |(_, above)| above.1) }
    }

    /// What sub-runs demand of a run that takes a step: an idle sub-run's parent is where it happens, and the sub-runs
    /// of every position that the run passes or leaves have ended.
    pub fn segments_allow(&mut self, run: Run, step: StepId) -> N {
        let (idle, there) = (self.is_idle(run), self.parent_allows(run));
        let begins = self.b.dag.implies(idle, there);
        let Some((ChainId(0), i)) = self.place(run.0, step) else { return begins };
        let joined = self.joined(run, 0, i as u32);
        self.b.dag.and(begins, joined)
    }

    /// Whether an idle sub-run may take its first step as far as its parent goes; true for a run that is no sub-run.
    fn parent_allows(&mut self, run: Run) -> N {
        let Some((parent, above)) = self.parent(run) else { return self.b.dag.bool(true) };
        let there = self.is_in(above, &statuses_before(self.program(), parent));
        let before: Vec<_> = self.sub_runs(above);
        let before = before.into_iter().filter(|(at, p, _)| (at.position, *p) < (parent.position, run.0));
        let done = self.all_done(above, before.collect());
        self.b.dag.and(there, done)
    }

    /// Whether a sub-run is idle and may begin as far as its parent goes; false for a run that is no sub-run.
    pub fn waits_at_first(&mut self, run: Run) -> N {
        if self.parent(run).is_none() {
            return self.b.dag.bool(false);
        }
        let (idle, allows) = (self.is_idle(run), self.parent_allows(run));
        self.b.dag.and(idle, allows)
    }

    /// Whether all sub-runs of a run have ended at the positions `from..=to` that it has not passed.
    pub fn joined(&mut self, run: Run, from: u32, to: u32) -> N {
        let subs = self.sub_runs(run);
        self.all_done(run, subs.into_iter().filter(|(p, ..)| (from..=to).contains(&p.position)).collect())
    }

    fn sub_runs(&self, (p, run): Run) -> Vec<(Parent, ProtocolId, u32)> {
        self.program().sub_runs(p, run).collect()
    }

    /// Whether each of these sub-runs is done, or its run past it.
    fn all_done(&mut self, run: Run, subs: Vec<(Parent, ProtocolId, u32)>) -> N {
        let mut all = self.b.dag.bool(true);
        for (parent, below, sub) in subs {
            let waits = self.is_before(run, parent.position);
            let done = self.is_done((below, sub));
            let joined = self.b.dag.implies(waits, done);
            all = self.b.dag.and(all, joined);
        }
        all
    }

    /// Whether a run is idle, or on the main chain and not past a position.
    fn is_before(&mut self, run: Run, position: u32) -> N {
        let early = |status: &Status| match *status {
            Status::Idle => true,
            Status::At(chain, at) => chain == ChainId(0) && at <= position,
            Status::Ended(_) => false,
        };
        let all = &self.layout.statuses[run.0.0 as usize].list;
        let list: Vec<Status> = all.iter().copied().filter(early).collect();
        self.is_in(run, &list)
    }

    /// Whether a run has one of these statuses before the event.
    pub fn is_in(&mut self, (p, run): Run, list: &[Status]) -> N {
        let status = self.before.runs[p.0 as usize][run as usize].status;
        let (who, before) = (self.nobody(), self.before.clone());
        self.scope(before.clone(), before, who).status_in(p, status, list)
    }

    fn is_done(&mut self, (p, run): Run) -> N {
        let word = self.program().protocols[p].endings().iter().position(|w| *w == "done");
        let Some(word) = word else { return self.b.dag.bool(false) };
        let number = status_number(self.layout, p, Status::Ended(word as u32));
        let number = self.b.dag.int(number);
        self.b.dag.eq(self.before.runs[p.0 as usize][run as usize].status, number)
    }

    /// The instances that can hand over to what comes at a position of a run's main chain, each with when it does: to
    /// the step there, or to the sub-runs of one protocol.
    pub fn handing_over(
        &mut self,
        made: &World,
        run: Run,
        position: u32,
        to: Option<ProtocolId>,
    ) -> Vec<((SortId, u32), N)> {
        if let Some(segment) = self.program().segment_before(run.0, position, to) {
            return self.last_actors(run, segment);
        }
        let main = &self.program().protocols[run.0].chains[ChainId(0)].steps;
        let before = (position as usize).checked_sub(1).and_then(|i| main.get(i));
        before.map(|s| self.actors(run, *s, made)).unwrap_or_default()
    }

    /// The subjects that act in the last step of a run's sub-runs of a protocol.
    fn last_actors(&mut self, run: Run, segment: ProtocolId) -> Vec<((SortId, u32), N)> {
        let protocol = &self.program().protocols[segment];
        let last = protocol.chains[ChainId(0)].steps.last().map(|s| protocol.steps[*s].actor);
        let Some(Actor::Subject(i)) = last else { return Vec::new() };
        let subs = self.sub_runs(run).into_iter().filter(|(_, p, _)| *p == segment);
        let actors: Vec<_> = subs.map(|(_, p, sub)| self.subjects((p, sub))[i as usize]).collect();
        let yes = self.b.dag.bool(true);
        actors.into_iter().map(|actor| (actor, yes)).collect()
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

impl Scope<'_, '_> {
    /// Whether a sub-run of a run has one of these statuses; an idle one whose turn it is counts as at its start.
    pub fn some_sub_run_is_in(&mut self, above: Run, p: ProtocolId, statuses: &[Status]) -> N {
        let first = statuses.contains(&Status::At(ChainId(0), 0));
        let turn = if first { self.is_turn_of(above, p) } else { self.b.dag.bool(false) };
        let subs: Vec<_> = self.b.program.sub_runs(above.0, above.1).filter(|(_, q, _)| *q == p).collect();
        let mut any = self.b.dag.bool(false);
        for (.., sub) in subs {
            let status = self.world.runs[p.0 as usize][sub as usize].status;
            let at = self.status_in(p, status, statuses);
            let idle = self.status_in(p, status, &[Status::Idle]);
            let waits = self.b.dag.and(idle, turn);
            let here = self.b.dag.or(at, waits);
            any = self.b.dag.or(any, here);
        }
        any
    }

    /// Whether a run is where its sub-runs of a protocol happen, and those before them are done.
    fn is_turn_of(&mut self, (above, run): Run, p: ProtocolId) -> N {
        let program = self.b.program;
        let Some(parent) = program.protocols[p].parent else { return self.b.dag.bool(false) };
        let status = self.world.runs[above.0 as usize][run as usize].status;
        let mut turn = self.status_in(above, status, &statuses_before(program, parent));
        let subs = program.sub_runs(above, run);
        for (at, q, sub) in subs.filter(|(at, q, _)| (at.position, *q) < (parent.position, p)) {
            let past = (at.position + 1..=parent.position).map(|at| Status::At(ChainId(0), at));
            let past = self.status_in(above, status, &past.collect::<Vec<_>>());
            let word = program.protocols[q].endings().iter().position(|w| *w == "done");
            let ended: Vec<Status> = word.map(|w| Status::Ended(w as u32)).into_iter().collect();
            let sub = self.world.runs[q.0 as usize][sub as usize].status;
            let done = self.status_in(q, sub, &ended);
            let before = self.b.dag.or(past, done);
            turn = self.b.dag.and(turn, before);
        }
        turn
    }
}

/// The statuses of a run in which its sub-runs can begin: where they happen, or before `loop` steps before it.
fn statuses_before(program: &Program, parent: Parent) -> Vec<Status> {
    let protocol = &program.protocols[parent.protocol];
    let main = &protocol.chains[ChainId(0)].steps[..parent.position as usize];
    let passed = main.iter().rev().take_while(|s| protocol.steps[**s].loops).count() as u32;
    (parent.position - passed..=parent.position).map(|p| Status::At(ChainId(0), p)).collect()
}

impl Execution<'_, '_, '_> {
    /// A sub-run's event has its parent pass the `loop` steps before the position.
    pub fn enter_segment(&mut self, (p, run): Run) {
        let program = self.scope.b.program;
        if let Some((parent, above)) = program.parent_run(&program.protocols[p], run) {
            let yes = self.scope.b.dag.bool(true);
            self.move_to((parent.protocol, above), Status::At(ChainId(0), parent.position), yes);
        }
    }

    /// Makes the sub-runs of a run idle where `path` holds.
    pub fn reset_sub_runs(&mut self, (p, run): Run, path: N) {
        let subs: Vec<_> = self.scope.b.program.sub_runs(p, run).collect();
        for (_, below, sub) in subs {
            self.reset((below, sub), None, path);
        }
    }
}
