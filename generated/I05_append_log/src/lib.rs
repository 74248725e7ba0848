//! What is generated from `specs/I05_append_log.arch`: its types, its steps, its finite model.

#[rustfmt::skip]
pub mod generated;
