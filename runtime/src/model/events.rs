//! The events of a state: runs that begin, steps with all their choices, the tick. Faults are in `faults`.

use super::state::{Delivery, State, StateSource, tuples};
use super::{Claim, FaultKind, Model};
use crate::step::{Action, Choice, ChoiceKind, Excess, Performed, Picks, Stop, Tx, Watch, Watching, perform};
use crate::value::{RowKey, Value};
use smol_str::SmolStr;
use std::sync::Arc;

/// What happens between two states.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Event {
    /// A run begins.
    Begin {
        /// The protocol.
        protocol: SmolStr,
        /// The run.
        run: Vec<Value>,
    },
    /// A step executes, or answers that its guard is false.
    Step {
        /// The operation.
        op: SmolStr,
        /// The run.
        run: Vec<Value>,
        /// The acting instance.
        me: Value,
        /// Roles bound, then parameters.
        choices: Vec<Value>,
        /// Names and elements of what was picked, in order.
        picks: Vec<(&'static str, Value)>,
        /// Whether it answered that its guard is false.
        rejected: bool,
        /// The fault by which its request stays on its way.
        duplicated: Option<usize>,
    },
    /// An instance crashes.
    Crash(usize, SmolStr),
    /// An instance is up again.
    Restart(usize, SmolStr),
    /// A hand-off disappears.
    Lose(usize, Vec<Value>),
    /// A request arrives once more.
    Deliver {
        /// The fault.
        fault: usize,
        /// Its position among the fault's requests.
        position: usize,
        /// Names and elements of what was picked, in order.
        picks: Vec<(&'static str, Value)>,
    },
    /// The clock advances by one.
    Tick,
}

impl Event {
    /// Whether it is something that nobody can count on: a crash, a loss, or the second arrival of a request. What must be possible
    /// has to be so without such events, and they keep no state from being stuck.
    #[must_use]
    pub fn is_adverse(&self) -> bool {
        matches!(self, Event::Crash(..) | Event::Lose(..) | Event::Deliver { .. })
    }
}

/// One event with what it does.
#[derive(Clone, Debug)]
pub struct Transition {
    /// What happens.
    pub event: Event,
    /// The state that it leads to, or the bound that it exceeds.
    pub next: Result<State, Excess>,
    /// The properties that the event violates, by position.
    pub violated: Vec<usize>,
}

impl Transition {
    /// Whether it keeps the state from which it leads from being stuck.
    pub(super) fn helps(&self, from: &State) -> bool {
        !self.event.is_adverse() && self.event != Event::Tick && self.next.as_ref() != Ok(from)
    }
}

/// The events of one state.
#[derive(Clone, Debug, Default)]
pub struct Successors {
    /// All of them, in order.
    pub transitions: Vec<Transition>,
    /// Whether a bound cut an event off.
    pub cut: bool,
}

/// The states within a step, for claims.
#[derive(Default)]
struct Seen<'a> {
    chosen: Option<Tx<'a>>,
    read: Option<Tx<'a>>,
    done: Option<Tx<'a>>,
    me: Option<Value>,
}

impl<'a> Watch<'a> for Seen<'a> {
    fn chosen(&mut self, tx: &Tx<'a>, me: &Value) {
        self.chosen = Some(tx.clone());
        self.me = Some(me.clone());
    }

    fn read(&mut self, tx: &Tx<'a>) {
        self.read = Some(tx.clone());
    }

    fn done(&mut self, tx: &Tx<'a>) {
        self.done = Some(tx.clone());
    }
}

/// One way to take a step.
struct Taken<'a> {
    tx: Tx<'a>,
    seen: Seen<'a>,
    performed: Performed,
    choices: Vec<Value>,
    picks: Vec<(&'static str, Value)>,
}

impl Model {
    /// The events of a state, in order, each with the state that it leads to.
    #[must_use]
    pub fn successors(&self, state: &State) -> Successors {
        let source = StateSource::new(self, state);
        let mut found = Successors::default();
        for p in 0..self.spec.protocols.len() {
            for run in self.runs(p) {
                self.begin(state, &source, p, &run, &mut found);
                for a in 0..self.spec.protocols[p].actions.len() {
                    self.steps(state, &source, (p, a), &run, &mut found);
                }
            }
        }
        for fault in 0..self.faults.len() {
            self.fault_events(state, &source, fault, &mut found);
        }
        self.tick(state, &source, &mut found);
        found
    }

