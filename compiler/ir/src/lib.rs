//! The narrow waist of archc: what a spec means, without any of its text.
//!
//! [`program`] is the data that every back end reads: truth, runs, steps, guards, effects, faults and
//! properties, typed, resolved, with all constants substituted. [`eval`] is the slow, obvious
//! interpreter that defines what a program does: the oracle that every engine is compared with.
//! The semantics in prose is `docs/internals/semantics.md`.
//!
//! This crate has never heard of the grammar, of packed states or of Rust code generation.

pub mod change;
pub mod display;
pub mod eval;
pub mod explore;
pub mod fairness;
pub mod ghosts;
pub mod guard;
mod liveness;
pub mod observe;
pub mod program;
pub mod report;
pub mod state;
pub mod symmetry;
pub mod testing;
pub mod time;
pub mod types;
pub mod validate;
pub mod value;
pub mod walk;

pub use program::*;
pub use state::{Delivery, Event, Excess, ExcessKind, RunRef, RunState, State, Status};
pub use value::Value;
