//! Bounds of what is assigned.

use super::{Excess, Stop, Tx};

/// What happens to a number outside its range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// The step is refused; the model reports it.
    Report,
    /// The nearest bound is stored.
    Clamp,
    /// Stored modulo the size of the range.
    Wrap,
    /// The step is not enabled.
    Cut,
}

impl Tx<'_> {
    /// A number as it is stored in a range.
    ///
    /// # Errors
    /// [`Stop::Cut`]
    pub fn fit(&mut self, n: i64, lo: i64, hi: i64, policy: Policy) -> Result<i64, Stop> {
        if (lo..=hi).contains(&n) {
            return Ok(n);
        }
        match policy {
            Policy::Clamp => Ok(n.clamp(lo, hi)),
            Policy::Wrap => {
                let (n, lo, hi) = (i128::from(n), i128::from(lo), i128::from(hi));
                Ok(i64::try_from(lo + (n - lo).rem_euclid(hi - lo + 1)).unwrap_or(i64::MAX))
            }
            Policy::Cut => Err(Stop::Cut),
            Policy::Report => {
                self.exceed(Excess::Range(n));
                Ok(n)
            }
        }
    }

    /// Notes a set or sequence that is too large.
    pub fn fit_size(&mut self, size: usize, max: usize) {
        if size > max {
            self.exceed(Excess::Size(size));
        }
    }
}
