//! Random well-typed programs: small, odd, and between them with every construct.

use arch_ir::testing::{Build, cmp, expr, int, lit, me, not, now, optional, range};
use arch_ir::{
    Actor, ArithOp, Binder, ChainId, CompareOp, Deadline, Domain, Down, EnumId, Expr, ExprKind, FaultKind,
    Field, Handover, Init, Outcome, Parent, Program, Property, PropertyKind, ProtocolId, RangePolicy, Record,
    RecordId, Reject, RoleId, RunVarId, SetOp, SortId, StepClaim, StepId, Stmt, StmtKind, Subject, Type,
    Union, UnionId, VarId, Variant, Window,
};

/// A small generator of numbers (xorshift).
pub struct Numbers(u64);

impl Numbers {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % n.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

/// What an expression can read.
#[derive(Clone, Default)]
struct Names {
    protocol: Option<ProtocolId>,
    actor: Option<SortId>,
    slots: Vec<(arch_ir::SlotId, Type)>,
    old: bool,
    /// Whether it is evaluated where nothing can be read.
    constant: bool,
}

struct Maker {
    b: Build,
    r: Numbers,
    sorts: Vec<SortId>,
    types: Vec<Type>,
}

/// Seeds to try; more with `ARCH_RANDOM=from..to`.
#[allow(dead_code, reason = "not every test file takes all of them")]
pub fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("ARCH_RANDOM").ok();
    let range = given.as_deref().and_then(|s| s.split_once(".."));
    range.and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?)).unwrap_or(0..150)
}

/// A random program.
#[allow(dead_code, reason = "not every test file takes both")]
pub fn program(seed: u64) -> Program {
    program_with(seed, 2)
}

/// The same with so many instances of two of its sorts.
pub fn program_with(seed: u64, instances: u32) -> Program {
    let mut b = Build::new(&format!("random{seed}"));
    let mut r = Numbers::new(seed);
    let sorts = vec![b.actor("a", instances), b.id("i", instances), b.actor("w", 1 + r.below(2) as u32)];
    b.program.sorts[sorts[0]].ring = true;
    b.program.sorts[sorts[2]].concurrent = r.chance(30);
    b.enumeration("E", &["X", "Y", "Z"]);
    b.ordinal("O");
    let mut m = Maker { b, r, sorts, types: Vec::new() };
    m.types();
    m.variables();
    m.protocols();
    m.faults();
    m.properties();
    m.b.program
}

impl Maker {
    fn types(&mut self) {
        let span = self.b.span();
        let field = |name: &str, ty: Type| Field { name: name.to_owned(), ty };
        let policies = [RangePolicy::Report, RangePolicy::Clamp, RangePolicy::Wrap, RangePolicy::Cut];
        let small = range(0, 2, self.r.one_of(&policies));
        let (ordinal, id) = (Type::Ordinal(arch_ir::OrdinalId(0)), Type::Id(self.sorts[1]));
        let plain = Record {
            name: "P".to_owned(),
            fields: vec![field("f", id.clone()), field("g", Type::Bool)],
            span,
        };
        let rich = Record {
            name: "R".to_owned(),
            fields: vec![field("o", ordinal.clone()), field("n", id.clone())],
            span,
        };
        self.b.program.records.push(plain);
        self.b.program.records.push(rich);
        let variants = vec![
            Variant { name: "V".to_owned(), fields: vec![field("x", ordinal.clone())] },
            Variant { name: "W".to_owned(), fields: vec![field("y", Type::Bool), field("z", small.clone())] },
        ];
        self.b.program.unions.push(Union { name: "U".to_owned(), variants, span });
        let (plain, rich) = (Type::Record(RecordId(0)), Type::Record(RecordId(1)));
        let scalars = vec![
            Type::Bool,
            small.clone(),
            Type::Enum(EnumId(0)),
            id.clone(),
            Type::Id(self.sorts[0]),
            ordinal.clone(),
        ];
        self.types.clone_from(&scalars);
        self.types.extend(scalars.into_iter().skip(1).map(optional));
        self.types.extend([
            Type::Time,
            optional(Type::Time),
            plain.clone(),
            rich.clone(),
            optional(rich.clone()),
            Type::Union(UnionId(0)),
            Type::Set(Box::new(plain), Some(2)),
            Type::Set(Box::new(id.clone()), None),
            Type::Set(Box::new(rich), Some(2)),
            Type::Set(Box::new(Type::Union(UnionId(0))), Some(2)),
            Type::Map(Box::new(id.clone()), Box::new(small.clone())),
            Type::Map(Box::new(id), Box::new(ordinal.clone())),
            Type::Seq(Box::new(small), 2),
            Type::Seq(Box::new(ordinal), 2),
        ]);
    }

    fn ty(&mut self) -> Type {
        let types = self.types.clone();
        self.r.one_of(&types)
    }

    /// A type of which no comparison would be of two stored instants.
    fn comparable(&mut self) -> Type {
        loop {
            let ty = self.ty();
            if !self.b.program.holds_time(&ty) {
                return ty;
            }
        }
    }

