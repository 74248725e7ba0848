//! What can be explored.

use crate::successors::Successors;

/// A state space: packed states of fixed widths and what they lead to.
///
/// A state is a slice of words, as many as [`System::widths`] has. Everything above the significant bits
/// of a word is 0, always: the store keeps the significant bits alone.
pub trait System: Sync {
    /// What a worker needs to execute it; never shared, may note things. A search that has to begin anew begins with new ones.
    type Scratch: Send;

    /// For each word of a state how many of its low bits can be other than 0 (0 to 64). No words when there is
    /// only one state.
    fn widths(&self) -> &[u32];

    /// The number of actions; they are numbered from 0. A state has at most one event of each.
    fn actions(&self) -> usize;

    /// The number of things that can be found; findings are numbered from 0.
    fn findings(&self) -> usize;

    /// What is expected to be found, so that ways to it will be asked for, given the first initial state: a search may
    /// keep more then. Changes nothing but speed and memory.
    fn expects(&self, _first: &[u64]) -> Vec<u32> {
        Vec::new()
    }

    /// Memory for one worker.
    fn scratch(&self) -> Self::Scratch;

    /// Passes every initial state, in order, duplicates allowed, until `sink` answers false.
    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool);

    /// Adds every event of a state to `out`, in ascending order of action, and what is found on events or
    /// on the state for lack of them. Called once for each state, or again when a path is
    /// looked for: what it adds must be the same each time.
    fn expand(&self, state: &[u64], scratch: &mut Self::Scratch, out: &mut Successors);

    /// Adds the numbers of what is found on a state as such. Called once for each state that is new, whether
    /// it will be expanded or not, and again when a path is looked for.
    fn judge(&self, state: &[u64], scratch: &mut Self::Scratch, found: &mut Vec<u32>);
}
