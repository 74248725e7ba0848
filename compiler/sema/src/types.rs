//! Types as written, to types; and when a value of one can stand for another.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, types as type_errors};
use crate::tables::NamedType;
use arch_base::Span;
use arch_grammar::ast::{self, TypeKind};
use arch_ir::{Enum, EnumId, IntType, Program, RangePolicy, Type};

/// The type of integer expressions: only what is stored is bounded.
pub const INT: Type = Type::Int(IntType { lo: i64::MIN, hi: i64::MAX, policy: RangePolicy::Report });

/// The most values a stored integer's range may have.
const MAX_RANGE: i64 = 1 << 32;
/// The most elements a set or sequence may be declared to have.
const MAX_SIZE: i64 = 64;
/// The most parts that a variable may have: entries of its table, times what each holds.
const MAX_PARTS: u64 = 1 << 14;

impl Analyzer<'_> {
    /// The type that is written; [`Type::Unknown`] after a report. `owner` names an inline enum.
    pub fn resolve_type(&mut self, ty: &ast::Type, owner: &str) -> Type {
        match &ty.kind {
            TypeKind::Named(name) => self.named_type(name),
            TypeKind::Range(lo, hi, policy) => self.range_type(ty.span, lo, hi, *policy),
            TypeKind::Enum(constants) => Type::Enum(self.declare_enum(owner, constants, ty.span)),
            TypeKind::Optional(inner) => match self.resolve_type(inner, owner) {
                Type::Unknown => Type::Unknown,
                already @ Type::Optional(_) => already,
                inner => Type::Optional(Box::new(inner)),
            },
            TypeKind::Set(element, max) => self.set_type(ty.span, element, max.as_deref(), owner),
            TypeKind::Map(key, value) => {
                let key_type = self.enumerable_type(key, owner, "the key of a map");
                Type::Map(Box::new(key_type), Box::new(self.resolve_type(value, owner)))
            }
            TypeKind::Seq(element, max) => {
                let element = self.resolve_type(element, owner);
                let max = self.const_count(max, 0, MAX_SIZE, "the length of a sequence").unwrap_or(1);
                Type::Seq(Box::new(element), max)
            }
        }
    }

    fn named_type(&mut self, name: &ast::Ident) -> Type {
        match name.name.as_str() {
            "bool" => return Type::Bool,
            "time" => return Type::Time,
            "tri" => return Type::Enum(self.tri()),
            _ => {}
        }
        if let Some(entry) = self.tables.types.get(&name.name) {
            return entry.kind.ty();
        }
        let error = names::unknown_type(name, &self.tables);
        self.report(error);
        Type::Unknown
    }

    /// The enum behind `tri`, made when it is first needed.
    pub fn tri(&mut self) -> EnumId {
        let existing = self.program.enums.iter_enumerated().find(|(_, e)| e.name == "tri");
        if let Some((id, _)) = existing {
            return id;
        }
        let constants = ["false", "true", "unknown"].map(str::to_owned).to_vec();
        self.program.enums.push(Enum { name: "tri".into(), constants, span: Span::default() })
    }

    fn range_type(
        &mut self,
        span: Span,
        lo: &ast::Expr,
        hi: &ast::Expr,
        policy: Option<ast::RangePolicy>,
    ) -> Type {
        let (Some(lo), Some(hi)) = (self.const_int(lo), self.const_int(hi)) else { return Type::Unknown };
        if lo > hi || hi.checked_sub(lo).is_none_or(|n| n >= MAX_RANGE) {
            self.report(type_errors::empty_range(span, lo, hi));
            return Type::Unknown;
        }
        let policy = match policy {
            None => RangePolicy::Report,
            Some(ast::RangePolicy::Clamp) => RangePolicy::Clamp,
            Some(ast::RangePolicy::Wrap) => RangePolicy::Wrap,
            Some(ast::RangePolicy::Cut) => RangePolicy::Cut,
        };
        Type::Int(IntType { lo, hi, policy })
    }

    fn set_type(&mut self, span: Span, element: &ast::Type, max: Option<&ast::Expr>, owner: &str) -> Type {
        let element_type = self.resolve_type(element, owner);
        let max = max.and_then(|m| self.const_count(m, 0, MAX_SIZE, "the size of a set"));
        let unknown = element_type == Type::Unknown;
        if max.is_none() && !unknown && self.program.cardinality(&element_type).is_none() {
            let shown = self.show_type(&element_type);
            self.report(type_errors::set_needs_max(span, &shown));
        }
        Type::Set(Box::new(element_type), max)
    }

    /// Whether sets and maps inside a type have the lists of values that they need; reports those that do not.
    pub fn check_collection(&mut self, written: &ast::Type, ty: &Type) -> bool {
        let listed = |ty: &Type| *ty == Type::Unknown || self.program.cardinality(ty).is_some();
        match (&written.kind, ty) {
            (TypeKind::Set(_, None), Type::Set(inner, _)) if !listed(inner) => {
                let shown = self.show_type(inner);
                self.report(type_errors::set_needs_max(written.span, &shown));
                false
            }
            (TypeKind::Map(key, _), Type::Map(k, _)) if !listed(k) => {
                let shown = self.show_type(k);
                self.report(type_errors::not_enumerable(key.span, "the key of a map", &shown));
                false
            }
            (TypeKind::Set(w, _), Type::Set(t, _))
            | (TypeKind::Map(_, w), Type::Map(_, t))
            | (TypeKind::Optional(w), Type::Optional(t))
            | (TypeKind::Seq(w, _), Type::Seq(t, _)) => self.check_collection(w, t),
            _ => true,
        }
    }

    /// A type that must be enumerable; [`Type::Unknown`] after a report.
    pub fn enumerable_type(&mut self, ty: &ast::Type, owner: &str, what: &str) -> Type {
        let resolved = self.resolve_type(ty, owner);
        if resolved != Type::Unknown && self.program.cardinality(&resolved).is_none() {
            let shown = self.show_type(&resolved);
            self.report(type_errors::not_enumerable(ty.span, what, &shown));
            return Type::Unknown;
        }
        resolved
    }

    /// Adds an enum to the program and its constants to the tables.
    pub fn declare_enum(&mut self, name: &str, constants: &[ast::Ident], span: Span) -> EnumId {
        if constants.is_empty() {
            self.report(type_errors::no_values(span, name));
        }
        let mut seen: Vec<&ast::Ident> = Vec::new();
        for constant in constants {
            if let Some(earlier) = seen.iter().find(|s| s.name == constant.name) {
                self.report(names::duplicate(constant, "constant", earlier.span));
            }
            seen.push(constant);
        }
        let id = self.program.enums.push(Enum {
            name: name.to_owned(),
            constants: constants.iter().map(|c| c.name.clone()).collect(),
            span,
        });
        for (i, constant) in constants.iter().enumerate() {
            self.tables.constants.entry(constant.name.clone()).or_default().push((id, i as u32));
        }
        id
    }

    /// The type, or [`Type::Unknown`] after a report when a table of its values, one for each of the keys,
    /// has too many parts.
    pub fn small_enough(&mut self, ty: Type, keys: &[Type], what: &str, span: Span) -> Type {
        let parts = keys.iter().fold(weight(&self.program, &ty), |n, key| {
            n.saturating_mul(self.program.cardinality(key).unwrap_or(1))
        });
        if parts <= MAX_PARTS {
            return ty;
        }
        self.report(type_errors::too_large(span, what, parts, MAX_PARTS));
        Type::Unknown
    }

    /// A type as a reader would write it.
    pub fn show_type(&self, ty: &Type) -> String {
        show_type(&self.program, ty)
    }

    /// The type of a declared name.
    pub fn type_named(&self, name: &str) -> Option<NamedType> {
        self.tables.types.get(name).map(|t| t.kind)
    }
}

