//! Expressions: precedence climbing over the flat lists of the grammar.
//!
//! Loosest first: `implies` (right associative), `or`, `and`, `not`, comparison with `in` and `is` (not
//! associative), `..`, `+ -`, `* mod`, unary `-`. Everything in an operand binds tighter.

use super::Rule;
use super::tree::{Kids, Tree};
use crate::ast::*;
use crate::diagnostics;
use arch_base::Span;
use pest::iterators::Pair;
use std::iter::Peekable;
use std::vec::IntoIter;

type P<'i> = Pair<'i, Rule>;
type Flat<'i> = Peekable<IntoIter<P<'i>>>;

/// How tightly an operator binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Implies,
    Or,
    And,
    Not,
    Compare,
    Range,
    Sum,
    Product,
    Negate,
}

impl Level {
    /// The next tighter level: what the right operand of a left-associative operator is made of.
    fn tighter(self) -> Level {
        match self {
            Level::Implies => Level::Or,
            Level::Or => Level::And,
            Level::And => Level::Not,
            Level::Not => Level::Compare,
            Level::Compare => Level::Range,
            Level::Range => Level::Sum,
            Level::Sum => Level::Product,
            Level::Product | Level::Negate => Level::Negate,
        }
    }
}

/// What an infix operator makes.
#[derive(Clone, Copy)]
enum Infix {
    Binary(BinaryOp),
    Range,
}

impl Tree<'_> {
    /// Any rule that is a flat list: `expr`, `claim`, `domain`, `arith`, `collection`.
    pub(super) fn expr(&mut self, pair: P<'_>) -> Expr {
        let mut flat = self.kids(pair).rest().into_iter().peekable();
        self.climb(&mut flat, Level::Implies)
    }

    /// The expression that is the only child.
    pub(super) fn inner_expr(&mut self, pair: P<'_>) -> Expr {
        let expr = self.only(pair);
        self.expr(expr)
    }

    fn climb(&mut self, flat: &mut Flat<'_>, loosest: Level) -> Expr {
        let mut left = self.prefixed(flat);
        let mut before = None;
        while let Some(op) = flat.next_if(|p| level(p.as_rule()) >= loosest) {
            let (level, at) = (level(op.as_rule()), self.span(&op));
            if matches!(level, Level::Compare | Level::Range) && before == Some(level) {
                self.report(diagnostics::comparison_chain(at));
            }
            before = Some(level);
            left = self.apply(flat, left, op, level);
        }
        left
    }

    fn apply(&mut self, flat: &mut Flat<'_>, left: Expr, op: P<'_>, level: Level) -> Expr {
        if op.as_rule() == Rule::is_tag {
            let tag = self.ident(self.only(op));
            let span = left.span.to(tag.span);
            return Expr { kind: ExprKind::Is(Box::new(left), tag), span };
        }
        let right_level = if level == Level::Implies { level } else { level.tighter() };
        let infix = infix(op.as_rule());
        let right = self.climb(flat, right_level);
        let span = left.span.to(right.span);
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = match infix {
            Infix::Binary(op) => ExprKind::Binary(op, left, right),
            Infix::Range => ExprKind::Range(left, right),
        };
        Expr { kind, span }
    }

    /// An operand with the prefix operators before it.
    fn prefixed(&mut self, flat: &mut Flat<'_>) -> Expr {
        let first = flat.next().expect("the grammar puts an operand after every operator");
        let (op, level) = match first.as_rule() {
            Rule::op_not => (UnaryOp::Not, Level::Not),
            Rule::op_neg => (UnaryOp::Neg, Level::Negate),
            _ => return self.operand(first),
        };
        let start = self.span(&first);
        let inner = self.climb(flat, level);
        let span = start.to(inner.span);
        Expr { kind: ExprKind::Unary(op, Box::new(inner)), span }
    }

    /// A primary with its suffixes.
    fn operand(&mut self, pair: P<'_>) -> Expr {
        let mut kids = self.kids(pair);
        let first = kids.any();
        let mut expr = self.primary(first);
        while let Some(suffix) = kids.more() {
            expr = self.suffixed(expr, suffix);
        }
        expr
    }

    /// What an effect writes.
    pub(super) fn place(&mut self, pair: P<'_>) -> Expr {
        self.operand(pair)
    }

    fn suffixed(&mut self, base: Expr, suffix: P<'_>) -> Expr {
        let span = base.span.to(self.span(&suffix));
        let rule = suffix.as_rule();
        let mut kids = self.kids(suffix);
        let base = Box::new(base);
        let kind = match rule {
            Rule::field => ExprKind::Field(base, self.ident(kids.any())),
            Rule::index => ExprKind::Index(base, self.exprs(kids)),
            Rule::call => ExprKind::Call(base, kids.rest().into_iter().map(|p| self.argument(p)).collect()),
            _ => ExprKind::Postfix(base, self.ident(kids.any())),
        };
        Expr { kind, span }
    }

    fn exprs(&mut self, kids: Kids<'_>) -> Vec<Expr> {
        kids.rest().into_iter().map(|p| self.expr(p)).collect()
    }

    fn argument(&mut self, pair: P<'_>) -> Argument {
        let mut kids = self.kids(pair);
        let name = kids.maybe(Rule::ident).map(|p| self.ident(p));
        Argument { name, value: self.expr(kids.any()) }
    }

    fn primary(&mut self, pair: P<'_>) -> Expr {
        let span = self.span(&pair);
        Expr { kind: self.primary_kind(pair, span), span }
    }

    fn primary_kind(&mut self, pair: P<'_>, span: Span) -> ExprKind {
        match pair.as_rule() {
            Rule::number => ExprKind::Int(self.int(&pair)),
            Rule::literal => literal(pair.as_str()),
            Rule::self_ref => ExprKind::SelfRef,
            Rule::now => ExprKind::Now,
            Rule::name => ExprKind::Name(Ident { name: pair.as_str().to_owned(), span }),
            Rule::phrase => ExprKind::Phrase(self.idents(pair)),
            Rule::paren => ExprKind::Paren(Box::new(self.inner_expr(pair))),
            Rule::set_lit => self.set_literal(pair),
            Rule::seq_lit => ExprKind::Seq(self.exprs(self.kids(pair))),
            Rule::run_at => self.run_at(pair),
            Rule::if_expr => self.if_expr(pair),
            Rule::count => {
                let binder = self.only(pair);
                ExprKind::Count(self.binder(binder))
            }
            Rule::quantified => self.quantified(pair),
            _ => self.quantified_truth(pair),
        }
    }

    fn set_literal(&mut self, pair: P<'_>) -> ExprKind {
        let mut kids = self.kids(pair);
        let mut members: Vec<Expr> = kids.many(Rule::expr).into_iter().map(|p| self.expr(p)).collect();
        match (kids.more(), members.pop()) {
            (Some(comprehension), Some(element)) => {
                let binder = self.only(comprehension);
                ExprKind::SetOf(Box::new(element), self.binder(binder))
            }
            (_, last) => {
                members.extend(last);
                ExprKind::Set(members)
            }
        }
    }

    fn run_at(&mut self, pair: P<'_>) -> ExprKind {
        let mut kids = self.kids(pair);
        let run = self.primary(kids.any());
        ExprKind::RunAt(Box::new(run), self.op_ref(kids.any()))
    }

    fn if_expr(&mut self, pair: P<'_>) -> ExprKind {
        let mut kids = self.kids(pair);
        let condition = Box::new(self.expr(kids.any()));
        let then = Box::new(self.expr(kids.any()));
        ExprKind::If(condition, then, Box::new(self.expr(kids.any())))
    }

    fn quantified(&mut self, pair: P<'_>) -> ExprKind {
        let mut kids = self.kids(pair).rest().into_iter().filter(|p| p.as_rule() != Rule::name);
        let mut next = || kids.next();
        let quantifier = next().map_or(Quantifier::All, |p| quantifier(p.as_str()));
        let binder = next().map(|p| self.binder(p)).expect("the grammar asks for a binder");
        ExprKind::Quantified(quantifier, binder, next().map(|p| Box::new(self.expr(p))))
    }

    fn quantified_truth(&mut self, pair: P<'_>) -> ExprKind {
        let mut kids = self.kids(pair);
        let quantifier = quantifier(kids.next(Rule::quantifier).as_str());
        let relation = kids.maybe(Rule::relation).map(|p| self.ident(p));
        ExprKind::QuantifiedTruth(quantifier, relation, Box::new(self.expr(kids.any())))
    }

    pub(super) fn binder(&mut self, pair: P<'_>) -> Binder {
        let mut kids = self.kids(pair);
        let name = self.ident(kids.any());
        let domain = Box::new(self.expr(kids.any()));
        Binder { name, domain, filter: kids.more().map(|p| Box::new(self.expr(p))) }
    }
}

