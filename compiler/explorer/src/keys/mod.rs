//! States as keys: one number of at most 64 bits each, one-to-one unless the caller wants fingerprints.

mod fingerprint;
mod interner;
mod kept;
mod packed;
mod tree;

use crate::memory::Refused;
use crate::table::KeyBits;
pub(crate) use fingerprint::Fingerprints;
pub(crate) use kept::Kept;
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

/// A map from states to numbers, one-to-one if it is [`Keys::EXACT`].
///
/// What is *kept* of a state outside of the table, wherever it is needed again, is its key, or, where that does not say
/// which state it is, all of its words.
pub(crate) trait Keys: Sync + Sized {
    /// What a worker remembers between states.
    type Local: Send;

    /// Whether keys are made of states' bits alone, without looking anything up.
    const DIRECT: bool;

    /// Whether no two states have the same key, so that a key says which state it is.
    const EXACT: bool;

    /// Words that are kept of a state.
    fn kept_words(&self) -> usize {
        1
    }

    /// What is kept of a state with this key.
    #[inline(always)]
    fn keep<'s>(key: &'s u64, state: &'s [u64]) -> &'s [u64] {
        if Self::EXACT { std::slice::from_ref(key) } else { state }
    }

    /// The key of the state of which this is kept.
    #[inline(always)]
    fn key_of(&self, kept: &[u64]) -> u64 {
        kept[0]
    }

    /// Bits of keys.
    fn key_bits(&self) -> KeyBits;

    /// Memory for one worker.
    fn local(&self) -> Self::Local;

    /// The state of which this is kept.
    fn unpack(&self, kept: &[u64], state: &mut [u64], local: &mut Self::Local);

    /// The at most [`SOURCES`] states of which this is kept, one behind the other.
    fn unpack_all(&self, kept: &[u64], states: &mut [u64], local: &mut Self::Local);

    /// The key of a state. There must be room.
    fn pack(&self, state: &[u64], local: &mut Self::Local) -> u64;

    /// The keys of states, given those that were unpacked together last. There must be room.
    fn pack_all(&self, picks: Picks<'_>, keys: &mut [u64], local: &mut Self::Local);

    /// The key of a state, if it has one.
    fn find(&self, state: &[u64], local: &mut Self::Local) -> Option<u64>;

    /// For how many more states there is room at least; each worker may use up one more. As the next four are by themselves:
    /// keys that are computed, of which nothing is kept.
    fn room(&self) -> u64 {
        u64::MAX
    }

    /// Whether keys of this form cannot be given to so many states more: the search begins anew then, with others.
    fn is_exhausted(&self, _more: u64) -> bool {
        false
    }

    /// Gives keys enough bits for so many states more than there are, and if they need more, as many as cost nothing
    /// (`spare`): who has them need not be given more so soon. [`Keys::key_bits`] says whether that changed anything.
    fn widen(&mut self, _more: u64, _spare: u32) {}

    /// Makes room for so many states more than there are, for which keys must have enough bits.
    ///
    /// # Errors
    ///
    /// When the system refuses the memory, or more than `most` bytes would be needed.
    fn grow(&mut self, _more: u64, _most: u64) -> Result<(), Refused> {
        Ok(())
    }

    /// Bytes of memory.
    fn bytes(&self) -> u64 {
        0
    }
}
