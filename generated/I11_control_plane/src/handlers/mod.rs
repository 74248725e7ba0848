//! Your code: one module for each actor.

pub mod admin;
pub mod agent;
pub mod controller;
pub mod publisher;
