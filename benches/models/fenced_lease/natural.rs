//! A lease with fencing tokens as one would write it for stateright.

use super::Size;
use stateright::{Model, Property};

/// The transition system of this size.
pub struct FencedLease(pub Size);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Idle,
    Owner,
    Writing { shard: u8, seen: u32 },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    phase: Phase,
    epoch: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    accepted: u8,
    value: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    clients: Vec<Client>,
    shards: Vec<Shard>,
    owner: Option<u8>,
    remaining: u8,
    epoch: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Acquire(u8),
    Renew(u8),
    Read(u8, u8),
    Write(u8),
    Release(u8),
    Crash(u8),
    Pass,
}

impl FencedLease {
    fn write(&self, state: &mut State, client: usize) {
        let Client { phase: Phase::Writing { shard, seen }, epoch } = state.clients[client] else { return };
        let shard = &mut state.shards[usize::from(shard)];
        if epoch > shard.accepted {
            shard.value = (seen * 31 + u32::from(epoch)) % self.0.values as u32;
            shard.accepted = epoch;
            state.clients[client].phase = Phase::Owner;
        } else {
            state.clients[client] = Client { phase: Phase::Idle, epoch: 0 };
        }
    }
}

impl Model for FencedLease {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let clients = vec![Client { phase: Phase::Idle, epoch: 0 }; self.0.clients];
        let shards = vec![Shard { accepted: 0, value: 0 }; self.0.shards];
        vec![State { clients, shards, owner: None, remaining: 0, epoch: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for c in 0..self.0.clients as u8 {
            let owns = state.owner == Some(c);
            match state.clients[usize::from(c)].phase {
                Phase::Idle => {
                    if state.remaining == 0 && usize::from(state.epoch) < self.0.epochs {
                        actions.push(Action::Acquire(c));
                    }
                    continue;
                }
                Phase::Owner => {
                    if owns && usize::from(state.remaining) < self.0.ttl {
                        actions.push(Action::Renew(c));
                    }
                    actions.extend((0..self.0.shards as u8).map(|s| Action::Read(c, s)));
                    if owns {
                        actions.push(Action::Release(c));
                    }
                }
                Phase::Writing { .. } => actions.push(Action::Write(c)),
            }
            actions.push(Action::Crash(c));
        }
        if state.remaining > 0 {
            actions.push(Action::Pass);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Acquire(c) => {
                state.owner = Some(c);
                state.remaining = self.0.ttl as u8;
                state.epoch += 1;
                state.clients[usize::from(c)] = Client { phase: Phase::Owner, epoch: state.epoch };
            }
            Action::Renew(_) => state.remaining = self.0.ttl as u8,
            Action::Read(c, shard) => {
                let seen = state.shards[usize::from(shard)].value;
                state.clients[usize::from(c)].phase = Phase::Writing { shard, seen };
            }
            Action::Write(c) => self.write(&mut state, usize::from(c)),
            Action::Release(c) => {
                state.owner = None;
                state.remaining = 0;
                state.clients[usize::from(c)] = Client { phase: Phase::Idle, epoch: 0 };
            }
            Action::Crash(c) => state.clients[usize::from(c)] = Client { phase: Phase::Idle, epoch: 0 },
            Action::Pass => state.remaining -= 1,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing_from_the_future", |_, state: &State| {
                state.shards.iter().all(|s| s.accepted <= state.epoch)
            }),
            Property::always("one_current_owner", |_, state: &State| {
                state.epoch == 0 || state.clients.iter().filter(|c| c.epoch == state.epoch).count() <= 1
            }),
        ]
    }
}
