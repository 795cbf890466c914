//! How long to wait before the next attempt to connect.
//!
//! This module is pure.

use std::time::Duration;

/// Doubles from one bound to the other, with full jitter: the first attempt is at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, attempts: 0 }
    }

    /// How long to wait before the next attempt; `dice` is from 0 to below 1.
    pub(crate) fn next(&mut self, dice: f64) -> Duration {
        let attempt = self.attempts;
        self.attempts = attempt.saturating_add(1);
        if attempt == 0 {
            return Duration::ZERO;
        }
        let cap = self.min.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(self.max);
        cap.mul_f64(dice)
    }

    /// A connection worked: the next loss is another one.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_the_first_is_none() {
        let mut backoff = Backoff::new(ms(8), ms(512));
        let waits: Vec<_> = (0..10).map(|_| backoff.next(0.5)).collect();
        assert_eq!(waits, [0, 8, 16, 32, 64, 128, 256, 256, 256, 256].map(ms), "half of 16, 32, … 512");
        backoff.reset();
        assert_eq!([backoff.next(0.9), backoff.next(0.0), backoff.next(0.25)], [ms(0), ms(0), ms(8)]);
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let mut backoff = Backoff::new(ms(8), Duration::MAX);
        backoff.attempts = u32::MAX - 1;
        for _ in 0..3 {
            assert!(backoff.next(0.5) >= ms(8));
        }
    }
}
