//! Types, as the generator knows them.

/// A type.
#[derive(Clone, PartialEq, Debug)]
pub enum Ty {
    Bool,
    Tri,
    /// A range with its policy (as written, perhaps empty).
    Int(i64, i64, &'static str),
    Enum(usize),
    Id(usize),
    Ordinal(usize),
    Time,
    Opt(Box<Ty>),
    Set(Box<Ty>, Option<u32>),
    Map(Box<Ty>, Box<Ty>),
    Seq(Box<Ty>, u32),
    Record(usize),
    Union(usize),
    Run(usize),
}

/// An integer of any size.
pub const INT: Ty = Ty::Int(i64::MIN, i64::MAX, "");

impl Ty {
    /// Whether a value of another type can be used as one of this.
    pub fn accepts(&self, other: &Ty) -> bool {
        match (self, other) {
            (Ty::Int(..), Ty::Int(..)) => true,
            (Ty::Opt(a), Ty::Opt(b)) => a.accepts(b),
            (Ty::Opt(a), b) => a.accepts(b),
            (Ty::Set(a, _), Ty::Set(b, _)) | (Ty::Seq(a, _), Ty::Seq(b, _)) => a.accepts(b),
            (Ty::Map(k, v), Ty::Map(l, w)) => k == l && v.accepts(w),
            (a, b) => a == b,
        }
    }

    pub fn is_opt(&self) -> bool {
        matches!(self, Ty::Opt(_))
    }

    /// Whether values are ordered.
    pub fn is_ordered(&self) -> bool {
        match self {
            Ty::Int(..) | Ty::Enum(_) | Ty::Ordinal(_) => true,
            Ty::Opt(inner) => inner.is_ordered(),
            _ => false,
        }
    }
}

/// `T?`
pub fn opt(ty: Ty) -> Ty {
    Ty::Opt(Box::new(ty))
}

/// `set of T max n`
pub fn set(ty: Ty, max: Option<u32>) -> Ty {
    Ty::Set(Box::new(ty), max)
}
