//! What can be tuned about the keyspace layout.

use std::ops::RangeInclusive;
use std::time::Duration;

use presence_core::feed;
use presence_core::tracker::{self, Timing, within};
use presence_core::{Error, ErrorKind};

use redis_link::LinkConfig;

/// Settings of the keyspace layout.
///
/// [`Keyspace::start`](super::Keyspace::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// use presence_redis::keyspace::Config;
///
/// let config = Config::new("redis://127.0.0.1:6379").ttl(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    pub(super) link: LinkConfig,
    pub(super) prefix: String,
    pub(super) ttl: Duration,
    pub(super) grace: Duration,
    pub(super) notifications: Notifications,
    pub(super) events_max: usize,
    pub(super) remembered_max: usize,
}

/// What to do about `notify-keyspace-events`.
///
/// Without this setting Redis tells nobody who comes and goes. Needed are `E` and, of the classes,
/// `$` for ids that come, `x` for those that fall silent and `g` for explicit departures, which the
/// Go package does not hear of; `e` as well where Redis may evict keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notifications {
    /// Checks the setting, and refuses to go on if it is not enough.
    ///
    /// It is read at the start and after each loss of the connection.
    Check,
    /// Checks the setting, and adds what is missing.
    ///
    /// Redis forgets the change at its next start, and is told again then.
    Set,
    /// Neither reads nor changes the setting.
    ///
    /// This is for a Redis that does not permit either. If the setting is not enough there are no
    /// events.
    Assume,
}

impl Config {
    /// Between how many bytes [`prefix`](Self::prefix) has.
    pub const PREFIX_BOUNDS: RangeInclusive<usize> = 1..=64;

    /// Between what [`ttl`](Self::ttl) is.
    ///
    /// Redis looks for expired keys ten times a second.
    pub const TTL_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Timing::LONGEST;

    /// Between what [`grace`](Self::grace) is.
    pub const GRACE_BOUNDS: RangeInclusive<Duration> = Timing::GRACE_BOUNDS;

    const EVENTS_MAX_BOUNDS: RangeInclusive<usize> = feed::EVENTS_MAX_BOUNDS;
    const REMEMBERED_MAX_BOUNDS: RangeInclusive<usize> = tracker::REMEMBERED_MAX_BOUNDS;

    /// Creates the settings for a Redis, all others at their defaults.
    ///
    /// It is an address, of one server or of the sentinels that name one, or a [`LinkConfig`] with
    /// all that is to say about the connection. A cluster is refused.
    #[must_use]
    pub fn new(link: impl Into<LinkConfig>) -> Self {
        Self {
            link: link.into(),
            prefix: "presence".to_owned(),
            ttl: Timing::TTL_DEFAULT,
            grace: Duration::ZERO,
            notifications: Notifications::Check,
            events_max: feed::EVENTS_MAX_DEFAULT,
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

    /// Sets what every key begins with, before a colon.
    ///
    /// 1 to 64 bytes without control characters; default `presence`. That of the Go package's
    /// processes, if they have another one.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long one heartbeat keeps an id online.
    ///
    /// Whole milliseconds, 100 ms to 365 days; default 30 s. Two to three intervals of the
    /// heartbeats, so that one may be lost. The Go package's processes should have the same.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long an id stays online after its last device was lost.
    ///
    /// Whole milliseconds, 0 to 365 days; default 0, as in the Go package. Keys live for this much
    /// longer than the TTL, so the Go package's processes see the id for as long. As long as a page
    /// takes to reload or a phone to change networks.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets what to do about Redis's `notify-keyspace-events`.
    ///
    /// The default is [`Notifications::Check`]. Another one, if nobody sets Redis up for this, or
    /// if Redis permits neither to read nor to change it.
    #[must_use]
    pub fn notifications(mut self, notifications: Notifications) -> Self {
        self.notifications = notifications;
        self
    }

    /// Sets how many events this process keeps for its streams that are behind.
    ///
    /// 1 to 2^24; default 65,536, about 6 MiB, and never more than 20 MiB: where ids have more than
    /// 190 bytes on average fewer are kept. More, if subscribers stay away for longer than it takes
    /// to make so many.
    #[must_use]
    pub fn events_max(mut self, events_max: usize) -> Self {
        self.events_max = events_max;
        self
    }

    /// Sets about how many offline ids are remembered here for `last_seen`.
    ///
    /// 0 to 2^24; default 131,072. The first to leave are forgotten first. More, if `last_seen` has
    /// to be known of more ids.
    #[must_use]
    pub fn remembered_max(mut self, remembered_max: usize) -> Self {
        self.remembered_max = remembered_max;
        self
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let (kind, prefix) = (ErrorKind::Config, &self.prefix);
        within(kind, "ttl", &self.ttl, &Self::TTL_BOUNDS)?;
        Timing::new(self.ttl, self.grace)?;
        if !Self::PREFIX_BOUNDS.contains(&prefix.len()) || prefix.contains(char::is_control) {
            let (least, most) = Self::PREFIX_BOUNDS.into_inner();
            let fault = format!(
                "prefix is {prefix:?}; it must be {least} to {most} bytes without control characters"
            );
            return Err(Error::new(kind, fault));
        }
        within(kind, "events_max", &self.events_max, &Self::EVENTS_MAX_BOUNDS)?;
        within(kind, "remembered_max", &self.remembered_max, &Self::REMEMBERED_MAX_BOUNDS)
    }

    /// How long a key lives after a heartbeat.
    pub(super) fn key_ttl(&self) -> Duration {
        self.ttl + self.grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_named() {
        let config = || Config::new("redis://localhost");
        assert!(config().ttl(*Config::TTL_BOUNDS.start()).validate().is_ok());
        for (name, config) in [
            ("ttl", config().ttl(Duration::from_millis(99))),
            ("ttl", config().ttl(Duration::from_micros(900_500))),
            ("grace", config().grace(Duration::from_nanos(1))),
            ("prefix", config().prefix("")),
            ("prefix", config().prefix("x".repeat(65))),
            ("events_max", config().events_max(0)),
            ("remembered_max", config().remembered_max(Config::REMEMBERED_MAX_BOUNDS.end() + 1)),
        ] {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
