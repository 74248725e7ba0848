//! A log shipped to followers, packed by hand into 128 bits.
//!
//! Sequences are 16-bit fields with a leading one above their elements (the newest is the highest), so that their
//! length is the place of that one: entries have 4 bits (index, then value), acknowledgements 3, the values of a log
//! 1. From the low end: the leader's log; for each follower its copy, entries, acks and what was acknowledged (4).

use super::Size;
use stateright::{Model, Property};

/// The transition system of this size: at most 2 followers, 5 entries in a log, 3 messages in a channel, 2 values.
pub struct LogShipping(pub Size);

const FOLLOWER: u32 = 3 * 16 + 4;

/// A sequence of elements of so many bits, at a place of the state.
#[derive(Clone, Copy)]
struct Seq {
    at: u32,
    bits: u32,
}

impl Seq {
    fn raw(self, state: u128) -> u32 {
        ((state >> self.at) & 0xffff) as u32
    }

    fn replace(self, state: &mut u128, raw: u32) {
        *state = (*state & !(0xffff << self.at)) | (u128::from(raw) << self.at);
    }

    fn len(self, state: u128) -> u32 {
        self.raw(state).ilog2() / self.bits
    }

    fn get(self, state: u128, index: u32) -> u32 {
        (self.raw(state) >> (index * self.bits)) & ((1 << self.bits) - 1)
    }

    fn push(self, state: &mut u128, value: u32) {
        let raw = self.raw(*state);
        let place = raw.ilog2();
        self.replace(state, (raw ^ (1 << place)) | (value << place) | (1 << (place + self.bits)));
    }

    /// Takes the oldest element off; there must be one.
    fn pop(self, state: &mut u128) -> u32 {
        let first = self.get(*state, 0);
        self.replace(state, self.raw(*state) >> self.bits);
        first
    }
}

const LOG: Seq = Seq { at: 0, bits: 1 };

fn follower(f: u8) -> u32 {
    16 + FOLLOWER * u32::from(f)
}

fn copy(f: u8) -> Seq {
    Seq { at: follower(f), bits: 1 }
}

fn entries(f: u8) -> Seq {
    Seq { at: follower(f) + 16, bits: 4 }
}

fn acks(f: u8) -> Seq {
    Seq { at: follower(f) + 32, bits: 3 }
}

fn acked(state: u128, f: u8) -> u32 {
    ((state >> (follower(f) + 48)) & 0xf) as u32
}

fn acknowledge(state: &mut u128, f: u8, upto: u32) {
    let at = follower(f) + 48;
    *state = (*state & !(0xf << at)) | (u128::from(upto) << at);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Append(u8),
    Send(u8, u8),
    Hear(u8),
    Receive(u8),
    DropEntry(u8),
    DropAck(u8),
}

impl LogShipping {
    fn followers(&self) -> std::ops::Range<u8> {
        0..self.0.followers as u8
    }
}

impl Model for LogShipping {
    type State = u128;
    type Action = Action;

    fn init_states(&self) -> Vec<u128> {
        let Size { followers, length, depth, values } = self.0;
        let fits = followers <= 2 && length <= 5 && depth <= 3 && values <= 2;
        assert!(fits, "the state does not fit into 128 bits");
        let mut state = 0;
        LOG.replace(&mut state, 1);
        for f in self.followers() {
            copy(f).replace(&mut state, 1);
            entries(f).replace(&mut state, 1);
            acks(f).replace(&mut state, 1);
        }
        vec![state]
    }

    fn actions(&self, state: &u128, actions: &mut Vec<Action>) {
        let (state, depth) = (*state, self.0.depth as u32);
        let length = LOG.len(state);
        if length < self.0.length as u32 {
            actions.extend((0..self.0.values as u8).map(Action::Append));
        }
        for f in self.followers() {
            let (sent, answered) = (entries(f).len(state), acks(f).len(state));
            if sent < depth {
                actions.extend((acked(state, f)..length).map(|at| Action::Send(f, at as u8)));
            }
            if answered > 0 {
                actions.push(Action::Hear(f));
                actions.push(Action::DropAck(f));
            }
            if sent > 0 {
                if answered < depth {
                    actions.push(Action::Receive(f));
                }
                actions.push(Action::DropEntry(f));
            }
        }
    }

    fn next_state(&self, last: &u128, action: Action) -> Option<u128> {
        let mut state = *last;
        match action {
            Action::Append(value) => LOG.push(&mut state, u32::from(value)),
            Action::Send(f, index) => {
                let value = LOG.get(state, u32::from(index));
                entries(f).push(&mut state, u32::from(index) << 1 | value);
            }
            Action::Hear(f) => {
                let ack = acks(f).pop(&mut state);
                let upto = acked(state, f).max(ack);
                acknowledge(&mut state, f, upto);
            }
            Action::Receive(f) => {
                let entry = entries(f).pop(&mut state);
                if entry >> 1 == copy(f).len(state) {
                    copy(f).push(&mut state, entry & 1);
                }
                let have = copy(f).len(state);
                acks(f).push(&mut state, have);
            }
            Action::DropEntry(f) => {
                entries(f).pop(&mut state);
            }
            Action::DropAck(f) => {
                acks(f).pop(&mut state);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("prefix", |model: &Self, state: &u128| {
                model.followers().all(|f| {
                    let length = copy(f).len(*state);
                    let low = (1 << length) - 1;
                    length <= LOG.len(*state) && copy(f).raw(*state) & low == LOG.raw(*state) & low
                })
            }),
            Property::always("honest", |model: &Self, state: &u128| {
                model.followers().all(|f| acked(*state, f) <= copy(f).len(*state))
            }),
        ]
    }
}
