//! What can be tuned about the memory backend.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::tracker::{self, Timing};

/// Settings of the memory backend.
///
/// [`Memory::start`](super::Memory::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = presence_core::memory::Config::default();
/// config.ttl = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long one heartbeat keeps an id online.
    ///
    /// Whole milliseconds, [`TTL_MIN`](Self::TTL_MIN) to [`TTL_MAX`](Self::TTL_MAX); default 30 s.
    /// Two to three intervals of the heartbeats, so that one may be lost.
    pub ttl: Duration,
    /// How long an id stays online after its last device was lost or ended.
    ///
    /// Whole milliseconds, 0 to [`TTL_MAX`](Self::TTL_MAX); default 5 s. As long as a page takes to
    /// reload or a phone to change networks; 0 tells every loss at once.
    pub grace: Duration,
    /// How many events are kept for streams that are behind.
    ///
    /// 1 to 2^24; default 65,536, which is at most 4 MiB. More, if subscribers stay away for longer
    /// than it takes to make so many. Of all rooms together as many are kept, with the payloads in
    /// them.
    pub events_max: usize,
    /// How many events of one room are kept at most.
    ///
    /// 1 to 2^24; default 1,024.
    pub room_events_max: usize,
    /// About how many offline ids are remembered for `last_seen`.
    ///
    /// The first to leave are forgotten first. Default 131,072, about 90 bytes each; 0 remembers
    /// nobody. It is split evenly over [`STRIPES`](Self::STRIPES) parts.
    pub remembered_max: usize,
}

impl Config {
    /// The shortest TTL.
    pub const TTL_MIN: Duration = Timing::TTL_MIN;

    /// The longest TTL and grace time: 365 days.
    pub const TTL_MAX: Duration = Timing::TTL_MAX;

    /// How late an offline event may be on an idle machine.
    ///
    /// It is the interval at which deadlines are looked at. What the machine needs to handle other
    /// deadlines of the same moment comes on top; the crate's documentation has a measurement.
    pub const LATENESS: Duration = tracker::LATENESS;

    /// Into how many parts, each with its own lock, ids are split.
    pub const STRIPES: usize = tracker::STRIPES;

    pub(super) fn validate(&self) -> Result<Timing, Error> {
        let timing = Timing::new(self.ttl, self.grace)?;
        for (name, value) in [("events_max", self.events_max), ("room_events_max", self.room_events_max)] {
            if !(1..=EVENTS_MAX).contains(&value) {
                let message = format!("{name} is {value}; it must be from 1 to {EVENTS_MAX}");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(timing)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            events_max: 65_536,
            room_events_max: 1_024,
            remembered_max: 131_072,
        }
    }
}

const EVENTS_MAX: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_named() {
        let config = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().map(|_| ())
        };
        assert!(config(|config| config.ttl = Config::TTL_MIN).is_ok());
        assert!(config(|config| config.grace = Duration::ZERO).is_ok());
        for (name, result) in [
            ("ttl", config(|config| config.ttl = Duration::from_millis(9))),
            ("ttl", config(|config| config.ttl = Duration::from_micros(20_500))),
            ("ttl", config(|config| config.ttl = Config::TTL_MAX + Duration::from_millis(1))),
            ("grace", config(|config| config.grace = Duration::from_nanos(1))),
            ("events_max", config(|config| config.events_max = 0)),
            ("room_events_max", config(|config| config.room_events_max = 0)),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
