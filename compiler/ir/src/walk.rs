//! Walking over expressions and effects: what they consist of, and which there are in a program.

use crate::program::{
    Binder, Domain, Expr, ExprKind, Init, IntType, Place, Program, Property, PropertyKind, ProtocolId,
    RangePolicy, Step, Stmt, StmtKind, Type,
};

impl Expr {
    /// The expressions that this one is directly made of, binders included, in order of writing.
    #[must_use]
    pub fn children(&self) -> Vec<&Expr> {
        use ExprKind as K;
        match &self.kind {
            K::Literal(_)
            | K::Instant(_)
            | K::Slot(_)
            | K::SelfId
            | K::Subject(_)
            | K::Role(_)
            | K::RunVar(_)
            | K::ParentRun
            | K::TypeSet(_) => Vec::new(),
            K::Var(_, list)
            | K::And(list)
            | K::Or(list)
            | K::SetLit(list)
            | K::SeqLit(list)
            | K::RecordLit(_, list)
            | K::VariantLit(_, _, list) => list.iter().collect(),
            K::Old(a)
            | K::Not(a)
            | K::Size(a)
            | K::MapAll(a)
            | K::Tail(a)
            | K::Field(a, _)
            | K::IsVariant(a, _)
            | K::VariantField(a, _, _)
            | K::Crashed(_, a)
            | K::RunAt(_, a, _)
            | K::RunUnfinished(_, a)
            | K::RunSubject(_, a, _)
            | K::RunRole(_, a, _)
            | K::RunVarOf(_, a, _)
            | K::Neighbour(_, _, a) => vec![a],
            K::Compare(_, a, b)
            | K::Arith(_, a, b)
            | K::In(a, b)
            | K::SetOp(_, a, b)
            | K::MapGet(a, b)
            | K::Concat(a, b)
            | K::SeqGet(a, b)
            | K::Let(_, a, b)
            | K::Connected(a, _, b, _) => vec![a, b],
            K::If(a, b, c) | K::MapSet(a, b, c) => vec![a, b, c],
            K::Count(binder) => binder.exprs(),
            K::SetOf(e, binder) | K::All(binder, e) | K::Any(binder, e) | K::Extreme(_, e, binder) => {
                let mut list = binder.exprs();
                list.push(e);
                list
            }
        }
    }

    /// The binder of a quantifier or comprehension.
    #[must_use]
    pub fn binder(&self) -> Option<&Binder> {
        use ExprKind as K;
        match &self.kind {
            K::SetOf(_, binder)
            | K::All(binder, _)
            | K::Any(binder, _)
            | K::Count(binder)
            | K::Extreme(_, _, binder) => Some(binder),
            _ => None,
        }
    }

    /// Calls `f` on this expression and on every one in it, outermost first.
    pub fn visit<'e>(&'e self, f: &mut dyn FnMut(&'e Expr)) {
        f(self);
        for child in self.children() {
            child.visit(f);
        }
    }
}

impl Expr {
    /// The operands of the conjunction that a condition is; itself, if it is none.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::And(parts) => parts.iter().flat_map(Expr::conjuncts).collect(),
            _ => vec![self],
        }
    }
}

impl Binder {
    /// The expressions of its domain and filter.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        let domain = match &self.domain {
            Domain::Set(set) => Some(&**set),
            Domain::Type(_) | Domain::Range(..) | Domain::Runs(_) => None,
        };
        domain.into_iter().chain(self.filter.as_deref()).collect()
    }
}

/// What a binder's variable has as its type; a range or the runs of a protocol have none that is
/// written anywhere, and hold neither instants nor ordinals.
#[must_use]
pub fn element_type(domain: &Domain) -> &Type {
    match domain {
        Domain::Type(ty) => ty,
        Domain::Set(set) => match set.ty.unwrap_optional() {
            Type::Set(element, _) => element,
            other => other,
        },
        Domain::Range(..) | Domain::Runs(_) => &Type::Unknown,
    }
}

/// The type of what a `pick` picks.
#[must_use]
pub fn picked_type(domain: &Domain) -> Type {
    match domain {
        Domain::Range(lo, hi) => Type::Int(IntType { lo: *lo, hi: *hi, policy: RangePolicy::Report }),
        other => element_type(other).clone(),
    }
}

impl Stmt {
    /// The expressions of this statement alone, not those of the statements in it.
    #[must_use]
    pub fn exprs(&self) -> Vec<&Expr> {
        match &self.kind {
            StmtKind::Assign(place, value) => place.keys().iter().chain([value]).collect(),
            StmtKind::Advance(place, _) => place.keys().iter().collect(),
            StmtKind::If(condition, _, _) => vec![condition],
            StmtKind::For(binder, _) | StmtKind::Pick(binder) => binder.exprs(),
            StmtKind::Let(_, value) => vec![value],
        }
    }