fn literal(word: &str) -> ExprKind {
    match word {
        "true" => ExprKind::Bool(true),
        "false" => ExprKind::Bool(false),
        "null" => ExprKind::Null,
        _ => ExprKind::Unknown,
    }
}

fn quantifier(word: &str) -> Quantifier {
    match word {
        "all" => Quantifier::All,
        "any" => Quantifier::Any,
        _ => Quantifier::No,
    }
}

fn level(rule: Rule) -> Level {
    match rule {
        Rule::op_implies => Level::Implies,
        Rule::op_or => Level::Or,
        Rule::op_and => Level::And,
        Rule::op_range => Level::Range,
        Rule::op_add | Rule::op_sub => Level::Sum,
        Rule::op_mul | Rule::op_mod => Level::Product,
        _ => Level::Compare,
    }
}

fn infix(rule: Rule) -> Infix {
    Infix::Binary(match rule {
        Rule::op_range => return Infix::Range,
        Rule::op_implies => BinaryOp::Implies,
        Rule::op_or => BinaryOp::Or,
        Rule::op_and => BinaryOp::And,
        Rule::op_ne => BinaryOp::Ne,
        Rule::op_lt => BinaryOp::Lt,
        Rule::op_le => BinaryOp::Le,
        Rule::op_gt => BinaryOp::Gt,
        Rule::op_ge => BinaryOp::Ge,
        Rule::op_in => BinaryOp::In,
        Rule::op_not_in => BinaryOp::NotIn,
        Rule::op_add => BinaryOp::Add,
        Rule::op_sub => BinaryOp::Sub,
        Rule::op_mul => BinaryOp::Mul,
        Rule::op_mod => BinaryOp::Mod,
        _ => BinaryOp::Eq,
    })
}
