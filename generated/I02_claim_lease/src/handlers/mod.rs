//! Your code: one module for each actor.

pub mod claimant;
pub mod downstream_writer;
pub mod reaper;
