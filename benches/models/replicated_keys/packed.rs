//! Replicated keys packed by hand into a word for each replica.
//!
//! Of each key, from the low end: the version (2 bits), the writer plus one (2), the value (12).

use super::Size;
use stateright::{Model, Property};

/// The transition system of this size: at most 3 replicas, 4 keys, versions up to 3 and 4,096 values.
pub struct ReplicatedKeys(pub Size);

const CELL: usize = 16;
const WRITER: u64 = 2;
const VALUE: u64 = 4;
const TWO_BITS: u64 = 3;

type State = [u64; 3];

fn cell(state: &State, replica: usize, key: usize) -> u64 {
    state[replica] >> (CELL * key) & 0xFFFF
}

fn set(state: &mut State, replica: usize, key: usize, cell: u64) {
    let shift = CELL * key;
    state[replica] = state[replica] & !(0xFFFF << shift) | cell << shift;
}

fn version(cell: u64) -> u64 {
    cell & TWO_BITS
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Put { replica: usize, key: usize },
    Pull { replica: usize, peer: usize, key: usize },
}

impl Model for ReplicatedKeys {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let Size { replicas, keys, versions, values } = self.0;
        assert!(replicas <= 3 && keys <= 4 && versions < 4 && values <= 1 << 12, "the state does not fit");
        vec![[0; 3]]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for replica in 0..self.0.replicas {
            for key in 0..self.0.keys {
                let mine = version(cell(state, replica, key));
                if mine < self.0.versions as u64 {
                    actions.push(Action::Put { replica, key });
                }
                let newer = |peer: &usize| version(cell(state, *peer, key)) > mine;
                let peers = (0..self.0.replicas).filter(newer);
                actions.extend(peers.map(|peer| Action::Pull { replica, peer, key }));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = *last;
        match action {
            Action::Put { replica, key } => {
                let old = cell(last, replica, key);
                let value = ((old >> VALUE) * 31 + version(old) + 7) % self.0.values as u64;
                let new = (version(old) + 1) | (replica as u64 + 1) << WRITER | value << VALUE;
                set(&mut state, replica, key, new);
            }
            Action::Pull { replica, peer, key } => set(&mut state, replica, key, cell(last, peer, key)),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("written", |model: &Self, state: &State| {
            let cells = (0..model.0.replicas).flat_map(|r| (0..model.0.keys).map(move |k| cell(state, r, k)));
            cells.into_iter().all(|cell| version(cell) == 0 || cell >> WRITER & TWO_BITS != 0)
        })]
    }
}
