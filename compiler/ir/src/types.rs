//! Finite types: how many values they have, which, and which one is the default.

use crate::program::{
    Actor, ChainId, EnumId, ExprKind, Handover, IntType, Parent, Program, Protocol, ProtocolId, SortId,
    StepId, Type, Union,
};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most values of a type that anything enumerates (map keys, quantifiers, parameters, sets without `max`).
pub const MAX_ENUMERATED: u64 = 1 << 16;

impl Program {
    /// The number of values of a type, if it is finite and at most [`MAX_ENUMERATED`]; ordinals and
    /// instants are not finite.
    #[must_use]
    pub fn cardinality(&self, ty: &Type) -> Option<u64> {
        let n = match ty {
            Type::Bool => 2,
            Type::Int(IntType { lo, hi, .. }) => u64::try_from(hi.checked_sub(*lo)?).ok()?.checked_add(1)?,
            Type::Enum(id) => self.enums[*id].constants.len() as u64,
            Type::Id(id) => u64::from(self.sorts[*id].size),
            Type::Optional(inner) => self.cardinality(inner)? + 1,
            Type::Null => 1,
            Type::Set(element, max) => self.set_cardinality(element, *max)?,
            Type::Map(key, value) => power(self.cardinality(value)?, self.cardinality(key)?)?,
            Type::Seq(element, max) => {
                let n = self.cardinality(element)?;
                (0..=u64::from(*max)).try_fold(0u64, |sum, k| sum.checked_add(power(n, k)?))?
            }
            Type::Record(id) => self.product(self.records[*id].fields.iter().map(|f| &f.ty))?,
            Type::Union(id) => self.union_cardinality(&self.unions[*id])?,
            Type::Run(protocol) => u64::from(self.run_count(*protocol)),
            Type::Ordinal(_) | Type::Time | Type::Unknown => return None,
        };
        (n <= MAX_ENUMERATED).then_some(n)
    }

    fn set_cardinality(&self, element: &Type, max: Option<u32>) -> Option<u64> {
        let n = self.cardinality(element)?;
        match max {
            Some(max) if u64::from(max) < n => {
                let mut total = 0u64;
                let mut choose = 1u64;
                for k in 0..=u64::from(max) {
                    total = total.checked_add(choose)?;
                    choose = choose.checked_mul(n - k)? / (k + 1);
                }
                Some(total)
            }
            _ => power(2, n),
        }
    }

    fn union_cardinality(&self, union: &Union) -> Option<u64> {
        union
            .variants
            .iter()
            .try_fold(0u64, |sum, v| sum.checked_add(self.product(v.fields.iter().map(|f| &f.ty))?))
    }

