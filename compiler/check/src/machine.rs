//! The packed machine of a program (signatures; bodies follow).

use crate::error::CompileError;
use arch_ir::{Event, Program, State};

/// An immutable, packed, executable form of a program.
pub struct Machine {
    words: usize,
}

impl Machine {
    /// Lays out and compiles a program.
    pub fn compile(_program: &Program) -> Result<Machine, CompileError> {
        Ok(Machine { words: 0 })
    }

    /// The number of 64-bit words of a state.
    pub fn words(&self) -> usize {
        self.words
    }

    /// The number of bits of a state that carry information.
    pub fn bits(&self) -> usize {
        0
    }

    /// The number of ground actions.
    pub fn actions(&self) -> usize {
        0
    }

    /// The state that packed words stand for.
    pub fn decode(&self, _words: &[u64]) -> State {
        State::default()
    }

    /// The packed words of a canonical state; none if it does not fit.
    pub fn encode(&self, _state: &State) -> Option<Vec<u64>> {
        None
    }

    /// The event that an action is in a state that enables it.
    pub fn event(&self, _action: u32, _state: &[u64]) -> Event {
        Event::Tick
    }
}
