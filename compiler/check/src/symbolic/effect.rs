//! Statements, and the bounds of what they assign.
//!
//! An effect is executed once for each combination of picks, with every branch of every `if` taken under
//! its condition.

use super::action::{Bound, BoundKind, Pick};
use super::collection::size;
use super::dag::N;
use super::expr::{Result, Scope};
use super::sym::{Candidate, Sym};
use super::world::World;
use arch_base::Span;
use arch_ir::walk::element_type;
use arch_ir::{Binder, IntType, OrdinalId, Place, RangePolicy, Stmt, StmtKind, Type, VarId};
use std::sync::Arc;

/// What an effect notes besides the state.
#[derive(Clone, Debug)]
pub struct Notes {
    /// Whether nothing has disabled the event so far.
    pub live: N,
    /// Declarations whose `cut` disables it.
    pub cuts: Vec<(N, Span)>,
    /// Bounds.
    pub bounds: Vec<Bound>,
    /// Picks.
    pub picks: Vec<Pick>,
}

impl Notes {
    /// Nothing noted.
    pub fn new(live: N) -> Notes {
        Notes { live, cuts: Vec::new(), bounds: Vec::new(), picks: Vec::new() }
    }
}

/// Which element each `pick` takes: counts through all combinations.
#[derive(Debug, Default)]
pub struct Combinations {
    chosen: Vec<usize>,
    sizes: Vec<usize>,
    used: usize,
}

impl Combinations {
    /// Starts the execution of a combination.
    pub fn restart(&mut self) {
        self.used = 0;
    }

    /// The element of the next pick among so many; none if there is none.
    fn next(&mut self, size: usize) -> Option<usize> {
        if size == 0 {
            return None;
        }
        if self.used == self.chosen.len() {
            self.chosen.push(0);
            self.sizes.push(size);
        }
        self.used += 1;
        Some(self.chosen[self.used - 1])
    }

    /// Goes to the next combination, in lexicographic order; whether there is one.
    pub fn advance(&mut self) -> bool {
        while let (Some(chosen), Some(size)) = (self.chosen.pop(), self.sizes.pop()) {
            if chosen + 1 < size {
                self.chosen.push(chosen + 1);
                self.sizes.push(size);
                return true;
            }
        }
        false
    }
}

/// An effect while it is executed.
pub struct Execution<'s, 'b, 'p> {
    /// Evaluates expressions.
    pub scope: &'s mut Scope<'b, 'p>,
    /// What is noted.
    pub notes: Notes,
    /// Picks.
    pub combinations: &'s mut Combinations,
    /// The state before the event, whose ordinals are alive.
    pub before: &'s World,
}

impl<'p> Execution<'_, '_, 'p> {
    /// Executes statements in order where `path` holds; their variables are gone afterwards.
    pub fn block(&mut self, stmts: &'p [Stmt], path: N) -> Result<()> {
        let outer = self.scope.slots.clone();
        for stmt in stmts {
            self.statement(stmt, path)?;
        }
        self.scope.slots = outer;
        Ok(())
    }

    fn statement(&mut self, stmt: &'p Stmt, path: N) -> Result<()> {
        match &stmt.kind {
            StmtKind::Assign(place, value) => {
                let value = self.scope.eval(value)?;
                self.assign(place, value, stmt.span, path)
            }
            StmtKind::Advance(place, kind) => self.advance(place, *kind, stmt.span, path),
            StmtKind::If(condition, then, otherwise) => {
                let holds = self.scope.scalar(condition)?;
                let dag = &mut self.scope.b.dag;
                let not = dag.not(holds);
                let (yes, no) = (dag.and(path, holds), dag.and(path, not));
                self.branch(then, yes)?;
                self.branch(otherwise, no)
            }
            StmtKind::For(binder, body) => {
                for (is, value) in self.scope.bind_in_order(binder)? {
                    let outer = self.scope.slots.clone();
                    self.scope.slots.insert(binder.slot, (element_type(&binder.domain).clone(), value));
                    let path = self.scope.b.dag.and(path, is);
                    self.branch(body, path)?;
                    self.scope.slots = outer;
                }
                Ok(())
            }
            StmtKind::Let(slot, value) => {
                let bound = self.scope.eval(value)?;
                self.scope.slots.insert(*slot, (value.ty.clone(), bound));
                Ok(())
            }
            StmtKind::Pick(binder) => self.pick(binder, path),
        }
    }

