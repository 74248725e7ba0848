//! What is claimed of states and events.

use super::action::{Combination, Compiler, LiveCombination};
use super::dag::N;
use super::expr::{Result, Scope, Who};
use super::sym::{Sym, value_of};
use super::world::World;
use arch_ir::{
    Binder, Domain, Expr, IntType, Property, PropertyKind, ProtocolId, RangePolicy, RunRef, StepId, Type,
    Value,
};

impl<'p> Compiler<'p, '_> {
    fn properties(&self) -> impl Iterator<Item = (usize, &'p Property)> + use<'p> {
        self.b.program.properties.iter().enumerate()
    }

    /// For each `always` property, whether every state before an event satisfies it.
    pub fn always(&mut self) -> Result<Vec<(usize, N)>> {
        let before = self.before.clone();
        self.always_in(&before)
    }

    /// For each `always` property, whether a state satisfies it.
    pub fn always_in(&mut self, world: &World) -> Result<Vec<(usize, N)>> {
        let who = self.nobody();
        let mut list = Vec::new();
        for (i, property) in self.properties() {
            if let PropertyKind::Always(claim) = &property.kind {
                let mut scope = self.scope(world.clone(), world.clone(), who);
                list.push((i, for_all(&mut scope, &property.binders, claim)?));
            }
        }
        Ok(list)
    }

    /// The `at` and `after` properties of a step.
    pub fn step_claims(
        &mut self,
        (p, step): (ProtocolId, StepId),
        who: Who,
        made: &World,
        (old, done): (&World, &World),
    ) -> Result<Vec<(usize, N)>> {
        let mut list = Vec::new();
        for (i, property) in self.properties() {
            let PropertyKind::Step { at, after } = &property.kind else { continue };
            for claim in at.iter().filter(|c| c.protocol == p && c.step == step) {
                let (now, old) = if *after { (done, old) } else { (made, made) };
                let mut scope = self.scope(now.clone(), old.clone(), who);
                list.push((i, for_all(&mut scope, &property.binders, &claim.claim)?));
            }
        }
        Ok(list)
    }

    /// For each `monotonic` property, whether it does not decrease.
    pub fn monotonic(&mut self, judged: &World) -> Result<Vec<(usize, N)>> {
        let (who, before) = (self.nobody(), self.before.clone());
        let mut list = Vec::new();
        for (i, property) in self.properties() {
            let PropertyKind::Monotonic(e) = &property.kind else { continue };
            let mut scope = self.scope(before.clone(), before.clone(), who);
            let yes = scope.b.dag.bool(true);
            let mut holds = yes;
            visit(&mut scope, &property.binders, yes, &mut Vec::new(), &mut |scope, exists, _| {
                let was = scope.scalar(e)?;
                let outer = std::mem::replace(&mut scope.world, judged.clone());
                let outer_old = std::mem::replace(&mut scope.old, judged.clone());
                let is = scope.scalar(e);
                (scope.world, scope.old) = (outer, outer_old);
                let fine = not_less(scope, is?, was);
                let fine = scope.b.dag.implies(exists, fine);
                holds = scope.b.dag.and(holds, fine);
                Ok(())
            })?;
            list.push((i, holds));
        }
        Ok(list)
    }

    /// For each `reachable` and `always possible` property its combinations, in order.
    pub fn combinations(&mut self) -> Result<Vec<(usize, Vec<Combination>)>> {
        let (who, before) = (self.nobody(), self.before.clone());
        let mut list = Vec::new();
        for (i, property) in self.properties() {
            let (PropertyKind::Reachable(claim) | PropertyKind::AlwaysPossible(claim)) = &property.kind
            else {
                continue;
            };
            self.check_named(property)?;
            let mut scope = self.scope(before.clone(), before.clone(), who);
            let yes = scope.b.dag.bool(true);
            let mut all = Vec::new();
            visit(&mut scope, &property.binders, yes, &mut Vec::new(), &mut |scope, exists, bound| {
                let holds = scope.scalar(claim)?;
                all.push(Combination { exists, holds, values: constants(scope, bound) });
                Ok(())
            })?;
            list.push((i, all));
        }
        Ok(list)
    }

    /// For each liveness property its combinations, in order.
    pub fn live_combinations(&mut self) -> Result<Vec<(usize, Vec<LiveCombination>)>> {
        let (who, before) = (self.nobody(), self.before.clone());
        let mut list = Vec::new();
        for (i, property) in self.properties() {
            let (trigger, goal) = match &property.kind {
                PropertyKind::LeadsTo(p, q) => (Some(p), q),
                PropertyKind::Eventually(q) | PropertyKind::AlwaysEventually(q) => (None, q),
                _ => continue,
            };
            self.check_named(property)?;
            let mut scope = self.scope(before.clone(), before.clone(), who);
            let yes = scope.b.dag.bool(true);
            let mut all = Vec::new();
            visit(&mut scope, &property.binders, yes, &mut Vec::new(), &mut |scope, exists, _| {
                let triggered = trigger.map_or(Ok(yes), |p| scope.scalar(p))?;
                let due = scope.b.dag.and(exists, triggered);
                all.push(LiveCombination { due, goal: scope.scalar(goal)? });
                Ok(())
            })?;
            list.push((i, all));
        }
        Ok(list)
    }

    /// Refuses binders whose values have no finite list.
    fn check_named(&mut self, property: &Property) -> Result<()> {
        if property.binders.iter().any(|b| self.is_nameless(b)) {
            let message = "this property ranges over a set whose elements have no finite list";
            return Err(crate::CompileError::at(property.span, message));
        }
        Ok(())
    }

    /// Whether a binder's values are not the same ones in every state.
    fn is_nameless(&mut self, binder: &Binder) -> bool {
        match &binder.domain {
            arch_ir::Domain::Set(_) => self.b.elements(arch_ir::walk::element_type(&binder.domain)).is_none(),
            _ => false,
        }
    }

    /// For each run of a protocol that is not a rule, whether it is unfinished.
    pub fn unfinished_runs(&mut self) -> Vec<(RunRef, N)> {
        let program = self.program();
        let mut list = Vec::new();
        for (protocol, _) in program.protocols.iter_enumerated().filter(|(_, p)| !p.rule) {
            for run in 0..program.run_count(protocol) {
                let unfinished = self.unfinished((protocol, run));
                if self.b.dag.constant(unfinished) != Some(0) {
                    list.push((RunRef { protocol, run }, unfinished));
                }
            }
        }
        list
    }
}

