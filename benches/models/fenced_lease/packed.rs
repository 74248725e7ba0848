//! A lease with fencing tokens packed by hand into 128 bits.
//!
//! From the low end: the greatest epoch (4 bits), remaining (4), the owner plus one (4); for each client its phase
//! (0 idle, 1 owner, 2 + shard: writing there; 3 bits), epoch (3) and what it has seen (12); for each shard the
//! accepted epoch (3) and the value (12).

use super::Size;
use stateright::{Model, Property};

/// The transition system of this size: at most 3 clients and 4 shards or 4 and 2, or what else fits, 6 shards,
/// epochs up to 7 and 4,096 values.
pub struct FencedLease(pub Size);

const EPOCH: Field = Field { at: 0, bits: 4 };
const REMAINING: Field = Field { at: 4, bits: 4 };
const OWNER: Field = Field { at: 8, bits: 4 };
const CLIENTS: u32 = 12;
const CLIENT: u32 = 18;
const SHARD: u32 = 15;

const IDLE: u128 = 0;
const OWNS: u128 = 1;
const WRITING: u128 = 2;

/// Some bits of a packed state.
#[derive(Clone, Copy)]
struct Field {
    at: u32,
    bits: u32,
}

impl Field {
    fn get(self, state: u128) -> u128 {
        (state >> self.at) & ((1 << self.bits) - 1)
    }

    fn set(self, state: &mut u128, value: u128) {
        *state = (*state & !(((1 << self.bits) - 1) << self.at)) | (value << self.at);
    }
}

fn phase(c: u8) -> Field {
    Field { at: CLIENTS + CLIENT * u32::from(c), bits: 3 }
}

fn epoch(c: u8) -> Field {
    Field { at: CLIENTS + CLIENT * u32::from(c) + 3, bits: 3 }
}

fn seen(c: u8) -> Field {
    Field { at: CLIENTS + CLIENT * u32::from(c) + 6, bits: 12 }
}

/// All of a client, to reset it.
fn client(c: u8) -> Field {
    Field { at: CLIENTS + CLIENT * u32::from(c), bits: CLIENT }
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
    fn shards(&self) -> u32 {
        CLIENTS + CLIENT * self.0.clients as u32
    }

    fn accepted(&self, shard: u8) -> Field {
        Field { at: self.shards() + SHARD * u32::from(shard), bits: 3 }
    }

    fn value(&self, shard: u8) -> Field {
        Field { at: self.shards() + SHARD * u32::from(shard) + 3, bits: 12 }
    }

    fn write(&self, state: &mut u128, c: u8) {
        let shard = (phase(c).get(*state) - WRITING) as u8;
        let mine = epoch(c).get(*state);
        if mine > self.accepted(shard).get(*state) {
            let value = (seen(c).get(*state) * 31 + mine) % self.0.values as u128;
            self.value(shard).set(state, value);
            self.accepted(shard).set(state, mine);
            phase(c).set(state, OWNS);
            seen(c).set(state, 0);
        } else {
            client(c).set(state, 0);
        }
    }

    fn fits(&self) -> bool {
        let bits = self.shards() + SHARD * self.0.shards as u32;
        let Size { shards, epochs, ttl, values, .. } = self.0;
        bits <= u128::BITS && shards <= 6 && epochs < 8 && ttl < 16 && values <= 1 << 12
    }
}

impl Model for FencedLease {
    type State = u128;
    type Action = Action;

    fn init_states(&self) -> Vec<u128> {
        assert!(self.fits(), "the state does not fit into 128 bits");
        vec![0]
    }

    fn actions(&self, state: &u128, actions: &mut Vec<Action>) {
        let remaining = REMAINING.get(*state) as usize;
        for c in 0..self.0.clients as u8 {
            let owns = OWNER.get(*state) == u128::from(c) + 1;
            match phase(c).get(*state) {
                IDLE => {
                    if remaining == 0 && (EPOCH.get(*state) as usize) < self.0.epochs {
                        actions.push(Action::Acquire(c));
                    }
                    continue;
                }
                OWNS => {
                    if owns && remaining < self.0.ttl {
                        actions.push(Action::Renew(c));
                    }
                    actions.extend((0..self.0.shards as u8).map(|s| Action::Read(c, s)));
                    if owns {
                        actions.push(Action::Release(c));
                    }
                }
                _ => actions.push(Action::Write(c)),
            }
            actions.push(Action::Crash(c));
        }
        if remaining > 0 {
            actions.push(Action::Pass);
        }
    }

    fn next_state(&self, last: &u128, action: Action) -> Option<u128> {
        let mut state = *last;
        match action {
            Action::Acquire(c) => {
                let next = EPOCH.get(state) + 1;
                EPOCH.set(&mut state, next);
                REMAINING.set(&mut state, self.0.ttl as u128);
                OWNER.set(&mut state, u128::from(c) + 1);
                phase(c).set(&mut state, OWNS);
                epoch(c).set(&mut state, next);
            }
            Action::Renew(_) => REMAINING.set(&mut state, self.0.ttl as u128),
            Action::Read(c, shard) => {
                phase(c).set(&mut state, WRITING + u128::from(shard));
                let value = self.value(shard).get(state);
                seen(c).set(&mut state, value);
            }
            Action::Write(c) => self.write(&mut state, c),
            Action::Release(c) => {
                OWNER.set(&mut state, 0);
                REMAINING.set(&mut state, 0);
                client(c).set(&mut state, 0);
            }
            Action::Crash(c) => client(c).set(&mut state, 0),
            Action::Pass => {
                let left = REMAINING.get(state) - 1;
                REMAINING.set(&mut state, left);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing_from_the_future", |model: &Self, state: &u128| {
                (0..model.0.shards as u8).all(|s| model.accepted(s).get(*state) <= EPOCH.get(*state))
            }),
            Property::always("one_current_owner", |model: &Self, state: &u128| {
                let current = EPOCH.get(*state);
                let holders = (0..model.0.clients as u8).filter(|c| epoch(*c).get(*state) == current).count();
                current == 0 || holders <= 1
            }),
        ]
    }
}
