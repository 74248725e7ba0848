//! A log shipped to followers over bounded, lossy channels.

pub mod natural;
pub mod packed;

/// The constants of the model.
#[derive(Clone, Copy)]
pub struct Size {
    /// Followers that the log is shipped to.
    pub followers: usize,
    /// Entries in the whole log.
    pub length: usize,
    /// Messages in a channel.
    pub depth: usize,
    /// Values that an entry may have.
    pub values: usize,
}