    fn variables(&mut self) {
        let truth = self.b.truth("T", None);
        let placed = self.b.truth("S", Some(self.sorts[2]));
        for i in 0..2 + self.r.below(4) {
            let ty = self.ty();
            let keys = if self.r.chance(30) { vec![Type::Id(self.sorts[1])] } else { Vec::new() };
            let owner = if self.r.chance(25) { placed } else { truth };
            let var = if keys.is_empty() {
                self.b.attribute(owner, &format!("v{i}"), ty)
            } else {
                self.b.keyed(owner, &format!("v{i}"), keys, ty)
            };
            self.initial(var);
        }
        if self.r.chance(40) {
            let var = self.b.keyed(placed, "s", vec![Type::Id(self.sorts[2])], Type::Bool);
            self.initial(var);
        }
        for i in 0..self.r.below(3) {
            let (ty, sort) = (self.ty(), self.sorts[2 * self.r.below(2)]);
            let var = self.b.local(sort, &format!("l{i}"), ty);
            self.initial(var);
        }
    }

    fn initial(&mut self, var: VarId) {
        let declared = self.b.program.vars[var].ty.clone();
        if self.r.chance(10) && self.b.program.cardinality(&declared).is_some_and(|n| n <= 4) {
            self.b.program.vars[var].init = Init::Any;
        } else if self.r.chance(40) {
            let names = Names { constant: true, ..Names::default() };
            let value = self.expr(&declared, 1, &names);
            if !self.may_exceed(&value) {
                self.b.program.vars[var].init = Init::Value { keys: Vec::new(), value };
            }
        }
    }

    /// Whether an initial value could be outside its bounds.
    fn may_exceed(&self, e: &Expr) -> bool {
        let mut exceeds = false;
        e.visit(&mut |e| {
            exceeds |= matches!(
                e.kind,
                ExprKind::Arith(..)
                    | ExprKind::SetOf(..)
                    | ExprKind::Concat(..)
                    | ExprKind::SetOp(..)
                    | ExprKind::Size(_)
                    | ExprKind::Count(_)
            )
        });
        exceeds
            || matches!(&e.ty, Type::Int(_))
            || self.b.program.holds(&e.ty, &|t| matches!(t, Type::Int(_)))
    }

    fn protocols(&mut self) {
        for i in 0..1 + self.r.below(3) {
            if self.r.chance(35) {
                self.rule(i);
            } else {
                self.protocol(i);
            }
        }
        for p in self.b.program.protocols.indices().collect::<Vec<_>>() {
            if !self.b.program.protocols[p].rule && self.r.chance(45) {
                self.sub_runs(p);
                if self.r.chance(40) {
                    self.sub_runs(p);
                }
            }
        }
        for p in self.b.program.protocols.indices().collect::<Vec<_>>() {
            if !self.b.program.protocols[p].rule {
                self.hand_over(p);
            }
        }
    }

    /// Steps of a protocol that happen once per key.
    fn sub_runs(&mut self, above: ProtocolId) {
        let parent = self.b.program.protocols[above].clone();
        let (first, main) =
            (u32::from(parent.begin.is_empty()), parent.chains[ChainId(0)].steps.len() as u32);
        if first >= main {
            return;
        }
        let key = self.sorts[self.r.below(2)];
        let id = self.b.protocol(&format!("{}.sub", parent.name), &[]);
        let position = first + self.r.below((main - first) as usize) as u32;
        let protocol = &mut self.b.program.protocols[id];
        protocol.subjects.clone_from(&parent.subjects);
        protocol.subjects.push(Subject { name: "k".to_owned(), sort: key });
        protocol.copies = parent.copies;
        protocol.parent = Some(Parent { protocol: above, position });
        let role = self.b.role(id, "w", self.sorts[2 * self.r.below(2)]);
        for v in 0..self.r.below(2) {
            let ty = self.ty();
            self.b.run_var(id, &format!("v{v}"), ty);
        }
        let count = 1 + self.r.below(2);
        let steps: Vec<StepId> = (0..count).map(|s| self.step(id, role, s, s + 1 == count)).collect();
        self.b.chain(id, &steps, "done", true);
    }

    fn rule(&mut self, i: usize) {
        let sort = self.sorts[2 * self.r.below(2)];
        let id = self.b.rule(&format!("r{i}"), sort, Expr::bool(true, Default::default()), Vec::new());
        if self.r.chance(40) {
            let ty = self.enumerable();
            let var = self.b.run_var(id, "p", ty);
            self.b.edit(id, StepId(0)).params.push(var);
        }
        self.fill(id, StepId(0), Some(sort));
    }

    fn enumerable(&mut self) -> Type {
        loop {
            let ty = self.ty();
            if self.b.program.cardinality(&ty).is_some_and(|n| n <= 4) {
                return ty;
            }
        }
    }

