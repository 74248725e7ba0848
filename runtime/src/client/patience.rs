//! How long and how fast a request is repeated.

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;

/// How long to insist on an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// From the first attempt to the end of the last one. A request is sent at least once.
    pub total: Duration,
    /// How long one attempt may take. (If the service is still at it, the next one is told so, and waits.)
    pub attempt: Duration,
    /// The first pause; doubled each time, with jitter. Longer where the service says when to ask again.
    pub min_pause: Duration,
    /// The longest pause.
    pub max_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            total: Duration::from_secs(30),
            attempt: Duration::from_secs(5),
            min_pause: Duration::from_millis(50),
            max_pause: Duration::from_secs(2),
        }
    }
}

impl Patience {
    /// Until so much time has passed.
    #[must_use]
    pub fn of(total: Duration) -> Patience {
        Patience { total, ..Patience::default() }
    }

    pub(super) fn pauses(&self) -> Pauses {
        let builder = ExponentialBuilder::default()
            .with_min_delay(self.min_pause)
            .with_max_delay(self.max_pause)
            .without_max_times()
            .with_jitter();
        Pauses { backoff: builder.build(), longest: self.max_pause }
    }
}

/// The pauses of one request.
pub(super) struct Pauses {
    backoff: ExponentialBackoff,
    longest: Duration,
}

impl Pauses {
    /// The next pause; `asked` is what the service says. The jitter goes on top of it, so that those who were all told the same
    /// do not all come back at once.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.backoff.next().unwrap_or(self.longest);
        asked.unwrap_or_default().saturating_add(own)
    }
}