    fn branch(&mut self, stmts: &'p [Stmt], path: N) -> Result<()> {
        if self.scope.b.dag.constant(path) == Some(0) {
            return Ok(());
        }
        self.block(stmts, path)
    }

    /// Takes an element. Where the pick is not reached, only the first combination exists.
    fn pick(&mut self, binder: &'p Binder, path: N) -> Result<()> {
        let values = self.scope.bind_in_order(binder)?;
        let dag = &mut self.scope.b.dag;
        let skipped = dag.not(path);
        let Some(index) = self.combinations.next(values.len()) else {
            self.notes.live = dag.and(self.notes.live, skipped);
            let nothing = self.scope.b.default(element_type(&binder.domain));
            self.scope.slots.insert(binder.slot, (element_type(&binder.domain).clone(), nothing));
            return Ok(());
        };
        let (is, value) = values[index].clone();
        let taken = dag.and(path, is);
        let possible = if index == 0 { dag.or(taken, skipped) } else { taken };
        self.notes.live = dag.and(self.notes.live, possible);
        let ty = element_type(&binder.domain).clone();
        self.notes.picks.push(Pick { reached: path, value: value.clone(), ty: pick_type(&binder.domain) });
        self.scope.slots.insert(binder.slot, (ty, value));
        Ok(())
    }

    fn assign(&mut self, place: &'p Place, value: Sym, span: Span, path: N) -> Result<()> {
        let program = self.scope.b.program;
        match place {
            Place::RunVar(var, _) => {
                let Some((p, run)) = self.scope.who.run else { return Ok(()) };
                self.run_var((p, run), *var, value, span, path);
                Ok(())
            }
            Place::Var(var, keys, ty) => {
                let matches = self.scope.matches(*var, keys)?;
                let value = self.fit(ty, &value, span, program.vars[*var].span, path);
                for (element, is) in matches {
                    let here = self.scope.b.dag.and(path, is);
                    let old = self.scope.world.vars[var.0 as usize][element].clone();
                    let new = self.scope.b.select(here, &value, &old);
                    if new != old {
                        *self.scope.world.var_mut(var.0 as usize, element) = new;
                    }
                }
                Ok(())
            }
        }
    }

    /// Assigns to a variable of a run where `path` holds.
    pub fn run_var(
        &mut self,
        (p, run): (arch_ir::ProtocolId, u32),
        var: arch_ir::RunVarId,
        value: Sym,
        span: Span,
        path: N,
    ) {
        let declared = &self.scope.b.program.protocols[p].vars[var];
        let value = self.fit(&declared.ty, &value, span, declared.span, path);
        let slot = &mut self.scope.world.run_mut(p.0 as usize, run).vars[var.0 as usize];
        *slot = self.scope.b.select(path, &value, slot);
    }

    /// Gives a value greater than every one alive: in the state before the event, at this moment, and in
    /// scope.
    fn advance(&mut self, place: &'p Place, kind: OrdinalId, span: Span, path: N) -> Result<()> {
        let mut alive = Vec::new();
        let yes = self.scope.b.dag.bool(true);
        for (ty, sym) in self.scope.slots.clone().values() {
            self.scope.ordinals(sym, ty, kind, yes, &mut alive);
        }
        let before = self.before.clone();
        let present = self.scope.world.clone();
        let old = greatest_in(self.scope, &before, None, kind);
        let new = greatest_in(self.scope, &present, Some(&before), kind);
        let dag = &mut self.scope.b.dag;
        let greatest = alive.into_iter().fold(dag.max(old, new), |a, b| dag.max(a, b));
        self.advanced(place, greatest, span, path)
    }

    fn advanced(&mut self, place: &'p Place, greatest: N, span: Span, path: N) -> Result<()> {
        let present = self.present(place)?;
        let dag = &mut self.scope.b.dag;
        let (null, one) = (dag.null(), dag.int(1));
        let is_null = dag.eq(present, null);
        let some = dag.not(is_null);
        let less = dag.lt(present, greatest);
        let less = dag.and(less, some);
        let exceeded = dag.and(less, path);
        let next = dag.add(greatest, one);
        if self.scope.b.program.builtin.advances {
            self.bound(exceeded, BoundKind::Advance, span);
        }
        self.assign(place, Sym::Scalar(next), span, path)
    }

