//! Initial states, and which states are one state: instants saturated, ordinals ranked, deliveries sorted.

use super::state::{State, tuples};
use super::{FaultKind, Model};
use crate::schema::KindId;
use crate::time::Instant;
use crate::value::{Row, RowKey, Type, Value};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Gives what a leaf is replaced by, from its type, its floor and itself.
pub(crate) type Leaf<'f> = &'f dyn Fn(&Type, Option<i64>, &Value) -> Value;

impl Model {
    /// The initial values of a row of the model.
    pub(crate) fn initial(&self, row: &RowKey) -> Row {
        let code = self.spec.kinds[usize::from(row.kind.0)];
        (code.initial)(&row.key, &self.members).expect("a key of the kind")
    }

    /// The initial states, in order; equal ones may occur.
    #[must_use]
    pub fn initial_states(&self) -> Vec<State> {
        let mut start = self.bare();
        let (mut places, mut columns) = (Vec::new(), Vec::new());
        for (id, kind) in self.spec.schema.kinds() {
            let keys = kind.keys.iter().map(|k| self.values(&k.ty).unwrap_or_default()).collect::<Vec<_>>();
            for key in tuples(&keys) {
                let row_key = RowKey::new(id, key);
                let row = self.initial(&row_key);
                for (_, column) in self.any.iter().filter(|(k, _)| *k == id) {
                    places.push((row_key.clone(), *column));
                    columns.push(self.values(&kind.columns[*column].ty).unwrap_or_default());
                }
                start.rows.insert(row_key, Arc::new(row));
            }
        }
        let skewed = self.skewed();
        columns.extend(skewed.iter().map(|(.., by)| (-by..=*by).map(Value::Int).collect()));
        tuples(&columns).into_iter().map(|values| self.filled(&start, &places, &skewed, values)).collect()
    }

    fn filled(
        &self,
        start: &State,
        places: &[(RowKey, usize)],
        skewed: &[(SmolStr, SmolStr, i64)],
        values: Vec<Value>,
    ) -> State {
        let mut state = start.clone();
        for ((row, column), value) in places.iter().zip(&values) {
            if let Some(row) = state.rows.get_mut(row) {
                Arc::make_mut(row)[*column] = value.clone();
            }
        }
        for ((sort, id, _), value) in skewed.iter().zip(&values[places.len()..]) {
            if let Value::Int(ticks) = value {
                state.skew.push((sort.clone(), id.clone(), *ticks));
            }
        }
        self.canonical(state)
    }

    fn bare(&self) -> State {
        let budget =
            |f: &super::Fault| if matches!(f.kind, FaultKind::Skew { .. }) { None } else { f.budget };
        State {
            budgets: self.faults.iter().map(budget).collect(),
            pending: vec![Vec::new(); self.faults.len()],
            waits: self.deadlines.iter().map(|d| vec![0; self.runs(d.protocol).len()]).collect(),
            ..State::default()
        }
    }

    fn skewed(&self) -> Vec<(SmolStr, SmolStr, i64)> {
        let mut list = Vec::new();
        for sort in &self.spec.sorts {
            let by = self.faults.iter().filter_map(|f| match &f.kind {
                FaultKind::Skew { sort: s, by } if *s == sort.name => Some(*by),
                _ => None,
            });
            if let Some(by) = by.max() {
                list.extend(sort.instances.iter().map(|id| (sort.name.clone(), id.clone(), by)));
            }
        }
        list
    }

    /// The keys of all runs of a protocol: subjects in order, then the copy.
    #[must_use]
    pub fn runs(&self, protocol: usize) -> Vec<Vec<Value>> {
        let keys = self.spec.protocols[protocol].keys();
        tuples(&keys.iter().map(|k| self.values(&k.ty).unwrap_or_default()).collect::<Vec<_>>())
    }

    /// The state that nothing can tell from this one.
    #[must_use]
    pub fn canonical(&self, state: State) -> State {
        let mut state = self.map(state, &|ty, floor, value| match (ty, value) {
            (Type::Time, Value::Time(t)) => {
                Value::Time(floor.map_or(Instant::from_millis(0), |f| (*t).max(Instant::from_millis(f))))
            }
            _ => value.clone(),
        });
        let mut alive: BTreeMap<SmolStr, BTreeSet<u64>> = BTreeMap::new();
        self.visit_typed(&state, &mut |ty, value| collect(ty, value, &mut alive));
        let ranks = |kind: &SmolStr, n: u64| alive.get(kind).map_or(0, |all| all.range(..n).count()) as u64;
        let dense = |all: &BTreeSet<u64>| all.iter().zip(0..).all(|(n, rank)| *n == rank);
        if !alive.values().all(dense) {
            state = self.map(state, &|ty, _, value| match (ty, value) {
                (Type::Ordinal(kind), Value::Ordinal(n)) => Value::Ordinal(ranks(kind, *n)),
                _ => value.clone(),
            });
        }
        state.pending.iter_mut().for_each(|list| list.sort());
        state
    }

    /// The state a tick later, not canonical yet.
    pub(super) fn later(&self, state: &State) -> State {
        self.map(state.clone(), &|ty, _, value| match (ty, value) {
            (Type::Time, Value::Time(t)) => Value::Time(Instant::from_millis(t.millis() - 1)),
            _ => value.clone(),
        })
    }

