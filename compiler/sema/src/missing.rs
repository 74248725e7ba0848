//! What a sketch still lacks before it can be explored.

use crate::analyzer::Analyzer;
use crate::diagnostics::{missing as notes, names};
use crate::scope::Scope;
use crate::tables::ProtocolSource;
use arch_grammar::ast::{self, BinaryOp, ExprKind as Ast, ItemKind, StmtKind};
use arch_ir::Type;

impl<'m> Analyzer<'m> {
    /// Whether the spec lacks a type or an effect.
    pub fn is_sketch(&self) -> bool {
        self.program.vars.iter().any(|v| holds_unknown(&v.ty)) || self.has_todo() || !self.has_any_effect()
    }

    fn has_todo(&self) -> bool {
        self.on_declarations().any(|on| on.body.as_ref().is_some_and(has_todo))
    }

    /// A file that says no effect at all has all of them still to be written.
    fn has_any_effect(&self) -> bool {
        self.tables.protocols.is_empty() || self.on_declarations().any(|on| on.body.is_some())
    }

    fn on_declarations(&self) -> impl Iterator<Item = &'m ast::OnDecl> + use<'m> {
        let items: Vec<&'m ast::Item> = self.module.items.iter().collect();
        items.into_iter().filter_map(|item| match &item.kind {
            ItemKind::On(on) => Some(on),
            _ => None,
        })
    }

    /// Reports what is missing, as notes: each untyped attribute, each effect, each unanswered compare-and-set,
    /// each postcondition written as a guard. The latter two only while there is something else missing.
    ///
    /// Nothing while there are errors: they come first, and a name that does not resolve may be what is missing.
    pub fn report_missing(&mut self) {
        if !self.is_sketch() || self.has_errors() {
            return;
        }
        self.report_untyped();
        self.report_effects();
        self.report_guards();
        if self.program.properties.is_empty() {
            let anchor = self.module.header.as_ref().map_or_else(|| self.anchor(), |h| h.id.span);
            self.report(notes::no_property(anchor));
        }
    }

    /// Words that were taken for constants of an enum to come, where no type is to come.
    pub fn check_open_constants(&mut self) {
        if !self.has_errors() && !self.is_sketch() {
            for name in std::mem::take(&mut self.open_constants) {
                let error = names::unknown_word(name, None, self, &Scope::global());
                self.report(error);
            }
        }
    }

    fn report_untyped(&mut self) {
        let untyped: Vec<_> = self
            .program
            .vars
            .iter_enumerated()
            .filter(|(id, v)| holds_unknown(&v.ty) && !self.mistyped.contains(id))
            .map(|(id, v)| (id, v.name.clone(), v.span))
            .collect();
        for (id, name, span) in untyped {
            let words: Vec<String> = self.enum_words.get(&id).into_iter().flatten().cloned().collect();
            self.report(notes::untyped(span, &name, &words));
        }
    }

    fn report_effects(&mut self) {
        for index in 0..self.tables.protocols.len() {
            let steps = self.tables.protocols[index].steps();
            for (_, step) in steps.into_iter().filter(|(_, s)| !crate::segments::is_joining(&s.operation)) {
                let declared: Vec<&'m ast::OnDecl> = self
                    .annotations_of(index)
                    .filter_map(|item| match &item.kind {
                        ItemKind::On(on) if on.target.operation.name == step.operation.name => Some(on),
                        _ => None,
                    })
                    .filter(|on| self.means(index, &on.target) && on.body.is_some())
                    .collect();
                let todo = declared.iter().any(|on| on.body.as_ref().is_some_and(has_todo));
                if declared.is_empty() || todo {
                    self.report(notes::no_effect(&step.operation));
                }
            }
        }
    }

    /// A compare-and-set with nobody to answer, and guards that say what an effect should make so.
    fn report_guards(&mut self) {
        for index in 0..self.tables.protocols.len() {
            let protocol = self.tables.protocols[index].source;
            for (chain, step) in self.tables.protocols[index].steps() {
                let Some(guard) = &step.guard else { continue };
                for atom in conjuncts(guard) {
                    let Ast::Binary(BinaryOp::Eq, left, right) = &atom.kind else { continue };
                    let Some(name) = bare_name(right) else { continue };
                    if matches!(name.name.as_str(), "new" | "next") && is_truth_attr(left) {
                        self.report(notes::postcondition(atom.span, &step.operation));
                    } else if name.name.starts_with("expected_") && is_truth_attr(left) {
                        let branches = match protocol {
                            ProtocolSource::Protocol(p) => !p.branches.is_empty(),
                            ProtocolSource::Segment { protocol, .. } => !protocol.branches.is_empty(),
                            ProtocolSource::Rule(..) => true,
                        };
                        let answered = chain > 0 || branches || self.is_answered(index, step);
                        if !answered {
                            self.report(notes::unanswered(atom.span, &step.operation));
                        }
                    }
                }
            }
        }
    }

    fn is_answered(&self, index: usize, step: &ast::Step) -> bool {
        self.annotations_of(index).any(|item| match &item.kind {
            ItemKind::Rejects(r) => {
                r.target.operation.name == step.operation.name && self.means(index, &r.target)
            }
            _ => false,
        })
    }
}

fn holds_unknown(ty: &Type) -> bool {
    match ty {
        Type::Unknown => true,
        Type::Optional(inner) | Type::Set(inner, _) | Type::Seq(inner, _) => holds_unknown(inner),
        Type::Map(key, value) => holds_unknown(key) || holds_unknown(value),
        _ => false,
    }
}

fn has_todo(block: &ast::Block) -> bool {
    block.statements.iter().any(|s| match &s.kind {
        StmtKind::Todo => true,
        StmtKind::If { then, otherwise, .. } => has_todo(then) || otherwise.as_ref().is_some_and(has_todo),
        StmtKind::For { body, .. } => has_todo(body),
        _ => false,
    })
}

fn conjuncts(e: &ast::Expr) -> Vec<&ast::Expr> {
    match &e.kind {
        Ast::Binary(BinaryOp::And, a, b) => conjuncts(a).into_iter().chain(conjuncts(b)).collect(),
        Ast::Paren(inner) => conjuncts(inner),
        _ => vec![e],
    }
}

fn bare_name(e: &ast::Expr) -> Option<&ast::Ident> {
    match &e.kind {
        Ast::Name(name) => Some(name),
        Ast::Paren(inner) => bare_name(inner),
        _ => None,
    }
}

fn is_truth_attr(e: &ast::Expr) -> bool {
    matches!(&e.kind, Ast::Field(base, _) if matches!(&base.kind, Ast::Name(_) | Ast::Index(..)))
}
