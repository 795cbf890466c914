//! Time, cut into slots of one length.

use std::fmt;
use std::time::Duration;

/// A time slot, by the second of the Unix epoch at which it begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TimeSlot(i64);

impl TimeSlot {
    /// Takes the number that documents have.
    pub(crate) fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number that documents have.
    pub(crate) fn number(self) -> i64 {
        self.0
    }

    /// Returns when it begins, as time since the Unix epoch.
    pub(crate) fn begin(self) -> Duration {
        Duration::from_secs(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Debug for TimeSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for TimeSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How long a time slot is, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(u32);

impl Period {
    pub(crate) fn new(seconds: u32) -> Self {
        Self(seconds.max(1))
    }

    pub(crate) fn length(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }

    /// Returns the slot that a time since the Unix epoch lies in.
    pub(crate) fn slot_at(self, time: Duration) -> TimeSlot {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        TimeSlot(seconds - seconds % i64::from(self.0))
    }

    /// Returns the slot that lies so many later, or earlier if that is negative.
    pub(crate) fn later(self, slot: TimeSlot, by: i64) -> TimeSlot {
        TimeSlot(slot.0.saturating_add(by.saturating_mul(i64::from(self.0))))
    }

    pub(crate) fn next(self, slot: TimeSlot) -> TimeSlot {
        self.later(slot, 1)
    }

    pub(crate) fn before(self, slot: TimeSlot) -> TimeSlot {
        self.later(slot, -1)
    }
}
