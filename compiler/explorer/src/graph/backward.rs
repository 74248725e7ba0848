//! Backward reachability over the explored graph: which states can reach a goal.

use super::edges::Edges;

/// The explored graph, reversed.
#[derive(Debug)]
pub struct Backward {
    starts: Vec<u64>,
    sources: Vec<u32>,
}

impl Backward {
    /// Reverses a graph in which every state has a row (counting sort by target).
    #[must_use]
    pub fn new(edges: &Edges) -> Backward {
        let states = edges.rows();
        let mut starts = vec![0u64; states + 1];
        for state in 0..states as u32 {
            edges.of(state).iter().for_each(|&t| starts[t as usize + 1] += 1);
        }
        for i in 0..states {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut sources = vec![0u32; edges.len()];
        for state in 0..states as u32 {
            for &target in edges.of(state) {
                sources[next[target as usize] as usize] = state;
                next[target as usize] += 1;
            }
        }
        Backward { starts, sources }
    }

    /// The states that lead to a state in one event.
    #[must_use]
    pub fn sources(&self, state: u32) -> &[u32] {
        &self.sources[self.starts[state as usize] as usize..self.starts[state as usize + 1] as usize]
    }

    /// The first state, in order of discovery, that counts and from which no state of the goal can be
    /// reached. `able`: for each state whether it is in the goal.
    pub fn first_unable(&self, mut able: Vec<bool>, counts: impl Fn(u32) -> bool) -> Option<u32> {
        let states = able.len() as u32;
        let mut pending: Vec<u32> = (0..states).filter(|&s| able[s as usize]).collect();
        while let Some(state) = pending.pop() {
            for &source in self.sources(state) {
                if !std::mem::replace(&mut able[source as usize], true) {
                    pending.push(source);
                }
            }
        }
        (0..states).find(|&s| !able[s as usize] && counts(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_behind_a_one_way_edge_cannot_return() {
        let mut edges = Edges::default();
        for row in [&[1u32, 2][..], &[0], &[3], &[2]] {
            row.iter().for_each(|&t| edges.push(t));
            edges.close();
        }
        let backward = Backward::new(&edges);
        assert_eq!(backward.first_unable(vec![true, false, false, false], |_| true), Some(2));
        assert_eq!(backward.first_unable(vec![false, false, false, true], |_| true), None);
    }
}
