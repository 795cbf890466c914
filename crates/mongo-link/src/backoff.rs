//! How long to wait before the next attempt.

use std::time::Duration;

/// Random waits before attempts, whose bound doubles with each failure.
///
/// It is for a loop that goes on for longer than one call: [`Link::repeat`](crate::Link::repeat)
/// waits by itself. The waits are between nothing and their bound, so that those who failed
/// together do not come back together.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Creates waits of at most `first` after one failure, and never above `max`.
    #[must_use]
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, failures: 0 }
    }

    /// Returns the wait after one more failure.
    #[must_use]
    pub fn failed(&mut self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        self.first.saturating_mul(doubled).min(self.max).mul_f64(fastrand::f64())
    }

    /// Notes a success: the next failure is a first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_begin_anew() {
        let (first, max) = (Duration::from_millis(20), Duration::from_millis(100));
        let mut backoff = Backoff::new(first, max);
        assert!(backoff.failed() <= first);
        let waits: Vec<_> = (0..1_000).map(|_| backoff.failed()).collect();
        assert!(waits.iter().all(|wait| *wait <= max) && waits.iter().any(|wait| *wait > first));
        backoff.reset();
        assert!(backoff.failed() <= first);
    }
}
