//! The small world of an event: real names, ordinals and instants as the numbers that the interpreter knows, and back.
//!
//! Instances are numbered as they are met. Ordinals are ranked: they are only compared, copied and advanced. Instants are ticks
//! from the event's `now`; those before everything that a guard can mention keep their order and nothing else. All of this
//! is what makes events alike, so that the interpreter is asked once for many.

use crate::subject::Subject;
use arch_base::Idx;
use arch_ir::types::PAST;
use arch_ir::{Field, OrdinalId, Program, SortId, Type, Value};
use arch_runtime::Instant;
use arch_runtime::value as rt;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// A value that no step can write.
pub const NOWHERE: Value = Value::Run(u32::MAX);

/// Why an event has no world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// It touches more instances of a sort, or more rows, than are evaluated.
    Large(String),
    /// Something in it cannot be.
    Wrong(String),
}

/// The names of a world.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// For each sort, its instances.
    pub ids: Vec<Vec<SmolStr>>,
    /// The event's time, rounded down to a tick, in milliseconds.
    now: i64,
    tick: i64,
    /// Instants before this many ticks from now keep their order only.
    floor: i64,
    /// For each ordinal, the values that are alive, ascending.
    alive: Vec<Vec<u64>>,
    /// For each ordinal, greater values that the event wrote, ascending.
    fresh: Vec<Vec<u64>>,
    /// Instants below the floor, ascending, in ticks from now.
    old: Vec<i64>,
}

impl World {
    /// Forgets the last event.
    pub fn begin(&mut self, subject: &Subject, now: Instant, floor: i64) {
        self.ids.resize(subject.known.len(), Vec::new());
        for (ids, known) in self.ids.iter_mut().zip(&subject.known) {
            ids.clear();
            ids.extend_from_slice(known);
        }
        (self.tick, self.floor) = (subject.tick, floor);
        self.now = now.millis().div_euclid(subject.tick) * subject.tick;
        self.alive.resize(subject.ordinals(), Vec::new());
        self.fresh.resize(subject.ordinals(), Vec::new());
        self.alive.iter_mut().for_each(|list| {
            list.clear();
            list.push(0);
        });
        self.fresh.iter_mut().for_each(Vec::clear);
        self.old.clear();
    }

    /// The number of an instance, which is new if it was not met before.
    pub fn meet(&mut self, sort: SortId, id: &SmolStr) -> u32 {
        let ids = &mut self.ids[sort.index()];
        let at = ids.iter().position(|known| known == id).unwrap_or_else(|| {
            ids.push(id.clone());
            ids.len() - 1
        });
        at as u32
    }

    /// Meets the instances in a value, and, if it is one that is alive before the event, its ordinals and instants.
    pub fn note(&mut self, program: &Program, ty: &Type, value: &rt::Value, alive: bool) {
        match (ty, value) {
            (Type::Optional(inner), _) => self.note(program, inner, value, alive),
            (Type::Id(sort), rt::Value::Id(id)) => _ = self.meet(*sort, id),
            (Type::Ordinal(kind), rt::Value::Ordinal(n)) if alive => self.alive[kind.index()].push(*n),
            (Type::Time, rt::Value::Time(t)) if alive => {
                self.old.extend(self.ticks(*t).filter(|t| *t < self.floor))
            }
            (Type::Set(of, _), rt::Value::Set(all)) => {
                all.iter().for_each(|v| self.note(program, of, v, alive))
            }
            (Type::Seq(of, _), rt::Value::Seq(all)) => {
                all.iter().for_each(|v| self.note(program, of, v, alive))
            }
            (Type::Map(key, of), rt::Value::Map(all)) => all.iter().for_each(|(k, v)| {
                self.note(program, key, k, alive);
                self.note(program, of, v, alive);
            }),
            (Type::Record(id), rt::Value::Record(values)) => {
                self.note_fields(program, &program.records[*id].fields, values, alive);
            }
            (Type::Union(id), rt::Value::Variant(tag, values)) => {
                let variant = program.unions[*id].variants.iter().find(|v| v.name == *tag);
                variant.iter().for_each(|v| self.note_fields(program, &v.fields, values, alive));
            }
            _ => {}
        }
    }

    fn note_fields(&mut self, program: &Program, fields: &[Field], values: &[rt::Value], alive: bool) {
        fields.iter().zip(values).for_each(|(f, v)| self.note(program, &f.ty, v, alive));
    }

    /// After everything that is alive was noted.
    pub fn settle(&mut self) {
        for list in self.alive.iter_mut() {
            list.sort_unstable();
            list.dedup();
        }
        self.old.sort_unstable();
        self.old.dedup();
    }

