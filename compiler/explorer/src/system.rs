//! What can be explored.

use crate::expansion::Expansion;

/// A state space: packed states of a fixed width and what they lead to.
pub trait System: Sync {
    /// What a worker needs to execute it; never shared, may note things.
    type Scratch: Send;

    /// The number of words of a state; may be 0 when there is only one.
    fn words(&self) -> usize;

    /// The number of actions; they are numbered from 0.
    fn actions(&self) -> usize;

    /// The number of things that can be found; findings are numbered from 0.
    fn findings(&self) -> usize;

    /// Memory for one worker.
    fn scratch(&self) -> Self::Scratch;

    /// Passes every initial state, in order, duplicates allowed, until `sink` answers false.
    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool);

    /// Adds every event of a state to `out`, in ascending order of action, then what is found on the
    /// state itself.
    fn expand(&self, state: &[u64], scratch: &mut Self::Scratch, out: &mut Expansion);

    /// Adds what is found on a state that is not expanded because exploration stops.
    fn judge(&self, state: &[u64], scratch: &mut Self::Scratch, out: &mut Expansion);
}
