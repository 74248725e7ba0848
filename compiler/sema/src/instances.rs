//! Instances: their settings name constants, their expectations name properties.

use crate::analyzer::Analyzer;
use crate::diagnostics::{instances as errors, names};
use arch_grammar::ast::{self, ItemKind};

impl<'m> Analyzer<'m> {
    /// Checks all instances, also those that were not chosen; and composition, which is reserved.
    pub fn check_instances(&mut self) {
        let mut seen: Vec<&'m ast::Ident> = Vec::new();
        for (instance, _) in self.instances() {
            if let Some(earlier) = seen.iter().find(|s| s.name == instance.name.name) {
                self.report(names::duplicate(&instance.name, "instance", earlier.span));
            }
            seen.push(&instance.name);
            for (name, value) in &instance.settings {
                if !self.tables.consts.contains_key(&name.name) {
                    let error = errors::not_a_constant(name, &self.tables);
                    self.report(error);
                }
                self.check_setting(name, value);
            }
            self.check_repeated_settings(instance);
            for expectation in &instance.expectations {
                self.check_property_name(&expectation.property);
            }
        }
        self.check_chosen(&seen);
        for item in &self.module.items {
            if let ItemKind::Composition(decl) = &item.kind {
                self.report(errors::composition_reserved(&decl.keyword));
            }
        }
    }

    fn check_setting(&mut self, name: &'m ast::Ident, value: &'m ast::Expr) {
        let Some(given) = self.const_value(value) else { return };
        let Some(entry) = self.tables.consts.get(&name.name) else { return };
        if crate::consts::type_of(&given) != entry.ty {
            let error = errors::setting_type(name, value.span, &self.show_type(&entry.ty), entry.span);
            self.report(error);
        }
    }

    fn check_repeated_settings(&mut self, instance: &'m ast::InstanceDecl) {
        let names: Vec<&ast::Ident> = instance.settings.iter().map(|(name, _)| name).collect();
        for (i, name) in names.iter().enumerate() {
            if let Some(earlier) = names[..i].iter().find(|n| n.name == name.name) {
                self.report(names::duplicate(name, "setting", earlier.span));
            }
        }
    }

    fn check_chosen(&mut self, declared: &[&ast::Ident]) {
        if let (Some(name), None) = (&self.options.instance, self.chosen_instance()) {
            let known: Vec<&str> = declared.iter().map(|i| i.name.as_str()).collect();
            let anchor = self.anchor();
            self.report(errors::unknown_instance(name, &known, anchor));
        }
    }
}