    /// Notes an ordinal that the event wrote.
    pub fn note_written(&mut self, program: &Program, ty: &Type, value: &rt::Value) {
        visit_ordinals(program, ty, value, &mut |kind, n| {
            if self.alive[kind.index()].last().is_some_and(|greatest| n > *greatest) {
                let fresh = &mut self.fresh[kind.index()];
                if let Err(at) = fresh.binary_search(&n) {
                    fresh.insert(at, n);
                }
            }
        });
    }

    /// The ordinals that the event made.
    pub fn fresh(&self, kind: OrdinalId) -> &[u64] {
        &self.fresh[kind.index()]
    }

    /// An instant in ticks from now; none for the past that nothing was before.
    fn ticks(&self, t: Instant) -> Option<i64> {
        (t != Instant::PAST).then(|| (t.millis() - self.now).div_euclid(self.tick))
    }

    /// Whether an instant is at a tick of the clock.
    pub fn is_on_tick(&self, t: Instant) -> bool {
        t == Instant::PAST || t.millis().rem_euclid(self.tick) == 0
    }

    fn instant(&self, t: Instant) -> Value {
        match self.ticks(t) {
            None => Value::Time(PAST),
            Some(ticks) if ticks >= self.floor => Value::Time(ticks),
            Some(ticks) => match self.old.binary_search(&ticks) {
                Ok(at) => Value::Time(self.floor - (self.old.len() - at) as i64),
                Err(_) => NOWHERE,
            },
        }
    }

    fn ordinal(&self, kind: OrdinalId, n: u64) -> Value {
        let (alive, fresh) = (&self.alive[kind.index()], &self.fresh[kind.index()]);
        let rank = alive.binary_search(&n).or_else(|_| fresh.binary_search(&n).map(|at| alive.len() + at));
        rank.map_or(NOWHERE, |rank| Value::Ordinal(rank as u32))
    }

    /// A value in this world. What the world does not have becomes [`NOWHERE`].
    pub fn local(&self, program: &Program, ty: &Type, value: &rt::Value) -> Value {
        match (ty, value) {
            (_, rt::Value::Null) => Value::Null,
            (Type::Optional(inner), _) => self.local(program, inner, value),
            (_, rt::Value::Bool(b)) => Value::Bool(*b),
            (_, rt::Value::Int(n)) => Value::Int(*n),
            (Type::Enum(id), rt::Value::Enum(word)) => {
                position(program.enums[*id].constants.iter().position(|c| c == word), Value::Enum)
            }
            (Type::Id(sort), rt::Value::Id(id)) => {
                position(self.ids[sort.index()].iter().position(|known| known == id), Value::Id)
            }
            (Type::Ordinal(kind), rt::Value::Ordinal(n)) => self.ordinal(*kind, *n),
            (Type::Time, rt::Value::Time(t)) => self.instant(*t),
            _ => self.local_collection(program, ty, value),
        }
    }

    fn local_collection(&self, program: &Program, ty: &Type, value: &rt::Value) -> Value {
        let fields = |fields: &[Field], values: &[rt::Value]| {
            fields.iter().zip(values).map(|(f, v)| self.local(program, &f.ty, v)).collect::<Vec<_>>()
        };
        match (ty, value) {
            (Type::Set(of, _), rt::Value::Set(all)) => {
                Value::Set(all.iter().map(|v| self.local(program, of, v)).collect::<BTreeSet<_>>())
            }
            (Type::Seq(of, _), rt::Value::Seq(all)) => {
                Value::Seq(all.iter().map(|v| self.local(program, of, v)).collect())
            }
            (Type::Map(key, of), rt::Value::Map(listed)) => {
                let default = program.default_value(of);
                let keys = program.values(key).unwrap_or_default().into_iter();
                let mut map: BTreeMap<Value, Value> = keys.map(|k| (k, default.clone())).collect();
                map.extend(
                    listed.iter().map(|(k, v)| (self.local(program, key, k), self.local(program, of, v))),
                );
                Value::Map(map)
            }
            (Type::Record(id), rt::Value::Record(values)) => {
                Value::Record(fields(&program.records[*id].fields, values))
            }
            (Type::Union(id), rt::Value::Variant(tag, values)) => {
                let mut variants = program.unions[*id].variants.iter().zip(0..);
                match variants.find(|(v, _)| v.name == *tag) {
                    Some((variant, n)) => Value::Variant(n, fields(&variant.fields, values)),
                    None => NOWHERE,
                }
            }
            _ => NOWHERE,
        }
    }