/// A type as a reader would write it.
pub fn show_type(program: &Program, ty: &Type) -> String {
    let show = |ty: &Type| show_type(program, ty);
    match ty {
        Type::Bool => "bool".into(),
        Type::Int(int) if *int == int_type() => "an integer".into(),
        Type::Int(int) => format!("{}..{}", int.lo, int.hi),
        Type::Enum(id) => program.enums[*id].name.clone(),
        Type::Id(id) => program.sorts[*id].name.clone(),
        Type::Optional(inner) => format!("{}?", show(inner)),
        Type::Ordinal(id) => program.ordinals[*id].name.clone(),
        Type::Time => "time".into(),
        Type::Run(id) => format!("run of {}", program.protocols[*id].name),
        Type::Set(element, _) if **element == Type::Unknown => "the empty set".into(),
        Type::Set(element, _) => format!("set of {}", show(element)),
        Type::Map(key, value) => format!("map {} -> {}", show(key), show(value)),
        Type::Seq(element, max) => format!("seq of {} max {max}", show(element)),
        Type::Record(id) => program.records[*id].name.clone(),
        Type::Union(id) => program.unions[*id].name.clone(),
        Type::Null => "null".into(),
        Type::Unknown => "unknown".into(),
    }
}

/// The number of parts that a value of a type can have at most.
fn weight(program: &Program, ty: &Type) -> u64 {
    let many = |ty: &Type| program.cardinality(ty).unwrap_or(u64::MAX);
    match ty {
        Type::Optional(inner) => weight(program, inner),
        Type::Map(key, value) => many(key).saturating_mul(weight(program, value)),
        Type::Seq(element, max) => u64::from(*max).saturating_mul(weight(program, element)),
        Type::Set(element, None) => program.cardinality(element).unwrap_or(1),
        Type::Set(element, Some(max)) => {
            many(element).min(u64::from(*max)).saturating_mul(weight(program, element))
        }
        Type::Record(id) => {
            program.records[*id].fields.iter().map(|f| weight(program, &f.ty)).fold(0, u64::saturating_add)
        }
        Type::Union(id) => {
            let variants = program.unions[*id].variants.iter();
            let weights = variants
                .map(|v| v.fields.iter().map(|f| weight(program, &f.ty)).fold(1, u64::saturating_add));
            weights.max().unwrap_or(1)
        }
        _ => 1,
    }
    .max(1)
}

