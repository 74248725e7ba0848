//! Where runs are and go: reaching steps, beginning, outcomes, hand-overs.

use super::action::{BoundKind, Compiler, run_ref};
use super::dag::N;
use super::effect::{Combinations, Execution};
use super::expr::{Result, Who};
use super::world::status_number;
use arch_base::Span;
use arch_ir::{Actor, ChainId, Event, Handover, Outcome, ProtocolId, SortId, Status, StepId};

/// A run.
pub type Run = (ProtocolId, u32);

impl<'p> Compiler<'p, '_> {
    /// The chain and position of a step.
    pub fn place(&self, p: ProtocolId, step: StepId) -> Option<(ChainId, usize)> {
        self.program().protocols[p].place(step)
    }

    /// The statuses in which a run has reached a step.
    pub fn reaching(&self, p: ProtocolId, step: StepId) -> Vec<Status> {
        let Some((chain, i)) = self.place(p, step) else { return Vec::new() };
        let reaches = |status: &Status| match *status {
            Status::Idle => self.can_be_first(p, chain, i),
            Status::At(c, at) => {
                let at = at as usize;
                c == chain && self.passes(p, c, at, i)
                    || c == ChainId(0) && i == 0 && self.branches_off(p, chain, at)
            }
            Status::Ended(_) => false,
        };
        self.layout.statuses[p.0 as usize].list.iter().copied().filter(reaches).collect()
    }

    /// Whether all steps of a chain from one position to before another are `loop` steps.
    pub fn passes(&self, p: ProtocolId, chain: ChainId, from: usize, to: usize) -> bool {
        let protocol = &self.program().protocols[p];
        from <= to && protocol.chains[chain].steps[from..to].iter().all(|s| protocol.steps[*s].loops)
    }

    fn can_be_first(&self, p: ProtocolId, chain: ChainId, i: usize) -> bool {
        let protocol = &self.program().protocols[p];
        let at_start = match &protocol.chains[chain].window {
            None => self.passes(p, chain, 0, i),
            Some(window) => i == 0 && window.at_start,
        };
        protocol.begin.is_empty() && at_start
    }

    /// Whether a run at a position of the main chain can take a branch.
    fn branches_off(&self, p: ProtocolId, chain: ChainId, at: usize) -> bool {
        let protocol = &self.program().protocols[p];
        let Some(window) = &protocol.chains[chain].window else { return false };
        let main = &protocol.chains[ChainId(0)].steps;
        let mut last = at;
        while main.get(last).is_some_and(|s| protocol.steps[*s].loops) {
            last += 1;
        }
        (window.from as usize..=window.to as usize).any(|w| (at..=last).contains(&w))
    }

    /// The instances that a run is for.
    pub fn subjects(&self, (p, run): Run) -> Vec<(SortId, u32)> {
        let protocol = &self.program().protocols[p];
        let (instances, _) = self.program().run_subjects(protocol, run);
        protocol.subjects.iter().map(|s| s.sort).zip(instances).collect()
    }

    /// Its subjects but for those that a sub-run has from its parent.
    fn own_subjects(&self, run: Run) -> Vec<(SortId, u32)> {
        let inherited = self.program().inherited_subjects(&self.program().protocols[run.0]);
        self.subjects(run).split_off(inherited)
    }

    /// Whether an instance is in no other unfinished run of a protocol, if it has to be.
    pub fn free(&mut self, (p, run): Run, (sort, n): (SortId, u32)) -> N {
        let declared = &self.program().sorts[sort];
        if !declared.actor || declared.concurrent {
            return self.b.dag.bool(true);
        }
        if let Some(known) = self.free.get(&(p, run, sort, n)) {
            return *known;
        }
        let mut free = self.b.dag.bool(true);
        for other in (0..self.program().run_count(p)).filter(|r| *r != run) {
            let takes_part = self.takes_part((p, other), (sort, n));
            let unfinished = self.unfinished((p, other));
            let busy = self.b.dag.and(takes_part, unfinished);
            let not = self.b.dag.not(busy);
            free = self.b.dag.and(free, not);
        }
        self.free.insert((p, run, sort, n), free);
        free
    }

    /// Whether an instance is a subject of a run.
    pub fn is_subject(&self, run: Run, instance: (SortId, u32)) -> bool {
        self.subjects(run).contains(&instance)
    }

    /// Whether an instance is bound to a role of a run, before the event.
    pub fn is_bound(&mut self, (p, run): Run, (sort, n): (SortId, u32)) -> N {
        let program = self.program();
        let roles = self.before.runs[p.0 as usize][run as usize].roles.clone();
        let n = self.b.dag.int(i64::from(n));
        let mut any = self.b.dag.bool(false);
        for (role, node) in program.protocols[p].roles.iter().zip(roles) {
            if role.sort == sort {
                let is = self.b.dag.eq(node, n);
                any = self.b.dag.or(any, is);
            }
        }
        any
    }

    fn takes_part(&mut self, run: Run, instance: (SortId, u32)) -> N {
        if self.own_subjects(run).contains(&instance) {
            return self.b.dag.bool(true);
        }
        self.is_bound(run, instance)
    }

    /// Whether a run is unfinished before the event.
    pub fn unfinished(&mut self, (p, run): Run) -> N {
        let (who, before) = (self.nobody(), self.before.clone());
        self.scope(before.clone(), before, who).unfinished(p, run)
    }

    /// Whether an idle run's subjects are free.
    pub fn may_begin(&mut self, run: Run) -> N {
        let mut all = self.b.dag.bool(true);
        for subject in self.own_subjects(run) {
            let free = self.free(run, subject);
            all = self.b.dag.and(all, free);
        }
        all
    }

    /// Whether an instance is up before the event.
    pub fn is_up(&mut self, (sort, n): (SortId, u32)) -> N {
        let down = self.before.down[sort.0 as usize].get(n as usize).copied();
        let down = down.unwrap_or_else(|| self.b.dag.bool(false));
        self.b.dag.not(down)
    }

    /// Whether a run is idle before the event.
    pub fn is_idle(&mut self, (p, run): Run) -> N {
        let zero = self.b.dag.int(0);
        self.b.dag.eq(self.before.runs[p.0 as usize][run as usize].status, zero)
    }

    /// The event that reads the `let`s of the head.
    pub fn begin_event(&mut self, p: ProtocolId, run: u32) -> Result<()> {
        let protocol = &self.program().protocols[p];
        if protocol.begin.is_empty() {
            return Ok(());
        }
        let mut action = self.blank(Event::Begin(run_ref((p, run))));
        action.base = vec![self.is_idle((p, run)), self.may_begin((p, run)), self.starter_is_up((p, run))];
        let (before, yes) = (self.before.clone(), self.b.dag.bool(true));
        let mut scope = self.scope(before.clone(), before.clone(), Who { run: None, actor: None, skew: yes });
        let mut combinations = Combinations::default();
        let notes = super::effect::Notes::new(yes);
        let mut execution =
            Execution { scope: &mut scope, notes, combinations: &mut combinations, before: &before };
        execution.begin((p, run), 0, yes)?;
        let notes = execution.notes;
        let after = scope.world.clone();
        (action.cuts, action.bounds, action.live) = (notes.cuts, notes.bounds, notes.live);
        self.add(action, &after, &after)
    }

    /// Whether the subject that acts in the first step is up; a role is bound later.
    fn starter_is_up(&mut self, (p, run): Run) -> N {
        let protocol = &self.program().protocols[p];
        let first = protocol.chains[ChainId(0)].steps.first();
        match first.map(|s| protocol.steps[*s].actor) {
            Some(Actor::Subject(i)) => {
                let subject = self.subjects((p, run))[i as usize];
                self.is_up(subject)
            }
            _ => self.b.dag.bool(true),
        }
    }

    /// Who acts in a step of a run if it is a subject.
    pub fn acting_subject(&self, run: Run, step: StepId) -> Option<(SortId, u32)> {
        match self.program().protocols[run.0].steps[step].actor {
            Actor::Subject(i) => self.subjects(run).get(i as usize).copied(),
            Actor::Role(_) => None,
        }
    }
}