    /// A value of this world as it is outside.
    pub fn real(&self, program: &Program, ty: &Type, value: &Value) -> rt::Value {
        match (ty, value) {
            (_, Value::Null) => rt::Value::Null,
            (Type::Optional(inner), _) => self.real(program, inner, value),
            (_, Value::Bool(b)) => rt::Value::Bool(*b),
            (_, Value::Int(n)) => rt::Value::Int(*n),
            (Type::Enum(id), Value::Enum(n)) => rt::Value::Enum(
                program.enums[*id].constants.get(*n as usize).map_or("", String::as_str).into(),
            ),
            (Type::Id(sort), Value::Id(n)) => {
                rt::Value::Id(self.ids[sort.index()].get(*n as usize).cloned().unwrap_or_else(|| "?".into()))
            }
            (Type::Ordinal(kind), Value::Ordinal(rank)) => {
                rt::Value::Ordinal(self.real_ordinal(*kind, *rank))
            }
            (Type::Time, Value::Time(t)) => rt::Value::Time(self.real_instant(*t)),
            (Type::Set(of, _), Value::Set(all)) => {
                rt::Value::Set(all.iter().map(|v| self.real(program, of, v)).collect())
            }
            (Type::Seq(of, _), Value::Seq(all)) => {
                rt::Value::Seq(all.iter().map(|v| self.real(program, of, v)).collect())
            }
            (Type::Map(key, of), Value::Map(all)) => {
                let default = program.default_value(of);
                let listed = all.iter().filter(|(_, v)| **v != default);
                rt::Value::Map(
                    listed.map(|(k, v)| (self.real(program, key, k), self.real(program, of, v))).collect(),
                )
            }
            (Type::Record(id), Value::Record(values)) => {
                rt::Value::Record(self.real_fields(program, &program.records[*id].fields, values))
            }
            (Type::Union(id), Value::Variant(tag, values)) => {
                let variant = &program.unions[*id].variants[*tag as usize];
                rt::Value::Variant(
                    variant.name.as_str().into(),
                    self.real_fields(program, &variant.fields, values),
                )
            }
            _ => rt::Value::Null,
        }
    }

    fn real_fields(&self, program: &Program, fields: &[Field], values: &[Value]) -> Vec<rt::Value> {
        fields.iter().zip(values).map(|(f, v)| self.real(program, &f.ty, v)).collect()
    }

    /// A rank beyond what the event wrote is what the next `advance` gives.
    fn real_ordinal(&self, kind: OrdinalId, rank: u32) -> u64 {
        let (alive, fresh) = (&self.alive[kind.index()], &self.fresh[kind.index()]);
        let rank = rank as usize;
        let known = alive.get(rank).or_else(|| fresh.get(rank.saturating_sub(alive.len())));
        let greatest = fresh.last().or(alive.last()).copied().unwrap_or(0);
        known.copied().unwrap_or(greatest + (rank + 1).saturating_sub(alive.len() + fresh.len()) as u64)
    }

    fn real_instant(&self, ticks: i64) -> Instant {
        if ticks <= PAST / 2 {
            return Instant::PAST;
        }
        let below = usize::try_from(self.floor - ticks).unwrap_or(0);
        let ticks =
            self.old.len().checked_sub(below).and_then(|at| self.old.get(at)).copied().unwrap_or(ticks);
        Instant::from_millis(self.now.saturating_add(ticks.saturating_mul(self.tick)))
    }
}

fn position(found: Option<usize>, value: fn(u32) -> Value) -> Value {
    found.map_or(NOWHERE, |n| value(n as u32))
}

/// Calls `f` with every ordinal in a value.
pub fn visit_ordinals(program: &Program, ty: &Type, value: &rt::Value, f: &mut dyn FnMut(OrdinalId, u64)) {
    let mut fields = |fields: &[Field], values: &[rt::Value]| {
        fields.iter().zip(values).for_each(|(field, v)| visit_ordinals(program, &field.ty, v, f));
    };
    match (ty, value) {
        (Type::Record(id), rt::Value::Record(values)) => fields(&program.records[*id].fields, values),
        (Type::Union(id), rt::Value::Variant(tag, values)) => {
            let variant = program.unions[*id].variants.iter().find(|v| v.name == *tag);
            variant.iter().for_each(|v| fields(&v.fields, values));
        }
        (Type::Optional(inner), _) => visit_ordinals(program, inner, value, f),
        (Type::Ordinal(kind), rt::Value::Ordinal(n)) => f(*kind, *n),
        (Type::Set(of, _), rt::Value::Set(all)) => all.iter().for_each(|v| visit_ordinals(program, of, v, f)),
        (Type::Seq(of, _), rt::Value::Seq(all)) => all.iter().for_each(|v| visit_ordinals(program, of, v, f)),
        (Type::Map(_, of), rt::Value::Map(all)) => {
            all.values().for_each(|v| visit_ordinals(program, of, v, f))
        }
        _ => {}
    }
}
