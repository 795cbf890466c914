//! How long to wait before the next attempt.

use std::time::Duration;

/// The wait after the first failure is at most this long.
const FIRST: Duration = Duration::from_millis(20);

/// Random waits whose bound doubles with each failure.
#[derive(Debug)]
pub(crate) struct Backoff {
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(max: Duration) -> Self {
        Self { max, failures: 0 }
    }

    /// Returns the wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(fastrand::f64())
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_begin_anew() {
        let max = Duration::from_millis(100);
        let mut backoff = Backoff::new(max);
        assert!(backoff.next() <= FIRST);
        assert!((0..1_000).all(|_| backoff.next() <= max));
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