impl<'p> Execution<'_, '_, 'p> {
    fn subjects(&self, (p, run): Run) -> Vec<(SortId, u32)> {
        let program = self.scope.b.program;
        let (instances, _) = program.run_subjects(&program.protocols[p], run);
        program.protocols[p].subjects.iter().map(|s| s.sort).zip(instances).collect()
    }

    /// Puts a run at a position of the main chain where `path` holds, fresh but for the `let`s of the head.
    pub fn begin(&mut self, (p, run): Run, position: u32, path: N) -> Result<()> {
        self.reset((p, run), None, path);
        self.reset_sub_runs((p, run), path);
        let subjects = self.subjects((p, run));
        let actor = if let [one] = subjects[..] { Some(one) } else { None };
        let offset = actor.and_then(|(s, n)| self.scope.world.skew[s.0 as usize].get(n as usize).copied());
        let skew = offset.unwrap_or_else(|| self.scope.b.dag.int(0));
        let outer = std::mem::replace(&mut self.scope.who, Who { run: Some((p, run)), actor, skew });
        let slots = std::mem::take(&mut self.scope.slots);
        self.lets(&self.scope.b.program.protocols[p].begin, path)?;
        self.scope.who = outer;
        self.scope.slots = slots;
        self.move_to((p, run), Status::At(ChainId(0), position), path);
        Ok(())
    }