    fn begin(
        &self,
        state: &State,
        source: &StateSource<'_>,
        p: usize,
        run: &[Value],
        found: &mut Successors,
    ) {
        let protocol = &self.spec.protocols[p];
        let Some(begin) = &protocol.begin else { return };
        let mut tx = source.tx();
        match perform(begin, &mut tx, run, &[], &mut Picks::script(&[]), &mut Watching) {
            Ok(Performed::Step(_)) => {
                let event = Event::Begin { protocol: protocol.name.clone(), run: run.to_vec() };
                let next = with_changes(state, &tx);
                found.transitions.push(self.finish(state, source, event, &tx, next, None, Vec::new()));
            }
            Err(Stop::Cut) => found.cut = true,
            _ => {}
        }
    }

    fn steps(
        &self,
        state: &State,
        source: &StateSource<'_>,
        (p, a): (usize, usize),
        run: &[Value],
        found: &mut Successors,
    ) {
        let action = &self.spec.protocols[p].actions[a];
        for taken in self.ways(state, source, (p, a), run, &mut found.cut) {
            let Taken { tx, seen, performed, choices, picks } = taken;
            let me = seen.me.clone().unwrap_or(Value::Null);
            let event = |rejected, duplicated| Event::Step {
                op: action.name.clone(),
                run: run.to_vec(),
                me: me.clone(),
                choices: choices.clone(),
                picks: picks.clone(),
                rejected,
                duplicated,
            };
            let rejected = matches!(performed, Performed::Reject(_));
            let violated = if rejected { Vec::new() } else { self.step_violations((p, a), run, &me, &seen) };
            let next = with_changes(state, &tx);
            let judged = seen.done.as_ref();
            let plain = self.finish(
                state,
                source,
                event(rejected, None),
                &tx,
                next.clone(),
                judged,
                violated.clone(),
            );
            found.transitions.push(plain);
            if rejected {
                continue;
            }
            for fault in self.duplicators(state, (p, a)) {
                let mut next = next.clone();
                spend(&mut next, fault);
                let delivery = self.delivery(fault, run, &me, seen.read.as_ref());
                next.pending[fault].extend(delivery);
                let event = event(false, Some(fault));
                found.transitions.push(self.finish(
                    state,
                    source,
                    event,
                    &tx,
                    next,
                    judged,
                    violated.clone(),
                ));
            }
        }
    }

