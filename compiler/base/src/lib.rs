//! What every other crate of archc shares: where text is ([`Span`], [`SourceMap`]), how things are
//! numbered ([`IndexVec`]), and what is said about them ([`Diagnostic`], [`quantity`]).
//!
//! This crate has no dependencies and has never heard of the `.arch` language.

pub mod diagnostic;
pub mod index_vec;
pub mod nearest;
pub mod quantity;
pub mod source;

pub use diagnostic::{Code, Diagnostic, Label, Severity};
pub use index_vec::{Idx, IndexVec};
pub use source::{FileId, SourceMap, Span};
