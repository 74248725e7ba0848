//! Faults: crashes, lost hand-offs, requests that arrive twice.

use super::events::{Successors, has_budget, spend, with_changes};
use super::state::{Delivery, State, StateSource};
use super::{Down, Event, FaultKind, Model, Waits};
use crate::schema::KindId;
use crate::step::{Picks, Protocol, Stop, Tx, acting};
use crate::value::{RowKey, Value};
use smol_str::SmolStr;
use std::sync::Arc;

impl Model {
    pub(super) fn fault_events(
        &self,
        state: &State,
        source: &StateSource<'_>,
        fault: usize,
        found: &mut Successors,
    ) {
        match &self.faults[fault].kind {
            FaultKind::Crash { sort, locals, down } => {
                self.crashes(state, source, fault, (sort, *locals, *down), found);
            }
            FaultKind::Lose { protocol, waits } => {
                self.losses(state, source, fault, (*protocol, *waits), found);
            }
            FaultKind::Duplicate { .. } => {
                for position in 0..state.pending[fault].len() {
                    self.arrivals(state, source, fault, position, found);
                }
            }
            FaultKind::Skew { .. } => {}
        }
    }

    /// An event of a fault, which violates nothing but `monotonic` claims.
    fn plain(
        &self,
        state: &State,
        source: &StateSource<'_>,
        event: Event,
        next: State,
        found: &mut Successors,
    ) {
        let after = StateSource::new(self, &next);
        let transition = self.finish(state, source, event, &after.tx(), next.clone(), None, Vec::new());
        found.transitions.push(transition);
    }

    fn crashes(
        &self,
        state: &State,
        source: &StateSource<'_>,
        fault: usize,
        (sort, locals, down): (&SmolStr, Option<KindId>, Down),
        found: &mut Successors,
    ) {
        for id in self.members.all(sort) {
            let instance = (sort.clone(), id.clone());
            let is_down = state.down.contains(&instance);
            if has_budget(state, fault) && !is_down {
                let mut next = state.clone();
                spend(&mut next, fault);
                self.crash(&mut next, &instance, locals);
                if down != Down::Instant {
                    next.down.push(instance.clone());
                    next.down.sort();
                }
                self.plain(state, source, Event::Crash(fault, id.clone()), next, found);
            }
            if is_down && down == Down::Restarts {
                let mut next = state.clone();
                next.down.retain(|i| *i != instance);
                self.plain(state, source, Event::Restart(fault, id.clone()), next, found);
            }
        }
    }

    fn crash(&self, state: &mut State, (sort, id): &(SmolStr, SmolStr), locals: Option<KindId>) {
        let id = Value::Id(id.clone());
        if let Some(kind) = locals {
            self.reset(state, &RowKey::new(kind, [id.clone()]), None);
        }
        for protocol in &self.spec.protocols {
            let Some(kind) = protocol.kind else { continue };
            let under_way =
                |row: &&RowKey| row.kind == kind && protocol.unfinished.iter().any(|s| is(state, row, s));
            let rows: Vec<RowKey> = state.rows.keys().filter(under_way).cloned().collect();
            for row in rows {
                let subjects = protocol.subjects.iter().zip(&row.key);
                let is_subject = subjects.into_iter().any(|((_, s), part)| s == sort && *part == id);
                let values = &state.rows[&row];
                let is_bound = protocol.roles.iter().any(|(column, s)| s == sort && values[*column] == id);
                if is_subject {
                    self.reset(state, &row, None);
                } else if is_bound {
                    self.reset(state, &row, protocol.broken.as_ref().map(|(crashed, _)| crashed));
                }
            }
        }
        self.leave_segments(state);
    }

    /// An event of a sub-run has its run wait for it.
    fn enter_segment(&self, state: &mut State, protocol: &Protocol, run: &[Value]) {
        let above = protocol.parent.as_ref().zip(protocol.parent_key(run));
        let Some((parent, key)) = above else { return };
        let Some(kind) = self.spec.protocols[parent.protocol].kind else { return };
        if let Some(row) = state.rows.get_mut(&RowKey::new(kind, key)) {
            Arc::make_mut(row)[0] = Value::Enum(parent.at.clone());
        }
    }

    /// The sub-runs of runs that are elsewhere are idle.
    fn leave_segments(&self, state: &mut State) {
        for protocol in &self.spec.protocols {
            let (Some(parent), Some(kind)) = (&protocol.parent, protocol.kind) else { continue };
            let Some(above) = self.spec.protocols[parent.protocol].kind else { continue };
            let is_left = |row: &&RowKey| {
                let key = protocol.parent_key(&row.key).unwrap_or_default();
                row.kind == kind && !is(state, &RowKey::new(above, key), &parent.at)
            };
            let left: Vec<RowKey> = state.rows.keys().filter(is_left).cloned().collect();
            left.iter().for_each(|row| self.reset(state, row, None));
        }
    }

