//! When to prune next. It is pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::slots::Period;

/// When to prune: now and then, and after the server's clock was set sooner, until all that lies
/// ahead since is removed.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    period: Period,
    next: Instant,
    /// The clock was set, and what lies ahead since is not removed yet.
    is_set: bool,
}

impl Schedule {
    pub(super) fn new(interval: Duration, period: Period, now: Instant) -> Self {
        let mut schedule = Self { interval, period, next: now, is_set: false };
        schedule.next = now + schedule.pause();
        schedule
    }

    /// Returns when to prune next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Takes note that the server's clock was set.
    pub(super) fn stepped(&mut self, now: Instant) {
        self.is_set = true;
        self.next = self.next.min(now + self.pause());
    }

    /// Takes note of a pruning, and of whether it left nothing that lies ahead.
    pub(super) fn pruned(&mut self, now: Instant, is_ahead_clear: bool) {
        self.is_set &= !is_ahead_clear;
        self.next = now + self.pause();
    }

    /// Returns a pause, random so that not all processes prune at once.
    fn pause(&self) -> Duration {
        let usual = self.interval.mul_f64(1.0 + fastrand::f64() / 4.0);
        // All others have seen by then that the clock was set.
        let sooner = self.period.length().mul_f64(2.0 + fastrand::f64());
        if self.is_set { usual.min(sooner) } else { usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(600);
    const SLOT: Duration = Duration::from_secs(30);

    fn schedule(now: Instant) -> Schedule {
        Schedule::new(INTERVAL, Period::new(30), now)
    }

    #[test]
    fn it_is_pruned_sooner_after_a_step_until_nothing_lies_ahead() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        assert!(schedule.next() >= now + INTERVAL);
        schedule.stepped(now);
        assert!(schedule.next() >= now + 2 * SLOT && schedule.next() <= now + 3 * SLOT);
        let failed = now + 3 * SLOT;
        schedule.pruned(failed, false);
        assert!(schedule.next() <= failed + 3 * SLOT, "it was too early, or failed");
        schedule.pruned(failed, true);
        assert!(schedule.next() >= failed + INTERVAL);
    }

    /// The usual pruning took the place of the one after the step, and came before its time.
    #[test]
    fn a_usual_pruning_just_after_a_step_is_not_the_last_for_long() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        let usual = schedule.next();
        schedule.stepped(usual.checked_sub(SLOT).unwrap());
        assert_eq!(schedule.next(), usual);
        schedule.pruned(usual, false);
        assert!(schedule.next() <= usual + 3 * SLOT);
    }

    #[test]
    fn a_clock_that_is_set_again_and_again_holds_up_no_pruning() {
        let now = Instant::now();
        let mut schedule = schedule(now);
        for second in 0..100 {
            schedule.stepped(now + Duration::from_secs(second));
        }
        assert!(schedule.next() <= now + 3 * SLOT);
    }
}
