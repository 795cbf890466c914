//! How long to wait before the next attempt.

use std::time::Duration;

/// The longest wait after one failure.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait after many.
const MAX: Duration = Duration::from_secs(5);

/// Random waits before attempts, whose bound doubles with each failure.
///
/// They are between nothing and their bound, so that those who lost one etcd together do not come
/// back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Returns the wait after one more failure.
    pub(super) fn failed(&mut self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        FIRST.saturating_mul(doubled).min(MAX).mul_f64(fastrand::f64())
    }

    /// Notes a success: the next failure is a first one again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        assert!(backoff.failed() <= FIRST);
        let waits: Vec<_> = (0..1_000).map(|_| backoff.failed()).collect();
        assert!(waits.iter().all(|wait| *wait <= MAX) && waits.iter().any(|wait| *wait > FIRST));
        backoff.reset();
        assert!(backoff.failed() <= FIRST);
    }
}