    fn protocol(&mut self, i: usize) {
        let subjects: Vec<SortId> = match self.r.below(4) {
            0 => Vec::new(),
            1 => vec![self.sorts[0]],
            2 => vec![self.sorts[1]],
            _ => vec![self.sorts[2], self.sorts[1]],
        };
        let id = self.b.protocol(&format!("p{i}"), &[]);
        let names = ["s", "t"];
        self.b.program.protocols[id].subjects = subjects
            .iter()
            .zip(names)
            .map(|(sort, name)| Subject { name: name.to_owned(), sort: *sort })
            .collect();
        self.b.program.protocols[id].repeats = self.r.chance(50);
        if self.r.chance(20) {
            self.b.program.protocols[id].copies = 2;
            self.b.program.protocols[id].copies_cut = self.r.chance(50);
        }
        let role = self.b.role(id, "w", self.sorts[2 * self.r.below(2)]);
        for v in 0..self.r.below(3) {
            let ty = self.ty();
            self.b.run_var(id, &format!("v{v}"), ty);
        }
        if self.r.chance(30) {
            self.begin(id);
        }
        let count = 1 + self.r.below(3);
        let steps: Vec<StepId> = (0..count).map(|s| self.step(id, role, s, s + 1 == count)).collect();
        let word = self.r.one_of(&["done", "retry"]);
        self.b.chain(id, &steps, word, word == "done");
        if self.r.chance(50) {
            self.branch(id, role, count);
        }
    }

    fn begin(&mut self, id: ProtocolId) {
        let names = Names { protocol: Some(id), actor: None, ..Names::default() };
        for v in self.b.program.protocols[id].vars.indices().collect::<Vec<_>>() {
            if self.r.chance(70) {
                let ty = self.b.program.protocols[id].vars[v].ty.clone();
                let value = self.expr(&ty, 2, &names);
                self.b.program.protocols[id].begin.push((v, value));
            }
        }
    }

    fn step(&mut self, id: ProtocolId, role: RoleId, s: usize, last: bool) -> StepId {
        let subjects = &self.b.program.protocols[id].subjects;
        let acting: Vec<u32> = (0..subjects.len() as u32)
            .filter(|i| self.b.program.sorts[subjects[*i as usize].sort].actor)
            .collect();
        let by_subject = !acting.is_empty() && self.r.chance(50);
        let actor = if by_subject { Actor::Subject(acting[0]) } else { Actor::Role(role) };
        let sort = match actor {
            Actor::Subject(i) => subjects[i as usize].sort,
            Actor::Role(role) => self.b.program.protocols[id].roles[role].sort,
        };
        let step = self.b.step(id, &format!("s{s}"), actor, Expr::bool(true, Default::default()), Vec::new());
        if !by_subject || self.r.chance(30) {
            self.b.edit(id, step).binds = vec![role];
        }
        if !last && self.r.chance(20) {
            self.b.edit(id, step).loops = true;
        }
        let params: Vec<RunVarId> = self.b.program.protocols[id].vars.indices().collect();
        for v in params {
            let ty = self.b.program.protocols[id].vars[v].ty.clone();
            if self.r.chance(20) && self.b.program.cardinality(&ty).is_some_and(|n| n <= 4) {
                self.b.edit(id, step).params.push(v);
            }
        }
        self.fill(id, step, Some(sort));
        step
    }

    fn branch(&mut self, id: ProtocolId, role: RoleId, main: usize) {
        let step = self.step(id, role, 9, true);
        let word = self.r.one_of(&["done", "gave_up"]);
        let (from, to) = (self.r.below(main) as u32, main as u32 - 1);
        let chain = self.b.branch(id, &[step], (word, self.r.chance(50)), (from, to));
        let (at_start, detached) = (self.r.chance(40), self.r.chance(30));
        self.b.program.protocols[id].chains[chain].window = Some(Window { from, to, at_start, detached });
    }

    /// Gives a step its guard, `let`s, effect and reject.
    fn fill(&mut self, id: ProtocolId, step: StepId, actor: Option<SortId>) {
        let names = Names { protocol: Some(id), actor, ..Names::default() };
        let guard = if self.r.chance(60) {
            self.expr(&Type::Bool, 2, &names)
        } else {
            Expr::bool(true, Default::default())
        };
        let count = 1 + self.r.below(3);
        let effect = self.block(count, 2, &names);
        let mut lets = Vec::new();
        for v in self.b.program.protocols[id].vars.indices().collect::<Vec<_>>() {
            if self.r.chance(15) {
                let ty = self.b.program.protocols[id].vars[v].ty.clone();
                lets.push((v, self.expr(&ty, 1, &names)));
            }
        }
        let reject = self.r.chance(25).then(|| self.reject(&names));
        let declared = self.b.edit(id, step);
        (declared.guard, declared.effect, declared.lets, declared.reject) = (guard, effect, lets, reject);
    }

    fn reject(&mut self, names: &Names) -> Reject {
        let effect = self.block(1, 1, names);
        let outcome = Outcome { word: "refused".to_owned(), ends: self.r.chance(50), then: None };
        Reject { outcome, effect, span: self.b.span() }
    }