    /// The ways to take a step of a run: choices, then picks, in lexicographic order.
    fn ways<'a>(
        &self,
        state: &State,
        source: &'a StateSource<'_>,
        (p, a): (usize, usize),
        run: &[Value],
        cut: &mut bool,
    ) -> Vec<Taken<'a>> {
        let protocol = &self.spec.protocols[p];
        let action = &protocol.actions[a];
        let row = protocol.kind.map(|kind| RowKey::new(kind, run)).and_then(|row| state.rows.get(&row));
        let columns: Vec<Vec<Value>> =
            action.choices.iter().map(|c| self.choices(p, c, row.map(|r| &***r))).collect();
        let mut list = Vec::new();
        for choices in tuples(&columns) {
            self.picked(source, action, run, &choices, &mut Vec::new(), &mut list, cut);
        }
        list
    }

    /// What a choice ranges over: what is bound or chosen already, or everything. The step itself refuses who is busy.
    pub(crate) fn choices(&self, p: usize, choice: &Choice, row: Option<&[Value]>) -> Vec<Value> {
        let start =
            |status: &Value| matches!(status, Value::Enum(s) if self.spec.protocols[p].start.contains(s));
        let present = match &choice.kind {
            ChoiceKind::Role { column, .. } => row.map(|r| &r[*column]).filter(|v| **v != Value::Null),
            ChoiceKind::Param { column: Some(column), first: true } => {
                row.filter(|r| !start(&r[0])).map(|r| &r[*column])
            }
            ChoiceKind::Param { .. } => None,
        };
        match present {
            Some(value) => vec![value.clone()],
            None => self.values(&choice.field.ty).unwrap_or_default(),
        }
    }

    #[allow(clippy::too_many_arguments)] // the parts of one attempt, passed down a recursion
    fn picked<'a>(
        &self,
        source: &'a StateSource<'_>,
        action: &Action,
        run: &[Value],
        choices: &[Value],
        script: &mut Vec<usize>,
        list: &mut Vec<Taken<'a>>,
        cut: &mut bool,
    ) {
        let mut tx = source.tx();
        let (mut picks, mut seen) = (Picks::script(script), Seen::default());
        match perform(action, &mut tx, run, choices, &mut picks, &mut seen) {
            Ok(Performed::Denied(_)) => {}
            Ok(performed) => {
                let (choices, picks) = (choices.to_vec(), picks.taken);
                list.push(Taken { tx, seen, performed, choices, picks });
            }
            Err(Stop::Pick(_, width)) => {
                for n in 0..width {
                    script.push(n);
                    self.picked(source, action, run, choices, script, list, cut);
                    script.pop();
                }
            }
            Err(Stop::Cut) => *cut = true,
            Err(_) => {}
        }
    }

    /// Whether a step is enabled for a run, with some choices.
    pub(super) fn enabled(&self, state: &State, (p, a): (usize, usize), run: &[Value]) -> bool {
        let source = StateSource::new(self, state);
        let ways = self.ways(state, &source, (p, a), run, &mut false);
        ways.iter().any(|taken| matches!(taken.performed, Performed::Step(_)))
    }

    fn step_violations(&self, at: (usize, usize), run: &[Value], me: &Value, seen: &Seen<'_>) -> Vec<usize> {
        let (Some(chosen), Some(read), Some(done)) = (&seen.chosen, &seen.read, &seen.done) else {
            return Vec::new();
        };
        let [chosen, read, done] = [chosen, read, done].map(Tx::unskewed);
        self.judge_step(at, run, me, &chosen, &read, &done)
    }

    /// The `at` and `after` properties that an execution violates.
    pub(super) fn judge_step(
        &self,
        at: (usize, usize),
        run: &[Value],
        me: &Value,
        chosen: &Tx<'_>,
        read: &Tx<'_>,
        done: &Tx<'_>,
    ) -> Vec<usize> {
        let violates = |claim: &Claim| {
            let Claim::Step { at: steps, after } = claim else { return false };
            let (now, old) = if *after { (done, read) } else { (chosen, chosen) };
            let claims = steps.iter().filter(|(p, a, _)| (*p, *a) == at);
            claims.into_iter().any(|(.., claim)| !claim(now, old, run, me))
        };
        let properties = self.properties.iter().enumerate();
        properties.filter(|(_, p)| violates(&p.claim)).map(|(i, _)| i).collect()
    }

    /// Judges an event and settles the state that it leads to.
    #[allow(clippy::too_many_arguments)] // what is known of one event
    pub(super) fn finish(
        &self,
        before: &State,
        source: &StateSource<'_>,
        event: Event,
        tx: &Tx<'_>,
        mut next: State,
        judged: Option<&Tx<'_>>,
        mut violated: Vec<usize>,
    ) -> Transition {
        let (was, is) = (source.tx(), judged.unwrap_or(tx).unskewed());
        for (i, property) in self.properties.iter().enumerate() {
            if matches!(property.claim, Claim::Monotonic(grows) if !grows(&was, &is)) {
                violated.push(i);
            }
        }
        self.settle_waits(before, &mut next, &event);
        let next = self.canonical(next);
        if !tx.excess().is_empty() && tx.excess().iter().all(|e| matches!(e, Excess::Range(_))) {
            violated.extend(self.always_violations(&next));
        }
        violated.sort_unstable();
        violated.dedup();
        let next = tx.excess().first().map_or(Ok(next), |excess| Err(excess.clone()));
        Transition { event, next, violated }
    }

    /// The `always` properties that a state violates.
    #[must_use]
    pub fn always_violations(&self, state: &State) -> Vec<usize> {
        let source = StateSource::new(self, state);
        let tx = source.tx();
        let properties = self.properties.iter().enumerate();
        let violates = |claim: &Claim| matches!(claim, Claim::Always(holds) if !holds(&tx));
        properties.filter(|(_, p)| violates(&p.claim)).map(|(i, _)| i).collect()
    }

    fn duplicators(&self, state: &State, at: (usize, usize)) -> Vec<usize> {
        let duplicates = |fault: &usize| matches!(self.faults[*fault].kind, FaultKind::Duplicate { protocol, action, .. } if (protocol, action) == at);
        (0..self.faults.len()).filter(duplicates).filter(|f| has_budget(state, *f)).collect()
    }

    /// The request of a step as it was sent.
    fn delivery(&self, fault: usize, run: &[Value], me: &Value, read: Option<&Tx<'_>>) -> Option<Delivery> {
        let carried = self.carried(fault)?;
        let of = |kind: Option<crate::schema::KindId>, key: &[Value], columns: &[usize]| {
            let row = kind.and_then(|kind| read?.raw(&RowKey::new(kind, key)).cloned());
            columns.iter().map(|c| row.as_ref().map_or(Value::Null, |r| r[*c].clone())).collect()
        };
        Some(Delivery {
            run: run.to_vec(),
            me: me.clone(),
            columns: of(carried.run, run, carried.columns),
            above: of(carried.parent, &carried.protocol.parent_key(run).unwrap_or_default(), carried.above),
            locals: of(carried.local, std::slice::from_ref(me), carried.locals),
        })
    }

    fn tick(&self, state: &State, source: &StateSource<'_>, found: &mut Successors) {
        if !self.is_overdue(state) {
            found.transitions.extend(self.passing(state, source));
        }
    }

    /// Whether a step has to happen before the clock may tick.
    pub(crate) fn is_overdue(&self, state: &State) -> bool {
        let forbids = |(i, deadline): (usize, &super::Deadline)| {
            let at = (deadline.protocol, deadline.action);
            let due = state.waits[i].iter().zip(self.runs(deadline.protocol));
            due.filter(|(w, _)| **w >= deadline.within).any(|(_, run)| self.enabled(state, at, &run))
        };
        self.deadlines.iter().enumerate().any(forbids)
    }

    /// The tick, whatever is due; none where it changes nothing.
    pub(crate) fn passing(&self, state: &State, source: &StateSource<'_>) -> Option<Transition> {
        let later = self.later(state);
        let mut next = later.clone();
        self.settle_waits(state, &mut next, &Event::Tick);
        let next = self.canonical(next);
        if next == *state {
            return None;
        }
        let after = StateSource::new(self, &later);
        let (was, is) = (source.tx(), after.tx());
        let decreases = |claim: &Claim| matches!(claim, Claim::Monotonic(grows) if !grows(&was, &is));
        let violated = self.properties.iter().enumerate().filter(|(_, p)| decreases(&p.claim));
        let violated = violated.map(|(i, _)| i).collect();
        Some(Transition { event: Event::Tick, next: Ok(next), violated })
    }

    /// What an operation can do for a run, with all its choices.
    #[cfg(any(feature = "simulation", feature = "properties"))]
    pub(crate) fn transitions_of(&self, state: &State, op: &str, run: &[Value]) -> Vec<Transition> {
        let source = StateSource::new(self, state);
        let mut found = Successors::default();
        for (p, protocol) in self.spec.protocols.iter().enumerate() {
            if protocol.begin.as_ref().is_some_and(|begin| begin.name == op) {
                self.begin(state, &source, p, run, &mut found);
            }
            if let Some(a) = protocol.actions.iter().position(|action| action.name == op) {
                self.steps(state, &source, (p, a), run, &mut found);
            }
        }
        found.transitions
    }

    fn settle_waits(&self, before: &State, after: &mut State, event: &Event) {
        for (i, deadline) in self.deadlines.iter().enumerate() {
            let at = (deadline.protocol, deadline.action);
            let name = &self.spec.protocols[at.0].actions[at.1].name;
            for (r, run) in self.runs(deadline.protocol).into_iter().enumerate() {
                let executed = matches!(event, Event::Step { op, run: who, rejected: false, .. }
                    if op == name && *who == run);
                let old = before.waits[i][r];
                after.waits[i][r] = if executed || !self.enabled(after, at, &run) {
                    0
                } else if *event == Event::Tick {
                    if self.enabled(before, at, &run) { old.saturating_add(1) } else { 0 }
                } else {
                    old
                };
            }
        }
    }
}

/// The state with what a step wrote.
pub(crate) fn with_changes(state: &State, tx: &Tx<'_>) -> State {
    let mut next = state.clone();
    for (row, values) in tx.changed() {
        if next.rows.get(row).is_none_or(|before| **before != *values) {
            next.rows.insert(row.clone(), Arc::new(values.clone()));
        }
    }
    next
}

/// Whether a fault may still happen.
pub(super) fn has_budget(state: &State, fault: usize) -> bool {
    state.budgets[fault].is_none_or(|left| left > 0)
}

/// Takes one from a fault's budget.
pub(super) fn spend(state: &mut State, fault: usize) {
    if let Some(left) = &mut state.budgets[fault] {
        *left = left.saturating_sub(1);
    }
}
