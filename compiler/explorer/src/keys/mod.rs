//! States as keys: one number of at most 64 bits each, one-to-one.

mod interner;
mod packed;
mod tree;

use crate::memory::Refused;
pub(crate) use packed::Packed;
pub(crate) use tree::Tree;

/// A one-to-one map from states to numbers.
pub(crate) trait Keys: Sync + Sized {
    /// What a worker remembers between states.
    type Local: Send;

    /// Whether keys are made of states' bits alone, without looking anything up.
    const DIRECT: bool;

    /// Bits of a key.
    fn bits(&self) -> u32;

    /// Memory for one worker.
    fn local(&self) -> Self::Local;

    /// The state of a key.
    fn unpack(&self, key: u64, state: &mut [u64], local: &mut Self::Local);

    /// The key of a state, most likely an event away from the state that was unpacked last. There must be
    /// room.
    fn pack(&self, state: &[u64], local: &mut Self::Local) -> u64;

    /// The key of a state, if it has one.
    fn find(&self, state: &[u64], local: &mut Self::Local) -> Option<u64>;

    /// For how many more states there is room at least; each worker may use up one more.
    fn room(&self) -> u64;

    /// Makes room for so many states more than there are.
    ///
    /// # Errors
    ///
    /// When the system refuses the memory, or more than `most` bytes would be needed.
    fn grow(&mut self, more: u64, most: u64) -> Result<(), Refused>;

    /// Bytes of memory.
    fn bytes(&self) -> u64;
}
