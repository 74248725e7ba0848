//! A PostgreSQL server for tests, and a proxy that cuts connections to it.

pub mod proxy;
pub mod server;
