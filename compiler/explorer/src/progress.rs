//! How far an exploration is.

/// A snapshot of a running exploration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Distinct states found.
    pub states: u64,
    /// Transitions of expanded states.
    pub transitions: u64,
    /// States found and not yet expanded.
    pub frontier: u64,
    /// Distance of the states being expanded from the initial states.
    pub depth: u32,
    /// Bytes of memory for states, table, edges and buffers.
    pub bytes: u64,
    /// How full the visited set is, in percent of its slots.
    pub load: u32,
}
