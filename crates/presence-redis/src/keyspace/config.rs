//! What can be tuned about the keyspace layout.

use std::time::Duration;

use presence_core::tracker::Timing;
use presence_core::{Error, ErrorKind};

use redis_link::LinkConfig;

/// Settings of the keyspace layout.
///
/// [`Keyspace::start`](super::Keyspace::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = presence_redis::keyspace::Config::new("redis://127.0.0.1:6379");
/// config.ttl = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How to reach Redis.
    ///
    /// It is one server, or the master that sentinels name, and not a cluster.
    pub connect: LinkConfig,
    /// What every key begins with, before a colon.
    ///
    /// 1 to 64 bytes without control characters; default `presence`.
    pub prefix: String,
    /// How long one heartbeat keeps an id online.
    ///
    /// Whole milliseconds, [`TTL_MIN`](Self::TTL_MIN) to [`Timing::TTL_MAX`]; default 30 s. Two to
    /// three intervals of the heartbeats, so that one may be lost. The Go package's processes
    /// should have the same.
    pub ttl: Duration,
    /// How long an id stays online after its last device was lost.
    ///
    /// Whole milliseconds, 0 to [`Timing::TTL_MAX`]; default 0, as in the Go package. Keys live for
    /// this much longer than the TTL, so the Go package's processes see the id for as long.
    pub grace: Duration,
    /// What to do about Redis's `notify-keyspace-events`.
    ///
    /// The default is [`Notifications::Check`].
    pub notifications: Notifications,
    /// How many events this process keeps for its streams that are behind.
    ///
    /// 1 to 2^24; default 65,536, about 6 MiB.
    pub events_max: usize,
    /// About how many offline ids this process remembers for `last_seen`.
    ///
    /// The first to leave are forgotten first. 0 to 2^24; default 131,072.
    pub remembered_max: usize,
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
    /// The shortest TTL: Redis looks for expired keys ten times a second.
    pub const TTL_MIN: Duration = Duration::from_millis(100);

    /// Creates the settings for a Redis at `url`, all others at their defaults.
    ///
    /// See [`LinkConfig`] for the forms of an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            connect: LinkConfig::new(url),
            prefix: "presence".to_owned(),
            ttl: Duration::from_secs(30),
            grace: Duration::ZERO,
            notifications: Notifications::Check,
            events_max: 65_536,
            remembered_max: 131_072,
        }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        Timing::new(self.ttl, self.grace)?;
        let Self { prefix, ttl, .. } = self;
        let fault = if *ttl < Self::TTL_MIN {
            format!("ttl is {ttl:?}; it must be at least {:?}", Self::TTL_MIN)
        } else if !(1..=64).contains(&prefix.len()) || prefix.contains(char::is_control) {
            format!("prefix is {prefix:?}; it must be 1 to 64 bytes without control characters")
        } else if !(1..=MANY).contains(&self.events_max) {
            format!("events_max is {}; it must be from 1 to {MANY}", self.events_max)
        } else if self.remembered_max > MANY {
            format!("remembered_max is {}; it must be from 0 to {MANY}", self.remembered_max)
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, fault))
    }

    /// How long a key lives after a heartbeat.
    pub(super) fn key_ttl(&self) -> Duration {
        self.ttl + self.grace
    }
}

const MANY: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_bounds_are_named() {
        let config = |change: fn(&mut Config)| {
            let mut config = Config::new("redis://localhost");
            change(&mut config);
            config.validate()
        };
        assert!(config(|config| config.ttl = Config::TTL_MIN).is_ok());
        for (name, result) in [
            ("ttl", config(|config| config.ttl = Duration::from_millis(99))),
            ("ttl", config(|config| config.ttl = Duration::from_micros(900_500))),
            ("grace", config(|config| config.grace = Duration::from_nanos(1))),
            ("prefix", config(|config| config.prefix.clear())),
            ("prefix", config(|config| config.prefix = "x".repeat(65))),
            ("events_max", config(|config| config.events_max = 0)),
            ("remembered_max", config(|config| config.remembered_max = MANY + 1)),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
