//! A graph with labelled edges.

use std::collections::TryReserveError;

/// The label of an edge that belongs to no unit.
pub const UNLABELLED: u32 = u32::MAX;

/// The same in memory.
const NO_LABEL: u16 = u16::MAX;

/// Labels are numbered below this.
pub const MOST_LABELS: u32 = NO_LABEL as u32;

/// For each state its edges, in compressed rows: 6 bytes per edge, 8 per state.
///
/// An edge from a state to itself is never taken, as it would be a stutter. It says that its label is enabled there
/// and leads nowhere.
#[derive(Clone, Debug, Default)]
pub struct Labelled {
    ends: Vec<u64>,
    targets: Vec<u32>,
    labels: Vec<u16>,
}

impl Labelled {
    /// An empty graph with room for so many states and edges.
    ///
    /// # Errors
    ///
    /// When the system refuses the memory.
    pub fn with_room(states: usize, edges: usize) -> Result<Labelled, TryReserveError> {
        let mut graph = Labelled::default();
        graph.ends.try_reserve_exact(states)?;
        graph.targets.try_reserve_exact(edges)?;
        graph.labels.try_reserve_exact(edges)?;
        Ok(graph)
    }

    /// Adds an edge to the row that is open. The label is below [`MOST_LABELS`], or [`UNLABELLED`].
    pub fn push(&mut self, target: u32, label: u32) {
        assert!(label < MOST_LABELS || label == UNLABELLED, "label {label}");
        self.targets.push(target);
        self.labels.push(label as u16);
    }

    /// Adds an edge to the row that is open, unless it is there.
    pub fn push_once(&mut self, target: u32, label: u32) {
        let start = self.ends.last().map_or(0, |end| *end as usize);
        let mut row = self.targets[start..].iter().zip(&self.labels[start..]);
        if !row.any(|edge| edge == (&target, &(label as u16))) {
            self.push(target, label);
        }
    }

    /// Ends the row of a state.
    pub fn close(&mut self) {
        self.ends.push(self.targets.len() as u64);
    }

    /// The number of states.
    #[must_use]
    pub fn states(&self) -> usize {
        self.ends.len()
    }

    /// The number of edges.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.targets.len()
    }

    /// The numbers of a state's edges.
    #[must_use]
    pub fn row(&self, state: u32) -> std::ops::Range<u64> {
        let start = if state == 0 { 0 } else { self.ends[state as usize - 1] };
        start..self.ends[state as usize]
    }

    /// Where an edge leads.
    #[must_use]
    pub fn target(&self, edge: u64) -> u32 {
        self.targets[edge as usize]
    }

    /// Its label, or [`UNLABELLED`].
    #[must_use]
    pub fn label(&self, edge: u64) -> u32 {
        match self.labels[edge as usize] {
            NO_LABEL => UNLABELLED,
            label => u32::from(label),
        }
    }

    /// The targets and labels of a state's edges.
    pub fn of(&self, state: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.row(state).map(|e| (self.target(e), self.label(e)))
    }

    /// Bytes of memory that is used; the room for more is not.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.ends.len() * 8 + self.targets.len() * 4 + self.labels.len() * 2) as u64
    }
}
