//! Declarations about branches and outcomes that speak of nothing: they would be passed over in silence.

use crate::analyzer::Analyzer;
use crate::diagnostics::protocols as errors;
use crate::tables::{ProtocolEntry, ProtocolSource};
use arch_grammar::ast::{self, HeadItem, ItemKind};

impl<'m> Analyzer<'m> {
    /// Every `branch` names a step that begins a branch, and every `outcome` a word that something ends with.
    pub fn check_branches_and_outcomes(&mut self) {
        let everywhere: Vec<usize> = (0..self.tables.protocols.len()).collect();
        let mut declared: Vec<(&'m ast::Item, Vec<usize>)> =
            self.tables.annotations.iter().map(|item| (*item, everywhere.clone())).collect();
        // What is in a head is about the whole block, also about its sub-runs.
        let blocks = self.tables.protocols.iter().enumerate().filter(|(_, p)| !p.is_segment());
        for (index, entry) in blocks {
            let in_head = entry.head().iter().filter_map(|item| match item {
                HeadItem::Item(item) => Some(item),
                _ => None,
            });
            declared.extend(in_head.map(|item| (item, vec![index])));
        }
        self.check_outcome_case();
        for (item, homes) in declared {
            match &item.kind {
                ItemKind::Branch(decl) => self.check_branch_target(&decl.target, &homes),
                ItemKind::Outcome(decl) => self.check_outcome_word(&decl.word, &homes),
                _ => {}
            }
        }
    }

    /// Words are compared as they are written: `Done` would not end a run.
    fn check_outcome_case(&mut self) {
        let mut words: Vec<&'m ast::Ident> = Vec::new();
        for (index, entry) in self.tables.protocols.iter().enumerate() {
            if let ProtocolSource::Protocol(p) = entry.source {
                words.extend(std::iter::once(&p.main).chain(&p.branches).filter_map(|c| c.outcome.as_ref()));
            }
            words.extend(self.annotations_of(index).filter_map(|item| match &item.kind {
                ItemKind::Rejects(rejects) => Some(&rejects.outcome),
                _ => None,
            }));
        }
        for word in words.into_iter().filter(|w| w.name.chars().any(char::is_uppercase)) {
            self.report(errors::outcome_case(word));
        }
    }

    fn check_branch_target(&mut self, target: &'m ast::OpRef, homes: &[usize]) {
        let homes: Vec<usize> = homes.iter().copied().filter(|i| self.means(*i, target)).collect();
        let entries = || homes.iter().map(|i| &self.tables.protocols[*i]);
        let exists = entries().any(|p| p.has_operation(&target.operation.name));
        let begins = entries().flat_map(branch_starts).any(|first| *first == target.operation.name);
        if exists && !begins {
            self.report(errors::begins_no_branch(&target.operation));
        }
    }

    fn check_outcome_word(&mut self, word: &'m ast::Ident, homes: &[usize]) {
        let mut known: Vec<&'m str> = Vec::new();
        for index in homes {
            known.extend(chain_outcomes(&self.tables.protocols[*index]));
            known.extend(self.annotations_of(*index).filter_map(|item| match &item.kind {
                ItemKind::Rejects(rejects) => Some(rejects.outcome.name.as_str()),
                _ => None,
            }));
        }
        if !known.contains(&word.name.as_str()) {
            self.report(errors::unknown_outcome(word, &known));
        }
    }
}

/// The operations that begin branches.
fn branch_starts<'m>(entry: &ProtocolEntry<'m>) -> impl Iterator<Item = &'m String> + use<'m> {
    let branches: &'m [ast::Chain] = match entry.source {
        ProtocolSource::Protocol(p) => &p.branches,
        ProtocolSource::Rule(..) | ProtocolSource::Segment { .. } => &[],
    };
    branches.iter().filter_map(|chain| chain.steps.first()).map(|step| &step.operation.name)
}

/// The words that chains end with; one that says none ends with `done`.
fn chain_outcomes<'m>(entry: &ProtocolEntry<'m>) -> Vec<&'m str> {
    match entry.source {
        ProtocolSource::Rule(..) | ProtocolSource::Segment { .. } => Vec::new(),
        ProtocolSource::Protocol(p) => std::iter::once(&p.main)
            .chain(&p.branches)
            .map(|chain| chain.outcome.as_ref().map_or("done", |word| word.name.as_str()))
            .collect(),
    }
}
