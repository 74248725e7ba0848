//! `each` and `spawn`: steps of a main chain that happen once per key, in sub-runs of a protocol of their own.
//!
//! The steps from `spawn S` up to `join J` (or the one step of `each S: D`) leave the chain; the run waits at the step
//! after them until all its sub-runs are done. Where nothing comes after them, a step without guard and effect does.

use crate::analyzer::Analyzer;
use crate::diagnostics::protocols as errors;
use crate::tables::{ProtocolEntry, ProtocolSource};
use arch_base::Span;
use arch_grammar::ast::{self, HeadItem, ItemKind};

/// Steps that happen once per key.
pub struct Segment<'m> {
    /// The first of them in the main chain.
    pub from: usize,
    /// One past the last.
    pub to: usize,
    /// What they happen once for.
    pub keys: Vec<ast::Subject>,
    /// The declaration.
    pub span: Span,
    /// The first operation.
    pub first: &'m ast::Ident,
}

/// A step that waits for sub-runs where the chain has none: for each protocol by place, one per step of its chain.
pub fn joining_steps(module: &ast::Module) -> Vec<(Span, Vec<ast::Step>)> {
    let protocols = module.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Protocol(p) => Some(p),
        _ => None,
    });
    protocols.map(|p| (p.name.span, joining_steps_of(&p.main))).collect()
}

fn joining_steps_of(chain: &ast::Chain) -> Vec<ast::Step> {
    let before = std::iter::once(&chain.steps[0]).chain(&chain.steps);
    let joining = |(before, step): (&ast::Step, &ast::Step)| {
        let name = format!("joined {}", step.operation.name);
        ast::Step {
            actor: before.actor.clone(),
            operation: ast::Ident { name, span: step.operation.span },
            guard: None,
            span: step.operation.span,
        }
    };
    before.zip(&chain.steps).map(joining).collect()
}

/// Whether an operation is one that [`joining_steps`] made.
pub fn is_joining(operation: &ast::Ident) -> bool {
    operation.name.contains(' ')
}

impl<'m> Analyzer<'m> {
    /// The segments of a protocol's main chain, in order; reports those that do not fit.
    pub fn segments_of(&mut self, protocol: &'m ast::Protocol) -> Vec<Segment<'m>> {
        let in_head = protocol.head.iter().filter_map(|item| match item {
            HeadItem::Item(item) => Some(item),
            _ => None,
        });
        let items: Vec<&'m ast::Item> = in_head.chain(&self.module.items).collect();
        let mut found: Vec<Segment<'m>> = Vec::new();
        for item in &items {
            let (target, keys, to) = match &item.kind {
                ItemKind::Each(decl) => {
                    let key = ast::Subject { name: decl.sort.clone(), sort: decl.sort.clone() };
                    (&decl.target, vec![key], None)
                }
                ItemKind::Spawn(decl) => (&decl.target, decl.subjects.clone(), Some(&items)),
                _ => continue,
            };
            let Some(from) = position(protocol, target) else {
                self.check_not_in_branch(protocol, target);
                continue;
            };
            let to = to.map_or(from + 1, |items| joined(protocol, from, items));
            found.push(Segment {
                from,
                to,
                keys,
                span: item.span,
                first: &protocol.main.steps[from].operation,
            });
        }
        found.sort_by_key(|s| s.from);
        self.check_segments(protocol, &found);
        found
    }

    fn check_not_in_branch(&mut self, protocol: &'m ast::Protocol, target: &'m ast::OpRef) {
        let named = target.protocol.as_ref().is_none_or(|p| p.name == protocol.name.name);
        let steps = protocol.branches.iter().flat_map(|b| &b.steps);
        if named && steps.into_iter().any(|s| s.operation.name == target.operation.name) {
            self.report(errors::not_in_main_chain(&target.operation));
        }
    }

    fn check_segments(&mut self, protocol: &'m ast::Protocol, found: &[Segment<'m>]) {
        let begins = protocol.head.iter().any(|item| matches!(item, HeadItem::Let { at: None, .. }));
        for (i, segment) in found.iter().enumerate() {
            if segment.from == 0 && (!begins || segment.to == protocol.main.steps.len()) {
                self.report(errors::segment_at_start(segment.span, segment.first.span));
            }
            if let Some(earlier) = found[..i].iter().find(|s| s.to > segment.from) {
                self.report(errors::segments_overlap(segment.span, earlier.span));
            }
        }
    }

