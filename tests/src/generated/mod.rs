//! Comparing generated code with the interpreter: many programs as modules of one crate, which is compiled once and says
//! what it does, state by state.

pub mod listing;
pub mod mirror;
pub mod workspace;
