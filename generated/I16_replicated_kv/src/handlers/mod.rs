//! Your code: one module for each actor.

pub mod client;
pub mod reader;
pub mod repair;
pub mod replica_set;
pub mod sweeper;