    fn present(&mut self, place: &'p Place) -> Result<N> {
        match place {
            Place::Var(var, keys, _) => self.element(*var, keys),
            Place::RunVar(var, _) => match self.scope.who.run {
                Some((p, run)) => {
                    let value =
                        self.scope.world.runs[p.0 as usize][run as usize].vars[var.0 as usize].clone();
                    Ok(value.scalar(&mut self.scope.b.dag))
                }
                None => Ok(self.scope.b.dag.null()),
            },
        }
    }

    /// An element of a variable; null if there is none with these keys.
    fn element(&mut self, var: VarId, keys: &'p [arch_ir::Expr]) -> Result<N> {
        let matches = self.scope.matches(var, keys)?;
        let elements = self.scope.world.vars[var.0 as usize].clone();
        let null = Sym::Scalar(self.scope.b.dag.null());
        let choices: Vec<_> = matches.into_iter().map(|(i, is)| (is, elements[i].clone())).collect();
        Ok(self.scope.b.pick_by(choices, null).scalar(&mut self.scope.b.dag))
    }

    /// Notes a bound, unless it is never exceeded.
    pub fn bound(&mut self, exceeded: N, kind: BoundKind, span: Span) {
        if self.scope.b.dag.constant(exceeded) != Some(0) {
            self.notes.bounds.push(Bound { exceeded, kind, span });
        }
    }

    /// Disables the event where a condition holds, because of a `cut`.
    pub fn cut(&mut self, out: N, declared: Span) {
        let dag = &mut self.scope.b.dag;
        let noted = dag.and(self.notes.live, out);
        if dag.constant(noted) == Some(0) {
            return;
        }
        self.notes.cuts.push((noted, declared));
        let inside = dag.not(out);
        self.notes.live = dag.and(self.notes.live, inside);
    }

    /// The value as it is stored: clamped, wrapped, or as it is with a bound noted.
    fn fit(&mut self, ty: &Type, value: &Sym, at: Span, declared: Span, path: N) -> Sym {
        let mut cut = self.scope.b.dag.bool(false);
        let fitted = self.fit_integers(ty, value, at, path, &mut cut);
        self.sizes(ty, &fitted, at, path);
        self.cut(cut, declared);
        fitted
    }