fn not_less(scope: &mut Scope<'_, '_>, is: N, was: N) -> N {
    let dag = &mut scope.b.dag;
    let null = dag.null();
    let (less, no_is, no_was) = (dag.lt(is, was), dag.eq(is, null), dag.eq(was, null));
    let fine = dag.not(less);
    let none = dag.or(no_is, no_was);
    dag.or(fine, none)
}

fn for_all<'p>(scope: &mut Scope<'_, 'p>, binders: &'p [Binder], claim: &'p Expr) -> Result<N> {
    let yes = scope.b.dag.bool(true);
    let mut all = yes;
    visit(scope, binders, yes, &mut Vec::new(), &mut |scope, exists, _| {
        let holds = scope.scalar(claim)?;
        let fine = scope.b.dag.implies(exists, holds);
        all = scope.b.dag.and(all, fine);
        Ok(())
    })?;
    Ok(all)
}

/// What is done for a combination, with whether it exists and the values that are bound.
type Visit<'f, 'b, 'p> = &'f mut dyn FnMut(&mut Scope<'b, 'p>, N, &[(Type, Sym)]) -> Result<()>;

/// Does something for every combination of binders.
fn visit<'b, 'p>(
    scope: &mut Scope<'b, 'p>,
    binders: &'p [Binder],
    exists: N,
    bound: &mut Vec<(Type, Sym)>,
    f: Visit<'_, 'b, 'p>,
) -> Result<()> {
    let Some((first, rest)) = binders.split_first() else { return f(scope, exists, bound) };
    for (is, value) in scope.bind(first)? {
        let exists = scope.b.dag.and(exists, is);
        let ty = arch_ir::walk::element_type(&first.domain).clone();
        bound.push((binder_type(&first.domain), value.clone()));
        scope.with(first.slot, &ty, value, |scope| visit(scope, rest, exists, bound, f))?;
        bound.pop();
    }
    Ok(())
}

/// The type of the values of a domain.
pub fn binder_type(domain: &Domain) -> Type {
    match domain {
        Domain::Range(lo, hi) => Type::Int(IntType { lo: *lo, hi: *hi, policy: RangePolicy::Report }),
        Domain::Runs(protocol) => Type::Run(*protocol),
        domain => arch_ir::walk::element_type(domain).clone(),
    }
}

/// The values, if they are the same in every state.
fn constants(scope: &mut Scope<'_, '_>, bound: &[(Type, Sym)]) -> Option<Vec<Value>> {
    let number = |n: N| scope.b.dag.constant(n);
    bound.iter().map(|(ty, value)| value_of(scope.b.program, value, ty, &number)).collect()
}
