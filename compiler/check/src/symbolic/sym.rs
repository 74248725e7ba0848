//! Values whose shape is known at compile time and whose scalars are nodes of a [`Dag`].
//!
//! Scalars (booleans, integers, enums, ids, ordinals, instants, runs and the optionals of these) are one
//! node; an absent one is [`NULL`]. A composite optional is a presence and a value. Sets over an enumerable
//! element type are a bit per element, other sets a list of candidates with presences, of which the
//! present ones are different. What an absent, unused or unselected part holds is undefined; storing
//! it makes it 0.

use super::dag::{Dag, N, NULL};
use arch_ir::{Program, Type, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The values of an enumerable type, in order.
#[derive(PartialEq, Eq, Debug)]
pub struct Elements {
    /// The type.
    pub ty: Type,
    /// Its values.
    pub values: Vec<Value>,
}

impl Elements {
    /// The position of a value.
    pub fn position(&self, value: &Value) -> Option<usize> {
        self.values.binary_search(value).ok()
    }
}

/// The elements of every type that was asked for.
#[derive(Debug, Default)]
pub struct ElementsCache {
    known: HashMap<Type, Option<Arc<Elements>>>,
}

impl ElementsCache {
    /// The values of a type; none if it is not enumerable.
    pub fn of(&mut self, program: &Program, ty: &Type) -> Option<Arc<Elements>> {
        let make = || program.values(ty).map(|values| Arc::new(Elements { ty: ty.clone(), values }));
        self.known.entry(ty.clone()).or_insert_with(make).clone()
    }
}

/// A candidate of a set: whether it is in it, and its value.
pub type Candidate = (N, Sym);

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Sym {
    /// A scalar or the optional of one.
    Scalar(N),
    /// The optional of a composite; without a value it is absent.
    Opt(N, Option<Arc<Sym>>),
    /// A set over an enumerable type.
    Bits(Arc<Elements>, Arc<Vec<N>>),
    /// Any other set.
    Slots(Arc<Vec<Candidate>>),
    /// A map, with a value per key.
    Map(Arc<Elements>, Arc<Vec<Sym>>),
    /// A sequence: its length and what it holds.
    Seq(N, Arc<Vec<Sym>>),
    /// A record.
    Record(Arc<Vec<Sym>>),
    /// A variant: its tag, and the fields of those variants that it can be.
    Union(N, Arc<Vec<Option<Vec<Sym>>>>),
}

impl Sym {
    /// The node of a scalar; absent composites are null too.
    pub fn scalar(&self, dag: &mut Dag) -> N {
        match self {
            Sym::Scalar(n) => *n,
            _ => dag.null(),
        }
    }

    /// Without the `?` of a composite, for operations that need a value; absent: nothing.
    pub fn present(&self) -> Option<&Sym> {
        match self {
            Sym::Opt(_, inner) => inner.as_deref(),
            Sym::Scalar(_) => None,
            other => Some(other),
        }
    }

    /// A composite optional as a presence and a value.
    fn as_optional(&self, dag: &mut Dag) -> (N, Option<&Sym>) {
        match self {
            Sym::Opt(present, inner) => (*present, inner.as_deref()),
            Sym::Scalar(_) => (dag.bool(false), None),
            other => (dag.bool(true), Some(other)),
        }
    }

    fn is_optional(&self) -> bool {
        matches!(self, Sym::Opt(..) | Sym::Scalar(_))
    }
}

/// Whether a value of this type is one node.
pub fn is_scalar(ty: &Type) -> bool {
    match ty {
        Type::Optional(inner) => is_scalar(inner),
        Type::Set(..) | Type::Map(..) | Type::Seq(..) | Type::Record(_) | Type::Union(_) => false,
        _ => true,
    }
}

/// The number of a scalar value.
pub fn scalar_number(value: &Value) -> Option<i64> {
    Some(match value {
        Value::Null => NULL,
        Value::Bool(b) => i64::from(*b),
        Value::Int(n) | Value::Time(n) => *n,
        Value::Enum(n) | Value::Id(n) | Value::Ordinal(n) | Value::Run(n) => i64::from(*n),
        _ => return None,
    })
}

/// The scalar value of a type with a number.
pub fn scalar_value(ty: &Type, number: i64) -> Value {
    if number == NULL {
        return Value::Null;
    }
    let small = u32::try_from(number).unwrap_or_default();
    match ty.unwrap_optional() {
        Type::Bool => Value::Bool(number != 0),
        Type::Int(_) => Value::Int(number),
        Type::Enum(_) => Value::Enum(small),
        Type::Id(_) => Value::Id(small),
        Type::Ordinal(_) => Value::Ordinal(small),
        Type::Time => Value::Time(number),
        Type::Run(_) => Value::Run(small),
        _ => Value::Null,
    }
}

/// Operations on values: a [`Dag`] with the program's types.
pub struct Builder<'p> {
    /// The program.
    pub program: &'p Program,
    /// The nodes.
    pub dag: Dag,
    /// The values of its types.
    pub elements: ElementsCache,
    /// Expressions evaluated so far.
    pub work: u64,
}

