//! States of a model.

use super::{FaultKind, Model};
use crate::schema::{KindId, Schema};
use crate::step::{Protocol, Source, Tx, visit_ordinals};
use crate::time::Instant;
use crate::value::{Row, RowKey, Type, Value};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A state: all rows of all instances, and the bookkeeping of faults and deadlines. Instants are relative to the clock.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct State {
    /// Every row that there is for the model's instances.
    pub rows: BTreeMap<RowKey, Arc<Row>>,
    /// For each fault, how often it may still happen; none when unbounded.
    pub budgets: Vec<Option<u32>>,
    /// Instances that are down: type and instance.
    pub down: Vec<(SmolStr, SmolStr)>,
    /// By how many ticks clocks are ahead, where they can be: type, instance, ticks.
    pub skew: Vec<(SmolStr, SmolStr, i64)>,
    /// For each fault, the requests that may arrive once more, in order.
    pub pending: Vec<Vec<Delivery>>,
    /// For each deadline, for each run of its protocol, the ticks for which its step has been enabled.
    pub waits: Vec<Vec<u32>>,
}

/// A request that may arrive once more, as it was sent.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Delivery {
    /// The run that sent it.
    pub run: Vec<Value>,
    /// Who acted.
    pub me: Value,
    /// The columns of the run that the fault lists.
    pub columns: Vec<Value>,
    /// The columns that it lists of the run that it belongs to.
    pub above: Vec<Value>,
    /// The columns of the acting instance's locals that the fault lists.
    pub locals: Vec<Value>,
}

/// A state as the source of steps.
pub struct StateSource<'a> {
    model: &'a Model,
    state: &'a State,
    greatest: BTreeMap<SmolStr, u64>,
}

impl<'a> StateSource<'a> {
    /// Of a state.
    #[must_use]
    pub fn new(model: &'a Model, state: &'a State) -> StateSource<'a> {
        let mut greatest = BTreeMap::new();
        for ordinal in model.ordinals() {
            let mut most = 0;
            model.visit_typed(state, &mut |ty, value| {
                visit_ordinals(ty, value, &ordinal, &mut |n| most = most.max(n));
            });
            greatest.insert(ordinal, most);
        }
        StateSource { model, state, greatest }
    }

    /// A view of it.
    #[must_use]
    pub fn tx(&self) -> Tx<'_> {
        Tx::new(self, &self.model.members)
    }
}

impl Source for StateSource<'_> {
    fn schema(&self) -> &Schema {
        &self.model.spec.schema
    }

    fn get(&self, row: &RowKey) -> Option<&Row> {
        self.state.rows.get(row).map(|row| &**row)
    }

    fn keys(&self, kind: KindId) -> Vec<Box<[Value]>> {
        let from = RowKey { kind, key: Box::default() };
        self.state
            .rows
            .range(from..)
            .take_while(|(r, _)| r.kind == kind)
            .map(|(r, _)| r.key.clone())
            .collect()
    }

    fn now(&self) -> Instant {
        Instant::from_millis(0)
    }

    fn tick(&self) -> i64 {
        1
    }

    fn is_up(&self, sort: &str, id: &str) -> bool {
        !self.state.down.iter().any(|(s, i)| s == sort && i == id)
    }

    fn skew(&self, sort: &str, id: &str) -> i64 {
        let skewed = self.state.skew.iter().find(|(s, i, _)| s == sort && i == id);
        skewed.map_or(0, |(.., ticks)| *ticks)
    }

    fn greatest(&self, ordinal: &str) -> Option<u64> {
        self.greatest.get(ordinal).copied()
    }

    fn checks_advances(&self) -> bool {
        self.model.advances
    }

    fn has_ghosts(&self) -> bool {
        true
    }
}

impl Model {
    /// The kinds of ordinal, by name.
    #[must_use]
    pub fn ordinals(&self) -> Vec<SmolStr> {
        let mut names = Vec::new();
        for (_, kind) in self.spec.schema.kinds() {
            kind.columns.iter().for_each(|column| ordinals_in(&column.ty, &mut names));
        }
        names.sort();
        names.dedup();
        names
    }

