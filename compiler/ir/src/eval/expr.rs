//! The values of expressions. Total: where the type checker excludes a case, some value is given.

use super::{Context, Interpreter};
use crate::program::{
    ArithOp, Binder, ChainId, CompareOp, Domain, Expr, ExprKind, FaultKind, ProtocolId, SetOp, SortId,
    StepId, Type, VarId,
};
use crate::state::{RunRef, RunState, State, Status};
use crate::value::Value;
use crate::walk::element_type;
use arch_base::Idx;
use std::cmp::Ordering;
use std::collections::BTreeSet;

impl Interpreter<'_> {
    /// The value of an expression.
    pub(super) fn eval<'a>(&self, cx: &Context<'a>, e: &'a Expr) -> Value {
        use ExprKind as K;
        match &e.kind {
            K::Literal(value) => value.clone(),
            K::Instant(k) => Value::Time(k + cx.who.skew),
            K::Slot(slot) => cx.slots.get(*slot).cloned().unwrap_or(Value::Null),
            K::SelfId => cx.who.actor.map_or(Value::Null, |(_, n)| Value::Id(n)),
            K::Subject(i) => self.subject(cx.who.run, *i),
            K::Role(role) => {
                optional_id(self.run(cx).and_then(|r| r.roles.get(role.index()).copied().flatten()))
            }
            K::RunVar(var) => {
                self.run(cx).and_then(|r| r.vars.get(var.index()).cloned()).unwrap_or(Value::Null)
            }
            K::ParentRun => {
                let run = cx.who.run;
                let above =
                    run.and_then(|r| self.program.parent_run(&self.program.protocols[r.protocol], r.run));
                above.map_or(Value::Null, |(_, run)| Value::Run(run))
            }
            K::Var(var, keys) => self.read(cx, *var, keys),
            K::Old(a) => self.eval(&Context { state: cx.old, ..cx.clone() }, a),
            K::Not(a) => Value::Bool(!self.holds(cx, a)),
            K::And(list) => Value::Bool(list.iter().all(|a| self.holds(cx, a))),
            K::Or(list) => Value::Bool(list.iter().any(|a| self.holds(cx, a))),
            K::If(c, a, b) => self.eval(cx, if self.holds(cx, c) { a } else { b }),
            K::Compare(op, a, b) => Value::Bool(compare(*op, &self.eval(cx, a), &self.eval(cx, b))),
            K::Arith(op, a, b) => arith(*op, &self.eval(cx, a), &self.eval(cx, b)),
            K::Let(slot, a, body) => {
                let slots = cx.slots.with(*slot, &a.ty, self.eval(cx, a));
                self.eval(&Context { slots, ..cx.clone() }, body)
            }
            K::All(binder, body) => {
                Value::Bool(self.bind(cx, binder).iter().all(|(_, cx)| self.holds(cx, body)))
            }
            K::Any(binder, body) => {
                Value::Bool(self.bind(cx, binder).iter().any(|(_, cx)| self.holds(cx, body)))
            }
            K::Count(binder) => count(self.bind(cx, binder).len()),
            K::Extreme(greatest, body, binder) => self.extreme(cx, *greatest, body, binder),
            K::Crashed(..)
            | K::Connected(..)
            | K::RunAt(..)
            | K::RunUnfinished(..)
            | K::RunSubject(..)
            | K::RunRole(..)
            | K::RunVarOf(..)
            | K::Neighbour(..) => self.eval_world(cx, e),
            _ => self.eval_collection(cx, e),
        }
    }

    /// Whether a condition is true.
    pub(super) fn holds<'a>(&self, cx: &Context<'a>, e: &'a Expr) -> bool {
        self.eval(cx, e) == Value::Bool(true)
    }

    /// Sets, maps, sequences, records, unions.
    fn eval_collection<'a>(&self, cx: &Context<'a>, e: &'a Expr) -> Value {
        use ExprKind as K;
        let all = |list: &'a [Expr]| list.iter().map(|a| self.eval(cx, a));
        match &e.kind {
            K::In(a, set) => Value::Bool(elements(self.eval(cx, set)).contains(&self.eval(cx, a))),
            K::SetLit(list) => Value::Set(all(list).collect()),
            K::SetOf(body, binder) => {
                Value::Set(self.bind(cx, binder).iter().map(|(_, cx)| self.eval(cx, body)).collect())
            }
            K::TypeSet(ty) => Value::Set(self.program.values(ty).unwrap_or_default().into_iter().collect()),
            K::SetOp(op, a, b) => set_op(*op, &elements(self.eval(cx, a)), &elements(self.eval(cx, b))),
            K::Size(a) => size(&self.eval(cx, a)),
            K::MapGet(map, key) => self.map_get(cx, map, key),
            K::MapSet(map, key, value) => {
                map_set(self.eval(cx, map), self.eval(cx, key), self.eval(cx, value))
            }
            K::MapAll(value) => self.map_all(&e.ty, &self.eval(cx, value)),
            K::SeqLit(list) => Value::Seq(all(list).collect()),
            K::Concat(a, b) => Value::Seq([items(self.eval(cx, a)), items(self.eval(cx, b))].concat()),
            K::SeqGet(a, i) => item(&items(self.eval(cx, a)), &self.eval(cx, i)),
            K::Tail(a) => Value::Seq(items(self.eval(cx, a)).into_iter().skip(1).collect()),
            K::RecordLit(_, list) => Value::Record(all(list).collect()),
            K::VariantLit(_, tag, list) => Value::Variant(*tag, all(list).collect()),
            K::Field(a, i) => field(self.eval(cx, a), *i),
            K::IsVariant(a, tag) => {
                Value::Bool(matches!(self.eval(cx, a), Value::Variant(t, _) if t == *tag))
            }
            K::VariantField(a, tag, i) => match self.eval(cx, a) {
                Value::Variant(t, fields) if t == *tag => {
                    fields.get(*i as usize).cloned().unwrap_or(Value::Null)
                }
                _ => self.program.default_value(&e.ty),
            },
            _ => Value::Null,
        }
    }

    /// Faults, runs, rings.
    fn eval_world<'a>(&self, cx: &Context<'a>, e: &'a Expr) -> Value {
        use ExprKind as K;
        match &e.kind {
            K::Crashed(sort, a) => {
                Value::Bool(id(&self.eval(cx, a)).is_some_and(|n| cx.state.is_down(*sort, n)))
            }
            K::Connected(a, sa, b, sb) => match (id(&self.eval(cx, a)), id(&self.eval(cx, b))) {
                (Some(a), Some(b)) => Value::Bool(self.connected(cx.state, (*sa, a), (*sb, b))),
                _ => Value::Bool(false),
            },
            K::RunAt(p, r, step) => Value::Bool(match r.ty {
                Type::Run(above) if above != *p => self
                    .run_of(cx, above, r)
                    .is_some_and(|(run, _)| self.some_sub_run_is_at(cx.state, run, (*p, *step))),
                _ => self.run_of(cx, *p, r).is_some_and(|(_, run)| self.run_is_at(*p, run.status, *step)),
            }),
            K::RunUnfinished(p, r) => {
                Value::Bool(self.run_of(cx, *p, r).is_some_and(|(_, run)| run.unfinished()))
            }
            K::RunSubject(p, r, i) => {
                self.run_of(cx, *p, r).map_or(Value::Null, |(r, _)| self.subject(Some(r), *i))
            }
            K::RunRole(p, r, role) => optional_id(
                self.run_of(cx, *p, r).and_then(|(_, run)| run.roles.get(role.index()).copied().flatten()),
            ),
            K::RunVarOf(p, r, var) => {
                let run = self.run_of(cx, *p, r);
                run.and_then(|(_, run)| run.vars.get(var.index()).cloned()).unwrap_or(Value::Null)
            }
            K::Neighbour(sort, back, a) => {
                let size = self.program.sorts[*sort].size;
                let by = if *back { size - 1 } else { 1 };
                id(&self.eval(cx, a)).map_or(Value::Null, |n| Value::Id((n + by) % size))
            }
            _ => Value::Null,
        }
    }

    fn run<'a>(&self, cx: &Context<'a>) -> Option<&'a RunState> {
        run_state(cx.state, cx.who.run?)
    }

    fn run_of<'a>(
        &self,
        cx: &Context<'a>,
        protocol: ProtocolId,
        e: &'a Expr,
    ) -> Option<(RunRef, &'a RunState)> {
        let Value::Run(run) = self.eval(cx, e) else { return None };
        let run = RunRef { protocol, run };
        Some((run, run_state(cx.state, run)?))
    }

    fn subject(&self, run: Option<RunRef>, i: u32) -> Value {
        let subjects = run.map(|r| self.program.run_subjects(&self.program.protocols[r.protocol], r.run).0);
        optional_id(subjects.and_then(|s| s.get(i as usize).copied()))
    }

    /// `r at STEP`: the step is the next one, or one after `loop` steps that can be passed.
    pub(super) fn run_is_at(&self, protocol: ProtocolId, status: Status, step: StepId) -> bool {
        let Status::At(chain, p) = status else { return false };
        self.place(protocol, step)
            .is_some_and(|(c, i)| c == chain && self.on_the_way(protocol, c, p as usize, i))
    }

    /// Whether position p of a chain is also position i: all steps from p to before i are `loop` steps.
    pub(super) fn on_the_way(&self, protocol: ProtocolId, chain: ChainId, p: usize, i: usize) -> bool {
        let protocol = &self.program.protocols[protocol];
        let between = protocol.chains[chain].steps.get(p..i);
        between.is_some_and(|steps| steps.iter().all(|s| protocol.steps[*s].loops))
    }

    fn read<'a>(&self, cx: &Context<'a>, var: VarId, keys: &'a [Expr]) -> Value {
        let keys: Vec<Value> = keys.iter().map(|k| self.eval(cx, k)).collect();
        let element = self.key_position(var, &keys).and_then(|i| cx.state.vars.get(var.index())?.get(i));
        element.cloned().unwrap_or_else(|| self.program.default_value(&self.program.vars[var].ty))
    }

    /// The position of the element with these keys; none when a key is null.
    pub(super) fn key_position(&self, var: VarId, keys: &[Value]) -> Option<usize> {
        let mut position = 0;
        for (all, key) in self.keys.get(var.index())?.iter().zip(keys) {
            position = position * all.len() + all.binary_search(key).ok()?;
        }
        Some(position)
    }

    fn map_get<'a>(&self, cx: &Context<'a>, map: &'a Expr, key: &'a Expr) -> Value {
        let (Value::Map(entries), key) = (self.eval(cx, map), self.eval(cx, key)) else { return Value::Null };
        entries.get(&key).cloned().unwrap_or_else(|| match &map.ty {
            Type::Map(_, value) => self.program.default_value(value),
            _ => Value::Null,
        })
    }

    fn map_all(&self, ty: &Type, value: &Value) -> Value {
        let Type::Map(key, _) = ty else { return Value::Null };
        let keys = self.program.values(key).unwrap_or_default();
        Value::Map(keys.into_iter().map(|k| (k, value.clone())).collect())
    }

    fn extreme<'a>(&self, cx: &Context<'a>, greatest: bool, body: &'a Expr, binder: &'a Binder) -> Value {
        let values = self.bind(cx, binder).into_iter().map(|(_, cx)| self.eval(&cx, body));
        let values = values.filter(|v| *v != Value::Null);
        let found = if greatest { values.max() } else { values.min() };
        found.unwrap_or(Value::Null)
    }

    /// The values that a binder gives its variable, in order, each with the context that has it.
    pub(super) fn bind<'a>(&self, cx: &Context<'a>, binder: &'a Binder) -> Vec<(Value, Context<'a>)> {
        let values = self.domain(cx, &binder.domain);
        let bound = values.into_iter().map(|value| {
            let slots = cx.slots.with(binder.slot, element_type(&binder.domain), value.clone());
            (value, Context { slots, ..cx.clone() })
        });
        bound.filter(|(_, cx)| binder.filter.as_ref().is_none_or(|f| self.holds(cx, f))).collect()
    }

    fn domain<'a>(&self, cx: &Context<'a>, domain: &'a Domain) -> Vec<Value> {
        match domain {
            Domain::Type(ty) => self.program.values(ty).unwrap_or_default(),
            Domain::Range(lo, hi) => (*lo..=*hi).map(Value::Int).collect(),
            Domain::Set(set) => elements(self.eval(cx, set)).into_iter().collect(),
            Domain::Runs(protocol) => (0..self.program.run_count(*protocol)).map(Value::Run).collect(),
        }
    }

    /// Whether no partition lies between two instances.
    pub(super) fn connected(&self, state: &State, a: (SortId, u32), b: (SortId, u32)) -> bool {
        self.program.faults.iter_enumerated().all(|(fault, f)| {
            let FaultKind::Partition { from, to } = f.kind else { return true };
            let cut = |n: u32| {
                state.cut.get(fault.index()).and_then(|c| c.get(n as usize)).copied().unwrap_or(false)
            };
            match (a.0 == from && b.0 == to, b.0 == from && a.0 == to) {
                (true, true) => cut(a.1) == cut(b.1),
                (true, false) => !cut(a.1),
                (false, true) => !cut(b.1),
                (false, false) => true,
            }
        })
    }
}

