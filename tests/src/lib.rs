//! End-to-end tests of archc: see `tests/`.

pub mod agreement;
pub mod generate;
pub mod minimise;
