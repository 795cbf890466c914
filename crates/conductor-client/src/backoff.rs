//! How long to wait before the next attempt to connect.
//!
//! This module is pure.

use std::time::Duration;

use conductor_protocol::Reconnect;

/// A connection that lasted so long was a good one: the next loss is another story.
const STEADY: Duration = Duration::from_secs(10);

/// What a hub asks for counts up to so many times the longest delay.
const ASKED_MAX_TIMES: u32 = 15;

/// Doubles from one bound to the other, with full jitter.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
    /// Whether the connection before this one ended with leave to come back at once.
    came_at_once: bool,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failures: 0, came_at_once: false }
    }

    /// How long to wait after an attempt that failed; `dice` is from 0 to below 1.
    ///
    /// The random delay comes on top of what the hub asked for, so that not all whom it asked come
    /// at once.
    pub(crate) fn after_failure(&mut self, asked: Option<Duration>, dice: f64) -> Duration {
        self.came_at_once = false;
        let asked = asked.unwrap_or_default().min(self.max.saturating_mul(ASKED_MAX_TIMES));
        asked.saturating_add(self.next(dice))
    }

    /// How long to wait after a connection that lasted so long; `None` if nobody comes back.
    pub(crate) fn after_end(
        &mut self,
        reconnect: Reconnect,
        lasted: Duration,
        dice: f64,
    ) -> Option<Duration> {
        if lasted >= STEADY {
            self.failures = 0;
            self.came_at_once = false;
        }
        match reconnect {
            Reconnect::AtOnce if !self.came_at_once => {
                self.came_at_once = true;
                Some(Duration::ZERO)
            }
            Reconnect::AtOnce | Reconnect::Backoff => Some(self.next(dice)),
            _ => None,
        }
    }

    fn next(&mut self, dice: f64) -> Duration {
        let doubled = self.min.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.max).mul_f64(dice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn delays_double_up_to_the_longest_and_begin_again_after_a_good_connection() {
        let mut backoff = Backoff::new(ms(500), ms(20_000));
        let delays: Vec<_> = (0..8).map(|_| backoff.after_failure(None, 0.5)).collect();
        assert_eq!(delays, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000].map(ms));
        assert_eq!(backoff.after_end(Reconnect::Backoff, STEADY, 0.5), Some(ms(250)));
        assert_eq!(backoff.after_end(Reconnect::Backoff, ms(1), 0.5), Some(ms(500)), "it was a short one");
    }

    #[test]
    fn what_a_hub_asks_for_comes_before_the_random_delay_and_is_bounded() {
        let mut backoff = Backoff::new(ms(500), ms(20_000));
        assert_eq!(backoff.after_failure(Some(ms(3_000)), 0.5), ms(3_250));
        assert_eq!(backoff.after_failure(Some(ms(0)), 0.5), ms(500), "the delay goes on to double");
        assert_eq!(backoff.after_failure(Some(Duration::MAX), 0.0), ms(300_000));
    }

    #[test]
    fn at_once_is_with_a_delay_if_it_was_at_once_just_before() {
        let mut backoff = Backoff::new(ms(500), ms(20_000));
        assert_eq!(backoff.after_end(Reconnect::AtOnce, ms(1), 0.5), Some(ms(0)));
        assert_eq!(backoff.after_end(Reconnect::AtOnce, ms(1), 0.5), Some(ms(250)));
        assert_eq!(backoff.after_end(Reconnect::AtOnce, STEADY, 0.5), Some(ms(0)));
    }

    #[test]
    fn who_must_stay_away_has_no_delay() {
        assert_eq!(Backoff::new(ms(1), ms(2)).after_end(Reconnect::Never, ms(1), 0.5), None);
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let mut backoff = Backoff::new(ms(8), Duration::MAX);
        backoff.failures = u32::MAX - 1;
        for _ in 0..3 {
            assert!(backoff.after_failure(Some(Duration::MAX), 0.5) >= ms(8));
        }
    }
}
