//! Initial states, deadlines, the tick, and which states are one state (sections 1, 5, 6 and 7).

use super::{Context, Interpreter, Slots, Transition};
use crate::program::{FaultKind, Init, OrdinalId, ProtocolId, RunVarId, SortId, Type, Var, VarId, VarOwner};
use crate::state::{Event, RunRef, RunState, State};
use crate::time::TimeClass;
use crate::value::Value;
use arch_base::Idx;
use std::collections::{BTreeMap, BTreeSet};

/// Where a value is held.
#[derive(Clone, Copy)]
enum Site {
    Var(VarId),
    RunVar(ProtocolId, RunVarId),
}

/// Called with where a value is held, its type and itself; gives what it is replaced by.
type Leaf<'f> = &'f mut dyn FnMut(&Type, &Value) -> Value;

impl Interpreter<'_> {
    /// The initial states, in order; equal ones may occur.
    #[must_use]
    pub fn initial_states(&self) -> Vec<State> {
        let mut states = Vec::new();
        self.visit_initial_states(&mut |state| {
            states.push(state);
            true
        });
        states
    }

    /// Gives the initial states in order, one at a time, as there may be very many, until `visit` says no.
    pub fn visit_initial_states(&self, visit: &mut dyn FnMut(State) -> bool) {
        self.visit_raw_initial_states(&mut |state| visit(self.canonical(&state)));
    }

    /// The same before they are made canonical.
    pub(super) fn visit_raw_initial_states(&self, visit: &mut dyn FnMut(State) -> bool) {
        let start = self.bare_state();
        let mut columns: Vec<Vec<Value>> = Vec::new();
        for var in self.program.vars.indices() {
            columns.extend(self.initial_elements(var));
        }
        let skews = self.skewed();
        for (_, by) in &skews {
            columns.push((-by..=*by).map(Value::Int).collect());
        }
        let mut at = vec![0; columns.len()];
        while columns.iter().all(|c| !c.is_empty()) {
            let values = columns.iter().zip(&at).map(|(column, i)| column[*i].clone()).collect();
            if !visit(self.filled(&start, &skews, values)) {
                return;
            }
            // The last column varies fastest.
            let Some(next) = (0..columns.len()).rev().find(|c| at[*c] + 1 < columns[*c].len()) else {
                return;
            };
            at[next] += 1;
            at[next + 1..].fill(0);
        }
    }

    /// A state with everything but the variables and offsets.
    fn bare_state(&self) -> State {
        let program = self.program;
        let faults = || program.faults.iter().map(|f| &f.kind);
        let down = |s: SortId| faults().any(|f| f.downs(s));
        let size = |s: SortId| program.sorts[s].size as usize;
        let run_count = |p| program.run_count(p) as usize;
        State {
            vars: Vec::new(),
            runs: program
                .protocols
                .iter_enumerated()
                .map(|(id, p)| vec![RunState::idle(p); run_count(id)])
                .collect(),
            down: program.sorts.indices().map(|s| vec![false; if down(s) { size(s) } else { 0 }]).collect(),
            skew: program.sorts.indices().map(|_| Vec::new()).collect(),
            budgets: program.faults.iter().map(|f| if f.kind.is_skew() { None } else { f.budget }).collect(),
            cut: faults().map(|f| f.cuts().map_or(Vec::new(), |s| vec![false; size(s)])).collect(),
            pending: faults().map(|_| Vec::new()).collect(),
            waits: program.deadlines.iter().map(|d| vec![0; run_count(d.protocol)]).collect(),
        }
    }

    /// The instances with an offset, in order, each with the greatest one.
    fn skewed(&self) -> Vec<(SortId, i64)> {
        let by = |sort: SortId| {
            let by = self.program.faults.iter().filter_map(|f| match f.kind {
                FaultKind::Skew { sort: s, by } if s == sort => Some(i64::from(by)),
                _ => None,
            });
            by.max()
        };
        let sorts = self.program.sorts.iter_enumerated();
        sorts.filter_map(|(s, sort)| Some(vec![(s, by(s)?); sort.size as usize])).flatten().collect()
    }

    /// For each element of a variable, the values that it can start with.
    fn initial_elements(&self, id: VarId) -> Vec<Vec<Value>> {
        let var = &self.program.vars[id];
        let tuples = self.program.key_tuples(&var.keys);
        match &var.init {
            Init::Any => {
                let all =
                    self.program.values(&var.ty).unwrap_or_else(|| vec![self.program.default_value(&var.ty)]);
                vec![all; tuples.len()]
            }
            Init::Value { .. } => tuples.iter().map(|keys| vec![self.initial_value(var, keys)]).collect(),
        }
    }

    /// What an element starts with, or is reset to.
    pub(super) fn initial_value(&self, var: &Var, keys: &[Value]) -> Value {
        let Init::Value { keys: slots, value } = &var.init else {
            return self.program.default_value(&var.ty);
        };
        let nothing = State::default();
        let keys = slots.iter().zip(var.keys.iter().zip(keys));
        let slots =
            keys.fold(Slots::default(), |scope, (slot, (ty, key))| scope.with(*slot, ty, key.clone()));
        self.eval(&Context { slots, ..Context::of(&nothing) }, value)
    }

    fn filled(&self, start: &State, skews: &[(SortId, i64)], values: Vec<Value>) -> State {
        let mut state = start.clone();
        let mut values = values.into_iter();
        for var in &self.program.vars {
            let count = self.program.key_tuples(&var.keys).len();
            state.vars.push(values.by_ref().take(count).collect());
        }
        for ((sort, _), offset) in skews.iter().zip(values) {
            if let Value::Int(offset) = offset {
                state.skew[sort.index()].push(offset);
            }
        }
        state
    }

    /// The canonical state that nothing can tell from this one: instants saturated, ordinals ranked,
    /// deliveries sorted.
    #[must_use]
    pub fn canonical(&self, state: &State) -> State {
        let mut state = self.ranked(&self.saturated(state));
        state.pending.iter_mut().for_each(|list| list.sort());
        state
    }

    fn saturated(&self, state: &State) -> State {
        self.map_leaves(state, &mut |site, ty, value| {
            let class: TimeClass = match site {
                Site::Var(var) => self.times.var(var),
                Site::RunVar(protocol, var) => self.times.run_var(protocol, var),
            };
            match (ty, value) {
                (Type::Time, Value::Time(t)) => Value::Time(class.saturate(*t)),
                _ => value.clone(),
            }
        })
    }

    fn ranked(&self, state: &State) -> State {
        let ranks: BTreeMap<(OrdinalId, u32), u32> = self
            .program
            .ordinals
            .indices()
            .flat_map(|kind| {
                let alive = self.alive(state, kind).into_iter().zip(0..);
                alive.map(move |(value, rank)| ((kind, value), rank))
            })
            .collect();
        if ranks.iter().all(|((_, value), rank)| value == rank) {
            return state.clone();
        }
        self.map_leaves(state, &mut |_, ty, value| match (ty, value) {
            (Type::Ordinal(kind), Value::Ordinal(v)) => {
                Value::Ordinal(ranks.get(&(*kind, *v)).copied().unwrap_or(*v))
            }
            _ => value.clone(),
        })
    }

    /// The values of an ordinal that are in a state, the least one included.
    pub(super) fn alive(&self, state: &State, kind: OrdinalId) -> BTreeSet<u32> {
        let mut alive = BTreeSet::from([0]);
        self.map_leaves(state, &mut |_, ty, value| {
            collect_ordinal(kind, ty, value, &mut alive);
            value.clone()
        });
        alive
    }

    /// The values of an ordinal among variables in scope.
    pub(super) fn alive_in_scope(&self, slots: &Slots<'_>, kind: OrdinalId) -> BTreeSet<u32> {
        let mut alive = BTreeSet::new();
        for slot in slots.iter().filter(|s| self.program.holds_ordinal(s.ty)) {
            self.map_value(slot.ty, &slot.value, &mut |ty, value| {
                collect_ordinal(kind, ty, value, &mut alive);
                value.clone()
            });
        }
        alive
    }

    /// The clock advances by one, if it can.
    pub(super) fn tick(&self, state: &State, raw: bool) -> Option<Transition> {
        if self.deadline_forbids(state) {
            return None;
        }
        let mut next = self.map_leaves(state, &mut |_, ty, value| match (ty, value) {
            (Type::Time, Value::Time(t)) => Value::Time(t.saturating_sub(1)),
            _ => value.clone(),
        });
        self.settle_waits(state, &mut next, &Event::Tick);
        let canonical = self.canonical(&next);
        if !raw && canonical == *state {
            return None;
        }
        Some(Transition {
            event: Event::Tick,
            violated: self.monotonic_violations(state, &next),
            outcome: Ok(if raw { next.clone() } else { canonical }),
            raw: Some(next),
            excess_violates_always: Vec::new(),
        })
    }

    fn deadline_forbids(&self, state: &State) -> bool {
        self.program.deadlines.iter().enumerate().any(|(i, deadline)| {
            let due = |run: &u32| state.waits[i].get(*run as usize).is_some_and(|w| *w >= deadline.within);
            let protocol = deadline.protocol;
            let mut runs = (0..self.program.run_count(protocol)).filter(due);
            runs.any(|run| self.enabled(state, RunRef { protocol, run }, deadline.step))
        })
    }

    /// For how long deadlines' steps have been enabled, after an event.
    pub(super) fn settle_waits(&self, before: &State, after: &mut State, event: &Event) {
        for (i, deadline) in self.program.deadlines.iter().enumerate() {
            for r in 0..self.program.run_count(deadline.protocol) {
                let run = RunRef { protocol: deadline.protocol, run: r };
                let executed =
                    matches!(event, Event::Step { run: r, step, .. } if *r == run && *step == deadline.step);
                let old = before.waits[i][r as usize];
                after.waits[i][r as usize] = if executed || !self.enabled(after, run, deadline.step) {
                    0
                } else if *event == Event::Tick {
                    if self.enabled(before, run, deadline.step) { old.saturating_add(1) } else { 0 }
                } else {
                    old
                };
            }
        }
    }

    /// The state with every instant and ordinal in it replaced. The other values are not asked about.
    fn map_leaves(&self, state: &State, f: &mut dyn FnMut(Site, &Type, &Value) -> Value) -> State {
        let mut next = state.clone();
        for (id, var) in self.program.vars.iter_enumerated().filter(|(id, _)| self.stirring.0[id.index()]) {
            for value in next.vars.get_mut(id.index()).into_iter().flatten() {
                *value = self.map_value(&var.ty, value, &mut |ty, v| f(Site::Var(id), ty, v));
            }
        }
        for (p, protocol) in self.program.protocols.iter_enumerated() {
            for (id, var) in
                protocol.vars.iter_enumerated().filter(|(v, _)| self.stirring.1[p.index()][v.index()])
            {
                for run in next.runs.get_mut(p.index()).into_iter().flatten() {
                    let value = &run.vars[id.index()];
                    run.vars[id.index()] =
                        self.map_value(&var.ty, value, &mut |ty, v| f(Site::RunVar(p, id), ty, v));
                }
            }
        }
        self.map_pending(&mut next, f);
        next
    }

    /// Captured values have the class of the variable that they were captured from.
    fn map_pending(&self, next: &mut State, f: &mut dyn FnMut(Site, &Type, &Value) -> Value) {
        for (fault, list) in self.program.faults.iter().zip(&mut next.pending) {
            let FaultKind::Duplicate { vars, locals, .. } = &fault.kind else { continue };
            for delivery in list {
                for ((protocol, id), value) in vars.iter().zip(&mut delivery.vars) {
                    let ty = &self.program.protocols[*protocol].vars[*id].ty;
                    *value = self.map_value(ty, value, &mut |ty, v| f(Site::RunVar(*protocol, *id), ty, v));
                }
                for (id, value) in locals.iter().zip(&mut delivery.locals) {
                    let ty = &self.program.vars[*id].ty;
                    *value = self.map_value(ty, value, &mut |ty, v| f(Site::Var(*id), ty, v));
                }
            }
        }
    }

    /// The value with every leaf in it (what is no collection) replaced.
    pub(super) fn map_value(&self, ty: &Type, value: &Value, f: Leaf<'_>) -> Value {
        let program = self.program;
        match (ty, value) {
            (_, Value::Null) => Value::Null,
            (Type::Optional(inner), _) => self.map_value(inner, value, f),
            (Type::Set(element, _), Value::Set(set)) => {
                Value::Set(set.iter().map(|v| self.map_value(element, v, f)).collect())
            }
            (Type::Map(_, element), Value::Map(map)) => {
                Value::Map(map.iter().map(|(k, v)| (k.clone(), self.map_value(element, v, f))).collect())
            }
            (Type::Seq(element, _), Value::Seq(list)) => {
                Value::Seq(list.iter().map(|v| self.map_value(element, v, f)).collect())
            }
            (Type::Record(id), Value::Record(fields)) => {
                let fields = program.records[*id].fields.iter().zip(fields);
                Value::Record(fields.map(|(field, v)| self.map_value(&field.ty, v, f)).collect())
            }
            (Type::Union(id), Value::Variant(tag, fields)) => {
                let types = program.unions[*id].variants.get(*tag as usize).map_or(&[][..], |v| &v.fields);
                let fields = types.iter().zip(fields);
                Value::Variant(*tag, fields.map(|(field, v)| self.map_value(&field.ty, v, f)).collect())
            }
            _ => f(ty, value),
        }
    }

    /// Gives the locals of an instance their initial values.
    pub(super) fn reset_locals(&self, state: &mut State, (sort, instance): (SortId, u32)) {
        for (var, element, keys) in self.locals_of((sort, instance)) {
            state.vars[var.index()][element] = self.initial_value(&self.program.vars[var], &keys);
        }
    }

    /// The elements of all locals that belong to an instance, with their keys.
    pub(super) fn locals_of(&self, (sort, instance): (SortId, u32)) -> Vec<(VarId, usize, Vec<Value>)> {
        let mut list = Vec::new();
        for (id, var) in self.program.vars.iter_enumerated().filter(|(_, v)| v.owner == VarOwner::Local(sort))
        {
            for (i, keys) in self.program.key_tuples(&var.keys).into_iter().enumerate() {
                if keys.first() == Some(&Value::Id(instance)) {
                    list.push((id, i, keys));
                }
            }
        }
        list
    }
}

fn collect_ordinal(kind: OrdinalId, ty: &Type, value: &Value, alive: &mut BTreeSet<u32>) {
    if let (Type::Ordinal(k), Value::Ordinal(v)) = (ty, value)
        && *k == kind
    {
        alive.insert(*v);
    }
}
