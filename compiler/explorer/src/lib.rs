//! Exhaustive exploration of packed state spaces.
//!
//! A [`System`] says what the initial states are and what each state leads to, by filling a buffer of
//! [`Successors`]. [`graph`] visits every reachable state once, breadth first, numbers the states in the order of their
//! discovery and keeps the edges between them if they are asked for.
//! Nothing that is reported depends on the number of threads.
//!
//! This crate has never heard of `.arch`, properties or protocols: states are slices of words, actions
//! and findings are numbers.

pub mod fair;
pub mod graph;
pub mod limits;
pub mod progress;
pub mod successors;
pub mod system;

pub use graph::{Backward, Edges, Exploration, Finding, Store, explore};
pub use limits::{Limits, Stop};
pub use progress::Progress;
pub use successors::{Found, Room, Successors};
pub use system::System;
