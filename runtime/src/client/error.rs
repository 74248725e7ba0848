//! Why a call has no outcome: what was tried, how often, and what came last.

use crate::time::Instant;
use crate::wire::{FailedGuard, ReadVersion};
use smol_str::SmolStr;
use std::fmt;
use std::time::Duration;

/// A call without an outcome.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The guard is false. Asked again, the service would look again: it is for the caller to say when.
    #[error(transparent)]
    Denied(Box<Denied>),
    /// The service refuses the request, and would refuse it again.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// No answer came, until the patience ended.
    #[error(transparent)]
    GaveUp(Box<GaveUp>),
    /// An answer came that is none of this service, or of another version of it.
    #[error(transparent)]
    Strange(Box<Strange>),
    /// The request cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
}

/// The guard is false: which conjuncts, on what was read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{tried}: {op} is not enabled: {}", texts(failed))]
pub struct Denied {
    /// What was tried.
    pub tried: Tried,
    /// The operation.
    pub op: SmolStr,
    /// The conjuncts that are false, by their ids.
    pub failed: Vec<FailedGuard>,
    /// What was read, in which versions.
    pub reads: Vec<ReadVersion>,
    /// When.
    pub now: Instant,
}

fn texts(failed: &[FailedGuard]) -> String {
    let texts: Vec<String> = failed.iter().map(|f| format!("{} ({})", f.guard, f.text)).collect();
    texts.join(", ")
}

impl Denied {
    /// Whether the conjunct with this id is false.
    #[must_use]
    pub fn is_false(&self, guard: &str) -> bool {
        self.failed.iter().any(|f| f.guard == guard)
    }
}

/// The service refuses the request.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{tried} is refused: {}", status_text(*status, kind, detail))]
pub struct Refused {
    /// What was tried.
    pub tried: Tried,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for it, such as `invalid-request`; empty if whoever answered is no service of this runtime.
    pub kind: SmolStr,
    /// What is wrong.
    pub detail: String,
}

/// No answer came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{tried} has no answer: {last}")]
pub struct GaveUp {
    /// What was tried.
    pub tried: Tried,
    /// What came last.
    pub last: Last,
}

/// An answer that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{tried} is answered with status {status}, and {what}")]
pub struct Strange {
    /// What was tried.
    pub tried: Tried,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with it.
    pub what: String,
}

/// What became of the last attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Last {
    /// No answer.
    Nothing(String),
    /// An answer that asks for patience.
    Status {
        /// The HTTP status.
        status: u16,
        /// A stable word for it; empty if whoever answered is no service of this runtime.
        kind: SmolStr,
        /// What it says.
        detail: String,
    },
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Last::Nothing(why) => write!(f, "the last time, {why}"),
            Last::Status { status, kind, detail } => {
                write!(f, "the last time, {}", status_text(*status, kind, detail))
            }
        }
    }
}

fn status_text(status: u16, kind: &str, detail: &str) -> String {
    let kind = if kind.is_empty() { String::new() } else { format!(" {kind}") };
    format!("{status}{kind}: {detail}")
}

/// What was tried, and how often.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Tried {
    /// `POST http://…/v1/main/claim`
    pub what: String,
    /// The idempotency key: [`super::Connection::ask_under`] asks again under it.
    pub key: Option<SmolStr>,
    /// How often it was sent.
    pub attempts: u32,
    /// How many of these may have been executed, or may still be, without an answer that says so.
    pub lost: u32,
    /// For how long.
    pub took: Duration,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tried { what, key, attempts, lost, took } = self;
        let times = if *attempts == 1 { "once" } else { &format!("{attempts} times") };
        write!(f, "{what} (sent {times} in {:.1}s", took.as_secs_f64())?;
        if let Some(key) = key {
            write!(f, " under key {key}")?;
        }
        if *lost > 0 {
            write!(f, ", {lost} of which may have been executed")?;
        }
        f.write_str(")")
    }
}

impl CallError {
    /// What was tried; none if nothing was sent.
    #[must_use]
    pub fn tried(&self) -> Option<&Tried> {
        match self {
            CallError::Denied(e) => Some(&e.tried),
            CallError::Refused(e) => Some(&e.tried),
            CallError::GaveUp(e) => Some(&e.tried),
            CallError::Strange(e) => Some(&e.tried),
            CallError::Unsendable(_) => None,
        }
    }

    /// The guard that is false.
    #[must_use]
    pub fn denied(&self) -> Option<&Denied> {
        if let CallError::Denied(denied) = self { Some(denied) } else { None }
    }

    /// Whether it is certain that nothing was changed, and that no attempt is still on its way. If not, asking again under the same
    /// key finds out.
    #[must_use]
    pub fn nothing_changed(&self) -> bool {
        let none_is_lost = self.tried().is_none_or(|tried| tried.lost == 0);
        none_is_lost
            && match self {
                CallError::Denied(_) | CallError::GaveUp(_) | CallError::Unsendable(_) => true,
                CallError::Refused(refused) => refused.status < 500,
                CallError::Strange(_) => false,
            }
    }
}
