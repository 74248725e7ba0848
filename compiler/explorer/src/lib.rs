//! Exhaustive exploration of packed state spaces.
//!
//! A [`System`] says what the initial states are and what each state leads to; [`explore`] visits every
//! reachable state once, breadth first, and remembers the first place where each *finding* was made.
//! Nothing that is reported depends on the number of threads.
//!
//! This crate has never heard of `.arch`, properties or protocols: states are slices of words, actions
//! and findings are numbers.

pub mod backward;
pub mod edges;
pub mod expansion;
pub mod hash;
pub mod progress;
pub mod search;
pub mod store;
pub mod system;

pub use backward::Backward;
pub use edges::Edges;
pub use expansion::Expansion;
pub use progress::Progress;
pub use search::{Exploration, Finding, Limits, Stop, explore};
pub use store::Store;
pub use system::System;