/// Whether a comparison is true. By order, nothing lies below or above null.
pub(crate) fn compare(op: CompareOp, a: &Value, b: &Value) -> bool {
    match op {
        CompareOp::Eq => a == b,
        CompareOp::Ne => a != b,
        CompareOp::Lt => order(a, b) == Some(Ordering::Less),
        CompareOp::Le => order(a, b).is_some_and(Ordering::is_le),
        CompareOp::Gt => order(a, b) == Some(Ordering::Greater),
        CompareOp::Ge => order(a, b).is_some_and(Ordering::is_ge),
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) | (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Enum(a), Value::Enum(b)) | (Value::Ordinal(a), Value::Ordinal(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn arith(op: ArithOp, a: &Value, b: &Value) -> Value {
    let (Value::Int(x), Value::Int(y)) = (a, b) else {
        // Instants and ordinals have a lesser and a greater, too.
        return match op {
            ArithOp::Min if order(a, b).is_some() => a.min(b).clone(),
            ArithOp::Max if order(a, b).is_some() => a.max(b).clone(),
            _ => Value::Null,
        };
    };
    Value::Int(match op {
        ArithOp::Add => x.saturating_add(*y),
        ArithOp::Sub => x.saturating_sub(*y),
        ArithOp::Mul => x.saturating_mul(*y),
        ArithOp::Mod => x.checked_rem_euclid(*y).unwrap_or(0),
        ArithOp::Min => *x.min(y),
        ArithOp::Max => *x.max(y),
    })
}

fn set_op(op: SetOp, a: &BTreeSet<Value>, b: &BTreeSet<Value>) -> Value {
    Value::Set(match op {
        SetOp::Union => a | b,
        SetOp::Difference => a - b,
        SetOp::Intersection => a & b,
    })
}

fn size(value: &Value) -> Value {
    match value {
        Value::Set(set) => count(set.len()),
        Value::Seq(list) => count(list.len()),
        Value::Map(map) => count(map.len()),
        _ => Value::Int(0),
    }
}

fn map_set(map: Value, key: Value, value: Value) -> Value {
    let Value::Map(mut entries) = map else { return map };
    if let Some(entry) = entries.get_mut(&key) {
        *entry = value;
    }
    Value::Map(entries)
}

fn item(list: &[Value], i: &Value) -> Value {
    let Value::Int(i) = i else { return Value::Null };
    usize::try_from(*i).ok().and_then(|i| list.get(i)).cloned().unwrap_or(Value::Null)
}

fn field(value: Value, i: u32) -> Value {
    let Value::Record(fields) = value else { return Value::Null };
    fields.into_iter().nth(i as usize).unwrap_or(Value::Null)
}

fn elements(value: Value) -> BTreeSet<Value> {
    match value {
        Value::Set(set) => set,
        _ => BTreeSet::new(),
    }
}

fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Seq(list) => list,
        _ => Vec::new(),
    }
}

fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The instance that a value names.
pub(super) fn id(value: &Value) -> Option<u32> {
    match value {
        Value::Id(n) => Some(*n),
        _ => None,
    }
}

fn optional_id(instance: Option<u32>) -> Value {
    instance.map_or(Value::Null, Value::Id)
}

/// The state of a run, if there is such a run.
pub(super) fn run_state(state: &State, run: RunRef) -> Option<&RunState> {
    state.runs.get(run.protocol.index())?.get(run.run as usize)
}
