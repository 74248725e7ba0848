//! Two-phase commit packed by hand into one word.
//!
//! From the low end: the manager (2 bits), commit sent, abort sent, then N bits each: prepared seen by the
//! manager, prepared sent, and the two halves of the resource managers' states (working 00, prepared 01,
//! committed 10, aborted 11), so that guards over all of them are one mask.

use stateright::{Model, Property};

/// The transition system for so many resource managers, at most 15.
pub struct TwoPhaseCommit {
    /// How many.
    pub rms: usize,
}

const INIT: u64 = 0;
const COMMITTED: u64 = 1;
const ABORTED: u64 = 2;
const MANAGER: u64 = 0b11;
const COMMIT_SENT: u64 = 1 << 2;
const ABORT_SENT: u64 = 1 << 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    DecideCommit,
    DecideAbort,
    ReceivePrepared(u8),
    Prepare(u8),
    ChooseAbort(u8),
    ReceiveCommit(u8),
    ReceiveAbort(u8),
}

impl TwoPhaseCommit {
    fn all(&self) -> u64 {
        (1 << self.rms) - 1
    }

    fn seen(&self, rm: u8) -> u64 {
        1 << (4 + usize::from(rm))
    }

    fn sent(&self, rm: u8) -> u64 {
        self.seen(rm) << self.rms
    }

    fn low(&self, rm: u8) -> u64 {
        self.sent(rm) << self.rms
    }

    fn high(&self, rm: u8) -> u64 {
        self.low(rm) << self.rms
    }
}

impl Model for TwoPhaseCommit {
    type State = u64;
    type Action = Action;

    fn init_states(&self) -> Vec<u64> {
        vec![0]
    }

    fn actions(&self, state: &u64, actions: &mut Vec<Action>) {
        let undecided = state & MANAGER == INIT;
        if undecided && (state >> 4) & self.all() == self.all() {
            actions.push(Action::DecideCommit);
        }
        if undecided {
            actions.push(Action::DecideAbort);
        }
        for rm in 0..self.rms as u8 {
            if undecided && state & self.sent(rm) != 0 {
                actions.push(Action::ReceivePrepared(rm));
            }
            if state & (self.low(rm) | self.high(rm)) == 0 {
                actions.push(Action::Prepare(rm));
                actions.push(Action::ChooseAbort(rm));
            }
            if state & COMMIT_SENT != 0 {
                actions.push(Action::ReceiveCommit(rm));
            }
            if state & ABORT_SENT != 0 {
                actions.push(Action::ReceiveAbort(rm));
            }
        }
    }

    fn next_state(&self, state: &u64, action: Action) -> Option<u64> {
        Some(match action {
            Action::DecideCommit => state | COMMITTED | COMMIT_SENT,
            Action::DecideAbort => state | ABORTED | ABORT_SENT,
            Action::ReceivePrepared(rm) => state | self.seen(rm),
            Action::Prepare(rm) => state | self.low(rm) | self.sent(rm),
            Action::ChooseAbort(rm) | Action::ReceiveAbort(rm) => state | self.low(rm) | self.high(rm),
            Action::ReceiveCommit(rm) => (state & !self.low(rm)) | self.high(rm),
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("consistent", |model: &Self, state: &u64| {
            let low = (state >> (4 + 2 * model.rms)) & model.all();
            let high = (state >> (4 + 3 * model.rms)) & model.all();
            high & low == 0 || high & !low == 0
        })]
    }
}
