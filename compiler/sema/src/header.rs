//! The header: what the archetype says about itself.

use crate::analyzer::Analyzer;
use crate::diagnostics::header as errors;
use arch_grammar::ast::{self, HeaderValue, ItemKind};

/// The entries that a header may have.
const KEYS: &[&str] = &[
    "entities",
    "source of truth",
    "ownership",
    "write paths",
    "read paths",
    "sequence",
    "bottlenecks",
    "mitigation",
    "input",
    "output",
    "decorator",
    "unit of work",
    "variants",
    "invariant families",
    "failure signatures",
    "anchors",
];

impl Analyzer<'_> {
    /// Checks the header's entries, and that the truth listed for the protocols is an entity of the archetype.
    pub fn check_header(&mut self) {
        let Some(header) = &self.module.header else { return };
        self.program.name.clone_from(&header.id.name);
        for field in &header.fields {
            let key = crate::declare::join(&field.key);
            if !KEYS.contains(&key.as_str()) {
                self.report(errors::unknown_entry(
                    &key,
                    field.key.first().map_or(field.span, |k| k.span),
                    KEYS,
                ));
            }
        }
        let Some(field) = header.fields.iter().find(|f| crate::declare::join(&f.key) == "entities") else {
            return;
        };
        let entities: Vec<&ast::Ident> = field
            .values
            .iter()
            .filter_map(|v| match v {
                HeaderValue::Name(name) => Some(name),
                HeaderValue::Text(_) => None,
            })
            .collect();
        for item in &self.module.items {
            let ItemKind::Truth(truth) = &item.kind else { continue };
            let listed = entities.iter().any(|e| e.name == truth.name.name);
            if !listed && truth.ghost.is_none() {
                self.report(errors::not_an_entity(&truth.name, field.span, &header.id.name));
            }
        }
    }
}
