//! Expressions as nodes.

use super::dag::{N, NULL};
use super::sym::{Builder, Sym};
use super::world::World;
use crate::error::CompileError;
use crate::layout::Layout;
use arch_ir::{
    ArithOp, CompareOp, Expr, ExprKind, FaultKind, ProtocolId, SlotId, SortId, Status, StepId, Type, VarId,
};
use std::collections::BTreeMap;

/// The most nodes of a program.
pub(super) const MOST_NODES: usize = 16_000_000;
/// The most evaluations of an expression while a program is compiled.
const MOST_WORK: u64 = 400_000_000;

/// The result of evaluating something.
pub type Result<T> = std::result::Result<T, CompileError>;

/// Whose names an expression can read.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The run.
    pub run: Option<(ProtocolId, u32)>,
    /// The acting instance.
    pub actor: Option<(SortId, u32)>,
    /// By how much its clock is ahead.
    pub skew: N,
}

/// Evaluates expressions of one event.
pub struct Scope<'b, 'p> {
    /// Makes nodes.
    pub b: &'b mut Builder<'p>,
    /// Where things are.
    pub layout: &'b Layout,
    /// The present state.
    pub world: World,
    /// What `old` reads.
    pub old: World,
    /// Whose names.
    pub who: Who,
    /// Variables in scope.
    pub slots: BTreeMap<SlotId, (Type, Sym)>,
}

/// The sort of who is acting with its instance, and those of another.
type Instance = (SortId, N);

