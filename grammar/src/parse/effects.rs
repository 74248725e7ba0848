//! `on` declarations and effect statements.

use super::Rule;
use super::tree::Tree;
use crate::ast::*;
use crate::diagnostics;
use pest::iterators::Pair;

type P<'i> = Pair<'i, Rule>;

impl Tree<'_> {
    /// `on` and `extend`.
    pub(super) fn on_decl(&mut self, pair: P<'_>) -> OnDecl {
        let mut kids = self.kids(pair);
        let target = self.op_ref(kids.any());
        let requires = kids.maybe(Rule::requires).map(|p| self.only(p)).map(|p| self.inner_expr(p));
        let body = kids.more().map(|p| self.block(p));
        OnDecl { target, requires, body }
    }

    pub(super) fn block(&mut self, pair: P<'_>) -> Block {
        let span = self.span(&pair);
        let source = pair.get_input();
        let statements: Vec<Stmt> = self.kids(pair).rest().into_iter().map(|p| self.stmt(p)).collect();
        for pair in statements.windows(2) {
            let (end, start) = (pair[0].span.end as usize, pair[1].span.start as usize);
            if !source[..end].ends_with('}') && !source[end..start].contains([';', '\n']) {
                self.report(diagnostics::joined_statements(pair[1].span));
            }
        }
        Block { statements, span }
    }

    fn stmt(&mut self, pair: P<'_>) -> Stmt {
        let span = self.span(&pair);
        let inner = self.only(pair);
        Stmt { kind: self.stmt_kind(inner), span }
    }

    fn stmt_kind(&mut self, pair: P<'_>) -> StmtKind {
        let rule = pair.as_rule();
        if rule == Rule::s_if {
            return self.if_stmt(pair);
        }
        let mut kids = self.kids(pair);
        match rule {
            Rule::s_todo => StmtKind::Todo,
            Rule::s_advance => StmtKind::Advance(self.place(kids.any())),
            Rule::s_assign => {
                let place = self.place(kids.any());
                StmtKind::Assign(place, self.expr(kids.any()))
            }
            Rule::s_for => {
                let binder = self.binder(kids.any());
                StmtKind::For { binder, body: self.block(kids.any()) }
            }
            Rule::s_let => {
                let name = self.ident(kids.any());
                StmtKind::Let(name, self.expr(kids.any()))
            }
            _ => {
                let ghost = kids.maybe(Rule::ghost).map(|p| self.span(&p));
                let name = self.ident(kids.any());
                StmtKind::Pick { ghost, name, from: self.expr(kids.any()) }
            }
        }
    }

    /// An `if` with its `else if`s, which become blocks with one `if` each.
    fn if_stmt(&mut self, pair: P<'_>) -> StmtKind {
        let mut kids = self.kids(pair);
        let arms = kids.many(Rule::if_arm);
        let mut otherwise = kids.more().map(|p| self.block(p));
        let mut arms: Vec<_> = arms.into_iter().map(|p| self.if_arm(p)).collect();
        while let Some((condition, label, then)) = arms.pop() {
            let end = otherwise.as_ref().map_or(then.span, |b| b.span);
            let span = condition.span.to(end);
            let kind = StmtKind::If { condition, label, then, otherwise };
            if arms.is_empty() {
                return kind;
            }
            otherwise = Some(Block { statements: vec![Stmt { kind, span }], span });
        }
        unreachable!("the grammar asks for an arm")
    }

    fn if_arm(&mut self, pair: P<'_>) -> (Expr, Option<Ident>, Block) {
        let mut kids = self.kids(pair);
        let condition = self.expr(kids.any());
        let label = kids.maybe(Rule::if_label).map(|p| self.only(p)).map(|p| self.ident(p));
        (condition, label, self.block(kids.any()))
    }
}
