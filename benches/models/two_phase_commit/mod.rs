//! Two-phase commit with a message set.

pub mod natural;
pub mod packed;