    /// Evaluates `let`s in order, each seeing the ones before.
    pub fn lets(&mut self, lets: &'p [(arch_ir::RunVarId, arch_ir::Expr)], path: N) -> Result<()> {
        let Some(run) = self.scope.who.run else { return Ok(()) };
        for (var, e) in lets {
            // `old` of a `let` is the state that it is evaluated on.
            let old = std::mem::replace(&mut self.scope.old, self.scope.world.clone());
            let value = self.scope.eval(e);
            self.scope.old = old;
            self.run_var(run, *var, value?, e.span, path);
        }
        Ok(())
    }

    /// Gives a run a status where `path` holds.
    pub fn move_to(&mut self, (p, run): Run, status: Status, path: N) {
        let number = status_number(self.scope.layout, p, status);
        let number = self.scope.b.dag.int(number);
        let old = self.scope.world.runs[p.0 as usize][run as usize].status;
        self.scope.world.run_mut(p.0 as usize, run).status = self.scope.b.dag.select(path, number, old);
    }

    /// Ends a run with a word where `path` holds; idle without one.
    pub fn reset(&mut self, (p, run): Run, word: Option<&str>, path: N) {
        let protocol = &self.scope.b.program.protocols[p];
        let word = word.filter(|_| !protocol.repeats && !protocol.rule);
        let number = word.and_then(|w| protocol.endings().iter().position(|e| *e == w));
        let fresh = self.scope.b.idle_run(p);
        let old = self.scope.world.runs[p.0 as usize][run as usize].clone();
        let b = &mut *self.scope.b;
        let roles =
            old.roles.iter().zip(&fresh.roles).map(|(old, new)| b.dag.select(path, *new, *old)).collect();
        let vars = old.vars.iter().zip(&fresh.vars).map(|(old, new)| b.select(path, new, old)).collect();
        let now = self.scope.world.run_mut(p.0 as usize, run);
        (now.roles, now.vars) = (roles, vars);
        let status = number.map_or(Status::Idle, |n| Status::Ended(n as u32));
        self.move_to((p, run), status, path);
    }

    /// Ends a run with an outcome, and hands over. `subjects`: those of the hand-over, evaluated before.
    pub fn conclude(&mut self, run: Run, outcome: &'p Outcome, subjects: &[N], span: Span) -> Result<()> {
        let word = outcome.ends.then_some(outcome.word.as_str());
        let yes = self.scope.b.dag.bool(true);
        let Some(handover) = &outcome.then else {
            self.reset(run, word, yes);
            return Ok(());
        };
        let targets = self.targets(handover, subjects);
        let over = self.is_over(run, handover, &targets);
        self.reset(run, word, over);
        for (instances, here) in targets {
            if handover.starts {
                self.start(handover, &instances, span, here)?;
            } else if self.resumed(handover, &instances) == run {
                self.relocate(run, handover, here);
            } else {
                self.resume(handover, &instances, here)?;
            }
        }
        Ok(())
    }