    /// The blocks in it.
    #[must_use]
    pub fn blocks(&self) -> Vec<&[Stmt]> {
        match &self.kind {
            StmtKind::If(_, then, otherwise) => vec![then, otherwise],
            StmtKind::For(_, body) => vec![body],
            _ => Vec::new(),
        }
    }

    /// Calls `f` on this statement and on every one in it, in order.
    pub fn visit<'s>(&'s self, f: &mut dyn FnMut(&'s Stmt)) {
        f(self);
        for stmt in self.blocks().into_iter().flatten() {
            stmt.visit(f);
        }
    }
}

impl Place {
    /// The keys of the element that is assigned.
    #[must_use]
    pub fn keys(&self) -> &[Expr] {
        match self {
            Place::Var(_, keys, _) => keys,
            Place::RunVar(..) => &[],
        }
    }

    /// The type of what is assigned.
    #[must_use]
    pub fn ty(&self) -> &Type {
        match self {
            Place::Var(_, _, ty) | Place::RunVar(_, ty) => ty,
        }
    }
}

impl Step {
    /// Its effect and the one of its reject, one after the other.
    pub fn effects(&self) -> impl Iterator<Item = &Stmt> {
        self.effect.iter().chain(self.reject.iter().flat_map(|r| &r.effect))
    }
}

impl Property {
    /// The expressions that it is made of, each with the protocol whose names it may read.
    #[must_use]
    pub fn exprs(&self) -> Vec<(Option<ProtocolId>, &Expr)> {
        let mut list: Vec<_> = self.binders.iter().flat_map(|b| b.exprs()).map(|e| (None, e)).collect();
        match &self.kind {
            PropertyKind::Step { at, .. } => list.extend(at.iter().map(|c| (Some(c.protocol), &c.claim))),
            PropertyKind::LeadsTo(a, b) => list.extend([(None, a), (None, b)]),
            PropertyKind::Always(e)
            | PropertyKind::Monotonic(e)
            | PropertyKind::Reachable(e)
            | PropertyKind::AlwaysPossible(e)
            | PropertyKind::Eventually(e)
            | PropertyKind::AlwaysEventually(e) => list.push((None, e)),
        }
        list
    }
}

impl Program {
    /// Every outermost expression of the program with the protocol whose names it may read.
    #[must_use]
    pub fn all_exprs(&self) -> Vec<(Option<ProtocolId>, &Expr)> {
        let inits = self.vars.iter().filter_map(|v| match &v.init {
            Init::Value { value, .. } => Some((None, value)),
            Init::Any => None,
        });
        let mut list: Vec<_> = inits.collect();
        for id in self.protocols.indices() {
            list.extend(self.protocol_exprs(id).into_iter().map(|e| (Some(id), e)));
        }
        list.extend(self.properties.iter().flat_map(Property::exprs));
        list
    }

    /// Every outermost expression of a protocol.
    #[must_use]
    pub fn protocol_exprs(&self, id: ProtocolId) -> Vec<&Expr> {
        let protocol = &self.protocols[id];
        let mut list: Vec<&Expr> = protocol.begin.iter().map(|(_, e)| e).collect();
        for step in &protocol.steps {
            list.push(&step.guard);
            list.extend(step.atoms.iter().map(|a| &a.expr));
            list.extend(step.lets.iter().map(|(_, e)| e));
            for stmt in step.effects() {
                stmt.visit(&mut |s| list.extend(s.exprs()));
            }
            list.extend(step.reject.iter().flat_map(|r| &r.outcome.then).flat_map(|h| &h.subjects));
        }
        list.extend(protocol.chains.iter().flat_map(|c| &c.outcome.then).flat_map(|h| &h.subjects));
        list
    }

    /// Whether a value of this type can hold a value of a type for which `leaf` is true.
    pub fn holds(&self, ty: &Type, leaf: &dyn Fn(&Type) -> bool) -> bool {
        leaf(ty)
            || match ty {
                Type::Optional(inner) | Type::Set(inner, _) | Type::Seq(inner, _) => self.holds(inner, leaf),
                Type::Map(key, value) => self.holds(key, leaf) || self.holds(value, leaf),
                Type::Record(id) => self.records[*id].fields.iter().any(|f| self.holds(&f.ty, leaf)),
                Type::Union(id) => {
                    self.unions[*id].variants.iter().flat_map(|v| &v.fields).any(|f| self.holds(&f.ty, leaf))
                }
                _ => false,
            }
    }

    /// Whether a value of this type can hold instants.
    #[must_use]
    pub fn holds_time(&self, ty: &Type) -> bool {
        self.holds(ty, &|t| matches!(t, Type::Time))
    }

    /// Whether a value of this type can hold ordinals.
    #[must_use]
    pub fn holds_ordinal(&self, ty: &Type) -> bool {
        self.holds(ty, &|t| matches!(t, Type::Ordinal(_)))
    }
}