    fn fit_integers(&mut self, ty: &Type, value: &Sym, at: Span, path: N, cut: &mut N) -> Sym {
        let program = self.scope.b.program;
        if !program.holds(ty, &|t| matches!(t, Type::Int(_))) {
            return value.clone();
        }
        match (value, ty.unwrap_optional()) {
            (Sym::Scalar(n), Type::Int(int)) => Sym::Scalar(self.fit_int(*int, *n, at, path, cut)),
            (Sym::Opt(is, Some(inner)), ty) => {
                let path = self.scope.b.dag.and(path, *is);
                Sym::Opt(*is, Some(Arc::new(self.fit_integers(ty, inner, at, path, cut))))
            }
            (Sym::Bits(elements, _), Type::Set(element, _)) if elements.ty == **element => value.clone(),
            (Sym::Bits(..) | Sym::Slots(_), Type::Set(element, _)) => {
                let candidates = self.scope.b.candidates(value);
                self.fit_set(candidates, element, at, path, cut)
            }
            (Sym::Map(keys, values), Type::Map(_, element)) => {
                let values = values.iter().map(|v| self.fit_integers(element, v, at, path, cut)).collect();
                Sym::Map(keys.clone(), Arc::new(values))
            }
            (Sym::Seq(length, items), Type::Seq(element, _)) => {
                let mut fitted = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    let dag = &mut self.scope.b.dag;
                    let i = dag.int(i as i64);
                    let inside = dag.lt(i, *length);
                    let path = dag.and(path, inside);
                    fitted.push(self.fit_integers(element, item, at, path, cut));
                }
                Sym::Seq(*length, Arc::new(fitted))
            }
            (Sym::Record(fields), Type::Record(id)) => {
                let types = program.records[*id].fields.iter();
                let fields =
                    fields.iter().zip(types).map(|(v, f)| self.fit_integers(&f.ty, v, at, path, cut));
                Sym::Record(Arc::new(fields.collect()))
            }
            (Sym::Union(tag, variants), Type::Union(id)) => {
                let mut fitted = Vec::new();
                for (t, fields) in variants.iter().enumerate() {
                    let dag = &mut self.scope.b.dag;
                    let t_node = dag.int(t as i64);
                    let is = dag.eq(*tag, t_node);
                    let path = dag.and(path, is);
                    let types = program.unions[*id].variants[t].fields.iter();
                    fitted.push(fields.as_ref().map(|fields| {
                        let fields = fields.iter().zip(types);
                        fields.map(|(v, f)| self.fit_integers(&f.ty, v, at, path, cut)).collect()
                    }));
                }
                Sym::Union(*tag, Arc::new(fitted))
            }
            _ => value.clone(),
        }
    }

    /// Fits the elements of a set; ones that exceed stay in it.
    fn fit_set(&mut self, candidates: Vec<Candidate>, element: &Type, at: Span, path: N, cut: &mut N) -> Sym {
        let noted = self.notes.bounds.len();
        let mut fitted = Vec::new();
        for (is, value) in candidates {
            let path = self.scope.b.dag.and(path, is);
            fitted.push((is, self.fit_integers(element, &value, at, path, cut)));
        }
        let exceeds = self.notes.bounds.len() > noted;
        let element = if exceeds { &Type::Unknown } else { element };
        self.scope.b.set_of(fitted, element)
    }

    fn fit_int(&mut self, int: IntType, n: N, at: Span, path: N, cut: &mut N) -> N {
        let dag = &mut self.scope.b.dag;
        let (lo, hi, null) = (dag.int(int.lo), dag.int(int.hi), dag.null());
        let (below, above, is_null) = (dag.lt(n, lo), dag.lt(hi, n), dag.eq(n, null));
        let out = dag.or(below, above);
        let present = dag.not(is_null);
        let out = dag.and(out, present);
        let out = dag.and(out, path);
        if dag.constant(out) == Some(0) {
            return n;
        }
        match int.policy {
            RangePolicy::Clamp => {
                let low = dag.max(n, lo);
                let clamped = dag.min(low, hi);
                dag.select(is_null, null, clamped)
            }
            RangePolicy::Wrap => {
                let size = dag.int(int.hi.saturating_sub(int.lo).saturating_add(1));
                let distance = dag.sub(n, lo);
                let rest = dag.modulo(distance, size);
                let wrapped = dag.add(rest, lo);
                dag.select(is_null, null, wrapped)
            }
            RangePolicy::Cut => {
                *cut = dag.or(*cut, out);
                n
            }
            RangePolicy::Report => {
                self.bound(out, BoundKind::Range(n), at);
                n
            }
        }
    }

    /// Notes sets and sequences with too many elements, innermost first.
    fn sizes(&mut self, ty: &Type, value: &Sym, at: Span, path: N) {
        let program = self.scope.b.program;
        if !program.holds(ty, &|t| matches!(t, Type::Set(_, Some(_)) | Type::Seq(..))) {
            return;
        }
        match (value, ty.unwrap_optional()) {
            (Sym::Opt(is, Some(inner)), ty) => {
                let path = self.scope.b.dag.and(path, *is);
                self.sizes(ty, inner, at, path);
            }
            (Sym::Bits(..) | Sym::Slots(_), Type::Set(element, max)) => {
                if program.holds(element, &|t| matches!(t, Type::Set(_, Some(_)) | Type::Seq(..))) {
                    for (is, value) in self.scope.b.candidates(value) {
                        let path = self.scope.b.dag.and(path, is);
                        self.sizes(element, &value, at, path);
                    }
                }
                if let Some(max) = max {
                    self.size(value, *max, at, path);
                }
            }
            (Sym::Seq(length, items), Type::Seq(element, max)) => {
                for (i, item) in items.iter().enumerate() {
                    let dag = &mut self.scope.b.dag;
                    let i = dag.int(i as i64);
                    let inside = dag.lt(i, *length);
                    let path = dag.and(path, inside);
                    self.sizes(element, item, at, path);
                }
                self.size(value, *max, at, path);
            }
            (Sym::Map(_, values), Type::Map(_, element)) => {
                values.iter().for_each(|v| self.sizes(element, v, at, path));
            }
            (Sym::Record(fields), Type::Record(id)) => {
                let types = program.records[*id].fields.iter();
                fields.iter().zip(types).for_each(|(v, f)| self.sizes(&f.ty, v, at, path));
            }
            (Sym::Union(tag, variants), Type::Union(id)) => {
                for (t, fields) in variants.iter().enumerate() {
                    let Some(fields) = fields else { continue };
                    let dag = &mut self.scope.b.dag;
                    let t_node = dag.int(t as i64);
                    let is = dag.eq(*tag, t_node);
                    let path = dag.and(path, is);
                    let types = program.unions[*id].variants[t].fields.iter();
                    fields.iter().zip(types).for_each(|(v, f)| self.sizes(&f.ty, v, at, path));
                }
            }
            _ => {}
        }
    }

    fn size(&mut self, value: &Sym, max: u32, at: Span, path: N) {
        let length = size(self.scope.b, value);
        let dag = &mut self.scope.b.dag;
        let max = dag.int(i64::from(max));
        let longer = dag.lt(max, length);
        let exceeded = dag.and(path, longer);
        self.bound(exceeded, BoundKind::Size(length), at);
    }
}

