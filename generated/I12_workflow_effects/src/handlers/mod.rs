//! Your code: one module for each actor.

pub mod client;
pub mod reconciler;
pub mod worker;
pub mod workflow_service;