    /// Whether a run is over with its outcome: not where the hand-over resumes this very run.
    fn is_over(&mut self, run: Run, handover: &Handover, targets: &[(Vec<u32>, N)]) -> N {
        let itself = targets.iter().filter(|(i, _)| !handover.starts && self.resumed(handover, i) == run);
        let itself: Vec<N> = itself.map(|(_, here)| *here).collect();
        let itself = self.scope.b.dag.any(itself);
        self.scope.b.dag.not(itself)
    }

    /// The run that a hand-over resumes.
    fn resumed(&self, handover: &Handover, instances: &[u32]) -> Run {
        let program = self.scope.b.program;
        (handover.protocol, program.run_number(&program.protocols[handover.protocol], instances, 0))
    }

    /// The subjects that a hand-over can name, each with when it does.
    fn targets(&mut self, handover: &Handover, subjects: &[N]) -> Vec<(Vec<u32>, N)> {
        let program = self.scope.b.program;
        let mut list = vec![(Vec::new(), self.scope.b.dag.bool(true))];
        for (subject, node) in program.protocols[handover.protocol].subjects.iter().zip(subjects) {
            let mut longer = Vec::new();
            for (instances, here) in list {
                for n in 0..program.sorts[subject.sort].size {
                    let number = self.scope.b.dag.int(i64::from(n));
                    let is = self.scope.b.dag.eq(*node, number);
                    let here = self.scope.b.dag.and(here, is);
                    if self.scope.b.dag.constant(here) != Some(0) {
                        longer.push(([&instances[..], &[n]].concat(), here));
                    }
                }
            }
            list = longer;
        }
        list
    }

    fn start(&mut self, handover: &Handover, instances: &[u32], span: Span, path: N) -> Result<()> {
        let program = self.scope.b.program;
        let protocol = &program.protocols[handover.protocol];
        let mut none_yet = path;
        let mut chosen = Vec::new();
        for copy in 0..protocol.copies {
            let run = (handover.protocol, program.run_number(protocol, instances, copy));
            let busy = self.scope.unfinished(run.0, run.1);
            let dag = &mut self.scope.b.dag;
            let idle = dag.not(busy);
            chosen.push((run, dag.and(none_yet, idle)));
            none_yet = dag.and(none_yet, busy);
        }
        for (run, here) in chosen {
            self.begin(run, handover.position, here)?;
        }
        if protocol.copies_cut {
            self.cut(none_yet, protocol.span);
        } else {
            self.bound(none_yet, BoundKind::Runs, span);
        }
        Ok(())
    }

    fn resume(&mut self, handover: &Handover, instances: &[u32], path: N) -> Result<()> {
        let run = self.resumed(handover, instances);
        let unfinished = self.scope.unfinished(run.0, run.1);
        let dag = &mut self.scope.b.dag;
        let not = dag.not(unfinished);
        let (kept, fresh) = (dag.and(path, unfinished), dag.and(path, not));
        self.begin(run, handover.position, fresh)?;
        self.relocate(run, handover, kept);
        Ok(())
    }

    /// Moves a run that is under way, where `path` holds: it keeps its variables, and the roles first used before.
    fn relocate(&mut self, run: Run, handover: &Handover, path: N) {
        self.reset_sub_runs(run, path);
        self.move_to(run, Status::At(ChainId(0), handover.position), path);
        for role in &handover.unbinds {
            let b = &mut *self.scope.b;
            let null = b.dag.null();
            let bound = &mut self.scope.world.run_mut(run.0.0 as usize, run.1).roles[role.0 as usize];
            *bound = b.dag.select(path, null, *bound);
        }
    }

    /// The subjects of an outcome's hand-over, as they are now.
    pub fn handover_subjects(&mut self, outcome: &'p Outcome) -> Result<Vec<N>> {
        let Some(handover) = &outcome.then else { return Ok(Vec::new()) };
        handover.subjects.iter().map(|e| self.scope.scalar(e)).collect()
    }
}
