//! A log shipped to followers, as one would write it for stateright.

use super::Size;
use stateright::{Model, Property};
use std::collections::VecDeque;

/// The transition system of this size.
pub struct LogShipping(pub Size);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    index: u8,
    value: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Follower {
    entries: VecDeque<Entry>,
    acks: VecDeque<u8>,
    copy: Vec<u8>,
    /// What the leader knows.
    acked: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    log: Vec<u8>,
    followers: Vec<Follower>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Append(u8),
    Send(usize, u8),
    Hear(usize),
    Receive(usize),
    DropEntry(usize),
    DropAck(usize),
}

impl Model for LogShipping {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { log: Vec::new(), followers: vec![Follower::default(); self.0.followers] }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.log.len() < self.0.length {
            actions.extend((0..self.0.values as u8).map(Action::Append));
        }
        for (f, follower) in state.followers.iter().enumerate() {
            if follower.entries.len() < self.0.depth {
                actions.extend((follower.acked..state.log.len() as u8).map(|at| Action::Send(f, at)));
            }
            if !follower.acks.is_empty() {
                actions.push(Action::Hear(f));
                actions.push(Action::DropAck(f));
            }
            if !follower.entries.is_empty() {
                if follower.acks.len() < self.0.depth {
                    actions.push(Action::Receive(f));
                }
                actions.push(Action::DropEntry(f));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Append(value) => state.log.push(value),
            Action::Send(f, index) => {
                let value = state.log[usize::from(index)];
                state.followers[f].entries.push_back(Entry { index, value });
            }
            Action::Hear(f) => {
                let follower = &mut state.followers[f];
                let ack = follower.acks.pop_front()?;
                follower.acked = follower.acked.max(ack);
            }
            Action::Receive(f) => {
                let follower = &mut state.followers[f];
                let entry = follower.entries.pop_front()?;
                if usize::from(entry.index) == follower.copy.len() {
                    follower.copy.push(entry.value);
                }
                follower.acks.push_back(follower.copy.len() as u8);
            }
            Action::DropEntry(f) => {
                state.followers[f].entries.pop_front()?;
            }
            Action::DropAck(f) => {
                state.followers[f].acks.pop_front()?;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("prefix", |_, state: &State| {
                state.followers.iter().all(|f| state.log.starts_with(&f.copy))
            }),
            Property::always("honest", |_, state: &State| {
                state.followers.iter().all(|f| usize::from(f.acked) <= f.copy.len())
            }),
        ]
    }
}
