//! The text of `.arch` specs: [`parse`] makes a syntax tree of it, [`print()`] lays a tree out again.
//!
//! Nothing here knows what a name refers to. The grammar is `arch.pest`; what the parser refuses, and
//! how it says so, is in `diagnostics.rs`. Nesting and size are bounded (`limits.rs`) before the
//! grammar sees the text, so that neither the parser nor a pass over the tree can run out of stack.

mod advice;
pub mod ast;
mod diagnostics;
mod lexer;
mod limits;
mod parse;
mod print;
mod recover;

pub use limits::{MAX_BYTES, MAX_DEPTH, MAX_TERMS};

use arch_base::{Diagnostic, FileId};

/// Reads one file.
///
/// # Errors
///
/// Everything that is wrong with the text: one syntax error for each broken declaration.
pub fn parse(file: FileId, text: &str) -> Result<ast::Module, Vec<Diagnostic>> {
    parse::module(file, text)
}

/// Reads one expression, such as a predicate given on the command line.
///
/// # Errors
///
/// What is wrong with the text.
pub fn parse_expression(file: FileId, text: &str) -> Result<ast::Expr, Vec<Diagnostic>> {
    parse::expression(file, text)
}

/// The canonical layout of a file: `text` is what `module` was parsed from, and says where comments,
/// blank lines and one-line blocks are.
///
/// Printing is idempotent, loses no comment, and parses to the same tree up to spans.
#[must_use]
pub fn print(module: &ast::Module, text: &str) -> String {
    print::module(module, text)
}

/// One expression on one line.
#[must_use]
pub fn print_expression(expr: &ast::Expr) -> String {
    print::expression(expr)
}

/// The declaration of a fault on one line, with its budget.
#[must_use]
pub fn print_fault(fault: &ast::FaultDecl) -> String {
    print::fault(fault)
}
