//! Infinite behaviours under fairness: which of them stay in a region for ever.
//!
//! A behaviour takes an edge or *stutters* (stays where it is, taking nothing) at every moment, for ever. It
//! stays, from some moment on, in one strongly connected part of the graph, where a single state is one
//! because of stuttering. A [`Unit`] is a set of labels: it is *enabled* in a state from which an edge with one of
//! them leads, and *taken* by such an edge. A behaviour treats a unit *weakly* fairly if it is not from
//! some moment on always enabled and never taken; *strongly*, if it is not infinitely often enabled and only finitely often
//! taken.
//!
//! [`components`] finds the parts, [`parts`] remembers them, [`lasso`] makes a behaviour that can be shown, [`smallest`] asks which units are needed.

pub mod components;
pub mod labelled;
pub mod lasso;
pub mod parts;
pub mod smallest;

pub use components::{Component, Search};
pub use labelled::{Labelled, MOST_LABELS, UNLABELLED};
pub use lasso::{Lasso, Reached};
pub use parts::Parts;

/// Edges that a behaviour has to treat fairly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// Their labels, ascending.
    pub labels: Vec<u32>,
    /// Strongly, or weakly.
    pub strong: bool,
}

/// The units, and for each label those that it belongs to.
#[derive(Clone, Debug, Default)]
pub struct Units {
    list: Vec<Unit>,
    by_label: Vec<Vec<u32>>,
}

impl Units {
    /// Units whose labels are below `labels`.
    #[must_use]
    pub fn new(list: Vec<Unit>, labels: usize) -> Units {
        let mut by_label = vec![Vec::new(); labels];
        for (number, unit) in list.iter().enumerate() {
            unit.labels.iter().for_each(|l| by_label[*l as usize].push(number as u32));
        }
        Units { list, by_label }
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> &[Unit] {
        &self.list
    }

    /// The units that an edge with a label is an occurrence of.
    #[must_use]
    pub fn of(&self, label: u32) -> &[u32] {
        if label == UNLABELLED { &[] } else { &self.by_label[label as usize] }
    }
}