    fn product<'a>(&self, mut types: impl Iterator<Item = &'a Type>) -> Option<u64> {
        types.try_fold(1u64, |product, ty| product.checked_mul(self.cardinality(ty)?))
    }

    /// All values of a type in their derived order; none if it is not finite or has more than
    /// [`MAX_ENUMERATED`].
    #[must_use]
    pub fn values(&self, ty: &Type) -> Option<Vec<Value>> {
        self.cardinality(ty)?;
        let mut values = match ty {
            Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
            Type::Int(int) => (int.lo..=int.hi).map(Value::Int).collect(),
            Type::Enum(id) => (0..self.enums[*id].constants.len() as u32).map(Value::Enum).collect(),
            Type::Id(id) => (0..self.sorts[*id].size).map(Value::Id).collect(),
            Type::Optional(inner) => std::iter::once(Value::Null).chain(self.values(inner)?).collect(),
            Type::Null => vec![Value::Null],
            Type::Set(element, max) => subsets(&self.values(element)?, *max),
            Type::Map(key, value) => {
                let keys = self.values(key)?;
                tuples(&vec![self.values(value)?; keys.len()])
                    .into_iter()
                    .map(|vs| Value::Map(keys.iter().cloned().zip(vs).collect()))
                    .collect()
            }
            Type::Seq(element, max) => {
                let elements = self.values(element)?;
                (0..=*max as usize).flat_map(|n| tuples(&vec![elements.clone(); n])).map(Value::Seq).collect()
            }
            Type::Record(id) => self
                .tuples_of(self.records[*id].fields.iter().map(|f| &f.ty))?
                .into_iter()
                .map(Value::Record)
                .collect(),
            Type::Union(id) => {
                let mut all = Vec::new();
                for (tag, variant) in self.unions[*id].variants.iter().enumerate() {
                    let fields = self.tuples_of(variant.fields.iter().map(|f| &f.ty))?;
                    all.extend(fields.into_iter().map(|f| Value::Variant(tag as u32, f)));
                }
                all
            }
            Type::Run(protocol) => (0..self.run_count(*protocol)).map(Value::Run).collect(),
            Type::Ordinal(_) | Type::Time | Type::Unknown => return None,
        };
        values.sort();
        Some(values)
    }

    fn tuples_of<'a>(&self, types: impl Iterator<Item = &'a Type>) -> Option<Vec<Vec<Value>>> {
        let columns: Option<Vec<Vec<Value>>> = types.map(|ty| self.values(ty)).collect();
        Some(tuples(&columns?))
    }

    /// How a variable of this type starts when its declaration does not say: null, false, the lowest
    /// integer, the first constant, instance 0, the empty collection, the least ordinal, the past.
    #[must_use]
    pub fn default_value(&self, ty: &Type) -> Value {
        match ty {
            Type::Optional(_) | Type::Null | Type::Unknown => Value::Null,
            Type::Bool => Value::Bool(false),
            Type::Int(int) => Value::Int(int.lo),
            Type::Enum(_) => Value::Enum(0),
            Type::Id(_) => Value::Id(0),
            Type::Ordinal(_) => Value::Ordinal(0),
            Type::Time => Value::Time(PAST),
            Type::Run(_) => Value::Run(0),
            Type::Set(..) => Value::Set(BTreeSet::new()),
            Type::Seq(..) => Value::Seq(Vec::new()),
            Type::Map(key, value) => {
                let element = self.default_value(value);
                let keys = self.values(key).unwrap_or_default();
                Value::Map(keys.into_iter().map(|k| (k, element.clone())).collect::<BTreeMap<_, _>>())
            }
            Type::Record(id) => {
                Value::Record(self.records[*id].fields.iter().map(|f| self.default_value(&f.ty)).collect())
            }
            Type::Union(id) => {
                let first = self.unions[*id].variants.first();
                let fields = first.map(|v| v.fields.iter().map(|f| self.default_value(&f.ty)).collect());
                Value::Variant(0, fields.unwrap_or_default())
            }
        }
    }

    /// All combinations of keys of a variable, in lexicographic order.
    #[must_use]
    pub fn key_tuples(&self, keys: &[Type]) -> Vec<Vec<Value>> {
        self.tuples_of(keys.iter()).unwrap_or_default()
    }

    /// The position of a combination of keys in [`Program::key_tuples`]; none when a key is null or
    /// outside its type.
    #[must_use]
    pub fn key_position(&self, keys: &[Type], values: &[Value]) -> Option<usize> {
        let mut position = 0;
        for (ty, value) in keys.iter().zip(values) {
            let all = self.values(ty)?;
            position = position * all.len() + all.binary_search(value).ok()?;
        }
        Some(position)
    }

    /// The number of runs of a protocol.
    #[must_use]
    pub fn run_count(&self, protocol: ProtocolId) -> u32 {
        let protocol = &self.protocols[protocol];
        protocol.subjects.iter().map(|s| self.sorts[s.sort].size).product::<u32>() * protocol.copies
    }

    /// The subjects and the copy of a run, from its number.
    #[must_use]
    pub fn run_subjects(&self, protocol: &Protocol, run: u32) -> (Vec<u32>, u32) {
        let copy = run % protocol.copies;
        let mut rest = run / protocol.copies;
        let mut subjects = vec![0; protocol.subjects.len()];
        for (i, subject) in protocol.subjects.iter().enumerate().rev() {
            let size = self.sorts[subject.sort].size;
            subjects[i] = rest % size;
            rest /= size;
        }
        (subjects, copy)
    }

    /// The run that a sub-run belongs to.
    #[must_use]
    pub fn parent_run(&self, protocol: &Protocol, run: u32) -> Option<(Parent, u32)> {
        let parent = protocol.parent?;
        let above = &self.protocols[parent.protocol];
        let (subjects, copy) = self.run_subjects(protocol, run);
        let subjects = subjects.get(..above.subjects.len())?;
        Some((parent, self.run_number(above, subjects, copy)))
    }

    /// The sub-runs of a run, each with the position that they belong to.
    pub fn sub_runs(
        &self,
        above: ProtocolId,
        run: u32,
    ) -> impl Iterator<Item = (Parent, ProtocolId, u32)> + '_ {
        let below = self
            .protocols
            .iter_enumerated()
            .filter(move |(_, p)| p.parent.is_some_and(|p| p.protocol == above));
        below.flat_map(move |(id, protocol)| {
            let mine = move |sub: &u32| self.parent_run(protocol, *sub).is_some_and(|(_, r)| r == run);
            let parent = protocol.parent.into_iter();
            parent.flat_map(move |parent| {
                (0..self.run_count(id)).filter(mine).map(move |sub| (parent, id, sub))
            })
        })
    }

    /// Every hand-over.
    pub fn handovers(&self) -> impl Iterator<Item = &Handover> {
        self.protocols.iter().flat_map(|p| {
            let chains = p.chains.iter().map(|c| &c.outcome);
            let rejects = p.steps.iter().filter_map(|s| s.reject.as_ref()).map(|r| &r.outcome);
            chains.chain(rejects).filter_map(|o| o.then.as_ref())
        })
    }

    /// The protocol of the sub-runs that happen last at a position of a main chain, of those before the sub-runs of
    /// `to` if that is given.
    #[must_use]
    pub fn segment_before(
        &self,
        above: ProtocolId,
        position: u32,
        to: Option<ProtocolId>,
    ) -> Option<ProtocolId> {
        let here = |p: &Protocol| p.parent == Some(Parent { protocol: above, position });
        let before =
            self.protocols.iter_enumerated().filter(|(id, p)| here(p) && to.is_none_or(|to| *id < to));
        before.map(|(id, _)| id).next_back()
    }

    /// How many of a protocol's subjects are those of the run that its runs belong to.
    #[must_use]
    pub fn inherited_subjects(&self, protocol: &Protocol) -> usize {
        protocol.parent.map_or(0, |p| self.protocols[p.protocol].subjects.len())
    }

    /// The number of a run, from its subjects and copy.
    #[must_use]
    pub fn run_number(&self, protocol: &Protocol, subjects: &[u32], copy: u32) -> u32 {
        let subject = protocol
            .subjects
            .iter()
            .zip(subjects)
            .fold(0, |n, (s, instance)| n * self.sorts[s.sort].size + instance);
        subject * protocol.copies + copy
    }

    /// The enum `tri`, if the program uses it.
    #[must_use]
    pub fn is_tri(&self, id: EnumId) -> bool {
        self.enums[id].name == "tri"
    }
}

