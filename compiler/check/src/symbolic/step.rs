//! Steps: choices, enabling, execution.

use super::action::{Action, Compiler, run_ref, tuples};
use super::dag::N;
use super::effect::{Combinations, Execution, Notes};
use super::expr::{Result, Who};
use super::runs::Run;
use super::sym::{Candidate, Sym, scalar_number};
use super::touch::Touch;
use super::world::World;
use arch_base::Span;
use arch_ir::{
    Actor, Chain, ChainId, Event, FaultId, FaultKind, Outcome, ProtocolId, Reject, RunVarId, Status, Step,
    StepId, Stmt, Value,
};
use std::sync::Arc;

/// A step of a run with one combination of choices and one acting instance.
struct Attempt {
    run: Run,
    step: StepId,
    choices: Vec<Value>,
    actor: (arch_ir::SortId, u32),
    who: Who,
    /// The state with the choices made.
    made: World,
    /// Reached, and these choices are possible, and the actor is up.
    base: Vec<N>,
    guard: N,
    connected: N,
}

/// What was executed, for one combination of picks.
struct Executed {
    notes: Notes,
    /// After the `let`s.
    old: World,
    /// After the effect.
    judged: World,
    /// After the run moved.
    after: World,
}

/// What a step or its reject does.
#[derive(Clone, Copy)]
struct Doing<'p> {
    lets: &'p [(arch_ir::RunVarId, arch_ir::Expr)],
    effect: &'p [Stmt],
    /// The outcome, if the run has one; else it moves along its chain.
    outcome: Option<(&'p Outcome, Span)>,
}

