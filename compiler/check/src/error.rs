//! Why a program cannot be made into a machine.

use arch_base::Span;
use std::fmt;

/// A program that the packed machine cannot execute; never a mistake in the program's meaning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompileError {
    /// What cannot be packed or unrolled, if it has a place.
    pub span: Option<Span>,
    /// What is wrong, in one sentence.
    pub message: String,
}

impl CompileError {
    /// An error at a place.
    pub fn at(span: Span, message: impl Into<String>) -> CompileError {
        CompileError { span: Some(span), message: message.into() }
    }

    /// An error of the whole program.
    pub fn new(message: impl Into<String>) -> CompileError {
        CompileError { span: None, message: message.into() }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}
