//! Which placed truth objects a step touches, and whether the acting instance is connected with them.

use super::dag::N;
use super::expr::{Result, Scope};
use arch_ir::{Expr, ExprKind, Place, SortId, Step, Stmt, StmtKind, Type, VarId, VarOwner};

/// Looks at a step in the scope of one of its attempts.
pub struct Touch<'s, 'b, 'p> {
    scope: &'s mut Scope<'b, 'p>,
    actor: (SortId, N),
    connected: N,
}

impl<'s, 'b, 'p> Touch<'s, 'b, 'p> {
    /// Whether the acting instance is connected with everything that a step's guard, `let`s and effect touch.
    pub fn connected(scope: &'s mut Scope<'b, 'p>, actor: (SortId, u32), step: &'p Step) -> Result<N> {
        let (me, connected) = (scope.b.dag.int(i64::from(actor.1)), scope.b.dag.bool(true));
        let mut touch = Touch { scope, actor: (actor.0, me), connected };
        touch.expr(&step.guard)?;
        for (_, e) in &step.lets {
            touch.expr(e)?;
        }
        touch.block(&step.effect)?;
        Ok(touch.connected)
    }

    fn block(&mut self, stmts: &'p [Stmt]) -> Result<()> {
        let outer = self.scope.slots.clone();
        for stmt in stmts {
            for e in stmt.exprs() {
                self.expr(e)?;
            }
            match &stmt.kind {
                StmtKind::Assign(Place::Var(var, keys, _), _)
                | StmtKind::Advance(Place::Var(var, keys, _), _) => {
                    self.var(*var, keys)?;
                }
                StmtKind::Let(slot, e) if self.known(e) => {
                    let value = self.scope.eval(e)?;
                    self.scope.slots.insert(*slot, (e.ty.clone(), value));
                }
                _ => {}
            }
            for block in stmt.blocks() {
                self.block(block)?;
            }
        }
        self.scope.slots = outer;
        Ok(())
    }

    fn expr(&mut self, e: &'p Expr) -> Result<()> {
        if let ExprKind::Let(slot, value, body) = &e.kind
            && self.known(value)
        {
            self.expr(value)?;
            let bound = self.scope.eval(value)?;
            let outer = self.scope.slots.insert(*slot, (value.ty.clone(), bound));
            self.expr(body)?;
            match outer {
                Some(outer) => self.scope.slots.insert(*slot, outer),
                None => self.scope.slots.remove(slot),
            };
            return Ok(());
        }
        if let ExprKind::Var(var, keys) = &e.kind {
            self.var(*var, keys)?;
        }
        e.children().into_iter().try_for_each(|child| self.expr(child))
    }

    /// Whether every variable in an expression has its value already.
    fn known(&self, e: &Expr) -> bool {
        let mut known = true;
        e.visit(&mut |part| {
            if let ExprKind::Slot(slot) = part.kind {
                known &= self.scope.slots.contains_key(&slot);
            }
        });
        known
    }

    /// A key that depends on a quantified, looped or picked variable stands for every instance.
    fn var(&mut self, var: VarId, keys: &'p [Expr]) -> Result<()> {
        let program = self.scope.b.program;
        let VarOwner::Truth(truth) = program.vars[var].owner else { return Ok(()) };
        let Some(place) = program.truths[truth].place else { return Ok(()) };
        let keyed = program.vars[var].keys.first() == Some(&Type::Id(place));
        match keys.first().filter(|_| keyed) {
            None => {
                let at = self.scope.b.dag.int(0);
                self.meet((place, at));
            }
            Some(key) if self.known(key) => {
                let at = self.scope.scalar(key)?;
                self.meet((place, at));
            }
            Some(_) => {
                for n in 0..program.sorts[place].size {
                    let at = self.scope.b.dag.int(i64::from(n));
                    self.meet((place, at));
                }
            }
        }
        Ok(())
    }

    /// Notes an instance; null is none.
    fn meet(&mut self, other: (SortId, N)) {
        let connected = self.scope.connected(self.actor, other);
        let dag = &mut self.scope.b.dag;
        let null = dag.null();
        let nobody = dag.eq(other.1, null);
        let fine = dag.or(connected, nobody);
        self.connected = dag.and(self.connected, fine);
    }
}
