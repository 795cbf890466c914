//! What can be tuned about the leases layout.

use std::time::Duration;

use presence_core::tracker::{STRIPES, Timing};
use presence_core::{Error, ErrorKind};

use redis_link::LinkConfig;

/// Settings of the leases layout.
///
/// [`Leases::start`](super::Leases::start) checks them.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = presence_redis::leases::Config::new("redis://127.0.0.1:6379");
/// config.ttl = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How to reach Redis.
    pub connect: LinkConfig,
    /// What every key begins with.
    ///
    /// 1 to 64 bytes without `{`, `}` and control characters; default `tidings`. One for each
    /// product that shares a Redis.
    pub prefix: String,
    /// Into how many parts ids are split: 1, 2, 4, 8, 16 or 32; default 16.
    ///
    /// In a cluster each part lies on one master, so no fewer than there are masters. Every process
    /// must have the same number: the first one writes it down, others are refused. Fewer make the
    /// positions of events shorter.
    pub shards: usize,
    /// How long one heartbeat keeps an id online.
    ///
    /// Whole milliseconds, [`Timing::TTL_MIN`] to [`Timing::TTL_MAX`]; default 30 s. Two to three
    /// intervals of the heartbeats, so that one may be lost.
    pub ttl: Duration,
    /// How long an id stays online after its last device was lost or ended.
    ///
    /// Whole milliseconds, 0 to [`Timing::TTL_MAX`]; default 5 s. As long as a page takes to reload
    /// or a phone to change networks; 0 tells every loss at once.
    pub grace: Duration,
    /// How many events are kept in Redis for streams that are behind.
    ///
    /// It is the number in all shards together. 1 to 2^24; default 65,536, about 4 MiB. Each
    /// process keeps at most as many again while it has streams.
    pub events_max: usize,
    /// How many events of one room are kept in Redis for streams that are behind.
    ///
    /// Their payloads are kept with them. 1 to 2^24; default 1,024. A process keeps as many again
    /// of each room that it has streams of.
    pub room_events_max: usize,
    /// How many offline ids are remembered for `last_seen`.
    ///
    /// At least half as many of the latest to leave are. 0 to 2^24; default 131,072.
    pub remembered_max: usize,
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

    /// Creates the settings for a Redis at `url`, all others at their defaults.
    ///
    /// See [`LinkConfig`] for the forms of an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            connect: LinkConfig::new(url),
            prefix: "tidings".to_owned(),
            shards: 16,
            ttl: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            events_max: 65_536,
            room_events_max: 1_024,
            remembered_max: 131_072,
        }
    }

    pub(super) fn validate(&self) -> Result<Timing, Error> {
        let timing = Timing::new(self.ttl, self.grace)?;
        let prefix = &self.prefix;
        let forbidden = |char: char| char == '{' || char == '}' || char.is_control();
        let fault = if !(1..=64).contains(&prefix.len()) || prefix.contains(forbidden) {
            format!("prefix is {prefix:?}; it must be 1 to 64 bytes without braces and control characters")
        } else if !self.shards.is_power_of_two() || self.shards > STRIPES {
            format!("shards is {}; it must be a power of two from 1 to {STRIPES}", self.shards)
        } else if !(1..=MANY).contains(&self.events_max) {
            format!("events_max is {}; it must be from 1 to {MANY}", self.events_max)
        } else if !(1..=MANY).contains(&self.room_events_max) {
            format!("room_events_max is {}; it must be from 1 to {MANY}", self.room_events_max)
        } else if self.remembered_max > MANY {
            format!("remembered_max is {}; it must be from 0 to {MANY}", self.remembered_max)
        } else {
            return Ok(timing);
        };
        Err(Error::new(ErrorKind::Config, fault))
    }

    /// How long after its last renewal the ids of a process are let go: when the last heartbeat
    /// that it can have taken is over.
    pub(super) fn lease(&self) -> Duration {
        Self::PATIENCE + self.ttl + self.grace
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
            config.validate().map(|_| ())
        };
        assert!(config(|config| config.shards = 32).is_ok());
        for (name, result) in [
            ("ttl", config(|config| config.ttl = Duration::from_millis(9))),
            ("grace", config(|config| config.grace = Duration::from_nanos(1))),
            ("prefix", config(|config| config.prefix.clear())),
            ("prefix", config(|config| config.prefix = "a{b".to_owned())),
            ("shards", config(|config| config.shards = 0)),
            ("shards", config(|config| config.shards = 12)),
            ("shards", config(|config| config.shards = 64)),
            ("events_max", config(|config| config.events_max = 0)),
            ("room_events_max", config(|config| config.room_events_max = 0)),
            ("remembered_max", config(|config| config.remembered_max = MANY + 1)),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().starts_with(name), "{error}");
        }
    }
}
