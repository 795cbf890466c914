//! What can be tuned about the memory backend.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::feed;
use crate::tracker::{self, Timing, within};

/// Settings of the memory backend.
///
/// [`Memory::start`](super::Memory::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// use presence_core::memory::Config;
///
/// let config = Config::default().ttl(Duration::from_secs(10)).grace(Duration::ZERO);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) ttl: Duration,
    pub(super) grace: Duration,
    pub(super) events_max: usize,
    pub(super) room_events_max: usize,
    pub(super) remembered_max: usize,
}

impl Config {
    /// Between what [`ttl`](Self::ttl) is.
    pub const TTL_BOUNDS: RangeInclusive<Duration> = Timing::TTL_BOUNDS;

    /// What [`grace`](Self::grace) is unless it is set.
    pub const GRACE_DEFAULT: Duration = Timing::GRACE_DEFAULT;

    /// Between what [`grace`](Self::grace) is.
    pub const GRACE_BOUNDS: RangeInclusive<Duration> = Timing::GRACE_BOUNDS;

    /// What [`events_max`](Self::events_max) is unless it is set.
    pub const EVENTS_MAX_DEFAULT: usize = feed::EVENTS_MAX_DEFAULT;

    /// Between what [`events_max`](Self::events_max) is.
    pub const EVENTS_MAX_BOUNDS: RangeInclusive<usize> = feed::EVENTS_MAX_BOUNDS;

    const ROOM_EVENTS_MAX_BOUNDS: RangeInclusive<usize> = feed::EVENTS_MAX_BOUNDS;

    /// How late an offline event may be on an idle machine.
    ///
    /// It is the interval at which deadlines are looked at. What the machine needs to handle other
    /// deadlines of the same moment comes on top; the crate's documentation has a measurement.
    pub const LATENESS: Duration = tracker::LATENESS;

    /// Into how many parts, each with its own lock, ids are split.
    pub const STRIPES: usize = tracker::STRIPES;

    /// Sets how long one heartbeat keeps an id online.
    ///
    /// Whole milliseconds, 10 ms to 365 days; default 30 s. Two to three intervals of the
    /// heartbeats, so that one may be lost.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long an id stays online after its last device was lost or ended.
    ///
    /// Whole milliseconds, 0 to 365 days; default 5 s. As long as a page takes to reload or a phone
    /// to change networks; 0 tells every loss at once.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how many events are kept for streams that are behind.
    ///
    /// 1 to 2^24; default 65,536, which is at most 4 MiB with ids of up to 38 bytes. Where ids
    /// have more than 190 bytes on average fewer are kept, so that it is never more than 20 MiB.
    /// More, if subscribers stay away for longer than it takes to make so many. Of all rooms
    /// together as many are kept, and fewer where one takes more than 512 bytes on average with
    /// the payload in it: 32 MiB at most.
    #[must_use]
    pub fn events_max(mut self, events_max: usize) -> Self {
        self.events_max = events_max;
        self
    }

    /// Sets how many events of one room are kept at most.
    ///
    /// 1 to 2^24; default 1,024. More, if subscribers of one busy room stay away for longer than it
    /// takes to make so many.
    #[must_use]
    pub fn room_events_max(mut self, room_events_max: usize) -> Self {
        self.room_events_max = room_events_max;
        self
    }

    /// Sets about how many offline ids are remembered for `last_seen`.
    ///
    /// Any number; default 131,072, about 90 bytes each, and the bytes of ids of more than 38; 0
    /// remembers nobody. The first to leave are forgotten first. More, if `last_seen` has to be
    /// known of more ids. It is split evenly over [`STRIPES`](Self::STRIPES) parts.
    #[must_use]
    pub fn remembered_max(mut self, remembered_max: usize) -> Self {
        self.remembered_max = remembered_max;
        self
    }

    pub(super) fn validate(&self) -> Result<Timing, Error> {
        let timing = Timing::new(self.ttl, self.grace)?;
        let kind = ErrorKind::Config;
        within(kind, "events_max", &self.events_max, &Self::EVENTS_MAX_BOUNDS)?;
        within(kind, "room_events_max", &self.room_events_max, &Self::ROOM_EVENTS_MAX_BOUNDS)?;
        Ok(timing)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttl: Timing::TTL_DEFAULT,
            grace: Self::GRACE_DEFAULT,
            events_max: Self::EVENTS_MAX_DEFAULT,
            room_events_max: feed::ROOM_EVENTS_MAX_DEFAULT,
            remembered_max: tracker::REMEMBERED_MAX_DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_named() {
        let config = Config::default;
        let millis = Duration::from_millis;
        assert!(config().ttl(*Config::TTL_BOUNDS.start()).validate().is_ok());
        assert!(config().grace(Duration::ZERO).validate().is_ok());
        for (name, config) in [
            ("ttl", config().ttl(millis(9))),
            ("ttl", config().ttl(Duration::from_micros(20_500))),
            ("ttl", config().ttl(*Config::TTL_BOUNDS.end() + millis(1))),
            ("grace", config().grace(Duration::from_nanos(1))),
            ("events_max", config().events_max(0)),
            ("room_events_max", config().room_events_max(0)),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
