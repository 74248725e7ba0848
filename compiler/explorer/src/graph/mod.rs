//! The explored graph with everything in it: states by number in the order of discovery, how each was first
//! reached, and the edges. For what needs the graph itself; it costs many times the memory of the visited set.

pub mod backward;
pub mod build;
pub mod edges;
mod expansion;
pub mod hash;
pub mod store;

pub use backward::Backward;
pub use build::{Exploration, Finding, explore};
pub use edges::Edges;
pub use store::Store;