/// Whether [`show_type`] shows a type as it could be declared.
pub fn is_writable(program: &Program, ty: &Type) -> bool {
    let is_writable = |ty: &Type| is_writable(program, ty);
    match ty {
        Type::Enum(id) => !program.enums[*id].name.contains('.'),
        Type::Unknown | Type::Null | Type::Run(_) => false,
        Type::Int(int) => *int != int_type(),
        Type::Optional(inner) | Type::Set(inner, _) | Type::Seq(inner, _) => is_writable(inner),
        Type::Map(key, value) => is_writable(key) && is_writable(value),
        _ => true,
    }
}

fn int_type() -> IntType {
    IntType { lo: i64::MIN, hi: i64::MAX, policy: RangePolicy::Report }
}

/// Whether a value of type `from` can be stored in, or passed as, a `to`.
pub fn accepts(to: &Type, from: &Type) -> bool {
    match (to, from) {
        (Type::Unknown, _) | (_, Type::Unknown) => true,
        (Type::Int(_), Type::Int(_)) => true,
        (Type::Optional(_), Type::Null) => true,
        (Type::Optional(a), Type::Optional(b)) => accepts(a, b),
        (Type::Optional(a), b) => accepts(a, b),
        (Type::Set(a, _), Type::Set(b, _)) | (Type::Seq(a, _), Type::Seq(b, _)) => accepts(a, b),
        (Type::Map(k, v), Type::Map(l, w)) => accepts(k, l) && accepts(v, w),
        (a, b) => a == b,
    }
}

/// Whether values of these types can be equal.
pub fn comparable(a: &Type, b: &Type) -> bool {
    accepts(a, b) || accepts(b, a) || accepts(a.unwrap_optional(), b.unwrap_optional())
}
