//! The machine as a stateright model, the explorer as a stateright checker.