    fn hand_over(&mut self, p: ProtocolId) {
        let targets: Vec<ProtocolId> = self
            .b
            .program
            .protocols
            .iter_enumerated()
            .filter(|(_, t)| !t.rule && t.parent.is_none())
            .map(|(id, _)| id)
            .collect();
        if targets.is_empty() || !self.r.chance(35) {
            return;
        }
        let target = self.r.one_of(&targets);
        let declared = &self.b.program.protocols[target];
        let position = self.r.below(declared.chains[ChainId(0)].steps.len()) as u32;
        let sorts: Vec<SortId> = declared.subjects.iter().map(|s| s.sort).collect();
        let names = Names { protocol: Some(p), actor: None, ..Names::default() };
        let subjects = sorts.iter().map(|s| self.expr(&Type::Id(*s), 1, &names)).collect();
        let unbinds = if self.r.chance(50) { vec![RoleId(0)] } else { Vec::new() };
        let starts = self.r.chance(50);
        let then = Some(Handover { protocol: target, position, starts, subjects, unbinds });
        let protocol = &mut self.b.program.protocols[p];
        if protocol.parent.is_some() {
            // Sub-runs end as done; only what they answer can hand over.
            let answers = protocol.steps.iter_mut().filter_map(|s| s.reject.as_mut());
            answers.for_each(|r| r.outcome.then.clone_from(&then));
            return;
        }
        let chain = ChainId(self.r.below(protocol.chains.len()) as u32);
        protocol.chains[chain].outcome.then = then;
    }

    fn block(&mut self, count: usize, depth: usize, names: &Names) -> Vec<Stmt> {
        let mut names = Names { old: true, ..names.clone() };
        (0..count).map(|_| self.stmt(depth, &mut names)).collect()
    }

    fn stmt(&mut self, depth: usize, names: &mut Names) -> Stmt {
        let kind = match self.r.below(if depth == 0 { 4 } else { 8 }) {
            4 => {
                let condition = self.expr(&Type::Bool, 1, names);
                StmtKind::If(condition, self.block(1, depth - 1, names), self.block(1, depth - 1, names))
            }
            5 => {
                let (binder, inner) = self.binder(names, false);
                StmtKind::For(binder, self.block(1, depth - 1, &inner))
            }
            6 => {
                let (binder, inner) = self.binder(names, false);
                names.slots = inner.slots;
                StmtKind::Pick(binder)
            }
            7 => {
                let (slot, ty) = (self.b.slot("l"), self.comparable());
                let value = self.expr(&ty, 1, names);
                let bound = value.ty.clone();
                names.slots.push((slot, bound));
                StmtKind::Let(slot, value)
            }
            3 => return self.advance(names),
            _ => return self.assign(names),
        };
        self.b.stmt(kind)
    }

    fn advance(&mut self, names: &Names) -> Stmt {
        let kind = arch_ir::OrdinalId(0);
        let vars: Vec<VarId> = self
            .b
            .program
            .vars
            .iter_enumerated()
            .filter(|(_, v)| *v.ty.unwrap_optional() == Type::Ordinal(kind))
            .map(|(id, _)| id)
            .collect();
        if vars.is_empty() {
            return self.assign(names);
        }
        let var = self.r.one_of(&vars);
        let keys = self.keys(var, names);
        self.b.advance(var, keys, kind)
    }

    fn assign(&mut self, names: &Names) -> Stmt {
        if let Some(p) = names.protocol
            && self.r.chance(25)
            && !self.b.program.protocols[p].vars.is_empty()
        {
            let var = RunVarId(self.r.below(self.b.program.protocols[p].vars.len()) as u32);
            let ty = self.b.program.protocols[p].vars[var].ty.clone();
            let value = self.expr(&ty, 2, names);
            return self.b.set_run_var(p, var, value);
        }
        let var = VarId(self.r.below(self.b.program.vars.len()) as u32);
        let (keys, ty) = (self.keys(var, names), self.b.program.vars[var].ty.clone());
        let value = self.expr(&ty, 2, names);
        self.b.set(var, keys, value)
    }

    fn keys(&mut self, var: VarId, names: &Names) -> Vec<Expr> {
        let keys = self.b.program.vars[var].keys.clone();
        keys.iter().map(|k| self.expr(k, 1, names)).collect()
    }

    /// A binder; `plain`: over a type.
    fn binder(&mut self, names: &Names, plain: bool) -> (Binder, Names) {
        let (domain, ty) = match self.r.below(if plain { 1 } else { 4 }) {
            1 => {
                let element = self.set_element();
                let set = Type::Set(Box::new(element.clone()), Some(2));
                (Domain::Set(Box::new(self.expr(&set, 1, names))), element)
            }
            2 => (Domain::Range(0, 2), range(0, 2, RangePolicy::Report)),
            3 => {
                let p = ProtocolId(self.r.below(self.b.program.protocols.len()) as u32);
                if self.b.program.protocols.is_empty() {
                    return self.binder(names, true);
                }
                (Domain::Runs(p), Type::Run(p))
            }
            _ => {
                let ty = self.enumerable();
                (Domain::Type(ty.clone()), ty)
            }
        };
        let slot = self.b.slot("x");
        let mut inner = names.clone();
        inner.slots.push((slot, ty));
        let filter = self.r.chance(30).then(|| Box::new(self.expr(&Type::Bool, 1, &inner)));
        (Binder { slot, domain, filter }, inner)
    }

    fn set_element(&mut self) -> Type {
        let elements = [
            Type::Id(self.sorts[1]),
            Type::Record(RecordId(0)),
            Type::Record(RecordId(1)),
            Type::Union(UnionId(0)),
        ];
        self.r.one_of(&elements)
    }