/// The type of a picked element, with what ranges and runs are.
fn pick_type(domain: &arch_ir::Domain) -> Type {
    match domain {
        arch_ir::Domain::Range(lo, hi) => {
            Type::Int(IntType { lo: *lo, hi: *hi, policy: RangePolicy::Report })
        }
        arch_ir::Domain::Runs(p) => Type::Run(*p),
        other => element_type(other).clone(),
    }
}

/// The greatest ordinal of a kind in a state; with `base`, only what differs from that state is looked at.
fn greatest_in(scope: &mut Scope<'_, '_>, world: &World, base: Option<&World>, kind: OrdinalId) -> N {
    let program = scope.b.program;
    let (yes, mut alive) = (scope.b.dag.bool(true), Vec::new());
    for (v, var) in program.vars.iter().enumerate() {
        if base.is_some_and(|b| Arc::ptr_eq(&b.vars[v], &world.vars[v])) {
            continue;
        }
        world.vars[v].iter().for_each(|s| scope.ordinals(s, &var.ty, kind, yes, &mut alive));
    }
    for (p, protocol) in program.protocols.iter().enumerate() {
        if base.is_some_and(|b| Arc::ptr_eq(&b.runs[p], &world.runs[p])) {
            continue;
        }
        for run in world.runs[p].iter() {
            for (var, sym) in protocol.vars.iter().zip(&run.vars) {
                scope.ordinals(sym, &var.ty, kind, yes, &mut alive);
            }
        }
    }
    if base.is_none() {
        in_deliveries(scope, world, kind, &mut alive);
    }
    alive.sort_unstable();
    alive.dedup();
    let zero = scope.b.dag.int(0);
    alive.into_iter().fold(zero, |a, b| scope.b.dag.max(a, b))
}

/// The ordinals of a kind in pending deliveries.
fn in_deliveries(scope: &mut Scope<'_, '_>, world: &World, kind: OrdinalId, alive: &mut Vec<N>) {
    let program = scope.b.program;
    for (f, fault) in program.faults.iter().enumerate() {
        let arch_ir::FaultKind::Duplicate { vars, roles, locals, .. } = &fault.kind else {
            continue;
        };
        let types: Vec<&Type> = vars
            .iter()
            .map(|(p, v)| &program.protocols[*p].vars[*v].ty)
            .chain(locals.iter().map(|l| &program.vars[*l].ty))
            .collect();
        for (is, record) in world.pending[f].iter() {
            let Sym::Record(parts) = record else { continue };
            let values = parts.iter().skip(2 + roles.len());
            values.zip(&types).for_each(|(s, ty)| scope.ordinals(s, ty, kind, *is, alive));
        }
    }
}
