//! Two-phase commit as one would write it for stateright: a vector of resource managers, a set of messages.

use stateright::{Model, Property};
use std::collections::BTreeSet;

/// The transition system for so many resource managers.
pub struct TwoPhaseCommit {
    /// How many.
    pub rms: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RmState {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TmState {
    Init,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Prepared(usize),
    Commit,
    Abort,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    rms: Vec<RmState>,
    tm: TmState,
    prepared: Vec<bool>,
    sent: BTreeSet<Message>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    DecideCommit,
    DecideAbort,
    ReceivePrepared(usize),
    Prepare(usize),
    ChooseAbort(usize),
    ReceiveCommit(usize),
    ReceiveAbort(usize),
}

impl Model for TwoPhaseCommit {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let rms = vec![RmState::Working; self.rms];
        vec![State { rms, tm: TmState::Init, prepared: vec![false; self.rms], sent: BTreeSet::new() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let undecided = state.tm == TmState::Init;
        if undecided && state.prepared.iter().all(|p| *p) {
            actions.push(Action::DecideCommit);
        }
        if undecided {
            actions.push(Action::DecideAbort);
        }
        let (commit, abort) = (state.sent.contains(&Message::Commit), state.sent.contains(&Message::Abort));
        for rm in 0..self.rms {
            if undecided && state.sent.contains(&Message::Prepared(rm)) {
                actions.push(Action::ReceivePrepared(rm));
            }
            if state.rms[rm] == RmState::Working {
                actions.push(Action::Prepare(rm));
                actions.push(Action::ChooseAbort(rm));
            }
            if commit {
                actions.push(Action::ReceiveCommit(rm));
            }
            if abort {
                actions.push(Action::ReceiveAbort(rm));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::DecideCommit => {
                state.tm = TmState::Committed;
                state.sent.insert(Message::Commit);
            }
            Action::DecideAbort => {
                state.tm = TmState::Aborted;
                state.sent.insert(Message::Abort);
            }
            Action::ReceivePrepared(rm) => state.prepared[rm] = true,
            Action::Prepare(rm) => {
                state.rms[rm] = RmState::Prepared;
                state.sent.insert(Message::Prepared(rm));
            }
            Action::ChooseAbort(rm) | Action::ReceiveAbort(rm) => state.rms[rm] = RmState::Aborted,
            Action::ReceiveCommit(rm) => state.rms[rm] = RmState::Committed,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("consistent", |_, state: &State| {
            !(state.rms.contains(&RmState::Aborted) && state.rms.contains(&RmState::Committed))
        })]
    }
}
