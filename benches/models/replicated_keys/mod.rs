//! Replicas that write keys and copy what is newer from each other.

pub mod natural;
pub mod packed;

/// The constants of the model.
#[derive(Clone, Copy)]
pub struct Size {
    /// Replicas.
    pub replicas: usize,
    /// Keys, of which each replica has a copy.
    pub keys: usize,
    /// The greatest version of a key.
    pub versions: usize,
    /// Values are modulo this.
    pub values: usize,
}
