//! What every part of the tree builder uses: walking pest's pairs, spans, names, numbers.

use super::Rule;
use crate::ast::{Ident, OpRef, Text};
use crate::diagnostics;
use crate::lexer::{Kind, Token};
use arch_base::{Diagnostic, FileId, Span};
use pest::iterators::{Pair, Pairs};
use std::iter::{Filter, Peekable};
use std::sync::LazyLock;

/// Which rules are only words and punctuation, by the rule's number.
static MARKS: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let is_mark = |rule: &Rule| {
        let name = format!("{rule:?}");
        name.starts_with("kw_") || name.starts_with("p_") || name == "EOI"
    };
    let mut marks = vec![false; Rule::all_rules().iter().map(|r| *r as usize + 1).max().unwrap_or_default()];
    for rule in Rule::all_rules() {
        marks[*rule as usize] = is_mark(rule);
    }
    marks
});

fn is_mark(rule: Rule) -> bool {
    rule == Rule::EOI || MARKS.get(rule as usize).copied().unwrap_or_default()
}

type Keep<'i> = fn(&Pair<'i, Rule>) -> bool;

/// The children of a node, without words and punctuation.
pub(super) struct Kids<'i> {
    pairs: Peekable<Filter<Pairs<'i, Rule>, Keep<'i>>>,
}

impl<'i> Kids<'i> {
    fn new(pair: Pair<'i, Rule>) -> Kids<'i> {
        let keep: Keep<'i> = |p| !is_mark(p.as_rule());
        Kids { pairs: pair.into_inner().filter(keep).peekable() }
    }

    /// The next child, which the grammar says is a `rule`.
    pub fn next(&mut self, rule: Rule) -> Pair<'i, Rule> {
        let pair = self.any();
        debug_assert_eq!(pair.as_rule(), rule);
        pair
    }

    /// The next child, which the grammar says there is.
    pub fn any(&mut self) -> Pair<'i, Rule> {
        self.pairs.next().expect("arch.pest and the tree builder agree on the children of a rule")
    }

    /// The next child, if it is a `rule`.
    pub fn maybe(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        self.pairs.next_if(|p| p.as_rule() == rule)
    }

    /// The next children as long as they are `rule`s.
    pub fn many(&mut self, rule: Rule) -> Vec<Pair<'i, Rule>> {
        std::iter::from_fn(|| self.maybe(rule)).collect()
    }

    /// The children that are left.
    pub fn rest(self) -> Vec<Pair<'i, Rule>> {
        self.pairs.collect()
    }

    /// The next child, if there is one.
    pub fn more(&mut self) -> Option<Pair<'i, Rule>> {
        self.pairs.next()
    }
}

/// Builds the tree of one file.
pub(super) struct Tree<'t> {
    file: FileId,
    tokens: &'t [Token],
    errors: Vec<Diagnostic>,
}

impl<'t> Tree<'t> {
    pub fn new(file: FileId, tokens: &'t [Token]) -> Tree<'t> {
        Tree { file, tokens, errors: Vec::new() }
    }

    /// What `build` makes, unless it met an error.
    pub fn finish<T>(mut self, build: impl FnOnce(&mut Self) -> T) -> Result<T, Vec<Diagnostic>> {
        let built = build(&mut self);
        if self.errors.is_empty() { Ok(built) } else { Err(self.errors) }
    }

    pub fn file(&self) -> FileId {
        self.file
    }

    pub fn kids<'i>(&self, pair: Pair<'i, Rule>) -> Kids<'i> {
        Kids::new(pair)
    }

    /// The only child.
    pub fn only<'i>(&self, pair: Pair<'i, Rule>) -> Pair<'i, Rule> {
        self.kids(pair).any()
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.errors.push(diagnostic);
    }

    /// Where a pair stands. Pest counts white space and comments that follow a pair whose last part
    /// is missing as part of it; they are left out here.
    pub fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let (start, end) = (pair.as_span().start() as u32, pair.as_span().end() as u32);
        let upto = self.tokens.partition_point(|t| t.end <= end);
        let last = self.tokens[..upto].iter().rev().find(|t| t.kind != Kind::Comment);
        Span::new(self.file, start, last.map_or(end, |t| t.end).max(start))
    }

    pub fn ident(&self, pair: Pair<'_, Rule>) -> Ident {
        Ident { name: pair.as_str().to_owned(), span: self.span(&pair) }
    }

    pub fn idents(&self, pair: Pair<'_, Rule>) -> Vec<Ident> {
        self.kids(pair).rest().into_iter().map(|p| self.ident(p)).collect()
    }

    pub fn op_ref(&self, pair: Pair<'_, Rule>) -> OpRef {
        let mut kids = self.kids(pair);
        let first = self.ident(kids.any());
        match kids.more() {
            Some(second) => OpRef { protocol: Some(first), operation: self.ident(second) },
            None => OpRef { protocol: None, operation: first },
        }
    }

    pub fn op_refs(&self, pair: Pair<'_, Rule>) -> Vec<OpRef> {
        self.kids(pair).rest().into_iter().map(|p| self.op_ref(p)).collect()
    }

    pub fn text(&self, pair: Pair<'_, Rule>) -> Text {
        let written = pair.as_str();
        let inner = &written[1..written.len() - 1];
        let value = inner.replace("\\\"", "\"").replace("\\\\", "\\");
        Text { value, span: self.span(&pair) }
    }

    /// An integer of an expression.
    pub fn int(&mut self, pair: &Pair<'_, Rule>) -> i64 {
        self.number(pair, i64::MAX)
    }

    /// The number of a term or statement.
    pub fn small(&mut self, pair: &Pair<'_, Rule>) -> u32 {
        self.number(pair, u32::MAX)
    }

    fn number<N: std::str::FromStr + std::fmt::Display + Copy>(
        &mut self,
        pair: &Pair<'_, Rule>,
        largest: N,
    ) -> N {
        pair.as_str().parse().unwrap_or_else(|_| {
            self.report(diagnostics::out_of_range(self.span(pair), largest));
            largest
        })
    }
}
