//! What goes wrong between the service and its store.

use crate::store::memory::{Fault, FaultPlan};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// How many transitions go wrong in the store.
const TRANSITIONS: f64 = 0.2;

/// How many other calls to the store do.
const QUERIES: f64 = 0.05;

/// Everything that goes wrong in a store. What happens to the network is counted beside it.
pub(super) const KINDS: &[&str] = &[
    "clock set back",
    "clock set forward",
    "conflict",
    "crash after commit",
    "crash before commit",
    "lost commit",
    "lost reply",
    "outage",
];

/// A large jump of a clock, in milliseconds.
const HOUR: i64 = 3_600_000;

/// How often each kind of fault happened.
pub(super) type Counts = Arc<Mutex<BTreeMap<String, u64>>>;

/// Random faults of every kind, counted.
pub(super) struct Misfortunes {
    random: fastrand::Rng,
    tick: i64,
    counts: Counts,
}

impl Misfortunes {
    /// For a spec whose clock ticks so often (in milliseconds): some jumps are of a few ticks.
    pub fn new(seed: u64, tick: i64) -> Misfortunes {
        Misfortunes { random: fastrand::Rng::with_seed(seed ^ 0xfa17), tick, counts: Counts::default() }
    }

    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    fn fault(&mut self, op: &str) -> (&'static str, Fault) {
        if !is_transition(op) {
            return ("outage", Fault::Unavailable);
        }
        let most = if self.random.bool() { HOUR } else { 3 * self.tick };
        match self.random.u8(..7) {
            0 => ("conflict", Fault::Conflict),
            1 => ("outage", Fault::Unavailable),
            2 => ("lost reply", Fault::LostReply),
            3 => ("lost commit", Fault::LostCommit),
            4 => ("crash before commit", Fault::CrashBefore),
            5 => ("crash after commit", Fault::CrashAfter),
            _ if self.random.bool() => ("clock set forward", Fault::ClockJump(self.random.i64(1..=most))),
            _ => ("clock set back", Fault::ClockJump(-self.random.i64(1..=most))),
        }
    }
}

/// Operations have names with their protocol in it; everything else only asks.
fn is_transition(op: &str) -> bool {
    op.contains('.')
}

impl FaultPlan for Misfortunes {
    fn next(&mut self, op: &str) -> Option<Fault> {
        if self.random.f64() >= if is_transition(op) { TRANSITIONS } else { QUERIES } {
            return None;
        }
        let (name, fault) = self.fault(op);
        *self.counts.lock().expect("nobody panics here").entry(name.to_owned()).or_default() += 1;
        Some(fault)
    }
}
