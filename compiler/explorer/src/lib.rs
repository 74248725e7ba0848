//! Exhaustive exploration of packed state spaces.
//!
//! A [`System`] says what the initial states are and what each state leads to, by filling a buffer of
//! [`Successors`]. [`search`] visits every reachable state once and keeps nothing but the set of them, from which
//! [`paths`](mod@paths) finds shortest ways to what was found and [`goals`] says what cannot be reached any more.
//! [`walks`] follows random behaviours where there are too many states.
//! [`numbered`] numbers the states in the order of their discovery and tells of all events between them; [`fair`] asks for
//! fair cycles in a graph.
//! Nothing that is reported depends on the number of threads.
//!
//! This crate has never heard of `.arch`, properties or protocols: states are slices of words, actions
//! and findings are numbers.

mod bits;
pub mod fair;
pub mod goals;
mod hash;
mod keys;
pub mod limits;
mod memory;
pub mod numbered;
mod order;
pub mod paths;
pub mod progress;
pub mod search;
pub mod statistics;
pub mod successors;
pub mod system;
mod table;
mod trail;
pub mod visited;
pub mod walks;

pub use goals::Goals;
pub use limits::{Enough, Limits, Stop};
pub use paths::{Path, Target, paths};
pub use progress::Progress;
pub use search::{Exploration, explore};
pub use statistics::Statistics;
pub use successors::{Found, Room, Successors};
pub use system::System;
pub use visited::Visited;
