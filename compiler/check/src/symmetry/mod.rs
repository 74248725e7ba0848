//! Symmetry reduction: of all states that are renamings of each other, one is stored.
//!
//! [`arch_ir::symmetry`] says which instances are interchangeable. [`Quotient`] is the machine with every state
//! replaced by its canonical form ([`canon`]); since renaming turns behaviours into behaviours, its reachable
//! states are the canonical forms of those of the machine, at the same distances. What names runs or
//! combinations is kept apart ([`goals`]): a path in the quotient renames them on its way.

mod canon;
mod colour;
mod families;
pub mod goals;
mod quotient;

pub use canon::Renaming;
pub use quotient::{Naming, Quotient, Scratch, symmetry_of};
