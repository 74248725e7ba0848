//! What is generated from `specs/I02_claim_lease.arch`: its types, its steps, its finite model.

#[rustfmt::skip]
pub mod generated;
