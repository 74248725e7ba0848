//! Declarations that say one thing twice. The name tables refuse most of them when they are filled; here is
//! what they cannot see: names of different kinds, definitions for one type, parameters of one name, and
//! annotations of one step or outcome.

use crate::analyzer::Analyzer;
use crate::diagnostics::{names, protocols as errors};
use crate::tables::{NameDefine, NamedType};
use arch_base::{Diagnostic, Span};
use arch_grammar::ast::{self, BranchWindow, DefineForm, HeadItem, ItemKind, OutcomeAction, TimingKind};
use arch_ir::Type;

/// What an annotation settles: its kind, and the step or outcome that it speaks of.
type Subject<'m> = (&'static str, Option<&'m ast::Ident>, &'m ast::Ident);

impl<'m> Analyzer<'m> {
    /// Reports all of them. Needs the names of everything, and the steps of every protocol.
    pub fn check_duplicates(&mut self) {
        let mut found = self.names_of_two_kinds();
        found.extend(self.built_in_functions());
        found.extend(self.repeated_parameters());
        found.extend(self.definitions_for_one_type());
        found.extend(self.annotations_for_one_step());
        found.extend(self.effects_for_no_protocol());
        found.into_iter().for_each(|d| self.report(d));
    }

    /// A type, a truth object and a constant of one name could not be told apart where they are used.
    fn names_of_two_kinds(&self) -> Vec<Diagnostic> {
        let tables = &self.tables;
        let kind = |named: NamedType| match named {
            NamedType::Sort(id) if self.program.sorts[id].actor => "actor",
            NamedType::Sort(_) => "id type",
            NamedType::Ordinal(_) => "ordinal",
            NamedType::Enum(_) | NamedType::Record(_) | NamedType::Union(_) => "type",
        };
        let types = tables.types.iter().map(|(n, t)| (n, t.span, kind(t.kind)));
        let truths = tables.truths.iter().map(|(n, t)| (n, t.span, "truth object"));
        let consts = tables.consts.iter().map(|(n, t)| (n, t.span, "constant"));
        let general = |d: &&NameDefine<'_>| d.at.is_none();
        let defines = tables.defines.names.iter();
        let defines = defines.filter_map(|(n, d)| Some((n, d.iter().find(general)?.span, "definition")));
        let mut all: Vec<_> = types.chain(truths).chain(consts).chain(defines).collect();
        all.sort_by_key(|(_, span, _)| span.start);
        let earlier = |i: usize| all[..i].iter().find(|(name, ..)| *name == all[i].0);
        let clash = |i: usize| {
            let (name, span, what) = all[i];
            let (_, first, kind) = earlier(i)?;
            Some(names::two_kinds(name, span, what, *first, kind))
        };
        (0..all.len()).filter_map(clash).collect()
    }

