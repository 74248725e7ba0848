//! Replicated keys as one would write them for stateright.

use super::Size;
use stateright::{Model, Property};

/// The transition system of this size.
pub struct ReplicatedKeys(pub Size);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    version: u8,
    writer: Option<u8>,
    value: u32,
}

/// For each replica its keys.
type State = Vec<Vec<Cell>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Put { replica: usize, key: usize },
    Pull { replica: usize, peer: usize, key: usize },
}

impl Model for ReplicatedKeys {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![vec![vec![Cell { version: 0, writer: None, value: 0 }; self.0.keys]; self.0.replicas]]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (replica, cells) in state.iter().enumerate() {
            for (key, cell) in cells.iter().enumerate() {
                if usize::from(cell.version) < self.0.versions {
                    actions.push(Action::Put { replica, key });
                }
                let newer = |peer: &usize| state[*peer][key].version > cell.version;
                let peers = (0..self.0.replicas).filter(newer);
                actions.extend(peers.map(|peer| Action::Pull { replica, peer, key }));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Put { replica, key } => {
                let cell = &mut state[replica][key];
                cell.value = (cell.value * 31 + u32::from(cell.version) + 7) % self.0.values as u32;
                cell.version += 1;
                cell.writer = Some(replica as u8);
            }
            Action::Pull { replica, peer, key } => state[replica][key] = last[peer][key],
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("written", |_, state: &State| {
            state.iter().flatten().all(|cell| cell.version == 0 || cell.writer.is_some())
        })]
    }
}