    /// The entry of the protocol that a segment was taken out of, and the number of its own main steps before it.
    pub fn parent_entry(&self, index: usize) -> Option<(usize, usize)> {
        match self.tables.protocols[index].source {
            ProtocolSource::Segment { parent, before, .. } => Some((parent, before)),
            _ => None,
        }
    }

    /// The position in a protocol's main chain at which the sub-runs that have this operation happen.
    pub fn segment_position(&self, index: usize, operation: &str) -> Option<u32> {
        Some(self.position_after(index, self.segment_number(index, operation)?))
    }

    /// How many of a protocol's own main steps come before the sub-runs that have this operation.
    pub fn segment_number(&self, index: usize, operation: &str) -> Option<usize> {
        self.segment_with(index, operation).map(|(before, _)| before)
    }

    /// Whether sub-runs begin with an operation, and come first where they do: a run that is moved there finds what it
    /// needs.
    pub fn begins_segment(&self, index: usize, at: &ast::OpRef) -> bool {
        let Some((before, entry)) = self.segment_with(index, &at.operation.name) else { return false };
        let number = |e: &ProtocolEntry<'m>| match e.source {
            ProtocolSource::Segment { parent, before, .. } if parent == index => Some(before),
            _ => None,
        };
        let first = self.tables.protocols.iter().find(|e| number(e) == Some(before));
        first.is_some_and(|e| e.id == entry.id)
            && entry.steps.first().is_some_and(|(_, s)| s.operation.name == at.operation.name)
    }

    fn segment_with(&self, index: usize, operation: &str) -> Option<(usize, &ProtocolEntry<'m>)> {
        self.tables.protocols.iter().find_map(|entry| match entry.source {
            ProtocolSource::Segment { parent, before, .. }
                if parent == index && entry.has_operation(operation) =>
            {
                Some((before, entry))
            }
            _ => None,
        })
    }

    /// The position in the main chain after so many of its steps as written.
    pub fn position_after(&self, index: usize, steps: usize) -> u32 {
        let main = self.runs[index].steps.iter().filter(|w| w.chain == 0).take(steps);
        main.map(|w| w.ids.len() as u32).sum()
    }

    /// Whether a step belongs to another part of the same protocol as written.
    pub fn is_elsewhere(&self, index: usize, operation: &ast::Ident) -> bool {
        let alias = &self.tables.protocols[index].alias;
        let has = |entry: &ProtocolEntry<'m>| entry.has_operation(&operation.name);
        !has(&self.tables.protocols[index])
            && (self.parent_entry(index).is_some()
                || self.tables.protocols.iter().any(|p| p.alias == *alias && has(p)))
    }
}

/// The position of an operation in a protocol's main chain.
fn position(protocol: &ast::Protocol, target: &ast::OpRef) -> Option<usize> {
    let named = target.protocol.as_ref().is_none_or(|p| p.name == protocol.name.name);
    let steps = &protocol.main.steps;
    steps.iter().position(|s| named && s.operation.name == target.operation.name)
}

/// The position of the first `join` after a step; the end of the chain where there is none.
fn joined(protocol: &ast::Protocol, from: usize, items: &[&ast::Item]) -> usize {
    let joins = items.iter().filter_map(|item| match &item.kind {
        ItemKind::Join(target) => position(protocol, target),
        _ => None,
    });
    joins.filter(|p| *p > from).min().unwrap_or(protocol.main.steps.len())
}