    /// An expression of a type.
    fn expr(&mut self, ty: &Type, depth: usize, names: &Names) -> Expr {
        let mut options = self.leaves(ty, names);
        if depth > 0 {
            options.extend(self.compounds(ty, depth - 1, names));
        }
        if options.is_empty() || self.r.chance(10) {
            return self.literal(ty);
        }
        self.r.one_of(&options)
    }

    fn literal(&mut self, ty: &Type) -> Expr {
        if self.b.program.holds_time(ty) && *ty.unwrap_optional() == Type::Time {
            return Expr { ty: ty.clone(), ..now(self.r.below(4) as i64 - 1) };
        }
        let values = self.b.program.values(ty).unwrap_or_default();
        let value = if values.is_empty() { self.b.program.default_value(ty) } else { self.r.one_of(&values) };
        lit(value, ty.clone())
    }

    /// What can be read.
    fn leaves(&mut self, ty: &Type, names: &Names) -> Vec<Expr> {
        let mut list = Vec::new();
        if names.constant {
            return list;
        }
        let fits = |t: &Type| t == ty || Some(t) == non_optional(ty);
        for (slot, t) in names.slots.clone() {
            if fits(&t) {
                list.push(expr(ExprKind::Slot(slot), t));
            }
        }
        let vars: Vec<VarId> =
            self.b.program.vars.iter_enumerated().filter(|(_, v)| fits(&v.ty)).map(|(id, _)| id).collect();
        for var in vars {
            let keys: Vec<Type> = self.b.program.vars[var].keys.clone();
            let keys = keys.iter().map(|k| self.short(k, names)).collect();
            list.push(self.b.get(var, keys));
        }
        if let (Type::Id(sort), Some(actor)) = (ty.unwrap_optional(), names.actor)
            && *sort == actor
        {
            list.push(me(actor));
        }
        if let Some(p) = names.protocol {
            let declared = self.b.program.protocols[p].clone();
            for (i, subject) in declared.subjects.iter().enumerate() {
                if fits(&Type::Id(subject.sort)) {
                    list.push(expr(ExprKind::Subject(i as u32), Type::Id(subject.sort)));
                }
            }
            for (v, var) in declared.vars.iter_enumerated().filter(|(_, v)| fits(&v.ty)) {
                list.push(expr(ExprKind::RunVar(v), var.ty.clone()));
            }
            for (role, r) in declared.roles.iter_enumerated() {
                if *ty == optional(Type::Id(r.sort)) {
                    list.push(expr(ExprKind::Role(role), ty.clone()));
                }
            }
            list.extend(declared.parent.into_iter().flat_map(|parent| self.above(parent.protocol, ty)));
        }
        list
    }

    /// What a sub-run reads of its parent.
    fn above(&self, above: ProtocolId, ty: &Type) -> Vec<Expr> {
        let run = || Box::new(expr(ExprKind::ParentRun, Type::Run(above)));
        let declared = &self.b.program.protocols[above];
        let vars = declared.vars.iter_enumerated().filter(|(_, v)| v.ty == *ty);
        let vars = vars.map(|(v, _)| expr(ExprKind::RunVarOf(above, run(), v), ty.clone()));
        let roles = declared.roles.iter_enumerated().filter(|(_, r)| *ty == optional(Type::Id(r.sort)));
        let roles = roles.map(|(role, _)| expr(ExprKind::RunRole(above, run(), role), ty.clone()));
        vars.chain(roles).collect()
    }

    /// A key.
    fn short(&mut self, ty: &Type, names: &Names) -> Expr {
        let slots: Vec<_> = names.slots.iter().filter(|(_, t)| t == ty).cloned().collect();
        match (ty, names.actor) {
            (Type::Id(sort), Some(actor)) if *sort == actor && self.r.chance(60) => me(actor),
            _ if !slots.is_empty() && self.r.chance(60) => {
                let (slot, ty) = self.r.one_of(&slots);
                expr(ExprKind::Slot(slot), ty)
            }
            _ => self.literal(ty),
        }
    }

