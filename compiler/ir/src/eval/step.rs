//! Steps: choices, enabling, execution (section 3).

use super::effect::{Executed, Start};
use super::runs::note_cut;
use super::{Context, Happening, Interpreter, Successors, Who, expr};
use crate::program::{
    ChainId, Expr, ExprKind, FaultId, FaultKind, Place, ProtocolId, RunVarId, SortId, Step, StepId, Stmt,
    StmtKind, VarId, VarOwner,
};
use crate::state::{Delivery, Event, RunRef, State, Status};
use crate::types::tuples;
use crate::value::Value;
use arch_base::{Idx, Span};
use std::collections::BTreeSet;

/// A step that a run has reached, with one combination of choices.
pub(super) struct Attempt {
    pub run: RunRef,
    pub step: StepId,
    /// Roles bound, then parameters.
    pub choices: Vec<Value>,
    /// The present state with the choices made.
    pub made: State,
    pub actor: (SortId, u32),
    pub who: Who,
}

impl<'p> Interpreter<'p> {
    pub(super) fn step(&self, run: RunRef, step: StepId) -> &'p Step {
        &self.program.protocols[run.protocol].steps[step]
    }

    /// The combinations of choices with which a run could take a step, in order; none when it has not
    /// reached it or may not begin.
    pub(super) fn attempts(&self, state: &State, run: RunRef, step: StepId) -> Vec<Attempt> {
        if !self.reached(state, run, step) || (is_idle(state, run) && !self.may_begin(state, run)) {
            return Vec::new();
        }
        let choices = tuples(&self.choices(state, run, step));
        choices.into_iter().filter_map(|c| self.attempt(state, run, step, c)).collect()
    }

    /// What each choice of a step ranges over: the instance already bound, or those that may take part;
    /// then all values.
    fn choices(&self, state: &State, run: RunRef, step: StepId) -> Vec<Vec<Value>> {
        let protocol = &self.program.protocols[run.protocol];
        let step = self.step(run, step);
        let bound = expr::run_state(state, run).map_or(&[][..], |r| &r.roles);
        let roles = step.binds.iter().map(|role| {
            if let Some(Some(n)) = bound.get(role.index()) {
                return vec![Value::Id(*n)];
            }
            let sort = protocol.roles[*role].sort;
            let all = 0..self.program.sorts[sort].size;
            all.filter(|n| self.may_take_part(state, run, (sort, *n))).map(Value::Id).collect()
        });
        let params = step.params.iter().map(|v| match self.chosen_before(state, run, *v) {
            Some(value) => vec![value],
            None => self.program.values(&protocol.vars[*v].ty).unwrap_or_default(),
        });
        roles.chain(params).collect()
    }

    /// The value of a parameter that the first step of the main chain chooses, when the run has left the
    /// start.
    fn chosen_before(&self, state: &State, run: RunRef, param: RunVarId) -> Option<Value> {
        let protocol = &self.program.protocols[run.protocol];
        let first = protocol.chains.get(ChainId(0)).and_then(|c| c.steps.first())?;
        let now = expr::run_state(state, run)?;
        let at_start = matches!(now.status, Status::Idle | Status::At(ChainId(0), 0));
        let chosen = !at_start && protocol.steps[*first].params.contains(&param);
        chosen.then(|| now.vars[param.index()].clone())
    }

    /// The state with choices made.
    pub(super) fn attempt(
        &self,
        state: &State,
        run: RunRef,
        step: StepId,
        choices: Vec<Value>,
    ) -> Option<Attempt> {
        let declared = self.step(run, step);
        let mut made = state.clone();
        let changed = made.runs.get_mut(run.protocol.index())?.get_mut(run.run as usize)?;
        let (roles, params) = choices.split_at_checked(declared.binds.len())?;
        for (role, value) in declared.binds.iter().zip(roles) {
            changed.roles[role.index()] = expr::id(value);
        }
        for (param, value) in declared.params.iter().zip(params) {
            changed.vars[param.index()] = value.clone();
        }
        let actor = self.acting(&made, run, step)?;
        let who = self.who(state, run, Some(actor));
        Some(Attempt { run, step, choices, made, actor, who })
    }

    pub(super) fn is_up(&self, attempt: &Attempt) -> bool {
        !attempt.made.is_down(attempt.actor.0, attempt.actor.1)
    }

    pub(super) fn guard_holds(&self, attempt: &Attempt) -> bool {
        let guard = &self.step(attempt.run, attempt.step).guard;
        self.holds(&Context::acting(&attempt.made, attempt.who), guard)
    }

    /// Whether a step is enabled for a run, with some choices.
    #[must_use]
    pub fn enabled(&self, state: &State, run: RunRef, step: StepId) -> bool {
        let attempts = self.attempts(state, run, step);
        attempts.iter().any(|a| {
            let able = self.is_up(a) && self.is_connected(a) && self.guard_holds(a);
            able && !self.executions(state, a, &mut Vec::new()).is_empty()
        })
    }

    /// The events of a step of a run: for each combination of choices, the step, or its reject.
    pub(super) fn step_events<'s>(
        &self,
        state: &'s State,
        run: RunRef,
        step: StepId,
        found: &mut Successors,
    ) -> Vec<Happening<'s>> {
        let mut list = Vec::new();
        for attempt in self.attempts(state, run, step).iter().filter(|a| self.is_up(a)) {
            let guard = self.guard_holds(attempt);
            if !guard && !found.refused.contains(&(run.protocol, step)) {
                found.refused.push((run.protocol, step));
            }
            if !self.is_connected(attempt) {
                continue;
            }
            list.extend(if guard {
                self.executions(state, attempt, &mut found.cut)
            } else {
                self.rejections(state, attempt, &mut found.cut)
            });
        }
        list
    }

    /// The events of executing a step with its choices: for each combination of picks, plain, then once
    /// for each fault that duplicates it.
    fn executions<'s>(&self, state: &'s State, attempt: &Attempt, cut: &mut Vec<Span>) -> Vec<Happening<'s>> {
        let step = self.step(attempt.run, attempt.step);
        let mut old = attempt.made.clone();
        let mut excess = Vec::new();
        if let Err(halt) = self.evaluate_lets(&mut old, attempt.who, &step.lets, &mut excess) {
            note_cut(halt, cut);
            return Vec::new();
        }
        let start = Start { before: state, old: &old, who: attempt.who, excess: &excess };
        let mut list = Vec::new();
        for executed in self.execute(start, &step.effect, cut) {
            let Some(plain) = self.execution(state, &old, attempt, executed, cut) else { continue };
            let duplicates: Vec<_> = self
                .duplicators(state, attempt)
                .map(|fault| self.duplicated(&plain, fault, &self.delivery(&old, attempt, fault)))
                .collect();
            list.push(plain);
            list.extend(duplicates);
        }
        list
    }

    /// Judges and moves the run, after an effect.
    fn execution<'s>(
        &self,
        state: &'s State,
        old: &State,
        attempt: &Attempt,
        executed: Executed,
        cut: &mut Vec<Span>,
    ) -> Option<Happening<'s>> {
        let Executed { picks, state: judged, mut excess } = executed;
        let violated =
            self.step_violations((attempt.run, attempt.step, attempt.who), &attempt.made, old, &judged);
        let cx = Context { old, ..Context::acting(&judged, attempt.who) };
        let ending = self.ending(&cx, attempt.run, attempt.step);
        let mut next = judged.clone();
        self.enter_segment(&mut next, attempt.run);
        if let Err(halt) = self.move_run(&mut next, state, (attempt.run, attempt.step), ending, &mut excess) {
            note_cut(halt, cut);
            return None;
        }
        let event = Event::Step {
            run: attempt.run,
            step: attempt.step,
            actor: attempt.actor.1,
            choices: [attempt.choices.clone(), picks].concat(),
            duplicated: None,
        };
        Some(Happening { event, state: next, judged: Some(judged), excess, violated, before: state })
    }

    /// The faults that can duplicate a step now.
    fn duplicators(&self, state: &State, attempt: &Attempt) -> impl Iterator<Item = FaultId> {
        let (run, attempted) = (attempt.run, attempt.step);
        let budgets = state.budgets.clone();
        self.program.faults.iter_enumerated().filter_map(move |(id, fault)| match fault.kind {
            FaultKind::Duplicate { protocol, step, .. } if (protocol, step) == (run.protocol, attempted) => {
                super::faults::has_budget(&budgets, id).then_some(id)
            }
            _ => None,
        })
    }

    /// The request of a step as it was sent.
    fn delivery(&self, old: &State, attempt: &Attempt, fault: FaultId) -> Option<Delivery> {
        let FaultKind::Duplicate { vars, roles, locals, .. } = &self.program.faults[fault].kind else {
            return None;
        };
        let run = |p| expr::run_state(old, self.owner(attempt.run, p)?);
        let local = |var: &VarId| self.local(old, *var, attempt.actor.1);
        Some(Delivery {
            run: attempt.run.run,
            actor: attempt.actor.1,
            roles: roles.iter().map(|(p, r)| run(*p).and_then(|run| run.roles[r.index()])).collect(),
            vars: vars.iter().filter_map(|(p, v)| Some(run(*p)?.vars[v.index()].clone())).collect(),
            locals: locals.iter().map(local).collect(),
        })
    }

    /// The run of a protocol that a run is, or belongs to.
    pub(super) fn owner(&self, run: RunRef, protocol: ProtocolId) -> Option<RunRef> {
        if run.protocol == protocol { Some(run) } else { self.parent(run).map(|(_, above)| above) }
    }

    fn local(&self, state: &State, var: VarId, actor: u32) -> Value {
        let element = self.key_position(var, &[Value::Id(actor)]);
        element.and_then(|i| state.var(var).get(i)).cloned().unwrap_or(Value::Null)
    }

    fn duplicated<'s>(
        &self,
        plain: &Happening<'s>,
        fault: FaultId,
        delivery: &Option<Delivery>,
    ) -> Happening<'s> {
        let mut state = plain.state.clone();
        super::faults::spend(&mut state, fault);
        state.pending[fault.index()].extend(delivery.clone());
        let mut event = plain.event.clone();
        if let Event::Step { duplicated, .. } = &mut event {
            *duplicated = Some(fault);
        }
        Happening {
            event,
            state,
            judged: plain.judged.clone(),
            excess: plain.excess.clone(),
            violated: plain.violated.clone(),
            before: plain.before,
        }
    }

    /// The events of a step that answers that its guard is false.
    fn rejections<'s>(&self, state: &'s State, attempt: &Attempt, cut: &mut Vec<Span>) -> Vec<Happening<'s>> {
        let Some(reject) = &self.step(attempt.run, attempt.step).reject else { return Vec::new() };
        let start = Start { before: state, old: &attempt.made, who: attempt.who, excess: &[] };
        let mut list = Vec::new();
        for Executed { picks, state: judged, mut excess } in self.execute(start, &reject.effect, cut) {
            let cx = Context { old: &attempt.made, ..Context::acting(&judged, attempt.who) };
            let ending = self.ending_with(&cx, &reject.outcome, reject.span);
            let mut next = judged.clone();
            self.enter_segment(&mut next, attempt.run);
            if let Err(halt) = self.conclude(&mut next, attempt.run, ending, &mut excess) {
                note_cut(halt, cut);
                continue;
            }
            let event = Event::Reject {
                run: attempt.run,
                step: attempt.step,
                actor: attempt.actor.1,
                choices: [attempt.choices.clone(), picks].concat(),
            };
            list.push(Happening {
                event,
                state: next,
                judged: Some(judged),
                excess,
                violated: Vec::new(),
                before: state,
            });
        }
        list
    }

    /// Whether no partition keeps the acting instance from the one before it or from what it touches.
    pub(super) fn is_connected(&self, attempt: &Attempt) -> bool {
        if !self.program.faults.iter().any(|f| matches!(f.kind, FaultKind::Partition { .. })) {
            return true;
        }
        let mut met = self.touched(attempt);
        met.extend(self.acted_before(attempt));
        met.into_iter().all(|other| self.connected(&attempt.made, attempt.actor, other))
    }

    /// The instances that act in what comes before it in its chain.
    fn acted_before(&self, attempt: &Attempt) -> Vec<(SortId, u32)> {
        let run = attempt.run;
        let Some((chain, i)) = self.place(run.protocol, attempt.step) else { return Vec::new() };
        match self.parent(run) {
            Some((parent, above)) if i == 0 => {
                self.handing_over(&attempt.made, above, parent.position, Some(run.protocol))
            }
            _ if chain == ChainId(0) => self.handing_over(&attempt.made, run, i as u32, None),
            _ => {
                let steps = &self.program.protocols[run.protocol].chains[chain].steps;
                let before = i.checked_sub(1).and_then(|i| steps.get(i));
                before.and_then(|s| self.acting(&attempt.made, run, *s)).into_iter().collect()
            }
        }
    }

    /// The instances at which placed truth is held that a step's guard, `let`s or effect mention.
    fn touched(&self, attempt: &Attempt) -> BTreeSet<(SortId, u32)> {
        let step = self.step(attempt.run, attempt.step);
        let mut cx = Context::acting(&attempt.made, attempt.who);
        let mut met = BTreeSet::new();
        for e in std::iter::once(&step.guard).chain(step.lets.iter().map(|(_, e)| e)) {
            self.touched_by(&cx, e, &mut met);
        }
        self.touched_by_block(&mut cx, &step.effect, &mut met);
        met
    }

    fn touched_by_block<'a>(
        &self,
        cx: &mut Context<'a>,
        stmts: &'a [Stmt],
        met: &mut BTreeSet<(SortId, u32)>,
    ) {
        for stmt in stmts {
            stmt.exprs().into_iter().for_each(|e| self.touched_by(cx, e, met));
            if let StmtKind::Assign(Place::Var(var, keys, _), _)
            | StmtKind::Advance(Place::Var(var, keys, _), _) = &stmt.kind
            {
                self.touched_at(cx, *var, keys, met);
            }
            if let StmtKind::Let(slot, e) = &stmt.kind
                && is_known(cx, e)
            {
                cx.slots = cx.slots.with(*slot, &e.ty, self.eval(cx, e));
            }
            stmt.blocks().into_iter().for_each(|block| self.touched_by_block(&mut cx.clone(), block, met));
        }
    }

    fn touched_by<'a>(&self, cx: &Context<'a>, e: &'a Expr, met: &mut BTreeSet<(SortId, u32)>) {
        match &e.kind {
            ExprKind::Let(slot, value, body) if is_known(cx, value) => {
                self.touched_by(cx, value, met);
                let slots = cx.slots.with(*slot, &value.ty, self.eval(cx, value));
                self.touched_by(&Context { slots, ..cx.clone() }, body, met);
            }
            kind => {
                if let ExprKind::Var(var, keys) = kind {
                    self.touched_at(cx, *var, keys, met);
                }
                e.children().into_iter().for_each(|child| self.touched_by(cx, child, met));
            }
        }
    }

    /// A key that depends on a quantified, looped or picked variable stands for every instance.
    fn touched_at<'a>(
        &self,
        cx: &Context<'a>,
        var: VarId,
        keys: &'a [Expr],
        met: &mut BTreeSet<(SortId, u32)>,
    ) {
        let declared = &self.program.vars[var];
        let VarOwner::Truth(truth) = declared.owner else { return };
        let Some(place) = self.program.truths[truth].place else { return };
        let keyed = declared.keys.first() == Some(&crate::program::Type::Id(place));
        match keys.first().filter(|_| keyed) {
            None => _ = met.insert((place, 0)),
            Some(key) if is_known(cx, key) => met.extend(expr::id(&self.eval(cx, key)).map(|n| (place, n))),
            Some(_) => met.extend((0..self.program.sorts[place].size).map(|n| (place, n))),
        }
    }
}

/// Whether every variable in an expression has its value already.
fn is_known(cx: &Context<'_>, e: &Expr) -> bool {
    let mut known = true;
    e.visit(&mut |part| {
        if let ExprKind::Slot(slot) = part.kind {
            known &= cx.slots.get(slot).is_some();
        }
    });
    known
}

fn is_idle(state: &State, run: RunRef) -> bool {
    expr::run_state(state, run).is_some_and(|r| r.status == Status::Idle)
}
