//! From `ir::Program` to verdicts: a packed machine for the explorer, properties, counterexamples.
//!
//! [`layout`] says where everything is, [`symbolic`] turns every event into ground actions over cells, [`plan`] turns
//! these into computations over words, [`code`] executes them, [`canonical`] makes states canonical, [`machine`]
//! is all of it, [`symmetry`] keeps one of states that differ in names alone, [`mod@check`] explores.
//!
//! This crate has never heard of the grammar. It shares no semantic code with the interpreter
//! `ir::eval` but the time classes, and tests compare the two.

mod assemble;
pub mod canonical;
pub mod check;
pub mod code;
pub mod error;
mod evidence;
mod execute;
pub mod family;
mod initial;
mod kinds;
pub mod layout;
mod link;
mod liveness;
pub mod lockstep;
pub mod machine;
pub mod native;
mod neighbours;
mod places;
pub mod plan;
pub mod simulate;
pub mod symbolic;
pub mod symmetry;
pub mod values;

pub use check::{Options, check};
pub use error::CompileError;
pub use execute::Scratch;
pub use machine::{Finding, Goal, Machine};