impl<'p> Scope<'_, 'p> {
    /// The value of an expression that is one node.
    pub fn scalar(&mut self, e: &'p Expr) -> Result<N> {
        let sym = self.eval(e)?;
        Ok(sym.scalar(&mut self.b.dag))
    }

    /// The value of an expression.
    pub fn eval(&mut self, e: &'p Expr) -> Result<Sym> {
        use ExprKind as K;
        self.b.work += 1;
        if self.b.dag.len() > MOST_NODES || self.b.work > MOST_WORK {
            return Err(CompileError::at(
                e.span,
                "the program is too large to be unrolled: smaller constants may help",
            ));
        }
        Ok(match &e.kind {
            K::Literal(value) => self.b.literal(value, &e.ty),
            K::Instant(k) => {
                let k = self.b.dag.int(*k);
                Sym::Scalar(self.b.dag.add(k, self.who.skew))
            }
            K::Slot(slot) => match self.slots.get(slot) {
                Some((_, sym)) => sym.clone(),
                None => return Err(CompileError::at(e.span, "a variable is read where it is not in scope")),
            },
            K::SelfId => self.id(self.who.actor.map(|(_, n)| n)),
            K::Subject(i) => self.id(self.who.run.and_then(|(p, r)| self.subject(p, r, *i))),
            K::Role(role) => match self.who.run {
                Some((p, r)) => Sym::Scalar(self.world.runs[p.0 as usize][r as usize].roles[role.0 as usize]),
                None => self.id(None),
            },
            K::RunVar(var) => match self.who.run {
                Some((p, r)) => self.world.runs[p.0 as usize][r as usize].vars[var.0 as usize].clone(),
                None => self.id(None),
            },
            K::ParentRun => {
                let program = self.b.program;
                let above = self.who.run.and_then(|(p, r)| program.parent_run(&program.protocols[p], r));
                match above {
                    Some((_, run)) => self.b.int(i64::from(run)),
                    None => self.id(None),
                }
            }
            K::Var(var, keys) => self.read(*var, keys)?,
            K::Old(a) => self.old(a)?,
            K::Not(_) | K::And(_) | K::Or(_) | K::Compare(..) | K::In(..) | K::All(..) | K::Any(..) => {
                Sym::Scalar(self.truth(e)?)
            }
            K::If(c, t, e) => {
                let (c, t, e) = (self.scalar(c)?, self.eval(t)?, self.eval(e)?);
                self.b.select(c, &t, &e)
            }
            K::Arith(op, a, b) => {
                let (a, b) = (self.scalar(a)?, self.scalar(b)?);
                Sym::Scalar(self.arith(*op, a, b))
            }
            K::Let(slot, a, body) => {
                let value = self.eval(a)?;
                self.with(*slot, &a.ty, value, |scope| scope.eval(body))?
            }
            K::Count(binder) => {
                let bound = self.bind(binder)?;
                Sym::Scalar(self.b.count(bound.into_iter().map(|(is, _)| is)))
            }
            K::Extreme(greatest, body, binder) => Sym::Scalar(self.extreme(*greatest, body, binder)?),
            K::Crashed(..)
            | K::Connected(..)
            | K::RunAt(..)
            | K::RunUnfinished(..)
            | K::RunSubject(..)
            | K::RunRole(..)
            | K::RunVarOf(..)
            | K::Neighbour(..) => self.eval_world(e)?,
            _ => self.eval_collection(e)?,
        })
    }

    fn truth(&mut self, e: &'p Expr) -> Result<N> {
        use ExprKind as K;
        match &e.kind {
            K::Not(a) => {
                let a = self.scalar(a)?;
                Ok(self.b.dag.not(a))
            }
            K::And(list) => self.fold(list, true),
            K::Or(list) => self.fold(list, false),
            K::Compare(op, a, b) => {
                let (x, y) = (self.eval(a)?, self.eval(b)?);
                Ok(self.compare(*op, &x, &y, a.ty.is_optional(), b.ty.is_optional()))
            }
            K::In(a, set) if matches!(set.kind, K::SetLit(_)) => self.is_one_of(a, set),
            K::In(a, set) => {
                let (a, set) = (self.eval(a)?, self.eval(set)?);
                Ok(self.b.is_in(&a, &set))
            }
            K::All(binder, body) => self.quantified(binder, body, true),
            K::Any(binder, body) => self.quantified(binder, body, false),
            _ => self.scalar(e),
        }
    }

    pub(super) fn id(&mut self, instance: Option<u32>) -> Sym {
        self.b.int(instance.map_or(NULL, i64::from))
    }

    fn subject(&self, p: ProtocolId, run: u32, i: u32) -> Option<u32> {
        let protocol = &self.b.program.protocols[p];
        self.b.program.run_subjects(protocol, run).0.get(i as usize).copied()
    }

    fn old(&mut self, a: &'p Expr) -> Result<Sym> {
        let present = std::mem::replace(&mut self.world, self.old.clone());
        let result = self.eval(a);
        self.world = present;
        result
    }

    /// Evaluates something with a variable in scope.
    pub fn with<T>(
        &mut self,
        slot: SlotId,
        ty: &Type,
        value: Sym,
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outer = self.slots.insert(slot, (ty.clone(), value));
        let result = f(self);
        match outer {
            Some(outer) => self.slots.insert(slot, outer),
            None => self.slots.remove(&slot),
        };
        result
    }

    /// `and` (`or`) of conditions; what comes after one that decides is not evaluated.
    fn fold(&mut self, list: &'p [Expr], all: bool) -> Result<N> {
        let mut result = self.b.dag.bool(all);
        for e in list {
            let n = self.scalar(e)?;
            result = if all { self.b.dag.and(result, n) } else { self.b.dag.or(result, n) };
            if self.b.dag.constant(result) == Some(i64::from(!all)) {
                break;
            }
        }
        Ok(result)
    }

    /// `x in {a, b}`: the set itself, which may be one of sets, is not made.
    fn is_one_of(&mut self, value: &'p Expr, set: &'p Expr) -> Result<N> {
        let ExprKind::SetLit(list) = &set.kind else { return Ok(self.b.dag.bool(false)) };
        let value = self.eval(value)?;
        let mut found = self.b.dag.bool(false);
        for element in list {
            let element = self.eval(element)?;
            let same = self.b.eq(&value, &element);
            found = self.b.dag.or(found, same);
        }
        Ok(found)
    }

    /// A comparison; by order, nothing lies below or above null.
    fn compare(&mut self, op: CompareOp, a: &Sym, b: &Sym, a_optional: bool, b_optional: bool) -> N {
        if let CompareOp::Eq | CompareOp::Ne = op {
            let same = self.b.eq(a, b);
            return if op == CompareOp::Eq { same } else { self.b.dag.not(same) };
        }
        let dag = &mut self.b.dag;
        let (x, y) = (a.scalar(dag), b.scalar(dag));
        let order = match op {
            CompareOp::Lt => dag.lt(x, y),
            CompareOp::Le => dag.le(x, y),
            CompareOp::Gt => dag.lt(y, x),
            _ => dag.le(y, x),
        };
        let mut fine = order;
        for (n, _) in [(x, a_optional), (y, b_optional)] {
            let null = dag.null();
            let is_null = dag.eq(n, null);
            let present = dag.not(is_null);
            fine = dag.and(fine, present);
        }
        fine
    }

    fn arith(&mut self, op: ArithOp, a: N, b: N) -> N {
        let dag = &mut self.b.dag;
        match op {
            ArithOp::Add => dag.add(a, b),
            ArithOp::Sub => dag.sub(a, b),
            ArithOp::Mul => dag.mul(a, b),
            ArithOp::Mod => dag.modulo(a, b),
            ArithOp::Min => dag.min(a, b),
            ArithOp::Max => dag.max(a, b),
        }
    }

    /// An element of a variable; the default value if there is none with these keys.
    fn read(&mut self, var: VarId, keys: &'p [Expr]) -> Result<Sym> {
        let matches = self.matches(var, keys)?;
        let elements = self.world.vars[var.0 as usize].clone();
        let none = self.b.default(&self.b.program.vars[var].ty);
        Ok(self.b.pick_by(matches.into_iter().map(|(i, is)| (is, elements[i].clone())), none))
    }

    /// The elements of a variable that can have these keys, each with when it does.
    pub fn matches(&mut self, var: VarId, keys: &'p [Expr]) -> Result<Vec<(usize, N)>> {
        let program = self.b.program;
        let mut found = vec![(0, self.b.dag.bool(true))];
        for (ty, key) in program.vars[var].keys.iter().zip(keys) {
            let key = self.eval(key)?;
            let options = self.key_options(ty, &key)?;
            let size = self.elements(ty)?.values.len();
            let mut next = Vec::new();
            for (position, is) in found {
                for (i, here) in &options {
                    let both = self.b.dag.and(is, *here);
                    next.push((position * size + i, both));
                }
            }
            found = next;
        }
        Ok(found)
    }

    /// The values of a type that a key can be, each with when it is.
    pub(super) fn key_options(&mut self, ty: &Type, key: &Sym) -> Result<Vec<(usize, N)>> {
        let elements = self.elements(ty)?;
        if let Some(value) = self.b.constant(key, ty) {
            let yes = self.b.dag.bool(true);
            return Ok(elements.position(&value).map(|i| (i, yes)).into_iter().collect());
        }
        let mut options = Vec::new();
        for (i, value) in elements.values.iter().enumerate() {
            let value = self.b.literal(value, ty);
            let is = self.b.eq(key, &value);
            if self.b.dag.constant(is) != Some(0) {
                options.push((i, is));
            }
        }
        Ok(options)
    }

    /// Faults, runs, rings.
    fn eval_world(&mut self, e: &'p Expr) -> Result<Sym> {
        use ExprKind as K;
        Ok(match &e.kind {
            K::Crashed(sort, a) => {
                let a = self.scalar(a)?;
                let down = self.world.down.clone();
                let list = &down[sort.0 as usize];
                let no = self.b.truth(false);
                self.by_number(a, list.iter().map(|n| Sym::Scalar(*n)).collect(), no)
            }
            K::Connected(a, sa, b, sb) => {
                let (a, b) = (self.scalar(a)?, self.scalar(b)?);
                let connected = self.connected((*sa, a), (*sb, b));
                let null = self.b.dag.null();
                let (no_a, no_b) = (self.b.dag.eq(a, null), self.b.dag.eq(b, null));
                let none = self.b.dag.or(no_a, no_b);
                let both = self.b.dag.not(none);
                Sym::Scalar(self.b.dag.and(connected, both))
            }
            K::RunAt(p, r, step) => {
                let statuses = self.statuses_at(*p, *step);
                if let Type::Run(above) = r.ty
                    && above != *p
                {
                    return self.of_run(above, r, |s, run| {
                        Sym::Scalar(s.some_sub_run_is_in((above, run), *p, &statuses))
                    });
                }
                self.of_run(*p, r, |s, run| {
                    let status = s.world.runs[p.0 as usize][run as usize].status;
                    Sym::Scalar(s.status_in(*p, status, &statuses))
                })?
            }
            K::RunUnfinished(p, r) => self.of_run(*p, r, |s, run| Sym::Scalar(s.unfinished(*p, run)))?,
            K::RunSubject(p, r, i) => self.of_run(*p, r, |s, run| {
                let subject = s.subject(*p, run, *i);
                s.id(subject)
            })?,
            K::RunRole(p, r, role) => self.of_run(*p, r, |s, run| {
                Sym::Scalar(s.world.runs[p.0 as usize][run as usize].roles[role.0 as usize])
            })?,
            K::RunVarOf(p, r, var) => self.of_run(*p, r, |s, run| {
                s.world.runs[p.0 as usize][run as usize].vars[var.0 as usize].clone()
            })?,
            K::Neighbour(sort, back, a) => {
                let a = self.scalar(a)?;
                let size = self.b.program.sorts[*sort].size;
                let by = if *back { size - 1 } else { 1 };
                let next = (0..size).map(|n| self.b.int(i64::from((n + by) % size))).collect();
                let null = self.id(None);
                self.by_number(a, next, null)
            }
            _ => return Err(CompileError::at(e.span, "this expression cannot be compiled")),
        })
    }

    /// The value with a number that is only known at run time.
    fn by_number(&mut self, number: N, values: Vec<Sym>, none: Sym) -> Sym {
        if let Some(n) = self.b.dag.constant(number) {
            return usize::try_from(n).ok().and_then(|n| values.get(n).cloned()).unwrap_or(none);
        }
        let mut choices = Vec::new();
        for (i, value) in values.into_iter().enumerate() {
            let i = self.b.dag.int(i as i64);
            choices.push((self.b.dag.eq(number, i), value));
        }
        self.b.pick_by(choices, none)
    }

    fn of_run(&mut self, p: ProtocolId, run: &'p Expr, f: impl Fn(&mut Self, u32) -> Sym) -> Result<Sym> {
        let run = self.scalar(run)?;
        let count = self.b.program.run_count(p);
        if let Some(run) = self.b.dag.constant(run).and_then(|r| u32::try_from(r).ok()).filter(|r| *r < count)
        {
            return Ok(f(self, run));
        }
        let values: Vec<Sym> = (0..count).map(|r| f(self, r)).collect();
        let none = match values.first() {
            Some(first) if is_composite(first) => first.clone(),
            _ => self.b.int(0),
        };
        Ok(self.by_number(run, values, none))
    }

    /// The statuses of a run that is at a step: waiting for it, or for `loop` steps before it.
    fn statuses_at(&self, p: ProtocolId, step: StepId) -> Vec<Status> {
        let protocol = &self.b.program.protocols[p];
        let mut found = Vec::new();
        for (c, chain) in protocol.chains.iter_enumerated() {
            let Some(i) = chain.steps.iter().position(|s| *s == step) else { continue };
            let loops = chain.steps[..i].iter().rev().take_while(|s| protocol.steps[**s].loops).count();
            found.extend((i - loops..=i).map(|p| Status::At(c, p as u32)));
        }
        found
    }

    /// Whether a status is one of these.
    pub fn status_in(&mut self, p: ProtocolId, status: N, list: &[Status]) -> N {
        let layout = self.layout;
        let known = &layout.statuses[p.0 as usize].list;
        let numbers = known.iter().enumerate().filter(|(_, s)| list.contains(s)).map(|(i, _)| i as i64);
        let mut any = self.b.dag.bool(false);
        for number in numbers {
            let number = self.b.dag.int(number);
            let is = self.b.dag.eq(status, number);
            any = self.b.dag.or(any, is);
        }
        any
    }

    /// Whether a run is at a position.
    pub fn unfinished(&mut self, p: ProtocolId, run: u32) -> N {
        let status = self.world.runs[p.0 as usize][run as usize].status;
        // Positions are numbered between idle and the endings.
        let known = &self.layout.statuses[p.0 as usize].list;
        let first_end = known.iter().position(|s| matches!(s, Status::Ended(_))).unwrap_or(known.len());
        let (zero, end) = (self.b.dag.int(0), self.b.dag.int(first_end as i64));
        let (begun, open) = (self.b.dag.lt(zero, status), self.b.dag.lt(status, end));
        self.b.dag.and(begun, open)
    }

    /// Whether no partition lies between two instances, neither of them null.
    pub fn connected(&mut self, a: Instance, b: Instance) -> N {
        let program = self.b.program;
        let mut all = self.b.dag.bool(true);
        for (fault, f) in program.faults.iter_enumerated() {
            let FaultKind::Partition { from, to } = f.kind else { continue };
            let one = match (a.0 == from && b.0 == to, b.0 == from && a.0 == to) {
                (true, true) => {
                    let (x, y) = (self.is_cut(fault, a.1), self.is_cut(fault, b.1));
                    self.b.dag.eq(x, y)
                }
                (true, false) => {
                    let cut = self.is_cut(fault, a.1);
                    self.b.dag.not(cut)
                }
                (false, true) => {
                    let cut = self.is_cut(fault, b.1);
                    self.b.dag.not(cut)
                }
                (false, false) => continue,
            };
            all = self.b.dag.and(all, one);
        }
        all
    }

    fn is_cut(&mut self, fault: arch_ir::FaultId, instance: N) -> N {
        let cut = self.world.cut.clone();
        let values = cut[fault.0 as usize].iter().map(|n| Sym::Scalar(*n)).collect();
        let no = self.b.truth(false);
        self.by_number(instance, values, no).scalar(&mut self.b.dag)
    }
}

fn is_composite(sym: &Sym) -> bool {
    !matches!(sym, Sym::Scalar(_))
}
