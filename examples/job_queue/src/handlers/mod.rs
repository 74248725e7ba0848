//! Your code: one module for each actor.

pub mod producer;
pub mod worker;
