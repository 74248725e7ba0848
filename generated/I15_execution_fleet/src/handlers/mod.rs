//! Your code: one module for each actor.

pub mod controller;
pub mod reconciler;
pub mod scheduler;
pub mod worker;