    /// The columns of what a fault's deliveries carry: of the run, of the acting instance's locals.
    pub(super) fn carried(&self, fault: usize) -> Option<Carried<'_>> {
        let FaultKind::Duplicate { protocol, columns, above, locals, kind, .. } = &self.faults[fault].kind
        else {
            return None;
        };
        let protocol = &self.spec.protocols[*protocol];
        let parent = protocol.parent.as_ref().and_then(|p| self.spec.protocols[p.protocol].kind);
        Some(Carried { protocol, run: protocol.kind, columns, parent, above, local: *kind, locals })
    }

    /// Calls `f` with every value of a state and its type.
    pub(super) fn visit_typed(&self, state: &State, f: &mut dyn FnMut(&Type, &Value)) {
        for (row, values) in &state.rows {
            let columns = &self.spec.schema.kind(row.kind).columns;
            columns.iter().zip(values.iter()).for_each(|(column, value)| f(&column.ty, value));
        }
        for (fault, list) in state.pending.iter().enumerate() {
            let Some(carried) = self.carried(fault) else { continue };
            for delivery in list {
                for (kind, column, value) in carried.values(delivery) {
                    f(&self.spec.schema.kind(kind).columns[column].ty, value);
                }
            }
        }
    }

    /// The values of a type that can be listed, in order; none for ordinals and instants.
    #[must_use]
    pub fn values(&self, ty: &Type) -> Option<Vec<Value>> {
        let mut values: Vec<Value> = match ty {
            Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
            Type::Int { lo, hi } => (*lo..=*hi).map(Value::Int).collect(),
            Type::Enum(e) => return Some(e.constants.iter().cloned().map(Value::Enum).collect()),
            Type::Id(sort) => {
                return Some(self.members.all(sort).iter().cloned().map(Value::Id).collect());
            }
            Type::Optional(inner) => std::iter::once(Value::Null).chain(self.values(inner)?).collect(),
            Type::Set { of, max } => subsets(&self.values(of)?, max.unwrap_or(u32::MAX)),
            Type::Seq { of, max } => sequences(&self.values(of)?, *max),
            Type::Map { key, value } => {
                let keys = self.values(key)?;
                let columns = vec![self.values(value)?; keys.len()];
                let maps = tuples(&columns).into_iter();
                maps.map(|vs| Value::Map(keys.iter().cloned().zip(vs).collect())).collect()
            }
            Type::Record(record) => {
                self.field_values(&record.fields)?.into_iter().map(Value::Record).collect()
            }
            Type::Union(union) => {
                let mut all = Vec::new();
                for variant in &union.variants {
                    let fields = self.field_values(&variant.fields)?.into_iter();
                    all.extend(fields.map(|f| Value::Variant(variant.name.clone(), f)));
                }
                return Some(all);
            }
            Type::Ordinal(_) | Type::Time => return None,
        };
        values.dedup();
        Some(values)
    }

    fn field_values(&self, fields: &[crate::value::Field]) -> Option<Vec<Vec<Value>>> {
        let columns = fields.iter().map(|f| self.values(&f.ty)).collect::<Option<Vec<_>>>()?;
        Some(tuples(&columns))
    }
}

/// What deliveries of a fault carry.
pub(super) struct Carried<'m> {
    pub protocol: &'m Protocol,
    pub run: Option<KindId>,
    pub columns: &'m [usize],
    pub parent: Option<KindId>,
    pub above: &'m [usize],
    pub local: Option<KindId>,
    pub locals: &'m [usize],
}

impl<'m> Carried<'m> {
    /// The values of a delivery with where they are from.
    pub fn values<'d>(&self, delivery: &'d Delivery) -> Vec<(KindId, usize, &'d Value)> {
        let parts = [
            (self.run, self.columns, &delivery.columns),
            (self.parent, self.above, &delivery.above),
            (self.local, self.locals, &delivery.locals),
        ];
        let of = |(kind, columns, values): (Option<KindId>, &'m [usize], &'d Vec<Value>)| {
            let listed = columns.iter().zip(values);
            kind.into_iter().flat_map(move |kind| listed.clone().map(move |(c, value)| (kind, *c, value)))
        };
        parts.into_iter().flat_map(of).collect()
    }

    /// The rows that a delivery has values of, with the columns and the values.
    pub fn rows<'d>(&self, delivery: &'d Delivery) -> Vec<(RowKey, &'m [usize], &'d [Value])> {
        let me = vec![delivery.me.clone()];
        let above = self.protocol.parent_key(&delivery.run).unwrap_or_default();
        let parts = [
            (self.run, delivery.run.clone(), self.columns, &delivery.columns[..]),
            (self.parent, above, self.above, &delivery.above[..]),
            (self.local, me, self.locals, &delivery.locals[..]),
        ];
        let row = |(kind, key, columns, values): (Option<KindId>, Vec<Value>, _, _)| {
            Some((RowKey::new(kind?, key), columns, values))
        };
        parts.into_iter().filter_map(row).collect()
    }
}

/// All tuples with one element of each column, the last varying fastest.
pub(crate) fn tuples(columns: &[Vec<Value>]) -> Vec<Vec<Value>> {
    columns.iter().fold(vec![Vec::new()], |prefixes, column| {
        let longer = |prefix: &Vec<Value>| {
            let with = |value: &Value| prefix.iter().cloned().chain([value.clone()]).collect::<Vec<_>>();
            column.iter().map(with).collect::<Vec<_>>()
        };
        prefixes.iter().flat_map(longer).collect()
    })
}

fn subsets(elements: &[Value], max: u32) -> Vec<Value> {
    let chosen = |mask: u64| {
        let all = elements.iter().enumerate().filter(move |(i, _)| mask >> i & 1 == 1);
        Value::Set(all.map(|(_, v)| v.clone()).collect())
    };
    (0..1u64 << elements.len().min(20)).filter(|mask| mask.count_ones() <= max).map(chosen).collect()
}

fn sequences(elements: &[Value], max: u32) -> Vec<Value> {
    (0..=max as usize).flat_map(|n| tuples(&vec![elements.to_vec(); n])).map(Value::Seq).collect()
}

fn ordinals_in(ty: &Type, names: &mut Vec<SmolStr>) {
    match ty {
        Type::Ordinal(name) => names.push(name.clone()),
        Type::Optional(inner) | Type::Set { of: inner, .. } | Type::Seq { of: inner, .. } => {
            ordinals_in(inner, names);
        }
        Type::Map { value, .. } => ordinals_in(value, names),
        Type::Record(record) => record.fields.iter().for_each(|f| ordinals_in(&f.ty, names)),
        Type::Union(union) => {
            union.variants.iter().flat_map(|v| &v.fields).for_each(|f| ordinals_in(&f.ty, names));
        }
        _ => {}
    }
}