impl Builder<'_> {
    /// The values of a type; none if it is not enumerable.
    pub fn elements(&mut self, ty: &Type) -> Option<Arc<Elements>> {
        self.elements.of(self.program, ty)
    }

    /// A number.
    pub fn int(&mut self, value: i64) -> Sym {
        Sym::Scalar(self.dag.int(value))
    }

    /// A truth value.
    pub fn truth(&mut self, value: bool) -> Sym {
        self.int(i64::from(value))
    }

    /// A constant.
    pub fn literal(&mut self, value: &Value, ty: &Type) -> Sym {
        if let Some(number) = scalar_number(value) {
            return self.int(number);
        }
        match (value, ty.unwrap_optional()) {
            (Value::Set(set), Type::Set(element, _)) => self.set_literal(set.iter(), element),
            (Value::Map(map), Type::Map(key, element)) => {
                let values = map.values().map(|v| self.literal(v, element)).collect();
                let keys = self.elements(key).unwrap_or_else(|| {
                    Arc::new(Elements { ty: (**key).clone(), values: map.keys().cloned().collect() })
                });
                Sym::Map(keys, Arc::new(values))
            }
            (Value::Seq(list), Type::Seq(element, _)) => {
                let items = list.iter().map(|v| self.literal(v, element)).collect();
                Sym::Seq(self.dag.int(list.len() as i64), Arc::new(items))
            }
            (Value::Record(list), Type::Record(id)) => {
                let fields = &self.program.records[*id].fields;
                Sym::Record(Arc::new(list.iter().zip(fields).map(|(v, f)| self.literal(v, &f.ty)).collect()))
            }
            (Value::Variant(tag, list), Type::Union(id)) => {
                let variants = &self.program.unions[*id].variants;
                let mut all = vec![None; variants.len()];
                let fields = &variants[*tag as usize].fields;
                all[*tag as usize] =
                    Some(list.iter().zip(fields).map(|(v, f)| self.literal(v, &f.ty)).collect());
                Sym::Union(self.dag.int(i64::from(*tag)), Arc::new(all))
            }
            _ => Sym::Scalar(self.dag.null()),
        }
    }

    fn set_literal<'v>(&mut self, values: impl Iterator<Item = &'v Value>, element: &Type) -> Sym {
        let yes = self.dag.bool(true);
        match self.elements(element) {
            Some(elements) => {
                let mut bits = vec![self.dag.bool(false); elements.values.len()];
                values.filter_map(|v| elements.position(v)).for_each(|i| bits[i] = yes);
                Sym::Bits(elements, Arc::new(bits))
            }
            None => Sym::Slots(Arc::new(values.map(|v| (yes, self.literal(v, element))).collect())),
        }
    }

    /// The default value of a type.
    pub fn default(&mut self, ty: &Type) -> Sym {
        let value = self.program.default_value(ty);
        self.literal(&value, ty)
    }

    /// The value of a type, if every node is a constant.
    pub fn constant(&self, sym: &Sym, ty: &Type) -> Option<Value> {
        constant(self.program, &self.dag, sym, ty)
    }

    /// Equality.
    pub fn eq(&mut self, a: &Sym, b: &Sym) -> N {
        if a == b {
            return self.dag.bool(true);
        }
        match (a, b) {
            (Sym::Scalar(a), Sym::Scalar(b)) => self.dag.eq(*a, *b),
            _ if a.is_optional() || b.is_optional() => self.eq_optional(a, b),
            (Sym::Bits(e, a), Sym::Bits(f, b)) if e == f => {
                let start = self.dag.bool(true);
                a.iter().zip(b.iter()).fold(start, |all, (a, b)| {
                    let same = self.dag.eq(*a, *b);
                    self.dag.and(all, same)
                })
            }
            (Sym::Bits(..) | Sym::Slots(_), _) => {
                let (a, b) = (self.candidates(a), self.candidates(b));
                let (ab, ba) = (self.subset(&a, &b), self.subset(&b, &a));
                self.dag.and(ab, ba)
            }
            (Sym::Map(_, a), Sym::Map(_, b)) | (Sym::Record(a), Sym::Record(b)) => self.eq_all(a, b),
            (Sym::Seq(n, a), Sym::Seq(m, b)) => self.eq_seq((*n, a), (*m, b)),
            (Sym::Union(t, a), Sym::Union(u, b)) => self.eq_union((*t, a), (*u, b)),
            _ => self.dag.bool(false),
        }
    }

    fn eq_all(&mut self, a: &[Sym], b: &[Sym]) -> N {
        let start = self.dag.bool(true);
        a.iter().zip(b).fold(start, |all, (a, b)| {
            let same = self.eq(a, b);
            self.dag.and(all, same)
        })
    }

    fn eq_optional(&mut self, a: &Sym, b: &Sym) -> N {
        let ((p, x), (q, y)) = (a.as_optional(&mut self.dag), b.as_optional(&mut self.dag));
        let same = self.dag.eq(p, q);
        let values = match (x, y) {
            (Some(x), Some(y)) => self.eq(x, y),
            _ => self.dag.bool(false),
        };
        let values = self.dag.implies(p, values);
        self.dag.and(same, values)
    }

    fn eq_seq(&mut self, (n, a): (N, &[Sym]), (m, b): (N, &[Sym])) -> N {
        let mut all = self.dag.eq(n, m);
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            let index = self.dag.int(i as i64);
            let (inside, same) = (self.dag.lt(index, n), self.eq(a, b));
            let fine = self.dag.implies(inside, same);
            all = self.dag.and(all, fine);
        }
        all
    }

    fn eq_union(&mut self, (t, a): (N, &[Option<Vec<Sym>>]), (u, b): (N, &[Option<Vec<Sym>>])) -> N {
        let mut all = self.dag.eq(t, u);
        for (tag, fields) in a.iter().zip(b).enumerate() {
            if let (Some(a), Some(b)) = fields {
                let tag = self.dag.int(tag as i64);
                let (is, same) = (self.dag.eq(t, tag), self.eq_all(a, b));
                let fine = self.dag.implies(is, same);
                all = self.dag.and(all, fine);
            }
        }
        all
    }

    /// `t` if `c`, else `e`.
    pub fn select(&mut self, c: N, t: &Sym, e: &Sym) -> Sym {
        match self.dag.constant(c) {
            Some(0) => return e.clone(),
            Some(_) => return t.clone(),
            None if t == e => return t.clone(),
            None => {}
        }
        match (t, e) {
            (Sym::Scalar(t), Sym::Scalar(e)) => Sym::Scalar(self.dag.select(c, *t, *e)),
            _ if t.is_optional() || e.is_optional() => self.select_optional(c, t, e),
            (Sym::Bits(f, t), Sym::Bits(g, e)) if f == g => {
                let bits = t.iter().zip(e.iter()).map(|(t, e)| self.dag.select(c, *t, *e)).collect();
                Sym::Bits(f.clone(), Arc::new(bits))
            }
            (Sym::Bits(..) | Sym::Slots(_), _) => {
                let (t, e) = (self.candidates(t), self.candidates(e));
                self.select_slots(c, &t, &e)
            }
            (Sym::Map(keys, t), Sym::Map(_, e)) => Sym::Map(keys.clone(), self.select_all(c, t, e)),
            (Sym::Record(t), Sym::Record(e)) => Sym::Record(self.select_all(c, t, e)),
            (Sym::Seq(n, t), Sym::Seq(m, e)) => {
                let length = self.dag.select(c, *n, *m);
                let longest = t.len().max(e.len());
                let items = (0..longest).map(|i| self.select_known(c, t.get(i), e.get(i))).collect();
                Sym::Seq(length, Arc::new(items))
            }
            (Sym::Union(a, t), Sym::Union(b, e)) => {
                let tag = self.dag.select(c, *a, *b);
                let variants = t.iter().zip(e.iter()).map(|(t, e)| self.select_fields(c, t, e)).collect();
                Sym::Union(tag, Arc::new(variants))
            }
            _ => t.clone(),
        }
    }

    fn select_all(&mut self, c: N, t: &[Sym], e: &[Sym]) -> Arc<Vec<Sym>> {
        Arc::new(t.iter().zip(e).map(|(t, e)| self.select(c, t, e)).collect())
    }

    fn select_fields(&mut self, c: N, t: &Option<Vec<Sym>>, e: &Option<Vec<Sym>>) -> Option<Vec<Sym>> {
        match (t, e) {
            (Some(t), Some(e)) => Some(t.iter().zip(e).map(|(t, e)| self.select(c, t, e)).collect()),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        }
    }

    /// A choice of which a side is undefined when it does not exist.
    fn select_known(&mut self, c: N, t: Option<&Sym>, e: Option<&Sym>) -> Sym {
        match (t, e) {
            (Some(t), Some(e)) => self.select(c, t, e),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => Sym::Scalar(self.dag.null()),
        }
    }

    fn select_optional(&mut self, c: N, t: &Sym, e: &Sym) -> Sym {
        let ((p, x), (q, y)) = (t.as_optional(&mut self.dag), e.as_optional(&mut self.dag));
        let present = self.dag.select(c, p, q);
        let inner = (x.is_some() || y.is_some()).then(|| Arc::new(self.select_known(c, x, y)));
        Sym::Opt(present, inner)
    }

    fn select_slots(&mut self, c: N, t: &[Candidate], e: &[Candidate]) -> Sym {
        let no = self.dag.bool(false);
        let slots = (0..t.len().max(e.len())).map(|i| {
            let (t, e) = (t.get(i), e.get(i));
            let present = self.dag.select(c, t.map_or(no, |t| t.0), e.map_or(no, |e| e.0));
            (present, self.select_known(c, t.map(|t| &t.1), e.map(|e| &e.1)))
        });
        Sym::Slots(Arc::new(slots.collect()))
    }

    /// The candidates of a set, in order.
    pub fn candidates(&mut self, set: &Sym) -> Vec<Candidate> {
        match set {
            Sym::Bits(elements, bits) => {
                let no = self.dag.bool(false);
                let pairs = elements.values.iter().zip(bits.iter()).filter(|(_, bit)| **bit != no);
                pairs.map(|(v, bit)| (*bit, self.literal(v, &elements.ty))).collect()
            }
            Sym::Slots(slots) => slots.to_vec(),
            Sym::Opt(_, Some(inner)) => self.candidates(&inner.clone()),
            _ => Vec::new(),
        }
    }

    /// A set from candidates that may be equal. Integers can lie outside the element type until they are
    /// stored: such a set has no bits.
    pub fn set_of(&mut self, candidates: Vec<Candidate>, element: &Type) -> Sym {
        let elements = self.elements(element);
        match elements.filter(|_| candidates.iter().all(|(_, value)| self.is_within(value, element))) {
            Some(elements) => self.bits_of(&candidates, &elements),
            None => {
                let mut slots: Vec<Candidate> = Vec::new();
                for (present, value) in candidates {
                    let known = self.member(&value, &slots);
                    let fresh = self.dag.not(known);
                    let present = self.dag.and(present, fresh);
                    if self.dag.constant(present) != Some(0) {
                        slots.push((present, value));
                    }
                }
                Sym::Slots(Arc::new(slots))
            }
        }
    }

    /// Whether every integer in a value certainly lies within the ranges of a type.
    fn is_within(&self, value: &Sym, ty: &Type) -> bool {
        let program = self.program;
        if !program.holds(ty, &|t| matches!(t, Type::Int(_))) {
            return true;
        }
        match (value, ty.unwrap_optional()) {
            (Sym::Scalar(n), Type::Int(int)) => {
                let null = ty.is_optional() && self.dag.constant(*n) == Some(NULL);
                null || (int.lo <= self.dag.lo(*n) && self.dag.hi(*n) <= int.hi)
            }
            (Sym::Opt(_, inner), ty) => inner.as_ref().is_none_or(|v| self.is_within(v, ty)),
            (Sym::Bits(elements, _), Type::Set(element, _)) => elements.ty == **element,
            (Sym::Slots(slots), Type::Set(element, _)) => {
                slots.iter().all(|(_, v)| self.is_within(v, element))
            }
            (Sym::Map(_, values), Type::Map(_, element)) | (Sym::Seq(_, values), Type::Seq(element, _)) => {
                values.iter().all(|v| self.is_within(v, element))
            }
            (Sym::Record(fields), Type::Record(id)) => {
                fields.iter().zip(&program.records[*id].fields).all(|(v, f)| self.is_within(v, &f.ty))
            }
            (Sym::Union(_, variants), Type::Union(id)) => {
                let mut fields = variants
                    .iter()
                    .zip(&program.unions[*id].variants)
                    .flat_map(|(values, v)| values.iter().flatten().zip(&v.fields));
                fields.all(|(v, f)| self.is_within(v, &f.ty))
            }
            _ => false,
        }
    }

    /// A bit per element: whether a candidate is present and equal to it.
    pub fn bits_of(&mut self, candidates: &[Candidate], elements: &Arc<Elements>) -> Sym {
        let mut bits = vec![self.dag.bool(false); elements.values.len()];
        for (present, value) in candidates {
            if let Some(position) = self.constant(value, &elements.ty).and_then(|v| elements.position(&v)) {
                bits[position] = self.dag.or(bits[position], *present);
                continue;
            }
            for (bit, element) in bits.iter_mut().zip(&elements.values) {
                let element = self.literal(element, &elements.ty);
                let same = self.eq(value, &element);
                let is = self.dag.and(*present, same);
                *bit = self.dag.or(*bit, is);
            }
        }
        Sym::Bits(elements.clone(), Arc::new(bits))
    }

    /// Whether a value is among candidates.
    pub fn member(&mut self, value: &Sym, candidates: &[Candidate]) -> N {
        let start = self.dag.bool(false);
        candidates.iter().fold(start, |any, (present, candidate)| {
            let same = self.eq(value, candidate);
            let is = self.dag.and(*present, same);
            self.dag.or(any, is)
        })
    }

    fn subset(&mut self, a: &[Candidate], b: &[Candidate]) -> N {
        let start = self.dag.bool(true);
        a.iter().fold(start, |all, (present, value)| {
            let inside = self.member(value, b);
            let fine = self.dag.implies(*present, inside);
            self.dag.and(all, fine)
        })
    }

    /// Whether a value comes before another in the order of [`Value`]; sets of candidates are not ordered.
    pub fn less(&mut self, a: &Sym, b: &Sym) -> N {
        match (a, b) {
            (Sym::Scalar(a), Sym::Scalar(b)) => self.dag.lt(*a, *b),
            _ if a.is_optional() || b.is_optional() => self.less_optional(a, b),
            (Sym::Bits(_, a), Sym::Bits(_, b)) => self.less_bits(a, b),
            (Sym::Map(_, a), Sym::Map(_, b)) | (Sym::Record(a), Sym::Record(b)) => self.less_all(a, b),
            (Sym::Seq(n, a), Sym::Seq(m, b)) => self.less_seq((*n, a), (*m, b)),
            (Sym::Union(t, a), Sym::Union(u, b)) => {
                let mut result = self.dag.lt(*t, *u);
                for (tag, fields) in a.iter().zip(b.iter()).enumerate() {
                    if let (Some(a), Some(b)) = fields {
                        let tag = self.dag.int(tag as i64);
                        let (x, y, less) = (self.dag.eq(*t, tag), self.dag.eq(*u, tag), self.less_all(a, b));
                        let less = self.dag.all([x, y, less]);
                        result = self.dag.or(result, less);
                    }
                }
                result
            }
            _ => self.dag.bool(false),
        }
    }

    fn less_optional(&mut self, a: &Sym, b: &Sym) -> N {
        let ((p, x), (q, y)) = (a.as_optional(&mut self.dag), b.as_optional(&mut self.dag));
        let absent = self.dag.not(p);
        let sooner = self.dag.and(absent, q);
        let (Some(x), Some(y)) = (x, y) else { return sooner };
        let less = self.less(x, y);
        let both = self.dag.all([p, q, less]);
        self.dag.or(sooner, both)
    }

    fn less_all(&mut self, a: &[Sym], b: &[Sym]) -> N {
        let start = self.dag.bool(false);
        a.iter().zip(b).rev().fold(start, |rest, (a, b)| {
            let (less, same) = (self.less(a, b), self.eq(a, b));
            let later = self.dag.and(same, rest);
            self.dag.or(less, later)
        })
    }

    fn less_seq(&mut self, (n, a): (N, &[Sym]), (m, b): (N, &[Sym])) -> N {
        let mut rest = self.dag.lt(n, m);
        for (i, (a, b)) in a.iter().zip(b).enumerate().rev() {
            let i = self.dag.int(i as i64);
            let (x, y) = (self.dag.lt(i, n), self.dag.lt(i, m));
            let both = self.dag.and(x, y);
            let (less, same) = (self.less(a, b), self.eq(a, b));
            let later = self.dag.and(same, rest);
            let here = self.dag.or(less, later);
            rest = self.dag.select(both, here, rest);
        }
        rest
    }

    /// Sets are ordered as the sorted lists of their elements.
    fn less_bits(&mut self, a: &[N], b: &[N]) -> N {
        let no = self.dag.bool(false);
        let (mut less, mut more_a, mut more_b) = (no, no, no);
        for (x, y) in a.iter().zip(b).rev() {
            let same = self.dag.eq(*x, *y);
            let b_ends = self.dag.not(more_a);
            let differ = self.dag.select(*x, more_b, b_ends);
            less = self.dag.select(same, less, differ);
            (more_a, more_b) = (self.dag.or(more_a, *x), self.dag.or(more_b, *y));
        }
        less
    }

    /// The candidates of a set in the order of their values, as far as they are present.
    pub fn in_order(&mut self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let mut ranks = Vec::new();
        for (i, (_, value)) in candidates.iter().enumerate() {
            let others = candidates.iter().enumerate().filter(|(j, _)| *j != i);
            let mut before = Vec::new();
            for (_, (is, other)) in others {
                let less = self.less(other, value);
                before.push(self.dag.and(*is, less));
            }
            ranks.push(self.count(before));
        }
        (0..candidates.len()).map(|k| self.ranked(&candidates, &ranks, k)).collect()
    }

    /// The present candidate with so many present ones before it.
    fn ranked(&mut self, candidates: &[Candidate], ranks: &[N], k: usize) -> Candidate {
        let k = self.dag.int(k as i64);
        let mut found = self.dag.bool(false);
        let mut choices = Vec::new();
        for ((is, value), rank) in candidates.iter().zip(ranks) {
            let here = self.dag.eq(*rank, k);
            let here = self.dag.and(here, *is);
            found = self.dag.or(found, here);
            choices.push((here, value.clone()));
        }
        let last = choices.pop().map_or_else(|| Sym::Scalar(self.dag.null()), |(_, value)| value);
        (found, self.pick_by(choices, last))
    }

    /// The number of present ones.
    pub fn count(&mut self, presences: impl IntoIterator<Item = N>) -> N {
        let zero = self.dag.int(0);
        presences.into_iter().fold(zero, |sum, present| self.dag.add(sum, present))
    }

    /// Whether a value is in a set.
    pub fn is_in(&mut self, value: &Sym, set: &Sym) -> N {
        if let Sym::Bits(elements, bits) = set
            && let Some(position) = self.constant(value, &elements.ty).and_then(|v| elements.position(&v))
        {
            return bits[position];
        }
        let candidates = self.candidates(set);
        self.member(value, &candidates)
    }

    /// The value among `choices` at a position that is only known at run time; `otherwise` if none.
    pub fn pick_by(&mut self, choices: impl IntoIterator<Item = (N, Sym)>, otherwise: Sym) -> Sym {
        let list: Vec<(N, Sym)> = choices.into_iter().collect();
        list.into_iter().rev().fold(otherwise, |rest, (is, value)| self.select(is, &value, &rest))
    }
}

