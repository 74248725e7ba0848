//! Dining philosophers on a ring.

pub mod natural;
pub mod packed;
