//! Faults and the clock.

use super::action::{Compiler, run_ref};
use super::dag::N;
use super::effect::{Combinations, Execution, Notes};
use super::expr::{Result, Who};
use super::runs::Run;
use super::sym::{Sym, value_of};
use super::world::World;
use arch_ir::{
    ChainId, Down, Event, FaultId, FaultKind, Init, ProtocolId, SortId, Status, StepId, Type, Value, Var,
    VarOwner,
};
use std::sync::Arc;

/// A second arrival: one pending slot with what its sender could be.
struct Arrival {
    fault: FaultId,
    slot: usize,
    run: Run,
    step: StepId,
    actor: (SortId, u32),
    base: Vec<N>,
    /// The state with the captured values in place of the present ones.
    sent: World,
    guard: N,
    who: Who,
}

impl<'p> Compiler<'p, '_> {
    /// The actions of a fault.
    pub fn fault_events(&mut self, fault: FaultId) -> Result<()> {
        match &self.program().faults[fault].kind {
            FaultKind::Crash { sort, down } => self.crashes(fault, *sort, *down),
            FaultKind::Lose { protocol, step } => self.losses(fault, *protocol, *step),
            FaultKind::Duplicate { protocol, step, .. } => {
                for slot in 0..self.before.pending[fault.0 as usize].len() {
                    self.arrivals(fault, slot, *protocol, *step)?;
                }
                Ok(())
            }
            FaultKind::Skew { .. } => Ok(()),
            FaultKind::Partition { from, .. } => self.partitions(fault, *from),
        }
    }

    fn crashes(&mut self, fault: FaultId, sort: SortId, down: Down) -> Result<()> {
        for n in 0..self.program().sorts[sort].size {
            let up = self.is_up((sort, n));
            let mut action = self.blank(Event::Crash(fault, n));
            action.base = vec![up, self.has_budget(fault)];
            let mut after = self.crashed((sort, n))?;
            self.spend(&mut after, fault);
            if down != Down::Instant {
                Arc::make_mut(&mut after.down)[sort.0 as usize][n as usize] = self.b.dag.bool(true);
            }
            self.add(action, &after, &after)?;
            if down == Down::Restarts {
                let mut action = self.blank(Event::Restart(fault, n));
                action.base = vec![self.b.dag.not(up)];
                let mut after = self.before.clone();
                Arc::make_mut(&mut after.down)[sort.0 as usize][n as usize] = self.b.dag.bool(false);
                self.add(action, &after, &after)?;
            }
        }
        Ok(())
    }

    /// The state after the resets of a crash.
    fn crashed(&mut self, instance: (SortId, u32)) -> Result<World> {
        let program = self.program();
        let mut after = self.before.clone();
        for (v, var) in
            program.vars.iter().enumerate().filter(|(_, v)| v.owner == VarOwner::Local(instance.0))
        {
            for (i, keys) in program.key_tuples(&var.keys).into_iter().enumerate() {
                if keys.first() == Some(&Value::Id(instance.1)) {
                    let value = self.initial_value(var, &keys)?;
                    *after.var_mut(v, i) = self.b.literal(&value, &var.ty);
                }
            }
        }
        let protocols = program.protocols.indices();
        for run in protocols.flat_map(|p| (0..program.run_count(p)).map(move |run| (p, run))) {
            let unfinished = self.unfinished(run);
            if self.b.dag.constant(unfinished) == Some(0) {
                continue;
            }
            if self.is_subject(run, instance) {
                after = self.reset_in(after, run, None, unfinished);
            } else {
                let bound = self.is_bound(run, instance);
                let hit = self.b.dag.and(unfinished, bound);
                after = self.reset_in(after, run, Some("crashed"), hit);
            }
        }
        Ok(after)
    }

    fn reset_in(&mut self, world: World, run: Run, word: Option<&str>, path: N) -> World {
        if self.b.dag.constant(path) == Some(0) {
            return world;
        }
        self.changed(world, |e| e.reset(run, word, path))
    }

    /// The world with a sub-run's parent where it happens.
    fn in_segment(&mut self, world: World, run: Run) -> World {
        self.changed(world, |e| e.enter_segment(run))
    }

    fn changed(&mut self, world: World, change: impl FnOnce(&mut Execution<'_, '_, 'p>)) -> World {
        let (who, before) = (self.nobody(), self.before.clone());
        let yes = self.b.dag.bool(true);
        let mut scope = self.scope(world, before.clone(), who);
        let mut combinations = Combinations::default();
        let notes = Notes::new(yes);
        change(&mut Execution { scope: &mut scope, notes, combinations: &mut combinations, before: &before });
        scope.world
    }

    /// What an element starts with, or is reset to.
    pub fn initial_value(&mut self, var: &'p Var, keys: &[Value]) -> Result<Value> {
        let program = self.program();
        let Init::Value { keys: slots, value } = &var.init else { return Ok(program.default_value(&var.ty)) };
        let (who, before) = (self.nobody(), self.before.clone());
        let mut scope = self.scope(before.clone(), before, who);
        for (slot, (ty, key)) in slots.iter().zip(var.keys.iter().zip(keys)) {
            let sym = scope.b.literal(key, ty);
            scope.slots.insert(*slot, (ty.clone(), sym));
        }
        let sym = scope.eval(value)?;
        let constant = value_of(program, &sym, &var.ty, &|n| scope.b.dag.constant(n));
        constant.ok_or_else(|| crate::CompileError::at(value.span, "an initial value is not constant"))
    }

    fn losses(&mut self, fault: FaultId, p: ProtocolId, step: StepId) -> Result<()> {
        let Some((chain, i)) = self.place(p, step) else { return Ok(()) };
        for run in 0..self.program().run_count(p) {
            let before = self.before.clone();
            let waits = self.waits_at((p, run), chain, i);
            let mut action = self.blank(Event::Lose(fault, run_ref((p, run))));
            action.base = vec![waits, self.has_budget(fault)];
            let yes = self.b.dag.bool(true);
            let after = self.in_segment(before, (p, run));
            let mut after = self.reset_in(after, (p, run), Some("lost"), yes);
            self.spend(&mut after, fault);
            self.add(action, &after, &after)?;
        }
        Ok(())
    }

    /// Whether a run waits at a step that was handed over to it, or before `loop` steps that it can pass.
    fn waits_at(&mut self, (p, run): Run, chain: ChainId, i: usize) -> N {
        let from: Vec<usize> = (0..=i).filter(|from| self.passes(p, chain, *from, i)).collect();
        let statuses: Vec<Status> = from.iter().map(|from| Status::At(chain, *from as u32)).collect();
        let at = self.is_in((p, run), &statuses);
        let at = match chain {
            ChainId(0) => {
                let joined = self.joined((p, run), 0, i as u32);
                self.b.dag.and(at, joined)
            }
            _ => at,
        };
        let first = if from.contains(&0) { self.waits_at_first((p, run)) } else { self.b.dag.bool(false) };
        self.b.dag.or(at, first)
    }

    fn partitions(&mut self, fault: FaultId, from: SortId) -> Result<()> {
        for n in 0..self.program().sorts[from].size {
            let is_cut = self.before.cut[fault.0 as usize][n as usize];
            for heal in [false, true] {
                let event = if heal { Event::Heal(fault, n) } else { Event::Cut(fault, n) };
                let mut action = self.blank(event);
                let mut after = self.before.clone();
                Arc::make_mut(&mut after.cut)[fault.0 as usize][n as usize] = self.b.dag.bool(!heal);
                if heal {
                    action.base = vec![is_cut];
                } else {
                    action.base = vec![self.b.dag.not(is_cut), self.has_budget(fault)];
                    self.spend(&mut after, fault);
                }
                self.add(action, &after, &after)?;
            }
        }
        Ok(())
    }

    /// The second arrival of the request in a slot, for each run and instance that can have sent it.
    fn arrivals(&mut self, fault: FaultId, slot: usize, p: ProtocolId, step: StepId) -> Result<()> {
        let program = self.program();
        let protocol = &program.protocols[p];
        let sort = protocol.acting_sort(step);
        for run in 0..program.run_count(p) {
            let subject = self.acting_subject((p, run), step);
            for n in 0..program.sorts[sort].size {
                if subject.is_none_or(|(_, s)| s == n)
                    && let Some(arrival) = self.arrival(fault, slot, (p, run), step, (sort, n))?
                {
                    self.arrive(&arrival)?;
                }
            }
        }
        Ok(())
    }

    fn arrival(
        &mut self,
        fault: FaultId,
        slot: usize,
        run: Run,
        step: StepId,
        actor: (SortId, u32),
    ) -> Result<Option<Arrival>> {
        let program = self.program();
        let (present, record) = self.before.pending[fault.0 as usize][slot].clone();
        let (Sym::Record(parts), FaultKind::Duplicate { vars, roles, locals, .. }) =
            (&record, &program.faults[fault].kind)
        else {
            return Ok(None);
        };
        let dag = &mut self.b.dag;
        let mut base = vec![present];
        for (part, number) in parts.iter().zip([run.1, actor.1]) {
            let (part, number) = (part.scalar(dag), dag.int(i64::from(number)));
            base.push(dag.eq(part, number));
        }
        let mut sent = self.before.clone();
        let mut captured = parts.iter().skip(2);
        for ((p, role), value) in roles.iter().zip(captured.by_ref()) {
            let owner = self.owner(run, *p);
            sent.run_mut(p.0 as usize, owner).roles[role.0 as usize] = value.scalar(&mut self.b.dag);
        }
        for ((p, var), value) in vars.iter().zip(captured.by_ref()) {
            let owner = self.owner(run, *p);
            sent.run_mut(p.0 as usize, owner).vars[var.0 as usize] = value.clone();
        }
        for (local, value) in locals.iter().zip(captured) {
            *sent.var_mut(local.0 as usize, actor.1 as usize) = value.clone();
        }
        let who = self.who(run, Some(actor));
        let guard = &program.protocols[run.0].steps[step].guard;
        let guard = self.scope(sent.clone(), sent.clone(), who).scalar(guard)?;
        Ok(Some(Arrival { fault, slot, run, step, actor, base, sent, guard, who }))
    }

    fn arrive(&mut self, arrival: &Arrival) -> Result<()> {
        let event = Event::Deliver {
            fault: arrival.fault,
            position: arrival.slot as u32,
            run: run_ref(arrival.run),
            actor: arrival.actor.1,
            choices: Vec::new(),
        };
        let mut idle = self.blank(event.clone());
        idle.base.clone_from(&arrival.base);
        idle.guard = self.b.dag.not(arrival.guard);
        let mut after = self.before.clone();
        self.remove_request(&mut after, arrival);
        self.add(idle, &after, &after)?;
        let mut combinations = Combinations::default();
        loop {
            combinations.restart();
            self.effect_of_arrival(arrival, event.clone(), &mut combinations)?;
            if !combinations.advance() {
                return Ok(());
            }
        }
    }

    fn effect_of_arrival(
        &mut self,
        arrival: &Arrival,
        event: Event,
        combinations: &mut Combinations,
    ) -> Result<()> {
        let program = self.program();
        let (yes, before) = (self.b.dag.bool(true), self.before.clone());
        let mut scope = self.scope(arrival.sent.clone(), arrival.sent.clone(), arrival.who);
        let mut execution =
            Execution { scope: &mut scope, notes: Notes::new(yes), combinations, before: &before };
        execution.block(&program.protocols[arrival.run.0].steps[arrival.step].effect, yes)?;
        let notes = execution.notes;
        let judged = scope.world.clone();
        let mut action = self.blank(event);
        action.base.clone_from(&arrival.base);
        action.guard = arrival.guard;
        (action.picks, action.cuts, action.live, action.bounds) =
            (notes.picks, notes.cuts, notes.live, notes.bounds);
        let who = Who { skew: self.b.dag.int(0), ..arrival.who };
        action.claims =
            self.step_claims((arrival.run.0, arrival.step), who, &arrival.sent, (&arrival.sent, &judged))?;
        let mut after = judged;
        after.runs.clone_from(&self.before.runs);
        self.restore_locals(&mut after, arrival.actor);
        self.remove_request(&mut after, arrival);
        self.add(action, &after, &after)
    }

    /// The acting instance's locals are as they were.
    fn restore_locals(&self, after: &mut World, actor: (SortId, u32)) {
        let program = self.program();
        for (v, var) in program.vars.iter().enumerate().filter(|(_, v)| v.owner == VarOwner::Local(actor.0)) {
            for (i, keys) in program.key_tuples(&var.keys).into_iter().enumerate() {
                if keys.first() == Some(&Value::Id(actor.1)) && after.vars[v][i] != self.before.vars[v][i] {
                    *after.var_mut(v, i) = self.before.vars[v][i].clone();
                }
            }
        }
    }

    fn remove_request(&mut self, after: &mut World, arrival: &Arrival) {
        let slots = Arc::make_mut(&mut after.pending[arrival.fault.0 as usize]);
        slots[arrival.slot].0 = self.b.dag.bool(false);
    }

    /// The clock advances by one.
    pub fn tick(&mut self, waiting: &[Vec<N>]) -> Result<()> {
        let program = self.program();
        let mut action = self.blank(Event::Tick);
        let mut after = self.sunk();
        let waits = self.before.waits.clone();
        let mut counts = waits.to_vec();
        for (i, deadline) in program.deadlines.iter().enumerate() {
            for (run, enabled) in waiting[i].iter().enumerate() {
                let dag = &mut self.b.dag;
                let (within, one, zero) = (dag.int(i64::from(deadline.within)), dag.int(1), dag.int(0));
                let count = waits[i][run];
                let due = dag.le(within, count);
                let forbids = dag.and(due, *enabled);
                action.base.push(dag.not(forbids));
                let more = dag.add(count, one);
                counts[i][run] = dag.select(*enabled, more, zero);
            }
        }
        after.waits = Arc::new(counts);
        self.add(action, &after, &after)
    }

    /// The state with every instant one less.
    fn sunk(&mut self) -> World {
        let program = self.program();
        let mut after = self.before.clone();
        for (v, var) in program.vars.iter().enumerate().filter(|(_, v)| program.holds_time(&v.ty)) {
            let list = after.vars[v].iter().map(|s| self.sink(s, &var.ty)).collect();
            after.vars[v] = Arc::new(list);
        }
        for (p, protocol) in program.protocols.iter().enumerate() {
            for (v, var) in protocol.vars.iter().enumerate().filter(|(_, v)| program.holds_time(&v.ty)) {
                for run in 0..after.runs[p].len() as u32 {
                    let sunk = self.sink(&after.runs[p][run as usize].vars[v].clone(), &var.ty);
                    after.run_mut(p, run).vars[v] = sunk;
                }
            }
        }
        for (f, fault) in program.faults.iter().enumerate() {
            let FaultKind::Duplicate { vars, roles, locals, .. } = &fault.kind else { continue };
            let types = vars.iter().map(|(p, v)| &program.protocols[*p].vars[*v].ty);
            let types: Vec<&Type> = types.chain(locals.iter().map(|l| &program.vars[*l].ty)).collect();
            if !types.iter().any(|t| program.holds_time(t)) {
                continue;
            }
            let skip = 2 + roles.len();
            let slots = after.pending[f].to_vec();
            after.pending[f] = Arc::new(
                slots.into_iter().map(|(is, s)| (is, self.sink_request(&s, skip, &types))).collect(),
            );
        }
        after
    }

    fn sink_request(&mut self, record: &Sym, skip: usize, types: &[&Type]) -> Sym {
        let Sym::Record(parts) = record else { return record.clone() };
        let (head, tail) = parts.split_at(skip);
        let tail = tail.iter().zip(types).map(|(s, ty)| self.sink(s, ty));
        let sunk = head.iter().cloned().chain(tail.collect::<Vec<_>>()).collect();
        Sym::Record(Arc::new(sunk))
    }

    fn sink(&mut self, sym: &Sym, ty: &Type) -> Sym {
        let program = self.program();
        if !program.holds_time(ty) {
            return sym.clone();
        }
        match (sym, ty.unwrap_optional()) {
            (Sym::Scalar(n), _) => {
                let dag = &mut self.b.dag;
                let (null, one) = (dag.null(), dag.int(1));
                let (is_null, less) = (dag.eq(*n, null), dag.sub(*n, one));
                Sym::Scalar(dag.select(is_null, null, less))
            }
            (Sym::Opt(is, Some(inner)), ty) => Sym::Opt(*is, Some(Arc::new(self.sink(inner, ty)))),
            (Sym::Slots(slots), Type::Set(element, _)) => {
                Sym::Slots(Arc::new(slots.iter().map(|(is, s)| (*is, self.sink(s, element))).collect()))
            }
            (Sym::Map(keys, values), Type::Map(_, element)) => {
                Sym::Map(keys.clone(), Arc::new(values.iter().map(|s| self.sink(s, element)).collect()))
            }
            (Sym::Seq(length, items), Type::Seq(element, _)) => {
                Sym::Seq(*length, Arc::new(items.iter().map(|s| self.sink(s, element)).collect()))
            }
            (Sym::Record(fields), Type::Record(id)) => {
                let types = program.records[*id].fields.iter();
                Sym::Record(Arc::new(fields.iter().zip(types).map(|(s, f)| self.sink(s, &f.ty)).collect()))
            }
            (Sym::Union(tag, variants), Type::Union(id)) => {
                let mut sunk = Vec::new();
                for (fields, variant) in variants.iter().zip(&program.unions[*id].variants) {
                    let all = fields.as_ref().map(|fields| {
                        fields.iter().zip(&variant.fields).map(|(s, f)| self.sink(s, &f.ty)).collect()
                    });
                    sunk.push(all);
                }
                Sym::Union(*tag, Arc::new(sunk))
            }
            _ => sym.clone(),
        }
    }
}
