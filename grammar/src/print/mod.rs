//! Tree to text: the canonical layout.
//!
//! `exprs`, `types` and `words` make one-line pieces of text; `items`, `protocols` and `effects` decide
//! what goes on which line; `writer` puts lines, comments and blank lines together. A piece of text may
//! contain [`BREAK`]s, where a line that is too long goes on in the next.

mod effects;
mod exprs;
mod items;
mod protocols;
mod types;
mod words;
mod writer;

use crate::ast::{Expr, FaultDecl, Module};

/// A blank at which a line may be broken. Quoted texts cannot hold it.
const BREAK: char = '\n';
/// How long a line may be, in characters.
const WIDTH: usize = 100;

/// The canonical layout of a file.
pub(crate) fn module(module: &Module, text: &str) -> String {
    let mut writer = writer::Writer::new(text, &module.comments);
    items::module(&mut writer, module);
    writer.finish()
}

/// The declaration of a fault on one line.
pub fn fault(of: &FaultDecl) -> String {
    words::fault(of)
}

/// One expression on one line.
pub(crate) fn expression(expr: &Expr) -> String {
    exprs::expr(expr).replace(BREAK, " ")
}