/// The instant before everything that a guard can mention; canonical states replace it by the floor of
/// its class ([`crate::time`]).
pub const PAST: i64 = i64::MIN / 4;

impl Protocol {
    /// The words with which a run can be over and stay so, in a fixed order; the number of a word here
    /// is what [`crate::state::Status::Ended`] stores.
    #[must_use]
    pub fn endings(&self) -> Vec<&str> {
        let outcomes = self.chains.iter().filter(|c| !self.is_detached(c)).map(|c| &c.outcome);
        let rejects = self.steps.iter().filter_map(|s| s.reject.as_ref()).map(|r| &r.outcome);
        let mut words: Vec<&str> = Vec::new();
        for outcome in outcomes.chain(rejects).filter(|o| o.ends) {
            if !words.contains(&outcome.word.as_str()) {
                words.push(&outcome.word);
            }
        }
        for word in ["crashed", "lost"] {
            if !self.repeats && !words.contains(&word) {
                words.push(word);
            }
        }
        words
    }

    /// Where a step is: its chain, and its position there, from 0.
    #[must_use]
    pub fn place(&self, step: StepId) -> Option<(ChainId, usize)> {
        let mut chains = self.chains.iter_enumerated();
        chains.find_map(|(id, chain)| chain.steps.iter().position(|s| *s == step).map(|i| (id, i)))
    }

    /// The sort of the instance that acts in a step.
    #[must_use]
    pub fn acting_sort(&self, step: StepId) -> SortId {
        match self.steps[step].actor {
            Actor::Subject(i) => self.subjects[i as usize].sort,
            Actor::Role(role) => self.roles[role].sort,
        }
    }

    fn is_detached(&self, chain: &crate::program::Chain) -> bool {
        chain.window.as_ref().is_some_and(|w| w.detached)
    }
}

impl crate::program::Expr {
    /// The literal's value, if it is one.
    #[must_use]
    pub fn literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }
}

fn power(base: u64, exponent: u64) -> Option<u64> {
    base.checked_pow(u32::try_from(exponent).ok()?)
}

/// All tuples with one element of each column, in lexicographic order.
pub(crate) fn tuples(columns: &[Vec<Value>]) -> Vec<Vec<Value>> {
    columns.iter().fold(vec![Vec::new()], |prefixes, column| {
        prefixes
            .iter()
            .flat_map(|prefix| {
                column.iter().map(move |value| {
                    let mut tuple = prefix.clone();
                    tuple.push(value.clone());
                    tuple
                })
            })
            .collect()
    })
}

fn subsets(elements: &[Value], max: Option<u32>) -> Vec<Value> {
    (0u64..1 << elements.len())
        .filter(|mask| max.is_none_or(|max| mask.count_ones() <= max))
        .map(|mask| {
            Value::Set(
                elements
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| mask >> i & 1 == 1)
                    .map(|(_, v)| v.clone())
                    .collect(),
            )
        })
        .collect()
}