    /// Gives a row its initial values; a run is over with this status, if there is one.
    fn reset(&self, state: &mut State, row: &RowKey, status: Option<&SmolStr>) {
        let mut values = self.initial(row);
        if let Some(status) = status {
            values[0] = Value::Enum(status.clone());
        }
        state.rows.insert(row.clone(), Arc::new(values));
    }

    fn losses(
        &self,
        state: &State,
        source: &StateSource<'_>,
        fault: usize,
        (p, waits): (usize, Waits),
        found: &mut Successors,
    ) {
        let protocol = &self.spec.protocols[p];
        let Some(kind) = protocol.kind.filter(|_| has_budget(state, fault)) else { return };
        for run in self.runs(p) {
            let row = RowKey::new(kind, run.clone());
            if waits(&source.tx(), &run) {
                let mut next = state.clone();
                spend(&mut next, fault);
                self.enter_segment(&mut next, protocol, &run);
                self.reset(&mut next, &row, protocol.broken.as_ref().map(|(_, lost)| lost));
                self.leave_segments(&mut next);
                self.plain(state, source, Event::Lose(fault, run), next, found);
            }
        }
    }

    /// A request's second arrival: nothing happens when the guard is false.
    fn arrivals(
        &self,
        state: &State,
        source: &StateSource<'_>,
        fault: usize,
        position: usize,
        found: &mut Successors,
    ) {
        let FaultKind::Duplicate { protocol, action, .. } = &self.faults[fault].kind else { return };
        let delivery = &state.pending[fault][position];
        let step = &self.spec.protocols[*protocol].actions[*action];
        let mut sent = source.tx();
        self.as_sent(&mut sent, fault, delivery);
        // Whether anybody is down does not matter; the clock is that of who sent it.
        if let Some(id) = acting(&delivery.me) {
            sent.clock_of(&step.actor, id);
        }
        let event = |picks| Event::Deliver { fault, position, picks };
        if !(step.guard)(&sent, &delivery.run, &delivery.me).holds() {
            let next = without(state, fault, position);
            return self.plain(state, source, event(Vec::new()), next, found);
        }
        let mut scripts = vec![Vec::new()];
        while let Some(script) = scripts.pop() {
            let (mut tx, mut picks) = (sent.clone(), Picks::script(&script));
            match (step.effect)(&mut tx, &delivery.run, &delivery.me, &mut picks) {
                Ok(()) => {
                    let claims = [&sent, &sent, &tx].map(Tx::unskewed);
                    let [chosen, read, done] = &claims;
                    let at = (*protocol, *action);
                    let violated = self.judge_step(at, &delivery.run, &delivery.me, chosen, read, done);
                    let after = self.after_arrival(state, &tx, delivery, &step.actor);
                    let next = without(&after, fault, position);
                    let seen = StateSource::new(self, &after);
                    let mut judged = seen.tx();
                    tx.excess().iter().for_each(|e| judged.exceed(e.clone()));
                    let event = event(picks.taken);
                    found.transitions.push(self.finish(state, source, event, &judged, next, None, violated));
                }
                Err(Stop::Pick(_, width)) => {
                    let longer = |n| script.iter().copied().chain([n]).collect::<Vec<_>>();
                    scripts.extend((0..width).rev().map(longer));
                }
                Err(Stop::Cut) => found.cut = true,
                Err(_) => {}
            }
        }
    }

    /// The captured values in place of the present ones.
    fn as_sent(&self, tx: &mut Tx<'_>, fault: usize, delivery: &Delivery) {
        let Some(carried) = self.carried(fault) else { return };
        for (row, columns, values) in carried.rows(delivery) {
            let Some(mut present) = tx.raw(&row).cloned() else { continue };
            columns.iter().zip(values).for_each(|(column, value)| present[*column] = value.clone());
            tx.put(row, present);
        }
    }

    /// The state after an arrival: runs and the acting instance's locals are as they were.
    fn after_arrival(&self, state: &State, tx: &Tx<'_>, delivery: &Delivery, actor: &SmolStr) -> State {
        let mut next = with_changes(state, tx);
        for (row, values) in &state.rows {
            let kind = self.spec.schema.kind(row.kind);
            let mine = match kind.class {
                crate::schema::KindClass::Run => true,
                crate::schema::KindClass::Local => {
                    row.key.first() == Some(&delivery.me)
                        && kind.keys[0].ty == crate::value::Type::Id(actor.clone())
                }
                crate::schema::KindClass::Truth => false,
            };
            if mine {
                next.rows.insert(row.clone(), values.clone());
            }
        }
        next
    }
}

/// Whether a run has a status.
fn is(state: &State, row: &RowKey, status: &SmolStr) -> bool {
    matches!(state.rows.get(row).and_then(|values| values.first()), Some(Value::Enum(s)) if s == status)
}

/// The state without a pending request.
fn without(state: &State, fault: usize, position: usize) -> State {
    let mut next = state.clone();
    next.pending[fault].remove(position);
    next
}