impl<'p> Compiler<'p, '_> {
    fn step(&self, run: Run, step: StepId) -> &'p Step {
        &self.program().protocols[run.0].steps[step]
    }

    /// All actions of a step of a run.
    pub fn step_events(&mut self, p: ProtocolId, run: u32, step: StepId) -> Result<()> {
        for attempt in self.attempts((p, run), step)? {
            self.executions(&attempt)?;
            if let Some(reject) = &self.step((p, run), step).reject {
                self.rejections(&attempt, reject)?;
            }
        }
        Ok(())
    }

    /// Whether a step is enabled for a run, with some choices.
    pub fn enabled(&mut self, run: Run, step: StepId) -> Result<N> {
        let mut any = self.b.dag.bool(false);
        for attempt in self.attempts(run, step)? {
            let able = self.b.dag.all(attempt.base.iter().copied().chain([attempt.guard, attempt.connected]));
            if self.b.dag.constant(able) == Some(0) {
                continue;
            }
            let doing = self.doing(run, step);
            for executed in self.execute(&attempt, doing)? {
                let enabled = self.b.dag.and(able, executed.notes.live);
                any = self.b.dag.or(any, enabled);
            }
        }
        Ok(any)
    }

    fn attempts(&mut self, run: Run, step: StepId) -> Result<Vec<Attempt>> {
        let statuses = self.reaching(run.0, step);
        let status = self.before.runs[run.0.0 as usize][run.1 as usize].status;
        let (who, before) = (self.nobody(), self.before.clone());
        let reached = self.scope(before.clone(), before, who).status_in(run.0, status, &statuses);
        let (idle, may_begin) = (self.is_idle(run), self.may_begin(run));
        let begins = self.b.dag.implies(idle, may_begin);
        let allowed = self.segments_allow(run, step);
        let mut list = Vec::new();
        for choices in tuples(&self.choices(run, step)?) {
            list.extend(self.attempts_with(run, step, choices, &[reached, begins, allowed])?);
        }
        Ok(list)
    }

    /// What each choice ranges over: all instances, then all values.
    fn choices(&mut self, run: Run, step: StepId) -> Result<Vec<Vec<Value>>> {
        let protocol = &self.program().protocols[run.0];
        let step = self.step(run, step);
        let instances = |role: &arch_ir::RoleId| {
            let size = self.program().sorts[protocol.roles[*role].sort].size;
            (0..size).map(Value::Id).collect()
        };
        let mut columns: Vec<Vec<Value>> = step.binds.iter().map(instances).collect();
        for param in &step.params {
            let declared = &protocol.vars[*param];
            let values = self.b.elements(&declared.ty).ok_or_else(|| {
                crate::CompileError::at(declared.span, "a parameter has too many values to be chosen from")
            })?;
            columns.push(values.values.clone());
        }
        let count = columns.iter().try_fold(1usize, |n, c| n.checked_mul(c.len())).unwrap_or(usize::MAX);
        if count > 1 << 20 {
            return Err(crate::CompileError::at(step.span, "this step has too many combinations of choices"));
        }
        Ok(columns)
    }

    /// The attempts with these choices: one for each instance that can act.
    fn attempts_with(
        &mut self,
        run: Run,
        step: StepId,
        choices: Vec<Value>,
        base: &[N],
    ) -> Result<Vec<Attempt>> {
        let declared = self.step(run, step);
        let protocol = &self.program().protocols[run.0];
        let mut made = self.before.clone();
        let mut conditions = base.to_vec();
        for (role, choice) in declared.binds.iter().zip(&choices) {
            let n = scalar_number(choice).unwrap_or_default();
            let present = made.runs[run.0.0 as usize][run.1 as usize].roles[role.0 as usize];
            conditions.push(self.can_bind(run, present, (protocol.roles[*role].sort, n as u32)));
            let n = self.b.dag.int(n);
            made.run_mut(run.0.0 as usize, run.1).roles[role.0 as usize] = n;
        }
        for (param, choice) in declared.params.iter().zip(&choices[declared.binds.len()..]) {
            let value = self.b.literal(choice, &protocol.vars[*param].ty);
            conditions.push(self.can_choose(run, *param, &value));
            made.run_mut(run.0.0 as usize, run.1).vars[param.0 as usize] = value;
        }
        let mut list = Vec::new();
        for (actor, acts) in self.actors(run, step, &made) {
            let who = self.who(run, Some(actor));
            let up = self.is_up(actor);
            let base = [&conditions[..], &[acts, up]].concat();
            if base.iter().any(|n| self.b.dag.constant(*n) == Some(0)) {
                continue;
            }
            let (guard, connected) = self.guard_and_connected(&made, who, actor, run, step)?;
            let (choices, made) = (choices.clone(), made.clone());
            list.push(Attempt { run, step, choices, actor, who, made, base, guard, connected });
        }
        Ok(list)
    }

    /// Whether a role can be bound to an instance: it is already, or it is unbound and the instance free.
    fn can_bind(&mut self, run: Run, present: N, (sort, n): (arch_ir::SortId, u32)) -> N {
        let free = self.free(run, (sort, n));
        let dag = &mut self.b.dag;
        let (null, n) = (dag.null(), dag.int(i64::from(n)));
        let (unbound, bound) = (dag.eq(present, null), dag.eq(present, n));
        let fresh = dag.and(unbound, free);
        dag.or(bound, fresh)
    }

    /// Whether a parameter can be chosen to be a value: it is, or the run is at its start, or the first step
    /// of the main chain does not choose it.
    fn can_choose(&mut self, run: Run, param: RunVarId, value: &Sym) -> N {
        let protocol = &self.program().protocols[run.0];
        let main = ChainId(0);
        let first = protocol.chains[main].steps.first();
        if !first.is_some_and(|s| protocol.steps[*s].params.contains(&param)) {
            return self.b.dag.bool(true);
        }
        let (who, before) = (self.nobody(), self.before.clone());
        let present = before.runs[run.0.0 as usize][run.1 as usize].clone();
        let start = [Status::Idle, Status::At(main, 0)];
        let at_start = self.scope(before.clone(), before, who).status_in(run.0, present.status, &start);
        let same = self.b.eq(&present.vars[param.0 as usize], value);
        self.b.dag.or(at_start, same)
    }

    /// The instances that can have acted in what comes before a step in its chain, each with when it did.
    fn acted_before(&mut self, run: Run, step: StepId, made: &World) -> Vec<((arch_ir::SortId, u32), N)> {
        let Some((chain, i)) = self.place(run.0, step) else { return Vec::new() };
        let protocol = &self.program().protocols[run.0];
        match self.program().parent_run(protocol, run.1) {
            Some((parent, above)) if i == 0 => {
                self.handing_over(made, (parent.protocol, above), parent.position, Some(run.0))
            }
            _ if chain == ChainId(0) => self.handing_over(made, run, i as u32, None),
            _ => {
                let before = i.checked_sub(1).and_then(|i| protocol.chains[chain].steps.get(i));
                before.map(|s| self.actors(run, *s, made)).unwrap_or_default()
            }
        }
    }

    /// The instances that can act in a step, each with when it does.
    pub fn actors(&mut self, run: Run, step: StepId, made: &World) -> Vec<((arch_ir::SortId, u32), N)> {
        let protocol = &self.program().protocols[run.0];
        let Actor::Role(role) = protocol.steps[step].actor else {
            let yes = self.b.dag.bool(true);
            return self.acting_subject(run, step).map(|a| (a, yes)).into_iter().collect();
        };
        let sort = protocol.roles[role].sort;
        let bound = made.runs[run.0.0 as usize][run.1 as usize].roles[role.0 as usize];
        let mut list = Vec::new();
        for n in 0..self.program().sorts[sort].size {
            let number = self.b.dag.int(i64::from(n));
            list.push(((sort, n), self.b.dag.eq(bound, number)));
        }
        list
    }

    fn guard_and_connected(
        &mut self,
        made: &World,
        who: Who,
        actor: (arch_ir::SortId, u32),
        run: Run,
        step: StepId,
    ) -> Result<(N, N)> {
        let declared = self.step(run, step);
        let partitioned = self.program().faults.iter().any(|f| matches!(f.kind, FaultKind::Partition { .. }));
        let before = if partitioned { self.acted_before(run, step, made) } else { Vec::new() };
        let mut scope = self.scope(made.clone(), made.clone(), who);
        let guard = scope.scalar(&declared.guard)?;
        if !partitioned {
            let yes = scope.b.dag.bool(true);
            return Ok((guard, yes));
        }
        let mut connected = Touch::connected(&mut scope, actor, declared)?;
        let me = scope.b.dag.int(i64::from(actor.1));
        for ((sort, n), acted) in before {
            let other = scope.b.dag.int(i64::from(n));
            let reachable = scope.connected((actor.0, me), (sort, other));
            let fine = scope.b.dag.implies(acted, reachable);
            connected = scope.b.dag.and(connected, fine);
        }
        Ok((guard, connected))
    }

    fn doing(&self, run: Run, step: StepId) -> Doing<'p> {
        let declared = self.step(run, step);
        let outcome = self.last_of(run.0, step).filter(|c| !detached(c) && !declared.loops);
        Doing {
            lets: &declared.lets,
            effect: &declared.effect,
            outcome: outcome.map(|c| (&c.outcome, c.span)),
        }
    }

    /// The chain that a step is the last of.
    fn last_of(&self, p: ProtocolId, step: StepId) -> Option<&'p Chain> {
        let (chain, i) = self.place(p, step)?;
        let chain = &self.program().protocols[p].chains[chain];
        (i + 1 == chain.steps.len()).then_some(chain)
    }

    /// Executes an attempt for each combination of picks.
    fn execute(&mut self, attempt: &Attempt, doing: Doing<'p>) -> Result<Vec<Executed>> {
        let mut combinations = Combinations::default();
        let mut list = Vec::new();
        loop {
            combinations.restart();
            list.push(self.execute_once(attempt, doing, &mut combinations)?);
            if !combinations.advance() {
                return Ok(list);
            }
        }
    }

    fn execute_once(
        &mut self,
        attempt: &Attempt,
        doing: Doing<'p>,
        combinations: &mut Combinations,
    ) -> Result<Executed> {
        let (yes, before) = (self.b.dag.bool(true), self.before.clone());
        let mut scope = self.scope(attempt.made.clone(), attempt.made.clone(), attempt.who);
        let mut execution =
            Execution { scope: &mut scope, notes: Notes::new(yes), combinations, before: &before };
        execution.lets(doing.lets, yes)?;
        let old = execution.scope.world.clone();
        execution.scope.old = old.clone();
        execution.block(doing.effect, yes)?;
        let judged = execution.scope.world.clone();
        execution.enter_segment(attempt.run);
        match doing.outcome {
            Some((outcome, span)) => {
                let subjects = execution.handover_subjects(outcome)?;
                execution.conclude(attempt.run, outcome, &subjects, span)?;
            }
            None => execution.move_along(attempt),
        }
        let notes = execution.notes;
        Ok(Executed { notes, old, judged, after: scope.world.clone() })
    }

    fn executions(&mut self, attempt: &Attempt) -> Result<()> {
        let doing = self.doing(attempt.run, attempt.step);
        for mut executed in self.execute(attempt, doing)? {
            self.restart_waits(attempt, &mut executed.after);
            let mut action = self.step_action(attempt, &executed, None);
            let who = Who { skew: self.b.dag.int(0), ..attempt.who };
            action.claims = self.step_claims(
                (attempt.run.0, attempt.step),
                who,
                &attempt.made,
                (&executed.old, &executed.judged),
            )?;
            let duplicated = action.clone();
            self.add(action, &executed.judged, &executed.after)?;
            for fault in self.duplicators(attempt) {
                self.duplicated(attempt, &executed, fault, &duplicated)?;
            }
        }
        Ok(())
    }

    /// The step was executed: its deadlines count anew.
    fn restart_waits(&mut self, attempt: &Attempt, after: &mut World) {
        for (i, deadline) in self.program().deadlines.iter().enumerate() {
            if (deadline.protocol, deadline.step) == (attempt.run.0, attempt.step) {
                Arc::make_mut(&mut after.waits)[i][attempt.run.1 as usize] = self.b.dag.int(0);
            }
        }
    }

    fn step_action(&mut self, attempt: &Attempt, executed: &Executed, duplicated: Option<FaultId>) -> Action {
        let (step, actor) = (attempt.step, attempt.actor.1);
        let event = Event::Step {
            run: run_ref(attempt.run),
            step,
            actor,
            choices: attempt.choices.clone(),
            duplicated,
        };
        let action = self.blank(event);
        Action {
            guard: attempt.guard,
            guarded: Some((attempt.run.0, step)),
            ..noted(action, attempt, &executed.notes)
        }
    }

    /// The faults that can duplicate a step.
    fn duplicators(&self, attempt: &Attempt) -> Vec<FaultId> {
        let of = |kind: &FaultKind| matches!(kind, FaultKind::Duplicate { protocol, step, .. } if (*protocol, *step) == (attempt.run.0, attempt.step));
        self.program().faults.iter_enumerated().filter(|(_, f)| of(&f.kind)).map(|(id, _)| id).collect()
    }

    /// The same event with its request pending afterwards.
    fn duplicated(
        &mut self,
        attempt: &Attempt,
        executed: &Executed,
        fault: FaultId,
        plain: &Action,
    ) -> Result<()> {
        let mut action = plain.clone();
        if let Event::Step { duplicated, .. } = &mut action.event {
            *duplicated = Some(fault);
        }
        action.guarded = None;
        action.rest.push(self.has_budget(fault));
        let mut after = executed.after.clone();
        self.spend(&mut after, fault);
        let record = self.request(attempt, &executed.old, fault);
        let slots = after.pending[fault.0 as usize].to_vec();
        after.pending[fault.0 as usize] = Arc::new(self.appended(slots, record));
        self.add(action, &executed.judged, &after)
    }

    /// The request of a step as it was sent.
    fn request(&mut self, attempt: &Attempt, old: &World, fault: FaultId) -> Sym {
        let mut parts = vec![self.b.int(i64::from(attempt.run.1)), self.b.int(i64::from(attempt.actor.1))];
        let FaultKind::Duplicate { vars, roles, locals, .. } = &self.program().faults[fault].kind else {
            return Sym::Record(Arc::new(parts));
        };
        let run = |p: ProtocolId| &old.runs[p.0 as usize][self.owner(attempt.run, p) as usize];
        parts.extend(roles.iter().map(|(p, r)| Sym::Scalar(run(*p).roles[r.0 as usize])));
        parts.extend(vars.iter().map(|(p, v)| run(*p).vars[v.0 as usize].clone()));
        parts.extend(locals.iter().map(|l| old.vars[l.0 as usize][attempt.actor.1 as usize].clone()));
        Sym::Record(Arc::new(parts))
    }

    /// The slots with one more content, in the first free one.
    fn appended(&mut self, mut slots: Vec<Candidate>, content: Sym) -> Vec<Candidate> {
        let mut before = self.b.dag.bool(true);
        for (present, value) in &mut slots {
            let free = self.b.dag.not(*present);
            let here = self.b.dag.and(before, free);
            before = *present;
            *value = self.b.select(here, &content, value);
            *present = self.b.dag.or(*present, here);
        }
        slots
    }

    /// The events of a step that answers that its guard is false.
    fn rejections(&mut self, attempt: &Attempt, reject: &'p Reject) -> Result<()> {
        let doing =
            Doing { lets: &[], effect: &reject.effect, outcome: Some((&reject.outcome, reject.span)) };
        for executed in self.execute(attempt, doing)? {
            let (step, actor) = (attempt.step, attempt.actor.1);
            let event =
                Event::Reject { run: run_ref(attempt.run), step, actor, choices: attempt.choices.clone() };
            let action = self.blank(event);
            let mut action = noted(action, attempt, &executed.notes);
            action.guard = self.b.dag.not(attempt.guard);
            self.add(action, &executed.judged, &executed.after)?;
        }
        Ok(())
    }

    /// For each deadline, for each run, whether its step is enabled.
    pub fn waiting(&mut self) -> Result<Vec<Vec<N>>> {
        let mut all = Vec::new();
        for deadline in &self.program().deadlines {
            let p = deadline.protocol;
            let runs: Result<Vec<N>> =
                (0..self.program().run_count(p)).map(|run| self.enabled((p, run), deadline.step)).collect();
            all.push(runs?);
        }
        Ok(all)
    }
}

