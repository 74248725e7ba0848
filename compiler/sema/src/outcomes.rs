//! Outcomes: what a word after `=>` does.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, protocols as errors};
use crate::scope::Scope;
use crate::tables::ProtocolSource;
use arch_base::Span;
use arch_grammar::ast::{self, ItemKind, OutcomeAction};
use arch_ir::{Actor, Handover, Outcome, RoleId, Type};

/// The words that end a run unless declared otherwise.
const ENDING: &[&str] = &["done", "accepted", "repaired"];

impl<'m> Analyzer<'m> {
    /// The outcome of a rule: it is always idle.
    pub fn rearming(&self, word: &str) -> Outcome {
        Outcome { word: word.to_owned(), ends: false, then: None }
    }

    /// The outcome of a chain. A detached branch needs none: its run goes on.
    pub fn outcome_of_chain(
        &mut self,
        index: usize,
        chain: &'m ast::Chain,
        last_step: usize,
        detached: bool,
    ) -> Outcome {
        let Some(word) = &chain.outcome else {
            if !detached {
                let last = chain.steps.last().map_or(chain.span, |s| s.span);
                self.report(errors::no_outcome(last));
            }
            let repeats = self.repeats(index);
            return Outcome { word: "done".into(), ends: !repeats, then: None };
        };
        let scope = self.step_scope(index, last_step);
        self.outcome(index, word, &scope)
    }

    fn repeats(&self, index: usize) -> bool {
        match self.tables.protocols[index].source {
            ProtocolSource::Protocol(p) => p.repeats.is_some(),
            ProtocolSource::Segment { .. } => false,
            ProtocolSource::Rule(..) => true,
        }
    }

    /// What a word does in a protocol.
    pub fn outcome(&mut self, index: usize, word: &'m ast::Ident, scope: &Scope) -> Outcome {
        // Those of the head come first; in reverse, they have the last word.
        let mut declared: Vec<(&'m ast::OutcomeDecl, Span)> = self
            .annotations_of(index)
            .filter_map(|item| match &item.kind {
                ItemKind::Outcome(decl) if decl.word.name == word.name => Some((decl, item.span)),
                _ => None,
            })
            .collect();
        declared.reverse();
        let mut ends = ENDING.contains(&word.name.as_str());
        let mut then = None;
        for (decl, span) in declared {
            match &decl.action {
                OutcomeAction::Ends => ends = true,
                OutcomeAction::Rearms => ends = false,
                OutcomeAction::Starts(protocol, at) => {
                    then = self.handover(protocol, at, true, span, scope);
                }
                OutcomeAction::Resumes(protocol, at) => {
                    then = self.handover(protocol, at, false, span, scope);
                }
            }
        }
        Outcome { word: word.name.clone(), ends: ends && !self.repeats(index), then }
    }

    fn handover(
        &mut self,
        protocol: &'m ast::Ident,
        at: &'m ast::OpRef,
        starts: bool,
        span: Span,
        scope: &Scope,
    ) -> Option<Handover> {
        let Some(target) = self.tables.protocols.iter().position(|p| p.name == protocol.name) else {
            let error = names::unknown_protocol(protocol, &self.tables);
            self.report(error);
            return None;
        };
        if self.segment_position(target, &at.operation.name).is_some_and(|_| !self.begins_segment(target, at))
        {
            self.report(errors::into_sub_run(&at.operation));
            return None;
        }
        let position = self.main_position(target, at, false)?;
        let id = self.tables.protocols[target].id;
        if !starts && self.program.protocols[id].copies > 1 {
            self.report(errors::resumes_many(span, &protocol.name));
        }
        let sorts: Vec<Type> = self.program.protocols[id].subjects.iter().map(|s| Type::Id(s.sort)).collect();
        let subjects: Option<Vec<_>> =
            sorts.iter().map(|ty| self.inferred_subject(protocol, ty, scope)).collect();
        let unbinds = self.roles_from(target, position);
        Some(Handover { protocol: id, position, starts, subjects: subjects?, unbinds })
    }

    /// Roles of a protocol that are first used at or after a position of its main chain.
    fn roles_from(&self, index: usize, position: u32) -> Vec<RoleId> {
        let mut passed = 0;
        let mut first_number = usize::MAX;
        for (number, written) in self.runs[index].steps.iter().enumerate().filter(|(_, w)| w.chain == 0) {
            if passed >= position {
                first_number = number;
                break;
            }
            passed += written.ids.len() as u32;
        }
        let mut roles: Vec<RoleId> = self.runs[index]
            .names
            .roles
            .values()
            .filter_map(|r| match r.actor {
                Actor::Role(role) => Some(role),
                Actor::Subject(_) => None,
            })
            .filter(|role| self.runs[index].names.first_step(*role) >= first_number)
            .collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}
