//! End-to-end tests of archc: see `tests/`. What they share is here.

pub mod agreement;
pub mod audit;
mod checked;
pub mod expected;
pub mod generate;
pub mod generated;
pub mod liveness;
pub mod minimise;
pub mod reduction;

pub use checked::{Checked, check, repository, specs_below, with_stack};