    /// A function with the name of a built-in one would never be called.
    fn built_in_functions(&self) -> Vec<Diagnostic> {
        let named = |decl: &'m ast::DefineDecl| match &decl.form {
            DefineForm::Function { name, .. } => Some(name),
            _ => None,
        };
        let taken = |name: &&ast::Ident| crate::expr::BUILTINS.contains(&name.name.as_str());
        self.definitions().filter_map(named).filter(taken).map(names::built_in_function).collect()
    }

    fn repeated_parameters(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for decl in self.definitions() {
            let parameters: Vec<&ast::Ident> = match &decl.form {
                DefineForm::Function { parameters, .. } => parameters.iter().map(|p| &p.name).collect(),
                DefineForm::Relation { left, right, .. } => vec![&left.name, &right.name],
                _ => Vec::new(),
            };
            for (i, name) in parameters.iter().enumerate() {
                if let Some(earlier) = parameters[..i].iter().find(|p| p.name == name.name) {
                    found.push(names::duplicate(name, "parameter", earlier.span));
                }
            }
        }
        found
    }

    fn definitions(&self) -> impl Iterator<Item = &'m ast::DefineDecl> + use<'m> {
        self.module.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Define(decl) => Some(decl),
            _ => None,
        })
    }

    /// Postfix words and relations may be defined once for each type.
    fn definitions_for_one_type(&mut self) -> Vec<Diagnostic> {
        let mut seen: Vec<(bool, &'m ast::Ident, Type)> = Vec::new();
        let mut found = Vec::new();
        for decl in self.definitions() {
            let (relation, word, parameter) = match &decl.form {
                DefineForm::Postfix { word, subject } => (false, word, subject),
                DefineForm::Relation { word, left, .. } => (true, word, left),
                _ => continue,
            };
            let ty = self.resolve_type(&parameter.ty, &word.name);
            let same = |s: &&(bool, &ast::Ident, Type)| s.0 == relation && s.1.name == word.name && s.2 == ty;
            if let Some((_, earlier, _)) = seen.iter().find(same) {
                let what = if relation { "relation" } else { "predicate" };
                found.push(names::defined_twice(word, what, &self.show_type(&ty), earlier.span));
            }
            seen.push((relation, word, ty));
        }
        found
    }

    /// Two answers to one step, two windows of one branch, two meanings of one outcome, …
    fn annotations_for_one_step(&self) -> Vec<Diagnostic> {
        let heads = self.tables.protocols.iter().filter(|p| !p.is_segment()).map(|p| {
            let items = p.head().iter().filter_map(|item| match item {
                HeadItem::Item(item) => Some(item),
                _ => None,
            });
            items.collect::<Vec<&'m ast::Item>>()
        });
        let mut found = Vec::new();
        for home in std::iter::once(self.tables.annotations.clone()).chain(heads) {
            let mut seen: Vec<(Subject<'m>, Span)> = Vec::new();
            for item in home {
                for subject in subjects_of(item) {
                    let name = |s: &Subject<'m>| (s.0, s.1.map(|p| p.name.clone()), s.2.name.clone());
                    match seen.iter().find(|(earlier, _)| name(earlier) == name(&subject)) {
                        Some((_, earlier)) => {
                            found.push(errors::declared_twice(subject.0, subject.2, item.span, *earlier));
                        }
                        None => seen.push((subject, item.span)),
                    }
                }
            }
        }
        found
    }

    /// `on S` where every protocol with a step S has an `on protocol.S` of its own.
    fn effects_for_no_protocol(&self) -> Vec<Diagnostic> {
        let effects: Vec<(&'m ast::OnDecl, Span)> = self
            .tables
            .annotations
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::On(on) if on.body.is_some() => Some((on, item.span)),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for (on, span) in effects.iter().filter(|(on, _)| on.target.protocol.is_none()) {
            let operation = &on.target.operation.name;
            let own = |alias: &str| {
                let specific = |o: &ast::OnDecl| {
                    o.target.operation.name == *operation
                        && o.target.protocol.as_ref().is_some_and(|p| p.name == alias)
                };
                effects.iter().find(|(o, _)| specific(o)).map(|(_, span)| *span)
            };
            let homes = self.tables.protocols.iter().filter(|p| p.has_operation(operation));
            let specific: Option<Vec<Span>> = homes.map(|p| own(&p.alias)).collect();
            if let Some(first) = specific.and_then(|spans| spans.first().copied()) {
                found.push(errors::duplicate_effect(operation, first, *span));
            }
        }
        found
    }
}

/// What an annotation settles, each of which may be settled once.
fn subjects_of(item: &ast::Item) -> Vec<Subject<'_>> {
    fn of<'a>(kind: &'static str, target: &'a ast::OpRef) -> Subject<'a> {
        (kind, target.protocol.as_ref(), &target.operation)
    }
    match &item.kind {
        ItemKind::Rejects(decl) => vec![of("the answer of a false guard of", &decl.target)],
        ItemKind::Split(decl) => vec![of("the split of", &decl.target)],
        ItemKind::Fairness(decl) => decl.targets.iter().map(|t| of("the fairness of", t)).collect(),
        ItemKind::Timing(decl) => {
            let kind = match decl.kind {
                TimingKind::Urgent => "the urgency of",
                TimingKind::Deadline => "the deadline of",
                TimingKind::Pace => "the pace of",
            };
            vec![of(kind, &decl.target)]
        }
        ItemKind::Branch(decl) => {
            let kind = match decl.window {
                BranchWindow::After(_) => "the start of the window of",
                BranchWindow::Before(_) => "the end of the window of",
                BranchWindow::At(_) => "the place of",
                BranchWindow::AtStart(_) | BranchWindow::Detached(_) => return Vec::new(),
            };
            vec![of(kind, &decl.target)]
        }
        ItemKind::Outcome(decl) => {
            let kind = match decl.action {
                OutcomeAction::Ends | OutcomeAction::Rearms => "what becomes of a run at the outcome",
                OutcomeAction::Starts(..) | OutcomeAction::Resumes(..) => "what follows the outcome",
            };
            vec![(kind, None, &decl.word)]
        }
        _ => Vec::new(),
    }
}
