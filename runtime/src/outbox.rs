//! The outbox: messages committed with a step, delivered after it at least once.
//!
//! A dispatcher takes messages that are due for the length of a lease; each taking is a numbered *attempt*, and only the last
//! attempt can settle the message, so a dispatcher that was away for too long changes nothing. Receivers see the message's id
//! as idempotency key: a message that arrives twice has its effect once.

mod dispatch;
pub use dispatch::{Dispatcher, Round};

use crate::fencing::FencingToken;
use crate::store::{BoxFuture, Json, TxId};
use crate::time::Instant;
use crate::trace_context::TraceContext;
use backon::{BackoffBuilder, ExponentialBuilder};
use smol_str::SmolStr;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A message to be delivered after the commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it goes: the next step, `main.launch`, or what the service's user named.
    pub target: SmolStr,
    /// What it says.
    pub payload: Json,
    /// How long after the commit it is due.
    pub delay: Duration,
    /// The right under which it is sent.
    pub fence: Option<FencingToken>,
}

/// A message's identity: its transaction, and its position in it. Text: `TX/0`, the idempotency key of its deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MessageId {
    /// The transaction that committed it.
    pub tx: TxId,
    /// Its position among the transaction's messages.
    pub index: u32,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.tx, self.index)
    }
}

/// A text that is no message's identity.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a message is called `TX/NUMBER`, as `outbox list` shows it")]
pub struct NoMessageId;

impl FromStr for MessageId {
    type Err = NoMessageId;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<MessageId, NoMessageId> {
        let (tx, index) = text.split_once('/').ok_or(NoMessageId)?;
        let plain = index.bytes().all(|b| b.is_ascii_digit());
        let index = index.parse().ok().filter(|_| plain).ok_or(NoMessageId)?;
        Ok(MessageId { tx: TxId::parse(tx).ok_or(NoMessageId)?, index })
    }
}

/// A message taken for delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Which message.
    pub id: MessageId,
    /// The number of this attempt, from 1. No two attempts at a message have the same.
    pub attempt: u32,
    /// The number of this attempt among those since the message was last revived: from 1, and not more than `attempt`. By it a
    /// message is given up.
    pub tries: u32,
    /// The message; its delay has passed.
    pub message: Message,
    /// When it was committed.
    pub created: Instant,
    /// The trace in which it was written.
    pub trace: Option<TraceContext>,
}

/// A message as it lies in the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Which message.
    pub id: MessageId,
    /// The message; its delay is in `standing`.
    pub message: Message,
    /// When it was committed.
    pub created: Instant,
    /// The trace in which it was written.
    pub trace: Option<TraceContext>,
    /// How many attempts were made to deliver it, and perhaps one that is being made.
    pub attempts: u32,
    /// What went wrong last; none if nothing has.
    pub error: Option<String>,
    /// Whether it will be delivered.
    pub standing: Standing,
}

/// Whether a message will be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It will.
    Waiting {
        /// When it may be taken (again). While it is being delivered: when that is taken to have failed.
        due: Instant,
    },
    /// It was given up, and lies there until somebody revives or discards it.
    Dead,
}

/// How an attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// The receiver has it.
    Delivered,
    /// To be tried again after a pause.
    Retry {
        /// How long to wait.
        after: Duration,
        /// What went wrong.
        error: String,
    },
    /// Given up; kept for a human.
    Dead {
        /// What went wrong.
        error: String,
    },
}

/// What a receiver says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It has the message, now or from an earlier attempt.
    Accepted,
    /// Not now: unavailable, conflict, guard not true yet.
    Later(String),
    /// Never: the message makes no sense, or its fencing token is stale.
    Never(String),
}

/// Delivers messages: calls the next step, or another service.
pub trait Deliver: Send + Sync + 'static {
    /// Delivers once. What happens twice with the same [`MessageId`] must have its effect once.
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Answer>;
}

/// How messages are delivered.
#[derive(Clone, Copy, Debug)]
pub struct DispatchPolicy {
    /// How many are taken at a time.
    pub batch: usize,
    /// How many are delivered to one target at the same time: a target that is slow holds back its own messages alone.
    pub abreast: usize,
    /// How many may be taken and not settled: those that are being delivered, and those that wait because their target is busy.
    pub taken: usize,
    /// For how long they are taken; a delivery is broken off a little earlier.
    pub lease: Duration,
    /// The pause after a first failure; doubled each time, with jitter.
    pub min_pause: Duration,
    /// The longest pause.
    pub max_pause: Duration,
    /// After how many attempts a message is given up.
    pub attempts: u32,
    /// How often to look for messages that are due when there are none.
    pub poll: Duration,
}

impl Default for DispatchPolicy {
    fn default() -> Self {
        DispatchPolicy {
            batch: 32,
            abreast: 32,
            taken: 1_024,
            lease: Duration::from_secs(30),
            min_pause: Duration::from_millis(100),
            max_pause: Duration::from_secs(60),
            attempts: 20,
            poll: Duration::from_millis(100),
        }
    }
}

impl DispatchPolicy {
    /// The pause after the given attempt (from 1) failed.
    fn pause(&self, attempt: u32) -> Duration {
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(self.min_pause)
            .with_max_delay(self.max_pause)
            .without_max_times()
            .with_jitter()
            .build();
        // The pause stops growing long before this many doublings.
        pauses.nth(attempt.clamp(1, 64) as usize - 1).unwrap_or(self.max_pause)
    }

    /// What to do with a message after the answer to the given attempt (from 1) since it was last revived.
    fn settlement(&self, tries: u32, answer: Answer) -> Settlement {
        match answer {
            Answer::Accepted => Settlement::Delivered,
            Answer::Later(error) if tries < self.attempts => {
                Settlement::Retry { after: self.pause(tries), error }
            }
            Answer::Later(error) => {
                let plural = if tries == 1 { "" } else { "s" };
                Settlement::Dead { error: format!("given up after {tries} attempt{plural}: {error}") }
            }
            Answer::Never(error) => Settlement::Dead { error },
        }
    }
}
