//! What a store is tested with: a small service as generated code would make it, a suite that every store passes, and a
//! hammer of concurrent clients whose journal is then checked.

pub mod conformance;
pub mod hammer;
pub mod sample;
pub mod service;
