//! What can be tuned about the leases layout.

use std::ops::RangeInclusive;
use std::time::Duration;

use presence_core::feed;
use presence_core::tracker::{self, STRIPES, Timing, within};
use presence_core::{Error, ErrorKind};

use redis_link::LinkConfig;

/// Settings of the leases layout.
///
/// [`Leases::start`](super::Leases::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// use presence_redis::leases::Config;
///
/// let config = Config::new("redis://127.0.0.1:6379").ttl(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) link: LinkConfig,
    pub(super) prefix: String,
    pub(super) shards: usize,
    pub(super) ttl: Duration,
    pub(super) grace: Duration,
    pub(super) events_max: usize,
    pub(super) room_events_max: usize,
    pub(super) remembered_max: usize,
}

impl Config {
    /// How often a process renews its lease in each shard.
    pub const RENEWAL: Duration = Duration::from_millis(400);

    /// How long after its last renewal a process answers without asking Redis.
    ///
    /// A later heartbeat is kept, and its call waits for the next renewal.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// How long a process is waited for after Redis lost data.
    ///
    /// It has to announce what it holds.
    pub const RECOVERY: Duration = Duration::from_secs(5);

    /// What [`prefix`](Self::prefix) is unless it is set.
    pub const PREFIX_DEFAULT: &'static str = "tidings";

    /// Between how many bytes [`prefix`](Self::prefix) has.
    pub const PREFIX_BOUNDS: RangeInclusive<usize> = 1..=64;

    /// Between what [`ttl`](Self::ttl) is.
    pub const TTL_BOUNDS: RangeInclusive<Duration> = Timing::TTL_BOUNDS;

    /// Between what [`grace`](Self::grace) is.
    pub const GRACE_BOUNDS: RangeInclusive<Duration> = Timing::GRACE_BOUNDS;

    const EVENTS_MAX_BOUNDS: RangeInclusive<usize> = feed::EVENTS_MAX_BOUNDS;
    const ROOM_EVENTS_MAX_BOUNDS: RangeInclusive<usize> = feed::EVENTS_MAX_BOUNDS;
    const REMEMBERED_MAX_BOUNDS: RangeInclusive<usize> = tracker::REMEMBERED_MAX_BOUNDS;

    /// Creates the settings for a Redis, all others at their defaults.
    ///
    /// It is an address, or a [`LinkConfig`] with all that is to say about the connection.
    #[must_use]
    pub fn new(link: impl Into<LinkConfig>) -> Self {
        Self {
            link: link.into(),
            prefix: Self::PREFIX_DEFAULT.to_owned(),
            shards: 16,
            ttl: Timing::TTL_DEFAULT,
            grace: Timing::GRACE_DEFAULT,
            events_max: feed::EVENTS_MAX_DEFAULT,
            room_events_max: feed::ROOM_EVENTS_MAX_DEFAULT,
            remembered_max: tracker::REMEMBERED_MAX_DEFAULT,
        }
    }

    /// Sets how to reach Redis, in place of what [`new`](Self::new) was given.
    ///
    /// An address, or a [`LinkConfig`]. For a process that goes another way than those whose
    /// settings it shares.
    #[must_use]
    pub fn link(mut self, link: impl Into<LinkConfig>) -> Self {
        self.link = link.into();
        self
    }

    /// Sets what every key begins with.
    ///
    /// 1 to 64 bytes without `{`, `}` and control characters; default `tidings`. One for each
    /// product that shares a Redis.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets into how many parts ids are split.
    ///
    /// 1, 2, 4, 8, 16 or 32; default 16. In a cluster each part lies on one master, so no fewer
    /// than there are masters. Every process must have the same number: the first one writes it
    /// down, others are refused. Fewer make the positions of events shorter.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

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

    /// Sets how many events are kept in Redis for streams that are behind.
    ///
    /// It is the number in all shards together. 1 to 2^24; default 65,536, about 4 MiB. Each
    /// process keeps at most as many again while it has streams, and reads in Redis what would take
    /// more than 256 bytes on average. More, if subscribers stay away for longer than it takes to
    /// make so many.
    #[must_use]
    pub fn events_max(mut self, events_max: usize) -> Self {
        self.events_max = events_max;
        self
    }

    /// Sets how many events of one room are kept in Redis for its streams.
    ///
    /// Their payloads are kept with them. 1 to 2^24; default 1,024. A process keeps as many again
    /// of each room that it has streams of, but for what would take more than 512 bytes on average.
    /// More, if subscribers of one busy room stay away for longer than it takes to make so many.
    #[must_use]
    pub fn room_events_max(mut self, room_events_max: usize) -> Self {
        self.room_events_max = room_events_max;
        self
    }

    /// Sets how many offline ids are remembered for `last_seen`.
    ///
    /// At least half as many of the latest to leave are. 0 to 2^24; default 131,072. More, if
    /// `last_seen` has to be known of more ids.
    #[must_use]
    pub fn remembered_max(mut self, remembered_max: usize) -> Self {
        self.remembered_max = remembered_max;
        self
    }

    pub(super) fn validate(&self) -> Result<Timing, Error> {
        let timing = Timing::new(self.ttl, self.grace)?;
        let (kind, prefix) = (ErrorKind::Config, &self.prefix);
        let forbidden = |char: char| char == '{' || char == '}' || char.is_control();
        if !Self::PREFIX_BOUNDS.contains(&prefix.len()) || prefix.contains(forbidden) {
            let (least, most) = Self::PREFIX_BOUNDS.into_inner();
            let fault = format!(
                "prefix is {prefix:?}; it must be {least} to {most} bytes without braces and control characters"
            );
            return Err(Error::new(kind, fault));
        }
        if !self.shards.is_power_of_two() || self.shards > STRIPES {
            let fault = format!("shards is {}; it must be a power of two from 1 to {STRIPES}", self.shards);
            return Err(Error::new(kind, fault));
        }
        within(kind, "events_max", &self.events_max, &Self::EVENTS_MAX_BOUNDS)?;
        within(kind, "room_events_max", &self.room_events_max, &Self::ROOM_EVENTS_MAX_BOUNDS)?;
        within(kind, "remembered_max", &self.remembered_max, &Self::REMEMBERED_MAX_BOUNDS)?;
        Ok(timing)
    }

    /// How long after its last renewal the ids of a process are let go: when the last heartbeat
    /// that it can have taken is over.
    pub(super) fn lease(&self) -> Duration {
        Self::PATIENCE + self.ttl + self.grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_named() {
        let config = || Config::new("redis://localhost");
        assert!(config().shards(32).validate().is_ok());
        for (name, config) in [
            ("ttl", config().ttl(Duration::from_millis(9))),
            ("grace", config().grace(Duration::from_nanos(1))),
            ("prefix", config().prefix("")),
            ("prefix", config().prefix("a{b")),
            ("shards", config().shards(0)),
            ("shards", config().shards(12)),
            ("shards", config().shards(64)),
            ("events_max", config().events_max(0)),
            ("room_events_max", config().room_events_max(0)),
            ("remembered_max", config().remembered_max(Config::REMEMBERED_MAX_BOUNDS.end() + 1)),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