    /// The state with every instant and ordinal replaced.
    pub(crate) fn map(&self, mut state: State, leaf: Leaf<'_>) -> State {
        for (row, values) in &mut state.rows {
            if self.stirs(row.kind) {
                let mapped: Row =
                    (0..values.len()).map(|c| self.mapped(row.kind, c, &values[c], leaf)).collect();
                if mapped != **values {
                    *values = Arc::new(mapped);
                }
            }
        }
        for fault in 0..state.pending.len() {
            let Some(carried) = self.carried(fault) else { continue };
            for delivery in &mut state.pending[fault] {
                let map = |kind: Option<KindId>, columns: &[usize], values: &mut Vec<Value>| {
                    for (column, value) in columns.iter().zip(values) {
                        if let Some(kind) = kind {
                            *value = self.mapped(kind, *column, value, leaf);
                        }
                    }
                };
                map(carried.run, carried.columns, &mut delivery.columns);
                map(carried.parent, carried.above, &mut delivery.above);
                map(carried.local, carried.locals, &mut delivery.locals);
            }
        }
        state
    }

    fn mapped(&self, kind: KindId, column: usize, value: &Value, leaf: Leaf<'_>) -> Value {
        let ty = &self.spec.schema.kind(kind).columns[column].ty;
        map_value(ty, self.floors[usize::from(kind.0)][column], value, leaf)
    }

    /// Whether rows of a kind hold instants or ordinals.
    fn stirs(&self, kind: KindId) -> bool {
        self.spec.schema.kind(kind).columns.iter().any(|c| holds(&c.ty))
    }
}

fn holds(ty: &Type) -> bool {
    match ty {
        Type::Time | Type::Ordinal(_) => true,
        Type::Optional(of) | Type::Set { of, .. } | Type::Seq { of, .. } | Type::Map { value: of, .. } => {
            holds(of)
        }
        Type::Record(record) => record.fields.iter().any(|f| holds(&f.ty)),
        Type::Union(union) => union.variants.iter().flat_map(|v| &v.fields).any(|f| holds(&f.ty)),
        _ => false,
    }
}

fn map_value(ty: &Type, floor: Option<i64>, value: &Value, leaf: Leaf<'_>) -> Value {
    match (ty, value) {
        (_, Value::Null) => Value::Null,
        (Type::Optional(inner), _) => map_value(inner, floor, value, leaf),
        (Type::Set { of, .. }, Value::Set(all)) => {
            Value::Set(all.iter().map(|v| map_value(of, floor, v, leaf)).collect())
        }
        (Type::Seq { of, .. }, Value::Seq(all)) => {
            Value::Seq(all.iter().map(|v| map_value(of, floor, v, leaf)).collect())
        }
        (Type::Map { value: of, .. }, Value::Map(all)) => {
            Value::Map(all.iter().map(|(k, v)| (k.clone(), map_value(of, floor, v, leaf))).collect())
        }
        (Type::Record(record), Value::Record(fields)) => {
            let fields = record.fields.iter().zip(fields);
            Value::Record(fields.map(|(f, v)| map_value(&f.ty, floor, v, leaf)).collect())
        }
        (Type::Union(union), Value::Variant(tag, fields)) => {
            let types = union.variants.iter().find(|v| v.name == *tag).map_or(&[][..], |v| &v.fields);
            let fields = types.iter().zip(fields).map(|(f, v)| map_value(&f.ty, floor, v, leaf));
            Value::Variant(tag.clone(), fields.collect())
        }
        _ => leaf(ty, floor, value),
    }
}

fn collect(ty: &Type, value: &Value, alive: &mut BTreeMap<SmolStr, BTreeSet<u64>>) {
    visit_leaves(ty, value, &mut |ty, value| {
        if let (Type::Ordinal(kind), Value::Ordinal(n)) = (ty, value) {
            alive.entry(kind.clone()).or_insert_with(|| BTreeSet::from([0])).insert(*n);
        }
    });
}

fn visit_leaves(ty: &Type, value: &Value, f: &mut dyn FnMut(&Type, &Value)) {
    match (ty, value) {
        (_, Value::Null) => {}
        (Type::Optional(inner), _) => visit_leaves(inner, value, f),
        (Type::Set { of, .. }, Value::Set(all)) => all.iter().for_each(|v| visit_leaves(of, v, f)),
        (Type::Seq { of, .. }, Value::Seq(all)) => all.iter().for_each(|v| visit_leaves(of, v, f)),
        (Type::Map { value: of, .. }, Value::Map(all)) => all.values().for_each(|v| visit_leaves(of, v, f)),
        (Type::Record(record), Value::Record(fields)) => {
            record.fields.iter().zip(fields).for_each(|(field, v)| visit_leaves(&field.ty, v, f));
        }
        (Type::Union(union), Value::Variant(tag, fields)) => {
            let types = union.variants.iter().find(|v| v.name == *tag).map_or(&[][..], |v| &v.fields);
            types.iter().zip(fields).for_each(|(field, v)| visit_leaves(&field.ty, v, f));
        }
        _ => f(ty, value),
    }
}
