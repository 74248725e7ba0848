//! Declarations that nothing uses, and truth that is read and never written.

use crate::analyzer::Analyzer;
use crate::diagnostics::header as warnings;
use arch_ir::{Init, VarOwner};
use std::collections::BTreeSet;

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

    fn check_never_written(&mut self) {
        let mut seen = BTreeSet::new();
        for (var, span) in std::mem::take(&mut self.guarded) {
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