    /// What can be computed.
    fn compounds(&mut self, ty: &Type, depth: usize, names: &Names) -> Vec<Expr> {
        let mut list = Vec::new();
        let of = |kind: ExprKind| expr(kind, ty.clone());
        if !self.b.program.holds_time(ty) {
            let (c, a) = (self.expr(&Type::Bool, depth, names), self.expr(ty, depth, names));
            let b = self.expr(ty, depth, names);
            list.push(of(ExprKind::If(Box::new(c), Box::new(a), Box::new(b))));
            let slot = self.b.slot("d");
            let inner = self.comparable();
            let value = self.expr(&inner, depth, names);
            let mut with = names.clone();
            with.slots.push((slot, value.ty.clone()));
            let body = self.expr(ty, depth, &with);
            list.push(of(ExprKind::Let(slot, Box::new(value), Box::new(body))));
            if names.old && !names.constant {
                let e = self.expr(ty, depth, names);
                list.push(Expr {
                    ty: e.ty.clone(),
                    kind: ExprKind::Old(Box::new(e)),
                    span: Default::default(),
                });
            }
        }
        match ty {
            Type::Bool => list.extend(self.booleans(depth, names)),
            Type::Int(_) => list.extend(self.integers(ty, depth, names)),
            Type::Set(element, _) => list.extend(self.sets(ty, element, depth, names)),
            Type::Map(key, value) => {
                let (map, k, v) = (
                    self.expr(ty, depth, names),
                    self.expr(key, depth, names),
                    self.expr(value, depth, names),
                );
                list.push(of(ExprKind::MapSet(Box::new(map), Box::new(k), Box::new(v.clone()))));
                list.push(of(ExprKind::MapAll(Box::new(v))));
            }
            Type::Seq(element, _) => {
                let (a, b, s) = (
                    self.expr(element, depth, names),
                    self.expr(ty, depth, names),
                    self.expr(ty, depth, names),
                );
                list.push(of(ExprKind::SeqLit(vec![a])));
                list.push(of(ExprKind::Concat(Box::new(b), Box::new(s.clone()))));
                list.push(of(ExprKind::Tail(Box::new(s))));
            }
            Type::Record(id) => {
                let fields: Vec<Type> =
                    self.b.program.records[*id].fields.iter().map(|f| f.ty.clone()).collect();
                let fields = fields.iter().map(|f| self.expr(f, depth, names)).collect();
                list.push(of(ExprKind::RecordLit(*id, fields)));
            }
            Type::Union(id) => {
                let tag = self.r.below(2) as u32;
                let fields: Vec<Type> = self.b.program.unions[*id].variants[tag as usize]
                    .fields
                    .iter()
                    .map(|f| f.ty.clone())
                    .collect();
                let fields = fields.iter().map(|f| self.expr(f, depth, names)).collect();
                list.push(of(ExprKind::VariantLit(*id, tag, fields)));
            }
            Type::Optional(inner) if **inner != Type::Time => {
                list.extend(self.optionals(ty, inner, depth, names))
            }
            Type::Ordinal(_) => list.extend(self.ordinals(ty, depth, names)),
            Type::Id(sort) if *sort == self.sorts[0] => {
                let a = self.expr(ty, depth, names);
                list.push(of(ExprKind::Neighbour(*sort, self.r.chance(50), Box::new(a))));
            }
            _ => {}
        }
        list
    }

    fn optionals(&mut self, ty: &Type, inner: &Type, depth: usize, names: &Names) -> Vec<Expr> {
        let of = |kind: ExprKind| expr(kind, ty.clone());
        let mut list = vec![self.expr(inner, depth, names)];
        let element = range(0, 2, RangePolicy::Report);
        if let Type::Int(_) | Type::Ordinal(_) = inner {
            let seq = self.types.iter().find(|t| matches!(t, Type::Seq(e, _) if **e == *inner)).cloned();
            if let Some(seq) = seq {
                let (s, i) = (self.expr(&seq, depth, names), self.expr(&element, depth, names));
                list.push(of(ExprKind::SeqGet(Box::new(s), Box::new(i))));
            }
            let (binder, with) = self.binder(names, false);
            let body = self.expr(inner, depth, &with);
            list.push(of(ExprKind::Extreme(self.r.chance(50), Box::new(body), binder)));
        }
        list
    }

    fn ordinals(&mut self, ty: &Type, depth: usize, names: &Names) -> Vec<Expr> {
        let of = |kind: ExprKind| expr(kind, ty.clone());
        let record = self.expr(&Type::Record(RecordId(1)), depth, names);
        let union = self.expr(&Type::Union(UnionId(0)), depth, names);
        let id = Type::Id(self.sorts[1]);
        let map = self.expr(&Type::Map(Box::new(id.clone()), Box::new(ty.clone())), depth, names);
        let key = self.expr(&id, depth, names);
        vec![
            of(ExprKind::Field(Box::new(record), 0)),
            of(ExprKind::VariantField(Box::new(union), 0, 0)),
            of(ExprKind::MapGet(Box::new(map), Box::new(key))),
        ]
    }

    fn integers(&mut self, ty: &Type, depth: usize, names: &Names) -> Vec<Expr> {
        let of = |kind: ExprKind| expr(kind, ty.clone());
        let (a, b) = (self.expr(ty, depth, names), self.expr(ty, depth, names));
        let ops = [ArithOp::Add, ArithOp::Sub, ArithOp::Mul, ArithOp::Min, ArithOp::Max];
        let mut list = vec![
            of(ExprKind::Arith(self.r.one_of(&ops), Box::new(a.clone()), Box::new(b))),
            of(ExprKind::Arith(ArithOp::Add, Box::new(a.clone()), Box::new(int(1)))),
            of(ExprKind::Arith(ArithOp::Mod, Box::new(a), Box::new(int(2)))),
        ];
        let element = self.set_element();
        let set = self.expr(&Type::Set(Box::new(element), Some(2)), depth, names);
        list.push(of(ExprKind::Size(Box::new(set))));
        let (binder, _) = self.binder(names, false);
        list.push(of(ExprKind::Count(binder)));
        list
    }

