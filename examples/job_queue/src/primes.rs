//! The work: counting primes.

/// The greatest number that a job may count to.
const MOST: u64 = 10_000_000;

/// What a job asks for: `primes-1000` counts the primes up to 1000.
#[must_use]
pub fn limit(job: &str) -> Option<u64> {
    let limit = job.strip_prefix("primes-")?.parse().ok()?;
    (limit <= MOST).then_some(limit)
}

/// How many primes there are up to a number; none if `go_on` says so before the end.
#[must_use]
pub fn count(limit: u64, go_on: impl Fn() -> bool) -> Option<usize> {
    let is_prime = |n: &u64| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    let mut found = 0;
    for start in (2..=limit).step_by(10_000) {
        if !go_on() {
            return None;
        }
        found += (start..=limit.min(start + 9_999)).filter(is_prime).count();
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted() {
        let up_to = |n| count(n, || true);
        assert_eq!(
            [up_to(1), up_to(2), up_to(100), up_to(20_000)],
            [Some(0), Some(1), Some(25), Some(2_262)]
        );
        assert_eq!(count(20_000, || false), None);
    }

    #[test]
    fn jobs_say_how_far() {
        assert_eq!(limit("primes-100"), Some(100));
        assert_eq!(
            [limit("primes-"), limit("primes-10000001"), limit("tea")],
            [None; 3]
        );
    }
}
