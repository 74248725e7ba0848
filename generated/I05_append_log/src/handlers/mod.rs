//! Your code: one module for each actor.

pub mod consumer;
pub mod election;
pub mod producer;
