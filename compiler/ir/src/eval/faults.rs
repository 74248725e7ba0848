//! Faults (section 4).

use super::effect::{Executed, Start};
use super::runs::run_mut;
use super::{Happening, Interpreter, Who, expr};
use crate::program::{
    ChainId, Down, FaultId, FaultKind, ProtocolId, RoleId, RunVarId, SortId, StepId, VarId,
};
use crate::state::{Delivery, Event, RunRef, State, Status};
use crate::value::Value;
use arch_base::{Idx, Span};

impl FaultKind {
    /// Whether it leaves instances of a sort down.
    pub(super) fn downs(&self, of: SortId) -> bool {
        matches!(self, FaultKind::Crash { sort, down } if *sort == of && *down != Down::Instant)
    }

    /// The sort whose instances it cuts off.
    pub(super) fn cuts(&self) -> Option<SortId> {
        match self {
            FaultKind::Partition { from, .. } => Some(*from),
            _ => None,
        }
    }

    pub(super) fn is_skew(&self) -> bool {
        matches!(self, FaultKind::Skew { .. })
    }
}

/// A duplicate fault, taken apart.
struct Duplicate<'p> {
    fault: FaultId,
    protocol: ProtocolId,
    step: StepId,
    vars: &'p [(ProtocolId, RunVarId)],
    roles: &'p [(ProtocolId, RoleId)],
    locals: &'p [VarId],
}

