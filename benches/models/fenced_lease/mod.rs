//! A lease with fencing tokens.

pub mod natural;
pub mod packed;

/// The constants of the model.
#[derive(Clone, Copy)]
pub struct Size {
    /// Clients that compete for the lease.
    pub clients: usize,
    /// Shards that they write to.
    pub shards: usize,
    /// The greatest epoch.
    pub epochs: usize,
    /// Ticks that a lease lasts.
    pub ttl: usize,
    /// A shard's value is modulo this.
    pub values: usize,
}
