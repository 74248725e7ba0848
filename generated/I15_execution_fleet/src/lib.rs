//! What is generated from `specs/I15_execution_fleet.arch`: its types, its steps, its finite model.

#[rustfmt::skip]
pub mod generated;
