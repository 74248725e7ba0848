//! Instants, clocks, and a clock that never goes back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An instant: milliseconds since 1970 (UTC). At most ±(2⁵³ − 1), so that JSON keeps it in every language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Instant(i64);

const LIMIT: i64 = (1 << 53) - 1;

impl Instant {
    /// The instant before everything that a guard can mention, with which the language's `time` starts.
    pub const PAST: Instant = Instant(-LIMIT);

    /// So many milliseconds since 1970, kept within what can be written.
    #[must_use]
    pub fn from_millis(millis: i64) -> Instant {
        Instant(millis.clamp(-LIMIT, LIMIT))
    }

    /// So many milliseconds since 1970; none outside what can be written.
    #[must_use]
    pub fn checked(millis: i64) -> Option<Instant> {
        (-LIMIT..=LIMIT).contains(&millis).then_some(Instant(millis))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// So much later; the past stays the past.
    #[must_use]
    pub fn plus(self, by: Duration) -> Instant {
        let by = i64::try_from(by.as_millis()).unwrap_or(LIMIT);
        if self == Instant::PAST { self } else { Instant::from_millis(self.0.saturating_add(by)) }
    }

    /// How long after an earlier instant; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, as far as this machine knows; it may jump both ways.
    fn wall(&self) -> Instant;
    /// Time since some fixed point; never goes back, stops with the process.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { start: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Instant {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Instant::from_millis(i64::try_from(since.as_millis()).unwrap_or(LIMIT))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that is moved by hand, for tests and simulations.
#[derive(Debug)]
pub struct SimClock {
    wall: AtomicI64,
    elapsed: AtomicI64,
}

impl SimClock {
    /// A clock that stands at this instant.
    #[must_use]
    pub fn at(now: Instant) -> SimClock {
        SimClock { wall: AtomicI64::new(now.millis()), elapsed: AtomicI64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(LIMIT);
        self.elapsed.fetch_add(by, Ordering::SeqCst);
        self.wall.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the time of day wrong by so many milliseconds, forward or backward, while no time passes.
    pub fn jump(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn wall(&self) -> Instant {
        Instant::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.elapsed.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// Time that never goes back, also across restarts when its mark is kept with the data.
///
/// When the time of day falls behind the mark (it was set back, or the mark was set while it was far ahead), time goes on from
/// the mark at the speed of the monotonic clock: a clock that only waited to be overtaken would stop every lease from expiring.
#[derive(Debug)]
pub struct HighWater {
    mark: Mutex<(Instant, Duration)>,
}

impl HighWater {
    /// A clock that starts at a mark kept from before (or [`Instant::PAST`]).
    #[must_use]
    pub fn new(mark: Instant, clock: &dyn Clock) -> HighWater {
        HighWater { mark: Mutex::new((mark, clock.elapsed())) }
    }

    /// Now: not before anything this clock or another that kept `mark` said.
    pub fn now(&self, clock: &dyn Clock, mark: Instant) -> Instant {
        let elapsed = clock.elapsed();
        let mut base = self.mark.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mine = base.0.plus(elapsed.saturating_sub(base.1));
        let ahead = clock.wall().max(mark);
        // Only a clock that is ahead moves the base: rounding `mine` down and starting again from it at every call
        // would stop time for callers that come more often than once a millisecond.
        if ahead > mine {
            *base = (ahead, elapsed);
        }
        mine.max(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_the_clock_is_set_back() {
        let clock = SimClock::at(Instant::from_millis(1_000_000));
        let time = HighWater::new(Instant::PAST, &clock);
        assert_eq!(time.now(&clock, Instant::PAST).millis(), 1_000_000);
        clock.jump(-500_000);
        assert_eq!(time.now(&clock, Instant::PAST).millis(), 1_000_000);
        clock.advance(Duration::from_millis(7));
        assert_eq!(time.now(&clock, Instant::PAST).millis(), 1_000_007);
        clock.jump(600_000);
        assert_eq!(time.now(&clock, Instant::PAST).millis(), 1_100_007);
    }

    #[test]
    fn time_that_is_behind_goes_on_however_often_it_is_asked() {
        struct Fine(std::sync::atomic::AtomicU64);
        impl Clock for Fine {
            fn wall(&self) -> Instant {
                Instant::from_millis(0)
            }
            fn elapsed(&self) -> Duration {
                Duration::from_micros(self.0.fetch_add(100, Ordering::SeqCst))
            }
        }
        let clock = Fine(0.into());
        let time = HighWater::new(Instant::from_millis(1_000), &clock);
        let last = (0..100).map(|_| time.now(&clock, Instant::PAST)).last();
        assert_eq!(last, Some(Instant::from_millis(1_010)));
    }

    #[test]
    fn a_kept_mark_is_not_undercut() {
        let clock = SimClock::at(Instant::from_millis(10));
        let time = HighWater::new(Instant::from_millis(99), &clock);
        clock.advance(Duration::from_millis(1));
        assert_eq!(time.now(&clock, Instant::PAST).millis(), 100);
        assert_eq!(time.now(&clock, Instant::from_millis(5_000)).millis(), 5_000);
    }

    #[test]
    fn the_past_stays_the_past() {
        assert_eq!(Instant::PAST.plus(Duration::from_secs(1)), Instant::PAST);
        assert_eq!(Instant::checked(LIMIT + 1), None);
    }
}