    fn sets(&mut self, ty: &Type, element: &Type, depth: usize, names: &Names) -> Vec<Expr> {
        let of = |kind: ExprKind| expr(kind, ty.clone());
        let (a, b) = (self.expr(ty, depth, names), self.expr(ty, depth, names));
        let one = self.expr(element, depth, names);
        let (binder, with) = self.binder(names, false);
        let body = self.expr(element, depth, &with);
        let op = self.r.one_of(&[SetOp::Union, SetOp::Difference, SetOp::Intersection]);
        let mut list = vec![
            of(ExprKind::SetLit(vec![one.clone()])),
            of(ExprKind::SetOp(SetOp::Union, Box::new(a.clone()), Box::new(of(ExprKind::SetLit(vec![one]))))),
            of(ExprKind::SetOp(op, Box::new(a), Box::new(b))),
            of(ExprKind::SetOf(Box::new(body), binder)),
        ];
        if self.b.program.cardinality(element).is_some() {
            list.push(of(ExprKind::TypeSet(element.clone())));
        }
        list
    }

    fn booleans(&mut self, depth: usize, names: &Names) -> Vec<Expr> {
        let of = |kind: ExprKind| expr(kind, Type::Bool);
        let (a, b) = (self.expr(&Type::Bool, depth, names), self.expr(&Type::Bool, depth, names));
        let mut list = vec![
            not(a.clone()),
            of(ExprKind::And(vec![a.clone(), b.clone()])),
            of(ExprKind::Or(vec![a, b])),
            self.equality(depth, names),
            self.equality(depth, names),
            self.order(depth, names),
            self.order(depth, names),
        ];
        list.extend(self.instants(names));
        list.extend(self.instants(names));
        let (binder, with) = self.binder(names, false);
        let body = self.expr(&Type::Bool, depth, &with);
        list.push(of(if self.r.chance(50) {
            ExprKind::All(binder, Box::new(body))
        } else {
            ExprKind::Any(binder, Box::new(body))
        }));
        let element = self.set_element();
        let set = self.expr(&Type::Set(Box::new(element.clone()), Some(2)), depth, names);
        let value = self.expr(&element, depth, names);
        list.push(of(ExprKind::In(Box::new(value), Box::new(set))));
        let union = self.expr(&Type::Union(UnionId(0)), depth, names);
        list.push(of(ExprKind::IsVariant(Box::new(union), self.r.below(2) as u32)));
        if !names.constant {
            list.extend(self.world(depth, names));
        }
        list
    }

    fn world(&mut self, depth: usize, names: &Names) -> Vec<Expr> {
        let of = |kind: ExprKind| expr(kind, Type::Bool);
        let (x, y) = (self.sorts[0], self.sorts[2]);
        let (a, b) = (self.expr(&Type::Id(x), depth, names), self.expr(&Type::Id(y), depth, names));
        let mut list = vec![
            of(ExprKind::Crashed(x, Box::new(a.clone()))),
            of(ExprKind::Connected(Box::new(a), x, Box::new(b), y)),
        ];
        let runs: Vec<_> = names.slots.iter().filter(|(_, t)| matches!(t, Type::Run(_))).cloned().collect();
        for (slot, ty) in runs {
            let Type::Run(p) = ty else { continue };
            let run = || Box::new(expr(ExprKind::Slot(slot), Type::Run(p)));
            let steps = self.b.program.protocols[p].steps.len();
            if steps > 0 {
                list.push(of(ExprKind::RunAt(p, run(), StepId(self.r.below(steps) as u32))));
            }
            let below = self.b.program.protocols.iter_enumerated();
            let below = below.filter(|(_, q)| q.parent.is_some_and(|parent| parent.protocol == p));
            list.extend(
                below
                    .flat_map(|(q, sub)| sub.steps.indices().map(move |s| (q, s)))
                    .map(|(q, s)| of(ExprKind::RunAt(q, run(), s))),
            );
            list.push(of(ExprKind::RunUnfinished(p, run())));
            let declared = self.b.program.protocols[p].clone();
            for (v, var) in declared.vars.iter_enumerated().filter(|(_, v)| v.ty == Type::Bool) {
                list.push(expr(ExprKind::RunVarOf(p, run(), v), var.ty.clone()));
            }
            if let Some(role) = declared.roles.iter().next() {
                let ty = optional(Type::Id(role.sort));
                let bound = expr(ExprKind::RunRole(p, run(), RoleId(0)), ty.clone());
                let other = self.expr(&ty, 0, names);
                list.push(cmp(CompareOp::Eq, bound, other));
            }
            if let Some(subject) = declared.subjects.first() {
                let ty = Type::Id(subject.sort);
                let own = expr(ExprKind::RunSubject(p, run(), 0), ty.clone());
                let other = self.expr(&ty, 0, names);
                list.push(cmp(CompareOp::Ne, own, other));
            }
        }
        list
    }

    fn equality(&mut self, depth: usize, names: &Names) -> Expr {
        let ty = self.comparable();
        let (a, b) = (self.expr(&ty, depth, names), self.expr(&ty, depth, names));
        cmp(self.r.one_of(&[CompareOp::Eq, CompareOp::Ne]), a, b)
    }

