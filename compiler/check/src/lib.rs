//! From `ir::Program` to verdicts: a packed machine for the explorer, properties, counterexamples.
//!
//! This crate has never heard of the grammar. It shares no semantic code with the interpreter
//! `ir::eval` but the time classes, and tests compare the two.

pub mod check;
pub mod error;
pub mod machine;

pub use check::{Options, check};
pub use error::CompileError;
pub use machine::Machine;
