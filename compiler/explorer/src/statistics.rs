//! What a search counts besides its verdicts.

use std::time::Duration;

/// Figures of a search.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// The number of states at each distance from the initial states.
    pub levels: Vec<u64>,
    /// The number of expanded states with so many events, by number; the last counts those with as many or more.
    pub degrees: Vec<u64>,
    /// Events that lead to the state that they come from.
    pub self_loops: u64,
    /// Significant bits of a state.
    pub state_bits: u32,
    /// Bits of a slot of the visited set.
    pub slot_bits: u32,
    /// Slots that numbers are spread over.
    pub slots: u64,
    /// Bytes of the visited set.
    pub visited_bytes: u64,
    /// The most bytes that visited set, frontier and buffers had together.
    pub peak_bytes: u64,
    /// How often the visited set grew.
    pub growths: u32,
    /// Time for growing it.
    pub growing: Duration,
    /// Time for all of the search.
    pub searching: Duration,
}
