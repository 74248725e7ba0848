//! Exhaustive exploration of packed state spaces.
//!
//! A [`System`] says what the initial states are and what each state leads to, by filling a buffer of
//! [`Successors`]. [`search`] visits every reachable state once and keeps nothing but the set of them, from which
//! [`paths`](mod@paths) finds shortest ways to what was found and [`goals`] says what cannot be reached any more. [`graph`]
//! numbers the states in the order of their discovery and keeps the edges between them if they are asked for.
//! Nothing that is reported depends on the number of threads.
//!
//! This crate has never heard of `.arch`, properties or protocols: states are slices of words, actions
//! and findings are numbers.

mod bits;
pub mod fair;
pub mod goals;
pub mod graph;
mod keys;
pub mod limits;
mod memory;
mod order;
pub mod paths;
pub mod progress;
pub mod search;
pub mod statistics;
pub mod successors;
pub mod system;
mod table;
pub mod visited;

pub use goals::Goals;
pub use graph::{Backward, Edges, Store};
pub use limits::{Enough, Limits, Stop};
pub use paths::{Path, Target, paths};
pub use progress::Progress;
pub use search::{Exploration, explore};
pub use statistics::Statistics;
pub use successors::{Found, Room, Successors};
pub use system::System;
pub use visited::Visited;
