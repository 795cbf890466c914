//! When a lease is to be renewed, and how long it counts after Redis was silent.
//!
//! It is pure: it is told the time.
//!
//! ```text
//!           an answer after a long silence
//!   exact ─────────────────────────────────► forgiving ──┐ an answer after a long silence:
//!     ▲                                        │     ▲   │ forgiving for longer
//!     └──── as long again as it was is over ───┘     └───┘
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::config::Config;

/// The renewals of the lease of one process in one shard.
#[derive(Debug)]
pub(super) struct Renewals {
    due: Instant,
    /// When Redis answered last, by the time that this process was awake for.
    answered: Duration,
    /// Until when leases count for longer.
    forgiving: Instant,
}

impl Renewals {
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, answered: Duration::ZERO, forgiving: now }
    }

    /// Notes that the process entered the shard: what was before is no silence.
    pub(super) fn entered(&mut self, now: Instant, awake: Duration) {
        self.answered = awake;
        self.due = now + Config::RENEWAL;
    }

    /// Notes that Redis answered a renewal.
    pub(super) fn answered(&mut self, now: Instant, awake: Duration) {
        let silence = awake.saturating_sub(self.answered);
        self.entered(now, awake);
        if silence > SILENCE {
            // Nobody could renew meanwhile: the others get time to do so.
            self.forgiving = now + silence;
        }
    }

    /// How much longer than its lease a process counts.
    pub(super) fn allowance(&self, now: Instant) -> Duration {
        if now < self.forgiving { FOREVER } else { Duration::ZERO }
    }

    /// When the next one should be.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether the next one should not wait any longer.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }
}

/// From how long a silence on it is taken that others were not heard either: that of three renewals
/// in a row, which are 0.4 s apart.
const SILENCE: Duration = Duration::from_millis(1_200);
/// Longer than any lease.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_count_for_longer_as_long_as_redis_was_silent() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut renewals = Renewals::new(now);
        assert!(renewals.is_due(now));
        // However long it was awake before.
        renewals.entered(now, 9 * second);
        assert!(!renewals.is_due(now) && renewals.is_due(now + Config::RENEWAL));
        renewals.answered(now + second, 10 * second);
        assert_eq!(renewals.allowance(now + second), Duration::ZERO);
        // It stood still with this process, which was awake for one of the three seconds.
        renewals.answered(now + 4 * second, 11 * second);
        assert_eq!(renewals.allowance(now + 4 * second), Duration::ZERO);
        renewals.answered(now + 7 * second, 14 * second);
        assert_eq!(renewals.allowance(now + 9 * second), FOREVER);
        renewals.answered(now + 8 * second, 15 * second);
        assert_eq!(renewals.allowance(now + 9 * second), FOREVER);
        assert_eq!(renewals.allowance(now + 10 * second), Duration::ZERO);
        assert_eq!(renewals.due(), now + 8 * second + Config::RENEWAL);
    }
}