impl<'p> Interpreter<'p> {
    /// The events of a fault.
    pub(super) fn fault_events<'s>(
        &self,
        state: &'s State,
        fault: FaultId,
        cut: &mut Vec<Span>,
    ) -> Vec<Happening<'s>> {
        match &self.program.faults[fault].kind {
            FaultKind::Crash { sort, down } => self.crashes(state, fault, *sort, *down),
            FaultKind::Lose { protocol, step } => self.losses(state, fault, *protocol, *step),
            FaultKind::Duplicate { protocol, step, vars, roles, locals } => {
                let duplicate = Duplicate { fault, protocol: *protocol, step: *step, vars, roles, locals };
                let pending = state.pending[fault.index()].iter().zip(0..);
                pending.flat_map(|(d, i)| self.arrivals(state, &duplicate, d, i, cut)).collect()
            }
            FaultKind::Skew { .. } => Vec::new(),
            FaultKind::Partition { from, .. } => self.cuts_and_heals(state, fault, *from),
        }
    }

    fn crashes<'s>(&self, state: &'s State, fault: FaultId, sort: SortId, down: Down) -> Vec<Happening<'s>> {
        let mut list = Vec::new();
        for n in 0..self.program.sorts[sort].size {
            let is_down = state.is_down(sort, n);
            if has_budget(&state.budgets, fault) && !is_down {
                let mut next = state.clone();
                spend(&mut next, fault);
                self.crash(&mut next, (sort, n), down);
                list.push(plain(Event::Crash(fault, n), next, state));
            }
            if is_down && down == Down::Restarts {
                let mut next = state.clone();
                next.down[sort.index()][n as usize] = false;
                list.push(plain(Event::Restart(fault, n), next, state));
            }
        }
        list
    }

    fn crash(&self, state: &mut State, instance: (SortId, u32), down: Down) {
        self.reset_locals(state, instance);
        for run in self.all_runs() {
            if !expr::run_state(state, run).is_some_and(|r| r.unfinished()) {
                continue;
            }
            if self.is_subject(run, instance) {
                self.end_run(state, run, None);
            } else if self.is_bound(state, run, instance) {
                self.end_run(state, run, Some("crashed"));
            }
        }
        if down != Down::Instant {
            state.down[instance.0.index()][instance.1 as usize] = true;
        }
    }

    fn losses<'s>(
        &self,
        state: &'s State,
        fault: FaultId,
        protocol: ProtocolId,
        step: StepId,
    ) -> Vec<Happening<'s>> {
        let waits = |run: &RunRef| self.waits_at(state, *run, step);
        if !has_budget(&state.budgets, fault) {
            return Vec::new();
        }
        let runs = (0..self.program.run_count(protocol)).map(|run| RunRef { protocol, run }).filter(waits);
        let lose = |run| {
            let mut next = state.clone();
            spend(&mut next, fault);
            self.enter_segment(&mut next, run);
            self.end_run(&mut next, run, Some("lost"));
            plain(Event::Lose(fault, run), next, state)
        };
        runs.map(lose).collect()
    }

    /// Whether a run waits at a step that was handed over to it, or before `loop` steps that it can pass: an idle run
    /// waits for nothing, but for a sub-run whose turn it is, and a run does not wait while its sub-runs there go on.
    fn waits_at(&self, state: &State, run: RunRef, step: StepId) -> bool {
        let Some((chain, i)) = self.place(run.protocol, step) else { return false };
        let passes = |from: usize| self.on_the_way(run.protocol, chain, from, i);
        match expr::run_state(state, run).map(|r| r.status) {
            Some(Status::At(c, at)) => {
                let at = at as usize;
                c == chain && passes(at) && (c != ChainId(0) || self.joined(state, run, at, i))
            }
            Some(Status::Idle) => self.parent(run).is_some() && passes(0) && self.parent_allows(state, run),
            _ => false,
        }
    }

    /// The events of a request's second arrival: one that does nothing when the guard is false, else one
    /// for each combination of picks.
    fn arrivals<'s>(
        &self,
        state: &'s State,
        duplicate: &Duplicate<'p>,
        delivery: &Delivery,
        position: u32,
        cut: &mut Vec<Span>,
    ) -> Vec<Happening<'s>> {
        let run = RunRef { protocol: duplicate.protocol, run: delivery.run };
        let event = |choices| Event::Deliver {
            fault: duplicate.fault,
            position,
            run,
            actor: delivery.actor,
            choices,
        };
        let step = self.step(run, duplicate.step);
        let sent = self.as_sent(state, duplicate, delivery);
        let sort = self.program.protocols[run.protocol].acting_sort(duplicate.step);
        let actor = Some((sort, delivery.actor));
        let who = self.who(state, run, actor);
        if !self.holds(&super::Context::acting(&sent, who), &step.guard) {
            return vec![plain(event(Vec::new()), without(state, duplicate.fault, position), state)];
        }
        let start = Start { before: state, old: &sent, who, excess: &[] };
        let executed = self.execute(start, &step.effect, cut).into_iter();
        executed
            .map(|Executed { picks, state: judged, excess }| {
                let violated = self.step_violations((run, duplicate.step, who), &sent, &sent, &judged);
                let next = self.after_arrival(state, judged, who);
                let next = without(&next, duplicate.fault, position);
                Happening { excess, violated, ..plain(event(picks), next, state) }
            })
            .collect()
    }

    /// The state with the captured values in place of the present ones.
    fn as_sent(&self, state: &State, duplicate: &Duplicate<'_>, delivery: &Delivery) -> State {
        let mut sent = state.clone();
        let run = RunRef { protocol: duplicate.protocol, run: delivery.run };
        for ((protocol, role), bound) in duplicate.roles.iter().zip(&delivery.roles) {
            if let Some(run) = self.owner(run, *protocol) {
                run_mut(&mut sent, run).roles[role.index()] = *bound;
            }
        }
        for ((protocol, var), value) in duplicate.vars.iter().zip(&delivery.vars) {
            if let Some(run) = self.owner(run, *protocol) {
                run_mut(&mut sent, run).vars[var.index()] = value.clone();
            }
        }
        for (var, value) in duplicate.locals.iter().zip(&delivery.locals) {
            if let Some(element) = self.key_position(*var, &[Value::Id(delivery.actor)]) {
                sent.vars[var.index()][element] = value.clone();
            }
        }
        sent
    }

    /// The state after an arrival: the run and the acting instance's locals are as they were.
    fn after_arrival(&self, state: &State, mut judged: State, who: Who) -> State {
        judged.runs.clone_from(&state.runs);
        for (var, element, _) in who.actor.map(|a| self.locals_of(a)).into_iter().flatten() {
            judged.vars[var.index()][element] = state.vars[var.index()][element].clone();
        }
        judged
    }

    fn cuts_and_heals<'s>(&self, state: &'s State, fault: FaultId, from: SortId) -> Vec<Happening<'s>> {
        let mut list = Vec::new();
        for n in 0..self.program.sorts[from].size {
            let is_cut = state.cut[fault.index()][n as usize];
            let mut next = state.clone();
            next.cut[fault.index()][n as usize] = !is_cut;
            if is_cut {
                list.push(plain(Event::Heal(fault, n), next, state));
            } else if has_budget(&state.budgets, fault) {
                spend(&mut next, fault);
                list.push(plain(Event::Cut(fault, n), next, state));
            }
        }
        list
    }
}

/// An event that violates nothing and exceeds nothing.
fn plain(event: Event, state: State, before: &State) -> Happening<'_> {
    Happening { event, state, judged: None, excess: Vec::new(), violated: Vec::new(), before }
}

/// The state without a pending request.
fn without(state: &State, fault: FaultId, position: u32) -> State {
    let mut next = state.clone();
    next.pending[fault.index()].remove(position as usize);
    next
}

/// Whether a fault may still happen.
pub(super) fn has_budget(budgets: &[Option<u32>], fault: FaultId) -> bool {
    budgets[fault.index()].is_none_or(|left| left > 0)
}

/// Takes one from a fault's budget.
pub(super) fn spend(state: &mut State, fault: FaultId) {
    if let Some(left) = &mut state.budgets[fault.index()] {
        *left = left.saturating_sub(1);
    }
}
