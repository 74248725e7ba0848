//! States as keys: one number of at most 64 bits each, one-to-one.

mod interner;
mod packed;
mod tree;

use crate::memory::Refused;
use crate::table::KeyBits;
pub(crate) use packed::Packed;
pub(crate) use tree::Tree;

/// The most states that are unpacked together.
pub(crate) const SOURCES: usize = 64;

/// Events whose keys are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picks<'a> {
    /// The states that were unpacked last.
    pub sources: &'a [u64],
    /// States.
    pub states: &'a [u64],
    /// Which of the states keys are wanted of.
    pub picks: &'a [u32],
    /// For each of these the number of the source that it is most likely similar to.
    pub from: &'a [u32],
}

/// A one-to-one map from states to numbers.
pub(crate) trait Keys: Sync + Sized {
    /// What a worker remembers between states.
    type Local: Send;

    /// Whether keys are made of states' bits alone, without looking anything up.
    const DIRECT: bool;

    /// Bits of keys.
    fn key_bits(&self) -> KeyBits;

    /// Memory for one worker.
    fn local(&self) -> Self::Local;

    /// The state of a key.
    fn unpack(&self, key: u64, state: &mut [u64], local: &mut Self::Local);

    /// The states of at most [`SOURCES`] keys, one behind the other.
    fn unpack_all(&self, keys: &[u64], states: &mut [u64], local: &mut Self::Local);

    /// The key of a state. There must be room.
    fn pack(&self, state: &[u64], local: &mut Self::Local) -> u64;

    /// The keys of states, given those that were unpacked together last. There must be room.
    fn pack_all(&self, picks: Picks<'_>, keys: &mut [u64], local: &mut Self::Local);

    /// The key of a state, if it has one.
    fn find(&self, state: &[u64], local: &mut Self::Local) -> Option<u64>;

    /// For how many more states there is room at least; each worker may use up one more.
    fn room(&self) -> u64;

    /// Gives keys enough bits for so many states more than there are; all that may ever be needed if `fully`.
    /// [`Keys::key_bits`] says whether that changed anything.
    fn widen(&mut self, more: u64, fully: bool);

    /// Makes room for so many states more than there are, for which keys must have enough bits.
    ///
    /// # Errors
    ///
    /// When the system refuses the memory, or more than `most` bytes would be needed.
    fn grow(&mut self, more: u64, most: u64) -> Result<(), Refused>;

    /// Bytes of memory.
    fn bytes(&self) -> u64;
}