fn noted(action: Action, attempt: &Attempt, notes: &Notes) -> Action {
    Action {
        base: attempt.base.clone(),
        rest: vec![attempt.connected],
        picks: notes.picks.clone(),
        cuts: notes.cuts.clone(),
        live: notes.live,
        bounds: notes.bounds.clone(),
        ..action
    }
}

fn detached(chain: &Chain) -> bool {
    chain.window.as_ref().is_some_and(|w| w.detached)
}

impl Execution<'_, '_, '_> {
    /// Moves a run that executed a step that is not the last of its chain.
    fn move_along(&mut self, attempt: &Attempt) {
        let program = self.scope.b.program;
        let protocol = &program.protocols[attempt.run.0];
        let Some((chain, i)) = protocol.place(attempt.step) else { return };
        let yes = self.scope.b.dag.bool(true);
        if detached(&protocol.chains[chain]) {
            self.stay(attempt);
        } else if protocol.steps[attempt.step].loops {
            self.move_to(attempt.run, Status::At(chain, i as u32), yes);
        } else {
            self.move_to(attempt.run, Status::At(chain, i as u32 + 1), yes);
        }
    }

    /// A detached branch leaves the run as it is, but for what was assigned to its variables.
    fn stay(&mut self, attempt: &Attempt) {
        let (p, run) = attempt.run;
        let protocol = &self.scope.b.program.protocols[p];
        let was = self.before.runs[p.0 as usize][run as usize].clone();
        let unfinished = self.scope.unfinished(p, run);
        let fresh = self.scope.b.idle_run(p);
        let mut now = self.scope.world.runs[p.0 as usize][run as usize].clone();
        now.roles.clone_from(&was.roles);
        for param in &protocol.steps[attempt.step].params {
            now.vars[param.0 as usize] = was.vars[param.0 as usize].clone();
        }
        for (var, fresh) in now.vars.iter_mut().zip(&fresh.vars) {
            *var = self.scope.b.select(unfinished, var, fresh);
        }
        *self.scope.world.run_mut(p.0 as usize, run) = now;
    }
}
