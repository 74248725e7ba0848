//! The header: what the archetype says about itself.

use crate::analyzer::Analyzer;
use crate::diagnostics::header as errors;
use crate::diagnostics::owners as warnings;
use crate::ownership::{ATTEMPT_SCOPED, Ownership, Shape};
use arch_base::Span;
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

    /// Compares the shape of ownership that the header names with the ones that the steps show.
    pub fn check_ownership(&mut self) {
        let Some(header) = self.module.header.as_ref().filter(|_| !self.has_errors() && !self.is_sketch())
        else {
            return;
        };
        let fields = header.fields.iter().filter(|f| crate::declare::join(&f.key) == "ownership");
        let texts = fields.flat_map(|f| &f.values).filter_map(|v| match v {
            HeaderValue::Text(text) => Some((text.value.as_str(), text.span)),
            HeaderValue::Name(_) => None,
        });
        for (text, span) in texts {
            for (declared, missing) in lacking(&self.ownerships) {
                if text.contains(declared) {
                    self.report(warnings::not_the_shape(declared, missing, span));
                }
            }
            self.check_attributes_named(text, span);
        }
    }

    /// `LeaseState.holder_id` in a text is an attribute.
    fn check_attributes_named(&mut self, text: &str, span: Span) {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        for word in words.map(|w| w.trim_end_matches('.')) {
            let Some((truth, attribute)) = word.split_once('.') else { continue };
            let entry = self.tables.truths.get(truth);
            if !truth.is_empty() && !entry.is_some_and(|t| t.attrs.contains_key(attribute)) {
                self.report(warnings::no_such_attribute(word, span));
            }
        }
    }
}

/// The shapes that a spec does not have, each with what it lacks of them.
fn lacking(found: &[Ownership]) -> Vec<(&'static str, &'static str)> {
    let owners: Vec<Shape> = found.iter().filter_map(|o| o.owner.map(|(_, shape)| shape)).collect();
    let missing = |shape: &Shape| match shape {
        _ if owners.is_empty() => "no guard compares an attribute that holds an actor with who acts",
        Shape::OwnerOnly => "every owner loses what it has when an instant is over",
        Shape::LeaseBacked => "no owner is taken away because an instant is over",
    };
    let shapes = [Shape::OwnerOnly, Shape::LeaseBacked].into_iter().filter(|shape| !owners.contains(shape));
    let scoped = found.iter().any(Ownership::is_attempt_scoped);
    let attempts =
        (!scoped).then_some((ATTEMPT_SCOPED, "no attempt is advanced by one step and compared by another"));
    shapes.map(|shape| (shape.word(), missing(&shape))).chain(attempts).collect()
}
