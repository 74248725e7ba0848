//! The explored graph: for each state, in order, the states that its events lead to.

/// Successors of states 0, 1, … in compressed rows; self-loops are left out.
#[derive(Debug, Default)]
pub struct Edges {
    ends: Vec<u64>,
    targets: Vec<u32>,
}

impl Edges {
    /// Adds an event of the state whose row is open.
    pub(crate) fn push(&mut self, target: u32) {
        if target as usize != self.ends.len() {
            self.targets.push(target);
        }
    }

    /// Ends the row of a state.
    pub(crate) fn close(&mut self) {
        self.ends.push(self.targets.len() as u64);
    }

    /// The number of states with a row.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The number of edges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no edge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The states that a state leads to, itself left out.
    #[must_use]
    pub fn of(&self, state: u32) -> &[u32] {
        let row = state as usize;
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.targets[start as usize..self.ends[row] as usize]
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.ends.capacity() * 8 + self.targets.capacity() * 4) as u64
    }
}
