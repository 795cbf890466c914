//! A clock that goes on while the machine is suspended.

use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment on the clock by which a sequence grows too old to be used.
///
/// Tokio's clock stands still in a suspended machine. MongoDB goes on meanwhile and removes what
/// lies below floors, and a writer that wakes up has to know that it is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Duration);

/// The clock since the start of the machine, with the time in which it was suspended.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;

/// Elsewhere this one goes on, or nothing is known that does.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

impl Moment {
    pub(super) fn now() -> Self {
        let now = clock_gettime(CLOCK);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Self(Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default()))
    }

    /// Returns the time from an earlier moment to this one; none if that one is later.
    pub(super) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the time from this moment until now.
    pub(super) fn elapsed(self) -> Duration {
        Self::now().since(self)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_follow_each_other_and_no_time_is_negative() {
        let (one, second) = (Moment::now(), Duration::from_secs(1));
        let later = one + second;
        assert_eq!((later.since(one), one.since(later)), (second, Duration::ZERO));
        assert!(Moment::now() >= one && later > one);
    }

    /// No test can suspend the machine, but each says which clock it is.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn the_clock_is_never_behind_the_one_that_stands_still() {
        let awake = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(awake.tv_sec).unwrap();
        assert!(Moment::now().0.as_secs() >= seconds);
    }
}
