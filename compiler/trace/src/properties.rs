//! Which properties can be judged event by event, looking at the rows that an event touches alone.
//!
//! A property that held before an event can be broken by it only where it reads a row that the event wrote. If the instances
//! that a property speaks of are the keys of everything that it reads, those are instances of the event, and looking at them is
//! exact. A property that counts, or compares one instance with all others, would have to be evaluated on the whole state after
//! every event: it is not judged, and said not to be.

use crate::closed::Openness;
use arch_base::Idx;
use arch_ir::symmetry::sorts_in;
use arch_ir::{Binder, Domain, Expr, ExprKind, Program, Property, PropertyKind, SlotId, Type};

/// Whether a property can be judged; if not, why.
pub fn judged(program: &Program, open: &[Openness], property: &Property) -> Result<(), String> {
    let mut scope = Scope { program, open, all: Vec::new() };
    match &property.kind {
        PropertyKind::LeadsTo(..) | PropertyKind::Eventually(_) | PropertyKind::AlwaysEventually(_) => {
            Err("it speaks of infinite behaviours".into())
        }
        PropertyKind::Reachable(_) | PropertyKind::AlwaysPossible(_) => {
            Err("it speaks of what could happen, not of what did".into())
        }
        PropertyKind::Step { at, .. } => match property.binders.iter().find_map(|b| scope.open_domain(b)) {
            Some(sort) => Err(format!("it speaks of every {sort}")),
            None => at.iter().try_for_each(|c| scope.quiet(&c.claim)),
        },
        PropertyKind::Monotonic(e) => {
            scope.bind(&property.binders)?;
            scope.keyed(e)
        }
        PropertyKind::Always(e) => {
            scope.bind(&property.binders)?;
            scope.universal(e)
        }
    }
}

/// The instances that a claim speaks of.
struct Scope<'p> {
    program: &'p Program,
    open: &'p [Openness],
    /// Variables that range over all instances, of which there is no list.
    all: Vec<SlotId>,
}

impl Scope<'_> {
    /// The name of what a binder ranges over, if there is no list of it.
    fn open_domain(&self, binder: &Binder) -> Option<String> {
        match &binder.domain {
            Domain::Type(ty) => self.open_sort(ty),
            Domain::Runs(id) => Some(format!("run of {}", self.program.protocols[*id].name)),
            Domain::Range(..) | Domain::Set(_) => None,
        }
    }

    fn open_sort(&self, ty: &Type) -> Option<String> {
        let mut sorts = sorts_in(self.program, ty);
        sorts.find(|s| self.open[s.index()] != Openness::Closed).map(|s| self.program.sorts[s].name.clone())
    }

    fn bind(&mut self, binders: &[Binder]) -> Result<(), String> {
        for binder in binders {
            if self.open_domain(binder).is_some() {
                self.all.push(binder.slot);
            }
            if let Some(filter) = &binder.filter {
                self.keyed(filter)?;
            }
        }
        Ok(())
    }

    /// A claim of which only what it says of all may be open.
    fn universal(&mut self, e: &Expr) -> Result<(), String> {
        match &e.kind {
            ExprKind::And(parts) => parts.iter().try_for_each(|part| {
                let bound = self.all.len();
                self.universal(part)?;
                self.all.truncate(bound);
                Ok(())
            }),
            ExprKind::All(binder, body) => {
                self.bind(std::slice::from_ref(binder))?;
                self.universal(body)
            }
            ExprKind::Not(inner) => match &inner.kind {
                ExprKind::Any(binder, body) => {
                    self.bind(std::slice::from_ref(binder))?;
                    self.keyed(body)
                }
                _ => self.keyed(e),
            },
            _ => self.keyed(e),
        }
    }

    /// An expression without open quantifiers, that reads nothing but what belongs to all instances that it speaks of.
    fn keyed(&self, e: &Expr) -> Result<(), String> {
        self.quiet(e)?;
        let mut wrong = None;
        e.visit(&mut |e| match &e.kind {
            ExprKind::Var(var, keys) => {
                let mine =
                    |slot: &SlotId| keys.iter().any(|k| matches!(k.kind, ExprKind::Slot(s) if s == *slot));
                let plain = |k: &Expr| matches!(k.kind, ExprKind::Slot(_) | ExprKind::Literal(_));
                if !self.all.iter().all(mine) || !keys.iter().all(plain) {
                    wrong = Some(self.program.vars[*var].name.clone());
                }
            }
            ExprKind::RunAt(id, r, _)
            | ExprKind::RunUnfinished(id, r)
            | ExprKind::RunRole(id, r, _)
            | ExprKind::RunVarOf(id, r, _) => {
                let mine = |slot: &SlotId| matches!(r.kind, ExprKind::Slot(s) if s == *slot);
                if !self.all.iter().all(mine) {
                    wrong = Some(format!("runs of {}", self.program.protocols[*id].name));
                }
            }
            _ => {}
        });
        match wrong {
            None => Ok(()),
            Some(what) => Err(format!("it compares what belongs to different instances ({what})")),
        }
    }

    /// An expression without open quantifiers.
    fn quiet(&self, e: &Expr) -> Result<(), String> {
        let mut open = None;
        e.visit(&mut |e| {
            let found = match &e.kind {
                ExprKind::TypeSet(ty) => self.open_sort(ty),
                _ => e.binder().and_then(|b| self.open_domain(b)),
            };
            open = open.take().or(found);
        });
        match open {
            None => Ok(()),
            Some(what) => Err(format!("it speaks of every {what} at once")),
        }
    }
}
