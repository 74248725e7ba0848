//! Collections as trees of nodes: sets, maps, sequences, records, unions; the ordinals that values hold.

use super::dag::N;
use super::expr::{Result, Scope};
use super::sym::{Builder, Sym, is_scalar};
use crate::error::CompileError;
use arch_ir::walk::element_type;
use arch_ir::{Expr, ExprKind, SetOp, Type};
use std::sync::Arc;

impl<'p> Scope<'_, 'p> {
    /// Sets, and what [`Scope::eval_structure`] does.
    pub(super) fn eval_collection(&mut self, e: &'p Expr) -> Result<Sym> {
        use ExprKind as K;
        Ok(match &e.kind {
            K::SetLit(list) => {
                let yes = self.b.dag.bool(true);
                let values = self.all(list)?.into_iter().map(|v| (yes, v)).collect();
                self.b.set_of(values, set_element(&e.ty))
            }
            K::SetOf(body, binder) => {
                let mut values = Vec::new();
                for (is, value) in self.bind(binder)? {
                    let value =
                        self.with(binder.slot, element_type(&binder.domain), value, |s| s.eval(body))?;
                    values.push((is, value));
                }
                self.b.set_of(values, set_element(&e.ty))
            }
            K::TypeSet(ty) => {
                let elements = self.elements(ty)?;
                let bits = vec![self.b.dag.bool(true); elements.values.len()];
                Sym::Bits(elements, Arc::new(bits))
            }
            K::SetOp(op, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                self.set_op(*op, &a, &b, &e.ty)
            }
            K::Size(a) => Sym::Scalar(self.size(a)?),
            _ => self.eval_structure(e)?,
        })
    }

    /// Maps, sequences, records, unions.
    fn eval_structure(&mut self, e: &'p Expr) -> Result<Sym> {
        use ExprKind as K;
        Ok(match &e.kind {
            K::MapGet(map, key) => self.map_get(map, key)?,
            K::MapSet(map, key, value) => self.map_set(map, key, value)?,
            K::MapAll(value) => {
                let value = self.eval(value)?;
                let Type::Map(key, _) = &e.ty else {
                    return Err(CompileError::at(e.span, "this is not a map"));
                };
                let keys = self.elements(key)?;
                let values = vec![value; keys.values.len()];
                Sym::Map(keys, Arc::new(values))
            }
            K::SeqLit(list) => {
                let items = self.all(list)?;
                Sym::Seq(self.b.dag.int(items.len() as i64), Arc::new(items))
            }
            K::Concat(a, b) => {
                let (a, b) = (self.items(a)?, self.items(b)?);
                self.concat(a, b)
            }
            K::SeqGet(a, i) => {
                let ((length, items), i) = (self.items(a)?, self.scalar(i)?);
                self.item(length, &items, i, &e.ty)
            }
            K::Tail(a) => {
                let (length, items) = self.items(a)?;
                let (zero, one) = (self.b.dag.int(0), self.b.dag.int(1));
                let less = self.b.dag.sub(length, one);
                Sym::Seq(self.b.dag.max(less, zero), Arc::new(items.iter().skip(1).cloned().collect()))
            }
            K::RecordLit(_, list) => Sym::Record(Arc::new(self.all(list)?)),
            K::VariantLit(union, tag, list) => {
                let mut variants = vec![None; self.b.program.unions[*union].variants.len()];
                variants[*tag as usize] = Some(self.all(list)?);
                Sym::Union(self.b.dag.int(i64::from(*tag)), Arc::new(variants))
            }
            K::Field(a, i) => match self.eval(a)?.present() {
                Some(Sym::Record(fields)) => fields[*i as usize].clone(),
                _ => self.b.default(&e.ty),
            },
            K::IsVariant(a, tag) => self.is_variant(a, *tag)?,
            K::VariantField(a, tag, i) => self.variant_field(a, *tag, *i, &e.ty)?,
            _ => return Err(CompileError::at(e.span, "this expression cannot be compiled")),
        })
    }

    fn all(&mut self, list: &'p [Expr]) -> Result<Vec<Sym>> {
        list.iter().map(|e| self.eval(e)).collect()
    }

    fn set_op(&mut self, op: SetOp, a: &Sym, b: &Sym, ty: &Type) -> Sym {
        if let (Some(Sym::Bits(e, x)), Some(Sym::Bits(f, y))) = (a.present(), b.present())
            && e == f
        {
            let bits = x.iter().zip(y.iter()).map(|(x, y)| self.bit_op(op, *x, *y)).collect();
            return Sym::Bits(e.clone(), Arc::new(bits));
        }
        let (mut x, y) = (self.b.candidates(a), self.b.candidates(b));
        if op == SetOp::Union {
            x.extend(y);
            return self.b.set_of(x, set_element(ty));
        }
        for (is, value) in &mut x {
            let member = self.b.member(value, &y);
            *is = self.bit_op(op, *is, member);
        }
        self.b.set_of(x, set_element(ty))
    }

    fn bit_op(&mut self, op: SetOp, x: N, y: N) -> N {
        match op {
            SetOp::Union => self.b.dag.or(x, y),
            SetOp::Intersection => self.b.dag.and(x, y),
            SetOp::Difference => {
                let not = self.b.dag.not(y);
                self.b.dag.and(x, not)
            }
        }
    }

    fn size(&mut self, a: &'p Expr) -> Result<N> {
        let value = self.eval(a)?;
        Ok(size(self.b, &value))
    }

    fn map_get(&mut self, map: &'p Expr, key: &'p Expr) -> Result<Sym> {
        let (value, at) = (self.eval(map)?, self.eval(key)?);
        let none = match map.ty.unwrap_optional() {
            Type::Map(_, ty) => self.b.default(ty),
            _ => self.id(None),
        };
        let Some(Sym::Map(keys, values)) = value.present() else { return Ok(none) };
        let options = self.key_options(&keys.ty, &at)?;
        Ok(self.b.pick_by(options.into_iter().map(|(i, is)| (is, values[i].clone())), none))
    }

    fn map_set(&mut self, map: &'p Expr, key: &'p Expr, value: &'p Expr) -> Result<Sym> {
        let (map, at, new) = (self.eval(map)?, self.eval(key)?, self.eval(value)?);
        let Some(Sym::Map(keys, values)) = map.present() else { return Ok(map) };
        let mut values = values.to_vec();
        for (i, is) in self.key_options(&keys.ty, &at)? {
            values[i] = self.b.select(is, &new, &values[i]);
        }
        Ok(Sym::Map(keys.clone(), Arc::new(values)))
    }

    fn items(&mut self, a: &'p Expr) -> Result<(N, Arc<Vec<Sym>>)> {
        Ok(match self.eval(a)?.present() {
            Some(Sym::Seq(length, items)) => (*length, items.clone()),
            _ => (self.b.dag.int(0), Arc::default()),
        })
    }

    fn concat(&mut self, (n, a): (N, Arc<Vec<Sym>>), (m, b): (N, Arc<Vec<Sym>>)) -> Sym {
        let length = self.b.dag.add(n, m);
        let mut items = a.to_vec();
        for (j, item) in b.iter().enumerate() {
            // Item j of the second lands at n + j, wherever n is.
            for at in j..=a.len() + j {
                let start = self.b.dag.int((at - j) as i64);
                let here = self.b.dag.eq(n, start);
                match items.get(at).cloned() {
                    Some(old) => items[at] = self.b.select(here, item, &old),
                    None => items.push(item.clone()),
                }
            }
        }
        Sym::Seq(length, Arc::new(items))
    }

    fn item(&mut self, length: N, items: &[Sym], i: N, ty: &Type) -> Sym {
        let inside = self.b.dag.lt(i, length);
        let none = if is_scalar(ty) {
            Sym::Scalar(self.b.dag.null())
        } else {
            Sym::Opt(self.b.dag.bool(false), None)
        };
        let mut choices = Vec::new();
        for (j, item) in items.iter().enumerate() {
            let j = self.b.dag.int(j as i64);
            let is = self.b.dag.eq(i, j);
            choices.push((self.b.dag.and(is, inside), item.clone()));
        }
        self.b.pick_by(choices, none)
    }

    fn is_variant(&mut self, a: &'p Expr, tag: u32) -> Result<Sym> {
        let tag = self.b.dag.int(i64::from(tag));
        let value = self.eval(a)?;
        let there = match &value {
            Sym::Opt(present, _) => *present,
            _ => self.b.dag.bool(true),
        };
        let Some(Sym::Union(which, _)) = value.present() else { return Ok(self.b.truth(false)) };
        let is = self.b.dag.eq(*which, tag);
        Ok(Sym::Scalar(self.b.dag.and(there, is)))
    }

    fn variant_field(&mut self, a: &'p Expr, tag: u32, i: u32, ty: &Type) -> Result<Sym> {
        let value = self.eval(a)?;
        let none = self.b.default(ty);
        let there = match &value {
            Sym::Opt(present, _) => *present,
            _ => self.b.dag.bool(true),
        };
        let Some(Sym::Union(which, variants)) = value.present() else { return Ok(none) };
        let Some(fields) = &variants[tag as usize] else { return Ok(none) };
        let number = self.b.dag.int(i64::from(tag));
        let is = self.b.dag.eq(*which, number);
        let is = self.b.dag.and(is, there);
        Ok(self.b.select(is, &fields[i as usize], &none))
    }

    /// Every ordinal of a kind that is in a value, for its maximum.
    pub fn ordinals(&mut self, sym: &Sym, ty: &Type, kind: arch_ir::OrdinalId, present: N, out: &mut Vec<N>) {
        let program = self.b.program;
        if !program.holds(ty, &|t| *t == Type::Ordinal(kind)) {
            return;
        }
        match (sym, ty.unwrap_optional()) {
            (Sym::Scalar(n), _) => {
                let zero = self.b.dag.int(0);
                out.push(self.b.dag.select(present, *n, zero));
            }
            (Sym::Opt(is, Some(inner)), ty) => {
                let present = self.b.dag.and(present, *is);
                self.ordinals(inner, ty, kind, present, out);
            }
            (Sym::Slots(slots), Type::Set(element, _)) => {
                for (is, value) in slots.iter() {
                    let present = self.b.dag.and(present, *is);
                    self.ordinals(value, element, kind, present, out);
                }
            }
            (Sym::Map(_, values), Type::Map(_, element)) => {
                values.iter().for_each(|v| self.ordinals(v, element, kind, present, out));
            }
            (Sym::Seq(length, items), Type::Seq(element, _)) => {
                for (i, item) in items.iter().enumerate() {
                    let i = self.b.dag.int(i as i64);
                    let inside = self.b.dag.lt(i, *length);
                    let present = self.b.dag.and(present, inside);
                    self.ordinals(item, element, kind, present, out);
                }
            }
            (Sym::Record(fields), Type::Record(id)) => {
                let types = &program.records[*id].fields;
                fields.iter().zip(types).for_each(|(s, f)| self.ordinals(s, &f.ty, kind, present, out));
            }
            (Sym::Union(tag, variants), Type::Union(id)) => {
                for (t, variant) in program.unions[*id].variants.iter().enumerate() {
                    let Some(fields) = &variants[t] else { continue };
                    let t = self.b.dag.int(t as i64);
                    let is = self.b.dag.eq(*tag, t);
                    let present = self.b.dag.and(present, is);
                    fields
                        .iter()
                        .zip(&variant.fields)
                        .for_each(|(s, f)| self.ordinals(s, &f.ty, kind, present, out));
                }
            }
            _ => {}
        }
    }
}

/// The number of elements of a collection.
pub fn size(b: &mut Builder<'_>, value: &Sym) -> N {
    match value.present() {
        Some(Sym::Bits(_, bits)) => b.count(bits.iter().copied()),
        Some(Sym::Slots(slots)) => b.count(slots.iter().map(|(is, _)| *is)),
        Some(Sym::Seq(length, _)) => *length,
        Some(Sym::Map(_, values)) => b.dag.int(values.len() as i64),
        _ => b.dag.int(0),
    }
}

/// The type of a set's elements.
pub fn set_element(ty: &Type) -> &Type {
    match ty.unwrap_optional() {
        Type::Set(element, _) => element,
        _ => &Type::Null,
    }
}
