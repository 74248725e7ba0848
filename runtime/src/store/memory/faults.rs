//! What goes wrong, on demand.

use std::collections::VecDeque;

/// Something that goes wrong in one call to the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Somebody else was faster.
    Conflict,
    /// The store cannot be reached; nothing happens.
    Unavailable,
    /// The caller's process dies before the commit. The call never returns.
    CrashBefore,
    /// The caller's process dies after the commit. The call never returns.
    CrashAfter,
    /// The commit happens; its acknowledgement is lost.
    LostReply,
    /// The commit is lost, and the caller cannot tell from [`Fault::LostReply`].
    LostCommit,
    /// The step reads rows as they were before the last commit, so that an update is lost: what no store may do. It shows that
    /// journals give it away.
    StaleRead,
    /// The time of day jumps by so many milliseconds; nothing else.
    ClockJump(i64),
}

/// Decides what goes wrong.
pub trait FaultPlan: Send + 'static {
    /// What goes wrong in this call: an operation, or `find`, `read`, `scan`, `journal`, `replay`, `claim`, `settle`, `outbox`,
    /// `sweep`, `health`, of which only being unavailable makes sense.
    fn next(&mut self, op: &str) -> Option<Fault>;
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Default, Debug)]
pub struct NoFaults;

impl FaultPlan for NoFaults {
    fn next(&mut self, _: &str) -> Option<Fault> {
        None
    }
}

/// A list: call after call; nothing goes wrong after its end.
#[derive(Clone, Default, Debug)]
pub struct ScriptedFaults(pub VecDeque<Option<Fault>>);

impl FaultPlan for ScriptedFaults {
    fn next(&mut self, _: &str) -> Option<Fault> {
        self.0.pop_front().flatten()
    }
}

/// Random faults; the same for the same seed and calls.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    random: fastrand::Rng,
    rate: f64,
    crashes: bool,
}

impl RandomFaults {
    /// A fault in so many of all calls (0 to 1).
    #[must_use]
    pub fn new(seed: u64, rate: f64) -> RandomFaults {
        RandomFaults { random: fastrand::Rng::with_seed(seed), rate, crashes: false }
    }

    /// Crashes too: only for callers that watch [`super::MemoryStore::crashes`].
    #[must_use]
    pub fn with_crashes(mut self) -> RandomFaults {
        self.crashes = true;
        self
    }
}

impl FaultPlan for RandomFaults {
    fn next(&mut self, _: &str) -> Option<Fault> {
        if self.random.f64() >= self.rate {
            return None;
        }
        // A jump of up to an hour, both ways.
        let jump = self.random.i64(-3_600_000..=3_600_000);
        let kinds = if self.crashes { 7 } else { 5 };
        Some(match self.random.u8(0..kinds) {
            0 => Fault::Conflict,
            1 => Fault::Unavailable,
            2 => Fault::LostReply,
            3 => Fault::LostCommit,
            4 => Fault::ClockJump(jump),
            5 => Fault::CrashBefore,
            _ => Fault::CrashAfter,
        })
    }
}
