//! Text to tree: pest reads the text (`arch.pest`), the modules here build the tree of what it found.
//!
//! After this pass: the tree is complete, its height is bounded, and every name is as it was written.

mod claims;
mod effects;
mod exprs;
mod items;
mod protocols;
mod tree;
mod types;

use crate::ast;
use crate::lexer::{self, Kind, Token};
use crate::{diagnostics, limits, recover};
use arch_base::{Diagnostic, FileId, Span};
use pest::Parser;
use pest::iterators::Pair;
use tree::Tree;

#[derive(pest_derive::Parser)]
#[grammar = "arch.pest"]
struct ArchParser;

/// The most errors that one file is given.
const MAX_ERRORS: usize = 100;

/// Reads one file.
pub(crate) fn module(file: FileId, text: &str) -> Result<ast::Module, Vec<Diagnostic>> {
    let tokens = admit(file, text)?;
    match ArchParser::parse(Rule::file, text) {
        Ok(mut pairs) => {
            let root = pairs.next().expect("a parse has a root");
            let comments = comments(file, text, &tokens);
            Tree::new(file, &tokens).finish(|tree| tree.module(root, comments))
        }
        Err(error) => Err(every_error(file, text, &tokens, &error)),
    }
}

/// Reads one expression.
pub(crate) fn expression(file: FileId, text: &str) -> Result<ast::Expr, Vec<Diagnostic>> {
    let tokens = admit(file, text)?;
    match ArchParser::parse(Rule::single_expr, text) {
        Ok(mut pairs) => {
            let root: Pair<'_, Rule> = pairs.next().expect("a parse has a root");
            Tree::new(file, &tokens).finish(|tree| {
                let mut kids = tree.kids(root);
                let expr = kids.next(Rule::expr);
                tree.expr(expr)
            })
        }
        Err(error) => Err(vec![diagnostics::syntax(file, text, 0, &error)]),
    }
}

/// The tokens of a text that is not too large and not nested too deeply.
fn admit(file: FileId, text: &str) -> Result<Vec<Token>, Vec<Diagnostic>> {
    if text.len() > limits::MAX_BYTES {
        return Err(vec![diagnostics::too_many_bytes(file, text.len())]);
    }
    let tokens = lexer::lex(text);
    limits::check(file, text, &tokens).map_err(|d| vec![d])?;
    Ok(tokens)
}

fn comments(file: FileId, text: &str, tokens: &[Token]) -> Vec<ast::Comment> {
    let comment = |token: &Token| {
        let written = token.of(text).trim_end();
        let end = token.start + written.len() as u32;
        ast::Comment { text: written.to_owned(), span: Span::new(file, token.start, end) }
    };
    tokens.iter().filter(|t| t.kind == Kind::Comment).map(comment).collect()
}

/// One error for each broken declaration, or the one for the whole file if each is fine alone.
fn every_error(
    file: FileId,
    text: &str,
    tokens: &[Token],
    whole: &pest::error::Error<Rule>,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for (index, piece) in recover::pieces(text, tokens).into_iter().enumerate() {
        let rule = if index == 0 { Rule::file } else { Rule::items };
        if let Err(error) = ArchParser::parse(rule, &text[piece.clone()]) {
            errors.push(diagnostics::syntax(file, text, piece.start, &error));
        }
        if errors.len() == MAX_ERRORS {
            break;
        }
    }
    if errors.is_empty() {
        errors.push(diagnostics::syntax(file, text, 0, whole));
    }
    errors
}