    fn order(&mut self, depth: usize, names: &Names) -> Expr {
        let ordered: Vec<Type> = self
            .types
            .iter()
            .filter(|t| matches!(t.unwrap_optional(), Type::Int(_) | Type::Enum(_) | Type::Ordinal(_)))
            .cloned()
            .collect();
        let ty = self.r.one_of(&ordered);
        let (a, b) = (self.expr(&ty, depth, names), self.expr(&ty, depth, names));
        cmp(self.r.one_of(&[CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge]), a, b)
    }

    /// A comparison of a stored instant with the clock.
    fn instants(&mut self, names: &Names) -> Option<Expr> {
        let mut options = self.leaves(&Type::Time, names);
        options.extend(self.leaves(&optional(Type::Time), names));
        if options.is_empty() {
            return None;
        }
        let ops = [CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge, CompareOp::Eq, CompareOp::Ne];
        let (op, k) = (self.r.one_of(&ops), self.r.below(4) as i64 - 2);
        let (stored, clock) = (self.r.one_of(&options), now(k));
        Some(if self.r.chance(50) { cmp(op, stored, clock) } else { cmp(op, clock, stored) })
    }

    fn faults(&mut self) {
        for _ in 0..self.r.below(3) {
            let budget = if self.r.chance(80) { Some(1) } else { None };
            let p = ProtocolId(self.r.below(self.b.program.protocols.len()) as u32);
            let step = StepId(self.r.below(self.b.program.protocols[p].steps.len()) as u32);
            let sort = self.sorts[2 * self.r.below(2)];
            let (kind, budget) = match self.r.below(6) {
                0 => {
                    let down = self.r.one_of(&[Down::Instant, Down::Restarts, Down::Stops]);
                    (FaultKind::Crash { sort, down }, budget)
                }
                1 => (FaultKind::Lose { protocol: p, step }, budget),
                2 => (FaultKind::Skew { sort, by: 1 }, None),
                3 => (
                    FaultKind::Partition { from: self.sorts[0], to: self.sorts[2 * self.r.below(2)] },
                    budget,
                ),
                _ => (self.duplicate(p, step), Some(1 + self.r.below(2) as u32)),
            };
            self.b.fault(kind, budget);
        }
        if self.r.chance(25) {
            let p = ProtocolId(self.r.below(self.b.program.protocols.len()) as u32);
            let step = StepId(self.r.below(self.b.program.protocols[p].steps.len()) as u32);
            let deadline =
                Deadline { protocol: p, step, within: self.r.below(3) as u32, span: self.b.span() };
            self.b.program.deadlines.push(deadline);
        }
    }

    fn duplicate(&mut self, protocol: ProtocolId, step: StepId) -> FaultKind {
        let declared = &self.b.program.protocols[protocol];
        let acting = match declared.steps[step].actor {
            Actor::Subject(i) => declared.subjects[i as usize].sort,
            Actor::Role(role) => declared.roles[role].sort,
        };
        let owners = || std::iter::once(protocol).chain(declared.parent.map(|p| p.protocol));
        let locals = self.b.program.vars.iter_enumerated();
        let locals =
            locals.filter(|(_, v)| v.owner == arch_ir::VarOwner::Local(acting)).map(|(id, _)| id).collect();
        FaultKind::Duplicate {
            protocol,
            step,
            vars: owners()
                .flat_map(|p| self.b.program.protocols[p].vars.indices().map(move |v| (p, v)))
                .collect(),
            roles: owners()
                .flat_map(|p| self.b.program.protocols[p].roles.indices().map(move |r| (p, r)))
                .collect(),
            locals,
        }
    }

    fn properties(&mut self) {
        for i in 0..1 + self.r.below(4) {
            let mut names = Names::default();
            let mut binders = Vec::new();
            if self.r.chance(30) {
                let (binder, inner) = self.binder(&names, true);
                binders.push(binder);
                names = inner;
            }
            let kind = match self.r.below(6) {
                0 => PropertyKind::Reachable(self.expr(&Type::Bool, 2, &names)),
                1 => PropertyKind::AlwaysPossible(self.expr(&Type::Bool, 2, &names)),
                2 => {
                    let ty = self
                        .r
                        .one_of(&[range(0, 2, RangePolicy::Report), Type::Ordinal(arch_ir::OrdinalId(0))]);
                    PropertyKind::Monotonic(self.expr(&ty, 2, &names))
                }
                3 | 4 => {
                    let p = ProtocolId(self.r.below(self.b.program.protocols.len()) as u32);
                    let step = StepId(self.r.below(self.b.program.protocols[p].steps.len()) as u32);
                    let after = self.r.chance(50);
                    let names = Names { protocol: Some(p), old: after, ..names };
                    let claim = self.expr(&Type::Bool, 2, &names);
                    PropertyKind::Step { at: vec![StepClaim { protocol: p, step, claim }], after }
                }
                _ => PropertyKind::Always(self.expr(&Type::Bool, 2, &names)),
            };
            let span = self.b.span();
            self.b.program.properties.push(Property {
                name: format!("q{i}"),
                binders,
                kind,
                span,
                quiet: false,
            });
        }
    }
}

fn non_optional(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Optional(inner) => Some(inner),
        _ => None,
    }
}