/// The value of a type, if every node is a constant.
fn constant(program: &Program, dag: &Dag, sym: &Sym, ty: &Type) -> Option<Value> {
    value_of(program, sym, ty, &|n| dag.constant(n))
}

/// The value of a type whose nodes have these numbers.
pub fn value_of(program: &Program, sym: &Sym, ty: &Type, number: &dyn Fn(N) -> Option<i64>) -> Option<Value> {
    let list = |syms: &[Sym], types: &mut dyn Iterator<Item = &Type>| -> Option<Vec<Value>> {
        syms.iter().zip(types).map(|(s, t)| value_of(program, s, t, number)).collect()
    };
    let ty = ty.unwrap_optional();
    Some(match (sym, ty) {
        (Sym::Scalar(n), ty) => scalar_value(ty, number(*n)?),
        (Sym::Opt(present, inner), ty) => match (number(*present)?, inner) {
            (0, _) | (_, None) => Value::Null,
            (_, Some(inner)) => value_of(program, inner, ty, number)?,
        },
        (Sym::Bits(elements, bits), _) => {
            let mut set = std::collections::BTreeSet::new();
            for (value, bit) in elements.values.iter().zip(bits.iter()) {
                if number(*bit)? != 0 {
                    set.insert(value.clone());
                }
            }
            Value::Set(set)
        }
        (Sym::Slots(slots), Type::Set(element, _)) => {
            let mut set = std::collections::BTreeSet::new();
            for (present, value) in slots.iter() {
                if number(*present)? != 0 {
                    set.insert(value_of(program, value, element, number)?);
                }
            }
            Value::Set(set)
        }
        (Sym::Map(keys, values), Type::Map(_, element)) => {
            let values = list(values, &mut std::iter::repeat(&**element))?;
            Value::Map(keys.values.iter().cloned().zip(values).collect())
        }
        (Sym::Seq(length, items), Type::Seq(element, _)) => {
            let length = usize::try_from(number(*length)?).ok()?.min(items.len());
            Value::Seq(list(&items[..length], &mut std::iter::repeat(&**element))?)
        }
        (Sym::Record(fields), Type::Record(id)) => {
            Value::Record(list(fields, &mut program.records[*id].fields.iter().map(|f| &f.ty))?)
        }
        (Sym::Union(tag, variants), Type::Union(id)) => {
            let tag = usize::try_from(number(*tag)?).ok()?;
            let fields = variants.get(tag)?.as_ref()?;
            Value::Variant(
                tag as u32,
                list(fields, &mut program.unions[*id].variants[tag].fields.iter().map(|f| &f.ty))?,
            )
        }
        _ => return None,
    })
}
