//! A graph with labelled edges.

/// The label of an edge that belongs to no unit.
pub const UNLABELLED: u32 = u32::MAX;

/// For each state its edges, in compressed rows: 8 bytes per edge, 8 per state.
///
/// An edge from a state to itself is never taken, as it would be a stutter. It says that its label is enabled there
/// and leads nowhere.
#[derive(Clone, Debug, Default)]
pub struct Labelled {
    ends: Vec<u64>,
    targets: Vec<u32>,
    labels: Vec<u32>,
}

impl Labelled {
    /// An empty graph with room for so many states and edges.
    #[must_use]
    pub fn with_capacity(states: usize, edges: usize) -> Labelled {
        Labelled {
            ends: Vec::with_capacity(states),
            targets: Vec::with_capacity(edges),
            labels: Vec::with_capacity(edges),
        }
    }

    /// Adds an edge to the row that is open.
    pub fn push(&mut self, target: u32, label: u32) {
        self.targets.push(target);
        self.labels.push(label);
    }

    /// Adds an edge to the row that is open, unless it is there.
    pub fn push_once(&mut self, target: u32, label: u32) {
        let start = self.ends.last().map_or(0, |end| *end as usize);
        let mut row = self.targets[start..].iter().zip(&self.labels[start..]);
        if !row.any(|edge| edge == (&target, &label)) {
            self.push(target, label);
        }
    }

    /// Ends the row of a state.
    pub fn close(&mut self) {
        self.ends.push(self.targets.len() as u64);
    }

    /// Adds the rows of another graph behind its own.
    pub fn append(&mut self, rows: &Labelled) {
        let base = self.targets.len() as u64;
        self.ends.extend(rows.ends.iter().map(|end| base + end));
        self.targets.extend_from_slice(&rows.targets);
        self.labels.extend_from_slice(&rows.labels);
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.targets.clear();
        self.labels.clear();
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
        self.labels[edge as usize]
    }

    /// The targets and labels of a state's edges.
    pub fn of(&self, state: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.row(state).map(|e| (self.target(e), self.label(e)))
    }

    /// The labels that occur, each once, in no order.
    #[must_use]
    pub fn used_labels(&self) -> Vec<u32> {
        let mut seen = Vec::new();
        for &label in self.labels.iter().filter(|l| **l != UNLABELLED) {
            if seen.len() <= label as usize {
                seen.resize(label as usize + 1, false);
            }
            seen[label as usize] = true;
        }
        (0..seen.len() as u32).filter(|l| seen[*l as usize]).collect()
    }

    /// Replaces every label but [`UNLABELLED`].
    pub fn relabel(&mut self, new: impl Fn(u32) -> u32) {
        self.labels.iter_mut().filter(|l| **l != UNLABELLED).for_each(|l| *l = new(*l));
    }

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.ends.capacity() * 8 + (self.targets.capacity() + self.labels.capacity()) * 4) as u64
    }
}
