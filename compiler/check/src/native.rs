//! Machine code in place of the interpreter: what it has to do, and when it is made.
//!
//! Machine code does what is common: it tests conditions and writes successors. What is rare it notes, and the
//! interpreter does that action once more, so that there is one piece of code for everything that is
//! found. It is made in a thread of its own once some states have been expanded, or at once when that is asked for;
//! until it is there, and where there is none, the interpreter runs, with the same results.

use crate::plan::Plan;
use arch_explorer::Room;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

/// Machine code for a plan.
pub trait Native: Send + Sync + fmt::Debug {
    /// Writes the states that a state's events lead to, in order, with their actions; how many there are. Notes what
    /// the interpreter has to look at: an action with the number of its state, or with [`NOWHERE`].
    fn expand(&self, state: &[u64], room: Room<'_>, notes: &mut Notes) -> usize;

    /// Writes the numbers of what is found on a state, as the plan's [`crate::plan::Judge`] has it; how many there
    /// are. None if the interpreter has to do it.
    fn judge(&self, state: &[u64], found: &mut [u32]) -> Option<usize>;
}

/// The number of no state.
pub const NOWHERE: u32 = u32::MAX;

/// What machine code notes beside states.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// For each step whether its guard was false when it was reached, then for each `cut` whether it disabled an event.
    flags: Vec<u8>,
    /// How many notes there are, then for each an action and the number of its state.
    rare: Vec<u32>,
}

impl Notes {
    /// Room for the notes on a state.
    #[must_use]
    pub fn new(plan: &Plan) -> Notes {
        Notes { flags: vec![0; (plan.steps + plan.cuts) as usize], rare: vec![0; 1 + 2 * plan.actions.len()] }
    }

    /// The flags, and the notes behind their count.
    pub fn parts(&mut self) -> (&mut [u8], &mut [u32]) {
        (&mut self.flags, &mut self.rare)
    }

    /// Notes that something flagged happened.
    pub(crate) fn flag(&mut self, i: usize) {
        self.flags[i] = 1;
    }

    /// Whether something flagged happened.
    pub(crate) fn is_flagged(&self, i: usize) -> bool {
        self.flags[i] != 0
    }

    /// How many notes there are.
    pub(crate) fn len(&self) -> usize {
        self.rare[0] as usize
    }

    /// An action with the number of its state.
    pub(crate) fn note(&self, i: usize) -> (u32, u32) {
        (self.rare[1 + 2 * i], self.rare[2 + 2 * i])
    }

    /// Forgets all notes, but not what was flagged.
    pub(crate) fn clear(&mut self) {
        self.rare[0] = 0;
    }
}

/// Makes machine code, where there is any for a plan.
pub type Compile = fn(&Plan) -> Option<Box<dyn Native>>;

/// Interpreted states after which machine code is made: a state takes some microseconds, the code some milliseconds.
pub(crate) const WARM: u32 = 4_000;

/// The stack of the thread that makes it, which recurses as deep as computations are.
const STACK: usize = 64 << 20;

type Ready = OnceLock<Option<Box<dyn Native>>>;

/// Machine code that may be there one day.
#[derive(Debug, Default)]
pub(crate) struct Tier {
    compile: Option<Compile>,
    started: AtomicBool,
    ready: Arc<Ready>,
}

impl Tier {
    /// Machine code once it is worth it.
    pub(crate) fn when_warm(compile: Compile) -> Tier {
        Tier { compile: Some(compile), ..Tier::default() }
    }

    /// The code, if it is there.
    #[inline]
    pub(crate) fn native(&self) -> Option<&dyn Native> {
        self.ready.get()?.as_deref()
    }

    /// Starts to make the code, if nobody has; whether somebody has.
    pub(crate) fn start(&self, plan: &Arc<Plan>) -> Option<thread::JoinHandle<()>> {
        let compile = self.compile?;
        if self.started.swap(true, Ordering::Relaxed) {
            return None;
        }
        let (plan, ready) = (Arc::clone(plan), Arc::clone(&self.ready));
        let make = move || {
            let _ = ready.set(compile(&plan));
        };
        // Without a thread the interpreter goes on.
        thread::Builder::new().name("machine code".to_owned()).stack_size(STACK).spawn(make).ok()
    }
}
