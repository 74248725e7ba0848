//! Declarations that nothing uses, and truth that is read and never written.

use crate::analyzer::Analyzer;
use crate::diagnostics::{header as warnings, lints};
use arch_base::Span;
use arch_ir::{Expr, ExprKind, Init, Place, Property, ProtocolId, RunVarId, Stmt, StmtKind, VarId, VarOwner};
use std::collections::{BTreeMap, BTreeSet};

/// How often variables are read.
#[derive(Default)]
struct Reads {
    vars: BTreeMap<VarId, usize>,
    run_vars: BTreeMap<(ProtocolId, RunVarId), usize>,
}

impl Reads {
    fn expr(&mut self, protocol: Option<ProtocolId>, e: &Expr) {
        e.visit(&mut |e| match (&e.kind, protocol) {
            (ExprKind::Var(var, _), _) => *self.vars.entry(*var).or_default() += 1,
            (ExprKind::RunVar(var), Some(id)) => *self.run_vars.entry((id, *var)).or_default() += 1,
            (ExprKind::RunVarOf(id, _, var), _) => {
                *self.run_vars.entry((*id, *var)).or_default() += 1;
            }
            _ => {}
        });
    }

    /// Takes back what a statement reads of the very variable that it assigns.
    fn discount(&mut self, protocol: ProtocolId, stmt: &Stmt) {
        let StmtKind::Assign(place, value) = &stmt.kind else { return };
        value.visit(&mut |e| match (&e.kind, place) {
            (ExprKind::Var(var, _), Place::Var(to, ..)) if var == to => {
                self.vars.entry(*var).and_modify(|n| *n -= 1);
            }
            (ExprKind::RunVar(var), Place::RunVar(to, _)) if var == to => {
                self.run_vars.entry((protocol, *var)).and_modify(|n| *n -= 1);
            }
            _ => {}
        });
    }

    fn var(&self, var: VarId) -> bool {
        self.vars.get(&var).is_some_and(|n| *n > 0)
    }

    fn run_var(&self, protocol: ProtocolId, var: RunVarId) -> bool {
        self.run_vars.get(&(protocol, var)).is_some_and(|n| *n > 0)
    }
}

impl Analyzer<'_> {
    /// Warns about them. Sketches, whose effects are still to be written, are not warned about writes.
    ///
    /// Nor are files with errors: whatever could not be resolved may be the use, or the write, that is missed.
    pub fn check_unused(&mut self) {
        if self.has_errors() {
            return;
        }
        self.check_unused_definitions();
        self.check_unused_roles();
        if !self.is_sketch() {
            self.check_never_written();
            self.check_never_read();
        }
    }

    fn check_unused_definitions(&mut self) {
        let mut unused = Vec::new();
        for (name, entries) in &self.tables.defines.names {
            if !self.used.contains(name) {
                unused.extend(entries.iter().map(|e| (name.clone(), e.span)));
            }
        }
        for (name, decl) in &self.tables.defines.functions {
            if !self.used.contains(name) {
                unused.push((name.clone(), decl.body.span));
            }
        }
        unused.into_iter().for_each(|(name, span)| self.report(warnings::unused(span, "definition", &name)));
    }

    fn check_unused_roles(&mut self) {
        let unused: Vec<_> = self
            .tables
            .roles
            .iter()
            .filter(|(name, _)| !self.used.contains(*name))
            .map(|(name, role)| (name.clone(), role.span))
            .collect();
        unused.into_iter().for_each(|(name, span)| self.report(warnings::unused(span, "role", &name)));
    }

    /// Attributes, locals and variables of runs that no guard, effect or property looks at. What an effect makes of
    /// the variable itself is no look at it.
    fn check_never_read(&mut self) {
        let mut reads = Reads::default();
        for (protocol, e) in self.program.all_exprs() {
            reads.expr(protocol, e);
        }
        let own: Vec<(ProtocolId, &Stmt)> = self
            .program
            .protocols
            .iter_enumerated()
            .flat_map(|(id, p)| p.steps.iter().flat_map(|s| s.effects()).map(move |s| (id, s)))
            .collect();
        own.into_iter().for_each(|(id, s)| s.visit(&mut |s| reads.discount(id, s)));
        let mut found = Vec::new();
        // A view copies all attributes of its truth object, whether they are asked for or not.
        let copy = |id: &VarId| self.tables.views.iter().any(|v| v.copies.iter().any(|(_, c)| c == id));
        let vars = self.program.vars.iter_enumerated();
        for (id, var) in vars.filter(|(id, _)| !reads.var(*id) && !copy(id)) {
            found.push(lints::never_read(&var.name, var.span, self.written.contains(&id)));
        }
        // What a block of rules declares, each of its rules has: that one of them reads it is enough.
        let protocols = self.program.protocols.iter_enumerated();
        let of_runs =
            protocols.flat_map(|(id, p)| p.vars.iter_enumerated().map(move |(v, var)| (id, v, var)));
        let (read, unread): (Vec<_>, Vec<_>) = of_runs.partition(|(id, v, _)| reads.run_var(*id, *v));
        let mut known: BTreeSet<Span> = read.iter().map(|(_, _, var)| var.span).collect();
        let unread = unread.into_iter().filter(|(_, _, var)| known.insert(var.span));
        found.extend(unread.map(|(_, _, var)| lints::never_read(&var.name, var.span, true)));
        found.into_iter().for_each(|warning| self.report(warning));
    }

    /// Variables that properties read, with a place where one does: what is said of a flag that nobody sets says nothing.
    fn read_by_properties(&self) -> Vec<(VarId, Span)> {
        let mut found = Vec::new();
        for (_, e) in self.program.properties.iter().flat_map(Property::exprs) {
            e.visit(&mut |e| {
                if let ExprKind::Var(var, _) = &e.kind {
                    found.push((*var, e.span));
                }
            });
        }
        found
    }

    fn check_never_written(&mut self) {
        let mut seen = BTreeSet::new();
        let of_properties = self.read_by_properties();
        for (var, span) in std::mem::take(&mut self.guarded).into_iter().chain(of_properties) {
            let declared = &self.program.vars[var];
            let truth = matches!(declared.owner, VarOwner::Truth(_));
            let varies = matches!(declared.init, Init::Any);
            if truth && !varies && !self.written.contains(&var) && seen.insert(var) {
                let warning = warnings::never_written(span, &declared.name, declared.span);
                self.report(warning);
            }
        }
    }
}
